//! Exact nearest neighbours in Euclidean distance.
//!
//! Two ways to the same answer, bit for bit. A tree of boxes skips far regions and wins where the data has few
//! dimensions or clear clusters; blocked matrix products wins where nothing can be skipped. Both only decide which
//! pairs are worth a look: every neighbour reported was measured by [`squared_distance`] in f64 on the values
//! given, and the single-precision filters before it carry error bounds, so that rounding never drops a
//! neighbour. Which way is taken follows from counting what the tree would visit for a few of the queries.

mod best;
mod blocked;
mod candidates;
mod halves;
mod sweep;
mod tree;

#[cfg(test)]
mod tests;

use anomalyst_core::{Error, Estimate, Result, Run, Stage};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

pub use best::{Neighbor, squared_distance};
use blocked::{Block, Tiles};
use halves::Halves;
use sweep::Width;
use tree::{Group, Tree};

/// Bytes that the neighbours of one batch of queries may take.
const BATCH_BYTES: usize = 64 << 20;
/// Queries per batch at most: enough that neighbouring queries meet in one block.
const BATCH_ROWS: usize = 1 << 18;
/// Queries whose search is counted before choosing a way.
const PROBES: usize = 48;
/// Marks a query that leaves nothing out.
const NO_SKIP: u32 = u32::MAX;

/// Points prepared for searching.
pub struct NeighborIndex {
    n_columns: usize,
    /// The points, row by row, in the order of the tree's leaves.
    points: Vec<f32>,
    /// The caller's number of each of those.
    ids: Vec<u32>,
    /// Where the caller's points went: the inverse of `ids`.
    places: Vec<u32>,
    halves: Halves,
    tree: Tree,
    tiles: Tiles,
}

/// Which point a query must not meet.
#[derive(Clone, Copy, Debug)]
pub enum Skip<'a> {
    /// Every point may be a neighbour.
    None,
    /// Query `i` is point `i` and leaves itself out.
    SameIndex,
    /// Query `i` leaves out the point of this number; `u32::MAX` leaves nothing out. One entry per query.
    Each(&'a [u32]),
}

/// The neighbours of each query, nearest first; equal distances in the order of the points given.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbors {
    /// Queries x k; numbers of points.
    pub indices: Array2<u32>,
    /// Queries x k; a distance beyond `f32::MAX` is `f32::MAX`.
    pub distances: Array2<f32>,
}

/// How to search; tests and measurements ask for one, everything else lets the counting decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tree,
    Blocked,
}

