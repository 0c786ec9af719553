//! Growing one tree from its sample.

use std::collections::BTreeSet;

use anomalyst_core::{Features, Random};
use rand::{Rng, RngExt};

use super::IsolationForest;
use super::tree::{Node, Split, Step, Term, Tree, average_path_length, code_at, project};

/// Grows a tree on a random sample of `rows`.
pub(super) fn grow(params: &IsolationForest, rows: &Features, random: Random) -> Tree {
    let n_columns = (rows.n_values() + rows.n_codes()) as u32;
    let mut grower = Grower {
        rows,
        random,
        sample: Vec::new(),
        columns: (0..n_columns).collect(),
        extension_level: params.extension_level,
        tree: Tree::default(),
    };
    grower.sample = grower.draw_sample(params.rows_per_tree(rows.n_parts()));
    grower.run(params.max_depth(rows.n_parts()));
    grower.tree
}

struct Grower<'a> {
    rows: &'a Features,
    random: Random,
    /// Row numbers; every node owns a stretch of it.
    sample: Vec<usize>,
    /// All columns, code columns behind number columns. A node's candidates are the first `n_open` of them; those
    /// found constant move behind. Children only permute what they were given, so siblings see the same set.
    columns: Vec<u32>,
    extension_level: usize,
    tree: Tree,
}

/// A node still to be split: it owns `sample[start..end]` and may use the first `n_open` columns.
struct Task {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    n_open: usize,
}

/// Least, greatest and mean number of a column within a node, and how many rows have one.
struct Extent {
    low: f32,
    high: f32,
    mean: f32,
    n_present: usize,
}

