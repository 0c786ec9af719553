//! Change points by PELT: how much is gained by letting the series change at a point.
//!
//! # Idea
//! The series is cut into segments with a level, or a level and a size of noise, of their own, in the best way when every
//! cut costs something. A cut is odd as far as the two segments beside it differ: by how much better two segments describe
//! that stretch than one. Everywhere else a point is as odd as a cut there would be worth within a window.
//!
//! # Equations
//! Cuts `t_1 < .. < t_m` minimise `sum C(x_(t_k) .. x_(t_(k+1) - 1)) + b m`. `C` of a segment of `l` points with variance
//! `v` is `l v` (`mean`) or `l ln v` (`mean_and_variance`), of points in units `u` of their noise. `b = penalty q ln n`
//! with `n` the points of the series and `q` 2 or 3, the numbers that a cut adds. The gain of a cut is
//! `g_k = C(t_(k-1)..t_(k+1)) - C(t_(k-1)..t_k) - C(t_k..t_(k+1))`, that of a point `G_t` the same with `h` points to each
//! side of it, `h` half of the `window`. Score `max(G_t, max over k of g_k (1 - |t - t_k| / (h + 1)))`.
//! `u^2 = v_d (1 + r) / (2 (1 - r)^2)` with `v_d` the mean square of differences of neighbours in training and `r`
//! one more than twice the correlation of such a difference with the next, within 0 and 0.9: the long-run variance of a
//! process whose neighbours are correlated by `r`, which level shifts do not change.
//!
//! # Score
//! A gain in cost, 0 and up: about twice a log likelihood ratio. A cut stands at the first point of the later segment. With
//! several channels, see the crate's `per_channel`. A series of fewer than 2 points scores 0.
//!
//! # Complexity
//! Between O(n) and O(4096 n) per channel: where there are no changes, all earlier points of a block stay possible cuts.
//! Memory O(n). Only the unit is learned; each series is cut anew.
//!
//! # Use when / Avoid when
//! For levels that shift, restarts, and regimes that change. Avoid on series with seasons: each half of a season is a
//! segment, and only what exceeds them stands out.
//!
//! # Differences
//! Series of more than 4,096 points are cut in blocks of equal size, and the places where blocks meet stay cuts only if they
//! gain more than the penalty: the time stays linear. Differences beyond 5 robust deviations count as that many for the
//! unit, and points at most 10,000 units from the mean. Segments of `min_segment` points make pruning wait that long,
//! which the paper does not say and exactness needs. Variances count as at least 1e-8 in squared units.
//!
//! # References
//! Killick, Fearnhead, Eckley 2012, Optimal detection of changepoints with a linear computational cost, JASA 107(500).
//! doi:10.1080/01621459.2012.737745.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Pelt;
//! let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 101.0;
//! let values = ndarray::Array2::from_shape_fn((300, 1), |(i, _)| bit(i) + if i < 170 { 0.0 } else { 1.0 });
//! let series = Features { layout: Layout::Sequences { ends: vec![300] }, ..Features::rows(values) };
//! let (_, scores) = Pelt::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..300).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!(highest.abs_diff(170) <= 1);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::change_points::{SegmentCost, Segments, pelt};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, Moments, median};
use serde::{Deserialize, Serialize};

use crate::per_channel::{self, ChannelModel, PerChannel};

/// Points that are cut together.
const BLOCK: usize = 4096;
/// Points farther from the mean, in units, count as this far.
const FARTHEST: f64 = 1e4;
/// Differences beyond this many robust deviations count as this many.
const WILD: f64 = 5.0;
/// The strongest correlation of neighbours that the unit allows for.
const STRONGEST: f64 = 0.9;
/// The least unit, as a share of the deviation of the points.
const LEAST_SHARE: f64 = 1e-6;
/// The least variance of a segment, in squared units.
const LEAST_VARIANCE: f64 = 1e-8;
/// Points of the longest window.
const LONGEST: usize = 10_000;

/// What changes, what a change costs, and how far it is felt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pelt {
    /// What segments have of their own.
    pub cost: PeltCost,
    /// What a cut costs, in multiples of the Bayesian information criterion's.
    #[schemars(range(min = 0.001, max = 10_000.0))]
    pub penalty: f64,
    /// Points of the shortest segment; 2 at least where variances differ.
    #[schemars(range(min = 1, max = 1000))]
    pub min_segment: usize,
    /// Points around a cut over which its score decays. Left out, the period of the longest training series.
    #[schemars(range(min = 2, max = 10_000))]
    pub window: Option<usize>,
}

/// What segments have of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeltCost {
    /// A level.
    #[default]
    Mean,
    /// A level and a size of noise.
    MeanAndVariance,
}

impl Default for Pelt {
    fn default() -> Self {
        Self { cost: PeltCost::Mean, penalty: 1.0, min_segment: 1, window: None }
    }
}

