//! A tree of boxes, several to a node, down to leaves of points.
//!
//! Queries of one region go through it together: a box is met by eight of them at once, and a leaf that some of them
//! reach into stays in the nearest cache while they look into it one after the other.

use super::best::{Best, Neighbor, squared_distance};
use super::halves::{Halves, LEAF, Node};
use super::{Batch, NeighborIndex};
use crate::wide::in_widest;

/// Boxes of a node at most.
const FAN: usize = 8;
/// Queries, or points of a leaf, that are compared at once.
const STEP: usize = 8;
/// Queries that go through the tree together at most.
const GROUP: usize = 32;
/// Marks a leaf among the numbers of nodes.
const IS_LEAF: u32 = 1 << 31;

/// Time of one query to find a leaf of `d` columns and to look into it, from `benches/neighbors.rs`.
pub(super) fn leaf_nanos(d: usize) -> f64 {
    15.0 + 2.8 * d as f64
}

/// How many of `n` queries go through a tree of `n_points` together: neighbours, of which few are in one region where
/// queries are few.
pub(super) fn group_len(n: usize, n_points: usize) -> usize {
    (GROUP * n / n_points.max(1)).next_multiple_of(STEP).clamp(STEP, GROUP)
}

pub(super) struct Tree {
    n_columns: usize,
    /// What is inside the boxes, [`FAN`] to a node: the number of a node or of a leaf.
    inside: Vec<u32>,
    /// How many boxes each node has.
    n_boxes: Vec<u32>,
    /// Node by node and column by column the lowest values of its boxes, then the highest.
    bounds: Vec<f32>,
    /// The lowest point number in each leaf.
    first: Vec<u32>,
    /// The leaves' points, column by column within a leaf, filled up with NaN.
    lanes: Vec<f32>,
}

impl Tree {
    /// Of points in the order of the halves' leaves; `ids` are their numbers.
    pub(super) fn new(halves: &Halves, points: &[f32], ids: &[u32], n_columns: usize) -> Self {
        let first: Vec<u32> = ids.chunks(LEAF).map(|ids| ids.iter().copied().min().unwrap_or(0)).collect();
        let mut lanes = vec![f32::NAN; first.len() * LEAF * n_columns];
        let mut leaves = Vec::with_capacity(first.len() * n_columns);
        if n_columns > 0 {
            let leaf = LEAF * n_columns;
            for (rows, lanes) in points.chunks(leaf).zip(lanes.chunks_exact_mut(leaf)) {
                for (slot, row) in rows.chunks_exact(n_columns).enumerate() {
                    row.iter().enumerate().for_each(|(column, &v)| lanes[column * LEAF + slot] = v);
                }
                leaves.extend(lanes.chunks_exact(LEAF).map(Bounds::of));
            }
        }
        let mut tree =
            Self { n_columns, inside: Vec::new(), n_boxes: Vec::new(), bounds: Vec::new(), first, lanes };
        if !ids.is_empty() {
            tree.grow(halves, 0, &leaves);
        }
        tree
    }

    /// Appends the node whose boxes are the halves of `at`, of those the larger again, and so on; gives its number.
    fn grow(&mut self, halves: &Halves, at: u32, leaves: &[Bounds]) -> u32 {
        let half = |at: u32| halves.nodes[at as usize];
        let mut boxes = vec![at];
        while boxes.len() < FAN {
            let can_open = |slot: &usize| half(boxes[*slot]).right != 0;
            let largest = (0..boxes.len()).filter(can_open).max_by_key(|&slot| half(boxes[slot]).count);
            let Some(slot) = largest else { break };
            let at = boxes[slot];
            boxes.splice(slot..=slot, [at + 1, half(at).right]);
        }
        let number = self.n_boxes.len();
        self.n_boxes.push(boxes.len() as u32);
        self.inside.resize((number + 1) * FAN, 0);
        let (d, from) = (self.n_columns, self.bounds.len());
        self.bounds.resize(from + 2 * FAN * d, 0.0);
        for (slot, at) in boxes.into_iter().enumerate() {
            let Node { start, count, right, .. } = half(at);
            let within = start as usize / LEAF..(start + count).div_ceil(LEAF as u32) as usize;
            for column in 0..d {
                let of_leaf = |leaf: usize| leaves[leaf * d + column];
                let all = within.clone().map(of_leaf).fold(Bounds::NONE, Bounds::with);
                self.bounds[from + 2 * FAN * column + slot] = all.low;
                self.bounds[from + 2 * FAN * column + FAN + slot] = all.high;
            }
            let is_leaf = right == 0;
            self.inside[number * FAN + slot] =
                if is_leaf { within.start as u32 | IS_LEAF } else { self.grow(halves, at, leaves) };
        }
        number as u32
    }

