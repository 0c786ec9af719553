//! F1 of groups: groups found exactly, beside the groups found and the true groups.
//!
//! # Idea
//! Grouping accuracy in which each group counts once, however many items it has.
//!
//! # Equations
//! FGA = 2 c / (f + t), with f groups found, t true groups and c groups that are the same in both: the harmonic mean
//! of c / f and c / t.
//!
//! # Range
//! 0 to 1; 1 when the groups found are the true groups.
//!
//! # Random level
//! Computed by shuffling the groups found: next to 0, unless groups have few items.
//!
//! # Known weakness
//! A group of one item counts as much as one of a million, and one item astray costs its whole group. Read it beside
//! `grouping_accuracy`.
//!
//! # References
//! Jiang, Liu, Huang, Li, Huo, Gu, Chen, Zhu, Lyu 2024, A large-scale evaluation for log parsing techniques: how far
//! are we?, ISSTA (preprint 2023). doi:10.1145/3650212.3652123
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Fga, Grouping}};
//!
//! let [found, truth] = [["a", "a", "b", "c"], ["x", "x", "y", "y"]].map(|names| names.map(String::from));
//! assert_eq!(Fga {}.measure_on(&Grouping::new(&found, &truth)?)?, 0.4);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Grouping, f1};
use crate::{Better, Metric, MetricCard, Need, Subject};

/// F1 of groups found exactly; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fga {}

impl Params for Fga {}

impl Metric for Fga {
    const CARD: MetricCard = MetricCard {
        id: "fga",
        title: "FGA",
        summary: "F1 of groups found exactly, each group counting once",
        paper: "Jiang et al. 2024, ISSTA. doi:10.1145/3650212.3652123",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "next to 0 unless groups are tiny; computed by shuffling",
        weakness: "a group of one item counts as much as one of a million",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let groups = grouping.groups();
        Ok(f1(groups.exact().count() as u64, groups.n_found(), groups.n_true()))
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

    #[test]
    fn closed_form() {
        // Of four groups found and four true ones, one is the same.
        let grouping = grouping(&[0, 0, 0, 1, 2, 3, 3], &[0, 0, 0, 1, 1, 2, 3]);
        assert_eq!(Fga {}.measure_on(&grouping).unwrap(), 0.25);
    }

    /// logpai/loghub-2.0 8046b14, `evaluator.get_accuracy`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden([0.6363636363636365, 0.0, 0.0, 0.0], |grouping| Fga {}.measure_on(grouping).unwrap());
    }

    proptest! {
        #[test]
        fn equals_comparing_sets(items in prop::collection::vec((0_usize..6, 0_usize..5), 1..20)) {
            let (found, truth): (Vec<usize>, Vec<usize>) = items.iter().copied().unzip();
            let sets = |ids: &[usize]| -> Vec<Vec<usize>> {
                let members = |id| (0..ids.len()).filter(|&i| ids[i] == id).collect::<Vec<_>>();
                (0..6).map(members).filter(|set| !set.is_empty()).collect()
            };
            let (f, t) = (sets(&found), sets(&truth));
            let same = f.iter().filter(|set| t.contains(set)).count() as f64;
            let (precision, recall) = (same / f.len() as f64, same / t.len() as f64);
            let want = if same > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
            let got = Fga {}.measure_on(&grouping(&found, &truth)).unwrap();
            prop_assert!((got - want).abs() < 1e-12);
        }
    }
}
