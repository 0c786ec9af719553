//! Adjusted Rand index.
//!
//! # Idea
//! Of all pairs of items, how many are together in both groupings or apart in both, set so that chance is 0.
//!
//! # Equations
//! With pairs together in both a, found only b, true only c, neither d:
//! ARI = 2 (a d - b c) / ((a + c)(c + d) + (a + b)(b + d)); 1 where b = c = 0.
//!
//! # Range
//! -1/2 to 1; 1 for the same groups whatever they are called.
//!
//! # Random level
//! 0, since the expected value over random groups of the same sizes is taken off; 1 where both are trivial.
//!
//! # Known weakness
//! A group of g items has g^2 pairs: large groups dominate and small ones hardly count.
//!
//! # References
//! Hubert, Arabie 1985, Journal of Classification 2. doi:10.1007/BF01908075
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, Ari}};
//!
//! let grouping = Grouping::new(vec![7, 7, 8, 8], vec![0, 0, 1, 2])?;
//! assert!((Ari {}.measure_on(&grouping)? - (4.0 / 7.0)).abs() < 1e-9);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// ARI; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ari {}

impl Params for Ari {}

impl Metric for Ari {
    const CARD: MetricCard = MetricCard {
        id: "ari",
        title: "ARI",
        summary: "pairs of items on which both groupings agree, beyond chance",
        paper: "Hubert, Arabie 1985, Journal of Classification 2. doi:10.1007/BF01908075",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (-0.5, 1.0),
        better: Better::Higher,
        random: "0",
        weakness: "pairs within large groups dominate, so small groups hardly count",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let table = grouping.table();
        let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
        let both: f64 = table.cells.iter().map(|cell| pairs(cell.2)).sum();
        let only_found = table.found_sizes.iter().map(|&s| pairs(s)).sum::<f64>() - both;
        let only_true = table.true_sizes.iter().map(|&s| pairs(s)).sum::<f64>() - both;
        if only_found == 0.0 && only_true == 0.0 {
            return Ok(1.0);
        }
        let neither = pairs(grouping.len()) - both - only_found - only_true;
        let chance =
            (both + only_true) * (only_true + neither) + (both + only_found) * (only_found + neither);
        Ok(2.0 * (both * neither - only_found * only_true) / chance)
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// scikit-learn 1.9.1 adjusted_rand_score, golden/groups.py; the order of sums differs.
    #[test]
    fn matches_reference() {
        let grouping =
            Grouping::new(vec![0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4], vec![5, 5, 5, 1, 1, 1, 0, 0, 0, 2, 3, 3]);
        let got = Ari {}.measure_on(&grouping.unwrap()).unwrap();
        assert!((got - 0.5698324022346368).abs() < 1e-12, "{got}");
    }
}
