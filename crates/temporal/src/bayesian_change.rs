//! Bayesian online change points: how surprising a point is to all that may be going on.
//!
//! # Idea
//! A run of points has a mean and a variance of its own, of which nobody knows when it began. After every point each possible
//! beginning has a probability. A point is odd as far as it surprises all of them together, or as far as, a few points
//! later, a run is believed to have begun there.
//!
//! # Equations
//! With `r_t` the length of the run after point `t` and hazard `H = 1 / expected_len`:
//! `P(r_t = r + 1, x) = P(r_(t-1) = r, x) p_r(x_t) (1 - H)`, `P(r_t = 0, x) = sum over r of P(r_(t-1) = r, x) p_r(x_t) H`.
//! `p_r` is the predictive density of a normal run whose mean and variance have a normal-inverse-gamma prior `m, k, a, b`
//! and of which `r` points are known: Student's t with `2 a` degrees of freedom, place `m`, squared scale
//! `b (k + 1) / (a k)`; a point takes `b` to `b + k (x - m)^2 / (2 (k + 1))`, `m` to `(k m + x) / (k + 1)`, `k` to
//! `k + 1`, `a` to `a + 1/2`. Score `surprise`: `-ln sum over r of P(r_(t-1) = r | x_1..x_(t-1)) p_r(x_t)`. Score
//! `change`: `P(r_(t+l) = l + 1 | x_1..x_(t+l))`, that a run began with `x_t`, with `l` the `look_ahead`, at the end of a
//! series what there is of it.
//!
//! # Score
//! Surprise is in natural logarithms, of densities in units of noise; usual points have about 1.4, which may be less than 0
//! where noise stops. A change is a probability; the first point of a series begins no change and has 0. With several
//! channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n R) per channel with `R` the runs that are believed in, 256 at most; memory O(n + R). Of training only the
//! prior is learned; each series is followed from its beginning.
//!
//! # Use when / Avoid when
//! For streams whose level or noise changes at unknown times, and for spikes in them, without a window. Avoid on series with
//! seasons, which are no runs.
//!
//! # Differences
//! With a constant hazard the probability of `r_t = 0` is `H` whatever the points are, so it is no score; the two here are.
//! The prior is that of training: `m` its mean, `a = 1`, `b` the square of the unit of noise of `pelt`, `k` the ratio of
//! that to the variance of the points, within 0.0001 and 1. Runs below a probability of 1e-7 are dropped, and the least
//! probable of those longer than 64 points where there are more than 256. Points count as at
//! most 1e6 units from the mean.
//!
//! # References
//! Adams, MacKay 2007, Bayesian online changepoint detection. arXiv:0710.3742. The prior: Murphy 2007, Conjugate Bayesian
//! analysis of the Gaussian distribution, section 3.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::BayesianChange;
//! let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 101.0;
//! let values = ndarray::Array2::from_shape_fn((300, 1), |(i, _)| bit(i) + if i < 170 { 0.0 } else { 3.0 });
//! let series = Features { layout: Layout::Sequences { ends: vec![300] }, ..Features::rows(values) };
//! let (_, scores) = BayesianChange::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..300).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 170);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::beta::ln_gamma;
use anomalyst_kernels::stats::Moments;
use serde::{Deserialize, Serialize};

use crate::pelt::noise;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// Runs that are less probable than this are dropped.
const LEAST: f64 = 1e-7;
/// The most runs that are followed.
const MOST_RUNS: usize = 256;
/// Runs of up to this many points are kept, however many there are.
const YOUNG: usize = 64;
/// Points farther from the mean, in units, count as this far.
const FARTHEST: f64 = 1e6;
/// The least unit, as a share of the deviation of the points.
const LEAST_SHARE: f64 = 1e-6;
/// Points that are followed before it is looked whether the run was stopped.
const STEPS: usize = 256;

/// How long runs are, and what about them is the score.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BayesianChange {
    /// Points that a run is expected to last.
    #[schemars(range(min = 2, max = 100_000))]
    pub expected_len: usize,
    /// What the score is.
    pub score: BayesianScore,
    /// Points that are waited for before a change is judged.
    #[schemars(range(min = 0, max = 1000))]
    pub look_ahead: usize,
}

