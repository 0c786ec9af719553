//! The median of the members' scores.
//!
//! # Equations
//! `s(x) = median_j z_j(x)`, the mean of the two middle ones for an even number; weights have no say.
//!
//! # Use when / Avoid when
//! Many members of which some are far off for no reason: up to half of them may be, and the score stays. Avoid with few
//! members, and where only a minority sees the anomalies.
//!
//! # References
//! Aggarwal, Sathe 2017, Outlier ensembles: an introduction, Springer, section 5.4. doi:10.1007/978-3-319-54765-7

use anomalyst_core::Params;
use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_kernels::stats;
use serde::{Deserialize, Serialize};

use super::{Combinator, CombinatorCard, MemberScores, Registered};

/// The median.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Median {}

impl Params for Median {}

impl Registered for Median {
    const CARD: CombinatorCard = CombinatorCard {
        id: "median",
        title: "Median",
        summary: "The median of the members' scores: deaf to a minority.",
        paper: "Aggarwal, Sathe 2017, Outlier ensembles, Springer. doi:10.1007/978-3-319-54765-7",
    };
}

impl Combinator for Median {
    fn combine(&self, row: &mut MemberScores<'_>) -> f64 {
        stats::median(row.scores)
    }
}
