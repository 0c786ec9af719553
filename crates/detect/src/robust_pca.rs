//! Robust principal components: what is left of a row when a low-rank part is taken away.
//!
//! # Idea
//! Related columns make a table nearly one of low rank; wild values are few, but may be of any size and bend ordinary
//! principal components. Principal component pursuit splits the table into a part of low rank and a part of few
//! entries at once, so that neither spoils the other. A row is odd by what it has in the second part.
//!
//! # Equations
//! With `M` the centred and scaled training rows: `min |L|_* + lambda |S|_1` with `L + S = M`, where `|L|_*` is the sum
//! of singular values and `lambda = lambda_factor / sqrt(max(n, d))` (Candes, Li, Ma, Wright, equation 1.1 and section
//! 1.4), by alternating directions (their algorithm 1, with relaxation and steps that adapt).
//!
//! With `v_k` the right singular vectors of `L` and `l_k` its singular values, a row `z` is split in the same way:
//! `min_a sum_k a_k^2 / (2 l_k) + lambda |z - sum_k a_k v_k|_1`, and `s(x) = |z - sum_k a_k v_k|_1`.
//!
//! Since `|L|_* = min (|A|^2 + |B|^2) / 2` over `A B = L`, this is the pursuit with one factor held fast: a training
//! row gets its own row of `S` again. It is the step for one row of the on-line robust PCA of Feng, Xu and Yan with its
//! remainder held at 0; without the first term, it would be the least absolute deviation of GRASTA (He, Balzano,
//! Szlam). Solved in its dual, `max y'z - sum_k l_k (v_k'y)^2 / 2` with `|y_j| <= lambda`, one `y_j` after the other,
//! until the duality gap `sum_j (lambda |s_j| - y_j s_j)` is below 1e-6 of `lambda |z|_1`.
//!
//! # Score
//! The sum of a row's sparse residuals, in robust deviations of the columns; 0 and up. The shares of columns are their
//! own residuals and sum to the score. A constant column counts in units of its own size.
//!
//! # Complexity
//! Fit O(t r (n d + r^2)) for `n` rows of the sample, `r` the smaller of `n` and `d` and `t` iterations, some 50 to
//! `max_iter`; score O(q d) per row and sweep for rank `q`, some ten sweeps. Memory 20 n d bytes for the sample: 4 MB
//! for 10,000 rows of 20 columns, whatever the number of rows.
//!
//! # Use when / Avoid when
//! Where columns are related by a few hidden ones, and anomalies are wild in a few columns. Avoid few columns or
//! unrelated ones: little is of low rank then, and scores come near to sums of z-scores.
//!
//! # Differences
//! - Columns are first centred by their medians and divided by their robust deviations (`standardize`), so that units
//!   do not matter; the paper takes the matrix as it is.
//! - `max_reference` keeps a random sample of the training rows, by default 10,000; the split of these gives the
//!   low-rank part, and all rows are scored by it. Without a sample, training rows are ranked by their own rows of the
//!   split.
//! - The default tolerance is 1e-5 where the paper has 1e-7, and iterations end at `max_iter`: a real table is not
//!   exactly of low rank, and scores then no longer move.
//!
//! # References
//! - Candes, Li, Ma, Wright 2011, Robust principal component analysis?, J. ACM 58(3). doi:10.1145/1970392.1970395
//! - Feng, Xu, Yan 2013, Online robust PCA via stochastic optimization, NeurIPS 26.
//! - He, Balzano, Szlam 2012, Incremental gradient on the Grassmannian for online foreground and background separation
//!   in subsampled video, CVPR. doi:10.1109/CVPR.2012.6247848
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::RobustPca;
//! // Four columns that all follow one, but for one value.
//! let mut rows = ndarray::Array2::from_shape_fn((60, 4), |(i, j)| ((i * 7 % 13) * (j + 1)) as f32);
//! rows[[20, 1]] += 9.0;
//! let (_, scores) = RobustPca::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
//! let oddest = (0..60).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
//! assert_eq!(oddest, Some(20));
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::kernel_matrix::product;
use anomalyst_kernels::linalg::{MAX_AXES, PursuitLimits, principal_component_pursuit};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::k_nearest_neighbors::reference_rows;
use crate::median_absolute_deviation::robust_units;
use crate::quadratic::finite;

/// Rows that are scored at a time.
const ROWS: usize = 64;
/// The duality gap at which a row is split well enough, as a share of what it costs to have no low-rank part.
const GAP: f64 = 1e-6;
/// The most sweeps over the columns of a row.
const MAX_SWEEPS: usize = 1000;

