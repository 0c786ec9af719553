//! Proximity-aware evaluation: precision and recall of points at thresholds, with credit that falls with the distance
//! from an anomaly in a buffer before and a buffer after it.
//!
//! Each point is put once into the bucket of the first threshold that alarms it; sums over buckets give all
//! thresholds.

use std::ops::Range;

use super::runs::runs;

/// One series at all thresholds.
pub(super) struct Buffers {
    n: usize,
    islands: Vec<Range<usize>>,
    /// For each point the first threshold that alarms it.
    level: Vec<usize>,
    /// For each anomaly the first threshold that alarms one of its points.
    island_level: Vec<usize>,
    n_alarms: Vec<f64>,
    n_hits: Vec<f64>,
    /// What missed anomalous points weigh.
    missed: Vec<f64>,
}

impl Buffers {
    pub(super) fn new(labels: &[bool], scores: &[f64], n_thresholds: usize) -> Self {
        let thresholds = thresholds(labels, scores, n_thresholds);
        let level: Vec<usize> =
            scores.iter().map(|score| thresholds.partition_point(|t| t > score)).collect();
        let (mut n_alarms, mut n_hits) = (vec![0.0; n_thresholds], vec![0.0; n_thresholds]);
        for (&level, &odd) in level.iter().zip(labels) {
            n_alarms[level] += 1.0;
            n_hits[level] += f64::from(u8::from(odd));
        }
        accumulate(&mut n_alarms);
        accumulate(&mut n_hits);
        let islands = runs(labels);
        let lowest = |island: &Range<usize>| level[island.clone()].iter().copied().min().unwrap_or(0);
        let island_level: Vec<usize> = islands.iter().map(lowest).collect();
        let mut missed = vec![0.0; n_thresholds];
        for (island, &found) in islands.iter().zip(&island_level) {
            for (k, missed) in missed.iter_mut().enumerate() {
                *missed +=
                    if k < found { island.len() as f64 } else { missed_points(&level[island.clone()], k) };
            }
        }
        Self { n: labels.len(), islands, level, island_level, n_alarms, n_hits, missed }
    }

    /// The area under precision over recall with buffers of `early` and `delay` points.
    pub(super) fn area(&self, early: usize, delay: usize) -> f64 {
        let gains = self.gains(early, delay);
        let (mut recall, mut precision, mut area) = (0.0, 1.0, 0.0);
        for (k, gain) in gains.iter().enumerate() {
            let hits = self.n_hits[k] + gain;
            let all = hits + self.missed[k];
            let next = if all > 0.0 { hits / all } else { 0.0 };
            // Recall can fall where a missed point weighs more once more of its anomaly is found; such thresholds
            // are left out.
            if next >= recall {
                let at = if self.n_alarms[k] > 0.0 { hits / self.n_alarms[k] } else { 0.0 };
                area += (next - recall) * (at + precision) / 2.0;
                (recall, precision) = (next, at);
            }
        }
        area
    }

    /// Credit of alarms in buffers at each threshold. A buffer before an anomaly earns once the anomaly is found.
    fn gains(&self, early: usize, delay: usize) -> Vec<f64> {
        let mut gains = vec![0.0; self.n_alarms.len()];
        let mut free = 0;
        for (i, island) in self.islands.iter().enumerate() {
            let next = self.islands.get(i + 1).map_or(self.n, |next| next.start);
            let before = island.start.saturating_sub(early).max(free)..island.start;
            let after = island.end..island.end.saturating_add(delay).min(next);
            free = after.end;
            // The sum of distances to all points of the anomaly is its length times that to its middle.
            let middle = (island.start + island.end - 1) as f64 / 2.0;
            let farthest = middle - before.start as f64;
            for at in before {
                gains[self.level[at].max(self.island_level[i])] += 1.0 - (middle - at as f64) / farthest;
            }
            let farthest = after.end as f64 - 1.0 - middle;
            for at in after {
                gains[self.level[at]] += 1.0 - (at as f64 - middle) / farthest;
            }
        }
        accumulate(&mut gains);
        gains
    }
}

