//! Means and covariances of f32 rows, summed in f64.

use std::ops::Range;

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, Par};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::{columns_of, each_row};

/// Rows that are centred and multiplied at once.
const BLOCK: usize = 256;
/// Rows per partial sum of the means.
const MEAN_BLOCK: usize = 8192;
/// Most partial sums of a covariance, each of d x d numbers.
const MAX_LANES: usize = 16;
/// Most memory that partial sums may take together.
const LANE_BYTES: usize = 256 << 20;

/// The mean of each column; zeros for no rows.
pub fn column_means(values: ArrayView2<'_, f32>) -> Vec<f64> {
    let (n, d) = values.dim();
    let partial: Vec<Vec<f64>> = values
        .axis_chunks_iter(Axis(0), MEAN_BLOCK)
        .into_par_iter()
        .map(|block| {
            let mut sum = vec![0.0; d];
            each_row(block, |_, row| sum.iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v)));
            sum
        })
        .collect();
    let mut mean = vec![0.0; d];
    for block in &partial {
        mean.iter_mut().zip(block).for_each(|(mean, sum)| *mean += sum);
    }
    mean.iter_mut().for_each(|mean| *mean /= n.max(1) as f64);
    mean
}

/// The population variance of each column around its `mean`, as [`column_means`] gives it; zeros for no rows.
pub fn column_variances(values: ArrayView2<'_, f32>, mean: &[f64]) -> Vec<f64> {
    let (n, d) = values.dim();
    let partial: Vec<Vec<f64>> = values
        .axis_chunks_iter(Axis(0), MEAN_BLOCK)
        .into_par_iter()
        .map(|block| {
            let mut sum = vec![0.0; d];
            each_row(block, |_, row| {
                for ((sum, &v), mean) in sum.iter_mut().zip(row).zip(mean) {
                    let centred = f64::from(v) - mean;
                    *sum += centred * centred;
                }
            });
            sum
        })
        .collect();
    let mut variance = vec![0.0; d];
    for block in &partial {
        variance.iter_mut().zip(block).for_each(|(variance, sum)| *variance += sum);
    }
    variance.iter_mut().for_each(|variance| *variance /= n.max(1) as f64);
    variance
}

/// The mean of each column where row `i` counts `weights[i]` times, and the sum of the weights; zeros where that
/// sum is 0.
pub fn weighted_means(values: ArrayView2<'_, f32>, weights: &[f64]) -> Result<(Vec<f64>, f64)> {
    let (n, d) = values.dim();
    one_weight_per_row(n, weights)?;
    let partial: Vec<(Vec<f64>, f64)> = values
        .axis_chunks_iter(Axis(0), MEAN_BLOCK)
        .into_par_iter()
        .zip(weights.par_chunks(MEAN_BLOCK))
        .map(|(block, weights)| {
            let mut sum = vec![0.0; d];
            each_row(block, |i, row| {
                sum.iter_mut().zip(row).for_each(|(sum, &v)| *sum += weights[i] * f64::from(v));
            });
            (sum, weights.iter().sum::<f64>())
        })
        .collect();
    let (mut mean, mut total) = (vec![0.0; d], 0.0);
    for (block, weight) in &partial {
        mean.iter_mut().zip(block).for_each(|(mean, sum)| *mean += sum);
        total += weight;
    }
    mean.iter_mut().for_each(|mean| *mean = if total > 0.0 { *mean / total } else { 0.0 });
    Ok((mean, total))
}

/// The covariance matrix with divisor n (population), around the columns' own means.
pub fn covariance(values: ArrayView2<'_, f32>, run: &Run) -> Result<Array2<f64>> {
    let mean = column_means(values);
    let sum = scatter(values, &mean, None, run)?;
    Ok(sum / values.nrows().max(1) as f64)
}