    /// The points of a leaf, column by column, filled up with NaN.
    #[inline(always)]
    pub(super) fn lanes(&self, leaf: usize) -> &[[f32; LEAF]] {
        let width = LEAF * self.n_columns;
        self.lanes[leaf * width..][..width].as_chunks().0
    }

    /// The bounds of a node's boxes, column by column.
    #[inline(always)]
    fn bounds(&self, node: usize) -> &[[[f32; FAN]; 2]] {
        let width = 2 * FAN * self.n_columns;
        self.bounds[node * width..][..width].as_chunks::<FAN>().0.as_chunks::<2>().0
    }

    /// What a squared distance in f32, summed directly from differences, may be at most if the true one is
    /// `worst` or less: each of its `d + 2` roundings errs by a factor of at most 1 + 2^-24, those of values too
    /// small for f32 by an absolute amount.
    fn limit(&self, worst: f64) -> f32 {
        let d = self.n_columns as f64;
        let relative = 1.0 + (2.0 * d + 8.0) * f64::from(f32::EPSILON);
        ((worst * relative + d * f64::from(f32::MIN_POSITIVE)) as f32).next_up()
    }
}

/// Queries that are searched together, and what is reused from search to search.
#[derive(Default)]
pub(super) struct Group {
    n_columns: usize,
    rows: Vec<f32>,
    bests: Vec<Best>,
    /// What a squared distance in f32 may be at most, query by query; filled up with NaN to a multiple of [`STEP`].
    limits: Vec<f32>,
    /// The queries, [`STEP`] at a time and column by column within those.
    lanes: Vec<f32>,
    /// Which of the queries reach into a box.
    reaches: Vec<u8>,
    /// Squared distances from the points of a leaf, and which are within a limit.
    sums: Box<[f32; LEAF]>,
    within: Box<[u8; LEAF]>,
    center: Vec<f32>,
    /// Boxes still to visit, and their squared distances from the centre.
    waiting: Vec<(f32, u32)>,
}

impl Group {
    /// Finds the neighbours of some queries of a batch; the number of leaves that each looked into, summed.
    pub(super) fn search(
        &mut self,
        index: &NeighborIndex,
        batch: &Batch<'_>,
        queries: &[u32],
        out: &mut [Neighbor],
    ) -> u64 {
        self.restart(&index.tree, batch, queries);
        let group = &mut *self;
        let n_leaves = in_widest!(search_loop(index: &NeighborIndex, group: &mut Group) -> u64);
        self.bests.iter_mut().zip(out.chunks_exact_mut(batch.k)).for_each(|(best, out)| best.take_into(out));
        n_leaves
    }

    fn restart(&mut self, tree: &Tree, batch: &Batch<'_>, queries: &[u32]) {
        let d = tree.n_columns;
        self.n_columns = d;
        self.bests.resize_with(queries.len(), || Best::new(batch.k));
        self.bests.iter_mut().zip(queries).for_each(|(best, &query)| best.restart(batch.skip(query)));
        self.limits.clear();
        self.limits.resize(queries.len(), tree.limit(f64::INFINITY));
        self.limits.resize(queries.len().next_multiple_of(STEP), f32::NAN);
        self.reaches.clear();
        self.reaches.resize(self.limits.len(), 0);
        self.rows.clear();
        self.lanes.clear();
        self.lanes.resize(self.limits.len() * d, 0.0);
        self.center.clear();
        self.center.resize(d, 0.0);
        let share = 1.0 / queries.len() as f32;
        for (i, &query) in queries.iter().enumerate() {
            let row = batch.row(query);
            self.rows.extend_from_slice(row);
            for (column, &v) in row.iter().enumerate() {
                self.lanes[i / STEP * STEP * d + column * STEP + i % STEP] = v;
                self.center[column] += share * v;
            }
        }
        self.waiting.clear();
    }

    /// Lets the boxes of a node wait, the nearest to the centre on top.
    #[inline(always)]
    fn open(&mut self, tree: &Tree, node: usize) {
        let mut sums = [0.0; FAN];
        for ([low, high], &q) in tree.bounds(node).iter().zip(&self.center) {
            for slot in 0..FAN {
                let outside = outside(q, low[slot], high[slot]);
                sums[slot] += outside * outside;
            }
        }
        let from = self.waiting.len();
        let boxes = sums.into_iter().zip((node * FAN) as u32..);
        self.waiting.extend(boxes.take(tree.n_boxes[node] as usize));
        self.waiting[from..].sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    }

