//! Isolation by nearest-neighbour ensembles (INNE).
//!
//! # Idea
//! A few rows, drawn at random, each claim a ball that reaches to the nearest of the others. A row outside all balls
//! is isolated; one inside is as isolated as its ball is large beside the ball of the neighbouring row. Many such
//! draws are averaged.
//!
//! # Equations
//! For each of `n_sets` samples `S` of `sample_size` training rows: the ball of `c` in `S` has the radius
//! `tau(c) = min d(c, o)` over the other `o` in `S`, and `eta(c)` is the nearest of them.
//!
//! - of the balls that `x` lies in, `c(x)` is the centre of the smallest
//! - `I(x) = 1 - tau(eta(c(x))) / tau(c(x))`, and 1 if `x` lies in no ball
//! - `s(x) = mean I(x)` over the samples
//!
//! # Score
//! Between 0 and 1; 1 where no sample has a ball that reaches the row, which ties all rows far outside.
//!
//! # Complexity
//! Fit O(n_sets sample_size^2 d), score O(n_sets sample_size d) per row, both whatever the number of training rows.
//! Memory O(n_sets sample_size d).
//!
//! # Use when / Avoid when
//! Large data with groups of different density, where searching neighbours among all rows costs too much. Avoid
//! where the farthest rows must be ranked among themselves.
//!
//! # Differences
//! - Centres at the same place have balls of radius 0, which hold only rows that equal them; there `I(x)` is 0, as
//!   for any place that is as dense as its surroundings.
//! - Of balls of the same size the one drawn first is taken.
//! - PyOD divides squared radii, which makes ratios smaller than the paper's. Its sets are otherwise the same.
//! - `sample_size` is lowered to the number of training rows.
//!
//! # References
//! Bandaragoda, Ting, Albrecht, Liu, Zhu, Wells 2018, Isolation-based anomaly detection using nearest-neighbor
//! ensembles, Computational Intelligence 34(4). doi:10.1111/coin.12156
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Inne;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [3.0]]);
//! let run = Run::new(0);
//! let fitted = Inne { sample_size: 3, ..Default::default() }.fit_on(&rows, &run).unwrap();
//! // In the balls of 0 and 1; in that of 3, twice as large as its neighbour's; in none.
//! let new = Features::rows(ndarray::array![[0.5_f32], [2.5], [9.0]]);
//! assert_eq!(fitted.score(&new, &run).unwrap(), [0.0, 0.5, 1.0]);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::squared_distance;
use ndarray::{Array2, Axis};
use rand::seq::index;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows that are scored between two looks at whether the run is to stop.
const BLOCK: usize = 64;
/// Time for one distance, per column and in all, for estimates.
const DISTANCE_NANOS: [f64; 2] = [0.7, 4.0];

/// How many samples are drawn, and how large they are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Inne {
    /// Samples that are averaged. More is steadier.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_sets: usize,
    /// Rows per sample. More makes smaller balls, which tell finer differences.
    #[schemars(range(min = 2, max = 1_000))]
    pub sample_size: usize,
}

/// The balls of all samples.
pub struct InneModel {
    /// The centres, sample by sample, within a sample those of small balls first.
    centers: Array2<f32>,
    squared_radius: Vec<f64>,
    /// `I` of the rows of which this is the smallest ball.
    isolation: Vec<f64>,
    sample_size: usize,
}

impl Default for Inne {
    /// PyOD's defaults.
    fn default() -> Self {
        Self { n_sets: 200, sample_size: 8 }
    }
}

impl Params for Inne {}

