//! Two-sided CUSUM: how much the points of late have left the centre in sum.
//!
//! # Idea
//! Whatever exceeds the centre by more than the slack is added up; what stays below it takes away, down to nothing. Noise
//! takes away as much as it adds, a shift adds point by point. One sum goes up, one down.
//!
//! # Equations
//! With `y_t = (x_t - c) / u` and slack `k`: `U_t = max(0, U_(t-1) + y_t - k)`, `L_t = max(0, L_(t-1) - y_t - k)`, both 0
//! before each series; `s_t = max(U_t, L_t)`. Centre `c` and unit `u` are the median and the scaled median absolute
//! deviation of the training points.
//!
//! # Score
//! Accumulated standard deviations, 0 and up; charts usually call 4 to 5 too far. With several channels, see the crate's
//! `per_channel`.
//!
//! # Complexity
//! O(n) per channel.
//!
//! # Use when / Avoid when
//! For shifts of about `2 k` units that last. Avoid for series with seasons or a level that may wander. After a long shift
//! the sum needs as long to come back: use [`ewma`](crate::Ewma) where the end of what is odd matters.
//!
//! # Degenerate input
//! Training points of which most are alike are measured by their mean absolute deviation; constant ones by the smallest
//! unit that there is.
//!
//! # Differences
//! Page's scheme stops at a limit and starts anew; here there is no limit, and the sum itself is the score.
//!
//! # References
//! Page 1954, Continuous inspection schemes, Biometrika 41(1/2). doi:10.1093/biomet/41.1-2.100. Two sides and the slack
//! as in Montgomery 2013, Statistical Quality Control, section 9.1.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Cusum;
//! let values = ndarray::Array2::from_shape_fn((60, 1), |(i, _)| (i % 3) as f32 + if i < 50 { 0.0 } else { 2.0 });
//! let series = Features { layout: Layout::Sequences { ends: vec![60] }, ..Features::rows(values) };
//! let (_, scores) = Cusum::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! assert!(scores[59] > 5.0 && scores[..50].iter().all(|&s| s < 2.0));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use serde::{Deserialize, Serialize};

use crate::errors::ErrorScale;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// What is not counted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cusum {
    /// Standard deviations that a point may be off without counting: half of the shift that shall be found.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub slack: f64,
}

impl Default for Cusum {
    /// For a shift of one standard deviation.
    fn default() -> Self {
        Self { slack: 0.5 }
    }
}

impl Params for Cusum {}

/// What is kept of a channel.
pub struct Sums {
    slack: f64,
    scale: ErrorScale,
}

impl Detector for Cusum {
    const CARD: Card = Card {
        id: "cusum",
        title: "CUSUM control chart",
        summary: "Shifts of the level that last, by the sum of what exceeds a slack.",
        paper: "Page 1954, Biometrika 41(1/2). doi:10.1093/biomet/41.1-2.100",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    type Model = PerChannel<Sums>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let points = || series.iter().flatten();
            let model = Sums { slack: self.slack, scale: ErrorScale::robust(points(), points()) };
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

impl ChannelModel for Sums {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        let (mut up, mut down) = (0.0, 0.0);
        let score = |&x: &f64| {
            let y = self.scale.signed(x);
            up = f64::max(0.0, up + y - self.slack);
            down = f64::max(0.0, down - y - self.slack);
            f64::max(up, down)
        };
        Ok(points.iter().map(score).collect())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("slack", &self.slack)?;
        out.put_json("scale", &self.scale)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let slack: f64 = from.json("slack")?;
        if !(0.0..=100.0).contains(&slack) {
            return Err(Error::model("the slack of a chart is not between 0 and 100"));
        }
        Ok(Self { slack, scale: from.json::<ErrorScale>("scale")?.sound()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, noise, series, stands};
    use proptest::prelude::*;
    use serde_json::json;

    fn sums(slack: f64) -> Sums {
        let unit = 1.0 / anomalyst_kernels::stats::MAD_TO_SIGMA;
        let points = [-2.0, -unit, 0.0, unit, 2.0];
        Sums { slack, scale: ErrorScale::robust(&points, &points) }
    }

    /// Slack 1/2: up 1/2, 2, 1/2, 0; down 0, 0, 1/2, 2.
    #[test]
    fn in_closed_form() {
        let scores = sums(0.5).score(&[1.0, 2.0, -1.0, -2.0], &Run::new(0)).unwrap();
        assert!(scores.iter().zip([0.5, 2.0, 0.5, 2.0]).all(|(got, want)| (got - want).abs() < 1e-9));
    }

    proptest! {
        /// The sum is the largest of all sums that end at the point (Page's equation).
        #[test]
        fn equals_the_largest_sum(points in prop::collection::vec(-4.0..4.0_f64, 1..40), slack in 0.0..2.0_f64) {
            let scores = sums(slack).score(&points, &Run::new(0)).unwrap();
            for (t, score) in scores.iter().enumerate() {
                let ending = |sign: f64| (0..=t).map(move |from| (from, sign));
                let total = |(from, sign): (usize, f64)| {
                    points[from..=t].iter().map(|x| sign * x - slack).sum::<f64>()
                };
                let want = ending(1.0).chain(ending(-1.0)).map(total).fold(0.0, f64::max);
                prop_assert!((score - want).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn shifts_that_last_are_found() {
        let points: Vec<f64> = (0..1000).map(|i| noise(i) - if i >= 900 { 0.5 } else { 0.0 }).collect();
        let (_, scores) = fit_score("cusum", &json!({}), &series(&[&points]));
        let before = scores[..900].iter().copied().fold(0.0, f32::max);
        assert!(scores[950..].iter().all(|&s| s > before), "{before} {:?}", &scores[890..]);
    }

    #[test]
    fn stands_trials() {
        stands("cusum", &[json!({}), json!({"slack": 0.0})]);
    }
}
