//! Range-based recall: how much of each anomaly is covered by runs of alarms, averaged.
//!
//! # Idea
//! Points are too small a unit for series: each anomaly counts once, however long it is, and gets the share of it
//! that is covered.
//!
//! # Equations
//! For each anomaly r: a [r is touched] + (1 - a) c(r) sum over runs of alarms q of w(r, q), with a =
//! `existence_weight`; w is the share of the weight of r that lies in q, points weighing alike, or more at the front,
//! back or middle (`bias`); c(r) = 1, or 1 / number of runs of alarms that touch r (`cardinality`). Recall is the
//! mean over anomalies.
//! Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when every anomaly is covered in full.
//!
//! # Random level
//! Computed by shuffling the verdicts, which also breaks runs of alarms into pieces.
//!
//! # Known weakness
//! Alarming always gives 1; read it beside `range_precision`. Values with different bias, cardinality or existence
//! weight are not comparable.
//!
//! # References
//! Tatbul, Lee, Zdonik, Alam, Gottschlich 2018, Precision and recall for time series, NeurIPS. arXiv:1803.03639
//! Values equal those of the package prts 1.0.0.3.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::RangeRecall};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! assert_eq!(RangeRecall::default().measure_on(&case)?, 1.0 / 3.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ranges::{Bias, Cardinality, Cover};
use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// What counts, and where in a range.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RangeRecall {
    /// Weight of merely touching; the rest weighs how much is covered.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub existence_weight: f64,
    /// Which points of a range weigh most.
    pub bias: Bias,
    /// What a range that is covered in pieces gets.
    pub cardinality: Cardinality,
}

impl Params for RangeRecall {}

impl Metric for RangeRecall {
    const CARD: MetricCard = MetricCard {
        id: "range_recall",
        title: "Range-based recall",
        summary: "share of each anomaly that is covered by runs of alarms, averaged",
        paper: "Tatbul et al. 2018, NeurIPS. arXiv:1803.03639",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "computed by shuffling",
        weakness: "alarming always gives 1",
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

impl RangeRecall {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        let Self { existence_weight, bias, cardinality } = *self;
        Ok(runs::by_alarms(case, |labels, alarms| {
            let (anomalies, found) = (runs::runs(labels), runs::runs(alarms));
            Cover { existence_weight, bias, cardinality }.mean(&anomalies, &found)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// A third of one anomaly is covered, nothing of the other.
    #[test]
    fn closed_form() {
        assert!((RangeRecall::default().measure_on(&by_hand()).unwrap() - 1.0 / 6.0).abs() < 1e-15);
    }

    /// prts 1.0.0.3, `ts_recall(label, alarms, alpha, cardinality, bias)`; see golden/series.py. Sums in another order,
    /// hence 1e-12.
    #[test]
    fn matches_reference() {
        let metric =
            |existence_weight, cardinality, bias| RangeRecall { existence_weight, bias, cardinality };
        for (metric, want) in [
            (
                metric(0.0, Cardinality::One, Bias::Flat),
                [0.6077380952380952, 0.2, 0.28958333333333336, 0.5333333333333333],
            ),
            (
                metric(0.2, Cardinality::Reciprocal, Bias::Front),
                [0.4193195084485407, 0.28, 0.23857142857142857, 0.33999999999999997],
            ),
            (
                metric(0.5, Cardinality::Reciprocal, Bias::Middle),
                [0.6087736742424242, 0.575, 0.4334325396825397, 0.6171875],
            ),
            (
                metric(0.0, Cardinality::One, Bias::Back),
                [0.5654953917050691, 0.2, 0.2744047619047619, 0.7166666666666667],
            ),
        ] {
            assert_golden(want, 1e-12, |case| metric.measure_on(case).unwrap());
        }
    }
}
