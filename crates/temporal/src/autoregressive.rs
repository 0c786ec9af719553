//! Autoregression: errors of linear forecasts from the points before.
//!
//! # Idea
//! The next point is forecast as a constant and a weighted sum of the last few points. The weights are those that forecast
//! the training series best; how many points are looked at is decided by a criterion that makes more of them cost. A point
//! is odd as far as it is from its forecast.
//!
//! # Equations
//! `e_t = x_t - c - sum over i in 1..=p of a_i x_(t-i)`, least squares over all points of training that have `p` points
//! before them. `p` minimises `n ln(RSS_p / n) + w (p + 1)` over the same points for all orders up to `max_order`, with `w`
//! 2 (Akaike) or `ln n` (Bayes). Score `|e_t - m| / u` with median `m` and scaled median absolute deviation `u` of the
//! training errors. The first `p` points of a series are forecast backwards from the `p` after them by the same weights: a
//! stationary normal process looks the same from both sides. A series of `p` to `2 p` points has the mean of the process,
//! or that of training where there is none, before it.
//!
//! # Score
//! Robust deviations of training errors, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n p) per channel with `p` the highest order, memory O(n).
//!
//! # Use when / Avoid when
//! For series without fixed seasons in which neighbours depend on each other, and for spikes among waves. Avoid where the
//! level jumps for good or where what is odd lasts: after a few points it forecasts itself.
//!
//! # Degenerate input
//! An order is at most a third of the training points. Lags that add nothing new to those before end the search, so a
//! constant series has order 0 and is forecast by its mean.
//!
//! # Differences
//! Errors count in robust deviations, since the training series may hold what is odd.
//!
//! # References
//! Box, Jenkins, Reinsel, Ljung 2015, Time series analysis, chapters 3 and 6 (least squares conditional on the first
//! points). Akaike 1974, IEEE TAC 19(6). doi:10.1109/TAC.1974.1100705. Schwarz 1978, Annals of Statistics 6(2).
//! doi:10.1214/aos/1176344136.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Autoregressive;
//! let wave = |i: usize| (i as f32 * 0.7).sin() + (i * i % 7) as f32 / 20.0 + if i == 70 { 1.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((100, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![100] }, ..Features::rows(values) };
//! let (_, scores) = Autoregressive::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 70);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use anomalyst_kernels::stats::Moments;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::per_channel::PerChannel;
use crate::residuals::{self, Predict, Residuals};

/// The highest order.
const HIGHEST: usize = 1000;
/// What is left of a lag when the part that others tell is taken out counts as nothing below this share of its square.
const NOTHING_NEW: f64 = 1e-10;
/// Products of lags that are summed before it is looked whether the run was stopped.
const STEPS: usize = 1 << 16;

/// How many points a forecast is made from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Autoregressive {
    /// The highest order that is tried.
    #[schemars(range(min = 1, max = 1000))]
    pub max_order: usize,
    /// What decides the order.
    pub criterion: Criterion,
}

/// What decides the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Akaike: 2 for each number.
    Aic,
    /// Bayes (Schwarz): the logarithm of the points for each number.
    #[default]
    Bic,
    /// The highest order is taken.
    Fixed,
}

impl Default for Autoregressive {
    fn default() -> Self {
        Self { max_order: 24, criterion: Criterion::Bic }
    }
}

impl Params for Autoregressive {}

/// What was estimated of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lags {
    /// The mean of training, from which points are measured.
    mean: f64,
    constant: f64,
    /// The newest lag first.
    weights: Vec<f64>,
}

impl Detector for Autoregressive {
    const CARD: Card = Card {
        id: "autoregressive",
        title: "Autoregression (AR)",
        summary: "Points far from a linear forecast by the points before.",
        paper: "Box, Jenkins 1970, Time series analysis; Akaike 1974. doi:10.1109/TAC.1974.1100705",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Residuals<Lags>>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        residuals::fit_score(train, run, |series, run| self.estimated(series, run))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (d, p) = (shape.n_values as f64, self.max_order as f64);
        Estimate {
            bytes: 40 * shape.n_parts as u64 * shape.n_values as u64 + 16 * (self.max_order as u64).pow(2),
            fit_nanos: d * ((60.0 + 4.0 * p) * shape.n_parts as f64 + p.powi(3)),
            score_nanos_per_row: d * (10.0 + 2.0 * p),
        }
    }
}