/// `sum_i w_i (x_i - mean)(x_i - mean)'`; all weights are 1 where none are given.
///
/// Time O(n d^2), memory O(d^2). Centring before multiplying keeps small variances beside large offsets.
pub fn scatter(
    values: ArrayView2<'_, f32>,
    mean: &[f64],
    weights: Option<&[f64]>,
    run: &Run,
) -> Result<Array2<f64>> {
    let (n, d) = values.dim();
    if mean.len() != d {
        return Err(Error::WidthMismatch { fitted: mean.len(), got: d });
    }
    if let Some(weights) = weights {
        one_weight_per_row(n, weights)?;
    }
    if n == 0 || d == 0 {
        return Ok(Array2::zeros((d, d)));
    }
    // The size alone decides the lanes, so that the order of additions never depends on the threads.
    let lanes = (LANE_BYTES / (8 * d * d)).clamp(1, MAX_LANES).min(n.div_ceil(BLOCK));
    let per_lane = n.div_ceil(lanes);
    let partial: Vec<Result<Vec<f64>>> = (0..lanes)
        .into_par_iter()
        .map(|lane| {
            let rows = (lane * per_lane).min(n)..((lane + 1) * per_lane).min(n);
            let weights = weights.map(|w| &w[rows.clone()]);
            lane_scatter(values.slice(s![rows, ..]), mean, weights, run)
        })
        .collect();
    let mut total = vec![0.0; d * d];
    for lane in partial {
        total.iter_mut().zip(lane?).for_each(|(total, sum)| *total += sum);
    }
    // Both triangles come from the same products; equal bits spare every caller the question.
    Ok(Array2::from_shape_fn((d, d), |(i, j)| total[i.max(j) * d + i.min(j)]))
}

/// `sum_i x_i x_i'` over `n` rows of `d` numbers that `fill` makes: it is handed the numbers of some rows and writes
/// their values one row after another.
///
/// Time O(n d^2) beside `fill`, memory O(d^2).
pub(crate) fn scatter_of(
    (n, d): (usize, usize),
    run: &Run,
    fill: impl Fn(Range<usize>, &mut [f64]) + Sync,
) -> Result<Array2<f64>> {
    if n == 0 || d == 0 {
        return Ok(Array2::zeros((d, d)));
    }
    let lanes = (LANE_BYTES / (8 * d * d)).clamp(1, MAX_LANES).min(n.div_ceil(BLOCK));
    let per_lane = n.div_ceil(lanes);
    let lane = |lane: usize| -> Result<Vec<f64>> {
        let mut sum = vec![0.0; d * d];
        let mut block = vec![0.0; BLOCK * d];
        let end = ((lane + 1) * per_lane).min(n);
        for start in ((lane * per_lane).min(n)..end).step_by(BLOCK) {
            run.check()?;
            let rows = start..end.min(start + BLOCK);
            let block = &mut block[..rows.len() * d];
            fill(rows, block);
            let (x, whole) = (columns_of(block, d), BlockStructure::Rectangular);
            let out = MatMut::from_column_major_slice_mut(&mut sum, d, d);
            let upper = BlockStructure::TriangularUpper;
            matmul(out, upper, Accum::Add, x, whole, x.transpose(), whole, 1.0, Par::Seq);
        }
        Ok(sum)
    };
    let partial: Vec<Result<Vec<f64>>> = (0..lanes).into_par_iter().map(lane).collect();
    let mut total = vec![0.0; d * d];
    for lane in partial {
        total.iter_mut().zip(lane?).for_each(|(total, sum)| *total += sum);
    }
    Ok(Array2::from_shape_fn((d, d), |(i, j)| total[i.max(j) * d + i.min(j)]))
}

