//! The items above a cut of the ranking, ties at the cut counted by expectation.

use crate::Ranking;

/// Anomalies expected among the `k` highest scores when items tied at the cut are taken at random.
pub(super) fn hits(ranking: &Ranking, k: usize) -> f64 {
    let (mut hits, mut left) = (0.0, k);
    for step in ranking.steps() {
        let tied = step.odd + step.normal;
        if tied >= left {
            return hits + step.odd as f64 * left as f64 / tied as f64;
        }
        hits += step.odd as f64;
        left -= tied;
    }
    hits
}

/// How many of `n` items a share is: rounded down so that a budget is kept, but at least one.
pub(super) fn count(frac: f64, n: usize) -> usize {
    // A share such as 0.29 of 100 comes out as 28.999999999999996 and is meant as 29.
    ((frac * n as f64 + 1e-6).floor() as usize).clamp(1, n.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_round_down() {
        assert_eq!([count(0.29, 100), count(0.019, 100), count(0.0, 100), count(1.0, 7)], [29, 1, 1, 7]);
    }

    proptest! {
        /// Each item alone: its probability of being in the top, from the items above it and beside it.
        #[test]
        fn equals_the_sum_of_probabilities(
            items in prop::collection::vec((any::<bool>(), 0_u8..5), 1..30),
            k in 1_usize..30,
        ) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            let mut expected = 0.0;
            for &(_, score) in items.iter().filter(|item| item.0) {
                let above = items.iter().filter(|item| item.1 > score).count() as f64;
                let beside = items.iter().filter(|item| item.1 == score).count() as f64;
                expected += ((k as f64 - above) / beside).clamp(0.0, 1.0);
            }
            prop_assert!((hits(&Ranking::new(&scores, &labels), k) - expected).abs() < 1e-12);
        }
    }
}
