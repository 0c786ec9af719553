//! Growing one tree from its sample.

use std::collections::BTreeSet;

use anomalyst_core::{Features, Random};
use anomalyst_kernels::distributions::standard_normal;
use rand::{Rng, RngExt};

use super::gain::{Gap, deviation, widest_gap};
use super::plan::{Guide, Keep, Plan, Weights};
use super::tree::{Node, Split, Step, Term, Tree, code_at, project};

/// Thresholds are 32-bit numbers: a thinner slab of a node cannot be told from none.
const THINNEST: f64 = 1.0 / (1 << 24) as f64;

/// Grows a tree on a random sample of `rows`.
pub(super) fn grow(plan: &Plan, rows: &Features, random: Random) -> Tree {
    let n_columns = (rows.n_values() + rows.n_codes()) as u32;
    let mut grower = Grower {
        rows,
        random,
        sample: Vec::new(),
        columns: (0..n_columns).collect(),
        plan,
        tree: Tree::default(),
    };
    grower.sample = grower.draw_sample(plan.rows_per_tree);
    grower.run();
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
    plan: &'a Plan,
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

/// A split, the share of the node's space on its left, and the width of what it cuts.
struct Cut {
    split: Split,
    left_share: f64,
    width: f64,
}

impl Cut {
    fn between(split: Split, threshold: f32, low: f64, high: f64) -> Self {
        let width = high - low;
        Self { split, left_share: (f64::from(threshold) - low) / width, width }
    }

    /// A cut that has sides, but no distances.
    const fn of_kinds(split: Split, left_share: f64) -> Self {
        Self { split, left_share, width: f64::INFINITY }
    }
}

/// A direction to cut across, and where its gain is largest.
struct Candidate {
    terms: Vec<Term>,
    gap: Gap,
    threshold: f32,
    low: f64,
    high: f64,
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

    fn run(&mut self) {
        self.add_node(0.0);
        let mut tasks =
            vec![Task { node: 0, start: 0, end: self.sample.len(), depth: 0, n_open: self.columns.len() }];
        while let Some(mut task) = tasks.pop() {
            let count = (task.end - task.start) as u32;
            self.tree.nodes[task.node].count = count;
            let grows = task.depth < self.plan.max_depth && count >= self.plan.least_rows;
            let Some(cut) = (if grows { self.cut(&mut task) } else { None }) else {
                let value = self.tree.leaf_value(task.node, task.depth);
                self.tree.nodes[task.node].split = Split::Leaf { value };
                continue;
            };
            let left = self.tree.nodes.len();
            self.tree.nodes[task.node] = Node { split: cut.split, left: left as u32, count };
            self.add_children(task.node, &cut);
            let middle = self.partition(&task);
            let child =
                |node, start, end| Task { node, start, end, depth: task.depth + 1, n_open: task.n_open };
            tasks.push(child(left + 1, middle, task.end));
            tasks.push(child(left, task.start, middle));
        }
    }

    fn add_children(&mut self, parent: usize, cut: &Cut) {
        let outer = self.tree.log_volumes.get(parent).copied().map_or(0.0, f64::from);
        for share in [cut.left_share, 1.0 - cut.left_share] {
            self.add_node(outer + share.max(THINNEST).ln());
        }
        if let Some(reach) = self.tree.reaches.get_mut(parent) {
            *reach = cut.width as f32;
        }
    }

    /// A node whose task is still to come.
    fn add_node(&mut self, log_volume: f64) {
        self.tree.nodes.push(Node { split: Split::Leaf { value: 0.0 }, left: 0, count: 0 });
        match self.plan.keep {
            Keep::Nothing => {}
            Keep::Volumes => self.tree.log_volumes.push(log_volume as f32),
            Keep::Reaches => self.tree.reaches.push(f32::INFINITY),
        }
    }

    /// A cut that separates at least one row, on a column drawn evenly from those that can; none if all rows
    /// of the node are equal.
    fn cut(&mut self, task: &mut Task) -> Option<Cut> {
        while task.n_open > 0 {
            let at = self.random.random_range(0..task.n_open);
            let column = self.columns[at];
            let n_values = self.rows.n_values() as u32;
            let cut = if column < n_values {
                self.cut_numbers(task, column)
            } else {
                self.cut_levels(task, column - n_values)
            };
            if cut.is_some() {
                return cut;
            }
            task.n_open -= 1;
            self.columns.swap(at, task.n_open);
        }
        None
    }

    fn cut_numbers(&mut self, task: &Task, column: u32) -> Option<Cut> {
        let extent = self.extent(task, column);
        let varies = extent.low < extent.high;
        let has_gaps = extent.n_present > 0 && extent.n_present < task.end - task.start;
        if has_gaps && (!varies || self.coin()) {
            return Some(Cut::of_kinds(Split::Present { column }, 0.5));
        }
        if !varies {
            return None;
        }
        if let Some(guide) = self.plan.guide
            && self.is_guided()
            && let Some(cut) = self.cut_guided(task, column, &extent, guide)
        {
            return Some(cut);
        }
        if self.plan.extension_level > 0
            && let Some(plane) = self.cut_across(task, column, &extent)
        {
            return Some(plane);
        }
        let (low, high) = (f64::from(extent.low), f64::from(extent.high));
        let threshold = self.between(low, high) as f32;
        // Rounding may have met an end; at the upper one both branches still get a row.
        let threshold = if threshold > extent.low { threshold } else { extent.high };
        Some(Cut::between(Split::Below { column, threshold }, threshold, low, high))
    }

    /// Each level goes left or right by a coin; if all coins agree, one level changes sides.
    fn cut_levels(&mut self, task: &Task, column: u32) -> Option<Cut> {
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
        let split = Split::Levels { column, start, middle, end: self.tree.levels.len() as u32 };
        Some(Cut::of_kinds(split, f64::from(middle - start) / present.len() as f64))
    }

    /// A random direction over `column` and others, and a threshold between the least and the greatest projection.
    /// `None` where rounding leaves no room between those.
    fn cut_across(&mut self, task: &Task, column: u32, extent: &Extent) -> Option<Cut> {
        let terms = self.direction(task, column, extent);
        let sums = self.projections(task, &terms);
        let low = sums.iter().copied().fold(f64::INFINITY, f64::min);
        let high = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let threshold = self.between(low, high) as f32;
        if !(low < f64::from(threshold) && f64::from(threshold) <= high) {
            return None;
        }
        Some(Cut::between(self.plane(terms, threshold), threshold, low, high))
    }

    /// Of `n_candidates` columns or directions, the one with the largest gain, cut where it is largest.
    fn cut_guided(&mut self, task: &Task, column: u32, extent: &Extent, guide: Guide) -> Option<Cut> {
        let mut best = self.candidate(task, column, extent, guide);
        let mut pool = self.open_numbers(task, Some(column));
        for _ in 1..self.plan.n_candidates {
            if pool.is_empty() {
                // Another direction over the same columns is another candidate, a column alone is not.
                if self.plan.extension_level == 0 {
                    break;
                }
                pool = self.open_numbers(task, None);
            }
            let column = pool.swap_remove(self.random.random_range(0..pool.len()));
            let extent = self.extent(task, column);
            if extent.low < extent.high {
                let next = self.candidate(task, column, &extent, guide);
                let gain = |candidate: &Option<Candidate>| candidate.as_ref().map(|c| c.gap.gain);
                if gain(&next) > gain(&best) {
                    best = next;
                }
            }
        }
        let Candidate { terms, threshold, low, high, .. } = best?;
        let split = match terms[..] {
            [Term { column, .. }] if self.plan.extension_level == 0 => Split::Below { column, threshold },
            _ => self.plane(terms, threshold),
        };
        Some(Cut::between(split, threshold, low, high))
    }

    fn candidate(&mut self, task: &Task, column: u32, extent: &Extent, guide: Guide) -> Option<Candidate> {
        let terms = match self.plan.extension_level {
            0 => vec![Term { column, weight: 1.0, center: 0.0 }],
            _ => self.direction(task, column, extent),
        };
        let mut sums = self.projections(task, &terms);
        sums.sort_unstable_by(f64::total_cmp);
        let gap = widest_gap(&sums, guide)?;
        Some(Candidate { terms, gap, threshold: gap.threshold()?, low: sums[0], high: sums[sums.len() - 1] })
    }

    /// Random weights for `column` and up to `extension_level` more columns.
    fn direction(&mut self, task: &Task, column: u32, extent: &Extent) -> Vec<Term> {
        let mut others = self.open_numbers(task, Some(column));
        let mut terms = vec![self.term(task, column, extent)];
        while terms.len() <= self.plan.extension_level && !others.is_empty() {
            let other = others.swap_remove(self.random.random_range(0..others.len()));
            let extent = self.extent(task, other);
            if extent.low < extent.high {
                terms.push(self.term(task, other, &extent));
            }
        }
        terms
    }

    /// The number columns among the node's candidates, but for one.
    fn open_numbers(&self, task: &Task, but: Option<u32>) -> Vec<u32> {
        let n_values = self.rows.n_values() as u32;
        self.columns[..task.n_open].iter().copied().filter(|&c| c < n_values && Some(c) != but).collect()
    }

    fn projections(&self, task: &Task, terms: &[Term]) -> Vec<f64> {
        self.sample[task.start..task.end].iter().filter_map(|&row| project(terms, self.rows, row)).collect()
    }

    fn plane(&mut self, terms: Vec<Term>, threshold: f32) -> Split {
        let start = self.tree.terms.len() as u32;
        self.tree.terms.extend(terms);
        Split::Plane { start, end: self.tree.terms.len() as u32, threshold }
    }

    /// A random weight in a unit of the column within the node, so that units do not matter.
    fn term(&mut self, task: &Task, column: u32, extent: &Extent) -> Term {
        let weight = match self.plan.weights {
            Weights::NormalPerWidth => {
                standard_normal(&mut self.random) / (f64::from(extent.high) - f64::from(extent.low))
            }
            Weights::EvenPerDeviation => {
                let alone = [Term { column, weight: 1.0, center: 0.0 }];
                self.between(-1.0, 1.0) / deviation(&self.projections(task, &alone))
            }
        };
        let limit = f64::from(f32::MAX);
        Term { column, weight: weight.clamp(-limit, limit) as f32, center: extent.mean }
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

    fn is_guided(&mut self) -> bool {
        self.plan.guided_frac >= 1.0 || self.random.random::<f64>() < self.plan.guided_frac
    }

    fn coin(&mut self) -> bool {
        self.random.next_u64() >> 63 == 1
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.random.random::<f64>() * (high - low)
    }
}
