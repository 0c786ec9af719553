//! Boosted forecast: errors of forecasts by gradient-boosted trees, and which other channels they go with.
//!
//! # Idea
//! Trees learn to forecast each channel from its own last points and, if asked, from the other channels. A point is odd as
//! far as it is outside the band that holds most errors, and errors are those of trees that have not seen the point. Why it
//! is odd is asked in the same way: trees relate what is odd in a channel to what the other channels do, and Shapley values
//! say how much of it each of them tells.
//!
//! # Equations
//! With `m_t` the median of the last `n_lags` points of the channel, `x_t` is forecast as
//! `f_t = m_t + F(m_t, x_(t-1) - m_t, ..., x_(t-n_lags) - m_t, C_t)`, `F` least-squares boosted trees. `C_t` is nothing
//! (`covariates: none`), or of every other channel the value of the last point and how far it is from the
//! `n_covariate_lags` points before (`lagged`), or the same from the present point on (`now`). Errors of training are out of
//! fold: time is cut into `n_folds` blocks, and a block is forecast by trees grown on the points of which neither the value
//! nor any value they are forecast from is in the block. The band `q` is the `ceil((n + 1) (1 - alpha))`-th smallest of the
//! `n` errors `|x_t - f_t|`; `s_t = |x_t - f_t| / q`. Several channels have the score `sqrt(mean of s_t^2)`.
//!
//! Shares of a point are of the channels beyond their bands. Without covariates, further trees `G` are grown to tell
//! `ln(1 + s_t)` of a channel from the other channels at `t` and before, and a channel gets what it adds in `G` (the
//! sum of the Shapley values of its columns, none below 0), the channel itself what is left. With covariates, `F` is asked:
//! a channel gets how far it moves the forecast away from the point, the channel itself what is left. The shares of a point
//! add up to its score.
//!
//! # Score
//! In bands, 0 and up: 1 is the edge of the band of a channel. The band holds a share `1 - alpha` of the errors where those
//! of new points and of training could change places (split conformal); where the series drifts this is not so.
//!
//! # Complexity
//! Fit O((n_folds + 1) n_trees (f r + n log(max_leaves))) per channel with `f` columns and `r` rows that trees are grown on,
//! `sample_size` at most, by default 10,000: of longer series they are drawn evenly over time. Score O(n_trees log(max_leaves)) per point and
//! channel; shares, of points outside the band, O(n_trees max_leaves^3) at worst. Memory O(n d).
//!
//! # Use when / Avoid when
//! For telemetry, where channels follow their own past and what other channels do, not linearly, and where it matters what an
//! anomaly goes with. Choose `now` for one `response` that the others should tell, such as a temperature by the switches
//! around it: what they explain is then no anomaly. Avoid for short series, and where what is odd lasts.
//!
//! # Degenerate input
//! The first points of a series, which have fewer than `n_lags` before them, are forecast backwards from the points after them
//! by the same trees; of series too short for that, what is not there is missing, which the trees take. Targets count as at
//! most one range of the middle 99.8 % beyond it, so that one wild point does not decide the trees. A block that leaves
//! nothing to learn from is forecast by the mean. A band is at least a millionth of the deviation of the channel.
//!
//! # Differences
//! The paper forecasts temperatures from their history and then tells anomalies from 35 covariates by a second model, as here
//! without covariates; what its windows and parameters are it leaves to its data. Here what is forecast is the distance from
//! the recent median, so that a slow drift, which trees cannot go on with, is no anomaly; errors are out of fold and measured by
//! a conformal band; the second model tells the logarithm of the score, so that one wild point does not decide it. More than
//! 64 channels are cut into parts of equal size in the order that they have, and covariates are those of the same part (512
//! where there is a `response`). The second model has half as many trees, grown on at most half of `sample_size`, points
//! outside the band first, and is not out of fold: it describes what goes together in training, and chance is in it where few
//! points are odd.
//!
//! # References
//! Machine learning-driven anomaly detection and forecasting for Euclid space telescope operations, 2024 (forecast, second model,
//! Shapley values). Chen, Guestrin 2016, XGBoost, KDD. doi:10.1145/2939672.2939785. Shapley values: Lundberg et al. 2020,
//! Nature Machine Intelligence 2, algorithm 2. doi:10.1038/s42256-019-0138-9. Band: Lei et al. 2018, JASA 113(523),
//! algorithm 2. doi:10.1080/01621459.2017.1307116.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::BoostedForecast;
//! let wave = |i: usize| (i as f32 * 0.3).sin() + (i * i % 7) as f32 / 20.0 + if i == 250 { 1.5 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((400, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![400] }, ..Features::rows(values) };
//! let (_, scores) = BoostedForecast::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..400).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 250);
//! ```

