//! Pairs of items, counted by how their scores and their levels of severity agree.

use std::sync::Arc;

use anomalyst_core::Result;

use crate::Case;

/// Numbers of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pairs {
    /// The item of the higher level scores higher.
    pub concordant: u64,
    /// The item of the higher level scores lower.
    pub discordant: u64,
    /// Different levels, equal scores.
    pub tied_in_score: u64,
    /// Equal levels, different scores.
    pub tied_in_level: u64,
}

/// The pairs of a case, counted once for all metrics of severity.
pub(super) fn pairs(case: &Case) -> Result<Arc<Pairs>> {
    case.shared("severity", || Ok(count(case.levels(), case.scores())))
}

/// Sorting by level, then score, leaves as many inversions of the scores as there are discordant pairs (Knight 1966).
fn count(levels: &[u32], scores: &[f64]) -> Pairs {
    // Adding zero turns -0 into +0, which total order would set apart.
    let mut items: Vec<(u32, f64)> =
        levels.iter().zip(scores).map(|(&level, &score)| (level, score + 0.0)).collect();
    items.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let all = n_pairs(items.len());
    let alike_in_level = tied(&items, |a, b| a.0 == b.0);
    let alike_in_both = tied(&items, |a, b| a == b);
    let mut sorted: Vec<f64> = items.iter().map(|item| item.1).collect();
    let discordant = sort_counting(&mut sorted);
    let alike_in_score = tied(&sorted, |a, b| a == b);
    let tied_in_score = alike_in_score - alike_in_both;
    Pairs {
        concordant: all - alike_in_level - tied_in_score - discordant,
        discordant,
        tied_in_score,
        tied_in_level: alike_in_level - alike_in_both,
    }
}

fn n_pairs(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

fn tied<T>(sorted: &[T], alike: impl Fn(&T, &T) -> bool) -> u64 {
    sorted.chunk_by(alike).map(|run| n_pairs(run.len())).sum()
}

/// Merge sort from below; the number of pairs that stood in the wrong order.
fn sort_counting(values: &mut Vec<f64>) -> u64 {
    let n = values.len();
    let mut merged = Vec::with_capacity(n);
    let (mut inversions, mut width) = (0, 1);
    while width < n {
        merged.clear();
        for block in values.chunks(2 * width) {
            let (mut left, mut right) = block.split_at(width.min(block.len()));
            while let (Some((&a, left_rest)), Some((&b, right_rest))) =
                (left.split_first(), right.split_first())
            {
                if b < a {
                    inversions += left.len() as u64;
                    merged.push(b);
                    right = right_rest;
                } else {
                    merged.push(a);
                    left = left_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(values, &mut merged);
        width *= 2;
    }
    inversions
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_counting_all_pairs(items in prop::collection::vec((0_u32..4, -3_i8..4), 0..60)) {
            let (levels, scores): (Vec<u32>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            let mut want = Pairs { concordant: 0, discordant: 0, tied_in_score: 0, tied_in_level: 0 };
            for i in 0..items.len() {
                for j in 0..i {
                    let (level, score) = (levels[i].cmp(&levels[j]), scores[i].total_cmp(&scores[j]));
                    match (level.is_eq(), score.is_eq()) {
                        (true, true) => {}
                        (false, true) => want.tied_in_score += 1,
                        (true, false) => want.tied_in_level += 1,
                        _ if level == score => want.concordant += 1,
                        _ => want.discordant += 1,
                    }
                }
            }
            prop_assert_eq!(count(&levels, &scores), want);
        }
    }
}