impl Grower<'_> {
    /// `k` different rows, in ascending order (Floyd's algorithm, Bentley and Floyd 1987).
    fn draw_sample(&mut self, k: usize) -> Vec<usize> {
        let n = self.rows.n_parts();
        if k == n {
            return (0..n).collect();
        }
        let mut chosen = BTreeSet::new();
        for last in n - k..n {
            let row = self.random.random_range(0..=last);
            if !chosen.insert(row) {
                chosen.insert(last);
            }
        }
        chosen.into_iter().collect()
    }

    fn run(&mut self, max_depth: usize) {
        self.tree.nodes.push(unfinished());
        let mut tasks =
            vec![Task { node: 0, start: 0, end: self.sample.len(), depth: 0, n_open: self.columns.len() }];
        while let Some(mut task) = tasks.pop() {
            let count = (task.end - task.start) as u32;
            self.tree.nodes[task.node].count = count;
            let split = if task.depth < max_depth && count > 1 { self.split(&mut task) } else { None };
            let Some(split) = split else {
                let length = (task.depth as f64 + average_path_length(count)) as f32;
                self.tree.nodes[task.node].split = Split::Leaf { length };
                continue;
            };
            let left = self.tree.nodes.len();
            self.tree.nodes[task.node] = Node { split, left: left as u32, count };
            self.tree.nodes.extend([unfinished(), unfinished()]);
            let middle = self.partition(&task);
            let child =
                |node, start, end| Task { node, start, end, depth: task.depth + 1, n_open: task.n_open };
            tasks.push(child(left + 1, middle, task.end));
            tasks.push(child(left, task.start, middle));
        }
    }

    /// A split that separates at least one row, on a column drawn evenly from those that can; none if all rows
    /// of the node are equal.
    fn split(&mut self, task: &mut Task) -> Option<Split> {
        while task.n_open > 0 {
            let at = self.random.random_range(0..task.n_open);
            let column = self.columns[at];
            let n_values = self.rows.n_values() as u32;
            let split = if column < n_values {
                self.split_numbers(task, column)
            } else {
                self.split_levels(task, column - n_values)
            };
            if split.is_some() {
                return split;
            }
            task.n_open -= 1;
            self.columns.swap(at, task.n_open);
        }
        None
    }

    fn split_numbers(&mut self, task: &Task, column: u32) -> Option<Split> {
        let extent = self.extent(task, column);
        let varies = extent.low < extent.high;
        let has_gaps = extent.n_present > 0 && extent.n_present < task.end - task.start;
        if has_gaps && (!varies || self.coin()) {
            return Some(Split::Present { column });
        }
        if !varies {
            return None;
        }
        if self.extension_level > 0
            && let Some(plane) = self.split_plane(task, column, &extent)
        {
            return Some(plane);
        }
        let (low, high) = (f64::from(extent.low), f64::from(extent.high));
        let threshold = self.between(low, high) as f32;
        // Rounding may have met an end; at the upper one both branches still get a row.
        let threshold = if threshold > extent.low { threshold } else { extent.high };
        Some(Split::Below { column, threshold })
    }

    /// Each level goes left or right by a coin; if all coins agree, one level changes sides.
    fn split_levels(&mut self, task: &Task, column: u32) -> Option<Split> {
        let present: BTreeSet<u32> =
            self.sample[task.start..task.end].iter().map(|&row| code_at(self.rows, row, column)).collect();
        if present.len() < 2 {
            return None;
        }
        let mut goes_right: Vec<bool> = present.iter().map(|_| self.coin()).collect();
        if goes_right.iter().all(|&side| side == goes_right[0]) {
            let turned = self.random.random_range(0..goes_right.len());
            goes_right[turned] = !goes_right[turned];
        }
        let side = |wanted| present.iter().zip(&goes_right).filter(move |s| *s.1 == wanted).map(|s| *s.0);
        let start = self.tree.levels.len() as u32;
        self.tree.levels.extend(side(false));
        let middle = self.tree.levels.len() as u32;
        self.tree.levels.extend(side(true));
        Some(Split::Levels { column, start, middle, end: self.tree.levels.len() as u32 })
    }

    /// A random direction over `column` and up to `extension_level` more, and a threshold between the least and the
    /// greatest projection. `None` where rounding leaves no room between those.
    fn split_plane(&mut self, task: &Task, column: u32, extent: &Extent) -> Option<Split> {
        let n_values = self.rows.n_values() as u32;
        let mut others: Vec<u32> =
            self.columns[..task.n_open].iter().copied().filter(|&c| c < n_values && c != column).collect();
        let mut terms = vec![self.term(column, extent)];
        while terms.len() <= self.extension_level && !others.is_empty() {
            let other = others.swap_remove(self.random.random_range(0..others.len()));
            let extent = self.extent(task, other);
            if extent.low < extent.high {
                terms.push(self.term(other, &extent));
            }
        }
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &row in &self.sample[task.start..task.end] {
            if let Some(sum) = project(&terms, self.rows, row) {
                (low, high) = (low.min(sum), high.max(sum));
            }
        }
        let threshold = self.between(low, high) as f32;
        if !(low < f64::from(threshold) && f64::from(threshold) <= high) {
            return None;
        }
        let start = self.tree.terms.len() as u32;
        self.tree.terms.extend(terms);
        Some(Split::Plane { start, end: self.tree.terms.len() as u32, threshold })
    }

    /// A normal weight per width of the column within the node, so that units do not matter.
    fn term(&mut self, column: u32, extent: &Extent) -> Term {
        let width = f64::from(extent.high) - f64::from(extent.low);
        let limit = f64::from(f32::MAX);
        let weight = (self.normal() / width).clamp(-limit, limit) as f32;
        Term { column, weight, center: extent.mean }
    }

    fn extent(&self, task: &Task, column: u32) -> Extent {
        let (mut low, mut high, mut sum, mut n_present) = (f32::INFINITY, f32::NEG_INFINITY, 0.0, 0);
        for &row in &self.sample[task.start..task.end] {
            let value = self.rows.values[[row, column as usize]];
            if !value.is_nan() {
                (low, high) = (low.min(value), high.max(value));
                sum += f64::from(value);
                n_present += 1;
            }
        }
        Extent { low, high, mean: (sum / f64::from(n_present.max(1))) as f32, n_present: n_present as usize }
    }

    /// Brings the node's rows into the order left, right and returns where right begins. A row that could go both
    /// ways draws its branch with the odds of the others: division would be as fair, but copies rows.
    fn partition(&mut self, task: &Task) -> usize {
        let node = self.tree.nodes[task.node];
        let left = node.left as usize;
        let (mut kept, mut moved, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
        for &row in &self.sample[task.start..task.end] {
            match self.tree.step(task.node, self.rows, row) {
                Step::To(child) if child == left => kept.push(row),
                Step::Both(_) => undecided.push(row),
                _ => moved.push(row),
            }
        }
        let (n_left, n_decided) = (kept.len(), kept.len() + moved.len());
        for row in undecided {
            let side = if self.random.random_range(0..n_decided) < n_left { &mut kept } else { &mut moved };
            side.push(row);
        }
        let middle = task.start + kept.len();
        self.sample[task.start..middle].copy_from_slice(&kept);
        self.sample[middle..task.end].copy_from_slice(&moved);
        middle
    }

    fn coin(&mut self) -> bool {
        self.random.next_u64() >> 63 == 1
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.random.random::<f64>() * (high - low)
    }

    /// A standard normal number (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.random.random::<f64>(), self.random.random::<f64>());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// The place of a node whose task is still to come.
const fn unfinished() -> Node {
    Node { split: Split::Leaf { length: 0.0 }, left: 0, count: 0 }
}
