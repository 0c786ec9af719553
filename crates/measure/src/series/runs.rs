//! Runs of points, alarms, and means over series: what most metrics of series begin with.

use std::ops::Range;

use anomalyst_core::{Error, Result, Verdict};

use crate::{Case, SeriesView};

/// The runs of `true`, in order.
pub(super) fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, &flag) in flags.iter().enumerate() {
        match (flag, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|from| from..flags.len()));
    found
}

/// Which points were called anomalous. Abstaining is no alarm.
pub(super) fn alarms(series: &SeriesView<'_>) -> Vec<bool> {
    let verdicts = series.verdicts.unwrap_or_default();
    verdicts.iter().map(|&verdict| verdict == Verdict::Anomalous).collect()
}

/// One value for each series that has an anomaly, from labels and alarms; `NaN` for the others.
pub(super) fn by_alarms(case: &Case, value: impl Fn(&[bool], &[bool]) -> f64) -> Vec<f64> {
    let one = |series: SeriesView<'_>| {
        if series.labels.contains(&true) { value(series.labels, &alarms(&series)) } else { f64::NAN }
    };
    case.series().map(one).collect()
}

/// The mean of those of `parts` that are a number.
pub(super) fn mean(id: &str, parts: &[f64]) -> Result<f64> {
    let (mut total, mut n) = (0.0, 0_usize);
    for &part in parts.iter().filter(|part| !part.is_nan()) {
        total += part;
        n += 1;
    }
    if n == 0 {
        return Err(Error::Data(format!(
            "{id}: no series has what it takes for a value; see the metric's page"
        )));
    }
    Ok(total / n as f64)
}

/// The harmonic mean of precision and recall, precision weighing more the smaller `beta` is; 0 where both are 0.
pub(super) fn f_score(precision: f64, recall: f64, beta: f64) -> f64 {
    let square = beta * beta;
    let below = square * precision + recall;
    if below > 0.0 { (1.0 + square) * precision * recall / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_touch_both_ends() {
        assert_eq!(super::runs(&[true, true, false, true]), [0..2, 3..4]);
        assert_eq!(super::runs(&[false]), []);
        assert_eq!(super::runs(&[]), []);
    }
}
