//! F1 of grouping accuracy.
//!
//! # Idea
//! Counts groups rather than items, so that rare templates count as much as frequent ones.
//!
//! # Equations
//! FGA = 2 c / (f + t) with c groups found that are the same set as a true group, f groups found, t true groups: the
//! harmonic mean of the shares c / f and c / t.
//!
//! # Range
//! 0 to 1; 1 for the same groups whatever they are called.
//!
//! # Random level
//! The mean over groups found dealt out at random over the items, sizes kept.
//!
//! # Known weakness
//! It is all or nothing: one stray item makes two groups wrong.
//!
//! # References
//! Jiang, Liu, Huang, Li, Huo, Gu, Chen, Zhu, Lyu 2024 (preprint 2023), ISSTA. doi:10.1145/3650212.3652123
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, Fga}};
//!
//! let grouping = Grouping::new(vec![7, 7, 8, 8], vec![0, 0, 1, 2])?;
//! assert!((Fga {}.measure_on(&grouping)? - 0.4).abs() < 1e-9);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// FGA; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fga {}

impl Params for Fga {}

impl Metric for Fga {
    const CARD: MetricCard = MetricCard {
        id: "fga",
        title: "FGA",
        summary: "F1 of groups found that hold exactly the items of a true group",
        paper: "Jiang et al. 2024, ISSTA. doi:10.1145/3650212.3652123",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "near 0, and more where groups are single items",
        weakness: "one stray item makes two groups wrong",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let table = grouping.table();
        let groups = table.found_sizes.len() + table.true_sizes.len();
        Ok(2.0 * table.same().count() as f64 / groups as f64)
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// The evaluator of logpai/loghub-2.0 at 8f5be26, golden/groups.py; exact counts.
    #[test]
    fn matches_reference() {
        let got = Fga {}.measure_on(&super::super::tests::parsed()).unwrap();
        assert!((got - 0.5).abs() < 1e-12, "{got}");
    }
}
