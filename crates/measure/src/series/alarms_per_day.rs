//! Alarms per day: how often somebody is called.
//!
//! # Idea
//! Whether right or wrong, each alarm costs attention; runs of alarmed points are one call.
//!
//! # Equations
//! Runs of points with the verdict anomalous / (last time - first time) in days. Abstaining is no alarm. Several
//! series: all alarms over all days, as one person sees them in turn.
//!
//! # Range
//! 0 and up. Neither end is good: it is to be read beside what the alarms find.
//!
//! # Random level
//! Computed by shuffling the verdicts, which breaks runs into pieces.
//!
//! # Known weakness
//! It does not say whether alarms are right. One alarm that never ends counts as one.
//!
//! # References
//! Textbook; operators of alarm systems call it alarm load (ANSI/ISA-18.2).
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::AlarmsPerDay};
//!
//! let case = Case::new(vec![false; 5]);
//! let case = case.with_verdicts(vec![Normal, Anomalous, Anomalous, Normal, Anomalous])?;
//! let case = case.with_times(vec![0.0, 43_200.0, 86_400.0, 129_600.0, 172_800.0])?;
//! assert_eq!(AlarmsPerDay::default().measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::runs;
use crate::SeriesView;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Alarms per day; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmsPerDay {}

impl Params for AlarmsPerDay {}

impl Metric for AlarmsPerDay {
    const CARD: MetricCard = MetricCard {
        id: "alarms_per_day",
        title: "Alarms per day",
        summary: "runs of alarmed points per day, right or wrong",
        paper: "textbook; ANSI/ISA-18.2 alarm load",
        subject: Subject::Series,
        needs: &[Need::Verdicts, Need::Times],
        range: (0.0, f64::INFINITY),
        better: Better::Neither,
        random: "computed by shuffling",
        weakness: "does not say whether alarms are right, and one alarm that never ends counts as one",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let (mut n_alarms, mut days) = (0.0, 0.0);
        for series in case.series() {
            let one = load(&series);
            n_alarms += one.0;
            days += one.1;
        }
        if days > 0.0 {
            return Ok(n_alarms / days);
        }
        Err(Error::Data(format!("{}: no time passes between the first and the last point", Self::CARD.id)))
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    fn parts(&self, case: &Case) -> Result<Option<Vec<f64>>> {
        self.values(case).map(Some)
    }
}

impl AlarmsPerDay {
    /// One value for each series; `NaN` where no time passes.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        let rate = |(n_alarms, days): (f64, f64)| if days > 0.0 { n_alarms / days } else { f64::NAN };
        Ok(case.series().map(|series| rate(load(&series))).collect())
    }
}

/// Alarms and days of one series.
fn load(series: &SeriesView<'_>) -> (f64, f64) {
    let n_alarms = runs::runs(&runs::alarms(series)).len() as f64;
    let span = |times: &[f64]| Some(times.last()? - times.first()?);
    (n_alarms, series.times.and_then(span).unwrap_or(0.0) / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use anomalyst_core::Verdict::{Anomalous, Normal};

    #[test]
    fn closed_form_over_two_series() {
        let case = Case::new(vec![false; 4]).with_series(vec![2, 4]).unwrap();
        let case = case.with_verdicts(vec![Anomalous, Anomalous, Normal, Anomalous]).unwrap();
        let case = case.with_times(vec![0.0, 86_400.0, 0.0, 259_200.0]).unwrap();
        assert_eq!(AlarmsPerDay {}.measure_on(&case).unwrap(), 0.5);
        assert_eq!(AlarmsPerDay {}.parts(&case).unwrap().unwrap(), [1.0, 1.0 / 3.0]);
    }

    #[test]
    fn no_time_passes() {
        let case =
            Case::new(vec![false]).with_verdicts(vec![Anomalous]).unwrap().with_times(vec![5.0]).unwrap();
        assert!(AlarmsPerDay {}.measure_on(&case).unwrap_err().to_string().contains("no time passes"));
    }
}
