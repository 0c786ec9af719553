//! Signatures of windows, measured by the variance norm: the distance to the nearest stretch of training.
//!
//! # Idea
//! A window of all channels is a path, and its signature says in a few numbers where the path goes and in which order the
//! channels move. How far two windows are apart is measured by how much windows of training differ in that direction; in a
//! direction in which they do not differ at all, they are infinitely far apart. A window is odd as far as the nearest
//! window of training is.
//!
//! # Equations
//! `f` of a window is its signature to `depth`, the iterated integrals of all words of channels, with time from 0 to 1 as
//! one more channel. With `S = sum_i l_i v_i v_i'` the covariance of `f` in training, of `l_i > 0`, the variance norm of
//! `x` is `|x|^2 = sum_i (v_i' x)^2 / l_i` where `x` is in the range of `S`, and infinite elsewhere: where what is left
//! of `x` outside of the range is more than a thousandth of its length. Conformance of a window is the least
//! `|f - f_j|` of all windows `j` of training. The score of a point is the mean over the windows that hold it.
//!
//! # Score
//! A distance in deviations, 0 and up. An infinite one is 1e6 and more: `1e6 (1 + r)` with `r` the least share outside of
//! the range. Windows of training are compared with those that do not overlap them; where there is none, they get the
//! median of the others. A series shorter than the window is one window.
//!
//! # Complexity
//! With `F` numbers of a signature and `N` windows of training, one for each eighth of a window and at most 2,048: fit
//! O(n F + N F^2 + F^3 + N^2 F), score O(8 F + N F) for each eighth of a window; memory O(N F + F^2).
//!
//! # Use when / Avoid when
//! For channels whose common course matters: trajectories, writing, machines that go through phases, where stretches
//! take longer or shorter. Avoid for spikes of a single point in long windows, which integrals smooth.
//!
//! # Degenerate input
//! Channels are measured in their deviations in training, 1 where they have none. Without two windows in training every
//! other window is outside of the range.
//!
//! # Differences
//! Numbers of signatures are divided by their deviations before the range is sought, so that long words, which are
//! larger, do not make short ones look like rounding; in the range the norm is the same. Directions below a millionth of
//! the largest deviation are not in the range. `base_point` begins paths at the mean of training, without which levels do
//! not matter. The depth is lowered until signatures have at most 1,000 numbers, and no more than half as many as there
//! are windows; more than 30 channels are cut into parts of equal size whose squares are added.
//!
//! # References
//! Shao, Chan, Cochrane, Foster, Lyons 2020, Dimensionless anomaly detection on multivariate streams with variance norm and
//! path signature. arXiv:2006.03487. Signatures: Chen 1958, Transactions of the AMS 89(2). doi:10.2307/1993193.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::SignatureMahalanobis;
//! // A circle that is run through the other way round once.
//! let turn = |i: usize| if (200..225).contains(&i) { -1.0 } else { 1.0 };
//! let angle = |i: usize| i as f32 * std::f32::consts::TAU / 25.0 * turn(i);
//! let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 1000.0;
//! let value = |(i, j): (usize, usize)| if j == 0 { angle(i).sin() } else { angle(i).cos() } + bit(2 * i + j);
//! let values = ndarray::Array2::from_shape_fn((400, 2), value);
//! let series = Features { layout: Layout::Sequences { ends: vec![400] }, ..Features::rows(values) };
//! let (_, scores) = SignatureMahalanobis::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..400).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((190..235).contains(&highest));
//! ```

use std::ops::Range;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::signature::{signature, signature_len, with_time};
use anomalyst_kernels::stats::{Moments, median};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::parts::{even_parts, series_of};
use crate::shapes::{or_usual, possible, window_len};

mod variance_norm;

use variance_norm::VarianceNorm;

/// The most channels of a path.
const MOST_TOGETHER: usize = 30;
/// The most numbers of a signature deeper than 1.
const MOST_NUMBERS: usize = 1000;
/// The most windows that are compared with.
const MOST_WINDOWS: usize = 2048;
/// The deepest signature.
const DEEPEST: usize = 6;
/// Windows begin at every such part of a window.
const STEPS_PER_WINDOW: usize = 8;

/// What of windows is compared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SignatureMahalanobis {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it; of several channels
    /// the median.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// Letters of the longest words; fewer with many channels.
    #[schemars(range(min = 1, max = 6))]
    pub depth: usize,
    /// Takes time as a channel, so that it matters how fast the path is gone.
    pub time: bool,
    /// Begins paths at the mean of training, so that it matters where they are.
    pub base_point: bool,
}

impl Default for SignatureMahalanobis {
    fn default() -> Self {
        Self { window: None, depth: 3, time: true, base_point: true }
    }
}

impl Params for SignatureMahalanobis {}

/// How channels are measured, and the windows of training of each part of them.
pub struct SignatureMahalanobisModel {
    paths: Paths,
    parts: Vec<VarianceNorm>,
}

/// How windows become signatures.
struct Paths {
    window: usize,
    time: bool,
    base_point: bool,
    means: Vec<f64>,
    units: Vec<f64>,
    /// Of each part of the channels.
    depths: Vec<usize>,
}

