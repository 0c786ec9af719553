//! Local linear trend and season as a state that a Kalman filter follows: standardised innovations.
//!
//! # Idea
//! Behind the points is a state: a level that wanders, a slope that wanders more slowly, and a few waves of the season whose
//! size and phase wander. The filter holds what is known of it and how surely, forecasts the next point with a deviation,
//! and corrects itself by what it sees. A point is odd as far as it is from its forecast in that deviation.
//!
//! # Equations
//! `x_t = l_t + sum over j of w_(j,t) + noise`; `l' = l + b + noise`, `b' = b + noise`, and each wave `(w_j, w*_j)` turned
//! by `2 pi j / period`, plus noise. The four variances (point, level, slope, waves) are those of greatest likelihood
//! of training, `sum of -(ln F_t + v_t^2 / F_t) / 2`, with `v_t` the error of the forecast and `F_t` its variance. Score
//! `|v_t / sqrt(F_t) - m| / u` with median `m` and scaled median absolute deviation `u` of training.
//! Nothing is known before a series: its first state has variances a million times that of the training points.
//!
//! # Score
//! Standard deviations of innovations, 0 and up. The first points of each series, which set the state, score near 0.
//! With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n d^2) per channel with `d` the numbers of the state, 2 and 2 per wave; 400 trials on the first 4,000 points.
//!
//! # Use when / Avoid when
//! For a level that wanders or drifts, with or without a smooth season, judged point by point from the past alone. Avoid
//! for seasons with sharp corners, which need many waves: see [`stl_residual`](crate::StlResidual).
//!
//! # Degenerate input
//! A constant series has innovations of 0. Fewer points than twice the numbers of the state have no season.
//!
//! # Differences
//! Innovations are standardised once more by what is usual in training, since the model is never quite true.
//!
//! # References
//! Kalman 1960, Journal of Basic Engineering 82(1). doi:10.1115/1.3662552. Harvey 1989, Forecasting, structural time
//! series models and the Kalman filter, sections 2.3 and 4.2. doi:10.1017/CBO9781107049994.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::KalmanTrend;
//! let wave = |i: usize| (i as f32 * 0.5).sin() + (i * i % 7) as f32 / 10.0 + if i == 70 { 2.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((100, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![100] }, ..Features::rows(values) };
//! let (_, scores) = KalmanTrend::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 70);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use anomalyst_kernels::minimize::{SearchLimits, nelder_mead};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stats::Moments;
use serde::{Deserialize, Serialize};

use crate::per_channel::PerChannel;
use crate::residuals::{self, Predict, Residuals};

/// Training points that the search looks at.
const SEARCHED: usize = 4000;
/// The longest period.
const LONGEST: usize = 1_000_000;
/// The most waves of a season.
const MOST_WAVES: usize = 20;
/// Variance of what is not known before a series, in squares of its deviation.
const UNKNOWN: f64 = 1e6;
/// The least variance of points, so that what is not known before a series fits into one number with it.
const LEAST_POINT: f64 = 1e-8;
/// Logarithms of variances are kept within this.
const LOG_RANGE: f64 = 30.0;
/// Points after which it is looked whether the run was stopped.
const STEPS: usize = 1 << 12;
const LIMITS: SearchLimits = SearchLimits { n_calls: 400, tolerance: 1e-9 };

/// What the state is made of.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KalmanTrend {
    /// Points of a season. Left out, the period of the first series.
    #[schemars(range(min = 3, max = 1_000_000))]
    pub period: Option<usize>,
    /// Waves of the season: the period, its half, its third, and so on; 0 for no season.
    #[schemars(range(min = 0, max = 20))]
    pub n_waves: usize,
}

impl Default for KalmanTrend {
    fn default() -> Self {
        Self { period: None, n_waves: 3 }
    }
}

impl Params for KalmanTrend {}

/// Variances of the noises, in squares of the deviation of training.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Variances {
    point: f64,
    level: f64,
    slope: f64,
    waves: f64,
}

/// What was estimated of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Structure {
    /// Points are measured from the mean of training in its deviation.
    mean: f64,
    unit: f64,
    period: usize,
    n_waves: usize,
    variances: Variances,
}

