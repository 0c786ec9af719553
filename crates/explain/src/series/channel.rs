//! The points that are looked at, and one channel of them in units of its own spread.

use std::ops::Range;

use anomalyst_core::{Error, Result, Series};
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median_and_mad};

use super::EventQuestion;

/// Points on each side of an event that are looked at: enough for hundreds of short stretches, and little enough
/// that an event among a million points costs no more than one among some thousand.
const SIDE: usize = 10_000;
/// The side holds at least this many periods, so that each phase has been seen often enough, ...
const SIDE_PERIODS: usize = 8;
/// ... but never more points than this.
const MOST_SIDE: usize = 100_000;
/// Values further from the centre than this many spreads count as this far: their squares stay finite.
const FARTHEST: f64 = 1e9;
/// Spread of a channel that never moves, relative to its value: rounding is not a change.
const ROUNDING: f64 = 1e-9;

/// The points around an event, shared by all channels. Positions inside count from its first point.
pub(super) struct Scene<'a> {
    pub(super) series: &'a Series,
    /// Where the scene lies in the series.
    pub(super) points: Range<usize>,
    /// The event inside the scene.
    pub(super) event: Range<usize>,
    /// The highest point of the event inside the scene.
    pub(super) peak: usize,
    /// For each point whether it lies outside of all events.
    pub(super) quiet: Vec<bool>,
    pub(super) period: Option<usize>,
}

impl<'a> Scene<'a> {
    /// The scene of a question whose ranges fit into each other; an error otherwise.
    pub(super) fn new(question: &EventQuestion<'a>) -> Result<Self> {
        let EventQuestion { series, range, event, .. } = question;
        let fits = range.start <= event.start
            && event.start < event.end
            && event.end <= range.end
            && range.end <= series.n_points();
        if !fits || series.values.ncols() == 0 {
            return Err(Error::Data(format!(
                "an event at points {event:?} does not fit into a series at points {range:?} of {} with {} channels",
                series.n_points(),
                series.values.ncols()
            )));
        }
        let period = question.period.filter(|&p| p >= 2 && p <= range.len() / 2);
        let side = period.map_or(SIDE, |p| SIDE.max(p.saturating_mul(SIDE_PERIODS)).min(MOST_SIDE));
        // What one side lacks at the edge of the series, the other may have more.
        let lack_before = side.saturating_sub(event.start - range.start);
        let lack_after = side.saturating_sub(range.end - event.end);
        let first = event.start.saturating_sub(side + lack_after).max(range.start);
        let end = (event.end + side + lack_before).min(range.end);
        let mut quiet = vec![true; end - first];
        for other in question.others.iter().chain([event]) {
            let from = other.start.clamp(first, end) - first;
            let until = other.end.clamp(first, end) - first;
            if from < until {
                quiet[from..until].fill(false);
            }
        }
        let peak = question.peak.clamp(event.start, event.end - 1);
        Ok(Self {
            series,
            points: first..end,
            event: event.start - first..event.end - first,
            peak: peak - first,
            quiet,
            period,
        })
    }

    pub(super) fn n_points(&self) -> usize {
        self.points.len()
    }

    /// The value of a channel as it was read; `NaN` where missing.
    pub(super) fn raw(&self, channel: usize, point: usize) -> f64 {
        let value = self.series.values[[self.points.start + point, channel]];
        if value.is_finite() { value } else { f64::NAN }
    }
}

/// One channel of a scene.
pub(super) struct Channel {
    /// Its column in the series.
    pub(super) index: usize,
    /// One per point of the scene: spreads from the centre; `NaN` is missing.
    pub(super) z: Vec<f64>,
    /// For each point whether it can be learned from: outside of events, and there.
    pub(super) usual: Vec<bool>,
    pub(super) center: f64,
    pub(super) spread: f64,
}

impl Channel {
    pub(super) fn new(scene: &Scene<'_>, index: usize) -> Self {
        let raw: Vec<f64> = (0..scene.n_points()).map(|point| scene.raw(index, point)).collect();
        let mut usual: Vec<bool> =
            raw.iter().zip(&scene.quiet).map(|(value, &quiet)| quiet && value.is_finite()).collect();
        if usual.iter().all(|&usual| !usual) {
            // All that there is belongs to events, so what lies outside of this one stands in.
            for (point, usual) in usual.iter_mut().enumerate() {
                *usual = raw[point].is_finite() && !scene.event.contains(&point);
            }
        }
        let learned: Vec<f64> = raw.iter().zip(&usual).filter(|(_, u)| **u).map(|(v, _)| *v).collect();
        let (center, spread) = center_and_spread(&learned);
        let z =
            raw.iter().map(|value| (value / spread - center / spread).clamp(-FARTHEST, FARTHEST)).collect();
        Self { index, z, usual, center, spread }
    }

    /// From spreads back to the channel's own unit.
    pub(super) fn value(&self, z: f64) -> f64 {
        z * self.spread + self.center
    }
}

/// Median and robust spread, which is never 0.
pub(super) fn center_and_spread(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 1.0);
    }
    // Halves, so that the difference of the largest numbers is a number.
    let mut halves: Vec<f64> = values.iter().map(|v| v / 2.0).collect();
    let (half, mut mad) = median_and_mad(&mut halves);
    if mad == 0.0 {
        // Half of the values are one value; how far the others are still says what a step is.
        mad = values.iter().map(|v| (v / 2.0 - half).abs() / values.len() as f64).sum();
    }
    let floor = (half.abs() * ROUNDING).max(f64::MIN_POSITIVE * 1e20);
    let spread = (mad * MAD_TO_SIGMA).max(floor).min(f64::MAX / 4.0) * 2.0;
    (half * 2.0, spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_never_zero_and_never_infinite() {
        assert_eq!(center_and_spread(&[]), (0.0, 1.0));
        let (center, spread) = center_and_spread(&[5.0; 9]);
        assert!(center == 5.0 && spread > 0.0 && spread < 1e-7);
        let (center, spread) = center_and_spread(&[1e308, -1e308, 1.5e308, -1.5e308, 0.0]);
        assert!(center == 0.0 && spread.is_finite());
        let (center, spread) = center_and_spread(&[1.0, 2.0, 3.0]);
        assert!(center == 2.0 && (spread - MAD_TO_SIGMA).abs() < 1e-12);
    }
}