    /// Marks by 1 which queries reach into a box.
    #[inline(always)]
    fn mark(&mut self, tree: &Tree, (node, slot): (usize, usize)) {
        let (d, lanes) = (self.n_columns, self.lanes.as_chunks::<STEP>().0);
        let steps = self.limits.as_chunks::<STEP>().0.iter().zip(self.reaches.as_chunks_mut::<STEP>().0);
        for (step, (limits, reaches)) in steps.enumerate() {
            let lanes = &lanes[step * d..][..d];
            let mut sums = [0.0; STEP];
            for (lane, [low, high]) in lanes.iter().zip(tree.bounds(node)) {
                for query in 0..STEP {
                    let outside = outside(lane[query], low[slot], high[slot]);
                    sums[query] += outside * outside;
                }
            }
            for query in 0..STEP {
                reaches[query] = u8::from(sums[query] <= limits[query]);
            }
        }
    }

    /// Offers a query the points of a leaf that are within its limit.
    #[inline(always)]
    fn look_into_leaf(&mut self, index: &NeighborIndex, leaf: usize, query: usize) {
        let (tree, best) = (&index.tree, &mut self.bests[query]);
        if best.is_settled_before(tree.first[leaf]) {
            return;
        }
        let row = &self.rows[query * self.n_columns..][..self.n_columns];
        let limit = &mut self.limits[query];
        if !squares(tree.lanes(leaf), row, *limit, (&mut self.sums, &mut self.within)) {
            return;
        }
        let from = leaf * LEAF;
        for (step, some) in self.within.as_chunks().0.iter().enumerate() {
            let mut within = u64::from_le_bytes(*some);
            while within != 0 {
                let slot = step * STEP + within.trailing_zeros() as usize / 8;
                within &= within - 1;
                // Where there are no columns, what fills up a leaf is as near as its points.
                let Some(&id) = index.ids.get(from + slot) else { break };
                let may_be_near = self.sums[slot] <= *limit;
                if may_be_near && best.offer(squared_distance(row, index.row(from + slot)), id) {
                    *limit = tree.limit(best.worst());
                }
            }
        }
    }
}

/// Opens the box nearest to the centre first, unless no query reaches into it.
#[inline(always)]
fn search_loop(index: &NeighborIndex, group: &mut Group) -> u64 {
    let (tree, mut n_leaves) = (&index.tree, 0);
    if !tree.n_boxes.is_empty() {
        group.open(tree, 0);
    }
    while let Some((_, at)) = group.waiting.pop() {
        let inside = tree.inside[at as usize];
        let at = (at as usize / FAN, at as usize % FAN);
        group.mark(tree, at);
        for step in 0..group.reaches.len() / STEP {
            let mut reach = u64::from_le_bytes(group.reaches.as_chunks().0[step]);
            if reach != 0 && inside & IS_LEAF == 0 {
                group.open(tree, inside as usize);
                break;
            }
            while reach != 0 {
                n_leaves += 1;
                let query = step * STEP + reach.trailing_zeros() as usize / 8;
                group.look_into_leaf(index, (inside & !IS_LEAF) as usize, query);
                reach &= reach - 1;
            }
        }
    }
    n_leaves
}

/// Squared distances of a row to the points of a leaf, and marks by 1 those within the limit; whether there are any.
#[inline(always)]
fn squares(
    lanes: &[[f32; LEAF]],
    row: &[f32],
    limit: f32,
    (squares, within): (&mut [f32; LEAF], &mut [u8; LEAF]),
) -> bool {
    let mut sums = [0.0; LEAF];
    for (lane, &v) in lanes.iter().zip(row) {
        for slot in 0..LEAF {
            let difference = lane[slot] - v;
            sums[slot] += difference * difference;
        }
    }
    *squares = sums;
    for slot in 0..LEAF {
        within[slot] = u8::from(squares[slot] <= limit);
    }
    within.iter().fold(0, |any, within| any | within) != 0
}

/// How far a value is outside of an interval. Plain comparisons become one instruction each, which `f32::max` with its
/// care for NaN does not.
#[inline(always)]
fn outside(v: f32, low: f32, high: f32) -> f32 {
    let (below, above) = (low - v, v - high);
    let outside = if below > above { below } else { above };
    if outside > 0.0 { outside } else { 0.0 }
}

/// The lowest and the highest value of some.
#[derive(Clone, Copy)]
struct Bounds {
    low: f32,
    high: f32,
}

impl Bounds {
    const NONE: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    /// Of numbers, and NaN that do not count: the smaller of a number and NaN is the number.
    fn of(values: &[f32]) -> Self {
        values.iter().fold(Self::NONE, |all, &v| all.with(Self { low: v, high: v }))
    }

    fn with(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}
