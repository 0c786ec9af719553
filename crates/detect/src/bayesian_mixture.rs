//! Density of a mixture of Gaussians whose number is learned, under a Dirichlet process.
//!
//! # Idea
//! Normal rows come from some clouds, and nobody knows how many. Each cloud has to pay for being there: under a
//! stick-breaking prior the data themselves leave the superfluous ones empty, and priors on centres and shapes keep
//! clouds of few rows wide. A row is odd when no cloud makes it likely.
//!
//! # Equations
//! Columns are standardised. Sticks `v_k ~ Beta(1, g)`, weights `p_k = v_k prod_(j < k) (1 - v_j)`, and a normal-Wishart
//! prior on mean and precision with the mean `m_0` and covariance `S_0` of all rows, `mean_precision` b_0 and d degrees
//! of freedom for d columns. With shares `r_ik` of rows in clouds, `N_k` rows with mean `x_k` and covariance `S_k`, the
//! factors of the variational posterior are (Bishop 2006, 10.58 to 10.63; Blei, Jordan 2006, 18)
//! - `b_k = b_0 + N_k`, `m_k = (b_0 m_0 + N_k x_k) / b_k`, `n_k = d + N_k`;
//! - `n_k C_k = S_0 + N_k S_k + b_0 N_k / b_k (x_k - m_0)(x_k - m_0)'`;
//! - `v_k ~ Beta(1 + N_k, g + sum_(j > k) N_j)`.
//!
//! They take turns with `r_ik` in proportion to `exp(e_k(x_i))`,
//! `e_k(x) = E ln p_k + E ln N(x; mean_k, precision_k)`
//! `= E ln p_k + (sum_(i <= d) digamma((n_k + 1 - i) / 2) + d ln(2 / n_k) - ln det C_k - d / b_k - d ln 2 pi`
//! `- (x - m_k)' C_k^-1 (x - m_k)) / 2`.
//!
//! # Score
//! `s(x) = -ln sum_k exp(e_k(x))`: minus the log density at the expected logarithms of the parameters, as scikit-learn's
//! `score_samples`. It is a lower bound on the density that the posterior predicts, cheap and of Gaussian tails, not the
//! mixture of Student densities itself. Nats of the standardised row; it may be negative, and 1 more is e times less
//! likely. A constant column is measured in units of its own size (1 if it is 0) and has only the regularisation as its
//! variance.
//!
//! # Complexity
//! Fit O(i k n (d^2 + d)) for i rounds, on at most `max_rows` rows, plus O(i k d^3); score O(k d^2) per row, memory
//! O(k (d^2 + n)). Up to 4,096 columns.
//!
//! # Use when / Avoid when
//! As the Gaussian mixture, where it is not known how many clouds there are and rows to learn from are clean. Avoid with many more columns than rows; a
//! cloud of anomalies that is large enough becomes a cloud of its own.
//!
//! # Differences
//! - Columns are standardised, so `regularization` is a share of each column's variance, a tenth by default as for
//!   the Gaussian mixture; scikit-learn's is 1e-6. It ranks better and counts worse: one cloud may be told as several,
//!   which `1e-6` mends. It is also added to `S_0`, so that constant columns have an answer.
//! - Clouds are put in order of size in each round, which raises the bound (Kurihara, Welling, Teh 2007); scikit-learn
//!   takes the order of its start.
//! - The search stops when the mean of `-s` over the rows changes by less than `tolerance`, rather than the bound; the
//!   fixed point is the same.
//! - One start by k-means++ and at most 20 rounds of k-means.
//! - More rows than `max_rows` are sampled by the seed for the fit; all rows are scored.
//!
//! # References
//! - Blei, Jordan 2006, Variational inference for Dirichlet process mixtures, Bayesian Analysis 1(1).
//!   doi:10.1214/06-BA104
//! - Bishop 2006, Pattern Recognition and Machine Learning, section 10.2.
//! - Kurihara, Welling, Teh 2007, Collapsed variational Dirichlet process mixture models, IJCAI.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::BayesianMixture;
//! // Two clouds and one row between them.
//! let values = ndarray::Array2::from_shape_fn((101, 2), |(i, j)| match i {
//!     100 => 5.0,
//!     _ => (i % 2 * 10) as f32 + ((i * (7 + 4 * j)) % 19) as f32 / 10.0,
//! });
//! let (_, scores) = BayesianMixture::default().fit_score_on(&Features::rows(values), &Run::new(0)).unwrap();
//! assert_eq!((0..101).max_by(|&a, &b| scores[a].total_cmp(&scores[b])), Some(100));
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use anomalyst_kernels::linalg::covariance;
use anomalyst_kernels::mixture::{self, Component, Mixture, Moments, Until};
use anomalyst_kernels::special::digamma;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::gaussian_mixture::{GaussianMixtureModel, Rows, fit_mixture};

/// How many clouds there may be, what they are before any row is seen, and how the search ends.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BayesianMixture {
    /// The most clouds.
    #[schemars(range(min = 1, max = 100))]
    pub n_components: usize,
    /// Prior readiness to open another cloud: less leaves more of them empty. Left out, 1 / `n_components`.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub weight_concentration: Option<f64>,
    /// How many rows the prior mean of a cloud, that of all rows, counts as.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub mean_precision: f64,
    /// Added to each covariance's diagonal, as a share of the columns' variances.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub regularization: f64,
    /// Most rounds.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_iter: usize,
    /// Stops once a round changes the mean score of a row by less than this, in nats.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: f64,
    /// Most rows that are fitted to; more are sampled.
    #[schemars(range(min = 100))]
    pub max_rows: usize,
}

