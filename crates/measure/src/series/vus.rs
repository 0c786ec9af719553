//! Volumes under the surface: ranking measures whose labels fade out before and after each anomaly, averaged over how
//! far they fade. Both volumes come from one pass.
//!
//! The reference walks all points for each window and each threshold. Here each point is put once into the bucket of
//! the first threshold that alarms it; for one window only the fading points are visited, and sums over buckets give
//! all thresholds.

use std::ops::Range;
use std::sync::Arc;

use anomalyst_core::Result;
use rayon::slice::ParallelSliceMut;

use super::runs::runs;
use crate::Case;

/// The longest window, so that nobody waits for ever.
pub(super) const LONGEST: usize = 10_000;
/// The window where neither a parameter nor the case names one: the default of TSB-AD.
const WINDOW_LEN: usize = 100;

/// Volumes of each series; `NaN` where a series holds only one class.
pub(super) struct Volumes {
    pub roc: Vec<f64>,
    pub pr: Vec<f64>,
}

/// Both volumes, computed once per case and parameters.
pub(super) fn volumes(case: &Case, window_len: Option<usize>, n_thresholds: usize) -> Result<Arc<Volumes>> {
    case.shared(format!("volumes {window_len:?} {n_thresholds}"), || {
        let both = case.series().map(|series| {
            let scores = series.scores.unwrap_or_default();
            let window_len = window_len.or(series.period).unwrap_or(WINDOW_LEN).min(LONGEST);
            if series.labels.contains(&true) && series.labels.contains(&false) {
                Surface::new(series.labels, scores, n_thresholds).volumes(window_len)
            } else {
                [f64::NAN; 2]
            }
        });
        let (roc, pr) = both.map(|[roc, pr]| (roc, pr)).unzip();
        Ok(Volumes { roc, pr })
    })
}

/// One series, by thresholds from the highest score down.
struct Surface<'a> {
    labels: &'a [bool],
    /// The anomalies.
    islands: Vec<Range<usize>>,
    /// For each point the first threshold that alarms it.
    level: Vec<u32>,
    /// For each anomaly the first threshold that alarms it or its surroundings up to the current reach.
    island_level: Vec<u32>,
    /// How far the labels fade in the current window, in points.
    reach: usize,
    /// For each threshold the alarms, and the anomalous points among them.
    n_alarms: Vec<f64>,
    n_hits: Vec<f64>,
    n_odd: f64,
    /// Scratch: how anomalous each fading point is.
    shade: Vec<f64>,
}

impl<'a> Surface<'a> {
    fn new(labels: &'a [bool], scores: &[f64], n_thresholds: usize) -> Self {
        let mut sorted: Vec<f64> = scores.to_vec();
        sorted.par_sort_unstable_by(|a, b| b.total_cmp(a));
        let last = scores.len() - 1;
        let step = last as f64 / (n_thresholds - 1) as f64;
        let thresholds: Vec<f64> = (0..n_thresholds)
            .map(|k| if k + 1 == n_thresholds { last } else { (k as f64 * step) as usize })
            .map(|rank| sorted[rank])
            .collect();
        let level: Vec<u32> =
            scores.iter().map(|score| thresholds.partition_point(|t| t > score) as u32).collect();
        let (mut n_alarms, mut n_hits) = (vec![0.0; n_thresholds], vec![0.0; n_thresholds]);
        for (&level, &odd) in level.iter().zip(labels) {
            n_alarms[level as usize] += 1.0;
            n_hits[level as usize] += f64::from(u8::from(odd));
        }
        accumulate(&mut n_alarms);
        accumulate(&mut n_hits);
        let islands = runs(labels);
        let lowest = |island: &Range<usize>| level[island.clone()].iter().copied().min().unwrap_or(u32::MAX);
        let island_level = islands.iter().map(lowest).collect();
        let n_odd = n_hits[n_thresholds - 1];
        let shade = vec![0.0; labels.len()];
        Self { labels, islands, level, island_level, reach: 0, n_alarms, n_hits, n_odd, shade }
    }

