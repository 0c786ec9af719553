//! Matthews correlation coefficient: the correlation of alarms with labels.
//!
//! # Idea
//! Pearson's correlation of two columns of zeros and ones: the alarms and the labels. An abstention is no alarm: an
//! anomaly abstained on was not found.
//!
//! # Equations
//! (n TP - a p) / sqrt(a (n - a) p (n - p)) with n items, p anomalies, a alarms and TP right alarms; 0 when all or
//! none alarm, as the column of alarms then says nothing.
//!
//! # Range
//! -1 to 1; 1 when the alarms are exactly the anomalies, -1 when they are exactly the normal items.
//!
//! # Random level
//! 0, exactly.
//!
//! # Known weakness
//! It is small where anomalies are rare and false alarms are not, even if most anomalies are found; it hides which of
//! the two errors is made.
//!
//! # References
//! Matthews 1975, Biochimica et Biophysica Acta 405. doi:10.1016/0005-2795(75)90109-9
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::Mcc};
//!
//! let case = Case::new(vec![true, true, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Anomalous, Normal, Normal])?;
//! assert_eq!(Mcc {}.measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Correlation of alarms with labels; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mcc {}

impl Params for Mcc {}

impl Metric for Mcc {
    const CARD: MetricCard = MetricCard {
        id: "mcc",
        title: "MCC",
        summary: "correlation of alarms with labels",
        paper: "Matthews 1975, Biochimica et Biophysica Acta. doi:10.1016/0005-2795(75)90109-9",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (-1.0, 1.0),
        better: Better::Higher,
        random: "0",
        weakness: "hides which of the two errors is made, and depends on the share of anomalies",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        let (n, alarms) = (counts.n(), counts.alarms());
        let spread = (alarms * (n - alarms)).sqrt() * (counts.n_odd * counts.n_normal).sqrt();
        Ok(if spread > 0.0 { (n * counts.hits - alarms * counts.n_odd) / spread } else { 0.0 })
    }

    fn random_level(&self, _case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.0))
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
        assert_eq!(Mcc {}.measure_on(&silent(vec![true, false])).unwrap(), 0.0);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = Mcc {}.measure_on(&tied()).unwrap();
        assert!((value - 0.445_088_175_329_079_6).abs() < 1e-12, "{value}");
    }
}
