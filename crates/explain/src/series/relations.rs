//! Which channels hang together, and which of them left that first.
//!
//! # Idea
//! Each channel is told from the other channels, now and one point ago, and from its own last value. Only relations
//! that are found again and again on halves of the quiet stretches count. In an event, a channel that its relations
//! no longer tell is where something came in from outside; one that left its band but is still told by the others
//! was carried along.
//!
//! # Equations
//! Neighbourhood selection: lasso of each channel on all others (coordinate descent on the Gram matrix), penalty
//! `max(0.1, 1.5 sqrt(2 ln p / n))` on values standardised robustly and cut at four spreads. Stability selection: a
//! relation stays where at least [`STABLE`] of the halves find it in either direction. A ridge fit on what stayed
//! tells the channel; its residuals on quiet points are the unit for those of the event: their spread, or where their
//! tails are heavy so much more that 1 of 500 quiet points is further off than what counts as left.
//!
//! # References
//! Meinshausen and Bühlmann 2006, Annals of Statistics 34(3); Meinshausen and Bühlmann 2010, JRSS B 72(4).

use std::ops::Range;

use anomalyst_core::{Error, Result, Run, Series};
use anomalyst_kernels::draw::uniform;
use anomalyst_kernels::linalg::Cholesky;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median_and_mad, quantile};
use ndarray::Array2;
use rayon::prelude::*;

use super::EventQuestion;
use super::blame::{LEFT, MOST_CHANNELS, departure, onsets};
use super::channel::{Scene, center_and_spread};

/// Points that relations are learned from at most, the last ones.
const LEARNED: usize = 5_000;
/// Points that are drawn together: neighbours in time say almost the same.
const BLOCK: usize = 50;
/// Halves that relations are searched on.
const HALVES: usize = 20;
/// Share of the halves that must find a relation.
const STABLE: f64 = 0.8;
/// Penalty below which relations are too weak to tell anything.
const LEAST_PENALTY: f64 = 0.1;
/// Coefficients below this are counted as none.
const NONE: f64 = 1e-6;
/// Rounds of coordinate descent.
const ROUNDS: usize = 60;
/// Share of the diagonal that keeps the last fit solvable.
const RIDGE: f64 = 1e-3;
/// Spreads at which learned values are cut.
const CUT: f64 = 4.0;
/// Share of quiet points that are nearer than what counts as left.
const NEARER: f64 = 0.998;

/// Two channels of which one helps to tell the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relation {
    /// The one that is told.
    pub of: usize,
    /// The one that tells.
    pub by: usize,
    /// Coefficients of its value now and one point ago, in spreads per spread.
    pub weights: [f64; 2],
    /// Share of the halves that found the two related.
    pub stability: f64,
}

/// What tells one channel.
#[derive(Clone, Debug)]
struct Teller {
    /// Column among the regressors and coefficient.
    terms: Vec<(usize, f64)>,
    center: f64,
    sigma: f64,
}

/// A sparse graph of channels that hang together.
#[derive(Clone, Debug)]
pub struct Relations {
    channels: Vec<usize>,
    scales: Vec<(f64, f64)>,
    tellers: Vec<Teller>,
    /// The relations, by the channel that is told.
    pub edges: Vec<Relation>,
}

/// How a channel went in an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RootCause {
    /// Column of the channel.
    pub channel: usize,
    /// First point, in the series, at which the other channels no longer tell it.
    pub left_relations: Option<usize>,
    /// First point at which it left its own band.
    pub left_band: Option<usize>,
    /// Whether any other channel tells it; where none does, its relations are those to its own last value.
    pub related: bool,
    /// The largest distance from what its relations tell, in usual distances.
    pub surprise: f64,
}

