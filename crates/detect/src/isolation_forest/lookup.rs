//! The fast way through trees that only compare numbers: complete binary trees in flat arrays.
//!
//! Every tree is padded to the same depth, so a walk has no branch to mispredict: node `i` has children `2 i` and
//! `2 i + 1`, a node that asks nothing sends every row the same way, and after the last level the position names the
//! leaf's value. Blocks of rows are turned over so that the rows' numbers of one column lie together. The first four
//! levels have fifteen nodes, so all rows answer all of them with vector instructions; below, eight rows walk
//! at once, which hides the latency of each. Floats are compared as integers of the same order.

use anomalyst_core::Features;
use anomalyst_kernels::descent;

use super::tree::{Split, Tree};

/// Rows per block.
pub(super) const BLOCK: usize = descent::ROWS;
/// Rows that walk at once.
const LANES: usize = 8;
/// Levels that all rows of a block answer together.
const TOP: usize = descent::LEVELS;
/// Deeper trees stay with the general walk: their padded arrays would no longer fit the caches.
const MAX_LEVELS: usize = 12;
/// A block's places that a 16-bit offset can name, and thereby the most columns.
const SPAN: usize = 1 << 16;

/// The keys of a block's rows: first those of column 0, then those of column 1. Its size lets the compiler see that
/// no offset leads out of it; memory that no column needs is never touched.
pub(super) type Keys = [i32; SPAN + BLOCK];

/// A row goes to child `2 i + 1` if its key at `offset` is below `key`, else to child `2 i`.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: i32,
    offset: u16,
}

/// All trees of a forest, each as `2^levels` slots (the first is unused) and as many leaf values.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    levels: usize,
    slots: Vec<Slot>,
    values: Vec<f32>,
}

impl Lookup {
    /// `None` where trees ask about codes or several columns at once, where steps have a reach, or where padding would
    /// waste too much.
    pub(super) fn new(trees: &[Tree], n_values: usize) -> Option<Self> {
        let plain = |split| !matches!(split, Split::Levels { .. } | Split::Plane { .. });
        let all_plain = trees.iter().flat_map(|tree| &tree.nodes).all(|node| plain(node.split));
        let reaches = trees.iter().any(|tree| !tree.reaches.is_empty());
        if !all_plain || reaches || n_values > SPAN / BLOCK {
            return None;
        }
        let levels = trees.iter().map(height).max()?.max(TOP);
        let n_nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
        if levels > MAX_LEVELS || trees.len() << levels > (16 * n_nodes).max(1 << 20) {
            return None;
        }
        let width = 1 << levels;
        let mut lookup = Self {
            levels,
            slots: vec![Slot { key: i32::MAX, offset: 0 }; width * trees.len()],
            values: vec![0.0; width * trees.len()],
        };
        for (i, tree) in trees.iter().enumerate() {
            lookup.place(tree, i * width, 0, 1, 0);
        }
        Some(lookup)
    }

    /// Copies the subtree of node `at` to position `to` of level `level`; recursion is as deep as the tree.
    fn place(&mut self, tree: &Tree, offset: usize, at: usize, to: usize, level: usize) {
        let node = tree.nodes[at];
        let (column, threshold) = match node.split {
            Split::Below { column, threshold } => (column, threshold),
            // Everything that is there lies below infinity.
            Split::Present { column } => (column, f32::INFINITY),
            Split::Leaf { value } => {
                // Slots that were not written send every row to their second child.
                let last = ((to + 1) << (self.levels - level)) - 1;
                self.values[offset + last - (1 << self.levels)] = value;
                return;
            }
            Split::Levels { .. } | Split::Plane { .. } => return,
        };
        self.slots[offset + to] = Slot { key: key(threshold), offset: (column as usize * BLOCK) as u16 };
        let left = node.left as usize;
        self.place(tree, offset, left, 2 * to + 1, level + 1);
        self.place(tree, offset, left + 1, 2 * to, level + 1);
    }

