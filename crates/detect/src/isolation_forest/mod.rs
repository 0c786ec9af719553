//! Isolation forest, axis-parallel or extended: how few random cuts set a row apart.
//!
//! # Idea
//! A tree cuts a small random sample by random questions until every row stands alone. Rows that are few and
//! different are alone after few cuts. The mean number of cuts over many trees is the measure.
//!
//! # Equations
//! `s(x) = 2^(-E[h(x)] / c(m))`, where `h(x)` is the number of cuts on the path of `x` in a tree plus `c(k)` for
//! the `k` sample rows that share its last node, `E` is the mean over trees, `m` the rows per tree and
//! `c(k) = 2 H(k - 1) - 2 (k - 1) / k` the mean path length of a random search tree of `k` rows (`H` the harmonic
//! number, `c(0) = c(1) = 0`).
//!
//! A cut draws one column evenly among those that differ within the node, then
//! - for numbers, a threshold evenly between the least and the greatest;
//! - for codes, a side for each level by a coin (not all the same);
//! - with `extension_level` e > 0, up to e more number columns: `sum_j w_j (x_j - m_j)` is cut at a threshold drawn
//!   evenly between its least and greatest value; `w_j` is a standard normal number over the column's width within
//!   the node, and `m_j` the column's mean there.
//!
//! # Missing values and categories
//! - A column of which some numbers are missing within a node counts twice: half of the cuts it gets ask whether
//!   the number is there, so that gaps where there should be none are found. A gap so weighs like a level of a
//!   category, if a little less: the fewer rows have one the odder it is, and if half of them do, it says nothing.
//! - A cut that asks for the size of a missing number cannot answer. While growing, the row draws its branch with
//!   the odds of the rows that have one: on average as good as dividing it, and the sample never multiplies. While
//!   scoring, both branches are followed and weighted by their shares of the sample, exactly and without a draw.
//! - In an oblique cut a missing number counts as the node's mean; only if all are missing, both branches are taken.
//! - A missing category is a level of its own.
//! - A level that a node did not meet while growing, wherever else it was met, goes to the branch with fewer rows
//!   (the left one if equal): what was never there is rarer than what was.
//!
//! # Score
//! Between 0 and 1. 0.5 is a row whose path is as long as a random search tree's on average; clearly above 0.6 is
//! odd; if all rows lie near 0.5, none is. Rows that all are equal score 0.5. It is no probability.
//!
//! # Complexity
//! With t trees of m rows and depth log m: fit O(t m log m (1 + e)), score O(t log m (1 + e)) per row, independent
//! of the number of training rows. Memory O(t m). A row with gaps visits up to m nodes per tree.
//!
//! # Attribution
//! A cut from a node of `k` rows to a child of `l` spares `c(k) - 1 - c(l)` cuts. These are booked to its column
//! (for oblique cuts to each column by its part `|w_j (x_j - m_j)|` of the sum), averaged over trees and divided by
//! `c(m)`. A row's shares sum to `log2(2 s(x))` exactly: each 1 is a doubling of the score above 0.5.
//!
//! # Use when / Avoid when
//! The first thing to try on a table: any scale, mixed types, gaps, millions of rows. Avoid for anomalies inside
//! the bulk of every column (dense local structure: use neighbours) and for hundreds of columns of which one matters.
//! Axis-parallel cuts leave crosses of low scores around clusters; `extension_level` removes them.
//!
//! # Differences
//! - Columns constant within a node are not drawn (scikit-learn and isotree do the same): such cuts only add depth.
//! - `H` is the harmonic number, not the logarithm that approximates it.
//! - Oblique cuts are scaled by the node's widths, so units do not matter, and their threshold is drawn where rows
//!   are, so no branch is empty; the paper draws a point in the box and may cut nothing off. isotree does both.
//! - Gaps and categories are not in the papers. Isotree divides rows and weights unseen levels; see above for why
//!   not here.
//!
//! Thresholds are 32-bit numbers, so a shift of a column moves a row across a threshold only where it rounds there.
//!
//! # References
//! - Liu, Ting, Zhou 2008, Isolation Forest, ICDM. doi:10.1109/ICDM.2008.17
//! - Liu, Ting, Zhou 2012, Isolation-Based Anomaly Detection, ACM TKDD 6(1). doi:10.1145/2133360.2133363
//! - Hariri, Carrasco Kind, Brunner 2021, Extended Isolation Forest, IEEE TKDE 33(4). doi:10.1109/TKDE.2019.2947676
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::IsolationForest;
//! let mut values = ndarray::Array2::from_shape_fn((100, 2), |(i, j)| ((i * (7 + 6 * j)) % 100) as f32);
//! values[[42, 1]] = 400.0;
//! let (_, scores) =
//!     IsolationForest::default().fit_score_on(&Features::rows(values), &Run::new(0)).unwrap();
//! let oddest = (0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
//! assert_eq!(oddest, Some(42));
//! ```

