//! Rank aggregation: the mean of the members' ranks.
//!
//! # Equations
//! With `r_j(x)` the rank of member `j`'s score among its `n` training scores, counted from the greatest:
//! `s(x) = -sum_j w_j r_j(x) / ((n + 1) sum_j w_j)` (Borda's count, divided by its range).
//!
//! # Score
//! Above -1 and below 0: minus the mean share of training rows that are as odd. Counted from 0 down, where numbers are
//! densest, so that the oddest rows stay apart in single precision.
//!
//! # Use when / Avoid when
//! Members whose scores share no unit and have wild tails. Avoid where how far out a row is matters: the tenth oddest of
//! a thousand counts the same, be it far or near. `normal_ranks` with `mean` keeps more of the tail.
//!
//! # Differences
//! Ranks are those among the training scores, not those within the batch, so that a row's score is its own: between
//! training scores ranks are interpolated, equal ones share the mean of their ranks, and beyond the greatest
//! they go on falling ([`anomalyst_kernels::ranking::Ranking::from_top`]), where a rank within the batch would tie.
//!
//! # Complexity
//! Keeps the training scores: 4 n bytes per member. O(log n) per score.
//!
//! # References
//! - Borda 1784, Mémoire sur les élections au scrutin, Histoire de l'Académie Royale des Sciences.
//! - Dwork, Kumar, Naor, Sivakumar 2001, Rank aggregation methods for the web, WWW. doi:10.1145/371920.372165

use anomalyst_core::Params;
use anomalyst_core::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::mean::weighted_mean;
use super::{Combinator, CombinatorCard, MemberScale, MemberScores, Registered};

/// The mean rank.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rank {}

impl Params for Rank {}

impl Registered for Rank {
    const CARD: CombinatorCard = CombinatorCard {
        id: "rank",
        title: "Rank aggregation",
        summary: "The weighted mean of the members' ranks among their training scores.",
        paper: "Dwork, Kumar, Naor, Sivakumar 2001, WWW. doi:10.1145/371920.372165",
    };
}

impl Combinator for Rank {
    /// Ranks, whatever members ask for.
    fn scale(&self, _: MemberScale) -> MemberScale {
        MemberScale::Ranks
    }

    fn combine(&self, row: &mut MemberScores<'_>) -> f64 {
        weighted_mean(row.scores.iter().zip(row.weights))
    }
}
