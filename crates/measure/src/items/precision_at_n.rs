//! Precision at n: of as many items as there are anomalies, the share that is anomalous.
//!
//! # Idea
//! Somebody who knew how many anomalies there are would look at that many items from the top.
//!
//! # Equations
//! hits(p) / p with p anomalies and hits(k) the anomalies among the k highest scores. Where items tie at the cut,
//! each of them is in the top with equal probability, and the expected count is taken, so the order of ties cannot
//! matter. Precision and recall are equal at this cut, hence the other name R-precision.
//!
//! # Range
//! 0 to 1; 1 when every anomalous item scores above every normal one.
//!
//! # Random level
//! p / n of n items: the share of anomalies, exactly.
//!
//! # Known weakness
//! It looks at one cut only and knows nothing of the order above or below it; and nobody knows p in operation.
//!
//! # References
//! Campos et al. 2016, Data Mining and Knowledge Discovery 30. doi:10.1007/s10618-015-0444-8
//! McSherry, Najork 2008, Computing information retrieval performance measures efficiently in the presence of tied
//! scores, ECIR. doi:10.1007/978-3-540-78646-7_38
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::PrecisionAtN};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 2.0, 1.0])?;
//! assert_eq!(PrecisionAtN {}.measure_on(&case)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::top;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Precision at n; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrecisionAtN {}

impl Params for PrecisionAtN {}

impl Metric for PrecisionAtN {
    const CARD: MetricCard = MetricCard {
        id: "precision_at_n",
        title: "P@n",
        summary: "share of anomalies among as many top items as there are anomalies",
        paper: "Campos et al. 2016, Data Mining and Knowledge Discovery. doi:10.1007/s10618-015-0444-8",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "the share of anomalies",
        weakness: "looks at one cut only, which nobody knows in operation",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let n_odd = case.ranking().odd.len();
        Ok(top::hits(case.ranking(), n_odd) / n_odd as f64)
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
        // The cut at two: the anomaly scoring 3, and one of three tied items of which one is an anomaly.
        let tied = case(&[true, true, false, false, false], &[3.0, 2.0, 2.0, 2.0, 1.0]);
        assert!((PrecisionAtN {}.measure_on(&tied).unwrap() - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-15);
        assert_eq!(PrecisionAtN {}.measure_on(&case(&[true, false, false, false], &[1.0; 4])).unwrap(), 0.25);
    }
}
