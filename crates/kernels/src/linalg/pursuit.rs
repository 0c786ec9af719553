//! Principal component pursuit: a matrix as the sum of one of low rank and one with few entries.

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, s};
use rayon::prelude::*;

use super::{MAX_AXES, columns_of, scatter_of, symmetric_eigen};

/// Rows of a block.
const BLOCK: usize = 128;
/// How far a step goes beyond the low-rank part just found (Boyd et al. 2011, section 3.4.3, recommend 1.5 to 1.8).
const RELAXATION: f64 = 1.6;
/// Iterations between changes of the step, and the last after which it may change: from there on the proof of
/// convergence holds.
const CHANGE_EVERY: usize = 5;
const CHANGE_UNTIL: usize = 300;
/// The largest factor of one change of the step, the smallest that is worth one, and how far it gets from the first.
const MOST_CHANGE: f64 = 4.0;
const LEAST_CHANGE: f64 = 1.2;
const WIDEST_CHANGE: f64 = 64.0;

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
/// `L + S = M`, by alternating directions (Candes, Li, Ma, Wright 2011, algorithm 1).
///
/// `mu` begins as `n d / (4 |M|_1)`; in turn `L = D(M - S + Y / mu, 1 / mu)`, which takes `1 / mu` off all singular
/// values, `S = soft(M - L + Y / mu, lambda / mu)` and `Y += mu (M - L - S)`. With `T = M - L + Y / mu` all of `S` and
/// `Y` follow from `T`: what stays within `lambda / mu` is `Y / mu`, what is beyond is `S`. So one matrix is held
/// beside `M`.
///
/// In the last two steps `1.6 L - 0.6 (M - S)` stands for `L`, and every fifth time `mu` is set anew so that the
/// distance of `L + S` from `M` and the last change of `S` come near each other (Boyd, Parikh, Chu, Peleato, Eckstein
/// 2011, sections 3.4.3 and 3.4.1, doi:10.1561/2200000016). Where the part of low rank is noisy, both together take
/// less than half of the iterations and end nearer to the optimum.
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
    let first = step;
    let limit = limits.tolerance * split.matrix.iter().map(|v| v * v).sum::<f64>().sqrt();
    let (mut n_iter, mut is_converged) = (0, false);
    let (vectors, singular) = loop {
        let (vectors, singular) = split.shrunk(run)?;
        if is_converged || n_iter == limits.max_iter {
            break (vectors, singular);
        }
        n_iter += 1;
        let Gaps { apart, moved } = split.advance(&vectors, &singular, run)?;
        is_converged = apart <= limit && moved * first <= limit * split.step;
        if !is_converged && n_iter <= CHANGE_UNTIL && n_iter.is_multiple_of(CHANGE_EVERY) {
            let factor = (moved / apart).sqrt().clamp(1.0 / MOST_CHANGE, MOST_CHANGE);
            let step = (split.step * factor).clamp(first / WIDEST_CHANGE, first * WIDEST_CHANGE);
            split.change_step(step);
        }
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

    /// Another step from here on: `S` and `Y` stay.
    fn change_step(&mut self, step: f64) {
        let (factor, clip) = (step / self.step, self.clip);
        // Not where nothing moved and the factor is NaN.
        if factor >= LEAST_CHANGE || factor <= 1.0 / LEAST_CHANGE {
            self.whole.par_mapv_inplace(|t| t + (factor - 1.0) * t.clamp(-clip, clip));
            (self.step, self.clip) = (step, clip * factor);
        }
    }

    /// Goes one step on.
    fn advance(&mut self, vectors: &Array2<f64>, singular: &[f64], run: &Run) -> Result<Gaps> {
        let k = self.matrix.ncols();
        let shrink = Shrink::new(vectors, singular, self.step);
        let (clip, cells) = (self.clip, self.matrix.as_slice().unwrap_or_default());
        let blocks = self.whole.as_slice_mut().unwrap_or_default().par_chunks_mut(BLOCK * k);
        let off: Result<Vec<(f64, f64)>> = blocks
            .zip(cells.par_chunks(BLOCK * k))
            .map(|(whole, cells)| {
                run.check()?;
                let open: Vec<f64> =
                    cells.iter().zip(whole.iter()).map(|(m, t)| m - t + 2.0 * t.clamp(-clip, clip)).collect();
                let low = shrink.of(&open, k);
                let (mut apart, mut moved) = (0.0, 0.0);
                for ((t, m), low) in whole.iter_mut().zip(cells).zip(&low) {
                    let dual = t.clamp(-clip, clip);
                    let before = *t - dual;
                    *t = RELAXATION * (m - low) + (1.0 - RELAXATION) * before + dual;
                    let sparse = *t - t.clamp(-clip, clip);
                    apart += (m - low - sparse).powi(2);
                    moved += (sparse - before).powi(2);
                }
                Ok((apart, moved))
            })
            .collect();
        let sums = off?.into_iter().fold((0.0, 0.0), |sum, block| (sum.0 + block.0, sum.1 + block.1));
        Ok(Gaps { apart: sums.0.sqrt(), moved: sums.1.sqrt() })
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

/// How far `L + S` is from `M`, and how far `S` moved.
struct Gaps {
    apart: f64,
    moved: f64,
}

/// What makes the low-rank part of rows: one square product where it has many directions, two narrow ones where few.
enum Shrink {
    Whole(Array2<f64>),
    Narrow { vectors: Array2<f64>, scaled: Array2<f64> },
}

impl Shrink {
    fn new(vectors: &Array2<f64>, singular: &[f64], step: f64) -> Self {
        let mut scaled = vectors.clone();
        let factors = singular.iter().map(|v| v / (v + step));
        scaled.rows_mut().into_iter().zip(factors).for_each(|(mut row, factor)| row *= factor);
        if 2 * vectors.nrows() < vectors.ncols() {
            Self::Narrow { vectors: vectors.as_standard_layout().into_owned(), scaled }
        } else {
            Self::Whole(scaled.t().dot(vectors).as_standard_layout().into_owned())
        }
    }

    /// Of rows of `k` numbers, one after the other.
    fn of(&self, rows: &[f64], k: usize) -> Vec<f64> {
        let n = rows.len() / k;
        let product = |a: MatRef<'_, f64>, b: &[f64]| {
            let mut out = vec![0.0; a.nrows() * n];
            let to = MatMut::from_column_major_slice_mut(&mut out, a.nrows(), n);
            matmul(to, Accum::Replace, a, columns_of(b, a.ncols()), 1.0, Par::Seq);
            out
        };
        match self {
            Self::Whole(whole) => product(as_faer(whole), rows),
            Self::Narrow { scaled, .. } if scaled.is_empty() => vec![0.0; rows.len()],
            Self::Narrow { vectors, scaled } => {
                product(as_faer(scaled).transpose(), &product(as_faer(vectors), rows))
            }
        }
    }
}

fn as_faer(matrix: &Array2<f64>) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(matrix.as_slice().unwrap_or_default(), matrix.nrows(), matrix.ncols())
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

    /// Dense noise leaves many directions: still near the optimum after some dozens of iterations.
    #[test]
    fn noisy_parts_settle_soon() {
        let (low, sparse) = planted(200, 50, 5);
        let matrix = &low + &sparse + Array2::from_shape_fn((200, 50), |(i, j)| 0.5 * noise(i + 70_000, j));
        let lambda = 1.0 / 200.0_f64.sqrt();
        let cost = |tolerance: f64| {
            let limits = PursuitLimits { tolerance, max_iter: 5000 };
            let found = principal_component_pursuit(matrix.clone(), lambda, limits, &Run::new(0)).unwrap();
            assert!(found.is_converged);
            let sparse = found.sparse.iter().map(|v| v.abs()).sum::<f64>();
            (found.singular.iter().sum::<f64>() + lambda * sparse, found.n_iter)
        };
        let ((soon, n_iter), (late, _)) = (cost(1e-5), cost(1e-8));
        assert!(n_iter < 100 && (soon - late).abs() < 1e-5 * late, "{n_iter} {soon} {late}");
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