mod channel;
mod columns;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use channel::{Channel, Learner, Shares};
use columns::{Columns, Plan};

/// Channels that are covariates of each other; with a response, of it.
const MOST_TOGETHER: [usize; 2] = [64, 512];
/// Larger scores count as this, so that sums stay finite.
const MOST: f64 = 1e12;
/// Points that are scored before it is looked whether the run was stopped.
const STEPS: usize = 1 << 10;
/// Time for a cell of what trees are grown on, for one tree per scored point, and for the shares of one, for estimates.
const NANOS: [f64; 2] = [3.0, 12.0];

/// What a forecast is made from, how trees grow, and how wide the band is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BoostedForecast {
    /// The number column that is forecast: its name, or its place among the number features counted from 0; each in turn
    /// where it is not given.
    #[schemars(range(min = 0, max = 1_000_000), extend("x-column" = "number"))]
    pub response: Option<usize>,
    /// Points of a channel that its next one is forecast from.
    #[schemars(range(min = 1, max = 500))]
    pub n_lags: usize,
    /// What the forecast knows of the other channels.
    pub covariates: Covariates,
    /// Points before the newest one that the other channels are known of.
    #[schemars(range(min = 1, max = 100))]
    pub n_covariate_lags: usize,
    /// Trees, grown one after another.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_trees: usize,
    /// Share of its correction that each tree may make.
    #[schemars(range(min = 0.0001, max = 1.0))]
    pub learning_rate: f64,
    /// Leaves of a tree.
    #[schemars(range(min = 2, max = 1_024))]
    pub max_leaves: usize,
    /// The fewest rows in a leaf of the forecast.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_leaf: usize,
    /// Blocks of time, each forecast by what is learned from the others.
    #[schemars(range(min = 2, max = 50))]
    pub n_folds: usize,
    /// Share of the errors that may lie outside the band.
    #[schemars(range(min = 0.0001, max = 0.5))]
    pub alpha: f64,
    /// Most points that the trees of a channel are grown on.
    #[schemars(range(min = 64, max = 100_000_000))]
    pub sample_size: usize,
}

/// What the forecast knows of the other channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covariates {
    /// Nothing: a channel is forecast from itself, and what is odd is related to the others afterwards.
    #[default]
    None,
    /// The points before.
    Lagged,
    /// The present point and those before: what the others explain is not odd.
    Now,
}

impl Default for BoostedForecast {
    fn default() -> Self {
        Self {
            response: None,
            n_lags: 12,
            covariates: Covariates::None,
            n_covariate_lags: 4,
            n_trees: 60,
            learning_rate: 0.1,
            max_leaves: 16,
            min_leaf: 10,
            n_folds: 5,
            alpha: 0.05,
            sample_size: 10_000,
        }
    }
}

impl Params for BoostedForecast {}

/// What was learned of the channels that are forecast.
pub struct BoostedForecastModel {
    plan: Plan,
    channels: Vec<Channel>,
}

