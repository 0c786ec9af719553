//! What an event looks like in one channel.
//!
//! The rules are asked in this order, and the first that holds gives the kind:
//!
//! 1. *dropout*: at least [`MISSING`] of the points are missing more than usual, or all are;
//! 2. *stuck value*: one value stands for at least [`STUCK`] of the event, and for [`LONGER`] times as long as it
//!    ever does outside of events;
//! 3. *correlation break*: no channel has left its own band, and the correlation of changes is further from what is
//!    usual than any channel's course is (decided for all channels together, before this channel is asked);
//! 4. where the size of steps has changed, *amplitude* or *frequency* by rule 6: a wilder walk also leaves its band,
//!    which is then not what is odd about it;
//! 5. where the band was left, a block and a ramp are fitted to what lies beyond chance. If the better one explains
//!    [`EXPLAINED`] of it, [`SURE`] where rule 6 would hold: a ramp is a *trend change*; a block of at most
//!    [`SHORT`] points, a tenth of the period if that is more, is a *spike* or *dip*; a longer one is a *level
//!    shift*;
//! 6. *amplitude* where the width of swings has changed by at least a factor [`WIDER`], *frequency* where the speed
//!    has by [`FASTER`]; swings are judged first, because where a swing shrinks into the noise, the noise's speed
//!    is left;
//! 7. what left its band for a few points only is a *spike* or *dip* after all; everything else is a *pattern*.

use anomalyst_core::EventKind;

use super::blame::{LIMIT, Suspect};
use super::channel::Scene;
use super::stretch::TextureChange;

/// Share of points that must be missing more than usual.
const MISSING: f64 = 0.3;
/// Share of the event that one value must fill, and the fewest points that count as standing still.
const STUCK: f64 = 0.5;
const STUCK_POINTS: usize = 4;
/// How much longer a value must stand still than it ever does.
const LONGER: f64 = 1.5;
/// Values closer than this, in spreads of the channel, are one value.
const SAME: f64 = 1e-9;
/// Points that a spike has at most.
const SHORT: usize = 10;
/// Share of what lies beyond chance that a block or ramp must explain.
const EXPLAINED: f64 = 0.55;
/// Share that is enough even where swings have changed too.
const SURE: f64 = 0.8;
/// Deviations that chance explains; what is left beyond them is fitted.
const CHANCE: f64 = 2.0;
/// Places at which blocks and ramps may begin and end.
const PLACES: usize = 64;
/// Points that a ramp needs: with fewer it cannot be told from a block.
const RAMP_POINTS: usize = 8;
/// A ramp rises over at least this many usual errors.
const RAMP_RISE: f64 = 4.0;
/// Factors by which swings are wider and faster, or less wide and slower.
const WIDER: f64 = 1.5;
const FASTER: f64 = 1.35;
/// The same for haste, which for white noise is 1.41 and never more than 2.
const HASTIER: f64 = 1.2;

/// The kind, and what a sentence needs to know about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) kind: EventKind,
    /// Points of the event, from its start, that the kind is about.
    pub(super) first: usize,
    pub(super) len: usize,
    /// Event divided by usual, for amplitude and frequency.
    pub(super) ratio: f64,
}

/// Reads the kind off a channel.
pub(super) fn read(scene: &Scene<'_>, suspect: &Suspect) -> Reading {
    let n = scene.event.len();
    let whole = |kind| Reading { kind, first: 0, len: n, ratio: 1.0 };
    let gone = |i: &usize| suspect.channel.z[scene.event.start + i].is_nan();
    if suspect.missing >= MISSING || (0..n).all(|i| gone(&i)) {
        let (first, len) = ((0..n).find(gone).unwrap_or(0), (0..n).filter(gone).count());
        return Reading { kind: EventKind::Dropout, first, len, ratio: 1.0 };
    }
    if let Some((first, len)) = stuck(scene, suspect) {
        return Reading { kind: EventKind::Stuck, first, len, ratio: 1.0 };
    }
    let texture = texture_kind(&suspect.texture, suspect.wanders());
    if suspect.texture.motion.spreads >= LIMIT
        && let Some((kind, ratio)) = texture
    {
        return Reading { ratio, ..whole(kind) };
    }
    let off = offsets(suspect, n);
    let short = scene.period.map_or(SHORT, |period| SHORT.max(period / 10));
    let fit = if suspect.level >= LIMIT { fitted(scene, suspect, &off, short) } else { None };
    match (fit, texture) {
        (Some((reading, explained)), other) if other.is_none() || explained >= SURE => return reading,
        (_, Some((kind, ratio))) => return Reading { ratio, ..whole(kind) },
        _ => {}
    }
    let beyond: Vec<usize> = (0..n).filter(|&i| shrunk(off[i]) != 0.0).collect();
    if suspect.level >= LIMIT && !beyond.is_empty() && beyond.len() <= short.min(n.div_ceil(4)) {
        let highest =
            beyond.iter().copied().max_by(|&a, &b| off[a].abs().total_cmp(&off[b].abs())).unwrap_or(0);
        let kind = if off[highest] > 0.0 { EventKind::Spike } else { EventKind::Dip };
        return Reading { kind, first: highest, len: 1, ratio: 1.0 };
    }
    whole(EventKind::Pattern)
}

