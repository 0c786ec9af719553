//! The k-d tree: halves of the widest column, tight boxes, full leaves (Friedman, Bentley, Finkel 1977,
//! doi:10.1145/355744.355745).

use rayon::prelude::*;

use super::best::{Best, squared_distance};
use super::{Batch, NeighborIndex};

/// Points per leaf; all leaves but the last are full.
pub(super) const LEAF: usize = 32;
/// Points per tile of the blocked search; larger nodes split at multiples of it, so that a tile is a region.
pub(super) const TILE: usize = 512;
/// Queries per unit of parallel work.
pub(super) const BLOCK: usize = 64;
/// Columns of a box that are compared at once.
const STEP: usize = 4;
/// Below this many points a subtree is built by one thread.
const FORK: usize = 8192;

/// Time to look into one leaf of `d` columns, from `benches/neighbors.rs`.
pub(super) fn leaf_nanos(d: usize) -> f64 {
    25.0 + 5.0 * d as f64
}

pub(super) struct Tree {
    n_columns: usize,
    /// Columns of a box: those of the points and some of zeros, to a multiple of [`STEP`].
    width: usize,
    /// Every node stands before its left subtree, and that before its right one.
    nodes: Vec<Node>,
    /// Lowest, then highest value of each column, node by node.
    boxes: Vec<f32>,
    /// The leaves' points, column by column within a leaf, filled up with NaN.
    lanes: Vec<f32>,
}

/// What searches reuse from query to query.
#[derive(Default)]
pub(super) struct Scratch {
    /// Nodes still to visit and the squared distances of their boxes.
    stack: Vec<(f32, u32)>,
    padded: Vec<f32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Position of the first point.
    start: u32,
    /// The right child; 0 for a leaf.
    right: u32,
    /// The column that was split, and the lowest value on the right.
    axis: u32,
    split: f32,
    /// The lowest point number inside.
    first: u32,
}

/// A matrix, row by row.
struct Rows<'a> {
    flat: &'a [f32],
    n_columns: usize,
}

impl Rows<'_> {
    fn row(&self, id: u32) -> &[f32] {
        &self.flat[id as usize * self.n_columns..][..self.n_columns]
    }
}

/// How many of `count` points go left, if any are to be divided.
fn left_count(count: usize) -> Option<usize> {
    let unit = if count > TILE { TILE } else { LEAF };
    (count > LEAF).then(|| count.div_ceil(unit) / 2 * unit)
}

fn n_nodes(count: usize) -> usize {
    (2 * count.div_ceil(LEAF)).saturating_sub(1)
}

impl Tree {
    /// The tree, and the point numbers in the order of its leaves.
    pub(super) fn build(points: &[f32], (n, d): (usize, usize)) -> (Self, Vec<u32>) {
        let points = Rows { flat: points, n_columns: d };
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut nodes = vec![Node::default(); n_nodes(n)];
        let width = d.next_multiple_of(STEP);
        let mut boxes = vec![0.0; nodes.len() * 2 * width];
        if n > 0 {
            build_node(&points, &mut order, (0, 0), &mut nodes, &mut boxes);
        }
        let mut lanes = vec![f32::NAN; n.div_ceil(LEAF) * LEAF * d];
        if d > 0 {
            for (leaf, lanes) in order.chunks(LEAF).zip(lanes.chunks_exact_mut(LEAF * d)) {
                for (slot, &id) in leaf.iter().enumerate() {
                    for (column, &value) in points.row(id).iter().enumerate() {
                        lanes[column * LEAF + slot] = value;
                    }
                }
            }
        }
        (Self { n_columns: d, width, nodes, boxes, lanes }, order)
    }

    /// Offers every point that could be near `query`; the number of leaves it looked into.
    pub(super) fn search(
        &self,
        index: &NeighborIndex,
        query: &[f32],
        best: &mut Best,
        scratch: &mut Scratch,
    ) -> u64 {
        let mut leaves = 0;
        let mut limit = self.limit(best.worst());
        let Scratch { stack, padded } = scratch;
        padded.clear();
        padded.extend_from_slice(query);
        padded.resize(self.width, 0.0);
        stack.clear();
        if !self.nodes.is_empty() {
            stack.push((0.0, 0));
        }
        while let Some((squared, mut at)) = stack.pop() {
            if squared > limit {
                continue;
            }
            while self.nodes[at as usize].right != 0 {
                let (left, right) = (at + 1, self.nodes[at as usize].right);
                let (to_left, to_right) = (self.box_distance(left, padded), self.box_distance(right, padded));
                let (near, far) = if to_right < to_left {
                    ((to_right, right), (to_left, left))
                } else {
                    ((to_left, left), (to_right, right))
                };
                if far.0 <= limit {
                    stack.push(far);
                }
                at = near.1;
                if near.0 > limit {
                    break;
                }
            }
            let node = self.nodes[at as usize];
            if node.right == 0 && !best.is_settled_before(node.first) {
                leaves += 1;
                self.look_into_leaf(index, node.start as usize, query, best, &mut limit);
            }
        }
        leaves
    }