impl Detector for SignatureMahalanobis {
    const CARD: Card = Card {
        id: "signature_mahalanobis",
        title: "Path signatures with the variance norm (SigMahaKNN)",
        summary: "Stretches whose path through all channels is far from those of training.",
        paper: "Shao et al. 2020. arXiv:2006.03487",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 4,
        control: false,
    };
    type Model = SignatureMahalanobisModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.learned(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let (model, kept) = self.learned(train, run)?;
        let scores = model.scores(train, Some(&kept), run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let width = shape.n_values.clamp(1, MOST_TOGETHER);
        let numbers =
            signature_len(width + 1, self.depth).map_or(MOST_NUMBERS, |len| len.min(MOST_NUMBERS)) as f64;
        let parts = (d / MOST_TOGETHER as f64).ceil().max(1.0);
        // Of short windows, which are more.
        let n_kept = (n / 2.0).min(MOST_WINDOWS as f64);
        let per_row = parts * numbers * (16.0 + n_kept / 4.0);
        Estimate {
            bytes: (parts * 8.0 * (n / 2.0 * 2.0 + 2.0 * n_kept * numbers + numbers * numbers)) as u64,
            fit_nanos: n * per_row + parts * (n_kept * numbers.powi(2) + 10.0 * numbers.powi(3)),
            score_nanos_per_row: per_row,
        }
    }
}

/// The channels in parts of at most [`MOST_TOGETHER`].
fn parts_of(n_channels: usize) -> Vec<Range<usize>> {
    even_parts(n_channels, n_channels.div_ceil(MOST_TOGETHER).max(1)).collect()
}

/// The windows of all series: one at each eighth of a window, and at the end of each series; a series that is shorter than
/// a window is one.
fn windows_of(series: &[Range<usize>], window: usize) -> Vec<Range<usize>> {
    let step = (window / STEPS_PER_WINDOW).max(1);
    let of_one = |range: &Range<usize>| -> Vec<Range<usize>> {
        let Some(last) = range.len().checked_sub(window) else {
            return if range.is_empty() { Vec::new() } else { std::iter::once(range.clone()).collect() };
        };
        let starts = (0..last).step_by(step).chain([last]);
        starts.map(|start| range.start + start..range.start + start + window).collect()
    };
    series.iter().flat_map(of_one).collect()
}

impl SignatureMahalanobis {
    /// What was learned, and the windows that are compared with.
    fn learned(
        &self,
        train: Checked<'_>,
        run: &Run,
    ) -> Result<(SignatureMahalanobisModel, Vec<Range<usize>>)> {
        run.check()?;
        let series = series_of(train);
        let of_channel = |column: ndarray::ArrayView1<'_, f32>| -> Vec<Vec<f64>> {
            series.iter().map(|range| range.clone().map(|t| f64::from(column[t])).collect()).collect()
        };
        let columns: Vec<_> = train.values.columns().into_iter().collect();
        let mut lengths: Vec<f64> =
            columns.par_iter().map(|column| window_len(self.window, &of_channel(*column)) as f64).collect();
        let window = median(&mut lengths) as usize;
        let moments: Vec<Moments> =
            columns.iter().map(|column| column.iter().map(|&v| f64::from(v)).collect()).collect();
        let all = windows_of(&series, window);
        let n_kept = all.len().min(MOST_WINDOWS);
        let kept: Vec<Range<usize>> = (0..n_kept).map(|i| all[i * all.len() / n_kept].clone()).collect();
        let fits = |channels: usize, depth: usize| {
            signature_len(channels, depth).is_some_and(|len| len <= MOST_NUMBERS.min(n_kept / 2))
        };
        let depth = |channels: &Range<usize>| {
            let width = channels.len() + usize::from(self.time);
            (2..=self.depth).rev().find(|&depth| fits(width, depth)).unwrap_or(1)
        };
        let unit = |m: &Moments| if m.std_dev() > 0.0 { m.std_dev() } else { 1.0 };
        let paths = Paths {
            window,
            time: self.time,
            base_point: self.base_point,
            means: moments.iter().map(Moments::mean).collect(),
            units: moments.iter().map(unit).collect(),
            depths: parts_of(train.n_values()).iter().map(depth).collect(),
        };
        let learn = |part| VarianceNorm::learned(&paths.signatures(train, &kept, part, run)?, run);
        let parts = (0..paths.depths.len()).map(learn).collect::<Result<_>>()?;
        Ok((SignatureMahalanobisModel { paths, parts }, kept))
    }
}

