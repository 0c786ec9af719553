//! Windows of points: one row per window, in steps of one point.
//!
//! # Idea
//! What is odd in a series is mostly the shape of some stretch, not a single value. A window of as many points as the
//! series takes to repeat itself holds one such shape; every detector of tables can judge it. Scores of windows go back to
//! points without a shift: to the middle of the window, or to all of its points. Where anomalies are states that last longer
//! than a window, `smooth_frac` lets points vouch for their neighbours.
//!
//! # Degenerate input
//! A series shorter than the window is one window, prolonged by its last value; all its points get that score.
//!
//! # References
//! The period is that of TSB-AD (Liu, Paparrizos 2024, NeurIPS); the mean over windows that hold a point is the reverse
//! windowing of Schmidl, Wenig, Papenbrock 2022, PVLDB 15(9).

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Dataset, Encode, Encoded, Encoder, Error, Features, ModelReader, ModelWriter, Notices, Origin, Params,
    Parts, Result, Run, Series, Wants,
};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stats::Moments;
use ndarray::{ArrayView2, s};
use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::change::Change;
use super::channels::{self, ChannelScale, Channels};
use super::describe::{Describe, Describer};

use cut::Windows;

mod cut;
#[cfg(test)]
mod tests;

/// Points on each side that a running mean of scores reaches at most, however long the series: taken twice, it carries them
/// as far as the longest period that is believed.
const FARTHEST_REACH: usize = 150;

/// Windows, evenly chosen, that tell the units of what stands for a window well enough.
const MOST_FOR_UNITS: usize = 1 << 20;

/// A window that varies less than this share of its channels' units is flat: what is left is noise of measuring.
const FLAT: f64 = 1e-5;

/// How windows are cut and measured.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WindowEncoder {
    /// Points of a window. Left out, the period of the first series' channel; `length_of_many` where there are several
    /// channels.
    #[schemars(range(min = 1, max = 100_000))]
    pub length: Option<usize>,
    /// Points of a window of several channels, where no length is given.
    #[schemars(range(min = 1, max = 100_000))]
    pub length_of_many: usize,
    /// Points from one point of a window to the next: more than 1 embeds a longer stretch by as few points.
    #[schemars(range(min = 1, max = 10_000))]
    pub delay: usize,
    /// Which period, where no length is given: 1 the strongest, 2 the strongest longer one, and so on.
    #[schemars(range(min = 1, max = 9))]
    pub rank: usize,
    /// What windows are measured by.
    pub normalize: Normalize,
    /// Which points get the score of a window.
    pub spread: Spread,
    /// How far scores of points are carried to their neighbours: a running mean over this share of the longest series
    /// that is learned from, at most 301 points, taken twice. 0 leaves them.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub smooth_frac: f64,
    /// Centre and unit of channels.
    pub scale: ChannelScale,
    /// What is looked at in place of the values.
    pub change: Change,
    /// What stands for a window.
    pub describe: Describe,
    /// Adds the place of the middle of a window in the day, the week and the year as sines and cosines, in UTC, where the
    /// series is longer than two of them.
    pub calendar: bool,
}

/// What windows are measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// The channel where there is one, the window where there are several.
    Auto,
    /// Centre and unit of the channel: level and size of a shape count.
    #[default]
    Channel,
    /// Their own mean and standard deviation: the shape alone counts.
    Window,
}

/// Which points get the score of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// All its points, each the mean of the windows that hold it.
    #[default]
    Mean,
    /// Its middle; points at the edges that are no window's middle get the nearest window's score.
    Center,
}

impl Default for WindowEncoder {
    fn default() -> Self {
        Self {
            length: None,
            length_of_many: 40,
            delay: 1,
            rank: 1,
            normalize: Normalize::default(),
            spread: Spread::default(),
            smooth_frac: 0.0,
            scale: ChannelScale::default(),
            change: Change::default(),
            describe: Describe::default(),
            calendar: false,
        }
    }
}

impl Params for WindowEncoder {}

