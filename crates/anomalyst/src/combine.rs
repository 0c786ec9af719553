//! Scores of several members on one scale.

use anomalyst_kernels::stats::{IQR_TO_SIGMA, Moments, quantile_of_sorted};
use serde::{Deserialize, Serialize};

use crate::recipe::CombineKind;

/// Where a member's training scores lie, and how they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreScale {
    center: f64,
    spread: f64,
    compress: bool,
}

impl ScoreScale {
    /// Median and interquartile range (as a normal deviation) of `scores`; where more than half are tied, the
    /// standard deviation, and 1 where all are.
    pub fn of(scores: &[f32], compress: bool) -> Self {
        let mut sorted: Vec<f64> = scores.iter().map(|&s| f64::from(s)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let center = if sorted.is_empty() { 0.0 } else { quantile_of_sorted(&sorted, 0.5) };
        let robust = (quantile_of_sorted(&sorted, 0.75) - quantile_of_sorted(&sorted, 0.25)) * IQR_TO_SIGMA;
        let floor = 1e-9 * center.abs();
        let deviation = || sorted.iter().copied().collect::<Moments>().std_dev();
        let spread = [robust, deviation()].into_iter().find(|&s| s.is_finite() && s > floor).unwrap_or(1.0);
        Self { center, spread, compress }
    }

    /// The score in units of the training scores' spread, above their median; compressed to `sign(z) ln(1 + |z|)`
    /// where the recipe says so.
    pub fn apply(&self, score: f32) -> f64 {
        let z = (f64::from(score) - self.center) / self.spread;
        if self.compress { z.signum() * z.abs().ln_1p() } else { z }
    }

    /// That scores stay finite whatever a file said.
    pub fn is_valid(&self) -> bool {
        self.center.is_finite() && self.spread.is_finite() && self.spread > 0.0
    }
}

/// One score per row from the members' scores, each with its scale and weight.
pub fn combine(kind: CombineKind, members: &[(Vec<f32>, ScoreScale, f64)]) -> Vec<f32> {
    let n = members.first().map_or(0, |(scores, _, _)| scores.len());
    let total: f64 = members.iter().map(|(_, _, weight)| weight).sum();
    let row = |i: usize| {
        let parts = members.iter().map(|(scores, scale, weight)| (scale.apply(scores[i]), weight));
        match kind {
            CombineKind::Mean => parts.map(|(z, weight)| z * weight).sum::<f64>() / total,
            CombineKind::Maximum => parts.map(|(z, _)| z).fold(f64::NEG_INFINITY, f64::max),
        }
    };
    // Far beyond anything that ranks, but finite in f32.
    (0..n).map(|i| row(i).clamp(-1e30, 1e30) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_form() {
        let scale = ScoreScale::of(&[0.0, 1.0, 2.0, 3.0, 4.0], false);
        // Median 2, quartiles 1 and 3.
        assert!((scale.apply(2.0 + IQR_TO_SIGMA as f32 * 2.0) - 1.0).abs() < 1e-6);
        let twice = combine(CombineKind::Mean, &[(vec![2.0, 4.0], scale, 1.0), (vec![2.0, 2.0], scale, 3.0)]);
        assert_eq!(twice[0], 0.0);
        assert!((f64::from(twice[1]) - scale.apply(4.0) / 4.0).abs() < 1e-6);
        let most = combine(CombineKind::Maximum, &[(vec![2.0], scale, 1.0), (vec![4.0], scale, 1.0)]);
        assert!((f64::from(most[0]) - scale.apply(4.0)).abs() < 1e-6);
    }

    #[test]
    fn ties_and_constants_have_a_spread() {
        assert_eq!(ScoreScale::of(&[5.0; 4], false).apply(6.0), 1.0);
        assert!(ScoreScale::of(&[0.0, 0.0, 0.0, 0.0, 9.0], false).apply(9.0).is_finite());
        assert!(ScoreScale::of(&[], false).is_valid());
    }
}
