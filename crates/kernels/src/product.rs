//! Products of matrices.
//!
//! One function over the `gemm` crate, single-threaded: callers are parallel over tiles themselves, which keeps
//! both cores busy without splitting small products, and results the same on any number of threads.

use ndarray::{ArrayView2, ArrayViewMut2};

/// `out = a b^T`, for views of any strides, on the calling thread. For `a b` hand in `b.t()`.
///
/// Sums run in an order that depends on the shapes alone, so equal input gives equal bits. The error of one entry
/// is at most about `d * 2^-24 * sum_j |a_j b_j|` for `d` columns.
///
/// # Panics
/// When the shapes are not `m x d`, `n x d` and `m x n`: a mistake of the caller, not of the data.
#[allow(unsafe_code)]
pub fn matmul_transposed(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let ((m, d), (n, b_columns)) = (a.dim(), b.dim());
    assert!(d == b_columns && out.dim() == (m, n), "shapes of a product do not fit");
    if d == 0 || m == 0 || n == 0 {
        out.fill(0.0);
        return;
    }
    let (out_strides, a_strides, b_strides) = (
        [out.strides()[0], out.strides()[1]],
        [a.strides()[0], a.strides()[1]],
        [b.strides()[0], b.strides()[1]],
    );
    // SAFETY: every pointer comes from a live view whose own shape and strides are passed along with it, and the
    // assertion above makes the three shapes agree, so each element that `gemm` touches lies inside its view.
    // `out` is borrowed mutably, hence overlaps neither `a` nor `b`, and its elements are distinct. `read_dst` is
    // false, so `out` is only written. `f32` has a kernel on every platform, and the call stays on this thread.
    unsafe {
        gemm::gemm(
            m,
            n,
            d,
            out.as_mut_ptr(),
            out_strides[1],
            out_strides[0],
            false,
            a.as_ptr(),
            a_strides[1],
            a_strides[0],
            b.as_ptr(),
            b_strides[0],
            b_strides[1],
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array, s};
    use proptest::prelude::*;

    /// The definition, in f64.
    fn naive(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f64> {
        Array2::from_shape_fn((a.nrows(), b.nrows()), |(i, j)| {
            a.row(i).iter().zip(b.row(j)).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
        })
    }

    fn check(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) {
        // The output starts as garbage and must not be read.
        let mut out = Array2::from_elem((a.nrows(), b.nrows()), f32::NAN);
        matmul_transposed(a, b, out.view_mut());
        for (got, want) in out.iter().zip(naive(a, b)) {
            assert!((f64::from(*got) - want).abs() <= 1e-4, "{got} {want}");
        }
    }

    #[test]
    fn closed_form() {
        let mut out = array![[f32::NAN, f32::NAN]];
        matmul_transposed(array![[1.0, 2.0]].view(), array![[3.0, 4.0], [5.0, 6.0]].view(), out.view_mut());
        assert_eq!(out, array![[11.0, 17.0]]);
    }

    #[test]
    fn empty_sums_are_zero() {
        let mut out = array![[1.0_f32]];
        matmul_transposed(Array2::zeros((1, 0)).view(), Array2::zeros((1, 0)).view(), out.view_mut());
        assert_eq!(out, array![[0.0]]);
        matmul_transposed(
            Array2::zeros((0, 3)).view(),
            Array2::zeros((2, 3)).view(),
            Array2::zeros((0, 2)).view_mut(),
        );
    }

    proptest! {
        #[test]
        fn equals_the_definition(m in 1..40_usize, n in 1..40_usize, d in 1..40_usize, seed in 0..1000_u32) {
            let fill = |k: u32| move |(i, j): (usize, usize)| {
                ((i as u32 * 7919 + j as u32 * 104_729 + seed * 31 + k) % 2001) as f32 / 1000.0 - 1.0
            };
            let (a, b) = (Array2::from_shape_fn((m, d), fill(0)), Array2::from_shape_fn((n, d), fill(5)));
            check(a.view(), b.view());
            // Transposed storage, every second row, reversed columns.
            check(a.t().to_owned().t(), b.view());
            check(a.slice(s![..;2, ..]), b.slice(s![.., ..]));
            check(a.slice(s![.., ..;-1]), b.slice(s![.., ..;-1]));
        }
    }
}
