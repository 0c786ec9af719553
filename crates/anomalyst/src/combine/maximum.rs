//! The largest of the members' scores.
//!
//! # Equations
//! `s(x) = max_j z_j(x)`; weights have no say.
//!
//! # Use when / Avoid when
//! Where each member sees anomalies of its own kind. Avoid with members that are wrong now and then: each false alarm
//! of any is heard.
//!
//! # References
//! Aggarwal, Sathe 2015, Theoretical foundations and algorithms for outlier ensembles, SIGKDD Explorations 17.
//! doi:10.1145/2830544.2830549

use anomalyst_core::Params;
use anomalyst_core::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{Combinator, CombinatorCard, MemberScores, Registered};

/// The largest.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Maximum {}

impl Params for Maximum {}

impl Registered for Maximum {
    const CARD: CombinatorCard = CombinatorCard {
        id: "maximum",
        title: "Maximum",
        summary: "The largest of the members' scores: lowers bias, but one bad member is heard.",
        paper: "Aggarwal, Sathe 2015, SIGKDD Explorations. doi:10.1145/2830544.2830549",
    };
}

impl Combinator for Maximum {
    fn combine(&self, row: &mut MemberScores<'_>) -> f64 {
        row.scores.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}