impl Detector for Inne {
    const CARD: Card = Card {
        id: "inne",
        title: "Isolation by nearest-neighbour ensembles (INNE)",
        summary: "Rows outside the balls that random rows draw around themselves.",
        paper: "Bandaragoda et al. 2018, Computational Intelligence. doi:10.1111/coin.12156",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::Rotation,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Constant, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = InneModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<InneModel> {
        let values = &train.features().values;
        let sample_size = self.sample_size.min(values.nrows());
        let sets = (0..self.n_sets).into_par_iter().map(|set| {
            run.check()?;
            let rows = index::sample(&mut run.random(set as u64), values.nrows(), sample_size).into_vec();
            Ok(balls(values.select(Axis(0), &rows)))
        });
        let sets: Vec<Vec<Ball>> = sets.collect::<Result<_>>()?;
        let all = || sets.iter().flatten();
        let flat: Vec<f32> = all().flat_map(|ball| ball.center.iter().copied()).collect();
        let centers = Array2::from_shape_vec((all().count(), values.ncols()), flat)
            .map_err(|_| Error::model("balls of different width"))?;
        let squared_radius = all().map(|ball| ball.squared_radius).collect();
        let isolation = all().map(|ball| ball.isolation).collect();
        Ok(InneModel { centers, squared_radius, isolation, sample_size })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let sample_size = self.sample_size.min(shape.n_parts);
        let distance = DISTANCE_NANOS[0] * shape.n_values as f64 + DISTANCE_NANOS[1];
        let n_balls = (self.n_sets * sample_size) as f64;
        Estimate {
            bytes: (self.n_sets * sample_size * (8 * shape.n_values + 64)) as u64,
            fit_nanos: n_balls * sample_size as f64 * distance,
            score_nanos_per_row: n_balls * distance,
        }
    }
}

struct Ball {
    center: Vec<f32>,
    squared_radius: f64,
    isolation: f64,
}

/// The balls of one sample of at least two rows, the smallest first.
fn balls(sample: Array2<f32>) -> Vec<Ball> {
    let rows: Vec<Vec<f32>> = sample.rows().into_iter().map(|row| row.to_vec()).collect();
    let nearest = |i: usize| {
        let others = (0..rows.len()).filter(|&j| j != i).map(|j| (squared_distance(&rows[i], &rows[j]), j));
        others.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, i))
    };
    let nearest: Vec<(f64, usize)> = (0..rows.len()).map(nearest).collect();
    let ball = |(center, &(squared_radius, neighbor)): (Vec<f32>, &(f64, usize))| {
        let ratio = (nearest[neighbor].0 / squared_radius).sqrt();
        let isolation = if squared_radius > 0.0 { 1.0 - ratio } else { 0.0 };
        Ball { center, squared_radius, isolation }
    };
    let mut balls: Vec<Ball> = rows.iter().cloned().zip(&nearest).map(ball).collect();
    balls.sort_by(|a, b| a.squared_radius.total_cmp(&b.squared_radius));
    balls
}

impl InneModel {
    fn score_row(&self, row: &[f32]) -> f32 {
        let n_sets = self.squared_radius.len() / self.sample_size;
        let isolation = |set: usize| {
            let set = set * self.sample_size..(set + 1) * self.sample_size;
            // Balls stand in order of size, so the first that the row lies in is the smallest.
            let holds = |&ball: &usize| {
                let center = self.centers.row(ball).to_slice().unwrap_or_default();
                squared_distance(row, center) <= self.squared_radius[ball]
            };
            set.into_iter().find(holds).map_or(1.0, |ball| self.isolation[ball])
        };
        ((0..n_sets).map(isolation).sum::<f64>() / n_sets as f64) as f32
    }
}

impl Model for InneModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.as_standard_layout();
        let stage = run.stage("looking into balls", values.nrows() as u64);
        let mut scores = vec![0.0; values.nrows()];
        scores.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            for (i, score) in scores.iter_mut().enumerate() {
                *score = self.score_row(values.row(block * BLOCK + i).to_slice().unwrap_or_default());
            }
            stage.advance(scores.len() as u64);
            Ok(())
        })?;
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("centers", &self.centers);
        out.put_list("squared_radius", &self.squared_radius);
        out.put_list("isolation", &self.isolation);
        out.put_json("sample_size", &self.sample_size)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let centers = from.finite_matrix("centers", shape.n_values)?;
        let n = centers.nrows();
        let squared_radius: Vec<f64> = from.list_of("squared_radius", n)?;
        let isolation: Vec<f64> = from.list_of("isolation", n)?;
        let sample_size: usize = from.json("sample_size")?;
        if n == 0
            || sample_size == 0
            || !n.is_multiple_of(sample_size)
            || !squared_radius.iter().all(|v| v.is_finite() && *v >= 0.0)
            || !isolation.iter().all(|v| (0.0..=1.0).contains(v))
        {
            return Err(Error::model("samples, radii or isolations are out of range"));
        }
        Ok(Self { centers, squared_radius, isolation, sample_size })
    }
}

#[cfg(test)]
mod tests;
