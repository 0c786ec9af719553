//! How good anomalies of a pool are to learn from: the expected anomaly posterior (EAP).
//!
//! # Idea
//! Made anomalies are of two bad sorts: those that cannot be told from normal rows, and those that nothing real would
//! ever look like. A detector that is asked how sure it is of a row knows both: of the first it is sure that they are
//! normal, of the second it has seen nothing near, so that all it has is its prior.
//!
//! # Equations
//! The probability that a row `x` is anomalous has the prior `Beta(b, 1 - b)`, with `b` the share of known anomalies.
//! `n` normal rows are worth `n f(x)` observations at `x`, of which the detector calls the share `q(x)` anomalous:
//! `EAP(x) = E[(b + n f(x) q(x)) / (1 + n f(x))]`, the mean over random subsets of the normal rows.
//! - `f(x) = g(x) / (g(x) + sum_i g(x_i))`, with `1 / g(x)` the rarity of `x`: the least radius among the balls that
//!   hold `x`. Each normal row has a ball up to its k-th neighbour; `g(x) = 0` outside of all.
//! - `q(x) = 1 - 2^(-z^2)`, `z = (s(x) - m) / (c - m)` from 0 up, for the detector's score `s`, its median `m` and its
//!   `1 - b` quantile `c` over the normal rows of the subset.
//! - `k`: with `k_a` the least k for which a known anomaly `a` is in some ball, and
//!   `p_a = (k_a - k_0) / (n - 1 - k_0)`, the 0.95 quantile of `Beta(1 + sum p_a, 1 + sum (1 - p_a))`, from `k_0` to
//!   `n - 1`. Without known anomalies this is 0.95.
//!
//! # Score
//! From 0 to 1; higher is better to learn from. Rows beyond all balls have `b`; a row in a region as dense as the mean of
//! normal rows has about `(b + q) / 2`.
//!
//! # Complexity
//! O(n^2 (d + log n)) once, and for each of `n_subsets` subsets O(n^2) and a fit of the detector; O(n (d + n_subsets))
//! per row of the pool, for n at most `max_rows`.
//!
//! # Use when / Avoid when
//! To choose from generated rows, or from other data's anomalies, those worth training on or testing with. The
//! judgement is that of the detector given: where it is blind, so is the judgement.
//!
//! # Differences
//! - Any detector gives scores; the authors use a semi-supervised one (SSDO) whose scores begin at 0. Scores count from
//!   their median here, because few detectors have a 0 that means anything.
//! - Known anomalies take part in `b` and `k`, not in the detector's fit.
//!
//! # References
//! - Perini, Rudolph, Schmedding, Qiu 2024, Uncertainty-aware evaluation of auxiliary anomalies with the expected anomaly
//!   posterior, TMLR. arXiv:2405.13699
//! - Han, Choi, Choi, Kim, Ha, Choi 2023, Rarity score, ICLR. arXiv:2206.08549
//!
//! # Example
//! ```
//! use anomalyst_core::Run;
//! use anomalyst_synth::{ExpectedAnomalyPosterior, Rows, judge};
//! let normal = ndarray::Array2::from_shape_fn((40, 1), |(i, _)| (i as f32 * 0.618).fract());
//! // Among the normal rows, just beside them, and far from everything.
//! let pool = ndarray::array![[0.5_f32], [1.3], [90.0]];
//! let known = ndarray::Array2::zeros((0, 1));
//! let rows = Rows { normal: normal.view(), known: known.view(), pool: pool.view() };
//! let from_middle = |rows: &[usize]| {
//!     let score = |v: f32| (v - 0.5).abs();
//!     Ok((rows.iter().map(|&i| score(normal[[i, 0]])).collect(), pool.iter().map(|&v| score(v)).collect()))
//! };
//! let quality = judge(&rows, &ExpectedAnomalyPosterior::default(), &from_middle, &Run::new(0)).unwrap();
//! assert!(quality[1] > quality[0] && quality[1] > quality[2]);
//! ```

use anomalyst_core::{Error, Result, Run};
use anomalyst_kernels::beta::beta_quantile;
use anomalyst_kernels::draw::{below, uniform};
use anomalyst_kernels::neighbors::squared_distance;
use anomalyst_kernels::stats::quantile;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::seq::index;
use rayon::prelude::*;

/// The random stream of subsets.
const STREAM: u64 = 3 << 32;
/// The largest share of normal rows in a subset, of the authors' code.
const MOST_FRAC: f64 = 0.99;
/// The quantile of the page's `k`.
const CERTAINTY: f64 = 0.95;

/// How rows are judged.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedAnomalyPosterior {
    /// Random subsets of the normal rows.
    pub n_subsets: usize,
    /// The least k of a ball.
    pub n_neighbors: usize,
    /// Normal rows that are used at most; more are sampled.
    pub max_rows: usize,
    /// Rows of a subset at least: what the detector needs.
    pub min_rows: usize,
}

impl Default for ExpectedAnomalyPosterior {
    /// The numbers of the authors' code.
    fn default() -> Self {
        Self { n_subsets: 100, n_neighbors: 5, max_rows: 1000, min_rows: 2 }
    }
}

