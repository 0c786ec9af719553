//! Mahalanobis distance: distance from the mean in units of the covariance.
//!
//! # Idea
//! A row is odd if it lies far from the mean compared with how far rows usually lie in that direction. With few rows
//! the covariance is uncertain in its narrow directions; shrinking it towards a ball keeps those from ruling the score.
//!
//! # Equations
//! `s(x) = (x - m)' S^-1 (x - m)` with the mean `m` and `S = (1 - a) C + a v I`, where `C` is the covariance of all
//! rows (divided by their number `n`), `v = trace(C) / d` its mean variance and `a` the shrinkage:
//! - `none`: `a = 0`.
//! - `ledoit_wolf`: `a = min(b / e, 1)` with `e = |C|^2 / d - v^2` and `b = (sum_i |x_i - m|^4 / n - |C|^2) / (n d)`.
//! - `oas` (oracle approximating): `a = min((q + v^2) / ((n + 1) (q - v^2 / d)), 1)` with `q = |C|^2 / d^2`.
//!
//! `|C|^2` is the sum of the squared entries. One column is not shrunk.
//!
//! # Score
//! Squared distances, 0 and up; about chi-squared of `d` degrees of freedom for rows of a normal distribution.
//!
//! # Complexity
//! Fit O(n d^2 + d^3), score O(d^2) per row, memory O(d^2). Up to 4,096 columns.
//!
//! # Use when / Avoid when
//! Where rows form one cloud, and few of them are anomalies. With many anomalies, which draw mean and covariance to
//! themselves, choose mcd; with several clouds gaussian_mixture.
//!
//! # Differences
//! - Columns are first divided by their standard deviation (`standardize`), so that shrinkage does not depend on units.
//! - A singular covariance: the variance norm is infinite for rows off the span of the training rows (Shao, Lyons and
//!   others). Here it is regularised: no direction counts as having less variance than `min_variance` times the largest
//!   eigenvalue of `S`, so the part of a row off the span adds its squared length over that. The norm is the limit of
//!   `min_variance` to 0. Shrinkage leaves no such directions unless `a` is near 0.
//!
//! # References
//! - Mahalanobis 1936, On the generalised distance in statistics, Proc. National Institute of Sciences of India 2(1).
//! - Ledoit, Wolf 2004, A well-conditioned estimator for large-dimensional covariance matrices, J. Multivariate
//!   Analysis 88(2). doi:10.1016/S0047-259X(03)00096-4
//! - Chen, Wiesel, Eldar, Hero 2010, Shrinkage algorithms for MMSE covariance estimation, IEEE Transactions on Signal
//!   Processing 58(10). doi:10.1109/TSP.2010.2053029
//! - Shao, Lyons, and others 2020, Dimensionless anomaly detection on multivariate streams with variance norm and path
//!   signature. arXiv:2006.03487
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Mahalanobis;
//! // The last row is within the range of both columns, but breaks their relation.
//! let cell = |(i, j): (usize, usize)| if i == 10 { [3., 7.][j] } else { i as f32 + 0.1 * j as f32 };
//! let rows = Features::rows(ndarray::Array2::from_shape_fn((11, 2), cell));
//! let (_, scores) = Mahalanobis::default().fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[..10].iter().all(|&s| s < scores[10]));
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result,
    Run, Shape,
};
use anomalyst_kernels::linalg::{column_means, scatter};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::quadratic::{QuadraticModel, column_scale};

/// The most columns; covariances of this size take some 130 MB each.
const MAX_COLUMNS: usize = 4096;
/// Rows per partial sum.
const BLOCK: usize = 8192;

/// How the covariance is shrunk and kept from being singular.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mahalanobis {
    /// How much of a ball is mixed into the covariance.
    pub shrinkage: Shrinkage,
    /// The least variance that a direction counts as having, as a share of the largest.
    #[schemars(range(min = 1e-12, max = 1.0))]
    pub min_variance: f64,
    /// Divides each column by its standard deviation first, so that units do not matter.
    pub standardize: bool,
}

/// How much of a ball is mixed into the covariance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shrinkage {
    /// Nothing.
    None,
    /// What is best for any distribution as rows and columns grow together.
    #[default]
    LedoitWolf,
    /// What is best for rows of a normal distribution.
    Oas,
}

