//! Energy score of ensembles.
//!
//! # Idea
//! The CRPS with distances in all dimensions at once.
//!
//! # Equations
//! ES = (1/m) sum |x_i - y|^beta - (1 / (2 m^2)) sum_ij |x_i - x_j|^beta with Euclidean norms; time m^2 d.
//!
//! # Range
//! 0 and above, in the unit of the data to some power; 0 when every member says exactly what came.
//!
//! # Random level
//! The mean with the same ensembles dealt out at random over the times.
//!
//! # Known weakness
//! Wrong dependence between many dimensions hardly changes it; read it beside `variogram_score`.
//!
//! # References
//! Gneiting, Raftery 2007, JASA 102. doi:10.1198/016214506000001437
//! Pinson, Tastu 2013, Discrimination ability of the energy score.
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, forecasts::{Forecasts, EnergyScore}};
//! use ndarray::{arr2, arr3};
//!
//! let forecasts = Forecasts::new(arr2(&[[1.0, 0.0]]), arr3(&[[[0.0, 0.0], [2.0, 0.0]]]))?;
//! assert_eq!(EnergyScore::default().measure_on(&forecasts)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use ndarray::{ArrayView1, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Forecasts, mean};
use crate::{Better, Metric, MetricCard, Subject};

/// Energy score.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnergyScore {
    /// Power of distances, below 2.
    #[schemars(range(min = 0.01, max = 1.99))]
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
        summary: "distance between each ensemble and what came, over all dimensions at once",
        paper: "Gneiting, Raftery 2007, JASA 102. doi:10.1198/016214506000001437",
        subject: Subject::Forecasts,
        needs: &[],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "depends on the spread of the data; measured with ensembles dealt out over the times",
        weakness: "hardly sees wrong dependence between many dimensions",
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

impl EnergyScore {
    fn scores(&self, forecasts: &Forecasts) -> Result<Vec<f64>> {
        Ok(forecasts.each(|came, said| self.score(came, said)))
    }
}

impl EnergyScore {
    fn score(&self, came: ArrayView1<'_, f64>, said: ArrayView2<'_, f64>) -> f64 {
        let m = said.nrows() as f64;
        let (mut off, mut apart) = (0.0, 0.0);
        for (i, member) in said.rows().into_iter().enumerate() {
            off += self.distance(member, came);
            apart += (0..i).map(|j| self.distance(member, said.row(j))).sum::<f64>();
        }
        // Each pair was met once, and the equation halves what it counts twice.
        off / m - apart / (m * m)
    }

    fn distance(&self, a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
        a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().powf(self.beta / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// scoringrules 0.10.0, golden/forecasts.py; the order of sums differs.
    #[test]
    fn matches_reference() {
        let got = EnergyScore::default().measure_on(&super::super::tests::example()).unwrap();
        assert!((got - 0.9646288973315554).abs() < 1e-12, "{got}");
    }
}