impl Autoregressive {
    fn estimated(&self, series: &[Vec<f64>], run: &Run) -> Result<Lags> {
        let moments: Moments = series.iter().flatten().copied().collect();
        let centered: Vec<Vec<f64>> =
            series.iter().map(|points| points.iter().map(|x| x - moments.mean()).collect()).collect();
        let n_points = moments.count() as usize;
        let longest = series.iter().map(Vec::len).max().unwrap_or(0);
        // At least two points for each number that is estimated.
        let highest = self.max_order.min(n_points / 3).min(longest / 3);
        let products = Products::of(&centered, highest, run)?;
        let order = match self.criterion {
            Criterion::Fixed => products.solved().n_solved.saturating_sub(1),
            Criterion::Aic => products.solved().order(2.0),
            Criterion::Bic => products.solved().order(products.n.max(2.0).ln()),
        };
        // With fewer lags more points have all of them before.
        let products = if order < highest { Products::of(&centered, order, run)? } else { products };
        let mut weights = products.solved().weights(order + 1);
        let constant = weights.remove(0);
        Ok(Lags { mean: moments.mean(), constant, weights })
    }
}

/// Sums over all points with `order` points before them of products of 1, the lags and the point itself.
struct Products {
    n: f64,
    /// The constant, the lags, the newest first, and last the point itself.
    sums: Array2<f64>,
}

impl Products {
    fn of(series: &[Vec<f64>], order: usize, run: &Run) -> Result<Self> {
        let size = order + 2;
        let mut all = Self { n: 0.0, sums: Array2::zeros((size, size)) };
        for points in series.iter().filter(|points| points.len() > order) {
            all.n += (points.len() - order) as f64;
            // Of lags i and j, the product at lags one further is that of one point earlier.
            let mut sums = Array2::<f64>::zeros((order + 1, order + 1));
            for j in 0..=order {
                sums[(0, j)] = product(points, order, j, run)?;
                for i in 1..=order.saturating_sub(j) {
                    let (first, last) = (order - i, points.len() - i);
                    let moved = points[first] * points[first - j] - points[last] * points[last - j];
                    sums[(i, i + j)] = sums[(i - 1, i + j - 1)] + moved;
                }
            }
            // Lag 0 is the point itself, which comes last.
            let place = |lag: usize| if lag == 0 { size - 1 } else { lag };
            for i in 0..=order {
                let sum: f64 = points[order - i..points.len() - i].iter().sum();
                all.sums[(0, place(i))] += sum;
                all.sums[(place(i), 0)] += sum;
                for j in i..=order {
                    all.sums[(place(i), place(j))] += sums[(i, j)];
                    if i != j {
                        all.sums[(place(j), place(i))] += sums[(i, j)];
                    }
                }
            }
        }
        all.sums[(0, 0)] = all.n;
        Ok(all)
    }

    /// The Cholesky factor row by row: what each further lag leaves of the squares stands in its last row.
    fn solved(&self) -> Solved {
        let size = self.sums.nrows();
        let mut lower = Array2::<f64>::zeros((size, size));
        let mut n_solved = size - 1;
        for i in 0..size {
            for j in 0..i.min(n_solved) {
                let done: f64 = (0..j).map(|k| lower[(i, k)] * lower[(j, k)]).sum();
                lower[(i, j)] = (self.sums[(i, j)] - done) / lower[(j, j)];
            }
            if i >= n_solved {
                continue;
            }
            let left = self.sums[(i, i)] - (0..i).map(|k| lower[(i, k)].powi(2)).sum::<f64>();
            if left > NOTHING_NEW * self.sums[(i, i)] {
                lower[(i, i)] = left.sqrt();
            } else {
                n_solved = i;
            }
        }
        Solved { n: self.n, total: self.sums[(size - 1, size - 1)], n_solved, lower }
    }
}

