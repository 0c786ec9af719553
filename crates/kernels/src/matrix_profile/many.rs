//! Windows of several channels: the place where the channels are most like a window together.

use std::ops::Range;

use anomalyst_core::{Error, Result, Run};
use rayon::prelude::*;

use super::bands::{Tile, bands, tiles};
use super::pick::parts_of;
use super::rows::advance;
use super::{Join, Neighbor, Reach, Windows};
use crate::wide::in_widest;

/// Columns of a tile, of which every channel keeps four numbers.
const TILE: usize = 256;

/// Which channels' distances count between two windows, at most all: their mean is how far the windows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subspace {
    /// So many of the smallest: a window is far where fewer channels than that are near.
    Nearest(usize),
    /// So many of the largest: a window is far where one channel is, or where the channels are near at different places.
    Farthest(usize),
}

impl Subspace {
    /// The mean of the distances that count.
    pub fn mean(self, distances: &[f64]) -> f64 {
        let places = self.places(distances);
        places.iter().map(|&channel| distances[channel]).sum::<f64>() / places.len().max(1) as f64
    }

    /// The channels whose distances count, the first ones of those that are as far.
    pub fn places(self, distances: &[f64]) -> Vec<usize> {
        let mut places: Vec<usize> = (0..distances.len()).collect();
        let count = match self {
            Self::Nearest(count) => {
                places.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
                count
            }
            Self::Farthest(count) => {
                places.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
                count
            }
        };
        places.truncate(count.max(1));
        places
    }
}

/// The nearest window of each window of `queries` among those of `of`, each given channel by channel, by the mean of the
/// distances of the channels that count (Yeh, Kavantzas, Keogh 2017, ICDM). With `own` both are the same series, and what
/// begins within [`super::exclusion_zone`] of a window does not count.
///
/// Exact. Time O(n^2 d), with n and d the points and channels and d times the number of channels that count, or that do
/// not if they are fewer; memory O(n d).
pub fn joint_neighbors(
    queries: &[Windows],
    of: &[Windows],
    subspace: Subspace,
    own: bool,
    run: &Run,
) -> Result<Vec<Neighbor>> {
    let channels = Channels::new(queries, of, own)?;
    let Some(first) = queries.first() else { return Ok(Vec::new()) };
    let tiles = tiles(&stretches_of(of), TILE);
    let bands = bands(&stretches_of(queries), first.len(), first.n_points());
    let stage = run.stage("comparing windows of all channels", bands.len() as u64);
    let of_band = |rows: &Range<usize>| {
        let found = channels.nearest(rows.clone(), &tiles, subspace, run);
        stage.advance(1);
        found
    };
    let found: Vec<Vec<Neighbor>> = bands.par_iter().map(of_band).collect::<Result<_>>()?;
    Ok(found.concat())
}

/// How far each channel of the window at `row` of `queries` is from that of the window at `start` of `of`.
pub fn channel_distances(queries: &[Windows], row: usize, of: &[Windows], start: usize) -> Result<Vec<f64>> {
    Ok(Channels::new(queries, of, false)?.distances(row, start))
}

/// Where no sums of any channel are begun anew.
fn stretches_of(channels: &[Windows]) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> =
        channels.iter().flat_map(|windows| windows.stretches.iter().map(|stretch| stretch.start)).collect();
    starts.sort_unstable();
    starts.dedup();
    let of_series = |series: &Range<usize>| {
        let own = starts.partition_point(|&start| start < series.start)
            ..starts.partition_point(|&start| start < series.end);
        let mut edges = starts[own].to_vec();
        edges.push(series.end);
        edges.windows(2).map(|e| e[0]..e[1]).collect::<Vec<_>>()
    };
    channels.first().map_or_else(Vec::new, |windows| windows.series.iter().flat_map(of_series).collect())
}

/// A comparison of each channel.
struct Channels<'a> {
    joins: Vec<Join<'a>>,
}

impl<'a> Channels<'a> {
    fn new(queries: &'a [Windows], of: &'a [Windows], own: bool) -> Result<Self> {
        let alike = |all: &[Windows]| {
            all.windows(2).all(|pair| {
                pair[0].len() == pair[1].len()
                    && pair[0].n_points() == pair[1].n_points()
                    && pair[0].series == pair[1].series
            })
        };
        let same_len = queries.iter().zip(of).all(|(queries, of)| queries.len() == of.len());
        if queries.len() != of.len() || !same_len || !alike(queries) || !alike(of) {
            return Err(Error::Data("channels are compared by windows at the same points".into()));
        }
        let own = own.then_some(Reach::Anywhere);
        let join = |(queries, of): (&'a Windows, &'a Windows)| Join { queries, of, n_neighbors: 1, own };
        Ok(Self { joins: queries.iter().zip(of).map(join).collect() })
    }

