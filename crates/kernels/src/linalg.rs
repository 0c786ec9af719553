//! Decompositions and blocked moments in f64.
//!
//! Results are the same bits on any number of threads: every product runs on one thread, and partial sums are
//! added in an order that only the data's size decides. Nothing here panics: sizes that do not fit, numbers that
//! are not finite and matrices without a decomposition are errors.
//!
//! ```
//! use anomalyst_kernels::linalg::symmetric_eigen;
//! let eigen = symmetric_eigen(ndarray::array![[2.0, 1.0], [1.0, 2.0]].view()).unwrap();
//! assert!((eigen.values[0] - 3.0).abs() < 1e-12 && (eigen.values[1] - 1.0).abs() < 1e-12);
//! ```

mod axes;
mod project;
mod pursuit;
mod scatter;

pub use axes::{MAX_AXES, PrincipalAxes, principal_axes};
pub(crate) use project::map_made;
pub use project::{map_projected, map_whitened};
pub use pursuit::{Pursuit, PursuitLimits, principal_component_pursuit};
pub(crate) use scatter::scatter_of;
pub use scatter::{column_means, column_variances, covariance, scatter, weighted_means};

use anomalyst_core::{Error, Result};
use faer::linalg::solvers::{Llt, SelfAdjointEigen, Svd as FaerSvd};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Mat, MatRef, Par, Side};
use ndarray::{Array2, ArrayView2};

/// Eigenvalues of a symmetric matrix, largest first, and their unit vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// Descending.
    pub values: Vec<f64>,
    /// Row `j` is the vector of `values[j]`; its entry of largest size is positive (the first of equal ones).
    pub vectors: Array2<f64>,
}

/// `A = U diag(s) V'` with as many columns as the shorter side of `A`.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    /// Left vectors in columns.
    pub u: Array2<f64>,
    /// Descending, 0 and up.
    pub singular: Vec<f64>,
    /// Right vectors in rows; the entry of largest size in each is positive, `u` follows.
    pub vt: Array2<f64>,
}

/// `A = L L'` of a symmetric positive definite matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Cholesky {
    lower: Array2<f64>,
}

/// The eigen decomposition of a symmetric matrix, of which only the lower triangle is read.
pub fn symmetric_eigen(matrix: ArrayView2<'_, f64>) -> Result<Eigen> {
    let n = square(matrix)?;
    let eigen = SelfAdjointEigen::new(to_faer(matrix).as_ref(), Side::Lower)
        .map_err(|_| no_answer("the eigen decomposition did not converge"))?;
    let (u, s) = (eigen.U(), eigen.S().column_vector());
    // They come ascending.
    let mut vectors = Array2::from_shape_fn((n, n), |(j, i)| u[(i, n - 1 - j)]);
    vectors.rows_mut().into_iter().for_each(|mut row| {
        if is_flipped(row.iter()) {
            row.mapv_inplace(|v| -v);
        }
    });
    Ok(Eigen { values: (0..n).map(|j| s[n - 1 - j]).collect(), vectors })
}

/// The singular value decomposition of any matrix.
pub fn thin_svd(matrix: ArrayView2<'_, f64>) -> Result<Svd> {
    finite(matrix)?;
    let (m, n) = matrix.dim();
    let k = m.min(n);
    if k == 0 {
        return Ok(Svd { u: Array2::zeros((m, 0)), singular: Vec::new(), vt: Array2::zeros((0, n)) });
    }
    let svd = FaerSvd::new_thin(to_faer(matrix).as_ref())
        .map_err(|_| no_answer("the singular value decomposition did not converge"))?;
    let (fu, fv, s) = (svd.U(), svd.V(), svd.S().column_vector());
    let mut u = Array2::from_shape_fn((m, k), |(i, j)| fu[(i, j)]);
    let mut vt = Array2::from_shape_fn((k, n), |(j, i)| fv[(i, j)]);
    for j in 0..k {
        if is_flipped(vt.row(j).iter()) {
            vt.row_mut(j).mapv_inplace(|v| -v);
            u.column_mut(j).mapv_inplace(|v| -v);
        }
    }
    Ok(Svd { u, singular: (0..k).map(|j| s[j]).collect(), vt })
}