/// What was learned of the series.
pub struct FittedWindowEncoder {
    channels: Channels,
    calendar: Calendar,
    shape: WindowShape,
    describer: Describer,
    /// Centre and unit of the features, where they are not values.
    units: Vec<[f64; 2]>,
    origins: Vec<Origin>,
}

/// How windows are cut and pooled.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct WindowShape {
    length: usize,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    delay: usize,
    normalize: Normalize,
    spread: Spread,
    #[serde(default, skip_serializing_if = "is_default")]
    describe: Describe,
    /// Points on each side of the running mean of scores; of 0 none is taken.
    #[serde(default, skip_serializing_if = "is_default")]
    reach: usize,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const fn one() -> usize {
    1
}

const fn is_one(delay: &usize) -> bool {
    *delay == 1
}

impl WindowShape {
    /// Points from the first to the last of a window.
    const fn span(&self) -> usize {
        (self.length - 1) * self.delay + 1
    }
}

impl Encoder for WindowEncoder {
    const ID: &'static str = "windows";
    type Fitted = FittedWindowEncoder;

    fn fit(&self, data: &Dataset, _: Wants, run: &Run) -> Result<(FittedWindowEncoder, Notices)> {
        run.check()?;
        let series = data.as_series()?;
        let (channels, mut notices) = Channels::fit(series, self.scale, self.change, run)?;
        let longest = series.ranges().map(|range| range.len()).max().unwrap_or(0);
        let length = self.length.unwrap_or_else(|| {
            // Three windows side by side are the least in which one can be unlike the others.
            self.usual_length(&channels, series, run).min(longest / 3 / self.delay).max(1)
        });
        let normalize = match self.normalize {
            Normalize::Auto if channels.each.len() > 1 => Normalize::Window,
            Normalize::Auto => Normalize::Channel,
            said => said,
        };
        let shape = WindowShape {
            length,
            delay: self.delay,
            normalize,
            spread: self.spread,
            describe: self.describe,
            reach: ((self.smooth_frac * longest as f64 / 2.0) as usize).min(FARTHEST_REACH),
        };
        let span = shape.span();
        if span >= longest && series.ends.len() < 2 {
            return Err(Error::Data(format!(
                "a window of {span} points does not fit twice into a series of {longest}; name a shorter one with \
                 --set encoder.length=N"
            )));
        }
        if let Some(shortest) = series.ranges().map(|range| range.len()).min()
            && shortest < span
        {
            notices
                .handled(None, format!("a series of {shortest} points is shorter than the window of {span}"));
        }
        let calendar = if self.calendar { Calendar::fit(series, &mut notices) } else { Calendar::default() };
        let mut fitted = FittedWindowEncoder::new(channels, calendar, shape);
        if self.describe != Describe::Values {
            let windows = fitted.windows(series, run)?;
            let step = windows.n_parts().div_ceil(MOST_FOR_UNITS).max(1);
            let values = run.install(|| windows.cut(windows.n_parts() / step, |part| part * step))?;
            fitted.units = units(values.slice(s![.., ..fitted.described()]));
        }
        Ok((fitted, notices))
    }
}

impl WindowEncoder {
    fn usual_length(&self, channels: &Channels, series: &Series, run: &Run) -> usize {
        if channels.each.len() > 1 {
            return self.length_of_many;
        }
        let first = series.ranges().next().unwrap_or_default();
        let Ok(values) = channels.measured(series, run) else {
            return self.length_of_many;
        };
        let values: Vec<f64> = values.slice(s![first, 0]).iter().map(|&v| f64::from(v)).collect();
        ranked_period(&values, self.rank)
    }
}

/// Mean and deviation of each column; 1 where there is none.
fn units(values: ArrayView2<'_, f32>) -> Vec<[f64; 2]> {
    let unit = |column: ndarray::ArrayView1<'_, f32>| {
        let moments: Moments = column.iter().map(|&v| f64::from(v)).collect();
        [moments.mean(), if moments.std_dev() > FLAT { moments.std_dev() } else { 1.0 }]
    };
    values.columns().into_iter().map(unit).collect()
}

