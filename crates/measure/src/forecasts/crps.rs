//! Continuous ranked probability score of ensembles.
//!
//! # Idea
//! The distance of the samples from what came, less half the distance of the samples from each other: spreading the
//! samples costs, unless what came is spread as they are. For one sample it is the absolute error.
//!
//! # Equations
//! CRPS(x, y) = (1 / m) sum_i |x_i - y| - (1 / (2 m^2)) sum_ij |x_i - x_j|, for m samples x_i and what came y, which
//! equals the integral of (F(z) - [z >= y])^2 with F the step function of the samples; the mean over steps and
//! dimensions. `fair` puts m (m - 1) for m^2, which makes the mean over many ensembles that of endless samples.
//! From sorted samples, in time of m log m.
//!
//! # Range
//! 0 and up, in the unit of the data; 0 when every sample is what came. A single `fair` value can fall below 0.
//!
//! # Random level
//! Computed by dealing out the forecasts to the steps at random; none where there is only one step.
//!
//! # Known weakness
//! Each dimension is judged alone: forecasts with the wrong dependence between dimensions get the same value. Read it
//! beside `energy_score` and `variogram_score`.
//!
//! # References
//! Gneiting, Raftery 2007, Strictly proper scoring rules, prediction, and estimation, JASA 102.
//! doi:10.1198/016214506000001437
//! Ferro 2014, Fair scores for ensemble forecasts, QJRMS 140. doi:10.1002/qj.2270
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, forecasts::{Crps, Forecasts}};
//! use ndarray::{array, Array};
//!
//! // What came is 1; the samples are 0 and 2: 1 away from it, and on average 1 from each other.
//! let samples = Array::from_shape_fn((1, 2, 1), |(_, sample, _)| 2.0 * sample as f64);
//! assert_eq!(Crps::default().measure_on(&Forecasts::new(array![[1.0]], samples)?)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Forecasts;
use super::ensembles::mean;
use crate::{Better, Metric, MetricCard, Subject};

/// Which estimator.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Crps {
    /// Whether to judge the distribution that the samples were drawn from rather than the samples themselves; it
    /// takes two samples. For comparing ensembles of different sizes.
    pub fair: bool,
}

impl Params for Crps {}

impl Metric for Crps {
    const CARD: MetricCard = MetricCard {
        id: "crps",
        title: "CRPS",
        summary: "distance of the forecast distribution from what came, each dimension alone",
        paper: "Gneiting, Raftery 2007, JASA. doi:10.1198/016214506000001437",
        subject: Subject::Forecasts,
        needs: &[],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "that of the same forecasts for other steps; computed by shuffling",
        weakness: "blind to dependence between dimensions",
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

impl Crps {
    /// One value for each step: the mean over its dimensions.
    fn values(&self, forecasts: &Forecasts) -> Result<Vec<f64>> {
        let (m, n_dims) = (forecasts.n_samples(), forecasts.n_dims());
        if self.fair && m < 2 {
            return Err(Error::Data(format!(
                "{}: `fair` compares samples with each other, and each step has only one",
                Self::CARD.id
            )));
        }
        let n_pairs = if self.fair { m as f64 * (m as f64 - 1.0) } else { (m * m) as f64 };
        forecasts.per_step(Self::CARD.id, |came, samples| {
            let mut errors = Vec::with_capacity(m);
            let of_dim = came.iter().enumerate().map(|(dim, y)| {
                errors.clear();
                errors.extend(samples[dim..].iter().step_by(n_dims).map(|x| x - y));
                errors.sort_unstable_by(f64::total_cmp);
                let far: f64 = errors.iter().map(|error| error.abs()).sum();
                // Half the sum over all pairs: sample i, counted from 0, is above i others and below m - 1 - i.
                let spread: f64 = errors
                    .iter()
                    .enumerate()
                    .map(|(i, error)| (2.0 * i as f64 + 1.0 - m as f64) * error)
                    .sum();
                let value = far / m as f64 - spread / n_pairs;
                // Rounding alone could take it below 0.
                if self.fair {
                    value
                } else if value < 0.0 {
                    0.0
                } else {
                    value
                }
            });
            of_dim.sum::<f64>() / n_dims as f64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ensembles::tests::{fixture, one_step};
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn crps(fair: bool, came: f64, samples: &[f64]) -> f64 {
        let samples: Vec<Vec<f64>> = samples.iter().map(|&x| vec![x]).collect();
        Crps { fair }.measure_on(&one_step(&[came], &samples)).unwrap()
    }

    #[test]
    fn closed_form() {
        assert_eq!(crps(false, 3.0, &[1.0]), 2.0);
        assert_eq!(crps(false, 1.0, &[2.0, 0.0]), 0.5);
        // Fair: 1 away, and 2 from each other, halved.
        assert_eq!(crps(true, 1.0, &[2.0, 0.0]), 0.0);
        assert_eq!(crps(false, 0.1, &[0.1; 7]), 0.0);
    }

    #[test]
    fn one_sample_cannot_be_fair_and_large_values_are_named() {
        let one = one_step(&[0.0], &[vec![1.0]]);
        assert!(Crps { fair: true }.measure_on(&one).unwrap_err().to_string().contains("only one"));
        let huge = one_step(&[-f64::MAX], &[vec![f64::MAX], vec![0.0]]);
        assert!(
            Crps { fair: false }.measure_on(&huge).unwrap_err().to_string().contains("step 1 are too large")
        );
    }

    /// scoringrules 0.10.0, `crps_ensemble(..., estimator="nrg")` and `"fair"`; see golden/forecasts.py. The same sums
    /// in another order, hence 1e-12.
    #[test]
    fn matches_reference() {
        for (fair, want) in [(false, 0.6927841728978091), (true, 0.6284722222222222)] {
            let got = Crps { fair }.measure_on(&fixture()).unwrap();
            assert!((got - want).abs() < 1e-12, "{got}, the reference says {want}");
        }
    }

    proptest! {
        #[test]
        fn equals_all_pairs(came in -9.0..9.0_f64, samples in prop::collection::vec(-9.0..9.0_f64, 2..20)) {
            let m = samples.len() as f64;
            let far: f64 = samples.iter().map(|x| (x - came).abs()).sum();
            let near: f64 = samples.iter().flat_map(|x| samples.iter().map(move |z| (x - z).abs())).sum();
            prop_assert!((crps(false, came, &samples) - (far / m - near / (2.0 * m * m))).abs() < 1e-12);
            prop_assert!((crps(true, came, &samples) - (far / m - near / (2.0 * m * (m - 1.0)))).abs() < 1e-12);
        }
    }
}
