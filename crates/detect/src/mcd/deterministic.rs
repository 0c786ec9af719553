//! The six deterministic starts of Hubert, Rousseeuw and Verdonck 2012 (section 3).

use anomalyst_core::{Result, Run};
use anomalyst_kernels::distributions::normal_quantile;
use anomalyst_kernels::linalg::symmetric_eigen;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median, median_and_mad};
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::ellipsoid::{Ellipsoid, Rows, nearest};

/// The start from pairs of columns takes O(d^2) robust scales; beyond this many columns it is left out.
const MOST_PAIRED: usize = 100;

/// The shape of the standardised rows, as a start sees it.
type Shape = fn(&Array2<f64>) -> Array2<f64>;

/// One ellipsoid per start: mean and covariance of the half of the rows that the start finds most central.
///
/// `center` is the median of each column.
pub(super) fn starts(rows: Rows<'_>, center: &[f64], run: &Run) -> Result<Vec<Ellipsoid>> {
    let z = Array2::from_shape_fn(rows.values.dim(), |(i, j)| {
        (f64::from(rows.values[[i, j]]) - center[j]) * rows.scale[j]
    });
    let shapes: [Shape; 6] =
        [tanh_correlation, rank_correlation, normal_scores, spatial_signs, central_half, pairwise];
    let n_shapes = if z.ncols() <= MOST_PAIRED { 6 } else { 5 };
    shapes[..n_shapes]
        .par_iter()
        .map(|shape| {
            run.check()?;
            let distances = robust_distances(&z, &shape(&z))?;
            Ellipsoid::of(rows, &nearest(&distances, z.nrows().div_ceil(2)), run)
        })
        .collect()
}

/// Squared distances by the eigenvectors of `shape`, with robust scales along them and the median of the sphered rows
/// as the center.
fn robust_distances(z: &Array2<f64>, shape: &Array2<f64>) -> Result<Vec<f64>> {
    let axes = symmetric_eigen(shape.view())?.vectors;
    let mut along = z.dot(&axes.t());
    for mut column in along.columns_mut() {
        let scale = robust_scale(column.view());
        // Along a direction without spread all rows but some are equal: those count by their distance as it is.
        if scale > 0.0 {
            column /= scale;
        }
    }
    let mut sphered = along.dot(&axes);
    for mut column in sphered.columns_mut() {
        let center = median(&mut column.to_vec());
        column -= center;
    }
    Ok(sphered.rows().into_iter().map(|row| row.dot(&row)).collect())
}

