//! Scores of ensembles of forecasts beside what came. One file each; lower is better.

mod crps;
mod energy_score;
mod power;
mod variogram_score;

use anomalyst_core::{Error, Random, Result, Run};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis};
use rand::seq::SliceRandom;

use crate::{Measurable, MetricCard};

pub use power::{Flaw, PowerCell, PowerPlan, power_table};

crate::metric::metrics! {
    Forecasts;
    crps::Crps,
    energy_score::EnergyScore,
    variogram_score::VariogramScore,
}

/// What came (times by dimensions) and the ensembles that had been forecast (times by members by dimensions).
#[derive(Clone, Debug)]
pub struct Forecasts {
    observed: Array2<f64>,
    samples: Array3<f64>,
}

impl Forecasts {
    /// Finite values, at least one member and one dimension.
    pub fn new(observed: Array2<f64>, samples: Array3<f64>) -> Result<Self> {
        let (n_times, n_columns) = observed.dim();
        let (times, members, columns) = samples.dim();
        if (n_times, n_columns) != (times, columns) || members == 0 || columns == 0 {
            return Err(Error::Data(format!(
                "ensembles of {times} times and {columns} dimensions with {members} members do not fit observations \
                 of {n_times} times and {n_columns} dimensions"
            )));
        }
        if let Some(time) = (0..n_times).find(|&time| {
            let known = observed.row(time).iter().all(|v| v.is_finite());
            !known || !samples.index_axis(Axis(0), time).iter().all(|v| v.is_finite())
        }) {
            return Err(Error::Data(format!("row {} holds a value that is not finite", time + 1)));
        }
        Ok(Self { observed, samples })
    }

    /// How many times there are.
    pub fn len(&self) -> usize {
        self.observed.nrows()
    }

    /// Whether there is no time.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many members each ensemble has.
    pub fn n_members(&self) -> usize {
        self.samples.dim().1
    }

    /// The same ensembles, dealt out at random over the times.
    pub fn shuffled(&self, random: &mut Random) -> Self {
        let mut times: Vec<usize> = (0..self.len()).collect();
        times.shuffle(random);
        Self { observed: self.observed.clone(), samples: self.samples.select(Axis(0), &times) }
    }

    /// One score per time, from what came and the ensemble (members by dimensions).
    fn each(&self, score: impl Fn(ArrayView1<'_, f64>, ArrayView2<'_, f64>) -> f64) -> Vec<f64> {
        self.observed
            .outer_iter()
            .zip(self.samples.outer_iter())
            .map(|(came, said)| score(came, said))
            .collect()
    }

    /// The mean of `scores` over [`Forecasts::shuffled`]; fewer shuffles where there are many values.
    fn mean_over_shuffles(
        &self,
        run: &Run,
        scores: impl Fn(&Self) -> Result<Vec<f64>>,
    ) -> Result<Option<f64>> {
        let n_shuffles = (200_000 / self.samples.len().max(1)).clamp(5, 100);
        let mut total = 0.0;
        for i in 0..n_shuffles {
            run.check()?;
            total += mean(&scores(&self.shuffled(&mut run.random(i as u64)))?);
        }
        Ok(Some(total / n_shuffles as f64))
    }
}

impl Measurable for Forecasts {
    fn check(&self, card: &MetricCard) -> Result<()> {
        if self.is_empty() {
            return Err(Error::Data(format!("{}: there is no forecast to judge", card.id)));
        }
        if let Some(need) = card.needs.first() {
            return Err(Error::Data(format!("{} needs {}, and there are none", card.id, need.as_str())));
        }
        Ok(())
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golden/forecasts.py.
    pub(super) fn example() -> Forecasts {
        let observed = ndarray::arr2(&[[0.3, 1.2, -0.4], [1.0, -0.5, 0.7]]);
        let samples = Array3::from_shape_fn((2, 5, 3), |(i, j, k)| {
            (1.7 * i as f64 + 2.3 * j as f64 + k as f64).sin() + 0.1 * k as f64
        });
        Forecasts::new(observed, samples).unwrap()
    }

    #[test]
    fn the_gate_names_the_row() {
        assert!(Forecasts::new(Array2::zeros((2, 3)), Array3::zeros((2, 4, 2))).is_err());
        assert!(Forecasts::new(Array2::zeros((2, 3)), Array3::zeros((2, 0, 3))).is_err());
        let mut observed = Array2::zeros((2, 3));
        observed[[1, 0]] = f64::NAN;
        let error = Forecasts::new(observed, Array3::zeros((2, 4, 3))).unwrap_err().to_string();
        assert!(error.contains("row 2"), "{error}");
    }

    /// Range, random level, truth, refusals: what every card claims.
    #[test]
    fn cards_hold() {
        assert!(METRICS.is_sorted_by_key(|entry| entry.card.id));
        let run = Run::new(2);
        let example = example();
        let truth = example.observed.clone().insert_axis(Axis(1));
        let truth = Forecasts::new(example.observed.clone(), truth).unwrap();
        let none = Forecasts::new(Array2::zeros((0, 2)), Array3::zeros((0, 3, 2))).unwrap();
        for entry in METRICS {
            let metric = entry.default().unwrap();
            let value = metric.measure(&example).unwrap();
            assert!(value > 0.0 && metric.measure(&truth).unwrap() == 0.0, "{}", entry.card.id);
            let level = metric.random_level(&example, &run).unwrap().unwrap();
            assert!(level.is_finite() && level > 0.0, "{}", entry.card.id);
            let parts = metric.parts(&example).unwrap().unwrap();
            assert!((mean(&parts) - value).abs() < 1e-12, "{}", entry.card.id);
            assert!(metric.measure(&none).is_err(), "{}", entry.card.id);
            assert!((entry.from_json)(&serde_json::json!({"no_such_parameter": 1})).is_err());
        }
    }
}
