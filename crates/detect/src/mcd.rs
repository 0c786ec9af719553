//! Minimum covariance determinant: distance from the tightest half of the rows.
//!
//! # Idea
//! Mean and covariance of all rows are drawn towards the anomalies, which then hide. So take those of the half of the
//! rows that lies in the smallest ellipsoid: as long as the anomalies are fewer than half, they cannot bend it.
//!
//! # Equations
//! Of all subsets of `h` rows, the one whose covariance has the smallest determinant gives the raw mean and
//! covariance. It is searched by C-steps: take the `h` rows nearest by the distance of the present mean and covariance,
//! compute theirs, repeat; the determinant never grows (Rousseeuw and Van Driessen, theorem 1).
//! - Consistency: the covariance is multiplied by `a / P(X_(d+2) <= q)` with `a = h / n`, `q` the `a` quantile of the
//!   chi-squared distribution of `d` degrees of freedom and `X_(d+2)` of that distribution of `d + 2` (Croux and
//!   Haesbroeck 1999).
//! - Reweighting: mean `m` and covariance `S` of all rows whose squared raw distance is below the 0.975 quantile of
//!   the chi-squared distribution, with the consistency factor of `a = 0.975`.
//! - Score: `s(x) = (x - m)' S^-1 (x - m)`.
//!
//! # Score
//! Squared distances, 0 and up; about chi-squared of `d` degrees of freedom for rows of a normal distribution. No
//! variance counts as smaller than 1e-6 of the largest (columns in units of their robust scale), so rows beside a flat
//! that all kept rows share score high, but finite.
//!
//! # Complexity
//! Fit O(s n d^2) for s C-steps, some ten to thirty, on at most max(1,500, 25 (d + 1)) rows for each start, and then on
//! all rows from the best; score O(d^2) per row, memory O(n + d^2) beside the rows. Up to 4,096 columns.
//!
//! # Use when / Avoid when
//! Where rows form one cloud and up to nearly half of them may be anomalies. Avoid with fewer than five rows per
//! column, where half of the rows lie on a flat, and where rows form several clouds: the tightest half may then be one
//! of the clouds, and all others score high.
//!
//! # Differences
//! - `deterministic` starts follow Hubert, Rousseeuw and Verdonck: six robust correlations give the half to begin with,
//!   so there is nothing random below 1,500 rows. The robust scale is the tau-scale for any number of rows (theirs is
//!   Qn below 1,000 rows), and the standard deviation where more than half of the values are equal. The start from
//!   pairs of columns is left out above 100 columns, where it costs more than all others.
//! - `random` starts are those of FastMCD: 500 of `d + 1` rows, two C-steps each, the ten best to the end.
//!   scikit-learn starts from 30 halves.
//! - More rows than max(1,500, 25 (d + 1)) are first searched in a random sample of that size (for random starts in
//!   five parts of it, then in all of it), and the C-steps go on from there over all rows. FastMCD takes parts of 300
//!   rows however many columns there are.
//! - A singular answer: where `h` rows lie on a flat the determinant is 0 and the search ends ("exact fit"). As in
//!   scikit-learn, the raw distance is then the one within the flat (there with as many degrees of freedom as it has
//!   dimensions), so that rare values of a column do not make a row an anomaly by themselves. Where the reweighted rows
//!   lie on a flat too, new rows beside it score high; scikit-learn ignores how far they are from it. So it is whenever
//!   there are fewer rows than columns.
//! - No correction for small samples; scikit-learn has none either.
//!
//! # References
//! - Rousseeuw, Van Driessen 1999, A fast algorithm for the minimum covariance determinant estimator, Technometrics
//!   41(3). doi:10.1080/00401706.1999.10485670
//! - Hubert, Rousseeuw, Verdonck 2012, A deterministic algorithm for robust location and scatter, JCGS 21(3).
//!   doi:10.1080/10618600.2012.672100
//! - Croux, Haesbroeck 1999, Influence function and efficiency of the minimum covariance determinant scatter matrix
//!   estimator, J. Multivariate Analysis 71(2). doi:10.1006/jmva.1999.1839
//! - Maronna, Zamar 2002, Robust estimates of location and dispersion for high-dimensional datasets, Technometrics
//!   44(4). doi:10.1198/004017002188618509
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Mcd;
//! // Three of ten values are 9 and more: they widen the standard deviation, not the tightest half.
//! let rows = Features::rows(ndarray::array![[1.], [2.], [3.], [4.], [5.], [6.], [7.], [90.], [95.], [99.]]);
//! let (_, scores) = Mcd::default().fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[7] > 100.0 && scores[..7].iter().all(|&s| s < 5.0));
//! ```

mod deterministic;
mod ellipsoid;
mod search;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result,
    Run, Shape,
};
use anomalyst_kernels::distributions::{chi_squared_cdf, chi_squared_quantile};
use serde::{Deserialize, Serialize};