/// What counts as sparse, and how exactly the table is split.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RobustPca {
    /// What the paper's weight of the sparse part is multiplied by. More moves rows into the low-rank part.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub lambda_factor: f64,
    /// How far both parts together may be from the table, as a share of its size.
    #[schemars(range(min = 1e-12, max = 0.1))]
    pub tolerance: f64,
    /// Most iterations.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_iter: usize,
    /// Divides each column by its robust deviation first, so that units do not matter.
    pub standardize: bool,
    /// Training rows that are split, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

impl Default for RobustPca {
    fn default() -> Self {
        Self {
            lambda_factor: 1.0,
            tolerance: 1e-5,
            max_iter: 1000,
            standardize: true,
            max_reference: Some(10_000),
        }
    }
}

/// The low-rank part, by its right singular vectors and values.
pub struct RobustPcaModel {
    center: Vec<f64>,
    /// What each centred column is multiplied by.
    scale: Vec<f64>,
    /// The entries of all singular vectors in one column of the table, per row.
    loadings: Array2<f64>,
    singular: Vec<f64>,
    lambda: f64,
}

impl Params for RobustPca {}

impl Detector for RobustPca {
    const CARD: Card = Card {
        id: "robust_pca",
        title: "Robust PCA (principal component pursuit)",
        summary: "Rows with values that a low-rank part of the table does not explain.",
        paper: "Candes, Li, Ma, Wright 2011, J. ACM 58(3). doi:10.1145/1970392.1970395",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = RobustPcaModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<RobustPcaModel> {
        Ok(self.split(train, run)?.0)
    }

    /// Training rows that were all split have their own rows of the sparse part.
    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(RobustPcaModel, Vec<f32>)> {
        let (model, sparse) = self.split(train, run)?;
        let size = |row: ndarray::ArrayView1<'_, f64>| finite(row.iter().map(|v| v.abs()).sum());
        let scores = match sparse {
            Some(sparse) => sparse.rows().into_iter().map(size).collect(),
            None => model.score(train, run)?,
        };
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = shape.n_parts.min(self.n_reference((shape.n_parts, shape.n_values))) as f64;
        let d = shape.n_values as f64;
        let r = n.min(d);
        let n_iter = (self.max_iter as f64).min(120.0);
        Estimate {
            bytes: (20.0 * n * d + 60.0 * r * r) as u64 + 4 * shape.n_parts as u64,
            fit_nanos: n_iter * (n * d * (4.0 + 0.2 * r) + 5.0 * r * r * r),
            score_nanos_per_row: 100.0 + 20.0 * d * (10.0 + r),
        }
    }
}

impl RobustPca {
    /// The model, and the sparse part of all rows, unless it is that of a sample or not settled yet.
    fn split(&self, train: Checked<'_>, run: &Run) -> Result<(RobustPcaModel, Option<Array2<f64>>)> {
        let values = train.features().values.view();
        let sample = reference_rows(train.n_parts(), Some(self.n_reference(values.dim())), run);
        let sample = sample.map(|rows| values.select(Axis(0), &rows));
        let rows = sample.as_ref().map_or(values, |rows| rows.view());
        let (center, mut scale) = robust_units(rows, run)?;
        if !self.standardize {
            scale.fill(1.0);
        }
        let (n, d) = rows.dim();
        let matrix = Array2::from_shape_fn((n, d), |(i, j)| (f64::from(rows[[i, j]]) - center[j]) * scale[j]);
        let lambda = self.lambda_factor / (n.max(d) as f64).sqrt();
        let limits = PursuitLimits { tolerance: self.tolerance, max_iter: self.max_iter };
        let stage = run.stage("principal component pursuit", 1);
        let found = principal_component_pursuit(matrix, lambda, limits, run)?;
        stage.advance(1);
        let loadings = found.axes.t().as_standard_layout().into_owned();
        let model = RobustPcaModel { center, scale, loadings, singular: found.singular, lambda };
        Ok((model, (found.is_converged && sample.is_none()).then_some(found.sparse)))
    }

    /// How many rows are split at most; an eigen decomposition needs the smaller side to be of bounded size.
    fn n_reference(&self, (n, d): (usize, usize)) -> usize {
        let most = self.max_reference.unwrap_or(n);
        if d > MAX_AXES { most.min(MAX_AXES) } else { most }
    }
}

/// What splitting one row needs.
struct Split<'a> {
    model: &'a RobustPcaModel,
    /// What each column has in `sum_k l_k v_k v_k'`.
    weights: &'a [f64],
    z: Vec<f64>,
    dual: Vec<f64>,
    /// `a`, which is `l_k v_k'y`.
    inner: Vec<f64>,
    sparse: Vec<f64>,
}

impl<'a> Split<'a> {
    fn new(model: &'a RobustPcaModel, weights: &'a [f64]) -> Self {
        let (d, k) = model.loadings.dim();
        let (z, dual, inner, sparse) = (vec![0.0; d], vec![0.0; d], vec![0.0; k], vec![0.0; d]);
        Self { model, weights, z, dual, inner, sparse }
    }

