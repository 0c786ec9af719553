//! Holt-Winters: errors of one-step forecasts by exponential smoothing of level, trend and season.
//!
//! # Idea
//! Level, slope and season are each a running mean in which newer points count more. Their sum forecasts the next point;
//! a point is odd as far as it is from its forecast. How fast each forgets is what forecasts the training series best.
//!
//! # Equations
//! `f_t = l + phi b + s_(t-m)`, `e_t = x_t - f_t`; then `l' = l + phi b + alpha e_t`, `b' = phi b + alpha beta e_t`,
//! `s_t = s_(t-m) + gamma e_t`: the additive method in its form of error correction, with `phi < 1` where `damped`. The
//! four are between 0 and 1 (`phi` between 0.8 and 0.998) and minimise the sum of `e_t^2` over training.
//! Score `|e_t - c| / u` with median `c` and scaled median absolute deviation `u` of the training errors.
//!
//! Each series begins anew: the slope is that between the means of its first two seasons, the season the mean of both
//! without slope, the level what that leaves before the first point.
//!
//! # Score
//! Robust deviations of training errors, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n) per channel and trial, 400 trials at most, on the first 20,000 points.
//!
//! # Use when / Avoid when
//! For series with a season whose level, slope and season may change slowly, judged point by point from the past alone.
//! Avoid for short seasons among noise, and where several seasons overlap: see [`stl_residual`](crate::StlResidual).
//!
//! # Degenerate input
//! A series of fewer than two seasons is forecast without a season; its first point is its first level, so it scores as an
//! error of 0.
//!
//! # Differences
//! First states are computed, not estimated with the rest: a season of hundreds of points would be hundreds of
//! parameters. The sums of squares leave out nothing, so one wild point in training makes the method forget less.
//!
//! # References
//! Winters 1960, Forecasting sales by exponentially weighted moving averages, Management Science 6(3).
//! doi:10.1287/mnsc.6.3.324. Gardner, McKenzie 1985, Forecasting trends in time series, Management Science 31(10).
//! doi:10.1287/mnsc.31.10.1237. Hyndman, Koehler, Ord, Snyder 2008, Forecasting with exponential smoothing, chapter 2.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::HoltWinters;
//! let wave = |i: usize| [0.0, 3.0, 1.0, 4.0][i % 4] + i as f32 / 50.0 + if i == 50 { 2.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((80, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![80] }, ..Features::rows(values) };
//! let method = HoltWinters { period: Some(4), ..HoltWinters::default() };
//! let (_, scores) = method.fit_score_on(&series, &Run::new(0)).unwrap();
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
/// The longest period.
const LONGEST: usize = 1_000_000;
/// Values of damping that are tried (Hyndman et al. 2008, section 2.7).
const DAMPING: [f64; 2] = [0.8, 0.998];
const LIMITS: SearchLimits = SearchLimits { n_calls: 400, tolerance: 1e-8 };

/// What a forecast is made of.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HoltWinters {
    /// Points of a season; 1 for none. Left out, the period of the first series.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub period: Option<usize>,
    /// Whether the slope fades out.
    pub damped: bool,
}

impl Params for HoltWinters {}

/// What was estimated of a channel.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Smoothing {
    period: usize,
    level: f64,
    slope: f64,
    season: f64,
    damping: f64,
}

impl Detector for HoltWinters {
    const CARD: Card = Card {
        id: "holt_winters",
        title: "Holt-Winters exponential smoothing",
        summary: "Points far from a forecast by running level, slope and season.",
        paper: "Winters 1960, Management Science 6(3). doi:10.1287/mnsc.6.3.324",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Residuals<Smoothing>>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        residuals::fit_score(train, run, |series, run| self.estimated(series, run))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        let searched = shape.n_parts.min(SEARCHED) as f64;
        Estimate {
            bytes: 48 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: d * (50.0 * shape.n_parts as f64 + 8.0 * LIMITS.n_calls as f64 * searched),
            score_nanos_per_row: 20.0 * d,
        }
    }
}

impl HoltWinters {
    /// The smoothing that forecasts the first points of the training series best.
    fn estimated(&self, series: &[Vec<f64>], run: &Run) -> Result<Smoothing> {
        let first = series.first().map_or(&[][..], Vec::as_slice);
        let period = self.period.unwrap_or_else(|| ranked_period(first, 1));
        let mut left = SEARCHED.max(4 * period);
        let mut searched = Vec::new();
        for points in series {
            searched.push(&points[..points.len().min(left)]);
            left -= searched[searched.len() - 1].len();
        }
        let of = |at: &[f64]| {
            let damping = at.get(3).map_or(1.0, |&v| DAMPING[0] + (DAMPING[1] - DAMPING[0]) * share(v));
            Smoothing { period, level: share(at[0]), slope: share(at[1]), season: share(at[2]), damping }
        };
        let squares = |at: &[f64]| -> Result<f64> {
            run.check()?;
            let smoothing = of(at);
            Ok(searched.iter().flat_map(|points| smoothing.forecast(points)).map(|e| e * e).sum())
        };
        // 0.27, 0.05 and 0.12; damping of 0.97.
        let start: &[f64] = if self.damped { &[-1.0, -3.0, -2.0, 1.7] } else { &[-1.0, -3.0, -2.0] };
        let (at, _) = nelder_mead(squares, start, 1.5, LIMITS)?;
        Ok(of(&at))
    }
}

/// A number between 0 and 1.
fn share(v: f64) -> f64 {
    1.0 / (1.0 + (-v).exp())
}

