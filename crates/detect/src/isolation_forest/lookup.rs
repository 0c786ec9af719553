//! The fast way through trees that only compare numbers: complete binary trees in flat arrays.
//!
//! Every tree is padded to the same depth, so a walk has no branch to mispredict: node `i` has children `2 i` and
//! `2 i + 1`, a node that asks nothing sends every row left, and after the last level the position names the path
//! length. Blocks of rows are turned over so that one column of all rows lies together, and eight rows walk at
//! once, which hides the latency of each. Floats are compared as integers of the same order.

use anomalyst_core::Features;

use super::tree::{Split, Tree};

/// Rows per block.
pub(super) const BLOCK: usize = 128;
/// Rows that walk at once.
const LANES: usize = 8;
/// Deeper trees stay with the general walk: their padded arrays would no longer fit the caches.
const MAX_LEVELS: usize = 12;

/// Rows of one block: per column, the keys of its numbers.
pub(super) type Block = [[u32; BLOCK]];

/// Goes right where the key of the column is at least `key`.
#[derive(Clone, Copy, Debug)]
struct Slot {
    column: u32,
    key: u32,
}

/// All trees of a forest, each as `2^levels` slots (the first is unused) and as many path lengths.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    levels: usize,
    slots: Vec<Slot>,
    lengths: Vec<f32>,
}

impl Lookup {
    /// `None` where trees ask about codes or several columns at once, or where padding would waste too much.
    pub(super) fn new(trees: &[Tree]) -> Option<Self> {
        let plain = |split| !matches!(split, Split::Levels { .. } | Split::Plane { .. });
        if !trees.iter().flat_map(|tree| &tree.nodes).all(|node| plain(node.split)) {
            return None;
        }
        let levels = trees.iter().map(height).max()?.max(1);
        let width = 1_usize.checked_shl(levels as u32)?;
        let n_nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
        if levels > MAX_LEVELS || width * trees.len() > (16 * n_nodes).max(1 << 20) {
            return None;
        }
        let mut lookup = Self {
            levels,
            slots: vec![Slot { column: 0, key: u32::MAX }; width * trees.len()],
            lengths: vec![0.0; width * trees.len()],
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
            Split::Leaf { length } => {
                let first = to << (self.levels - level);
                self.lengths[offset + first - (1 << self.levels)] = length;
                return;
            }
            Split::Levels { .. } | Split::Plane { .. } => return,
        };
        self.slots[offset + to] = Slot { column, key: key(threshold) };
        for side in 0..2 {
            self.place(tree, offset, node.left as usize + side, 2 * to + side, level + 1);
        }
    }

    /// Adds the path lengths of a block's rows, tree by tree.
    pub(super) fn add(&self, block: &Block, sums: &mut [f64; BLOCK]) {
        match self.levels {
            1 => self.add_all::<2>(block, sums),
            2 => self.add_all::<4>(block, sums),
            3 => self.add_all::<8>(block, sums),
            4 => self.add_all::<16>(block, sums),
            5 => self.add_all::<32>(block, sums),
            6 => self.add_all::<64>(block, sums),
            7 => self.add_all::<128>(block, sums),
            8 => self.add_all::<256>(block, sums),
            9 => self.add_all::<512>(block, sums),
            10 => self.add_all::<1024>(block, sums),
            11 => self.add_all::<2048>(block, sums),
            _ => self.add_all::<4096>(block, sums),
        }
    }

    fn add_all<const WIDTH: usize>(&self, block: &Block, sums: &mut [f64; BLOCK]) {
        let (slots, _) = self.slots.as_chunks::<WIDTH>();
        let (lengths, _) = self.lengths.as_chunks::<WIDTH>();
        for (slots, lengths) in slots.iter().zip(lengths) {
            add_tree(slots, lengths, block, sums);
        }
    }
}

/// The width is known to the compiler, so that masking a position proves it in bounds.
fn add_tree<const WIDTH: usize>(
    slots: &[Slot; WIDTH],
    lengths: &[f32; WIDTH],
    block: &Block,
    sums: &mut [f64; BLOCK],
) {
    let (groups, _) = sums.as_chunks_mut::<LANES>();
    for (group, sums) in groups.iter_mut().enumerate() {
        let mut at = [1_usize; LANES];
        for _ in 0..WIDTH.trailing_zeros() {
            for (lane, at) in at.iter_mut().enumerate() {
                let slot = slots[*at & (WIDTH - 1)];
                let key = block[slot.column as usize][group * LANES + lane];
                *at = 2 * *at + usize::from(key >= slot.key);
            }
        }
        for (sum, at) in sums.iter_mut().zip(at) {
            *sum += f64::from(lengths[at & (WIDTH - 1)]);
        }
    }
}

/// Turns rows `first..first + n` over into keys, and says which of them have gaps.
pub(super) fn fill(block: &mut Block, rows: &Features, first: usize, n: usize) -> [bool; BLOCK] {
    let mut has_gaps = [false; BLOCK];
    for (lane, gap) in has_gaps[..n].iter_mut().enumerate() {
        for (column, &value) in block.iter_mut().zip(rows.values.row(first + lane)) {
            column[lane] = key(value);
            *gap |= value.is_nan();
        }
    }
    has_gaps
}

/// An integer that orders as the float does; both zeros have the same.
fn key(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | (1 << 31) }
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
