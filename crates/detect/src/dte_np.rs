//! Diffusion time from nearest neighbours (DTE, non-parametric).
//!
//! # Idea
//! A diffusion process adds a little noise to the data at every step. Given a row, one can ask after how many steps
//! the noise would have carried a training row there: the further a row lies from its nearest training rows, the
//! longer the diffusion must have gone on. The answer is a distribution over steps; its mean is the score.
//!
//! # Equations
//! With the betas of the noise schedule rising evenly from 0.0001 to 0.01 over `T` steps, the noise after step `t`
//! has the variance `v_t = 1 - (1 - beta_0) ... (1 - beta_t)`. With `q(x)` the mean squared distance to the `k`
//! nearest training rows and `d` columns, the posterior of the step is the inverse gamma density of shape
//! `d/2 - 1` and scale `q/2` at `v_t`:
//!
//! - `p(t | x) ~ v_t^(-d/2) exp(-q(x) / (2 v_t))` for `t = 0 ... T - 1`
//! - `s(x) = sum_t t p(t | x)` (`mean`), or the most probable `t` (`mode`)
//! - where even the last step has less noise than the row's distance asks for, `q/d > v_(T-1)`, the score grows
//!   on by `ln(q / (d v_(T-1)))`.
//!
//! # Score
//! A number of steps from 0 to `T - 1`, 299 by default; beyond the end of the schedule slowly more. It rises with
//! `q(x)` and nothing else: the order of rows is that of their root mean squared distance to `k` neighbours.
//! What the method adds to that is a scale which depends little on the number of columns.
//!
//! # Complexity
//! That of `k_nearest_neighbors` (an exact search), and O(T) per scored row.
//!
//! # Use when / Avoid when
//! Where `k_nearest_neighbors` is right, on columns that are scaled to a deviation of about 1, as in the paper. On
//! other scales the order of rows is the same, but most scores lie at one end of the schedule.
//!
//! # Differences
//! - The paper takes mean or mode of the posterior. The mode, which the released code returns, is a whole number and
//!   ties many rows, so the mean is the default.
//! - In the released code all rows beyond the end of the schedule get its last step. Here the score grows on by a
//!   logarithm, so that they can be told apart.
//! - The density needs a shape above 0, that is three columns or more; as a distribution over finitely many steps it
//!   is defined for any number of columns, and that is what is computed.
//! - `fit_score` leaves each row out of its own neighbours. Scoring a training row as if it were new meets the row
//!   itself.
//! - `k` is lowered to the number of rows there are.
//! - `max_reference` keeps a random sample of the training rows, which makes distances and scores larger.
//!
//! # References
//! Livernoche, Jain, Hezaveh, Ravanbakhsh 2024, On diffusion modeling for anomaly detection, ICLR.
//! arXiv:2305.18593. Schedule and number of neighbours as in <https://github.com/vicliv/DTE>.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::DteNp;
//! let rows = Features::rows(ndarray::array![[0.0_f32, 0.0, 0.1], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.7, 0.0, 0.6]]);
//! let detector = DteNp { n_neighbors: 2, ..Default::default() };
//! let (_, steps) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(steps[3] > 150.0 && steps[..3].iter().all(|&s| s < 50.0));
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::{Neighbor, NeighborIndex, Skip, search_estimate};
use ndarray::{ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::k_nearest_neighbors::{mean_squared_differences, own_numbers, reference_rows};

/// Noise of the first and of the last step, from the released code.
const BETAS: [f64; 2] = [0.0001, 0.01];
/// Bound on the steps of a schedule, which the parameter and the model file share.
const MAX_STEPS: usize = 10_000;
/// Time of one exponential, for estimates.
const EXP_NANOS: f64 = 5.0;

/// How many neighbours, how long the diffusion goes on, and what of the time's distribution is the score.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DteNp {
    /// Neighbours per row. More is smoother; groups of more than this many anomalies are missed.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_neighbors: usize,
    /// Steps of the diffusion. More steps end with more noise.
    #[schemars(range(min = 2, max = 10_000))]
    pub n_steps: usize,
    /// Which number of the distribution over steps is the score.
    pub take: TakeTime,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// Which number of the distribution over steps is the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakeTime {
    /// The expected step.
    #[default]
    Mean,
    /// The most probable step, a whole number, as in the released code.
    Mode,
}

/// The reference rows in a search index, and the noise schedule.
pub struct DteNpModel {
    index: NeighborIndex,
    n_neighbors: usize,
    take: TakeTime,
    schedule: Schedule,
}

impl Default for DteNp {
    /// The defaults of the released code, but for the mean.
    fn default() -> Self {
        Self { n_neighbors: 5, n_steps: 300, take: TakeTime::Mean, max_reference: None }
    }
}

impl Params for DteNp {}

