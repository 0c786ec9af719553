//! How far each channel is from what it usually does, and which come first.
//!
//! Each part of the blame says by how many usual spreads the event exceeds what stretches outside of events show, so
//! that all parts, and all channels, are in one unit:
//!
//! - level: the most deviating tenth of the event's points, in usual errors of the forecast;
//! - shape: the distance to the nearest usual stretch;
//! - texture: the size of steps and the width of swings;
//! - missing: a channel that is away altogether counts as [`MISSING_WEIGHT`] spreads.
//!
//! The first [`FREE`] spreads of each part are chance and count nothing; the root of the sum of squares of what is
//! left is the channel's blame. Among channels of like blame the one that left its band first is the likelier
//! cause: the first to leave has its blame raised by [`FIRST_BONUS`], the second by a quarter of that, the third by
//! a ninth. A channel has left its band where two points in a row lie [`LEFT`] usual errors off, or one lies
//! [`FAR`] off.

use std::ops::Range;

use anomalyst_core::{Result, Run};
use anomalyst_kernels::stats::median_and_mad;
use rayon::prelude::*;

use super::channel::{Channel, Scene, center_and_spread};
use super::expected::{Band, Expected};
use super::forecast::{Rule, excess};
use super::stretch::{TextureChange, above, shape_distance};

/// Channels that are looked at in depth.
pub(super) const MOST_CHANNELS: usize = 50;
/// Stretches that the shape is compared with, by one channel and by all channels together.
const COMPARED: usize = 2_000;
const COMPARED_IN_ALL: usize = 10_000;
/// Values that are compared per channel, stretches x points.
const MOST_VALUES: usize = 400_000;
/// Spreads that a channel without any value in the event counts as.
const MISSING_WEIGHT: f64 = 20.0;
/// Spreads that chance explains.
const FREE: f64 = 2.0;
/// Spreads above which a part counts as left, not as chance.
pub(super) const LIMIT: f64 = 4.0;
/// More spreads than this are all the same.
const MOST: f64 = 1e6;
/// How much the blame of the channel that left its band first is raised.
const FIRST_BONUS: f64 = 0.5;
/// Usual errors off at which two points in a row, or one, have left the band: among some hundred points of noise one
/// is as far off as the first.
pub(super) const LEFT: f64 = 3.0;
const FAR: f64 = 5.0;
/// Channels that are screened in one piece, so that rows are read along.
const BLOCK: usize = 64;
/// Points of the past and of the event that the screening looks at.
const SCREEN_PAST: usize = 512;
const SCREEN_EVENT: usize = 256;

/// What was found about one channel.
pub(super) struct Suspect {
    pub(super) channel: Channel,
    pub(super) expected: Option<Expected>,
    /// One per point of the event; empty where nothing is expected.
    pub(super) bands: Vec<Band>,
    /// By how many usual errors each point of the event is off; `NaN` where missing.
    pub(super) deviations: Vec<f64>,
    pub(super) level: f64,
    pub(super) shape: f64,
    pub(super) texture: TextureChange,
    /// Share of the event's points that are missing above the usual share.
    pub(super) missing: f64,
    /// The point of the event, from its start, at which the band was left first.
    pub(super) onset: Option<usize>,
    pub(super) blame: f64,
}

/// How a channel went in the event, beside what was expected.
struct Course {
    channel: Channel,
    expected: Option<Expected>,
    bands: Vec<Band>,
    deviations: Vec<f64>,
    level: f64,
    missing: f64,
    onset: Option<usize>,
}

impl Course {
    fn new(scene: &Scene<'_>, index: usize) -> Self {
        let channel = Channel::new(scene, index);
        let expected = Expected::learn(scene, &channel);
        let event = scene.event.clone();
        let (mut bands, mut deviations, mut level) = (Vec::new(), Vec::new(), 0.0);
        if let Some(expected) = &expected {
            bands = expected.bands(event.clone());
            deviations = expected.deviations(&channel, event.clone());
            let there = deviations.iter().copied().filter(|d| d.is_finite()).collect();
            level = level_part(excess(there), expected.forecast.usual_excess.clone());
        }
        let gone = |point: usize| channel.z[point].is_nan();
        let missing = (share(event.clone(), gone) - share_quiet(scene, gone)).max(0.0);
        let onset = departure(&deviations)
            .or_else(|| (missing > 0.0).then(|| event.clone().position(gone)).flatten());
        Self { channel, expected, bands, deviations, level, missing, onset }
    }
}