impl Params for Pelt {}

/// What is kept of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    cost: PeltCost,
    penalty: f64,
    min_segment: usize,
    half_window: usize,
    center: f64,
    unit: f64,
}

impl Detector for Pelt {
    const CARD: Card = Card {
        id: "pelt",
        title: "Change points (PELT)",
        summary: "Points at which the level, or level and noise, change.",
        paper: "Killick, Fearnhead, Eckley 2012, JASA 107(500). doi:10.1080/01621459.2012.737745",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = PerChannel<Changes>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        // What is usual of a channel's scores takes the cuts, too.
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let model = self.learned(series);
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        // All earlier points of a block are looked at where nothing changes.
        let per_point = 50.0 + 1.0 * shape.n_parts.min(BLOCK) as f64;
        Estimate {
            bytes: 80 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: per_point * d * shape.n_parts as f64,
            score_nanos_per_row: per_point * d,
        }
    }
}

impl Pelt {
    fn learned(&self, series: &[Vec<f64>]) -> Changes {
        let moments: Moments = series.iter().flatten().copied().collect();
        let longest = series.iter().rev().max_by_key(|points| points.len()).map_or(&[][..], Vec::as_slice);
        let window = self.window.unwrap_or_else(|| ranked_period(longest, 1).min(longest.len()));
        let least = match self.cost {
            PeltCost::Mean => 1,
            PeltCost::MeanAndVariance => 2,
        };
        Changes {
            cost: self.cost,
            penalty: self.penalty,
            min_segment: self.min_segment.max(least),
            half_window: (window / 2).max(1),
            center: moments.mean(),
            unit: noise(series).max(LEAST_SHARE * moments.std_dev()).max(f64::from(f32::MIN_POSITIVE)),
        }
    }
}

/// The root of the long-run variance, from differences of neighbours.
pub(crate) fn noise(series: &[Vec<f64>]) -> f64 {
    let differences = |points: &Vec<f64>| points.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let steps: Vec<Vec<f64>> = series.iter().map(differences).collect();
    let mut sizes: Vec<f64> = steps.iter().flatten().map(|step| step.abs()).collect();
    if sizes.is_empty() {
        return 0.0;
    }
    let most = WILD * MAD_TO_SIGMA * median(&mut sizes);
    let held = |step: f64| if most > 0.0 { step.clamp(-most, most) } else { step };
    let squares: Moments = steps.iter().flatten().map(|&step| held(step).powi(2)).collect();
    let pairs = steps.iter().flat_map(|steps| steps.windows(2));
    let products: Moments = pairs.map(|pair| held(pair[0]) * held(pair[1])).collect();
    let square = squares.mean();
    let r = (1.0 + 2.0 * products.mean() / square.max(f64::MIN_POSITIVE)).clamp(0.0, STRONGEST);
    (square * (1.0 + r) / 2.0).sqrt() / (1.0 - r)
}

impl ChannelModel for Changes {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        let z = |x: &f64| ((x - self.center) / self.unit).clamp(-FARTHEST, FARTHEST);
        let values: Vec<f64> = points.iter().map(z).collect();
        let cost = match self.cost {
            PeltCost::Mean => SegmentCost::Mean,
            PeltCost::MeanAndVariance => SegmentCost::Normal(LEAST_VARIANCE),
        };
        let (segments, n, h) = (Segments::new(&values, cost), values.len(), self.half_window);
        let local = |t: usize| segments.gain(t.saturating_sub(h), t, (t + h).min(n)).max(0.0);
        let mut scores: Vec<f64> = (0..n).map(local).collect();
        for (at, gain) in self.cuts(&segments, run)? {
            for (t, score) in scores.iter_mut().enumerate().take(at + h + 1).skip(at.saturating_sub(h)) {
                *score = score.max(gain * (1.0 - t.abs_diff(at) as f64 / (h + 1) as f64));
            }
        }
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("changes", self)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let read: Self = from.json("changes")?;
        let is_sound = read.penalty.is_finite()
            && read.penalty >= 0.0
            && (1..=1000).contains(&read.min_segment)
            && (1..=LONGEST).contains(&read.half_window)
            && read.center.abs() <= 1e150
            && read.unit > 0.0
            && read.unit <= 1e150;
        if !is_sound {
            return Err(Error::model("what was learned of the changes of a channel is not possible"));
        }
        Ok(read)
    }
}

