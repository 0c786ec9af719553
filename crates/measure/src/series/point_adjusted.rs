//! Point adjustment: an anomaly of which enough points are alarmed counts as alarmed throughout.

use super::runs::runs;
use crate::Case;

/// What decides the oracle's F1 of one series, once sorted.
pub(super) struct Sweep {
    /// For each anomaly its scores, highest first.
    islands: Vec<Vec<f64>>,
    /// Scores of normal points, highest first.
    normal: Vec<f64>,
    n_odd: f64,
}

impl Sweep {
    /// One value for each series that has an anomaly; `NaN` for the others.
    pub(super) fn by_scores(case: &Case, value: impl Fn(&Self) -> f64) -> Vec<f64> {
        let all = case.series();
        let one = all.map(|series| {
            let odd = series.labels.contains(&true);
            if odd { value(&Self::new(series.labels, series.scores.unwrap_or_default())) } else { f64::NAN }
        });
        one.collect()
    }

    fn new(labels: &[bool], scores: &[f64]) -> Self {
        let islands = runs(labels);
        let normal = labels.iter().zip(scores).filter(|&(&odd, _)| !odd);
        let mut normal: Vec<f64> = normal.map(|(_, &score)| score + 0.0).collect();
        let mut islands: Vec<Vec<f64>> = islands
            .iter()
            .map(|island| scores[island.clone()].iter().map(|score| score + 0.0).collect())
            .collect();
        for list in islands.iter_mut().chain([&mut normal]) {
            list.sort_unstable_by(|a, b| b.total_cmp(a));
        }
        let n_odd = islands.iter().map(Vec::len).sum::<usize>() as f64;
        Self { islands, normal, n_odd }
    }

    /// The best F1 over all thresholds, where an anomaly counts throughout once more than `percent` of its points
    /// are alarmed.
    pub(super) fn best_f1(&self, percent: usize) -> f64 {
        // Each event raises the hits once a threshold comes down to its score.
        let mut events: Vec<(f64, f64)> = Vec::with_capacity(self.n_odd as usize);
        for island in &self.islands {
            let turning = percent * island.len() / 100;
            events.extend(island[..turning].iter().map(|&score| (score, 1.0)));
            if let Some(&score) = island.get(turning) {
                events.push((score, (island.len() - turning) as f64));
            }
        }
        events.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let (mut best, mut hits, mut false_alarms, mut at) = (0.0_f64, 0.0, 0, 0);
        while at < events.len() {
            let threshold = events[at].0;
            while at < events.len() && events[at].0 >= threshold {
                hits += events[at].1;
                at += 1;
            }
            false_alarms += self.normal[false_alarms..].partition_point(|&score| score >= threshold);
            best = best.max(2.0 * hits / (hits + false_alarms as f64 + self.n_odd));
        }
        best
    }
}
