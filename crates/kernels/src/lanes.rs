//! Loops over values that lie together, as histograms need them: sums of columns, ranges, cells.

use crate::floor::floor;
use crate::wide::in_widest;

/// Columns that are added at once, so that sums are written and read once for all of them.
pub const PARTS: usize = 4;
/// Partial results of a comparison.
const WIDTH: usize = 8;

/// Adds four columns, each times its weight, to `sums`; one sum per row.
pub fn add_columns(sums: &mut [f32], weights: [f32; PARTS], columns: [&[f32]; PARTS]) {
    in_widest!(add_columns_loop(sums: &mut [f32], weights: [f32; PARTS], columns: [&[f32]; PARTS]));
}

#[inline(always)]
fn add_columns_loop(sums: &mut [f32], w: [f32; PARTS], columns: [&[f32]; PARTS]) {
    let [a, b, c, d] = columns;
    for ((((sum, &a), &b), &c), &d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *sum = *sum + w[0] * a + w[1] * b + w[2] * c + w[3] * d;
    }
}

/// Adds a column times its weight to `sums`.
pub fn add_column(sums: &mut [f32], weight: f32, column: &[f32]) {
    in_widest!(add_column_loop(sums: &mut [f32], weight: f32, column: &[f32]));
}

#[inline(always)]
fn add_column_loop(sums: &mut [f32], weight: f32, column: &[f32]) {
    sums.iter_mut().zip(column).for_each(|(sum, &v)| *sum += weight * v);
}

/// Least and greatest value; infinity and its negative where all are NaN, which do not count.
pub fn span(values: &[f32]) -> (f32, f32) {
    in_widest!(span_loop(values: &[f32]) -> (f32, f32))
}

/// NaN fails every comparison; those are written out and kept apart, because so each is one instruction for several
/// values.
#[inline(always)]
fn span_loop(values: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([f32::INFINITY; WIDTH], [f32::NEG_INFINITY; WIDTH]);
    let (chunks, rest) = values.as_chunks::<WIDTH>();
    for chunk in chunks {
        for i in 0..WIDTH {
            low[i] = if chunk[i] < low[i] { chunk[i] } else { low[i] };
            high[i] = if chunk[i] > high[i] { chunk[i] } else { high[i] };
        }
    }
    // The functions of the standard library pass over NaN, but take more instructions.
    (
        low.iter().chain(rest).copied().fold(f32::INFINITY, f32::min),
        high.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max),
    )
}

/// For each value how many cells of `1 / per_unit` it lies above `origin`, rounded down, kept from `first` to `last` and
/// counted from `first`; 0 for NaN.
///
/// `first` and `last` must lie between 0 and [`FLOOR_LIMIT`](crate::floor::FLOOR_LIMIT).
pub fn cells(values: &[f32], (origin, per_unit): (f32, f32), (first, last): (u32, u32), cells: &mut [i32]) {
    let (from, to) = (first as f32, last as f32);
    in_widest!(cells_loop(values: &[f32], origin: f32, per_unit: f32, from: f32, to: f32, cells: &mut [i32]));
}

#[inline(always)]
fn cells_loop(values: &[f32], origin: f32, per_unit: f32, from: f32, to: f32, cells: &mut [i32]) {
    for (out, &v) in cells.iter_mut().zip(values) {
        let cell = (v - origin) * per_unit;
        // Written out, because these comparisons are one instruction each; NaN fails them.
        let cell = if cell > from { cell } else { from };
        *out = floor(if cell < to { cell } else { to }) - floor(from);
    }
}

/// Least and greatest values, and how many are NaN, at each place of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Extents {
    /// Infinity where there is no value.
    pub low: Vec<f32>,
    /// Minus infinity where there is no value.
    pub high: Vec<f32>,
    /// At most `u32::MAX`.
    pub n_missing: Vec<u32>,
}

impl Extents {
    /// Of no values, at `width` places.
    pub fn none(width: usize) -> Self {
        let (low, high) = (vec![f32::INFINITY; width], vec![f32::NEG_INFINITY; width]);
        Self { low, high, n_missing: vec![0; width] }
    }

    /// Takes in values that go through the places again and again. Both zeros are one value.
    pub fn take(&mut self, values: &[f32]) {
        let Self { low, high, n_missing } = self;
        if !low.is_empty() {
            in_widest!(extents_loop(values: &[f32], low: &mut [f32], high: &mut [f32], n_missing: &mut [u32]));
        }
    }
}

#[inline(always)]
fn extents_loop(values: &[f32], low: &mut [f32], high: &mut [f32], n_missing: &mut [u32]) {
    for values in values.chunks(low.len()) {
        for (((&v, low), high), n_missing) in
            values.iter().zip(&mut *low).zip(&mut *high).zip(&mut *n_missing)
        {
            // Adding zero makes both zeros one value. No comparison holds for what is missing.
            let v = v + 0.0;
            *low = if v < *low { v } else { *low };
            *high = if v > *high { v } else { *high };
            *n_missing += u32::from(v.is_nan());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Vec<f32>> {
        let value = prop_oneof![8 => -50.0..50.0_f32, 1 => Just(f32::NAN), 1 => -1e30..1e30_f32];
        prop::collection::vec(value, 0..70)
    }

    #[test]
    fn nothing_has_no_span() {
        assert_eq!(span(&[]), (f32::INFINITY, f32::NEG_INFINITY));
        assert_eq!(span(&[f32::NAN; 20]), (f32::INFINITY, f32::NEG_INFINITY));
    }

    proptest! {
        /// Against the plain loops, bit for bit: nothing is fused in either copy.
        #[test]
        fn wide_loops_equal_the_plain_ones(v in values(), w in prop::array::uniform4(-2.0..2.0_f32), n_bars in 1..40_u32) {
            let bits = |v: &[f32]| v.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect::<Vec<_>>();
            let columns = [&v[..], &v[v.len() / 2..], &v[..], &v[..]].map(|column| &column[..v.len() / 2]);
            let (mut a, mut b) = (vec![0.5; v.len() / 2], vec![0.5; v.len() / 2]);
            add_columns(&mut a, w, columns);
            add_columns_loop(&mut b, w, columns);
            add_column(&mut a, w[0], columns[1]);
            add_column_loop(&mut b, w[0], columns[1]);
            prop_assert_eq!(bits(&a), bits(&b));

            let present = || v.iter().copied().filter(|v| !v.is_nan());
            let want = (present().fold(f32::INFINITY, f32::min), present().fold(f32::NEG_INFINITY, f32::max));
            prop_assert_eq!(span(&v), want);

            let mut found = vec![0; v.len()];
            cells(&v, (-20.0, 0.7), (1, n_bars + 1), &mut found);
            for (&v, &cell) in v.iter().zip(&found) {
                let cells = f64::from((v + 20.0) * 0.7).floor().clamp(1.0, f64::from(n_bars + 1)) - 1.0;
                prop_assert_eq!(f64::from(cell), if v.is_nan() { 0.0 } else { cells });
            }

            let mut extents = Extents::none(3);
            extents.take(&v);
            for j in 0..3 {
                let of: Vec<f32> = v.iter().skip(j).step_by(3).copied().collect();
                prop_assert_eq!((extents.low[j], extents.high[j]), span(&of));
                prop_assert_eq!(extents.n_missing[j] as usize, of.iter().filter(|v| v.is_nan()).count());
            }
        }
    }
}
