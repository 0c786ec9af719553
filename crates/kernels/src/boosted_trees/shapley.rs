//! Exact Shapley values of a sum of trees, by the rows that went each way (path-dependent TreeSHAP).
//!
//! # Equations
//! `v(S) = E[f(x) | x_S]`: a split by a column in `S` is followed, any other goes both ways in the shares of the training rows
//! that did. The value of a column is `sum over S without it of |S|! (M - |S| - 1)! / M! (v(S + column) - v(S))`. Algorithm 2
//! of Lundberg et al. finds all of them in one walk that carries, for each number of columns of the path in `S`, the share
//! of subsets that come to a node, in O(leaves depth^2) per tree.

use std::ops::Range;

use super::Trees;

/// A column on the path to a node.
#[derive(Clone, Copy)]
struct Step {
    column: usize,
    /// The share of training rows that go on where the column is not in the subset.
    zero: f64,
    /// 1 where the row itself goes on, else 0.
    one: f64,
    /// The weight of subsets with as many columns of the path as stand before this step.
    weight: f64,
}

/// What stands in the first step, which is of no column.
const NO_COLUMN: usize = usize::MAX;

/// Adds a step, and one to the sizes of subsets.
fn extend(path: &mut Vec<Step>, zero: f64, one: f64, column: usize) {
    let l = path.len();
    path.push(Step { column, zero, one, weight: if l == 0 { 1.0 } else { 0.0 } });
    let n = (l + 1) as f64;
    for i in (0..l).rev() {
        path[i + 1].weight += one * path[i].weight * (i + 1) as f64 / n;
        path[i].weight *= zero * (l - i) as f64 / n;
    }
}

/// Takes step `i` out again, as if it had never been added.
fn unwind(path: &mut Vec<Step>, i: usize) {
    let l = path.len() - 1;
    let Step { one, zero, .. } = path[i];
    let n = (l + 1) as f64;
    let mut next = path[l].weight;
    for j in (0..l).rev() {
        if one > 0.0 {
            let own = path[j].weight;
            path[j].weight = next * n / ((j + 1) as f64 * one);
            next = own - path[j].weight * zero * (l - j) as f64 / n;
        } else {
            path[j].weight *= n / (zero * (l - j) as f64);
        }
    }
    for j in i..l {
        let Step { column, zero, one, .. } = path[j + 1];
        path[j] = Step { column, zero, one, ..path[j] };
    }
    path.pop();
}

/// The sum of weights that would be left if step `i` were taken out.
fn sum_without(path: &[Step], i: usize) -> f64 {
    let l = path.len() - 1;
    let Step { one, zero, .. } = path[i];
    let n = (l + 1) as f64;
    let (mut next, mut total) = (path[l].weight, 0.0);
    for j in (0..l).rev() {
        if one > 0.0 {
            let weight = next * n / ((j + 1) as f64 * one);
            total += weight;
            next = path[j].weight - weight * zero * (l - j) as f64 / n;
        } else {
            total += path[j].weight * n / (zero * (l - j) as f64);
        }
    }
    total
}

impl Trees {
    /// The sum that is expected of a row of which nothing is known.
    pub fn expected(&self) -> f64 {
        let of_tree = |nodes: Range<usize>| {
            let first = nodes.start;
            let mut reach = vec![0.0; nodes.len()];
            reach[0] = 1.0;
            let mut sum = 0.0;
            for (at, node) in self.nodes[nodes].iter().enumerate() {
                let left = node.left as usize;
                if left == 0 {
                    sum += reach[at] * f64::from(node.number);
                } else {
                    let share = self.share_of_left(first + left);
                    (reach[left], reach[left + 1]) = (reach[at] * share, reach[at] * (1.0 - share));
                }
            }
            sum
        };
        self.base + self.each().map(of_tree).sum::<f64>()
    }

    /// The share of the rows of a node that came to its left child, which is node `left` of all.
    fn share_of_left(&self, left: usize) -> f64 {
        match self.covers.get(left..left + 2) {
            Some(covers) => f64::from(covers[0]) / (f64::from(covers[0]) + f64::from(covers[1])),
            None => 0.5,
        }
    }

    /// The Shapley value of each column of `row`; with [`Self::expected`] they add up to [`Self::sum`]. Trees that know no
    /// covers count both sides of a split alike.
    pub fn shapley(&self, row: &[f32]) -> Vec<f64> {
        let mut values = vec![0.0; row.len()];
        for nodes in self.each() {
            let mut walk = Walk { trees: self, nodes, row, values: &mut values };
            let mut path = Vec::new();
            extend(&mut path, 1.0, 1.0, NO_COLUMN);
            walk.down(0, path);
        }
        values
    }
}

