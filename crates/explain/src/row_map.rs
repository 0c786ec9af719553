//! The rows in two dimensions, for the report.

use anomalyst_core::{Features, MapPoint, Result, RowMap, Run};
use anomalyst_kernels::stats::median_and_mad;
use ndarray::{Array2, ArrayView1};
use rand::Rng;

use crate::sample::spread_sample;

/// Findings and other rows on the map.
const MAX_FINDINGS: usize = 2_000;
const MAX_OTHERS: usize = 2_000;
/// Columns that take part; of wider features, those with the largest spread among the others.
const MAX_COLUMNS: usize = 500;
/// Robust deviations at which a value is held, so that one wild value does not squeeze all other points together.
const CLIP: f64 = 10.0;
/// Rounds of the orthogonal iteration. It only draws a picture: a close tie between components stays a tie.
const N_ROUNDS: usize = 100;

/// The rows projected on the two directions of largest variance.
///
/// On the map are the first 2,000 of `findings` and a seeded sample of at most 2,000 other rows. Values are centred
/// at the median, scaled by the median absolute deviation of the sample and held at 10 of them; missing ones stand
/// at the median, and codes count by how rare they are. The directions are those of the sample alone, so that the
/// findings do not turn the map towards themselves. O(m d) for m points of d columns, at most 4,000 x 500.
pub fn row_map(features: &Features, findings: &[usize], run: &Run) -> Result<RowMap> {
    let n = features.n_parts();
    let found: Vec<usize> = findings.iter().copied().filter(|&row| row < n).take(MAX_FINDINGS).collect();
    let mut is_found = vec![false; n];
    findings.iter().filter(|&&row| row < n).for_each(|&row| is_found[row] = true);
    let others: Vec<usize> = (0..n).filter(|&row| !is_found[row]).collect();
    let others = spread_sample(others.len(), MAX_OTHERS, &mut run.random(0)).into_iter().map(|i| others[i]);
    let mut rows: Vec<usize> = others.collect();
    // Directions come from the other rows; from all where there are hardly any.
    let n_others = rows.len();
    rows.extend(&found);
    let n_fit = if n_others < 3 { rows.len() } else { n_others };
    run.check()?;
    let points = numbers(features, &rows, n_fit);
    let (directions, shares) = directions(&points, n_fit, run)?;
    let place = |(point, &row): (ArrayView1<'_, f64>, &usize)| MapPoint {
        row,
        x: point.dot(&directions.row(0)) as f32,
        y: point.dot(&directions.row(1)) as f32,
    };
    let axis = |name: &str, share: f64| {
        format!("{name} principal component ({:.0} % of the variance)", share * 100.0)
    };
    Ok(RowMap {
        axes: [axis("first", shares[0]), axis("second", shares[1])],
        points: points.rows().into_iter().zip(&rows).map(place).collect(),
    })
}

/// The rows as comparable numbers, centred over the first `n_fit`.
fn numbers(features: &Features, rows: &[usize], n_fit: usize) -> Array2<f64> {
    let n_values = features.n_values();
    let column = |at: usize| -> Vec<f64> {
        match &features.codes {
            Some(codes) if at >= n_values => {
                rarity(rows.iter().map(|&row| codes[[row, at - n_values]]), n_fit)
            }
            _ => rows.iter().map(|&row| f64::from(features.values[[row, at]])).collect(),
        }
    };
    let mut columns: Vec<(f64, Vec<f64>)> = Vec::new();
    for at in 0..n_values + features.n_codes() {
        let cells = scaled(column(at), n_fit);
        let spread: f64 = cells[..n_fit].iter().map(|v| v * v).sum();
        if spread > 0.0 || cells.iter().any(|&v| v != 0.0) {
            columns.push((spread, cells));
        }
        if columns.len() >= 2 * MAX_COLUMNS {
            keep_widest(&mut columns);
        }
    }
    keep_widest(&mut columns);
    Array2::from_shape_fn((rows.len(), columns.len()), |(row, column)| columns[column].1[row])
}

fn keep_widest(columns: &mut Vec<(f64, Vec<f64>)>) {
    if columns.len() > MAX_COLUMNS {
        // The sort is stable: columns of equal spread stay in their order.
        columns.sort_by(|a, b| b.0.total_cmp(&a.0));
        columns.truncate(MAX_COLUMNS);
    }
}

