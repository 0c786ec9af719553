//! Volume under the precision-recall surface (VUS-PR), of labels that fade out around each anomaly.
//!
//! # Idea
//! A detector of series often reacts a little early or late. The labels therefore fade out before and after each
//! anomaly, and the area under the precision-recall curve is averaged over how far they fade, from not at all to one
//! window.
//!
//! # Equations
//! In a window of w points, a normal point at distance d <= w/2 from an anomaly is anomalous by sqrt(1 - d / w),
//! summed over anomalies and at most 1. At each of `n_thresholds` thresholds, taken at even steps of the sorted
//! scores: hits TP = anomalous alarms + B, with B the fading points among the alarms; P = anomalies + B / 2; the
//! share found is R = min(1, TP / P) E, the precision TP / alarms. E is the share of groups of anomalies (whose
//! fading surroundings touch) with an alarm. The area is the sum of (R_k - R_(k-1)) times precision. The volume is
//! the mean over w = 0, 1, .., `window_len`.
//! Several series: the mean over those that hold both classes.
//!
//! # Range
//! 0 to 1; 1 for scores that equal the labels. Other scores that rank every anomalous point first get a little less,
//! since thresholds are few and a group of anomalies counts only once it is touched.
//!
//! # Random level
//! Computed by shuffling the scores: about the share of anomalies without fading, more with long windows.
//!
//! # Known weakness
//! It depends on the share of anomalies and on the window: values of different data or windows are not comparable.
//! Read it beside its random level.
//!
//! # References
//! Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin 2022, PVLDB 15(11). doi:10.14778/3551793.3551830
//! Boniol, Krishna, Bruel, et al. 2025, VUS: effective and efficient accuracy measures, VLDB Journal 34.
//! Values equal those of TSB-AD 1.5 (`opt`).
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, series::VusPr};
//!
//! let labels = (0..50).map(|i| (20..25).contains(&i)).collect();
//! let late = (0..50).map(|i| f64::from(u8::from((22..27).contains(&i)))).collect();
//! let case = Case::new(labels).with_scores(late)?.with_period(10);
//! let value = VusPr::default().measure_on(&case)?;
//! assert!(value > 0.6, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{runs, vus};
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// How far labels fade, and how finely scores are cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VusPr {
    /// Longest window in points; labels fade over half of it on each side. Without a value it is the period of the
    /// case, and 100 (the default of TSB-AD) where that is unknown. Periods above 10,000 count as 10,000.
    #[schemars(range(min = 0, max = 10_000))]
    pub window_len: Option<usize>,
    /// Thresholds on the scores.
    #[schemars(range(min = 2, max = 100_000))]
    pub n_thresholds: usize,
}

impl Default for VusPr {
    fn default() -> Self {
        Self { window_len: None, n_thresholds: 250 }
    }
}

impl Params for VusPr {}

impl Metric for VusPr {
    const CARD: MetricCard = MetricCard {
        id: "vus_pr",
        title: "VUS-PR",
        summary: "area under the precision-recall curve of labels that fade out around anomalies, over all fading lengths",
        paper: "Paparrizos et al. 2022, PVLDB. doi:10.14778/3551793.3551830",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about the share of anomalies, more with long windows; computed by shuffling",
        weakness: "depends on the share of anomalies and on the window, so values of different data are not comparable",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        runs::mean(Self::CARD.id, &vus::volumes(case, self.window_len, self.n_thresholds)?.pr)
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    fn parts(&self, case: &Case) -> Result<Option<Vec<f64>>> {
        Ok(Some(vus::volumes(case, self.window_len, self.n_thresholds)?.pr.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::assert_golden;
    use super::*;
    use crate::MetricExt;

    /// TSB-AD 1.5, `generate_curve(label, score, window, "opt", thresholds)`; see golden/series.py. The reference sums
    /// in another order, hence 1e-12.
    #[test]
    fn matches_reference() {
        for (window_len, want) in [
            (0, [0.7555459031178493, 0.35641780223061015, 0.2935830154792707, 0.43796481791051545]),
            (1, [0.7555459031178493, 0.35641780223061015, 0.2935830154792707, 0.43796481791051545]),
            (10, [0.7865080575416932, 0.3668522990245025, 0.4277542050483824, 0.548183489106314]),
            (35, [0.8357482407970118, 0.3926591460831777, 0.5510880377660714, 0.7674639513034114]),
        ] {
            let metric = VusPr { window_len: Some(window_len), ..VusPr::default() };
            assert_golden(want, 1e-12, |case| metric.measure_on(case).unwrap());
        }
    }

    #[test]
    fn closed_form_without_fading() {
        // Thresholds at 4 and 1: 1/2 found times E = 1/2 at precision 1, then all at precision 1/2.
        let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 2.0, 1.0]).unwrap();
        let metric = VusPr { window_len: Some(0), n_thresholds: 2 };
        assert_eq!(metric.measure_on(&case).unwrap(), 0.25 + 0.75 / 2.0);
    }

    #[test]
    fn a_series_of_one_class_has_no_value() {
        let case = Case::new(vec![false, true, false, false]).with_scores(vec![0.0, 1.0, 0.0, 0.0]).unwrap();
        let case = case.with_series(vec![2, 4]).unwrap();
        let parts = VusPr::default().parts(&case).unwrap().unwrap();
        assert!(parts[0] == 1.0 && parts[1].is_nan());
        assert_eq!(VusPr::default().measure_on(&case).unwrap(), 1.0);
    }
}
