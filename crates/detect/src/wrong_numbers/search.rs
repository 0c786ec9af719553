//! Out-of-fold predictions, and the search for the share of rows that is better left out.

use anomalyst_core::{Result, Run};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::forest::{Covariates, Forest, Growing};
use super::{Combination, WrongNumbers, relative};

/// Shares of rows that are left out at first, as the authors' tool tries them.
const SHARES: [f64; 5] = [0.01, 0.05, 0.1, 0.15, 0.2];
/// How often each row is met: once by a fold that has not seen it.
const STREAMS: u64 = 1 << 20;

/// One response, its covariates and the folds its known rows are in.
pub(super) struct Judged<'a> {
    pub(super) of: Covariates<'a>,
    /// The response; of missing ones 0, which nobody reads.
    pub(super) y: Vec<f64>,
    /// Rows of known response.
    pub(super) rows: Vec<u32>,
    /// The fold of each of `rows`.
    fold: Vec<u32>,
    n_folds: usize,
    growing: Growing,
    combination: Combination,
}

/// Forests that each have not seen one fold, and mean and spread that they predict for each row.
type Predicted = (Vec<Forest>, Vec<(f64, f64)>);

/// Forests that each have not seen one fold, and what they say of the rows.
pub(super) struct Round {
    pub(super) mean: Vec<Forest>,
    /// Signed residual of each known row.
    pub(super) residual: Vec<f64>,
    /// Spread of the bags at each known row.
    epistemic: Vec<f64>,
    dropped: Vec<bool>,
    /// Out-of-fold share of the response's variance that is explained.
    pub(super) r2: f64,
    pub(super) drop_frac: f64,
}

/// How large residuals usually are.
pub(super) struct Noise {
    pub(super) forests: Vec<Forest>,
    /// Uncertainty at each known row.
    uncertainty: Vec<f64>,
    /// Below this an uncertainty is none.
    pub(super) floor: f64,
}

impl Noise {
    /// Size of each known row's residual in units of the uncertainty.
    pub(super) fn veracity(&self, round: &Round) -> Vec<f64> {
        let of = |(r, u): (&f64, &f64)| relative(*r, *u, self.floor);
        round.residual.iter().zip(&self.uncertainty).map(of).collect()
    }
}

impl<'a> Judged<'a> {
    pub(super) fn new(of: Covariates<'a>, params: &WrongNumbers, run: &Run) -> Self {
        let column = of.features.values.column(of.response);
        let known = |row: &u32| !column[*row as usize].is_nan();
        let rows: Vec<u32> = (0..of.features.n_parts() as u32).filter(known).collect();
        let n_folds = params.n_folds.min(rows.len()).max(1);
        let mut fold: Vec<u32> = (0..rows.len()).map(|i| (i % n_folds) as u32).collect();
        fold.shuffle(&mut run.random(u64::MAX));
        let y = column.iter().map(|&v| if v.is_nan() { 0.0 } else { f64::from(v) }).collect();
        let growing = Growing {
            n_bags: params.n_bootstraps,
            n_trees: params.n_trees,
            min_leaf: params.min_leaf,
            sample_size: params.sample_size,
        };
        Self { of, y, rows, fold, n_folds, growing, combination: params.combination }
    }