/// What the score of a point is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BayesianScore {
    /// How surprising the point is after those before it.
    #[default]
    Surprise,
    /// The probability that a run began with it, as seen some points later.
    Change,
}

impl Default for BayesianChange {
    fn default() -> Self {
        Self { expected_len: 250, score: BayesianScore::Surprise, look_ahead: 10 }
    }
}

impl Params for BayesianChange {}

/// What is kept of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Runs {
    params: BayesianChange,
    center: f64,
    unit: f64,
    /// Points that the prior mean counts as.
    strength: f64,
}

/// A run that may be going on: what is known of its mean and variance, and how probable it is.
#[derive(Clone, Copy, Debug)]
struct Belief {
    len: usize,
    mean: f64,
    b: f64,
    /// The logarithm of its probability.
    log_p: f64,
}

impl Detector for BayesianChange {
    const CARD: Card = Card {
        id: "bayesian_change",
        title: "Bayesian online change points",
        summary: "Points that surprise every run that may be going on, or begin a new one.",
        paper: "Adams, MacKay 2007. arXiv:0710.3742",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = PerChannel<Runs>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        // What is usual of a channel's scores takes following the series, too.
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let moments: Moments = series.iter().flatten().copied().collect();
            let unit = noise(series).max(LEAST_SHARE * moments.std_dev()).max(f64::from(f32::MIN_POSITIVE));
            let variance = (moments.std_dev() / unit).powi(2);
            let strength = (1.0 / variance.max(1.0)).clamp(1e-4, 1.0);
            let model = Runs { params: self.clone(), center: moments.mean(), unit, strength };
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        let n_runs = shape.n_parts.min(MOST_RUNS) as f64;
        Estimate {
            bytes: 80 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 25.0 * n_runs * d * shape.n_parts as f64,
            score_nanos_per_row: 25.0 * n_runs * d,
        }
    }
}

impl ChannelModel for Runs {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        let z = |x: &f64| ((x - self.center) / self.unit).clamp(-FARTHEST, FARTHEST);
        let values: Vec<f64> = points.iter().map(z).collect();
        let followed = self.followed(&values, LEAST, run)?;
        Ok(match self.params.score {
            BayesianScore::Surprise => followed.surprises,
            BayesianScore::Change => followed.changes,
        })
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("runs", self)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let read: Self = from.json("runs")?;
        anomalyst_core::check_params(BayesianChange::CARD.id, &read.params)
            .map_err(|e| Error::model(e.to_string()))?;
        let is_sound = read.center.abs() <= 1e150
            && read.unit > 0.0
            && read.unit <= 1e150
            && (1e-4..=1.0).contains(&read.strength);
        if !is_sound {
            return Err(Error::model("the prior of a channel is not possible"));
        }
        Ok(read)
    }
}

/// Both scores of every point.
struct Followed {
    surprises: Vec<f64>,
    changes: Vec<f64>,
}

impl Runs {
    /// Follows a series in units; runs below the probability `least` are dropped.
    fn followed(&self, values: &[f64], least: f64, run: &Run) -> Result<Followed> {
        let (hazard, n) = (1.0 / self.params.expected_len as f64, values.len());
        let (log_change, log_growth) = (hazard.ln(), (-hazard).ln_1p());
        let mut factors = Factors::default();
        let mut beliefs = vec![Belief { len: 0, mean: 0.0, b: 1.0, log_p: 0.0 }];
        let mut out = Followed { surprises: Vec::with_capacity(n), changes: vec![0.0; n] };
        for (t, &x) in values.iter().enumerate() {
            if t % STEPS == 0 {
                run.check()?;
            }
            for belief in &mut beliefs {
                belief.log_p += belief.log_density(x, self.strength, &mut factors);
            }
            let total = log_sum(beliefs.iter().map(|belief| belief.log_p));
            out.surprises.push(-total);
            for belief in &mut beliefs {
                belief.log_p += log_growth - total;
                belief.take(x, self.strength);
            }
            drop_one_of_many(&mut beliefs);
            let log_least = least.ln();
            beliefs.retain(|belief| belief.log_p >= log_least);
            beliefs.push(Belief { len: 0, mean: 0.0, b: 1.0, log_p: log_change });
            let kept = log_sum(beliefs.iter().map(|belief| belief.log_p));
            beliefs.iter_mut().for_each(|belief| belief.log_p -= kept);
            self.note_changes(t, n, &beliefs, &mut out.changes);
        }
        Ok(out)
    }

