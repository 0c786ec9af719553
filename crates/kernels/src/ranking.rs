//! Where a score stands among the scores of the training rows, continued beyond them.

use crate::stats::{Moments, quantile_of_sorted};

/// The training scores in order. Memory 4 bytes per score.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    sorted: Vec<f32>,
    /// Distances from the median to the least and to the greatest score; above 0.
    widths: [f64; 2],
}

impl Ranking {
    /// Of finite scores, at least one; `None` otherwise.
    pub fn new(mut scores: Vec<f32>) -> Option<Self> {
        scores.sort_unstable_by(f32::total_cmp);
        let (&least, &greatest) = (scores.first()?, scores.last()?);
        // In this order, what is not finite stands at an end.
        if !least.is_finite() || !greatest.is_finite() {
            return None;
        }
        let wide: Vec<f64> = scores.iter().map(|&s| f64::from(s)).collect();
        let median = quantile_of_sorted(&wide, 0.5);
        let deviation = wide.iter().copied().collect::<Moments>().std_dev();
        let width = |to: f32| {
            let choices = [(f64::from(to) - median).abs(), deviation];
            choices.into_iter().find(|&w| w > 1e-9 * median.abs()).unwrap_or(1.0)
        };
        Some(Self { widths: [width(least), width(greatest)], sorted: scores })
    }

    /// The scores, ascending.
    pub fn scores(&self) -> &[f32] {
        &self.sorted
    }

    /// The rank of `score` counted from the greatest training score, which has rank 1: strictly falling in `score`, and
    /// strictly between 0 and one more than there are scores.
    ///
    /// Equal training scores share the mean of their ranks, between two neighbours ranks are interpolated. Beyond the
    /// greatest score the rank falls as the score's distance from the median grows: twice as far, half the rank (the
    /// tail of a Pareto distribution of index 1, heavy enough that no distance makes a rank vanish). Below the
    /// least it is the same from the other end.
    pub fn from_top(&self, score: f32) -> f64 {
        let (sorted, n) = (&self.sorted[..], self.sorted.len());
        let below = sorted.partition_point(|&s| s < score);
        let until = sorted.partition_point(|&s| s <= score);
        let mean_rank = |from: usize, until: usize| (from + until + 1) as f64 / 2.0;
        let top = (n + 1) as f64;
        if below < until {
            return top - mean_rank(below, until);
        }
        let tail = |nearest: f32, count: usize, width: f64| {
            let beyond = (f64::from(score) - f64::from(nearest)).abs();
            (count + 1) as f64 / 2.0 * width / (width + beyond)
        };
        match (below.checked_sub(1).map(|at| sorted[at]), sorted.get(below).copied()) {
            (Some(low), Some(high)) => {
                let low_rank = mean_rank(sorted.partition_point(|&s| s < low), below);
                let high_rank = mean_rank(below, sorted.partition_point(|&s| s <= high));
                let share = (f64::from(score) - f64::from(low)) / (f64::from(high) - f64::from(low));
                top - (low_rank + (high_rank - low_rank) * share)
            }
            (Some(low), None) => tail(low, n - sorted.partition_point(|&s| s < low), self.widths[1]),
            (None, Some(high)) => top - tail(high, sorted.partition_point(|&s| s <= high), self.widths[0]),
            (None, None) => top / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Median 2; the greatest, 4, is 2 away from it.
    #[test]
    fn closed_form() {
        let ranking = Ranking::new(vec![3.0, 0.0, 1.0, 2.0, 4.0]).unwrap();
        let got = [4.0, 2.0, 0.0, 2.5, 6.0, 10.0, -2.0].map(|s| ranking.from_top(s));
        assert_eq!(got, [1.0, 3.0, 5.0, 2.5, 0.5, 0.25, 5.5]);
        let tied = Ranking::new(vec![1.0, 1.0, 1.0, 5.0]).unwrap();
        assert_eq!([1.0, 5.0, 3.0].map(|s| tied.from_top(s)), [3.0, 1.0, 2.0]);
        let equal = Ranking::new(vec![7.0; 3]).unwrap();
        assert_eq!([7.0, 8.0, 6.0].map(|s| equal.from_top(s)), [2.0, 1.0, 3.0]);
        assert!(Ranking::new(Vec::new()).is_none() && Ranking::new(vec![f32::NAN, 1.0]).is_none());
    }

    proptest! {
        #[test]
        fn training_scores_have_their_mean_ranks(scores in prop::collection::vec(-3_i8..9, 1..40)) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let ranking = Ranking::new(scores.clone()).unwrap();
            for &score in &scores {
                let above = scores.iter().filter(|&&s| s > score).count() as f64;
                let equal = scores.iter().filter(|&&s| s == score).count() as f64;
                prop_assert_eq!(ranking.from_top(score), above + (equal + 1.0) / 2.0);
            }
        }

        #[test]
        fn falls_strictly_and_stays_inside(
            scores in prop::collection::vec(-1e3_f32..1e3, 1..40),
            a in prop::sample::select(vec![-1e30_f32, -2e3, -1.5, 0.0, 0.25, 999.0, 2e3, 5e3, 1e9, 1e30]),
            b in prop::sample::select(vec![-3e3_f32, -1.0, 0.125, 500.0, 4e3, 1e7]),
        ) {
            let ranking = Ranking::new(scores.clone()).unwrap();
            let (a, b) = (a.min(b), a.max(b));
            let [low, high] = [a, b].map(|s| ranking.from_top(s));
            prop_assert!(low > high || a == b, "{} {}", low, high);
            prop_assert!(high > 0.0 && low < (scores.len() + 1) as f64 || a < -1e20);
        }
    }
}
