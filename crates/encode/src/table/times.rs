//! Timestamps as elapsed time and cyclic parts, in UTC.
//!
//! The gap to the row before is not a feature here: it would make a row's features depend on the rows it comes
//! with. Gaps belong to encoders of sequences, where the rows before are part of the item.

use serde::{Deserialize, Serialize};

use super::numbers::{FittedScaler, Scaler};
use super::params::Scale;

const DAY_MICROS: i64 = 86_400_000_000;

/// A period on whose circle a time has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cycle {
    /// Time of day.
    Hour,
    /// Day of the week.
    Weekday,
    /// Day of the year.
    YearDay,
}

/// How a timestamp column is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    /// The first training time, in microseconds.
    pub(super) start: i64,
    /// Scales the seconds since then.
    pub(super) elapsed: Scaler,
    /// The circles, each giving a sine and a cosine.
    pub(super) cycles: Vec<Cycle>,
}

impl Times {
    /// Fits to the times that are not missing; `None` where all are the same.
    pub(super) fn fit(present: &[i64], scale: Scale) -> Option<(Self, bool)> {
        let &start = present.iter().min()?;
        let mut elapsed: Vec<f64> = present.iter().map(|&t| seconds(t, start)).collect();
        let FittedScaler { scaler, by_deviation } = Scaler::fit(&mut elapsed, scale)?;
        let cycles = Cycle::useful(present);
        Some((Self { start, elapsed: scaler, cycles }, by_deviation))
    }

    /// How many features a time gives.
    pub(super) fn width(&self) -> usize {
        1 + 2 * self.cycles.len()
    }

    /// The features of a time.
    pub(super) fn write(&self, time: i64, swing: f64, out: &mut [f32]) {
        out[0] = self.elapsed.feature(seconds(time, self.start));
        for (cycle, out) in self.cycles.iter().zip(out[1..].chunks_exact_mut(2)) {
            let (sin, cos) = (std::f64::consts::TAU * cycle.phase(time)).sin_cos();
            out[0] = (swing * sin) as f32;
            out[1] = (swing * cos) as f32;
        }
    }

    /// What stands in for a missing time: the median, and the centre of each circle.
    pub(super) fn write_fill(&self, out: &mut [f32]) {
        out.fill(0.0);
        out[0] = self.elapsed.fill;
    }

    /// What each feature is called.
    pub(super) fn aspects(&self) -> Vec<String> {
        let cyclic =
            self.cycles.iter().flat_map(|c| ["sin", "cos"].map(|part| format!("{}_{part}", c.name())));
        std::iter::once("elapsed".to_owned()).chain(cyclic).collect()
    }
}

impl Cycle {
    /// All of them, the shortest first.
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::Weekday, Self::YearDay];

    /// Those that tell something of these times that their order does not tell.
    pub(crate) fn useful(times: &[i64]) -> Vec<Self> {
        let (Some(&start), Some(&end)) = (times.iter().min(), times.iter().max()) else { return Vec::new() };
        let span = end.saturating_sub(start);
        let is_useful = |cycle: &Self| {
            let first = cycle.phase(start);
            span > cycle.least_span() && times.iter().any(|&t| cycle.phase(t) != first)
        };
        Self::ALL.into_iter().filter(is_useful).collect()
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Weekday => "weekday",
            Self::YearDay => "year_day",
        }
    }

    /// Shorter training data says nothing about this period that the elapsed time does not say.
    const fn least_span(self) -> i64 {
        match self {
            Self::Hour => 2 * DAY_MICROS,
            Self::Weekday => 14 * DAY_MICROS,
            Self::YearDay => 548 * DAY_MICROS,
        }
    }

    /// The place in the period, from 0 up to 1.
    pub(crate) fn phase(self, time: i64) -> f64 {
        let (day, rest) = (time.div_euclid(DAY_MICROS), time.rem_euclid(DAY_MICROS));
        match self {
            Self::Hour => rest as f64 / DAY_MICROS as f64,
            // 1970-01-01 was a Thursday; Monday is 0.
            Self::Weekday => (day + 3).rem_euclid(7) as f64 / 7.0,
            Self::YearDay => year_phase(day),
        }
    }
}

/// Seconds from `start` to `time`, exact to the microsecond within 285 years.
fn seconds(time: i64, start: i64) -> f64 {
    time.saturating_sub(start) as f64 / 1e6
}

/// The share of its Gregorian year that lies before a day counted from 1970-01-01.
fn year_phase(day: i64) -> f64 {
    // Days since 0000-01-01 within a cycle of 400 years, which repeats exactly.
    let in_cycle = (day + 719_528).rem_euclid(146_097);
    let before = |year: i64| 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let mut year = in_cycle / 366;
    while before(year + 1) <= in_cycle {
        year += 1;
    }
    (in_cycle - before(year)) as f64 / (before(year + 1) - before(year)) as f64
}