impl Detector for KalmanTrend {
    const CARD: Card = Card {
        id: "kalman_trend",
        title: "Kalman filter of trend and season",
        summary: "Points far from what a state of level, slope and waves lets expect.",
        paper: "Harvey 1989, Structural time series models and the Kalman filter. doi:10.1017/CBO9781107049994",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Residuals<Structure>>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        residuals::fit_score(train, run, |series, run| self.estimated(series, run))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let size = 2 + 2 * self.n_waves;
        let (d, step) = (shape.n_values as f64, 20.0 + 2.5 * (size * size) as f64);
        let searched = shape.n_parts.min(SEARCHED) as f64;
        Estimate {
            bytes: 40 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: d * step * (shape.n_parts as f64 + LIMITS.n_calls as f64 * searched),
            score_nanos_per_row: d * step,
        }
    }
}

impl KalmanTrend {
    /// The structure of greatest likelihood for the first points of training.
    fn estimated(&self, series: &[Vec<f64>], run: &Run) -> Result<Structure> {
        let first = series.first().map_or(&[][..], Vec::as_slice);
        let moments: Moments = series.iter().flatten().copied().collect();
        let period = self.period.unwrap_or_else(|| ranked_period(first, 1));
        // A wave of half a period's points has no second part, one of fewer is another wave's mirror.
        let n_waves = self.n_waves.min((period - 1) / 2);
        let n_waves = if (moments.count() as usize) < 2 * (2 + 2 * n_waves) { 0 } else { n_waves };
        let of = |at: &[f64]| Structure {
            mean: moments.mean(),
            unit: moments.std_dev().max(f64::from(f32::MIN_POSITIVE)),
            period,
            n_waves,
            variances: Variances {
                point: variance(at[0]).max(LEAST_POINT),
                level: variance(at[1]),
                slope: variance(at[2]),
                waves: at.get(3).map_or(0.0, |&v| variance(v)),
            },
        };
        let mut left = SEARCHED;
        let mut searched = Vec::new();
        for points in series {
            searched.push(&points[..points.len().min(left)]);
            left -= searched[searched.len() - 1].len();
        }
        let minus_likelihood = |at: &[f64]| -> Result<f64> {
            let structure = of(at);
            let mut sum = 0.0;
            for points in &searched {
                let skip = 2 + 2 * structure.n_waves;
                let mut t = 0;
                structure.filter(points, run, |error, variance| {
                    // The first points set the state.
                    sum += if t < skip { 0.0 } else { variance.ln() + error * error / variance };
                    t += 1;
                })?;
            }
            Ok(sum)
        };
        // Point 0.1, level 0.02, slope 0.0001 and waves 0.001 of the variance of training.
        let start: &[f64] = if n_waves > 0 { &[-2.3, -3.9, -9.2, -6.9] } else { &[-2.3, -3.9, -9.2] };
        let (at, _) = nelder_mead(minus_likelihood, start, 2.0, LIMITS)?;
        Ok(of(&at))
    }
}

fn variance(log: f64) -> f64 {
    log.clamp(-LOG_RANGE, LOG_RANGE).exp()
}

/// What is known of the state: its mean and covariance, row by row.
struct State {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    /// Cosine and sine of the turn of each wave in a step.
    turns: Vec<(f64, f64)>,
    /// The covariance of the state and the point, and that in units of the point's variance.
    with_point: Vec<f64>,
    gains: Vec<f64>,
}

/// Sums of each row of a covariance over what a point sees.
fn seen(covariance: &[f64], out: &mut [f64]) {
    let rows = covariance.chunks_exact(out.len());
    out.iter_mut().zip(rows).for_each(|(sum, row)| *sum = row.iter().step_by(2).sum());
}

