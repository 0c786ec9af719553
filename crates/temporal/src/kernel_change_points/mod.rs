//! Change points of the distribution, by a kernel: level, spread, shape, or how channels go together.
//!
//! # Idea
//! Points of all channels are looked at in the space of a kernel, in which two distributions that differ in anything differ
//! in their mean. The series is cut into segments with a mean of their own there, in the best way when every cut costs
//! something. A cut is odd as far as the segments beside it differ; everywhere else a point is as odd as a cut there would
//! be worth within a window.
//!
//! # Equations
//! `k(x, y) = exp(-|x - y|^2 / (bandwidth^2 m))` with channels in deviations and `m` the median of `|x - y|^2` over pairs of
//! points of training. A segment of `l` points costs `C = l - (1 / l) sum_ij k(x_i, x_j)`. Cuts `t_1 < .. < t_p` minimise
//! `sum C(x_(t_k) .. x_(t_(k+1) - 1)) + 2 penalty u^2 p ln n`, with `n` the points of the series. The gain of a cut is
//! `g_k = C(t_(k-1)..t_(k+1)) - C(t_(k-1)..t_k) - C(t_k..t_(k+1))`, that of a point `G_t` the same with `h` points to each
//! side of it, `h` the `window`. Score `max(G_t, max over k of g_k (1 - |t - t_k| / (h + 1))) / u^2`.
//! `u^2 = v (1 + r) / (2 (1 - r)^2)` with `v = 2 - 2 k_1` and `r = 1 - (1 + k_2 - 2 k_1) / (1 - k_1)`, within 0 and 0.9, for
//! `k_i` the mean of `k(x_t, x_(t+i))` in training: the long-run variance in the kernel's space, of neighbours correlated by
//! `r`, which shifts do not change.
//!
//! # Score
//! A gain in cost, 0 and up. A cut stands at the first point of the later segment. A series of fewer than 2 points scores
//! 0. The share of a channel is the score that the same cuts have by that channel alone, with a kernel of its own: of a
//! change that is only in how channels go together no channel has a share.
//!
//! # Complexity
//! Between O(n window) and O(2048 n) kernels of `d` channels each: where there are no changes, all earlier points of a
//! block stay possible cuts. Memory O(n d). Only scales are learned; each series is cut anew.
//!
//! # Use when / Avoid when
//! For regimes that differ in more than a level: noise that changes its size or form, channels that go apart. Avoid on
//! series with seasons shorter than segments are worth, where each half of a season is one, and for spikes.
//!
//! # Differences
//! Kernels are exact and no matrix of them is held. Random features would make costs differences of sums, too, but wrong by
//! about the root of one over their number, and a cost would take as many steps as there are features, where an exact one
//! takes a kernel. Series of more than 2,048 points are cut in blocks of equal size instead, whose borders stay cuts only
//! if they gain more than the penalty against the segments beside them, and a gain looks 2,048 points to each side: the time
//! stays linear. The penalty is that of the Bayesian information criterion for the variance in the kernel's space, not the
//! slope heuristic of Arlot et al. ruptures takes distances below a tenth of the bandwidth as a tenth; here they are what
//! they are. Of training of more than 500 points, as many at random places give the median.
//!
//! # Degenerate input
//! A channel's deviation is 1.4826 times its median absolute deviation, where that is 0 its standard deviation, where that
//! is 0 it counts nothing. Points are at most 10,000 deviations from the median. `u^2` is at least a millionth.
//!
//! # References
//! Harchaoui, Cappé 2007, Retrospective multiple change-point estimation with kernels, SSP. doi:10.1109/SSP.2007.4301363.
//! Arlot, Celisse, Harchaoui 2019, A kernel multiple change-point algorithm via model selection, JMLR 20(162).
//! Pruning: Killick, Fearnhead, Eckley 2012, JASA 107(500). doi:10.1080/01621459.2012.737745.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::KernelChangePoints;
//! // Two channels that agree until point 170, and have the same levels and sizes ever after.
//! let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 101.0;
//! let value = |(i, j): (usize, usize)| if j == 1 && i >= 170 { 1.0 - bit(i) } else { bit(i) };
//! let values = ndarray::Array2::from_shape_fn((300, 2), value);
//! let series = Features { layout: Layout::Sequences { ends: vec![300] }, ..Features::rows(values) };
//! let (_, scores) = KernelChangePoints::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..300).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!(highest.abs_diff(170) <= 2);
//! ```

use std::ops::Range;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::change_points::pelt;
use anomalyst_kernels::draw::uniform;
use anomalyst_kernels::kernel_matrix::PackedRows;
use anomalyst_kernels::kernel_segments::{KernelSegments, mean_kernel};
use anomalyst_kernels::stats::{MAD_TO_SIGMA, Moments, median, median_and_mad};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::shapes::window_len;

