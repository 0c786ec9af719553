//! Peaks over threshold: from scores to tail probabilities and return levels.
//!
//! # Idea
//! Two steps: how often a high level is exceeded is counted, how far beyond it scores go is the generalized Pareto
//! distribution's. Where scores depend on each other, clusters are counted and their peaks are fitted, so that the
//! answer is about events.
//!
//! # Equations
//! `P(event above x) = r S(x - u)` per point, with `r` clusters above `u` per point; the return level of a rate `q` is
//! `u + S^-1(q / r)`, with the most likely tail `u + s / g ((q / r)^(-g) - 1)` (Siffer et al. 2017, equation 1).
//!
//! # References
//! Pickands 1975, Annals of Statistics 3(1). Coles 2001, An Introduction to Statistical Modeling of Extreme Values,
//! chapters 4 and 5.
//!
//! # Example
//! ```
//! use anomalyst_decide::extremes::PeaksOverThreshold;
//! let scores: Vec<f32> = (1..=20_000_u16).map(|i| -(f32::from(i) / 20_001.0).ln()).collect();
//! let tail = PeaksOverThreshold::of_scores(&scores, &[20_000], 0.9, 0).unwrap();
//! // Exponential scores: one in ten thousand exceeds ln 10,000.
//! assert!((tail.return_level(1e-4) / 10_000.0_f64.ln() - 1.0).abs() < 0.1);
//! ```

use anomalyst_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::dependence::clusters;
use super::pareto::GeneralizedPareto;
use crate::calibration::check_scores;

/// A level, how often it is exceeded, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeaksOverThreshold {
    /// `u`.
    pub level: f64,
    /// `r`, clusters above the level per point.
    pub rate: f64,
    /// How far their peaks are above it.
    pub tail: GeneralizedPareto,
}

impl PeaksOverThreshold {
    /// Of scores in order of time; each series ends at one of `ends`. The level is the `quantile` of all scores;
    /// exceedances at most `run_len` points apart are one cluster. Two clusters at least must exceed it.
    pub fn of_scores(scores: &[f32], ends: &[usize], quantile: f64, run_len: usize) -> Result<Self> {
        check_scores(scores)?;
        check_ends(ends, scores.len())?;
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = (quantile.clamp(0.0, 1.0) * (sorted.len() - 1) as f64) as usize;
        let level = sorted[at];
        let peaks = excesses(scores, ends, level, run_len);
        let rate = peaks.len() as f64 / scores.len() as f64;
        Ok(Self { level: f64::from(level), rate, tail: GeneralizedPareto::fit(&peaks)? })
    }

    /// Expected events above `score` per point, for scores above the level; at the level and below, the rate there.
    pub fn tail_probability(&self, score: f64) -> f64 {
        self.rate * self.tail.survival(score - self.level)
    }

    /// The score that events exceed at this rate per point; the level itself for higher rates than the level's.
    pub fn return_level(&self, rate: f64) -> f64 {
        self.level + self.tail.quantile((rate / self.rate).min(1.0))
    }
}

/// How far the peak of every cluster lies above the level.
pub(crate) fn excesses(scores: &[f32], ends: &[usize], level: f32, run_len: usize) -> Vec<f64> {
    let above = |at: usize| f64::from(scores[at]) - f64::from(level);
    clusters(scores, ends, level, run_len).iter().map(|c| above(c.peak)).collect()
}

/// Refuses ends that do not divide `n` points.
pub(crate) fn check_ends(ends: &[usize], n: usize) -> Result<()> {
    if !ends.is_sorted() || ends.last().copied().unwrap_or(0) != n {
        return Err(Error::Data(format!("the ends of series must rise to the number of scores, {n}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;

    /// Scores 1 to 10 and then single peaks 12, 14: rate 2 in 12, excesses 2 and 4 over 10.
    #[test]
    fn closed_form() {
        let scores: Vec<f32> = (1..=10_u8).chain([12, 14]).map(f32::from).collect();
        let tail = PeaksOverThreshold::of_scores(&scores, &[12], 9.0 / 11.0, 0).unwrap();
        assert_eq!((tail.level, tail.rate), (10.0, 2.0 / 12.0));
        assert_eq!(tail.tail_probability(9.0), tail.rate);
        assert_eq!(tail.return_level(1.0), 10.0);
        let q = 0.01;
        assert!((tail.tail_probability(tail.return_level(q)) / q - 1.0).abs() < 1e-9);
        // One cluster is no distribution.
        assert!(PeaksOverThreshold::of_scores(&scores, &[12], 9.0 / 11.0, 1).is_err());
        assert!(PeaksOverThreshold::of_scores(&scores, &[11], 0.5, 0).is_err());
        assert!(PeaksOverThreshold::of_scores(&[], &[], 0.5, 0).is_err());
        assert!(PeaksOverThreshold::of_scores(&[1.0; 9], &[9], 0.5, 0).is_err());
    }

    /// Normal scores in runs of five equal ones: points exceed five times as often as events do.
    #[test]
    fn events_are_counted() {
        let mut random = Run::new(3).random(0);
        let single: Vec<f32> = (0..20_000).map(|_| draw::normal(&mut random) as f32).collect();
        let runs: Vec<f32> = single.iter().flat_map(|&s| [s; 5]).collect();
        let alone = PeaksOverThreshold::of_scores(&single, &[20_000], 0.98, 0).unwrap();
        let five = PeaksOverThreshold::of_scores(&runs, &[100_000], 0.98, 1).unwrap();
        assert!((alone.rate / five.rate / 5.0 - 1.0).abs() < 0.05, "{alone:?} {five:?}");
        assert!((alone.tail.shape - five.tail.shape).abs() < 0.02);
    }
}
