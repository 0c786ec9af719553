//! Average precision as if half of the items were anomalies.
//!
//! # Idea
//! AP with both classes weighed alike, so that data sets with different shares of anomalies can be compared.
//!
//! # Equations
//! AP = sum over distinct scores t of (TPR(t) - TPR(t-)) B(t), with B = TPR / (TPR + FPR), the precision at
//! prevalence 1/2, and the shares TPR of anomalous and FPR of normal items scoring at least t.
//!
//! # Range
//! 0 to 1; 1 when every anomalous item scores above every normal one.
//!
//! # Random level
//! About 1/2, and more where there are few anomalies or few normal items; computed by shuffling the scores.
//!
//! # Known weakness
//! It hides how many false alarms there are in operation: with one anomaly in 10,000 items the precision met is far
//! lower. Read it beside `ap`.
//!
//! # References
//! Siblini, Frery, He-Guelton, Oble, Wang 2020, Master your metrics with calibration, IDA.
//! doi:10.1007/978-3-030-44584-3_36
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::ApBalanced};
//!
//! let case = Case::new(vec![true, false, false]).with_scores(vec![2.0, 2.0, 1.0])?;
//! assert_eq!(ApBalanced {}.measure_on(&case)?, 2.0 / 3.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Average precision at prevalence 1/2; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApBalanced {}

impl Params for ApBalanced {}

impl Metric for ApBalanced {
    const CARD: MetricCard = MetricCard {
        id: "ap_balanced",
        title: "balanced AP",
        summary: "average precision as if half of the items were anomalies",
        paper: "Siblini et al. 2020, IDA. doi:10.1007/978-3-030-44584-3_36",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about 0.5; computed by shuffling",
        weakness: "hides how many false alarms there are where anomalies are rare",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let ranking = case.ranking();
        let (n_odd, n_normal) = (ranking.odd.len() as f64, ranking.normal.len() as f64);
        let (mut hits, mut false_alarms, mut total) = (0, 0, 0.0);
        for step in ranking.steps() {
            hits += step.odd;
            false_alarms += step.normal;
            if step.odd > 0 {
                let found = hits as f64 / n_odd;
                total += step.odd as f64 * found / (found + false_alarms as f64 / n_normal);
            }
        }
        Ok(total / n_odd)
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

    fn case(labels: &[bool], scores: &[f64]) -> Case {
        Case::new(labels.to_vec()).with_scores(scores.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        // TPR 1/2 at FPR 0, then TPR 1 at FPR 1.
        let value =
            ApBalanced {}.measure_on(&case(&[true, false, false, true], &[4.0, 3.0, 2.0, 1.0])).unwrap();
        assert_eq!(value, 0.75);
        assert_eq!(ApBalanced {}.measure_on(&case(&[true, false, false, false], &[1.0; 4])).unwrap(), 0.5);
    }

    /// Every normal item three times over changes nothing.
    #[test]
    fn does_not_know_the_share_of_anomalies() {
        let labels = [true, false, true, false, true, false];
        let scores = [4.0, 3.0, 2.0, 2.0, 1.0, 0.0];
        let rows: Vec<usize> =
            (0..6).flat_map(|row| std::iter::repeat_n(row, if labels[row] { 1 } else { 3 })).collect();
        let plain = case(&labels, &scores);
        let values = [plain.take(&rows), plain].map(|case| ApBalanced {}.measure_on(&case).unwrap());
        assert!((values[0] - values[1]).abs() < 1e-15);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = ApBalanced {}.measure_on(&tied()).unwrap();
        assert!((value - 0.845_850_094_111_055_4).abs() < 1e-12, "{value}");
    }
}
