//! Ensembles beside what came: the gate of the metrics of forecasts.

use anomalyst_core::{Error, Random, Result, Run};
use ndarray::{Array2, Array3};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::compare::drawn_in_blocks;
use crate::{Measurable, MetricCard, Redraw};

/// For each step what came, and samples of what was thought to come; all finite.
#[derive(Clone, Debug)]
pub struct Forecasts {
    /// Steps x dimensions, row by row.
    observed: Vec<f64>,
    /// Steps x samples x dimensions, row by row.
    samples: Vec<f64>,
    n_samples: usize,
    n_dims: usize,
}

impl Forecasts {
    /// What came, steps x dimensions, beside the samples, steps x samples x dimensions.
    pub fn new(observed: Array2<f64>, samples: Array3<f64>) -> Result<Self> {
        let (n_steps, n_dims) = observed.dim();
        let (sampled_steps, n_samples, sampled_dims) = samples.dim();
        if (n_steps, n_dims) != (sampled_steps, sampled_dims) {
            return Err(Error::Data(format!(
                "{n_steps} steps of {n_dims} dimensions came and {sampled_steps} steps of {sampled_dims} dimensions \
                 were forecast; both must be of the same steps and dimensions in the same order"
            )));
        }
        if n_steps == 0 || n_dims == 0 || n_samples == 0 {
            return Err(Error::Data(format!(
                "there is no forecast to judge: {n_steps} steps, {n_samples} samples, {n_dims} dimensions"
            )));
        }
        if let Some(((step, dim), value)) = observed.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::Data(format!(
                "what came at step {}, dimension {} is {value}; it must be a finite number",
                step + 1,
                dim + 1
            )));
        }
        if let Some(((step, sample, dim), value)) =
            samples.indexed_iter().find(|(_, value)| !value.is_finite())
        {
            return Err(Error::Data(format!(
                "sample {} of step {}, dimension {} is {value}; it must be a finite number",
                sample + 1,
                step + 1,
                dim + 1
            )));
        }
        Ok(Self {
            observed: observed.iter().copied().collect(),
            samples: samples.iter().copied().collect(),
            n_samples,
            n_dims,
        })
    }

    /// How many steps there are; at least 1.
    pub fn n_steps(&self) -> usize {
        self.observed.len() / self.n_dims
    }

    /// How many samples each step has; at least 1.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// How many dimensions there are; at least 1.
    pub fn n_dims(&self) -> usize {
        self.n_dims
    }

    /// `score` of what came at each step and its samples, row by row; `id` is who scores.
    pub(super) fn per_step(
        &self,
        id: &str,
        score: impl Fn(&[f64], &[f64]) -> f64 + Sync,
    ) -> Result<Vec<f64>> {
        let observed = self.observed.par_chunks_exact(self.n_dims);
        let samples = self.samples.par_chunks_exact(self.n_samples * self.n_dims);
        let scores: Vec<f64> = observed.zip(samples).map(|(came, samples)| score(came, samples)).collect();
        match scores.iter().position(|score| !score.is_finite()) {
            None => Ok(scores),
            Some(step) => Err(Error::Numeric {
                method: id.into(),
                what: format!(
                    "the values of step {} are too large to be compared; scale them down",
                    step + 1
                ),
            }),
        }
    }

    /// What came, with the forecasts dealt out to other steps at random.
    pub fn shuffled(&self, random: &mut Random) -> Self {
        let mut steps: Vec<usize> = (0..self.n_steps()).collect();
        steps.shuffle(random);
        let width = self.n_samples * self.n_dims;
        let samples = steps.iter().flat_map(|step| &self.samples[step * width..(step + 1) * width]);
        Self { samples: samples.copied().collect(), observed: self.observed.clone(), ..*self }
    }

    /// The mean of `measure` over [`Forecasts::shuffled`]; `None` where there is only one step.
    pub(super) fn mean_over_shuffles(
        &self,
        run: &Run,
        measure: impl Fn(&Self) -> Result<f64>,
    ) -> Result<Option<f64>> {
        if self.n_steps() < 2 {
            return Ok(None);
        }
        let n_shuffles = (200_000 / self.samples.len()).clamp(5, 100);
        let mut total = 0.0;
        for i in 0..n_shuffles {
            run.check()?;
            total += measure(&self.shuffled(&mut run.random(i as u64)))?;
        }
        Ok(Some(total / n_shuffles as f64))
    }
}

