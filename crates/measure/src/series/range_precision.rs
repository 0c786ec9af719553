//! Range-based precision: how much of each run of alarms is covered by anomalies, averaged.
//!
//! # Idea
//! Points are too small a unit for series: each run of alarms counts once, however long it is, and gets the share of
//! it that is covered.
//!
//! # Equations
//! For each run of alarms r: a [r is touched] + (1 - a) c(r) sum over anomalies q of w(r, q), with a =
//! `existence_weight`; w is the share of the weight of r that lies in q, points weighing alike, or more at the front,
//! back or middle (`bias`); c(r) = 1, or 1 / number of anomalies that touch r (`cardinality`). Precision is the mean
//! over runs of alarms; 0 where there are none.
//! Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when every run of alarms is covered in full by anomalies.
//!
//! # Random level
//! Computed by shuffling the verdicts, which also breaks runs of alarms into pieces.
//!
//! # Known weakness
//! A short alarm that is right weighs as much as a long one that is wrong; read it beside `range_recall`. Values with
//! different bias, cardinality or existence weight are not comparable.
//!
//! # References
//! Tatbul, Lee, Zdonik, Alam, Gottschlich 2018, Precision and recall for time series, NeurIPS. arXiv:1803.03639
//! Values equal those of the package prts 1.0.0.3.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::RangePrecision};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! assert_eq!(RangePrecision::default().measure_on(&case)?, 1.0);
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
pub struct RangePrecision {
    /// Weight of merely touching; the rest weighs how much is covered.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub existence_weight: f64,
    /// Which points of a range weigh most.
    pub bias: Bias,
    /// What a range that is covered in pieces gets.
    pub cardinality: Cardinality,
}

impl Params for RangePrecision {}

impl Metric for RangePrecision {
    const CARD: MetricCard = MetricCard {
        id: "range_precision",
        title: "Range-based precision",
        summary: "share of each run of alarms that is covered by anomalies, averaged",
        paper: "Tatbul et al. 2018, NeurIPS. arXiv:1803.03639",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "computed by shuffling",
        weakness: "a short alarm that is right weighs as much as a long one that is wrong",
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

impl RangePrecision {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        let Self { existence_weight, bias, cardinality } = *self;
        Ok(runs::by_alarms(case, |labels, alarms| {
            let (anomalies, found) = (runs::runs(labels), runs::runs(alarms));
            Cover { existence_weight, bias, cardinality }.mean(&found, &anomalies)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// Of two runs of alarms one lies in an anomaly, the other outside.
    #[test]
    fn closed_form() {
        assert_eq!(RangePrecision::default().measure_on(&by_hand()).unwrap(), 0.5);
    }

    /// prts 1.0.0.3, `ts_precision(label, alarms, alpha, cardinality, bias)`; see golden/series.py. Sums in another
    /// order, hence 1e-12.
    #[test]
    fn matches_reference() {
        let metric =
            |existence_weight, cardinality, bias| RangePrecision { existence_weight, bias, cardinality };
        for (metric, want) in [
            (
                metric(0.0, Cardinality::One, Bias::Flat),
                [0.6153846153846154, 0.07142857142857142, 0.3902439024390244, 0.13333333333333333],
            ),
            (
                metric(0.2, Cardinality::Reciprocal, Bias::Front),
                [0.6153846153846154, 0.07142857142857142, 0.3902439024390244, 0.16],
            ),
            (
                metric(0.5, Cardinality::Reciprocal, Bias::Middle),
                [0.6153846153846154, 0.07142857142857142, 0.3902439024390244, 0.15625],
            ),
            (
                metric(0.0, Cardinality::One, Bias::Back),
                [0.6153846153846154, 0.07142857142857142, 0.3902439024390244, 0.11212121212121212],
            ),
        ] {
            assert_golden(want, 1e-12, |case| metric.measure_on(case).unwrap());
        }
    }
}
