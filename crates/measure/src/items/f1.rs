//! F1: the harmonic mean of precision and recall.
//!
//! # Idea
//! One number that is high only when alarms are right and anomalies are found. An abstention is no alarm: an anomaly
//! abstained on was not found.
//!
//! # Equations
//! 2 TP / (p + a) with p anomalies, a alarms and TP right alarms; 0 without alarms.
//!
//! # Range
//! 0 to 1; 1 when the alarms are exactly the anomalies.
//!
//! # Random level
//! The mean over all ways of dealing the verdicts out: 2 p a / (n (p + a)) of n items.
//!
//! # Known weakness
//! It depends on the share of anomalies and ignores how many normal items are left in peace. Alarming on everything
//! gives 2 p / (n + p), which is high where anomalies are many.
//!
//! # References
//! van Rijsbergen 1979, Information Retrieval, chapter 7.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::F1};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(F1 {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Harmonic mean of precision and recall; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct F1 {}

impl Params for F1 {}

impl Metric for F1 {
    const CARD: MetricCard = MetricCard {
        id: "f1",
        title: "F1",
        summary: "harmonic mean of precision and recall",
        paper: "van Rijsbergen 1979, Information Retrieval",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "2 p a / (n (p + a)) with p anomalies and a alarms among n items",
        weakness: "depends on the share of anomalies, and alarming on everything scores well where they are many",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok(counts.f_beta(1.0, counts.hits))
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let counts = Confusion::of(case);
        Ok(Some(counts.f_beta(1.0, counts.random_hits())))
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
        assert_eq!(F1 {}.measure_on(&silent(vec![true, false])).unwrap(), 0.0);
        assert!((F1 {}.measure_on(&tied()).unwrap() - 52.0 / 95.0).abs() < 1e-15);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = F1 {}.measure_on(&tied()).unwrap();
        assert!((value - 0.547_368_421_052_631_6).abs() < 1e-12, "{value}");
    }
}
