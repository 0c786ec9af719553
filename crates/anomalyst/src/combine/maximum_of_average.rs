//! Maximum of average (MOA): members are put into buckets, and the largest mean of a bucket is the score.
//!
//! # Equations
//! With buckets `B_1 .. B_q` of members:
//! `s(x) = max_b (sum_{j in B_b} w_j z_j(x) / sum_{j in B_b} w_j)`.
//!
//! # Use when / Avoid when
//! Like `average_of_maximum`, from the other side: the average first steadies the members of a bucket, so a single one
//! that is wrong is not heard, a bucket that agrees is. From about eight members on; with one bucket it is the mean,
//! with as many as members the maximum.
//!
//! # Differences
//! Those of `average_of_maximum`; and means are weighted.
//!
//! # References
//! Aggarwal, Sathe 2015, Theoretical foundations and algorithms for outlier ensembles, SIGKDD Explorations 17, section 5.
//! doi:10.1145/2830544.2830549

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Params, Random};
use serde::{Deserialize, Serialize};

use super::buckets::{self, Sizes};
use super::mean::weighted_mean;
use super::{Combinator, CombinatorCard, MemberScores, Registered};

/// How members are put into buckets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MaximumOfAverage {
    /// Buckets of members, never more than members. Left out, five or half the members.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_buckets: Option<usize>,
    /// How many members a bucket holds.
    pub sizes: Sizes,
}

impl Params for MaximumOfAverage {}

impl Registered for MaximumOfAverage {
    const CARD: CombinatorCard = CombinatorCard {
        id: "maximum_of_average",
        title: "Maximum of average (MOA)",
        summary: "The largest over random buckets of members of the mean score in each.",
        paper: "Aggarwal, Sathe 2015, SIGKDD Explorations. doi:10.1145/2830544.2830549",
    };
}

impl Combinator for MaximumOfAverage {
    fn draw(&self, n_members: usize, random: &mut Random) -> Vec<Vec<usize>> {
        buckets::draw(self.n_buckets, self.sizes, n_members, random)
    }

    fn combine(&self, row: &mut MemberScores<'_>) -> f64 {
        let mean =
            |bucket: &Vec<usize>| weighted_mean(bucket.iter().map(|&j| (&row.scores[j], &row.weights[j])));
        row.groups.iter().map(mean).fold(f64::NEG_INFINITY, f64::max)
    }
}
