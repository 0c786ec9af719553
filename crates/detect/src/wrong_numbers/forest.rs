//! Bagged regression trees with random cuts, small enough to be grown a thousand times.
//!
//! After Geurts, Ernst and Wehenkel (2006): a node tries one random cut per column and keeps the one that leaves the
//! least variance. Two things differ. The cut lies between two random rows of the node instead of anywhere between its
//! extremes, so that a wild covariate takes no cuts away from ordinary ones. Every bag of trees is grown on its own bootstrap resample, so that the spread of the bags'
//! means is the bootstrap's estimate of what the forest does not know.

use std::cmp::Ordering;

use anomalyst_core::{Error, Features, ModelReader, ModelWriter, Random, Result, Run};
use rand::RngExt;
use rayon::prelude::*;

/// A node without children.
const LEAF: u32 = u32::MAX;
/// Set in a node's column where missing numbers go left.
const MISSING_LEFT: u32 = 1 << 31;
/// Columns tried at a node where there are more than three times as many: a third of them, as for random forests.
const FEW_COLUMNS: usize = 10;
/// Cuts tried at a node where there are fewer columns.
const FEWEST_CUTS: usize = 5;
/// Pairs of rows drawn to find two that a cut can part.
const DRAWS: usize = 4;

/// How forests are grown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growing {
    pub(super) n_bags: usize,
    pub(super) n_trees: usize,
    pub(super) min_leaf: usize,
    pub(super) sample_size: usize,
}

/// Where covariates are found: numbers first, then codes, the response left out.
#[derive(Clone, Copy)]
pub(super) struct Covariates<'a> {
    pub(super) features: &'a Features,
    pub(super) response: usize,
}

/// One node; of a leaf only the value counts.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Column and where missing numbers go, or [`LEAF`].
    column: u32,
    /// Bits of the number up to which rows go left, or the seed that sends half of all codes left.
    cut: u32,
    /// The left child; the right one follows it.
    child: u32,
    value: f32,
}

/// Trees, bag after bag.
pub(super) struct Forest {
    nodes: Vec<Node>,
    /// The first node of each tree.
    roots: Vec<u32>,
    n_bags: usize,
}

impl Covariates<'_> {
    fn len(&self) -> usize {
        self.features.n_values() + self.features.n_codes()
    }

    /// Whether the row goes left of the cut.
    fn goes_left(&self, row: usize, column: u32, cut: u32) -> bool {
        let at = (column & !MISSING_LEFT) as usize;
        let n_values = self.features.n_values();
        if at < n_values {
            let v = self.features.values[[row, at]];
            if v.is_nan() { column & MISSING_LEFT != 0 } else { v <= f32::from_bits(cut) }
        } else {
            let codes = self.features.codes.as_ref();
            codes.is_some_and(|codes| side_of_code(codes[[row, at - n_values]], cut))
        }
    }
}

