//! The rows in two dimensions, for the report.

use anomalyst_core::{Features, MapPoint, Result, RowMap, Run};
use anomalyst_kernels::linalg::symmetric_eigen;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median_and_mad};
use ndarray::{Array2, ArrayView1, s};

use crate::sample::spread_sample;

/// Findings and other rows on the map.
const MAX_FINDINGS: usize = 2_000;
const MAX_OTHERS: usize = 2_000;
/// Columns that take part; of wider features, those with the largest spread among the others.
const MAX_COLUMNS: usize = 300;
/// Robust deviations at which a value is held, so that one wild value does not squeeze all other points together.
const CLIP: f64 = 10.0;

/// The rows projected on the two directions of largest variance.
///
/// On the map are the first 2,000 of `findings` and a seeded sample of at most 2,000 other rows. Values are centred
/// at the median, scaled by the median absolute deviation of the sample and held at 10 of them; missing ones stand
/// at the median, and codes count by how rare they are. The directions are those of the sample alone, so that the
/// findings do not turn the map towards themselves. O(m d^2) for m points of d columns, at most 4,000 x 300.
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
    let (directions, shares) = directions(&points, n_fit)?;
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
    let scale = [mad * MAD_TO_SIGMA, std_dev, 1.0].into_iter().find(|&s| s > 0.0);
    let scale = scale.unwrap_or(1.0);
    for v in &mut cells {
        *v = if v.is_finite() { ((*v - median) / scale).clamp(-CLIP, CLIP) } else { 0.0 };
    }
    let center = cells[..n_fit].iter().sum::<f64>() / n_fit as f64;
    cells.iter_mut().for_each(|v| *v -= center);
    cells
}

/// The two directions of largest variance of the first `n_fit` points, as rows, and their shares of it.
fn directions(points: &Array2<f64>, n_fit: usize) -> Result<(Array2<f64>, [f64; 2])> {
    let fit = points.slice(s![..n_fit, ..]);
    let mut directions = Array2::zeros((2, points.ncols()));
    let mut shares = [0.0; 2];
    if points.ncols() == 0 || n_fit == 0 {
        return Ok((directions, shares));
    }
    let eigen = symmetric_eigen(fit.t().dot(&fit).view())?;
    let total: f64 = eigen.values.iter().sum();
    for (i, &variance) in eigen.values.iter().enumerate().take(2) {
        directions.row_mut(i).assign(&eigen.vectors.row(i));
        shares[i] = if total > 0.0 { (variance / total).clamp(0.0, 1.0) } else { 0.0 };
    }
    Ok((directions, shares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Points along (1, 1) with a little across: the first axis tells them apart in their order.
    #[test]
    fn the_first_axis_follows_the_spread() {
        let line =
            Array2::from_shape_fn((100, 2), |(i, j)| i as f32 + if (i + j) % 2 == 0 { 0.5 } else { -0.5 });
        let map = row_map(&Features::rows(line), &[99], &Run::new(0)).unwrap();
        assert_eq!(map.points.len(), 100);
        assert_eq!(map.points[99].row, 99);
        assert!(map.points.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert_eq!(map.axes[0], "first principal component (100 % of the variance)");
        assert!(map.axes[1].starts_with("second principal component (0 %"));
    }

    #[test]
    fn findings_are_all_there_and_others_sampled() {
        let values = Array2::from_shape_fn((10_000, 3), |(i, j)| ((i * 31 + j * 17) % 101) as f32);
        let map = row_map(&Features::rows(values), &[5, 9_999], &Run::new(0)).unwrap();
        assert_eq!(map.points.len(), MAX_OTHERS + 2);
        let rows: Vec<usize> = map.points.iter().map(|p| p.row).collect();
        assert!(rows.ends_with(&[5, 9_999]));
        assert_eq!(rows.iter().filter(|&&row| row == 5).count(), 1);
    }

    #[test]
    fn degenerate_features_have_a_map() {
        let run = Run::new(0);
        let codes = array![[0], [1], [0], [0]];
        let cases = [
            Features::rows(Array2::zeros((0, 2))),
            Features::rows(array![[1.0, 2.0]]),
            Features::rows(Array2::from_elem((5, 3), 7.0)),
            Features::rows(Array2::from_elem((5, 1), f32::NAN)),
            Features::rows(Array2::zeros((4, 0))).with_codes(codes).unwrap(),
            Features::rows(array![[1e38, 0.0], [-1e38, 1.0], [0.0, f32::NAN], [1.0, 5.0]]),
        ];
        for features in cases {
            let map = row_map(&features, &[0, 77], &run).unwrap();
            assert_eq!(map.points.len(), features.n_parts());
            assert!(map.points.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
        }
    }
}
