//! Isolation forest, axis-parallel or extended, random or guided: how few cuts set a row apart.
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
//! With another `threshold`, a share `guided_frac` of the cuts of numbers falls where the gain is largest, in the middle
//! of its gap: `1 - (sd_left + sd_right) / (2 sd)`, averaged, or `1 - (n_left sd_left + n_right sd_right) / (n sd)`,
//! pooled, for the deviation `sd` of the `n` numbers and those on both sides. The best of `n_candidates` columns (of
//! directions, if oblique) is taken.
//!
//! With `scoring` by density, `s(x) = -E[ln d(x)]`: a leaf with `k` of the `m` rows has the density `d = (k / m) / v`, and
//! `v` is the product, along its path, of the share that its side of each cut has of the node's range. A cut of levels
//! shares by their numbers, a question for gaps by halves. Nodes of two rows are leaves.
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
//! odd; if all rows lie near 0.5, none is. Rows that all are equal score 0.5. It is no probability. Guided trees are not
//! as deep as random ones, so 0.5 means nothing there.
//!
//! By density, 0 is a row in a part of the space that holds rows as if they were spread evenly, above it is thinner; no
//! bounds.
//!
//! # Complexity
//! With t trees of m rows and depth log m: fit O(t m log m (1 + e)), score O(t log m (1 + e)) per row, independent
//! of the number of training rows. Memory O(t m). A row with gaps visits up to m nodes per tree. Guided cuts sort: fit
//! O(t m log^2 m (1 + e)) per candidate.
//!
//! # Attribution
//! A cut from a node of `k` rows to a child of `l` spares `c(k) - 1 - c(l)` cuts. These are booked to its column
//! (for oblique cuts to each column by its part `|w_j (x_j - m_j)|` of the sum), averaged over trees and divided by
//! `c(m)`. A row's shares sum to `log2(2 s(x))` exactly: each 1 is a doubling of the score above 0.5. By density, each cut
//! is booked what it adds to `-ln d`, and the shares sum to the score.
//!
//! # Use when / Avoid when
//! The first thing to try on a table: any scale, mixed types, gaps, millions of rows. Avoid for anomalies inside
//! the bulk of every column (dense local structure: use neighbours) and for hundreds of columns of which one matters.
//! Axis-parallel cuts leave crosses of low scores around clusters; `extension_level` removes them. Pooled gain suits data
//! of many clusters, averaged gain extremes of single columns; for anomalies that cluster take `sci_forest`, which adds
//! a range to each cut. Density tells thin regions from thick ones beyond the depth of the trees, but needs more trees.
//!
//! # Differences
//! - Columns constant within a node are not drawn (scikit-learn and isotree do the same): such cuts only add depth.
//! - `H` is the harmonic number, not the logarithm that approximates it.
//! - Oblique cuts are scaled by the node's widths, so units do not matter, and their threshold is drawn where rows
//!   are, so no branch is empty; the paper draws a point in the box and may cut nothing off. isotree does both.
//! - `extension_level` is the paper's parameter, 0 being its standard forest, so the extended forest is no method of its
//!   own.
//! - Guided cuts are of numbers only. Code columns and gaps keep their random cuts and their share of them: they have no
//!   deviation, and isotree's gains for categories follow from none of the papers.
//! - The pooled gain is that of deviations, as in the papers. isotree takes that of variances if there is one
//!   candidate.
//! - No side of a cut counts as less than 2^-24 of its node's range, which is as thin as 32-bit thresholds tell.
//! - Gaps and categories are not in the papers. Isotree divides rows and weights unseen levels; see above for why
//!   not here.
//!
//! Thresholds are 32-bit numbers, so a shift of a column moves a row across a threshold only where it rounds there.
//!
//! # References
//! - Liu, Ting, Zhou 2008, Isolation Forest, ICDM. doi:10.1109/ICDM.2008.17
//! - Liu, Ting, Zhou 2012, Isolation-Based Anomaly Detection, ACM TKDD 6(1). doi:10.1145/2133360.2133363
//! - Hariri, Carrasco Kind, Brunner 2021, Extended Isolation Forest, IEEE TKDE 33(4). doi:10.1109/TKDE.2019.2947676
//! - Cortes 2019, Distance approximation using Isolation Forests, arXiv:1910.12362; 2021, Revisiting randomized choices in
//!   isolation forests, arXiv:2110.13402. Gains of deviations.
//! - Cortes 2021, Isolation forests: looking beyond tree depth, arXiv:2111.11639. Density.
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

mod gain;
mod grow;
mod lookup;
mod model;
mod persist;
mod plan;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod walk;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use serde::{Deserialize, Serialize};

pub(crate) use model::IsolationForestModel;
pub(crate) use plan::{Guide, Keep, Plan, Weights};

/// How many trees, grown on how much, how they cut, and what is scored.
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
    /// Where numbers are cut.
    pub threshold: Threshold,
    /// The share of cuts of numbers whose threshold is chosen by gain; the others are random.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub guided_frac: f64,
    /// Columns (or directions) that a cut by gain tries to keep the best; 1 takes the one it draws.
    #[schemars(range(min = 1, max = 1000))]
    pub n_candidates: usize,
    /// What is scored.
    pub scoring: Scoring,
}

/// Where numbers are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Anywhere between the least and the greatest.
    #[default]
    Random,
    /// Where the mean of the deviations on both sides is least: cuts off what lies apart.
    AveragedGain,
    /// Where that mean, weighted by rows, is least: divides clusters.
    PooledGain,
}

/// What is scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// How few cuts set a row apart.
    #[default]
    Depth,
    /// How few rows share the space that the cuts leave around it.
    Density,
}

impl Default for IsolationForest {
    /// Trees and rows per tree as in section 4 of the paper of 2012, which finds both to suffice.
    fn default() -> Self {
        Self {
            n_trees: 100,
            sample_size: 256,
            extension_level: 0,
            max_depth: None,
            threshold: Threshold::Random,
            guided_frac: 1.0,
            n_candidates: 1,
            scoring: Scoring::Depth,
        }
    }
}

impl Params for IsolationForest {}

impl IsolationForest {
    fn plan(&self, n_parts: usize) -> Plan {
        let rows_per_tree = self.sample_size.min(n_parts);
        Plan {
            n_trees: self.n_trees,
            rows_per_tree,
            max_depth: Plan::depth(self.max_depth, rows_per_tree),
            // Where a cut falls between two rows is chance, and says nothing about their density.
            least_rows: if self.scoring == Scoring::Density { 3 } else { 2 },
            extension_level: self.extension_level,
            weights: Weights::NormalPerWidth,
            guide: match self.threshold {
                Threshold::Random => None,
                Threshold::AveragedGain => Some(Guide::Averaged),
                Threshold::PooledGain => Some(Guide::Pooled),
            },
            guided_frac: self.guided_frac,
            n_candidates: self.n_candidates,
            keep: match self.scoring {
                Scoring::Depth => Keep::Nothing,
                Scoring::Density => Keep::Volumes,
            },
        }
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
    // Trees cut one column at a time, so channels need no common unit; of windows of many channels the mixture of all
    // values says more than each in its own unit.
    const ON_SERIES: &'static str = r#"{"scale": "none", "normalize": "auto", "length_of_many": 100}"#;
    type Model = IsolationForestModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<IsolationForestModel> {
        IsolationForestModel::grow(&self.plan(train.n_parts()), train.features(), run)
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        self.plan(shape.n_parts).estimate(shape)
    }
}
