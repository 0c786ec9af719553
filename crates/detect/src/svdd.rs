//! Support vector data description: outside the smallest ball that holds most rows.
//!
//! # Idea
//! Around the rows, seen through a kernel, the smallest ball is drawn; a share of them may stay outside. A row is odd
//! by how far it lies beyond the surface. The centre is a weighted mean of the rows on the surface and outside, the
//! support vectors.
//!
//! # Equations
//! With `n` reference rows and `k` the kernel (the dual problem of the paper with `C = 1 / (nu n)`; the weights are
//! multiplied by `S = nu n` while solving):
//! `max_a sum_i a_i k(x_i, x_i) - sum_ij a_i a_j k(x_i, x_j)` with `0 <= a_i <= 1 / S` and `sum_i a_i = 1`, and
//! `s(x) = |x - c|^2 - R^2 = k(x, x) - 2 sum_i a_i k(x_i, x) - b`, where `b` is what the first two terms are at rows
//! with `0 < a_i < 1 / S`, which lie on the surface.
//!
//! # Score
//! A squared distance beyond the surface, in the space of the kernel; 0 on it, below 0 inside. With `rbf` all rows
//! have length 1 there, and scores are those of `one_class_svm` times `2 / (nu n)`; with `linear` they are squared
//! units of the features, or of their deviations where `standardize` is on.
//!
//! # Complexity
//! As `one_class_svm`: fit O(n^2 d), memory O(n d) and up to 200 MB, a score O(v d) for `v` support vectors.
//!
//! # Use when / Avoid when
//! With `linear` where normal rows form one round cloud, with `rbf` where they fill a region of any shape. Avoid
//! `polynomial` where rows differ in length: it stretches the ball along them, as the paper says.
//!
//! # Differences
//! - The price of a row outside is given as the share `nu` of rows that may be there, as in `one_class_svm`.
//! - Columns are taken as they are, unless `standardize` divides them by their deviations.
//! - Training rows known to be anomalous are not used.
//! - `max_reference` keeps a random sample of the training rows, as in `one_class_svm`.
//!
//! # References
//! - Tax, Duin 2004, Support vector data description, Machine Learning 54(1).
//!   doi:10.1023/B:MACH.0000008084.60811.49
//! - Fan, Chen, Lin 2005, Working set selection using second order information for training support vector machines,
//!   JMLR 6.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Svdd;
//! // The ball with the ends of the line on its surface: centre 2, radius 2.
//! let ball: Svdd = serde_json::from_str(r#"{"kernel": "linear", "nu": 0.3, "standardize": false}"#).unwrap();
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [2.0], [4.0]]);
//! let fitted = ball.fit_on(&rows, &Run::new(0)).unwrap();
//! let scores = fitted.score(&Features::rows(ndarray::array![[2.0_f32], [5.0]]), &Run::new(0)).unwrap();
//! assert!((scores[0] + 4.0).abs() < 0.01 && (scores[1] - 5.0).abs() < 0.01);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::smo::{Problem, solve, solve_estimate};
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use crate::k_nearest_neighbors::reference_rows;
use crate::quadratic::finite;
use crate::support_vectors::{Choice, GammaRule, KernelKind, SupportVectors, Units, slope};

/// How many rows may stay outside, and the space that the ball is drawn in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Svdd {
    /// The largest share of training rows outside the ball, and the least share of support vectors.
    #[schemars(range(min = 1e-6, max = 1.0))]
    pub nu: f64,
    /// What makes rows alike.
    pub kernel: KernelKind,
    /// The reciprocal of the squared width of `rbf`, the factor of the product in `polynomial` and `sigmoid`. Left
    /// out, it follows from the data by `gamma_rule`.
    #[schemars(range(min = 1e-12, max = 1e12))]
    pub gamma: Option<f64>,
    /// How `gamma` follows from the data where it is not given.
    pub gamma_rule: GammaRule,
    /// The power of `polynomial`.
    #[schemars(range(min = 1, max = 10))]
    pub degree: u32,
    /// What `polynomial` and `sigmoid` add to the product.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub coef0: f64,
    /// How far rows on the surface may differ in their sums of kernels, whose weights sum to `nu n`.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub tolerance: f64,
    /// Divides each column by its standard deviation first, so that units do not matter.
    pub standardize: bool,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