impl State {
    fn unknown(structure: &Structure) -> Self {
        let size = 2 + 2 * structure.n_waves;
        let mut covariance = vec![0.0; size * size];
        (0..size).for_each(|i| covariance[i * size + i] = UNKNOWN);
        let turn = |j: usize| {
            let (sin, cos) = (std::f64::consts::TAU * j as f64 / structure.period as f64).sin_cos();
            (cos, sin)
        };
        let turns = (1..=structure.n_waves).map(turn).collect();
        Self {
            mean: vec![0.0; size],
            covariance,
            turns,
            with_point: vec![0.0; size],
            gains: Vec::with_capacity(size),
        }
    }

    /// Error of the forecast and its variance; then the state of the next point, given this one. What a point sees of the
    /// state are its numbers at even places: the level and the first part of each wave.
    fn step(&mut self, x: f64, noise: Variances) -> (f64, f64) {
        let size = self.mean.len();
        let forecast: f64 = self.mean.iter().step_by(2).sum();
        seen(&self.covariance, &mut self.with_point);
        // Rounding may leave a state that is nearly known with less than nothing.
        let variance = self.with_point.iter().step_by(2).sum::<f64>().max(0.0) + noise.point;
        let error = x - forecast;
        let gains = self.with_point.iter().map(|with| with / variance);
        self.gains.clear();
        self.gains.extend(gains);
        let gains = &self.gains;
        for (row, gain) in self.covariance.chunks_exact_mut(size).zip(gains) {
            row.iter_mut().zip(&self.with_point).for_each(|(c, with)| *c -= gain * with);
        }
        // The form of Joseph, which keeps the covariance one in spite of rounding: (1 - K Z) P (1 - K Z)' + K K' noise.
        seen(&self.covariance, &mut self.with_point);
        let rows = self.covariance.chunks_exact_mut(size).zip(&self.with_point);
        for ((row, with), gain) in rows.zip(gains) {
            let share = noise.point * gain - with;
            row.iter_mut().zip(gains).for_each(|(c, other)| *c += share * other);
        }
        self.mean.iter_mut().zip(gains).for_each(|(mean, gain)| *mean += gain * error);
        self.advance(noise);
        (error, variance)
    }

    /// One step on: level by slope, waves turned, noise added.
    fn advance(&mut self, noise: Variances) {
        let size = self.mean.len();
        self.mean[0] += self.mean[1];
        for (j, &(cos, sin)) in self.turns.iter().enumerate() {
            let at = 2 + 2 * j;
            let (a, b) = (self.mean[at], self.mean[at + 1]);
            (self.mean[at], self.mean[at + 1]) = (cos * a + sin * b, cos * b - sin * a);
        }
        let c = &mut self.covariance;
        // From the left, pairs of rows.
        for k in 0..size {
            c[k] += c[size + k];
            for (j, &(cos, sin)) in self.turns.iter().enumerate() {
                let at = (2 + 2 * j) * size + k;
                let (a, b) = (c[at], c[at + size]);
                (c[at], c[at + size]) = (cos * a + sin * b, cos * b - sin * a);
            }
        }
        // From the right, pairs of columns.
        for row in c.chunks_exact_mut(size) {
            row[0] += row[1];
            for (j, &(cos, sin)) in self.turns.iter().enumerate() {
                let at = 2 + 2 * j;
                let (a, b) = (row[at], row[at + 1]);
                (row[at], row[at + 1]) = (cos * a + sin * b, cos * b - sin * a);
            }
        }
        // Rounding must not let the two halves drift apart.
        for i in 0..size {
            for j in 0..i {
                let mean = f64::midpoint(c[i * size + j], c[j * size + i]);
                (c[i * size + j], c[j * size + i]) = (mean, mean);
            }
            c[i * size + i] = c[i * size + i].max(0.0)
                + match i {
                    0 => noise.level,
                    1 => noise.slope,
                    _ => noise.waves,
                };
        }
    }
}

impl Structure {
    /// Hands error and variance of the forecast of each point to `take`, in units of training.
    fn filter(&self, points: &[f64], run: &Run, mut take: impl FnMut(f64, f64)) -> Result<()> {
        let mut state = State::unknown(self);
        for (t, x) in points.iter().enumerate() {
            if t % STEPS == 0 {
                run.check()?;
            }
            let (error, variance) = state.step((x - self.mean) / self.unit, self.variances);
            take(error, variance);
        }
        Ok(())
    }
}

