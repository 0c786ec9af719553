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
    Dataset, Encode, Encoded, Encoder, Error, Features, Label, ModelReader, ModelWriter, Notices, Origin,
    Params, Result, Run, Series, Wants,
};
use anomalyst_kernels::period::ranked_period;
use ndarray::{Array2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::channels::{self, Channel, ChannelScale};

/// Points on each side that a running mean of scores reaches at most, however long the series: taken twice, it carries them
/// as far as the longest period that is believed.
const FARTHEST_REACH: usize = 150;

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
            rank: 1,
            normalize: Normalize::default(),
            spread: Spread::default(),
            smooth_frac: 0.0,
            scale: ChannelScale::default(),
        }
    }
}

impl Params for WindowEncoder {}

/// What was learned of the series.
pub struct FittedWindowEncoder {
    channels: Vec<Channel>,
    shape: WindowShape,
    origins: Vec<Origin>,
}

/// How windows are cut and pooled.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct WindowShape {
    length: usize,
    normalize: Normalize,
    spread: Spread,
    /// Points on each side of the running mean of scores; of 0 none is taken.
    #[serde(default)]
    reach: usize,
}

impl Encoder for WindowEncoder {
    const ID: &'static str = "windows";
    type Fitted = FittedWindowEncoder;

    fn fit(&self, data: &Dataset, _: Wants, run: &Run) -> Result<(FittedWindowEncoder, Notices)> {
        run.check()?;
        let series = channels::series_of(data)?;
        let (channels, mut notices) = channels::fit(series, self.scale)?;
        let longest = series.ranges().map(|range| range.len()).max().unwrap_or(0);
        let length = self.length.unwrap_or_else(|| {
            // Three windows side by side are the least in which one can be unlike the others.
            self.usual_length(&channels, series).min(longest / 3).max(1)
        });
        if length >= longest && series.ends.len() < 2 {
            return Err(Error::Data(format!(
                "a window of {length} points does not fit twice into a series of {longest}; name a shorter one with \
                 --set encoder.length=N"
            )));
        }
        if let Some(shortest) = series.ranges().map(|range| range.len()).min()
            && shortest < length
        {
            notices.handled(
                None,
                format!("a series of {shortest} points is shorter than the window of {length}"),
            );
        }
        let normalize = match self.normalize {
            Normalize::Auto if channels.len() > 1 => Normalize::Window,
            Normalize::Auto => Normalize::Channel,
            said => said,
        };
        let reach = ((self.smooth_frac * longest as f64 / 2.0) as usize).min(FARTHEST_REACH);
        let shape = WindowShape { length, normalize, spread: self.spread, reach };
        Ok((FittedWindowEncoder::new(channels, shape), notices))
    }
}

impl WindowEncoder {
    fn usual_length(&self, channels: &[Channel], series: &Series) -> usize {
        let [only] = channels else { return self.length_of_many };
        let first = series.ranges().next().unwrap_or_default();
        let Ok(values) = channels::measured(std::slice::from_ref(only), series) else {
            return self.length_of_many;
        };
        let values: Vec<f64> = values.slice(s![first, 0]).iter().map(|&v| f64::from(v)).collect();
        ranked_period(&values, self.rank)
    }
}

impl FittedWindowEncoder {
    fn new(channels: Vec<Channel>, shape: WindowShape) -> Self {
        let origin = |at: usize| {
            let of = |channel: &Channel| Origin {
                column: channel.name.clone(),
                aspect: format!("point {}", at + 1),
            };
            channels.iter().map(of).collect::<Vec<_>>()
        };
        let origins = (0..shape.length).flat_map(origin).collect();
        Self { channels, shape, origins }
    }

    /// Windows of a series of `n_points` points.
    const fn n_windows(&self, n_points: usize) -> usize {
        match n_points {
            0 => 0,
            n => n.saturating_sub(self.shape.length) + 1,
        }
    }

