//! F1 of clusters after matching the groups found with the true groups one to one.
//!
//! # Idea
//! Each true group may claim one group found, so that as many items as possible fall together; then it is judged as a
//! class of a classifier is.
//!
//! # Equations
//! Of all one to one matchings, m maximizes sum over true groups T of |T and m(T)|, and among those of equal overlap
//! the mean F1. The value is (1 / t) sum over the t true groups of 2 |T and m(T)| / (|T| + |m(T)|), and 0 for a true
//! group without a match: the F1 of classes, averaged without weights.
//!
//! # Range
//! 0 to 1; 1 when the groups found are the true groups.
//!
//! # Random level
//! Computed by shuffling the groups found.
//!
//! # Known weakness
//! A true group that was split is judged by one piece only, and small groups count as much as large ones. The
//! matching takes time of k^2 m for k groups against m others: it is refused where the number of groups found times
//! that of true groups is above 4 million.
//!
//! # References
//! Kuhn 1955, The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2.
//! doi:10.1002/nav.3800020109
//! Sohn, Yoon, Li, Lee, Pfister 2023, Anomaly clustering: grouping images into coherent clusters of anomaly types,
//! WACV (F1 beside NMI and ARI).
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{ClusteringF1, Grouping}};
//!
//! let [found, truth] = [["a", "a", "a", "b"], ["x", "x", "y", "y"]].map(|names| names.map(String::from));
//! let value = ClusteringF1 {}.measure_on(&Grouping::new(&found, &truth)?)?;
//! assert!((value - (4.0 / 5.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hungarian::best_matching;
use super::{Grouping, f1};
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Groups found times true groups: some seconds of matching, 32 MB.
const MAX_PAIRS: u64 = 4_000_000;

/// F1 after one to one matching; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusteringF1 {}

impl Params for ClusteringF1 {}

impl Metric for ClusteringF1 {
    const CARD: MetricCard = MetricCard {
        id: "clustering_f1",
        title: "Clustering F1",
        summary: "F1 of the true groups, each beside the one group found that matches it, averaged",
        paper: "Kuhn 1955, Naval Research Logistics Quarterly (matching). doi:10.1002/nav.3800020109",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about one over the number of groups where they are large and even; computed by shuffling",
        weakness: "a true group that was split is judged by one piece only",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let groups = grouping.groups();
        let (n_found, n_true) = (groups.n_found(), groups.n_true());
        if n_found * n_true > MAX_PAIRS {
            return Err(Error::Data(format!(
                "{}: {n_found} groups found and {n_true} true ones are too many to match one to one; their product \
                 may be {MAX_PAIRS}; use nmi or ari",
                Self::CARD.id
            )));
        }
        let by_truth = n_true <= n_found;
        let (n_rows, n_columns) = (n_true.min(n_found) as usize, n_true.max(n_found) as usize);
        let mut weights = vec![0.0; n_rows * n_columns];
        let mut scores = vec![0.0; n_rows * n_columns];
        for cell in &groups.cells {
            let (row, column) = if by_truth { (cell.truth, cell.found) } else { (cell.found, cell.truth) };
            let score = f1(cell.count, groups.found_sizes[cell.found], groups.true_sizes[cell.truth]);
            // All scores together stay below one item, so they only decide between matchings of equal overlap.
            weights[row * n_columns + column] = cell.count as f64 + score / (2 * n_rows) as f64;
            scores[row * n_columns + column] = score;
        }
        let matched = best_matching(&weights, n_rows, n_columns);
        let total: f64 =
            matched.iter().enumerate().map(|(row, column)| scores[row * n_columns + column]).sum();
        Ok(total / n_true as f64)
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

    fn clustering_f1(found: &[usize], truth: &[usize]) -> f64 {
        ClusteringF1 {}.measure_on(&grouping(found, truth)).unwrap()
    }

    #[test]
    fn closed_form() {
        // Greedy matching would take the three of group 0 and leave none; the best is 2 + 2.
        let value = clustering_f1(&[0, 0, 0, 0, 0, 1, 1], &[0, 0, 0, 1, 1, 0, 0]);
        assert!((value - (2.0 * 2.0 / 7.0 + 2.0 * 2.0 / 7.0) / 2.0).abs() < 1e-12, "{value}");
        // One group found for three true ones: one match of F1 1/2, two without.
        assert!((clustering_f1(&[0; 3], &[0, 1, 2]) - 0.5 / 3.0).abs() < 1e-12);
        assert!((clustering_f1(&[0, 1, 2], &[0; 3]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn too_many_groups_are_refused() {
        let each: Vec<usize> = (0..2001).collect();
        let error = ClusteringF1 {}.measure_on(&grouping(&each, &each)).unwrap_err().to_string();
        assert!(error.contains("2001 groups found"), "{error}");
        assert_eq!(clustering_f1(&each, &vec![0; 2001]), 2.0 / 2002.0);
    }

    /// SciPy's `linear_sum_assignment`, then scikit-learn 1.9.1's `f1_score(average="macro")`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden(
            [0.9394084243818286, 0.02978723404255319, 0.05583277442432372, 0.1424980265589031],
            |grouping| ClusteringF1 {}.measure_on(grouping).unwrap(),
        );
    }

    /// The greatest (overlap, sum of F1) over all ways to give the true groups from `at` on a group found each or none.
    fn naive(overlap: &[[f64; 3]; 3], sizes: &[[f64; 3]; 2], at: usize, taken: &mut [bool; 3]) -> (f64, f64) {
        if at == 3 {
            return (0.0, 0.0);
        }
        let mut best = naive(overlap, sizes, at + 1, taken);
        for claim in 0..3 {
            if !taken[claim] && overlap[at][claim] > 0.0 {
                taken[claim] = true;
                let rest = naive(overlap, sizes, at + 1, taken);
                taken[claim] = false;
                let score = 2.0 * overlap[at][claim] / (sizes[0][at] + sizes[1][claim]);
                let total = (rest.0 + overlap[at][claim], rest.1 + score);
                best = if total > best { total } else { best };
            }
        }
        best
    }

    proptest! {
        #[test]
        fn equals_trying_all(items in prop::collection::vec((0_usize..3, 0_usize..3), 1..20)) {
            let (found, truth): (Vec<usize>, Vec<usize>) = items.iter().copied().unzip();
            let (mut overlap, mut sizes) = ([[0.0; 3]; 3], [[0.0; 3]; 2]);
            for (&f, &t) in found.iter().zip(&truth) {
                overlap[t][f] += 1.0;
                sizes[0][t] += 1.0;
                sizes[1][f] += 1.0;
            }
            let n_true = sizes[0].iter().filter(|&&size| size > 0.0).count() as f64;
            let want = naive(&overlap, &sizes, 0, &mut [false; 3]).1 / n_true;
            prop_assert!((clustering_f1(&found, &truth) - want).abs() < 1e-12);
        }
    }
}
