//! The range of each projection, then its counts: two passes over the rows, so that memory does not grow with them.

use std::ops::Range;

use anomalyst_core::{Result, Run, Stage};
use anomalyst_kernels::lanes::span;
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::bars::{Bars, FINE, Grid};
use super::project::{Lanes, Projection, ROWS};

/// Most stretches of rows that are counted apart, and most counters that they may have together.
const STRETCHES: usize = 16;
const COUNTERS: usize = 1 << 22;
/// Counters for each bar: rows that follow each other often fall into the same one, and so need not wait. Of few bars
/// each is met more often, and there is room for more counters.
const BESIDE: usize = 2;
const BESIDE_FEW: usize = 8;
/// What counts as few bars.
const FEW: usize = 32;

type Span = (f32, f32);

pub(super) fn bars(
    values: ArrayView2<'_, f32>,
    projections: &[Projection],
    n_bins: Option<usize>,
    run: &Run,
) -> Result<Vec<Bars>> {
    let (n, k) = (values.nrows(), projections.len());
    let n_counted = n_bins.unwrap_or(FINE);
    let size = n.div_ceil(n_stretches(k * n_counted)).next_multiple_of(ROWS);
    let stretches: Vec<Range<usize>> = (0..n).step_by(size).map(|at| at..n.min(at + size)).collect();
    let stage = run.stage("counting along projections", 2 * n as u64);
    let pass = Pass { values, projections, stage: &stage, run };

    let found: Vec<Result<Vec<Span>>> = stretches.par_iter().map(|rows| pass.spans(rows.clone())).collect();
    let mut spans = vec![EMPTY_SPAN; k];
    for found in found {
        spans.iter_mut().zip(found?).for_each(|(all, (low, high))| *all = (all.0.min(low), all.1.max(high)));
    }
    // A projection that no row had all the values for has a span of nothing, and no counts.
    let spans: Vec<Span> = spans.into_iter().map(|s| if s.0 <= s.1 { s } else { (0.0, 0.0) }).collect();

    let grids: Vec<Grid> =
        spans.iter().map(|&span| Grid::new(span, if span.0 < span.1 { n_counted } else { 1 })).collect();
    let of_stretch = |rows: &Range<usize>| match n_counted {
        0..=FEW => pass.counts::<BESIDE_FEW>(rows.clone(), &grids, n_counted),
        _ => pass.counts::<BESIDE>(rows.clone(), &grids, n_counted),
    };
    let found: Vec<Result<Vec<u32>>> = stretches.par_iter().map(of_stretch).collect();
    let mut counts = vec![0_u64; k * n_counted];
    for found in found {
        counts.iter_mut().zip(found?).for_each(|(all, count)| *all += u64::from(count));
    }
    let finished = |((&(low, high), grid), counts): ((&Span, Grid), &[u64])| {
        if low == high {
            Bars::new(grid, &[counts.iter().sum()])
        } else if n_bins.is_some() {
            Bars::new(grid, counts)
        } else {
            Bars::chosen(grid, counts)
        }
    };
    Ok(spans.par_iter().zip(grids).zip(counts.par_chunks(n_counted)).map(finished).collect())
}

fn n_stretches(n_bars: usize) -> usize {
    (COUNTERS / (n_bars * BESIDE)).clamp(1, STRETCHES)
}

/// Bytes that counting so many bars takes.
pub(super) fn bytes(n_bars: usize) -> u64 {
    (8 * n_bars + 4 * BESIDE * n_bars * n_stretches(n_bars)) as u64
}

const EMPTY_SPAN: Span = (f32::INFINITY, f32::NEG_INFINITY);

/// What both passes look at.
struct Pass<'a> {
    values: ArrayView2<'a, f32>,
    projections: &'a [Projection],
    stage: &'a Stage,
    run: &'a Run,
}

impl Pass<'_> {
    /// Projects every block of a stretch in turn and hands out the number of the projection and its values.
    fn each(&self, rows: Range<usize>, mut take: impl FnMut(usize, &Lanes, &[f32])) -> Result<()> {
        let (mut lanes, mut z) = (Lanes::default(), [0.0; ROWS]);
        for block in self.values.slice(s![rows, ..]).axis_chunks_iter(Axis(0), ROWS) {
            self.run.check()?;
            lanes.fill(block);
            let z = &mut z[..block.nrows()];
            for (i, projection) in self.projections.iter().enumerate() {
                projection.of(&lanes, z);
                take(i, &lanes, z);
            }
            self.stage.advance(block.nrows() as u64);
        }
        Ok(())
    }

    fn spans(&self, rows: Range<usize>) -> Result<Vec<Span>> {
        let mut spans = vec![EMPTY_SPAN; self.projections.len()];
        self.each(rows, |i, _, z| {
            let found = span(z);
            spans[i] = (spans[i].0.min(found.0), spans[i].1.max(found.1));
        })?;
        Ok(spans)
    }

    /// The counts of all projections behind one another, counted with so many counters for each bar.
    fn counts<const BESIDE: usize>(
        &self,
        rows: Range<usize>,
        grids: &[Grid],
        n_counted: usize,
    ) -> Result<Vec<u32>> {
        let mut counts = vec![[0; BESIDE]; self.projections.len() * n_counted];
        let mut at = [0; ROWS];
        self.each(rows, |i, lanes, z| {
            let counts = &mut counts[i * n_counted..(i + 1) * n_counted];
            grids[i].bars(z, n_counted, &mut at);
            if lanes.has_gaps() {
                let present = at.iter().zip(z).filter(|(_, z)| !z.is_nan());
                present.for_each(|(&at, _)| counts[at as usize][0] += 1);
                return;
            }
            let (together, rest) = at[..z.len()].as_chunks::<BESIDE>();
            for at in together {
                (0..BESIDE).for_each(|i| counts[at[i] as usize][i] += 1);
            }
            rest.iter().for_each(|&at| counts[at as usize][0] += 1);
        })?;
        Ok(counts.into_iter().map(|beside| beside.iter().sum()).collect())
    }
}
