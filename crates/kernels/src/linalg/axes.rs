//! The directions in which rows spread most.

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, Par};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::{column_means, columns_of, scatter, symmetric_eigen};

/// The most rows or columns, whichever are fewer, that axes are computed from; an eigen decomposition of this
/// size takes about a minute.
pub const MAX_AXES: usize = 4096;

/// The leading principal axes of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalAxes {
    /// The mean of each column.
    pub mean: Vec<f64>,
    /// What each centred column is multiplied by before anything else.
    pub scale: Vec<f64>,
    /// One unit vector per row, by descending variance; the entry of largest size is positive.
    pub axes: Array2<f64>,
    /// The population variance along each axis.
    pub variances: Vec<f64>,
    /// The variance along all directions together.
    pub total: f64,
}

/// The first `k` principal axes of `values`, whose columns are first multiplied by `scale` where it is given.
///
/// Directions whose variance is no more than rounding (1e-12 of the largest) are left out, so fewer than `k` may
/// come back; none do when all rows are equal. Time O(n d m + m^3) with m the smaller of n and d, by the d x d
/// covariance or by the n x n products of rows. More than [`MAX_AXES`] rows and columns are an error: take fewer
/// rows.
pub fn principal_axes(
    values: ArrayView2<'_, f32>,
    scale: Option<&[f64]>,
    k: usize,
    run: &Run,
) -> Result<PrincipalAxes> {
    let (n, d) = values.dim();
    let scale = scale.map_or_else(|| vec![1.0; d], <[f64]>::to_vec);
    if scale.len() != d {
        return Err(Error::WidthMismatch { fitted: scale.len(), got: d });
    }
    if n.min(d) > MAX_AXES {
        return Err(Error::Budget {
            what: "principal axes".into(),
            need: format!("an eigen decomposition of {} x {}", n.min(d), n.min(d)),
            limit: format!("{MAX_AXES} x {MAX_AXES}"),
            hint: "take fewer rows or fewer columns".into(),
        });
    }
    let mean = column_means(values);
    let (axes, variances, total) = if n == 0 || d == 0 {
        (Array2::zeros((0, d)), Vec::new(), 0.0)
    } else if d <= n {
        from_covariance(values, (&mean, &scale), k, run)?
    } else {
        from_products(values, (&mean, &scale), k, run)?
    };
    Ok(PrincipalAxes { mean, scale, axes, variances, total })
}

type Axes = (Array2<f64>, Vec<f64>, f64);

/// How many of descending variances are more than rounding.
fn rank(variances: &[f64]) -> usize {
    let floor = variances.first().map_or(0.0, |v| v * 1e-12);
    variances.iter().take_while(|&&v| v > floor && v > 0.0).count()
}

fn from_covariance(
    values: ArrayView2<'_, f32>,
    (mean, scale): (&[f64], &[f64]),
    k: usize,
    run: &Run,
) -> Result<Axes> {
    let mut matrix = scatter(values, mean, None, run)?;
    let n = values.nrows() as f64;
    matrix.indexed_iter_mut().for_each(|((i, j), v)| *v *= scale[i] * scale[j] / n);
    let total = matrix.diag().sum();
    let mut eigen = symmetric_eigen(matrix.view())?;
    let k = k.min(rank(&eigen.values));
    eigen.values.truncate(k);
    Ok((eigen.vectors.slice_move(ndarray::s![..k, ..]), eigen.values, total))
}