    /// The round of the share left out that lets the rest predict best.
    pub(super) fn search(&self, max_drop_frac: f64, run: &Run) -> Result<(Round, Noise)> {
        let first = self.round(vec![false; self.rows.len()], 0.0, &run.child(0))?;
        let noise = self.noise(&first, &run.child(100))?;
        let veracity = noise.veracity(&first);
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|&a, &b| veracity[b].total_cmp(&veracity[a]));
        let mut best = first;
        let try_share = |share: f64, number: u64, best: &mut Round| -> Result<()> {
            let n_dropped = (share * self.rows.len() as f64).ceil() as usize;
            // Every fold must keep rows to learn from.
            if share > max_drop_frac || self.rows.len() < n_dropped + 2 * self.n_folds {
                return Ok(());
            }
            let mut dropped = vec![false; self.rows.len()];
            order[..n_dropped].iter().for_each(|&i| dropped[i] = true);
            let round = self.round(dropped, share, &run.child(number))?;
            if round.r2 > best.r2 {
                *best = round;
            }
            Ok(())
        };
        for (number, &share) in (1..).zip(&SHARES) {
            try_share(share, number, &mut best)?;
        }
        // Halfway to the neighbours of the best share; below the least one is none.
        if let Some(at) = SHARES.iter().position(|&share| share == best.drop_frac) {
            let below = at.checked_sub(1).map(|below| (SHARES[below] + SHARES[at]) / 2.0);
            let above = SHARES.get(at + 1).map(|above| (above + SHARES[at]) / 2.0);
            for (number, share) in (11..).zip([below, above]) {
                share.map_or(Ok(()), |share| try_share(share, number, &mut best))?;
            }
        }
        let noise = if best.drop_frac > 0.0 { self.noise(&best, &run.child(101))? } else { noise };
        Ok((best, noise))
    }

    /// Learns from all rows but the dropped ones, each fold from the others. A dropped row is predicted by the mean
    /// over all folds, as none has seen it.
    fn round(&self, dropped: Vec<bool>, drop_frac: f64, run: &Run) -> Result<Round> {
        let (mean, predicted) = self.out_of_fold(&self.y, &dropped, run)?;
        let residual: Vec<f64> =
            self.rows.iter().zip(&predicted).map(|(&row, (mean, _))| self.y[row as usize] - mean).collect();
        let epistemic = predicted.into_iter().map(|(_, spread)| spread).collect();
        let r2 = self.r2(&residual);
        Ok(Round { mean, residual, epistemic, dropped, r2, drop_frac })
    }

    /// Learns how large residuals are from the rows that the round learned from.
    fn noise(&self, round: &Round, run: &Run) -> Result<Noise> {
        let mut size = vec![0.0; self.y.len()];
        self.rows.iter().zip(&round.residual).for_each(|(&row, r)| size[row as usize] = r.abs());
        let (forests, predicted) = self.out_of_fold(&size, &round.dropped, run)?;
        let of = |(&epistemic, (aleatoric, _)): (&f64, (f64, f64))| self.combination.of(epistemic, aleatoric);
        let uncertainty = round.epistemic.iter().zip(predicted).map(of).collect();
        Ok(Noise { forests, uncertainty, floor: self.floor(round) })
    }

    fn out_of_fold(&self, target: &[f64], dropped: &[bool], run: &Run) -> Result<Predicted> {
        let kept = |i: &usize| !dropped[*i];
        let grow = |fold: usize| {
            let others = |i: &usize| self.n_folds == 1 || self.fold[*i] as usize != fold;
            let rows: Vec<u32> =
                (0..self.rows.len()).filter(kept).filter(others).map(|i| self.rows[i]).collect();
            Forest::grow(self.of, target, &rows, self.growing, &run.child(STREAMS + fold as u64))
        };
        let forests: Vec<Forest> = (0..self.n_folds).into_par_iter().map(grow).collect::<Result<_>>()?;
        let predict = |i: usize| match dropped[i] {
            true => average(&forests, self.of, self.rows[i] as usize),
            false => forests[self.fold[i] as usize].predict(self.of, self.rows[i] as usize),
        };
        let predicted = (0..self.rows.len()).into_par_iter().map(predict).collect();
        Ok((forests, predicted))
    }

    fn r2(&self, residual: &[f64]) -> f64 {
        let n = self.rows.len() as f64;
        let mean = self.rows.iter().map(|&row| self.y[row as usize]).sum::<f64>() / n;
        let total: f64 = self.rows.iter().map(|&row| (self.y[row as usize] - mean).powi(2)).sum();
        let left: f64 = residual.iter().map(|r| r * r).sum();
        if total > 0.0 { 1.0 - left / total } else { 0.0 }
    }

    /// Below this an uncertainty is none: a hundredth of the usual residual and a thousandth of the response's
    /// spread, or of its size where it has none.
    fn floor(&self, round: &Round) -> f64 {
        let mut sizes: Vec<f64> = round.residual.iter().map(|r| r.abs()).collect();
        let usual = anomalyst_kernels::stats::median(&mut sizes);
        let moments: anomalyst_kernels::stats::Moments =
            self.rows.iter().map(|&row| self.y[row as usize]).collect();
        let spread = if moments.std_dev() > 1e-7 * moments.mean().abs() {
            moments.std_dev()
        } else {
            moments.mean().abs()
        };
        (0.01 * usual).max(1e-3 * spread).max(f64::from(f32::MIN_POSITIVE))
    }
}

/// Mean prediction and mean spread over forests.
pub(super) fn average(forests: &[Forest], of: Covariates<'_>, row: usize) -> (f64, f64) {
    let n = forests.len() as f64;
    let sum = forests
        .iter()
        .map(|forest| forest.predict(of, row))
        .fold((0.0, 0.0), |(a, b), (mean, spread)| (a + mean, b + spread));
    (sum.0 / n, sum.1 / n)
}
