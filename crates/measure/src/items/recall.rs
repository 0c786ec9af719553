//! Recall: the share of anomalies that raise an alarm. Tests of hypotheses call it the power.
//!
//! # Idea
//! Of what there was to find, how much was found. An abstention is no alarm: an anomaly abstained on was not found.
//!
//! # Equations
//! TP / p with p anomalies, TP of them with the verdict anomalous.
//!
//! # Range
//! 0 to 1; 1 when every anomaly raises an alarm.
//!
//! # Random level
//! The mean over all ways of dealing the verdicts out: the share of items that raise an alarm.
//!
//! # Known weakness
//! Alarming on everything is perfect. Read it beside `precision` or `fdr`.
//!
//! # References
//! Textbook; van Rijsbergen 1979, Information Retrieval, chapter 7. As power: Neyman, Pearson 1933, doi:10.1098/rsta.1933.0009
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::Recall};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(Recall {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Share of anomalies found, the power; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recall {}

impl Params for Recall {}

impl Metric for Recall {
    const CARD: MetricCard = MetricCard {
        id: "recall",
        title: "recall",
        summary: "share of anomalies that raise an alarm, the power of a test",
        paper: "textbook; van Rijsbergen 1979, Information Retrieval",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the share of items that raise an alarm",
        weakness: "alarming on everything is perfect",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok(counts.recall())
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let counts = Confusion::of(case);
        Ok(Some(counts.alarms() / counts.n()))
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
        assert_eq!(Recall {}.measure_on(&silent(vec![true, false])).unwrap(), 0.0);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = Recall {}.measure_on(&tied()).unwrap();
        assert!((value - 26.0 / 35.0).abs() < 1e-12, "{value}");
    }
}