/// Minus the logarithm of the share of each code among the first `n_fit`.
fn rarity(codes: impl Iterator<Item = u32>, n_fit: usize) -> Vec<f64> {
    let codes: Vec<u32> = codes.collect();
    let mut sorted = codes[..n_fit].to_vec();
    sorted.sort_unstable();
    let count = |code: u32| {
        sorted.partition_point(|&other| other <= code) - sorted.partition_point(|&other| other < code)
    };
    codes.iter().map(|&code| -((count(code) as f64 + 0.5) / (n_fit as f64 + 1.0)).ln()).collect()
}

/// Robustly scaled and held at [`CLIP`], with mean 0 over the first `n_fit`.
fn scaled(mut cells: Vec<f64>, n_fit: usize) -> Vec<f64> {
    let mut there: Vec<f64> = cells[..n_fit].iter().copied().filter(|v| v.is_finite()).collect();
    if there.is_empty() {
        return vec![0.0; cells.len()];
    }
    let n = there.len() as f64;
    let mean = there.iter().sum::<f64>() / n;
    let std_dev = (there.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (median, mad) = median_and_mad(&mut there);
    // Columns of mostly one value have no median deviation but may have a standard one.
    let scale = [mad * anomalyst_kernels::stats::MAD_TO_SIGMA, std_dev, 1.0].into_iter().find(|&s| s > 0.0);
    let scale = scale.unwrap_or(1.0);
    for v in &mut cells {
        *v = if v.is_finite() { ((*v - median) / scale).clamp(-CLIP, CLIP) } else { 0.0 };
    }
    let center = cells[..n_fit].iter().sum::<f64>() / n_fit as f64;
    cells.iter_mut().for_each(|v| *v -= center);
    cells
}

/// Two directions as rows and their shares of the variance of the first `n_fit` points, by orthogonal iteration.
fn directions(points: &Array2<f64>, n_fit: usize, run: &Run) -> Result<(Array2<f64>, [f64; 2])> {
    let d = points.ncols();
    let fit = points.slice(ndarray::s![..n_fit, ..]);
    let total: f64 = fit.iter().map(|v| v * v).sum();
    let mut random = run.random(1);
    // Random numbers between -1/2 and 1/2: orthogonal to no direction for certain.
    let mut basis =
        Array2::from_shape_fn((2, d), |_| (random.next_u64() >> 11) as f64 / 2.0_f64.powi(53) - 0.5);
    orthonormalize(&mut basis);
    for _ in 0..N_ROUNDS {
        run.check()?;
        // A column of two is a row of the transposed product: rows of the new basis.
        basis = fit.dot(&basis.t()).t().dot(&fit);
        orthonormalize(&mut basis);
    }
    let projected = fit.dot(&basis.t());
    let variance = |i: usize| projected.column(i).dot(&projected.column(i));
    let mut variances = [variance(0), variance(1)];
    if variances[1] > variances[0] {
        variances.reverse();
        let flipped = basis.select(ndarray::Axis(0), &[1, 0]);
        basis = flipped;
    }
    for mut row in basis.rows_mut() {
        // A direction has no sign of its own; the largest loading is made positive.
        let largest = row.iter().fold(0.0_f64, |best, &v| if v.abs() > best.abs() { v } else { best });
        if largest < 0.0 {
            row.mapv_inplace(|v| -v);
        }
    }
    let share = |variance: f64| if total > 0.0 { variance / total } else { 0.0 };
    Ok((basis, variances.map(share)))
}

/// Makes two rows orthogonal and of length 1; a row without length becomes zero.
fn orthonormalize(basis: &mut Array2<f64>) {
    let normalize = |basis: &mut Array2<f64>, i: usize| {
        let length = basis.row(i).dot(&basis.row(i)).sqrt();
        let scale = if length > 1e-150 { 1.0 / length } else { 0.0 };
        basis.row_mut(i).mapv_inplace(|v| v * scale);
    };
    normalize(basis, 0);
    let before = basis.row(1).dot(&basis.row(1)).sqrt();
    // Twice, because once leaves rounding errors of nearly parallel rows.
    for _ in 0..2 {
        let along = basis.row(0).dot(&basis.row(1));
        let first = basis.row(0).to_owned();
        basis.row_mut(1).scaled_add(-along, &first);
    }
    if basis.row(1).dot(&basis.row(1)).sqrt() <= 1e-12 * before {
        basis.row_mut(1).fill(0.0);
    }
    normalize(basis, 1);
}
