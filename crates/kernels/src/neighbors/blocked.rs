//! Blocks of queries against tiles of points.
//!
//! For a query `a` and a point `b`, both measured from the centre of the query's block, `|a|^2 + |b|^2 - 2 a b` is
//! the squared distance up to rounding. What is compared is `(1 - e) |b|^2 - 2 a b`, where the share `e` bounds the
//! rounding: with `(1 - e) |a|^2` it is never above the truth, and with a little more never below. Pairs are compared
//! while their sums are in registers ([`super::sweep`]); a point waits among the candidates of a query while it may be
//! one of the nearest by these bounds, and only what still waits at the end is measured anew, in f64. Measuring
//! bounds from the block's own centre keeps norms, and with them `e` times norms, small where distances are.

use super::best::{Neighbor, squared_distance};
use super::candidates::{Candidates, MAX_NORM, Rounding};
use super::halves::{LEAF, TILE};
use super::sweep::{Hit, Points, QUERIES, Queries, Width, sweep};
use super::{Batch, NeighborIndex};
use crate::wide::in_widest;

/// Queries per block: enough to pay for preparing a leaf, few enough to stay in the cache.
pub(super) fn block_rows(k: usize) -> usize {
    ((16 << 20) / (16 * k)).clamp(2 * QUERIES, 42 * QUERIES) / QUERIES * QUERIES
}

/// Time per pair of query and point of `d` columns, measured by `benches/neighbors.rs`; without AVX-512 that of a
/// product of matrices, which it does not exceed.
pub(super) fn pair_nanos(d: usize, width: Width) -> f64 {
    match width {
        #[cfg(target_arch = "x86_64")]
        Width::Avx512 => 0.12 + 0.0125 * d as f64,
        _ => 0.35 + 0.026 * d as f64,
    }
}

/// The bound on rounding as a share of `|a|^2 + |b|^2`: `d + 1` products summed in any order, norms summed once,
/// coordinates rounded once (Higham 2002, section 3.1), with room to spare.
fn rounding_share(d: usize) -> f32 {
    (4 * d + 32) as f32 * (f32::EPSILON / 2.0)
}

/// The region of each tile of [`TILE`] points.
pub(super) struct Tiles {
    n_columns: usize,
    /// Lowest, then highest value of each column, tile by tile.
    boxes: Vec<f32>,
    /// The lowest point number inside.
    first: Vec<u32>,
}

impl Tiles {
    /// Of points in the order of the tree.
    pub(super) fn new(points: &[f32], ids: &[u32], n_columns: usize) -> Self {
        let first: Vec<u32> =
            ids.chunks(TILE).map(|ids| ids.iter().copied().min().unwrap_or_default()).collect();
        let mut boxes = Vec::with_capacity(first.len() * 2 * n_columns);
        if n_columns > 0 {
            for tile in points.chunks(TILE * n_columns) {
                boxes.extend(box_of(tile.chunks_exact(n_columns), n_columns));
            }
        }
        Self { n_columns, boxes, first }
    }

    /// Tiles by squared distance from the box of `rows`, nearest first.
    fn by_distance<'a>(&self, rows: impl Iterator<Item = &'a [f32]>) -> Vec<(f64, usize)> {
        let d = self.n_columns;
        let from = box_of(rows, d);
        let distance = |tile: usize| -> f64 {
            let to = &self.boxes[tile * 2 * d..][..2 * d];
            let outside = |j: usize| {
                let below = f64::from(from[j]) - f64::from(to[d + j]);
                below.max(f64::from(to[j]) - f64::from(from[d + j])).max(0.0)
            };
            // Slightly less than computed, so that rounding of the sum skips nothing.
            (0..d).map(|j| outside(j) * outside(j)).sum::<f64>() * (1.0 - 1e-9)
        };
        let mut tiles: Vec<(f64, usize)> = (0..self.first.len()).map(|tile| (distance(tile), tile)).collect();
        tiles.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        tiles
    }
}

/// Lowest, then highest value of each column.
fn box_of<'a>(rows: impl Iterator<Item = &'a [f32]>, d: usize) -> Vec<f32> {
    let mut bounds = vec![f32::INFINITY; d];
    bounds.resize(2 * d, f32::NEG_INFINITY);
    let (low, high) = bounds.split_at_mut(d);
    for row in rows {
        for ((&v, low), high) in row.iter().zip(&mut *low).zip(&mut *high) {
            *low = low.min(v);
            *high = high.max(v);
        }
    }
    bounds
}

/// What a thread reuses from block to block.
pub(super) struct Block {
    width: Width,
    rounding: Rounding,
    center: Vec<f32>,
    /// The queries from the centre, times -2; see [`Queries`].
    columns: Vec<[f32; QUERIES]>,
    limits: Vec<[f32; QUERIES]>,
    candidates: Vec<Candidates>,
    /// The points of a leaf from the centre, and their squared norms.
    lanes: Vec<[f32; LEAF]>,
    norms: [f32; LEAF],
    hits: Vec<Hit>,
}

impl Block {
    /// For queries of `d` columns.
    pub(super) fn new(d: usize) -> Self {
        Self {
            width: Width::widest(),
            rounding: Rounding { share: rounding_share(d), tiny: f32::MIN_POSITIVE * (d + 2) as f32 },
            center: Vec::new(),
            columns: Vec::new(),
            limits: Vec::new(),
            candidates: Vec::new(),
            lanes: vec![[0.0; LEAF]; d],
            norms: [0.0; LEAF],
            hits: Vec::new(),
        }
    }

