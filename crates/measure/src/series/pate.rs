//! PATE: area under precision over recall of points, with credit that falls with the distance from an anomaly.
//!
//! # Idea
//! Alarms shortly before an anomaly that is then found, and alarms shortly after one, are worth something; how much
//! depends on how far they are. Points missed late in an anomaly that was found early weigh less.
//!
//! # Equations
//! For buffers of e points before and d points after each anomaly (cut at the next anomaly and at the buffer before):
//! an alarm in an anomaly is a hit; one at x in the buffer after it is a hit by w = 1 - D(x) / D(farthest point of
//! the buffer) and false by 1 - w, with D the sum of distances to all points of the anomaly; the same in the buffer
//! before it, once the anomaly itself is found. A missed point of an anomaly that is found weighs 1 up to the length
//! of its first run of alarms after the start, later 1 - (sum of distances to the points up to there) / (sum of
//! distances of the last point to all). Precision and recall of the weights at thresholds, from (0, 1), leave out
//! points where recall falls; the area is by trapezoids. The value is the mean over e and d in `n_splits` even steps
//! from 0 to `early_len` and `delay_len`. Thresholds are `n_thresholds` even percentiles of the distinct scores at
//! which the number of anomalies found changes.
//! Several series: the mean over those with an anomaly.
//!
//! # Range
//! 0 to 1; 1 for scores that equal the labels. Other scores that rank every anomalous point first get a little less,
//! since thresholds are few.
//!
//! # Random level
//! Computed by shuffling the scores: above the share of anomalies, since buffers give credit.
//!
//! # Known weakness
//! It has many constants, and values of different buffers are not comparable. Percentiles are interpolated between
//! scores, so a strictly increasing transform of the scores can move a value a little.
//!
//! # References
//! Ghorbani, Reinders, Tax 2024, PATE: proximity-aware time series anomaly evaluation, KDD.
//! doi:10.1145/3637528.3671971
//! Values equal those of the package PATE 0.1.1 with its defaults.
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, series::Pate};
//!
//! let case = Case::new(vec![false, true, true, true, false]).with_scores(vec![1.0, 0.0, 2.0, 0.0, 0.0])?;
//! let value = Pate::default().measure_on(&case)?;
//! assert!(value > 0.5 && value <= 1.0, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::buffers::Buffers;
use super::runs;
use crate::SeriesView;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// The buffer where neither a parameter nor the case names one: the default of the authors' package.
const BUFFER_LEN: usize = 100;

/// How far credit reaches, and how finely scores and buffers are cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pate {
    /// Points before an anomaly in which alarms get credit. Without a value it is the period of the case, and 100 where
    /// that is unknown.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub early_len: Option<usize>,
    /// Points after an anomaly in which alarms get credit; as `early_len` without a value.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub delay_len: Option<usize>,
    /// Steps of the buffers from 0 to their full length.
    #[schemars(range(min = 1, max = 100))]
    pub n_splits: usize,
    /// Thresholds on the scores.
    #[schemars(range(min = 2, max = 10_000))]
    pub n_thresholds: usize,
}

impl Default for Pate {
    fn default() -> Self {
        Self { early_len: None, delay_len: None, n_splits: 1, n_thresholds: 250 }
    }
}

impl Params for Pate {}

impl Metric for Pate {
    const CARD: MetricCard = MetricCard {
        id: "pate",
        title: "PATE",
        summary: "area under precision over recall, with credit that falls with the distance from an anomaly",
        paper: "Ghorbani, Reinders, Tax 2024, KDD. doi:10.1145/3637528.3671971",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "above the share of anomalies; computed by shuffling",
        weakness: "values of different buffers are not comparable, and it has many constants",
        monotone: false,
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

impl Pate {
    /// One value for each series.
    fn values(&self, case: &Case) -> Result<Vec<f64>> {
        let one = |series: SeriesView<'_>| {
            if !series.labels.contains(&true) {
                return f64::NAN;
            }
            let len = |given: Option<usize>| given.or(series.period).unwrap_or(BUFFER_LEN);
            let (early, delay) = (self.steps(len(self.early_len)), self.steps(len(self.delay_len)));
            let buffers = Buffers::new(series.labels, series.scores.unwrap_or_default(), self.n_thresholds);
            let pairs = early.iter().flat_map(|&early| delay.iter().map(move |&delay| (early, delay)));
            let total: f64 = pairs.map(|(early, delay)| buffers.area(early, delay)).sum();
            total / (early.len() * delay.len()) as f64
        };
        Ok(case.series().map(one).collect())
    }

    /// Even steps from 0 to `most`.
    fn steps(&self, most: usize) -> Vec<usize> {
        let step = most as f64 / self.n_splits as f64;
        (0..=self.n_splits)
            .map(|i| if i == self.n_splits { most } else { (i as f64 * step) as usize })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{assert_golden, by_hand};
    use super::*;
    use crate::MetricExt;

    /// Scores that equal the labels are perfect, however wide the buffers.
    #[test]
    fn closed_form() {
        let labels = by_hand().labels().to_vec();
        let scores = labels.iter().map(|&odd| f64::from(u8::from(odd))).collect();
        let case = crate::Case::new(labels).with_scores(scores).unwrap();
        assert!((Pate::default().measure_on(&case).unwrap() - 1.0).abs() < 1e-12);
    }

    /// PATE 0.1.1, `PATE(label, score, early, delay, num_splits_MaxBuffer=.., num_desired_thresholds=..)`; see
    /// golden/series.py. The reference sums point by point, hence 1e-10.
    #[test]
    fn matches_reference() {
        for (early_len, delay_len, n_splits, n_thresholds, want) in [
            (
                100,
                100,
                1,
                250,
                [0.8482403295481729, 0.5877169672931217, 0.5485403544254316, 0.6487093892279828],
            ),
            (
                5,
                30,
                3,
                250,
                [0.8039697843829174, 0.40740859785792366, 0.4387928605168977, 0.5867762532231886],
            ),
            (
                0,
                15,
                2,
                20,
                [0.7848683285430966, 0.37903914129264943, 0.41053994562784446, 0.5066070916958338],
            ),
        ] {
            let (early_len, delay_len) = (Some(early_len), Some(delay_len));
            let metric = Pate { early_len, delay_len, n_splits, n_thresholds };
            assert_golden(want, 1e-10, |case| metric.measure_on(case).unwrap());
        }
    }
}
