//! How trees grow, and what they keep: all that tells the kinds of isolation forest apart.

use anomalyst_core::{Estimate, Shape};

use super::lookup::BLOCK;
use super::tree::MAX_DEPTH;

/// How trees grow.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) n_trees: usize,
    pub(crate) rows_per_tree: usize,
    pub(crate) max_depth: usize,
    /// Nodes of fewer rows are leaves.
    pub(crate) least_rows: u32,
    /// Columns that a cut takes beyond the first.
    pub(crate) extension_level: usize,
    pub(crate) weights: Weights,
    /// What guided cuts maximise; without one all cuts are random.
    pub(crate) guide: Option<Guide>,
    /// The share of cuts that are guided.
    pub(crate) guided_frac: f64,
    /// Columns or directions that a guided cut chooses from.
    pub(crate) n_candidates: usize,
    pub(crate) keep: Keep,
}

/// How the weights of an oblique cut are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// Standard normal, over the column's width within the node.
    NormalPerWidth,
    /// Even between -1 and 1, over the column's deviation within the node.
    EvenPerDeviation,
}

/// Which mean of the deviations on both sides a guided cut makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guide {
    /// The plain one.
    Averaged,
    /// That weighted by rows.
    Pooled,
}

/// What trees keep of each node beside its split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing: leaves hold path lengths.
    Nothing,
    /// Its share of the space: leaves hold log densities.
    Volumes,
    /// How far from its threshold an answer counts as a step.
    Reaches,
}

impl Plan {
    /// `max_depth`, or log2 of the rows per tree, rounded up.
    pub(crate) fn depth(max_depth: Option<usize>, rows_per_tree: usize) -> usize {
        let log2 = rows_per_tree.next_power_of_two().trailing_zeros() as usize;
        max_depth.unwrap_or(log2).min(MAX_DEPTH)
    }

    /// Measured on one core of an EPYC server with 1M x 10 rows: see the benchmark notes.
    pub(crate) fn estimate(&self, shape: Shape) -> Estimate {
        let (trees, rows) = (self.n_trees as f64, self.rows_per_tree as f64);
        let steps = trees * self.max_depth as f64;
        let terms = (1 + self.extension_level.min(shape.n_columns())) as f64;
        let plain = self.extension_level == 0 && shape.n_codes == 0 && self.keep != Keep::Reaches;
        let block = (BLOCK * 4 * shape.n_values * 2) as f64;
        let guided =
            if self.guide.is_some() { self.n_candidates as f64 * (40.0 + 30.0 * terms) } else { 0.0 };
        Estimate {
            bytes: (trees * (2.0 * rows * 44.0 + 4.0 * shape.n_columns() as f64) + block) as u64,
            fit_nanos: steps * rows * (25.0 * terms + guided),
            score_nanos_per_row: if plain { steps * 0.6 } else { steps * (8.0 + 4.0 * terms) },
        }
    }
}
