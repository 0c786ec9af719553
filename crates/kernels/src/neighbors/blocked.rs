//! Blocks of queries against tiles of points through matrix products.
//!
//! For a query `a` and a point `b`, both measured from the centre of the query's block, `|a|^2 + |b|^2 - 2 a b` is
//! the squared distance up to rounding; one product of `[-2 a, 1]` and `[b, (1 - e) |b|^2]` gives all but the first
//! term. The share `e` bounds the rounding, so what the product says is never above the truth, and a pair is
//! measured anew, in f64, only when that lower bound is within the query's k-th distance. Measuring from the block's
//! own centre keeps norms, and with them `e` times norms, small where distances are.

use ndarray::{Array2, s};

use super::best::{Best, Neighbor, squared_distance};
use super::halves::TILE;
use super::{Batch, NeighborIndex};
use crate::product::matmul_transposed;

/// Bounds that are compared at once.
const STEP: usize = 32;
/// Norms beyond this could overflow in the product; such pairs are all measured.
const MAX_NORM: f32 = 1e36;

/// Queries per block: enough to pay for preparing a tile, few enough that products stay in the cache.
pub(super) fn block_rows(k: usize) -> usize {
    ((16 << 20) / (16 * k)).clamp(16, 256)
}

/// Time per pair of query and point of `d` columns, measured by `benches/neighbors.rs`.
pub(super) fn pair_nanos(d: usize) -> f64 {
    0.35 + 0.026 * d as f64
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

impl NeighborIndex {
    /// Finds the neighbours of the queries numbered in `block`.
    pub(super) fn search_blocked(&self, batch: &Batch<'_>, block: &[u32], out: &mut [Neighbor]) {
        let d = self.n_columns;
        let keep = 1.0 - rounding_share(d);
        let center = center_of(block.iter().map(|&query| batch.row(query)), d);
        let mut left = Array2::zeros((block.len(), d + 1));
        let mut norms = vec![0.0; block.len()];
        let rows = left.as_slice_mut().unwrap_or_default().chunks_exact_mut(d + 1);
        for ((&query, row), norm) in block.iter().zip(rows).zip(&mut norms) {
            *norm = shift(batch.row(query), &center, row);
            row[..d].iter_mut().for_each(|v| *v *= -2.0);
            row[d] = 1.0;
        }
        let mut bests: Vec<Best> = block.iter().map(|_| Best::new(batch.k)).collect();
        bests.iter_mut().zip(block).for_each(|(best, &query)| best.restart(batch.skip(query)));
        let mut right = Array2::zeros((TILE, d + 1));
        let mut bounds = Array2::zeros((block.len(), TILE));
        for (reach, tile) in self.tiles.by_distance(block.iter().map(|&query| batch.row(query))) {
            if bests.iter().all(|best| best.worst() < reach) {
                break;
            }
            if bests.iter().all(|best| best.is_settled_before(self.tiles.first[tile])) {
                continue;
            }
            let places = tile * TILE..self.len().min((tile + 1) * TILE);
            let rows = right.as_slice_mut().unwrap_or_default().chunks_exact_mut(d + 1);
            let mut largest = 0.0_f32;
            for (place, row) in places.clone().zip(rows) {
                let norm = shift(self.row(place), &center, row);
                row[d] = if norm < MAX_NORM { keep * norm } else { f32::NAN };
                largest = largest.max(norm);
            }
            let n = places.len();
            matmul_transposed(left.view(), right.slice(s![..n, ..]), bounds.slice_mut(s![.., ..n]));
            let rows = bounds.as_slice().unwrap_or_default().chunks_exact(TILE);
            for (((bounds, best), &query), &norm) in rows.zip(&mut bests).zip(block).zip(&norms) {
                let slack =
                    if best.is_full() { f32::INFINITY } else { 2.0 * (1.0 - keep) * (norm + largest) };
                let query = Query { row: batch.row(query), norm: keep * norm, slack };
                self.look_into_row(&bounds[..n], places.start, &query, best);
            }
        }
        bests.iter_mut().zip(out.chunks_exact_mut(batch.k)).for_each(|(best, out)| best.take_into(out));
    }

    /// Measures the pairs whose lower bound is within reach.
    #[allow(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "comparisons are written so that NaN, the mark of an overflow, is measured"
    )]
    fn look_into_row(&self, bounds: &[f32], start: usize, query: &Query<'_>, best: &mut Best) {
        let tiny = f64::from(f32::MIN_POSITIVE) * (query.row.len() + 2) as f64;
        let limit = |best: &Best| {
            let limit = ((best.worst() + tiny - f64::from(query.norm)) as f32).next_up();
            if query.norm < MAX_NORM { limit } else { f32::INFINITY }
        };
        let first = first_reach(bounds, best.k() + 1, query.slack);
        let mut reach = limit(best).min(first);
        for (step, some) in bounds.chunks(STEP).enumerate() {
            if !some.iter().fold(false, |any, &bound| any | !(bound > reach)) {
                continue;
            }
            for (slot, &bound) in some.iter().enumerate() {
                let place = start + step * STEP + slot;
                if bound > reach || best.is_settled_before(self.ids[place]) {
                    continue;
                }
                if best.offer(squared_distance(query.row, self.row(place)), self.ids[place]) {
                    reach = limit(best).min(first);
                }
            }
        }
    }
}

/// What a row of bounds belongs to.
struct Query<'a> {
    row: &'a [f32],
    /// The squared norm, as far as it is part of the bounds.
    norm: f32,
    /// How far a bound of this row can be below the truth.
    slack: f32,
}

/// A bound that `count` points of the row surely keep: the lowest bounds of as many of the [`STEP`] interleaved parts,
/// and what they can be below the truth. It spares measuring most of a first tile.
fn first_reach(bounds: &[f32], count: usize, slack: f32) -> f32 {
    if count > STEP || !slack.is_finite() {
        return f32::INFINITY;
    }
    let mut lowest = [f32::INFINITY; STEP];
    for some in bounds.as_chunks::<STEP>().0 {
        for lane in 0..STEP {
            lowest[lane] = if some[lane] < lowest[lane] { some[lane] } else { lowest[lane] };
        }
    }
    let (_, nth, _) = lowest.select_nth_unstable_by(count - 1, f32::total_cmp);
    // Adding rounds by less than the slack, which is taken twice.
    *nth + 2.0 * slack
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

/// Writes `row - center` to the first places of `out` and gives its squared norm.
fn shift(row: &[f32], center: &[f32], out: &mut [f32]) -> f32 {
    for ((out, &v), &c) in out.iter_mut().zip(row).zip(center) {
        *out = v - c;
    }
    let mut sums = [0.0_f32; 8];
    let chunks = out[..row.len()].chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().map(|v| v * v).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += v * v);
    }
    sums.iter().sum::<f32>() + rest
}