impl Paths {
    /// A row for each window, of one part of the channels.
    fn signatures(
        &self,
        rows: Checked<'_>,
        windows: &[Range<usize>],
        part: usize,
        run: &Run,
    ) -> Result<Array2<f64>> {
        let channels = parts_of(self.means.len())[part].clone();
        let stage = run.stage("signatures", windows.len() as u64);
        let of = |range: &Range<usize>| {
            run.check()?;
            stage.advance(1);
            let values = rows.values.slice(s![range.clone(), channels.clone()]);
            self.signature(values, channels.start, self.depths[part])
        };
        let all: Vec<Vec<f64>> = windows.par_iter().map(of).collect::<Result<_>>()?;
        let width = signature_len(channels.len() + usize::from(self.time), self.depths[part]).unwrap_or(0);
        Array2::from_shape_vec((windows.len(), width), all.concat())
            .map_err(|e| Error::Data(format!("signatures of windows: {e}")))
    }

    fn signature(&self, values: ArrayView2<'_, f32>, first: usize, depth: usize) -> Result<Vec<f64>> {
        let z = |(t, j): (usize, usize)| {
            let (mean, unit) = (self.means[first + j], self.units[first + j]);
            ((f64::from(values[(t, j)]) - mean) / unit).clamp(-1e12, 1e12)
        };
        let mut path = Array2::from_shape_fn(values.dim(), z);
        if self.time {
            path = with_time(path.view());
        }
        if self.base_point {
            let origin = Array2::zeros((1, path.ncols()));
            path = concatenate(Axis(0), &[origin.view(), path.view()])
                .map_err(|e| Error::Data(format!("paths of windows: {e}")))?;
        }
        signature(path.view(), depth)
    }
}

impl SignatureMahalanobisModel {
    /// Scores of points; where the rows are those of training, the windows that were `kept` of them are not compared with
    /// those that they overlap.
    fn scores(&self, rows: Checked<'_>, kept: Option<&[Range<usize>]>, run: &Run) -> Result<Vec<f32>> {
        let windows = windows_of(&series_of(rows), self.paths.window);
        let mut squares: Vec<Option<f64>> = vec![Some(0.0); windows.len()];
        for (part, norm) in self.parts.iter().enumerate() {
            let signatures = self.paths.signatures(rows, &windows, part, run)?;
            let conformance = |i: usize| {
                run.check()?;
                let is_own = |j: usize| {
                    kept.is_some_and(|kept| kept[j].start < windows[i].end && windows[i].start < kept[j].end)
                };
                Ok(norm.conformance(signatures.row(i).as_slice().unwrap_or_default(), is_own))
            };
            let found: Vec<Option<f64>> =
                (0..windows.len()).into_par_iter().map(conformance).collect::<Result<_>>()?;
            for (sum, own) in squares.iter_mut().zip(found) {
                *sum = sum.zip(own).map(|(sum, own)| sum + own * own);
            }
        }
        let scores: Vec<Option<f64>> = squares.into_iter().map(|sum| sum.map(f64::sqrt)).collect();
        Ok(at_points(&windows, &or_usual(&scores), rows.n_parts()))
    }
}

/// The mean over the windows that hold each point, of which every point has one.
fn at_points(windows: &[Range<usize>], scores: &[f64], n_points: usize) -> Vec<f32> {
    let (mut sums, mut counts) = (vec![0.0; n_points], vec![0_u32; n_points]);
    for (window, score) in windows.iter().zip(scores) {
        for t in window.clone() {
            sums[t] += score;
            counts[t] += 1;
        }
    }
    sums.iter().zip(counts).map(|(sum, count)| (sum / f64::from(count.max(1))) as f32).collect()
}

impl Model for SignatureMahalanobisModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.scores(rows, None, run)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let paths = &self.paths;
        out.put_json("window", &paths.window)?;
        out.put_json("time", &paths.time)?;
        out.put_json("base_point", &paths.base_point)?;
        out.put_json("depths", &paths.depths)?;
        out.put_list("means", &paths.means);
        out.put_list("units", &paths.units);
        for (i, norm) in self.parts.iter().enumerate() {
            out.scope(&format!("part{i}"), |out| {
                norm.save(out);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let d = shape.n_values;
        let paths = Paths {
            window: possible(from.json("window")?)?,
            time: from.json("time")?,
            base_point: from.json("base_point")?,
            means: from.list_of("means", d)?,
            units: from.list_of("units", d)?,
            depths: from.json("depths")?,
        };
        let is_sound = paths.means.iter().all(|v| v.abs() <= 1e150)
            && paths.units.iter().all(|&v| v > 0.0 && v <= 1e150)
            && paths.depths.len() == parts_of(d).len()
            && paths.depths.iter().all(|depth| (1..=DEEPEST).contains(depth));
        if !is_sound {
            return Err(Error::model("the channels of the paths are not possible"));
        }
        let part = |(i, channels): (usize, Range<usize>)| {
            let width = signature_len(channels.len() + usize::from(paths.time), paths.depths[i]);
            let width = width.filter(|&len| len <= MOST_NUMBERS || paths.depths[i] == 1);
            let width = width.ok_or_else(|| Error::model("the depth of a signature is not possible"))?;
            VarianceNorm::load(&from.scope(&format!("part{i}")), width)
        };
        let parts = parts_of(d).into_iter().enumerate().map(part).collect::<Result<_>>()?;
        Ok(Self { paths, parts })
    }
}

#[cfg(test)]
mod tests;
