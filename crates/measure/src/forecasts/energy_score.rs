//! Energy score of ensembles in several dimensions.
//!
//! # Idea
//! The CRPS with distances between points instead of numbers: how far the samples are from what came, less half of how
//! far they are from each other.
//!
//! # Equations
//! ES(x, y) = (1 / m) sum_i |x_i - y|^beta - (1 / (2 m^2)) sum_ij |x_i - x_j|^beta, with Euclidean norms, for m samples
//! x_i and what came y; the mean over steps. In one dimension with beta = 1 it is `crps`. Time of m^2 d for each step.
//!
//! # Range
//! 0 and up, in the unit of the data to the power of beta; 0 when every sample is what came.
//!
//! # Random level
//! Computed by dealing out the forecasts to the steps at random; none where there is only one step.
//!
//! # Known weakness
//! It notices wrong dependence between dimensions only weakly, the more weakly the more dimensions there are, and
//! dimensions of large spread outweigh the others: bring them to one scale first.
//!
//! # References
//! Gneiting, Raftery 2007, Strictly proper scoring rules, prediction, and estimation, JASA 102, section 4.3.
//! doi:10.1198/016214506000001437
//! Pinson, Tastu 2013, Discrimination ability of the energy score (the weakness).
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, forecasts::{EnergyScore, Forecasts}};
//! use ndarray::{Array, array};
//!
//! // One sample at the distance 5 of what came.
//! let samples = Array::from_shape_fn((1, 1, 2), |(_, _, dim)| [3.0, 4.0][dim]);
//! assert_eq!(EnergyScore::default().measure_on(&Forecasts::new(array![[0.0, 0.0]], samples)?)?, 5.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Forecasts;
use super::ensembles::mean;
use crate::{Better, Metric, MetricCard, Subject};

/// The power of distances.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnergyScore {
    /// Between 0 and 2. Smaller weighs large errors less.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 2.0))]
    pub beta: f64,
}

impl Default for EnergyScore {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl Params for EnergyScore {}

impl Metric for EnergyScore {
    const CARD: MetricCard = MetricCard {
        id: "energy_score",
        title: "Energy score",
        summary: "distance of the forecast distribution from what came, all dimensions together",
        paper: "Gneiting, Raftery 2007, JASA. doi:10.1198/016214506000001437",
        subject: Subject::Forecasts,
        needs: &[],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "that of the same forecasts for other steps; computed by shuffling",
        weakness: "notices wrong dependence only weakly, and dimensions of large spread outweigh the others",
        monotone: false,
    };
    type Input = Forecasts;

    fn measure(&self, forecasts: &Forecasts) -> Result<f64> {
        self.values(forecasts).map(|scores| mean(&scores))
    }

    fn random_level(&self, forecasts: &Forecasts, run: &Run) -> Result<Option<f64>> {
        forecasts.mean_over_shuffles(run, |dealt| self.measure(dealt))
    }

    fn parts(&self, forecasts: &Forecasts) -> Result<Option<Vec<f64>>> {
        self.values(forecasts).map(Some)
    }
}

impl EnergyScore {
    /// One value for each step.
    fn values(&self, forecasts: &Forecasts) -> Result<Vec<f64>> {
        let (m, n_dims) = (forecasts.n_samples() as f64, forecasts.n_dims());
        forecasts.per_step(Self::CARD.id, |came, samples| {
            let far: f64 = samples.chunks_exact(n_dims).map(|x| self.distance(x, came)).sum();
            let mut near = 0.0;
            for (i, x) in samples.chunks_exact(n_dims).enumerate() {
                let others = samples[(i + 1) * n_dims..].chunks_exact(n_dims);
                near += others.map(|z| self.distance(x, z)).sum::<f64>();
            }
            let value = far / m - near / (m * m);
            // Rounding alone could take it below 0.
            if value < 0.0 { 0.0 } else { value }
        })
    }

    fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
        if self.beta == 1.0 { square.sqrt() } else { square.powf(self.beta / 2.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Crps;
    use super::super::ensembles::tests::{fixture, one_step};
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn energy(beta: f64, came: &[f64], samples: &[Vec<f64>]) -> f64 {
        EnergyScore { beta }.measure_on(&one_step(came, samples)).unwrap()
    }

    #[test]
    fn closed_form() {
        // 5 and 0 away, and 5 from each other: 5 / 2 - 5 / 4.
        assert_eq!(energy(1.0, &[0.0, 0.0], &[vec![3.0, 4.0], vec![0.0, 0.0]]), 1.25);
        assert!((energy(0.5, &[0.0, 0.0], &[vec![3.0, 4.0]]) - 5.0_f64.sqrt()).abs() < 1e-12);
        assert!(EnergyScore { beta: 2.0 }.measure_on(&fixture()).is_err());
        assert!(EnergyScore { beta: 0.0 }.measure_on(&fixture()).is_err());
    }

    /// scoringrules 0.10.0, `es_ensemble`; it has no beta, so that of 1/2 is NumPy's norms by the equation; see
    /// golden/forecasts.py. The same sums in another order, hence 1e-12.
    #[test]
    fn matches_reference() {
        for (beta, want) in [(1.0, 1.5791755816675928), (0.5, 0.904151030288575)] {
            let got = EnergyScore { beta }.measure_on(&fixture()).unwrap();
            assert!((got - want).abs() < 1e-12, "{got}, the reference says {want}");
        }
    }

    proptest! {
        #[test]
        fn is_the_crps_in_one_dimension(came in -9.0..9.0_f64, samples in prop::collection::vec(-9.0..9.0_f64, 1..20)) {
            let samples: Vec<Vec<f64>> = samples.into_iter().map(|x| vec![x]).collect();
            let crps = Crps { fair: false }.measure_on(&one_step(&[came], &samples)).unwrap();
            prop_assert!((energy(1.0, &[came], &samples) - crps).abs() < 1e-12);
        }
    }
}
