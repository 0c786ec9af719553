//! Expectation maximisation.

use anomalyst_core::{Error, Result, Run};
use anomalyst_kernels::kmeans::{Search, kmeans};
use anomalyst_kernels::linalg::{Cholesky, map_projected, scatter, weighted_means};
use ndarray::{Array2, ArrayView2};

use super::GaussianMixture;
use crate::pca::finite;

/// A component with fewer rows than this is dropped while the search goes on.
const NO_ROWS: f64 = 1e-6;
/// Most rounds of k-means; the start need not be its end.
const START_ROUNDS: usize = 20;

/// One cloud.
#[derive(Debug)]
pub(super) struct Component {
    /// In the columns' own units.
    pub(super) mean: Vec<f64>,
    /// Turns standardised differences from the mean into uncorrelated ones of variance 1.
    pub(super) whiten: Array2<f64>,
    /// The logarithm of weight and density at the mean.
    pub(super) log_norm: f64,
    /// The share of training rows in it.
    pub(super) weight: f64,
}

/// The clouds together.
pub(super) struct Mixture {
    pub(super) components: Vec<Component>,
    /// Mean over training rows.
    log_likelihood: f64,
}

impl Component {
    pub(super) fn log_density(&self, whitened: &[f64]) -> f64 {
        self.log_norm - whitened.iter().map(|y| y * y).sum::<f64>() / 2.0
    }

    /// `c_i (S^-1 c)_i / 2`.
    pub(super) fn shares(&self, centred: &[f64], whitened: &[f64]) -> Vec<f32> {
        let mut inverse = vec![0.0; centred.len()];
        for (axis, y) in self.whiten.rows().into_iter().zip(whitened) {
            inverse.iter_mut().zip(axis).for_each(|(out, a)| *out += a * y);
        }
        inverse.iter().zip(centred).map(|(v, c)| finite(v * c / 2.0)).collect()
    }
}

impl Mixture {
    /// Drops the components that hold less than `least`, and shares their weight among the others.
    fn without_light_ones(mut self, least: f64) -> Self {
        let heaviest = self.components.iter().map(|c| c.weight).fold(0.0, f64::max);
        self.components.retain(|c| c.weight >= least.min(heaviest));
        let left: f64 = self.components.iter().map(|c| c.weight).sum();
        self.components.iter_mut().for_each(|c| c.log_norm -= left.ln());
        self
    }

    /// Schwarz: less is better.
    pub(super) fn criterion(&self, n: usize, d: usize) -> f64 {
        let (n, d, k) = (n as f64, d as f64, self.components.len() as f64);
        let free = k - 1.0 + k * d + k * d * (d + 1.0) / 2.0;
        free * n.ln() - 2.0 * n * self.log_likelihood
    }
}

/// Starts from clusters and alternates until a round changes little. Up to `k` components come back.
pub(super) fn fit(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    k: usize,
    params: &GaussianMixture,
    run: &Run,
) -> Result<Mixture> {
    let n = values.nrows();
    let stage = run.stage("expectation maximisation", params.max_iter as u64);
    let (labels, n_clusters) = if k <= 1 {
        (vec![0; n], 1)
    } else {
        let search = Search { k, n_candidates: 1, max_rounds: START_ROUNDS, steady_frac: 0.0 };
        let start = kmeans(values, scale, search, &mut run.random(k as u64), run)?;
        (start.labels, start.centers.len())
    };
    let mut shares: Vec<Vec<f64>> = (0..n_clusters as u32)
        .map(|k| labels.iter().map(|&label| if label == k { 1.0 } else { 0.0 }).collect())
        .collect();
    let mut before = f64::NEG_INFINITY;
    let mut round = 0;
    loop {
        let components = maximise(values, scale, &shares, params.regularization, run)?;
        shares = log_densities(values, scale, &components, run)?;
        let log_likelihood = expect(&mut shares) / n as f64;
        round += 1;
        stage.advance(1);
        let is_steady = (log_likelihood - before).abs() < params.tolerance;
        if is_steady || components.len() == 1 || round >= params.max_iter {
            return Ok(Mixture { components, log_likelihood }.without_light_ones(params.min_weight));
        }
        before = log_likelihood;
    }
}

/// The components whose rows have these shares in them.
fn maximise(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    shares: &[Vec<f64>],
    regularization: f64,
    run: &Run,
) -> Result<Vec<Component>> {
    let d = scale.len();
    let mut components = Vec::with_capacity(shares.len());
    for shares in shares {
        let (mean, rows) = weighted_means(values, shares)?;
        // NaN can come from rows beyond what f64 squares hold; such a component has no rows to speak of.
        if rows.is_nan() || rows < NO_ROWS {
            continue;
        }
        let mut covariance = scatter(values, &mean, Some(shares), run)?;
        covariance.indexed_iter_mut().for_each(|((i, j), v)| *v *= scale[i] * scale[j] / rows);
        let cholesky = regularized(covariance, regularization)?;
        let weight = rows / values.nrows() as f64;
        let log_norm = weight.ln() - (d as f64 * std::f64::consts::TAU.ln() + cholesky.log_det()) / 2.0;
        components.push(Component { mean, whiten: cholesky.inverse_lower(), log_norm, weight });
    }
    if components.is_empty() {
        return Err(Error::Numeric {
            method: "gaussian_mixture".into(),
            what: "no component has rows; check the scale of the data".into(),
        });
    }
    Ok(components)
}

/// Rounding can make a covariance of nearly dependent columns slightly indefinite; then more is added.
fn regularized(mut covariance: Array2<f64>, regularization: f64) -> Result<Cholesky> {
    let mut add = regularization;
    loop {
        covariance.diag_mut().iter_mut().for_each(|v| *v += add);
        match Cholesky::new(covariance.view()) {
            Err(Error::Numeric { .. }) if add < 1.0 => add *= 10.0,
            result => return result,
        }
    }
}

/// The log density of every row in every component.
pub(super) fn log_densities(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    components: &[Component],
    run: &Run,
) -> Result<Vec<Vec<f64>>> {
    let one =
        |c: &Component| map_projected(values, (&c.mean, scale), &c.whiten, run, |_, _, y| c.log_density(y));
    components.iter().map(one).collect()
}

/// Turns log densities into each component's share of each row; returns the sum of log-likelihoods.
fn expect(densities: &mut [Vec<f64>]) -> f64 {
    let n = densities.first().map_or(0, Vec::len);
    let mut sum = 0.0;
    for i in 0..n {
        let log_sum = log_sum(densities.iter().map(|of| of[i]));
        densities.iter_mut().for_each(|of| of[i] = (of[i] - log_sum).exp());
        sum += log_sum;
    }
    sum
}

/// `ln sum exp` without overflow.
pub(super) fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_finite() { most + logs.map(|v| (v - most).exp()).sum::<f64>().ln() } else { most }
}
