//! SPOT and DSPOT: a threshold for a stream of scores, kept up to date.
//!
//! # Idea
//! From a first batch the tail of the scores is fitted, and from it the threshold that normal scores exceed at the
//! rate asked for. Every later score is an alarm above the threshold, a peak that refines the tail between the level
//! and the threshold, and otherwise ordinary. With drift (DSPOT), scores are taken relative to the mean of the last
//! ordinary ones.
//!
//! # Equations
//! Threshold `z` with `S(z - u) = q n / N` (equation 1 of the paper): `u` a high quantile of the first batch, `N` of `n` scores
//! so far peaks, `q` the rate asked for. DSPOT applies it to `x - mean(last d scores that were no alarm)`.
//!
//! # Score
//! `q` is the expected number of alarms per point. With a run length, peaks are peaks of clusters and `q` counts
//! events: exceedances at most that far apart are one.
//!
//! # Complexity
//! O(1) per ordinary score, O(max_peaks) per peak. Memory: first batch, `max_peaks`, `drift_len`.
//!
//! # Use when / Avoid when
//! For streams. Where all scores are at hand, [`crate::SeriesDecision`] is better: it knows how unsure the tail is,
//! and the anomalies in the data do not raise it. A first batch with anomalies gives too high a threshold here.
//!
//! # Differences
//! Clusters instead of points, as above; no cluster that held an alarm enters the fit. The paper takes the most likely
//! tail of the peaks below the threshold, as if none above it were normal: its threshold sinks with every fit, and gave
//! 2.4 times the alarms asked for on independent normal scores (one in 1,000 asked; now 1.0, and 0.9 on AR(1) at 0.9).
//! Here as many peaks as alarms are
//! asked for count as normal above the threshold (censored), and the tail is the predictive one. At most `max_peaks` latest
//! peaks are kept, so that memory and time are bounded; the rate counts all. A first batch with fewer than two peaks
//! goes on until it has them.
//!
//! # References
//! Siffer, Fouque, Termier, Largouet 2017, Anomaly detection in streams with extreme value theory, KDD,
//! doi:10.1145/3097983.3098144.
//!
//! # Example
//! ```
//! use anomalyst_decide::extremes::{Spot, SpotOptions};
//! let mut spot = Spot::new(SpotOptions { init_len: 200, ..SpotOptions::default() }).unwrap();
//! for i in 0..1_000_u32 {
//!     let score = (i * 7_919 % 1_000) as f32 / 1_000.0;
//!     assert!(spot.push(score).unwrap().is_none_or(|seen| !seen.is_alarm));
//! }
//! assert!(spot.push(9.0).unwrap().unwrap().is_alarm);
//! ```

use std::collections::VecDeque;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Error, Params, Result, check_params};
use serde::{Deserialize, Serialize};

use super::dependence::Clustering;
use super::peaks::excesses;
use super::predictive::{Censored, PredictiveTail};

/// How a stream is watched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpotOptions {
    /// Expected false alarms per point, `q` of the paper. A false alarm a day of 1,440 points is 0.0007.
    #[schemars(range(min = 1e-12, max = 0.5))]
    pub alarms_per_point: f64,
    /// Scores of the first batch, for which there is no verdict. The paper takes 1,000.
    #[schemars(range(min = 10, max = 10_000_000))]
    pub init_len: usize,
    /// The share of the first batch that lies below the level above which scores are peaks (0.98 in the paper).
    #[schemars(range(min = 0.5, max = 0.999))]
    pub level: f64,
    /// Exceedances at most this many points apart are one event; 0 counts points, as the paper does. Not given: what
    /// the intervals estimator finds in the first batch.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub run_len: Option<usize>,
    /// Latest peaks kept for the fit.
    #[schemars(range(min = 10, max = 100_000))]
    pub max_peaks: usize,
    /// Scores that were no alarm whose mean is taken off (`d` of DSPOT); 0 for SPOT.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub drift_len: usize,
}

impl Default for SpotOptions {
    fn default() -> Self {
        Self {
            alarms_per_point: 1e-4,
            init_len: 1_000,
            level: 0.98,
            run_len: None,
            max_peaks: 500,
            drift_len: 0,
        }
    }
}

impl Params for SpotOptions {}

/// What is said about one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// The score lies above the threshold.
    pub is_alarm: bool,
    /// It is the first one of its event.
    pub is_new: bool,
    /// The threshold it was compared with, in the scores' own unit, drift put back.
    pub threshold: f32,
}

/// A stream under watch.
#[derive(Clone, Debug)]
pub struct Spot {
    options: SpotOptions,
    /// The first batch, relative to the drift; empty once the tail was fitted.
    batch: Vec<f32>,
    watch: Option<Watch>,
    drift: Drift,
}

