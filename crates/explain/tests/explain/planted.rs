//! Series with one planted event of a known kind.

use std::ops::Range;

use anomalyst_core::{EventKind, Random, Run, Series};
use anomalyst_explain::series::{EventAnswer, EventQuestion, explain_event};
use anomalyst_kernels::draw::{below, normal, uniform};
use ndarray::Array2;

/// What the series is without the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Noise,
    Seasonal,
    Trend,
    Walk,
}

pub(crate) const BASES: [Base; 4] = [Base::Noise, Base::Seasonal, Base::Trend, Base::Walk];

/// Points of a planted series, and its period where it has one.
pub(crate) const N: usize = 1_500;
pub(crate) const PERIOD: usize = 48;

/// Amplitude of the season and size of the noise.
const SWING: f64 = 4.0;

pub(crate) fn season(phase: f64) -> f64 {
    // A second harmonic, so that the season backwards is another one.
    let t = std::f64::consts::TAU * phase / PERIOD as f64;
    SWING * (0.8 * t.sin() + 0.4 * (2.0 * t + 0.5).sin())
}

/// A planted series: values, event, and the channel that it is about.
pub(crate) struct Planted {
    pub(crate) values: Array2<f64>,
    pub(crate) event: Range<usize>,
    pub(crate) period: Option<usize>,
}

impl Planted {
    pub(crate) fn ask(&self) -> EventAnswer {
        let series = Series::one(self.values.clone());
        let question = EventQuestion {
            series: &series,
            range: 0..N,
            event: self.event.clone(),
            peak: self.event.start + self.event.len() / 2,
            others: std::slice::from_ref(&self.event),
            period: self.period,
        };
        explain_event(&question, &Run::new(0)).unwrap()
    }
}

/// One series with an event of `kind`; a correlation break has three channels, of which the first is to blame.
pub(crate) fn plant(kind: EventKind, base: Base, seed: u64) -> Planted {
    let mut random = Run::new(seed).random(base as u64 * 100 + kind as u64);
    let short = matches!(kind, EventKind::Spike | EventKind::Dip);
    let len = if short { 1 + below(&mut random, 4) } else { 60 + below(&mut random, 60) };
    let start = 900 + below(&mut random, 300);
    let core = start..start + len;
    let values = if kind == EventKind::CorrelationBreak {
        broken(base, &core, &mut random)
    } else {
        one(kind, base, &core, &mut random)
    };
    // Detectors mark a little more than what is odd.
    let margin = below(&mut random, 6);
    let event = start - margin..start + len + margin;
    Planted { values, event, period: (base == Base::Seasonal).then_some(PERIOD) }
}

/// Usual values, and for walks the steps that they are made of.
fn base_values(base: Base, random: &mut Random) -> Vec<f64> {
    let noise = (0..N).map(|_| normal(random));
    match base {
        Base::Noise => noise.collect(),
        Base::Seasonal => noise.enumerate().map(|(i, e)| season(i as f64) + 0.5 * e).collect(),
        Base::Trend => noise.enumerate().map(|(i, e)| 0.05 * i as f64 + e).collect(),
        Base::Walk => sums(noise),
    }
}

fn sums(steps: impl Iterator<Item = f64>) -> Vec<f64> {
    let sum = |sum: &mut f64, step: f64| {
        *sum += step;
        Some(*sum)
    };
    steps.scan(0.0, sum).collect()
}

