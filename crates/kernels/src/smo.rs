//! Sequential minimal optimisation: weights of rows that minimise a quadratic form of kernels.
//!
//! `min_w 1/2 w' K w + p' w` with `0 <= w_i <= 1` and `sum_i w_i = S`, the dual problem of one-class support vector
//! machines and of support vector data description. Each step moves weight between two rows: the one whose gradient
//! asks most for more, and the one with which the gain to second order is largest (Fan, Chen, Lin 2005, Working set
//! selection using second order information for training support vector machines, JMLR 6, WSS 2 without the sign of
//! labels). Rows that rest at a bound are put aside (Joachims 1999, Making large-scale SVM learning practical) and
//! their gradients brought up to date at the end. Kernels are kept in single precision, as many rows as a given memory
//! holds.
//!
//! The steps are taken one after the other; only kernels are computed in parallel, each on its own, so threads change
//! no bit.

mod cache;
mod scan;

use anomalyst_core::{Error, Estimate, Result, Run};
use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use crate::kernel_matrix::{Kernel, PackedRows, TILE};
use cache::RowCache;

/// The smallest curvature that a step divides by, as in libsvm.
const TAU: f64 = 1e-12;
/// Weights this near to a bound are there.
const ROUNDING: f64 = 1e-12;
/// Steps between two looks for rows to put aside, at most; as in libsvm.
const SHRINK_STEPS: usize = 1000;
/// Rows that stand for all when the first weights are chosen.
const START_ROWS: usize = 256;
/// Kernels beyond this would lose the gradients' digits or leave f32.
const MAX_KERNEL: f64 = 1e30;
/// Memory for kernels, as in scikit-learn.
const CACHE_BYTES: usize = 200 << 20;
/// Values of rows above which one row of kernels is worth several threads.
const SPLIT: usize = 1 << 20;

/// What is to be minimised.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// The rows that get weights.
    pub rows: ArrayView2<'a, f32>,
    /// What makes up `K`.
    pub kernel: Kernel,
    /// `p`; 0 where it is not given.
    pub linear: Option<&'a [f64]>,
    /// `S`, between 0 and the number of rows.
    pub total: f64,
    /// The difference of gradients at which no pair of rows is worth a step.
    pub tolerance: f64,
}

/// Weights that minimise.
#[derive(Clone, Debug)]
pub struct Solution {
    /// One per row, between 0 and 1.
    pub weights: Vec<f64>,
    /// The gradient `(K w + p)_i` of rows that are strictly between the bounds, which are alike; where there are
    /// none, halfway between the rows at the two bounds.
    pub level: f64,
    /// Steps taken.
    pub n_steps: usize,
}

/// The rows that still take part.
struct Active {
    ids: Vec<u32>,
    rows: PackedRows,
    weights: Vec<f64>,
    gradient: Vec<f64>,
    diagonal: Vec<f64>,
    cache: RowCache,
}

struct Solver<'a, 'r> {
    problem: Problem<'a>,
    run: &'r Run,
    diagonal: Vec<f64>,
    /// Weights and gradients of all rows; those of active rows are out of date.
    weights: Vec<f64>,
    gradient: Vec<f64>,
    /// The weights that `gradient` belongs to.
    synced: Vec<f64>,
    active: Active,
}

/// Memory and time of [`solve`] for `n` rows of `d` columns of which a share starts with weight.
pub fn solve_estimate(n: usize, d: usize, share: f64) -> Estimate {
    let (rows, columns) = (n as f64, d as f64);
    let kernel = kernel_nanos(d);
    Estimate {
        bytes: CACHE_BYTES.min(4 * n * n) as u64 + n as u64 * (12 * d as u64 + 80),
        // The first gradients, then steps, of which a tenth of the rows bring a new row of kernels as a rule; measured
        // on 10,000 rows of 20 normally distributed columns with room for harder data.
        fit_nanos: rows * rows * (share * kernel + 0.2 * kernel + 0.5) + rows * columns,
        score_nanos_per_row: share * rows * kernel,
    }
}

/// Time of one kernel between rows of `d` columns.
pub fn kernel_nanos(d: usize) -> f64 {
    1.5 + 0.15 * d as f64
}

/// The weights of `problem`.
pub fn solve(problem: Problem<'_>, run: &Run) -> Result<Solution> {
    let n = problem.rows.nrows();
    let diagonal = problem.kernel.of_each_with_itself(problem.rows);
    if !diagonal.iter().all(|k| k.abs() <= MAX_KERNEL) {
        return Err(numeric("kernels of single rows exceed 1e30; divide columns by their deviation first"));
    }
    let stage = run.stage("solving for support vectors", 0);
    let weights = first_weights(&problem, run)?;
    let mut gradient = sums(&problem, &weights, problem.rows, run)?;
    if let Some(linear) = problem.linear {
        gradient.iter_mut().zip(linear).for_each(|(g, p)| *g += p);
    }
    let ids = (0..n as u32).collect();
    let active = Active::new(ids, &problem, &weights, &gradient, &diagonal);
    let mut solver = Solver { problem, run, diagonal, synced: weights.clone(), weights, gradient, active };
    let n_steps = solver.steps(|steps| stage.advance(steps))?;
    let level = level(&solver.active.weights, &solver.active.gradient);
    Ok(Solution { weights: solver.active.weights, level, n_steps })
}

