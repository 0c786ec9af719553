//! G-mean: the geometric mean of the shares of both classes that are judged right.
//!
//! # Idea
//! High only when anomalies raise alarms and normal items do not, whatever the share of anomalies. An abstention is
//! no alarm: an anomaly abstained on was not found. A normal item abstained on is left in peace.
//!
//! # Equations
//! sqrt(TPR (1 - FPR)) with the shares TPR of anomalous and FPR of normal items that raise an alarm.
//!
//! # Range
//! 0 to 1; 1 when the alarms are exactly the anomalies, 0 when all or none alarm.
//!
//! # Random level
//! About sqrt(r (1 - r)) with the share r of items that raise an alarm, never above 1/2; computed by shuffling the
//! verdicts.
//!
//! # Known weakness
//! It weighs both classes alike: where anomalies are rare, a good value can go with far more false alarms than hits.
//!
//! # References
//! Kubat, Matwin 1997, Addressing the curse of imbalanced training sets: one-sided selection, ICML.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::GMean};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(GMean {}.measure_on(&case)?, 0.375_f64.sqrt());
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Geometric mean of the shares judged right; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GMean {}

impl Params for GMean {}

impl Metric for GMean {
    const CARD: MetricCard = MetricCard {
        id: "g_mean",
        title: "G-mean",
        summary: "geometric mean of the shares of both classes that are judged right",
        paper: "Kubat, Matwin 1997, ICML",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "at most 0.5; computed by shuffling",
        weakness: "weighs both classes alike, so false alarms can outnumber hits where anomalies are rare",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok((counts.recall() * (1.0 - counts.false_alarms / counts.n_normal)).sqrt())
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::items::fixtures::tied;

    /// Verdicts that never call anybody.
    fn silent(labels: Vec<bool>) -> Case {
        let verdicts = vec![anomalyst_core::Verdict::Normal; labels.len()];
        Case::new(labels).with_verdicts(verdicts).unwrap()
    }

    #[test]
    fn closed_form() {
        assert_eq!(GMean {}.measure_on(&silent(vec![true, false])).unwrap(), 0.0);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = GMean {}.measure_on(&tied()).unwrap();
        assert!((value - 0.767_973_664_772_139_1).abs() < 1e-12, "{value}");
    }
}