/// What is known after the first batch.
#[derive(Clone, Debug)]
struct Watch {
    level: f64,
    run_len: u64,
    /// Latest excesses over the level.
    peaks: VecDeque<f64>,
    n_peaks: u64,
    /// How many of the latest peaks came after the first batch.
    n_later: usize,
    n: u64,
    threshold: f64,
    /// The cluster that is open, and its last exceedance.
    open: Option<(f64, u64)>,
    last_alarm: Option<u64>,
}

impl Spot {
    /// A stream of which nothing is known yet.
    pub fn new(options: SpotOptions) -> Result<Self> {
        check_params("spot", &options)?;
        Ok(Self { options, batch: Vec::new(), watch: None, drift: Drift::new(options.drift_len) })
    }

    /// Takes the next score; `None` while the first batch is gathered.
    pub fn push(&mut self, score: f32) -> Result<Option<Alarm>> {
        if !score.is_finite() {
            return Err(Error::Data(format!("the score is {score}; scores must be finite numbers")));
        }
        let Some(mean) = self.drift.mean() else {
            self.drift.push(score);
            return Ok(None);
        };
        let relative = f64::from(score) - mean;
        let asked = self.options.alarms_per_point;
        let Some(watch) = &mut self.watch else {
            self.batch.push(relative as f32);
            self.drift.push(score);
            if self.batch.len() >= self.options.init_len {
                self.watch = Watch::begin(&self.batch, &self.options)?;
            }
            if self.watch.is_some() {
                self.batch = Vec::new();
            }
            return Ok(None);
        };
        let threshold = watch.threshold;
        let (is_alarm, is_new) = watch.push(relative, asked, self.options.max_peaks)?;
        if !is_alarm {
            self.drift.push(score);
        }
        Ok(Some(Alarm { is_alarm, is_new, threshold: (threshold + mean) as f32 }))
    }

    /// The threshold for the next score; `None` while the first batch is gathered.
    pub fn threshold(&self) -> Option<f32> {
        Some((self.watch.as_ref()?.threshold + self.drift.mean()?) as f32)
    }

    /// The run length in force; `None` while the first batch is gathered.
    pub fn run_len(&self) -> Option<usize> {
        self.watch.as_ref().map(|w| w.run_len as usize)
    }
}

impl Watch {
    /// `None` where the batch has fewer than two peaks.
    fn begin(batch: &[f32], options: &SpotOptions) -> Result<Option<Self>> {
        let mut sorted = batch.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let level = sorted[(options.level * (sorted.len() - 1) as f64) as usize];
        let ends = [batch.len()];
        let run_len = options.run_len.unwrap_or_else(|| Clustering::of(batch, &ends, level).run_len);
        let peaks = excesses(batch, &ends, level, run_len);
        if peaks.len() < 2 {
            return Ok(None);
        }
        let mut watch = Self {
            level: f64::from(level),
            run_len: run_len as u64,
            n_peaks: peaks.len() as u64,
            n_later: 0,
            n: batch.len() as u64,
            peaks: peaks.into_iter().rev().take(options.max_peaks).rev().collect(),
            threshold: 0.0,
            open: None,
            last_alarm: None,
        };
        watch.refit(options.alarms_per_point)?;
        Ok(Some(watch))
    }

    /// Whether a score is an alarm, and the first of its event.
    fn push(&mut self, score: f64, asked: f64, max_peaks: usize) -> Result<(bool, bool)> {
        let at = self.n;
        self.n += 1;
        let near = |last: u64| at - last <= self.run_len;
        if score > self.threshold {
            // What led up to an alarm belongs to it, not to the tail of normal scores.
            self.open = None;
            let is_new = !self.last_alarm.is_some_and(near);
            self.last_alarm = Some(at);
            return Ok((true, is_new));
        }
        let is_tail_of_alarm = self.last_alarm.is_some_and(near);
        let ended = self.open.filter(|&(_, last)| !near(last));
        if let Some((peak, _)) = ended {
            self.open = None;
            self.peaks.push_back(peak);
            if self.peaks.len() > max_peaks {
                self.peaks.pop_front();
            }
            self.n_peaks += 1;
            self.n_later = (self.n_later + 1).min(max_peaks);
            self.refit(asked)?;
        }
        if score > self.level && !is_tail_of_alarm {
            let excess = score - self.level;
            self.open = Some((self.open.map_or(excess, |(peak, _)| peak.max(excess)), at));
        }
        Ok((false, false))
    }