impl Default for Mahalanobis {
    fn default() -> Self {
        Self { shrinkage: Shrinkage::LedoitWolf, min_variance: 1e-6, standardize: true }
    }
}

impl Params for Mahalanobis {}

impl Detector for Mahalanobis {
    const CARD: Card = Card {
        id: "mahalanobis",
        title: "Mahalanobis distance",
        summary: "Rows far from the mean, in units of the (shrunk) covariance.",
        paper: "Mahalanobis 1936; Ledoit, Wolf 2004. doi:10.1016/S0047-259X(03)00096-4",
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
    type Model = QuadraticModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<QuadraticModel> {
        let values = train.features().values.view();
        let (n, d) = values.dim();
        if d > MAX_COLUMNS {
            return Err(Error::Budget {
                what: "mahalanobis".into(),
                need: format!("covariances of {d} columns"),
                limit: format!("{MAX_COLUMNS} columns"),
                hint: "choose pca, or leave columns out".into(),
            });
        }
        let stage = run.stage("covariance", 1);
        let mean = column_means(values);
        let scale = if self.standardize { column_scale(values) } else { vec![1.0; d] };
        let mut covariance = scatter(values, &mean, None, run)?;
        covariance.indexed_iter_mut().for_each(|((i, j), v)| *v *= scale[i] * scale[j] / n.max(1) as f64);
        let ball = covariance.diag().sum() / d.max(1) as f64;
        let share = match self.shrinkage {
            Shrinkage::LedoitWolf if d > 1 => {
                ledoit_wolf(&covariance, fourth_moment(values, &mean, &scale), n)
            }
            Shrinkage::Oas if d > 1 => oas(&covariance, n),
            _ => 0.0,
        };
        covariance *= 1.0 - share;
        covariance.diag_mut().iter_mut().for_each(|v| *v += share * ball);
        stage.advance(1);
        QuadraticModel::mahalanobis(mean, scale, &covariance, self.min_variance)
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        Estimate {
            bytes: (8.0 * 40.0 * d * d + 4.0 * n) as u64,
            fit_nanos: n * d * (4.0 + 0.15 * d) + 10.0 * d * d * d,
            score_nanos_per_row: 20.0 + d * (2.0 + 0.15 * d),
        }
    }
}

/// The mean of the fourth powers of the scaled rows' distances from the mean.
fn fourth_moment(values: ArrayView2<'_, f32>, mean: &[f64], scale: &[f64]) -> f64 {
    let square = |row: ndarray::ArrayView1<'_, f32>| -> f64 {
        row.iter().zip(mean).zip(scale).map(|((&v, m), s)| ((f64::from(v) - m) * s).powi(2)).sum()
    };
    let blocks = values.axis_chunks_iter(Axis(0), BLOCK).into_par_iter();
    let sums: Vec<f64> =
        blocks.map(|block| block.rows().into_iter().map(|row| square(row).powi(2)).sum()).collect();
    sums.iter().sum::<f64>() / values.nrows().max(1) as f64
}

/// The share of Ledoit and Wolf 2004.
fn ledoit_wolf(covariance: &Array2<f64>, fourth_moment: f64, n: usize) -> f64 {
    let d = covariance.nrows() as f64;
    let ball = covariance.diag().sum() / d;
    let squares = covariance.iter().map(|v| v * v).sum::<f64>();
    let distance = squares / d - ball * ball;
    let error = ((fourth_moment - squares) / (n as f64 * d)).max(0.0);
    // A covariance that is a ball already stays what it is.
    if error < distance { error / distance } else { f64::from(u8::from(error > 0.0)) }
}

/// The share of Chen et al. 2010 (equation 23) in the form of scikit-learn, which leaves out terms of order 1 / d.
fn oas(covariance: &Array2<f64>, n: usize) -> f64 {
    let d = covariance.nrows() as f64;
    let ball = covariance.diag().sum() / d;
    let mean_square = covariance.iter().map(|v| v * v).sum::<f64>() / (d * d);
    let divisor = (n as f64 + 1.0) * (mean_square - ball * ball / d);
    let share = (mean_square + ball * ball) / divisor;
    if divisor > 0.0 { share.min(1.0) } else { 1.0 }
}