    fn restart(&mut self, batch: &Batch<'_>, block: &[u32]) {
        let (d, n_groups) = (self.lanes.len(), block.len().div_ceil(QUERIES));
        self.center = center_of(block.iter().map(|&query| batch.row(query)), d);
        self.columns.clear();
        self.columns.resize(n_groups * d, [0.0; QUERIES]);
        self.limits.clear();
        // Nothing is below what stands where a group is not full.
        self.limits.resize(n_groups, [f32::NEG_INFINITY; QUERIES]);
        self.candidates.resize_with(block.len(), || Candidates::new(batch.k));
        for (i, (&query, candidates)) in block.iter().zip(&mut self.candidates).enumerate() {
            let (group, slot) = (i / QUERIES, i % QUERIES);
            let columns = &mut self.columns[group * d..][..d];
            let mut norm = 0.0;
            for ((&v, &c), column) in batch.row(query).iter().zip(&self.center).zip(columns) {
                norm += (v - c) * (v - c);
                column[slot] = -2.0 * (v - c);
            }
            candidates.restart(batch.skip(query), norm, self.rounding);
            self.limits[group][slot] = candidates.limit();
        }
    }

    /// Lets every query look at the points of a leaf.
    fn look_into_leaf(&mut self, index: &NeighborIndex, batch: &Batch<'_>, block: &[u32], leaf: usize) {
        let (from, center) = (index.tree.lanes(leaf), self.center.as_slice());
        let (to, norms) = (self.lanes.as_mut_slice(), &mut self.norms);
        in_widest!(shift(from: &[[f32; LEAF]], center: &[f32], to: &mut [[f32; LEAF]], norms: &mut [f32; LEAF]));
        let keep = 1.0 - self.rounding.share;
        let starts = self.norms.map(|norm| if norm < MAX_NORM { keep * norm } else { f32::NAN });
        let queries = Queries { columns: &self.columns, limits: &self.limits };
        self.hits.clear();
        sweep(self.width, queries, Points { columns: &self.lanes, starts: &starts }, &mut self.hits);
        let first = leaf * LEAF;
        let n_points = (index.len() - first).min(LEAF);
        for hit in &self.hits {
            let query = hit.query as usize;
            let Some(candidates) = self.candidates.get_mut(query) else { continue };
            let row = batch.row(block[query]);
            let measure = |place: u32| index.measure(row, place);
            // What fills up the last leaf is NaN, as near as what overflows.
            let mut points = hit.points & (u32::MAX >> (LEAF - n_points));
            while points != 0 {
                let slot = points.trailing_zeros() as usize;
                points &= points - 1;
                let place = first + slot;
                let bounds = (hit.sums[slot], self.norms[slot]);
                candidates.offer((place as u32, index.ids[place]), bounds, self.rounding, measure);
            }
            self.limits[query / QUERIES][query % QUERIES] = candidates.limit();
        }
    }
}

impl NeighborIndex {
    /// Finds the neighbours of the queries numbered in `block`.
    pub(super) fn search_blocked(
        &self,
        batch: &Batch<'_>,
        block: &[u32],
        scratch: &mut Block,
        out: &mut [Neighbor],
    ) {
        scratch.restart(batch, block);
        for (reach, tile) in self.tiles.by_distance(block.iter().map(|&query| batch.row(query))) {
            let mut open = scratch.candidates.iter();
            if open.all(|candidates| candidates.is_nearer_than(reach)) {
                break;
            }
            let first = self.tiles.first[tile];
            if scratch.candidates.iter().all(|candidates| candidates.is_settled_before(first)) {
                continue;
            }
            let leaves = tile * TILE / LEAF..self.len().min((tile + 1) * TILE).div_ceil(LEAF);
            leaves.for_each(|leaf| scratch.look_into_leaf(self, batch, block, leaf));
        }
        let rows = block.iter().map(|&query| batch.row(query));
        for ((candidates, row), out) in
            scratch.candidates.iter_mut().zip(rows).zip(out.chunks_exact_mut(batch.k))
        {
            candidates.take_into(scratch.rounding, &|place| self.measure(row, place), out);
        }
    }

    /// The squared distance and the number of the point at a place.
    fn measure(&self, row: &[f32], place: u32) -> (f64, u32) {
        let point = self.row(place as usize);
        let squared = in_widest!(squared_distance(row: &[f32], point: &[f32]) -> f64);
        (squared, self.ids[place as usize])
    }
}

/// Writes a leaf's points less the centre to `out`, and their squared norms.
#[inline(always)]
fn shift(from: &[[f32; LEAF]], center: &[f32], to: &mut [[f32; LEAF]], norms: &mut [f32; LEAF]) {
    let mut sums = [0.0; LEAF];
    for ((from, &center), to) in from.iter().zip(center).zip(to) {
        for slot in 0..LEAF {
            let v = from[slot] - center;
            to[slot] = v;
            sums[slot] += v * v;
        }
    }
    *norms = sums;
}

/// The mean of some rows.
fn center_of<'a>(rows: impl Iterator<Item = &'a [f32]>, d: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; d];
    let mut count = 0.0;
    for row in rows {
        count += 1.0;
        row.iter().zip(&mut sums).for_each(|(&v, sum)| *sum += f64::from(v));
    }
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}