    fn refit(&mut self, asked: f64) -> Result<()> {
        let rate = self.n_peaks as f64 / self.n as f64;
        let above = self.threshold - self.level;
        let count = self.n_later as f64 * asked / rate;
        let censored = (self.n_later > 0 && above > 0.0).then_some(Censored { count, above });
        let tail = PredictiveTail::fit(self.peaks.make_contiguous(), censored)?;
        let with_alarms = if self.n_later > 0 { rate + asked } else { rate };
        self.threshold = self.level + tail.quantile((asked / with_alarms).min(1.0));
        Ok(())
    }
}

/// The mean of the last scores that were no alarm.
#[derive(Clone, Debug)]
struct Drift {
    len: usize,
    last: VecDeque<f32>,
    sum: f64,
}

impl Drift {
    fn new(len: usize) -> Self {
        Self { len, last: VecDeque::new(), sum: 0.0 }
    }

    /// `None` before there are as many scores as it takes.
    fn mean(&self) -> Option<f64> {
        if self.len == 0 {
            return Some(0.0);
        }
        (self.last.len() == self.len).then(|| self.sum / self.len as f64)
    }

    fn push(&mut self, score: f32) {
        if self.len == 0 {
            return;
        }
        self.sum += f64::from(score);
        self.last.push_back(score);
        if self.last.len() > self.len {
            self.sum -= self.last.pop_front().map_or(0.0, f64::from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;
    use proptest::prelude::*;

    fn events(options: SpotOptions, scores: impl Iterator<Item = f32>) -> (usize, Spot) {
        let mut spot = Spot::new(options).unwrap();
        let n = scores.filter(|&s| spot.push(s).unwrap().is_some_and(|seen| seen.is_new)).count();
        (n, spot)
    }

    /// 30 streams of 50,000 scores, independent and AR(1) at 0.9, one event asked for in 1,000 points.
    #[test]
    fn alarms_come_as_often_as_asked() {
        for memory in [0.0, 0.9] {
            let mut mean = 0.0;
            for seed in 0..30 {
                let mut random = Run::new(seed).random(0);
                let mut x = 0.0;
                let options =
                    SpotOptions { alarms_per_point: 1e-3, init_len: 5_000, ..SpotOptions::default() };
                let (n, spot) = events(
                    options,
                    (0..50_000).map(|_| {
                        x = memory * x + draw::normal(&mut random);
                        x as f32
                    }),
                );
                mean += n as f64 / 45.0 / 30.0;
                assert!(spot.watch.unwrap().peaks.len() <= 500);
            }
            println!("memory {memory}: {mean:.2} of what was asked");
            assert!((0.5..2.0).contains(&mean), "{mean} at {memory}");
        }
    }

    /// A slow wave of ten times the noise: with drift, alarms stay as asked, and a spike is one.
    #[test]
    fn drift_is_followed() {
        let options =
            SpotOptions { alarms_per_point: 1e-3, init_len: 2_000, drift_len: 20, ..SpotOptions::default() };
        let mut random = Run::new(1).random(0);
        let wave = |i: u32| 10.0 * (f64::from(i) / 3_000.0).sin();
        let (n, mut spot) =
            events(options, (0..40_000).map(|i| (wave(i) + draw::normal(&mut random)) as f32));
        assert!((15..100).contains(&n), "{n}");
        let threshold = spot.threshold().unwrap();
        assert!((f64::from(threshold) - wave(40_000)).abs() < 8.0);
        assert!(spot.push(threshold + 0.1).unwrap().unwrap().is_alarm);
        assert!(spot.push(f32::NAN).is_err());
    }

    #[test]
    fn degenerate_streams_have_an_answer() {
        let options = SpotOptions { init_len: 20, ..SpotOptions::default() };
        // Constant: never a peak, so never an answer, and no panic.
        let (n, spot) = events(options, std::iter::repeat_n(1.0, 500));
        assert!(n == 0 && spot.threshold().is_none());
        assert!(Spot::new(SpotOptions { alarms_per_point: 0.0, ..options }).is_err());
        // An event of three alarms is new once.
        let quiet = (0..300_u32).map(|i| (i * 37 % 101) as f32);
        let (_, mut spot) = events(SpotOptions { run_len: Some(3), ..options }, quiet);
        let seen = [9e9, 0.0, 9e9, 1.0, 9e9].map(|s| spot.push(s).unwrap().unwrap());
        assert_eq!(seen.map(|a| a.is_alarm), [true, false, true, false, true]);
        assert_eq!(seen.map(|a| a.is_new), [true, false, false, false, false]);
    }

    proptest! {
        #[test]
        fn never_panics(scores in prop::collection::vec(-1e30..1e30_f32, 0..200), drift_len in 0..5_usize) {
            let options = SpotOptions { init_len: 20, drift_len, ..SpotOptions::default() };
            let (_, spot) = events(options, scores.into_iter());
            prop_assert!(spot.threshold().is_none_or(|t| !t.is_nan()));
        }
    }
}
