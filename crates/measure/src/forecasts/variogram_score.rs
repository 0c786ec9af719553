//! Variogram score of ensembles in several dimensions.
//!
//! # Idea
//! How far apart two dimensions are says how they depend on each other. The distance that came is compared with the
//! mean distance of the samples, for each pair of dimensions.
//!
//! # Equations
//! VS(x, y) = sum_ij (|y_i - y_j|^p - (1 / m) sum_k |x_ki - x_kj|^p)^2 over all ordered pairs of dimensions i, j, all of
//! weight 1, for m samples x_k and what came y; the mean over steps. Time of m d^2 for each step.
//!
//! # Range
//! 0 and up, in the unit of the data to the power of 2p; 0 when every sample is what came, but also for others.
//!
//! # Random level
//! Computed by dealing out the forecasts to the steps at random; none where there is only one step.
//!
//! # Known weakness
//! Only differences between dimensions are seen: the same error in all of them costs nothing. Read it beside `crps`.
//! Dimensions must be of one unit. One dimension alone has no pair and is refused.
//!
//! # References
//! Scheuerer, Hamill 2015, Variogram-based proper scoring rules for probabilistic forecasts of multivariate
//! quantities, Monthly Weather Review 143. doi:10.1175/MWR-D-14-00269.1
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, forecasts::{Forecasts, VariogramScore}};
//! use ndarray::{Array, array};
//!
//! // The dimensions are 1 apart, and 4 in the sample: 2 (1 - 2)^2.
//! let samples = Array::from_shape_fn((1, 1, 2), |(_, _, dim)| 4.0 * dim as f64);
//! assert_eq!(VariogramScore::default().measure_on(&Forecasts::new(array![[0.0, 1.0]], samples)?)?, 2.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Forecasts;
use super::ensembles::mean;
use crate::{Better, Metric, MetricCard, Subject};

/// The power of differences.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VariogramScore {
    /// Above 0. Smaller weighs large differences less; 1/2 told forecasts apart best in the paper.
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 2.0))]
    pub p: f64,
}

impl Default for VariogramScore {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl Params for VariogramScore {}

impl Metric for VariogramScore {
    const CARD: MetricCard = MetricCard {
        id: "variogram_score",
        title: "Variogram score",
        summary: "distances between dimensions as forecast beside those that came",
        paper: "Scheuerer, Hamill 2015, Monthly Weather Review. doi:10.1175/MWR-D-14-00269.1",
        subject: Subject::Forecasts,
        needs: &[],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "that of the same forecasts for other steps; computed by shuffling",
        weakness: "blind to an error that all dimensions share",
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

impl VariogramScore {
    /// One value for each step.
    fn values(&self, forecasts: &Forecasts) -> Result<Vec<f64>> {
        let (m, n_dims) = (forecasts.n_samples() as f64, forecasts.n_dims());
        if n_dims < 2 {
            return Err(Error::Data(format!(
                "{} compares pairs of dimensions, and there is only one; use crps",
                Self::CARD.id
            )));
        }
        forecasts.per_step(Self::CARD.id, |came, samples| {
            let mut total = 0.0;
            // For one dimension at a time, its distances to the later ones, summed over samples.
            let mut sums = vec![0.0; n_dims];
            for i in 0..n_dims {
                sums.fill(0.0);
                for x in samples.chunks_exact(n_dims) {
                    for j in i + 1..n_dims {
                        sums[j] += self.power(x[i] - x[j]);
                    }
                }
                for j in i + 1..n_dims {
                    total += 2.0 * (self.power(came[i] - came[j]) - sums[j] / m).powi(2);
                }
            }
            total
        })
    }

    fn power(&self, difference: f64) -> f64 {
        if self.p == 0.5 { difference.abs().sqrt() } else { difference.abs().powf(self.p) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ensembles::tests::{fixture, one_step};
    use super::*;
    use crate::MetricExt;

    #[test]
    fn closed_form() {
        // 1 apart came; 4 and 0 apart in the samples, of which the roots have the mean 1.
        let right = one_step(&[0.0, 1.0], &[vec![0.0, 4.0], vec![5.0, 5.0]]);
        assert_eq!(VariogramScore::default().measure_on(&right).unwrap(), 0.0);
        // With p = 1 the mean is 2, so twice (1 - 2)^2.
        assert_eq!(VariogramScore { p: 1.0 }.measure_on(&right).unwrap(), 2.0);
    }

    #[test]
    fn one_dimension_is_refused() {
        let error = VariogramScore::default().measure_on(&one_step(&[0.0], &[vec![1.0]])).unwrap_err();
        assert!(error.to_string().contains("pairs of dimensions"));
        assert!(VariogramScore { p: 0.0 }.measure_on(&fixture()).is_err());
    }

    /// scoringrules 0.10.0, `vs_ensemble(..., p=p)`; see golden/forecasts.py. The same sums in another order, hence
    /// 1e-12 of the value.
    #[test]
    fn matches_reference() {
        for (p, want) in [(0.5, 3.7575012815620914), (1.0, 19.429106632705118)] {
            let got = VariogramScore { p }.measure_on(&fixture()).unwrap();
            assert!((got / want - 1.0).abs() < 1e-12, "{got}, the reference says {want}");
        }
    }
}
