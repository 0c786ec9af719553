//! Bars of equal width for all number columns at once, row by row: memory is read in the order in which it lies, and
//! columns beside one another do not wait for each other's counters.

use std::ops::Range;

use anomalyst_core::{Result, Run};
use anomalyst_kernels::lanes::Extents;
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::bars::{Grid, NumberBars, freedman_diaconis};
use super::{Binning, Hbos};

/// Rows that a thread takes at a time.
const ROWS: usize = 8192;
/// Most stretches of rows that are counted apart, and most counters that they may have together.
const STRETCHES: usize = 16;
const COUNTERS: usize = 1 << 22;

/// Values that are compared together at least: as many rows as that takes.
const VALUES: usize = 64;

pub(super) fn fit(values: ArrayView2<'_, f32>, params: &Hbos, run: &Run) -> Result<Vec<NumberBars>> {
    let (n, d) = values.dim();
    let (extents, n_missing) = extents(values, run)?;
    let n_bins = match params.n_bins {
        Some(n_bins) => vec![n_bins; d],
        None => chosen_bins(values, &extents, run)?,
    };
    let grids: Vec<Grid> = (0..d)
        .map(|j| {
            let (low, high) = (extents.low[j], extents.high[j]);
            let n_bars = if low < high { n_bins[j] } else { usize::from(low == high) };
            Grid::new(low, high, n_bars)
        })
        .collect();
    let starts: Vec<usize> = grids
        .iter()
        .scan(0, |end, grid| {
            *end += grid.n_bars();
            Some(*end - grid.n_bars())
        })
        .collect();
    let n_counters: usize = grids.iter().map(Grid::n_bars).sum();
    let counts = count(values, &grids, (&starts, n_counters), run)?;
    let column = |j: usize| {
        let counts = &counts[starts[j]..starts[j] + grids[j].n_bars()];
        let edges = if counts.is_empty() { Vec::new() } else { vec![extents.low[j], extents.high[j]] };
        NumberBars::new(
            Binning::EqualWidth,
            (edges, counts, n_bins[j]),
            (n, n_missing[j]),
            params.regularization,
        )
    };
    Ok((0..d).map(column).collect())
}

/// Hands every row to `take` as a slice.
fn each_row(block: ArrayView2<'_, f32>, take: impl FnMut(&[f32])) {
    let d = block.ncols().max(1);
    let block = block.as_standard_layout();
    block.as_slice().unwrap_or_default().chunks_exact(d).for_each(take);
}

/// The extents of each column, and how many of its values are missing.
fn extents(values: ArrayView2<'_, f32>, run: &Run) -> Result<(Extents, Vec<u64>)> {
    let d = values.ncols();
    let of_block = |block: ArrayView2<'_, f32>| {
        run.check()?;
        let mut found = Extents::none(d * VALUES.div_ceil(d.max(1)));
        found.take(block.as_standard_layout().as_slice().unwrap_or_default());
        Ok(found)
    };
    let blocks: Vec<Result<Extents>> =
        values.axis_chunks_iter(Axis(0), ROWS).into_par_iter().map(of_block).collect();
    let (mut all, mut n_missing) = (Extents::none(d), vec![0; d]);
    for block in blocks {
        let block = block?;
        for at in 0..block.low.len() {
            let j = at % d;
            all.low[j] = all.low[j].min(block.low[at]);
            all.high[j] = all.high[j].max(block.high[at]);
            n_missing[j] += u64::from(block.n_missing[at]);
        }
    }
    Ok((all, n_missing))
}

fn chosen_bins(values: ArrayView2<'_, f32>, extents: &Extents, run: &Run) -> Result<Vec<usize>> {
    let choose = |(j, column): (usize, ndarray::ArrayView1<'_, f32>)| {
        run.check()?;
        let mut present: Vec<f32> = column.iter().copied().filter(|v| !v.is_nan()).collect();
        Ok(freedman_diaconis(&mut present, extents.low[j], extents.high[j]))
    };
    values.axis_iter(Axis(1)).into_par_iter().enumerate().map(choose).collect()
}

/// The rows in each bar, column behind column.
fn count(
    values: ArrayView2<'_, f32>,
    grids: &[Grid],
    (starts, n_counters): (&[usize], usize),
    run: &Run,
) -> Result<Vec<u64>> {
    let n = values.nrows();
    let n_stretches = (COUNTERS / n_counters.max(1)).clamp(1, STRETCHES);
    let size = n.div_ceil(n_stretches).max(ROWS);
    let of_stretch = |rows: Range<usize>| {
        let mut counts = vec![0_u64; n_counters];
        for block in values.slice(s![rows, ..]).axis_chunks_iter(Axis(0), ROWS) {
            run.check()?;
            each_row(block, |row| {
                for ((grid, start), &v) in grids.iter().zip(starts).zip(row) {
                    if !v.is_nan() {
                        counts[start + grid.bar(v)] += 1;
                    }
                }
            });
        }
        Ok(counts)
    };
    let stretches: Vec<Result<Vec<u64>>> =
        (0..n.div_ceil(size)).into_par_iter().map(|i| of_stretch(i * size..n.min((i + 1) * size))).collect();
    let mut all = vec![0; n_counters];
    for counts in stretches {
        all.iter_mut().zip(counts?).for_each(|(all, count)| *all += count);
    }
    Ok(all)
}