    /// Means over windows of 0 to `window_len` points.
    fn volumes(mut self, window_len: usize) -> [f64; 2] {
        let mut total = [0.0; 2];
        for window in 0..=window_len {
            if window / 2 > self.reach {
                self.reach_on();
            }
            let gains = self.gains(window);
            let (found, n_groups) = self.found();
            let [roc, pr] = self.areas(&gains, &found, n_groups);
            total = [total[0] + roc, total[1] + pr];
        }
        total.map(|sum| sum / (window_len + 1) as f64)
    }

    fn reach_on(&mut self) {
        self.reach += 1;
        for (island, lowest) in self.islands.iter().zip(&mut self.island_level) {
            let before = island.start.checked_sub(self.reach);
            let after = Some(island.end - 1 + self.reach).filter(|&at| at < self.level.len());
            for at in [before, after].into_iter().flatten() {
                *lowest = (*lowest).min(self.level[at]);
            }
        }
    }

    /// For each threshold the shades of the alarms among fading points, summed.
    fn gains(&mut self, window: usize) -> Vec<f64> {
        let mut gains = vec![0.0; self.n_alarms.len()];
        if self.reach == 0 {
            return gains;
        }
        let n = self.labels.len();
        let ramp: Vec<f64> = (0..=self.reach).map(|d| (1.0 - d as f64 / window as f64).sqrt()).collect();
        for island in &self.islands {
            let end = (island.end + self.reach).min(n);
            for (shade, by) in self.shade[island.end..end].iter_mut().zip(&ramp[1..]) {
                *shade += by;
            }
            let start = island.start.saturating_sub(self.reach);
            for (shade, by) in self.shade[start..island.start].iter_mut().rev().zip(&ramp[1..]) {
                *shade += by;
            }
        }
        let mut seen = 0;
        for island in &self.islands {
            let start = island.start.saturating_sub(self.reach).max(seen);
            seen = (island.end + self.reach).min(n);
            for at in start..seen {
                if !self.labels[at] {
                    gains[self.level[at] as usize] += self.shade[at].min(1.0);
                }
                self.shade[at] = 0.0;
            }
        }
        accumulate(&mut gains);
        gains
    }

    /// For each threshold how many groups of anomalies are found, and how many groups there are: anomalies whose
    /// surroundings touch are one group.
    fn found(&self) -> (Vec<f64>, f64) {
        let mut found = vec![0.0; self.n_alarms.len()];
        let (mut n_groups, mut lowest) = (0.0, u32::MAX);
        for (i, island) in self.islands.iter().enumerate() {
            lowest = lowest.min(self.island_level[i]);
            let touches =
                |next: &Range<usize>| island.end - 1 + self.reach >= next.start.saturating_sub(self.reach);
            if !self.islands.get(i + 1).is_some_and(touches) {
                found[lowest as usize] += 1.0;
                n_groups += 1.0;
                lowest = u32::MAX;
            }
        }
        accumulate(&mut found);
        (found, n_groups)
    }

    /// Areas under the two curves of one window.
    fn areas(&self, gains: &[f64], found: &[f64], n_groups: f64) -> [f64; 2] {
        let n = self.labels.len() as f64;
        let (mut roc, mut pr) = (0.0, 0.0);
        let (mut last_found, mut last_false) = (0.0, 0.0);
        for k in 0..gains.len() {
            let hits = self.n_hits[k] + gains[k];
            let n_odd = self.n_odd + gains[k] / 2.0;
            let share_found = (hits / n_odd).min(1.0) * (found[k] / n_groups);
            let share_false = (self.n_alarms[k] - hits) / (n - n_odd);
            roc += (share_false - last_false) * (share_found + last_found) / 2.0;
            pr += (share_found - last_found) * (hits / self.n_alarms[k]);
            (last_found, last_false) = (share_found, share_false);
        }
        roc += (1.0 - last_false) * (1.0 + last_found) / 2.0;
        [roc, pr]
    }
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

