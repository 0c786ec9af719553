//! Theta method: errors of one-step forecasts by a line and a smoothed line of doubled curvature.
//!
//! # Idea
//! A series without its season is split into two lines: one without any curvature, the straight line through all points so
//! far, and one with twice the curvature. The first is prolonged, the second exponentially smoothed, and the mean of both,
//! with the season again, is the forecast. Simple as it is, it won the M3 competition.
//!
//! # Equations
//! With the least-squares line `a + b s` through the points up to `t` and the theta line `Z_s = 2 x_s - (a + b s)`, the
//! forecast is `f_(t+1) = (a + b (t + 1)) / 2 + SES(Z)_t / 2`, with simple exponential smoothing that begins at the first
//! point and gives the newest the weight `alpha`. Smoothing is linear, so this is `SES(x)_t + b / 2 (t + 1 - SES(s)_t)`:
//! smoothing with a drift (Hyndman, Billah), and O(1) per step. `alpha` minimises the sum of `e_t^2` over training.
//! Score `|e_t - c| / u` with median `c` and scaled median absolute deviation `u` of the training errors.
//!
//! The season is that of the classical additive decomposition of each series: means of phases after a centred moving mean
//! was taken out. It alone looks ahead.
//!
//! # Score
//! Robust deviations of training errors, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n) per channel and trial, 100 trials at most, on the first 20,000 points.
//!
//! # Use when / Avoid when
//! As a plain forecast for series with a drift and a fixed season. Avoid where slope or season change: see
//! [`holt_winters`](crate::HoltWinters).
//!
//! # Degenerate input
//! A series of fewer than two periods is forecast without a season. The first ten points are forecast without a drift, since
//! lines through so few are mostly noise; the first point is its own forecast.
//!
//! # Differences
//! The paper tests whether there is a season, and divides by it; here it is always taken out, and subtracted, since points
//! may be negative.
//!
//! # References
//! Assimakopoulos, Nikolopoulos 2000, The theta model, International Journal of Forecasting 16(4).
//! doi:10.1016/S0169-2070(00)00066-2. Hyndman, Billah 2003, Unmasking the theta method, IJF 19(2).
//! doi:10.1016/S0169-2070(01)00143-1.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Theta;
//! let wave = |i: usize| [0.0, 3.0, 1.0, 4.0][i % 4] + i as f32 / 50.0 + if i == 50 { 2.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((80, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![80] }, ..Features::rows(values) };
//! let (_, scores) = Theta { period: Some(4) }.fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..80).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 50);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use anomalyst_kernels::minimize::{SearchLimits, nelder_mead};
use anomalyst_kernels::period::ranked_period;
use serde::{Deserialize, Serialize};

use crate::per_channel::PerChannel;
use crate::residuals::{self, Predict, Residuals};

/// Training points that the search looks at.
const SEARCHED: usize = 20_000;
/// Points that a line is believed from.
const LINE_FROM: usize = 10;
/// The longest period.
const LONGEST: usize = 1_000_000;
const LIMITS: SearchLimits = SearchLimits { n_calls: 100, tolerance: 1e-10 };

/// What recurs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Theta {
    /// Points of a season; 1 for none. Left out, the period of the first series.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub period: Option<usize>,
}

impl Params for Theta {}

/// What was estimated of a channel.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Lines {
    period: usize,
    /// The weight of the newest point.
    weight: f64,
}