impl Relations {
    /// Learns from the points of `range` outside of `events` how the first 50 of `channels` hang together. With fewer
    /// than two blocks of 50 points nothing is related to anything.
    pub fn learn(
        series: &Series,
        range: Range<usize>,
        events: &[Range<usize>],
        channels: &[usize],
        run: &Run,
    ) -> Result<Self> {
        let n_channels = series.values.ncols();
        let range = range.start.min(series.n_points())..range.end.min(series.n_points());
        let channels: Vec<usize> =
            channels.iter().copied().filter(|&c| c < n_channels).take(MOST_CHANNELS).collect();
        let mut quiet = vec![true; range.len()];
        for event in events {
            let inside = |point: usize| point.clamp(range.start, range.end.max(range.start)) - range.start;
            let (from, until) = (inside(event.start), inside(event.end));
            if from < until {
                quiet[from..until].fill(false);
            }
        }
        let points: Vec<usize> = (1..quiet.len()).filter(|&i| quiet[i] && quiet[i - 1]).collect();
        let points: Vec<usize> =
            points[points.len().saturating_sub(LEARNED)..].iter().map(|i| i + range.start).collect();
        let scale = |&channel: &usize| {
            let values = points.iter().map(|&p| series.values[[p, channel]]).filter(|v| v.is_finite());
            center_and_spread(&values.collect::<Vec<f64>>())
        };
        let scales: Vec<(f64, f64)> = channels.iter().map(scale).collect();
        let mut relations = Self { channels, scales, tellers: Vec::new(), edges: Vec::new() };
        let blocks = relations.blocks(series, &points, run)?;
        relations.select(&blocks, run)?;
        relations.measure(series, &points);
        Ok(relations)
    }

    /// Values now, and after them values one point ago, in spreads from the centre; 0 where missing, which is the
    /// centre.
    fn regressors(&self, series: &Series, point: usize) -> Vec<f64> {
        let z = |point: usize, i: usize| {
            let (center, spread) = self.scales[i];
            let z = series.values[[point, self.channels[i]]] / spread - center / spread;
            if z.is_nan() { 0.0 } else { z.clamp(-1e9, 1e9) }
        };
        let p = self.channels.len();
        (0..p).map(|i| z(point, i)).chain((0..p).map(|i| z(point - 1, i))).collect()
    }

    /// Sums of products of the regressors, one matrix per block of points.
    fn blocks(&self, series: &Series, points: &[usize], run: &Run) -> Result<Vec<(f64, Array2<f64>)>> {
        let p = 2 * self.channels.len();
        run.install(|| {
            let block = |block: &[usize]| {
                run.check()?;
                let mut gram = Array2::<f64>::zeros((p, p));
                for &point in block {
                    let mut x = self.regressors(series, point);
                    x.iter_mut().for_each(|v| *v = v.clamp(-CUT, CUT));
                    for i in 0..p {
                        (0..p).for_each(|j| gram[[i, j]] += x[i] * x[j]);
                    }
                }
                Ok((block.len() as f64, gram))
            };
            points.par_chunks(BLOCK).map(block).collect()
        })
    }

