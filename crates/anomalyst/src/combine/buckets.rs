//! Buckets of members, for the rules that combine in two steps.

use anomalyst_core::Random;
use anomalyst_core::schemars::{self, JsonSchema};
use rand::RngExt;
use rand::seq::{SliceRandom, index};
use serde::{Deserialize, Serialize};

/// How many members a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sizes {
    /// Every member is in one bucket, and buckets are as equal in size as can be.
    #[default]
    Even,
    /// Every bucket draws its own size, from two to half the members, and its members anew.
    Random,
}

/// The buckets where nothing is said: PyOD's number, if there are two members for each.
const USUAL: usize = 5;

/// Draws buckets of `n_members`, none of them empty.
pub(super) fn draw(
    n_buckets: Option<usize>,
    sizes: Sizes,
    n_members: usize,
    random: &mut Random,
) -> Vec<Vec<usize>> {
    let n_buckets = n_buckets.unwrap_or(USUAL.min(n_members / 2)).clamp(1, n_members.max(1));
    match sizes {
        Sizes::Even => {
            let mut order: Vec<usize> = (0..n_members).collect();
            order.shuffle(random);
            let bound = |bucket: usize| bucket * n_members / n_buckets;
            (0..n_buckets).map(|bucket| order[bound(bucket)..bound(bucket + 1)].to_vec()).collect()
        }
        Sizes::Random => (0..n_buckets)
            .map(|_| {
                let size = random.random_range(2..=(n_members / 2).max(2)).min(n_members);
                index::sample(random, n_members, size).into_vec()
            })
            .collect(),
    }
}
