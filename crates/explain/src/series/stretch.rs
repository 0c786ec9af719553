//! Stretches of a channel outside of events, and how an event's stretch compares with them.

use std::ops::Range;

use anomalyst_core::Result;
use anomalyst_kernels::fourier;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median, median_and_mad, quantile_of_sorted};

use super::channel::{Channel, Scene};

/// A stretch is usual where at least this share of its points is.
const SHARE_USUAL: f64 = 0.8;
/// Fewer stretches than this say nothing about what is usual.
pub(super) const FEWEST: usize = 6;
/// Usual stretches whose texture is measured.
const MEASURED: usize = 80;
/// Usual stretches whose nearest neighbours are searched.
const SEARCHED: usize = 24;
/// Stretches are compared at this many points at most, each the mean of a piece.
const COMPARED: usize = 64;
/// Spread of a logarithm below which differences are not worth a word: a tenth. Haste is bound to a narrow range,
/// so that half of that counts there.
const LEAST_LOG_SPREAD: f64 = 0.1;
/// The same for distances, relative to their median.
const LEAST_SPREAD: f64 = 0.1;
/// Points that a spectrum needs.
const SHORTEST_SPECTRUM: usize = 16;
/// Differences that a median needs.
const SHORTEST_MOTION: usize = 6;
/// Longer stretches are measured at this many points around their middle.
const LONGEST: usize = 4_096;

/// Starts of usual stretches of one length.
pub(super) struct Stretches {
    pub(super) len: usize,
    pub(super) starts: Vec<usize>,
}

impl Stretches {
    /// Up to `most` stretches of `len` points, evenly spread; shorter ones where there are too few of that length.
    pub(super) fn of(usual: &[bool], len: usize, most: usize) -> Self {
        let mut sums = vec![0_usize; usual.len() + 1];
        for (i, &usual) in usual.iter().enumerate() {
            sums[i + 1] = sums[i] + usize::from(usual);
        }
        let mut len = len.clamp(1, LONGEST);
        loop {
            let enough = (len as f64 * SHARE_USUAL).ceil() as usize;
            let is_usual = |&start: &usize| sums[start + len] - sums[start] >= enough;
            let all: Vec<usize> = (0..(usual.len() + 1).saturating_sub(len)).filter(is_usual).collect();
            // Stretches that overlap say the same twice, so there must be room for a few that do not.
            if all.len() >= FEWEST && all[all.len() - 1] - all[0] >= (FEWEST - 1) * len / 2 || len == 1 {
                let n = most.min(all.len());
                let starts = (0..n).map(|i| all[i * (all.len() - 1) / n.max(2).saturating_sub(1)]).collect();
                return Self { len, starts };
            }
            len = len.div_ceil(2);
        }
    }

    /// The part of the event that is as long as these stretches, around its peak.
    pub(super) fn part(&self, scene: &Scene<'_>) -> Range<usize> {
        let event = &scene.event;
        let len = self.len.min(event.len());
        let start = scene.peak.saturating_sub(len / 2).clamp(event.start, event.end - len);
        start..start + len
    }
}

/// What a stretch looks like apart from its level, as logarithms; `None` where it is too short to say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Texture {
    /// Typical size of a step.
    pub(super) motion: Option<f64>,
    /// Width of the middle four fifths of the values.
    pub(super) swing: Option<f64>,
    /// The frequency that half of the power lies below: the season's, where there is one.
    pub(super) speed: Option<f64>,
    /// Steps divided by values, both as root mean squares: how fast noise changes, where there is only noise.
    pub(super) haste: Option<f64>,
}

impl Texture {
    /// `wanders` where the steps are what repeats, not the values.
    pub(super) fn of(z: &[f64], wanders: bool) -> Result<Self> {
        let mut steps: Vec<f64> = z.windows(2).map(|w| w[1] - w[0]).filter(|s| s.is_finite()).collect();
        let y = if wanders { steps.clone() } else { without_line(z) };
        let motion = (steps.len() >= SHORTEST_MOTION).then(|| median_and_mad(&mut steps).1.max(1e-6).ln());
        let mut sorted = y.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let width = quantile_of_sorted(&sorted, 0.9) - quantile_of_sorted(&sorted, 0.1);
        let swing = (sorted.len() >= SHORTEST_MOTION).then(|| width.max(1e-6).ln());
        let haste = (y.len() >= SHORTEST_SPECTRUM).then(|| haste(&y).max(1e-3).ln());
        let speed = if y.len() >= SHORTEST_SPECTRUM { middle_frequency(y)?.map(f64::ln) } else { None };
        Ok(Self { motion, swing, speed, haste })
    }
}

