//! A Gaussian mixture whose number of components the data decide.
//!
//! # Idea
//! A Dirichlet process prior on the weights lets unneeded components starve. Fitted by variational inference: the
//! posterior of means, covariances and weights is approximated by independent factors, updated in turn.
//!
//! # Equations
//! Bishop 2006, section 10.2 (Normal-Wishart factors), with the stick-breaking weights of Blei and Jordan 2006:
//! `E ln w_k = psi(a_k) - psi(a_k + b_k) + sum_(j<k) [psi(b_j) - psi(a_j + b_j)]`, `a_k = 1 + N_k`,
//! `b_k = alpha + sum_(j>k) N_j`. Priors as in scikit-learn's `BayesianGaussianMixture`: mean of the data with
//! precision 1, covariance of the data with `d` degrees of freedom, 1e-6 added to the diagonal.
//!
//! # Complexity
//! O(n K d^2) per step, at most 200 steps; K shrinks as components starve.
//!
//! # Differences
//! Components are kept in order of size, which stick-breaking favours (Kurihara, Welling, Teh 2007), and
//! one that holds less than half a row is removed.
//!
//! # References
//! Blei, Jordan 2006, Bayesian Analysis 1(1). Bishop 2006, Pattern Recognition and Machine Learning.

use anomalyst_core::{Random, Result, Run};
use anomalyst_kernels::special::digamma;
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use crate::draw;

const RIDGE: f64 = 1e-6;
const MAX_STEPS: usize = 200;
/// A component whose log density lies this far below another's has a share below 1e-13: it holds nothing of the row.
const NEGLIGIBLE: f64 = 30.0;
/// Rows per block; sums run over blocks in order, whatever the number of threads.
const BLOCK: usize = 128;

/// The posterior of one component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Rows it holds, in expectation.
    pub n_rows: f64,
    /// Mean of the mean's posterior.
    pub mean: Vec<f64>,
    /// Rows that the mean's posterior is worth.
    pub mean_precision: f64,
    /// Degrees of freedom of the Wishart factor.
    pub freedom: f64,
    /// Expected covariance, row-major.
    pub covariance: Vec<f64>,
    /// Its lower Cholesky factor, row-major.
    pub cholesky: Vec<f64>,
    /// The inverse of that factor.
    whitening: Vec<f64>,
    /// Everything in the log density that does not depend on the row.
    constant: f64,
}

/// A fitted mixture, largest component first.
#[derive(Clone, Debug)]
pub struct Mixture {
    /// The components that hold rows.
    pub components: Vec<Component>,
}

/// What priors are centred on.
struct Prior {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    alpha: f64,
}

/// Weighted count, sum and sum of products of the rows of one component.
#[derive(Clone)]
struct Sums {
    count: f64,
    sum: Vec<f64>,
    products: Vec<f64>,
}

impl Sums {
    fn new(d: usize) -> Self {
        Self { count: 0.0, sum: vec![0.0; d], products: vec![0.0; d * d] }
    }

    fn add(&mut self, weight: f64, row: &[f64]) {
        self.count += weight;
        let products = self.products.chunks_exact_mut(self.sum.len());
        for (i, ((sum, products), cell)) in self.sum.iter_mut().zip(products).zip(row).enumerate() {
            let w = weight * cell;
            *sum += w;
            products.iter_mut().zip(&row[..=i]).for_each(|(product, other)| *product += w * other);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
        self.products.iter_mut().zip(&other.products).for_each(|(a, b)| *a += b);
    }
}

impl Mixture {
    /// Fits at most `n_components` to standardised `rows` with concentration `alpha`.
    pub fn fit(
        rows: &Array2<f64>,
        n_components: usize,
        alpha: f64,
        random: &mut Random,
        run: &Run,
    ) -> Result<Self> {
        let prior = Prior::of(rows, alpha);
        let mut sums = cluster(rows, n_components, random);
        let mut mixture = Self::update(&mut sums, &prior);
        let mut before = f64::NEG_INFINITY;
        for step in 0..MAX_STEPS {
            run.check()?;
            let (mut sums, evidence) = mixture.expect(rows);
            if step > 4 {
                sums.retain(|s| s.count >= 0.5);
            }
            mixture = Self::update(&mut sums, &prior);
            // A thousandth of scikit-learn's default tolerance of 1e-3 per data set, per row.
            if (evidence - before).abs() < 1e-6 * rows.nrows() as f64 {
                break;
            }
            before = evidence;
        }
        Ok(mixture)
    }

