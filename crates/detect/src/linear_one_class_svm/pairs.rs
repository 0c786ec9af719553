//! The linear one-class machine by steps between pairs of rows.
//!
//! Each round computes all gradients `z_i . u` in parallel, orders the rows by them, and pairs the lowest that can take
//! weight with the highest that can give some (Chou, Lin, Lin 2020, greedy selection). The pairs are then
//! worked off one after the other, each with its gradients as they are by then.

use anomalyst_core::{Result, Run};
use anomalyst_kernels::product::matmul_transposed;
use anomalyst_kernels::smo::{level, snap};
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

/// Rows per unit of parallel work.
const ROWS: usize = 1024;
/// The share of the rows that are paired in one round at most: later pairs know too little of what earlier ones did.
const PAIRED: usize = 20;
/// The smallest curvature that a step divides by, as in libsvm.
const TAU: f64 = 1e-12;

/// `u . z = level`.
pub(super) struct Plane {
    pub(super) normal: Vec<f64>,
    pub(super) level: f64,
    /// How far rows that should be on one level are apart at most.
    #[cfg_attr(not(test), allow(dead_code, reason = "tests ask how near the minimum is"))]
    pub(super) gap: f64,
}

/// The plane for rows `z` with weights of sum `total`, to within `gap`, or after `rounds`.
pub(super) fn solve(z: &Array2<f32>, total: f64, gap: f64, rounds: usize, run: &Run) -> Result<Plane> {
    let n = z.nrows();
    let stage = run.stage("solving for the plane", rounds as u64);
    let even = vec![total / n as f64; n];
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut gradient = gradients(z, &normal_of(z, &even), run)?;
    sort(&mut order, &gradient);
    let mut weights = vec![0.0; n];
    let mut left = total;
    for &row in &order {
        weights[row as usize] = snap(left.min(1.0));
        left -= weights[row as usize];
    }
    let mut normal = normal_of(z, &weights);
    let mut round = 0;
    loop {
        run.check()?;
        gradient = gradients(z, &normal, run)?;
        sort(&mut order, &gradient);
        let now = apart(&order, &weights, &gradient);
        if now <= gap || round == rounds {
            return Ok(Plane { level: level(&weights, &gradient), normal, gap: now });
        }
        work_off(z, &order, &gradient, &mut weights, &mut normal);
        // The sum is made anew now and then, so that rounding does not pile up.
        if round % 32 == 31 {
            normal = normal_of(z, &weights);
        }
        round += 1;
        stage.advance(1);
    }
}

fn sort(order: &mut [u32], gradient: &[f64]) {
    order
        .par_sort_unstable_by(|&a, &b| gradient[a as usize].total_cmp(&gradient[b as usize]).then(a.cmp(&b)));
}

/// How much higher the highest row that can give weight is than the lowest that can take some.
fn apart(order: &[u32], weights: &[f64], gradient: &[f64]) -> f64 {
    let of = |row: Option<&u32>| row.map(|&row| gradient[row as usize]);
    let low = of(order.iter().find(|&&row| weights[row as usize] < 1.0));
    let high = of(order.iter().rev().find(|&&row| weights[row as usize] > 0.0));
    low.zip(high).map_or(0.0, |(low, high)| high - low)
}

/// Steps between pairs, from the ends of the order inwards.
fn work_off(z: &Array2<f32>, order: &[u32], gradient: &[f64], weights: &mut [f64], normal: &mut [f64]) {
    let most = order.len().div_ceil(PAIRED);
    let takers: Vec<usize> =
        order.iter().map(|&row| row as usize).filter(|&row| weights[row] < 1.0).take(most).collect();
    let givers: Vec<usize> =
        order.iter().rev().map(|&row| row as usize).filter(|&row| weights[row] > 0.0).take(most).collect();
    for (i, j) in takers.into_iter().zip(givers) {
        if gradient[i] >= gradient[j] {
            break;
        }
        let (a, b) = (z.row(i), z.row(j));
        let (slope, curvature) = along(a, b, normal);
        let change = (slope / curvature.max(TAU)).min(1.0 - weights[i]).min(weights[j]);
        // By now it may be the other way round; the next round will say so.
        if change > 0.0 {
            weights[i] = snap(weights[i] + change);
            weights[j] = snap(weights[j] - change);
            for ((u, &a), &b) in normal.iter_mut().zip(a).zip(b) {
                *u += change * (f64::from(a) - f64::from(b));
            }
        }
    }
}

/// `(b - a) . u` and `|b - a|^2`.
fn along(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>, normal: &[f64]) -> (f64, f64) {
    const LANES: usize = 4;
    let (mut slope, mut square) = ([0.0; LANES], [0.0; LANES]);
    let (a, b) = (a.to_slice().unwrap_or_default(), b.to_slice().unwrap_or_default());
    for ((a, b), u) in a.chunks(LANES).zip(b.chunks(LANES)).zip(normal.chunks(LANES)) {
        for (lane, ((&a, &b), &u)) in a.iter().zip(b).zip(u).enumerate() {
            let difference = f64::from(b) - f64::from(a);
            slope[lane] += difference * u;
            square[lane] += difference * difference;
        }
    }
    (slope.iter().sum(), square.iter().sum())
}

/// `sum_i w_i z_i`, in blocks whose order is fixed.
fn normal_of(z: &Array2<f32>, weights: &[f64]) -> Vec<f64> {
    let blocks: Vec<Vec<f64>> = z
        .axis_chunks_iter(Axis(0), ROWS)
        .into_par_iter()
        .zip(weights.par_chunks(ROWS))
        .map(|(block, weights)| {
            let mut sum = vec![0.0; block.ncols()];
            for (row, &weight) in block.rows().into_iter().zip(weights).filter(|(_, weight)| **weight != 0.0)
            {
                sum.iter_mut().zip(row).for_each(|(sum, &v)| *sum += weight * f64::from(v));
            }
            sum
        })
        .collect();
    let mut total = vec![0.0; z.ncols()];
    for block in blocks {
        total.iter_mut().zip(block).for_each(|(total, v)| *total += v);
    }
    total
}

/// `z_i . u` of each row, to some 1e-7 of the length of `u`.
fn gradients(z: &Array2<f32>, normal: &[f64], run: &Run) -> Result<Vec<f64>> {
    let narrow = Array2::from_shape_fn((1, normal.len()), |(_, j)| normal[j] as f32);
    let blocks: Vec<Result<Vec<f64>>> = z
        .axis_chunks_iter(Axis(0), ROWS)
        .into_par_iter()
        .map(|block| {
            run.check()?;
            let mut out = Array2::zeros((block.nrows(), 1));
            matmul_transposed(block, narrow.view(), out.view_mut());
            Ok(out.iter().map(|&v| f64::from(v)).collect())
        })
        .collect();
    Ok(blocks.into_iter().collect::<Result<Vec<_>>>()?.concat())
}
