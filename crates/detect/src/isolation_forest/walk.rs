//! Walking rows through trees: path lengths, and which column shortened the path.

use anomalyst_core::Features;

use super::tree::{Split, Step, Tree, average_path_length};

/// How long the path of a row is; where both branches are taken, the mean by their shares.
pub(super) fn path_length(tree: &Tree, rows: &Features, row: usize) -> f64 {
    length_from(tree, 0, rows, row)
}

/// Trees are at most [`super::tree::MAX_DEPTH`] deep, and so is the recursion.
fn length_from(tree: &Tree, mut at: usize, rows: &Features, row: usize) -> f64 {
    loop {
        match tree.step(at, rows, row) {
            Step::End(length) => return f64::from(length),
            Step::To(child) => at = child,
            Step::Both(left) => {
                let share = tree.left_share(left);
                return share * length_from(tree, left, rows, row)
                    + (1.0 - share) * length_from(tree, left + 1, rows, row);
            }
        }
    }
}

/// Where the steps that a row is spared are booked: one sum per number column, then one per code column.
pub(super) struct Ledger<'a> {
    pub(super) rows: &'a Features,
    pub(super) row: usize,
    pub(super) sums: &'a mut [f64],
}

impl Ledger<'_> {
    /// Books every split of the row's path. The sums grow by `c(sample) - path length` in total.
    pub(super) fn book(&mut self, tree: &Tree) {
        self.book_from(tree, 0, 1.0);
    }

    fn book_from(&mut self, tree: &Tree, mut at: usize, weight: f64) {
        loop {
            match tree.step(at, self.rows, self.row) {
                Step::End(_) => return,
                Step::To(child) => {
                    self.share_out(tree, at, weight * spared(tree, at, child));
                    at = child;
                }
                Step::Both(left) => {
                    let share = tree.left_share(left);
                    for (child, part) in [(left, share), (left + 1, 1.0 - share)] {
                        self.share_out(tree, at, weight * part * spared(tree, at, child));
                        self.book_from(tree, child, weight * part);
                    }
                    return;
                }
            }
        }
    }

    /// Credits the column of a split; the columns of an oblique one by the size of their parts in its sum.
    fn share_out(&mut self, tree: &Tree, at: usize, steps: f64) {
        let first_code = self.rows.n_values();
        match tree.nodes[at].split {
            Split::Leaf { .. } => {}
            Split::Below { column, .. } | Split::Present { column } => self.sums[column as usize] += steps,
            Split::Levels { column, .. } => self.sums[first_code + column as usize] += steps,
            Split::Plane { start, end, .. } => {
                let terms = &tree.terms[start as usize..end as usize];
                let size = |i: usize| terms[i].of(self.rows, self.row).map_or(0.0, f64::abs);
                let total: f64 = (0..terms.len()).map(size).sum();
                for (i, term) in terms.iter().enumerate() {
                    let share = if total > 0.0 { size(i) / total } else { 1.0 / terms.len() as f64 };
                    self.sums[term.column as usize] += steps * share;
                }
            }
        }
    }
}

/// Steps still to come on average at `at`, less this one, less those still to come at `child`.
fn spared(tree: &Tree, at: usize, child: usize) -> f64 {
    average_path_length(tree.nodes[at].count) - 1.0 - average_path_length(tree.nodes[child].count)
}
