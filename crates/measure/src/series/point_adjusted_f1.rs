//! F1 of points after point adjustment: one alarm anywhere in an anomaly counts for all of it.
//!
//! # Idea
//! A person who is called once sees the whole anomaly, so the rest of it needs no further alarm.
//!
//! # Equations
//! F1 = 2 TP / (2 TP + FP + FN) over points, after every anomaly (run of anomalous points) with at least one alarm is
//! set to alarmed throughout. Abstaining is no alarm. Without any alarm it is 0.
//! Several series: the mean over those with an anomaly. TSB-AD 1.5 gives the same, except that it never adjusts the
//! first point of a series.
//!
//! # Range
//! 0 to 1; 1 when every anomaly holds an alarm and nothing else is alarmed.
//!
//! # Random level
//! Computed by shuffling the verdicts. It is high: where anomalies are long, random alarms hit each of them.
//!
//! # Known weakness
//! Random alarms score well, often better than published detectors (Kim et al. 2022). Never read it without its
//! random level; `event_f1`, `affiliation_precision` and `vus_pr` do not have this flaw.
//!
//! # References
//! Xu et al. 2018, WWW (Donut). doi:10.1145/3178876.3185996
//! Kim, Choi, Choi, Lee, Yoon 2022, Towards a rigorous evaluation of time-series anomaly detection, AAAI.
//! doi:10.1609/aaai.v36i7.20680
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::PointAdjustedF1};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! assert_eq!(PointAdjustedF1::default().measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::ops::Range;

use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Point-adjusted F1; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PointAdjustedF1 {}

impl Params for PointAdjustedF1 {}

impl Metric for PointAdjustedF1 {
    const CARD: MetricCard = MetricCard {
        id: "point_adjusted_f1",
        title: "Point-adjusted F1",
        summary: "F1 of points where one alarm in an anomaly counts for all of it",
        paper: "Xu et al. 2018, WWW. doi:10.1145/3178876.3185996",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "high where anomalies are long; computed by shuffling",
        weakness: "random alarms score well where anomalies are long, so alone it says nothing",
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

impl PointAdjustedF1 {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        Ok(runs::by_alarms(case, |labels, alarms| {
            let hit = |island: &Range<usize>| alarms[island.clone()].contains(&true);
            let hits: usize = runs::runs(labels).into_iter().filter(hit).map(|island| island.len()).sum();
            let false_alarms = alarms.iter().zip(labels).filter(|&(&alarm, &odd)| alarm && !odd).count();
            let n_odd = labels.iter().filter(|&&odd| odd).count();
            2.0 * hits as f64 / (hits + false_alarms + n_odd) as f64
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// The first anomaly counts as found throughout: three hits, two false alarms, one miss.
    #[test]
    fn closed_form() {
        assert_eq!(PointAdjustedF1 {}.measure_on(&by_hand()).unwrap(), 2.0 / 3.0);
    }

    /// TSB-AD 1.5, `metric_PointF1PA(label, score, preds)`; see golden/series.py. Whole numbers, hence 1e-12.
    /// The second series starts with an anomaly, whose first point TSB-AD never adjusts.
    #[test]
    fn matches_reference() {
        assert_golden(
            [0.9230769230769231, f64::NAN, 0.7611940298507462, 0.6382978723404256],
            1e-12,
            |case| PointAdjustedF1 {}.measure_on(case).unwrap(),
        );
    }
}