    /// Keeps what is stable, and fits it.
    fn select(&mut self, blocks: &[(f64, Array2<f64>)], run: &Run) -> Result<()> {
        let p = self.channels.len();
        self.tellers = vec![Teller { terms: Vec::new(), center: 0.0, sigma: 1.0 }; p];
        if blocks.len() < 2 || p < 2 {
            return Ok(());
        }
        let found = run.install(|| {
            let half = |half: usize| {
                run.check()?;
                let (n, gram) = half_of(blocks, run, half as u64);
                let cosines = cosines(&gram);
                let found = |of: usize| lasso(&cosines, of, p, penalty(p, n));
                Ok((0..p).map(found).collect::<Vec<_>>())
            };
            (0..HALVES).into_par_iter().map(half).collect::<Result<Vec<_>>>()
        })?;
        let helps = |half: &[Vec<f64>], of: usize, by: usize| {
            half[of][by].abs() > NONE || half[of][p + by].abs() > NONE
        };
        let whole = sum(blocks.iter());
        for of in 0..p {
            let mut kept: Vec<(usize, f64)> = Vec::new();
            for by in (0..p).filter(|&by| by != of) {
                let either = found.iter().filter(|half| helps(half, of, by) || helps(half, by, of)).count();
                let stability = either as f64 / HALVES as f64;
                if stability >= STABLE {
                    kept.push((by, stability));
                }
            }
            let columns: Vec<usize> =
                kept.iter().flat_map(|k| [k.0, p + k.0]).chain(std::iter::once(p + of)).collect();
            let weights = ridge(&whole.1, of, &columns)?;
            for (i, &(by, stability)) in kept.iter().enumerate() {
                self.edges.push(Relation {
                    of,
                    by,
                    weights: [weights[2 * i], weights[2 * i + 1]],
                    stability,
                });
            }
            self.tellers[of].terms = columns.into_iter().zip(weights).collect();
        }
        // Inside, channels are counted among those that were chosen; outside, in the series.
        for edge in &mut self.edges {
            (edge.of, edge.by) = (self.channels[edge.of], self.channels[edge.by]);
        }
        Ok(())
    }

    /// Centre and size of the residuals on quiet points.
    fn measure(&mut self, series: &Series, points: &[usize]) {
        let rows: Vec<Vec<f64>> = points.iter().map(|&point| self.regressors(series, point)).collect();
        for (i, teller) in self.tellers.iter_mut().enumerate() {
            let mut rest: Vec<f64> = rows.iter().map(|x| rest(teller, i, x)).collect();
            if !rest.is_empty() {
                let (center, mad) = median_and_mad(&mut rest);
                rest.iter_mut().for_each(|v| *v = (*v - center).abs());
                let tail = quantile(&mut rest, NEARER) / LEFT;
                (teller.center, teller.sigma) = (center, (mad * MAD_TO_SIGMA).max(tail).max(1e-3));
            }
        }
    }

    /// Ranks channels by how likely they are where the event came from: first those whose relations broke, the
    /// earlier the better, then those that left their band and are still told by the others, then the rest. What
    /// left at the same point is ordered by surprise.
    pub fn root_causes(&self, question: &EventQuestion<'_>, run: &Run) -> Result<Vec<RootCause>> {
        let scene = Scene::new(question)?;
        let series = question.series;
        if let Some(channel) = self.channels.iter().find(|&&channel| channel >= series.values.ncols()) {
            let n = series.values.ncols();
            return Err(Error::Data(format!(
                "relations know channel {channel}, the series has {n} channels"
            )));
        }
        let onsets = onsets(&scene, &self.channels, run)?;
        let event = question.event.start.max(question.range.start + 1)..question.event.end;
        let rows: Vec<Vec<f64>> = event.clone().map(|point| self.regressors(series, point)).collect();
        let mut causes: Vec<RootCause> = Vec::with_capacity(self.channels.len());
        for (i, (&channel, teller)) in self.channels.iter().zip(&self.tellers).enumerate() {
            let there = |point: usize| series.values[[point, channel]].is_finite();
            let off: Vec<f64> = rows
                .iter()
                .zip(event.clone())
                .map(
                    |(x, point)| {
                        if there(point) { (rest(teller, i, x) - teller.center) / teller.sigma } else { 0.0 }
                    },
                )
                .collect();
            causes.push(RootCause {
                channel,
                left_relations: departure(&off).map(|at| event.start + at),
                left_band: onsets[i].map(|at| question.event.start + at),
                related: self.edges.iter().any(|edge| edge.of == channel),
                surprise: off.iter().fold(0.0, |most: f64, off| most.max(off.abs())),
            });
        }
        let key = |cause: &RootCause| match (cause.left_relations, cause.left_band) {
            (Some(at), _) => (0, at),
            (None, Some(at)) => (1, at),
            (None, None) => (2, 0),
        };
        causes.sort_by(|a, b| key(a).cmp(&key(b)).then(b.surprise.total_cmp(&a.surprise)));
        Ok(causes)
    }
}