impl Cholesky {
    /// Decomposes a symmetric positive definite matrix, of which only the lower triangle is read.
    pub fn new(matrix: ArrayView2<'_, f64>) -> Result<Self> {
        let n = square(matrix)?;
        let llt = Llt::new(to_faer(matrix).as_ref(), Side::Lower)
            .map_err(|_| no_answer("the matrix is not positive definite"))?;
        let l = llt.L();
        let lower = Array2::from_shape_fn((n, n), |(i, j)| if j <= i { l[(i, j)] } else { 0.0 });
        if lower.diag().iter().any(|v| !v.is_finite() || *v <= 0.0) {
            return Err(no_answer("the matrix is not positive definite"));
        }
        Ok(Self { lower })
    }

    /// `L`.
    pub const fn lower(&self) -> &Array2<f64> {
        &self.lower
    }

    /// The logarithm of the determinant of `A`.
    pub fn log_det(&self) -> f64 {
        2.0 * self.lower.diag().iter().map(|v| v.ln()).sum::<f64>()
    }

    /// `x` with `A x = b`.
    pub fn solve(&self, b: &[f64]) -> Result<Vec<f64>> {
        let n = self.lower.nrows();
        if b.len() != n {
            return Err(Error::Data(format!("a right side of {} numbers for {n} equations", b.len())));
        }
        let mut x = b.to_vec();
        for i in 0..n {
            let done: f64 = (0..i).map(|j| self.lower[[i, j]] * x[j]).sum();
            x[i] = (x[i] - done) / self.lower[[i, i]];
        }
        for i in (0..n).rev() {
            let done: f64 = (i + 1..n).map(|j| self.lower[[j, i]] * x[j]).sum();
            x[i] = (x[i] - done) / self.lower[[i, i]];
        }
        Ok(x)
    }

    /// `L^-1`, which turns centred rows into rows of unit covariance.
    pub fn inverse_lower(&self) -> Array2<f64> {
        let n = self.lower.nrows();
        let mut inverse = Mat::zeros(n, n);
        invert_lower_triangular(inverse.as_mut(), to_faer(self.lower.view()).as_ref(), Par::Seq);
        Array2::from_shape_fn((n, n), |(i, j)| if j <= i { inverse[(i, j)] } else { 0.0 })
    }
}

fn square(matrix: ArrayView2<'_, f64>) -> Result<usize> {
    let (rows, columns) = matrix.dim();
    if rows != columns || rows == 0 {
        return Err(Error::Data(format!("a matrix of {rows} x {columns} where a square one is needed")));
    }
    finite(matrix)?;
    Ok(rows)
}

fn finite(matrix: ArrayView2<'_, f64>) -> Result<()> {
    match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), _)) => Err(Error::NotFinite { row, column }),
        None => Ok(()),
    }
}

/// Whether the entry of largest size (the first of equal ones) is negative.
fn is_flipped<'a>(vector: impl Iterator<Item = &'a f64>) -> bool {
    vector.fold(0.0_f64, |best, &v| if v.abs() > best.abs() { v } else { best }) < 0.0
}

fn to_faer(matrix: ArrayView2<'_, f64>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[[i, j]])
}

/// Rows of a row-major buffer as the columns of a matrix.
fn columns_of(buffer: &[f64], len: usize) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(buffer, len, buffer.len() / len.max(1))
}

/// Hands every row to `take` as a slice, which compilers turn into vector instructions where they do not for rows of
/// unknown strides. Rows that lie in one piece are not copied.
fn each_row(block: ArrayView2<'_, f32>, mut take: impl FnMut(usize, &[f32])) {
    let d = block.ncols().max(1);
    let block = block.as_standard_layout();
    block.as_slice().unwrap_or_default().chunks_exact(d).enumerate().for_each(|(i, row)| take(i, row));
}

