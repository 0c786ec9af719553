//! Distance along principal components, major and minor.
//!
//! # Idea
//! The training rows spread along some directions more than along others. A row is odd when it lies far out along
//! a direction, measured by how far training rows usually do: along the major components it is extreme, along the
//! minor ones it breaks the relations between columns.
//!
//! # Equations
//! With `c` the centred row (each column divided by its standard deviation where `standardize` is on), `a_j` the
//! unit eigenvectors of the training covariance and `l_j` its eigenvalues, `y_j = a_j . c`:
//! `s(x) = sum_j w_j y_j^2` over the chosen components, with `w_j = 1 / l_j`, `1 / sqrt(l_j)` or 1.
//! Over all components with `1 / l_j` this is the squared Mahalanobis distance.
//!
//! # Score
//! Squared distances, 0 and up; with the default weight its training mean is the number of directions. No variance
//! counts as smaller than `min_variance` (0.001) of the mean variance of all directions: a relation between columns
//! that holds to within 3 % of a column's deviation counts as exact, because what is left of it is mostly rounding and
//! measuring error. So a step in a direction that training never took scores high, but finite: 1,000 for a step of one
//! mean deviation. A constant column is measured in units of its own size (1 if it is 0). Scores beyond what f32 holds
//! are its largest number.
//!
//! # Complexity
//! Fit O(n d m + m^3) with m the smaller of n and d, score O(d k) per row for k directions, memory O(d k). With
//! more than 4,096 rows and columns, axes come from 4,096 rows drawn by the seed.
//!
//! # Use when / Avoid when
//! Where columns are related and rows form one cloud. Avoid where rows form several clusters
//! ([`GaussianMixture`](crate::GaussianMixture)), or where so many training rows are anomalies that they bend the axes.
//!
//! # Differences
//! - No trimming of extreme rows before the fit; the paper trims the 0.5 % of largest Mahalanobis distance.
//! - The paper compares the major and the minor sum each with its own quantile; here `components` chooses the sum.
//! - Minor components are all that are not major; in the paper those of variance below 0.2.
//! - The paper divides by variances however small. Nearly dependent columns leave directions of pure rounding error,
//!   whose noise then outweighs every other direction; hence `min_variance`.
//! - The components of low variance of Rippel, Mertens and Merhof (NPCA: those left when the first that hold 99 % of
//!   the variance are taken away, with the Mahalanobis distance on them) are `components = minor`,
//!   `variance_share = 0.99`, `standardize = false` and `min_variance = 1e-9`.
//! - PyOD adds up distances from the row to the tips of the unit eigenvectors, which hardly depends on the direction
//!   of the row; that is not taken over.
//!
//! # References
//! Shyu, Chen, Sarinnapakorn, Chang 2003, A novel anomaly detection scheme based on principal component classifier,
//! IEEE Foundations and New Directions of Data Mining Workshop. Rippel, Mertens, Merhof 2021, Modeling the distribution
//! of normal data in pre-trained deep features for anomaly detection, ICPR. doi:10.1109/ICPR48806.2021.9412109
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Pca;
//! let rows = Features::rows(ndarray::array![[1.0_f32, 1.1], [2.0, 1.9], [3.0, 3.1], [4.0, 3.9]]);
//! let fitted = Pca::default().fit_on(&rows, &Run::new(0)).unwrap();
//! let odd = Features::rows(ndarray::array![[2.0_f32, 2.0], [2.0, 3.0]]);
//! let scores = fitted.score(&odd, &Run::new(0)).unwrap();
//! assert!(scores[1] > 10.0 * scores[0]); // both values are usual, together they are not
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use anomalyst_kernels::linalg::{MAX_AXES, PrincipalAxes, principal_axes};
use ndarray::{ArrayView2, Axis};
use rand::seq::index;
use serde::{Deserialize, Serialize};

use crate::quadratic::{QuadraticModel, column_scale};

