//! Variogram score of ensembles.
//!
//! # Idea
//! Compares how far dimensions lie apart, in what came and on average over the members.
//!
//! # Equations
//! VS = sum over dimensions i, j of (|y_i - y_j|^p - (1/m) sum_k |x_ki - x_kj|^p)^2, all weights 1; time m d^2.
//!
//! # Range
//! 0 and above, in the unit of the data to some power; 0 when every member says exactly what came.
//!
//! # Random level
//! The mean with the same ensembles dealt out at random over the times.
//!
//! # Known weakness
//! A shift common to all dimensions changes nothing, and with one dimension it is always 0.
//!
//! # References
//! Scheuerer, Hamill 2015, Monthly Weather Review 143. doi:10.1175/MWR-D-14-00269.1
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, forecasts::{Forecasts, VariogramScore}};
//! use ndarray::{arr2, arr3};
//!
//! let forecasts = Forecasts::new(arr2(&[[1.0, 0.0]]), arr3(&[[[0.0, 0.0], [2.0, 0.0]]]))?;
//! assert_eq!(VariogramScore::default().measure_on(&forecasts)?, 2.0 * (1.0 - 2.0_f64.sqrt() / 2.0).powi(2));
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use ndarray::{ArrayView1, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Forecasts, mean};
use crate::{Better, Metric, MetricCard, Subject};

/// Variogram score.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VariogramScore {
    /// Power of differences; 0.5 is the authors' choice for data with heavy tails.
    #[schemars(range(min = 0.01, max = 10.0))]
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
        summary: "whether differences between dimensions are as large as forecast",
        paper: "Scheuerer, Hamill 2015, Monthly Weather Review 143. doi:10.1175/MWR-D-14-00269.1",
        subject: Subject::Forecasts,
        needs: &[],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "depends on the spread of the data; measured with ensembles dealt out over the times",
        weakness: "blind to a shift common to all dimensions, and 0 with one dimension",
        monotone: false,
    };
    type Input = Forecasts;

    fn measure(&self, forecasts: &Forecasts) -> Result<f64> {
        Ok(mean(&self.scores(forecasts)?))
    }

    fn random_level(&self, forecasts: &Forecasts, run: &Run) -> Result<Option<f64>> {
        forecasts.mean_over_shuffles(run, |dealt| self.scores(dealt))
    }

    fn parts(&self, forecasts: &Forecasts) -> Result<Option<Vec<f64>>> {
        self.scores(forecasts).map(Some)
    }
}

impl VariogramScore {
    fn scores(&self, forecasts: &Forecasts) -> Result<Vec<f64>> {
        Ok(forecasts.each(|came, said| self.score(came, said)))
    }
}

impl VariogramScore {
    fn score(&self, came: ArrayView1<'_, f64>, said: ArrayView2<'_, f64>) -> f64 {
        let m = said.nrows() as f64;
        let mut total = 0.0;
        for i in 0..came.len() {
            for j in 0..i {
                let members = said.column(i).into_iter().zip(said.column(j));
                let forecast = members.map(|(a, b)| (a - b).abs().powf(self.p)).sum::<f64>() / m;
                total += ((came[i] - came[j]).abs().powf(self.p) - forecast).powi(2);
            }
        }
        2.0 * total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// scoringrules 0.10.0, golden/forecasts.py; the order of sums differs.
    #[test]
    fn matches_reference() {
        let got = VariogramScore::default().measure_on(&super::super::tests::example()).unwrap();
        assert!((got - 1.0399037703602012).abs() < 1e-12, "{got}");
    }
}
