//! F1 of template accuracy.
//!
//! # Idea
//! A template found is right if all its items have the very same true template.
//!
//! # Equations
//! FTA = 2 c / (f + t) with c texts found whose items all have that true text, f texts found, t true texts.
//! Groups of one text are one template.
//!
//! # Range
//! 0 to 1; 1 for the same texts.
//!
//! # Random level
//! The mean over groups found dealt out at random over the items, sizes kept.
//!
//! # Known weakness
//! A template that misses items of the true one still counts, if those it has are right and the others read differently.
//!
//! # References
//! Khan, Shin, Bianculli, Briand 2022, ICSE. doi:10.1145/3510003.3510101
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, Fta}};
//!
//! let grouping = Grouping::new(vec![0, 0, 1, 1], vec![0, 0, 1, 1])?
//!     .with_texts(vec!["open <*>".into(), "close a".into()], vec!["open <*>".into(), "close <*>".into()])?;
//! assert_eq!(Fta {}.measure_on(&grouping)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// FTA; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fta {}

impl Params for Fta {}

impl Metric for Fta {
    const CARD: MetricCard = MetricCard {
        id: "fta",
        title: "FTA",
        summary: "F1 of templates found that read as the true template of all their items",
        paper: "Khan et al. 2022, ICSE. doi:10.1145/3510003.3510101",
        subject: Subject::Groups,
        needs: &[Need::Groups, Need::Templates],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "near 0",
        weakness: "a template need not hold all items of the true one to count as found",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        // For each text found, whether all its items have it as their true text.
        let mut pure: BTreeMap<&str, bool> = BTreeMap::new();
        let mut true_texts = BTreeSet::new();
        for (found, truth) in grouping.texts() {
            *pure.entry(found).or_insert(true) &= found == truth;
            true_texts.insert(truth);
        }
        let right = pure.values().filter(|all| **all).count();
        Ok(2.0 * right as f64 / (pure.len() + true_texts.len()) as f64)
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
        let got = Fta {}.measure_on(&super::super::tests::parsed()).unwrap();
        assert!((got - 0.5).abs() < 1e-12, "{got}");
    }
}
