//! Parsing accuracy of log templates.
//!
//! # Idea
//! An item is right if the template found for it reads as the true one.
//!
//! # Equations
//! PA = items whose text found equals the true text / all items.
//!
//! # Range
//! 0 to 1; 1 for the same texts.
//!
//! # Random level
//! The mean over groups found dealt out at random over the items, sizes kept.
//!
//! # Known weakness
//! Frequent templates decide it, and a space too many counts as wrong. `fta` counts templates instead.
//!
//! # References
//! Dai, Li, Chen, Shang, Chen 2022, IEEE Transactions on Software Engineering 48. doi:10.1109/TSE.2020.3007554
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, ParsingAccuracy}};
//!
//! let grouping = Grouping::new(vec![0, 0, 1, 1], vec![0, 0, 1, 1])?
//!     .with_texts(vec!["open <*>".into(), "close a".into()], vec!["open <*>".into(), "close <*>".into()])?;
//! assert_eq!(ParsingAccuracy {}.measure_on(&grouping)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// PA; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParsingAccuracy {}

impl Params for ParsingAccuracy {}

impl Metric for ParsingAccuracy {
    const CARD: MetricCard = MetricCard {
        id: "parsing_accuracy",
        title: "PA",
        summary: "share of items whose template found is the true one, letter by letter",
        paper: "Dai et al. 2020, IEEE TSE 48. doi:10.1109/TSE.2020.3007554",
        subject: Subject::Groups,
        needs: &[Need::Groups, Need::Templates],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the share of the most frequent templates",
        weakness: "large groups decide it, and a space too many counts as wrong",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let right = grouping.texts().filter(|(found, truth)| found == truth).count();
        Ok(right as f64 / grouping.len() as f64)
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
        let got = ParsingAccuracy {}.measure_on(&super::super::tests::parsed()).unwrap();
        assert!((got - 0.6363636363636364).abs() < 1e-12, "{got}");
    }
}