/// Half of all codes, another half for every seed; those never seen have a side as well.
fn side_of_code(code: u32, seed: u32) -> bool {
    let mixed = (u64::from(code) << 32 | u64::from(seed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 63) == 1
}

impl Forest {
    /// Grows a forest for `target` (one number per row of the features) on `rows`; tree streams start at `stream`.
    pub(super) fn grow(
        of: Covariates<'_>,
        target: &[f64],
        rows: &[u32],
        growing: Growing,
        run: &Run,
    ) -> Result<Self> {
        let bag = |bag: usize| -> Result<Vec<Vec<Node>>> {
            run.check()?;
            let mut random = run.random(bag as u64);
            let size = rows.len().min(growing.sample_size);
            let drawn: Vec<u32> = (0..size).map(|_| rows[random.random_range(0..rows.len())]).collect();
            let mut grower = Grower { of, target, min_leaf: growing.min_leaf, columns: columns(of) };
            Ok((0..growing.n_trees).map(|_| grower.tree(drawn.clone(), &mut random)).collect())
        };
        let bags: Vec<_> = (0..growing.n_bags).into_par_iter().map(bag).collect::<Result<_>>()?;
        let (mut nodes, mut roots) = (Vec::new(), Vec::new());
        for tree in bags.into_iter().flatten() {
            let first = nodes.len() as u32;
            roots.push(first);
            nodes.extend(tree.into_iter().map(|node| Node { child: node.child + first, ..node }));
        }
        Ok(Self { nodes, roots, n_bags: growing.n_bags })
    }

    /// Mean and standard deviation of the bags' predictions for a row.
    pub(super) fn predict(&self, of: Covariates<'_>, row: usize) -> (f64, f64) {
        let per_bag = self.roots.len() / self.n_bags;
        let (mut sum, mut squares, mut first) = (0.0, 0.0, None);
        for trees in self.roots.chunks(per_bag) {
            let bag =
                trees.iter().map(|&root| f64::from(self.leaf(of, row, root))).sum::<f64>() / per_bag as f64;
            // Differences from the first bag keep their digits where the response is far from 0.
            let off = bag - *first.get_or_insert(bag);
            sum += off;
            squares += off * off;
        }
        let n = self.n_bags as f64;
        let mean = sum / n;
        (first.unwrap_or(0.0) + mean, (squares / n - mean * mean).max(0.0).sqrt())
    }

    fn leaf(&self, of: Covariates<'_>, row: usize, root: u32) -> f32 {
        let mut node = &self.nodes[root as usize];
        while node.column != LEAF {
            let right = u32::from(!of.goes_left(row, node.column, node.cut));
            node = &self.nodes[(node.child + right) as usize];
        }
        node.value
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let list = |of: fn(&Node) -> u32| self.nodes.iter().map(of).collect::<Vec<_>>();
        out.put_list("column", &list(|node| node.column));
        out.put_list("cut", &list(|node| node.cut));
        out.put_list("child", &list(|node| node.child));
        out.put_list("value", &self.nodes.iter().map(|node| node.value).collect::<Vec<_>>());
        out.put_list("roots", &self.roots);
        out.put_json("n_bags", &self.n_bags)
    }

    /// `n_columns` are the numbers and codes there are. Children come after their parents, so every walk ends.
    pub(super) fn load(from: &ModelReader<'_>, n_values: usize, n_codes: usize) -> Result<Self> {
        let column: Vec<u32> = from.list("column")?;
        let n = column.len();
        let (cut, child): (Vec<u32>, Vec<u32>) = (from.list_of("cut", n)?, from.list_of("child", n)?);
        let value: Vec<f32> = from.list_of("value", n)?;
        let roots: Vec<u32> = from.list("roots")?;
        let n_bags: usize = from.json("n_bags")?;
        let nodes: Vec<Node> = (0..n)
            .map(|i| Node { column: column[i], cut: cut[i], child: child[i], value: value[i] })
            .collect();
        let width = n_values.saturating_add(n_codes);
        let sound = |(i, node): (usize, &Node)| {
            let at = (node.column & !MISSING_LEFT) as usize;
            let cut = at >= n_values || f32::from_bits(node.cut).is_finite();
            let inner =
                at < width && cut && node.child as usize > i && (node.child as usize) < n.saturating_sub(1);
            node.value.is_finite() && (node.column == LEAF || inner)
        };
        let bags = n_bags > 0 && roots.len() >= n_bags && roots.len().is_multiple_of(n_bags);
        if !bags || !nodes.iter().enumerate().all(sound) || roots.iter().any(|&root| root as usize >= n) {
            return Err(Error::model("a regression tree does not hold together"));
        }
        Ok(Self { nodes, roots, n_bags })
    }
}

/// Numbers of all covariates.
fn columns(of: Covariates<'_>) -> Vec<u32> {
    (0..of.len()).filter(|&column| column != of.response).map(|column| column as u32).collect()
}

/// Grows one tree after the other.
struct Grower<'a> {
    of: Covariates<'a>,
    target: &'a [f64],
    min_leaf: usize,
    /// Shuffled as columns are drawn.
    columns: Vec<u32>,
}

