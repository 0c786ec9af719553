//! What STL leaves: distance from season and trend.
//!
//! # Idea
//! A series is taken apart into what recurs with every period, what changes slowly, and the rest. What belongs to neither
//! season nor trend is odd as far as it is large. Odd points are given little weight, so that they do not draw season and
//! trend to them.
//!
//! # Equations
//! `x_t = S_t + T_t + R_t` by local regression (STL; with several periods MSTL, `S` the sum of their seasons);
//! `s_t = |R_t - c| / u` with `c` and `u` the median and the scaled median absolute deviation of `R` in training. Seasons
//! are smoothed over `7 + 4 i` periods for the i-th shortest period; windows of trend and filter follow from the period
//! (Cleveland et al., section 3).
//!
//! # Score
//! Robust deviations of training residuals, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n) per channel and period, memory O(n).
//!
//! # Use when / Avoid when
//! For series with seasons of known or clear length that may change slowly. Avoid where nothing recurs, or where the
//! length of the season changes. Needs the whole series: a point's score depends on what comes after it too.
//!
//! # Degenerate input
//! Periods of half of a series and longer are left out; with none left, points are measured by the series' median.
//!
//! # Differences
//! Fits are made at every tenth point of a neighbourhood and interpolated, as R does; robust weights are set five times
//! with one inner pass each, which the paper calls safe (section 2.4); two inner passes without weights.
//!
//! # References
//! Cleveland, Cleveland, McRae, Terpenning 1990, STL, Journal of Official Statistics 6(1). Bandara, Hyndman, Bergmeir
//! 2021, MSTL, arXiv:2107.13462.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::StlResidual;
//! let wave = |i: usize| [0.0, 3.0, 1.0, 4.0][i % 4] + i as f32 / 50.0 + if i == 30 { 2.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((60, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![60] }, ..Features::rows(values) };
//! let method = StlResidual { period: Some(4), ..StlResidual::default() };
//! let (_, scores) = method.fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..60).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 30);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result,
    Run, Shape,
};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stl::{Stl, mstl};
use serde::{Deserialize, Serialize};

use crate::per_channel::PerChannel;
use crate::residuals::{self, Predict, Residuals};

/// The longest period.
const LONGEST: usize = 1_000_000;
/// More seasons than a day, a week, a month and a year have no use.
const MOST_PERIODS: usize = 8;
/// Times that the seasons of several periods are made from what the others leave (Bandara et al., section 3).
const ROUNDS: usize = 2;

/// What recurs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StlResidual {
    /// Points of a season. Left out, the period of the first series.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub period: Option<usize>,
    /// Points of seasons, where there are several, instead of `period`; at most 8.
    #[schemars(inner(range(min = 2, max = 1_000_000)))]
    pub periods: Vec<usize>,
    /// Whether points that fit badly are given less weight.
    pub robust: bool,
}

impl Default for StlResidual {
    fn default() -> Self {
        Self { period: None, periods: Vec::new(), robust: true }
    }
}

impl Params for StlResidual {
    fn check(&self) -> Result<()> {
        let refuse = |want: &str| {
            Err(Error::BadParameter {
                name: "periods".into(),
                got: format!("{:?}", self.periods),
                want: want.into(),
            })
        };
        if self.periods.len() > MOST_PERIODS {
            return refuse("at most 8 periods");
        }
        if self.period.is_some() && !self.periods.is_empty() {
            return refuse("none, since `period` is given too");
        }
        Ok(())
    }
}

/// The seasons of a channel.
#[derive(Serialize, Deserialize)]
pub struct Seasons {
    periods: Vec<usize>,
    robust: bool,
}