impl Detector for DteNp {
    const CARD: Card = Card {
        id: "dte_np",
        title: "Diffusion time from nearest neighbours (DTE)",
        summary: "Rows that noise would need many steps to reach from their nearest other rows.",
        paper: "Livernoche, Jain, Hezaveh, Ravanbakhsh 2024, ICLR. arXiv:2305.18593",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::Rotation,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    type Model = DteNpModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<DteNpModel> {
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        self.fit_rows(train, rows.as_deref())
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(DteNpModel, Vec<f32>)> {
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        let model = self.fit_rows(train, rows.as_deref())?;
        let own = rows.map(|rows| own_numbers(train.n_parts(), &rows));
        let skip = own.as_deref().map_or(Skip::SameIndex, Skip::Each);
        let scores = model.times(train.features().values.view(), skip, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let search = search_estimate(n, shape.n_values, self.n_neighbors);
        Estimate {
            score_nanos_per_row: search.score_nanos_per_row + EXP_NANOS * self.n_steps as f64,
            ..search
        }
    }
}

impl DteNp {
    fn fit_rows(&self, train: Checked<'_>, rows: Option<&[usize]>) -> Result<DteNpModel> {
        let values = &train.features().values;
        let index = match rows {
            Some(rows) => NeighborIndex::new(values.select(Axis(0), rows).view())?,
            None => NeighborIndex::new(values.view())?,
        };
        let schedule = Schedule::new(self.n_steps, values.ncols());
        Ok(DteNpModel { index, n_neighbors: self.n_neighbors, take: self.take, schedule })
    }
}

impl DteNpModel {
    fn times(&self, rows: ArrayView2<'_, f32>, skip: Skip<'_>, run: &Run) -> Result<Vec<f32>> {
        self.index.map(rows, self.n_neighbors, skip, run, |_, near| self.time(near) as f32)
    }

    fn time(&self, near: &[Neighbor]) -> f64 {
        let squared = near.iter().map(|near| near.squared).sum::<f64>() / near.len().max(1) as f64;
        let within = match self.take {
            TakeTime::Mean => self.schedule.mean(squared),
            TakeTime::Mode => self.schedule.mode(squared),
        };
        within + self.schedule.beyond(squared)
    }
}

/// The noise after each step, in the two forms that the posterior needs.
struct Schedule {
    n_columns: f64,
    /// `1 / (2 v_t)`.
    half_precision: Vec<f64>,
    /// `ln(v_t) d / 2`.
    log_volume: Vec<f64>,
}

impl Schedule {
    fn new(n_steps: usize, n_columns: usize) -> Self {
        let n_columns = n_columns as f64;
        let rise = (BETAS[1] - BETAS[0]) / (n_steps.max(2) - 1) as f64;
        let mut kept = 1.0;
        let variances = (0..n_steps).map(|step| {
            kept *= 1.0 - (BETAS[0] + rise * step as f64);
            1.0 - kept
        });
        let (half_precision, log_volume) =
            variances.map(|v: f64| (0.5 / v, 0.5 * n_columns * v.ln())).unzip();
        Self { n_columns, half_precision, log_volume }
    }

    /// The logarithm of the posterior of each step, up to a constant.
    fn log_posterior(&self, squared: f64) -> impl Iterator<Item = f64> {
        let steps = self.half_precision.iter().zip(&self.log_volume);
        steps.map(move |(precision, volume)| -volume - squared * precision)
    }

    fn mean(&self, squared: f64) -> f64 {
        let most = self.log_posterior(squared).fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut total) = (0.0, 0.0);
        for (step, log) in self.log_posterior(squared).enumerate() {
            let share = (log - most).exp();
            sum += step as f64 * share;
            total += share;
        }
        sum / total
    }

    fn mode(&self, squared: f64) -> f64 {
        let (mut best, mut most) = (0, f64::NEG_INFINITY);
        for (step, log) in self.log_posterior(squared).enumerate() {
            if log > most {
                (best, most) = (step, log);
            }
        }
        best as f64
    }

    /// How far the most probable variance, `squared / d`, lies beyond that of the last step, as a logarithm; else 0.
    fn beyond(&self, squared: f64) -> f64 {
        let last = self.half_precision.last().copied().unwrap_or_default();
        (2.0 * last * squared / self.n_columns).max(1.0).ln()
    }
}

impl Model for DteNpModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.times(rows.features().values.view(), Skip::None, run)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("reference", &self.index.points());
        out.put_json("n_neighbors", &self.n_neighbors)?;
        out.put_json("n_steps", &self.schedule.half_precision.len())?;
        out.put_json("take", &self.take)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let reference = from.finite_matrix("reference", shape.n_values)?;
        let (n_neighbors, n_steps): (usize, usize) = (from.json("n_neighbors")?, from.json("n_steps")?);
        if reference.nrows() == 0 || n_neighbors == 0 || !(2..=MAX_STEPS).contains(&n_steps) {
            return Err(Error::model("reference rows, neighbours or steps are out of range"));
        }
        let schedule = Schedule::new(n_steps, reference.ncols());
        let index = NeighborIndex::new(reference.view())?;
        Ok(Self { index, n_neighbors, take: from.json("take")?, schedule })
    }
}

impl Attribute for DteNpModel {
    /// The mean squared distance to the neighbours, which alone decides the score, by column.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        mean_squared_differences(&self.index, self.n_neighbors, &rows.features().values, run)
    }
}