/// Rows x rows products have the covariance's variances, and its axes are sums of rows.
fn from_products(
    values: ArrayView2<'_, f32>,
    (mean, scale): (&[f64], &[f64]),
    k: usize,
    run: &Run,
) -> Result<Axes> {
    const TILE: usize = 64;
    let (n, d) = values.dim();
    let mut centred = Vec::with_capacity(n * d);
    for row in values.rows() {
        centred
            .extend(row.iter().zip(mean).zip(scale).map(|((&v, mean), scale)| (f64::from(v) - mean) * scale));
    }
    let x = columns_of(&centred, d);
    let mut products = vec![0.0; n * n];
    products.par_chunks_mut(TILE * n).enumerate().try_for_each(|(t, out)| -> Result<()> {
        run.check()?;
        let columns = out.len() / n;
        let tile = columns_of(&centred[t * TILE * d..][..columns * d], d);
        let out = MatMut::from_column_major_slice_mut(out, n, columns);
        matmul(out, Accum::Replace, x.transpose(), tile, 1.0 / n as f64, Par::Seq);
        Ok(())
    })?;
    let total = (0..n).map(|i| products[i * n + i]).sum();
    let products = Array2::from_shape_vec((n, n), products).map_err(|e| Error::Data(e.to_string()))?;
    let mut eigen = symmetric_eigen(products.view())?;
    let k = k.min(rank(&eigen.values));
    eigen.values.truncate(k);
    let mut axes = vec![0.0; k * d];
    axes.par_chunks_mut(d).enumerate().try_for_each(|(j, axis)| -> Result<()> {
        run.check()?;
        for (row, &weight) in centred.chunks_exact(d).zip(eigen.vectors.row(j)) {
            axis.iter_mut().zip(row).for_each(|(out, v)| *out += weight * v);
        }
        let mut norm = axis.iter().map(|v| v * v).sum::<f64>().sqrt();
        if super::is_flipped(axis.iter()) {
            norm = -norm;
        }
        axis.iter_mut().for_each(|v| *v /= norm);
        Ok(())
    })?;
    let axes = Array2::from_shape_vec((k, d), axes).map_err(|e| Error::Data(e.to_string()))?;
    Ok((axes, eigen.values, total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Points on the line y = x: one axis, (1, 1) over the root of 2, with variance 2 * 2/3.
    #[test]
    fn closed_form() {
        let rows = array![[1.0_f32, 1.0], [2.0, 2.0], [3.0, 3.0]];
        let found = principal_axes(rows.view(), None, 2, &Run::new(0)).unwrap();
        assert_eq!((found.axes.dim(), found.mean), ((1, 2), vec![2.0, 2.0]));
        assert!((found.axes[[0, 0]] - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!((found.variances[0] - 4.0 / 3.0).abs() < 1e-12 && (found.total - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn equal_rows_have_none() {
        for (n, d) in [(5, 2), (2, 5), (1, 1)] {
            let found = principal_axes(Array2::from_elem((n, d), 3.0).view(), None, 2, &Run::new(0)).unwrap();
            assert_eq!((found.axes.nrows(), found.total), (0, 0.0));
        }
        assert!(principal_axes(Array2::zeros((2, 2)).view(), Some(&[1.0]), 1, &Run::new(0)).is_err());
        let wide = Array2::zeros((MAX_AXES + 1, MAX_AXES + 1));
        assert!(matches!(principal_axes(wide.view(), None, 1, &Run::new(0)), Err(Error::Budget { .. })));
    }

    /// The two ways agree on the same rows, and the axes carry the variances they claim.
    #[test]
    fn wide_and_tall_ways_agree() {
        let rows =
            Array2::from_shape_fn((30, 12), |(i, j)| (((i * 37 + j * 11) % 29) * (j + 1)) as f32 * 0.1);
        let mean = column_means(rows.view());
        let scale: Vec<f64> = (0..12).map(|j| 1.0 / (j + 1) as f64).collect();
        let (run, of) = (Run::new(0), (mean.as_slice(), scale.as_slice()));
        let (a, va, ta) = from_covariance(rows.view(), of, 5, &run).unwrap();
        let (b, vb, tb) = from_products(rows.view(), of, 5, &run).unwrap();
        assert!((ta - tb).abs() < 1e-9 * ta);
        assert!(va.iter().zip(&vb).all(|(x, y)| (x - y).abs() < 1e-9 * ta));
        assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-7));
    }
}