    fn distances(&self, row: usize, start: usize) -> Vec<f64> {
        self.joins.iter().map(|join| join.measured(row, start).distance).collect()
    }

    /// The nearest neighbour of each row of a band.
    fn nearest(
        &self,
        rows: Range<usize>,
        tiles: &[Tile],
        subspace: Subspace,
        run: &Run,
    ) -> Result<Vec<Neighbor>> {
        let d = self.joins.len();
        let series = self.joins.first().map_or(0..0, |join| join.queries.series_of(rows.start));
        let mut best = vec![Best { value: f64::INFINITY, start: Neighbor::NOBODY }; rows.len()];
        // The last sums of every row in the tile before.
        let mut edges = vec![0.0; rows.len() * d];
        let mut sums = vec![0.0; TILE * d];
        let mut mean = Mean::new(subspace, d);
        for tile in tiles {
            run.check()?;
            let columns = &tile.columns;
            for (join, sums) in self.joins.iter().zip(sums.chunks_exact_mut(TILE)) {
                join.begin(rows.start, columns, &mut sums[..columns.len()], run)?;
            }
            let mut before = vec![0.0; d];
            for (place, row) in rows.clone().enumerate() {
                mean.begin(columns.len());
                for (c, (join, sums)) in self.joins.iter().zip(sums.chunks_exact_mut(TILE)).enumerate() {
                    let (sums, of) = (&mut sums[..columns.len()], join.columns(columns));
                    if row > rows.start {
                        let step = join.row(row);
                        let first = if tile.anew {
                            join.sum(row, columns.start)
                        } else {
                            before[c]
                                + (step.difference * of.deviation[0] + of.difference[0] * step.deviation)
                        };
                        advance(sums, first, step, of);
                    }
                    before[c] = std::mem::replace(&mut edges[place * d + c], sums[sums.len() - 1]);
                    mean.add(sums, of.inverse, join.queries.inverse[row]);
                }
                self.look(row, &series, columns, mean.values(), &mut best[place]);
            }
        }
        let settle = |(best, row): (&Best, usize)| match best.start {
            Neighbor::NOBODY => Neighbor::NONE,
            start => Neighbor { start, distance: subspace.mean(&self.distances(row, start)) },
        };
        Ok(best.iter().zip(rows).map(settle).collect())
    }

    /// Takes the first lowest of `values` that is allowed to the row.
    fn look(
        &self,
        row: usize,
        series: &Range<usize>,
        columns: &Range<usize>,
        values: &[f64],
        best: &mut Best,
    ) {
        if least(values) >= best.value {
            return;
        }
        let zone = self.joins.first().filter(|join| join.own.is_some()).map(|join| join.zone(row, series));
        parts_of(columns.clone(), zone.as_slice(), |part| {
            let own = &values[part.start - columns.start..part.end - columns.start];
            let value = least(own);
            if value < best.value
                && let Some(place) = own.iter().position(|&v| v == value)
            {
                *best = Best { value, start: part.start + place };
            }
        });
    }
}

#[derive(Clone, Copy)]
struct Best {
    value: f64,
    start: usize,
}

/// The sum of the distances that count, of many pairs of windows at once, in units of the root of a window's points.
struct Mean {
    /// The extremes so far, the most extreme first; `width` of each.
    slots: Vec<f64>,
    n_slots: usize,
    /// Whether the extremes are the largest.
    largest: bool,
    /// Whether what counts is all but the extremes.
    others: bool,
    total: Vec<f64>,
    value: Vec<f64>,
    width: usize,
}

impl Mean {
    fn new(subspace: Subspace, d: usize) -> Self {
        let (count, largest) = match subspace {
            Subspace::Nearest(count) => (count.clamp(1, d.max(1)), false),
            Subspace::Farthest(count) => (count.clamp(1, d.max(1)), true),
        };
        // Fewer numbers have to be kept in order.
        let others = 2 * count > d;
        let (n_slots, largest) = if others { (d - count.min(d), !largest) } else { (count, largest) };
        let (total, value) = (vec![0.0; TILE], vec![0.0; TILE]);
        Self { slots: vec![0.0; n_slots * TILE], n_slots, largest, others, total, value, width: 0 }
    }

    fn begin(&mut self, width: usize) {
        self.width = width;
        self.total[..width].fill(0.0);
        self.slots.fill(if self.largest { f64::NEG_INFINITY } else { f64::INFINITY });
    }

    /// One more channel: covariance sums of a window with others, and the inverses of their spreads.
    fn add(&mut self, sums: &[f64], inverse: &[f64], own: f64) {
        let value = &mut self.value[..self.width];
        // The root changes no order.
        let rooted = self.others || self.n_slots > 1;
        measure(value, sums, inverse, (own, rooted));
        if self.others {
            self.total.iter_mut().zip(&*value).for_each(|(total, v)| *total += v);
        }
        for slot in self.slots.chunks_exact_mut(TILE) {
            keep(&mut slot[..self.width], value, self.largest);
        }
    }

