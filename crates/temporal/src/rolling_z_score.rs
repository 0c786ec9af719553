//! Deviation from the mean of the points before, in their standard deviations: the control of what needs no model.
//!
//! # Idea
//! A point is as odd as it is far from the points just before it, measured by how much those differ. It knows nothing of
//! shapes, seasons or other channels.
//!
//! # Equations
//! `s_t = |x_t - m_t| / d_t` with `m_t` and `d_t` the mean and the population standard deviation of the `window` points
//! before `t`; of as many as there are at the beginning of a series. `d_t` counts as at least a hundredth of the deviation
//! of all points before `t` in training, so that a flat stretch does not make everything after it odd.
//!
//! # Score
//! Standard deviations, 0 and up. The first two points of a series score 0. With several channels, see the crate's
//! `per_channel`.
//!
//! # Complexity
//! O(n) per channel, memory O(n).
//!
//! # Use when / Avoid when
//! As a row in every table of results, and for spikes. Avoid where what is odd lasts, or where the series has seasons.
//!
//! # References
//! The control chart of Shewhart 1931, Economic Control of Quality of Manufactured Product, with moving limits.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::RollingZScore;
//! let values = ndarray::array![[0.0_f32], [2.0], [0.0], [2.0], [4.0]];
//! let series = Features { layout: Layout::Sequences { ends: vec![5] }, ..Features::rows(values) };
//! let run = Run::new(0);
//! let scores = RollingZScore { window: 4 }.fit_on(&series, &run).unwrap().score(&series, &run).unwrap();
//! assert_eq!(scores[4], 3.0); // mean 1, deviation 1
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::stats::Moments;
use serde::{Deserialize, Serialize};

use crate::per_channel::{self, ChannelModel, PerChannel};

/// The least deviation that counts, as a share of that of all training points.
const LEAST_SHARE: f64 = 0.01;

/// How far back is looked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollingZScore {
    /// Points before a point that it is measured by.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub window: usize,
}

impl Default for RollingZScore {
    fn default() -> Self {
        Self { window: 100 }
    }
}

impl Params for RollingZScore {}

/// What is kept of a channel.
pub struct Rolling {
    window: usize,
    least: f64,
}

impl Detector for RollingZScore {
    const CARD: Card = Card {
        id: "rolling_z_score",
        title: "Rolling z-score",
        summary: "A control: points far from those just before them.",
        paper: "Shewhart 1931, control charts, with moving limits",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 3,
        control: true,
    };
    type Model = PerChannel<Rolling>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let moments: Moments = series.iter().flatten().copied().collect();
            let least = (LEAST_SHARE * moments.std_dev()).max(f64::from(f32::MIN_POSITIVE));
            let model = Rolling { window: self.window, least };
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        Estimate {
            bytes: 24 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 10.0 * d * shape.n_parts as f64,
            score_nanos_per_row: 10.0 * d,
        }
    }
}

impl ChannelModel for Rolling {
    fn score(&self, points: &[f64], _: &Run) -> Result<Vec<f64>> {
        let mut scores = vec![0.0; points.len().min(2)];
        // Sums from the middle of the series, so that a large offset does not swallow small deviations.
        let middle = points.iter().sum::<f64>() / points.len().max(1) as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for (t, &x) in points.iter().enumerate() {
            let x = x - middle;
            let count = t.min(self.window) as f64;
            if t >= 2 {
                let mean: f64 = sum / count;
                let std_dev = (squares / count - mean * mean).max(0.0).sqrt();
                scores.push((x - mean).abs() / std_dev.max(self.least));
            }
            sum += x;
            squares += x * x;
            if t >= self.window {
                let old = points[t - self.window] - middle;
                sum -= old;
                squares -= old * old;
            }
        }
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("window", &self.window)?;
        out.put_json("least", &self.least)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (window, least) = (from.json("window")?, from.json("least")?);
        if window < 2 || !(least > 0.0 && f64::is_finite(least)) {
            return Err(Error::model("the window or the least deviation of a channel is not possible"));
        }
        Ok(Self { window, least })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against means and deviations computed anew for each point.
    #[test]
    fn sums_that_move_are_the_sums() {
        let points: Vec<f64> = (0..200).map(|i| 1e6 + ((i * 37) % 101) as f64).collect();
        let model = Rolling { window: 7, least: 1e-9 };
        let scores = model.score(&points, &Run::new(0)).unwrap();
        for t in 2..200_usize {
            let before: Moments = points[t.saturating_sub(7)..t].iter().copied().collect();
            let want = (points[t] - before.mean()).abs() / before.std_dev();
            assert!((scores[t] - want).abs() < 1e-6 * want.max(1.0), "{t}: {} {want}", scores[t]);
        }
    }
}
