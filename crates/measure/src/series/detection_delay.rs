//! Detection delay: how long after its start an anomaly is first alarmed.
//!
//! # Idea
//! What an operator waits for: the time from the start of an anomaly to the first alarm in it.
//!
//! # Equations
//! The mean over anomalies of (first alarm in the anomaly - its first point); an anomaly without alarm counts its
//! whole length, as if it were noticed by ending. In points, or in seconds of the case's times (to the first point
//! behind an anomaly that is missed; where the series ends with it, one step behind its last point). Alarms before an
//! anomaly are no detection.
//! Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0, which is an alarm at the first point of each anomaly, to the length of the anomalies.
//!
//! # Random level
//! Computed by shuffling the verdicts.
//!
//! # Known weakness
//! Alarming always gives 0; and a missed short anomaly costs little. Read it beside `event_f1`.
//!
//! # References
//! Doshi, Abudalou, Yilmaz 2022, Reward once, penalize once, IJCNN; the delay itself is textbook (change detection).
//!
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::DetectionDelay};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! assert_eq!(DetectionDelay::default().measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::runs;
use crate::SeriesView;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// What a delay is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Points of the series.
    #[default]
    Points,
    /// Seconds; the case must hold times.
    Seconds,
}

/// What the delay is measured in.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionDelay {
    /// Points or seconds.
    pub unit: Unit,
}

impl Params for DetectionDelay {}

impl Metric for DetectionDelay {
    const CARD: MetricCard = MetricCard {
        id: "detection_delay",
        title: "Detection delay",
        summary: "mean time from the start of an anomaly to the first alarm in it, its length where there is none",
        paper: "textbook; Doshi, Abudalou, Yilmaz 2022, IJCNN",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "computed by shuffling",
        weakness: "alarming always gives 0, and missed short anomalies cost little",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        runs::mean(Self::CARD.id, &self.values(case)?)
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    fn parts(&self, case: &Case) -> Result<Option<Vec<f64>>> {
        self.values(case).map(Some)
    }
}

impl DetectionDelay {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        let one = |series: SeriesView<'_>| {
            let alarms = runs::alarms(&series);
            let islands = runs::runs(series.labels);
            let mut total = 0.0;
            for island in &islands {
                let first = alarms[island.clone()].iter().position(|&alarm| alarm);
                let at = first.map_or(island.end, |offset| island.start + offset);
                total += match self.unit {
                    Unit::Points => (at - island.start) as f64,
                    Unit::Seconds => {
                        let Some(times) = series.times else {
                            return Err(Error::Data("detection_delay in seconds needs times".into()));
                        };
                        time_of(times, at) - times[island.start]
                    }
                };
            }
            Ok(if islands.is_empty() { f64::NAN } else { total / islands.len() as f64 })
        };
        case.series().map(one).collect()
    }
}

/// The time of a point; the one behind the last is as far from it as the last is from the one before.
fn time_of(times: &[f64], at: usize) -> f64 {
    let last = times.len() - 1;
    if at <= last { times[at] } else { 2.0 * times[last] - times[last.saturating_sub(1)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use anomalyst_core::Verdict::{Anomalous, Normal};

    #[test]
    fn closed_form() {
        let labels = vec![true, true, false, true, true, true];
        let verdicts = vec![Normal, Anomalous, Anomalous, Normal, Normal, Normal];
        let case = Case::new(labels).with_verdicts(verdicts).unwrap();
        // One point late, and missed over three points.
        assert_eq!(DetectionDelay::default().measure_on(&case).unwrap(), 2.0);
        let seconds = DetectionDelay { unit: Unit::Seconds };
        assert!(seconds.measure_on(&case).unwrap_err().to_string().contains("needs times"));
        let case = case.with_times(vec![0.0, 10.0, 20.0, 30.0, 40.0, 55.0]).unwrap();
        assert_eq!(seconds.measure_on(&case).unwrap(), f64::midpoint(10.0, 40.0));
    }
}
