//! Mixtures of Gaussians by expectation maximisation (Dempster, Laird, Rubin 1977).

use anomalyst_core::{Error, Estimate, Result, Run, Shape};
use ndarray::{Array2, ArrayView2};

use crate::kmeans::{Search, kmeans};
use crate::linalg::{Cholesky, map_whitened, scatter, weighted_means};

/// A component with fewer rows than this is dropped while the search goes on.
const NO_ROWS: f64 = 1e-6;
/// What is added first to the diagonal of a matrix that needs it.
const LEAST_ADDED: f64 = 1e-9;
/// Most rounds of k-means; the start need not be its end.
const START_ROUNDS: usize = 20;

/// One cloud.
#[derive(Debug)]
pub struct Component {
    /// In the columns' own units.
    pub mean: Vec<f64>,
    /// Turns standardised differences from the mean into uncorrelated ones of variance 1.
    pub whiten: Array2<f64>,
    /// The logarithm of weight and density at the mean.
    pub log_norm: f64,
    /// The share of training rows in it.
    pub weight: f64,
}

/// The clouds together.
#[derive(Debug)]
pub struct Mixture {
    /// At least one.
    pub components: Vec<Component>,
    /// Mean over training rows.
    log_likelihood: f64,
}

impl Component {
    /// Of the point that whitens to `whitened`.
    pub fn log_density(&self, whitened: &[f64]) -> f64 {
        self.log_norm - whitened.iter().map(|y| y * y).sum::<f64>() / 2.0
    }

    /// `c_i (S^-1 c)_i / 2` of each column, which sum to half the squared distance from the mean.
    pub fn shares(&self, centred: &[f64], whitened: &[f64]) -> Vec<f64> {
        let mut inverse = vec![0.0; centred.len()];
        for (axis, y) in self.whiten.rows().into_iter().zip(whitened) {
            inverse.iter_mut().zip(axis).for_each(|(out, a)| *out += a * y);
        }
        inverse.iter().zip(centred).map(|(v, c)| v * c / 2.0).collect()
    }

    /// The standardised difference from the mean that whitens to `whitened`: independent normal numbers give a draw
    /// from the component.
    pub fn colour(&self, whitened: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = Vec::with_capacity(whitened.len());
        for (row, y) in self.whiten.rows().into_iter().zip(whitened) {
            let known: f64 = row.iter().zip(&out).map(|(w, c)| w * c).sum();
            out.push((y - known) / row[out.len()]);
        }
        out
    }
}

impl Mixture {
    /// Drops the components that hold less than `least`, and shares their weight among the others.
    pub fn without_light_ones(mut self, least: f64) -> Self {
        let heaviest = self.components.iter().map(|c| c.weight).fold(0.0, f64::max);
        self.components.retain(|c| c.weight >= least.min(heaviest));
        let left: f64 = self.components.iter().map(|c| c.weight).sum();
        self.components.iter_mut().for_each(|c| c.log_norm -= left.ln());
        self
    }

    /// Schwarz: less is better.
    pub fn criterion(&self, n: usize, d: usize) -> f64 {
        let (n, d, k) = (n as f64, d as f64, self.components.len() as f64);
        let free = k - 1.0 + k * d + k * d * (d + 1.0) / 2.0;
        free * n.ln() - 2.0 * n * self.log_likelihood
    }
}

/// The rows of one component, each counted by its share in it.
#[derive(Debug)]
pub struct Moments {
    /// The sum of shares; 0 for a component that has no rows to speak of.
    pub rows: f64,
    /// In the columns' own units.
    pub mean: Vec<f64>,
    /// Of standardised columns.
    pub covariance: Array2<f64>,
}

/// When a search ends.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// Most rounds.
    pub max_iter: usize,
    /// Least improvement of the mean log-likelihood in a round, in nats.
    pub tolerance: f64,
}