impl Default for Svdd {
    /// Those of `one_class_svm`, as whose ranking `rbf` gives; other kernels differ.
    fn default() -> Self {
        Self {
            nu: 0.5,
            kernel: KernelKind::Rbf,
            gamma: None,
            gamma_rule: GammaRule::Auto,
            degree: 3,
            coef0: 0.0,
            tolerance: 1e-3,
            standardize: false,
            max_reference: Some(20_000),
        }
    }
}

/// The support vectors, whose weights sum to 1, and the ball.
pub struct SvddModel {
    support: SupportVectors,
    /// `k(x, x) - 2 sum_i a_i k(x_i, x)` on the surface.
    surface: f64,
}

impl Params for Svdd {}

impl Detector for Svdd {
    const CARD: Card = Card {
        id: "svdd",
        title: "Support vector data description",
        summary: "Rows outside the smallest ball, in the space of a kernel, that holds most rows.",
        paper: "Tax and Duin 2004, Machine Learning 54(1). doi:10.1023/B:MACH.0000008084.60811.49",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 1,
        control: false,
    };
    type Model = SvddModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<SvddModel> {
        let values = train.features().values.view();
        let sample = reference_rows(train.n_parts(), self.max_reference, run);
        let sample = sample.map(|rows| values.select(Axis(0), &rows));
        let rows = sample.as_ref().map_or(values, |rows| rows.view());
        let units = Units::of(rows, self.standardize);
        let rows = units.apply(rows);
        let rows = rows.view();
        let kernel = self.choice().kernel(rows);
        let total = self.nu * rows.nrows() as f64;
        // The dual problem, divided by -2 and with weights multiplied by S.
        let linear: Vec<f64> =
            kernel.of_each_with_itself(rows).into_iter().map(|k| -k * total / 2.0).collect();
        let problem = Problem { rows, kernel, linear: Some(&linear), total, tolerance: self.tolerance };
        let solution = solve(problem, run)?;
        let weights: Vec<f64> = solution.weights.iter().map(|w| w / total).collect();
        // On the surface `S sum_i a_i k(x_i, x) - k(x, x) S / 2` is the level.
        Ok(SvddModel {
            support: SupportVectors::new(kernel, units, rows, &weights),
            surface: -2.0 * solution.level / total,
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let mut estimate = solve_estimate(n, shape.n_values, self.nu);
        // Rows are divided by deviations in a copy.
        estimate.bytes += 4 * (shape.n_parts * shape.n_values) as u64;
        estimate
    }
}

impl Svdd {
    fn choice(&self) -> Choice {
        Choice {
            kind: self.kernel,
            gamma: self.gamma,
            rule: self.gamma_rule,
            degree: self.degree,
            coef0: self.coef0,
        }
    }
}

impl Model for SvddModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.view();
        let sums = self.support.sums(values, run)?;
        let own = self.support.kernel.of_each_with_itself(self.support.units.apply(values).view());
        Ok(own.into_iter().zip(sums).map(|(own, sum)| finite(own - 2.0 * sum - self.surface)).collect())
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.support.save(out);
        out.put_list("surface", &[self.surface]);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let surface = from.list_of("surface", 1)?[0];
        if !f64::is_finite(surface) {
            return Err(Error::model("the surface of the ball is not finite"));
        }
        Ok(Self { support: SupportVectors::load(from, shape.n_values)?, surface })
    }
}

impl Attribute for SvddModel {
    /// Kernels of distances: squared differences to the support vectors by column, as for `one_class_svm`. Kernels of
    /// products: each column's part of the change of the score with the length of the row, half of it for the row's
    /// own kernel; for `linear` the parts of the score up to a constant.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let mut shares = self.support.shares(rows, run)?;
        let kernel = self.support.kernel;
        if !kernel.is_radial() {
            let scaled = self.support.units.apply(rows.features().values.view());
            for (mut shares, row) in shares.values.rows_mut().into_iter().zip(scaled.rows()) {
                let own = slope(kernel, row.iter().map(|&v| f64::from(v).powi(2)).sum());
                for (share, &v) in shares.iter_mut().zip(row) {
                    *share = finite(own * f64::from(v).powi(2) + 2.0 * f64::from(*share));
                }
            }
        }
        Ok(shares)
    }
}

#[cfg(test)]
mod tests;