/// The tau-scale of Maronna and Zamar 2002: the median absolute deviation, made efficient by a bounded second moment
/// around a weighted mean. The standard deviation where more than half of the values are equal.
pub(super) fn robust_scale(values: ArrayView1<'_, f64>) -> f64 {
    const FAR: f64 = 4.5;
    const BOUND: f64 = 3.0;
    let n = values.len().max(1) as f64;
    let (center, mad) = median_and_mad(&mut values.to_vec());
    let first = mad * MAD_TO_SIGMA;
    if first <= 1e-12 * center.abs() || first == 0.0 {
        let mean = values.sum() / n;
        return (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    }
    let weight = |v: f64| (1.0 - ((v - center) / first / FAR).powi(2)).max(0.0).powi(2);
    let (sum, total) = values.iter().fold((0.0, 0.0), |(sum, total), &v| {
        let w = weight(v);
        (sum + w * v, total + w)
    });
    let mean = sum / total;
    let bounded = values.iter().map(|v| ((v - mean) / first).powi(2).min(BOUND * BOUND)).sum::<f64>() / n;
    first * bounded.sqrt()
}

fn tanh_correlation(z: &Array2<f64>) -> Array2<f64> {
    correlation(z.mapv(f64::tanh))
}

fn rank_correlation(z: &Array2<f64>) -> Array2<f64> {
    correlation(ranks(z))
}

/// Tukey's normal scores of the ranks.
fn normal_scores(z: &Array2<f64>) -> Array2<f64> {
    let n = z.nrows() as f64;
    // Means of equal ranks are whole or half numbers, so there are at most twice as many scores as rows.
    let mut known = vec![f64::NAN; 2 * z.nrows() + 1];
    let scores = ranks(z).mapv_into(|rank| {
        let score = &mut known[(2.0 * rank) as usize];
        if score.is_nan() {
            *score = normal_quantile((rank - 1.0 / 3.0) / (n + 1.0 / 3.0));
        }
        *score
    });
    correlation(scores)
}

fn spatial_signs(z: &Array2<f64>) -> Array2<f64> {
    let mut signs = z.clone();
    for mut row in signs.rows_mut() {
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    signs.t().dot(&signs) / z.nrows() as f64
}

/// The covariance of the half of the rows that is nearest to the medians (the start of BACON).
fn central_half(z: &Array2<f64>) -> Array2<f64> {
    let norms: Vec<f64> = z.rows().into_iter().map(|row| row.dot(&row)).collect();
    let mut half = z.select(Axis(0), &nearest(&norms, z.nrows().div_ceil(2)));
    let n = half.nrows() as f64;
    for mut column in half.columns_mut() {
        let mean = column.sum() / n;
        column -= mean;
    }
    half.t().dot(&half) / n
}

/// The covariance of each pair of columns from the robust scales of their sum and difference (Gnanadesikan and
/// Kettenring), on which the orthogonalised estimator of Maronna and Zamar rests.
fn pairwise(z: &Array2<f64>) -> Array2<f64> {
    let d = z.ncols();
    let scales: Vec<f64> = z.columns().into_iter().map(robust_scale).collect();
    let unit = |j: usize| if scales[j] > 0.0 { &z.column(j) / scales[j] } else { z.column(j).to_owned() };
    let columns: Vec<_> = (0..d).map(unit).collect();
    let rows: Vec<Vec<f64>> = (0..d)
        .into_par_iter()
        .map(|i| {
            let pair = |j: usize| {
                let sum = robust_scale((&columns[i] + &columns[j]).view());
                let difference = robust_scale((&columns[i] - &columns[j]).view());
                (sum.powi(2) - difference.powi(2)) / 4.0
            };
            (0..i).map(pair).collect()
        })
        .collect();
    Array2::from_shape_fn((d, d), |(i, j)| if i == j { 1.0 } else { rows[i.max(j)][i.min(j)] })
}

/// Correlations; those of a column without spread are 0.
fn correlation(mut columns: Array2<f64>) -> Array2<f64> {
    let n = columns.nrows().max(1) as f64;
    for mut column in columns.columns_mut() {
        let mean = column.sum() / n;
        column -= mean;
        let norm = column.dot(&column).sqrt();
        if norm > 0.0 {
            column /= norm;
        }
    }
    columns.t().dot(&columns)
}

/// Ranks from 1 in each column; equal values share the mean of their ranks.
fn ranks(z: &Array2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(z.dim());
    for (column, mut out) in z.columns().into_iter().zip(out.columns_mut()) {
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_unstable_by(|&a, &b| column[a].total_cmp(&column[b]));
        let mut before = 0;
        for equal in order.chunk_by(|&a, &b| column[a] == column[b]) {
            let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
            equal.iter().for_each(|&i| out[i] = rank);
            before += equal.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ranks_and_correlations_in_closed_form() {
        let z = array![[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [2.0, 5.0]];
        assert_eq!(ranks(&z), array![[4.0, 2.0], [1.0, 2.0], [2.5, 2.0], [2.5, 4.0]]);
        let same = correlation(array![[1.0, -2.0, 7.0], [2.0, -4.0, 7.0], [3.0, -6.0, 7.0]]);
        assert!(
            (&same - &array![[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
                .iter()
                .all(|v| v.abs() < 1e-12)
        );
        let signs = spatial_signs(&array![[3.0, 4.0], [0.0, 0.0]]);
        assert!((&signs - &array![[0.18, 0.24], [0.24, 0.32]]).iter().all(|v| v.abs() < 1e-12));
    }

    /// Median 0, median absolute deviation 1, so a first scale of s = 1.4826; no value is 3 s off, and the weights of
    /// -a and a are equal: the scale is the root of the mean square, 4 / 5.
    #[test]
    fn robust_scale_in_closed_form() {
        let got = robust_scale(array![-1.0, 1.0, -1.0, 1.0, 0.0].view());
        assert!((got - 0.8_f64.sqrt()).abs() < 1e-12, "{got}");
        // A wild value counts as one that is 3 s off.
        let got = robust_scale(array![-1.0, 1.0, -1.0, 1.0, 0.0, 0.0, 1e9].view());
        let s = MAD_TO_SIGMA;
        assert!((got - ((4.0 + 9.0 * s * s) / 7.0).sqrt()).abs() < 1e-12, "{got}");
        assert_eq!(robust_scale(array![2.0, 2.0, 2.0, 6.0].view()), 3.0_f64.sqrt());
        assert_eq!(robust_scale(array![2.0, 2.0].view()), 0.0);
    }

    /// Both columns are standardised and y = x: the sum has scale 2, the difference 0.
    #[test]
    fn pairs_in_closed_form() {
        let z = array![[-2.0, -2.0], [-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [2.0, 2.0]];
        assert!((pairwise(&z)[[0, 1]] - 1.0).abs() < 1e-12);
    }
}
