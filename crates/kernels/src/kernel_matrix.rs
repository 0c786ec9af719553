//! Kernels between rows, for support vectors and densities.
//!
//! Reference rows lie in groups of `LANES`, column by column within a group, so that one query meets many rows at a
//! time and every pair is measured on its own: `sum_j (x_j - y_j)^2` or `sum_j x_j y_j` in f64, in the order of the
//! columns. So nothing cancels, and a value depends on the two rows alone, not on the rows around them.
//!
//! The loops are compiled twice, the second time for AVX2, which is taken where the processor has it. Products and
//! sums are not fused, so both give the same bits.

use std::ops::Range;

use anomalyst_core::{Error, Result, Run};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::wide::in_widest;

/// Rows that are met at a time.
const LANES: usize = 16;
/// Rows whose kernels are held at a time.
pub const TILE: usize = 32 * LANES;
/// Queries that meet one tile while it is in the cache.
const QUERIES: usize = 32;

/// A measure of how alike two rows are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// `exp(-gamma |x - y|^2)`.
    Rbf {
        /// The reciprocal of the squared width.
        gamma: f64,
    },
    /// `x . y`.
    Linear,
    /// `(gamma x . y + coef0)^degree`.
    Polynomial {
        /// What the product is multiplied by.
        gamma: f64,
        /// What is added to it.
        coef0: f64,
        /// The power.
        degree: i32,
    },
    /// `tanh(gamma x . y + coef0)`; not a kernel in the strict sense, since it is not always positive definite.
    Sigmoid {
        /// What the product is multiplied by.
        gamma: f64,
        /// What is added to it.
        coef0: f64,
    },
}

impl Kernel {
    /// Whether it is a function of the distance; of the product otherwise.
    pub const fn is_radial(self) -> bool {
        matches!(self, Self::Rbf { .. })
    }

    /// `k(x, x)` of each row.
    pub fn of_each_with_itself(self, rows: ArrayView2<'_, f32>) -> Vec<f64> {
        let square = |v: &f32| f64::from(*v) * f64::from(*v);
        let of_row =
            |row: ArrayView1<'_, f32>| if self.is_radial() { 0.0 } else { row.iter().map(square).sum() };
        let mut values: Vec<f64> = rows.rows().into_iter().map(of_row).collect();
        self.apply(&mut values);
        values
    }

    /// Turns squared distances or products into kernels.
    fn apply(self, values: &mut [f64]) {
        match self {
            Self::Rbf { gamma } => {
                values.iter_mut().for_each(|v| *v *= -gamma);
                exp_of_negatives(values);
            }
            Self::Linear => {}
            Self::Polynomial { gamma, coef0, degree } => {
                values.iter_mut().for_each(|v| *v = (gamma * *v + coef0).powi(degree));
            }
            Self::Sigmoid { gamma, coef0 } => {
                values.iter_mut().for_each(|v| *v = (gamma * *v + coef0).tanh());
            }
        }
    }
}

/// Replaces numbers that are at most 0 by their exponentials, to a few units in the last place; below -708, where
/// results leave the normal numbers of f64, by `exp(-708)`, some 1e-308.
pub fn exp_of_negatives(values: &mut [f64]) {
    in_widest!(exp_loop(values: &mut [f64]));
}

/// `e^x = 2^k e^r` with `k` the nearest whole number to `x / ln 2` and `e^r` by its series, of which 13 terms leave
/// 2e-16 for `|r| <= ln(2) / 2`.
#[inline(always)]
fn exp_loop(values: &mut [f64]) {
    /// Adding this rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// `ln 2` in two parts; the first has so few bits that `k` times it is exact.
    const LN2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    const SERIES: [f64; 13] = [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    for value in values {
        let x = if *value > -708.0 { *value } else { -708.0 };
        let rounded = x * std::f64::consts::LOG2_E + ROUND;
        let k = rounded - ROUND;
        let r = (x - k * LN2[0]) - k * LN2[1];
        let series = SERIES.iter().fold(0.0, |sum, term| sum * r + term);
        *value = series * f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
    }
}

/// One row that meets the others.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Its number among the queries.
    pub index: usize,
    /// Its values.
    pub row: &'a [f64],
}

/// Rows prepared for meeting queries.
#[derive(Clone, Debug)]
pub struct PackedRows {
    n_rows: usize,
    n_columns: usize,
    /// Groups of [`LANES`] rows, column by column; the last one is filled up with zeros.
    lanes: Vec<f32>,
}

impl PackedRows {
    /// Prepares finite rows; takes `4 n d` bytes.
    pub fn new(rows: ArrayView2<'_, f32>) -> Self {
        let (n_rows, n_columns) = rows.dim();
        let mut lanes = vec![0.0; n_rows.next_multiple_of(LANES) * n_columns];
        if n_columns > 0 {
            for (group, lanes) in
                rows.axis_chunks_iter(Axis(0), LANES).zip(lanes.chunks_exact_mut(LANES * n_columns))
            {
                for ((slot, column), &value) in group.indexed_iter() {
                    lanes[column * LANES + slot] = value;
                }
            }
        }
        Self { n_rows, n_columns, lanes }
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.n_rows
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// How many columns the rows have.
    pub const fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// One value.
    pub fn value(&self, row: usize, column: usize) -> f32 {
        self.lanes[(row / LANES * self.n_columns + column) * LANES + row % LANES]
    }

    /// One row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = f32> + '_ {
        (0..self.n_columns).map(move |column| self.value(row, column))
    }

