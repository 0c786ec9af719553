//! Centring and scaling of numbers in 64 bits before they are narrowed to 32.

use std::cmp::Ordering;

use anomalyst_kernels::stats::{IQR_TO_SIGMA, Moments};
use serde::{Deserialize, Serialize};

use super::params::Scale;

/// Up to this many units features grow in proportion; beyond it they grow with the logarithm.
///
/// The order of values stays, and no feature exceeds 7e8, so that squares and their sums are finite in 32 bits.
/// A value a million deviations away is as odd as can be; how many more does not matter.
const LIMIT: f64 = 1e6;
/// The same for numbers that are not scaled.
const RAW_LIMIT: f64 = 1e15;

/// The range of some hundred normal values is about six standard deviations.
const SPAN_SIGMAS: f64 = 6.0;
/// Beyond ten standard deviations a range is stretched by few values: 10 / 6.
const MOST_DEVIATIONS: f64 = 10.0 / SPAN_SIGMAS;
/// One wild value also stretches the standard deviation, but not the quartiles.
const MOST_ROBUST: f64 = 20.0;

/// `x` becomes `(x factor - center) / unit`, in f64.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scaler {
    /// A power of two, 1 unless the numbers are so large or small that their squares leave the range of f64.
    pub(super) factor: f64,
    pub(super) center: f64,
    pub(super) unit: f64,
    pub(super) limit: f64,
    /// The feature of the training median, which stands in for missing values.
    pub(super) fill: f32,
}

/// What a scaler was fitted to.
pub(super) struct FittedScaler {
    pub(super) scaler: Scaler,
    /// The interquartile range was 0, so the unit is the standard deviation.
    pub(super) by_deviation: bool,
}

impl Scaler {
    /// Fits to finite values, which are overwritten; `None` where all are the same.
    pub(super) fn fit(values: &mut [f64], scale: Scale) -> Option<FittedScaler> {
        let (low, high) = range(values)?;
        if low == high {
            return None;
        }
        let factor = if scale == Scale::None { 1.0 } else { factor_for(low.abs().max(high.abs())) };
        if factor != 1.0 {
            values.iter_mut().for_each(|v| *v *= factor);
        }
        let (low, high) = (low * factor, high * factor);
        let moments = |values: &[f64]| values.iter().copied().collect::<Moments>();
        let mut by_deviation = false;
        let (center, unit, median) = match scale {
            Scale::Span => {
                let deviation = moments(values).std_dev();
                let quartiles = quartiles(values);
                let unit = ((high - low) / SPAN_SIGMAS).min(MOST_DEVIATIONS * deviation);
                let unit = robust_deviation(quartiles).map_or(unit, |robust| unit.min(MOST_ROBUST * robust));
                (quartiles[1], unit, quartiles[1])
            }
            Scale::Robust => {
                let quartiles = quartiles(values);
                let robust = robust_deviation(quartiles);
                by_deviation = robust.is_none();
                (quartiles[1], robust.unwrap_or_else(|| moments(values).std_dev()), quartiles[1])
            }
            Scale::Standard => {
                let moments = moments(values);
                (moments.mean(), moments.std_dev(), quartiles(values)[1])
            }
            Scale::MinMax => (low, high - low, quartiles(values)[1]),
            Scale::None => (0.0, 1.0, quartiles(values)[1]),
        };
        let unit = if unit > 0.0 { unit } else { high - low };
        let limit = if scale == Scale::None { RAW_LIMIT } else { LIMIT };
        let mut scaler = Self { factor, center, unit, limit, fill: 0.0 };
        scaler.fill = scaler.feature(median * factor.recip());
        Some(FittedScaler { scaler, by_deviation })
    }

    /// The feature of a finite number; always finite.
    pub(super) fn feature(&self, x: f64) -> f32 {
        let z = (x * self.factor - self.center) / self.unit;
        if z.abs() <= self.limit {
            return z as f32;
        }
        let beyond = 1.0 + (z.abs().min(f64::MAX) / self.limit).ln();
        (self.limit * beyond).copysign(z) as f32
    }

    /// Whether every feature it gives is finite; a file may hold anything.
    pub(super) fn is_sound(&self) -> bool {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        positive(self.factor)
            && self.center.is_finite()
            && positive(self.unit)
            && (1.0..=RAW_LIMIT).contains(&self.limit)
            && self.fill.is_finite()
    }
}

/// The standard deviation as the interquartile range tells it; `None` where that is 0 but for rounding.
fn robust_deviation([q1, _, q3]: [f64; 3]) -> Option<f64> {
    let range = q3 - q1;
    (range > 4.0 * f64::EPSILON * q1.abs().max(q3.abs())).then_some(range * IQR_TO_SIGMA)
}

/// Smallest and largest; `None` for no values.
fn range(values: &[f64]) -> Option<(f64, f64)> {
    let &first = values.first()?;
    Some(values.iter().fold((first, first), |(low, high), &v| (low.min(v), high.max(v))))
}

/// The power of two that brings numbers as large as `largest` near 1; 1 where squares are safe anyway.
fn factor_for(largest: f64) -> f64 {
    let exponent = largest.log2();
    if exponent.abs() <= 400.0 {
        1.0
    } else {
        2.0_f64.powi((-exponent.round()).clamp(-1022.0, 1022.0) as i32)
    }
}

/// First quartile, median and third quartile (type 7 of Hyndman and Fan 1996); the values are reordered.
///
/// One selection of the median halves the work of the other two. `values` is not empty.
fn quartiles(values: &mut [f64]) -> [f64; 3] {
    let last = values.len() - 1;
    let middle = last / 2;
    let (below, &mut median, above) = values.select_nth_unstable_by(middle, order);
    [0.25, 0.5, 0.75].map(|q| {
        let at = q * last as f64;
        let (index, share) = (at as usize, at - at.floor());
        let (low, rest, next) = match index.cmp(&middle) {
            Ordering::Less => select(below, index, median),
            Ordering::Equal => (median, &*above, median),
            Ordering::Greater => select(above, index - middle - 1, median),
        };
        if share == 0.0 {
            return low;
        }
        let high = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(next);
        low + (high - low) * share
    })
}

/// The value of rank `index`, those above it, and `next` passed through.
fn select(values: &mut [f64], index: usize, next: f64) -> (f64, &[f64], f64) {
    let (_, &mut low, rest) = values.select_nth_unstable_by(index, order);
    (low, rest, next)
}

/// The order of numbers none of which is `NaN`; one comparison where `total_cmp` takes several steps.
fn order(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}
