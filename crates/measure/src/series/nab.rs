//! The scoring of the Numenta Anomaly Benchmark: early alarms in a window earn more, later ones less, alarms outside
//! cost.

use anomalyst_core::{Error, Result};

use super::runs::{alarms, runs};
use crate::Case;

/// Share of the start of a series that is not judged, so that a detector may learn.
const PROBATION_PERCENT: usize = 15;
/// The probation is measured on at most this many points.
const PROBATION_POINTS: usize = 5_000;

/// What an anomaly that is found is worth: all profiles agree.
const HIT: f64 = 1.0;

/// What alarms are worth to somebody.
#[derive(Clone, Copy)]
pub(super) struct Profile {
    /// Cost of a false alarm far from any anomaly.
    pub false_alarm: f64,
    /// Cost of an anomaly without alarm.
    pub miss: f64,
}

/// 100 for finding each window at its first point without false alarm, 0 for never alarming.
pub(super) fn score(id: &str, case: &Case, profile: Profile) -> Result<f64> {
    let (mut raw, mut n_windows) = (0.0, 0.0);
    for series in case.series() {
        let (earned, windows) = earned(series.labels, &alarms(&series), profile);
        raw += earned;
        n_windows += windows;
    }
    if n_windows == 0.0 {
        return Err(Error::Data(format!(
            "{id}: no anomaly reaches beyond the first {PROBATION_PERCENT} % of its series, which are not judged"
        )));
    }
    let nothing = -profile.miss * n_windows;
    Ok(100.0 * (raw - nothing) / (HIT * n_windows - nothing))
}

/// What the alarms of one series earn, and how many windows are judged.
fn earned(labels: &[bool], alarms: &[bool], profile: Profile) -> (f64, f64) {
    let n = labels.len();
    let probation = (n * PROBATION_PERCENT / 100).min(PROBATION_POINTS * PROBATION_PERCENT / 100);
    let windows = runs(labels);
    let (mut total, mut n_judged) = (0.0, 0.0);
    let mut last = None;
    let mut at = 0;
    for window in &windows {
        total += false_alarms(alarms, at.max(probation)..window.start, last, profile);
        if window.end > probation {
            n_judged += 1.0;
            let from = window.start.max(probation);
            let first = alarms[from..window.end].iter().position(|&alarm| alarm);
            // Later alarms in a window earn less than the first.
            total += first.map_or(-profile.miss, |offset| {
                let to_go = (window.end - from - offset) as f64;
                HIT * sigmoid(-to_go / window.len() as f64) / sigmoid(-1.0)
            });
        }
        last = Some((window.end - 1, window.len()));
        at = window.end;
    }
    total += false_alarms(alarms, at.max(probation)..n, last, profile);
    (total, n_judged)
}

/// What alarms outside windows earn: little is lost right behind a window.
fn false_alarms(
    alarms: &[bool],
    range: std::ops::Range<usize>,
    last: Option<(usize, usize)>,
    profile: Profile,
) -> f64 {
    let worth = |at: usize| match last {
        // Right behind a window of one point is already infinitely far in units of its length.
        Some((end, len)) if len > 1 => sigmoid((at - end) as f64 / (len - 1) as f64),
        _ => -1.0,
    };
    range.filter(|&at| alarms[at]).map(|at| profile.false_alarm * worth(at)).sum()
}

/// From nearly 1 a window's length before its end, over 0 at its end, to -1 behind it.
fn sigmoid(position: f64) -> f64 {
    if position > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}