impl Redraw for Forecasts {
    fn n_units(&self) -> usize {
        self.samples.len()
    }

    fn redrawn(&self, block: Option<usize>, random: &mut Random) -> Result<Self> {
        let steps = drawn_in_blocks(self.n_steps(), block.unwrap_or(1), random);
        let pick = |values: &[f64], width: usize| {
            steps.iter().flat_map(|step| &values[step * width..(step + 1) * width]).copied().collect()
        };
        let samples = pick(&self.samples, self.n_samples * self.n_dims);
        Ok(Self { observed: pick(&self.observed, self.n_dims), samples, ..*self })
    }
}

impl Measurable for Forecasts {
    fn check(&self, card: &MetricCard) -> Result<()> {
        match card.needs.first() {
            None => Ok(()),
            Some(need) => {
                Err(Error::Data(format!("{} needs {}, and forecasts have none", card.id, need.as_str())))
            }
        }
    }
}

/// The mean of one score per step.
pub(super) fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Seven steps of four dimensions, eleven samples; golden/forecasts.py makes the same ones.
    pub(in crate::forecasts) fn fixture() -> Forecasts {
        let observed =
            Array2::from_shape_fn((7, 4), |(t, j)| ((t * t * 13 + j * 29) % 31) as f64 / 8.0 - 1.5);
        let samples = Array3::from_shape_fn((7, 11, 4), |(t, k, j)| {
            ((t * 17 + k * k * 5 + j * 11 + k * j * 3) % 37) as f64 / 9.0 - 1.0
        });
        Forecasts::new(observed, samples).unwrap()
    }

    /// One step of these samples.
    pub(in crate::forecasts) fn one_step(came: &[f64], samples: &[Vec<f64>]) -> Forecasts {
        let observed = Array2::from_shape_fn((1, came.len()), |(_, j)| came[j]);
        let samples = Array3::from_shape_fn((1, samples.len(), came.len()), |(_, k, j)| samples[k][j]);
        Forecasts::new(observed, samples).unwrap()
    }

    #[test]
    fn the_gate_names_what_is_wrong() {
        let refused = |observed: Array2<f64>, samples: Array3<f64>| {
            Forecasts::new(observed, samples).unwrap_err().to_string()
        };
        assert!(
            refused(Array2::zeros((2, 3)), Array3::zeros((2, 5, 4))).contains("2 steps of 4 dimensions were")
        );
        assert!(refused(Array2::zeros((2, 3)), Array3::zeros((2, 0, 3))).contains("0 samples"));
        assert!(refused(Array2::zeros((0, 3)), Array3::zeros((0, 5, 3))).contains("0 steps"));
        let mut samples = Array3::zeros((2, 5, 3));
        samples[[1, 4, 0]] = f64::NAN;
        assert!(refused(Array2::zeros((2, 3)), samples).contains("sample 5 of step 2, dimension 1 is NaN"));
        let observed = Array2::from_elem((1, 1), f64::INFINITY);
        assert!(refused(observed, Array3::zeros((1, 1, 1))).contains("step 1, dimension 1 is inf"));
    }

    #[test]
    fn shuffling_moves_whole_steps() {
        let dealt = fixture().shuffled(&mut Run::new(3).random(0));
        let sums = |forecasts: &Forecasts| {
            let mut sums: Vec<f64> = forecasts.samples.chunks(44).map(|step| step.iter().sum()).collect();
            sums.sort_by(f64::total_cmp);
            sums
        };
        assert_eq!(sums(&dealt), sums(&fixture()));
        assert_eq!(dealt.observed, fixture().observed);
    }
}