impl FittedWindowEncoder {
    fn new(channels: Channels, calendar: Calendar, shape: WindowShape) -> Self {
        let describer = Describer::new(shape.describe, shape.length);
        let aspects = describer.aspects();
        let mut origins: Vec<Origin> = match shape.describe {
            // Point by point, as they are cut out of the series.
            Describe::Values => aspects.chunks(1).flat_map(|aspect| channels.origins(aspect)).collect(),
            _ => channels.origins(&aspects),
        };
        origins.extend(calendar.origins());
        Self { channels, calendar, shape, describer, units: Vec::new(), origins }
    }

    /// Numbers of a window without its calendar parts.
    fn described(&self) -> usize {
        self.origins.len() - self.calendar.width()
    }

    /// Windows of a series of `n_points` points.
    const fn n_windows(&self, n_points: usize) -> usize {
        match n_points {
            0 => 0,
            n => n.saturating_sub(self.shape.span()) + 1,
        }
    }

    /// The windows of `series`, ready to be cut.
    fn windows<'a>(&'a self, series: &'a Series, run: &Run) -> Result<Windows<'a>> {
        let points = run.install(|| self.channels.measured(series, run))?;
        let ends = series
            .ranges()
            .scan(0, |end, range| {
                *end += self.n_windows(range.len());
                Some(*end)
            })
            .collect();
        let times = self.calendar.times(series)?;
        Ok(Windows { of: self, series, ranges: series.ranges().collect(), ends, points, times })
    }

    /// The window that begins at the first of `points`, point by point.
    fn cut(&self, points: &[f32], window: &mut [f32]) {
        let width = self.channels.each.len();
        let last = points.len() / width - 1;
        for (at, cells) in window.chunks_exact_mut(width).enumerate() {
            // A series shorter than the window goes on as it ended.
            let from = (at * self.shape.delay).min(last) * width;
            cells.copy_from_slice(&points[from..from + width]);
        }
        if self.shape.normalize == Normalize::Window {
            let count = window.len() as f64;
            let mean = window.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let variance = window.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
            let unit = variance.sqrt();
            let over = if unit > FLAT { 1.0 / unit } else { 0.0 };
            window.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) * over) as f32);
        }
    }

    /// What stands for the window that begins at the first of `points`.
    fn write(&self, points: &[f32], row: &mut [f32]) -> Result<()> {
        if self.shape.describe == Describe::Values {
            self.cut(points, row);
            return Ok(());
        }
        let width = self.channels.each.len();
        let mut window = vec![0.0; self.shape.length * width];
        self.cut(points, &mut window);
        for (channel, out) in row.chunks_exact_mut(self.described() / width).enumerate() {
            let own: Vec<f64> = window.iter().skip(channel).step_by(width).map(|&v| f64::from(v)).collect();
            self.describer.write(&own, out)?;
        }
        for (v, [center, unit]) in row.iter_mut().zip(&self.units) {
            *v = ((f64::from(*v) - center) / unit).clamp(-channels::FARTHEST, channels::FARTHEST) as f32;
        }
        Ok(())
    }
}

