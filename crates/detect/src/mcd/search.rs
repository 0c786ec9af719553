//! Where the C-steps begin, and the partitions of large data.

use anomalyst_core::{Result, Run};
use anomalyst_kernels::stats::median;
use ndarray::{ArrayView2, Axis, s};
use rand::seq::index;
use rayon::prelude::*;

use super::deterministic;
use super::ellipsoid::{Ellipsoid, Rows};
use super::{Mcd, Start};
use crate::quadratic::unit_scale;

/// Parts that large data is divided into, and the least rows of one (section 3.3 of Rousseeuw and Van Driessen).
const PARTS: usize = 5;
const PART_ROWS: usize = 300;
/// The least rows of a part for each column, against the curse of dimension (their advice in section 1).
const PART_ROWS_PER_COLUMN: usize = 5;
/// C-steps that show whether a start is promising, and how many starts are followed further (section 3.2).
const FIRST_STEPS: usize = 2;
const FOLLOWED: usize = 10;

/// The median of each column, and what turns it into units of its robust scale.
pub(super) fn robust_units(values: ArrayView2<'_, f32>) -> (Vec<f64>, Vec<f64>) {
    let unit = |j: usize| {
        let mut column: Vec<f64> = values.column(j).iter().map(|&v| f64::from(v)).collect();
        let scale = deterministic::robust_scale(ndarray::aview1(&column));
        let center = median(&mut column);
        (center, unit_scale(center, scale))
    };
    (0..values.ncols()).into_par_iter().map(unit).unzip()
}

/// How many rows are searched before all are looked at.
pub(super) fn sample_size(n: usize, d: usize) -> usize {
    n.min(PARTS * part_rows(d))
}

fn part_rows(d: usize) -> usize {
    PART_ROWS.max(PART_ROWS_PER_COLUMN * (d + 1))
}

impl Mcd {
    /// The ellipsoid of smallest determinant that was found, and the unit of each column.
    pub(super) fn search(&self, values: ArrayView2<'_, f32>, run: &Run) -> Result<(Ellipsoid, Vec<f64>)> {
        let (n, d) = values.dim();
        let stage = run.stage("smallest determinant", 3);
        // In random order, so that the parts are random ones.
        let sample = index::sample(&mut run.random(0), n, sample_size(n, d)).into_vec();
        let mut sorted = sample.clone();
        sorted.sort_unstable();
        let all_seen = sample.len() == n;
        let order = if all_seen || self.start == Start::Deterministic { sorted } else { sample };
        let seen = values.select(Axis(0), &order);
        let (center, scale) = robust_units(seen.view());
        let rows = Rows { values: seen.view(), scale: &scale };
        stage.advance(1);
        let n_support = self.n_support(seen.nrows(), d);
        let mut found = match self.start {
            Start::Deterministic => {
                let starts = deterministic::starts(rows, &center, run)?;
                best(starts, 1, |start| start.concentrate(rows, n_support, self.max_iter, run))?
            }
            Start::Random => self.search_from_random_rows(rows, n_support, run)?,
        };
        stage.advance(1);
        let all = Rows { values, scale: &scale };
        if !all_seen {
            found.truncate(FOLLOWED);
            let n_support = self.n_support(n, d);
            found = best(found, 1, |start| start.concentrate(all, n_support, FIRST_STEPS, run))?;
            found = best(found, 1, |start| start.concentrate(all, n_support, self.max_iter, run))?;
        }
        let found = found.into_iter().next();
        Ok((found.map_or_else(|| Ellipsoid::of(all, &[], run), Ok)?, scale))
    }

    /// Random starts within each part, the best of each among all rows of the sample.
    fn search_from_random_rows(&self, rows: Rows<'_>, n_support: usize, run: &Run) -> Result<Vec<Ellipsoid>> {
        let (n, d) = rows.values.dim();
        let n_parts = (n / part_rows(d)).clamp(1, PARTS);
        let mut promising = Vec::new();
        for part in 0..n_parts {
            let (from, until) = (n * part / n_parts, n * (part + 1) / n_parts);
            let part_rows = Rows { values: rows.values.slice(s![from..until, ..]), ..rows };
            let n_starts = self.n_starts.div_ceil(n_parts);
            let starts: Vec<u64> = (0..n_starts).map(|i| 1 + (part * n_starts + i) as u64).collect();
            let n_support = self.n_support(until - from, d);
            promising.extend(best(starts, FOLLOWED, |number| {
                random_start(part_rows, number, run)?.concentrate(part_rows, n_support, FIRST_STEPS, run)
            })?);
        }
        if n_parts > 1 {
            promising =
                best(promising, FOLLOWED, |start| start.concentrate(rows, n_support, FIRST_STEPS, run))?;
        }
        best(promising, FOLLOWED, |start| start.concentrate(rows, n_support, self.max_iter, run))
    }
}

/// What `improve` makes of each start, the `count` best first.
fn best<T: Send>(
    starts: Vec<T>,
    count: usize,
    improve: impl Fn(T) -> Result<Ellipsoid> + Sync + Send,
) -> Result<Vec<Ellipsoid>> {
    let improved: Vec<Result<Ellipsoid>> = starts.into_par_iter().map(improve).collect();
    let mut improved = improved.into_iter().collect::<Result<Vec<_>>>()?;
    // Stable, so that of equal ones the first stays first.
    improved.sort_by(|a, b| b.is_better_than(a).cmp(&a.is_better_than(b)));
    improved.truncate(count);
    Ok(improved)
}

/// One row more than columns, and more while they lie on a flat.
fn random_start(rows: Rows<'_>, number: u64, run: &Run) -> Result<Ellipsoid> {
    let (n, d) = rows.values.dim();
    let order = index::sample(&mut run.random(number), n, n).into_vec();
    let mut count = (d + 1).min(n);
    loop {
        run.check()?;
        let start = Ellipsoid::of(rows, &order[..count], run)?;
        if count == n || !start.is_flat() {
            return Ok(start);
        }
        count = (2 * count).min(n);
    }
}