use crate::quadratic::QuadraticModel;
use ellipsoid::{Ellipsoid, Rows};

/// The most columns; covariances of this size take some 130 MB each.
const MAX_COLUMNS: usize = 4096;
/// The share of rows of a normal distribution that reweighting keeps.
const KEPT: f64 = 0.975;
/// The smallest variance of a direction, as a share of the largest.
const FLOOR: f64 = 1e-6;

/// How many rows make up the tightest part, and how it is searched.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mcd {
    /// The share of rows in the tightest part. Left out, as small as can be: (n + d + 1) / 2 rows, which bears most
    /// anomalies.
    #[schemars(range(min = 0.5, max = 1.0))]
    pub support_share: Option<f64>,
    /// Where the search begins.
    pub start: Start,
    /// How many random starts.
    #[schemars(range(min = 1, max = 100_000))]
    pub n_starts: usize,
    /// Most C-steps from one start.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_iter: usize,
    /// Takes mean and covariance anew from all rows that lie near enough to the tightest part.
    pub reweight: bool,
}

/// Where the search for the tightest part begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// From six robust estimates (`DetMCD`): fast, and the same answer for any seed up to 1,500 rows.
    #[default]
    Deterministic,
    /// From random rows (`FastMCD`).
    Random,
}

impl Default for Mcd {
    fn default() -> Self {
        Self {
            support_share: None,
            start: Start::Deterministic,
            n_starts: 500,
            max_iter: 100,
            reweight: true,
        }
    }
}

impl Params for Mcd {}

impl Detector for Mcd {
    const CARD: Card = Card {
        id: "mcd",
        title: "Minimum covariance determinant",
        summary: "Rows far from the tightest half of the data, by robust Mahalanobis distance.",
        paper: "Rousseeuw, Van Driessen 1999, Technometrics. doi:10.1080/00401706.1999.10485670",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    /// Half of the rows bears most anomalies, but says least about rows that have none.
    const ON_CLEAN: &'static str = r#"{ "support_share": 0.75 }"#;
    type Model = QuadraticModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<QuadraticModel> {
        let values = train.features().values.view();
        let (n, d) = values.dim();
        if d > MAX_COLUMNS {
            return Err(Error::Budget {
                what: "mcd".into(),
                need: format!("covariances of {d} columns"),
                limit: format!("{MAX_COLUMNS} columns"),
                hint: "choose pca, or leave columns out".into(),
            });
        }
        let (raw, scale) = self.search(values, run)?;
        let rows = Rows { values, scale: &scale };
        let factor = consistency(raw.dimension(), self.n_support(n, d) as f64 / n as f64);
        let (last, factor) = if self.reweight {
            (reweighted(&raw, factor, rows, run)?.unwrap_or_else(|| raw.clone()), consistency(d, KEPT))
        } else {
            (raw, factor)
        };
        QuadraticModel::mahalanobis(last.mean, scale, &(last.covariance * factor), FLOOR)
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let seen = search::sample_size(shape.n_parts, shape.n_values) as f64;
        let step = |rows: f64| rows * (30.0 + d * (4.0 + 0.25 * d)) + 2.0 * d * d * d;
        let starts = if self.start == Start::Random { 3.0 * self.n_starts as f64 } else { 120.0 };
        Estimate {
            bytes: (20.0 * n + 4.0 * n * d + 8.0 * (6.0 * seen * d + 40.0 * d * d)) as u64,
            fit_nanos: starts * step(seen) + 30.0 * step(n),
            score_nanos_per_row: 20.0 + d * (2.0 + 0.15 * d),
        }
    }
}

impl Mcd {
    /// How many of `n` rows make up the tightest part: more than the columns, if there are as many.
    fn n_support(&self, n: usize, d: usize) -> usize {
        let least = (n + d + 1).div_ceil(2).min(n);
        self.support_share.map_or(least, |share| ((share * n as f64) as usize).clamp(1, n))
    }
}

/// Mean and covariance of all rows that are near enough by the raw distance; none where these are too few to say.
fn reweighted(raw: &Ellipsoid, factor: f64, rows: Rows<'_>, run: &Run) -> Result<Option<Ellipsoid>> {
    let limit = factor * chi_squared_quantile(KEPT, raw.dimension());
    let distances = raw.distances(rows, run)?;
    let kept: Vec<usize> = (0..distances.len()).filter(|&i| distances[i] <= limit).collect();
    if kept.is_empty() { Ok(None) } else { Ellipsoid::of(rows, &kept, run).map(Some) }
}

/// What the covariance of the central `share` of a normal distribution is multiplied by to be that of the whole.
fn consistency(dimension: usize, share: f64) -> f64 {
    let inside = chi_squared_cdf(chi_squared_quantile(share, dimension), dimension + 2);
    if share < 1.0 && inside > 0.0 { share / inside } else { 1.0 }
}