/// Values without the line through the medians of their halves; missing ones are left out.
fn without_line(z: &[f64]) -> Vec<f64> {
    let there: Vec<(f64, f64)> =
        z.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(i, v)| (i as f64, *v)).collect();
    if there.len() < 4 {
        return there.iter().map(|t| t.1).collect();
    }
    let n = there.len() as f64;
    let (mean_at, mean) =
        (there.iter().map(|t| t.0).sum::<f64>() / n, there.iter().map(|t| t.1).sum::<f64>() / n);
    let cross: f64 = there.iter().map(|t| (t.0 - mean_at) * (t.1 - mean)).sum();
    let square: f64 = there.iter().map(|t| (t.0 - mean_at).powi(2)).sum();
    let slope = if square > 0.0 { cross / square } else { 0.0 };
    there.iter().map(|t| t.1 - mean - slope * (t.0 - mean_at)).collect()
}

/// The root mean square of steps in units of that of the values, whose mean is near 0.
fn haste(y: &[f64]) -> f64 {
    let squares: f64 = y.iter().map(|v| v * v).sum();
    let steps: f64 = y.windows(2).map(|w| (w[1] - w[0]).powi(2)).sum();
    if squares > 0.0 { (steps / squares).sqrt() } else { 0.0 }
}

/// The frequency, in cycles per point, that half of the power lies below.
fn middle_frequency(mut y: Vec<f64>) -> Result<Option<f64>> {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    for (i, v) in y.iter_mut().enumerate() {
        // Hann's window: what does not fit a whole number of times must not spill over all frequencies.
        *v = (*v - mean) * (std::f64::consts::PI * (i as f64 + 0.5) / n).sin().powi(2);
    }
    let power: Vec<f64> = fourier::spectrum(&y)?.iter().skip(1).map(|c| c.norm_sqr()).collect();
    let half = power.iter().sum::<f64>() / 2.0;
    if half <= 0.0 || !half.is_finite() {
        return Ok(None);
    }
    let mut below = 0.0;
    for (i, p) in power.iter().enumerate() {
        if below + p >= half {
            return Ok(Some((i as f64 + 0.5 + (half - below) / p) / n));
        }
        below += p;
    }
    Ok(None)
}

/// How one measure of the event compares with usual stretches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unlike {
    /// Usual spreads away from the median.
    pub(super) spreads: f64,
    /// Event divided by usual; 1 where not measured.
    pub(super) ratio: f64,
}

/// How the event's texture compares with that of usual stretches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TextureChange {
    pub(super) motion: Unlike,
    pub(super) swing: Unlike,
    pub(super) speed: Unlike,
    pub(super) haste: Unlike,
}

impl TextureChange {
    pub(super) fn of(scene: &Scene<'_>, channel: &Channel, wanders: bool) -> Result<Self> {
        let stretches = Stretches::of(&channel.usual, scene.event.len(), MEASURED);
        let event = Texture::of(&channel.z[stretches.part(scene)], wanders)?;
        let usual = stretches
            .starts
            .iter()
            .map(|&start| Texture::of(&channel.z[start..start + stretches.len], wanders))
            .collect::<Result<Vec<Texture>>>()?;
        let of = |measure: fn(&Texture) -> Option<f64>, least: f64| {
            unlike(measure(&event), usual.iter().filter_map(measure).collect(), least)
        };
        Ok(Self {
            motion: of(|t| t.motion, LEAST_LOG_SPREAD),
            swing: of(|t| t.swing, LEAST_LOG_SPREAD),
            speed: of(|t| t.speed, LEAST_LOG_SPREAD),
            haste: of(|t| t.haste, LEAST_LOG_SPREAD / 2.0),
        })
    }
}

fn unlike(value: Option<f64>, mut usual: Vec<f64>, least: f64) -> Unlike {
    let Some(value) = value.filter(|_| usual.len() >= FEWEST) else {
        return Unlike { spreads: 0.0, ratio: 1.0 };
    };
    let (center, mad) = median_and_mad(&mut usual);
    let spreads = (value - center).abs() / (mad * MAD_TO_SIGMA).max(least);
    Unlike { spreads, ratio: (value - center).exp() }
}