impl Grower<'_> {
    fn tree(&mut self, mut rows: Vec<u32>, random: &mut Random) -> Vec<Node> {
        let mut nodes = vec![Node { column: LEAF, cut: 0, child: 0, value: 0.0 }];
        let mut open = vec![(0, 0, rows.len())];
        while let Some((node, start, end)) = open.pop() {
            let own = &mut rows[start..end];
            let mean = own.iter().map(|&row| self.target[row as usize]).sum::<f64>() / own.len() as f64;
            nodes[node].value = mean as f32;
            let Some((column, cut)) = self.best_cut(own, mean, random) else { continue };
            let n_left = partition(own, |row| self.of.goes_left(row as usize, column, cut));
            let child = nodes.len();
            nodes[node] = Node { column, cut, child: child as u32, value: mean as f32 };
            nodes.extend([Node { column: LEAF, cut: 0, child: 0, value: 0.0 }; 2]);
            open.push((child, start, start + n_left));
            open.push((child + 1, start + n_left, end));
        }
        nodes
    }

    /// The cut that explains most of the variance among a few random ones that leave enough rows on both sides.
    fn best_cut(&mut self, rows: &[u32], mean: f64, random: &mut Random) -> Option<(u32, u32)> {
        let d = self.columns.len();
        if rows.len() < 2 * self.min_leaf || d == 0 {
            return None;
        }
        let n_cuts = d.min((d / 3).max(FEW_COLUMNS)).max(FEWEST_CUTS);
        let mut best = None;
        let mut most = 0.0;
        for i in 0..n_cuts {
            let i = i % d;
            let other = random.random_range(i..d);
            self.columns.swap(i, other);
            let Some((column, cut)) = self.random_cut(self.columns[i], rows, random) else { continue };
            let (mut n_left, mut sum) = (0_usize, 0.0);
            for &row in rows {
                if self.of.goes_left(row as usize, column, cut) {
                    n_left += 1;
                    sum += self.target[row as usize] - mean;
                }
            }
            let n_right = rows.len() - n_left;
            // Deviations sum to 0 over the node, so the right side's sum is that of the left with the other sign.
            let explained = sum * sum * (1.0 / n_left as f64 + 1.0 / n_right as f64);
            if n_left.min(n_right) >= self.min_leaf && explained > most {
                (best, most) = (Some((column, cut)), explained);
            }
        }
        best
    }

    /// A cut between two random rows; `None` where a few draws find no two that differ.
    fn random_cut(&self, column: u32, rows: &[u32], random: &mut Random) -> Option<(u32, u32)> {
        let n_values = self.of.features.n_values();
        let at = column as usize;
        let mut draw = || rows[random.random_range(0..rows.len())] as usize;
        let pairs = [(); DRAWS].map(|()| (draw(), draw()));
        if at >= n_values {
            let codes = self.of.features.codes.as_ref()?;
            let code = |row: usize| codes[[row, at - n_values]];
            let (a, b) = pairs.map(|(a, b)| (code(a), code(b))).into_iter().find(|(a, b)| a != b)?;
            // Half of all seeds part two codes.
            let seeds: [u32; 8] = random.random();
            return seeds
                .into_iter()
                .find(|&seed| side_of_code(a, seed) != side_of_code(b, seed))
                .map(|s| (column, s));
        }
        let number = |row: usize| self.of.features.values[[row, at]];
        let (a, b) = pairs
            .map(|(a, b)| (number(a), number(b)))
            .into_iter()
            .find(|(a, b)| a.partial_cmp(b).is_some_and(Ordering::is_ne))?;
        let middle = a / 2.0 + b / 2.0;
        let cut = if middle < a.max(b) { middle } else { a.min(b) };
        Some((column | if random.random::<bool>() { MISSING_LEFT } else { 0 }, cut.to_bits()))
    }
}

/// Moves those that go left to the front, and counts them.
fn partition(rows: &mut [u32], goes_left: impl Fn(u32) -> bool) -> usize {
    let mut n_left = 0;
    for i in 0..rows.len() {
        if goes_left(rows[i]) {
            rows.swap(i, n_left);
            n_left += 1;
        }
    }
    n_left
}
