//! Halving points at their widest column until a leaf holds them (Friedman, Bentley, Finkel 1977,
//! doi:10.1145/355744.355745).

use rayon::prelude::*;

use super::Batch;

/// Points per leaf; all leaves but the last are full.
pub(super) const LEAF: usize = 32;
/// Points per tile of the blocked search; larger nodes split at multiples of it, so that a tile is a region.
pub(super) const TILE: usize = 512;
/// Below this many points a subtree is built by one thread.
const FORK: usize = 8192;

/// Every node stands before its left subtree, and that before its right one.
pub(super) struct Halves {
    n_columns: usize,
    pub(super) nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    /// Position of the first point, and how many there are.
    pub(super) start: u32,
    pub(super) count: u32,
    /// The right child; 0 for a leaf.
    pub(super) right: u32,
    /// The column that was split, and the lowest value on the right.
    axis: u32,
    split: f32,
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

impl Halves {
    /// The nodes, and the point numbers in the order of the leaves.
    pub(super) fn of(points: &[f32], (n, d): (usize, usize)) -> (Self, Vec<u32>) {
        let points = Rows { flat: points, n_columns: d };
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut nodes = vec![Node::default(); n_nodes(n)];
        if n > 0 {
            halve(&points, &mut order, (0, 0), &mut nodes);
        }
        (Self { n_columns: d, nodes }, order)
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

/// Fills `nodes` for the points in `order`, which is reordered. `at` is the position of the first point and the
/// number of the first node.
fn halve(points: &Rows<'_>, order: &mut [u32], at: (u32, u32), nodes: &mut [Node]) {
    let Some((node, below)) = nodes.split_first_mut() else { return };
    (node.start, node.count) = (at.0, order.len() as u32);
    let Some(left) = left_count(order.len()) else { return };
    let axis = widest(points, order);
    let value = |id: u32| points.row(id).get(axis).copied().unwrap_or(0.0);
    order.select_nth_unstable_by(left, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
    node.axis = axis as u32;
    node.split = value(order[left]);
    node.right = at.1 + 1 + n_nodes(left) as u32;
    let right_at = (at.0 + left as u32, node.right);
    let is_large = order.len() > FORK;
    let (order_left, order_right) = order.split_at_mut(left);
    let (nodes_left, nodes_right) = below.split_at_mut(n_nodes(left));
    let mut halve_left = || halve(points, order_left, (at.0, at.1 + 1), nodes_left);
    let mut halve_right = || halve(points, order_right, right_at, nodes_right);
    if is_large {
        rayon::join(halve_left, halve_right);
    } else {
        halve_left();
        halve_right();
    }
}

/// The column in which the points in `order` reach widest; the first of equally wide ones.
fn widest(points: &Rows<'_>, order: &[u32]) -> usize {
    let mut bounds = vec![(f32::INFINITY, f32::NEG_INFINITY); points.n_columns];
    for &id in order {
        for (&v, (low, high)) in points.row(id).iter().zip(&mut bounds) {
            *low = low.min(v);
            *high = high.max(v);
        }
    }
    // Halved first, because the spread of values near the end of f32 is infinite.
    let spread = |column: usize| bounds[column].1 / 2.0 - bounds[column].0 / 2.0;
    (0..points.n_columns).reduce(|a, b| if spread(b) > spread(a) { b } else { a }).unwrap_or(0)
}
