//! All channels of a series at once: how far each stretch of each channel is from what is usual there.
//!
//! # Idea
//! A series is cut into stretches of equal length. What a channel does in one is its lowest value, its highest value and
//! the mean size of its steps; each is compared with the same of those stretches that touch no event. The cell of a
//! channel and a stretch is the largest of the three distances.
//!
//! # Score
//! Usual spreads from what is usual, at least 0. Where a channel is restless by itself, its cells are scaled so that at
//! most one in twenty of its stretches outside of events is above [`USUAL`].

use std::ops::Range;

use anomalyst_core::{Error, Result, Run, Series};
use anomalyst_kernels::stats::quantile;
use rayon::prelude::*;

use super::channel::center_and_spread;

/// Stretches of a series at most.
const STRETCHES: usize = 120;
/// Points that a stretch needs for steps to have a size.
const SHORTEST: usize = 4;
/// Channels that are returned at most: those that are furthest off in events.
const MOST_CHANNELS: usize = 40;
/// Quiet stretches that are enough to say what is usual; with fewer, all stretches are asked.
const ENOUGH: usize = 8;
/// Cells up to this many spreads are usual.
const USUAL: f64 = 3.0;
/// Share of a channel's quiet cells that are usual at least.
const SHARE_USUAL: f64 = 0.95;
/// A spread is at least this share of the channel's own: what is finer is not worth a colour.
const LEAST_SPREAD: f64 = 0.1;
/// Values beyond are drawn as far: their differences stay finite.
const FARTHEST: f64 = 1e300;
/// More spreads than this are all the same.
const MOST: f64 = 1e6;

/// How far each stretch of each channel is off.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Columns of the channels in the series, ascending.
    pub channels: Vec<usize>,
    /// The first point of each stretch, in the series.
    pub starts: Vec<usize>,
    /// For each of `channels` one value per stretch, in usual spreads; `NaN` where all is missing.
    pub cells: Vec<Vec<f32>>,
}

/// What a channel does in a stretch; `NaN` where it is missing.
#[derive(Clone, Copy)]
struct Doing {
    low: f64,
    high: f64,
    motion: f64,
}

/// How far the stretches of the series at `range` are from what is usual outside of `events`.
///
/// At most 120 stretches and 40 channels; of more channels those that are furthest off where events are. One pass over
/// the points, and memory of channels x stretches.
///
/// # Errors
/// Where `range` is empty or reaches beyond the series, and where `run` is stopped.
pub fn heat(series: &Series, range: &Range<usize>, events: &[Range<usize>], run: &Run) -> Result<Heat> {
    if range.is_empty() || range.end > series.n_points() {
        return Err(Error::Data(format!("no points {range:?} in a series of {}", series.n_points())));
    }
    let n = range.len();
    let n_stretches = (n / SHORTEST).clamp(1, STRETCHES);
    let stretch = |i: usize| range.start + i * n / n_stretches..range.start + (i + 1) * n / n_stretches;
    let stretches: Vec<Range<usize>> = (0..n_stretches).map(stretch).collect();
    let quiet: Vec<bool> = stretches
        .iter()
        .map(|stretch| !events.iter().any(|e| e.start < stretch.end && e.end > stretch.start))
        .collect();
    let cells = run.install(|| -> Result<Vec<Vec<f32>>> {
        let doing = |stretch: &Range<usize>| run.check().map(|()| doings(series, stretch));
        let doings = stretches.par_iter().map(doing).collect::<Result<Vec<Vec<Doing>>>>()?;
        let cells = |channel: usize| {
            let of: Vec<Doing> = doings.iter().map(|of| of[channel]).collect();
            cells(&of, &quiet)
        };
        Ok((0..series.values.ncols()).into_par_iter().map(cells).collect())
    })?;
    let hottest = |of: &[f32]| {
        let hot = |in_events: bool| {
            let inside = of.iter().zip(&quiet).filter(|(v, quiet)| **quiet != in_events && v.is_finite());
            inside.fold(0.0_f32, |most, (v, _)| most.max(*v))
        };
        (hot(true), hot(false))
    };
    let mut order: Vec<((f32, f32), usize)> =
        cells.iter().enumerate().map(|(channel, of)| (hottest(of), channel)).collect();
    order.sort_by(|(a, i), (b, j)| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(i.cmp(j)));
    order.truncate(MOST_CHANNELS);
    let mut channels: Vec<usize> = order.into_iter().map(|(_, channel)| channel).collect();
    channels.sort_unstable();
    Ok(Heat {
        cells: channels.iter().map(|&channel| cells[channel].clone()).collect(),
        starts: stretches.iter().map(|stretch| stretch.start).collect(),
        channels,
    })
}

/// What every channel does in a stretch; rows are read along, because they lie together.
fn doings(series: &Series, stretch: &Range<usize>) -> Vec<Doing> {
    let nothing = Doing { low: f64::NAN, high: f64::NAN, motion: 0.0 };
    let mut doings = vec![nothing; series.values.ncols()];
    let mut before = vec![f64::NAN; series.values.ncols()];
    let mut n_steps = vec![0.0_f64; series.values.ncols()];
    for point in stretch.clone() {
        for (channel, &value) in series.values.row(point).iter().enumerate() {
            if !value.is_finite() {
                continue;
            }
            let value = value.clamp(-FARTHEST, FARTHEST);
            let doing = &mut doings[channel];
            (doing.low, doing.high) = (doing.low.min(value), doing.high.max(value));
            let step = (value - before[channel]).abs();
            if step.is_finite() {
                n_steps[channel] += 1.0;
                // The mean as it grows, because a sum of the largest steps would overflow.
                doing.motion += (step - doing.motion) / n_steps[channel];
            }
            before[channel] = value;
        }
    }
    doings
}

/// One value per stretch of a channel.
fn cells(doings: &[Doing], quiet: &[bool]) -> Vec<f32> {
    let is_there = |i: usize| doings[i].low.is_finite();
    let there: Vec<usize> = (0..doings.len()).filter(|&i| is_there(i)).collect();
    let mut usual: Vec<usize> = there.iter().copied().filter(|&i| quiet[i]).collect();
    if usual.len() < ENOUGH {
        usual.clone_from(&there);
    }
    let of = |measure: &dyn Fn(&Doing) -> f64| -> Vec<f64> {
        usual.iter().map(|&i| measure(&doings[i])).collect()
    };
    // How wide the channel usually is.
    let (_, own) = center_and_spread(&[of(&|d| d.low), of(&|d| d.high)].concat());
    let measures: [&dyn Fn(&Doing) -> f64; 3] =
        [&|d| d.low / own, &|d| d.high / own, &|d| (d.motion / own + LEAST_SPREAD).ln()];
    let usuals = measures.map(|measure| {
        let (center, spread) = center_and_spread(&of(measure));
        (center, spread.max(LEAST_SPREAD))
    });
    let distance = |i: usize| {
        let away = measures.iter().zip(usuals);
        away.map(|(measure, (center, spread))| (measure(&doings[i]) - center).abs() / spread)
            .fold(0.0, f64::max)
    };
    let mut known: Vec<f64> = usual.iter().map(|&i| distance(i)).collect();
    let restless = if known.is_empty() { 1.0 } else { quantile(&mut known, SHARE_USUAL) / USUAL };
    (0..doings.len())
        .map(|i| if is_there(i) { (distance(i) / restless.max(1.0)).min(MOST) as f32 } else { f32::NAN })
        .collect()
}