/// What the missed points of an anomaly that was found at threshold `k` weigh: those up to a delay of the length of
/// the first run of alarms weigh 1, later ones less.
fn missed_points(levels: &[usize], k: usize) -> f64 {
    let first = levels.iter().position(|&level| level <= k).unwrap_or(levels.len());
    let run = levels[first..].iter().take_while(|&&level| level <= k).count();
    let len = levels.len() as f64;
    let farthest = len * (len - 1.0) / 2.0;
    let run_len = run as f64;
    let weight = |at: usize| {
        let distance = (run_len + 1.0) * at as f64 - run_len * (run_len + 1.0) / 2.0;
        if at <= run { 1.0 } else { 1.0 - distance / farthest }
    };
    levels.iter().enumerate().filter(|&(_, &level)| level > k).map(|(at, _)| weight(at)).sum()
}

/// Evenly spaced percentiles of the distinct scores at which the number of anomalies changes, from the highest down.
fn thresholds(labels: &[bool], scores: &[f64], n_thresholds: usize) -> Vec<f64> {
    let ranking = crate::Ranking::new(scores, labels);
    let steps: Vec<crate::Step> = ranking.steps().collect();
    let last = steps.len() - 1;
    let keep = |k: usize| k == 0 || k == last || steps[k].odd > 0 || steps[k + 1].odd > 0;
    let mut kept: Vec<f64> = (0..=last).filter(|&k| keep(k)).map(|k| steps[k].score).collect();
    kept.reverse();
    let step = -100.0 / (n_thresholds - 1) as f64;
    let percentile = |i: usize| if i + 1 == n_thresholds { 0.0 } else { i as f64 * step + 100.0 };
    (0..n_thresholds).map(|i| quantile(&kept, percentile(i) / 100.0)).collect()
}

/// The quantile of sorted values by linear interpolation; exactly a value where it falls on one.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * share;
    let below = (at.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let (part, step) = (at - at.floor(), sorted[above] - sorted[below]);
    if part >= 0.5 { sorted[above] - step * (1.0 - part) } else { sorted[below] + step * part }
}

fn accumulate(counts: &mut [f64]) {
    let mut total = 0.0;
    for count in counts {
        total += *count;
        *count = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hits and misses of one set of alarms, point by point.
    fn naive(labels: &[bool], alarms: &[bool], early: usize, delay: usize) -> [f64; 2] {
        let (mut hits, mut misses, mut free) = (0.0, 0.0, 0);
        let islands = runs(labels);
        for (i, island) in islands.iter().enumerate() {
            let spread = |at: usize| island.clone().map(|y| at.abs_diff(y) as f64).sum::<f64>();
            let next = islands.get(i + 1).map_or(labels.len(), |next| next.start);
            let end = (island.end + delay).min(next);
            let start = island.start.saturating_sub(early).max(free);
            free = end;
            let found: Vec<usize> = island.clone().filter(|&at| alarms[at]).collect();
            hits += found.len() as f64;
            hits += (island.end..end)
                .filter(|&at| alarms[at])
                .map(|at| 1.0 - spread(at) / spread(end - 1))
                .sum::<f64>();
            if found.is_empty() {
                misses += island.len() as f64;
                continue;
            }
            let before = (start..island.start).filter(|&at| alarms[at]);
            hits += before.map(|at| 1.0 - spread(at) / spread(start)).sum::<f64>();
            let run = runs(&alarms[island.clone()])[0].len();
            for at in island.clone().filter(|&at| !alarms[at]) {
                let until = island.start + run;
                let distance: f64 = (island.start..=until).map(|y| at.abs_diff(y) as f64).sum();
                misses += if at <= until { 1.0 } else { 1.0 - distance / spread(island.end - 1) };
            }
        }
        [hits, misses]
    }

    proptest! {
        #[test]
        fn hits_and_misses_equal_counting_points(
            items in prop::collection::vec((prop::bool::weighted(0.3), 0_u8..12), 4..50),
            early in 0_usize..8,
            delay in 0_usize..8,
        ) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true));
            let n_thresholds = 6;
            let buffers = Buffers::new(&labels, &scores, n_thresholds);
            let gains = buffers.gains(early, delay);
            for (k, threshold) in thresholds(&labels, &scores, n_thresholds).into_iter().enumerate() {
                let alarms: Vec<bool> = scores.iter().map(|&score| score >= threshold).collect();
                let [hits, misses] = naive(&labels, &alarms, early, delay);
                prop_assert!((buffers.n_hits[k] + gains[k] - hits).abs() < 1e-9, "hits at {k}");
                prop_assert!((buffers.missed[k] - misses).abs() < 1e-9, "misses at {k}");
            }
        }
    }
}
