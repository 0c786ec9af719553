//! Grouping accuracy of log templates.
//!
//! # Idea
//! An item is right if its group is: no item missing, none too many.
//!
//! # Equations
//! GA = items of groups found that are the same set as a true group / all items.
//!
//! # Range
//! 0 to 1; 1 for the same groups whatever they are called.
//!
//! # Random level
//! The mean over groups found dealt out at random over the items, sizes kept.
//!
//! # Known weakness
//! A few frequent templates make up most lines of a log and so most of the value. `fga` counts groups instead.
//!
//! # References
//! Zhu, He, Liu, He, Xie, Zheng, Lyu 2019, ICSE-SEIP. doi:10.1109/ICSE-SEIP.2019.00021
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, GroupingAccuracy}};
//!
//! let grouping = Grouping::new(vec![7, 7, 8, 8], vec![0, 0, 1, 2])?;
//! assert!((GroupingAccuracy {}.measure_on(&grouping)? - 0.5).abs() < 1e-9);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// GA; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupingAccuracy {}

impl Params for GroupingAccuracy {}

impl Metric for GroupingAccuracy {
    const CARD: MetricCard = MetricCard {
        id: "grouping_accuracy",
        title: "GA",
        summary: "share of items whose group found holds exactly the items of their true group",
        paper: "Zhu et al. 2019, ICSE-SEIP. doi:10.1109/ICSE-SEIP.2019.00021",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "near 0, and more where one group holds nearly all",
        weakness: "large groups decide it, so a few frequent templates hide hundreds of wrong rare ones",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        Ok(grouping.table().same().map(|cell| cell.2).sum::<usize>() as f64 / grouping.len() as f64)
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
        let got = GroupingAccuracy {}.measure_on(&super::super::tests::parsed()).unwrap();
        assert!((got - 0.5454545454545454).abs() < 1e-12, "{got}");
    }
}
