//! Brier score: mean squared error of the probabilities.
//!
//! # Idea
//! A probability is right when it is 1 for anomalous and 0 for normal items; the square of what is missing, averaged.
//! Unlike a calibration error it also rewards telling the classes apart.
//!
//! # Equations
//! Brier = (1 / n) sum over items i of (p_i - y_i)^2, with y_i 1 for anomalous items and 0 for normal ones.
//!
//! # Range
//! 0 to 1; 0 when every probability is exactly the label.
//!
//! # Random level
//! The same probabilities dealt out at random have the mean: mean of p^2 - 2 (mean of p) r + r, with r the share of
//! anomalies. Saying r for every item reaches r (1 - r).
//!
//! # Known weakness
//! With rare anomalies it is tiny for everybody: with one anomaly in 1,000 items, saying "never" gets 0.001.
//! Compare it with the random level and with r (1 - r) instead of reading it alone.
//!
//! # References
//! Brier 1950, Monthly Weather Review 78, 1-3.
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::Brier};
//!
//! let case = Case::new(vec![true, false]).with_probabilities(vec![0.5, 0.0])?;
//! assert_eq!(Brier {}.measure_on(&case)?, 0.125);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Brier score; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Brier {}

impl Params for Brier {}

impl Metric for Brier {
    const CARD: MetricCard = MetricCard {
        id: "brier",
        title: "Brier score",
        summary: "squared error of the probabilities, averaged",
        paper: "Brier 1950, Monthly Weather Review 78",
        subject: Subject::Items,
        needs: &[Need::Labels, Need::Probabilities],
        range: (0.0, 1.0),
        better: Better::Lower,
        random: "what the same probabilities get when dealt out at random, in closed form",
        weakness: "tiny for everybody when anomalies are rare, even for a scorer that never warns",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let pairs = case.probabilities().iter().zip(case.labels());
        let total: f64 = pairs.map(|(p, &odd)| (p - f64::from(u8::from(odd))).powi(2)).sum();
        Ok(total / case.len() as f64)
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let n = case.len() as f64;
        let mean = case.probabilities().iter().sum::<f64>() / n;
        let mean_square = case.probabilities().iter().map(|p| p * p).sum::<f64>() / n;
        let share = case.prevalence();
        Ok(Some(mean_square - 2.0 * mean * share + share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    #[test]
    fn closed_form() {
        // (0.3^2 + 0.2^2 + 0) / 3
        let case = Case::new(vec![true, false, true]).with_probabilities(vec![0.7, 0.2, 1.0]).unwrap();
        assert!((Brier {}.measure_on(&case).unwrap() - 0.13 / 3.0).abs() < 1e-15);
        let wrong = Case::new(vec![true, false]).with_probabilities(vec![0.0, 1.0]).unwrap();
        assert_eq!(Brier {}.measure_on(&wrong).unwrap(), 1.0);
    }

    /// Both orders of two probabilities, averaged.
    #[test]
    fn random_level_is_the_mean_of_all_orders() {
        let of = |p: [f64; 2]| Case::new(vec![true, false]).with_probabilities(p.to_vec()).unwrap();
        let mean =
            [[0.9, 0.4], [0.4, 0.9]].map(|p| Brier {}.measure_on(&of(p)).unwrap()).iter().sum::<f64>() / 2.0;
        let level = Brier {}.random_level(&of([0.9, 0.4]), &Run::new(0)).unwrap().unwrap();
        assert!((level - mean).abs() < 1e-15);
    }

    /// scikit-learn 1.9.1 `brier_score_loss`, see golden/calibration.py; the same sum, so 1e-12.
    #[test]
    fn matches_reference() {
        let got = Brier {}.measure_on(&super::super::graded::graded()).unwrap();
        assert!((got - 0.18616993765317125).abs() < 1e-12, "{got}");
    }
}