    /// All rows in the order given.
    pub fn to_matrix(&self) -> Array2<f32> {
        Array2::from_shape_fn((self.n_rows, self.n_columns), |(i, j)| self.value(i, j))
    }

    /// Squared distances from `query` to the rows `start..start + out.len()`, where `start` is a multiple of
    /// [`TILE`].
    pub fn squared_distances(&self, query: &[f64], start: usize, out: &mut [f64]) {
        let lanes = self.lanes_at(start);
        in_widest!(squares_loop(lanes: &[f32], query: &[f64], out: &mut [f64]));
    }

    /// Products of `query` with the rows `start..start + out.len()`, where `start` is a multiple of [`TILE`].
    pub fn products(&self, query: &[f64], start: usize, out: &mut [f64]) {
        let lanes = self.lanes_at(start);
        in_widest!(products_loop(lanes: &[f32], query: &[f64], out: &mut [f64]));
    }

    /// Kernels between `query` and the rows `start..start + out.len()`, where `start` is a multiple of [`TILE`].
    pub fn kernels(&self, kernel: Kernel, query: &[f64], start: usize, out: &mut [f64]) {
        if kernel.is_radial() {
            self.squared_distances(query, start, out);
        } else {
            self.products(query, start, out);
        }
        kernel.apply(out);
    }

    /// Kernels between `query` and the rows of `range`, which may begin anywhere; `buffer` is what they are computed in.
    pub fn kernels_of<'b>(
        &self,
        kernel: Kernel,
        query: &[f64],
        range: Range<usize>,
        buffer: &'b mut Vec<f64>,
    ) -> &'b [f64] {
        let start = range.start / LANES * LANES;
        buffer.clear();
        buffer.resize(range.end.saturating_sub(start), 0.0);
        self.kernels(kernel, query, start, buffer);
        &buffer[(range.start - start).min(buffer.len())..]
    }

    /// `sum_i weight_i k(x_i, q)` for each query `q`.
    ///
    /// Time O(n d) per query, in parallel over queries; the order of each sum depends on the number of rows alone.
    pub fn weighted_sums(
        &self,
        kernel: Kernel,
        weights: &[f64],
        queries: ArrayView2<'_, f32>,
        run: &Run,
    ) -> Result<Vec<f64>> {
        self.map_tiles(queries, run, |sum: &mut f64, query, start, buffer| {
            self.kernels(kernel, query.row, start, buffer);
            *sum += product(buffer, &weights[start..]);
        })
    }

    /// Hands every query and every tile of rows, in order, to `add`, with that query's state, the start of the tile
    /// and a buffer as long as the tile; gives the states.
    pub fn map_tiles<S: Default + Clone + Send>(
        &self,
        queries: ArrayView2<'_, f32>,
        run: &Run,
        add: impl Fn(&mut S, Query<'_>, usize, &mut [f64]) + Sync,
    ) -> Result<Vec<S>> {
        let d = queries.ncols();
        if d != self.n_columns {
            return Err(Error::WidthMismatch { fitted: self.n_columns, got: d });
        }
        let mut states = vec![S::default(); queries.nrows()];
        let blocks =
            states.par_chunks_mut(QUERIES).zip(queries.axis_chunks_iter(Axis(0), QUERIES).into_par_iter());
        blocks.enumerate().try_for_each(|(b, (states, block))| {
            run.check()?;
            let block = block.mapv(f64::from);
            let rows: Vec<Vec<f64>> = block.rows().into_iter().map(|row| row.to_vec()).collect();
            let mut buffer = [0.0; TILE];
            for start in (0..self.n_rows).step_by(TILE) {
                let len = TILE.min(self.n_rows - start);
                for (i, (state, row)) in states.iter_mut().zip(&rows).enumerate() {
                    let query = Query { index: b * QUERIES + i, row };
                    add(state, query, start, &mut buffer[..len]);
                }
            }
            Ok(())
        })?;
        Ok(states)
    }

    fn lanes_at(&self, start: usize) -> &[f32] {
        &self.lanes[(start * self.n_columns).min(self.lanes.len())..]
    }
}

