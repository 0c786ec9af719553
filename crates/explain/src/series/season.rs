//! The part of a channel that repeats with the period.

use anomalyst_kernels::stats::{median, median_and_mad};

use super::channel::Channel;

/// A season is believed where it takes at least this share of the spread away. A profile learned from two periods of
/// pure noise takes a fifth away, because each value has a part in its own median.
const GAIN: f64 = 0.3;
/// Neighbours in phase that are pooled: this share of the period on each side, at least one.
const POOLED: f64 = 0.01;
/// Periods before the event that make those after it needless: what comes after may still be changed.
const ENOUGH_BEFORE: usize = 3;
/// How much a phase may be calmer or livelier than the others; more is chance where few periods were seen.
const LEAST_WIDTH: f64 = 0.4;
const MOST_WIDTH: f64 = 3.0;

/// Median and relative spread at each phase.
pub(super) struct Season {
    middle: Vec<f64>,
    width: Vec<f64>,
}

impl Season {
    /// The season of `channel`, where it has one of that period. `event_start` is where learning from the past ends.
    pub(super) fn learn(channel: &Channel, period: usize, event_start: usize) -> Option<Self> {
        let before = channel.usual[..event_start].iter().filter(|&&usual| usual).count();
        let end = if before >= ENOUGH_BEFORE * period { event_start } else { channel.z.len() };
        let level = levels(channel, period, end);
        let mut detrended: Vec<(usize, f64)> = Vec::new();
        for (point, &usual) in channel.usual[..end].iter().enumerate() {
            if usual && level[point].is_finite() {
                detrended.push((point, channel.z[point] - level[point]));
            }
        }
        if detrended.len() < 2 * period {
            return None;
        }
        let mut by_phase = vec![Vec::new(); period];
        for &(point, value) in &detrended {
            by_phase[point % period].push(value);
        }
        let reach = ((period as f64 * POOLED) as usize).max(1).min((period - 1) / 2);
        let pooled = |phase: usize| -> Vec<f64> {
            (0..=2 * reach)
                .flat_map(|i| by_phase[(phase + period + i - reach) % period].iter().copied())
                .collect()
        };
        let middle: Vec<f64> = (0..period).map(|phase| median(&mut pooled(phase))).collect();
        if middle.iter().any(|m| m.is_nan()) {
            return None;
        }
        let spread = |values: Vec<f64>| median_and_mad(&mut { values }).1;
        let rest = |(point, value): &(usize, f64)| value - middle[point % period];
        let (with, without) =
            (spread(detrended.iter().map(rest).collect()), spread(detrended.iter().map(|d| d.1).collect()));
        if with > (1.0 - GAIN) * without || without == 0.0 {
            return None;
        }
        let width = (0..period).map(|phase| {
            let (_, own) = median_and_mad(&mut pooled(phase));
            if with > 0.0 { (own / with).clamp(LEAST_WIDTH, MOST_WIDTH) } else { 1.0 }
        });
        let width = smoothed(&width.collect::<Vec<f64>>(), period.div_ceil(20));
        Some(Self { middle, width })
    }

    pub(super) fn middle(&self, point: usize) -> f64 {
        self.middle[point % self.middle.len()]
    }

    /// How much wider than on average the band is at that point.
    pub(super) fn width(&self, point: usize) -> f64 {
        self.width[point % self.width.len()]
    }
}

/// The level without the season: medians of whole periods, joined by lines; `NaN` where nothing is known.
fn levels(channel: &Channel, period: usize, end: usize) -> Vec<f64> {
    let mut knots: Vec<(f64, f64)> = Vec::new();
    for from in (0..end).step_by(period) {
        let until = (from + period).min(end);
        let mut values: Vec<f64> =
            (from..until).filter(|&point| channel.usual[point]).map(|point| channel.z[point]).collect();
        // A part of a period has another median than the whole.
        if values.len() * 5 >= period * 4 {
            knots.push(((from + until - 1) as f64 / 2.0, median(&mut values)));
        }
    }
    (0..end).map(|point| joined(&knots, point as f64)).collect()
}

/// The line through the knots at `at`; the outermost knots hold beyond.
fn joined(knots: &[(f64, f64)], at: f64) -> f64 {
    let next = knots.partition_point(|knot| knot.0 <= at);
    match (next.checked_sub(1).and_then(|i| knots.get(i)), knots.get(next)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (at - a.0) / (b.0 - a.0),
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => f64::NAN,
    }
}

/// Means over `reach` neighbours on each side of a circle.
fn smoothed(circle: &[f64], reach: usize) -> Vec<f64> {
    let n = circle.len();
    let reach = reach.min((n - 1) / 2);
    let mean = |i: usize| (0..=2 * reach).map(|k| circle[(i + n + k - reach) % n]).sum::<f64>();
    (0..n).map(|i| mean(i) / (2 * reach + 1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(z: Vec<f64>) -> Channel {
        Channel { index: 0, usual: vec![true; z.len()], z, center: 0.0, spread: 1.0 }
    }

    #[test]
    fn a_season_on_a_trend_is_found_and_noise_has_none() {
        let wave = |i: usize| (std::f64::consts::TAU * i as f64 / 20.0).sin();
        let season = Season::learn(&channel((0..200).map(|i| wave(i) + 0.01 * i as f64).collect()), 20, 200);
        let season = season.expect("there is one");
        assert!((0..20).all(|i| (season.middle(i) - wave(i)).abs() < 0.2));
        let mut random = anomalyst_core::Run::new(1).random(0);
        let noise = (0..60).map(|_| anomalyst_kernels::draw::normal(&mut random)).collect();
        assert!(Season::learn(&channel(noise), 20, 60).is_none());
        assert!(Season::learn(&channel(vec![1.0; 60]), 20, 60).is_none(), "flat");
    }
}
