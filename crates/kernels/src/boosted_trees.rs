//! Gradient-boosted trees of any loss, and exact Shapley values of their sums.
//!
//! Trees are grown one after another, each a Newton step of the loss: a leaf with the rows `I` adds
//! `-learning_rate G / (H + l2)`, `G` and `H` the sums of slopes and curvatures of the loss over `I`, and is split where
//! `G_l^2 / (H_l + l2) + G_r^2 / (H_r + l2) - G^2 / (H + l2)` is largest. A missing value goes to the side where it gains
//! more.
//!
//! # References
//! Chen, Guestrin 2016, XGBoost, KDD. doi:10.1145/2939672.2939785. Lundberg et al. 2020, From local explanations to global
//! understanding with explainable AI for trees, Nature Machine Intelligence 2. doi:10.1038/s42256-019-0138-9.

mod grow;
mod shapley;
mod trees;

pub use trees::Trees;

/// Rows between two looks at whether the run is to stop, and in one piece of parallel work.
const BLOCK: usize = 256;

/// How many trees, how large, and how much each counts.
#[derive(Clone, Copy, Debug)]
pub struct Boosting {
    /// Trees, at least 1.
    pub n_trees: usize,
    /// Share of its step that each tree may make, in `0..=1`.
    pub learning_rate: f64,
    /// Leaves of a tree, at least 2.
    pub max_leaves: usize,
    /// The least sum of curvatures in a leaf.
    pub min_leaf_weight: f64,
    /// Shrinks leaves of little curvature.
    pub l2: f64,
    /// Values of a column that splits tell apart, at its quantiles; at most 65,000.
    pub n_bins: usize,
}
