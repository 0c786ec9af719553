//! Adjusted Rand index of the groups found and the true groups.
//!
//! # Idea
//! Of all pairs of items, how many are together in both groupings or apart in both, beyond what chance gives.
//!
//! # Equations
//! Over pairs of items with a together in both, d apart in both, b and c together in one only:
//! ARI = 2 (a d - b c) / ((a + c) (c + d) + (a + b) (b + d)).
//! Where no pair is together in only one (b = c = 0) the groupings are equal, and the value is 1.
//!
//! # Range
//! -1/2 to 1; 1 when the groups found are the true groups.
//!
//! # Random level
//! 0 when groups of the sizes found are dealt out at random. Where the sizes leave no choice (one group, or each item
//! alone, on both sides) any grouping is the truth, and the level is 1.
//!
//! # Known weakness
//! Pairs weigh large groups by the square of their size: small groups, which anomalies often are, hardly count.
//!
//! # References
//! Hubert, Arabie 1985, Comparing partitions, Journal of Classification 2. doi:10.1007/BF01908075
//! Chacon, Rastrojo 2023, Minimum adjusted Rand index for two clusterings of a given size, Advances in Data Analysis
//! and Classification 17 (the lower bound).
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Ari, Grouping}};
//!
//! let [found, truth] = [["a", "b", "a", "b"], ["x", "x", "y", "y"]].map(|names| names.map(String::from));
//! assert_eq!(Ari {}.measure_on(&Grouping::new(&found, &truth)?)?, -0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Adjusted Rand index; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ari {}

impl Params for Ari {}

impl Metric for Ari {
    const CARD: MetricCard = MetricCard {
        id: "ari",
        title: "ARI",
        summary: "pairs of items that both groupings treat alike, beyond what chance gives",
        paper: "Hubert, Arabie 1985, Journal of Classification. doi:10.1007/BF01908075",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (-0.5, 1.0),
        better: Better::Higher,
        random: "0",
        weakness: "large groups count by the square of their size, small ones hardly",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let groups = grouping.groups();
        // Ordered pairs, exactly: the gate keeps the number of items so small that the products fit.
        let pairs = |count: u64| i128::from(count) * (i128::from(count) - 1);
        let together: i128 = groups.cells.iter().map(|cell| pairs(cell.count)).sum();
        let only_found = groups.found_sizes.iter().map(|&size| pairs(size)).sum::<i128>() - together;
        let only_true = groups.true_sizes.iter().map(|&size| pairs(size)).sum::<i128>() - together;
        if only_found == 0 && only_true == 0 {
            return Ok(1.0);
        }
        let apart = pairs(grouping.len() as u64) - together - only_found - only_true;
        let above = 2 * (together * apart - only_found * only_true);
        let below =
            (together + only_true) * (only_true + apart) + (together + only_found) * (only_found + apart);
        Ok(above as f64 / below as f64)
    }

    fn random_level(&self, grouping: &Grouping, _run: &Run) -> Result<Option<f64>> {
        let groups = grouping.groups();
        let (n, n_found, n_true) = (grouping.len() as u64, groups.n_found(), groups.n_true());
        let no_choice = n_found == n_true && (n_true == 1 || n_true == n);
        Ok(Some(f64::from(u8::from(no_choice))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::grouping::tests::{assert_golden, grouping};
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn ari(found: &[usize], truth: &[usize]) -> f64 {
        Ari {}.measure_on(&grouping(found, truth)).unwrap()
    }

    #[test]
    fn closed_form() {
        // Six pairs: together in both 0, apart in both 2, in one only 2 and 2: 2 (0 - 4) / (2 * 4 + 2 * 4).
        assert_eq!(ari(&[0, 1, 0, 1], &[0, 0, 1, 1]), -0.5);
        assert_eq!(
            (ari(&[0; 3], &[7; 3]), ari(&[0, 1, 2], &[5, 4, 3]), ari(&[0; 3], &[0, 1, 2])),
            (1.0, 1.0, 0.0)
        );
    }

    /// scikit-learn 1.9.1, `adjusted_rand_score(truth, found)`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden([0.9574876057354887, 0.0, 0.0, -0.007995137025668064], |grouping| {
            Ari {}.measure_on(grouping).unwrap()
        });
    }

    proptest! {
        /// The index, its expectation and its maximum over all pairs, as Hubert and Arabie write them.
        #[test]
        fn equals_counting_pairs(items in prop::collection::vec((0_usize..5, 0_usize..4), 2..30)) {
            let (found, truth): (Vec<usize>, Vec<usize>) = items.iter().copied().unzip();
            let (mut both, mut in_found, mut in_truth, mut all) = (0.0, 0.0, 0.0, 0.0);
            for i in 0..items.len() {
                for j in 0..i {
                    let (f, t) = (found[i] == found[j], truth[i] == truth[j]);
                    all += 1.0;
                    both += f64::from(u8::from(f && t));
                    in_found += f64::from(u8::from(f));
                    in_truth += f64::from(u8::from(t));
                }
            }
            let by_chance: f64 = in_found * in_truth / all;
            let most: f64 = (in_found + in_truth) / 2.0;
            prop_assume!((most - by_chance).abs() > 1e-9);
            prop_assert!((ari(&found, &truth) - (both - by_chance) / (most - by_chance)).abs() < 1e-12);
        }
    }
}
