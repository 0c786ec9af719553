//! Principal component pursuit: a matrix as the sum of one of low rank and one with few entries.

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, s};
use rayon::prelude::*;

use super::{MAX_AXES, columns_of, scatter_of, symmetric_eigen};

/// Rows of a block.
const BLOCK: usize = 128;

/// `M = L + S` with `L = U diag(singular) axes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pursuit {
    /// The right singular vectors of `L`, one per row.
    pub axes: Array2<f64>,
    /// The singular values of `L`, descending, above 0.
    pub singular: Vec<f64>,
    /// `S`.
    pub sparse: Array2<f64>,
    /// Iterations taken.
    pub n_iter: usize,
    /// Whether `L + S` came within the tolerance.
    pub is_converged: bool,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PursuitLimits {
    /// How far `L + S` may be from the matrix, as a share of its Frobenius norm.
    pub tolerance: f64,
    /// The most iterations.
    pub max_iter: usize,
}

/// The `L` and `S` of least `|L|_* + lambda |S|_1` (sum of singular values, sum of absolute entries) with
/// `L + S = M`, by alternating directions with a fixed step (Candes, Li, Ma, Wright 2011, algorithm 1).
///
/// `mu = n d / (4 |M|_1)`; in turn `L = D(M - S + Y / mu, 1 / mu)`, which takes `1 / mu` off all singular values,
/// `S = soft(M - L + Y / mu, lambda / mu)` and `Y += mu (M - L - S)`. With `T = M - L + Y / mu` all of `S` and
/// `Y` follow from `T`: what stays within `lambda / mu` is `Y / mu`, what is beyond is `S`. So one matrix is held
/// beside `M`.
///
/// Time O(n d k + k^3) per iteration with k the smaller of n and d, memory 16 n d bytes. Singular values and vectors
/// come from the products of rows or columns; the smallest that count, `1 / mu`, are far above their rounding.
pub fn principal_component_pursuit(
    matrix: Array2<f64>,
    lambda: f64,
    limits: PursuitLimits,
    run: &Run,
) -> Result<Pursuit> {
    super::finite(matrix.view())?;
    let (n, d) = matrix.dim();
    if n.min(d) > MAX_AXES {
        return Err(Error::Budget {
            what: "principal component pursuit".into(),
            need: format!("eigen decompositions of {} x {}", n.min(d), n.min(d)),
            limit: format!("{MAX_AXES} x {MAX_AXES}"),
            hint: "take fewer rows or fewer columns".into(),
        });
    }
    let size = matrix.iter().map(|v| v.abs()).sum::<f64>();
    if size == 0.0 {
        let (axes, sparse) = (Array2::zeros((0, d)), matrix);
        return Ok(Pursuit { axes, singular: Vec::new(), sparse, n_iter: 0, is_converged: true });
    }
    // The longer side lies along rows; the problem is the same for the transpose.
    let is_wide = d > n;
    let matrix = if is_wide { matrix.reversed_axes() } else { matrix };
    let matrix = matrix.as_standard_layout().into_owned();
    let step = 4.0 * size / (n * d) as f64;
    let mut split = Split { whole: Array2::zeros(matrix.dim()), matrix, step, clip: lambda * step };
    let limit = limits.tolerance * split.matrix.iter().map(|v| v * v).sum::<f64>().sqrt();
    let (mut n_iter, mut is_converged) = (0, false);
    let (vectors, singular) = loop {
        let (vectors, singular) = split.shrunk(run)?;
        if is_converged || n_iter == limits.max_iter {
            break (vectors, singular);
        }
        n_iter += 1;
        is_converged = split.advance(&vectors, &singular, run)? <= limit;
    };
    let axes = if is_wide { split.left(&vectors, &singular) } else { vectors };
    let clip = split.clip;
    let mut sparse = split.whole;
    sparse.mapv_inplace(|v| v - v.clamp(-clip, clip));
    let sparse = if is_wide { sparse.reversed_axes() } else { sparse };
    Ok(Pursuit { axes, singular, sparse, n_iter, is_converged })
}

/// The matrix and `T`, from which all else follows.
struct Split {
    matrix: Array2<f64>,
    whole: Array2<f64>,
    /// `1 / mu`.
    step: f64,
    /// `lambda / mu`.
    clip: f64,
}

impl Split {
    /// `M - S + Y / mu` from entries of `M` and `T`, which is `M - T + 2 Y / mu`.
    fn open(&self, m: f64, t: f64) -> f64 {
        m - t + 2.0 * t.clamp(-self.clip, self.clip)
    }

    /// Right singular vectors and values of the next `L`.
    fn shrunk(&self, run: &Run) -> Result<(Array2<f64>, Vec<f64>)> {
        let products = scatter_of(self.matrix.dim(), run, |rows, out| {
            let cells = self.matrix.slice(s![rows.clone(), ..]);
            let whole = self.whole.slice(s![rows, ..]);
            out.iter_mut().zip(cells.iter().zip(whole)).for_each(|(out, (&m, &t))| *out = self.open(m, t));
        })?;
        let eigen = symmetric_eigen(products.view())?;
        let above = eigen.values.iter().map(|v| v.max(0.0).sqrt() - self.step).take_while(|v| *v > 0.0);
        let singular: Vec<f64> = above.collect();
        Ok((eigen.vectors.slice_move(s![..singular.len(), ..]), singular))
    }