impl Predict for Structure {
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let mut errors = Vec::with_capacity(points.len());
        self.filter(points, run, |error, variance| errors.push(error / variance.sqrt()))?;
        Ok(errors)
    }

    fn is_sound(&self) -> bool {
        let Variances { point, level, slope, waves } = self.variances;
        (1..=LONGEST).contains(&self.period)
            && self.n_waves <= MOST_WAVES
            && self.mean.abs() <= f64::from(f32::MAX)
            && (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&self.unit)
            && [point, level, slope, waves].iter().all(|v| (0.0..=1e14).contains(v))
            && point >= LEAST_POINT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands, wave};
    use serde_json::json;
    use std::f64::consts::TAU;

    /// The series of `golden/kalman_trend.py`.
    fn fixture() -> Vec<f64> {
        let at = |i: usize| {
            let t = i as f64;
            let bit = ((i * i * 7 + i * 13) % 101) as f64 / 101.0;
            0.02 * t + (TAU * t / 12.0).sin() + 0.5 * (2.0 * TAU * t / 12.0).cos() + bit + (t / 17.0).sin()
        };
        (0..120).map(at).collect()
    }

    /// statsmodels 0.15.0, `crates/temporal/golden/kalman_trend.py`: standardised errors with given variances; the
    /// logarithm of the greatest likelihood, which ours may be no more than 0.01 below.
    #[test]
    fn matches_statsmodels() {
        let golden: [(usize, [f64; 6], f64); 2] = [
            (
                0,
                [
                    0.000499999925,
                    0.000526809392444,
                    -0.178103851727,
                    -0.387151991752,
                    0.647560465133,
                    1.60275054712,
                ],
                -122.27103,
            ),
            (
                2,
                [
                    0.000288675120161,
                    0.000432958774996,
                    9.91349975501e-05,
                    -0.648145924579,
                    -0.0468731658611,
                    0.512862151866,
                ],
                -44.1818268,
            ),
        ];
        for (n_waves, want, likelihood) in golden {
            let waves = if n_waves > 0 { 0.01 } else { 0.0 };
            let variances = Variances { point: 0.3, level: 0.05, slope: 0.001, waves };
            let given = Structure { mean: 0.0, unit: 1.0, period: 12, n_waves, variances };
            let run = Run::new(0);
            let errors = given.errors(&fixture(), &run).unwrap();
            for (at, want) in [0, 1, 2, 10, 50, 119].into_iter().zip(want) {
                assert!((errors[at] - want).abs() < 1e-6, "{n_waves} {at}: {} {want}", errors[at]);
            }
            let best = KalmanTrend { period: Some(12), n_waves }.estimated(&[fixture()], &run).unwrap();
            let (mut sum, mut t) = (0.0, 0);
            let add = |error: f64, variance: f64| {
                // In the unit of the points, as statsmodels has it.
                let of_point = (TAU * variance).ln() + 2.0 * best.unit.ln() + error * error / variance;
                sum -= if t < 2 + 2 * n_waves { 0.0 } else { 0.5 * of_point };
                t += 1;
            };
            best.filter(&fixture(), &run, add).unwrap();
            assert!(sum > likelihood - 0.01, "{n_waves}: {sum} {likelihood} {best:?}");
        }
    }

    #[test]
    fn odd_points_are_found() {
        let mut points = wave(900, 24.0, 0.3);
        let mut level = 0.0;
        points.iter_mut().enumerate().for_each(|(i, v)| {
            level += 0.05 * noise(7 * i + 3);
            *v += level;
        });
        points[600] -= 1.0;
        for params in [json!({}), json!({"period": 24, "n_waves": 1})] {
            let (model, scores) = fit_score("kalman_trend", &params, &series(&[&points]));
            assert_eq!(highest(&scores), 600, "{params}");
            assert_eq!(scores, model.score(&series(&[&points]), &Run::new(0)).unwrap());
        }
    }

    #[test]
    fn stands_trials() {
        stands("kalman_trend", &[json!({}), json!({"n_waves": 0}), json!({"period": 3, "n_waves": 2})]);
    }
}