/// By how many usual spreads `value` is above what is usual; at least 0, and 0 where too little is known.
pub(super) fn above(value: f64, mut usual: Vec<f64>) -> f64 {
    if usual.len() < FEWEST || !value.is_finite() {
        return 0.0;
    }
    let (center, mad) = median_and_mad(&mut usual);
    ((value - center) / (mad * MAD_TO_SIGMA).max(LEAST_SPREAD * center.abs()).max(1e-9)).max(0.0)
}

/// How unlike the event's course is to the nearest usual stretch, in spreads above the usual distance of a stretch to
/// its nearest one. The mean does not count. At most `most` stretches are compared; where a period is known and
/// there are more, those of the event's phase come first.
pub(super) fn shape_distance(scene: &Scene<'_>, channel: &Channel, most: usize) -> f64 {
    let all = Stretches::of(&channel.usual, scene.event.len(), usize::MAX);
    if all.len < 3 || all.starts.len() < 2 * FEWEST {
        return 0.0;
    }
    let part = all.part(scene);
    let pieces = all.len.min(COMPARED);
    let course = |start: usize| course(&channel.z[start..start + all.len], pieces);
    let thin = |starts: Vec<usize>, most: usize| -> Vec<usize> {
        let n = starts.len();
        (0..n.min(most)).map(|i| starts[i * n / n.min(most)]).collect()
    };
    let nearest = |start: usize| -> Option<f64> {
        let own = course(start)?;
        let apart = |&other: &usize| other.abs_diff(start) >= all.len.div_ceil(2);
        let (same, other): (Vec<usize>, Vec<usize>) =
            all.starts.iter().copied().filter(apart).partition(|&other| {
                scene.period.is_some_and(|period| other.abs_diff(start).is_multiple_of(period))
            });
        let same = thin(same, most / 2);
        let rest = most - same.len();
        let distances = same.into_iter().chain(thin(other, rest)).filter_map(course);
        distances.map(|other| distance(&own, &other)).min_by(f64::total_cmp)
    };
    let queries = thin(all.starts.clone(), SEARCHED);
    let usual: Vec<f64> = queries.into_iter().filter_map(nearest).collect();
    nearest(part.start).map_or(0.0, |own| above(own, usual))
}

/// Means of `pieces` pieces without their mean; `None` where a piece is missing altogether and half of them are.
fn course(z: &[f64], pieces: usize) -> Option<Vec<f64>> {
    let mut means: Vec<f64> = (0..pieces)
        .map(|i| {
            let piece = &z[i * z.len() / pieces..(i + 1) * z.len() / pieces];
            let (n, sum) =
                piece.iter().filter(|v| v.is_finite()).fold((0_usize, 0.0), |(n, sum), v| (n + 1, sum + v));
            if n == 0 { f64::NAN } else { sum / n as f64 }
        })
        .collect();
    let mut there: Vec<f64> = means.iter().copied().filter(|m| m.is_finite()).collect();
    if there.len() * 2 <= pieces {
        return None;
    }
    let center =
        if there.len() < 8 { median(&mut there) } else { there.iter().sum::<f64>() / there.len() as f64 };
    means.iter_mut().for_each(|m| *m -= center);
    Some(means)
}

/// Root of the mean squared difference where both are there.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (mut n, mut sum) = (0_usize, 0.0);
    for (x, y) in a.iter().zip(b) {
        let difference = x - y;
        if difference.is_finite() {
            n += 1;
            sum += difference * difference;
        }
    }
    if n == 0 { f64::INFINITY } else { (sum / n as f64).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_keep_away_from_events() {
        let mut usual = vec![true; 100];
        usual[40..60].fill(false);
        let stretches = Stretches::of(&usual, 10, 1000);
        assert_eq!(stretches.len, 10);
        assert!(stretches.starts.iter().all(|&s| s <= 32 || s >= 58), "{:?}", stretches.starts);
        assert!(Stretches::of(&usual, 90, 10).len < 30, "shorter where long ones do not fit");
        assert!(Stretches::of(&[false; 5], 3, 10).starts.is_empty());
    }

    #[test]
    fn texture_in_closed_form() {
        let wave: Vec<f64> = (0..64).map(|i| (std::f64::consts::TAU * f64::from(i) / 8.0).sin()).collect();
        let texture = Texture::of(&wave, false).unwrap();
        assert!((texture.speed.unwrap().exp() - 0.125).abs() < 0.02, "{texture:?}");
        let twice: Vec<f64> = wave.iter().map(|v| 2.0 * v).collect();
        let ratio = Texture::of(&twice, false).unwrap().swing.unwrap() - texture.swing.unwrap();
        assert!((ratio - 2_f64.ln()).abs() < 1e-9);
    }
}
