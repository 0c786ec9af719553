//! The first levels of complete binary trees, answered for many rows at once.

use crate::wide::in_widest;

/// Rows that answer together.
pub const ROWS: usize = 128;
/// Levels that are answered.
pub const LEVELS: usize = 4;
/// Nodes above those levels' end, and the unused node 0.
pub const NODES: usize = 1 << LEVELS;

/// Where each row stands after [`LEVELS`] levels of a tree whose node `i` has the children `2 i` and `2 i + 1`, from
/// node 1 on: a row goes to the second child of node `i` if its key in `columns[i]` is below `limits[i]`, else to the
/// first.
pub fn descend(columns: [&[i32; ROWS]; NODES], limits: [i32; NODES]) -> [u32; ROWS] {
    in_widest!(descend_loop(columns: [&[i32; ROWS]; NODES], limits: [i32; NODES]) -> [u32; ROWS])
}

/// All ones stands for "below", so that bit operations select and no row branches.
#[inline(always)]
fn descend_loop(columns: [&[i32; ROWS]; NODES], limits: [i32; NODES]) -> [u32; ROWS] {
    let select = |mask: i32, yes: i32, no: i32| (mask & yes) | (!mask & no);
    let mut at = [0; ROWS];
    for (row, at) in at.iter_mut().enumerate() {
        let below = |i: usize| -i32::from(columns[i][row] < limits[i]);
        let a = below(1);
        let b = select(a, below(3), below(2));
        let c = select(a, select(b, below(7), below(6)), select(b, below(5), below(4)));
        let on =
            |i: usize| select(b, select(c, below(i + 3), below(i + 2)), select(c, below(i + 1), below(i)));
        let d = select(a, on(12), on(8));
        *at = (16 - 8 * a - 4 * b - 2 * c - d) as u32;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against going from node to node, with keys that equal limits and such near the ends.
        #[test]
        fn equals_going_node_by_node(
            keys in prop::collection::vec(prop::sample::select(vec![i32::MIN, -2, -1, 0, 1, 2, i32::MAX]), 3 * ROWS),
            of in prop::collection::vec(0..3_usize, NODES),
            limits in prop::array::uniform16(prop::sample::select(vec![i32::MIN, -1, 0, 1, i32::MAX])),
        ) {
            let lanes = keys.as_chunks::<ROWS>().0;
            let columns: [&[i32; ROWS]; NODES] = std::array::from_fn(|i| &lanes[of[i]]);
            let got = descend(columns, limits);
            for row in 0..ROWS {
                let step = |at: usize, _| 2 * at + usize::from(columns[at][row] < limits[at]);
                prop_assert_eq!(got[row] as usize, (0..LEVELS).fold(1, step));
            }
        }
    }
}
