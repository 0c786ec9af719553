//! EWMA control chart: how far the exponentially weighted mean has left the centre.
//!
//! # Idea
//! A mean in which each point counts less than the one after it moves slowly. A small shift that lasts moves it further
//! and further, while noise cancels out; so shifts are seen that no single point shows.
//!
//! # Equations
//! `z_t = w x_t + (1 - w) z_(t-1)`, `z_0 = c`;
//! `s_t = |z_t - c| / (u sqrt(w / (2 - w) (1 - (1 - w)^(2t))))`, with `t` from 1 at the begin of each series.
//! Centre `c` and unit `u` are the median and the scaled median absolute deviation of the training points. The root is the
//! standard deviation of `z_t` of independent points, exact from the first point on.
//!
//! # Score
//! Standard deviations of the weighted mean, 0 and up; charts usually call 2.7 to 3 too far. With several channels, see
//! the crate's `per_channel`.
//!
//! # Complexity
//! O(n) per channel.
//!
//! # Use when / Avoid when
//! For small shifts of the level that last. Avoid for series with seasons or a level that may wander, and where points
//! depend strongly on those before: all of that is a shift to a chart.
//!
//! # Degenerate input
//! Training points of which most are alike are measured by their mean absolute deviation; constant ones by the smallest
//! unit that there is.
//!
//! # Differences
//! Roberts sets centre and unit from known values; here they are robust estimates, since the training series may hold
//! what is odd.
//!
//! # References
//! Roberts 1959, Control chart tests based on geometric moving averages, Technometrics 1(3).
//! doi:10.1080/00401706.1959.10489860.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Ewma;
//! let values = ndarray::Array2::from_shape_fn((60, 1), |(i, _)| (i % 3) as f32 + if i < 50 { 0.0 } else { 1.5 });
//! let series = Features { layout: Layout::Sequences { ends: vec![60] }, ..Features::rows(values) };
//! let (_, scores) = Ewma::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! assert!(scores[59] > 2.0 && scores[..50].iter().all(|&s| s < 2.0));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use serde::{Deserialize, Serialize};

use crate::errors::ErrorScale;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// How long the mean remembers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ewma {
    /// How much the newest point counts. Less sees smaller shifts, later; 1 sees single points.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub weight: f64,
}

impl Default for Ewma {
    /// In the middle of the usual 0.05 to 0.25 (Lucas, Saccucci 1990, Technometrics 32(1)).
    fn default() -> Self {
        Self { weight: 0.15 }
    }
}

impl Params for Ewma {}

/// What is kept of a channel.
pub struct Chart {
    weight: f64,
    scale: ErrorScale,
}

impl Detector for Ewma {
    const CARD: Card = Card {
        id: "ewma",
        title: "EWMA control chart",
        summary: "Small shifts of the level that last, by an exponentially weighted mean.",
        paper: "Roberts 1959, Technometrics 1(3). doi:10.1080/00401706.1959.10489860",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = PerChannel<Chart>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let points = || series.iter().flatten();
            let model = Chart { weight: self.weight, scale: ErrorScale::robust(points(), points()) };
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        Estimate {
            bytes: 24 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 30.0 * d * shape.n_parts as f64,
            score_nanos_per_row: 10.0 * d,
        }
    }
}

impl ChannelModel for Chart {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        let (keep, lasting) = (1.0 - self.weight, self.weight / (2.0 - self.weight));
        let (mut mean, mut forgotten) = (0.0, 1.0);
        let score = |&x: &f64| {
            mean = self.weight * self.scale.signed(x) + keep * mean;
            forgotten *= keep * keep;
            f64::abs(mean) / (lasting * (1.0 - forgotten)).sqrt()
        };
        Ok(points.iter().map(score).collect())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("weight", &self.weight)?;
        out.put_json("scale", &self.scale)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let weight: f64 = from.json("weight")?;
        if !(0.001..=1.0).contains(&weight) {
            return Err(Error::model("the weight of a chart is not between 0.001 and 1"));
        }
        Ok(Self { weight, scale: from.json::<ErrorScale>("scale")?.sound()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, noise, series, stands};
    use serde_json::json;

    fn chart(weight: f64) -> Chart {
        // Median 0, median absolute deviation 1 / 1.4826: one unit is 1.
        let unit = 1.0 / anomalyst_kernels::stats::MAD_TO_SIGMA;
        let points = [-2.0, -unit, 0.0, unit, 2.0];
        Chart { weight, scale: ErrorScale::robust(&points, &points) }
    }

    /// w = 1/2: means 1/2, 1/4 + 1, their deviations 1/2 and the root of 5/16.
    #[test]
    fn in_closed_form() {
        let scores = chart(0.5).score(&[1.0, 2.0], &Run::new(0)).unwrap();
        assert!((scores[0] - 1.0).abs() < 1e-9 && (scores[1] - 1.25 / (5.0_f64 / 16.0).sqrt()).abs() < 1e-9);
        let scores = chart(1.0).score(&[1.0, -2.0, 0.5], &Run::new(0)).unwrap();
        assert!(scores.iter().zip([1.0, 2.0, 0.5]).all(|(got, want)| (got - want).abs() < 1e-9));
    }

    /// Against the sum that the recursion stands for, `z_t = sum of w (1 - w)^j x_(t-j)`.
    #[test]
    fn the_mean_is_its_sum() {
        let points: Vec<f64> = (0..80).map(noise).collect();
        let scores = chart(0.2).score(&points, &Run::new(0)).unwrap();
        for t in 0..80 {
            let weights = (0..=t).map(|j| 0.2 * 0.8_f64.powi(j as i32));
            let mean: f64 = weights.clone().zip(points[..=t].iter().rev()).map(|(w, x)| w * x).sum();
            let deviation = weights.map(|w| w * w).sum::<f64>().sqrt();
            assert!((scores[t] - mean.abs() / deviation).abs() < 1e-9);
        }
    }

    /// A shift of less than one deviation that no single point shows.
    #[test]
    fn small_shifts_that_last_are_found() {
        let points: Vec<f64> = (0..1000).map(|i| noise(i) + if i >= 900 { 0.4 } else { 0.0 }).collect();
        let (_, scores) = fit_score("ewma", &json!({}), &series(&[&points]));
        let before = scores[..900].iter().copied().fold(0.0, f32::max);
        assert!(scores[930..].iter().copied().fold(0.0, f32::max) > 1.3 * before);
    }

    #[test]
    fn stands_trials() {
        stands("ewma", &[json!({}), json!({"weight": 1.0}), json!({"weight": 0.001})]);
    }
}