    /// Goes one step on; gives the distance of `L + S` from `M`.
    fn advance(&mut self, vectors: &Array2<f64>, singular: &[f64], run: &Run) -> Result<f64> {
        let k = self.matrix.ncols();
        let factors = singular.iter().map(|v| v / (v + self.step));
        let mut scaled = vectors.clone();
        scaled.rows_mut().into_iter().zip(factors).for_each(|(mut row, factor)| row *= factor);
        let shrink = scaled.t().dot(vectors).as_standard_layout().into_owned();
        let shrink = MatRef::from_row_major_slice(shrink.as_slice().unwrap_or_default(), k, k);
        let (clip, cells) = (self.clip, self.matrix.as_slice().unwrap_or_default());
        let blocks = self.whole.as_slice_mut().unwrap_or_default().par_chunks_mut(BLOCK * k);
        let off: Vec<Result<f64>> = blocks
            .zip(cells.par_chunks(BLOCK * k))
            .map(|(whole, cells)| {
                run.check()?;
                let open: Vec<f64> =
                    cells.iter().zip(whole.iter()).map(|(m, t)| m - t + 2.0 * t.clamp(-clip, clip)).collect();
                let mut low = vec![0.0; open.len()];
                let out = MatMut::from_column_major_slice_mut(&mut low, k, open.len() / k);
                matmul(out, Accum::Replace, shrink, columns_of(&open, k), 1.0, Par::Seq);
                let mut sum = 0.0;
                for ((t, m), low) in whole.iter_mut().zip(cells).zip(&low) {
                    let before = t.clamp(-clip, clip);
                    *t = m - low + before;
                    // M - L - S is how far Y / mu has moved.
                    sum += (t.clamp(-clip, clip) - before).powi(2);
                }
                Ok(sum)
            })
            .collect();
        Ok(off.into_iter().sum::<Result<f64>>()?.sqrt())
    }

    /// Left singular vectors of the next `L`, one per row.
    fn left(&self, vectors: &Array2<f64>, singular: &[f64]) -> Array2<f64> {
        let mut open = self.matrix.clone();
        open.zip_mut_with(&self.whole, |m, &t| *m = self.open(*m, t));
        let mut left = vectors.dot(&open.t());
        left.rows_mut().into_iter().zip(singular).for_each(|(mut row, v)| row /= v + self.step);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, between -1 and 1.
    fn noise(i: usize, j: usize) -> f64 {
        let mixed = ((i * 7919 + j) as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 11) as f64 / (1_u64 << 53) as f64).mul_add(2.0, -1.0)
    }

    fn planted(n: usize, d: usize, rank: usize) -> (Array2<f64>, Array2<f64>) {
        let left = Array2::from_shape_fn((n, rank), |(i, j)| noise(i, j));
        let right = Array2::from_shape_fn((rank, d), |(i, j)| noise(i + 10_000, j));
        let sparse = Array2::from_shape_fn((n, d), |(i, j)| {
            if noise(i + 30_000, j) > 0.9 { 5.0 * noise(i + 50_000, j).signum() } else { 0.0 }
        });
        (left.dot(&right), sparse)
    }

    const LIMITS: PursuitLimits = PursuitLimits { tolerance: 1e-7, max_iter: 1000 };

    /// Theorem 1.1 of the paper: rank 3, one entry in twenty wrong by 5; both parts come back, tall and wide.
    #[test]
    fn recovers_planted_parts() {
        for (n, d) in [(120, 80), (80, 120)] {
            let (low, sparse) = planted(n, d, 3);
            let lambda = 1.0 / (n.max(d) as f64).sqrt();
            let found = principal_component_pursuit(&low + &sparse, lambda, LIMITS, &Run::new(0)).unwrap();
            assert!(found.is_converged && found.n_iter < 500, "{}", found.n_iter);
            assert_eq!(found.singular.len(), 3);
            let worst = |a: &Array2<f64>, b: &Array2<f64>| {
                a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            assert!(worst(&found.sparse, &sparse) < 1e-4, "{:e}", worst(&found.sparse, &sparse));
            // The axes span the rows of the low-rank part, and are orthonormal.
            let within = low.dot(&found.axes.t()).dot(&found.axes);
            assert!(worst(&within, &low) < 1e-4);
            assert!(worst(&found.axes.dot(&found.axes.t()), &Array2::eye(3)) < 1e-9);
        }
    }

    /// A matrix of one entry: all of it is sparse where lambda < 1, all of it low rank where lambda > 1.
    #[test]
    fn one_entry() {
        let one = Array2::from_elem((1, 1), 3.0);
        let run = Run::new(0);
        let sparse = principal_component_pursuit(one.clone(), 0.5, LIMITS, &run).unwrap();
        assert!(sparse.singular.is_empty() && (sparse.sparse[[0, 0]] - 3.0).abs() < 1e-5);
        let low = principal_component_pursuit(one, 2.0, LIMITS, &run).unwrap();
        assert!((low.singular[0] - 3.0).abs() < 1e-5 && low.sparse[[0, 0]].abs() < 1e-5);
    }

    #[test]
    fn degenerate_and_hostile_matrices() {
        let run = Run::new(0);
        let nothing = principal_component_pursuit(Array2::zeros((3, 2)), 0.5, LIMITS, &run).unwrap();
        assert_eq!((nothing.axes.dim(), nothing.singular.len()), ((0, 2), 0));
        let nan = Array2::from_elem((2, 2), f64::NAN);
        assert!(principal_component_pursuit(nan, 0.5, LIMITS, &run).is_err());
        let wide = Array2::zeros((MAX_AXES + 1, MAX_AXES + 1));
        let too_many = principal_component_pursuit(wide, 0.5, LIMITS, &run);
        assert!(matches!(too_many, Err(Error::Budget { .. })));
    }
}
