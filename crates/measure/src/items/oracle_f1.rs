//! Oracle F1: the best F1 of all thresholds, chosen with the labels in hand.
//!
//! # Idea
//! What a perfect choice of threshold would get out of this ranking: an upper bound on `f1`, never a result of a
//! deployed detector.
//!
//! # Equations
//! max over distinct scores t of 2 TP(t) / (p + TP(t) + FP(t)), with p anomalies and the hits TP and false alarms FP
//! of all items scoring at least t.
//!
//! # Range
//! 0 to 1; 1 when every anomalous item scores above every normal one. Alarming on everything gives 2 p / (n + p) of n
//! items, so no ranking gets less.
//!
//! # Random level
//! Computed by shuffling the scores; at least 2 p / (n + p), which is 2/3 where half of the items are anomalies.
//!
//! # Known weakness
//! The threshold is chosen by the labels, on the very data it is judged on: no deployed detector has it, and it rises
//! with the share of anomalies.
//!
//! # References
//! Lipton, Elkan, Naryanaswamy 2014, Optimal thresholding of classifiers to maximize F1 measure, ECML PKDD.
//! doi:10.1007/978-3-662-44851-9_15
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::OracleF1};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 1.0, 2.0])?;
//! assert_eq!(OracleF1 {}.measure_on(&case)?, 0.8);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Best F1 of all thresholds; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OracleF1 {}

impl Params for OracleF1 {}

impl Metric for OracleF1 {
    const CARD: MetricCard = MetricCard {
        id: "oracle_f1",
        title: "oracle F1",
        summary: "F1 at the best of all thresholds, an upper bound that the labels choose",
        paper: "Lipton, Elkan, Naryanaswamy 2014, ECML PKDD. doi:10.1007/978-3-662-44851-9_15",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "computed by shuffling",
        weakness: "the threshold is chosen by the labels, which no deployed detector has",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let ranking = case.ranking();
        let (mut hits, mut alarms, mut best) = (0, 0, 0.0_f64);
        for step in ranking.steps() {
            hits += step.odd;
            alarms += step.odd + step.normal;
            best = best.max(2.0 * hits as f64 / (ranking.odd.len() + alarms) as f64);
        }
        Ok(best)
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
    use proptest::prelude::*;

    fn case(labels: &[bool], scores: &[f64]) -> Case {
        Case::new(labels.to_vec()).with_scores(scores.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        // Two alarms, one right: 1/2; four alarms, both found: 2/3.
        assert_eq!(
            OracleF1 {}.measure_on(&case(&[false, true, false, true], &[4.0, 3.0, 2.0, 1.0])).unwrap(),
            2.0 / 3.0
        );
        assert_eq!(OracleF1 {}.measure_on(&case(&[true, false, false, false], &[1.0; 4])).unwrap(), 0.4);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = OracleF1 {}.measure_on(&tied()).unwrap();
        assert!((value - 0.590_476_190_476_190_5).abs() < 1e-12, "{value}");
    }

    proptest! {
        #[test]
        fn equals_trying_every_threshold(items in prop::collection::vec((any::<bool>(), 0_u8..9), 2..40)) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let f1 = |t: u8| {
                let hits = items.iter().filter(|item| item.0 && item.1 >= t).count() as f64;
                let wrong = items.iter().filter(|item| item.0 != (item.1 >= t)).count() as f64;
                2.0 * hits / (2.0 * hits + wrong).max(1.0)
            };
            let best = (0..9).map(f1).fold(0.0, f64::max);
            let got = OracleF1 {}.measure_on(&case(&labels, &scores)).unwrap();
            prop_assert!((got - best).abs() < 1e-12);
        }
    }
}
