//! False discovery proportion: the share of alarms that are false.
//!
//! # Idea
//! The quantity whose expectation procedures such as Benjamini-Hochberg keep below a level; here its value on these
//! items. An abstention is no alarm: an anomaly abstained on was not found.
//!
//! # Equations
//! FP / max(1, TP + FP) with TP right and FP false alarms: 0 without alarms, where nothing false was claimed.
//!
//! # Range
//! 0 to 1; 0 when every alarm is right.
//!
//! # Random level
//! The mean over all ways of dealing the verdicts out: the share of normal items; 0 without alarms.
//!
//! # Known weakness
//! Never alarming is perfect. One data set gives one draw of the proportion; the rate is its mean over many. Read it
//! beside `recall`.
//!
//! # References
//! Benjamini, Hochberg 1995, JRSS B 57. doi:10.1111/j.2517-6161.1995.tb02031.x
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::Fdr};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(Fdr {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Share of alarms that are false; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fdr {}

impl Params for Fdr {}

impl Metric for Fdr {
    const CARD: MetricCard = MetricCard {
        id: "fdr",
        title: "FDP",
        summary: "share of alarms that are false",
        paper: "Benjamini, Hochberg 1995, JRSS B. doi:10.1111/j.2517-6161.1995.tb02031.x",
        subject: Subject::Items,
        needs: &[Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Lower,
        random: "the share of normal items; 0 without alarms",
        weakness: "never alarming is perfect",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok(counts.false_alarms / counts.alarms().max(1.0))
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let counts = Confusion::of(case);
        Ok(Some(if counts.alarms() > 0.0 { 1.0 - case.prevalence() } else { 0.0 }))
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
        assert_eq!(Fdr {}.measure_on(&silent(vec![true, false])).unwrap(), 0.0);
        assert_eq!(Fdr {}.random_level(&silent(vec![true, false]), &Run::new(0)).unwrap(), Some(0.0));
        assert!((Fdr {}.measure_on(&tied()).unwrap() - 34.0 / 60.0).abs() < 1e-15);
    }
}
