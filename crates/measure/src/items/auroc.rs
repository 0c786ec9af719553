//! Area under the receiver operating characteristic.
//!
//! # Idea
//! The probability that a randomly chosen anomalous item scores higher than a randomly chosen normal one.
//!
//! # Equations
//! AUROC = (1 / (p q)) sum over anomalous i, normal j of [s_i > s_j] + [s_i = s_j] / 2, with p anomalous and q normal
//! items: the Mann-Whitney statistic, ties counted half, so exact whatever is tied.
//!
//! # Range
//! 0 to 1; 1 when every anomalous item scores above every normal one.
//!
//! # Random level
//! 1/2, whatever the share of anomalies.
//!
//! # Known weakness
//! It weighs all false-alarm rates alike: with one anomaly in 10,000 items an AUROC of 0.99 can still mean a hundred
//! false alarms before the first hit. Read it beside `ap`.
//!
//! # References
//! Hanley, McNeil 1982, Radiology 143. doi:10.1148/radiology.143.1.7063747
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::Auroc};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 2.0, 1.0])?;
//! assert_eq!(Auroc {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Curve, Metric, MetricCard, Need, Ranking, Subject, curve};

/// Area under the ROC curve; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auroc {}

impl Params for Auroc {}

impl Metric for Auroc {
    const CARD: MetricCard = MetricCard {
        id: "auroc",
        title: "AUROC",
        summary: "probability that an anomalous item scores above a normal one",
        paper: "Hanley, McNeil 1982, Radiology. doi:10.1148/radiology.143.1.7063747",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "0.5",
        weakness: "weighs all false-alarm rates alike, so rare anomalies look easier to find than they are",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        Ok(area(case.ranking()))
    }

    fn random_level(&self, _case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.5))
    }

    fn curve(&self, case: &Case) -> Result<Option<Curve>> {
        let ranking = case.ranking();
        let (n_odd, n_normal) = (ranking.odd.len() as f64, ranking.normal.len() as f64);
        let mut at = [0.0, 0.0];
        let corners = ranking.steps().map(|step| {
            at = [at[0] + step.normal as f64 / n_normal, at[1] + step.odd as f64 / n_odd];
            at
        });
        let points = curve::thin(std::iter::once([0.0, 0.0]).chain(corners));
        Ok(Some(Curve { title: "ROC", axes: ["false-alarm rate", "share of anomalies found"], points }))
    }
}

/// Pairs of an anomalous and a normal item ranked the right way, as a share of all pairs.
pub(super) fn area(ranking: &Ranking) -> f64 {
    let (mut above, mut won) = (0, 0.0);
    for step in ranking.steps() {
        won += step.normal as f64 * (above as f64 + step.odd as f64 / 2.0);
        above += step.odd;
    }
    won / (ranking.odd.len() as f64 * ranking.normal.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn auroc(labels: &[bool], scores: &[f64]) -> f64 {
        let case = Case::new(labels.to_vec()).with_scores(scores.to_vec()).unwrap();
        Auroc {}.measure_on(&case).unwrap()
    }

    #[test]
    fn closed_form() {
        // Pairs won: 2 of the first anomaly, 0 of the second, of 4.
        assert_eq!(auroc(&[true, false, false, true], &[4.0, 3.0, 2.0, 1.0]), 0.5);
        assert_eq!(auroc(&[true, false], &[7.0, 7.0]), 0.5);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = Auroc {}.measure_on(&crate::items::fixtures::tied()).unwrap();
        assert!((value - 0.880_346_320_346_320_3).abs() < 1e-12, "{value}");
    }

    proptest! {
        #[test]
        fn equals_counting_pairs(items in prop::collection::vec((any::<bool>(), 0_u8..6), 2..40)) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let (mut won, mut pairs) = (0.0, 0.0);
            for i in (0..labels.len()).filter(|&i| labels[i]) {
                for j in (0..labels.len()).filter(|&j| !labels[j]) {
                    pairs += 1.0;
                    won += if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                }
            }
            prop_assert!((auroc(&labels, &scores) - won / pairs).abs() < 1e-12);
        }
    }
}