    /// The factors given the rows that each component holds.
    fn update(sums: &mut [Sums], prior: &Prior) -> Self {
        sums.sort_by(|a, b| b.count.total_cmp(&a.count));
        let total: f64 = sums.iter().map(|s| s.count).sum();
        let (mut log_rest, mut seen) = (0.0, 0.0);
        let components = sums.iter().map(|s| {
            seen += s.count;
            let (a, b) = (1.0 + s.count, prior.alpha + (total - seen).max(0.0));
            let both = digamma(a + b);
            let log_weight = digamma(a) - both + log_rest;
            log_rest += digamma(b) - both;
            Component::new(s, prior, log_weight)
        });
        Self { components: components.collect() }
    }

    /// New sums under the present factors, and the summed log evidence of the rows.
    fn expect(&self, rows: &Array2<f64>) -> (Vec<Sums>, f64) {
        let d = rows.ncols();
        let blocks: Vec<_> = rows.axis_chunks_iter(Axis(0), BLOCK).collect();
        let parts: Vec<(Vec<Sums>, f64)> = blocks
            .into_par_iter()
            .map(|block| {
                let mut sums = vec![Sums::new(d); self.components.len()];
                let mut shares = vec![0.0; sums.len()];
                let mut evidence = 0.0;
                for row in block.rows() {
                    evidence += self.shares(row, &mut shares);
                    let cells = cells(row);
                    sums.iter_mut()
                        .zip(&shares)
                        .filter(|(_, w)| **w > 1e-12)
                        .for_each(|(s, &w)| s.add(w, &cells[..d]));
                }
                (sums, evidence)
            })
            .collect();
        let mut sums = vec![Sums::new(d); self.components.len()];
        let mut evidence = 0.0;
        for (part, e) in &parts {
            sums.iter_mut().zip(part).for_each(|(s, p)| s.merge(p));
            evidence += e;
        }
        (sums, evidence)
    }

    /// Writes the share of each component in `row` and returns the log evidence of the row.
    pub fn shares(&self, row: ArrayView1<'_, f64>, shares: &mut [f64]) -> f64 {
        let cells = cells(row);
        let mut top = f64::NEG_INFINITY;
        for (share, component) in shares.iter_mut().zip(&self.components) {
            let far = 2.0 * (component.constant - top + NEGLIGIBLE);
            *share = match component.distance_within(&cells, far) {
                Some(distance) => component.constant - 0.5 * distance,
                None => f64::NEG_INFINITY,
            };
            top = top.max(*share);
        }
        let total: f64 = shares
            .iter_mut()
            .map(|s| {
                *s = (*s - top).exp();
                *s
            })
            .sum();
        shares.iter_mut().for_each(|s| *s /= total);
        top + total.ln()
    }
}

impl Component {
    fn new(s: &Sums, prior: &Prior, log_weight: f64) -> Self {
        let d = prior.mean.len();
        let n = s.count.max(f64::MIN_POSITIVE);
        let mean_precision = 1.0 + s.count;
        let freedom = d as f64 + s.count;
        let own: Vec<f64> = s.sum.iter().map(|v| v / n).collect();
        let mean: Vec<f64> = prior.mean.iter().zip(&s.sum).map(|(m, v)| (m + v) / mean_precision).collect();
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let scatter = s.products[i * d + j] - s.count * own[i] * own[j];
                let shift = (own[i] - prior.mean[i]) * (own[j] - prior.mean[j]) * s.count / mean_precision;
                let value = (prior.covariance[i * d + j] + scatter + shift) / freedom;
                covariance[i * d + j] = value + if i == j { RIDGE } else { 0.0 };
                covariance[j * d + i] = covariance[i * d + j];
            }
        }
        let cholesky = cholesky(&covariance, d);
        let log_det: f64 = (0..d).map(|i| 2.0 * cholesky[i * d + i].ln()).sum();
        // E ln |Lambda| for a Wishart with that expected covariance (Bishop 10.65).
        let spread: f64 = (0..d).map(|i| digamma(0.5 * (freedom - i as f64))).sum::<f64>()
            + d as f64 * (2.0 / freedom).ln();
        let constant = log_weight + 0.5 * (spread - log_det - d as f64 / mean_precision)
            - 0.5 * d as f64 * std::f64::consts::TAU.ln();
        let whitening = inverse_of_lower(&cholesky, d);
        Self { n_rows: s.count, mean, mean_precision, freedom, covariance, cholesky, whitening, constant }
    }

    /// Squared Mahalanobis distance of `row` from the mean, unless it is above `limit`.
    fn distance_within(&self, row: &[f64; MAX_WIDTH], limit: f64) -> Option<f64> {
        let d = self.mean.len();
        let mut centered = [0.0; MAX_WIDTH];
        centered.iter_mut().zip(row).zip(&self.mean).for_each(|((c, x), mean)| *c = x - mean);
        let mut sum = 0.0;
        for (i, weights) in self.whitening.chunks_exact(d).enumerate() {
            let z: f64 = weights[..=i].iter().zip(&centered).map(|(w, c)| w * c).sum();
            sum += z * z;
            if sum > limit {
                return None;
            }
        }
        Some(sum)
    }
}