    /// Notes the probability of a beginning as seen from `t`: `look_ahead` points before it; from the end, all after that.
    fn note_changes(&self, t: usize, n: usize, beliefs: &[Belief], changes: &mut [f64]) {
        let ahead = self.params.look_ahead;
        let is_last = t + 1 == n;
        for belief in beliefs.iter().filter(|belief| belief.len > 0 && belief.len <= t) {
            if belief.len == ahead + 1 || (is_last && belief.len <= ahead) {
                changes[t + 1 - belief.len] = belief.log_p.exp();
            }
        }
    }
}

impl Belief {
    /// The logarithm of the predictive density at `x`.
    fn log_density(&self, x: f64, strength: f64, factors: &mut Factors) -> f64 {
        let (a, k) = (1.0 + self.len as f64 / 2.0, strength + self.len as f64);
        let b = self.b * (k + 1.0) / k;
        factors.of(self.len) - 0.5 * b.ln() - (a + 0.5) * ((x - self.mean).powi(2) / (2.0 * b)).ln_1p()
    }

    /// Knows one more point.
    fn take(&mut self, x: f64, strength: f64) {
        let k = strength + self.len as f64;
        self.b += k * (x - self.mean).powi(2) / (2.0 * (k + 1.0));
        self.mean += (x - self.mean) / (k + 1.0);
        self.len += 1;
    }
}

/// Where there are more runs than are followed, drops the least probable of those that had time to become probable.
fn drop_one_of_many(beliefs: &mut Vec<Belief>) {
    if beliefs.len() < MOST_RUNS {
        return;
    }
    let old = beliefs.iter().enumerate().filter(|(_, belief)| belief.len > YOUNG);
    if let Some((least, _)) = old.min_by(|(_, a), (_, b)| a.log_p.total_cmp(&b.log_p)) {
        beliefs.remove(least);
    }
}

/// The part of the log density that only the length of a run decides, of lengths from 0 on as far as they were needed.
#[derive(Default)]
struct Factors(Vec<f64>);

impl Factors {
    fn of(&mut self, len: usize) -> f64 {
        while self.0.len() <= len {
            let a = 1.0 + self.0.len() as f64 / 2.0;
            self.0.push(ln_gamma(a + 0.5) - ln_gamma(a) - 0.5 * std::f64::consts::TAU.ln());
        }
        self.0[len]
    }
}