/// Rows in which Euclidean distance means something.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Normal rows.
    pub normal: ArrayView2<'a, f32>,
    /// Anomalies that are known to be real; may be none.
    pub known: ArrayView2<'a, f32>,
    /// Rows to judge.
    pub pool: ArrayView2<'a, f32>,
}

/// A detector: learns from the normal rows of these numbers, and scores them and the whole pool.
pub type Scorer<'a> = dyn Fn(&[usize]) -> Result<(Vec<f32>, Vec<f32>)> + 'a;

/// The quality of each row of the pool, by `scorer`.
pub fn judge(
    rows: &Rows<'_>,
    params: &ExpectedAnomalyPosterior,
    scorer: &Scorer<'_>,
    run: &Run,
) -> Result<Vec<f64>> {
    params.check()?;
    rows.check()?;
    let n_least = params.min_rows.max(params.n_neighbors + 2);
    if rows.normal.nrows() < n_least {
        return Err(Error::TooFewItems {
            what: "judging anomalies".into(),
            got: rows.normal.nrows(),
            need: n_least,
        });
    }
    let mut random = run.random(STREAM);
    let mut chosen: Vec<usize> = (0..rows.normal.nrows()).collect();
    if chosen.len() > params.max_rows.max(n_least) {
        chosen = index::sample(&mut random, chosen.len(), params.max_rows.max(n_least)).into_vec();
        chosen.sort_unstable();
    }
    let balls = Balls::new(rows, &chosen, run)?;
    let n = chosen.len();
    let stage = run.stage("judging", params.n_subsets as u64);
    let mut subsets = Vec::with_capacity(params.n_subsets);
    for _ in 0..params.n_subsets {
        run.check()?;
        let least =
            (n_least.max(params.n_neighbors + 1 + rows.known.nrows()) as f64 / n as f64).min(MOST_FRAC);
        let share = least + uniform(&mut random) * (MOST_FRAC - least);
        let mut is_in: Vec<bool> = (0..n).map(|_| uniform(&mut random) < share).collect();
        while is_in.iter().filter(|is_in| **is_in).count() < n_least {
            is_in[below(&mut random, n)] = true;
        }
        let own: Vec<usize> = (0..n).filter(|&i| is_in[i]).map(|i| chosen[i]).collect();
        let (of_own, of_pool) = scorer(&own)?;
        if of_own.len() != own.len() || of_pool.len() != rows.pool.nrows() {
            return Err(Error::Data("a detector gave another number of scores than rows".into()));
        }
        subsets.push(balls.subset(&is_in, params.n_neighbors, (&of_own, of_pool), run)?);
        stage.advance(1);
    }
    balls.posterior(rows.pool, &subsets, run)
}

impl ExpectedAnomalyPosterior {
    fn check(&self) -> Result<()> {
        let bounds = [
            ("n_subsets", self.n_subsets, 1, 10_000),
            ("n_neighbors", self.n_neighbors, 1, 1_000),
            ("max_rows", self.max_rows, 10, 10_000),
        ];
        match bounds.into_iter().find(|&(_, got, low, high)| got < low || got > high) {
            Some((name, got, low, high)) => Err(Error::BadParameter {
                name: name.into(),
                got: got.to_string(),
                want: format!("{low} to {high}"),
            }),
            None => Ok(()),
        }
    }
}

impl Rows<'_> {
    fn check(&self) -> Result<()> {
        if self.normal.ncols() == 0 {
            return Err(Error::Data("judging anomalies needs at least one column".into()));
        }
        for part in [&self.normal, &self.known, &self.pool] {
            if part.ncols() != self.normal.ncols() {
                return Err(Error::WidthMismatch { fitted: self.normal.ncols(), got: part.ncols() });
            }
            if let Some(((row, column), _)) = part.indexed_iter().find(|(_, v)| !v.is_finite()) {
                return Err(Error::NotFinite { row, column });
            }
        }
        Ok(())
    }
}

/// Distances between the normal rows that are used, and to known anomalies.
struct Balls {
    /// The normal rows that are used.
    normal: Array2<f32>,
    /// Of row `i`: all rows by their distance from it, itself first.
    by_distance: Vec<Vec<(f32, u32)>>,
    /// Distances of the known anomalies, one list per anomaly.
    known: Vec<Vec<f32>>,
}

/// One subset of the normal rows.
struct Subset {
    /// The radius of each row's ball; 0 for rows that are not in the subset.
    radii: Vec<f32>,
    n_rows: f64,
    /// `sum_i g(x_i)`.
    mass: f64,
    /// `b`.
    prior: f64,
    /// `q` of the pool.
    certainty: Vec<f32>,
}

