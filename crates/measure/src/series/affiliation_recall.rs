//! Affiliation recall: how near each anomaly is to alarms, against chance.
//!
//! # Idea
//! Each anomaly owns the part of the time that is nearer to it than to the others, its zone. Its points are asked how
//! far the nearest alarm of the zone is, and what the chance is that a random moment of the zone would be farther.
//!
//! # Equations
//! R_j = (1 / |J|) integral over y in J of F(y), with F(y) = 1 in an alarm and otherwise 1 - (min(d, m) + d) / |E|; d
//! is the distance to the nearest alarm in the zone E of the anomaly J, and m that from y to the nearer end of E. R_j
//! is 0 without an alarm in E. The value is the mean of R_j over anomalies. A point i is the interval from i to i +
//! 1, and abstaining is no alarm. Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when each anomaly is alarmed throughout.
//!
//! # Random level
//! Computed by shuffling the verdicts. It is near 1 where there are many alarms.
//!
//! # Known weakness
//! A single alarm per zone already gives much; alarming always gives 1. Read it beside `affiliation_precision`.
//!
//! # References
//! Huet, Navarro, Rossi 2022, Local evaluation of time series anomaly detection algorithms, KDD.
//! doi:10.1145/3534678.3539339
//! Values equal those of the authors' code.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::AffiliationRecall};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! let value = AffiliationRecall::default().measure_on(&case)?;
//! assert!(value > 0.8, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::affiliation::affiliation;
use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Affiliation recall; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AffiliationRecall {}

impl Params for AffiliationRecall {}

impl Metric for AffiliationRecall {
    const CARD: MetricCard = MetricCard {
        id: "affiliation_recall",
        title: "Affiliation recall",
        summary: "chance that a random moment is farther from an anomaly than its alarms are, averaged",
        paper: "Huet, Navarro, Rossi 2022, KDD. doi:10.1145/3534678.3539339",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "near 1 where there are many alarms; computed by shuffling",
        weakness: "one alarm per anomaly gives much, and alarming always gives 1",
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

impl AffiliationRecall {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        Ok(affiliation(case)?.recall.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// The zones meet at 5.5. Over the first anomaly the integral is 9/11 + 1 + 10/11, over the second 1/5.
    #[test]
    fn closed_form() {
        let want = f64::midpoint(10.0 / 11.0, 1.0 / 5.0);
        assert!((AffiliationRecall {}.measure_on(&by_hand()).unwrap() - want).abs() < 1e-14);
    }

    /// The authors' code as it is in TSB-AD 1.5, `pr_from_events(alarms, anomalies, (0, n))`; see golden/series.py.
    /// Integrals are summed in another order, hence 1e-12.
    #[test]
    fn matches_reference() {
        assert_golden(
            [0.9895622268041495, 0.9804999999999999, 0.9716172069581224, 0.9894444444444445],
            1e-12,
            |case| AffiliationRecall {}.measure_on(case).unwrap(),
        );
    }

    #[test]
    fn without_alarms() {
        let case =
            Case::new(vec![true, false]).with_verdicts(vec![anomalyst_core::Verdict::Normal; 2]).unwrap();
        assert_eq!(AffiliationRecall {}.measure_on(&case).unwrap(), 0.0);
    }
}