/// The sum of `x_t x_(t-lag)` over points with `order` points before.
fn product(points: &[f64], order: usize, lag: usize, run: &Run) -> Result<f64> {
    let (a, b) = (&points[order..], &points[order - lag..points.len() - lag]);
    let mut sum = 0.0;
    for (a, b) in a.chunks(STEPS).zip(b.chunks(STEPS)) {
        run.check()?;
        // Eight sums at once, added in one order on every machine.
        let mut sums = [0.0; 8];
        let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
        for (a, b) in a8.iter().zip(b8) {
            for k in 0..8 {
                sums[k] += a[k] * b[k];
            }
        }
        sum += sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>();
    }
    Ok(sum)
}

/// A decomposition that answers for all orders.
struct Solved {
    n: f64,
    total: f64,
    /// The constant and lags that tell something new.
    n_solved: usize,
    lower: Array2<f64>,
}

impl Solved {
    /// The order with the least criterion.
    fn order(&self, weight: f64) -> usize {
        let last = self.lower.nrows() - 1;
        let (mut left, mut best) = (self.total, (f64::INFINITY, 0));
        for k in 0..self.n_solved {
            left -= self.lower[(last, k)].powi(2);
            let share = (left / self.total).max(NOTHING_NEW);
            let value = self.n * share.ln() + weight * (k + 1) as f64;
            if value < best.0 {
                best = (value, k);
            }
        }
        best.1
    }

    /// Constant and weights with `size` numbers in all; 0 for those that tell nothing new.
    fn weights(&self, size: usize) -> Vec<f64> {
        let last = self.lower.nrows() - 1;
        let mut weights = vec![0.0; size.max(1)];
        for i in (0..size.min(self.n_solved)).rev() {
            let later: f64 = (i + 1..size.min(self.n_solved)).map(|k| self.lower[(k, i)] * weights[k]).sum();
            weights[i] = (self.lower[(last, i)] - later) / self.lower[(i, i)];
        }
        weights
    }
}

impl Predict for Lags {
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let p = self.weights.len();
        let points: Vec<f64> = points.iter().map(|x| x - self.mean).collect();
        let mut errors = Vec::with_capacity(points.len());
        if points.len() >= 2 * p {
            let backward = |t: usize| self.constant + dot(&self.weights, &points[t + 1..=t + p]);
            errors.extend((0..p).map(|t| points[t] - backward(t)));
        } else {
            let level = self.level();
            for t in 0..p.min(points.len()) {
                let known: f64 = self.weights.iter().zip(points[..t].iter().rev()).map(|(w, x)| w * x).sum();
                let before = self.weights[t..].iter().sum::<f64>() * level;
                errors.push(points[t] - (self.constant + known + before));
            }
        }
        let weights: Vec<f64> = self.weights.iter().rev().copied().collect();
        for t in p..points.len() {
            if t % STEPS == 0 {
                run.check()?;
            }
            errors.push(points[t] - (self.constant + dot(&weights, &points[t - p..t])));
        }
        Ok(errors)
    }

    fn is_sound(&self) -> bool {
        let all = || self.weights.iter().chain([&self.mean, &self.constant]);
        // Beyond this, sums over points of 32-bit size need not stay finite.
        self.weights.len() <= HIGHEST && all().all(|v| v.abs() <= 1e150)
    }
}

impl Lags {
    /// The mean of the process, measured from that of training; 0 where it has none.
    fn level(&self) -> f64 {
        let left = 1.0 - self.weights.iter().sum::<f64>();
        let level = self.constant / left;
        if left.abs() > 1e-3 { level } else { 0.0 }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands};
    use proptest::prelude::*;
    use serde_json::json;

    /// The series of `golden/autoregressive.py`.
    fn fixture() -> Vec<f64> {
        let mut y = vec![0.0; 400];
        for t in 0..400_usize {
            let bit = ((t * t * 7 + t * 13) % 101) as f64 / 101.0 + ((t * t * t + 5 * t) % 89) as f64 / 89.0;
            let lag = |i: usize| if t >= i { y[t - i] } else { 0.0 };
            y[t] = 2.0 + 0.6 * lag(1) - 0.5 * lag(2) + 0.3 * lag(3) + bit;
        }
        y
    }

    fn fitted(max_order: usize, criterion: Criterion, series: &[Vec<f64>]) -> Lags {
        Autoregressive { max_order, criterion }.estimated(series, &Run::new(0)).unwrap()
    }

