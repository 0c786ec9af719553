//! Distance from the rolling median in rolling median absolute deviations: the Hampel identifier.
//!
//! # Idea
//! A point is as odd as it is far from the middle of the points around it, measured by how far those usually are. Middle
//! and distance are medians, so what is odd does not hide itself: nearly half of a window may be odd.
//!
//! # Equations
//! `s_t = |x_t - m_t| / d_t`, with `m_t` the median of the window of `t` and `d_t = 1.4826 median |x_j - m_t|` over the same
//! window. A centred window holds `window_len` points around `t` and is moved inwards at the edges of the series; a
//! trailing one holds the `window_len` points before `t`, and the first points, before which there are not as many, are
//! measured by the first window. `d_t` counts as at least a hundredth of that of all training points, so that a flat
//! stretch does not make everything near it odd.
//!
//! # Score
//! Standard deviations of normal data, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n log w) per channel, memory O(n). Medians of all windows are exact.
//!
//! # Use when / Avoid when
//! For spikes, dips and short breaks on a level that may wander. Avoid where what is odd lasts longer than half a window,
//! and where a season is the larger part of what a window holds.
//!
//! # Degenerate input
//! A series shorter than the window is measured by itself, whole. A constant one scores 0.
//!
//! # Differences
//! Hampel's filter replaces points beyond a threshold; here the distance is the score, and there is none.
//!
//! # References
//! Hampel 1974, The influence curve and its role in robust estimation, JASA 69(346). doi:10.1080/01621459.1974.10482962.
//! Davies, Gather 1993, The identification of multiple outliers, JASA 88(423). doi:10.1080/01621459.1993.10476339.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::RollingMad;
//! let values = ndarray::array![[0.0_f32], [1.0], [2.0], [9.0], [4.0]];
//! let series = Features { layout: Layout::Sequences { ends: vec![5] }, ..Features::rows(values) };
//! let run = Run::new(0);
//! let method = RollingMad { window_len: Some(5), ..RollingMad::default() };
//! let scores = method.fit_on(&series, &run).unwrap().score(&series, &run).unwrap();
//! assert!((scores[3] - 7.0 / (2.0 * 1.4826)).abs() < 1e-4); // median 2, median deviation 2
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::rolling::medians_and_mads;
use anomalyst_kernels::stats::MAD_TO_SIGMA;
use serde::{Deserialize, Serialize};

use crate::errors::ErrorScale;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// The least deviation that counts, as a share of that of all training points.
const LEAST_SHARE: f64 = 0.01;
/// Windows that are slid over before it is looked whether the run was stopped.
const PIECE: usize = 1 << 16;
/// The longest window.
const LONGEST: usize = 1_000_000;

/// Which points a point is measured by.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollingMad {
    /// Points of a window. Left out, the period of the first series.
    #[schemars(range(min = 3, max = 1_000_000))]
    pub window_len: Option<usize>,
    /// Where the window of a point lies.
    pub align: Align,
}

/// Where the window of a point lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// Around the point.
    #[default]
    Centered,
    /// Before the point, which is not part of it.
    Trailing,
}

impl Params for RollingMad {}

/// What is kept of a channel.
pub struct RollingMedian {
    window_len: usize,
    align: Align,
    least: f64,
}

impl Detector for RollingMad {
    const CARD: Card = Card {
        id: "rolling_mad",
        title: "Rolling median and MAD (Hampel)",
        summary: "Points far from the median of those around them, robustly measured.",
        paper: "Hampel 1974, JASA 69(346). doi:10.1080/01621459.1974.10482962",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<RollingMedian>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let points = || series.iter().flatten();
            let first = series.first().map_or(&[][..], Vec::as_slice);
            let model = RollingMedian {
                window_len: self.window_len.unwrap_or_else(|| ranked_period(first, 1)),
                align: self.align,
                least: (LEAST_SHARE * ErrorScale::robust(points(), points()).unit())
                    .max(f64::from(f32::MIN_POSITIVE)),
            };
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        Estimate {
            bytes: 72 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 250.0 * d * shape.n_parts as f64,
            score_nanos_per_row: 200.0 * d,
        }
    }
}

impl ChannelModel for RollingMedian {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let window_len = self.window_len.min(points.len());
        let mut windows = Vec::with_capacity(points.len());
        let n_windows = (points.len() + 1).saturating_sub(window_len).min(points.len());
        let piece = PIECE.max(window_len);
        for first in (0..n_windows).step_by(piece) {
            run.check()?;
            let last = (first + piece).min(n_windows);
            windows.extend(medians_and_mads(&points[first..last - 1 + window_len], window_len));
        }
        let before = match self.align {
            // Of a window of even length the point is the later of the two middles.
            Align::Centered => window_len / 2,
            Align::Trailing => window_len,
        };
        let score = |(t, x): (usize, &f64)| {
            let (median, deviation) = windows[t.saturating_sub(before).min(n_windows - 1)];
            (x - median).abs() / (MAD_TO_SIGMA * deviation).max(self.least)
        };
        Ok(points.iter().enumerate().map(score).collect())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("window_len", &self.window_len)?;
        out.put_json("align", &self.align)?;
        out.put_json("least", &self.least)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (window_len, least) = (from.json("window_len")?, from.json("least")?);
        let is_sound = (1..=LONGEST).contains(&window_len) && least > 0.0 && f64::is_finite(least);
        if !is_sound {
            return Err(Error::model("the window or the least deviation of a channel is not possible"));
        }
        Ok(Self { window_len, align: from.json("align")?, least })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands};
    use anomalyst_kernels::stats::median_and_mad;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        /// Against medians computed anew for each point.
        #[test]
        fn equals_the_definition(
            points in prop::collection::vec(-3.0..3.0_f64, 1..60), window_len in 3..20_usize, trailing: bool,
        ) {
            let align = if trailing { Align::Trailing } else { Align::Centered };
            let model = RollingMedian { window_len, align, least: 1e-9 };
            let scores = model.score(&points, &Run::new(0)).unwrap();
            let len = window_len.min(points.len());
            for (t, x) in points.iter().enumerate() {
                let begin = t.saturating_sub(if trailing { len } else { len / 2 }).min(points.len() - len);
                let (median, deviation) = median_and_mad(&mut points[begin..begin + len].to_vec());
                let want = (x - median).abs() / (MAD_TO_SIGMA * deviation).max(1e-9);
                prop_assert!((scores[t] - want).abs() <= 1e-12 * want.max(1.0));
            }
        }
    }

    /// Four points of ten are odd; means would be drawn to them.
    #[test]
    fn odd_points_do_not_hide_themselves() {
        let mut points: Vec<f64> = (0..400).map(|i| f64::from(i) / 100.0 + 0.1 * noise(i as usize)).collect();
        (200..204).for_each(|i| points[i] += 2.0);
        for align in ["centered", "trailing"] {
            let (_, scores) =
                fit_score("rolling_mad", &json!({"window_len": 10, "align": align}), &series(&[&points]));
            assert!((200..204).contains(&highest(&scores)), "{align}");
            let others = (0..400).filter(|i| !(199..210).contains(i)).map(|i| scores[i]).fold(0.0, f32::max);
            assert!((200..204).all(|i| scores[i] > others), "{align}");
        }
    }

    #[test]
    fn stands_trials() {
        stands(
            "rolling_mad",
            &[json!({}), json!({"window_len": 3}), json!({"align": "trailing", "window_len": 8})],
        );
    }
}