impl Detector for Theta {
    const CARD: Card = Card {
        id: "theta",
        title: "Theta method",
        summary: "Points far from a forecast by a line and a smoothed line.",
        paper: "Assimakopoulos, Nikolopoulos 2000, IJF 16(4). doi:10.1016/S0169-2070(00)00066-2",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Residuals<Lines>>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        residuals::fit_score(train, run, |series, run| {
            let first = series.first().map_or(&[][..], Vec::as_slice);
            let period = self.period.unwrap_or_else(|| ranked_period(first, 1));
            let mut left = SEARCHED.max(4 * period);
            let mut searched = Vec::new();
            for points in series {
                let part = &points[..points.len().min(left)];
                left -= part.len();
                searched.push(without(part, &season(part, period)));
            }
            let squares = |at: &[f64]| -> Result<f64> {
                run.check()?;
                let weight = share(at[0]);
                Ok(searched.iter().flat_map(|points| forecast_errors(points, weight)).map(|e| e * e).sum())
            };
            let (at, _) = nelder_mead(squares, &[-1.0], 1.5, LIMITS)?;
            Ok(Lines { period, weight: share(at[0]) })
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        let searched = shape.n_parts.min(SEARCHED) as f64;
        Estimate {
            bytes: 64 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: d * (60.0 * shape.n_parts as f64 + 10.0 * LIMITS.n_calls as f64 * searched),
            score_nanos_per_row: 30.0 * d,
        }
    }
}

/// A weight between 0.001, which hardly forgets, and 1.
fn share(v: f64) -> f64 {
    0.001 + 0.999 / (1.0 + (-v).exp())
}

/// The season of the classical additive decomposition, phase by phase; none for fewer than two periods.
fn season(points: &[f64], period: usize) -> Vec<f64> {
    if period < 2 || points.len() < 2 * period {
        return Vec::new();
    }
    // A centred window of even length takes half of the points at both ends.
    let half = period / 2;
    let is_even = period.is_multiple_of(2);
    let mut sum: f64 = points[..2 * half].iter().sum();
    let mut sums = vec![(0.0, 0_usize); period];
    for t in half..points.len() - half {
        let (first, last) = (points[t - half], points[t + half]);
        let window = if is_even { sum + (last - first) / 2.0 } else { sum + last };
        let own = &mut sums[t % period];
        *own = (own.0 + points[t] - window / period as f64, own.1 + 1);
        sum += last - first;
    }
    let mut season: Vec<f64> = sums.iter().map(|&(sum, n)| sum / n.max(1) as f64).collect();
    let mean = season.iter().sum::<f64>() / period as f64;
    season.iter_mut().for_each(|s| *s -= mean);
    season
}

fn without(points: &[f64], season: &[f64]) -> Vec<f64> {
    if season.is_empty() {
        return points.to_vec();
    }
    points.iter().zip(season.iter().cycle()).map(|(x, s)| x - s).collect()
}

/// Errors of one-step forecasts of a series without season.
fn forecast_errors(points: &[f64], weight: f64) -> Vec<f64> {
    let mut lines = Running::default();
    let error = |&x: &f64| {
        let error = x - lines.forecast().unwrap_or(x);
        lines.push(x, weight);
        error
    };
    points.iter().map(error).collect()
}

/// Both lines as far as they are known.
#[derive(Default)]
struct Running {
    n: usize,
    /// Smoothed points and smoothed places.
    level: f64,
    place: f64,
    /// The mean of the points, and the sum of products of places and points, both from their means.
    mean: f64,
    product: f64,
}

impl Running {
    fn push(&mut self, x: f64, weight: f64) {
        let at = self.n as f64;
        if self.n == 0 {
            self.level = x;
        } else {
            self.level += weight * (x - self.level);
            self.place += weight * (at - self.place);
        }
        // Before this point, places have the mean (at - 1) / 2.
        let (of_place, of_point) = (at - (at - 1.0) / 2.0, x - self.mean);
        let count = at + 1.0;
        if self.n > 0 {
            self.product += of_place * of_point * at / count;
        }
        self.mean += of_point / count;
        self.n += 1;
    }

    fn slope(&self) -> f64 {
        let n = self.n as f64;
        // The sum of squares of places from their mean.
        if self.n < LINE_FROM { 0.0 } else { self.product / (n * (n * n - 1.0) / 12.0) }
    }

    fn forecast(&self) -> Option<f64> {
        (self.n > 0).then(|| self.level + self.slope() / 2.0 * (self.n as f64 - self.place))
    }
}

impl Predict for Lines {
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        Ok(forecast_errors(&without(points, &season(points, self.period)), self.weight))
    }

    fn is_sound(&self) -> bool {
        (1..=LONGEST).contains(&self.period) && (0.0..=1.0).contains(&self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, series, stands, wave};
    use proptest::prelude::*;
    use serde_json::json;

    /// The series of `golden/theta.py`.
    fn fixture(period: usize) -> Vec<f64> {
        let season = [3.0, 1.0, -2.0, 0.0, 4.0, -6.0];
        let at = |i: usize| {
            let bit = ((i * i * 7 + i * 13) % 101) as f64 / 101.0;
            0.1 * i as f64 + bit + if period > 1 { season[i % period] } else { (i as f64 / 11.0).sin() }
        };
        (0..80).map(at).collect()
    }

    /// statsmodels 0.15.0, `crates/temporal/golden/theta.py`: period, points, smoothing, forecast.
    #[test]
    fn matches_statsmodels() {
        let golden = [
            (1, 20, 0.793634093490389, 3.48285298436),
            (1, 79, 0.673959355768249, 9.18391166202),
            (6, 20, 0.641021730647207, 0.49332496903),
            (6, 79, 0.612857993699303, 9.6547036525),
            (5, 20, 0.686749586049293, 5.33274958287),
            (5, 79, 0.616486055926017, 12.4091060583),
        ];
        for (period, n, weight, want) in golden {
            let points = &fixture(period)[..n];
            let season = season(points, period);
            let mut lines = Running::default();
            without(points, &season).into_iter().for_each(|x| lines.push(x, weight));
            let got = lines.forecast().unwrap() + season.get(n % period).unwrap_or(&0.0);
            assert!((got - want).abs() < 1e-8, "{period} {n}: {got} {want}");
        }
    }

    proptest! {
        /// As the method is written: a line, a second line, smoothing, their mean, all anew.
        #[test]
        fn equals_two_lines(points in prop::collection::vec(-2.0..2.0_f64, 11..40), weight in 0.05..1.0_f64) {
            let mut lines = Running::default();
            points.iter().for_each(|&x| lines.push(x, weight));
            let n = points.len() as f64;
            let (place, mean) = ((n - 1.0) / 2.0, points.iter().sum::<f64>() / n);
            let from = |i: usize| i as f64 - place;
            let products = points.iter().enumerate().map(|(i, x)| from(i) * (x - mean)).sum::<f64>();
            let slope = products / (0..points.len()).map(|i| from(i).powi(2)).sum::<f64>();
            let line = |s: f64| mean + slope * (s - place);
            let curved = points.iter().enumerate().map(|(i, x)| 2.0 * x - line(i as f64));
            let smooth = curved.reduce(|level, z| level + weight * (z - level)).unwrap();
            let want = (line(n) + smooth) / 2.0;
            prop_assert!((lines.forecast().unwrap() - want).abs() < 1e-9);
        }
    }

    #[test]
    fn odd_points_are_found() {
        let mut points = wave(700, 24.0, 0.3);
        points.iter_mut().enumerate().for_each(|(i, v)| *v += i as f64 / 100.0);
        points[400] += 0.9;
        let (model, scores) = fit_score("theta", &json!({"period": 24}), &series(&[&points]));
        assert_eq!(highest(&scores), 400);
        assert_eq!(scores, model.score(&series(&[&points]), &Run::new(0)).unwrap());
    }

    #[test]
    fn stands_trials() {
        stands("theta", &[json!({}), json!({"period": 1}), json!({"period": 7})]);
    }
}
