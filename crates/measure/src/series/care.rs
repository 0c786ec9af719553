//! CARE score (Coverage, Accuracy, Reliability, Earliness) over several series, some with an anomaly and some
//! without.
//!
//! # Idea
//! A detector of faults must cover them, stay silent in healthy series, say of whole series whether they are faulty,
//! and say so early. The four are averaged; a detector that never alarms gets nothing, and one that alarms most of
//! the time only its little accuracy.
//!
//! # Equations
//! Coverage: the mean over anomalous series of F-beta of points, beta = 1/2. Earliness: the mean over anomalies of
//! sum(w_i a_i) / sum(w_i), with a_i = 1 for an alarm and w_i = 1 in the first quarter of the anomaly, then falling
//! linearly to 0 at its end: w_i = (1 - 4 i / (4 n - 1)) / (3/4) for point i of n. Accuracy: the mean over normal
//! series of the share of points without alarm; where no series is normal, of the normal points of the anomalous
//! ones. Reliability: F-beta of series, where a series is called anomalous once its criticality exceeds
//! `criticality`; that counts up by 1 at each alarm and down by 1, not below 0, at each other point. CARE = (2
//! accuracy + coverage + earliness + reliability) / 5; it is 0 if no series is called anomalous, and the accuracy
//! alone if that is at most 1/2. Abstaining is no alarm. It has no value per series.
//!
//! # Range
//! 0 to 1; 1 when exactly the anomalies are alarmed, and each is longer than `criticality`.
//!
//! # Random level
//! Computed by shuffling the verdicts over all series.
//!
//! # Known weakness
//! The criticality is counted in points, so the default of 72 (12 hours of 10 minutes) must be adapted to the step of
//! the series: anomalies that are shorter can never be called, and the score is then 0. Weights are a convention of
//! wind turbines.
//!
//! # References
//! Gück, Roelofs, Faulstich 2024, CARE to Compare: a real-world benchmark dataset for early fault detection in wind
//! turbine data, Data 9(12). doi:10.3390/data9120138
//! Values equal those of the authors' energy-fault-detector where all points are in normal operation and each series
//! holds one anomaly at most; of several anomalies each counts for earliness.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::Care};
//!
//! // A series with an anomaly of four points, alarmed from its second on, and a normal series.
//! let labels = (0..20).map(|i| (4..8).contains(&i)).collect();
//! let verdicts = (0..20).map(|i| if (5..8).contains(&i) { Anomalous } else { Normal }).collect();
//! let case = Case::new(labels).with_verdicts(verdicts)?.with_series(vec![10, 20])?;
//! let value = Care { criticality: 2 }.measure_on(&case)?;
//! assert!(value > 0.8 && value < 1.0, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::runs;
use super::runs::{alarms, f_score};
use crate::SeriesView;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Weight of precision over recall: recall counts half as much.
const BETA: f64 = 0.5;
/// Coverage, earliness, reliability and accuracy.
const WEIGHTS: [f64; 4] = [1.0, 1.0, 1.0, 2.0];
/// The least accuracy that is better than guessing.
const FAIR: f64 = 0.5;

/// When a whole series is called anomalous.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Care {
    /// A series is called anomalous once alarms outnumber other points by more than this, counted from the last time
    /// they were even.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub criticality: usize,
}

impl Default for Care {
    fn default() -> Self {
        Self { criticality: 72 }
    }
}

impl Params for Care {}