use crate::parts::series_of;

#[cfg(test)]
mod tests;

/// Points that are cut together, and that a gain looks to each side.
const BLOCK: usize = 2048;
/// Points farther from the median, in deviations, count as this far.
const FARTHEST: f64 = 1e4;
/// Points whose pairs give the median distance.
const MOST_FOR_MEDIAN: usize = 500;
/// The strongest correlation of neighbours that the unit allows for.
const STRONGEST: f64 = 0.9;
/// The least `u^2`.
const LEAST_UNIT: f64 = 1e-6;
/// Points of the longest window.
const LONGEST: usize = 10_000;

/// How alike points are, what a change costs, and how far it is felt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KernelChangePoints {
    /// What a cut costs, in multiples of the Bayesian information criterion's.
    #[schemars(range(min = 0.001, max = 10_000.0))]
    pub penalty: f64,
    /// Width of the kernel, in medians of the distance of two points: wider ones see levels, narrower ones forms.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub bandwidth: f64,
    /// Points of the shortest segment.
    #[schemars(range(min = 1, max = 1000))]
    pub min_segment: usize,
    /// Points to each side of a cut over which its score decays. Left out, the period of the longest training series; of
    /// several channels the median.
    #[schemars(range(min = 1, max = 10_000))]
    pub window: Option<usize>,
}

impl Default for KernelChangePoints {
    fn default() -> Self {
        Self { penalty: 1.0, bandwidth: 1.0, min_segment: 2, window: None }
    }
}

impl Params for KernelChangePoints {}

/// How points are measured.
pub struct KernelChangePointsModel {
    settings: Settings,
    centers: Vec<f64>,
    /// Deviations; 0 of channels that count nothing.
    units: Vec<f64>,
    together: Scale,
    /// Of each channel alone.
    alone: Vec<Scale>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Settings {
    penalty: f64,
    min_segment: usize,
    window: usize,
}

/// The width of a kernel, and the long-run variance in its space.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Scale {
    gamma: f64,
    unit: f64,
}

impl Detector for KernelChangePoints {
    const CARD: Card = Card {
        id: "kernel_change_points",
        title: "Change points of the distribution (kernel)",
        summary: "Points at which the distribution of all channels together changes.",
        paper: "Arlot, Celisse, Harchaoui 2019, JMLR 20(162)",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = KernelChangePointsModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        run.check()?;
        Ok(self.learned(train.values.view(), &series_of(train), run))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = shape.n_parts as f64;
        let window = self.window.unwrap_or(125) as f64;
        let kernel = 3.0 + 0.5 * shape.n_values as f64;
        // All earlier points of a block are looked at where nothing changes.
        let per_point = 100.0 + kernel * (n.min(BLOCK as f64) / 2.0 + 4.0 * window.min(n));
        Estimate {
            bytes: 60 * (shape.n_parts * (shape.n_values + 1)) as u64,
            fit_nanos: n * (1000.0 + 40.0 * shape.n_values as f64) + 1.5e6 * (shape.n_values + 1) as f64,
            score_nanos_per_row: per_point,
        }
    }
}

/// The median of a channel and its deviation.
fn measures(mut column: Vec<f64>) -> (f64, f64) {
    let moments: Moments = column.iter().copied().collect();
    let (center, deviation) = median_and_mad(&mut column);
    let unit = if deviation > 0.0 { MAD_TO_SIGMA * deviation } else { moments.std_dev() };
    (center, unit)
}

impl KernelChangePoints {
    fn learned(
        &self,
        values: ArrayView2<'_, f32>,
        series: &[Range<usize>],
        run: &Run,
    ) -> KernelChangePointsModel {
        let columns: Vec<Vec<f64>> =
            values.columns().into_iter().map(|c| c.iter().map(|&v| f64::from(v)).collect()).collect();
        let len = |column: &Vec<f64>| {
            let parts: Vec<Vec<f64>> = series.iter().map(|range| column[range.clone()].to_vec()).collect();
            window_len(None, &parts) as f64
        };
        let window = match self.window {
            Some(window) => window,
            None => median(&mut columns.par_iter().map(len).collect::<Vec<_>>()) as usize,
        };
        let (centers, units) = columns.into_par_iter().map(measures).unzip();
        let scale = Scale { gamma: 1.0, unit: 1.0 };
        let mut model = KernelChangePointsModel {
            settings: Settings {
                penalty: self.penalty,
                min_segment: self.min_segment,
                window: window.clamp(1, LONGEST),
            },
            alone: vec![scale; values.ncols()],
            together: scale,
            centers,
            units,
        };
        let rows = model.measured(values);
        model.together = self.scale(rows.view(), series, run);
        let of_channel = |channel: usize| self.scale(rows.slice(s![.., channel..=channel]), series, run);
        model.alone = (0..values.ncols()).into_par_iter().map(of_channel).collect();
        model
    }

