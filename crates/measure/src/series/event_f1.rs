//! Event-wise F1: recall of anomalies as events, precision of points.
//!
//! # Idea
//! An anomaly is found once one of its points is alarmed; but each false alarm costs, point by point.
//!
//! # Equations
//! R = anomalies (runs of anomalous points) with an alarm / anomalies; P = anomalous alarms / alarms; the value is the
//! harmonic mean 2 P R / (P + R). Abstaining is no alarm. Without any alarm it is 0.
//! Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when each anomaly holds an alarm and no normal point does.
//!
//! # Random level
//! Computed by shuffling the verdicts.
//!
//! # Known weakness
//! One alarm at the very end of a long anomaly counts as much as one at its start; read it beside `detection_delay`.
//!
//! # References
//! Garg, Zhang, Samaran, Savitha, Foo 2022, IEEE TNNLS 33(6), composite F. doi:10.1109/TNNLS.2021.3105827
//! Values equal "Event-based-F1" of TSB-AD 1.5, which leaves the last point of a series out of an anomaly that
//! reaches it.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::EventF1};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! assert_eq!(EventF1::default().measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Event-wise F1; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EventF1 {}

impl Params for EventF1 {}

impl Metric for EventF1 {
    const CARD: MetricCard = MetricCard {
        id: "event_f1",
        title: "Event-wise F1",
        summary: "harmonic mean of the share of anomalies with an alarm and the share of alarms that are right",
        paper: "Garg et al. 2022, IEEE TNNLS. doi:10.1109/TNNLS.2021.3105827",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "computed by shuffling",
        weakness: "an alarm at the very end of an anomaly counts as much as one at its start",
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

impl EventF1 {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        Ok(runs::by_alarms(case, |labels, alarms| {
            let islands = runs::runs(labels);
            let found = islands.iter().filter(|island| alarms[(*island).clone()].contains(&true)).count();
            let n_alarms = alarms.iter().filter(|&&alarm| alarm).count();
            let hits = alarms.iter().zip(labels).filter(|&(&alarm, &odd)| alarm && odd).count();
            let precision = hits as f64 / n_alarms.max(1) as f64;
            runs::f_score(precision, found as f64 / islands.len() as f64, 1.0)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// One of two anomalies is found, one of three alarms is right.
    #[test]
    fn closed_form() {
        assert!((EventF1 {}.measure_on(&by_hand()).unwrap() - 0.4).abs() < 1e-15);
    }

    /// TSB-AD 1.5, `metric_EventF1PA(label, score, preds)`; see golden/series.py. The reference adds 1e-15 below the
    /// fraction, hence 1e-12.
    #[test]
    fn matches_reference() {
        assert_golden(
            [0.8888888888888884, 0.1333333333333332, 0.5249999999999996, 0.4848484848484844],
            1e-12,
            |case| EventF1 {}.measure_on(case).unwrap(),
        );
    }
}
