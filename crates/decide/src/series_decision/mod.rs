//! From scores of points in order to verdicts: false alarms per day are asked for, and that many are given.
//!
//! # Idea
//! Points of a series depend on each other, so that a share of points says nothing about how often an operator is called.
//! What is counted here are events: exceedances close to each other are one. How often normal stretches have an event
//! above a score is learned from the scores themselves, and the threshold is the score that they exceed at the rate asked
//! for: so many false alarms per day, or where nothing is said half a one in all the data and one per 1,000 points at most.
//!
//! # Equations
//! `r(x) = r S(x - u)` events per point above `x`. The level `u` is the highest one that some 300 clusters exceed (30 once a
//! tenth of the points are above it); a cluster is a run of exceedances at most `run_len` points apart, which is
//! the window length or else what the intervals estimator finds ([`Clustering`]). `S` is the predictive tail of the
//! clusters' peaks ([`crate::extremes::PredictiveTail`]), which makes the *expected* number of alarms that asked for.
//! The threshold solves `r(x) = rate`, and `p(x) = 1 - exp(-h r(x))` is the probability that a normal stretch of `h` points,
//! as long as the data, would hold an event as high. Below `u`, `r(x)` grows as the number of scores above `x`.
//!
//! Anomalies in the data must not hide themselves. The tail is fitted between `u` and a cut: the upper three tenths
//! of the peaks are first only known to be high (censored). Under that tail, if the probability of as many peaks as high
//! as the `i` highest is below 1e-3 for some `i`, those for which it is least are set aside; the fit is repeated, with as many
//! peaks censored as it expects to be normal, until it stays. Where all that may be is set aside, the level is lowered,
//! so that more normal clusters stand against them. Given a clean part, the tail is that of the clean part, and
//! nothing is set aside.
//!
//! # Score
//! With a clean part `p_value` is conformal ([`crate::block_conformal`]): the probability that a normal stretch of
//! [`SeriesDecision::block_len`] points holds such a score, whatever the tail. [`SeriesDecision::event_p_value`] is the one
//! above in both cases. Severity is the distance above the threshold in spreads, as for rows.
//!
//! # Measured
//! Nine kinds of simulated normal scores (independent, AR(1) at 0.5 and 0.95, Student t with 3 degrees of freedom, two
//! log-normals, two seasons, means over windows), 20 series each, events counted on new scores. One alarm a day asked
//! for, learned from 14 days of 1,440 points: 0.90 to 1.06 of it; one in four days: 0.67 to 1.15; the default on 20,000 points:
//! 0.78 to 1.48; the same number from a clean part of 10,000: 0.88 to 1.90. With 5 % of the points in ten stretches two to
//! three times as high as any normal score, all 900 stretches were found, and the threshold lay 0.93 to 1.09
//! times as far above the level as without them. A single odd event among 200 is set aside only where it is extreme (25 scales
//! of an exponential tail: in 18 of 50), but it raises the threshold little. A million scores take 0.2 to 0.4 s to learn.
//!
//! # Complexity
//! Learn O(n log n), decide O(log 10,000) per score and O(51) above the level.
//!
//! # Use when / Avoid when
//! Later data must be like the reference. Where normal scores drift, follow them with [`crate::extremes::Spot`]. In one
//! stretch of data, normal peaks that happen less often than once in it look like anomalies, and are alarms.
//!
//! # Degenerate input
//! Where at least half of 100 or more scores are equal and fewer than 8 events rise above them, each is an alarm. Where no
//! two events rise above any level, nothing is.
//!
//! # References
//! Siffer et al. 2017, KDD (thresholds from peaks). Ferro, Segers 2003, JRSS B 65(2) (clusters). Coles, Tawn 1996,
//! Applied Statistics 45(4) (predictive tails). Chernozhukov, Wuthrich, Zhu 2018, COLT (blocks). Davies, Gather 1993,
//! JASA 88 (identification of multiple outliers).
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict;
//! use anomalyst_decide::{SeriesDecision, SeriesDecisionOptions};
//! let mut scores: Vec<f32> = (0..5_000_u32).map(|i| -((i * 7_919 % 5_003 + 1) as f32 / 5_004.0).ln()).collect();
//! scores[3_000..3_010].fill(40.0);
//! let decision = SeriesDecision::learn(&scores, &[5_000], &SeriesDecisionOptions::default()).unwrap();
//! let decided = decision.decide(&scores, &[5_000]).unwrap();
//! assert!(decided.verdict[3_005] == Verdict::Anomalous && decided.p_value.unwrap()[3_005] < 0.01);
//! let events = decision.events(&scores, &[5_000]).unwrap();
//! assert_eq!((events.len(), events[0].first, events[0].last), (1, 3_000, 3_009));
//! ```