/// For each of `channels` the first point of the event, from its start, at which it left its band; `None` where it is
/// missing no more than usual and no further off than chance explains.
pub(super) fn onsets(scene: &Scene<'_>, channels: &[usize], run: &Run) -> Result<Vec<Option<usize>>> {
    let onset = |&index: &usize| {
        run.check()?;
        let course = Course::new(scene, index);
        Ok(course.onset.filter(|_| course.level > FREE || course.missing > 0.0))
    };
    run.install(|| channels.par_iter().map(onset).collect())
}

impl Suspect {
    fn new(scene: &Scene<'_>, index: usize, compared: usize) -> Result<Self> {
        let Course { channel, expected, bands, deviations, level, missing, onset } =
            Course::new(scene, index);
        let wanders = expected.as_ref().is_some_and(|expected| expected.forecast.rule == Rule::Last);
        let texture = TextureChange::of(scene, &channel, wanders)?;
        let compared = compared.min((MOST_VALUES / scene.event.len()).max(100));
        let shape = shape_distance(scene, &channel, compared).min(MOST);
        let parts = [level, shape, texture.motion.spreads, texture.swing.spreads, missing * MISSING_WEIGHT];
        let excesses = parts.map(|part| (part.min(MOST) - FREE).max(0.0));
        let blame = excesses.iter().map(|e| e * e).sum::<f64>().sqrt();
        Ok(Self { channel, expected, bands, deviations, level, shape, texture, missing, onset, blame })
    }

    /// Whether it left its band by itself.
    pub(super) fn has_left(&self) -> bool {
        self.level >= LIMIT || self.missing > 0.1
    }

    /// How unlike its course is to what it usually does, apart from the level, in usual spreads.
    pub(super) fn strangeness(&self) -> f64 {
        let TextureChange { motion, swing, speed, haste } = self.texture;
        [motion, swing, speed, haste].iter().map(|unlike| unlike.spreads).fold(self.shape, f64::max)
    }

    /// Whether the steps are what repeats, not the values.
    pub(super) fn wanders(&self) -> bool {
        self.expected.as_ref().is_some_and(|expected| expected.forecast.rule == Rule::Last)
    }
}

/// The first place at which a band was left, given by how many usual errors each point is off.
pub(super) fn departure(off: &[f64]) -> Option<usize> {
    let size = |i: usize| off.get(i).map_or(0.0, |d| d.abs());
    (0..off.len()).find(|&i| size(i) > FAR || size(i) > LEFT && size(i + 1) > LEFT)
}

/// Excess over what trials had; where there were too few, over what a normal has: 2 errors, give or take a half.
fn level_part(value: f64, usual: Vec<f64>) -> f64 {
    if usual.len() >= super::stretch::FEWEST {
        above(value, usual).min(MOST)
    } else {
        ((value - 2.0) / 0.5).clamp(0.0, MOST)
    }
}

fn share(points: Range<usize>, is: impl Fn(usize) -> bool) -> f64 {
    let n = points.len().max(1) as f64;
    points.filter(|&point| is(point)).count() as f64 / n
}

fn share_quiet(scene: &Scene<'_>, is: impl Fn(usize) -> bool) -> f64 {
    let quiet = || (0..scene.n_points()).filter(|&point| scene.quiet[point]);
    let n = quiet().count();
    if n == 0 { 0.0 } else { quiet().filter(|&point| is(point)).count() as f64 / n as f64 }
}

/// The channels that are looked at, most to blame first; at most 50 of them.
pub(super) fn suspects(scene: &Scene<'_>, run: &Run) -> Result<Vec<Suspect>> {
    let n_channels = scene.series.values.ncols();
    let chosen = if n_channels > MOST_CHANNELS { screened(scene, run)? } else { (0..n_channels).collect() };
    let compared = COMPARED.min(COMPARED_IN_ALL / chosen.len().max(1));
    let mut suspects = run.install(|| {
        let suspect = |&index: &usize| {
            run.check()?;
            Suspect::new(scene, index, compared)
        };
        chosen.par_iter().map(suspect).collect::<Result<Vec<_>>>()
    })?;
    favour_the_first(&mut suspects);
    suspects.sort_by(|a, b| b.blame.total_cmp(&a.blame).then(a.channel.index.cmp(&b.channel.index)));
    Ok(suspects)
}

