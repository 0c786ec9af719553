//! The passes over all active rows, in lanes.

use super::TAU;
use crate::wide::in_widest;

const LANES: usize = 8;

/// The largest value of each lane and the group that it stood in.
struct Best {
    value: [f64; LANES],
    group: [u64; LANES],
}

impl Best {
    const fn new() -> Self {
        Self { value: [f64::NEG_INFINITY; LANES], group: [0; LANES] }
    }

    #[inline(always)]
    fn offer(&mut self, group: u64, values: [f64; LANES]) {
        for (lane, value) in values.into_iter().enumerate() {
            let better = value > self.value[lane];
            self.value[lane] = if better { value } else { self.value[lane] };
            self.group[lane] = if better { group } else { self.group[lane] };
        }
    }

    /// The place of the largest value, the first of equal ones; `None` if nothing was above minus infinity.
    fn place(&self) -> Option<usize> {
        let place = |lane: usize| self.group[lane] as usize * LANES + lane;
        let largest = self.value.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let at = (0..LANES).filter(|&lane| self.value[lane] == largest).map(place).min()?;
        (largest > f64::NEG_INFINITY).then_some(at)
    }
}

/// The row of lowest gradient among those that can take more weight.
pub(super) fn lowest_with_room(weights: &[f64], gradient: &[f64]) -> Option<usize> {
    in_widest!(lowest_loop(weights: &[f64], gradient: &[f64]) -> Option<usize>)
}

#[inline(always)]
fn lowest_loop(weights: &[f64], gradient: &[f64]) -> Option<usize> {
    let mut best = Best::new();
    let ((weights, weights_rest), (gradient, gradient_rest)) =
        (weights.as_chunks::<LANES>(), gradient.as_chunks::<LANES>());
    for (group, (w, g)) in weights.iter().zip(gradient).enumerate() {
        let mut values = [f64::NEG_INFINITY; LANES];
        for lane in 0..LANES {
            values[lane] = if w[lane] < 1.0 { -g[lane] } else { f64::NEG_INFINITY };
        }
        best.offer(group as u64, values);
    }
    let mut rest = [f64::NEG_INFINITY; LANES];
    for (out, (w, g)) in rest.iter_mut().zip(weights_rest.iter().zip(gradient_rest)) {
        *out = if *w < 1.0 { -g } else { f64::NEG_INFINITY };
    }
    best.offer(weights.len() as u64, rest);
    best.place()
}

/// The row that is to get weight.
#[derive(Clone, Copy)]
pub(super) struct From {
    pub(super) gradient: f64,
    pub(super) diagonal: f64,
}

pub(super) struct Partner {
    /// The row with which the gain is largest.
    pub(super) partner: usize,
    /// The highest gradient of rows that can give weight.
    pub(super) highest: f64,
}

/// The row that can give weight with the largest gain `b^2 / a` of Fan, Chen, Lin 2005; `None` where every
/// gradient is as low as that of the row that is to get it.
pub(super) fn best_partner(
    from: From,
    weights: &[f64],
    gradient: &[f64],
    diagonal: &[f64],
    kernels: &[f32],
) -> Option<Partner> {
    in_widest!(partner_loop(
        from: From,
        weights: &[f64],
        gradient: &[f64],
        diagonal: &[f64],
        kernels: &[f32],
    ) -> Option<Partner>)
}

#[inline(always)]
fn partner_loop(
    from: From,
    weights: &[f64],
    gradient: &[f64],
    diagonal: &[f64],
    kernels: &[f32],
) -> Option<Partner> {
    let (mut best, mut highest) = (Best::new(), [f64::NEG_INFINITY; LANES]);
    let (weights, weights_rest) = weights.as_chunks::<LANES>();
    let (gradient, gradient_rest) = gradient.as_chunks::<LANES>();
    let (diagonal, diagonal_rest) = diagonal.as_chunks::<LANES>();
    let (kernels, kernels_rest) = kernels.as_chunks::<LANES>();
    let rows = weights.iter().zip(gradient).zip(diagonal).zip(kernels);
    for (group, (((w, g), diagonal), k)) in rows.enumerate() {
        let mut gains = [f64::NEG_INFINITY; LANES];
        for lane in 0..LANES {
            gains[lane] = gain(from, w[lane], g[lane], diagonal[lane] - 2.0 * f64::from(k[lane]));
            let value = if w[lane] > 0.0 { g[lane] } else { f64::NEG_INFINITY };
            highest[lane] = if value > highest[lane] { value } else { highest[lane] };
        }
        best.offer(group as u64, gains);
    }
    let mut rest = [f64::NEG_INFINITY; LANES];
    let rows = weights_rest.iter().zip(gradient_rest).zip(diagonal_rest).zip(kernels_rest);
    for ((out, highest), (((w, g), diagonal), k)) in rest.iter_mut().zip(&mut highest).zip(rows) {
        *out = gain(from, *w, *g, diagonal - 2.0 * f64::from(*k));
        *highest = if *w > 0.0 { highest.max(*g) } else { *highest };
    }
    best.offer(weights.len() as u64, rest);
    let partner = best.place()?;
    Some(Partner { partner, highest: highest.into_iter().fold(f64::NEG_INFINITY, f64::max) })
}

/// The gain with a row, of which `rest` is the curvature without the diagonal of the other.
#[inline(always)]
fn gain(from: From, w: f64, g: f64, rest: f64) -> f64 {
    let b = g - from.gradient;
    let a = from.diagonal + rest;
    let gain = b * b / if a > TAU { a } else { TAU };
    if w > 0.0 && b > 0.0 { gain } else { f64::NEG_INFINITY }
}

/// `gradient += change (a - b)`.
pub(super) fn add_difference(gradient: &mut [f64], change: f64, a: &[f32], b: &[f32]) {
    in_widest!(add_loop(gradient: &mut [f64], change: f64, a: &[f32], b: &[f32]));
}

#[inline(always)]
fn add_loop(gradient: &mut [f64], change: f64, a: &[f32], b: &[f32]) {
    for ((gradient, &a), &b) in gradient.iter_mut().zip(a).zip(b) {
        *gradient += change * (f64::from(a) - f64::from(b));
    }
}
