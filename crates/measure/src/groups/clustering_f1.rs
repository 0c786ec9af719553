//! F1 of groups matched one to one.
//!
//! # Idea
//! Each true group is matched to at most one group found so that as many items as possible agree; then each match is judged by precision and recall.
//!
//! # Equations
//! F1 = (1 / T) sum over true groups t of 2 |t and m(t)| / (|t| + |m(t)|), m the one-to-one matching with the largest
//! total overlap; among such, the one with the largest sum. A true group without a match counts 0.
//! The matching is found by the Hungarian method, which takes time a b^2 for a groups beside b: at most 2000 groups.
//!
//! # Range
//! 0 to 1; 1 for the same groups whatever they are called.
//!
//! # Random level
//! The mean over groups found dealt out at random over the items, sizes kept.
//!
//! # Known weakness
//! A true group split in two is judged by one half alone, and groups found in excess only cost where they take items.
//!
//! # References
//! Kuhn 1955, Naval Research Logistics Quarterly 2. doi:10.1002/nav.3800020109
//! Sohn, Yoon, Li, Lee, Pfister 2023, Anomaly Clustering, WACV, where groups of anomalies are judged so.
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, ClusteringF1}};
//!
//! let grouping = Grouping::new(vec![7, 7, 8, 8], vec![0, 0, 1, 2])?;
//! assert!((ClusteringF1 {}.measure_on(&grouping)? - (5.0 / 9.0)).abs() < 1e-9);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use super::hungarian::best_matching;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Clustering F1; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusteringF1 {}

impl Params for ClusteringF1 {}

impl Metric for ClusteringF1 {
    const CARD: MetricCard = MetricCard {
        id: "clustering_f1",
        title: "Clustering F1",
        summary: "F1 of each true group with the one group found that is matched to it, averaged",
        paper: "Kuhn 1955, Naval Research Logistics Quarterly 2. doi:10.1002/nav.3800020109",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "rises as groups get fewer",
        weakness: "a true group split in two is judged by its larger half alone",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let table = grouping.table();
        let (n_found, n_true) = (table.found_sizes.len(), table.true_sizes.len());
        if n_found.max(n_true) > MAX_GROUPS {
            return Err(Error::Data(format!(
                "clustering_f1 matches at most {MAX_GROUPS} groups, and there are {n_found} found and {n_true} true ones"
            )));
        }
        // The matching wants as many columns as rows at least.
        let swap = n_found > n_true;
        let mut gains = vec![vec![0.0; n_found.max(n_true)]; n_found.min(n_true)];
        let mut f1s = gains.clone();
        for &(f, t, both) in &table.cells {
            let (row, column) = if swap { (t, f) } else { (f, t) };
            let f1 = 2.0 * both as f64 / (table.found_sizes[f] + table.true_sizes[t]) as f64;
            // Overlaps are whole numbers, so this much F1 only decides between matchings of equal overlap.
            gains[row][column] = both as f64 + f1 / (n_true + 1) as f64;
            f1s[row][column] = f1;
        }
        let matched = best_matching(&gains);
        Ok(matched.iter().enumerate().map(|(row, &column)| f1s[row][column]).sum::<f64>() / n_true as f64)
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

/// Groups that are matched within seconds.
const MAX_GROUPS: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// scipy 1.17.1 linear_sum_assignment, golden/groups.py; the order of sums differs.
    #[test]
    fn matches_reference() {
        let grouping =
            Grouping::new(vec![0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4], vec![5, 5, 5, 1, 1, 1, 0, 0, 0, 2, 3, 3]);
        let got = ClusteringF1 {}.measure_on(&grouping.unwrap()).unwrap();
        assert!((got - 0.8266666666666665).abs() < 1e-12, "{got}");
    }
}