    fn values(&mut self) -> &[f64] {
        let total = &mut self.total[..self.width];
        let sign = if self.others { -1.0 } else { 1.0 };
        for slot in self.slots.chunks_exact(TILE) {
            total.iter_mut().zip(slot).for_each(|(total, v)| *total += sign * v);
        }
        total
    }
}

/// Distances from sums, or their squares.
fn measure(out: &mut [f64], sums: &[f64], inverse: &[f64], own: (f64, bool)) {
    in_widest!(measure_loop(out: &mut [f64], sums: &[f64], inverse: &[f64], own: (f64, bool)));
}

#[inline(always)]
fn measure_loop(out: &mut [f64], sums: &[f64], inverse: &[f64], (own, rooted): (f64, bool)) {
    let has_shape = |inverse: f64| if inverse > 0.0 { 1.0 } else { 0.0 };
    let shape = has_shape(own);
    // Two shapes `2 - 2 r`, a shape and none 1, none and none 0.
    for ((out, sum), &inverse) in out.iter_mut().zip(sums).zip(inverse) {
        let square = (shape + has_shape(inverse)) - 2.0 * (sum * own * inverse);
        *out = if square > 0.0 { square } else { 0.0 };
    }
    if rooted {
        out.iter_mut().for_each(|v| *v = v.sqrt());
    }
}

/// Keeps the more extreme of each pair in `slot`, and the other in `value`.
fn keep(slot: &mut [f64], value: &mut [f64], largest: bool) {
    in_widest!(keep_loop(slot: &mut [f64], value: &mut [f64], largest: bool));
}

#[inline(always)]
fn keep_loop(slot: &mut [f64], value: &mut [f64], largest: bool) {
    for (slot, value) in slot.iter_mut().zip(value) {
        let (low, high) = if *slot < *value { (*slot, *value) } else { (*value, *slot) };
        (*slot, *value) = if largest { (high, low) } else { (low, high) };
    }
}

fn least(values: &[f64]) -> f64 {
    in_widest!(least_loop(values: &[f64]) -> f64)
}