/// `ln sum exp`.
fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    most + logs.map(|log| (log - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise as bit, series, stands};
    use proptest::prelude::*;
    use serde_json::json;

    fn model(expected_len: usize, look_ahead: usize, strength: f64) -> Runs {
        let params = BayesianChange { expected_len, look_ahead, ..BayesianChange::default() };
        Runs { params, center: 0.0, unit: 1.0, strength }
    }

    /// The log evidence of points by the closed form: Murphy 2007, section 3.5.
    fn log_evidence(points: &[f64], k0: f64) -> f64 {
        let n = points.len() as f64;
        let mean = points.iter().sum::<f64>() / n.max(1.0);
        let squares: f64 = points.iter().map(|x| (x - mean).powi(2)).sum();
        let (k, a) = (k0 + n, 1.0 + n / 2.0);
        let b = 1.0 + squares / 2.0 + k0 * n * mean * mean / (2.0 * k);
        ln_gamma(a) - a * b.ln() + 0.5 * (k0 / k).ln() - n / 2.0 * std::f64::consts::TAU.ln()
    }

    /// Probabilities of run lengths after the points, with the evidence of all of them, over all ways to cut.
    fn plain(points: &[f64], hazard: f64, k0: f64) -> (Vec<f64>, f64) {
        // The joint probability that a run ended before `t`, over everything earlier.
        let n = points.len();
        let mut ended = vec![0.0; n + 1];
        ended[0] = 1.0;
        let segment = |from: usize, to: usize| {
            log_evidence(&points[from..to], k0).exp() * (1.0 - hazard).powi((to - from) as i32)
        };
        for t in 1..=n {
            // The last point of a run is followed by a change instead of growth.
            ended[t] = (0..t).map(|from| ended[from] * segment(from, t) / (1.0 - hazard) * hazard).sum();
        }
        let mut joint: Vec<f64> = (0..n).map(|from| ended[from] * segment(from, n)).collect();
        joint.push(ended[n]);
        let total: f64 = joint.iter().sum();
        joint.reverse();
        (joint.iter().map(|p| p / total).collect(), total)
    }

    proptest! {
        /// Against all cuts and closed-form evidences; dropping improbable runs changes little.
        #[test]
        fn is_the_sum_over_all_cuts(
            points in prop::collection::vec(prop::sample::select(vec![0.0, 0.4, -0.3, 2.0, 2.5, -6.0]), 2..25),
            strength in 0.05..1.0_f64, expected in 2..50_usize, ahead in 0..5_usize,
        ) {
            let (model, hazard) = (model(expected, ahead, strength), 1.0 / expected as f64);
            let exact = model.followed(&points, 0.0, &Run::new(0)).unwrap();
            let n = points.len();
            for t in 0..n {
                let (_, before) = plain(&points[..t], hazard, strength);
                let (_, after) = plain(&points[..=t], hazard, strength);
                prop_assert!((exact.surprises[t] - (before.ln() - after.ln())).abs() < 1e-8);
                let (seen, begun) = ((t + ahead + 1).min(n), t);
                let lengths = plain(&points[..seen], hazard, strength).0;
                let want = if begun == 0 { 0.0 } else { lengths[seen - begun] };
                prop_assert!((exact.changes[t] - want).abs() < 1e-8, "{} {}: {} {}", t, n, exact.changes[t], want);
            }
            let fast = model.followed(&points, LEAST, &Run::new(0)).unwrap();
            prop_assert!(fast.surprises.iter().zip(&exact.surprises).all(|(x, y)| (x - y).abs() < 1e-3));
        }
    }

    /// More runs than are followed: surprises are about those of all of them, and a change is still seen.
    #[test]
    fn many_runs_are_followed_well_enough() {
        let values: Vec<f64> = (0..900).map(|i| 3.5 * bit(i) + if i < 700 { 0.0 } else { 1.5 }).collect();
        let model = model(250, 10, 0.5);
        let fast = model.followed(&values, LEAST, &Run::new(0)).unwrap();
        let mut runs = vec![Belief { len: 100, mean: 0.0, b: 1.0, log_p: -3.0 }; MOST_RUNS];
        (runs[7].log_p, runs[9].log_p, runs[9].len) = (-5.0, -9.0, 5);
        drop_one_of_many(&mut runs);
        assert!(runs.len() == MOST_RUNS - 1 && runs.iter().all(|run| run.log_p != -5.0));
        let change = (20..900).max_by(|&a, &b| fast.changes[a].total_cmp(&fast.changes[b])).unwrap();
        assert!(change.abs_diff(700) <= 3, "{change}");
    }

    /// The first point's density is Student's with 2 degrees of freedom: `1 / (2 sqrt 2)` in the middle, in units of its scale.
    #[test]
    fn the_first_surprise_in_closed_form() {
        let followed = model(100, 3, 1.0).followed(&[0.0], 0.0, &Run::new(0)).unwrap();
        // The squared scale is 2.
        assert!((followed.surprises[0] - 4.0_f64.ln()).abs() < 1e-12, "{}", followed.surprises[0]);
    }

    #[test]
    fn changes_and_spikes_are_found() {
        for at in [20, 150, 290] {
            let mut points: Vec<f64> = (0..300).map(|i| bit(i) + if i < at { 0.0 } else { 3.0 }).collect();
            for score in ["surprise", "change"] {
                let (_, scores) = fit_score("bayesian_change", &json!({"score": score}), &series(&[&points]));
                assert_eq!(highest(&scores), at, "{score}");
            }
            points = (0..300).map(|i| bit(i) + if i == at { 5.0 } else { 0.0 }).collect();
            let (_, scores) = fit_score("bayesian_change", &json!({}), &series(&[&points]));
            assert_eq!(highest(&scores), at);
        }
    }

    #[test]
    fn stands_trials() {
        let params = [
            json!({}),
            json!({"score": "change", "look_ahead": 0}),
            json!({"score": "change", "expected_len": 5}),
        ];
        stands("bayesian_change", &params);
    }
}
