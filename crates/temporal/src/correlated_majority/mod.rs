//! Correlated majority: a forecaster for each channel, and the vote of channels that go together.
//!
//! # Idea
//! Each channel is forecast from its last few points by a small forecaster that learns all the time. One channel whose errors
//! grow may be noise; where more than half of the channels that have lately moved together err, something happened. After
//! RoLA, but with a forecaster of its own.
//!
//! # Equations
//! `f_t = c + sum over i in 1..=n_lags of a_i y_(t-i)`, the weights by least squares over the points so far, each counting
//! `1 - 1 / window_len` of the one after it. `A_t` is the mean of the last `n_errors` errors `|x_t - f_t|`; the threshold is
//! `h_t = mean + 3 deviations` of the averages `A` of the last `window_len` points before `t` (equation of RePAD2). Where
//! `A_t > h_t`, the error is taken again from the forecast `x_(t-1)`, and the smaller one counts. `v_t = A_t / h_t`; a channel
//! votes where `v_t > 1`. The group of a channel is itself and the channels whose Pearson correlation with it is at least
//! `min_correlation` in size, over the last `window_len` points before `t`. The group reaches what more than half of its `v`
//! reach: of 3 channels the second largest `v`, of 4 the third largest. The score of `t` is the highest that a group reaches.
//!
//! # Score
//! In thresholds, 0 and up: above 1 exactly where more than half of a group vote. The shares are the `v` of the channels of the
//! highest group that reach the score: where it is above 1, the channels that vote.
//!
//! # Complexity
//! O(n d (d + n_lags^3)) for fit and score, memory O(d (d + window_len)), however long the series.
//!
//! # Use when / Avoid when
//! For streams of related sensors where one of them alone is often wrong: nothing after a point is looked at, and what is usual
//! follows the stream. Avoid where the very question is which channel leaves the others: a channel that is alone is outvoted
//! (`vector_autoregression` finds it).
//!
//! # Degenerate input
//! A point scores 0 until there are enough points to learn from (about 30 on a first series, `n_lags` on a later one and after
//! a fit). A threshold is at least a millionth of the deviation of the channel. Values further than three deviations from the
//! mean of the stretch count as there in what is learned, so that one wild value changes neither correlations nor weights
//! much; averages count as at most two thresholds. A constant channel is correlated with none.
//!
//! # Differences
//! From RoLA: RePAD2 forecasts by a long short-term memory that is trained anew on the last points when errors are above the
//! threshold; here least squares follow the stream, and the last point is the second opinion. RePAD2's errors are relative to
//! the value, which has no meaning about 0; here they are absolute, and the threshold, made of the same errors, takes the unit
//! out. RoLA asks for correlations when a channel reports; here they are kept up to date, and say nothing about the point
//! that is judged. RoLA says yes or no; the score is what its rule is a threshold of. Training points are ranked as they come, so
//! the first ones by few others; new series start from what was learned at the end of training. More than 128 channels are cut
//! into parts of equal size in the order that they have, each with groups of its own.
//!
//! # References
//! Lee, Lin 2023, RoLA: a real-time online lightweight anomaly detection system for multivariate time series, ICSOFT.
//! arXiv:2305.16509. doi:10.5220/0012077200003538. Lee, Lin 2023, RePAD2: real-time lightweight adaptive anomaly detection for
//! open-ended time series, IoTBDS. arXiv:2303.00409.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::CorrelatedMajority;
//! // Three channels with a common course. At 80 one is wrong alone, at 150 all jump.
//! let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 101.0;
//! let value = |(i, channel): (usize, usize)| match i {
//!     80 if channel == 0 => 5.0,
//!     150 => 3.0,
//!     _ => (i as f32 * 0.2).sin() + 0.1 * bit(i + 31 * channel),
//! };
//! let values = ndarray::Array2::from_shape_fn((200, 3), value);
//! let series = Features { layout: Layout::Sequences { ends: vec![200] }, ..Features::rows(values) };
//! let (_, scores) = CorrelatedMajority::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! assert!(scores[80] < 1.0 && scores[150] > 1.0);
//! ```

mod channel;
mod state;
#[cfg(test)]
mod tests;

use std::ops::Range;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::parts::{even_parts, series_of};

use state::{Part, Settings};

/// Channels that are compared with each other.
const MOST_TOGETHER: usize = 128;
/// Points and averages that are needed before anything is said.
const WARM: usize = 16;
/// Larger excesses count as this.
const MOST: f64 = 1e12;
/// Points between two looks at whether the run was stopped.
const STEPS: usize = 1 << 10;

/// What forecasts, thresholds and groups are made from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorrelatedMajority {
    /// Points that thresholds and correlations come from, and that forecasts mostly come from.
    #[schemars(range(min = 64, max = 100_000))]
    pub window_len: usize,
    /// Points that the next one is forecast from.
    #[schemars(range(min = 1, max = 20))]
    pub n_lags: usize,
    /// Errors in an average: fewer alarm sooner, more alarm less for single points.
    #[schemars(range(min = 1, max = 100))]
    pub n_errors: usize,
    /// Channels with at least this correlation, in size, vote together.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_correlation: f64,
}

impl Default for CorrelatedMajority {
    /// RePAD2's three points and three errors.
    fn default() -> Self {
        Self { window_len: 400, n_lags: 3, n_errors: 3, min_correlation: 0.7 }
    }
}

impl Params for CorrelatedMajority {}

/// What is known at the end of training, of each part of the channels.
pub struct CorrelatedMajorityModel {
    settings: Settings,
    parts: Vec<Part>,
}

