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
        // Hits and flagged pixels of each map, however often it counts.
        let look = |_, map: &ScoredMap| {
            let odd = map.scores().iter().zip(map.mask().unwrap_or_default()).filter(|(_, odd)| **odd);
            [count(odd.map(|(score, _)| score), threshold), count(map.scores().iter(), threshold)]
        };
        let maps = set.source.memo.shared(threshold.to_string(), || set.each(&set.all(), look))?;
        let total = |what: usize| -> u64 {
            maps.iter().enumerate().map(|(i, map)| u64::from(set.times(i)) * map[what]).sum()
        };
        let survey = set.survey()?;
        Ok(Flagged {
            hits: total(0) as f64,
            flagged: total(1) as f64,
            odd: survey.n_odd as f64,
            all: (survey.n_odd + survey.n_normal) as f64,
        })
    })
}

fn count<'a>(scores: impl Iterator<Item = &'a f32>, threshold: f32) -> u64 {
    scores.map(|&score| u64::from(score >= threshold)).sum()
}