/// Where the event's longest run of one value begins and how long it is, where that is longer than usual.
fn stuck(scene: &Scene<'_>, suspect: &Suspect) -> Option<(usize, usize)> {
    let channel = &suspect.channel;
    let same = |point: usize| (channel.z[point] - channel.z[point - 1]).abs() <= SAME;
    let longest = |points: std::ops::Range<usize>, counts: &dyn Fn(usize) -> bool| {
        let (mut best, mut run) = ((points.start, 0), 0);
        for point in points.clone() {
            run = match (counts(point), run) {
                (false, _) => 0,
                (true, r) if r > 0 && same(point) => r + 1,
                (true, _) => 1,
            };
            if run > best.1 {
                best = (point + 1 - run, run);
            }
        }
        best
    };
    let (at, len) = longest(scene.event.clone(), &|point| channel.z[point].is_finite());
    let (_, usual) = longest(0..channel.z.len(), &|point| channel.usual[point]);
    let enough = len >= STUCK_POINTS.min(scene.event.len()).max(2)
        && len as f64 >= STUCK * scene.event.len() as f64
        && len as f64 >= LONGER * usual.max(1) as f64
        && len >= 3;
    enough.then(|| (at - scene.event.start, len))
}

/// Amplitude or frequency, with the factor.
fn texture_kind(texture: &TextureChange, wanders: bool) -> Option<(EventKind, f64)> {
    let beyond = |ratio: f64, factor: f64| ratio >= factor || ratio <= 1.0 / factor;
    // Steps of a walk are what swings, and they are measured more surely by their median.
    let swing = if wanders { texture.motion } else { texture.swing };
    if swing.spreads >= LIMIT && beyond(swing.ratio, WIDER) {
        return Some((EventKind::Amplitude, swing.ratio));
    }
    let [speed, haste] = [texture.speed, texture.haste];
    if speed.spreads >= LIMIT && beyond(speed.ratio, FASTER) {
        return Some((EventKind::Frequency, speed.ratio));
    }
    (haste.spreads >= LIMIT && beyond(haste.ratio, HASTIER)).then_some((EventKind::Frequency, haste.ratio))
}

/// How far each point of the event is off, in usual errors of the next step: the band of a walk widens with time, but
/// a step that it once made keeps its size. 0 where missing.
fn offsets(suspect: &Suspect, n: usize) -> Vec<f64> {
    let Some(expected) = &suspect.expected else { return vec![0.0; n] };
    let near = expected.forecast.sigma(1.0);
    let off = suspect.deviations.iter().zip(&suspect.bands);
    off.map(|(deviation, band)| deviation * expected.forecast.sigma(band.step) / near)
        .map(|off| if off.is_finite() { off } else { 0.0 })
        .collect()
}

/// What is left beyond chance.
fn shrunk(off: f64) -> f64 {
    off.signum() * (off.abs() - CHANCE).max(0.0)
}

/// Spike, dip, level shift or trend change, where a block or a ramp explains the event, and which share of it.
fn fitted(scene: &Scene<'_>, suspect: &Suspect, off: &[f64], short: usize) -> Option<(Reading, f64)> {
    let beyond: Vec<f64> = off.iter().map(|&off| shrunk(off)).collect();
    let total: f64 = beyond.iter().map(|v| v * v).sum();
    if total == 0.0 {
        return None;
    }
    let (block_gain, first, end) = block(&beyond);
    let (ramp_gain, ramp_first, slope) = ramp(&beyond);
    if ramp_gain > block_gain && ramp_gain >= EXPLAINED * total && !returns(scene, suspect) {
        let len = beyond.len() - ramp_first;
        if slope.abs() * len as f64 >= RAMP_RISE {
            let reading = Reading { kind: EventKind::TrendChange, first: ramp_first, len, ratio: 1.0 };
            return Some((reading, ramp_gain / total));
        }
    }
    if block_gain < EXPLAINED * total {
        return None;
    }
    let sum: f64 = beyond[first..end].iter().sum();
    let len =
        end - first + if end == beyond.len() { stays(scene, suspect, sum / (end - first) as f64) } else { 0 };
    let kind = match (len <= short, sum > 0.0) {
        (true, true) => EventKind::Spike,
        (true, false) => EventKind::Dip,
        (false, _) => EventKind::LevelShift,
    };
    Some((Reading { kind, first, len, ratio: 1.0 }, block_gain / total))
}

