//! What the metrics at a threshold count.

use std::sync::Arc;

use anomalyst_core::{Error, Result};

use super::maps::ScoredMap;
use super::set::MapSet;

/// Pixels at a threshold, over all maps.
pub(super) struct Flagged {
    /// Anomalous pixels that score at least the threshold.
    pub(super) hits: f64,
    /// All pixels that do.
    pub(super) flagged: f64,
    /// Anomalous pixels.
    pub(super) odd: f64,
    /// All pixels.
    pub(super) all: f64,
}

/// The threshold that was given; there is none that would fit all scores.
pub(super) fn given(id: &str, threshold: Option<f32>) -> Result<f32> {
    threshold.filter(|threshold| threshold.is_finite()).ok_or_else(|| Error::BadParameter {
        name: "threshold".into(),
        got: threshold.map_or_else(|| "not given".into(), |threshold| threshold.to_string()),
        want: format!("a score; {id} judges the pixels that score at least it"),
    })
}

/// Counts the pixels at this threshold, once per set of maps.
pub(super) fn flagged(set: &MapSet, threshold: f32) -> Result<Arc<Flagged>> {
    set.memo.shared(threshold.to_string(), || {
        let add = |(hits, flagged): &mut (u64, u64), _: usize, map: &ScoredMap| {
            *flagged += count(map.scores().iter(), threshold);
            if let Some(mask) = map.mask() {
                let odd = map.scores().iter().zip(mask).filter(|(_, odd)| **odd);
                *hits += count(odd.map(|(score, _)| score), threshold);
            }
        };
        let parts = set.fold(&set.all(), || (0, 0), add)?;
        let survey = set.survey()?;
        Ok(Flagged {
            hits: parts.iter().map(|part| part.0).sum::<u64>() as f64,
            flagged: parts.iter().map(|part| part.1).sum::<u64>() as f64,
            odd: survey.n_odd as f64,
            all: (survey.n_odd + survey.n_normal) as f64,
        })
    })
}

fn count<'a>(scores: impl Iterator<Item = &'a f32>, threshold: f32) -> u64 {
    scores.map(|&score| u64::from(score >= threshold)).sum()
}
