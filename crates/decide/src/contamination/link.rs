//! From heights of components to how many of them are anomalous.

use super::ContaminationPosterior;
use crate::special::{beta_tails, bisect};

/// The sigmoid that turns heights into conditional probabilities: `ln odds = top_odds - slope (top - height)`.
pub(super) struct Link<'a> {
    top: f64,
    top_odds: f64,
    slope: f64,
    /// What the conditional probability of each component is multiplied with; 1 for the most extreme one.
    evidence: &'a [f64],
}

impl<'a> Link<'a> {
    /// `p_some` is the probability that the most extreme component is anomalous.
    pub(super) fn solve(
        heights: &[f64],
        alphas: &[f64],
        (p_some, evidence): (f64, &'a [f64]),
        params: &ContaminationPosterior,
    ) -> Option<Self> {
        let top_odds = (p_some / (1.0 - p_some)).ln();
        let link =
            |slope: f64| Self { top: heights.first().copied().unwrap_or(0.0), top_odds, slope, evidence };
        let total: f64 = alphas.iter().sum();
        let mut sum = 0.0;
        let above: Vec<f64> = alphas
            .iter()
            .map(|a| {
                sum += a;
                let rest = total - sum;
                let t = params.high_share;
                if rest < 1e-9 * total { 1.0 } else { beta_tails(sum, rest, t, 1.0 - t).1 }
            })
            .collect();
        let excess = |slope: f64| -> f64 {
            let joint = exactly(&link(slope).conditional(heights));
            joint.iter().skip(1).zip(&above).map(|(j, a)| j * a).sum::<f64>() - params.p_high
        };
        // Slopes as steep as 1e4 per standard deviation of the scores are steps; steeper ones change nothing.
        const STEEPEST: f64 = 1e4;
        // Where `p_some` is `p_high` itself, rounding must not decide.
        if excess(STEEPEST) > 1e-9 {
            return None;
        }
        Some(link(bisect(0.0, STEEPEST, |slope| excess(slope) > 0.0)))
    }

    pub(super) fn conditional(&self, heights: &[f64]) -> Vec<f64> {
        heights.iter().enumerate().map(|(k, &height)| self.at(k, height)).collect()
    }

    /// Probability that component `k`, counted from 0, is anomalous if those before it are.
    pub(super) fn at(&self, k: usize, height: f64) -> f64 {
        let odds = self.top_odds - self.slope * (self.top - height);
        self.evidence.get(k).copied().unwrap_or(1.0) / (1.0 + (-odds).exp())
    }
}

/// Probability that exactly the first `k` components are anomalous, for `k` from 0 to all.
pub(super) fn exactly(conditional: &[f64]) -> Vec<f64> {
    let mut all_before = 1.0;
    let mut joint: Vec<f64> = conditional
        .iter()
        .map(|&p| {
            let here = all_before * (1.0 - p);
            all_before *= p;
            here
        })
        .collect();
    joint.push(all_before);
    joint
}
