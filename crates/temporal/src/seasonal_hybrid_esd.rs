//! Seasonal hybrid ESD: the generalised test for outliers on what season and median leave, with median and MAD.
//!
//! # Idea
//! Take out of the series what recurs, and its median instead of a trend that odd points would bend. Of what is left, take
//! away the point that is farthest from the median, measure the others anew without it, and so on: points that hid behind
//! larger ones come out in their turn.
//!
//! # Equations
//! `r_t = x_t - S_t - median(x)`, with `S` the season of a robust STL in which all seasons are alike. With `A_1` all points
//! and `A_(i+1)` those without the one taken at step `i`: `R_i = max |r - m_i| / d_i` over `A_i`, `m_i` and `d_i` the median
//! and the scaled median absolute deviation of `A_i`. A point taken at step `i` scores `max(R_i, R_(i+1), ..)`: the test
//! declares it an outlier when any later statistic is beyond its limit. Points never taken score their own distance in the
//! last `m` and `d`. A new series is taken apart by itself and measured in these.
//!
//! # Score
//! Robust standard deviations, 0 and up, not rising in the order in which points are taken. With several channels, see the
//! crate's `per_channel`.
//!
//! # Complexity
//! O(n log n) per channel: what is taken lies at an end of the sorted points, so the test needs O(log n) per step.
//!
//! # Use when / Avoid when
//! For single odd points of series with a fixed season and a level that stays, also where there are many of them. Avoid
//! where level or season change: there is no trend here on purpose, see [`stl_residual`](crate::StlResidual).
//!
//! # Degenerate input
//! A series of two periods or less is measured without a season. Deviations count as at least a hundredth of the first.
//!
//! # Differences
//! There are no limits from Student's distribution, since scores are not decisions. All seasons alike are means of phases,
//! not a smoother over ten times the series.
//!
//! # References
//! Hochenbaum, Vallis, Kejariwal 2017, Automatic anomaly detection in the cloud via statistical learning,
//! arXiv:1704.07706. Rosner 1983, Percentage points for a generalized ESD many-outlier procedure, Technometrics 25(2).
//! doi:10.1080/00401706.1983.10487848.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::SeasonalHybridEsd;
//! let wave = |i: usize| [0.0, 3.0, 1.0, 4.0][i % 4] + (i % 5) as f32 / 10.0 - if i == 30 { 3.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((60, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![60] }, ..Features::rows(values) };
//! let method = SeasonalHybridEsd { period: Some(4), ..SeasonalHybridEsd::default() };
//! let (_, scores) = method.fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..60).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 30); // 1 is a usual value, but not at its phase
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median};
use anomalyst_kernels::stl::Stl;
use serde::{Deserialize, Serialize};

use crate::errors::ErrorScale;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// The least deviation that counts, as a share of that of all points.
const LEAST_SHARE: f64 = 0.01;
/// The longest period.
const LONGEST: usize = 1_000_000;
/// Steps of the test after which it is looked whether the run was stopped.
const STEPS: usize = 1 << 14;

/// What recurs, and how many points may be odd.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeasonalHybridEsd {
    /// Points of a season. Left out, the period of the first series.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub period: Option<usize>,
    /// The share of points that are taken away in turn; more may not be odd without hiding each other.
    #[schemars(range(min = 0.0, max = 0.49))]
    pub taken_frac: f64,
}

impl Default for SeasonalHybridEsd {
    /// A tenth, as the authors' program has it.
    fn default() -> Self {
        Self { period: None, taken_frac: 0.1 }
    }
}

impl Params for SeasonalHybridEsd {}

/// What is kept of a channel.
pub struct Remainder {
    period: usize,
    end: Measure,
}

/// Median and deviation.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Measure {
    median: f64,
    deviation: f64,
}

impl Measure {
    fn distance(self, value: f64) -> f64 {
        (value - self.median).abs() / self.deviation
    }
}

