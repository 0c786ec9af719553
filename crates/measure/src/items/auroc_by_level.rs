//! Area under the ROC of each level of severity against normal items, averaged.
//!
//! # Idea
//! How well mild anomalies are found counts as much as how well severe ones are, however many there are of each.
//!
//! # Equations
//! The mean over the levels l that occur of AUROC_l, the probability that an item of level l scores above a normal one,
//! ties counted half. The parts are the AUROC_l with l rising; for a scorer that reflects severity they rise too.
//!
//! # Range
//! 0 to 1; 1 when every anomalous item scores above every normal one.
//!
//! # Random level
//! 1/2, whatever the levels.
//!
//! # Known weakness
//! It never compares two anomalies: a detector that saturates gets 1. A level of few items weighs as much as any other,
//! so it can be noisy. Read it beside `severity_concordance`.
//!
//! # References
//! Cao and others 2024, Are Anomaly Scores Telling the Whole Story? (MAD-Bench). arXiv:2411.14515
//! Hanley, McNeil 1982, Radiology 143. doi:10.1148/radiology.143.1.7063747
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::AurocByLevel};
//!
//! // The mild anomaly scores below the normal item, the two severe ones above.
//! let case = Case::new(vec![false, true, true, true]).with_scores(vec![2.0, 1.0, 3.0, 4.0])?;
//! assert_eq!(AurocByLevel {}.measure_on(&case.with_levels(vec![0, 1, 2, 2])?)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use std::collections::BTreeMap;

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Mean AUROC of each level; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AurocByLevel {}

impl Params for AurocByLevel {}

impl Metric for AurocByLevel {
    const CARD: MetricCard = MetricCard {
        id: "auroc_by_level",
        title: "AUROC by level",
        summary: "probability that an item of a level of severity scores above a normal one, averaged over levels",
        paper: "Hanley, McNeil 1982, Radiology. doi:10.1148/radiology.143.1.7063747",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Levels, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "0.5",
        weakness: "never compares two anomalies, so a detector that grades nothing can be perfect",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let areas = areas(case);
        // An anomalous item is there, so at least one level is.
        Ok(areas.iter().sum::<f64>() / areas.len() as f64)
    }

    fn random_level(&self, _case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.5))
    }

    /// One value per level that occurs, levels rising.
    fn parts(&self, case: &Case) -> Result<Option<Vec<f64>>> {
        Ok(Some(areas(case)))
    }
}

fn areas(case: &Case) -> Vec<f64> {
    let normal = &case.ranking().normal;
    // Twice the pairs won, so that ties stay whole numbers, and the items of each level.
    let mut levels: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (&level, &score) in case.levels().iter().zip(case.scores()).filter(|&(&level, _)| level > 0) {
        let above = normal.partition_point(|&other| other > score);
        let not_below = normal.partition_point(|&other| other >= score);
        let entry = levels.entry(level).or_default();
        entry.0 += (2 * normal.len() - above - not_below) as u64;
        entry.1 += 1;
    }
    levels.values().map(|&(won, n)| won as f64 / 2.0 / (n as f64 * normal.len() as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MetricExt, items::Auroc};
    use proptest::prelude::*;

    fn case(levels: &[u32], scores: &[f64]) -> Case {
        let case = Case::new(levels.iter().map(|&level| level > 0).collect()).with_scores(scores.to_vec());
        case.unwrap().with_levels(levels.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        let case = case(&[0, 0, 1, 7, 7], &[1.0, 3.0, 3.0, 2.0, 4.0]);
        // Level 1 wins one pair and ties one, level 7 wins three of four.
        assert_eq!(AurocByLevel {}.parts(&case).unwrap().unwrap(), [0.75, 0.75]);
        assert_eq!(AurocByLevel {}.measure_on(&case).unwrap(), 0.75);
    }

    /// scikit-learn 1.9.1 `roc_auc_score` per level, see golden/severity.py; it sums trapezoids, so 1e-12.
    #[test]
    fn matches_reference() {
        let parts = AurocByLevel {}.parts(&super::super::graded::graded()).unwrap().unwrap();
        for (got, want) in parts.iter().zip([0.5675170068027211, 0.6382653061224489, 0.6888888888888889]) {
            assert!((got - want).abs() < 1e-12, "{parts:?}");
        }
    }

    proptest! {
        #[test]
        fn equals_the_auroc_of_each_level(items in prop::collection::vec((0_u32..4, 0_u8..6), 2..40)) {
            let (levels, scores): (Vec<u32>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(levels.contains(&0) && levels.iter().any(|&level| level > 0));
            let case = case(&levels, &scores);
            let mut want = Vec::new();
            for level in (1..4).filter(|level| levels.contains(level)) {
                let rows: Vec<usize> =
                    (0..levels.len()).filter(|&row| levels[row] == 0 || levels[row] == level).collect();
                want.push(Auroc {}.measure_on(&case.take(&rows)).unwrap());
            }
            let got = AurocByLevel {}.parts(&case).unwrap().unwrap();
            prop_assert_eq!(got.len(), want.len());
            prop_assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }
}