/// Which components count, and how much.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pca {
    /// Which components make up the score.
    pub components: Components,
    /// How many components of largest variance are major. Left out, as many as reach `variance_share`.
    #[schemars(range(min = 1))]
    pub n_components: Option<usize>,
    /// The share of the variance that major components hold together, where `n_components` is not given.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub variance_share: f64,
    /// What a component's squared distance is divided by.
    pub weight: Weight,
    /// The least variance that a direction counts as having, as a share of the mean variance of all directions.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub min_variance: f64,
    /// Divides each column by its standard deviation first, so that units do not matter.
    pub standardize: bool,
}

impl Default for Pca {
    fn default() -> Self {
        Self {
            components: Components::All,
            n_components: None,
            variance_share: 0.5,
            weight: Weight::Variance,
            min_variance: 1e-3,
            standardize: true,
        }
    }
}

/// Which components make up the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Components {
    /// All of them.
    #[default]
    All,
    /// Those of largest variance: extremes of what is usual.
    Major,
    /// The others: broken relations between columns.
    Minor,
}

/// What a component's squared distance is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Its variance: every component counts alike.
    #[default]
    Variance,
    /// Its standard deviation: half-way between the other two.
    Deviation,
    /// Nothing: wide components count most, as in the error of a reconstruction.
    None,
}

impl Params for Pca {}

impl Detector for Pca {
    const CARD: Card = Card {
        id: "pca",
        title: "Principal components",
        summary: "Rows that are extreme along a direction or break the relations between columns.",
        paper: "Shyu et al. 2003, principal component classifier, IEEE data mining workshop",
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
            Invariance::Rotation,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = QuadraticModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<QuadraticModel> {
        let values = train.features().values.view();
        let (n, d) = values.dim();
        let stage = run.stage("principal components", 1);
        let scale = self.scale(values);
        let found = if n.min(d) > MAX_AXES {
            let mut rows = index::sample(&mut run.random(0), n, MAX_AXES).into_vec();
            rows.sort_unstable();
            principal_axes(values.select(Axis(0), &rows).view(), Some(&scale), MAX_AXES, run)?
        } else {
            principal_axes(values, Some(&scale), n.min(d), run)?
        };
        stage.advance(1);
        Ok(self.weigh(found))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let m = n.min(d).min(MAX_AXES as f64);
        let wide = if d > n.min(MAX_AXES as f64) { 8.0 * d * m } else { 0.0 };
        Estimate {
            bytes: (8.0 * (m * d + 18.0 * m * m) + wide + 4.0 * n) as u64,
            fit_nanos: n * d * (2.0 + 0.15 * m) + 5.0 * m * m * m,
            score_nanos_per_row: 20.0 + d * (2.0 + 0.15 * m),
        }
    }
}

impl Pca {
    /// What each column is multiplied by.
    fn scale(&self, values: ArrayView2<'_, f32>) -> Vec<f64> {
        if !self.standardize {
            return vec![1.0; values.ncols()];
        }
        column_scale(values)
    }

    /// Keeps the axes that spread; what lies along no axis has the smallest variance there is.
    fn weigh(&self, found: PrincipalAxes) -> QuadraticModel {
        let mean = if found.total > 0.0 { found.total / found.scale.len() as f64 } else { 1.0 };
        let floor = self.min_variance * mean;
        let k = found.variances.iter().take_while(|&&v| v > floor).count();
        let weight = |variance: f64| match self.weight {
            Weight::Variance => 1.0 / variance,
            Weight::Deviation => 1.0 / variance.sqrt(),
            Weight::None => 1.0,
        };
        let n_major = self.n_components.unwrap_or_else(|| {
            let before = found.variances.iter().scan(0.0, |sum, v| {
                let before = *sum;
                *sum += v;
                Some(before)
            });
            before.take_while(|&before| before < self.variance_share * found.total).count()
        });
        let counts = |j: usize| match self.components {
            Components::All => true,
            Components::Major => j < n_major,
            Components::Minor => j >= n_major,
        };
        let weights = (0..k).map(|j| if counts(j) { weight(found.variances[j]) } else { 0.0 }).collect();
        // Axes as many as columns leave nothing beside them but rounding.
        let has_rest = self.components != Components::Major && k < found.scale.len();
        let rest = if has_rest { weight(floor) } else { 0.0 };
        let axes = found.axes.slice_move(ndarray::s![..k, ..]);
        QuadraticModel { mean: found.mean, scale: found.scale, axes, weights, rest }
    }
}