impl Metric for Care {
    const CARD: MetricCard = MetricCard {
        id: "care",
        title: "CARE score",
        summary: "mean of covering anomalies, alarming early, calling series rightly, and twice silence in normal ones",
        paper: "Gück, Roelofs, Faulstich 2024, Data. doi:10.3390/data9120138",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "computed by shuffling; often 0",
        weakness: "the criticality must fit the step of the series, or no anomaly is ever called",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let judged: Vec<Judged> = case.series().map(|series| self.judge(&series)).collect();
        if !judged.iter().any(|one| one.called) {
            return Ok(0.0);
        }
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let values: Vec<f64> = values.collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        let any_normal = judged.iter().any(|one| !one.odd);
        let silent = judged.iter().filter(|one| !one.odd || !any_normal);
        let accuracy = mean(&mut silent.map(|one| one.silent));
        if accuracy <= FAIR {
            return Ok(accuracy);
        }
        let coverage = mean(&mut judged.iter().filter(|one| one.odd).map(|one| one.coverage));
        let earliness = mean(&mut judged.iter().flat_map(|one| one.earliness.iter().copied()));
        let count = |odd: bool, called: bool| {
            judged.iter().filter(|one| one.odd == odd && one.called == called).count() as f64
        };
        let reliability = f_of_counts(count(true, true), count(false, true), count(true, false));
        let parts = [coverage, earliness, reliability, accuracy];
        let total: f64 = parts.iter().zip(WEIGHTS).map(|(part, weight)| part * weight).sum();
        Ok(total / WEIGHTS.iter().sum::<f64>())
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

/// What is known of one series.
struct Judged {
    /// Whether it holds an anomaly.
    odd: bool,
    /// Whether its criticality says so.
    called: bool,
    /// F-beta of its points.
    coverage: f64,
    /// Of each anomaly.
    earliness: Vec<f64>,
    /// Share of normal points without alarm; 1 where there is no normal point.
    silent: f64,
}

impl Care {
    fn judge(&self, series: &SeriesView<'_>) -> Judged {
        let alarms = alarms(series);
        let count = |alarm: bool, odd: bool| {
            alarms.iter().zip(series.labels).filter(|&(&a, &l)| a == alarm && l == odd).count() as f64
        };
        let (hits, false_alarms, silent) = (count(true, true), count(true, false), count(false, false));
        let (mut criticality, mut called) = (0_usize, false);
        for &alarm in &alarms {
            criticality = if alarm { criticality + 1 } else { criticality.saturating_sub(1) };
            called |= criticality > self.criticality;
        }
        let anomalies = runs::runs(series.labels);
        Judged {
            odd: !anomalies.is_empty(),
            called,
            coverage: f_of_counts(hits, false_alarms, count(false, true)),
            earliness: anomalies.into_iter().map(|anomaly| earliness(&alarms[anomaly])).collect(),
            silent: if silent + false_alarms > 0.0 { silent / (silent + false_alarms) } else { 1.0 },
        }
    }
}

/// The share of an anomaly that is alarmed, its first quarter in full and later points less.
fn earliness(alarms: &[bool]) -> f64 {
    let n = alarms.len();
    let weight = |i: usize| if 4 * i < n { 1.0 } else { (1.0 - (4 * i) as f64 / (4 * n - 1) as f64) / 0.75 };
    let (mut earned, mut total) = (0.0, 0.0);
    for (i, &alarm) in alarms.iter().enumerate() {
        total += weight(i);
        earned += if alarm { weight(i) } else { 0.0 };
    }
    earned / total
}

/// F-beta of hits, false alarms and misses; 0 without hits.
fn f_of_counts(hits: f64, false_alarms: f64, misses: f64) -> f64 {
    if hits > 0.0 { f_score(hits / (hits + false_alarms), hits / (hits + misses), BETA) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use anomalyst_core::Verdict::{Anomalous, Normal};

    /// Two series with an anomaly at 10..18 of 30 points, two normal ones; alarms at the points named.
    fn care(alarmed: impl Fn(usize, usize) -> bool) -> f64 {
        let labels = (0..120).map(|i| i < 60 && (10..18).contains(&(i % 30))).collect();
        let verdicts = (0..120).map(|i| if alarmed(i / 30, i % 30) { Anomalous } else { Normal }).collect();
        let case =
            Case::new(labels).with_verdicts(verdicts).unwrap().with_series(vec![30, 60, 90, 120]).unwrap();
        Care { criticality: 3 }.measure_on(&case).unwrap()
    }

    /// AEFDI/EnergyFaultDetector 57cd201, `CAREScore(criticality_threshold=3)`; see golden/care.py. The same sums,
    /// hence 1e-12.
    #[test]
    fn matches_reference() {
        let got = [
            care(|series, at| series < 2 && (10..18).contains(&at)),
            care(|series, at| series == 0 && (10..16).contains(&at) || at % 7 == series),
            care(|series, at| series < 2 && at > 11 || series == 3 && at < 6),
            care(|series, at| series == 2 && at < 20 || at % 2 == 0),
        ];
        let want = [1.0, 0.6944936890418819, 0.70315834767642, 0.3333333333333333];
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-12, "{got}, the reference says {want}");
        }
    }

    /// Alarms at the first six of eight points in both series: precision 1, recall 3/4, F(1/2) = 15/16.
    #[test]
    fn closed_form() {
        let weights: Vec<f64> = (0..8).map(weight_of_eight).collect();
        let early = weights[..6].iter().sum::<f64>() / weights.iter().sum::<f64>();
        let got = care(|series, at| series < 2 && (10..16).contains(&at));
        assert!((got - (15.0 / 16.0 + early + 1.0 + 2.0) / 5.0).abs() < 1e-12);
    }

    fn weight_of_eight(i: usize) -> f64 {
        if i < 2 { 1.0 } else { (1.0 - 4.0 * i as f64 / 31.0) / 0.75 }
    }

    #[test]
    fn always_and_never_alarming_lose() {
        let early = care(|series, at| series < 2 && (10..14).contains(&at));
        assert!(care(|_, _| true) < early && care(|_, _| false) < early);
        let late = care(|series, at| series < 2 && (14..18).contains(&at));
        assert!(late < early);
    }

    #[test]
    fn one_series_is_judged_by_its_normal_points() {
        let case = Case::new(vec![true, false, false, false]);
        let case = case.with_verdicts(vec![Anomalous, Normal, Normal, Normal]).unwrap();
        assert_eq!(Care { criticality: 0 }.measure_on(&case).unwrap(), 1.0);
    }
}
