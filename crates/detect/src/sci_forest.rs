//! Isolation forest whose oblique cuts are chosen by how well they part the sample: finds anomalies in clusters.
//!
//! # Idea
//! Anomalies that come in a dense little cluster hide each other from random cuts. Here every node draws a handful of
//! directions and takes the cut that leaves the least spread on both sides, which passes between such a cluster and
//! the rest. Rows far beyond everything that a cut has seen are not credited with its step.
//!
//! # Equations
//! `s(x) = 2^(-E[h(x)] / c(m))` as for [isolation forest](isolation_forest). A node with rows `X` draws
//! `n_hyperplanes` directions over `n_columns` columns each,
//! `f(x) = sum_j w_j (x_j - m_j) / sd(X_j)` with `w_j` evenly between -1 and 1 and the node's mean `m_j`, and takes of all
//! directions and thresholds `p` the one of the largest
//! `gain = 1 - (sd(f(X) below p) + sd(f(X) from p on)) / (2 sd(f(X)))`, with `p` in the middle of its gap. Nodes of two
//! rows are leaves.
//! With the width `v = max f(X) - min f(X)`, the step counts in `h(x)` only if `-v <= f(x) - p < v`.
//!
//! # Missing values and categories
//! As in isolation forest: a column with gaps is asked half of the times whether its number is there, a missing
//! number in a direction counts as the node's mean, and code columns are cut at random, level by level. The first
//! column of a node is drawn among all of them, so that codes get their share of the cuts; there is no spread to gain
//! by on them, and no range.
//!
//! # Score
//! Between 0 and 1, higher is odder. Chosen cuts are not those of a random search tree, so what is normal does not lie
//! at 0.5: only ranks within one model compare. Rows that all are equal score 0.5.
//!
//! # Complexity
//! With t trees of m rows, depth log m, r directions of q columns: fit O(t r m log m (q + log m)), score O(t q log m) per
//! row, both independent of the number of training rows. Memory O(t m). A row with gaps visits up to m nodes per tree.
//!
//! # Attribution
//! As in isolation forest, shared out by each column's part of the sum; they sum to `log2(2 s(x))`. A step that does not
//! count is booked to its columns in full.
//!
//! # Use when / Avoid when
//! Where anomalies may form clusters of their own, or lie close to the bulk in a direction that is no axis. Avoid where
//! scattered anomalies are all there is: random cuts are faster and as good.
//!
//! # Differences
//! - Gaps and categories are not in the paper; the mean is taken off first, which moves `p` and nothing else.
//! - Paths end at log2 of the rows per tree unless `max_depth` says otherwise, as in isolation forest.
//! - Thresholds are 32-bit numbers; a direction whose best gap holds none is passed over.
//! - Columns constant within a node are not drawn: they add nothing to a direction.
//! - Among equal gains the first wins, so rounding can turn a tree: a shift of the data may change scores within their
//!   spread over seeds, which is why the card does not promise that it leaves them as they are.
//!
//! # References
//! - Liu, Ting, Zhou 2010, On Detecting Clustered Anomalies Using SCiForest, ECML PKDD, LNCS 6322.
//!   doi:10.1007/978-3-642-15883-4_18
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::SciForest;
//! // A line of 200 rows, and a cluster of 8 beside it.
//! let values = ndarray::Array2::from_shape_fn((208, 2), |(i, j)| match (i, j) {
//!     (0..200, _) => i as f32 / 100.0 + (i * (3 + 4 * j) % 11) as f32 / 100.0,
//!     (_, 0) => 0.7 + i as f32 / 1000.0,
//!     _ => 1.6 - i as f32 / 1000.0,
//! });
//! let (_, scores) = SciForest::default().fit_score_on(&Features::rows(values), &Run::new(0)).unwrap();
//! let least = scores[200..].iter().copied().fold(f32::INFINITY, f32::min);
//! assert!(scores[..200].iter().filter(|&&score| score > least).count() < 10);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use serde::{Deserialize, Serialize};

use crate::isolation_forest::{Guide, IsolationForestModel, Keep, Plan, Weights};

/// How many trees, grown on how much, and among how many cuts they choose.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SciForest {
    /// Trees. The spread of a score over seeds shrinks with the root of their number.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_trees: usize,
    /// Training rows drawn for each tree, without repetition; all, if there are fewer.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub sample_size: usize,
    /// Columns of a direction; all, if there are fewer.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub n_columns: usize,
    /// Directions that a node tries.
    #[schemars(range(min = 1, max = 1000))]
    pub n_hyperplanes: usize,
    /// Longest path that is grown. Without one, log2 of the rows per tree, rounded up.
    #[schemars(range(min = 1, max = 64))]
    pub max_depth: Option<usize>,
}

impl Default for SciForest {
    /// The paper's section 4.
    fn default() -> Self {
        Self { n_trees: 100, sample_size: 256, n_columns: 2, n_hyperplanes: 10, max_depth: None }
    }
}

impl Params for SciForest {}

impl SciForest {
    fn plan(&self, n_parts: usize) -> Plan {
        let rows_per_tree = self.sample_size.min(n_parts);
        Plan {
            n_trees: self.n_trees,
            rows_per_tree,
            max_depth: Plan::depth(self.max_depth, rows_per_tree),
            least_rows: 3,
            extension_level: self.n_columns - 1,
            weights: Weights::EvenPerDeviation,
            guide: Some(Guide::Averaged),
            guided_frac: 1.0,
            n_candidates: self.n_hyperplanes,
            keep: Keep::Reaches,
        }
    }
}

impl Detector for SciForest {
    const CARD: Card = Card {
        id: "sci_forest",
        title: "SCiForest",
        summary: "Rows that few well-chosen oblique cuts set apart, also where anomalies form clusters.",
        paper: "Liu, Ting, Zhou 2010, ECML PKDD. doi:10.1007/978-3-642-15883-4_18",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[Invariance::ColumnScale],
        cost: Cost { fit: Growth::Constant, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = IsolationForestModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<IsolationForestModel> {
        IsolationForestModel::grow(&self.plan(train.n_parts()), train.features(), run)
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        self.plan(shape.n_parts).estimate(shape)
    }
}

#[cfg(test)]
mod tests;
