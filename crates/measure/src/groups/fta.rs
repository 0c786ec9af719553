//! F1 of templates: templates found to the letter and for no other messages.
//!
//! # Idea
//! Parsing accuracy in which each template counts once, however many items it has.
//!
//! # Equations
//! FTA = 2 c / (f + t), with f templates found, t true templates, and c templates found of which every item has that
//! very template as its true one: the harmonic mean of c / f and c / t. Items of the template that were given another
//! one do not spoil it, though the other one then counts as found wrongly.
//!
//! # Range
//! 0 to 1; 1 when every template is the true one.
//!
//! # Random level
//! Computed by shuffling the templates found: next to 0, unless templates have few items.
//!
//! # Known weakness
//! A template of one message counts as much as one of a million, and a single letter decides. What a good template is
//! differs between annotators, so values depend on whose truth it is.
//!
//! # References
//! Khan, Shin, Bianculli, Briand 2022, Guidelines for assessing the accuracy of log message template identification
//! techniques, ICSE. doi:10.1145/3510003.3510101
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Fta, Grouping}};
//!
//! let [found, truth] = [["open <*>", "shut <*>"], ["open <*>", "shut <*> <*>"]].map(|t| t.map(String::from));
//! let grouping = Grouping::new(&found, &truth)?.with_templates(found.to_vec(), truth.to_vec())?;
//! assert_eq!(Fta {}.measure_on(&grouping)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Grouping, f1};
use crate::{Better, Metric, MetricCard, Need, Subject};

/// F1 of templates; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fta {}

impl Params for Fta {}

impl Metric for Fta {
    const CARD: MetricCard = MetricCard {
        id: "fta",
        title: "FTA",
        summary: "F1 of templates found to the letter, each template counting once",
        paper: "Khan et al. 2022, ICSE. doi:10.1145/3510003.3510101",
        subject: Subject::Groups,
        needs: &[Need::Templates],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "next to 0 unless templates are rare; computed by shuffling",
        weakness: "a template of one message counts as much as one of a million, and a single letter decides",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let templates = grouping.templates(Self::CARD.id)?;
        let right = templates
            .cells
            .iter()
            .filter(|cell| cell.found == cell.truth && templates.found_sizes[cell.found] == cell.count);
        Ok(f1(right.count() as u64, templates.n_found(), templates.n_true()))
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt))
    }
}

#[cfg(test)]
mod tests {
    use super::super::grouping::tests::{assert_golden, with_templates};
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        // Template 1 is right although one of its items was missed; template 2 also took that item.
        let grouping = with_templates(&[1, 1, 2, 2], &[1, 1, 1, 2]);
        assert_eq!(Fta {}.measure_on(&grouping).unwrap(), 0.5);
    }

    /// logpai/loghub-2.0 8046b14, `evaluate_template_level`; see golden/groups.py.
    #[test]
    fn matches_reference() {
        assert_golden([0.6363636363636365, 0.0, 0.00975609756097561, 0.0], |grouping| {
            Fta {}.measure_on(grouping).unwrap()
        });
    }

    proptest! {
        #[test]
        fn equals_the_definition(items in prop::collection::vec((0_usize..6, 0_usize..5), 1..20)) {
            let (found, truth): (Vec<usize>, Vec<usize>) = items.iter().copied().unzip();
            let [f, t] = [&found, &truth].map(|ids| (0..6).filter(|id| ids.contains(id)).collect::<Vec<_>>());
            let right = f.iter().filter(|id| items.iter().all(|(found, truth)| found != *id || truth == *id));
            let right = right.count() as f64;
            let (precision, recall) = (right / f.len() as f64, right / t.len() as f64);
            let want = if right > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
            let got = Fta {}.measure_on(&with_templates(&found, &truth)).unwrap();
            prop_assert!((got - want).abs() < 1e-12);
        }
    }
}