fn one(kind: EventKind, base: Base, core: &Range<usize>, random: &mut Random) -> Array2<f64> {
    let mut x = base_values(base, random);
    let sign = if uniform(random) < 0.5 { -1.0 } else { 1.0 };
    let size = if base == Base::Walk { 20.0 } else { 8.0 } * (1.0 + 0.5 * uniform(random));
    match kind {
        EventKind::Spike => core.clone().for_each(|i| x[i] += size * (0.7 + 0.3 * uniform(random))),
        EventKind::Dip => core.clone().for_each(|i| x[i] -= size * (0.7 + 0.3 * uniform(random))),
        EventKind::LevelShift => {
            // Half of the shifts end with the event, half stay for good.
            let end = if uniform(random) < 0.5 { core.end } else { N };
            (core.start..end).for_each(|i| x[i] += sign * size);
        }
        EventKind::TrendChange => {
            let slope = sign * if base == Base::Walk { 1.2 } else { 0.25 };
            (core.start..N).for_each(|i| x[i] += slope * (i - core.start) as f64);
        }
        EventKind::Dropout => {
            let some = uniform(random) < 0.5;
            core.clone().filter(|i| !some || i % 2 == 0).for_each(|i| x[i] = f64::NAN);
        }
        EventKind::Stuck => core.clone().for_each(|i| x[i] = x[core.start - 1]),
        EventKind::Amplitude => {
            let factor = if uniform(random) < 0.5 { 3.0 } else { 0.25 };
            retold(&mut x, base, core, |_, part, noise| factor * part + noise);
        }
        EventKind::Frequency if base == Base::Seasonal => {
            let speed = if uniform(random) < 0.5 { 2.0 } else { 0.5 };
            let fast = |i: usize| season(core.start as f64 + speed * (i - core.start) as f64);
            retold(&mut x, base, core, |i, _, noise| fast(i) + noise);
        }
        EventKind::Frequency => {
            // Means of neighbours, brought back to the same spread, swing slowly; differences swing fast.
            let raw: Vec<f64> = (0..N + 8).map(|_| normal(random)).collect();
            let slow = uniform(random) < 0.5;
            let at = |i: usize| match slow {
                true => raw[i..i + 6].iter().sum::<f64>() / 6_f64.sqrt(),
                false => (raw[i] - 1.5 * raw[i + 1] + raw[i + 2]) / 4.25_f64.sqrt(),
            };
            retold(&mut x, base, core, |i, _, _| at(i));
        }
        EventKind::Pattern if base == Base::Seasonal => {
            let backwards = uniform(random) < 0.5;
            let other = |i: usize| match backwards {
                true => season(2.0 * core.start as f64 - i as f64),
                false => season(i as f64 + PERIOD as f64 / 2.0),
            };
            retold(&mut x, base, core, |i, _, noise| other(i) + noise);
        }
        // Usual values in an order that repeats: the middle of the frequencies of noise, and nothing else.
        EventKind::Pattern => retold(&mut x, base, core, |i, _, _| [1.2, 0.4, -1.2, -0.4][i % 4]),
        EventKind::CorrelationBreak => {}
    }
    Array2::from_shape_vec((N, 1), x).unwrap()
}

/// Replaces what repeats inside of the event: the season, the noise, or the steps of a walk. `told` is given the
/// point, the part that repeats, and the noise around it.
fn retold(x: &mut [f64], base: Base, core: &Range<usize>, told: impl Fn(usize, f64, f64) -> f64) {
    match base {
        Base::Noise => core.clone().for_each(|i| x[i] = told(i, x[i], 0.0)),
        Base::Trend => {
            core.clone().for_each(|i| x[i] = 0.05 * i as f64 + told(i, x[i] - 0.05 * i as f64, 0.0))
        }
        Base::Seasonal => {
            core.clone().for_each(|i| x[i] = told(i, season(i as f64), x[i] - season(i as f64)))
        }
        Base::Walk => {
            let steps: Vec<f64> = (1..x.len()).map(|i| x[i] - x[i - 1]).collect();
            for i in core.start..x.len() {
                let step = if core.contains(&i) { told(i, steps[i - 1], 0.0) } else { steps[i - 1] };
                x[i] = x[i - 1] + step;
            }
        }
    }
}

/// Three channels that share what is random in them; in the event the first goes its own way.
fn broken(base: Base, core: &Range<usize>, random: &mut Random) -> Array2<f64> {
    let mut noise = |share: f64| -> Vec<f64> { (0..N).map(|_| share * normal(random)).collect() };
    let (common, apart) = (noise(1.0), noise(1.0));
    let own: Vec<Vec<f64>> = (0..3).map(|_| noise(0.3)).collect();
    let channel = |c: usize| -> Vec<f64> {
        let from = |i: usize| if c == 0 && core.contains(&i) { apart[i] } else { common[i] };
        let shared: Vec<f64> = (0..N).map(|i| from(i) + own[c][i]).collect();
        match base {
            Base::Noise => shared,
            Base::Seasonal => shared.iter().enumerate().map(|(i, v)| season(i as f64) + 0.5 * v).collect(),
            Base::Trend => shared.iter().enumerate().map(|(i, v)| 0.05 * i as f64 + v).collect(),
            Base::Walk => sums(shared.into_iter()),
        }
    };
    let channels: Vec<Vec<f64>> = (0..3).map(channel).collect();
    Array2::from_shape_fn((N, 3), |(i, c)| channels[c][i])
}
