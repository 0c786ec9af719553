//! Linear regression of the points of series on those before them, all channels on all, for every order at once.
//!
//! The products of lag `i` with lag `j` are those of lag 0 with lag `j - i`, one end moved by `i` points, so that only
//! `order + 1` products of whole series are computed. One Cholesky decomposition of all of them then answers for every
//! order: its rows of the points themselves hold what each further lag explains.

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

/// What is left of a number when the part that others tell is taken out counts as nothing below this share of its square.
const NOTHING_NEW: f64 = 1e-10;
/// Points whose products are summed before it is looked whether the run was stopped.
const STEPS: usize = 1 << 12;

/// Sums over all points with `order` points before them of products of 1, their lags and the points.
#[derive(Clone, Debug)]
pub struct LaggedProducts {
    n_points: usize,
    n_channels: usize,
    order: usize,
    /// The constant, the lags, the newest first, each of all channels, and last the points.
    sums: Array2<f64>,
}

impl LaggedProducts {
    /// Of `series`, points x channels. Values should be measured from about their mean.
    ///
    /// Time O(n d^2 p + (d p)^2), memory O((d p)^2).
    pub fn of(series: &[ArrayView2<'_, f64>], order: usize, run: &Run) -> Result<Self> {
        let n_channels = series.first().map_or(0, ArrayView2::ncols);
        if let Some(other) = series.iter().find(|points| points.ncols() != n_channels) {
            return Err(Error::WidthMismatch { fitted: n_channels, got: other.ncols() });
        }
        let size = 1 + (order + 1) * n_channels;
        let mut all = Self { n_points: 0, n_channels, order, sums: Array2::zeros((size, size)) };
        for points in series.iter().filter(|points| points.nrows() > order) {
            all.add(points.as_standard_layout().view(), run)?;
        }
        all.sums[(0, 0)] = all.n_points as f64;
        // Only one of two equal products was written.
        for i in 0..size {
            for j in 0..i {
                let sum = all.sums[(i, j)] + all.sums[(j, i)];
                (all.sums[(i, j)], all.sums[(j, i)]) = (sum, sum);
            }
        }
        Ok(all)
    }

    /// Adds what one series tells to one of the two places of each product.
    fn add(&mut self, points: ArrayView2<'_, f64>, run: &Run) -> Result<()> {
        let (n, d, order) = (points.nrows(), self.n_channels, self.order);
        self.n_points += n - order;
        let of_lag: Vec<Vec<f64>> =
            (0..=order).into_par_iter().map(|lag| product(points, order, lag, run)).collect::<Result<_>>()?;
        for (apart, mut sums) in of_lag.into_iter().enumerate() {
            // Of lags i and i + apart, products are those of lags one less, one point earlier.
            for i in 0..=order - apart {
                run.check()?;
                if i > 0 {
                    let (first, last) = (order - i, n - i);
                    let pairs = [
                        (points.row(first), points.row(first - apart), 1.0),
                        (points.row(last), points.row(last - apart), -1.0),
                    ];
                    pairs.into_iter().for_each(|(a, b, sign)| add_outer(&mut sums, a, b, sign));
                }
                let (row, column) = (self.place(i), self.place(i + apart));
                for a in 0..d {
                    // Products of a lag with itself have their own place twice.
                    for b in if apart == 0 { a..d } else { 0..d } {
                        self.sums[(row + a, column + b)] += sums[a * d + b];
                    }
                }
            }
        }
        for lag in 0..=order {
            let place = self.place(lag);
            for row in points.slice(ndarray::s![order - lag..n - lag, ..]).rows() {
                row.iter().enumerate().for_each(|(a, v)| self.sums[(0, place + a)] += v);
            }
        }
        Ok(())
    }

    /// Where the channels of a lag begin. Lag 0 is the point itself, which comes last.
    const fn place(&self, lag: usize) -> usize {
        1 + (if lag == 0 { self.order } else { lag - 1 }) * self.n_channels
    }

    /// Points that have all lags.
    pub const fn n_points(&self) -> usize {
        self.n_points
    }

    /// Decomposes the products, those of every lag with itself raised by the share `ridge`.
    ///
    /// Lags that tell nothing beside those before them, newer ones and earlier channels, get no weight.
    pub fn solve(&self, ridge: f64, run: &Run) -> Result<LaggedRegression> {
        let size = self.sums.nrows();
        let n_known = size - self.n_channels;
        let mut lower = Array2::<f64>::zeros((size, n_known));
        for i in 0..size {
            run.check()?;
            let (done, mut rest) = lower.view_mut().split_at(ndarray::Axis(0), i);
            let mut own = rest.row_mut(0);
            let Some(own) = own.as_slice_mut() else { continue };
            for (j, other) in done.rows().into_iter().enumerate().take(n_known) {
                let pivot = other[j];
                if pivot > 0.0 {
                    let known = other.as_slice().map_or(0.0, |other| dot(&own[..j], &other[..j]));
                    own[j] = (self.sums[(i, j)] - known) / pivot;
                }
            }
            if i < n_known {
                let raised = self.sums[(i, i)] * if i > 0 { 1.0 + ridge } else { 1.0 };
                let left = raised - dot(&own[..i], &own[..i]);
                own[i] = if left > NOTHING_NEW * raised { left.sqrt() } else { 0.0 };
            }
        }
        let square = self.sums.slice(ndarray::s![n_known.., n_known..]).to_owned();
        Ok(LaggedRegression { n_channels: self.n_channels, order: self.order, square, lower })
    }
}

/// Regressions on the first lags, for every number of them.
#[derive(Clone, Debug)]
pub struct LaggedRegression {
    n_channels: usize,
    order: usize,
    /// Products of the points with each other.
    square: Array2<f64>,
    /// The factor: a row for each number that is known and each channel, a column for each that is known.
    lower: Array2<f64>,
}

impl LaggedRegression {
    /// Sums of products of the errors of the regression on the newest `order` lags, channels x channels.
    pub fn errors(&self, order: usize) -> Array2<f64> {
        let (n_known, m) = (self.lower.ncols(), self.n_known(order));
        let of = |a: usize| self.lower.row(n_known + a);
        Array2::from_shape_fn((self.n_channels, self.n_channels), |(a, b)| {
            let (a, b) = (a.max(b), a.min(b));
            let explained = match (of(a).as_slice(), of(b).as_slice()) {
                (Some(a), Some(b)) => dot(&a[..m], &b[..m]),
                _ => 0.0,
            };
            self.square[(a, b)] - explained
        })
    }