/// The inner product, in lanes whose order is fixed; `b` may be longer.
pub fn product(a: &[f64], b: &[f64]) -> f64 {
    let b = &b[..a.len()];
    let mut sums = [0.0; 8];
    let ((a_eights, a_rest), (b_eights, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a_eights.iter().zip(b_eights) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter_mut().zip(a_rest.iter().zip(b_rest)).for_each(|(sum, (a, b))| *sum += a * b);
    sums.iter().sum()
}

#[inline(always)]
fn squares_loop(lanes: &[f32], query: &[f64], out: &mut [f64]) {
    meet::<true>(lanes, query, out);
}

#[inline(always)]
fn products_loop(lanes: &[f32], query: &[f64], out: &mut [f64]) {
    meet::<false>(lanes, query, out);
}

/// Sums the squared differences of `query` and rows in lanes, or their products, column by column.
#[inline(always)]
fn meet<const SQUARES: bool>(lanes: &[f32], query: &[f64], out: &mut [f64]) {
    if query.is_empty() {
        out.fill(0.0);
        return;
    }
    for (group, out) in lanes.chunks_exact(LANES * query.len()).zip(out.chunks_mut(LANES)) {
        let mut sums = [0.0; LANES];
        for (column, &y) in group.as_chunks::<LANES>().0.iter().zip(query) {
            for lane in 0..LANES {
                let x = f64::from(column[lane]);
                sums[lane] += if SQUARES { (x - y) * (x - y) } else { x * y };
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        let rows = PackedRows::new(array![[0.0, 0.0], [3.0, 4.0]].view());
        let kernels = |kernel: Kernel| {
            let mut out = [f64::NAN; 2];
            rows.kernels(kernel, &[1.0, 2.0], 0, &mut out);
            out
        };
        assert_eq!(kernels(Kernel::Linear), [0.0, 11.0]);
        assert_eq!(kernels(Kernel::Polynomial { gamma: 2.0, coef0: 1.0, degree: 3 }), [1.0, 23_f64.powi(3)]);
        assert_eq!(kernels(Kernel::Sigmoid { gamma: 0.1, coef0: 0.5 }), [0.5_f64.tanh(), 1.6_f64.tanh()]);
        let rbf = kernels(Kernel::Rbf { gamma: 0.25 });
        assert!((rbf[0] - (-1.25_f64).exp()).abs() < 1e-15 && (rbf[1] - (-2.0_f64).exp()).abs() < 1e-15);
        assert_eq!(rows.to_matrix(), array![[0.0, 0.0], [3.0, 4.0]]);
        let mut buffer = vec![f64::NAN; 7];
        assert_eq!(rows.kernels_of(Kernel::Linear, &[1.0, 2.0], 1..2, &mut buffer), [11.0]);
        assert!(rows.kernels_of(Kernel::Linear, &[1.0, 2.0], 2..2, &mut buffer).is_empty());
        assert_eq!(product(&[1.0; 11], &[2.0; 12]), 22.0);
    }

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        let numbers: Vec<f64> = (0..70_000).map(|i| -f64::from(i) * 0.01 - 1e-17).collect();
        let mut got = numbers.clone();
        exp_of_negatives(&mut got);
        let worst = got.iter().zip(&numbers).map(|(got, x)| (got / x.exp() - 1.0).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-15, "{worst:e}");
        let mut ends = [0.0, -0.0, -1e-300, -708.0, -1e6, f64::MIN, f64::NEG_INFINITY];
        exp_of_negatives(&mut ends);
        assert_eq!(ends[..3], [1.0; 3]);
        assert!(ends[3..].iter().all(|v| *v == ends[3] && *v < 1e-300 && *v > 0.0), "{ends:?}");
    }

    /// The guard of the promise that AVX2 changes no bit.
    #[test]
    fn wide_and_plain_loops_give_equal_bits() {
        let numbers: Vec<f64> = (0..999).map(|i| -f64::from(i) * 0.731).collect();
        let (mut wide, mut plain) = (numbers.clone(), numbers);
        exp_of_negatives(&mut wide);
        exp_loop(&mut plain);
        assert_eq!(wide, plain);
        let rows = PackedRows::new(Array2::from_shape_fn((50, 7), |(i, j)| (i * j % 13) as f32 * 0.3).view());
        let query: Vec<f64> = (0..7).map(|j| f64::from(j) * 0.7).collect();
        let (mut wide, mut plain) = (vec![0.0; 50], vec![0.0; 50]);
        rows.products(&query, 0, &mut wide);
        products_loop(&rows.lanes, &query, &mut plain);
        assert_eq!(wide, plain);
    }

    proptest! {
        #[test]
        fn sums_equal_the_definition(n in 1..1200_usize, m in 1..70_usize, d in 0..6_usize) {
            let value = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 1009) as f32 * 0.002 - 1.0;
            let rows = Array2::from_shape_fn((n, d), |(i, j)| value(i, j));
            let queries = Array2::from_shape_fn((m, d), |(i, j)| value(i + 3, j + 1));
            let weights: Vec<f64> = (0..n).map(|i| (i % 5) as f64 - 1.5).collect();
            let kernel = Kernel::Rbf { gamma: 0.7 };
            let packed = PackedRows::new(rows.view());
            let got = packed.weighted_sums(kernel, &weights, queries.view(), &Run::new(0)).unwrap();
            for (q, got) in queries.rows().into_iter().zip(got) {
                let term = |i: usize| {
                    let squares = rows.row(i).into_iter().zip(q).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2));
                    weights[i] * (-0.7 * squares.sum::<f64>()).exp()
                };
                let want: f64 = (0..n).map(term).sum();
                prop_assert!((got - want).abs() < 1e-10, "{got} {want}");
            }
        }
    }
}