/// Starts from at most `k` clusters and alternates between shares and `maximise`, which turns moments into components,
/// until a round changes little.
pub fn search(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    k: usize,
    until: &Until,
    run: &Run,
    maximise: impl Fn(Vec<Moments>) -> Result<Vec<Component>>,
) -> Result<Mixture> {
    let n = values.nrows();
    let stage = run.stage("expectation maximisation", until.max_iter as u64);
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
        let moments =
            shares.iter().map(|shares| moments(values, scale, shares, run)).collect::<Result<_>>()?;
        let components = maximise(moments)?;
        shares = log_densities(values, scale, &components, run)?;
        let log_likelihood = expect(&mut shares) / n as f64;
        round += 1;
        stage.advance(1);
        let is_steady = (log_likelihood - before).abs() < until.tolerance;
        if is_steady || components.len() == 1 || round >= until.max_iter {
            return Ok(Mixture { components, log_likelihood });
        }
        before = log_likelihood;
    }
}

fn moments(values: ArrayView2<'_, f32>, scale: &[f64], shares: &[f64], run: &Run) -> Result<Moments> {
    let (mean, rows) = weighted_means(values, shares)?;
    // NaN can come from rows beyond what f64 squares hold; such a component has no rows to speak of.
    if rows.is_nan() || rows < NO_ROWS {
        return Ok(Moments { rows: 0.0, mean, covariance: Array2::zeros((scale.len(), scale.len())) });
    }
    let mut covariance = scatter(values, &mean, Some(shares), run)?;
    covariance.indexed_iter_mut().for_each(|((i, j), v)| *v *= scale[i] * scale[j] / rows);
    Ok(Moments { rows, mean, covariance })
}

/// The components of greatest likelihood; those without rows are dropped.
pub fn most_likely(moments: Vec<Moments>, n: usize, regularization: f64) -> Result<Vec<Component>> {
    let mut components = Vec::with_capacity(moments.len());
    for Moments { rows, mean, covariance } in moments.into_iter().filter(|moments| moments.rows > 0.0) {
        let cholesky = regularized(covariance, regularization)?;
        let weight = rows / n as f64;
        let log_norm =
            weight.ln() - (mean.len() as f64 * std::f64::consts::TAU.ln() + cholesky.log_det()) / 2.0;
        components.push(Component { mean, whiten: cholesky.inverse_lower(), log_norm, weight });
    }
    if components.is_empty() {
        return Err(Error::Numeric {
            method: "expectation maximisation".into(),
            what: "no component has rows; check the scale of the data".into(),
        });
    }
    Ok(components)
}

/// Rounding can make a covariance of nearly dependent columns slightly indefinite; then more is added.
pub fn regularized(mut covariance: Array2<f64>, regularization: f64) -> Result<Cholesky> {
    let mut add = regularization;
    loop {
        covariance.diag_mut().iter_mut().for_each(|v| *v += add);
        match Cholesky::new(covariance.view()) {
            Err(Error::Numeric { .. }) if add < 1.0 => add = (10.0 * add).max(LEAST_ADDED),
            result => return result,
        }
    }
}

/// Memory and time of searching for `k` clouds in at most `max_rows` rows.
pub fn estimate(shape: Shape, max_rows: usize, k: f64, rounds: f64) -> Estimate {
    let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
    let rows = n.min(max_rows as f64);
    let per_row = 20.0 + d * (2.0 + 0.1 * d);
    Estimate {
        bytes: (8.0 * (k * (3.0 * rows + 2.0 * d * d + n) + 16.0 * d * d) + 4.0 * rows * d) as u64,
        fit_nanos: rounds * k * (2.0 * rows * per_row + d * d * d),
        score_nanos_per_row: k * per_row,
    }
}

/// The log density of every row in every component.
pub fn log_densities(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    components: &[Component],
    run: &Run,
) -> Result<Vec<Vec<f64>>> {
    let one =
        |c: &Component| map_whitened(values, (&c.mean, scale), &c.whiten, run, |_, _, y| c.log_density(y));
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
pub fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_finite() { most + logs.map(|v| (v - most).exp()).sum::<f64>().ln() } else { most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Whitening what was coloured gives the same numbers back; the covariance is that of `L L'` for `L = W^-1`.
    #[test]
    fn colouring_undoes_whitening() {
        let whiten = array![[0.5, 0.0, 0.0], [1.0, 2.0, 0.0], [-3.0, 0.25, 4.0]];
        let component = Component { mean: vec![0.0; 3], whiten: whiten.clone(), log_norm: 0.0, weight: 1.0 };
        let drawn = ndarray::Array1::from(component.colour(&[1.0, -2.0, 0.5]));
        assert_eq!(whiten.dot(&drawn), array![1.0, -2.0, 0.5]);
    }
}