impl Detector for StlResidual {
    const CARD: Card = Card {
        id: "stl_residual",
        title: "STL residual",
        summary: "Points far from season and trend, for one period or several.",
        paper: "Cleveland et al. 1990, Journal of Official Statistics 6(1); Bandara et al. 2021, arXiv:2107.13462",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Residuals<Seasons>>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        residuals::fit_score(train, run, |series, _| {
            let first = series.first().map_or(&[][..], Vec::as_slice);
            let periods = if self.periods.is_empty() {
                vec![self.period.unwrap_or_else(|| ranked_period(first, 1))]
            } else {
                self.periods.clone()
            };
            Ok(Seasons { periods, robust: self.robust })
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n_decompositions = match self.periods.len() {
            0 | 1 => 1,
            n => n * ROUNDS,
        };
        let nanos = 300.0 * n_decompositions as f64 * shape.n_values as f64;
        Estimate {
            bytes: (96 + 8 * self.periods.len() as u64) * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: nanos * shape.n_parts as f64,
            score_nanos_per_row: nanos,
        }
    }
}

impl Predict for Seasons {
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let stl = |period, window_len| {
            let stl = Stl::with_seasonal(period, window_len).jumping();
            let (n_inner, n_outer) = if self.robust { (1, 5) } else { (2, 0) };
            Stl { n_inner, n_outer, ..stl }
        };
        Ok(mstl(points, &self.periods, stl, ROUNDS, run)?.residual)
    }

    fn is_sound(&self) -> bool {
        self.periods.len() <= MOST_PERIODS && self.periods.iter().all(|p| (2..=LONGEST).contains(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands, wave};
    use serde_json::json;

    /// One point off its season by less than the season's size, on a trend.
    #[test]
    fn odd_points_of_a_season_are_found() {
        let mut points: Vec<f64> = wave(600, 24.0, 0.2);
        points.iter_mut().enumerate().for_each(|(i, v)| *v += i as f64 / 100.0);
        points[300] += 0.8;
        for params in [json!({}), json!({"period": 24}), json!({"robust": false}), json!({"periods": [24]})] {
            let (_, scores) = fit_score("stl_residual", &params, &series(&[&points]));
            assert_eq!(highest(&scores), 300, "{params}");
        }
    }

    /// Two seasons: with one of them alone, the other hides the odd point.
    #[test]
    fn several_periods() {
        let day = |i: usize| (std::f64::consts::TAU * i as f64 / 12.0).sin();
        let week = |i: usize| if (i / 12) % 7 < 5 { 1.5 } else { 0.0 };
        let mut points: Vec<f64> = (0..1600).map(|i| day(i) + week(i) + 0.2 * noise(i)).collect();
        points[805] += 0.7;
        let (_, scores) = fit_score("stl_residual", &json!({"periods": [84, 12]}), &series(&[&points]));
        assert_eq!(highest(&scores), 805);
    }

    /// Scores of a new series are its own residuals in units of training.
    #[test]
    fn new_series_stand_for_themselves() {
        let train = wave(400, 20.0, 0.3);
        let (model, _) = fit_score("stl_residual", &json!({"period": 20}), &series(&[&train]));
        let mut new: Vec<f64> = wave(200, 20.0, 0.3).iter().map(|v| v + 50.0).collect();
        new[90] -= 2.0;
        let scores = model.score(&series(&[&new]), &Run::new(0)).unwrap();
        assert!(highest(&scores) == 90 && scores[90] > 10.0, "{}", scores[90]);
        let usual = scores.iter().filter(|&&s| s < 4.0).count();
        assert!(usual > 190, "{usual}");
    }

    #[test]
    fn parameters_are_checked() {
        let entry = crate::METHODS.iter().find(|e| e.card.id == "stl_residual").unwrap();
        for bad in [
            json!({"periods": [1]}),
            json!({"periods": [2, 3, 4, 5, 6, 7, 8, 9, 10]}),
            json!({"period": 5, "periods": [5]}),
        ] {
            assert!((entry.from_json)(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn stands_trials() {
        stands(
            "stl_residual",
            &[json!({}), json!({"period": 2, "robust": false}), json!({"periods": [30, 7]})],
        );
    }
}