/// Whether the end of the event is back where it was expected to be.
fn returns(scene: &Scene<'_>, suspect: &Suspect) -> bool {
    let tail = scene.event.len().div_ceil(10);
    let back = suspect.deviations.iter().rev().take(tail).filter(|d| d.abs() <= CHANCE).count();
    back * 2 > tail
}

/// How many points after the event stay at least half as far off, on the same side, as a block at its end is.
fn stays(scene: &Scene<'_>, suspect: &Suspect, height: f64) -> usize {
    let Some(expected) = &suspect.expected else { return 0 };
    let end = scene.event.end;
    let until = (end + scene.event.len().max(2 * SHORT)).min(scene.n_points());
    let near = expected.forecast.sigma(1.0);
    let bands = expected.bands(end..until);
    let height = height + CHANCE * height.signum();
    let off = (end..until).zip(bands).map(|(point, band)| (suspect.channel.z[point] - band.middle) / near);
    off.take_while(|off| off.is_nan() || off / height >= 0.5).count()
}

/// Places at which something may begin or end: all of them, or as many evenly spread.
fn places(n: usize) -> Vec<usize> {
    let m = n.min(PLACES);
    (0..=m).map(|i| i * n / m).collect()
}

/// The constant stretch that takes most of the squares away: how much, first, end.
fn block(values: &[f64]) -> (f64, usize, usize) {
    let mut sums = vec![0.0];
    for value in values {
        sums.push(sums[sums.len() - 1] + value);
    }
    let mut places = places(values.len());
    // A spike in a long event lies between the places; its own edges are added.
    let highest = (0..values.len()).max_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs())).unwrap_or(0);
    let apart = |i: usize| values[i] * values[highest] <= 0.0;
    places.push((0..highest).rev().find(|&i| apart(i)).map_or(0, |i| i + 1));
    places.push((highest..values.len()).find(|&i| apart(i)).unwrap_or(values.len()));
    places.extend([highest, highest + 1]);
    places.sort_unstable();
    places.dedup();
    let mut best = (0.0, 0, values.len());
    for (i, &first) in places.iter().enumerate() {
        for &end in &places[i + 1..] {
            let sum: f64 = sums[end] - sums[first];
            let gain = sum * sum / (end - first) as f64;
            if gain > best.0 {
                best = (gain, first, end);
            }
        }
    }
    best
}

/// The ramp from 0 at some point to the end that takes most of the squares away: how much, first, slope.
fn ramp(values: &[f64]) -> (f64, usize, f64) {
    let n = values.len();
    let mut best = (0.0, 0, 0.0);
    for first in places(n).into_iter().filter(|first| first + RAMP_POINTS <= n) {
        let (mut cross, mut square) = (0.0, 0.0);
        for (i, value) in values[first..].iter().enumerate() {
            let t = (i + 1) as f64;
            cross += t * value;
            square += t * t;
        }
        let gain = cross * cross / square;
        if gain > best.0 {
            best = (gain, first, cross / square);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_ramps_are_told_apart() {
        let step: Vec<f64> = (0..40).map(|i| if i < 10 { 0.0 } else { 5.0 }).collect();
        let (gain, first, end) = block(&step);
        assert_eq!((first, end), (10, 40));
        assert!(gain > ramp(&step).0);
        let hinge: Vec<f64> = (0..40).map(|i| f64::from(i - 10).max(0.0)).collect();
        let (gain, first, slope) = ramp(&hinge);
        assert!(gain > block(&hinge).0 && first.abs_diff(10) <= 1 && (slope - 1.0).abs() < 0.1);
        let mut spike = vec![0.0; 1000];
        spike[501] = -9.0;
        assert_eq!(block(&spike), (81.0, 501, 502));
        assert_eq!(ramp(&[3.0]).0, 0.0);
    }
}
