//! What a difference between two numbers is worth: intervals by resampling, tests of two scorers, ranks of many.
//!
//! These are plain functions. A number without its interval invites the reader to trust its last digit.

mod bootstrap;
mod delong;
mod holm;
mod ranks;
mod special;
mod wilcoxon;

pub(crate) use bootstrap::drawn_in_blocks;
pub use bootstrap::{
    Bootstrap, Resampled, bootstrap_interval, bootstrap_intervals, default_block_len, mean_interval,
};
pub use delong::{DeLong, PairedTest};
pub use holm::holm;
pub use ranks::{Friedman, Leaderboard, Standing, friedman, leaderboard, mean_ranks, nemenyi_difference};
pub use wilcoxon::{SignedRank, wilcoxon};
