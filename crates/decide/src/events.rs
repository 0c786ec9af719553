//! From points above a threshold to events, by rules that can be read out loud.
//!
//! # Idea
//! An event begins with the first score above the threshold, and lasts until scores fall to a lower level (hysteresis):
//! a score that trembles around the threshold makes one event, not twenty. Events close to each other are one. What is
//! then shorter than the minimum length is dropped.
//!
//! # Equations
//! Begin at the first `i` with `s_i > threshold`; last is the point before the next `s_j <= low`. Two events of a series
//! merge where `next.first - previous.last <= merge_gap`. Kept are events with `last - first + 1 >= min_len`.
//!
//! # Score
//! An event's score is its highest point's.
//!
//! # Complexity
//! O(n).
//!
//! # References
//! Canny 1986, IEEE PAMI 8(6) (hysteresis thresholds). Ferro, Segers 2003, JRSS B 65(2) (run lengths).
//!
//! # Example
//! ```
//! use anomalyst_decide::events::{EventRules, events};
//! let scores = [0.0, 5.0, 3.0, 5.0, 1.0, 0.0, 6.0, 0.0];
//! let rules = EventRules { threshold: 4.0, low: 2.0, min_len: 1, merge_gap: 1 };
//! let found = events(&scores, &[8], &rules).unwrap();
//! assert_eq!((found[0].first, found[0].last, found[0].peak), (1, 3, 1));
//! assert_eq!((found[1].first, found[1].last, found.len()), (6, 6, 2));
//! ```

use std::ops::RangeInclusive;

use anomalyst_core::{Error, Result, ranges_of};
use serde::{Deserialize, Serialize};

use crate::extremes::check_ends;

/// When an event begins, ends, merges and counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRules {
    /// An event begins with a score above it.
    pub threshold: f32,
    /// It ends before the first score at or below this; above the threshold it has no effect.
    pub low: f32,
    /// Points that an event lasts at least, once merged; shorter ones are dropped. At 1 none is.
    pub min_len: usize,
    /// Events whose ends are at most this many points apart are one; at 0 and 1 none are merged.
    pub merge_gap: usize,
}

/// A stretch of one series that is anomalous as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventSpan {
    /// Which series, counted from 0.
    pub series: usize,
    /// Its first point, counted over all series.
    pub first: usize,
    /// Its last point.
    pub last: usize,
    /// Its highest point, the first of equal ones.
    pub peak: usize,
    /// The score there.
    pub score: f32,
}

impl EventRules {
    /// For scores that come from windows of that many points (1 where each point has its own): a window long calm
    /// parts two events, and every one counts.
    pub fn new(threshold: f32, low: f32, window_len: usize) -> Self {
        Self { threshold, low: low.min(threshold), min_len: 1, merge_gap: window_len.max(1) }
    }
}

impl EventSpan {
    /// Its points.
    pub fn points(&self) -> RangeInclusive<usize> {
        self.first..=self.last
    }

    /// How many points it lasts.
    pub fn n_points(&self) -> usize {
        self.last - self.first + 1
    }
}

/// The events of scores in the order of time, each series ending at one of `ends`. They are in order and never share a
/// point; with a `min_len` of 1 every score above the threshold is in one.
pub fn events(scores: &[f32], ends: &[usize], rules: &EventRules) -> Result<Vec<EventSpan>> {
    check_ends(ends, scores.len())?;
    if let Some(at) = scores.iter().position(|s| !s.is_finite()) {
        return Err(Error::Data(format!(
            "the score of point {at} is {}; scores are finite numbers",
            scores[at]
        )));
    }
    if !(rules.threshold.is_finite() && rules.low.is_finite()) {
        let got = format!("{} and {}", rules.threshold, rules.low);
        return Err(Error::BadParameter { name: "threshold".into(), got, want: "finite, like `low`".into() });
    }
    let low = rules.low.min(rules.threshold);
    let mut found = Vec::new();
    for (series, range) in ranges_of(ends).enumerate() {
        let mut open: Option<EventSpan> = None;
        for at in range {
            let score = scores[at];
            match &mut open {
                Some(event) if score > low => {
                    event.last = at;
                    if score > event.score {
                        (event.peak, event.score) = (at, score);
                    }
                }
                _ => {
                    found.extend(open.take());
                    if score > rules.threshold {
                        open = Some(EventSpan { series, first: at, last: at, peak: at, score });
                    }
                }
            }
        }
        found.extend(open);
    }
    let mut found = merge(&found, rules.merge_gap);
    found.retain(|event| event.n_points() >= rules.min_len);
    Ok(found)
}