impl Detector for CorrelatedMajority {
    const CARD: Card = Card {
        id: "correlated_majority",
        title: "Majority of correlated channels (after RoLA)",
        summary: "Points where more than half of the channels that go together leave their forecasts, found as they come.",
        paper: "Lee, Lin 2023, ICSOFT. doi:10.5220/0012077200003538",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = CorrelatedMajorityModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let settings = Settings {
            window_len: self.window_len,
            n_lags: self.n_lags,
            n_errors: self.n_errors,
            min_correlation: self.min_correlation,
        };
        let parts = parts_of(train.n_values());
        let mut model = CorrelatedMajorityModel {
            settings,
            parts: parts.map(|channels| Part::new(settings, channels.len())).collect(),
        };
        let stage = run.stage("following channels", model.parts.len() as u64);
        let channels: Vec<Range<usize>> = parts_of(train.n_values()).collect();
        let follow = |(part, channels): (&mut Part, &Range<usize>)| {
            let mut scores = Vec::with_capacity(train.n_parts());
            for series in series_of(train) {
                part.begin();
                follow(part, train, (series, channels.clone()), run, |_, score| scores.push(score))?;
            }
            stage.advance(1);
            Ok(scores)
        };
        let scores: Vec<Vec<f64>> =
            model.parts.par_iter_mut().zip(&channels).map(follow).collect::<Result<_>>()?;
        Ok((model, highest(&scores, train.n_parts())))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values.clamp(1, MOST_TOGETHER) as f64;
        let a_point = shape.n_values as f64 * (60.0 + 4.0 * d + 2.0 * (self.n_lags as f64 + 2.0).powi(3));
        Estimate {
            bytes: 8 * (shape.n_values * (2 * self.window_len + MOST_TOGETHER.min(shape.n_values))) as u64
                + 8 * shape.n_parts as u64,
            fit_nanos: a_point * shape.n_parts as f64,
            score_nanos_per_row: a_point,
        }
    }
}

/// The channels in parts of at most [`MOST_TOGETHER`].
fn parts_of(n_channels: usize) -> impl Iterator<Item = Range<usize>> {
    even_parts(n_channels, n_channels.div_ceil(MOST_TOGETHER).max(1))
}

/// Hands the points of a series and some channels to `part`, one after another, and what it says to `then`.
fn follow(
    part: &mut Part,
    rows: Checked<'_>,
    (series, channels): (Range<usize>, Range<usize>),
    run: &Run,
    mut then: impl FnMut(&mut Part, f64),
) -> Result<()> {
    for point in series {
        if point % STEPS == 0 {
            run.check()?;
        }
        let row = rows.values.row(point);
        let score = part.step(channels.clone().map(|channel| row[channel]));
        then(part, score);
    }
    Ok(())
}

/// The highest of what the parts say of each point.
fn highest(scores: &[Vec<f64>], n_points: usize) -> Vec<f32> {
    let of = |point: usize| scores.iter().map(|of| of[point]).fold(0.0, f64::max);
    (0..n_points).map(|point| of(point).min(MOST) as f32).collect()
}

impl CorrelatedMajorityModel {
    /// What `then` makes of every point, part by part of the channels, each series from the end of training on.
    fn each<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        then: impl Fn(&mut Part, f64) -> T + Sync,
    ) -> Result<Vec<Vec<T>>> {
        run.check()?;
        let channels: Vec<Range<usize>> = parts_of(rows.n_values()).collect();
        let of = |(part, channels): (&Part, &Range<usize>)| {
            let one = |series: Range<usize>| {
                let mut part = part.clone();
                part.begin();
                let mut all = Vec::with_capacity(series.len());
                follow(&mut part, rows, (series, channels.clone()), run, |part, score| {
                    all.push(then(part, score));
                })?;
                Ok(all)
            };
            let all: Vec<Vec<T>> = series_of(rows).into_par_iter().map(one).collect::<Result<_>>()?;
            Ok(all.into_iter().flatten().collect())
        };
        self.parts.par_iter().zip(&channels).map(of).collect()
    }
}

impl Model for CorrelatedMajorityModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        Ok(highest(&self.each(rows, run, |_, score| score)?, rows.n_parts()))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("settings", &self.settings)?;
        for (i, part) in self.parts.iter().enumerate() {
            out.scope(&format!("part{i}"), |out| part.save(out))?;
        }
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let settings: Settings = from.json("settings")?;
        let is_sound = (64..=100_000).contains(&settings.window_len)
            && (1..=20).contains(&settings.n_lags)
            && (1..=100).contains(&settings.n_errors)
            && (0.0..=1.0).contains(&settings.min_correlation);
        if !is_sound {
            return Err(Error::model("the settings of the forecasts are not possible"));
        }
        let channels = parts_of(shape.n_values).enumerate();
        let load = |(i, channels): (usize, Range<usize>)| {
            Part::load(&from.scope(&format!("part{i}")), settings, channels.len())
        };
        Ok(Self { settings, parts: channels.map(load).collect::<Result<_>>()? })
    }
}

impl Attribute for CorrelatedMajorityModel {
    /// The excesses of the channels that vote in the group that makes the score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let all = self.each(rows, run, |part, score| (score, part.voters()))?;
        let mut values = Array2::<f32>::zeros((rows.n_parts(), rows.n_values()));
        let channels: Vec<Range<usize>> = parts_of(rows.n_values()).collect();
        for (point, mut row) in values.rows_mut().into_iter().enumerate() {
            let mut best = (-1.0, 0);
            for (i, part) in all.iter().enumerate() {
                if part[point].0 > best.0 {
                    best = (part[point].0, i);
                }
            }
            let Some(range) = channels.get(best.1) else { continue };
            let voters = all.get(best.1).map_or(&[][..], |part| &part[point].1);
            range.clone().zip(voters).for_each(|(channel, &vote)| row[channel] = vote as f32);
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