impl Changes {
    /// Where the series is cut, and what each cut gains over leaving it out.
    fn cuts(&self, segments: &Segments, run: &Run) -> Result<Vec<(usize, f64)>> {
        let n = segments.len();
        let numbers = match self.cost {
            PeltCost::Mean => 2.0,
            PeltCost::MeanAndVariance => 3.0,
        };
        let penalty = self.penalty * numbers * (n.max(2) as f64).ln();
        let n_blocks = n.div_ceil(BLOCK);
        // Edges of segments, those of blocks among them.
        let mut edges = vec![0];
        for block in 0..n_blocks {
            let range = block * n / n_blocks..(block + 1) * n / n_blocks;
            edges.extend(pelt(segments, range.clone(), self.min_segment, penalty, run)?);
            edges.push(range.end);
        }
        for block in 1..n_blocks {
            let edge = block * n / n_blocks;
            if let Ok(i) = edges.binary_search(&edge)
                && segments.gain(edges[i - 1], edge, edges[i + 1]) <= penalty
            {
                edges.remove(i);
            }
        }
        let gain = |e: &[usize]| (e[1], segments.gain(e[0], e[1], e[2]).max(0.0));
        Ok(edges.windows(3).map(gain).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise as bit, series, stands};
    use serde_json::json;

    /// Two levels without noise: `n/2 * n/2 / n` times the square of their difference is gained, in squares of the unit.
    #[test]
    fn gains_in_closed_form() {
        let points: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i >= 20))).collect();
        let model = Changes {
            cost: PeltCost::Mean,
            penalty: 1.0,
            min_segment: 1,
            half_window: 4,
            center: 0.5,
            unit: 0.5,
        };
        let scores = model.score(&points, &Run::new(0)).unwrap();
        assert!((scores[20] - 40.0).abs() < 1e-9, "{}", scores[20]);
        for (t, share) in [(16, 0.2), (19, 0.8), (21, 0.8), (24, 0.2)] {
            assert!((scores[t] - 40.0 * share).abs() < 1e-9, "{t} {}", scores[t]);
        }
        assert!(scores[..16].iter().chain(&scores[25..]).all(|&s| s == 0.0));
    }

    /// White noise has its own variance, correlated noise a larger one, and a jump changes neither by much.
    #[test]
    fn units_are_long_run_deviations() {
        let white: Vec<f64> = (0..4000).map(bit).collect();
        let sigma = (1.0_f64 / 12.0).sqrt();
        let got = noise(std::slice::from_ref(&white));
        assert!((got / sigma - 1.0).abs() < 0.1, "{got}");
        let mut last = 0.0;
        let slow: Vec<f64> = white
            .iter()
            .map(|v| {
                last = 0.6 * last + v;
                last
            })
            .collect();
        let want = sigma / 0.4;
        let got = noise(std::slice::from_ref(&slow));
        // The correlation is estimated to about 0.03, which 1 / (1 - r) enlarges.
        assert!((got / want - 1.0).abs() < 0.25, "{got} {want}");
        let jumps: Vec<f64> =
            slow.iter().enumerate().map(|(i, v)| v + if i < 2000 { 0.0 } else { 50.0 }).collect();
        assert!((noise(&[jumps]) / got - 1.0).abs() < 0.05);
        assert_eq!((noise(&[vec![1.0; 9]]), noise(&[])), (0.0, 0.0));
    }

    /// In a series of several blocks, cuts within and where blocks meet, and none where nothing changes.
    #[test]
    fn blocks_leave_no_trace() {
        let n = 3 * BLOCK;
        let level = |i: usize| if (5000..2 * BLOCK).contains(&i) { 1.0 } else { 0.0 };
        let points: Vec<f64> = (0..n).map(|i| level(i) + 0.3 * bit(i)).collect();
        let model = Pelt::default().learned(std::slice::from_ref(&points));
        let values: Vec<f64> = points.iter().map(|x| (x - model.center) / model.unit).collect();
        let segments = Segments::new(&values, SegmentCost::Mean);
        let cuts: Vec<usize> =
            model.cuts(&segments, &Run::new(0)).unwrap().into_iter().map(|cut| cut.0).collect();
        assert_eq!(cuts, [5000, 2 * BLOCK]);
    }

    #[test]
    fn changes_of_level_and_of_noise_are_found() {
        for at in [3, 150, 296] {
            let points: Vec<f64> = (0..300).map(|i| bit(i) + if i < at { 0.0 } else { 3.0 }).collect();
            let (_, scores) = fit_score("pelt", &json!({}), &series(&[&points]));
            assert!(highest(&scores).abs_diff(at) <= 1, "{at} {}", highest(&scores));
        }
        let points: Vec<f64> = (0..300).map(|i| bit(i) * if i < 200 { 1.0 } else { 5.0 }).collect();
        let params = json!({"cost": "mean_and_variance", "min_segment": 5});
        let (_, scores) = fit_score("pelt", &params, &series(&[&points]));
        assert!(highest(&scores).abs_diff(200) <= 5, "{}", highest(&scores));
    }

    #[test]
    fn stands_trials() {
        let params = [
            json!({}),
            json!({"cost": "mean_and_variance", "window": 9}),
            json!({"penalty": 0.01, "min_segment": 7}),
        ];
        stands("pelt", &params);
    }
}