/// A row side by side in memory, whatever the matrix; zeros fill it up.
fn cells(row: ArrayView1<'_, f64>) -> [f64; MAX_WIDTH] {
    let mut cells = [0.0; MAX_WIDTH];
    cells.iter_mut().zip(row).for_each(|(cell, value)| *cell = *value);
    cells
}

/// The most columns a mixture takes; more detectors than that add nothing to a panel.
pub const MAX_WIDTH: usize = 32;

impl Prior {
    fn of(rows: &Array2<f64>, alpha: f64) -> Self {
        let (n, d) = rows.dim();
        let mut all = Sums::new(d);
        rows.rows().into_iter().for_each(|row| all.add(1.0, &cells(row)[..d]));
        let mean: Vec<f64> = all.sum.iter().map(|v| v / n as f64).collect();
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let value = all.products[i * d + j] / n as f64 - mean[i] * mean[j];
                covariance[i * d + j] = value;
                covariance[j * d + i] = value;
            }
            covariance[i * d + i] = covariance[i * d + i].max(RIDGE);
        }
        Self { mean, covariance, alpha }
    }
}

/// Lower Cholesky factor; a pivot that rounding drove to zero is raised to the ridge.
fn cholesky(matrix: &[f64], d: usize) -> Vec<f64> {
    let mut factor = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i * d + k] * factor[j * d + k]).sum();
            let rest = matrix[i * d + j] - known;
            factor[i * d + j] = if i == j { rest.max(RIDGE).sqrt() } else { rest / factor[j * d + j] };
        }
    }
    factor
}

/// The inverse of a lower triangular matrix, by columns.
fn inverse_of_lower(lower: &[f64], d: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; d * d];
    for j in 0..d {
        inverse[j * d + j] = 1.0 / lower[j * d + j];
        for i in j + 1..d {
            let known: f64 = (j..i).map(|k| lower[i * d + k] * inverse[k * d + j]).sum();
            inverse[i * d + j] = -known / lower[i * d + i];
        }
    }
    inverse
}

/// Where fitting starts: ten rounds of k-means from k-means++ seeds (Arthur, Vassilvitskii 2007).
fn cluster(rows: &Array2<f64>, k: usize, random: &mut Random) -> Vec<Sums> {
    let (n, d) = rows.dim();
    let square = |row: ArrayView1<'_, f64>, c: &[f64]| -> f64 {
        row.iter().zip(c).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let mut centers: Vec<Vec<f64>> = vec![rows.row(draw::below(random, n)).to_vec()];
    let mut nearest = vec![f64::INFINITY; n];
    while centers.len() < k.min(n) {
        let last = &centers[centers.len() - 1];
        nearest.iter_mut().zip(rows.rows()).for_each(|(best, row)| *best = best.min(square(row, last)));
        let total: f64 = nearest.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut at = draw::uniform(random) * total;
        let chosen = nearest
            .iter()
            .position(|&w| {
                at -= w;
                at <= 0.0
            })
            .unwrap_or(n - 1);
        centers.push(rows.row(chosen).to_vec());
    }
    let mut sums = Vec::new();
    for _ in 0..10 {
        sums = vec![Sums::new(d); centers.len()];
        for row in rows.rows() {
            let at =
                (0..centers.len()).map(|c| (square(row, &centers[c]), c)).min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, at)) = at {
                sums[at].add(1.0, &cells(row)[..d]);
            }
        }
        for (center, s) in centers.iter_mut().zip(&sums).filter(|(_, s)| s.count > 0.0) {
            center.iter_mut().zip(&s.sum).for_each(|(c, v)| *c = v / s.count);
        }
    }
    sums.retain(|s| s.count > 0.0);
    sums
}
