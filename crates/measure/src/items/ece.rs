//! Expected calibration error.
//!
//! # Idea
//! Of the items that were said to be anomalous with a probability of about 0.8, 80 of 100 should be. The difference
//! between what was said and what came, over bins of equal width, weighed by how many items each bin holds.
//!
//! # Equations
//! ECE = sum over bins b of (n_b / n) |y_b - p_b|, with n_b of n items in bin b, y_b the share of anomalies among them
//! and p_b their mean probability. Bin m of M holds probabilities in ((m - 1) / M, m / M], the first one 0 as well.
//! Guo and others bin by the confidence in the predicted class, which has no meaning without a threshold; here the
//! probability of being anomalous is binned, so that both classes are judged.
//!
//! # Range
//! 0 to 1; 0 when the share of anomalies in every bin is the mean probability there.
//!
//! # Random level
//! The mean over random deals of the same probabilities.
//!
//! # Known weakness
//! Saying the share of anomalies for every item has an error of 0 and tells nothing apart: read it beside `brier` or
//! `auroc`. With few items per bin it is biased upwards, and with rare anomalies the bin of the lowest probabilities
//! decides it almost alone.
//!
//! # References
//! Guo, Pleiss, Sun, Weinberger 2017, On Calibration of Modern Neural Networks, ICML. arXiv:1706.04599
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::Ece};
//!
//! let case = Case::new(vec![true, false]).with_probabilities(vec![0.75, 0.75])?;
//! assert_eq!(Ece::default().measure_on(&case)?, 0.25);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Curve, Metric, MetricCard, Need, Subject};

/// Expected calibration error: how finely probabilities are binned.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ece {
    /// Bins of equal width between 0 and 1; more see finer errors and take more noise for error.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_bins: usize,
}

impl Default for Ece {
    fn default() -> Self {
        // The number of bins of Guo and others, section 5.
        Self { n_bins: 15 }
    }
}

impl Params for Ece {}

impl Metric for Ece {
    const CARD: MetricCard = MetricCard {
        id: "ece",
        title: "ECE",
        summary: "gap between the probability that was said and the share of anomalies that came, over bins",
        paper: "Guo, Pleiss, Sun, Weinberger 2017, ICML. arXiv:1706.04599",
        subject: Subject::Items,
        needs: &[Need::Labels, Need::Probabilities],
        range: (0.0, 1.0),
        better: Better::Lower,
        random: "mean of what the same probabilities get when dealt out at random",
        weakness: "saying the share of anomalies for every item gets 0 and tells nothing apart",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let gaps = self.bins(case).into_iter().map(|bin| (bin.n_odd - bin.said).abs());
        Ok(gaps.sum::<f64>() / case.len() as f64)
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    /// The reliability curve: a calibrated scorer lies on the diagonal. Empty bins have no point.
    fn curve(&self, case: &Case) -> Result<Option<Curve>> {
        let filled = self.bins(case).into_iter().filter(|bin| bin.n > 0.0);
        let points = filled.map(|bin| [bin.said / bin.n, bin.n_odd / bin.n]);
        let points = crate::curve::thin(points);
        Ok(Some(Curve { title: "Reliability", axes: ["probability said", "share of anomalies"], points }))
    }
}

/// Sums over the items of a bin.
#[derive(Clone, Copy, Default)]
struct Bin {
    n: f64,
    n_odd: f64,
    said: f64,
}

impl Ece {
    fn bins(&self, case: &Case) -> Vec<Bin> {
        let mut bins = vec![Bin::default(); self.n_bins];
        for (&probability, &odd) in case.probabilities().iter().zip(case.labels()) {
            // The cast takes what is below 0, the probability 0, to the first bin.
            let at = ((probability * self.n_bins as f64).ceil() - 1.0) as usize;
            let bin = &mut bins[at.min(self.n_bins - 1)];
            bin.n += 1.0;
            bin.n_odd += f64::from(u8::from(odd));
            bin.said += probability;
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn ece(n_bins: usize, items: &[(bool, f64)]) -> f64 {
        let (labels, shares) = items.iter().copied().unzip();
        Ece { n_bins }.measure_on(&Case::new(labels).with_probabilities(shares).unwrap()).unwrap()
    }

    #[test]
    fn closed_form() {
        // The right edge belongs to the lower bin: |0 - 0.5| there and |1 - 0.75| above, of 3 items.
        assert_eq!(ece(2, &[(false, 0.0), (false, 0.5), (true, 0.75)]), 0.25);
        assert_eq!(ece(15, &[(false, 0.0), (true, 1.0)]), 0.0);
        assert_eq!(ece(15, &[(true, 0.0), (false, 1.0)]), 1.0);
        // One bin sees only the mean.
        assert_eq!(ece(1, &[(true, 0.0), (false, 1.0)]), 0.0);
        assert!(
            Ece { n_bins: 0 }
                .measure_on(&Case::new(vec![true]).with_probabilities(vec![0.5]).unwrap())
                .is_err()
        );
    }

    #[test]
    fn the_curve_has_a_point_per_filled_bin() {
        let case = Case::new(vec![false, true, true]).with_probabilities(vec![0.125, 0.125, 0.75]).unwrap();
        let curve = Ece::default().curve(&case).unwrap().unwrap();
        assert_eq!(curve.points, [[0.125, 0.5], [0.75, 1.0]]);
    }

    /// A numpy version written bin by bin, see golden/calibration.py; sums in another order, so 1e-12.
    #[test]
    fn matches_reference() {
        let case = super::super::graded::graded();
        for (n_bins, want) in [(15, 0.1400029702970297), (7, 0.11915940594059403)] {
            let got = Ece { n_bins }.measure_on(&case).unwrap();
            assert!((got - want).abs() < 1e-12, "{n_bins}: {got}");
        }
    }

    proptest! {
        /// Each bin by its own pass over all items.
        #[test]
        fn equals_bin_by_bin(
            items in prop::collection::vec((any::<bool>(), 0.0..=1.0_f64), 1..60),
            n_bins in 1_usize..9,
        ) {
            let mut want = 0.0;
            for m in 0..n_bins {
                let (low, high) = (m as f64, (m + 1) as f64);
                let inside = items.iter().filter(|(_, p)| {
                    let at = p * n_bins as f64;
                    (at > low || m == 0) && at <= high
                });
                want += inside.map(|&(odd, p)| f64::from(u8::from(odd)) - p).sum::<f64>().abs();
            }
            prop_assert!((ece(n_bins, &items) - want / items.len() as f64).abs() < 1e-12);
        }
    }
}