/// Level, slope and the season of the next points.
struct State {
    level: f64,
    slope: f64,
    season: Vec<f64>,
}

impl Smoothing {
    /// The state before the first point.
    fn start(&self, points: &[f64]) -> State {
        let m = self.period;
        if m < 2 || points.len() < 2 * m {
            return State { level: points.first().copied().unwrap_or(0.0), slope: 0.0, season: Vec::new() };
        }
        let mean = |part: &[f64]| part.iter().sum::<f64>() / m as f64;
        let (first, second) = (mean(&points[..m]), mean(&points[m..2 * m]));
        let slope = (second - first) / m as f64;
        // The line through the middles of both seasons.
        let line = |i: usize| first + slope * (i as f64 - (m - 1) as f64 / 2.0);
        let season = (0..m).map(|i| (points[i] - line(i) + points[i + m] - line(i + m)) / 2.0).collect();
        State { level: line(0) - slope, slope, season }
    }

    fn forecast(&self, points: &[f64]) -> Vec<f64> {
        self.forecast_from(self.start(points), points)
    }

    /// Errors of one-step forecasts.
    fn forecast_from(&self, state: State, points: &[f64]) -> Vec<f64> {
        let State { mut level, mut slope, mut season } = state;
        let mut phase = 0;
        let error = |&x: &f64| {
            let next = level + self.damping * slope;
            let error = x - next - season.get(phase).copied().unwrap_or(0.0);
            level = next + self.level * error;
            slope = self.damping * slope + self.level * self.slope * error;
            if let Some(own) = season.get_mut(phase) {
                *own += self.season * error;
                phase = if phase + 1 == season.len() { 0 } else { phase + 1 };
            }
            error
        };
        points.iter().map(error).collect()
    }
}

impl Predict for Smoothing {
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        Ok(self.forecast(points))
    }

    fn is_sound(&self) -> bool {
        let shares = [self.level, self.slope, self.season, self.damping];
        // With shares up to 1, what is kept of level and slope never grows by itself.
        (1..=LONGEST).contains(&self.period) && shares.iter().all(|v| (0.0..=1.0).contains(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, series, stands, wave};
    use serde_json::json;

    /// The series of `golden/holt_winters.py`.
    fn fixture() -> Vec<f64> {
        let season = [3.0, 1.0, -2.0, 0.0, 4.0, -6.0];
        let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f64 / 101.0;
        (0..90).map(|i| 5.0 + 0.1 * i as f64 + season[i % 6] + bit(i) + (i as f64 / 11.0).sin()).collect()
    }

    /// statsmodels 0.15.0, `crates/temporal/golden/holt_winters.py`: errors with states and smoothing given.
    #[test]
    fn matches_statsmodels_with_given_smoothing() {
        let golden: [(f64, [f64; 5]); 2] = [
            (1.0, [-0.1, 0.240803725489, -0.14812217981, 0.14132489683, -0.10456346607]),
            (0.9, [-0.09, 0.263523725489, -0.0191703649294, 0.158986994787, -0.0134902930868]),
        ];
        for (damping, want) in golden {
            let smoothing = Smoothing { period: 6, level: 0.4, slope: 0.3, season: 0.2, damping };
            let state = State { level: 5.0, slope: 0.1, season: vec![3.0, 1.0, -2.0, 0.0, 4.0, -6.0] };
            let errors = smoothing.forecast_from(state, &fixture());
            for (at, want) in [0, 1, 7, 50, 89].into_iter().zip(want) {
                assert!((errors[at] - want).abs() < 1e-9, "{damping} {at}: {} {want}", errors[at]);
            }
        }
    }

    /// From the same first states, statsmodels' minimum is no lower by more than a thousandth; it may be higher, since
    /// statsmodels holds the slope's smoothing below that of the level.
    #[test]
    fn the_minimum_is_that_of_statsmodels() {
        let golden = [(false, 10.2199748), (true, 10.0132984)];
        for (damped, want) in golden {
            let method = HoltWinters { period: Some(6), damped };
            let smoothing = method.estimated(&[fixture()], &Run::new(0)).unwrap();
            let sum: f64 = smoothing.forecast(&fixture()).iter().map(|e| e * e).sum();
            assert!(sum < 1.001 * want, "{sum} {want} {smoothing:?}");
        }
    }

    /// A season on a line is met from the first point on.
    #[test]
    fn first_states_are_exact_on_exact_series() {
        let points: Vec<f64> = (0..40).map(|i| [1.0, 0.0, 2.0, -3.0][i % 4] + 0.5 * i as f64).collect();
        let smoothing = Smoothing { period: 4, level: 0.5, slope: 0.1, season: 0.1, damping: 1.0 };
        assert!(smoothing.forecast(&points).iter().all(|e| e.abs() < 1e-12));
        let short = smoothing.forecast(&[3.0, 5.0]);
        assert_eq!(short, [0.0, 2.0]);
    }

    #[test]
    fn odd_points_are_found() {
        let mut points = wave(800, 24.0, 0.3);
        points.iter_mut().enumerate().for_each(|(i, v)| *v += i as f64 / 200.0);
        points[500] += 1.0;
        for params in [json!({}), json!({"period": 24, "damped": true})] {
            let (model, scores) = fit_score("holt_winters", &params, &series(&[&points]));
            assert_eq!(highest(&scores), 500, "{params}");
            let again = model.score(&series(&[&points]), &Run::new(0)).unwrap();
            assert_eq!(scores, again);
        }
    }

    #[test]
    fn stands_trials() {
        stands("holt_winters", &[json!({}), json!({"period": 1}), json!({"period": 7, "damped": true})]);
    }
}