    /// Adds the leaf values of a block's rows, tree by tree.
    pub(super) fn add(&self, keys: &Keys, sums: &mut [f64; BLOCK]) {
        match self.levels {
            4 => self.add_all::<16>(keys, sums),
            5 => self.add_all::<32>(keys, sums),
            6 => self.add_all::<64>(keys, sums),
            7 => self.add_all::<128>(keys, sums),
            8 => self.add_all::<256>(keys, sums),
            9 => self.add_all::<512>(keys, sums),
            10 => self.add_all::<1024>(keys, sums),
            11 => self.add_all::<2048>(keys, sums),
            _ => self.add_all::<4096>(keys, sums),
        }
    }

    fn add_all<const WIDTH: usize>(&self, keys: &Keys, sums: &mut [f64; BLOCK]) {
        let (slots, _) = self.slots.as_chunks::<WIDTH>();
        let (values, _) = self.values.as_chunks::<WIDTH>();
        for (slots, values) in slots.iter().zip(values) {
            add_tree(slots, values, keys, sums);
        }
    }
}

/// The width is known to the compiler, so that masking a position proves it in bounds.
fn add_tree<const WIDTH: usize>(
    slots: &[Slot; WIDTH],
    values: &[f32; WIDTH],
    keys: &Keys,
    sums: &mut [f64; BLOCK],
) {
    let start = descend_top(slots, keys);
    let (starts, _) = start.as_chunks::<LANES>();
    let (groups, _) = sums.as_chunks_mut::<LANES>();
    for (group, (sums, start)) in groups.iter_mut().zip(starts).enumerate() {
        let Some(keys) = keys[group * LANES..].first_chunk::<{ SPAN + LANES }>() else { return };
        let mut at = *start;
        for _ in TOP as u32..WIDTH.trailing_zeros() {
            for lane in 0..LANES {
                let slot = &slots[at[lane] as usize & (WIDTH - 1)];
                let key = keys[usize::from(slot.offset) + lane];
                at[lane] = 2 * at[lane] + u32::from(key < slot.key);
            }
        }
        for (sum, at) in sums.iter_mut().zip(at) {
            *sum += f64::from(values[at as usize & (WIDTH - 1)]);
        }
    }
}

/// Positions after the first levels.
fn descend_top<const WIDTH: usize>(slots: &[Slot; WIDTH], keys: &Keys) -> [u32; BLOCK] {
    let (columns, _) = keys.as_chunks::<BLOCK>();
    let slot = |i: usize| &slots[i & (WIDTH - 1)];
    let columns = std::array::from_fn(|i| &columns[usize::from(slot(i).offset) / BLOCK]);
    descent::descend(columns, std::array::from_fn(|i| slot(i).key))
}

/// Room for the keys of a block.
pub(super) fn new_keys() -> Option<Box<Keys>> {
    vec![0; SPAN + BLOCK].into_boxed_slice().try_into().ok()
}

/// Writes the keys of rows `first..first + n`, and says which of them have gaps.
pub(super) fn fill(keys: &mut Keys, rows: &Features, first: usize, n: usize) -> [bool; BLOCK] {
    let mut has_gaps = [false; BLOCK];
    let (columns, _) = keys.as_chunks_mut::<BLOCK>();
    for (lane, gap) in has_gaps[..n].iter_mut().enumerate() {
        for (column, &value) in columns.iter_mut().zip(rows.values.row(first + lane)) {
            column[lane] = key(value);
            *gap |= value.is_nan();
        }
    }
    has_gaps
}

/// An integer that orders as the float does; both zeros have the same.
fn key(value: f32) -> i32 {
    let bits = (value + 0.0).to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

/// How many splits the longest path has; children stand behind their parents.
pub(super) fn height(tree: &Tree) -> usize {
    let mut heights = vec![0_usize; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        if !matches!(node.split, Split::Leaf { .. }) {
            let left = node.left as usize;
            heights[at] = 1 + heights[left].max(heights[left + 1]);
        }
    }
    heights.first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_floats() {
        let floats = [f32::MIN, -1.5, -1e-45, -0.0, 0.0, 1e-45, 1.0, f32::MAX, f32::INFINITY];
        for pair in floats.windows(2) {
            assert_eq!(pair[0] < pair[1], key(pair[0]) < key(pair[1]), "{pair:?}");
            assert!(key(pair[0]) <= key(pair[1]));
        }
    }
}