    /// Weights of the regression on the newest `order` lags: a row for each channel; the constant, then the lags, the
    /// newest first, each of all channels.
    pub fn weights(&self, order: usize) -> Array2<f64> {
        let (n_known, m) = (self.lower.ncols(), self.n_known(order));
        let mut weights = Array2::zeros((self.n_channels, m));
        for (a, mut weights) in weights.rows_mut().into_iter().enumerate() {
            let mut left: Vec<f64> = self.lower.row(n_known + a).iter().take(m).copied().collect();
            for i in (0..m).rev() {
                let row = self.lower.row(i);
                if row[i] > 0.0 {
                    let weight = left[i] / row[i];
                    weights[i] = weight;
                    left[..i].iter_mut().zip(row).for_each(|(left, l)| *left -= weight * l);
                }
            }
        }
        weights
    }

    /// Numbers that a regression on `order` lags knows, the constant among them.
    fn n_known(&self, order: usize) -> usize {
        1 + order.min(self.order) * self.n_channels
    }
}

/// `sum_t x_t x_(t - lag)'` over points with `order` points before, row-major.
fn product(points: ArrayView2<'_, f64>, order: usize, lag: usize, run: &Run) -> Result<Vec<f64>> {
    let (n, d) = points.dim();
    let mut sums = vec![0.0; d * d];
    let flat = points.as_slice().unwrap_or_default();
    for from in (order..n).step_by(STEPS) {
        run.check()?;
        let to = n.min(from + STEPS);
        let columns = |rows: std::ops::Range<usize>| {
            MatRef::from_column_major_slice(&flat[rows.start * d..rows.end * d], d, to - from)
        };
        let (now, before) = (columns(from..to), columns(from - lag..to - lag));
        // Column-major, the transpose of what is asked for.
        let out = MatMut::from_column_major_slice_mut(&mut sums, d, d);
        matmul(out, Accum::Add, before, now.transpose(), 1.0, Par::Seq);
    }
    Ok(sums)
}

fn add_outer(sums: &mut [f64], a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, sign: f64) {
    for (sums, a) in sums.chunks_exact_mut(b.len().max(1)).zip(a) {
        sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += sign * a * b);
    }
}

