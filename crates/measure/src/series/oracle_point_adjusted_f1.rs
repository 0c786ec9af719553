//! Point-adjusted F1 at the best of all thresholds, chosen by the labels.
//!
//! # Idea
//! Many papers report F1 after point adjustment at the threshold that makes it largest. This is that number, under a
//! name that says what it is: nobody knows the threshold beforehand.
//!
//! # Equations
//! The maximum over thresholds t of `point_adjusted_f1` of the alarms s >= t, over all distinct scores.
//! Several series: each at its own best threshold, and the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 when each anomaly holds a point that scores above every normal one.
//!
//! # Random level
//! Computed by shuffling the scores. It is high, since one high score per anomaly is enough.
//!
//! # Known weakness
//! It has the flaw of `point_adjusted_f1`, that random scores do well, and the labels choose its threshold besides.
//! It is here to compare with published numbers only.
//!
//! # References
//! Xu et al. 2018, WWW (Donut). doi:10.1145/3178876.3185996
//! Kim, Choi, Choi, Lee, Yoon 2022, AAAI. doi:10.1609/aaai.v36i7.20680
//! TSB-AD tries 100 evenly spaced thresholds only, so its value is the same or lower.
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, series::OraclePointAdjustedF1};
//!
//! let case = Case::new(vec![false, true, true, true, false]).with_scores(vec![1.0, 0.0, 2.0, 0.0, 0.0])?;
//! assert_eq!(OraclePointAdjustedF1::default().measure_on(&case)?, 1.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::point_adjusted::Sweep;
use super::runs;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Oracle point-adjusted F1; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OraclePointAdjustedF1 {}

impl Params for OraclePointAdjustedF1 {}

impl Metric for OraclePointAdjustedF1 {
    const CARD: MetricCard = MetricCard {
        id: "oracle_point_adjusted_f1",
        title: "Oracle point-adjusted F1",
        summary: "F1 at the best threshold in hindsight, where one alarm in an anomaly counts for all of it",
        paper: "Kim et al. 2022, AAAI. doi:10.1609/aaai.v36i7.20680",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "high where anomalies are long; computed by shuffling",
        weakness: "random scores do well, and the labels choose the threshold",
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

impl OraclePointAdjustedF1 {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        Ok(Sweep::by_scores(case, |sweep| sweep.best_f1(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// At the highest score the first anomaly is found without a false alarm: three hits, one miss.
    #[test]
    fn closed_form() {
        assert_eq!(OraclePointAdjustedF1 {}.measure_on(&by_hand()).unwrap(), 6.0 / 7.0);
    }

    /// The best over all thresholds of TSB-AD 1.5's `metric_PointF1PA(label, score, score >= t)`; see
    /// golden/series.py. Whole numbers, hence 1e-12.
    /// The second series starts with an anomaly, whose first point TSB-AD never adjusts.
    #[test]
    fn matches_reference() {
        assert_golden([1.0, f64::NAN, 0.9026548672566371, 1.0], 1e-12, |case| {
            OraclePointAdjustedF1 {}.measure_on(case).unwrap()
        });
    }
}