impl Default for BayesianMixture {
    fn default() -> Self {
        Self {
            n_components: 10,
            weight_concentration: None,
            mean_precision: 1.0,
            regularization: 0.1,
            max_iter: 100,
            tolerance: 1e-3,
            max_rows: 100_000,
        }
    }
}

impl Params for BayesianMixture {}

impl Detector for BayesianMixture {
    const CARD: Card = Card {
        id: "bayesian_mixture",
        title: "Bayesian Gaussian mixture",
        summary: "Rows that lie in none of the clouds of related columns, whose number is learned.",
        paper: "Blei, Jordan 2006, Bayesian Analysis 1(1). doi:10.1214/06-BA104",
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
        min_items: 1,
        control: false,
    };
    type Model = GaussianMixtureModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<GaussianMixtureModel> {
        let search = |rows: &Rows<'_>| self.search(rows, run);
        let (scale, mixture) = fit_mixture(train, self.max_rows, Self::CARD.id, run, search)?;
        Ok(GaussianMixtureModel { scale, components: mixture.components })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let rounds = if self.n_components == 1 { 1 } else { self.max_iter.min(50) };
        mixture::estimate(shape, self.max_rows, self.n_components as f64, rounds as f64)
    }
}

impl BayesianMixture {
    fn search(&self, rows: &Rows<'_>, run: &Run) -> Result<Mixture> {
        let prior = Prior::new(self, rows, run)?;
        let until = Until { max_iter: self.max_iter, tolerance: self.tolerance };
        let k = self.n_components.min(rows.values.nrows());
        mixture::search(rows.values, rows.scale, k, &until, run, |moments| prior.posterior(moments))
    }
}

/// What is believed of every cloud before any row is seen.
struct Prior<'a> {
    mean: &'a [f64],
    scale: &'a [f64],
    mean_precision: f64,
    /// `S_0`, of standardised columns.
    covariance: Array2<f64>,
    concentration: f64,
    regularization: f64,
}

impl<'a> Prior<'a> {
    fn new(params: &BayesianMixture, rows: &Rows<'a>, run: &Run) -> Result<Self> {
        let n = rows.values.nrows() as f64;
        let mut covariance = covariance(rows.values, run)?;
        // The unbiased one, as scikit-learn takes it; a single row has none.
        let unbiased = if n > 1.0 { n / (n - 1.0) } else { 1.0 };
        covariance.indexed_iter_mut().for_each(|((i, j), v)| *v *= rows.scale[i] * rows.scale[j] * unbiased);
        covariance.diag_mut().iter_mut().for_each(|v| *v += params.regularization);
        Ok(Self {
            mean: rows.mean,
            scale: rows.scale,
            mean_precision: params.mean_precision,
            covariance,
            concentration: params.weight_concentration.unwrap_or(1.0 / params.n_components as f64),
            regularization: params.regularization,
        })
    }

    /// The clouds by their rows, the largest first.
    fn posterior(&self, mut clouds: Vec<Moments>) -> Result<Vec<Component>> {
        clouds.sort_by(|a, b| b.rows.total_cmp(&a.rows));
        let mut behind: f64 = clouds.iter().map(|cloud| cloud.rows).sum();
        let (all, mut log_rest) = (behind, 0.0);
        let mut components = Vec::with_capacity(clouds.len());
        for cloud in clouds {
            behind -= cloud.rows;
            let (a, b) = (1.0 + cloud.rows, self.concentration + behind.max(0.0));
            let both = digamma(a + b);
            let weight = cloud.rows / all;
            components.push(self.component(cloud, log_rest + digamma(a) - both, weight)?);
            log_rest += digamma(b) - both;
        }
        Ok(components)
    }

    /// The cloud of these rows, at the expected logarithm of its weight.
    fn component(&self, cloud: Moments, log_weight: f64, weight: f64) -> Result<Component> {
        let Moments { rows, mean: own, covariance: mut matrix } = cloud;
        let d = own.len();
        let (precision, freedom) = (self.mean_precision + rows, d as f64 + rows);
        let off: Vec<f64> = own
            .iter()
            .zip(self.mean)
            .zip(self.scale)
            .map(|((own, mean), scale)| (own - mean) * scale)
            .collect();
        let pull = self.mean_precision * rows / precision;
        matrix.diag_mut().iter_mut().for_each(|v| *v += self.regularization);
        matrix.indexed_iter_mut().for_each(|((i, j), v)| {
            *v = (rows * *v + self.covariance[[i, j]] + pull * off[i] * off[j]) / freedom;
        });
        let cholesky = mixture::regularized(matrix, 0.0)?;
        let spread: f64 = (0..d).map(|i| digamma((freedom - i as f64) / 2.0)).sum();
        let d = d as f64;
        let log_precision = spread + d * (2.0 / freedom).ln() - cholesky.log_det();
        let log_norm = log_weight + (log_precision - d / precision - d * std::f64::consts::TAU.ln()) / 2.0;
        let share = rows / precision;
        let mean = own.iter().zip(self.mean).map(|(own, mean)| share * own + (1.0 - share) * mean).collect();
        Ok(Component { mean, whiten: cholesky.inverse_lower(), log_norm, weight })
    }
}