/// Eight sums at once, added in one order on every machine.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Cholesky;
    use proptest::prelude::*;

    /// Row of known numbers and of the point, from the definition.
    fn known(points: &Array2<f64>, t: usize, order: usize) -> Vec<f64> {
        let lags = (1..=order).flat_map(|i| points.row(t - i).to_vec());
        std::iter::once(1.0).chain(lags).chain(points.row(t).to_vec()).collect()
    }

    proptest! {
        /// Against sums over all points and the normal equations.
        #[test]
        fn is_the_least_squares(
            lengths in (0..40_usize, 30..60_usize), d in 1..4_usize, order in 0..4_usize, ridge in prop::sample::select(vec![0.0, 0.1]),
            cells in prop::collection::vec(-2.0..2.0_f64, 400),
        ) {
            let series = [lengths.0, lengths.1].map(|n| Array2::from_shape_fn((n, d), |(i, j)| cells[(i * d + j + n) % 400]));
            let views: Vec<_> = series.iter().map(|points| points.view()).collect();
            let products = LaggedProducts::of(&views, order, &Run::new(0)).unwrap();
            let size = 1 + d * (order + 1);
            let mut want = Array2::<f64>::zeros((size, size));
            for points in &series {
                for t in order..points.nrows() {
                    let row = ndarray::Array1::from(known(points, t, order));
                    want += &(&row.view().insert_axis(ndarray::Axis(1)) * &row.view().insert_axis(ndarray::Axis(0)));
                }
            }
            prop_assert!((&products.sums - &want).iter().all(|v| v.abs() < 1e-9));
            let solved = products.solve(ridge, &Run::new(0)).unwrap();
            let m = 1 + d * order;
            let mut normal = want.slice(ndarray::s![..m, ..m]).to_owned();
            (1..m).for_each(|i| normal[(i, i)] *= 1.0 + ridge);
            let cholesky = Cholesky::new(normal.view()).unwrap();
            let weights = solved.weights(order);
            for a in 0..d {
                let right = want.slice(ndarray::s![..m, m + a]).to_vec();
                let plain = cholesky.solve(&right).unwrap();
                prop_assert!(weights.row(a).iter().zip(&plain).all(|(x, y)| (x - y).abs() < 1e-7));
                let left = want[(m + a, m + a)] - right.iter().zip(&plain).map(|(x, y)| x * y).sum::<f64>();
                prop_assert!((solved.errors(order)[(a, a)] - left).abs() < 1e-7);
            }
        }
    }

    /// Twice the same channel, and one that never moves.
    #[test]
    fn channels_that_tell_nothing_get_no_weight() {
        let points =
            Array2::from_shape_fn((50, 3), |(i, j)| if j == 2 { 0.0 } else { (0.9 * i as f64).sin() });
        let products = LaggedProducts::of(&[points.view()], 2, &Run::new(0)).unwrap();
        let solved = products.solve(0.0, &Run::new(0)).unwrap();
        let weights = solved.weights(2);
        assert!(weights.iter().all(|w| w.is_finite()) && weights.column(2).iter().all(|&w| w == 0.0));
        assert!((weights[(0, 1)] - 2.0 * 0.9_f64.cos()).abs() < 1e-8 && (weights[(1, 4)] + 1.0).abs() < 1e-8);
        assert!(solved.errors(2).iter().all(|v| v.abs() < 1e-9));
        let other = Array2::zeros((4, 2));
        assert!(LaggedProducts::of(&[points.view(), other.view()], 1, &Run::new(0)).is_err());
    }
}