    /// For each window, in order, the series it lies in and its first point there.
    fn places(&self, series: &Series) -> Vec<(std::ops::Range<usize>, usize)> {
        let of = |range: std::ops::Range<usize>| {
            (0..self.n_windows(range.len())).map(move |first| (range.clone(), first))
        };
        series.ranges().flat_map(of).collect()
    }

    fn write(&self, points: &[f32], window: &mut [f32]) {
        let n = points.len().min(window.len());
        window[..n].copy_from_slice(&points[..n]);
        // A series shorter than the window goes on as it ended.
        let width = self.channels.len();
        (n..window.len()).for_each(|at| window[at] = window[at - width]);
        if self.shape.normalize == Normalize::Window {
            let count = window.len() as f64;
            let mean = window.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let variance = window.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
            let unit = variance.sqrt();
            let over = if unit > FLAT { 1.0 / unit } else { 0.0 };
            window.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) * over) as f32);
        }
    }
}

impl Encode for FittedWindowEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        run.check()?;
        let series = channels::series_of(data)?;
        let (n_channels, width) = (self.channels.len(), self.origins.len());
        let places = self.places(series);
        crate::check_memory(places.len(), width, run)?;
        let values = run.install(|| -> Result<Array2<f32>> {
            let points = channels::measured(&self.channels, series)?;
            let points = points.as_slice().unwrap_or_default();
            let mut values = Array2::zeros((places.len(), width));
            let rows = values.as_slice_mut().unwrap_or_default().par_chunks_exact_mut(width);
            rows.zip(&places).for_each(|(row, (range, first))| {
                self.write(&points[(range.start + first) * n_channels..range.end * n_channels], row);
            });
            Ok(values)
        })?;
        // A window is known to be anomalous where one of its points is.
        let label = |labels: &Vec<Label>| {
            let of = |(range, first): &(std::ops::Range<usize>, usize)| {
                let labels =
                    &labels[range.start + first..(range.start + first + self.shape.length).min(range.end)];
                [Label::Anomalous, Label::Unknown]
                    .into_iter()
                    .find(|l| labels.contains(l))
                    .unwrap_or(Label::Normal)
            };
            places.iter().map(of).collect()
        };
        let features = Features { labels: series.labels.as_ref().map(label), ..Features::rows(values) };
        Ok(Encoded { features, notices: Notices::default() })
    }

    fn pool(&self, data: &Dataset, parts: Vec<f32>) -> Result<Vec<f32>> {
        let series = channels::series_of(data)?;
        let mut scores = Vec::with_capacity(series.n_points());
        let mut rest = parts.as_slice();
        for range in series.ranges() {
            let (own, later) = rest.split_at_checked(self.n_windows(range.len())).ok_or_else(|| {
                Error::Data(format!("{} scores of windows are too few for these series", parts.len()))
            })?;
            rest = later;
            match self.shape.spread {
                Spread::Center => center(own, range.len(), &mut scores),
                Spread::Mean => mean(own, self.shape.length, range.len(), &mut scores),
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
        self.shape.length + 4 * self.shape.reach
    }

    fn value_origins(&self) -> &[Origin] {
        &self.origins
    }

    fn code_origins(&self) -> &[Origin] {
        &[]
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("channels", &self.channels)?;
        out.put_json("windows", &self.shape)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let channels: Vec<Channel> = from.json("channels")?;
        channels::sound(&channels)?;
        let shape: WindowShape = from.json("windows")?;
        if shape.length == 0
            || shape.length > 100_000
            || shape.reach > FARTHEST_REACH
            || shape.length.saturating_mul(channels.len()) > 1 << 26
        {
            return Err(Error::model("the windows of the series are empty or too large"));
        }
        Ok(Self::new(channels, shape))
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

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::Handles;

    const WANTS: Wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };

    fn series(values: &[f64], ends: &[usize]) -> Dataset {
        let values = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
        let keys = vec![String::new(); ends.len()];
        Dataset::Series(Series { ends: ends.to_vec(), keys, ..Series::one(values) })
    }

    fn fit(params: &WindowEncoder, data: &Dataset) -> FittedWindowEncoder {
        params.fit(data, WANTS, &Run::new(0)).unwrap().0
    }

    #[test]
    fn windows_stay_in_their_series() {
        let data = series(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0], &[4, 6]);
        let params = WindowEncoder { length: Some(3), spread: Spread::Center, ..WindowEncoder::default() };
        let fitted = fit(&params, &data);
        let encoded = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
        // The second series is one point short and goes on as it ended.
        assert_eq!(encoded, ndarray::array![[-1.0, 1.0, -1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]]);
        assert_eq!(fitted.pool(&data, vec![1.0, 2.0, 5.0]).unwrap(), [1.0, 1.0, 2.0, 2.0, 5.0, 5.0]);
        assert!(fitted.pool(&data, vec![1.0]).is_err());
    }

    #[test]
    fn scores_go_back_to_their_points() {
        let mut out = Vec::new();
        center(&[7.0, 8.0, 9.0], 6, &mut out);
        assert_eq!(
            out,
            [7.0, 7.0, 7.0, 8.0, 9.0, 9.0],
            "a window of 4 points has its later middle at its third"
        );
        out.clear();
        mean(&[2.0, 4.0, 9.0], 2, 4, &mut out);
        assert_eq!(out, [2.0, 3.0, 6.5, 9.0]);
        out.clear();
        mean(&[2.0], 5, 3, &mut out);
        assert_eq!(out, [2.0; 3]);
    }

    /// The mean of three points, twice, is the triangle 1, 2, 3, 2, 1 of ninths; series do not run into each other.
    #[test]
    fn scores_are_carried_to_neighbours() {
        let data = series(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 5.0, 6.0], &[9, 11]);
        let params = WindowEncoder { length: Some(1), smooth_frac: 0.25, ..WindowEncoder::default() };
        let fitted = fit(&params, &data);
        assert_eq!((fitted.shape.reach, fitted.span()), (1, 5));
        let mut windows = vec![0.0; 11];
        (windows[4], windows[10]) = (9.0, 2.0);
        let scores = fitted.pool(&data, windows).unwrap();
        assert_eq!(scores, [0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
        let far = WindowEncoder { smooth_frac: 0.5, ..params };
        let long = series(&(0..5000).map(f64::from).collect::<Vec<_>>(), &[5000]);
        assert_eq!(fit(&far, &long).shape.reach, FARTHEST_REACH);
    }

    #[test]
    fn shapes_can_be_all_that_counts() {
        let data = series(&[0.0, 1.0, 100.0, 102.0, 5.0, 5.0], &[6]);
        let params =
            WindowEncoder { length: Some(2), normalize: Normalize::Window, ..WindowEncoder::default() };
        let encoded = fit(&params, &data).encode(&data, &Run::new(0)).unwrap().features.values;
        assert!((encoded[(0, 1)] - 1.0).abs() < 1e-5 && (encoded[(2, 1)] - 1.0).abs() < 1e-5);
        assert_eq!((encoded[(4, 0)], encoded[(4, 1)]), (0.0, 0.0), "a flat window has no shape");
    }

    #[test]
    fn the_length_is_the_period() {
        let values: Vec<f64> = (0..500).map(|i| (std::f64::consts::TAU * i as f64 / 20.0).sin()).collect();
        let data = series(&values, &[500]);
        let fitted = fit(&WindowEncoder::default(), &data);
        assert_eq!(fitted.shape.length, 20);
        let mut out = ModelWriter::new();
        fitted.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        let again = FittedWindowEncoder::load(&ModelReader::new(&tensors, &json)).unwrap();
        let run = Run::new(0);
        assert_eq!(
            again.encode(&data, &run).unwrap().features.values,
            fitted.encode(&data, &run).unwrap().features.values
        );
    }
}
