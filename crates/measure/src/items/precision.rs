//! Precision: the share of alarms that are right.
//!
//! # Idea
//! Of what raised an alarm, how much was worth it. An abstention is no alarm: an anomaly abstained on was not found.
//!
//! # Equations
//! TP / (TP + FP) with TP right and FP false alarms; 0 without alarms, since nothing was found.
//!
//! # Range
//! 0 to 1; 1 when every alarm is right.
//!
//! # Random level
//! The mean over all ways of dealing the verdicts out: the share of anomalies; 0 without alarms.
//!
//! # Known weakness
//! A single alarm that is right is perfect. Read it beside `recall`. It depends on the share of anomalies.
//!
//! # References
//! Textbook; van Rijsbergen 1979, Information Retrieval, chapter 7.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::Precision};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(Precision {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Share of alarms that are right; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Precision {}

impl Params for Precision {}

impl Metric for Precision {
    const CARD: MetricCard = MetricCard {
        id: "precision",
        title: "precision",
        summary: "share of alarms that are right",
        paper: "textbook; van Rijsbergen 1979, Information Retrieval",
        subject: Subject::Items,
        needs: &[Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the share of anomalies; 0 without alarms",
        weakness: "one alarm that is right is perfect, however much is missed",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok(counts.hits / counts.alarms().max(1.0))
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let counts = Confusion::of(case);
        Ok(Some(if counts.alarms() > 0.0 { case.prevalence() } else { 0.0 }))
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
        assert_eq!(Precision {}.measure_on(&silent(vec![true, false])).unwrap(), 0.0);
        assert_eq!(Precision {}.random_level(&silent(vec![true, false]), &Run::new(0)).unwrap(), Some(0.0));
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = Precision {}.measure_on(&tied()).unwrap();
        assert!((value - 26.0 / 60.0).abs() < 1e-12, "{value}");
    }
}
