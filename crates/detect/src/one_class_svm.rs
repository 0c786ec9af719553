//! One-class support vector machine: outside the boundary that holds most rows.
//!
//! # Idea
//! Rows are mapped by a kernel into a space where the normal ones lie on one side of a plane, as far from the origin
//! as possible. A share of the training rows may stay on the wrong side. What is needed of the plane are the rows on
//! it and beyond it, the support vectors; with the default kernel the score compares a row with them: is it as much
//! like them as rows on the boundary are?
//!
//! # Equations
//! With `n` reference rows and `k` the kernel (the dual problem of the paper, with weights multiplied by `nu n`):
//! `min_a 1/2 sum_ij a_i a_j k(x_i, x_j)` with `0 <= a_i <= 1` and `sum_i a_i = nu n`, and
//! `s(x) = r - sum_i a_i k(x_i, x)`, where `r` is the sum at rows with `0 < a_i < 1`, which lie on the boundary.
//!
//! # Score
//! 0 on the boundary, above it outside, in sums of kernels; the negated `decision_function` of scikit-learn. At most
//! `r` with the default kernel: two rows that are far from everything score alike. It grows with the number of
//! reference rows.
//!
//! # Complexity
//! Fit O(n^2 d) in time, as a rule most of it for the first gradients, which take `nu n^2` kernels. Memory O(n d), and
//! up to 200 MB for kernels. A score takes O(v d) for `v` support vectors, at least `nu n`.
//!
//! # Use when / Avoid when
//! Where normal rows fill a region of any shape. Avoid where anomalies are known to be a small share that lies far
//! out: neighbours find these more cheaply. For many rows without a sample, see `linear_one_class_svm`.
//!
//! # Differences
//! - `max_reference` keeps a random sample of the training rows, by default 20,000, since time grows with the square
//!   of their number; all rows are scored. A boundary from a sample is rougher, in the way of a smaller data set.
//!   Without it the fit is the whole problem.
//! - Kernels are held in f32 while solving, as in libsvm; scores are summed in f64.
//! - The first weights lie on the rows that are least like a sample of 256 rows. libsvm begins with the first rows;
//!   the minimum is the same.
//! - One width for all columns, and the default `gamma`, suppose columns of deviation about 1, which the table encoder
//!   gives; `standardize` divides raw columns by their deviations. They are not centred, which would put the origin of
//!   the kernels of products in the middle of the data.
//! - Dropped are the optional weights of rows.
//!
//! # References
//! - Schoelkopf, Platt, Shawe-Taylor, Smola, Williamson 2001, Estimating the support of a high-dimensional
//!   distribution, Neural Computation 13(7). doi:10.1162/089976601750264965
//! - Fan, Chen, Lin 2005, Working set selection using second order information for training support vector machines,
//!   JMLR 6.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::OneClassSvm;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [0.1], [0.2], [0.3], [3.0]]);
//! let (_, scores) = OneClassSvm::default().fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[4] > 0.2 && scores[..4].iter().all(|&s| s < 0.01), "{scores:?}");
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
use crate::support_vectors::{Choice, GammaRule, KernelKind, SupportVectors, Units};

/// How many rows may stay outside, and what makes rows alike.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OneClassSvm {
    /// The largest share of training rows outside the boundary, and the least share of support vectors.
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
    /// How far rows on the boundary may differ in their sums of kernels.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub tolerance: f64,
    /// Divides each column by its standard deviation first, so that units do not matter.
    pub standardize: bool,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

impl Default for OneClassSvm {
    /// The defaults of PyOD, and a bound on the rows.
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

/// The support vectors and the boundary.
pub struct OneClassSvmModel {
    support: SupportVectors,
    /// The sum of kernels on the boundary.
    level: f64,
}

impl Params for OneClassSvm {}

impl Detector for OneClassSvm {
    const CARD: Card = Card {
        id: "one_class_svm",
        title: "One-class support vector machine",
        summary: "Rows outside the boundary, drawn by a kernel, that holds most rows.",
        paper: "Schoelkopf et al. 2001, Neural Computation 13(7). doi:10.1162/089976601750264965",
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
    type Model = OneClassSvmModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<OneClassSvmModel> {
        let values = train.features().values.view();
        let sample = reference_rows(train.n_parts(), self.max_reference, run);
        let sample = sample.map(|rows| values.select(Axis(0), &rows));
        let rows = sample.as_ref().map_or(values, |rows| rows.view());
        let units = Units::of(rows, self.standardize);
        let rows = units.apply(rows);
        let rows = rows.view();
        let kernel = self.choice().kernel(rows);
        let total = self.nu * rows.nrows() as f64;
        let problem = Problem { rows, kernel, linear: None, total, tolerance: self.tolerance };
        let solution = solve(problem, run)?;
        let support = SupportVectors::new(kernel, units, rows, &solution.weights);
        Ok(OneClassSvmModel { support, level: solution.level })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let mut estimate = solve_estimate(n, shape.n_values, self.nu);
        // Rows are divided by deviations in a copy.
        estimate.bytes += 4 * (shape.n_parts * shape.n_values) as u64;
        estimate
    }
}

impl OneClassSvm {
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

impl Model for OneClassSvmModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let sums = self.support.sums(rows.features().values.view(), run)?;
        Ok(sums.into_iter().map(|sum| finite(self.level - sum)).collect())
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.support.save(out);
        out.put_list("level", &[self.level]);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let level = from.list_of("level", 1)?[0];
        if !f64::is_finite(level) {
            return Err(Error::model("the boundary is not finite"));
        }
        Ok(Self { support: SupportVectors::load(from, shape.n_values)?, level })
    }
}

impl Attribute for OneClassSvmModel {
    /// Kernels of distances: squared differences to the support vectors by column, weighted by what each contributes
    /// to the score. Kernels of products: each column's part of the change of the score with the length of the row,
    /// for `linear` of the score itself up to the boundary.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        self.support.shares(rows, run)
    }
}

#[cfg(test)]
pub(crate) mod tests;
