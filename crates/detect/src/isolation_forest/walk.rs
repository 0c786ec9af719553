//! Walking rows through trees: what their leaves hold, and which column led there.

use anomalyst_core::Features;

use super::tree::{Split, Step, Tree, average_path_length};

/// The value of a row's leaf; where both branches are taken, the mean by their shares.
pub(super) fn value(tree: &Tree, rows: &Features, row: usize) -> f64 {
    value_from(tree, 0, rows, row)
}

/// Trees are at most [`super::tree::MAX_DEPTH`] deep, and so is the recursion.
fn value_from(tree: &Tree, mut at: usize, rows: &Features, row: usize) -> f64 {
    let mut uncounted = 0.0;
    loop {
        match tree.step(at, rows, row) {
            Step::End(value) => return f64::from(value) - uncounted,
            Step::To(child) => {
                if tree.is_out_of_reach(at, rows, row) {
                    uncounted += 1.0;
                }
                at = child;
            }
            Step::Both(left) => {
                let share = tree.left_share(left);
                return share * value_from(tree, left, rows, row)
                    + (1.0 - share) * value_from(tree, left + 1, rows, row)
                    - uncounted;
            }
        }
    }
}

/// Where what a row's splits did is booked: one sum per number column, then one per code column.
pub(super) struct Ledger<'a> {
    pub(super) rows: &'a Features,
    pub(super) row: usize,
    pub(super) sums: &'a mut [f64],
}

impl Ledger<'_> {
    /// Books every split of the row's path. The sums grow in total by what the root's value is above the row's:
    /// `c(sample) - path length`, or minus the log density.
    pub(super) fn book(&mut self, tree: &Tree) {
        self.book_from(tree, 0, 1.0);
    }

    fn book_from(&mut self, tree: &Tree, mut at: usize, weight: f64) {
        loop {
            match tree.step(at, self.rows, self.row) {
                Step::End(_) => return,
                Step::To(child) => {
                    let uncounted = if tree.is_out_of_reach(at, self.rows, self.row) { 1.0 } else { 0.0 };
                    self.share_out(tree, at, weight * (lowered(tree, at, child) + uncounted));
                    at = child;
                }
                Step::Both(left) => {
                    let share = tree.left_share(left);
                    for (child, part) in [(left, share), (left + 1, 1.0 - share)] {
                        self.share_out(tree, at, weight * part * lowered(tree, at, child));
                        self.book_from(tree, child, weight * part);
                    }
                    return;
                }
            }
        }
    }

    /// Credits the column of a split; the columns of an oblique one by the size of their parts in its sum.
    fn share_out(&mut self, tree: &Tree, at: usize, amount: f64) {
        let first_code = self.rows.n_values();
        match tree.nodes[at].split {
            Split::Leaf { .. } => {}
            Split::Below { column, .. } | Split::Present { column } => self.sums[column as usize] += amount,
            Split::Levels { column, .. } => self.sums[first_code + column as usize] += amount,
            Split::Plane { start, end, .. } => {
                let terms = &tree.terms[start as usize..end as usize];
                let size = |i: usize| terms[i].of(self.rows, self.row).map_or(0.0, f64::abs);
                let total: f64 = (0..terms.len()).map(size).sum();
                for (i, term) in terms.iter().enumerate() {
                    let share = if total > 0.0 { size(i) / total } else { 1.0 / terms.len() as f64 };
                    self.sums[term.column as usize] += amount * share;
                }
            }
        }
    }
}

/// By how much going from `at` to `child` lowers the expected value: steps still to come at `at`, less this one, less
/// those still to come at `child`; or the log density within `at` less that within `child`.
fn lowered(tree: &Tree, at: usize, child: usize) -> f64 {
    let counts = [tree.nodes[at].count, tree.nodes[child].count];
    match (tree.log_volumes.get(at), tree.log_volumes.get(child)) {
        (Some(&outer), Some(&inner)) => {
            (f64::from(counts[0]) / f64::from(counts[1])).ln() + f64::from(inner) - f64::from(outer)
        }
        _ => average_path_length(counts[0]) - 1.0 - average_path_length(counts[1]),
    }
}