/// The end of a sentence that says which of `causes`, ranked as [`Relations::root_causes`] does, broke away first and
/// when, such as `` `x3` broke away from the others first, at point 17``. `None` where that would say nothing: where no
/// other channel left what is usual, or where no other channel ever told the first.
pub fn first_to_leave(series: &Series, range: &Range<usize>, causes: &[RootCause]) -> Option<String> {
    super::words::first_to_leave(series, range.start, causes)
}

/// What the others do not tell of channel `of`.
fn rest(teller: &Teller, of: usize, x: &[f64]) -> f64 {
    x[of] - teller.terms.iter().map(|&(column, weight)| weight * x[column]).sum::<f64>()
}

fn penalty(p: usize, n: f64) -> f64 {
    (1.5 * (2.0 * (2.0 * p as f64).ln() / n.max(1.0)).sqrt()).max(LEAST_PENALTY)
}

fn sum<'a>(blocks: impl Iterator<Item = &'a (f64, Array2<f64>)>) -> (f64, Array2<f64>) {
    let mut total = (0.0, Array2::zeros((0, 0)));
    for (n, gram) in blocks {
        total.0 += n;
        total.1 = if total.1.is_empty() { gram.clone() } else { total.1 + gram };
    }
    total
}

/// Half of the blocks, drawn without putting back.
fn half_of(blocks: &[(f64, Array2<f64>)], run: &Run, number: u64) -> (f64, Array2<f64>) {
    let mut random = run.random(number);
    let mut order: Vec<(f64, usize)> = (0..blocks.len()).map(|i| (uniform(&mut random), i)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    sum(order[..blocks.len().div_ceil(2)].iter().map(|&(_, i)| &blocks[i]))
}

/// Cosines of the angles between regressors; 0 with those that never move.
fn cosines(gram: &Array2<f64>) -> Array2<f64> {
    let sizes: Vec<f64> = gram.diag().iter().map(|square| square.max(0.0).sqrt()).collect();
    Array2::from_shape_fn(gram.dim(), |(i, j)| {
        let both = sizes[i] * sizes[j];
        if both > 0.0 { gram[[i, j]] / both } else { 0.0 }
    })
}

/// Coefficients of all regressors for channel `of`, on regressors of unit size; its own last value is free of
/// penalty.
fn lasso(cosines: &Array2<f64>, of: usize, p: usize, penalty: f64) -> Vec<f64> {
    let mut weights = vec![0.0; 2 * p];
    if cosines[[of, of]] <= 0.0 {
        return weights;
    }
    // What is left to explain, seen from each regressor.
    let mut left = cosines.row(of).to_vec();
    for _ in 0..ROUNDS {
        let mut moved: f64 = 0.0;
        for j in (0..2 * p).filter(|&j| j != of && cosines[[j, j]] > 0.0) {
            let old = weights[j];
            let free = left[j] + old;
            let cut = if j == p + of { 0.0 } else { penalty };
            let new = free.signum() * (free.abs() - cut).max(0.0);
            if new != old {
                weights[j] = new;
                left.iter_mut().zip(cosines.row(j)).for_each(|(left, cosine)| *left -= (new - old) * cosine);
                moved = moved.max((new - old).abs());
            }
        }
        if moved < NONE {
            break;
        }
    }
    weights
}

/// Least squares with a little ridge of channel `of` on `columns`.
fn ridge(gram: &Array2<f64>, of: usize, columns: &[usize]) -> Result<Vec<f64>> {
    let m = columns.len();
    let mut left = Array2::from_shape_fn((m, m), |(i, j)| gram[[columns[i], columns[j]]]);
    for i in 0..m {
        left[[i, i]] += RIDGE * left[[i, i]] + 1e-9;
    }
    let right: Vec<f64> = columns.iter().map(|&j| gram[[of, j]]).collect();
    Cholesky::new(left.view())?.solve(&right)
}
