//! False-alarm rate at the threshold that finds 95 % of the anomalies.
//!
//! # Idea
//! Where nearly everything must be found, the price is the share of normal items that cry wolf with it.
//!
//! # Equations
//! The share of normal items scoring at least t, with t the score of the h-th highest anomaly and h = ceil(0.95 p) of
//! p anomalies: the highest threshold that finds 95 %. Items tied with it alarm too.
//!
//! # Range
//! 0 to 1; 0 when 95 % of the anomalies score above every normal item.
//!
//! # Random level
//! h / (p + 1) where no items tie: on average that share of the normal items scores above the h-th of p anomalies.
//!
//! # Known weakness
//! One cut decides, and with fewer than 20 anomalies it is that of the lowest one: a single hard anomaly sets the
//! value.
//!
//! # References
//! Liang, Li, Srikant 2018, Enhancing the reliability of out-of-distribution image detection in neural networks, ICLR.
//! arXiv:1706.02690
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::FprAt95Tpr};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 1.0, 2.0])?;
//! assert_eq!(FprAt95Tpr {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// False-alarm rate at 95 % of the anomalies found; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FprAt95Tpr {}

impl Params for FprAt95Tpr {}

impl Metric for FprAt95Tpr {
    const CARD: MetricCard = MetricCard {
        id: "fpr_at_95_tpr",
        title: "FPR@95TPR",
        summary: "share of normal items that alarm when 95 % of the anomalies are found",
        paper: "Liang, Li, Srikant 2018, ICLR. arXiv:1706.02690",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Lower,
        random: "0.95 with many anomalies, less with few",
        weakness: "one cut decides; with few anomalies a single hard one sets the value",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let ranking = case.ranking();
        let needed = needed(ranking.odd.len());
        let (mut found, mut false_alarms) = (0, 0);
        for step in ranking.steps() {
            found += step.odd;
            false_alarms += step.normal;
            if found >= needed {
                break;
            }
        }
        Ok(false_alarms as f64 / ranking.normal.len() as f64)
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let n_odd = case.n_odd();
        Ok(Some(needed(n_odd) as f64 / (n_odd + 1) as f64))
    }
}

/// The smallest number of `n_odd` anomalies that is at least 95 %, in whole numbers so that 19 of 20 are enough.
const fn needed(n_odd: usize) -> usize {
    n_odd - n_odd / 20
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
        // 19 of 20 anomalies are enough: the last one does not count.
        let labels: Vec<bool> = (0..24).map(|row| row < 20).collect();
        let scores: Vec<f64> =
            (0..24).map(|row| if row == 19 { -1.0 } else { f64::from(24 - row) }).collect();
        assert_eq!(FprAt95Tpr {}.measure_on(&case(&labels, &scores)).unwrap(), 0.0);
        assert_eq!(FprAt95Tpr {}.measure_on(&case(&[true, false], &[7.0, 7.0])).unwrap(), 1.0);
        assert_eq!([needed(1), needed(19), needed(20), needed(21), needed(40)], [1, 19, 19, 20, 38]);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = FprAt95Tpr {}.measure_on(&tied()).unwrap();
        assert!((value - 0.369_696_969_696_969_7).abs() < 1e-12, "{value}");
    }

    proptest! {
        #[test]
        fn equals_trying_every_threshold(items in prop::collection::vec((any::<bool>(), 0_u8..30), 2..90)) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let share = |odd: bool, t: u8| {
                let class: Vec<u8> = items.iter().filter(|item| item.0 == odd).map(|item| item.1).collect();
                class.iter().filter(|&&s| s >= t).count() as f64 / class.len() as f64
            };
            let best = (0..30).rev().find(|&t| share(true, t) >= 0.95).unwrap();
            let got = FprAt95Tpr {}.measure_on(&case(&labels, &scores)).unwrap();
            prop_assert!((got - share(false, best)).abs() < 1e-12);
        }
    }
}