/// Raises the blame of those that left their band earlier than others that did.
fn favour_the_first(suspects: &mut [Suspect]) {
    let mut onsets: Vec<usize> =
        suspects.iter().filter(|s| s.blame > 0.0).filter_map(|suspect| suspect.onset).collect();
    onsets.sort_unstable();
    onsets.dedup();
    for suspect in suspects {
        if let Some(rank) = suspect.onset.and_then(|onset| onsets.binary_search(&onset).ok()) {
            suspect.blame *= 1.0 + FIRST_BONUS / ((rank + 1) * (rank + 1)) as f64;
        }
    }
}

/// The channels that deviate most at a first glance, in their order.
fn screened(scene: &Scene<'_>, run: &Run) -> Result<Vec<usize>> {
    let event = &scene.event;
    let quiet = |points: Range<usize>| points.filter(|&point| scene.quiet[point]);
    let mut past: Vec<usize> = quiet(0..event.start).rev().take(SCREEN_PAST).collect();
    if past.len() < SCREEN_PAST {
        past.extend(quiet(event.end..scene.n_points()).take(SCREEN_PAST - past.len()));
    }
    past.sort_unstable();
    let half = SCREEN_EVENT / 2;
    let now = scene.peak.saturating_sub(half).max(event.start)..(scene.peak + half).min(event.end);
    let n_channels = scene.series.values.ncols();
    let blocks: Vec<usize> = (0..n_channels).step_by(BLOCK).collect();
    let glances = run.install(|| {
        let block = |&from: &usize| {
            run.check()?;
            let channels = from..(from + BLOCK).min(n_channels);
            let read = |points: &mut dyn Iterator<Item = usize>| {
                let mut columns = vec![Vec::new(); channels.len()];
                for point in points {
                    for (column, channel) in columns.iter_mut().zip(channels.clone()) {
                        column.push(scene.raw(channel, point));
                    }
                }
                columns
            };
            let before = read(&mut past.iter().copied());
            let during = read(&mut now.clone());
            Ok(before.iter().zip(&during).map(|(before, during)| glance(before, during)).collect::<Vec<_>>())
        };
        blocks.par_iter().map(block).collect::<Result<Vec<_>>>()
    })?;
    let glances: Vec<f64> = glances.into_iter().flatten().collect();
    let mut order: Vec<usize> = (0..n_channels).collect();
    order.sort_by(|&a, &b| glances[b].total_cmp(&glances[a]).then(a.cmp(&b)));
    order.truncate(MOST_CHANNELS);
    order.sort_unstable();
    Ok(order)
}

/// How odd a channel looks at a first glance: its level, its steps, its missing values.
fn glance(before: &[f64], during: &[f64]) -> f64 {
    let there = |values: &[f64]| values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<f64>>();
    let (known, now) = (there(before), there(during));
    let gone = |all: &[f64], there: &[f64]| 1.0 - there.len() as f64 / all.len().max(1) as f64;
    let missing = (gone(during, &now) - gone(before, &known)).max(0.0) * MISSING_WEIGHT;
    let (center, spread) = center_and_spread(&known);
    let scaled =
        |values: &[f64]| -> Vec<f64> { values.iter().map(|v| v / spread - center / spread).collect() };
    let level = if known.is_empty() { 0.0 } else { excess(scaled(&now)) };
    let motion = |values: Vec<f64>| {
        let mut steps: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).filter(|s| s.is_finite()).collect();
        (steps.len() >= 6).then(|| median_and_mad(&mut steps).1.max(1e-3).ln())
    };
    let texture = match (motion(scaled(before)), motion(scaled(during))) {
        (Some(usual), Some(now)) => (now - usual).abs() * 5.0,
        _ => 0.0,
    };
    level.max(missing).max(texture).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_sees_level_steps_and_gaps() {
        let usual: Vec<f64> = (0..100).map(|i| f64::from(i * i * 37 % 101)).collect();
        let calm = glance(&usual, &usual[..40]);
        assert!(calm < 3.0, "{calm}");
        assert!(glance(&usual, &[1000.0; 10]) > 10.0);
        assert!(glance(&usual, &[50.0; 40]) > 10.0, "stuck");
        assert!(glance(&usual, &[f64::NAN; 10]) > 10.0);
        assert!(glance(&[f64::NAN; 9], &[f64::NAN; 9]) == 0.0);
        assert!(glance(&[1e300; 9], &[-1e300; 9]).is_finite());
    }
}