mod grow;
mod lookup;
mod persist;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Estimate, Features, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use lookup::{BLOCK, Keys, Lookup};
use tree::{MAX_DEPTH, Tree, average_path_length};

/// Blocks that a thread scores before it takes the next.
const BLOCKS: usize = 16;

/// How many trees, grown on how much, and how they cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForest {
    /// Trees. The spread of a score over seeds shrinks with the root of their number.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_trees: usize,
    /// Training rows drawn for each tree, without repetition; all, if there are fewer. Small samples keep anomalies
    /// from hiding each other.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub sample_size: usize,
    /// Columns that an oblique cut takes beyond the first: 0 cuts parallel to the axes, columns - 1 (or more) in any
    /// direction.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub extension_level: usize,
    /// Longest path that is grown. Without one, log2 of the rows per tree, rounded up: the mean depth, beyond which
    /// rows are not odd.
    #[schemars(range(min = 1, max = 64))]
    pub max_depth: Option<usize>,
}

/// The trees, and their fast form where they have one.
pub struct IsolationForestModel {
    trees: Vec<Tree>,
    lookup: Option<Lookup>,
}

impl Default for IsolationForest {
    /// Trees and rows per tree as in section 4 of the paper of 2012, which finds both to suffice.
    fn default() -> Self {
        Self { n_trees: 100, sample_size: 256, extension_level: 0, max_depth: None }
    }
}

impl Params for IsolationForest {}

impl IsolationForest {
    fn rows_per_tree(&self, n_parts: usize) -> usize {
        self.sample_size.min(n_parts)
    }

    fn max_depth(&self, n_parts: usize) -> usize {
        let log2 = self.rows_per_tree(n_parts).next_power_of_two().trailing_zeros() as usize;
        self.max_depth.unwrap_or(log2).min(MAX_DEPTH)
    }
}

impl Detector for IsolationForest {
    const CARD: Card = Card {
        id: "isolation_forest",
        title: "Isolation forest",
        summary: "Rows that few random cuts set apart; takes missing values and categories as they are.",
        paper: "Liu, Ting, Zhou 2008, ICDM. doi:10.1109/ICDM.2008.17",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Constant, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = IsolationForestModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<IsolationForestModel> {
        let stage = run.stage("growing trees", self.n_trees as u64);
        let grow = |number| {
            run.check()?;
            let tree = grow::grow(self, train.features(), run.random(number as u64));
            stage.advance(1);
            Ok(tree)
        };
        let trees = (0..self.n_trees).into_par_iter().map(grow).collect::<Result<Vec<Tree>>>()?;
        Ok(IsolationForestModel::new(trees, train.n_values()))
    }

    /// Measured on one core of an EPYC server with 1M x 10 rows: see the benchmark notes.
    fn estimate(&self, shape: Shape) -> Estimate {
        let (trees, rows) = (self.n_trees as f64, self.rows_per_tree(shape.n_parts) as f64);
        let steps = trees * self.max_depth(shape.n_parts) as f64;
        let terms = (1 + self.extension_level.min(shape.n_columns())) as f64;
        let plain = self.extension_level == 0 && shape.n_codes == 0;
        let block = (BLOCK * 4 * shape.n_values * 2) as f64;
        Estimate {
            bytes: (trees * (2.0 * rows * 44.0 + 4.0 * shape.n_columns() as f64) + block) as u64,
            fit_nanos: steps * rows * 25.0 * terms,
            score_nanos_per_row: if plain { steps * 0.6 } else { steps * (8.0 + 4.0 * terms) },
        }
    }
}

impl IsolationForestModel {
    fn new(trees: Vec<Tree>, n_values: usize) -> Self {
        let lookup = Lookup::new(&trees, n_values);
        Self { trees, lookup }
    }