/// All weight on the rows that a sample of rows with equal weights would give it to first: those least like the others.
///
/// Any start leads to the same minimum; this one is near it.
fn first_weights(problem: &Problem<'_>, run: &Run) -> Result<Vec<f64>> {
    let n = problem.rows.nrows();
    let n_sample = n.min(START_ROWS);
    let sample: Vec<usize> = (0..n_sample).map(|i| i * n / n_sample).collect();
    let sample = PackedRows::new(problem.rows.select(Axis(0), &sample).view());
    let even = vec![problem.total / n_sample as f64; n_sample];
    let mut gradient = sample.weighted_sums(problem.kernel, &even, problem.rows, run)?;
    if let Some(linear) = problem.linear {
        gradient.iter_mut().zip(linear).for_each(|(g, p)| *g += p);
    }
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_unstable_by(|&a, &b| gradient[a as usize].total_cmp(&gradient[b as usize]).then(a.cmp(&b)));
    let mut weights = vec![0.0; n];
    let mut left = problem.total.clamp(0.0, n as f64);
    for row in order {
        weights[row as usize] = snap(left.min(1.0));
        left -= weights[row as usize];
    }
    Ok(weights)
}

/// `sum_i w_i k(x_i, q)` of each query.
fn sums(problem: &Problem<'_>, weights: &[f64], queries: ArrayView2<'_, f32>, run: &Run) -> Result<Vec<f64>> {
    let with_weight: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] != 0.0).collect();
    let packed = PackedRows::new(problem.rows.select(Axis(0), &with_weight).view());
    let weights: Vec<f64> = with_weight.iter().map(|&i| weights[i]).collect();
    packed.weighted_sums(problem.kernel, &weights, queries, run)
}

/// The common gradient of rows between the bounds; see [`Solution::level`].
pub fn level(weights: &[f64], gradient: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    let (mut highest_full, mut lowest_empty) = (f64::NEG_INFINITY, f64::INFINITY);
    for (&w, &g) in weights.iter().zip(gradient) {
        if w >= 1.0 {
            highest_full = highest_full.max(g);
        } else if w <= 0.0 {
            lowest_empty = lowest_empty.min(g);
        } else {
            sum += g;
            count += 1.0;
        }
    }
    if count > 0.0 {
        sum / count
    } else if highest_full.is_finite() && lowest_empty.is_finite() {
        highest_full / 2.0 + lowest_empty / 2.0
    } else if highest_full.is_finite() {
        highest_full
    } else {
        lowest_empty
    }
}

impl Solver<'_, '_> {
    /// Steps until no pair is worth one; how many.
    fn steps(&mut self, report: impl Fn(u64)) -> Result<usize> {
        let n = self.weights.len();
        let most = (100 * n).max(10_000_000);
        let mut until_shrink = n.min(SHRINK_STEPS);
        let mut was_near = false;
        for step in 0..most {
            if step % 64 == 0 {
                self.run.check()?;
                report(64);
            }
            until_shrink -= 1;
            if until_shrink == 0 {
                until_shrink = n.min(SHRINK_STEPS);
                let (low, high) = self.active.ends();
                // Far from the end a row may rest at the wrong bound; near it, all are looked at once more.
                if !was_near && high - low <= 10.0 * self.problem.tolerance {
                    was_near = true;
                    self.take_all_back()?;
                }
                self.put_aside();
            }
            let mut pair = self.active.select(&self.problem);
            if pair.is_none() {
                if self.active.ids.len() == n {
                    return Ok(step);
                }
                self.take_all_back()?;
                pair = self.active.select(&self.problem);
                until_shrink = 1;
            }
            match pair {
                Some((i, j)) => self.active.step(i, j, self.problem.kernel),
                None => return Ok(step),
            }
        }
        Err(numeric(
            "the weights of rows did not settle; raise `tolerance`, or divide columns by their deviation",
        ))
    }

    /// Leaves out rows that rest at a bound and whose gradients say that they will stay, once they are a quarter.
    fn put_aside(&mut self) {
        let active = &self.active;
        let (low, high) = active.ends();
        let stays = |&t: &usize| {
            let (w, g) = (active.weights[t], active.gradient[t]);
            !(w >= 1.0 && g < low || w <= 0.0 && g > high)
        };
        let keep: Vec<usize> = (0..active.ids.len()).filter(stays).collect();
        if keep.len() * 4 > active.ids.len() * 3 {
            return;
        }
        self.store_weights();
        self.active.keep(&keep, &self.problem);
    }

    fn store_weights(&mut self) {
        for (&id, &w) in self.active.ids.iter().zip(&self.active.weights) {
            self.weights[id as usize] = w;
        }
    }

