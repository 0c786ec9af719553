//! Where expectation maximisation starts: clusters of rows.

use anomalyst_core::{Result, Run};
use anomalyst_kernels::linalg::weighted_means;
use ndarray::{ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rayon::prelude::*;

/// Most rounds of k-means; the start need not be its end.
const ROUNDS: usize = 20;
/// Rows per task.
const ROWS: usize = 1024;

/// A cluster number for each row, from 0 without gaps; fewer than `k` clusters where rows do not differ enough.
///
/// k-means++ draws each new centre with probability proportional to the squared distance from those there are
/// (Arthur and Vassilvitskii 2007); then k-means.
pub(super) fn clusters(values: ArrayView2<'_, f32>, scale: &[f64], k: usize, run: &Run) -> Result<Vec<u32>> {
    let n = values.nrows();
    if k <= 1 {
        return Ok(vec![0; n]);
    }
    let mut random = run.random(k as u64);
    let of_row = |row: usize| values.row(row).iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let mut centers = vec![of_row(random.random_range(0..n))];
    let mut nearest = vec![f64::INFINITY; n];
    while centers.len() < k {
        run.check()?;
        let newest = &centers[centers.len() - 1];
        nearest.par_chunks_mut(ROWS).zip(values.axis_chunks_iter(Axis(0), ROWS)).for_each(
            |(nearest, rows)| {
                for (nearest, row) in nearest.iter_mut().zip(rows.rows()) {
                    *nearest = nearest.min(square_distance(row, newest, scale));
                }
            },
        );
        let total: f64 = nearest.iter().sum();
        if total.is_nan() || total <= 0.0 {
            break;
        }
        let mut left = random.random::<f64>() * total;
        let drawn = nearest.iter().position(|&d| {
            left -= d;
            d > 0.0 && left <= 0.0
        });
        let last = || nearest.iter().rposition(|&d| d > 0.0);
        let Some(row) = drawn.or_else(last) else { break };
        centers.push(of_row(row));
    }
    refine(values, scale, centers, run)
}

fn refine(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    mut centers: Vec<Vec<f64>>,
    run: &Run,
) -> Result<Vec<u32>> {
    let mut labels = assign(values, scale, &centers);
    for _ in 0..ROUNDS {
        run.check()?;
        for (k, center) in (0_u32..).zip(&mut centers) {
            let of: Vec<f64> = labels.iter().map(|&label| if label == k { 1.0 } else { 0.0 }).collect();
            let (mean, rows) = weighted_means(values, &of)?;
            if rows > 0.0 {
                *center = mean;
            }
        }
        let moved = assign(values, scale, &centers);
        if moved == labels {
            break;
        }
        labels = moved;
    }
    // Clusters that lost all rows leave gaps in the numbers.
    let mut used: Vec<u32> = labels.clone();
    used.sort_unstable();
    used.dedup();
    labels.iter_mut().for_each(|label| *label = used.partition_point(|&u| u < *label) as u32);
    Ok(labels)
}

/// The nearest centre of each row, the first of equal ones.
fn assign(values: ArrayView2<'_, f32>, scale: &[f64], centers: &[Vec<f64>]) -> Vec<u32> {
    let mut labels = vec![0; values.nrows()];
    labels.par_chunks_mut(ROWS).zip(values.axis_chunks_iter(Axis(0), ROWS)).for_each(|(labels, rows)| {
        for (label, row) in labels.iter_mut().zip(rows.rows()) {
            let mut best = f64::INFINITY;
            for (k, center) in (0_u32..).zip(centers) {
                let distance = square_distance(row, center, scale);
                if distance < best {
                    (best, *label) = (distance, k);
                }
            }
        }
    });
    labels
}

fn square_distance(row: ArrayView1<'_, f32>, center: &[f64], scale: &[f64]) -> f64 {
    let square = |((&v, center), scale): ((&f32, &f64), &f64)| {
        let difference = (f64::from(v) - center) * scale;
        difference * difference
    };
    row.iter().zip(center).zip(scale).map(square).sum()
}
