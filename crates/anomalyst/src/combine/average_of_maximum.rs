//! Average of maximum (AOM): members are put into buckets, and the largest scores of the buckets are averaged.
//!
//! # Equations
//! With buckets `B_1 .. B_q` of members: `s(x) = (1 / q) sum_b max_{j in B_b} z_j(x)`; weights have no say.
//!
//! # Use when / Avoid when
//! Between `maximum`, which hears a bad member, and `mean`, which drowns a good one: the maximum lowers bias within a
//! bucket, the average the variance over buckets. From about eight members on; with one bucket it is the maximum, with
//! as many as members the mean.
//!
//! # Differences
//! - Buckets are drawn once, at the fit, and kept in the model. PyOD draws anew with each call.
//! - A number of members that the buckets do not divide gives buckets that differ in size by one; PyOD refuses.
//! - `sizes = random` gives each bucket a size and members of its own, from two to half the members. PyOD's `dynamic`
//!   draws with a fixed seed the same bucket each time.
//! - Left out, there are five buckets, fewer where there would not be two members for each.
//!
//! # References
//! Aggarwal, Sathe 2015, Theoretical foundations and algorithms for outlier ensembles, SIGKDD Explorations 17, section 5.
//! doi:10.1145/2830544.2830549

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Params, Random};
use serde::{Deserialize, Serialize};

use super::buckets::{self, Sizes};
use super::{Combinator, CombinatorCard, MemberScores, Registered};

/// How members are put into buckets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AverageOfMaximum {
    /// Buckets of members, never more than members. Left out, five or half the members.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_buckets: Option<usize>,
    /// How many members a bucket holds.
    pub sizes: Sizes,
}

impl Params for AverageOfMaximum {}

impl Registered for AverageOfMaximum {
    const CARD: CombinatorCard = CombinatorCard {
        id: "average_of_maximum",
        title: "Average of maximum (AOM)",
        summary: "The mean over random buckets of members of the largest score in each.",
        paper: "Aggarwal, Sathe 2015, SIGKDD Explorations. doi:10.1145/2830544.2830549",
    };
}

impl Combinator for AverageOfMaximum {
    fn draw(&self, n_members: usize, random: &mut Random) -> Vec<Vec<usize>> {
        buckets::draw(self.n_buckets, self.sizes, n_members, random)
    }

    fn combine(&self, row: &mut MemberScores<'_>) -> f64 {
        let largest =
            |bucket: &Vec<usize>| bucket.iter().map(|&j| row.scores[j]).fold(f64::NEG_INFINITY, f64::max);
        row.groups.iter().map(largest).sum::<f64>() / row.groups.len() as f64
    }
}