impl Encode for FittedWindowEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        run.check()?;
        let series = data.as_series()?;
        let n_windows = series.ranges().map(|range| self.n_windows(range.len())).sum();
        crate::check_memory(n_windows, self.origins.len(), run)?;
        let windows = self.windows(series, run)?;
        let values = run.install(|| windows.cut(n_windows, |part| part))?;
        let labels = series.labels.as_ref().map(|labels| windows.labels(labels));
        Ok(Encoded { features: Features { labels, ..Features::rows(values) }, notices: Notices::default() })
    }

    fn in_parts<'a>(&'a self, data: &'a Dataset, run: &Run) -> Result<Option<Box<dyn Parts + 'a>>> {
        run.check()?;
        Ok(Some(Box::new(self.windows(data.as_series()?, run)?)))
    }

    fn pool(&self, data: &Dataset, parts: Vec<f32>) -> Result<Vec<f32>> {
        let series = data.as_series()?;
        let mut scores = Vec::with_capacity(series.n_points());
        let mut rest = parts.as_slice();
        for range in series.ranges() {
            let (own, later) = rest.split_at_checked(self.n_windows(range.len())).ok_or_else(|| {
                Error::Data(format!("{} scores of windows are too few for these series", parts.len()))
            })?;
            rest = later;
            match self.shape.spread {
                Spread::Center => center(own, range.len(), &mut scores),
                Spread::Mean => mean(own, self.shape.span(), range.len(), &mut scores),
            }
            let passes = if self.shape.reach == 0 { 0 } else { 2 };
            for _ in 0..passes {
                let points = scores.split_off(range.start);
                running_mean(&points, self.shape.reach, &mut scores);
            }
        }
        Ok(scores)
    }

    fn span(&self) -> usize {
        self.shape.span() + 4 * self.shape.reach
    }

    fn value_origins(&self) -> &[Origin] {
        &self.origins
    }

    fn code_origins(&self) -> &[Origin] {
        &[]
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.channels.save(out)?;
        self.calendar.save(out)?;
        if self.shape.describe != Describe::Values {
            out.put_list("units", self.units.as_flattened());
        }
        out.put_json("windows", &self.shape)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (channels, calendar) = (Channels::load(from)?, Calendar::load(from)?);
        let shape: WindowShape = from.json("windows")?;
        let is_possible = |n: usize| (1..=100_000).contains(&n);
        if !is_possible(shape.length)
            || !is_possible(shape.delay)
            || shape.reach > FARTHEST_REACH
            || shape.length.saturating_mul(channels.each.len()) > 1 << 26
        {
            return Err(Error::model("the windows of the series are empty or too large"));
        }
        let mut fitted = Self::new(channels, calendar, shape);
        if shape.describe != Describe::Values {
            let units: Vec<f64> = from.list_of("units", 2 * fitted.described())?;
            let units: Vec<[f64; 2]> = units.as_chunks().0.to_vec();
            if !units.iter().all(|[center, unit]| center.is_finite() && unit.is_finite() && *unit > 0.0) {
                return Err(Error::model("the units of windows do not hold together"));
            }
            fitted.units = units;
        }
        Ok(fitted)
    }
}

/// Each score at the middle of its window; of windows of even length the later of the two middles.
fn center(windows: &[f32], n_points: usize, out: &mut Vec<f32>) {
    let (Some(&first), Some(&last)) = (windows.first(), windows.last()) else { return };
    let edges = n_points - windows.len();
    out.extend(std::iter::repeat_n(first, edges.div_ceil(2)));
    out.extend(windows);
    out.extend(std::iter::repeat_n(last, edges / 2));
}

/// Each point the mean of the windows that hold it.
fn mean(windows: &[f32], length: usize, n_points: usize, out: &mut Vec<f32>) {
    let sums = running_sums(windows);
    let of = |point: usize| {
        let (from, to) =
            ((point + 1).saturating_sub(length).min(windows.len() - 1), (point + 1).min(windows.len()));
        ((sums[to] - sums[from]) / (to - from) as f64) as f32
    };
    out.extend((0..n_points).map(of));
}

/// Each point the mean of those at most `reach` away; at the edges of those that there are.
fn running_mean(points: &[f32], reach: usize, out: &mut Vec<f32>) {
    let sums = running_sums(points);
    let of = |point: usize| {
        let (from, to) = (point.saturating_sub(reach), (point + reach + 1).min(points.len()));
        ((sums[to] - sums[from]) / (to - from) as f64) as f32
    };
    out.extend((0..points.len()).map(of));
}

/// Sums of the first 0, 1, 2, ... values.
fn running_sums(values: &[f32]) -> Vec<f64> {
    let mut sums = vec![0.0_f64; values.len() + 1];
    for (i, &value) in values.iter().enumerate() {
        sums[i + 1] = sums[i] + f64::from(value);
    }
    sums
}