    /// statsmodels 0.15.0, `crates/temporal/golden/autoregressive.py`: constant and weights, then errors.
    #[test]
    fn matches_statsmodels() {
        let golden: [(&[f64], [f64; 4]); 2] = [
            (
                &[2.92429431708, 0.407859699496],
                [-0.27457818375, -0.220969457606, -0.816130147685, -0.0738381346432],
            ),
            (
                &[3.40494705888, 0.566281024344, -0.408324432923, 0.152865923249],
                [-0.817886497756, -0.25762359406, 0.275101324363, -0.13670453636],
            ),
        ];
        for (want, errors) in golden {
            let p = want.len() - 1;
            let got = fitted(p, Criterion::Fixed, &[fixture()]);
            // Measured from the mean, the constant is another.
            let constant = got.constant + got.mean * (1.0 - got.weights.iter().sum::<f64>());
            let all = std::iter::once(&constant).chain(&got.weights);
            assert!(
                all.zip(want).all(|(a, b)| (a - b).abs() < 1e-7),
                "{constant} {:?} {want:?}",
                got.weights
            );
            let own = got.errors(&fixture(), &Run::new(0)).unwrap();
            let at = [p, p + 5, p + 100, 399];
            assert!(at.iter().zip(errors).all(|(&t, want)| (own[t] - want).abs() < 1e-7));
        }
        let order = |criterion| fitted(12, criterion, &[fixture()]).weights.len();
        assert_eq!([order(Criterion::Aic), order(Criterion::Bic)], [10, 4]);
    }

    proptest! {
        /// Sums that move from lag to lag are the sums, over several series.
        #[test]
        fn products_are_their_sums(
            a in prop::collection::vec(-2.0..2.0_f64, 1..30), b in prop::collection::vec(-2.0..2.0_f64, 1..30), order in 0..6_usize,
        ) {
            let series = [a, b];
            let got = Products::of(&series, order, &Run::new(0)).unwrap();
            let mut want = Array2::<f64>::zeros((order + 2, order + 2));
            for points in &series {
                for t in order..points.len() {
                    let lags = (1..=order).map(|i| points[t - i]);
                    let row: Vec<f64> = std::iter::once(1.0).chain(lags).chain([points[t]]).collect();
                    for i in 0..row.len() {
                        (0..row.len()).for_each(|j| want[(i, j)] += row[i] * row[j]);
                    }
                }
            }
            prop_assert!((&got.sums - &want).iter().all(|v| v.abs() < 1e-9));
        }
    }

    /// A wave is its own forecast from two points: 2 cos(w) and -1.
    #[test]
    fn waves_forecast_themselves() {
        let wave: Vec<f64> = (0..300).map(|i| (0.3 * f64::from(i)).sin()).collect();
        let got = fitted(2, Criterion::Fixed, std::slice::from_ref(&wave));
        assert!((got.weights[0] - 2.0 * 0.3_f64.cos()).abs() < 1e-6 && (got.weights[1] + 1.0).abs() < 1e-6);
        assert!(got.errors(&wave, &Run::new(0)).unwrap().iter().all(|e| e.abs() < 1e-6));
        assert!(fitted(9, Criterion::Bic, &[vec![4.0; 50]]).weights.is_empty());
    }

    #[test]
    fn odd_points_are_found_at_the_edges_too() {
        let mut points: Vec<f64> = (0..500).map(|i| (0.3 * i as f64).sin() + 0.2 * noise(i)).collect();
        for at in [0, 1, 250, 499] {
            points[at] += 0.8;
            for params in
                [json!({}), json!({"criterion": "aic"}), json!({"criterion": "fixed", "max_order": 10})]
            {
                let (_, scores) = fit_score("autoregressive", &params, &series(&[&points]));
                assert_eq!(highest(&scores), at, "{params}");
            }
            points[at] -= 0.8;
        }
    }

    #[test]
    fn stands_trials() {
        let params = [
            json!({}),
            json!({"criterion": "fixed", "max_order": 40}),
            json!({"max_order": 1, "criterion": "aic"}),
        ];
        stands("autoregressive", &params);
    }
}
