//! PA%K: the best F1 after point adjustment of anomalies of which more than K percent were alarmed, averaged over K.
//!
//! # Idea
//! Point adjustment forgives too much. Asking that more than K percent of an anomaly be alarmed before the rest is
//! forgiven leads from full adjustment (K = 0) to none (K = 100); the area over K needs no choice of K.
//!
//! # Equations
//! F1(K) is the maximum over thresholds of F1 of points, after each anomaly S with |alarms in S| / |S| > K / 100 is
//! set to alarmed throughout. PA%K is the area under F1(K) for K from 0 to 100 by trapezoids of `step_percent`, as a
//! share.
//! Several series: each at its own best thresholds, and the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when every anomalous point scores above every normal one.
//!
//! # Random level
//! Computed by shuffling the scores.
//!
//! # Known weakness
//! The labels choose the threshold anew for each K, so it is an upper bound of what a deployed detector gets; early
//! and late alarms count the same.
//!
//! # References
//! Kim, Choi, Choi, Lee, Yoon 2022, Towards a rigorous evaluation of time-series anomaly detection, AAAI.
//! doi:10.1609/aaai.v36i7.20680
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, series::PaK};
//!
//! let case = Case::new(vec![false, true, true, true, false]).with_scores(vec![1.0, 0.0, 2.0, 0.0, 0.0])?;
//! let value = PaK::default().measure_on(&case)?;
//! assert!(value > 0.7 && value < 1.0, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::point_adjusted::Sweep;
use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// How finely K is cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PaK {
    /// Percent from one K to the next; 100 takes only the two ends.
    #[schemars(range(min = 1, max = 100))]
    pub step_percent: usize,
}

impl Default for PaK {
    fn default() -> Self {
        Self { step_percent: 5 }
    }
}

impl Params for PaK {}

impl Metric for PaK {
    const CARD: MetricCard = MetricCard {
        id: "pa_k",
        title: "PA%K",
        summary: "best F1 in hindsight where an anomaly counts throughout once K percent of it are alarmed, over all K",
        paper: "Kim et al. 2022, AAAI. doi:10.1609/aaai.v36i7.20680",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "above twice the share of anomalies over one plus it; computed by shuffling",
        weakness: "the labels choose the threshold, and early and late alarms count the same",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        runs::mean(Self::CARD.id, &self.values(case)?)
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    fn parts(&self, case: &Case) -> Result<Option<Vec<f64>>> {
        self.values(case).map(Some)
    }
}

impl PaK {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        Ok(Sweep::by_scores(case, |sweep| {
            let inner = (1..).map(|i| i * self.step_percent).take_while(|&percent| percent < 100);
            let ks: Vec<usize> = std::iter::once(0).chain(inner).chain([100]).collect();
            let f1s: Vec<f64> = ks.iter().map(|&percent| sweep.best_f1(percent)).collect();
            let piece = |i: usize| (ks[i] - ks[i - 1]) as f64 / 100.0 * (f1s[i] + f1s[i - 1]) / 2.0;
            (1..ks.len()).map(piece).sum()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    /// F1 at each threshold and each K, as the definition says it.
    fn naive(labels: &[bool], scores: &[f64], percent: usize) -> f64 {
        let mut best = 0.0_f64;
        for &threshold in scores {
            let mut alarms: Vec<bool> = scores.iter().map(|&score| score >= threshold).collect();
            for island in runs::runs(labels) {
                let alarmed = alarms[island.clone()].iter().filter(|&&alarm| alarm).count();
                if alarmed * 100 > percent * island.len() {
                    alarms[island].fill(true);
                }
            }
            let count =
                |a: bool, l: bool| (0..labels.len()).filter(|&i| alarms[i] == a && labels[i] == l).count();
            let hits = 2.0 * count(true, true) as f64;
            best = best.max(hits / (hits + (count(true, false) + count(false, true)) as f64));
        }
        best
    }

    #[test]
    fn closed_form() {
        // One anomaly of four points, the best two alarmed first: full credit up to K = 25, then F1 at one false
        // alarm and all four points, 8/9.
        let case = Case::new(vec![true, true, true, true, false]);
        let case = case.with_scores(vec![9.0, 8.0, 1.0, 1.0, 2.0]).unwrap();
        assert_eq!(Sweep::by_scores(&case, |sweep| sweep.best_f1(49)), [1.0]);
        assert_eq!(Sweep::by_scores(&case, |sweep| sweep.best_f1(50)), [8.0 / 9.0]);
    }

    proptest! {
        #[test]
        fn equals_the_definition(items in prop::collection::vec((any::<bool>(), 0_u8..9), 2..40)) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let case = Case::new(labels.clone()).with_scores(scores.clone()).unwrap();
            let f1 = |percent| naive(&labels, &scores, percent);
            let want: f64 = (0..5).map(|i| 0.2 * (f1(20 * i) + f1(20 * (i + 1))) / 2.0).sum();
            let got = PaK { step_percent: 20 }.measure_on(&case).unwrap();
            prop_assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
    }
}
