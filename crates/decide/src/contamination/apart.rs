//! Do the most extreme clusters stand apart, or are they only the upper end of what the rest looks like?
//!
//! # Equations
//! Per row `h` is the mean of its standardised log scores, `z = (h - q_0.5) / (1.4826 (q_0.75 - q_0.5))`: the upper
//! half of the interquartile range is the yardstick, since a few anomalies do not move it. `z*` is the median of
//! the cluster's rows, `O` how many rows reach it, and `E = W Q(z*)` how many would if log scores had a normal upper
//! tail, that is, if scores of normal rows were log-normal or lighter. The share of those `O` rows that this does not
//! explain is `u = 1 - E / O`; `E` is raised by one standard error of a count, `1 / sqrt(O)`, so that a chance excess
//! counts for little. Rows of the cluster then weigh `1 - u` in the quantiles and in the sum of weights `W`, and `u` is
//! taken again, until it stays: many anomalies move the quartile after all. From `u = 0` it never leaves 0.
//!
//! Clustered anomalies look ordinary to detectors of local density, and the mean over all detectors then hides them.
//! So the same is asked of every detector by itself, and the second largest answer counts, too: two of them must agree.
//!
//! # References
//! The ratio `E / O` is the tail-area false discovery rate of Efron, Tibshirani 2002, Genetic Epidemiology 23(1).

use anomalyst_kernels::stats::MAD_TO_SIGMA;
use ndarray::{Array2, ArrayView1};

/// Share (0 to 1) of the rows as extreme as the cluster's median that a normal tail does not explain; `shares` is
/// each row's share in the cluster.
pub(super) fn unexplained(panel: &Array2<f64>, shares: &[f64]) -> f64 {
    let height = |row: ArrayView1<'_, f64>| row.sum() / row.len().max(1) as f64;
    unexplained_heights(panel.rows().into_iter().map(height), shares)
}

/// The same by single detectors: the second largest share, so that two of them must say so.
pub(super) fn by_two_detectors(panel: &Array2<f64>, shares: &[f64]) -> f64 {
    let mut found: Vec<f64> = panel
        .columns()
        .into_iter()
        .map(|column| unexplained_heights(column.iter().copied(), shares))
        .collect();
    found.sort_unstable_by(|a, b| b.total_cmp(a));
    found.get(1).copied().unwrap_or(0.0)
}

fn unexplained_heights(heights: impl Iterator<Item = f64>, shares: &[f64]) -> f64 {
    let mut rows: Vec<(f64, f64)> = heights.zip(shares.iter().copied()).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * shares.iter().sum::<f64>();
    let at = reaching(&rows, |share| share, half);
    let observed = (rows.len() - at) as f64;
    let mut found = 0.0;
    for _ in 0..MAX_STEPS {
        let weight = |share: f64| 1.0 - found * share;
        let total: f64 = rows.iter().map(|r| weight(r.1)).sum();
        let middle = rows[reaching(&rows, weight, 0.5 * total)].0;
        let spread = MAD_TO_SIGMA * (rows[reaching(&rows, weight, 0.75 * total)].0 - middle);
        let above = rows[at].0 - middle;
        let tail = match (above > 0.0, spread > 0.0) {
            (false, _) => return 0.0,
            (true, false) => 0.0,
            (true, true) => upper_tail(above / spread),
        };
        let next = (1.0 - total * tail * (1.0 + 1.0 / observed.sqrt()) / observed).max(0.0);
        let settled = (next - found).abs() < 1e-3;
        found = next;
        if settled {
            break;
        }
    }
    found
}

/// Steps until the share is taken as it is; each brings it several times closer.
const MAX_STEPS: usize = 20;

/// The first of `rows` (height, share) up to which the summed weights of the shares reach `goal`.
fn reaching(rows: &[(f64, f64)], weight: impl Fn(f64) -> f64, goal: f64) -> usize {
    let mut seen = 0.0;
    let reached = |r: &(f64, f64)| {
        seen += weight(r.1);
        seen >= goal
    };
    rows.iter().position(reached).unwrap_or(rows.len().saturating_sub(1))
}

/// `Q(z)` of the standard normal for `z >= 0`, absolute error below 7.5e-8 (Abramowitz, Stegun 1964, 26.2.17).
fn upper_tail(z: f64) -> f64 {
    const B: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let sum = B.iter().rev().fold(0.0, |sum, b| (sum + b) * t);
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17.1 `stats.norm.sf`; the bound is the source's.
    #[test]
    fn tail_matches_reference() {
        for (z, want) in [
            (0.0, 0.5),
            (1.0, 0.15865525393145707),
            (2.5, 0.006209665325776132),
            (4.0, 3.167124183311986e-05),
        ] {
            assert!((upper_tail(z) - want).abs() < 7.5e-8, "{z}");
        }
    }

    /// Rows 0..=8 and one more, which is a cluster of its own. At 20 it weighs nothing in the end, so that the fifth and
    /// seventh of nine rows are the quartiles; at 9 the tail of ten rows explains it.
    #[test]
    fn closed_form() {
        let of = |last: f64| {
            let panel = Array2::from_shape_fn((10, 1), |(i, _)| if i < 9 { i as f64 } else { last });
            let shares: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i == 9))).collect();
            unexplained(&panel, &shares)
        };
        let want = 1.0 - 2.0 * 9.0 * upper_tail(16.0 / (2.0 * MAD_TO_SIGMA));
        assert!((of(20.0) - want).abs() < 1e-4 && want > 0.999, "{} {want}", of(20.0));
        assert_eq!(of(9.0), 0.0);
        // All rows in one cluster, at its own median.
        let panel = Array2::from_shape_fn((10, 1), |(i, _)| i as f64);
        assert_eq!(unexplained(&panel, &[1.0; 10]), 0.0);
        // The bulk without spread: whatever is above it stands apart.
        let flat = Array2::from_shape_fn((10, 1), |(i, _)| f64::from(u8::from(i == 9)));
        assert_eq!(unexplained(&flat, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]), 1.0);
    }
}