impl Balls {
    fn new(rows: &Rows<'_>, chosen: &[usize], run: &Run) -> Result<Self> {
        let normal = rows.normal.select(Axis(0), chosen).as_standard_layout().into_owned();
        let from = |row: ArrayView1<'_, f32>| distances(row, &normal);
        run.check()?;
        let by_distance = (0..chosen.len())
            .into_par_iter()
            .map(|i| {
                let mut near: Vec<(f32, u32)> = from(normal.row(i)).into_iter().zip(0..).collect();
                near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                near
            })
            .collect();
        let known = (0..rows.known.nrows()).into_par_iter().map(|i| from(rows.known.row(i))).collect();
        Ok(Self { normal, by_distance, known })
    }

    fn subset(
        &self,
        is_in: &[bool],
        least_k: usize,
        (of_own, of_pool): (&[f32], Vec<f32>),
        run: &Run,
    ) -> Result<Subset> {
        run.check()?;
        let own: Vec<usize> = (0..is_in.len()).filter(|&i| is_in[i]).collect();
        let n = own.len();
        // Of each row: distances to the rows of the subset, its own 0 first.
        let near: Vec<Vec<f32>> = own
            .par_iter()
            .map(|&i| {
                self.by_distance[i].iter().filter(|(_, j)| is_in[*j as usize]).map(|&(d, _)| d).collect()
            })
            .collect();
        let k = self.k(&own, &near, least_k);
        let mut radii = vec![0.0; is_in.len()];
        own.iter().zip(&near).for_each(|(&i, near)| radii[i] = near[k]);
        // A row is in few balls or many; those that hold it are found among all.
        let mass = own
            .par_iter()
            .map(|&i| {
                let rarest = self.by_distance[i].iter().map(|&(d, j)| (d, radii[j as usize]));
                1.0 / rarity(rarest)
            })
            .collect::<Vec<f64>>()
            .into_iter()
            .sum();
        let n_known = self.known.len() as f64;
        let prior = n_known / (n_known + is_in.len() as f64);
        let mut scores: Vec<f64> = of_own.iter().map(|&s| f64::from(s)).collect();
        let top = quantile(&mut scores, 1.0 - prior.max(1.0 / n as f64));
        let middle = quantile(&mut scores, 0.5);
        // Where half of the scores are equal to the quantile, any score above it is as odd as can be.
        let unit = (top - middle).max(f64::MIN_POSITIVE);
        let certainty = |s: f32| 1.0 - (-((f64::from(s) - middle).max(0.0) / unit).powi(2)).exp2();
        let certainty = of_pool.into_iter().map(|s| certainty(s) as f32).collect();
        Ok(Subset { radii, n_rows: n as f64, mass, prior, certainty })
    }

    /// The neighbours up to which a ball reaches.
    fn k(&self, own: &[usize], near: &[Vec<f32>], least: usize) -> usize {
        let most = own.len() - 1;
        if most <= least {
            return most;
        }
        let span = (most - least) as f64;
        let share = |distances: &Vec<f32>| {
            // The first neighbour that lies further off than the anomaly ends the least ball that holds it.
            let first = |(&i, near): (&usize, &Vec<f32>)| near.partition_point(|&d| d <= distances[i]);
            let k = own.iter().zip(near).map(first).min().unwrap_or(most).clamp(least, most);
            (k - least) as f64 / span
        };
        let shares: Vec<f64> = self.known.par_iter().map(share).collect();
        let (sum, n) = (shares.iter().sum::<f64>(), shares.len() as f64);
        let share = beta_quantile(CERTAINTY, 1.0 + sum, 1.0 + n - sum);
        ((share * span + least as f64) as usize).clamp(least, most)
    }

    fn posterior(&self, pool: ArrayView2<'_, f32>, subsets: &[Subset], run: &Run) -> Result<Vec<f64>> {
        let one = |i: usize| {
            let distances = distances(pool.row(i), &self.normal);
            let of = |subset: &Subset| {
                let own = 1.0 / rarity(distances.iter().copied().zip(subset.radii.iter().copied()));
                let density = if own > 0.0 { own / (own + subset.mass) } else { 0.0 };
                let worth = subset.n_rows * density;
                (subset.prior + worth * f64::from(subset.certainty[i])) / (1.0 + worth)
            };
            subsets.iter().map(of).sum::<f64>() / subsets.len() as f64
        };
        let mut quality = Vec::with_capacity(pool.nrows());
        for start in (0..pool.nrows()).step_by(4096) {
            run.check()?;
            let end = pool.nrows().min(start + 4096);
            quality.par_extend((start..end).into_par_iter().map(one));
        }
        Ok(quality)
    }
}

/// The least radius among balls that hold the row, from distances and radii; infinite where none does.
fn rarity(balls: impl Iterator<Item = (f32, f32)>) -> f64 {
    let least =
        balls.filter(|(d, radius)| d < radius).map(|(_, radius)| radius).fold(f32::INFINITY, f32::min);
    f64::from(least)
}

/// From one row to each of `rows`, which lie in one piece.
fn distances(row: ArrayView1<'_, f32>, rows: &Array2<f32>) -> Vec<f32> {
    let row = row.to_vec();
    let to = |other: ArrayView1<'_, f32>| {
        squared_distance(&row, other.as_slice().unwrap_or_default()).sqrt() as f32
    };
    rows.outer_iter().map(to).collect()
}

#[cfg(test)]
mod tests;