/// Joins events of one series whose ends are at most `gap` points apart. They are given in order; doing it twice
/// changes nothing.
pub fn merge(events: &[EventSpan], gap: usize) -> Vec<EventSpan> {
    let mut merged: Vec<EventSpan> = Vec::with_capacity(events.len());
    for event in events {
        match merged.last_mut() {
            Some(last) if last.series == event.series && event.first.saturating_sub(last.last) <= gap => {
                last.last = last.last.max(event.last);
                if event.score > last.score {
                    (last.peak, last.score) = (event.peak, event.score);
                }
            }
            _ => merged.push(*event),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_in_closed_form() {
        let scores = [9.0, 3.0, 0.0, 0.0, 9.0, 0.0, 3.0, 8.0, 7.0];
        let of = |low, min_len, merge_gap| {
            let rules = EventRules { threshold: 5.0, low, min_len, merge_gap };
            let spans = events(&scores, &[9], &rules).unwrap();
            spans.iter().map(|e| (e.first, e.last, e.peak)).collect::<Vec<_>>()
        };
        assert_eq!(of(5.0, 1, 0), [(0, 0, 0), (4, 4, 4), (7, 8, 7)]);
        assert_eq!(of(9.0, 1, 0), of(5.0, 1, 0));
        // A score between the two levels carries an event on and begins none.
        assert_eq!(of(2.0, 1, 1), [(0, 1, 0), (4, 4, 4), (7, 8, 7)]);
        assert_eq!(of(2.0, 1, 3), [(0, 8, 0)]);
        assert_eq!(of(5.0, 1, 3), [(0, 0, 0), (4, 8, 4)]);
        assert_eq!(of(5.0, 2, 0), [(7, 8, 7)]);
        // Two series: the end of the first is the end of the event.
        let rules = EventRules::new(5.0, 2.0, 100);
        let spans = events(&scores, &[8, 9], &rules).unwrap();
        assert_eq!(
            spans.iter().map(|e| (e.series, e.first, e.last)).collect::<Vec<_>>(),
            [(0, 0, 7), (1, 8, 8)]
        );
        assert!(events(&[], &[], &rules).unwrap().is_empty());
        assert!(events(&scores, &[8], &rules).is_err() && events(&[f32::NAN], &[1], &rules).is_err());
        assert!(events(&scores, &[9], &EventRules { low: f32::NAN, ..rules }).is_err());
    }

    proptest! {
        #[test]
        fn events_hold_every_point_once(
            scores in prop::collection::vec(0..10_u8, 0..120), cut in 0..120_usize,
            low in 0..10_u8, merge_gap in 0..9_usize, min_len in 1..4_usize,
        ) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let ends = [cut.min(scores.len()), scores.len()];
            let rules = EventRules { threshold: 6.0, low: low.into(), min_len: 1, merge_gap };
            let all = events(&scores, &ends, &rules).unwrap();
            for (i, &score) in scores.iter().enumerate() {
                let n = all.iter().filter(|e| e.points().contains(&i)).count();
                prop_assert!(n == 1 || (n == 0 && score <= 6.0));
            }
            for event in &all {
                prop_assert!(scores[event.first] > 6.0 && scores[event.peak] == event.score);
                prop_assert!(event.points().contains(&event.peak));
                prop_assert!(event.points().all(|i| scores[i] <= event.score && (i >= ends[0]) == (event.series == 1)));
            }
            for pair in all.windows(2) {
                prop_assert!(pair[0].last < pair[1].first);
                prop_assert!(pair[0].series < pair[1].series || pair[1].first - pair[0].last > merge_gap);
            }
            prop_assert_eq!(&merge(&all, merge_gap), &all);
            let long = events(&scores, &ends, &EventRules { min_len, ..rules }).unwrap();
            let kept: Vec<EventSpan> = all.into_iter().filter(|e| e.n_points() >= min_len).collect();
            prop_assert_eq!(long, kept);
        }
    }
}
