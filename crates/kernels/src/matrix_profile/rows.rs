//! The loops over columns.

use crate::wide::in_widest;

/// Columns that are computed at once.
const LANES: usize = 16;
/// Partial sums.
const SUMS: usize = 8;

/// What the update takes of a row.
#[derive(Clone, Copy)]
pub(super) struct RowStep {
    pub(super) difference: f64,
    pub(super) deviation: f64,
}

/// What the update takes of columns.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) difference: &'a [f64],
    pub(super) deviation: &'a [f64],
    pub(super) inverse: &'a [f64],
}

/// Turns the sums of the row before into those of a row, `first` being that of the first column, and gives the largest
/// sum times its column's inverse.
pub(super) fn advance(sums: &mut [f64], first: f64, row: RowStep, columns: Columns<'_>) -> f64 {
    in_widest!(advance_loop(sums: &mut [f64], first: f64, row: RowStep, columns: Columns<'_>) -> f64)
}

#[inline(always)]
fn advance_loop(sums: &mut [f64], first: f64, row: RowStep, columns: Columns<'_>) -> f64 {
    let n = sums.len();
    let (f, g, inverse) = (&columns.difference[..n], &columns.deviation[..n], &columns.inverse[..n]);
    let mut best = [f64::NEG_INFINITY; LANES];
    // From the back, because every sum comes from the one before it.
    let mut end = n;
    while end > LANES {
        let from = end - LANES;
        let (old, f, g, inverse) =
            (&sums[from - 1..end - 1], &f[from..end], &g[from..end], &inverse[from..end]);
        let mut new = [0.0; LANES];
        for lane in 0..LANES {
            new[lane] = old[lane] + (row.difference * g[lane] + f[lane] * row.deviation);
            let value = new[lane] * inverse[lane];
            best[lane] = if value > best[lane] { value } else { best[lane] };
        }
        sums[from..end].copy_from_slice(&new);
        end = from;
    }
    let mut largest = first * inverse[0];
    for j in (1..end).rev() {
        sums[j] = sums[j - 1] + (row.difference * g[j] + f[j] * row.deviation);
        largest = largest.max(sums[j] * inverse[j]);
    }
    sums[0] = first;
    best.into_iter().fold(largest, f64::max)
}

/// The largest of `sums` times `inverse`; minus infinity for none.
pub(super) fn largest(sums: &[f64], inverse: &[f64]) -> f64 {
    in_widest!(largest_loop(sums: &[f64], inverse: &[f64]) -> f64)
}

#[inline(always)]
fn largest_loop(sums: &[f64], inverse: &[f64]) -> f64 {
    let ((sums, sums_rest), (inverse, inverse_rest)) =
        (sums.as_chunks::<LANES>(), inverse.as_chunks::<LANES>());
    let mut best = [f64::NEG_INFINITY; LANES];
    for (sums, inverse) in sums.iter().zip(inverse) {
        for lane in 0..LANES {
            let value = sums[lane] * inverse[lane];
            best[lane] = if value > best[lane] { value } else { best[lane] };
        }
    }
    let rest = sums_rest.iter().zip(inverse_rest).map(|(sum, inverse)| sum * inverse);
    best.into_iter().chain(rest).fold(f64::NEG_INFINITY, f64::max)
}

/// The sums of a row by their definition: of `window`, which has mean `mean`, with the windows that begin at each of the
/// first points of `points` and have `means`.
pub(super) fn begin(sums: &mut [f64], window: &[f64], mean: f64, points: &[f64], means: &[f64]) {
    in_widest!(begin_loop(sums: &mut [f64], window: &[f64], mean: f64, points: &[f64], means: &[f64]));
}

#[inline(always)]
fn begin_loop(sums: &mut [f64], window: &[f64], mean: f64, points: &[f64], means: &[f64]) {
    let n = sums.len();
    let mut at = 0;
    while at + LANES <= n {
        let means = &means[at..at + LANES];
        let mut total = [0.0; LANES];
        for (t, &x) in window.iter().enumerate() {
            let (a, points) = (x - mean, &points[at + t..at + t + LANES]);
            for lane in 0..LANES {
                total[lane] += a * (points[lane] - means[lane]);
            }
        }
        sums[at..at + LANES].copy_from_slice(&total);
        at += LANES;
    }
    for j in at..n {
        sums[j] = covariance_loop(window, mean, &points[j..j + window.len()], means[j]);
    }
}

/// The sum of products of what two windows differ from their means.
pub(super) fn covariance(a: &[f64], a_mean: f64, b: &[f64], b_mean: f64) -> f64 {
    in_widest!(covariance_loop(a: &[f64], a_mean: f64, b: &[f64], b_mean: f64) -> f64)
}

#[inline(always)]
fn covariance_loop(a: &[f64], a_mean: f64, b: &[f64], b_mean: f64) -> f64 {
    lanes(a, b, |a, b| (a - a_mean) * (b - b_mean))
}

/// The squared distance of two shapes: each window less its mean, times its inverse.
pub(super) fn squared_distance(
    a: &[f64],
    (a_mean, a_inverse): (f64, f64),
    b: &[f64],
    of_b: (f64, f64),
) -> f64 {
    let (b_mean, b_inverse) = of_b;
    lanes(a, b, |a, b| {
        let difference = (a - a_mean) * a_inverse - (b - b_mean) * b_inverse;
        difference * difference
    })
}

/// The sum of what values differ from `mean`, or of its squares.
pub(super) fn sum(values: &[f64], mean: f64, squared: bool) -> f64 {
    if squared {
        lanes(values, values, |v, _| (v - mean) * (v - mean))
    } else {
        lanes(values, values, |v, _| v - mean)
    }
}

#[inline(always)]
fn lanes(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<SUMS>(), b.as_chunks::<SUMS>());
    let mut sums = [0.0; SUMS];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..SUMS {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum();
    sums.iter().sum::<f64>() + rest
}