    /// How anomalous each point is in one window.
    fn faded(labels: &[bool], window: usize) -> Vec<f64> {
        let mut shade: Vec<f64> = labels.iter().map(|&odd| f64::from(u8::from(odd))).collect();
        for island in runs(labels) {
            for (at, shade) in shade.iter_mut().enumerate() {
                let distance =
                    if at < island.start { island.start - at } else { (at + 1).saturating_sub(island.end) };
                if distance > 0 && distance <= window / 2 {
                    *shade += (1.0 - distance as f64 / window as f64).sqrt();
                }
            }
        }
        shade.iter().map(|shade| shade.min(1.0)).collect()
    }

    /// The definition, point by point for each window and threshold.
    fn naive(labels: &[bool], scores: &[f64], window_len: usize, n_thresholds: usize) -> [f64; 2] {
        let mut sorted = scores.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let n = labels.len();
        let n_odd = labels.iter().filter(|&&odd| odd).count() as f64;
        let mut total = [0.0; 2];
        for window in 0..=window_len {
            let shade = faded(labels, window);
            let near =
                |at: usize| (at.saturating_sub(window / 2)..=at + window / 2).any(|i| i < n && labels[i]);
            let mut groups = runs(&(0..n).map(near).collect::<Vec<bool>>());
            // Surroundings that only touch are two groups for the reference.
            let islands = runs(labels);
            groups = groups.iter().flat_map(|group| split(group, &islands, window / 2)).collect();
            let (mut tpr, mut fpr) = (vec![0.0], vec![0.0]);
            for k in 0..n_thresholds {
                let threshold = sorted[(n - 1) * k / (n_thresholds - 1)];
                let alarm: Vec<bool> = scores.iter().map(|&s| s >= threshold).collect();
                let fading: f64 = (0..n).filter(|&i| alarm[i] && !labels[i]).map(|i| shade[i]).sum();
                let hits = (0..n).filter(|&i| alarm[i] && labels[i]).count() as f64 + fading;
                let n_alarms = alarm.iter().filter(|&&a| a).count() as f64;
                let found = groups.iter().filter(|g| alarm[(*g).clone()].contains(&true)).count() as f64;
                let positives = (n_odd + n_odd + fading) / 2.0;
                tpr.push((hits / positives).min(1.0) * found / groups.len() as f64);
                fpr.push((n_alarms - hits) / (n as f64 - positives));
                total[1] += (tpr[k + 1] - tpr[k]) * hits / n_alarms;
            }
            tpr.push(1.0);
            fpr.push(1.0);
            total[0] +=
                (1..tpr.len()).map(|k| (fpr[k] - fpr[k - 1]) * (tpr[k] + tpr[k - 1]) / 2.0).sum::<f64>();
        }
        total.map(|sum| sum / (window_len + 1) as f64)
    }

    /// Cuts a group where the surroundings of two anomalies are neighbours without sharing a point.
    fn split(group: &Range<usize>, islands: &[Range<usize>], reach: usize) -> Vec<Range<usize>> {
        let inside = islands
            .windows(2)
            .filter(|pair| group.contains(&pair[0].start) && group.contains(&pair[1].start));
        let cuts =
            inside.filter(|pair| pair[0].end + 2 * reach == pair[1].start).map(|pair| pair[0].end + reach);
        let mut edges: Vec<usize> = std::iter::once(group.start).chain(cuts).collect();
        edges.push(group.end);
        edges.windows(2).map(|edge| edge[0]..edge[1]).collect()
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            items in prop::collection::vec((prop::bool::weighted(0.3), 0_u8..12), 6..50),
            window_len in 0_usize..13,
        ) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let n_thresholds = 2 + labels.len() % 7;
            let fast = Surface::new(&labels, &scores, n_thresholds).volumes(window_len);
            let slow = naive(&labels, &scores, window_len, n_thresholds);
            prop_assert!((fast[0] - slow[0]).abs() < 1e-12 && (fast[1] - slow[1]).abs() < 1e-12, "{fast:?} {slow:?}");
        }
    }
}