struct Walk<'a> {
    trees: &'a Trees,
    nodes: Range<usize>,
    row: &'a [f32],
    values: &'a mut [f64],
}

impl Walk<'_> {
    fn down(&mut self, at: usize, mut path: Vec<Step>) {
        let node = self.trees.nodes[self.nodes.start + at];
        if node.left == 0 {
            for i in 1..path.len() {
                let Step { column, zero, one, .. } = path[i];
                self.values[column] += sum_without(&path, i) * (one - zero) * f64::from(node.number);
            }
            return;
        }
        let column = node.column as usize;
        let (mut zero, mut one) = (1.0, 1.0);
        // A column that was met before counts once, by the range that is left of it.
        if let Some(i) = path.iter().position(|step| step.column == column) {
            (zero, one) = (path[i].zero, path[i].one);
            unwind(&mut path, i);
        }
        let left = node.left as usize;
        let share = self.trees.share_of_left(self.nodes.start + left);
        let follows = node.child(self.row);
        for (child, share) in [(left, share), (left + 1, 1.0 - share)] {
            let one = if child == follows { one } else { 0.0 };
            // No subset comes here.
            if zero * share <= 0.0 && one <= 0.0 {
                continue;
            }
            let mut longer = path.clone();
            extend(&mut longer, zero * share, one, column);
            self.down(child, longer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Boosting;
    use super::super::trees::Node;
    use super::*;
    use anomalyst_core::{ModelReader, ModelWriter, Run};
    use ndarray::Array2;
    use proptest::prelude::*;

    /// `E[f(x) | x_S]` of one tree, split by split.
    fn given(trees: &Trees, first: usize, at: usize, row: &[f32], known: u32) -> f64 {
        let node = trees.nodes[first + at];
        if node.left == 0 {
            return f64::from(node.number);
        }
        if known & (1 << node.column) != 0 {
            return given(trees, first, node.child(row), row, known);
        }
        let left = node.left as usize;
        let share = trees.share_of_left(first + left);
        share * given(trees, first, left, row, known)
            + (1.0 - share) * given(trees, first, left + 1, row, known)
    }

    /// The definition: all subsets of columns.
    fn by_subsets(trees: &Trees, row: &[f32]) -> Vec<f64> {
        let m = row.len();
        let v = |known: u32| -> f64 {
            trees.each().map(|nodes| given(trees, nodes.start, 0, row, known)).sum::<f64>()
        };
        let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
        let of = |column: usize| {
            let mut sum = 0.0;
            for known in (0..1_u32 << m).filter(|known| known & (1 << column) == 0) {
                let size = known.count_ones() as usize;
                let weight = factorial(size) * factorial(m - size - 1) / factorial(m);
                sum += weight * (v(known | (1 << column)) - v(known));
            }
            sum
        };
        (0..m).map(of).collect()
    }

    fn grown(values: &Array2<f32>, targets: &[f64], max_leaves: usize, n_trees: usize) -> Trees {
        let run = Run::new(0);
        let boosting =
            Boosting { n_trees, learning_rate: 0.5, max_leaves, min_leaf_weight: 1.0, l2: 0.0, n_bins: 255 };
        boosting.regress(values.view(), targets, &run.stage("", 0), &run).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Equal to the sum over all subsets, also with missing values and columns that are split by again and again; and
        /// they add up.
        #[test]
        fn equal_to_all_subsets(
            cells in prop::collection::vec((prop::collection::vec(0_u8..9, 4), -2.0..2.0_f64), 8..40),
            max_leaves in 2_usize..12,
        ) {
            let number = |v: u8| if v == 0 { f32::NAN } else { f32::from(v) };
            let values = Array2::from_shape_fn((cells.len(), 4), |(i, j)| number(cells[i].0[j]));
            let targets: Vec<f64> = cells.iter().map(|cell| cell.1).collect();
            let trees = grown(&values, &targets, max_leaves, 4);
            for row in values.rows().into_iter().take(8) {
                let row = row.to_slice().unwrap();
                let (got, want) = (trees.shapley(row), by_subsets(&trees, row));
                for (got, want) in got.iter().zip(&want) {
                    prop_assert!((got - want).abs() < 1e-9, "{got} instead of {want}");
                }
                let sum = trees.expected() + got.iter().sum::<f64>();
                prop_assert!((sum - trees.sum(row)).abs() < 1e-9);
            }
        }
    }

    /// x0 AND x1 of four rows, each leaf a row: `v` of nothing is 1/4, of one column 1/2, of both 1, so each has 3/8.
    #[test]
    fn closed_form_of_and() {
        let values = Array2::from_shape_fn((4, 2), |(i, j)| ((i >> j) & 1) as f32);
        let trees = grown(&values, &[0.0, 0.0, 0.0, 1.0], 4, 60);
        let shares = trees.shapley(&[1.0, 1.0]);
        assert!(shares.iter().all(|share| (share - 0.375).abs() < 1e-4), "{shares:?}");
        assert!((trees.expected() - 0.25).abs() < 1e-4);
    }

    /// The tree of `golden/boosted_trees.py`: inner nodes 0 to 30, leaves 31 to 62.
    fn full_tree() -> Trees {
        let (mut nodes, mut covers) = (Vec::new(), vec![0.0_f32; 63]);
        for i in 0..63_usize {
            let is_leaf = i >= 31;
            let number = if is_leaf { ((i * i * 13) % 29) as f32 / 8.0 } else { ((i * 5) % 7) as f32 + 0.5 };
            let column = if is_leaf { 0 } else { (i * 7 + 3) % 4 } as u32;
            let left = if is_leaf { 0 } else { 2 * i + 1 } as u32;
            nodes.push(Node { number, column, left, missing_goes_left: false });
        }
        (31..63).for_each(|i| covers[i] = ((i * 37) % 11 + 1) as f32);
        (0..31).rev().for_each(|i| covers[i] = covers[2 * i + 1] + covers[2 * i + 2]);
        Trees { base: 0.0, sizes: vec![63], nodes, covers }
    }

    /// shap 0.51.0, `crates/kernels/golden/boosted_trees.py`, 12 digits.
    #[test]
    fn matches_shap() {
        let want = [
            [-0.520497173582, 0.126616589149, -0.0446447936231, -0.352250023013],
            [0.0935887904295, 0.47556722347, 0.823560383134, 0.441508201897],
            [0.721560956891, 0.263463295379, 0.419364093297, -0.0701637466373],
            [0.055878112242, -0.225706218266, 0.405237673004, 0.0988150319501],
            [-0.00519805036979, -0.422414093781, 0.0897198958565, -0.702883152778],
            [0.0559000518325, -0.54397840746, 0.106827862695, -0.659524908137],
        ];
        let trees = full_tree();
        assert!((trees.expected() - 1.66577540107).abs() < 1e-9);
        for (k, want) in want.iter().enumerate() {
            let row: Vec<f32> = (0..4).map(|j| ((k * (j + 2) * 3 + j) % 8) as f32).collect();
            for ((got, want), exact) in trees.shapley(&row).iter().zip(want).zip(by_subsets(&trees, &row)) {
                assert!((got - want).abs() < 1e-9 && (got - exact).abs() < 1e-12, "{got} {want} {exact}");
            }
        }
    }

    fn reread(trees: &Trees) -> anomalyst_core::Result<Trees> {
        let mut out = ModelWriter::new();
        trees.save(&mut out);
        let (tensors, json) = out.finish();
        Trees::load(&ModelReader::new(&tensors, &json), 4)
    }

    #[test]
    fn covers_are_saved_and_checked() {
        let values = Array2::from_shape_fn((60, 4), |(i, j)| ((i * (j + 3)) % 13) as f32);
        let targets: Vec<f64> = (0..60).map(|i| ((i * i) % 7) as f64).collect();
        let trees = grown(&values, &targets, 6, 5);
        let row = values.row(7).to_vec();
        assert_eq!(reread(&trees).unwrap().shapley(&row), trees.shapley(&row));
        let without = grown(&values, &targets, 6, 5).only_sums(trees.base);
        assert_eq!(reread(&without).unwrap().sum(&row), trees.sum(&row));
        let mut empty = grown(&values, &targets, 6, 5);
        empty.covers[1] = 0.0;
        assert!(reread(&empty).is_err());
        // Both children of the root lead to the same two leaves.
        let mut knotted = grown(&values, &targets, 6, 5);
        let split: Vec<usize> =
            (1..knotted.sizes[0] as usize).filter(|&i| knotted.nodes[i].left > 0).collect();
        let last = knotted.nodes[*split.last().unwrap()].left;
        split.iter().for_each(|&i| knotted.nodes[i].left = last);
        assert!(split.len() < 2 || reread(&knotted).is_err());
    }
}
