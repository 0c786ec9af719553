//! Precision at an alert budget: of the items somebody has time for, the share that is anomalous.
//!
//! # Idea
//! An analyst can look at a fixed share of all items; how many of those looks are worth it.
//!
//! # Equations
//! hits(k) / k with k = max(1, floor(budget_frac n)) of n items and hits(k) the anomalies among the k highest scores.
//! Where items tie at the cut, each of them is in the top with equal probability, and the expected count is taken, so
//! the order of ties cannot matter.
//!
//! # Range
//! 0 to 1; 1 when the budget holds anomalies only.
//!
//! # Random level
//! The share of anomalies, exactly.
//!
//! # Known weakness
//! It cannot exceed p / k with p anomalies and k looks, so a budget larger than the number of anomalies keeps even
//! the truth below 1. It says nothing of the anomalies below the cut.
//!
//! # References
//! Dal Pozzolo et al. 2018, Credit card fraud detection: a realistic modeling, TNNLS 29. doi:10.1109/TNNLS.2017.2736643
//! McSherry, Najork 2008, Computing information retrieval performance measures efficiently in the presence of tied
//! scores, ECIR. doi:10.1007/978-3-540-78646-7_38
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::PrecisionAtBudget};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 2.0, 1.0])?;
//! assert_eq!(PrecisionAtBudget { budget_frac: 0.5 }.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::top;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Precision at an alert budget.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrecisionAtBudget {
    /// The share of all items that somebody can look at; at least one item is.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub budget_frac: f64,
}

impl Default for PrecisionAtBudget {
    fn default() -> Self {
        Self { budget_frac: 0.01 }
    }
}

impl Params for PrecisionAtBudget {}

impl Metric for PrecisionAtBudget {
    const CARD: MetricCard = MetricCard {
        id: "precision_at_budget",
        title: "P@budget",
        summary: "share of anomalies among the top items that an alert budget allows",
        paper: "Dal Pozzolo et al. 2018, TNNLS. doi:10.1109/TNNLS.2017.2736643",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the share of anomalies",
        weakness: "a budget larger than the number of anomalies keeps even the truth below 1",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let k = top::count(self.budget_frac, case.len());
        Ok(top::hits(case.ranking(), k) / k as f64)
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(case.prevalence()))
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
        let at = |budget_frac| PrecisionAtBudget { budget_frac }.measure_on(&tied).unwrap();
        assert!((at(0.4) - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-15);
        assert_eq!([at(0.0), at(0.01), at(0.39), at(1.0)], [1.0, 1.0, 1.0, 0.4]);
    }
}