mod file;
mod learn;
mod options;
mod tail;
#[cfg(test)]
mod tests;

pub use options::SeriesDecisionOptions;

use anomalyst_core::{DecisionSummary, Decisions, Interval, Result, Severity, ThresholdSummary, Verdict};
use rayon::prelude::*;

use crate::calibration::{Calibration, check_scores};
use crate::conformal::p_value;
use crate::events::{EventRules, EventSpan, events};
use crate::extremes::check_ends;
use crate::severity::{severity, spread};
use tail::EventTail;

#[cfg(doc)]
use crate::extremes::Clustering;

/// An event ends where scores are as low as normal ones are this many times as often as above the threshold.
const LOW_RATIO: f64 = 10.0;

/// Everything needed to turn scores of points into verdicts and events.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesDecision {
    options: SeriesDecisionOptions,
    /// Scores taken for normal: the clean part, or all but the stretches set aside.
    reference: Calibration,
    /// How many points the tail was learned from, and how many a p-value is about.
    n_points: usize,
    horizon_len: usize,
    run_len: usize,
    tail: EventTail,
    /// Highest scores of blocks of the clean part, and how long these are.
    blocks: Option<(Calibration, usize)>,
    threshold: f32,
}

impl SeriesDecision {
    /// One verdict, p-value and severity per score. Each is decided alone; `ends` divide the scores into series.
    pub fn decide(&self, scores: &[f32], ends: &[usize]) -> Result<Decisions> {
        check_ends(ends, scores.len())?;
        if scores.is_empty() {
            return Ok(Decisions::default());
        }
        check_scores(scores)?;
        let unit = spread(&self.reference);
        let mut severities: Vec<Severity> =
            scores.par_iter().map(|&s| severity(s, self.threshold, unit)).collect();
        // A point is anomalous where it belongs to an event, also between two peaks of it.
        let mut verdict = vec![Verdict::Normal; scores.len()];
        for EventSpan { first, last, .. } in self.events(scores, ends)? {
            verdict[first..=last].fill(Verdict::Anomalous);
            severities[first..=last]
                .iter_mut()
                .for_each(|severity| *severity = (*severity).max(Severity::Low));
        }
        let p_value = |&score: &f32| self.block_p_value(score).unwrap_or_else(|| self.event_p_value(score));
        Ok(Decisions {
            p_value: Some(scores.par_iter().map(p_value).collect()),
            probability: None,
            confidence: None,
            verdict,
            severity: severities,
        })
    }

    /// The events of scores by [`Self::event_rules`].
    pub fn events(&self, scores: &[f32], ends: &[usize]) -> Result<Vec<EventSpan>> {
        events(scores, ends, &self.event_rules())
    }

    /// An event begins above the threshold and ends where scores are as low as normal ones are ten times as often;
    /// events closer than the run length are one, so that they are counted as when the threshold was found.
    pub fn event_rules(&self) -> EventRules {
        let low = self.tail.return_level(LOW_RATIO * self.rate());
        EventRules::new(self.threshold, low, self.run_len)
    }

    /// Probability that a normal stretch of [`Self::horizon_len`] points would hold an event as high.
    pub fn event_p_value(&self, score: f32) -> f64 {
        -(-(self.horizon_len as f64) * self.rate_above(score)).exp_m1()
    }

    /// Probability that a normal stretch of [`Self::block_len`] points holds such a score, by rank among those of the
    /// clean part; `None` without one.
    pub fn block_p_value(&self, score: f32) -> Option<f64> {
        self.blocks.as_ref().map(|(maxima, _)| p_value(maxima.n_at_or_above(score), maxima.n()))
    }

    /// Expected normal events above `score` per point.
    pub fn rate_above(&self, score: f32) -> f64 {
        let level = self.tail.level();
        if score > level {
            return self.tail.rate_above(score, self.n_points);
        }
        let Some(at_level) = self.tail.rate_at_level() else { return 1.0 };
        let ratio = self.reference.n_at_or_above(score) as f64 / self.reference.n_above(level).max(1) as f64;
        (at_level * ratio.max(1.0)).min(1.0)
    }

