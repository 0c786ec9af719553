//! F-beta: precision and recall in one number, recall weighed beta times as much.
//!
//! # Idea
//! Where a miss is worse than a false alarm, F1 with more weight on recall. An abstention is no alarm: an anomaly
//! abstained on was not found.
//!
//! # Equations
//! (1 + beta^2) TP / (beta^2 p + a) with p anomalies, a alarms and TP right alarms; 0 without alarms.
//!
//! # Range
//! 0 to 1; 1 when the alarms are exactly the anomalies.
//!
//! # Random level
//! The mean over all ways of dealing the verdicts out: (1 + beta^2) p a / (n (beta^2 p + a)) of n items.
//!
//! # Known weakness
//! Beta is a choice that decides who wins, and few say why theirs is right; `expected_cost` asks for prices instead.
//! It depends on the share of anomalies.
//!
//! # References
//! van Rijsbergen 1979, Information Retrieval, chapter 7.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::FBeta};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(FBeta::default().measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// How much more recall weighs than precision.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FBeta {
    /// Recall weighs this many times as much as precision; 1 is F1.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub beta: f64,
}

impl Default for FBeta {
    fn default() -> Self {
        Self { beta: 2.0 }
    }
}

impl Params for FBeta {}

impl Metric for FBeta {
    const CARD: MetricCard = MetricCard {
        id: "f_beta",
        title: "F-beta",
        summary: "precision and recall in one number, recall weighed beta times as much",
        paper: "van Rijsbergen 1979, Information Retrieval",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "(1 + beta^2) p a / (n (beta^2 p + a)) with p anomalies and a alarms among n items",
        weakness: "depends on the share of anomalies, and beta decides who wins",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok(counts.f_beta(self.beta, counts.hits))
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let counts = Confusion::of(case);
        Ok(Some(counts.f_beta(self.beta, counts.random_hits())))
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
        assert_eq!(FBeta::default().measure_on(&silent(vec![true, false])).unwrap(), 0.0);
        // 5 * 26 / (4 * 35 + 60).
        assert!((FBeta::default().measure_on(&tied()).unwrap() - 0.65).abs() < 1e-15);
        assert!(FBeta { beta: f64::NAN }.measure_on(&tied()).is_err());
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = FBeta { beta: 2.0 }.measure_on(&tied()).unwrap();
        assert!((value - 0.65).abs() < 1e-12, "{value}");
    }
}
