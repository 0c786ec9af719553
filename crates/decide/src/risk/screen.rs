//! Which indicators the search gets: forward selection by the score statistic.

use std::sync::Arc;

use anomalyst_core::{Result, Run};
use anomalyst_kernels::logistic::{Logistic, sigmoid};
use ndarray::Array2;
use rayon::prelude::*;

use super::cells::Cells;

/// Rows in which a statement holds, one bit each.
pub(super) type RowBits = Arc<[u64]>;

/// Packs one bit per row.
pub(super) fn pack(holds: &[bool]) -> RowBits {
    holds.chunks(64).map(|chunk| chunk.iter().rev().fold(0, |bits, h| bits << 1 | u64::from(*h))).collect()
}

/// Whether the bit of `row` is set.
pub(super) fn holds(bits: &[u64], row: usize) -> bool {
    bits[row / 64] >> (row % 64) & 1 == 1
}

/// At most `keep` indicators in the order in which they help a logistic model most, given the ones before: each time
/// the one with the largest `(sum r)^2 / sum p (1 - p)` over its rows, with the residuals `r` of the model so far.
pub(super) fn screen(bits: &[RowBits], anomalous: &[bool], keep: usize, run: &Run) -> Result<Vec<usize>> {
    let n = anomalous.len();
    let mut chosen: Vec<usize> = Vec::new();
    let mut patterns = vec![0_u64; n];
    while chosen.len() < keep.min(bits.len()) {
        run.check()?;
        let cells = Cells::count(patterns.iter().copied().zip(anomalous.iter().copied()), chosen.len());
        let x = Array2::from_shape_fn((cells.patterns.len(), chosen.len()), |(i, j)| {
            (cells.patterns[i] >> j & 1) as f64
        });
        let problem = Logistic::new(x, cells.anomalous.clone(), cells.normal.clone(), 1.0 / n as f64)?;
        let risks: Vec<f64> = problem.margins(&problem.fit(run)?.weights).into_iter().map(sigmoid).collect();
        let of_row = |row: usize| cells.patterns.binary_search(&patterns[row]).map_or(0.0, |at| risks[at]);
        let risk: Vec<f64> = (0..n).map(of_row).collect();
        let statistic = |j: usize| -> f64 {
            let (mut sum, mut spread) = (0.0, 1e-12);
            for (word, bits) in bits[j].iter().enumerate() {
                for bit in super::cells::bits(*bits) {
                    let row = 64 * word + bit;
                    sum += f64::from(u8::from(anomalous[row])) - risk[row];
                    spread += risk[row] * (1.0 - risk[row]);
                }
            }
            sum * sum / spread
        };
        let open: Vec<usize> = (0..bits.len()).filter(|j| !chosen.contains(j)).collect();
        let found: Vec<(f64, usize)> = run.install(|| open.par_iter().map(|j| (statistic(*j), *j)).collect());
        let Some((_, best)) = found.into_iter().max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) else {
            break;
        };
        for (row, pattern) in patterns.iter_mut().enumerate() {
            *pattern |= u64::from(holds(&bits[best], row)) << chosen.len();
        }
        chosen.push(best);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_comes_first_and_a_copy_last() {
        let n = 200;
        let strong: Vec<bool> = (0..n).map(|i| i % 2 == 0).collect();
        let weak: Vec<bool> = (0..n).map(|i| i % 3 == 0).collect();
        let label: Vec<bool> = (0..n).map(|i| if i % 7 == 0 { weak[i] } else { strong[i] }).collect();
        let bits: Vec<RowBits> = [&weak, &strong, &strong.clone()].into_iter().map(|h| pack(h)).collect();
        assert_eq!(screen(&bits, &label, 3, &Run::new(0)).unwrap(), [1, 0, 2]);
        assert_eq!(screen(&bits, &label, 1, &Run::new(0)).unwrap(), [1]);
        assert!((0..n).all(|row| holds(&bits[1], row) == strong[row]));
    }
}
