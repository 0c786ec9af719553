//! Parsing accuracy: the share of items whose template was found to the letter.
//!
//! # Idea
//! A log message counts as parsed rightly when its template reads exactly as the true one, whatever its group.
//!
//! # Equations
//! PA = (1 / n) sum over items of [template found = true template].
//!
//! # Range
//! 0 to 1; 1 when every template is the true one.
//!
//! # Random level
//! The sum over templates of (share of items it was found for) times (share of items it is true of): the mean when
//! the templates found are dealt out at random.
//!
//! # Known weakness
//! A single letter makes all items of a template wrong, and frequent templates decide it. Read it beside `fta`, where
//! each template counts once.
//!
//! # References
//! Dai, Li, Chen, Shang, Chen 2022, Logram: efficient log parsing using n-gram dictionaries, IEEE TSE 48.
//! doi:10.1109/TSE.2020.3007554
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, ParsingAccuracy}};
//!
//! let [found, truth] = [["open <*>", "open <*>"], ["open <*>", "open <*> <*>"]].map(|t| t.map(String::from));
//! let grouping = Grouping::new(&found, &truth)?.with_templates(found.to_vec(), truth.to_vec())?;
//! assert_eq!(ParsingAccuracy {}.measure_on(&grouping)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Parsing accuracy; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParsingAccuracy {}

impl Params for ParsingAccuracy {}

impl Metric for ParsingAccuracy {
    const CARD: MetricCard = MetricCard {
        id: "parsing_accuracy",
        title: "PA",
        summary: "share of items whose template was found to the letter",
        paper: "Dai et al. 2022, IEEE TSE. doi:10.1109/TSE.2020.3007554",
        subject: Subject::Groups,
        needs: &[Need::Templates],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the chance that a template found at random is the true one",
        weakness: "frequent templates decide it, and a single letter makes all their items wrong",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let templates = grouping.templates(Self::CARD.id)?;
        let right: u64 =
            templates.cells.iter().filter(|cell| cell.found == cell.truth).map(|cell| cell.count).sum();
        Ok(right as f64 / grouping.len() as f64)
    }

    fn random_level(&self, grouping: &Grouping, _run: &Run) -> Result<Option<f64>> {
        let templates = grouping.templates(Self::CARD.id)?;
        let n = grouping.len() as f64;
        let both = templates.found_sizes.iter().zip(&templates.true_sizes);
        Ok(Some(both.map(|(&found, &truth)| found as f64 / n * (truth as f64 / n)).sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::grouping::tests::{assert_golden, with_templates};
    use super::*;
    use crate::MetricExt;

    #[test]
    fn closed_form() {
        let grouping = with_templates(&[7, 1, 1, 3], &[0, 1, 1, 2]);
        assert_eq!(ParsingAccuracy {}.measure_on(&grouping).unwrap(), 0.5);
        // Template 1 is found for half the items and true of half.
        assert_eq!(ParsingAccuracy {}.random_level(&grouping, &Run::new(0)).unwrap(), Some(0.25));
    }

    /// logpai/loghub-2.0 8046b14, `calculate_parsing_accuracy`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden([0.7275, 0.1725, 0.005, 0.0575], |grouping| {
            ParsingAccuracy {}.measure_on(grouping).unwrap()
        });
    }
}
