//! Recall at k: the share of all anomalies that stands among the top items.
//!
//! # Idea
//! Somebody looks at a fixed share of all items from the top; how much of what there is to find is found.
//!
//! # Equations
//! hits(k) / p with p anomalies, k = max(1, floor(k_frac n)) of n items and hits(k) the anomalies among the k highest
//! scores. Where items tie at the cut, each of them is in the top with equal probability, and the expected count is
//! taken, so the order of ties cannot matter.
//!
//! # Range
//! 0 to 1; 1 when every anomaly is among the top k.
//!
//! # Random level
//! k / n, exactly.
//!
//! # Known weakness
//! It cannot exceed k / p: with more anomalies than k even the truth stays below 1. Read it beside
//! `precision_at_budget`.
//!
//! # References
//! McSherry, Najork 2008, Computing information retrieval performance measures efficiently in the presence of tied
//! scores, ECIR. doi:10.1007/978-3-540-78646-7_38
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::RecallAtK};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 2.0, 1.0])?;
//! assert_eq!(RecallAtK { k_frac: 0.5 }.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::top;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Recall at k.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecallAtK {
    /// The share of all items that is looked at; at least one item is.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub k_frac: f64,
}

impl Default for RecallAtK {
    fn default() -> Self {
        Self { k_frac: 0.05 }
    }
}

impl Params for RecallAtK {}

impl Metric for RecallAtK {
    const CARD: MetricCard = MetricCard {
        id: "recall_at_k",
        title: "R@k",
        summary: "share of all anomalies among the top share of items",
        paper: "textbook recall at k; ties as in McSherry, Najork 2008, ECIR. doi:10.1007/978-3-540-78646-7_38",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the share of items in the top",
        weakness: "with more anomalies than top items even the truth stays below 1",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let k = top::count(self.k_frac, case.len());
        Ok(top::hits(case.ranking(), k) / case.ranking().odd.len() as f64)
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(top::count(self.k_frac, case.len()) as f64 / case.len() as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    fn case(labels: &[bool], scores: &[f64]) -> Case {
        Case::new(labels.to_vec()).with_scores(scores.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        let tied = case(&[true, true, false, false, false], &[3.0, 2.0, 2.0, 2.0, 1.0]);
        let at = |k_frac| RecallAtK { k_frac }.measure_on(&tied).unwrap();
        assert!((at(0.4) - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-15);
        assert_eq!([at(0.0), at(0.05), at(1.0)], [0.5, 0.5, 1.0]);
    }
}