    /// The score above which a point is flagged.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Exceedances at most this many points apart are one event.
    pub fn run_len(&self) -> usize {
        self.run_len
    }

    /// How many points [`Self::event_p_value`] is about.
    pub fn horizon_len(&self) -> usize {
        self.horizon_len
    }

    /// How many points [`Self::block_p_value`] is about; `None` without a clean part.
    pub fn block_len(&self) -> Option<usize> {
        self.blocks.as_ref().map(|(_, len)| *len)
    }

    /// Peaks from here on were set aside as no part of the normal tail.
    pub fn cut(&self) -> Option<f32> {
        if let EventTail::Fitted { cut, .. } = self.tail { cut } else { None }
    }

    /// Expected false alarms in the user's unit (per day, per 1,000 points without times), with the 90 % interval of
    /// what the tail may be; `None` where none was fitted.
    pub fn expected_false_alarms(&self) -> Option<Interval> {
        let EventTail::Fitted { level, rate, tail, .. } = &self.tail else { return None };
        let above = f64::from(self.threshold) - f64::from(*level);
        let unit = self.options.unit_len() * rate;
        let mut rates: Vec<(f64, f64)> =
            tail.nodes().iter().map(|(weight, of)| (unit * of.survival(above), *weight)).collect();
        rates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let quantile = |q: f64| {
            let mut before = 0.0;
            let at = rates.iter().find(|(_, weight)| {
                before += weight;
                before >= q
            });
            at.or(rates.last()).map_or(0.0, |(rate, _)| *rate)
        };
        let mean = unit * tail.survival(above);
        Some(Interval { low: quantile(0.05).min(mean), mean, high: quantile(0.95).max(mean), level: 0.9 })
    }

    /// The same with another number of false alarms; nothing is fitted again. More than what the level of the tail gives
    /// ([`Self::learn`] chooses it for the number asked then) is not to be had.
    pub fn with_false_alarms_per_day(&self, false_alarms: f64) -> Result<Self> {
        let options =
            SeriesDecisionOptions { false_alarms_per_day: Some(false_alarms), ..self.options.clone() };
        anomalyst_core::check_params("series_decision", &options)?;
        let mut new = Self { options, ..self.clone() };
        new.threshold = new.tail.return_level(new.rate());
        Ok(new)
    }

    /// What was asked for.
    pub fn options(&self) -> &SeriesDecisionOptions {
        &self.options
    }

    /// What a face shows about decisions made by [`Self::decide`].
    pub fn summary(&self, decisions: &Decisions) -> DecisionSummary {
        let count = |kind| decisions.verdict.iter().filter(|&&v| v == kind).count();
        let per_point = |i: Interval| {
            let unit = self.options.unit_len();
            Interval { low: i.low / unit, mean: i.mean / unit, high: i.high / unit, level: i.level }
        };
        let p_value_meaning = match self.block_len() {
            Some(len) => {
                format!("probability that {len} normal points in a row hold such a score (conformal)")
            }
            None => format!(
                "probability that {} normal points would hold an event as high, by their tail",
                self.horizon_len
            ),
        };
        DecisionSummary {
            threshold: ThresholdSummary {
                name: self.name(),
                value: self.threshold,
                expected_alert_rate: self.expected_false_alarms().map(per_point),
            },
            p_value_meaning,
            alert_rate_meaning: "of normal points begin an event".into(),
            n_anomalous: count(Verdict::Anomalous),
            n_abstain: count(Verdict::Abstain),
            ..DecisionSummary::default()
        }
    }

    fn name(&self) -> String {
        match (self.options.false_alarms_per_day, self.options.points_per_day) {
            _ if matches!(self.tail, EventTail::Undecided { .. }) => "undecided: too few peaks".into(),
            (Some(n), Some(_)) => format!("{n} false alarms per day"),
            (Some(n), None) => format!("{n} false alarms per 1,000 points"),
            (None, _) => format!(
                "{} false alarms in {} points",
                self.rate() * self.horizon_len as f64,
                self.horizon_len
            ),
        }
    }

    /// Events per point that are asked for.
    fn rate(&self) -> f64 {
        self.options.rate(self.horizon_len)
    }
}
