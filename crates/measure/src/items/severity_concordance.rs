//! Concordance of scores with levels of severity.
//!
//! # Idea
//! The probability that, of two items of different severity, the more severe one scores higher. A detector that
//! saturates tells anomalies from normal items and yet cannot say which is worse; here that shows.
//!
//! # Equations
//! C = (C+ + T / 2) / N over the N pairs of different levels (normal items are level 0), with C+ pairs whose higher
//! level has the higher score and T pairs of equal scores. O(n log n).
//!
//! # Range
//! 0 to 1; 1 when the scores order all levels without a fault.
//!
//! # Random level
//! 1/2, whatever the levels.
//!
//! # Known weakness
//! Where normal items are many, nearly all pairs are of a normal and an anomalous item, so that it is close to `auroc`
//! and faults among the anomalies hardly count. Read it beside `auroc_by_level`, whose parts should rise with the
//! level.
//!
//! # References
//! Harrell, Califf, Pryor, Lee, Rosati 1982, Evaluating the yield of medical tests, JAMA 247.
//! doi:10.1001/jama.1982.03320430047030
//! For severity: Cao and others 2024, Are Anomaly Scores Telling the Whole Story? (MAD-Bench). arXiv:2411.14515
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::SeverityConcordance};
//!
//! // Both anomalies stand out alike, so one of three pairs is a tie.
//! let case = Case::new(vec![false, true, true]).with_scores(vec![0.0, 1.0, 1.0])?.with_levels(vec![0, 1, 2])?;
//! assert_eq!(SeverityConcordance {}.measure_on(&case)?, 2.5 / 3.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::severity::pairs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Concordance index of scores and levels; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityConcordance {}

impl Params for SeverityConcordance {}

impl Metric for SeverityConcordance {
    const CARD: MetricCard = MetricCard {
        id: "severity_concordance",
        title: "Severity concordance",
        summary: "probability that the more severe of two items of different levels scores higher",
        paper: "Harrell, Califf, Pryor, Lee, Rosati 1982, JAMA. doi:10.1001/jama.1982.03320430047030",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Levels, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "0.5",
        weakness: "with many normal items it is close to the AUROC, and the order among anomalies hardly counts",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        // Both classes are there, so at least one pair has different levels.
        let pairs = pairs(case)?;
        let n_pairs = pairs.concordant + pairs.discordant + pairs.tied_in_score;
        Ok((pairs.concordant as f64 + pairs.tied_in_score as f64 / 2.0) / n_pairs as f64)
    }

    fn random_level(&self, _case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MetricExt, items::Auroc};

    fn case(levels: &[u32], scores: &[f64]) -> Case {
        let case = Case::new(levels.iter().map(|&level| level > 0).collect()).with_scores(scores.to_vec());
        case.unwrap().with_levels(levels.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        let concordance = |levels: &[u32], scores: &[f64]| {
            SeverityConcordance {}.measure_on(&case(levels, scores)).unwrap()
        };
        assert_eq!(concordance(&[0, 1, 2], &[1.0, 3.0, 2.0]), 2.0 / 3.0);
        assert_eq!(concordance(&[0, 0, 1, 3], &[1.0, 2.0, 3.0, 4.0]), 1.0);
        assert_eq!(concordance(&[0, 1, 2], &[5.0; 3]), 0.5);
    }

    /// Of one level it is the AUROC.
    #[test]
    fn one_level_is_the_auroc() {
        let case = case(&[0, 1, 0, 1, 0], &[1.0, 2.0, 2.0, 5.0, 3.0]);
        let both = (SeverityConcordance {}.measure_on(&case).unwrap(), Auroc {}.measure_on(&case).unwrap());
        assert!((both.0 - both.1).abs() < 1e-15);
    }

    /// A detector that saturates: every anomaly found, none graded, beside one that grades.
    #[test]
    fn saturation_shows() {
        let levels: Vec<u32> = (0..40).map(|row| if row < 4 { 0 } else { 1 + row % 4 }).collect();
        let of = |top: f64| {
            let case = case(&levels, &levels.iter().map(|&l| f64::from(l).min(top)).collect::<Vec<_>>());
            (Auroc {}.measure_on(&case).unwrap(), SeverityConcordance {}.measure_on(&case).unwrap())
        };
        assert_eq!(of(9.0), (1.0, 1.0));
        let (auroc, concordance) = of(1.0);
        assert!(auroc == 1.0 && concordance < 0.7, "{concordance}");
    }

    /// Python's own loop over all pairs, see golden/severity.py; the same counts, so 1e-12.
    #[test]
    fn matches_reference() {
        let got = SeverityConcordance {}.measure_on(&super::super::graded::graded()).unwrap();
        assert!((got - 0.6237886839637387).abs() < 1e-12, "{got}");
    }
}