fn lane_scatter(
    values: ArrayView2<'_, f32>,
    mean: &[f64],
    weights: Option<&[f64]>,
    run: &Run,
) -> Result<Vec<f64>> {
    let d = mean.len();
    let mut sum = vec![0.0; d * d];
    let mut centred = vec![0.0; BLOCK * d];
    let mut n_held = 0;
    let mut add = |rows: &[f64]| {
        let x = columns_of(rows, d);
        let out = MatMut::from_column_major_slice_mut(&mut sum, d, d);
        let whole = BlockStructure::Rectangular;
        matmul(
            out,
            BlockStructure::TriangularUpper,
            Accum::Add,
            x,
            whole,
            x.transpose(),
            whole,
            1.0,
            Par::Seq,
        );
    };
    for (b, block) in values.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
        run.check()?;
        each_row(block, |i, row| {
            let root = weights.map_or(1.0, |w| w[b * BLOCK + i].max(0.0).sqrt());
            // In many columns most rows belong to one cloud alone; the others spare themselves their products.
            if root == 0.0 {
                return;
            }
            let out = &mut centred[n_held * d..(n_held + 1) * d];
            out.iter_mut()
                .zip(row)
                .zip(mean)
                .for_each(|((out, &v), mean)| *out = root * (f64::from(v) - mean));
            n_held += 1;
            if n_held == BLOCK {
                add(&centred);
                n_held = 0;
            }
        });
    }
    add(&centred[..n_held * d]);
    Ok(sum)
}

fn one_weight_per_row(n: usize, weights: &[f64]) -> Result<()> {
    if weights.len() != n {
        return Err(Error::Data(format!("{} weights for {n} rows", weights.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    /// Points (0, 0) and (2, 4): mean (1, 2), deviations (1, 2).
    #[test]
    fn closed_form() {
        let rows = array![[0.0_f32, 0.0], [2.0, 4.0]];
        assert_eq!(column_means(rows.view()), [1.0, 2.0]);
        assert_eq!(covariance(rows.view(), &Run::new(0)).unwrap(), array![[1.0, 2.0], [2.0, 4.0]]);
        assert_eq!(column_variances(rows.view(), &[1.0, 2.0]), [1.0, 4.0]);
        assert_eq!(weighted_means(rows.view(), &[1.0, 3.0]).unwrap(), (vec![1.5, 3.0], 4.0));
        assert_eq!(weighted_means(rows.view(), &[0.0, 0.0]).unwrap().1, 0.0);
        assert!(scatter(rows.view(), &[0.0], None, &Run::new(0)).is_err());
        assert!(scatter(rows.view(), &[0.0, 0.0], Some(&[1.0]), &Run::new(0)).is_err());
    }

    #[test]
    fn a_large_offset_costs_nothing() {
        let rows = Array2::from_shape_fn((1000, 1), |(i, _)| 1e6_f32 + (i % 2) as f32);
        assert!((covariance(rows.view(), &Run::new(0)).unwrap()[[0, 0]] - 0.25).abs() < 1e-12);
    }

    #[test]
    fn threads_change_no_bit() {
        let rows = Array2::from_shape_fn((20_000, 5), |(i, j)| ((i * 31 + j * 17) % 101) as f32 * 0.37);
        let on = |threads| {
            let run = Run::new(0).with_threads(threads);
            run.install(|| covariance(rows.view(), &run)).unwrap().mapv(f64::to_bits)
        };
        assert_eq!(on(1), on(3));
    }

    proptest! {
        #[test]
        fn equals_the_plain_loops(
            n in 1..600_usize, d in 1..6_usize, cells in prop::collection::vec(-5.0..5.0_f32, 97),
        ) {
            let rows = Array2::from_shape_fn((n, d), |(i, j)| cells[(i * d + j * 7) % 97]);
            let weights: Vec<f64> = (0..n).map(|i| (i % 3) as f64 * 0.5).collect();
            let (mean, total) = weighted_means(rows.view(), &weights).unwrap();
            let fast = scatter(rows.view(), &mean, Some(&weights), &Run::new(0)).unwrap();
            for j in 0..d {
                let plain: f64 = (0..n).map(|i| weights[i] * f64::from(rows[[i, j]])).sum();
                prop_assert!((mean[j] * total - plain).abs() < 1e-8);
                for k in 0..d {
                    let plain: f64 = (0..n)
                        .map(|i| weights[i] * (f64::from(rows[[i, j]]) - mean[j]) * (f64::from(rows[[i, k]]) - mean[k]))
                        .sum();
                    prop_assert!((fast[[j, k]] - plain).abs() < 1e-8);
                }
            }
        }
    }
}
