//! Kendall's tau-b between scores and levels of severity.
//!
//! # Idea
//! Over all pairs of items, how much more often scores and levels agree on the order than they disagree, with a
//! correction for pairs that are tied in either.
//!
//! # Equations
//! tau-b = (C - D) / sqrt((C + D + T_s) (C + D + T_l)), with C concordant and D discordant pairs, T_s pairs tied in
//! score alone and T_l pairs tied in level alone. Where all scores are equal it is defined as 0. O(n log n).
//!
//! # Range
//! -1 to 1; 1 when scores order the items and tie exactly as the levels do.
//!
//! # Random level
//! 0.
//!
//! # Known weakness
//! Scores are fine and levels are coarse, and every pair tied in level alone lowers it: a scorer that orders all levels
//! without a fault stays below 1. `severity_concordance` has no such ceiling.
//!
//! # References
//! Kendall 1945, The treatment of ties in ranking problems, Biometrika 33. doi:10.1093/biomet/33.3.239
//! Knight 1966, A computer method for calculating Kendall's tau with ungrouped data, JASA 61.
//! doi:10.1080/01621459.1966.10480879
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::KendallTau};
//!
//! let case = Case::new(vec![false, true, true]).with_scores(vec![0.1, 0.5, 0.9])?.with_levels(vec![0, 1, 2])?;
//! assert_eq!(KendallTau {}.measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::severity::pairs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Kendall's tau-b; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KendallTau {}

impl Params for KendallTau {}

impl Metric for KendallTau {
    const CARD: MetricCard = MetricCard {
        id: "kendall_tau",
        title: "Kendall's tau-b",
        summary: "agreement of scores and levels of severity on the order of items, corrected for ties",
        paper: "Kendall 1945, Biometrika. doi:10.1093/biomet/33.3.239",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Levels, Need::Scores],
        range: (-1.0, 1.0),
        better: Better::Higher,
        random: "0",
        weakness: "stays below 1 for a faultless order, since scores are finer than levels",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let pairs = pairs(case)?;
        let [c, d, in_score, in_level] =
            [pairs.concordant, pairs.discordant, pairs.tied_in_score, pairs.tied_in_level].map(|n| n as f64);
        if c + d == 0.0 {
            return Ok(0.0);
        }
        // Rounding may carry a perfect order past 1.
        Ok(((c - d) / ((c + d + in_score).sqrt() * (c + d + in_level).sqrt())).clamp(-1.0, 1.0))
    }

    fn random_level(&self, _case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    fn tau(levels: &[u32], scores: &[f64]) -> f64 {
        let case = Case::new(levels.iter().map(|&level| level > 0).collect()).with_scores(scores.to_vec());
        KendallTau {}.measure_on(&case.unwrap().with_levels(levels.to_vec()).unwrap()).unwrap()
    }

    #[test]
    fn closed_form() {
        // Of three pairs two agree and one does not.
        assert!((tau(&[0, 1, 2], &[1.0, 3.0, 2.0]) - 1.0 / 3.0).abs() < 1e-15);
        assert!((tau(&[0, 1, 2], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-15);
        // A faultless order of tied levels: 2 / sqrt(2 * 3).
        assert!((tau(&[0, 0, 1], &[1.0, 2.0, 3.0]) - 2.0 / 6.0_f64.sqrt()).abs() < 1e-15);
        assert_eq!(tau(&[0, 1, 2], &[5.0; 3]), 0.0);
    }

    /// scipy 1.17.1 `kendalltau`, see golden/severity.py; the same counts and one division, so 1e-12.
    #[test]
    fn matches_reference() {
        let got = KendallTau {}.measure_on(&super::super::graded::graded()).unwrap();
        assert!((got - 0.17624290100301787).abs() < 1e-12, "{got}");
    }
}