    fn look_into_leaf(
        &self,
        index: &NeighborIndex,
        start: usize,
        query: &[f32],
        best: &mut Best,
        limit: &mut f32,
    ) {
        let width = LEAF * self.n_columns;
        let lanes = &self.lanes[start / LEAF * width..][..width];
        let mut sums = [0.0_f32; LEAF];
        for (&q, lane) in query.iter().zip(lanes.as_chunks::<LEAF>().0) {
            for slot in 0..LEAF {
                let difference = lane[slot] - q;
                sums[slot] += difference * difference;
            }
        }
        let end = index.len().min(start + LEAF);
        if !sums.iter().fold(false, |any, sum| any | (sum <= &*limit)) {
            return;
        }
        for (place, &sum) in (start..end).zip(&sums) {
            if sum <= *limit && best.offer(squared_distance(query, index.row(place)), index.ids[place]) {
                *limit = self.limit(best.worst());
            }
        }
    }

    /// What a squared distance in f32, summed directly from differences, may be at most if the true one is
    /// `worst` or less: each of its `d + 2` roundings errs by a factor of at most 1 + 2^-24, those of values too
    /// small for f32 by an absolute amount.
    fn limit(&self, worst: f64) -> f32 {
        let d = self.n_columns as f64;
        let relative = 1.0 + (2.0 * d + 8.0) * f64::from(f32::EPSILON);
        ((worst * relative + d * f64::from(f32::MIN_POSITIVE)) as f32).next_up()
    }

    /// Squared distance of the query, filled up with zeros, to a node's box.
    fn box_distance(&self, node: u32, query: &[f32]) -> f32 {
        let (low, high) = self.boxes[node as usize * 2 * self.width..][..2 * self.width].split_at(self.width);
        let chunks = |v| <[f32]>::as_chunks::<STEP>(v).0;
        let mut sums = [0.0_f32; STEP];
        for ((q, low), high) in chunks(query).iter().zip(chunks(low)).zip(chunks(high)) {
            for lane in 0..STEP {
                let (below, above) = (low[lane] - q[lane], q[lane] - high[lane]);
                // Plain comparisons become one instruction, which `f32::max` with its care for NaN does not.
                let outside = if below > above { below } else { above };
                let outside = if outside > 0.0 { outside } else { 0.0 };
                sums[lane] += outside * outside;
            }
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }

    /// The queries' numbers, ordered by the leaf each would belong to.
    pub(super) fn by_region(&self, batch: &Batch<'_>, n: usize) -> Vec<u32> {
        let leaf_of = |query: u32| {
            let query = batch.row(query);
            let mut at = 0;
            while let Some(node) = self.nodes.get(at)
                && node.right != 0
                && node.axis < self.n_columns as u32
            {
                at = if query[node.axis as usize] < node.split { at + 1 } else { node.right as usize };
            }
            at as u32
        };
        let regions: Vec<u32> = (0..n as u32).into_par_iter().map(leaf_of).collect();
        // Counting sort: stable, so that the order is the same on any number of threads.
        let mut starts = vec![0_u32; self.nodes.len() + 1];
        regions.iter().for_each(|&region| starts[region as usize + 1] += 1);
        (1..starts.len()).for_each(|at| starts[at] += starts[at - 1]);
        let mut order = vec![0; regions.len()];
        for (query, &region) in regions.iter().enumerate() {
            let start = &mut starts[region as usize];
            order[*start as usize] = query as u32;
            *start += 1;
        }
        order
    }
}

/// Fills `nodes` and `boxes` for the points in `order`, which is reordered. `at` is the position of the first
/// point and the number of the first node.
fn build_node(points: &Rows<'_>, order: &mut [u32], at: (u32, u32), nodes: &mut [Node], boxes: &mut [f32]) {
    let (d, width) = (points.n_columns, points.n_columns.next_multiple_of(STEP));
    let Some((node, below)) = nodes.split_first_mut() else { return };
    let (own, boxes_below) = boxes.split_at_mut(2 * width);
    let (low, high) = own.split_at_mut(width);
    low[..d].fill(f32::INFINITY);
    high[..d].fill(f32::NEG_INFINITY);
    for &id in order.iter() {
        for ((&v, low), high) in points.row(id).iter().zip(&mut *low).zip(&mut *high) {
            *low = low.min(v);
            *high = high.max(v);
        }
    }
    node.start = at.0;
    node.first = order.iter().copied().min().unwrap_or(0);
    let Some(left) = left_count(order.len()) else { return };
    // Halved first, because the spread of values near the end of f32 is infinite.
    let spread = |column: usize| high[column] / 2.0 - low[column] / 2.0;
    let axis = (0..d).reduce(|a, b| if spread(b) > spread(a) { b } else { a }).unwrap_or(0);
    let value = |id: u32| points.row(id).get(axis).copied().unwrap_or(0.0);
    order.select_nth_unstable_by(left, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
    node.axis = axis as u32;
    node.split = value(order[left]);
    node.right = at.1 + 1 + n_nodes(left) as u32;
    let right_at = (at.0 + left as u32, node.right);
    let is_large = order.len() > FORK;
    let (order_left, order_right) = order.split_at_mut(left);
    let (nodes_left, nodes_right) = below.split_at_mut(n_nodes(left));
    let (boxes_left, boxes_right) = boxes_below.split_at_mut(n_nodes(left) * 2 * width);
    let mut build_left = || build_node(points, order_left, (at.0, at.1 + 1), nodes_left, boxes_left);
    let mut build_right = || build_node(points, order_right, right_at, nodes_right, boxes_right);
    if is_large {
        rayon::join(build_left, build_right);
    } else {
        build_left();
        build_right();
    }
}
