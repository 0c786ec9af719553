//! Grouping accuracy: the share of items whose group was found exactly.
//!
//! # Idea
//! A log message counts as parsed rightly when it was grouped with all messages of its true group and with no other.
//!
//! # Equations
//! GA = (1 / n) sum over true groups T that equal a group found of |T|.
//!
//! # Range
//! 0 to 1; 1 when the groups found are the true groups.
//!
//! # Random level
//! Computed by shuffling the groups found: next to 0, unless groups have few items.
//!
//! # Known weakness
//! A few large groups decide it: in logs where one template makes up most lines, all others can be wrong. One item
//! astray costs its whole group. Read it beside `fga`, where each group counts once.
//!
//! # References
//! Zhu, He, Liu, He, Xie, Zheng, Lyu 2019, Tools and benchmarks for automated log parsing, ICSE-SEIP.
//! doi:10.1109/ICSE-SEIP.2019.00021
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, GroupingAccuracy}};
//!
//! let [found, truth] = [["a", "a", "b", "c"], ["x", "x", "y", "y"]].map(|names| names.map(String::from));
//! assert_eq!(GroupingAccuracy {}.measure_on(&Grouping::new(&found, &truth)?)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Grouping accuracy; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupingAccuracy {}

impl Params for GroupingAccuracy {}

impl Metric for GroupingAccuracy {
    const CARD: MetricCard = MetricCard {
        id: "grouping_accuracy",
        title: "GA",
        summary: "share of items whose group was found exactly",
        paper: "Zhu et al. 2019, ICSE-SEIP. doi:10.1109/ICSE-SEIP.2019.00021",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "next to 0 unless groups are tiny; computed by shuffling",
        weakness: "a few large groups decide it, and one item astray costs its whole group",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let right: u64 = grouping.groups().exact().map(|cell| cell.count).sum();
        Ok(right as f64 / grouping.len() as f64)
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt))
    }
}

#[cfg(test)]
mod tests {
    use super::super::grouping::tests::{assert_golden, grouping};
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn accuracy(found: &[usize], truth: &[usize]) -> f64 {
        GroupingAccuracy {}.measure_on(&grouping(found, truth)).unwrap()
    }

    #[test]
    fn closed_form() {
        // Splitting and merging are both wrong; only the first group is right.
        assert_eq!(accuracy(&[0, 0, 0, 1, 2, 3, 3], &[0, 0, 0, 1, 1, 2, 3]), 3.0 / 7.0);
    }

    /// logpai/loghub-2.0 8046b14, `evaluator.get_accuracy`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden([0.74, 0.0, 0.0, 0.0], |grouping| GroupingAccuracy {}.measure_on(grouping).unwrap());
    }

    proptest! {
        #[test]
        fn equals_comparing_sets(items in prop::collection::vec((0_usize..6, 0_usize..5), 1..30)) {
            let (found, truth): (Vec<usize>, Vec<usize>) = items.iter().copied().unzip();
            let all = 0..items.len();
            let right = all.clone().filter(|&i| all.clone().all(|j| (found[i] == found[j]) == (truth[i] == truth[j])));
            prop_assert_eq!(accuracy(&found, &truth), right.count() as f64 / items.len() as f64);
        }
    }
}