impl Detector for BoostedForecast {
    const CARD: Card = Card {
        id: "boosted_forecast",
        title: "Boosted forecast with Shapley values",
        summary: "Points outside the band of forecasts by boosted trees, and the channels that go with them.",
        paper: "Chen, Guestrin 2016, KDD. doi:10.1145/2939672.2939785; Lundberg et al. 2020. doi:10.1038/s42256-019-0138-9",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = BoostedForecastModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        if let Some(response) = self.response.filter(|&response| response >= train.n_values()) {
            return Err(Error::BadParameter {
                name: "response".into(),
                got: response.to_string(),
                want: format!("the place of one of {} number columns, counted from 0", train.n_values()),
            });
        }
        let plan = Plan {
            n_channels: train.n_values(),
            response: self.response,
            covariates: self.covariates,
            n_lags: self.n_lags,
            n_covariate_lags: self.n_covariate_lags,
        };
        let columns = Columns::of(train);
        let targets = plan.targets();
        let n_fits = targets.len() * (self.n_folds + 2) * self.n_trees;
        let stage = run.stage("growing trees", n_fits as u64);
        let learner = Learner { params: self, plan: &plan, columns: &columns, stage: &stage };
        let learned: Vec<(Channel, Vec<f64>)> =
            targets.into_par_iter().map(|target| learner.learn(target, run)).collect::<Result<_>>()?;
        let (channels, scores): (Vec<_>, Vec<_>) = learned.into_iter().unzip();
        Ok((BoostedForecastModel { plan, channels }, together(&scores, train.n_parts())))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n_targets = if self.response.is_some() { 1 } else { shape.n_values };
        let most = MOST_TOGETHER[usize::from(self.response.is_some())];
        let wide = (shape.n_values.clamp(1, most) - 1) * (1 + self.n_covariate_lags);
        let own = 1 + self.n_lags;
        let rows = shape.n_parts.min(self.sample_size);
        let (trees, folds) = (self.n_trees as f64, self.n_folds as f64);
        let cells = match self.covariates {
            Covariates::None => (folds + 1.0) * own as f64 + 0.25 * wide as f64,
            _ => (folds + 1.0) * (own + wide) as f64,
        };
        let asked = NANOS[1] * trees * n_targets as f64;
        Estimate {
            bytes: (shape.n_parts * (4 * shape.n_values + 24 * n_targets) + rows * (own + wide) * 22) as u64,
            fit_nanos: n_targets as f64 * trees * NANOS[0] * rows as f64 * cells
                + 2.0 * asked * shape.n_parts as f64,
            score_nanos_per_row: asked + 20.0 * (own * n_targets) as f64,
        }
    }
}

/// One score per point of the scores of channels.
fn together(scores: &[Vec<f64>], n_points: usize) -> Vec<f32> {
    let of = |point: usize| {
        let squares: f64 = scores.iter().map(|of| of[point] * of[point]).sum();
        (squares / scores.len().max(1) as f64).sqrt().min(MOST) as f32
    };
    (0..n_points).into_par_iter().map(of).collect()
}

impl BoostedForecastModel {
    /// The scores of the channels that are forecast.
    fn by_channel(&self, columns: &Columns, run: &Run) -> Result<Vec<Vec<f64>>> {
        let of = |channel: &Channel| {
            let errors = channel.errors(&self.plan, columns, run)?;
            Ok(errors.into_iter().map(|error| channel.score(error)).collect())
        };
        self.channels.par_iter().map(of).collect()
    }
}

impl Model for BoostedForecastModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        run.check()?;
        Ok(together(&self.by_channel(&Columns::of(rows), run)?, rows.n_parts()))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("plan", &self.plan)?;
        for (i, channel) in self.channels.iter().enumerate() {
            out.scope(&format!("channel{i}"), |out| channel.save(out))?;
        }
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let plan: Plan = from.json("plan")?;
        plan.check(shape.n_values)?;
        let load = |(i, target)| Channel::load(&from.scope(&format!("channel{i}")), &plan, target);
        let channels = plan.targets().enumerate().map(load).collect::<Result<_>>()?;
        Ok(Self { plan, channels })
    }
}

impl Attribute for BoostedForecastModel {
    /// The shares of each channel in the score; they add up to it.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let columns = Columns::of(rows);
        let of = |channel: &Channel| channel.shares(&self.plan, &columns, run);
        let shares: Vec<Shares> = self.channels.par_iter().map(of).collect::<Result<_>>()?;
        let mut sums = Array2::<f64>::zeros((rows.n_parts(), self.plan.n_channels));
        let mut squares = vec![0.0; rows.n_parts()];
        for (channel, (scores, outside)) in self.channels.iter().zip(&shares) {
            // The shares of a channel add up to its score, and times it to its part of the squares.
            for (point, &score) in scores.iter().enumerate() {
                squares[point] += score * score;
                if score <= 1.0 {
                    sums[(point, channel.target())] += score * score;
                }
            }
            for (point, of_point) in outside {
                for (member, share) in self.plan.part_of(channel.target()).zip(of_point) {
                    sums[(*point, member)] += scores[*point] * share;
                }
            }
        }
        let share = |(point, channel): (usize, usize)| {
            let total = (squares[point] * self.channels.len() as f64).sqrt();
            if total > 0.0 { (sums[(point, channel)] / total).min(MOST) as f32 } else { 0.0 }
        };
        let values = Array2::from_shape_fn(sums.raw_dim(), share);
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
