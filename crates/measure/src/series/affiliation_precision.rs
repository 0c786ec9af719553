//! Affiliation precision: how near alarms are to anomalies, against chance.
//!
//! # Idea
//! Each anomaly owns the part of the time that is nearer to it than to the others, its zone. Alarms in the zone are
//! asked how far they are from the anomaly, and what the chance is that a random moment of the zone would be farther.
//!
//! # Equations
//! P_j = mean over alarmed time x in the zone E of the anomaly J of F(x), with F(x) = 1 in J and otherwise 1 -
//! (min(d, m) + d + |J|) / |E|; d is the distance to J, and m that from J to the nearer end of E. The value is the
//! mean of P_j over zones with an alarm; 0 where there is no alarm at all (the authors leave it undefined). A point i
//! is the interval from i to i + 1, and abstaining is no alarm. Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when there are alarms, and all lie in anomalies.
//!
//! # Random level
//! Computed by shuffling the verdicts. One alarm at random gets about 1/2, and values below 0.5 are worse than
//! chance.
//!
//! # Known weakness
//! It is forgiving: false alarms far from every anomaly still get part of the credit, so good values start near 0.5,
//! not 0. Zones without alarm do not count; read it beside `affiliation_recall`.
//!
//! # References
//! Huet, Navarro, Rossi 2022, Local evaluation of time series anomaly detection algorithms, KDD.
//! doi:10.1145/3534678.3539339
//! Values equal those of the authors' code.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::AffiliationPrecision};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! let value = AffiliationPrecision::default().measure_on(&case)?;
//! assert!(value > 0.8, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::affiliation::affiliation;
use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Affiliation precision; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AffiliationPrecision {}

impl Params for AffiliationPrecision {}

impl Metric for AffiliationPrecision {
    const CARD: MetricCard = MetricCard {
        id: "affiliation_precision",
        title: "Affiliation precision",
        summary: "chance that a random moment is farther from the nearest anomaly than an alarm is, averaged",
        paper: "Huet, Navarro, Rossi 2022, KDD. doi:10.1145/3534678.3539339",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about 0.5; computed by shuffling",
        weakness: "false alarms far from every anomaly still get about half of the credit",
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

impl AffiliationPrecision {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        Ok(affiliation(case)?.precision.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// The zones meet at 5.5. In the first, of alarmed time 1 + 1.5, the integral of F is 1 + 1.5 - 6.625 / 5.5; in the
    /// second, of half a point, it is 0.5 - 1.125 / 2.5.
    #[test]
    fn closed_form() {
        assert!((AffiliationPrecision {}.measure_on(&by_hand()).unwrap() - 17.0 / 55.0).abs() < 1e-14);
    }

    /// The authors' code as it is in TSB-AD 1.5, `pr_from_events(alarms, anomalies, (0, n))`; see golden/series.py.
    /// Integrals are summed in another order, hence 1e-12.
    #[test]
    fn matches_reference() {
        assert_golden(
            [0.8558762675046633, 0.4939285714285714, 0.7109863041918906, 0.7413333333333333],
            1e-12,
            |case| AffiliationPrecision {}.measure_on(case).unwrap(),
        );
    }

    #[test]
    fn without_alarms() {
        let case =
            Case::new(vec![true, false]).with_verdicts(vec![anomalyst_core::Verdict::Normal; 2]).unwrap();
        assert_eq!(AffiliationPrecision {}.measure_on(&case).unwrap(), 0.0);
    }
}