    fn scale(&self, rows: ArrayView2<'_, f32>, series: &[Range<usize>], run: &Run) -> Scale {
        let (n, mut random) = (rows.nrows(), run.random(0));
        // One point of each of so many stretches: equal steps could meet a season always at the same place.
        let n_taken = n.min(MOST_FOR_MEDIAN);
        let place = |i: usize, shift: f64| ((i as f64 + shift) * n as f64 / n_taken as f64) as usize;
        let taken: Vec<usize> = match n_taken < n {
            true => (0..n_taken).map(|i| place(i, uniform(&mut random)).min(n - 1)).collect(),
            false => (0..n).collect(),
        };
        let square = |i: usize, j: usize| {
            let pairs = rows.row(i).into_iter().zip(rows.row(j));
            pairs.map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>()
        };
        let later = |(place, &i): (usize, &usize)| {
            taken[place + 1..].iter().map(|&j| square(i, j)).collect::<Vec<_>>()
        };
        let mut squares: Vec<f64> = taken.par_iter().enumerate().flat_map_iter(later).collect();
        let mean = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
        let usual = if squares.is_empty() { 0.0 } else { median(&mut squares) };
        let usual = if usual > 0.0 { usual } else { mean };
        let gamma = if usual > 0.0 { 1.0 / (self.bandwidth * self.bandwidth * usual) } else { 1.0 };
        // The mean of kernels of neighbours, each series with the weight of its pairs.
        let mean_of = |lag: usize| {
            let of = |range: &Range<usize>| {
                let weight = range.len().saturating_sub(lag) as f64;
                let packed = PackedRows::new(rows.slice(s![range.clone(), ..]));
                (weight, weight * mean_kernel(&packed, gamma, lag))
            };
            let (weight, sum) = series.iter().map(of).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            if weight > 0.0 { sum / weight } else { 1.0 }
        };
        Scale { gamma, unit: long_run_variance(mean_of(1), mean_of(2)) }
    }
}

/// `u^2` from the mean kernels of neighbours and of points two apart.
fn long_run_variance(k1: f64, k2: f64) -> f64 {
    let square = 2.0 - 2.0 * k1;
    let product = 2.0 * k1 - 1.0 - k2;
    let r = (1.0 + 2.0 * product / square.max(f64::MIN_POSITIVE)).clamp(0.0, STRONGEST);
    (square * (1.0 + r) / (2.0 * (1.0 - r).powi(2))).max(LEAST_UNIT)
}

impl Scale {
    fn is_sound(self) -> bool {
        self.gamma > 0.0 && self.gamma <= 1e150 && (LEAST_UNIT..=1e6).contains(&self.unit)
    }
}

impl KernelChangePointsModel {
    /// Points in deviations from the median.
    fn measured(&self, values: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut rows = Array2::zeros(values.dim());
        let channels = values.axis_iter(Axis(1)).zip(self.centers.iter().zip(&self.units));
        for (mut out, (column, (&center, &unit))) in rows.axis_iter_mut(Axis(1)).zip(channels) {
            if unit > 0.0 {
                let z = |x: &f32| ((f64::from(*x) - center) / unit).clamp(-FARTHEST, FARTHEST) as f32;
                out.zip_mut_with(&column, |out, x| *out = z(x));
            }
        }
        rows
    }

    /// Where a series is cut, with the segments beside each cut as far as its gain looks.
    fn cuts(&self, segments: &KernelSegments, run: &Run) -> Result<Vec<[usize; 3]>> {
        let n = segments.len();
        let penalty = 2.0 * self.settings.penalty * self.together.unit * (n.max(2) as f64).ln();
        let n_blocks = n.div_ceil(BLOCK);
        let range = |block: usize| block * n / n_blocks..(block + 1) * n / n_blocks;
        let of_block = |block: usize| {
            let (range, min) = (range(block), self.settings.min_segment);
            pelt(segments.growing(range.clone()), range, min, penalty, run)
        };
        let cuts: Vec<Vec<usize>> = (0..n_blocks).into_par_iter().map(of_block).collect::<Result<_>>()?;
        let stays = |block: usize| {
            let (before, after) = (range(block - 1), range(block));
            let from = cuts[block - 1].last().copied().unwrap_or(before.start);
            let to = cuts[block].first().copied().unwrap_or(after.end);
            Ok(segments.gain(from, after.start, to, run)? > penalty)
        };
        let stay: Vec<bool> = (1..n_blocks).into_par_iter().map(stays).collect::<Result<_>>()?;
        let mut edges = vec![0];
        for (block, cuts) in cuts.iter().enumerate() {
            if block > 0 && stay[block - 1] {
                edges.push(range(block).start);
            }
            edges.extend(cuts);
        }
        edges.push(n);
        let near = |e: &[usize]| [e[0].max(e[1].saturating_sub(BLOCK)), e[1], e[2].min(e[1] + BLOCK)];
        Ok(edges.windows(3).map(near).collect())
    }