impl NeighborIndex {
    /// Prepares finite points for searching, in O(n log n d) time and about `8 n d` bytes.
    pub fn new(points: ArrayView2<'_, f32>) -> Result<Self> {
        if points.nrows() >= NO_SKIP as usize {
            return Err(Error::Budget {
                what: "a neighbour index".into(),
                need: format!("{} rows", points.nrows()),
                limit: format!("{} rows", NO_SKIP - 1),
                hint: "keep a sample of the reference rows".into(),
            });
        }
        let given = points.as_standard_layout();
        let (given, n_columns) = (given.as_slice().unwrap_or_default(), points.ncols());
        let (halves, ids) = Halves::of(given, points.dim());
        let mut places = vec![0; ids.len()];
        let mut points = Vec::with_capacity(given.len());
        for (place, &id) in ids.iter().enumerate() {
            places[id as usize] = place as u32;
            points.extend_from_slice(&given[id as usize * n_columns..][..n_columns]);
        }
        let tree = Tree::new(&halves, &points, &ids, n_columns);
        let tiles = Tiles::new(&points, &ids, n_columns);
        Ok(Self { n_columns, points, ids, places, halves, tree, tiles })
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many columns the points have.
    pub const fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The values of the point that was given as number `index`.
    pub fn point(&self, index: u32) -> &[f32] {
        self.row(self.places[index as usize] as usize)
    }

    /// All points in the order given.
    pub fn points(&self) -> Array2<f32> {
        Array2::from_shape_fn((self.len(), self.n_columns), |(i, j)| {
            self.points[self.places[i] as usize * self.n_columns + j]
        })
    }

    /// How many neighbours a search for `k` gives each query: fewer where there are not as many points.
    pub fn available(&self, k: usize, skip: Skip<'_>) -> usize {
        k.min(self.len().saturating_sub(usize::from(!matches!(skip, Skip::None))))
    }

    /// The `k` nearest points of each query (see [`Self::available`]).
    pub fn search(
        &self,
        queries: ArrayView2<'_, f32>,
        k: usize,
        skip: Skip<'_>,
        run: &Run,
    ) -> Result<Neighbors> {
        let k = self.available(k, skip);
        let rows: Vec<Vec<(u32, f32)>> = self.map(queries, k, skip, run, |_, near| {
            near.iter().map(|near| (near.index, near.distance_f32())).collect()
        })?;
        let mut found = Neighbors {
            indices: Array2::zeros((queries.nrows(), k)),
            distances: Array2::zeros((queries.nrows(), k)),
        };
        let to = found.indices.iter_mut().zip(&mut found.distances);
        to.zip(rows.into_iter().flatten()).for_each(|((index, distance), near)| (*index, *distance) = near);
        Ok(found)
    }

    /// What `make` makes of each query's number and its `k` nearest points, without keeping the neighbours of
    /// all queries at once.
    pub fn map<T: Send>(
        &self,
        queries: ArrayView2<'_, f32>,
        k: usize,
        skip: Skip<'_>,
        run: &Run,
        make: impl Fn(usize, &[Neighbor]) -> T + Sync,
    ) -> Result<Vec<T>> {
        self.map_by(None, queries, (k, skip), run, make)
    }

    fn map_by<T: Send>(
        &self,
        way: Option<Way>,
        queries: ArrayView2<'_, f32>,
        (k, skip): (usize, Skip<'_>),
        run: &Run,
        make: impl Fn(usize, &[Neighbor]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let k = self.available(k, skip);
        let mut made = Vec::with_capacity(queries.nrows());
        if k == 0 {
            made.extend((0..queries.nrows()).map(|query| make(query, &[])));
            return Ok(made);
        }
        let (n, d) = queries.dim();
        if d != self.n_columns {
            return Err(Error::WidthMismatch { fitted: self.n_columns, got: d });
        }
        let queries = queries.as_standard_layout();
        let flat = queries.as_slice().unwrap_or_default();
        let skipped = |query: usize| match skip {
            Skip::None => NO_SKIP,
            Skip::SameIndex => query as u32,
            Skip::Each(list) => list.get(query).copied().unwrap_or(NO_SKIP),
        };
        let all = Batch { rows: flat, n_columns: d, start: 0, k, skipped: &skipped };
        let way = way.unwrap_or_else(|| self.choose(&all, n));
        let stage = run.stage("searching neighbours", n as u64);
        let batch = (BATCH_BYTES / (k * size_of::<Neighbor>())).clamp(256, BATCH_ROWS);
        for start in (0..n).step_by(batch) {
            let end = n.min(start + batch);
            let some = Batch { rows: &flat[start * d..end * d], n_columns: d, start, k, skipped: &skipped };
            let (found, place) = self.search_batch(way, &some, end - start, run, &stage)?;
            made.par_extend(
                place
                    .into_par_iter()
                    .enumerate()
                    .map(|(i, place)| make(start + i, &found[place as usize * k..][..k])),
            );
        }
        Ok(made)
    }

    /// Sorts the queries by region, searches them block by block, and says where each one's neighbours are.
    fn search_batch(
        &self,
        way: Way,
        batch: &Batch<'_>,
        n: usize,
        run: &Run,
        stage: &Stage,
    ) -> Result<(Vec<Neighbor>, Vec<u32>)> {
        let order = self.halves.by_region(batch, n);
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &query)| place[query as usize] = at as u32);
        let mut found = vec![Neighbor::default(); order.len() * batch.k];
        let rows = match way {
            Way::Tree => tree::group_len(n, self.len()),
            Way::Blocked => blocked::block_rows(batch.k),
        };
        let blocks = order.par_chunks(rows).zip(found.par_chunks_mut(rows * batch.k));
        let scratch = || (Group::default(), Block::new(self.n_columns));
        blocks.try_for_each_init(scratch, |(group, scratch), (block, out)| {
            run.check()?;
            match way {
                Way::Tree => {
                    group.search(self, batch, block, out);
                }
                Way::Blocked => self.search_blocked(batch, block, scratch, out),
            }
            stage.advance(block.len() as u64);
            Ok(())
        })?;
        Ok((found, place))
    }

    /// Counts what the tree visits for a few queries and compares costs.
    fn choose(&self, all: &Batch<'_>, n: usize) -> Way {
        let d = self.n_columns;
        // A block of few queries has nothing to share.
        if d == 0 || n < 2 * PROBES {
            return Way::Tree;
        }
        let visited = |probe: usize| {
            let mut out = vec![Neighbor::default(); all.k];
            Group::default().search(self, all, &[(n / PROBES * probe) as u32], &mut out)
        };
        let leaves = (0..PROBES).into_par_iter().map(visited).sum::<u64>() as f64 / PROBES as f64;
        let (tree, blocked) =
            (leaves * tree::leaf_nanos(d), self.len() as f64 * blocked::pair_nanos(d, Width::widest()));
        if tree <= blocked { Way::Tree } else { Way::Blocked }
    }

    fn row(&self, place: usize) -> &[f32] {
        &self.points[place * self.n_columns..][..self.n_columns]
    }
}

/// Memory of an index of `n` points with `d` columns, time to build it, and time to search one of many queries.
///
/// How much a tree can skip depends on the data; this takes what it skips of normally distributed data, or the
/// blocked way where that is faster.
pub fn search_estimate(n: usize, d: usize, k: usize) -> Estimate {
    let (rows, columns) = (n as f64, d as f64);
    let leaves = (rows / halves::LEAF as f64).min(2.0 + (rows + 1.0).ln() * 1.6_f64.powf(columns));
    let found = k.min(n) as f64 * 40.0;
    let batch = (BATCH_ROWS * k.min(n) * size_of::<Neighbor>()).min(BATCH_BYTES);
    Estimate {
        bytes: (10 * d as u64 + 16) * n as u64 + batch as u64,
        fit_nanos: rows * (rows + 1.0).log2() * (4.0 + columns),
        score_nanos_per_row: (leaves * tree::leaf_nanos(d)).min(rows * blocked::pair_nanos(d, Width::Plain))
            + found,
    }
}

/// Consecutive queries that are searched together.
struct Batch<'a> {
    rows: &'a [f32],
    n_columns: usize,
    /// The number of the first one.
    start: usize,
    k: usize,
    skipped: &'a (dyn Fn(usize) -> u32 + Sync),
}

impl Batch<'_> {
    fn row(&self, query: u32) -> &[f32] {
        &self.rows[query as usize * self.n_columns..][..self.n_columns]
    }

    fn skip(&self, query: u32) -> u32 {
        (self.skipped)(self.start + query as usize)
    }
}