    /// The sparse part of a row.
    fn of(&mut self, row: ndarray::ArrayView1<'_, f32>) -> &[f64] {
        let units = self.model.center.iter().zip(&self.model.scale);
        self.z.iter_mut().zip(row.iter().zip(units)).for_each(|(z, (&v, (center, scale)))| {
            *z = (f64::from(v) - center) * scale;
        });
        self.dual.fill(0.0);
        self.inner.fill(0.0);
        self.sparse.copy_from_slice(&self.z);
        let limit = GAP * self.model.lambda * self.z.iter().map(|v| v.abs()).sum::<f64>();
        for _ in 0..MAX_SWEEPS {
            self.sweep();
            self.residual();
            let of_column = |(s, y): (&f64, &f64)| self.model.lambda * s.abs() - y * s;
            let gap: f64 = self.sparse.iter().zip(&self.dual).map(of_column).sum();
            // NaN is what a damaged model may give.
            if gap <= limit || gap.is_nan() {
                break;
            }
        }
        &self.sparse
    }

    fn sweep(&mut self) {
        let loadings = self.model.loadings.as_slice().unwrap_or_default();
        let (k, lambda) = (self.inner.len(), self.model.lambda);
        for j in 0..self.z.len() {
            let column = &loadings[j * k..(j + 1) * k];
            let sparse = self.z[j] - product(column, &self.inner);
            let before = self.dual[j];
            let after = if self.weights[j] > 0.0 {
                (before + sparse / self.weights[j]).clamp(-lambda, lambda)
            } else if sparse == 0.0 {
                0.0
            } else {
                lambda.copysign(sparse)
            };
            if after != before {
                self.dual[j] = after;
                for ((inner, v), l) in self.inner.iter_mut().zip(column).zip(&self.model.singular) {
                    *inner += (after - before) * l * v;
                }
            }
        }
    }

    fn residual(&mut self) {
        let loadings = self.model.loadings.as_slice().unwrap_or_default();
        let k = self.inner.len();
        for (j, (sparse, z)) in self.sparse.iter_mut().zip(&self.z).enumerate() {
            *sparse = z - product(&loadings[j * k..(j + 1) * k], &self.inner);
        }
    }
}

impl RobustPcaModel {
    /// What `finish` makes of each row's sparse part.
    fn map<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        finish: impl Fn(&[f64]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let weight = |column: ndarray::ArrayView1<'_, f64>| {
            column.iter().zip(&self.singular).map(|(v, l)| l * v * v).sum::<f64>()
        };
        let weights: Vec<f64> = self.loadings.rows().into_iter().map(weight).collect();
        let blocks: Vec<_> = rows.features().values.axis_chunks_iter(Axis(0), ROWS).collect();
        let made: Result<Vec<Vec<T>>> = blocks
            .into_par_iter()
            .map_init(
                || Split::new(self, &weights),
                |split, block| {
                    run.check()?;
                    Ok(block.rows().into_iter().map(|row| finish(split.of(row))).collect())
                },
            )
            .collect();
        Ok(made?.into_iter().flatten().collect())
    }
}

impl Model for RobustPcaModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.map(rows, run, |sparse| finite(sparse.iter().map(|v| v.abs()).sum()))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("center", &self.center);
        out.put_list("scale", &self.scale);
        out.put_matrix("loadings", &self.loadings);
        out.put_list("singular", &self.singular);
        out.put_list("lambda", &[self.lambda]);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let loadings: Array2<f64> = from.matrix("loadings")?;
        let model = Self {
            center: from.list_of("center", shape.n_values)?,
            scale: from.list_of("scale", shape.n_values)?,
            singular: from.list_of("singular", loadings.ncols())?,
            lambda: from.list_of("lambda", 1)?[0],
            loadings,
        };
        let numbers = model.center.iter().chain(&model.scale).chain(&model.singular).chain(&model.loadings);
        if model.loadings.nrows() != shape.n_values || numbers.chain([&model.lambda]).any(|v| !v.is_finite())
        {
            return Err(Error::model("the low-rank part is not finite or has another width than the model"));
        }
        if model.lambda <= 0.0 || model.singular.iter().any(|v| *v <= 0.0) {
            return Err(Error::model("the weight of the sparse part and singular values must be above 0"));
        }
        Ok(model)
    }
}

impl Attribute for RobustPcaModel {
    /// The sizes of a row's sparse residuals; they sum to the score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let shares =
            self.map(rows, run, |sparse| sparse.iter().map(|v| finite(v.abs())).collect::<Vec<f32>>())?;
        let values = Array2::from_shape_vec(rows.values.dim(), shares.concat())
            .map_err(|e| Error::Data(e.to_string()))?;
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
