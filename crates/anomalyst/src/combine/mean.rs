//! The weighted mean of the members' scores.
//!
//! # Equations
//! `s(x) = sum_j w_j z_j(x) / sum_j w_j`.
//!
//! # Use when / Avoid when
//! The default: it lowers variance, and no single member decides. Avoid where one member of many sees the anomalies
//! (`maximum`, `average_of_maximum`).
//!
//! # References
//! Aggarwal, Sathe 2015, Theoretical foundations and algorithms for outlier ensembles, SIGKDD Explorations 17.
//! doi:10.1145/2830544.2830549

use anomalyst_core::Params;
use anomalyst_core::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{Combinator, CombinatorCard, MemberScores, Registered};

/// The weighted mean.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mean {}

impl Params for Mean {}

impl Registered for Mean {
    const CARD: CombinatorCard = CombinatorCard {
        id: "mean",
        title: "Weighted mean",
        summary: "The weighted mean of the members' scores: lowers variance.",
        paper: "Aggarwal, Sathe 2015, SIGKDD Explorations. doi:10.1145/2830544.2830549",
    };
}

impl Combinator for Mean {
    fn combine(&self, row: &mut MemberScores<'_>) -> f64 {
        weighted_mean(row.scores.iter().zip(row.weights))
    }
}

/// The mean of scores by their weights.
pub(super) fn weighted_mean<'a>(parts: impl Iterator<Item = (&'a f64, &'a f64)>) -> f64 {
    let (sum, total) = parts.fold((0.0, 0.0), |(sum, total), (z, weight)| (sum + z * weight, total + weight));
    sum / total
}
