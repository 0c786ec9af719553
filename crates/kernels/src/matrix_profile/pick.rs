//! The choice of neighbours in one row.

use std::ops::Range;

use super::rows::{largest, squared_distance};
use super::{Join, Neighbor};

/// The correlation at which a window without spread stands from one with spread: `d^2 = m`.
const HALF: f64 = 0.5;

/// Calls `with` on the parts of `range` that are in none of `excluded`, which are in order.
pub(super) fn parts_of(range: Range<usize>, excluded: &[Range<usize>], mut with: impl FnMut(Range<usize>)) {
    let mut from = range.start;
    for hole in excluded {
        if hole.start >= range.end {
            break;
        }
        if hole.start > from {
            with(from..hole.start);
        }
        from = from.max(hole.end);
    }
    if from < range.end {
        with(from..range.end);
    }
}

/// The first number of `ranges` within `within` and outside of `excluded`.
fn first_of(ranges: &[Range<usize>], within: &Range<usize>, excluded: &[Range<usize>]) -> Option<usize> {
    let begin = ranges.partition_point(|range| range.end <= within.start);
    let mut found = None;
    for range in ranges[begin..].iter().take_while(|range| range.start < within.end) {
        let range = range.start.max(within.start)..range.end.min(within.end);
        parts_of(range, excluded, |part| found = found.or(Some(part.start)));
        if found.is_some() {
            break;
        }
    }
    found
}

/// The place of the first largest correlation so far, in units of the row's own inverse.
#[derive(Clone, Copy)]
pub(super) struct Best {
    pub(super) value: f64,
    pub(super) start: usize,
}

impl Best {
    pub(super) const NONE: Self = Self { value: f64::NEG_INFINITY, start: Neighbor::NOBODY };

    /// Takes the first of `starts` that is above what there is, where the largest is `value`; `sums` and `inverse` are
    /// those of `starts`.
    pub(super) fn take(&mut self, value: f64, starts: Range<usize>, sums: &[f64], inverse: &[f64]) {
        if value <= self.value {
            return;
        }
        let place = sums.iter().zip(inverse).position(|(sum, inverse)| sum * inverse == value);
        if let Some(place) = place {
            *self = Self { value, start: starts.start + place };
        }
    }
}

impl Join<'_> {
    /// The neighbour of the window at `row`, where the best window with spread is known.
    pub(super) fn settle(
        &self,
        row: usize,
        best: Best,
        within: &Range<usize>,
        excluded: &[Range<usize>],
    ) -> Neighbor {
        let flat = || first_of(&self.of.flat, within, excluded);
        let start = if self.queries.is_flat(row) {
            flat().or_else(|| first_of(&self.of.series, within, excluded))
        } else if best.value * self.queries.inverse[row] < HALF && !self.of.flat.is_empty() {
            flat().or(Some(best.start))
        } else {
            Some(best.start)
        };
        start
            .filter(|&start| start != Neighbor::NOBODY)
            .map_or(Neighbor::NONE, |start| self.measured(row, start))
    }

    /// The window at `start`, with its distance by definition.
    pub(super) fn measured(&self, row: usize, start: usize) -> Neighbor {
        let (queries, of) = (self.queries, self.of);
        let square = match (queries.is_flat(row), of.is_flat(start)) {
            (true, true) => 0.0,
            (false, false) => {
                let shape = (queries.mean[row], queries.inverse[row]);
                squared_distance(queries.at(row), shape, of.at(start), (of.mean[start], of.inverse[start]))
            }
            _ => 1.0,
        };
        Neighbor { start, distance: (square * of.len() as f64).sqrt() }
    }

    /// The neighbours of the window at `row` of which all `sums` are known, column by column.
    pub(super) fn ranked(&self, row: usize, series: &Range<usize>, sums: &[f64], out: &mut Vec<Neighbor>) {
        let within = self.within(row, series);
        let mut excluded: Vec<Range<usize>> = Vec::with_capacity(self.n_neighbors + 1);
        excluded.extend(self.own.map(|_| self.zone(row, series)));
        for rank in 0..self.n_neighbors {
            let mut best = Best::NONE;
            let is_flat = self.queries.is_flat(row);
            let begin = self.of.series.partition_point(|series| series.end <= within.start);
            let all = self.of.series[begin..].iter().filter(|_| !is_flat);
            for series in all.take_while(|series| series.start < within.end) {
                let range = series.start.max(within.start)..series.end.min(within.end);
                parts_of(range, &excluded, |part| {
                    let (sums, inverse) = (&sums[part.clone()], &self.of.inverse[part.clone()]);
                    best.take(largest(sums, inverse), part, sums, inverse);
                });
            }
            let found = self.settle(row, best, &within, &excluded);
            if found.start == Neighbor::NOBODY {
                out.extend((rank..self.n_neighbors).map(|_| Neighbor::NONE));
                return;
            }
            let zone = self.zone(found.start, &self.of.series_of(found.start));
            let place = excluded.partition_point(|hole| hole.start < zone.start);
            excluded.insert(place, zone);
            out.push(found);
        }
    }
}