fn no_answer(what: &str) -> Error {
    Error::Numeric { method: "linear algebra".into(), what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) -> bool {
        a.dim() == b.dim() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= tolerance)
    }

    /// Eigenvalues 3 and 1 with vectors (1, 1) and (1, -1), divided by the root of 2.
    #[test]
    fn eigen_in_closed_form() {
        let eigen = symmetric_eigen(array![[2.0, 1.0], [1.0, 2.0]].view()).unwrap();
        let h = 0.5_f64.sqrt();
        assert!((eigen.values[0] - 3.0).abs() < 1e-12 && (eigen.values[1] - 1.0).abs() < 1e-12);
        assert!((&eigen.vectors.row(0) - &array![h, h]).iter().all(|v| v.abs() < 1e-12));
        assert!((eigen.vectors[[1, 0]] * eigen.vectors[[1, 1]] + 0.5).abs() < 1e-12);
    }

    /// A = [[4, 2], [2, 3]] = [[2, 0], [1, sqrt 2]] times its transpose; det 8.
    #[test]
    fn cholesky_in_closed_form() {
        let cholesky = Cholesky::new(array![[4.0, 2.0], [2.0, 3.0]].view()).unwrap();
        assert!(close(cholesky.lower(), &array![[2.0, 0.0], [1.0, 2.0_f64.sqrt()]], 1e-12));
        assert!((cholesky.log_det() - 8.0_f64.ln()).abs() < 1e-12);
        let x = cholesky.solve(&[8.0, 7.0]).unwrap();
        assert!((x[0] - 1.25).abs() < 1e-12 && (x[1] - 1.5).abs() < 1e-12);
        assert!(close(&cholesky.inverse_lower().dot(cholesky.lower()), &Array2::eye(2), 1e-12));
    }

    #[test]
    fn wrong_sizes_and_values_are_errors() {
        assert!(symmetric_eigen(Array2::zeros((2, 3)).view()).is_err());
        assert!(symmetric_eigen(Array2::zeros((0, 0)).view()).is_err());
        assert!(symmetric_eigen(array![[f64::NAN]].view()).is_err());
        assert!(Cholesky::new(array![[1.0, 2.0], [2.0, 1.0]].view()).is_err());
        assert!(Cholesky::new(array![[0.0]].view()).is_err());
        assert!(Cholesky::new(array![[1.0]].view()).unwrap().solve(&[1.0, 2.0]).is_err());
        assert!(thin_svd(array![[f64::INFINITY]].view()).is_err());
        assert_eq!(thin_svd(Array2::zeros((3, 0)).view()).unwrap().singular, Vec::<f64>::new());
    }

    fn matrix(rows: usize, columns: usize, cells: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| cells[i * columns + j])
    }

    proptest! {
        #[test]
        fn decompositions_give_the_matrix_back(
            rows in 1..8_usize, columns in 1..8_usize, cells in prop::collection::vec(-10.0..10.0_f64, 64),
        ) {
            let a = matrix(rows, columns, &cells);
            let svd = thin_svd(a.view()).unwrap();
            let scaled = &svd.u * &ndarray::Array1::from(svd.singular.clone());
            prop_assert!(close(&scaled.dot(&svd.vt), &a, 1e-10));
            prop_assert!(svd.singular.is_sorted_by(|x, y| x >= y));

            let square = a.t().dot(&a) + Array2::<f64>::eye(columns);
            let eigen = symmetric_eigen(square.view()).unwrap();
            let scaled = &eigen.vectors.t() * &ndarray::Array1::from(eigen.values.clone());
            prop_assert!(close(&scaled.dot(&eigen.vectors), &square, 1e-9));
            prop_assert!(eigen.values.is_sorted_by(|x, y| x >= y));

            let cholesky = Cholesky::new(square.view()).unwrap();
            prop_assert!(close(&cholesky.lower().dot(&cholesky.lower().t()), &square, 1e-9));
            prop_assert!(close(&cholesky.inverse_lower().dot(cholesky.lower()), &Array2::eye(columns), 1e-9));
            let log_det: f64 = eigen.values.iter().map(|v| v.ln()).sum();
            prop_assert!((cholesky.log_det() - log_det).abs() < 1e-9 * log_det.abs().max(1.0));
        }
    }
}