#[inline(always)]
fn least_loop(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut least = [f64::INFINITY; 8];
    for eight in eights {
        for lane in 0..8 {
            least[lane] = if eight[lane] < least[lane] { eight[lane] } else { least[lane] };
        }
    }
    least.into_iter().chain(rest.iter().copied()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{distances, exclusion_zone, self_join};
    use super::*;

    fn windows(channels: &[Vec<Vec<f64>>], len: usize) -> Vec<Windows> {
        channels.iter().map(|series| Windows::new(series, len, 0.0).unwrap()).collect()
    }

    /// Every pair of windows, by the distances of one channel.
    fn plain(queries: &[Windows], of: &[Windows], subspace: Subspace, own: bool) -> Vec<f64> {
        let zone = exclusion_zone(of[0].len());
        let of_row = |row: usize| {
            let series = queries[0].series_of(row);
            let all: Vec<Vec<f64>> = queries
                .iter()
                .zip(of)
                .map(|(queries, of)| {
                    let mut out = Vec::new();
                    distances(queries, row, of, 0..of.n_points(), &mut out);
                    out
                })
                .collect();
            let at = |start: usize| subspace.mean(&all.iter().map(|of| of[start]).collect::<Vec<_>>());
            let allowed = |start: &usize| !(own && series.contains(start) && start.abs_diff(row) <= zone);
            of[0].starts().filter(allowed).map(at).fold(f64::INFINITY, f64::min)
        };
        queries[0].starts().map(of_row).collect()
    }

    fn is_near(got: f64, want: f64) -> bool {
        got == want || (got - want).abs() < 1e-6
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            values in prop::collection::vec(prop::sample::select(vec![0.0, 0.5, 1.0, -2.0, 3.0, 3.5]), 60..240),
            d in 1..5_usize, count in 1..6_usize, farthest in any::<bool>(), len in 3..9_usize, cut in 15..40_usize,
        ) {
            let n = values.len() / d;
            // One channel is large once, after which its sums are begun anew, and stands still for a while.
            let channel = |c: usize| {
                let mut points: Vec<f64> = values[c * n..(c + 1) * n].to_vec();
                if c == 1 { points[n / 2] = 1e6; points[n - 9..].fill(0.5); }
                let (a, b) = points.split_at(cut.min(n));
                vec![a.to_vec(), b.to_vec()]
            };
            let channels: Vec<_> = (0..d).map(channel).collect();
            let (all, run) = (windows(&channels, len), Run::new(0));
            prop_assume!(all[0].count() > 0);
            let subspace = if farthest { Subspace::Farthest(count) } else { Subspace::Nearest(count) };
            for own in [true, false] {
                let got = joint_neighbors(&all, &all, subspace, own, &run).unwrap();
                let want = plain(&all, &all, subspace, own);
                prop_assert_eq!(got.len(), want.len());
                for (got, want) in got.iter().zip(want) {
                    prop_assert!(is_near(got.distance, want), "{:?} {}", got, want);
                }
            }
        }
    }

    fn wave(n: usize, step: f64, shift: usize) -> Vec<f64> {
        (shift..n + shift)
            .map(|i| match i {
                40..52 => 2.0,
                _ => (i as f64 * step).sin() + ((i * i * 7 + i * 13) % 101) as f64 / 101.0,
            })
            .collect()
    }

    /// The three channels of `golden/matrix_profile.py`.
    fn three(n: usize) -> Vec<Vec<Vec<f64>>> {
        [(0.31, 0), (0.17, 5), (0.23, 11)].map(|(step, shift)| vec![wave(n, step, shift)]).to_vec()
    }

    /// One channel is the profile of one channel; bands and tiles of a longer series hang together.
    #[test]
    fn one_channel_and_many_tiles() {
        let run = Run::new(0);
        let all = windows(&three(1500), 20);
        let one = joint_neighbors(&all[..1], &all[..1], Subspace::Farthest(3), true, &run).unwrap();
        let want = self_join(&all[0], 1, Reach::Anywhere, &run).unwrap();
        assert!(one.iter().zip(&want).all(|(a, b)| is_near(a.distance, b.distance)));
        for subspace in [Subspace::Nearest(2), Subspace::Farthest(1), Subspace::Nearest(3)] {
            let got = joint_neighbors(&all, &all, subspace, true, &run).unwrap();
            let want = plain(&all, &all, subspace, true);
            assert!(got.iter().zip(want).all(|(a, b)| is_near(a.distance, b)));
        }
        assert!(joint_neighbors(&all, &all[..2], Subspace::Nearest(1), true, &run).is_err());
        assert!(joint_neighbors(&[], &[], Subspace::Nearest(1), true, &run).unwrap().is_empty());
    }

    #[test]
    fn threads_change_no_bit() {
        let all = windows(&three(900), 12);
        let on = |threads| {
            let run = Run::new(0).with_threads(threads);
            run.install(|| joint_neighbors(&all, &all, Subspace::Farthest(2), true, &run).unwrap())
        };
        assert_eq!(on(1), on(4));
    }

    /// stumpy 1.14.1, `crates/kernels/golden/matrix_profile.py`; rtol 1e-6, as stumpy's own tests.
    #[test]
    fn matches_stumpy() {
        let want = [
            (
                Subspace::Nearest(1),
                [
                    0.24415276,
                    0.442904271,
                    1.39131427,
                    0.0,
                    0.85739377,
                    0.0,
                    0.217462312,
                    0.999806716,
                    0.430164791,
                ],
            ),
            (
                Subspace::Nearest(2),
                [
                    0.503244028,
                    0.885350219,
                    1.87786971,
                    1.10687507,
                    1.69186862,
                    0.957561539,
                    0.936521399,
                    1.27483532,
                    1.21786124,
                ],
            ),
            (
                Subspace::Nearest(3),
                [
                    1.89534863, 1.80083588, 2.62019545, 2.18163137, 2.07072145, 1.66638081, 2.19635929,
                    2.01549891, 1.81988894,
                ],
            ),
            (
                Subspace::Farthest(1),
                [
                    2.37301792, 2.38761847, 2.91562474, 2.82842712, 2.82842712, 2.82842712, 2.82842712,
                    2.5264323, 2.60918527,
                ],
            ),
            (
                Subspace::Farthest(2),
                [
                    2.05843508, 2.11720489, 2.79345313, 2.55744259, 2.37212151, 2.41184688, 2.62737211,
                    2.35793999, 2.21656301,
                ],
            ),
            (
                Subspace::Farthest(3),
                [
                    1.89534863, 1.80083588, 2.62019545, 2.18163137, 2.07072145, 1.66638081, 2.19635929,
                    2.01549891, 1.81988894,
                ],
            ),
        ];
        let all = windows(&three(120), 8);
        for (subspace, want) in want {
            let found = joint_neighbors(&all, &all, subspace, true, &Run::new(0)).unwrap();
            for (i, want) in [0, 3, 20, 33, 37, 44, 60, 90, 112].into_iter().zip(want) {
                let got = found[i].distance;
                assert!((got - want).abs() <= 1e-6 * want.max(1.0), "{subspace:?} {i}: {got} {want}");
            }
        }
    }
}