    /// The mean path length that scores are measured in.
    fn unit(&self) -> f64 {
        average_path_length(self.trees[0].nodes[0].count)
    }

    /// Path lengths of rows `first..`, one per sum, added up over the trees in their order.
    fn add_lengths(&self, rows: &Features, first: usize, keys: Option<&mut Keys>, sums: &mut [f64]) {
        let (Some(lookup), Some(keys)) = (&self.lookup, keys) else {
            return self.walk_lengths(rows, first, sums);
        };
        let mut all = [0.0; BLOCK];
        let has_gaps = lookup::fill(keys, rows, first, sums.len());
        lookup.add(keys, &mut all);
        sums.copy_from_slice(&all[..sums.len()]);
        for (i, sum) in sums.iter_mut().enumerate() {
            if has_gaps[i] {
                *sum = 0.0;
                self.walk_lengths(rows, first + i, std::slice::from_mut(sum));
            }
        }
    }

    /// The same for any tree and any row.
    fn walk_lengths(&self, rows: &Features, first: usize, sums: &mut [f64]) {
        for tree in &self.trees {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += walk::path_length(tree, rows, first + i);
            }
        }
    }
}

impl Model for IsolationForestModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let per_row = -1.0 / (self.trees.len() as f64 * self.unit());
        let mut scores = vec![0.0_f32; rows.n_parts()];
        // A block for a handful of rows would be work for nothing.
        let pays = self.lookup.is_some() && rows.n_parts() >= BLOCK / 8;
        scores.par_chunks_mut(BLOCKS * BLOCK).enumerate().try_for_each(|(task, scores)| {
            let mut keys = if pays { lookup::new_keys() } else { None };
            for (block, scores) in scores.chunks_mut(BLOCK).enumerate() {
                run.check()?;
                let mut sums = [0.0; BLOCK];
                let sums = &mut sums[..scores.len()];
                let first = (task * BLOCKS + block) * BLOCK;
                self.add_lengths(rows.features(), first, keys.as_deref_mut(), sums);
                scores.iter_mut().zip(sums).for_each(|(score, sum)| *score = (*sum * per_row).exp2() as f32);
            }
            Ok(())
        })?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        persist::save(&self.trees, out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        Ok(Self::new(persist::load(from, shape)?, shape.n_values))
    }
}

impl Attribute for IsolationForestModel {
    /// What each column adds to `log2(2 score)`.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let (features, n_values) = (rows.features(), rows.n_values());
        let width = n_values + rows.n_codes();
        let mut shares = Array2::<f32>::zeros((rows.n_parts(), width));
        let per_row = 1.0 / (self.trees.len() as f64 * self.unit());
        let mut lines: Vec<_> = shares.rows_mut().into_iter().collect();
        lines.par_iter_mut().enumerate().try_for_each(|(row, out)| {
            run.check()?;
            let mut sums = vec![0.0; width];
            let mut ledger = walk::Ledger { rows: features, row, sums: &mut sums };
            self.trees.iter().for_each(|tree| ledger.book(tree));
            out.iter_mut().zip(sums).for_each(|(share, sum)| *share = (sum * per_row) as f32);
            Ok(())
        })?;
        let codes = shares.slice(ndarray::s![.., n_values..]).to_owned();
        Ok(Attributions { values: shares.slice(ndarray::s![.., ..n_values]).to_owned(), codes })
    }
}
