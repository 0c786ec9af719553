//! Bands of rows over tiles of columns.

use std::ops::Range;

use anomalyst_core::{Result, Run};
use rayon::prelude::*;

use super::pick::{Best, parts_of};
use super::rows::{Columns, RowStep, advance, begin, covariance, largest};
use super::{Join, Neighbor};

/// Columns of a tile: four numbers of each stay in the first cache.
const TILE: usize = 1024;
/// The fewest rows of a band of a long series; its first row costs as much as `len / 2` others.
const BAND: usize = 256;
/// Bands that a series is cut into at least, so that threads have work.
const BANDS: usize = 16;
/// Work between two looks at whether to stop, in products.
const BETWEEN: usize = 1 << 20;

/// Columns that are computed one after the other.
pub(super) struct Tile {
    pub(super) columns: Range<usize>,
    /// Whether sums are begun anew at its first column.
    pub(super) anew: bool,
}

/// The columns of all stretches in tiles of at most `size`.
pub(super) fn tiles(stretches: &[Range<usize>], size: usize) -> Vec<Tile> {
    let of = |stretch: &Range<usize>| {
        let (from, to) = (stretch.start, stretch.end);
        let tile = move |start: usize| Tile { columns: start..(start + size).min(to), anew: start == from };
        (from..to).step_by(size).map(tile)
    };
    stretches.iter().flat_map(of).collect()
}

/// Rows that are computed one after the other, none across the end of a stretch, of windows of `len` of `n_points`.
pub(super) fn bands(stretches: &[Range<usize>], len: usize, n_points: usize) -> Vec<Range<usize>> {
    let rows = (2 * len).clamp(BAND, (n_points / BANDS).max(BAND));
    let of = |stretch: &Range<usize>| {
        let to = stretch.end;
        stretch.clone().step_by(rows).map(move |start| start..(start + rows).min(to))
    };
    stretches.iter().flat_map(of).collect()
}

impl Join<'_> {
    pub(super) fn run(&self, run: &Run) -> Result<Vec<Neighbor>> {
        if self.n_neighbors == 0 {
            return Ok(Vec::new());
        }
        let tiles = tiles(&self.of.stretches, TILE);
        let bands = bands(&self.queries.stretches, self.queries.len(), self.queries.n_points());
        let of_band = |rows: &Range<usize>| match self.n_neighbors {
            1 => self.nearest(rows.clone(), &tiles, run),
            _ => self.several(rows.clone(), run),
        };
        let found: Vec<Vec<Neighbor>> = bands.par_iter().map(of_band).collect::<Result<_>>()?;
        Ok(found.concat())
    }

    pub(super) fn row(&self, row: usize) -> RowStep {
        RowStep { difference: self.queries.difference[row], deviation: self.queries.deviation[row] }
    }

    pub(super) fn columns(&self, columns: &Range<usize>) -> Columns<'_> {
        let of = self.of;
        Columns {
            difference: &of.difference[columns.clone()],
            deviation: &of.deviation[columns.clone()],
            inverse: &of.inverse[columns.clone()],
        }
    }

    /// The sum of one pair by its definition.
    pub(super) fn sum(&self, row: usize, column: usize) -> f64 {
        let (queries, of) = (self.queries, self.of);
        covariance(queries.at(row), queries.mean[row], of.at(column), of.mean[column])
    }

    /// The sums of a row by their definition.
    pub(super) fn begin(
        &self,
        row: usize,
        columns: &Range<usize>,
        sums: &mut [f64],
        run: &Run,
    ) -> Result<()> {
        let (queries, of) = (self.queries, self.of);
        let step = (BETWEEN / of.len()).max(16);
        for (part, sums) in sums[..columns.len()].chunks_mut(step).enumerate() {
            run.check()?;
            let start = columns.start + part * step;
            let points = &of.points[start..start + sums.len() + of.len() - 1];
            begin(sums, queries.at(row), queries.mean[row], points, &of.mean[start..start + sums.len()]);
        }
        Ok(())
    }

    /// The nearest neighbour of each row of a band.
    fn nearest(&self, rows: Range<usize>, tiles: &[Tile], run: &Run) -> Result<Vec<Neighbor>> {
        let series = self.queries.series_of(rows.start);
        let mut best = vec![Best::NONE; rows.len()];
        let reached = self.within(rows.start, &series).start..self.within(rows.end - 1, &series).end;
        // The last sum of every row in the tile before.
        let mut edges = vec![0.0; rows.len()];
        let mut sums = vec![0.0; TILE];
        for tile in tiles {
            let columns = &tile.columns;
            if columns.end <= reached.start || columns.start >= reached.end {
                continue;
            }
            let (sums, of) = (&mut sums[..columns.len()], self.columns(columns));
            self.begin(rows.start, columns, sums, run)?;
            let mut highest = largest(sums, of.inverse);
            let mut before = 0.0;
            for (place, row) in rows.clone().enumerate() {
                if row > rows.start {
                    let step = self.row(row);
                    let first = if tile.anew {
                        self.sum(row, columns.start)
                    } else {
                        before + (step.difference * of.deviation[0] + of.difference[0] * step.deviation)
                    };
                    highest = advance(sums, first, step, of);
                }
                before = std::mem::replace(&mut edges[place], sums[sums.len() - 1]);
                if highest > best[place].value {
                    self.look(row, &series, columns, (sums, of.inverse, highest), &mut best[place]);
                }
            }
        }
        let settle = |(best, row): (&Best, usize)| {
            let zone = self.own.map(|_| self.zone(row, &series));
            self.settle(row, *best, &self.within(row, &series), zone.as_slice())
        };
        Ok(best.iter().zip(rows.clone()).map(settle).collect())
    }

    /// Takes the best of a tile that is allowed to the row.
    fn look(
        &self,
        row: usize,
        series: &Range<usize>,
        columns: &Range<usize>,
        (sums, inverse, highest): (&[f64], &[f64], f64),
        best: &mut Best,
    ) {
        let within = self.within(row, series);
        let range = columns.start.max(within.start)..columns.end.min(within.end);
        let zone = self.own.map(|_| self.zone(row, series));
        parts_of(range, zone.as_slice(), |part| {
            let own = part.start - columns.start..part.end - columns.start;
            let (sums, inverse) = (&sums[own.clone()], &inverse[own]);
            let value = if part == *columns { highest } else { largest(sums, inverse) };
            best.take(value, part, sums, inverse);
        });
    }

    /// Several neighbours of each row of a band: whole rows are needed, since a nearer neighbour rules others out.
    fn several(&self, rows: Range<usize>, run: &Run) -> Result<Vec<Neighbor>> {
        let series = self.queries.series_of(rows.start);
        let reached = self.within(rows.start, &series).start..self.within(rows.end - 1, &series).end;
        let is_reached = |stretch: &&Range<usize>| stretch.end > reached.start && stretch.start < reached.end;
        let stretches: Vec<&Range<usize>> = self.of.stretches.iter().filter(is_reached).collect();
        let mut sums = vec![0.0; self.of.n_points()];
        let mut found = Vec::with_capacity(rows.len() * self.n_neighbors);
        for row in rows.clone() {
            run.check()?;
            for &stretch in &stretches {
                let own = &mut sums[stretch.clone()];
                if row == rows.start {
                    self.begin(row, stretch, own, run)?;
                } else {
                    let first = self.sum(row, stretch.start);
                    advance(own, first, self.row(row), self.columns(stretch));
                }
            }
            self.ranked(row, &series, &sums, &mut found);
        }
        Ok(found)
    }
}
