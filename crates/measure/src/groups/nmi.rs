//! Normalized mutual information of the groups found and the true groups.
//!
//! # Idea
//! How much knowing one group of an item tells about its other group, as a share of what there is to know.
//!
//! # Equations
//! NMI = 2 I(F; T) / (H(F) + H(T)), with mutual information I and entropies H of the groups found F and the true
//! groups T: the arithmetic normalization.
//! Where all items are in one group on both sides there is nothing to know, and the value is 1.
//!
//! # Range
//! 0 to 1; 1 when the groups found are the true groups.
//!
//! # Random level
//! Computed by shuffling the groups found: above 0, and the more so the more groups there are for their items.
//!
//! # Known weakness
//! It rises with the number of groups, even of random ones: with each item in a group of its own it is far above 0.
//! Read it beside `ari`, which is 0 for random groups.
//!
//! # References
//! Strehl, Ghosh 2002, Cluster ensembles, JMLR 3 (with the geometric mean).
//! Vinh, Epps, Bailey 2010, Information theoretic measures for clusterings comparison, JMLR 11.
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, Nmi}};
//!
//! let [found, truth] = [["a", "a", "b", "b"], ["x", "x", "y", "y"]].map(|names| names.map(String::from));
//! assert!((Nmi {}.measure_on(&Grouping::new(&found, &truth)?)? - 1.0).abs() < 1e-12);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Normalized mutual information; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nmi {}

impl Params for Nmi {}

impl Metric for Nmi {
    const CARD: MetricCard = MetricCard {
        id: "nmi",
        title: "NMI",
        summary: "what the group found tells of the true group, as a share of what there is to know",
        paper: "Vinh, Epps, Bailey 2010, JMLR 11",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "above 0, more so with more groups; computed by shuffling",
        weakness: "rises with the number of groups, even of random ones",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let groups = grouping.groups();
        let n = grouping.len() as f64;
        let both = entropy(&groups.found_sizes, n) + entropy(&groups.true_sizes, n);
        if both == 0.0 {
            return Ok(1.0);
        }
        let information: f64 = groups
            .cells
            .iter()
            .map(|cell| {
                let count = cell.count as f64;
                let by_chance =
                    groups.found_sizes[cell.found] as f64 * groups.true_sizes[cell.truth] as f64 / n;
                count / n * (count / by_chance).ln()
            })
            .sum();
        Ok((2.0 * information / both).clamp(0.0, 1.0))
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt))
    }
}

fn entropy(sizes: &[u64], n: f64) -> f64 {
    let shares = sizes.iter().filter(|&&size| size > 0).map(|&size| size as f64 / n);
    // Subtracting from 0 keeps one group at 0 rather than at minus 0.
    shares.fold(0.0, |sum, share| sum - share * share.ln())
}

#[cfg(test)]
mod tests {
    use super::super::grouping::tests::{assert_golden, grouping};
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn nmi(found: &[usize], truth: &[usize]) -> f64 {
        Nmi {}.measure_on(&grouping(found, truth)).unwrap()
    }

    #[test]
    fn closed_form() {
        // One bit to know on the true side, two on the other, all of the one told: 2 / 3.
        assert!((nmi(&[0, 1, 2, 3], &[0, 0, 1, 1]) - 2.0 / 3.0).abs() < 1e-12);
        // Independent halves tell nothing.
        assert_eq!(nmi(&[0, 1, 0, 1], &[0, 0, 1, 1]), 0.0);
        assert_eq!((nmi(&[0; 3], &[0; 3]), nmi(&[0; 3], &[0, 1, 1])), (1.0, 0.0));
    }

    /// scikit-learn 1.9.1, `normalized_mutual_info_score(truth, found)`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden([0.9650850080340089, 0.0, 0.5426392223542504, 0.05052727828035542], |grouping| {
            Nmi {}.measure_on(grouping).unwrap()
        });
    }

    proptest! {
        /// I = H(F) + H(T) - H(F, T), each item's surprise counted one by one.
        #[test]
        fn equals_the_sum_of_surprises(items in prop::collection::vec((0_usize..5, 0_usize..4), 2..30)) {
            let (found, truth): (Vec<usize>, Vec<usize>) = items.iter().copied().unzip();
            let n = items.len() as f64;
            let mean_surprise = |same: &dyn Fn(usize, usize) -> bool| -> f64 {
                let share = |i| (0..items.len()).filter(|&j| same(i, j)).count() as f64 / n;
                (0..items.len()).map(|i| -f64::ln(share(i))).sum::<f64>() / n
            };
            let h_found = mean_surprise(&|i, j| found[i] == found[j]);
            let h_true = mean_surprise(&|i, j| truth[i] == truth[j]);
            let h_both = mean_surprise(&|i, j| items[i] == items[j]);
            prop_assume!(h_found + h_true > 1e-9);
            let want = 2.0 * (h_found + h_true - h_both) / (h_found + h_true);
            prop_assert!((nmi(&found, &truth) - want).abs() < 1e-12);
        }
    }
}