impl Detector for SeasonalHybridEsd {
    const CARD: Card = Card {
        id: "seasonal_hybrid_esd",
        title: "Seasonal hybrid ESD (S-H-ESD)",
        summary: "Points that a robust test takes out in turn after season and median.",
        paper: "Hochenbaum, Vallis, Kejariwal 2017, arXiv:1704.07706",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Remainder>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let first = series.first().map_or(&[][..], Vec::as_slice);
            let period = self.period.unwrap_or_else(|| ranked_period(first, 1));
            let parts: Vec<Vec<f64>> =
                series.iter().map(|points| remainder(points, period, run)).collect::<Result<_>>()?;
            let (end, scores) = test(&parts.concat(), self.taken_frac, run)?;
            let mut scores = scores.into_iter();
            let scores = parts.iter().map(|part| scores.by_ref().take(part.len()).collect()).collect();
            Ok((Remainder { period, end }, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        Estimate {
            bytes: 120 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 400.0 * d * shape.n_parts as f64,
            score_nanos_per_row: 250.0 * d,
        }
    }
}

/// The series without season and median.
fn remainder(points: &[f64], period: usize, run: &Run) -> Result<Vec<f64>> {
    if points.is_empty() {
        return Ok(Vec::new());
    }
    let center = median(&mut points.to_vec());
    if points.len() <= 2 * period {
        return Ok(points.iter().map(|x| x - center).collect());
    }
    // Section 2.4 of the paper of STL: five weightings with one inner pass are safe.
    let stl = Stl { n_inner: 1, n_outer: 5, ..Stl::periodic(period).jumping() };
    let parts = stl.decompose(points, run)?;
    Ok(points.iter().zip(&parts.seasonal[0]).map(|(x, season)| x - season - center).collect())
}

/// Takes points away in turn; the measure of what is left, and the score of every point.
fn test(values: &[f64], taken_frac: f64, run: &Run) -> Result<(Measure, Vec<f64>)> {
    let usual = ErrorScale::robust(values, values).unit();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let sorted: Vec<f64> = order.iter().map(|&i| values[i]).collect();
    let (mut low, mut high) = (0, values.len());
    let n_taken = (taken_frac * values.len() as f64) as usize;
    let mut taken = Vec::with_capacity(n_taken);
    let mut measure = measured(&sorted, LEAST_SHARE * usual);
    while taken.len() < n_taken {
        if taken.len() % STEPS == 0 {
            run.check()?;
        }
        // The farthest is the lowest or the highest.
        let from_low = measure.distance(sorted[low]) >= measure.distance(sorted[high - 1]);
        let at = if from_low { low } else { high - 1 };
        taken.push((order[at], measure.distance(sorted[at])));
        (low, high) = if from_low { (low + 1, high) } else { (low, high - 1) };
        measure = measured(&sorted[low..high], LEAST_SHARE * usual);
    }
    let mut scores: Vec<f64> = values.iter().map(|&value| measure.distance(value)).collect();
    let mut highest = order[low..high].iter().map(|&i| scores[i]).fold(0.0, f64::max);
    for &(point, statistic) in taken.iter().rev() {
        highest = f64::max(highest, statistic);
        scores[point] = highest;
    }
    Ok((measure, scores))
}

/// Median and scaled median absolute deviation of ascending values.
fn measured(sorted: &[f64], least: f64) -> Measure {
    let n = sorted.len();
    if n == 0 {
        return Measure { median: 0.0, deviation: least };
    }
    let median = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
    // The `k` values closest to the median are neighbours; the first of them is sought.
    let k = (n - 1) / 2 + 1;
    let (mut low, mut high) = (0, n - k);
    while low < high {
        let mid = usize::midpoint(low, high);
        if sorted[mid + k] - median < median - sorted[mid] {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    let distance = |i: usize| (sorted[i] - median).abs();
    let inner = distance(low).max(distance(low + k - 1));
    let mut outer = if low > 0 { distance(low - 1) } else { f64::INFINITY };
    if low + k < n {
        outer = outer.min(distance(low + k));
    }
    let deviation = if n % 2 == 1 { inner } else { f64::midpoint(inner, outer) };
    Measure { median, deviation: (MAD_TO_SIGMA * deviation).max(least) }
}

impl ChannelModel for Remainder {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let remainder = remainder(points, self.period, run)?;
        Ok(remainder.into_iter().map(|value| self.end.distance(value)).collect())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("period", &self.period)?;
        out.put_json("end", &self.end)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (period, end): (usize, Measure) = (from.json("period")?, from.json("end")?);
        let is_sound = end.median.is_finite() && end.deviation.is_finite() && end.deviation > 0.0;
        if !(2..=LONGEST).contains(&period) || !is_sound {
            return Err(Error::model("the period or the usual remainder of a channel is not possible"));
        }
        Ok(Self { period, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, series, stands, wave};
    use anomalyst_kernels::stats::median_and_mad;
    use proptest::prelude::*;
    use serde_json::json;

    /// The test as it is written: everything measured anew at each step.
    fn plainly(values: &[f64], n_taken: usize) -> Vec<f64> {
        let mut left: Vec<usize> = (0..values.len()).collect();
        let measure = |left: &[usize]| {
            let (median, mad) = median_and_mad(&mut left.iter().map(|&i| values[i]).collect::<Vec<_>>());
            Measure { median, deviation: MAD_TO_SIGMA * mad }
        };
        let mut taken = Vec::new();
        for _ in 0..n_taken {
            let measure = measure(&left);
            let farthest = |&a: &usize, &b: &usize| {
                measure.distance(values[left[a]]).total_cmp(&measure.distance(values[left[b]]))
            };
            let at = (0..left.len()).max_by(farthest).unwrap();
            let point = left.remove(at);
            taken.push((point, measure.distance(values[point])));
        }
        let end = measure(&left);
        let mut scores: Vec<f64> = values.iter().map(|&v| end.distance(v)).collect();
        let mut most = left.iter().map(|&i| scores[i]).fold(0.0, f64::max);
        for (point, statistic) in taken.into_iter().rev() {
            most = most.max(statistic);
            scores[point] = most;
        }
        scores
    }

    proptest! {
        #[test]
        fn equals_the_test_as_written(values in prop::collection::vec(-3.0..3.0_f64, 12..60)) {
            let (_, got) = test(&values, 0.3, &Run::new(0)).unwrap();
            let want = plainly(&values, (0.3 * values.len() as f64) as usize);
            prop_assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-9 * b.max(1.0)), "{:?} {:?}", got, want);
        }
    }

    /// 8, then 100: with 100 in it, 8 is 4 deviations off, and without it more.
    #[test]
    fn what_hid_comes_out() {
        let values = [-1.0, 0.0, 1.0, 2.0, -2.0, 0.5, -0.5, 8.0, 100.0];
        let (end, scores) = test(&values, 0.25, &Run::new(0)).unwrap();
        assert_eq!((end.median, end.deviation), (0.0, MAD_TO_SIGMA));
        let first = measured(&[-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 8.0, 100.0], 0.0);
        assert_eq!((scores[8], first.median), (first.distance(100.0), 0.5));
        assert_eq!(scores[7], measured(&[-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 8.0], 0.0).distance(8.0));
        assert!(scores[7] > first.distance(8.0) && scores[3] == 2.0 / MAD_TO_SIGMA);
    }

    /// One point in fifteen is odd, by less than the season's size.
    #[test]
    fn many_odd_points_of_a_season_are_found() {
        let mut points = wave(600, 24.0, 0.2);
        (20..600).step_by(30).for_each(|i| points[i] += if points[i] > 0.0 { -0.9 } else { 0.9 });
        let (model, scores) = fit_score("seasonal_hybrid_esd", &json!({"period": 24}), &series(&[&points]));
        let (odd, usual): (Vec<usize>, Vec<usize>) = (0..600).partition(|i| i % 30 == 20);
        let least = odd.iter().map(|&i| scores[i]).fold(f32::MAX, f32::min);
        assert!(usual.iter().all(|&i| scores[i] < least));
        let mut new = wave(240, 24.0, 0.2);
        new[100] += 1.0;
        assert_eq!(highest(&model.score(&series(&[&new]), &Run::new(0)).unwrap()), 100);
    }

    #[test]
    fn stands_trials() {
        let params =
            [json!({}), json!({"period": 2}), json!({"taken_frac": 0.0}), json!({"taken_frac": 0.49})];
        stands("seasonal_hybrid_esd", &params);
    }
}
