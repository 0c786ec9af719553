//! Continuous ranked probability score of ensembles.
//!
//! # Idea
//! How far the members are from what came, less half of how far they are from each other.
//!
//! # Equations
//! CRPS = (1/m) sum |x_i - y| - (1 / (2 m^2)) sum_ij |x_i - x_j|, with m (m - 1) for m^2 if `fair`; the mean over
//! dimensions and times. Sorted members make the second sum linear, so it takes time m log m.
//!
//! # Range
//! 0 and above, in the unit of the data to some power; 0 when every member says exactly what came.
//!
//! # Random level
//! The mean with the same ensembles dealt out at random over the times.
//!
//! # Known weakness
//! Each dimension is judged alone: wrong dependence costs nothing. With `fair` single values can fall below 0.
//!
//! # References
//! Gneiting, Raftery 2007, JASA 102. doi:10.1198/016214506000001437
//! Ferro 2014, QJRMS 140. doi:10.1002/qj.2270 (the fair form)
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, forecasts::{Forecasts, Crps}};
//! use ndarray::{arr2, arr3};
//!
//! let forecasts = Forecasts::new(arr2(&[[1.0, 0.0]]), arr3(&[[[0.0, 0.0], [2.0, 0.0]]]))?;
//! assert_eq!(Crps::default().measure_on(&forecasts)?, 0.25);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use ndarray::{ArrayView1, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Forecasts, mean};
use crate::{Better, Metric, MetricCard, Subject};

/// Continuous ranked probability score.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Crps {
    /// Judges what the members are drawn from rather than the members, so that small ensembles are not punished.
    pub fair: bool,
}

impl Params for Crps {}

impl Metric for Crps {
    const CARD: MetricCard = MetricCard {
        id: "crps",
        title: "CRPS",
        summary: "distance between each ensemble and what came, averaged over dimensions",
        paper: "Gneiting, Raftery 2007, JASA 102. doi:10.1198/016214506000001437",
        subject: Subject::Forecasts,
        needs: &[],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "depends on the spread of the data; measured with ensembles dealt out over the times",
        weakness: "looks at each dimension alone, so wrong dependence between dimensions costs nothing",
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

impl Crps {
    fn scores(&self, forecasts: &Forecasts) -> Result<Vec<f64>> {
        if self.fair && forecasts.n_members() < 2 {
            return Err(Error::Data("the fair CRPS needs two members at least".into()));
        }
        Ok(forecasts.each(|came, said| self.score(came, said)))
    }
}

impl Crps {
    fn score(&self, came: ArrayView1<'_, f64>, said: ArrayView2<'_, f64>) -> f64 {
        let m = said.nrows() as f64;
        let pairs = if self.fair { m * (m - 1.0) } else { m * m };
        let mut total = 0.0;
        for (y, column) in came.iter().zip(said.columns()) {
            let mut members = column.to_vec();
            members.sort_unstable_by(f64::total_cmp);
            // Sorted, member i is above i others and below m - 1 - i.
            let apart = members.iter().enumerate().map(|(i, x)| (2.0 * i as f64 + 1.0 - m) * x).sum::<f64>();
            total += members.iter().map(|x| (x - y).abs()).sum::<f64>() / m - apart / pairs;
        }
        total / came.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// scoringrules 0.10.0, golden/forecasts.py; the order of sums differs.
    #[test]
    fn matches_reference() {
        let got = Crps::default().measure_on(&super::super::tests::example()).unwrap();
        assert!((got - 0.41179429141790097).abs() < 1e-12, "{got}");
        let got = Crps { fair: true }.measure_on(&super::super::tests::example()).unwrap();
        assert!((got - 0.31593234282705057).abs() < 1e-12, "{got}");
    }
}