    /// Makes all rows active again; their gradients change by the kernels of the rows whose weights changed.
    fn take_all_back(&mut self) -> Result<()> {
        let n = self.weights.len();
        if self.active.ids.len() == n {
            return Ok(());
        }
        self.store_weights();
        let mut aside = vec![true; n];
        for (&id, &g) in self.active.ids.iter().zip(&self.active.gradient) {
            aside[id as usize] = false;
            self.gradient[id as usize] = g;
        }
        let aside: Vec<usize> = (0..n).filter(|&i| aside[i]).collect();
        let changes: Vec<f64> = self.weights.iter().zip(&self.synced).map(|(now, then)| now - then).collect();
        let queries = self.problem.rows.select(Axis(0), &aside);
        let changes = sums(&self.problem, &changes, queries.view(), self.run)?;
        aside.iter().zip(changes).for_each(|(&i, change)| self.gradient[i] += change);
        self.synced.clone_from(&self.weights);
        let ids = (0..n as u32).collect();
        self.active = Active::new(ids, &self.problem, &self.weights, &self.gradient, &self.diagonal);
        Ok(())
    }
}

impl Active {
    fn new(
        ids: Vec<u32>,
        problem: &Problem<'_>,
        weights: &[f64],
        gradient: &[f64],
        diagonal: &[f64],
    ) -> Self {
        let cache = RowCache::new(ids.len(), CACHE_BYTES);
        Self {
            rows: PackedRows::new(problem.rows),
            weights: weights.to_vec(),
            gradient: gradient.to_vec(),
            diagonal: diagonal.to_vec(),
            ids,
            cache,
        }
    }

    fn keep(&mut self, keep: &[usize], problem: &Problem<'_>) {
        self.ids = keep.iter().map(|&t| self.ids[t]).collect();
        for list in [&mut self.weights, &mut self.gradient, &mut self.diagonal] {
            *list = keep.iter().map(|&t| list[t]).collect();
        }
        let ids: Vec<usize> = self.ids.iter().map(|&id| id as usize).collect();
        self.rows = PackedRows::new(problem.rows.select(Axis(0), &ids).view());
        self.cache.keep(keep);
    }

    /// The lowest gradient of rows that can take weight and the highest of rows that can give some.
    fn ends(&self) -> (f64, f64) {
        let pairs = || self.weights.iter().zip(&self.gradient);
        let low = pairs().filter(|(w, _)| **w < 1.0).map(|(_, g)| *g).fold(f64::INFINITY, f64::min);
        let high = pairs().filter(|(w, _)| **w > 0.0).map(|(_, g)| *g).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    }

    /// The row to give weight to and the one to take it from.
    fn select(&mut self, problem: &Problem<'_>) -> Option<(usize, usize)> {
        let i = scan::lowest_with_room(&self.weights, &self.gradient)?;
        let slot = self.kernels_of(i, problem.kernel);
        let from = scan::From { gradient: self.gradient[i], diagonal: self.diagonal[i] };
        let found =
            scan::best_partner(from, &self.weights, &self.gradient, &self.diagonal, self.cache.row(slot))?;
        (found.highest - from.gradient >= problem.tolerance).then_some((i, found.partner))
    }

    /// Moves weight from row `j` to row `i`, as far as it helps and the bounds allow.
    fn step(&mut self, i: usize, j: usize, kernel: Kernel) {
        let (slot_i, slot_j) = (self.kernels_of(i, kernel), self.kernels_of(j, kernel));
        let (row_i, row_j) = (self.cache.row(slot_i), self.cache.row(slot_j));
        let curvature = self.diagonal[i] + self.diagonal[j] - 2.0 * f64::from(row_i[j]);
        let wish = (self.gradient[j] - self.gradient[i]) / curvature.max(TAU);
        let (room, stock) = (1.0 - self.weights[i], self.weights[j]);
        let change = wish.min(room).min(stock);
        self.weights[i] = snap(self.weights[i] + change);
        self.weights[j] = snap(stock - change);
        scan::add_difference(&mut self.gradient, change, row_i, row_j);
    }

    /// Where the kernels between row `i` and all active rows are.
    fn kernels_of(&mut self, i: usize, kernel: Kernel) -> usize {
        let rows = &self.rows;
        self.cache.slot(i, |out| {
            let query: Vec<f64> = rows.row(i).map(f64::from).collect();
            let fill = |(tile, out): (usize, &mut [f32])| {
                let mut buffer = [0.0; TILE];
                let buffer = &mut buffer[..out.len()];
                rows.kernels(kernel, &query, tile * TILE, buffer);
                out.iter_mut().zip(buffer).for_each(|(out, k)| *out = *k as f32);
            };
            if rows.len() * rows.n_columns() > SPLIT {
                out.par_chunks_mut(TILE).enumerate().for_each(fill);
            } else {
                out.chunks_mut(TILE).enumerate().for_each(fill);
            }
        })
    }
}

/// A weight between 0 and 1. Rows at a bound are exactly there; a remainder of rounding would count as a row between
/// the bounds.
pub fn snap(weight: f64) -> f64 {
    if weight < ROUNDING {
        0.0
    } else if weight > 1.0 - ROUNDING {
        1.0
    } else {
        weight
    }
}

fn numeric(what: &str) -> Error {
    Error::Numeric { method: "support vectors".into(), what: what.into() }
}

#[cfg(test)]
mod tests;
