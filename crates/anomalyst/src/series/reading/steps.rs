//! Series put on even steps of time.

use std::fmt;

use anomalyst_core::{Error, Label, NoticeKind, Notices, Result, Series, Tally, time_text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Steps that a series may have for each row it comes from, beyond [`FREE`].
const STEPS_PER_ROW: usize = 64;
/// Steps that are always possible.
const FREE: usize = 1 << 20;

/// Even steps of time, and what becomes of the values within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// How long a step is, in microseconds.
    pub micros: i64,
    /// What stands for the values of a step. Increments of counters are always summed.
    pub by: Aggregate,
}

/// What stands for several values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// The last one.
    Last,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// Their sum.
    Sum,
    /// How many there are; none are 0.
    Count,
}

impl Aggregate {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Mean, Self::Last, Self::Min, Self::Max, Self::Sum, Self::Count];

    /// Its name in options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Last => "last",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Count => "count",
        }
    }

    /// The value for `values`, which are present, in the order of time; `NaN` where there are none.
    fn of(self, values: &[f64]) -> f64 {
        let n = values.len();
        match self {
            Self::Count => n as f64,
            _ if n == 0 => f64::NAN,
            Self::Mean => values.iter().map(|v| v / n as f64).sum(),
            Self::Last => values[n - 1],
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Sum => values.iter().sum(),
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `series` on even steps, and for each of its points the step that holds it. Steps begin at multiples of their length
/// since 1970, so that series and later files fall on the same ones; those without a value are missing.
///
/// # Errors
/// Where there are no times, and where there would be many more steps than rows.
pub(super) fn resample(
    series: &Series,
    steps: Steps,
    is_counter: &[bool],
    notices: &mut Notices,
) -> Result<(Series, Vec<usize>)> {
    let Some(times) = &series.times else {
        return Err(Error::Data(
            "steps of even length (--every) need a column of times; name it with --time".into(),
        ));
    };
    let step = |point: usize| times[point].div_euclid(steps.micros);
    let mut starts = vec![0];
    for range in series.ranges() {
        let span = if range.is_empty() {
            0
        } else {
            step(range.end - 1).saturating_sub(step(range.start)).saturating_add(1)
        };
        let total =
            usize::try_from(span).ok().and_then(|n| starts.last().and_then(|last| n.checked_add(*last)));
        let most = FREE + STEPS_PER_ROW * series.n_points();
        let Some(total) = total.filter(|&total| total <= most) else {
            return Err(Error::Data(format!(
                "steps of {} between {} and {} would be many more than the {} rows; choose longer ones with --every, or \
                 look at these times",
                duration_text(steps.micros),
                time_text(times[range.start]),
                time_text(times[range.end - 1]),
                series.n_points()
            )));
        };
        starts.push(total);
    }
    let n_steps = starts[starts.len() - 1];
    let mut step_of = Vec::with_capacity(series.n_points());
    let mut new_times = Vec::with_capacity(n_steps);
    for (range, bounds) in series.ranges().zip(starts.windows(2)) {
        let first = range.clone().next().map_or(0, step);
        step_of.extend(range.map(|point| bounds[0] + (step(point) - first) as usize));
        new_times.extend((0..(bounds[1] - bounds[0]) as i64).map(|i| (first + i) * steps.micros));
    }
    let mut values = Array2::from_elem((n_steps, series.channels.len()), f64::NAN);
    for (channel, &counter) in is_counter.iter().enumerate() {
        let by = if counter { Aggregate::Sum } else { steps.by };
        let mut of_step = Vec::new();
        let mut point = 0;
        for at in 0..n_steps {
            of_step.clear();
            while point < step_of.len() && step_of[point] == at {
                of_step.extend(Some(series.values[[point, channel]]).filter(|v| !v.is_nan()));
                point += 1;
            }
            values[[at, channel]] = by.of(&of_step);
        }
    }
    let labels = series.labels.as_ref().map(|labels| {
        let mut of_steps = vec![Label::Unknown; n_steps];
        for (&at, &label) in step_of.iter().zip(labels) {
            // One anomalous point makes its step anomalous.
            if label == Label::Anomalous || of_steps[at] == Label::Unknown {
                of_steps[at] = label;
            }
        }
        of_steps
    });
    let mut is_empty = vec![true; n_steps];
    step_of.iter().for_each(|&at| is_empty[at] = false);
    let tally = Tally { n: is_empty.iter().filter(|&&empty| empty).count() as u64, of: n_steps as u64 };
    notices.info(
        None,
        format!(
            "{} rows put on {n_steps} steps of {}, by their {}",
            series.n_points(),
            duration_text(steps.micros),
            steps.by
        ),
    );
    if tally.n > 0 {
        let what = if steps.by == Aggregate::Count { "counted as 0" } else { "marked as missing" };
        notices.counted(NoticeKind::Info, None, tally, |tally| format!("{tally} steps have no row; {what}"));
    }
    let resampled = Series {
        channels: series.channels.clone(),
        values,
        ends: starts[1..].to_vec(),
        keys: series.keys.clone(),
        times: Some(new_times),
        labels,
    };
    Ok((resampled, step_of))
}

/// As it is typed: 90s, 5m, 1h.
fn duration_text(micros: i64) -> String {
    for (unit, name) in
        [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")]
    {
        if micros % unit == 0 {
            return format!("{}{name}", micros / unit);
        }
    }
    format!("{micros} microseconds")
}
