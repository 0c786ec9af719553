//! Rows in the space of a kernel, as coordinates in the span of landmark rows (Nystroem).
//!
//! With `Z` the landmarks and `k_Z(x)` the kernels of a row with each of them, every vector in their span is
//! `A k_Z(x)` for some matrix `A`: products with one matrix are all that projections need. Memory is that of a block of
//! kernels at a time.

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::BlockStructure;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, s};

use crate::kernel_matrix::{Kernel, PackedRows};
use crate::linalg::{map_made, scatter_of};

/// Gives `finish` every row's number, its kernels with the landmarks and the products of these with `axes`, which hold
/// one direction per row, and collects what it returns, in the order of rows.
///
/// Time O(n m (d + k)) for `m` landmarks and `k` axes. A row's bits depend on the row alone.
pub fn map_kernels<T: Send>(
    (landmarks, kernel): (&PackedRows, Kernel),
    rows: ArrayView2<'_, f32>,
    axes: &Array2<f64>,
    run: &Run,
    finish: impl Fn(usize, &[f64], &[f64]) -> T + Sync,
) -> Result<Vec<T>> {
    check_widths(landmarks, rows, axes)?;
    let make = |row: &[f32], out: &mut [f64]| {
        let query: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        landmarks.kernels(kernel, &query, 0, out);
    };
    map_made(rows, (axes, BlockStructure::Rectangular), run, make, finish)
}

/// Mean and covariance (divisor n) of `axes k_Z(x)` over rows `x`, which lie around `center`: the nearer that is to the
/// mean, the less is lost to rounding.
///
/// Time O(n m (d + k)) + O(n k^2), memory O(k^2) and a block of kernels.
pub fn kernel_moments(
    (landmarks, kernel): (&PackedRows, Kernel),
    rows: ArrayView2<'_, f32>,
    axes: &Array2<f64>,
    center: &[f64],
    run: &Run,
) -> Result<(Vec<f64>, Array2<f64>)> {
    check_widths(landmarks, rows, axes)?;
    let (n, k, m) = (rows.nrows().max(1) as f64, axes.nrows(), landmarks.len());
    if center.len() != k {
        return Err(Error::WidthMismatch { fitted: k, got: center.len() });
    }
    let axes = axes.as_standard_layout();
    let flat = axes.as_slice().unwrap_or_default();
    // A column of ones beside the products gives their sums.
    let sums = scatter_of((rows.nrows(), k + 1), run, |numbers, out| {
        let len = numbers.len();
        let mut kernels = vec![0.0; len * m];
        for (row, kernels) in
            rows.slice(s![numbers, ..]).rows().into_iter().zip(kernels.chunks_exact_mut(m.max(1)))
        {
            let query: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            landmarks.kernels(kernel, &query, 0, kernels);
        }
        let mut products = vec![0.0; len * k];
        if k > 0 && m > 0 {
            let (x, axes) =
                (MatRef::from_column_major_slice(&kernels, m, len), MatRef::from_row_major_slice(flat, k, m));
            let products = MatMut::from_column_major_slice_mut(&mut products, k, len);
            matmul(products, Accum::Replace, axes, x, 1.0, Par::Seq);
        }
        for (out, products) in out.chunks_exact_mut(k + 1).zip(products.chunks(k.max(1))) {
            out.iter_mut().zip(products).zip(center).for_each(|((out, v), center)| *out = v - center);
            out[k] = 1.0;
        }
    })?;
    let off: Vec<f64> = (0..k).map(|j| sums[[k, j]] / n).collect();
    let covariance = Array2::from_shape_fn((k, k), |(i, j)| sums[[i, j]] / n - off[i] * off[j]);
    Ok((off.iter().zip(center).map(|(off, center)| off + center).collect(), covariance))
}

fn check_widths(landmarks: &PackedRows, rows: ArrayView2<'_, f32>, axes: &Array2<f64>) -> Result<()> {
    for (fitted, got) in [(landmarks.n_columns(), rows.ncols()), (landmarks.len(), axes.ncols())] {
        if fitted != got {
            return Err(Error::WidthMismatch { fitted, got });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn rows(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 3), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 * 0.002 - 1.0)
    }

    /// Linear kernels with landmarks 1 and 2: 3 and 6 for a row 3, whose products with (1, 1) are 9.
    #[test]
    fn closed_form() {
        let landmarks = PackedRows::new(array![[1.0], [2.0]].view());
        let (new, axes, run) = (array![[3.0_f32], [5.0]], array![[1.0, 1.0]], Run::new(0));
        let of = (&landmarks, Kernel::Linear);
        let found = map_kernels(of, new.view(), &axes, &run, |i, k, y| (i, k.to_vec(), y[0])).unwrap();
        assert_eq!(found, [(0, vec![3.0, 6.0], 9.0), (1, vec![5.0, 10.0], 15.0)]);
        let (mean, covariance) = kernel_moments(of, new.view(), &axes, &[10.0], &run).unwrap();
        assert_eq!((mean, covariance), (vec![12.0], array![[9.0]]));
        assert!(map_kernels(of, array![[1.0, 2.0]].view(), &axes, &run, |_, _, _| ()).is_err());
        assert!(kernel_moments(of, new.view(), &axes, &[], &run).is_err());
    }

    /// Against sums over all rows in one piece, whatever the center.
    #[test]
    fn moments_equal_the_definition() {
        let (all, kernel, run) = (rows(700), Kernel::Rbf { gamma: 0.8 }, Run::new(0));
        let landmarks = PackedRows::new(rows(40).view());
        let axes = Array2::from_shape_fn((5, 40), |(i, j)| ((i * 31 + j * 17) % 23) as f64 * 0.1 - 1.0);
        let found = map_kernels((&landmarks, kernel), all.view(), &axes, &run, |_, _, y| y.to_vec()).unwrap();
        let y = Array2::from_shape_fn((700, 5), |(i, j)| found[i][j]);
        let want_mean = y.mean_axis(ndarray::Axis(0)).unwrap();
        let centred = &y - &want_mean;
        let want = centred.t().dot(&centred) / 700.0;
        for center in [[0.0; 5], [1.0, -2.0, 0.5, 0.0, 3.0]] {
            let of = (&landmarks, kernel);
            let (mean, covariance) = kernel_moments(of, all.view(), &axes, &center, &run).unwrap();
            assert!(mean.iter().zip(&want_mean).all(|(a, b)| (a - b).abs() < 1e-12));
            assert!(covariance.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-11));
        }
    }

    #[test]
    fn place_and_neighbours_change_no_bit() {
        let (all, kernel) = (rows(150), Kernel::Rbf { gamma: 0.8 });
        let landmarks = PackedRows::new(rows(530).view());
        let axes = Array2::from_shape_fn((7, 530), |(i, j)| ((i * 31 + j * 17) % 23) as f64 * 0.1 - 1.0);
        let bits = |rows: ArrayView2<'_, f32>| {
            let keep = |_: usize, _: &[f64], y: &[f64]| y.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            map_kernels((&landmarks, kernel), rows, &axes, &Run::new(0), keep).unwrap()
        };
        let together = bits(all.view());
        for i in [0, 31, 32, 149] {
            assert_eq!(bits(all.slice(s![i..=i, ..]))[0], together[i]);
        }
    }
}
