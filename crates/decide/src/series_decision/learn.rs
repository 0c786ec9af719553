//! Makes a decision from scores, with or without a clean part.

use anomalyst_core::{Error, Result, check_params, ranges_of};
use rayon::prelude::*;

use super::tail::{EventTail, Scores};
use super::{SeriesDecision, SeriesDecisionOptions};
use crate::block_conformal::block_maxima;
use crate::calibration::{Calibration, check_scores};
use crate::extremes::{Clustering, check_ends, clusters};

/// A shorter clean part says less about the tail than the data do.
const CLEAN_POINTS: usize = 200;
/// Blocks that a clean part is cut into at least, for p-values down to 0.05.
const MIN_BLOCKS: usize = 19;
/// Blocks are this many run lengths long, so that few clusters lie across a border.
const RUNS_PER_BLOCK: usize = 4;
/// Quantiles at which the run length is looked for.
const RUN_LEVELS: [f64; 3] = [0.9, 0.95, 0.98];
/// An estimated run length is at most this share of the points: longer ones are seasons, not events.
const LONGEST_RUN: usize = 200;

impl SeriesDecision {
    /// From the scores of points in the order of time; each series ends at one of `ends`. The clean part, where the
    /// options name one of at least 200 points, has to be scored as new data are: held out from the fit.
    pub fn learn(scores: &[f32], ends: &[usize], options: &SeriesDecisionOptions) -> Result<Self> {
        check_params("series_decision", options)?;
        check_scores(scores)?;
        check_ends(ends, scores.len())?;
        let (clean, clean_ends) = clean_part(scores, ends, &options.clean_lens)?;
        let is_clean = clean.len() >= CLEAN_POINTS;
        let rest = if is_clean { scores.len() - clean.len() } else { scores.len() };
        let horizon_len = options.horizon_len.unwrap_or(if rest == 0 { scores.len() } else { rest });
        let (used, used_ends) = if is_clean { (&clean[..], &clean_ends[..]) } else { (scores, ends) };
        let mut sorted = used.to_vec();
        sorted.par_sort_unstable_by(f32::total_cmp);
        let run_len = options.window_len.unwrap_or_else(|| run_len(used, used_ends, &sorted));
        let of =
            Scores { scores: used, ends: used_ends, sorted: &sorted, run_len, may_be_anomalous: !is_clean };
        let rate = options.rate(horizon_len);
        let tail = EventTail::learn(&of, rate)?;
        let blocks = is_clean.then(|| blocks(&clean, &clean_ends, run_len)).transpose()?;
        Ok(Self {
            options: options.clone(),
            reference: Calibration::new(&normal_part(&of, &tail))?,
            n_points: used.len(),
            horizon_len,
            run_len,
            threshold: tail.return_level(rate),
            tail,
            blocks,
        })
    }
}

/// The leading points of each series that are known to be normal, and where each of these parts ends.
fn clean_part(scores: &[f32], ends: &[usize], lens: &[usize]) -> Result<(Vec<f32>, Vec<usize>)> {
    if lens.len() > 1 && lens.len() != ends.len() {
        return Err(Error::BadParameter {
            name: "clean_lens".into(),
            got: format!("{} numbers", lens.len()),
            want: format!("one number or one per series, {}", ends.len()),
        });
    }
    let (mut clean, mut clean_ends) = (Vec::new(), Vec::new());
    let Some(&first) = lens.first() else { return Ok((clean, clean_ends)) };
    for (i, range) in ranges_of(ends).enumerate() {
        // One number for all may be more than a short series has.
        let len = if lens.len() == 1 && ends.len() > 1 { first.min(range.len()) } else { lens[i] };
        if len > range.len() {
            return Err(Error::Data(format!(
                "the clean part of series {} has {len} points, but the series has {}",
                i + 1,
                range.len()
            )));
        }
        clean.extend_from_slice(&scores[range.start..range.start + len]);
        clean_ends.push(clean.len());
    }
    Ok((clean, clean_ends))
}

/// The middle of what the intervals estimator finds at three levels: anomalies spoil some of them.
fn run_len(scores: &[f32], ends: &[usize], sorted: &[f32]) -> usize {
    let at = |q: f64| sorted[(q * (sorted.len() - 1) as f64) as usize];
    let mut found = RUN_LEVELS.map(|q| Clustering::of(scores, ends, at(q)).run_len);
    found.sort_unstable();
    found[1].clamp(1, (scores.len() / LONGEST_RUN).max(1))
}

fn blocks(clean: &[f32], ends: &[usize], run_len: usize) -> Result<(Calibration, usize)> {
    let most = clean.len() / MIN_BLOCKS;
    let mut len = (RUNS_PER_BLOCK * run_len).clamp(1, most.max(1));
    let mut maxima = block_maxima(clean, ends, len);
    // Many short series have no whole block of that length.
    while maxima.len() < MIN_BLOCKS && len > 1 {
        len /= 2;
        maxima = block_maxima(clean, ends, len);
    }
    Ok((Calibration::new(&maxima)?, len))
}

/// All scores but those of the stretches that were set aside.
fn normal_part(of: &Scores<'_>, tail: &EventTail) -> Vec<f32> {
    let (level, cut) = match tail {
        EventTail::Fitted { level, cut: Some(cut), .. } => (level, cut),
        EventTail::Flat { level } => return of.scores.iter().copied().filter(|s| s <= level).collect(),
        _ => return of.scores.to_vec(),
    };
    let mut is_odd = vec![false; of.scores.len()];
    for cluster in clusters(of.scores, of.ends, *level, of.run_len) {
        if of.scores[cluster.peak] >= *cut {
            is_odd[cluster.first..=cluster.last].fill(true);
        }
    }
    let normal: Vec<f32> = of.scores.iter().zip(&is_odd).filter(|(_, odd)| !**odd).map(|(s, _)| *s).collect();
    if normal.is_empty() { of.scores.to_vec() } else { normal }
}