    /// The score of each point by `segments`, with cuts that are known.
    fn by(&self, segments: &KernelSegments, cuts: &[[usize; 3]], unit: f64, run: &Run) -> Result<Vec<f64>> {
        let h = self.settings.window;
        let mut scores = segments.local_gains(h, run)?;
        let gains: Vec<f64> =
            cuts.par_iter().map(|&[from, at, to]| segments.gain(from, at, to, run)).collect::<Result<_>>()?;
        for (&[_, at, _], gain) in cuts.iter().zip(gains) {
            for (t, score) in scores.iter_mut().enumerate().take(at + h + 1).skip(at.saturating_sub(h)) {
                *score = score.max(gain * (1.0 - t.abs_diff(at) as f64 / (h + 1) as f64));
            }
        }
        scores.iter_mut().for_each(|score| *score /= unit);
        Ok(scores)
    }

    /// What `of` says of each series, whose points it is given with their segments and cuts, one after the other.
    fn each<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        of: impl Fn(ArrayView2<'_, f32>, &KernelSegments, &[[usize; 3]]) -> Result<Vec<T>> + Sync,
    ) -> Result<Vec<T>> {
        let series = series_of(rows);
        let stage = run.stage("cutting series", series.len() as u64);
        let one = |range: &Range<usize>| {
            run.check()?;
            let points = self.measured(rows.values.slice(s![range.clone(), ..]));
            let segments = KernelSegments::new(PackedRows::new(points.view()), self.together.gamma);
            let cuts = self.cuts(&segments, run)?;
            stage.advance(1);
            of(points.view(), &segments, &cuts)
        };
        let all: Vec<Vec<T>> = series.par_iter().map(one).collect::<Result<_>>()?;
        Ok(all.into_iter().flatten().collect())
    }
}

impl Model for KernelChangePointsModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let scores =
            self.each(rows, run, |_, segments, cuts| self.by(segments, cuts, self.together.unit, run));
        Ok(scores?.into_iter().map(|score| score as f32).collect())
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("settings", &self.settings)?;
        out.put_json("together", &self.together)?;
        out.put_list("centers", &self.centers);
        out.put_list("units", &self.units);
        out.put_list("gammas", &self.alone.iter().map(|scale| scale.gamma).collect::<Vec<_>>());
        out.put_list("variances", &self.alone.iter().map(|scale| scale.unit).collect::<Vec<_>>());
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let d = shape.n_values;
        let (gammas, variances): (Vec<f64>, Vec<f64>) =
            (from.list_of("gammas", d)?, from.list_of("variances", d)?);
        let model = Self {
            settings: from.json("settings")?,
            together: from.json("together")?,
            centers: from.list_of("centers", d)?,
            units: from.list_of("units", d)?,
            alone: gammas.into_iter().zip(variances).map(|(gamma, unit)| Scale { gamma, unit }).collect(),
        };
        let settings = &model.settings;
        let is_sound = settings.penalty.is_finite()
            && settings.penalty >= 0.0
            && (1..=1000).contains(&settings.min_segment)
            && (1..=LONGEST).contains(&settings.window)
            && model.together.is_sound()
            && model.alone.iter().all(|scale| scale.is_sound())
            && model.centers.iter().all(|v| v.abs() <= 1e150)
            && model.units.iter().all(|&v| (0.0..=1e150).contains(&v));
        if !is_sound {
            return Err(Error::model("what was learned of the changes of the channels is not possible"));
        }
        Ok(model)
    }
}

impl Attribute for KernelChangePointsModel {
    /// The scores that the same cuts have by each channel alone.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let shares = self.each(rows, run, |points, _, cuts| {
            let of_channel = |(channel, scale): (usize, &Scale)| {
                let own = PackedRows::new(points.slice(s![.., channel..=channel]));
                self.by(&KernelSegments::new(own, scale.gamma), cuts, scale.unit, run)
            };
            let by_channel: Vec<Vec<f64>> =
                self.alone.par_iter().enumerate().map(of_channel).collect::<Result<_>>()?;
            let of_point = |t: usize| by_channel.iter().map(|scores| scores[t] as f32).collect::<Vec<f32>>();
            Ok((0..points.nrows()).map(of_point).collect())
        })?;
        let values = Array2::from_shape_fn((rows.n_parts(), rows.n_values()), |(t, j)| shares[t][j]);
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
