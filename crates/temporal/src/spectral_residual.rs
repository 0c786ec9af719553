//! Spectral residual: what is left of the series when its usual frequencies are taken out.
//!
//! # Idea
//! The logarithm of a usual series' amplitudes is smooth over frequencies. What stands out of the smooth curve, brought
//! back to time, is large where the series does something that the rest of it does not explain.
//!
//! # Equations
//! With `F` the Fourier transform of the series and `h_q` the mean over `q` frequencies:
//! `R = ln|F| - h_q * ln|F|`, saliency `S = |F^-1(exp(R + i arg F))|`, score `(S_t - m_t) / m_t` with `m_t` the mean of
//! `S` over the `score_window` points up to `t`. The series is prolonged by `extension` points first, each the value
//! that the mean slope of the last points leads to, so that its last points are not at the edge of the transform.
//!
//! With `score_window = 0`, the default, the score is the saliency itself.
//!
//! # Score
//! Saliency, 0 and up; with a `score_window` the excess over the mean saliency before as a share of it, -1 and up. With
//! several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n log n) per channel, memory O(n). Every series is transformed whole; nothing is learned.
//!
//! # Use when / Avoid when
//! For spikes and short breaks on series with seasons, fast and without training. Avoid where what is odd lasts longer
//! than a season.
//!
//! # Differences
//! The paper's last step, `score_window = 21`, asks how saliency rises over the points before. It serves single points; what
//! lasts raises the mean that it is measured by, so it is off by default, as in TSB-AD.
//!
//! # References
//! Ren et al. 2019, Time-series anomaly detection service at Microsoft, KDD, section 3.
//! doi:10.1145/3292500.3330680. Hou, Zhang 2007, Saliency detection: a spectral residual approach, CVPR.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::SpectralResidual;
//! let wave = |i: usize| (i as f32 * 0.5).sin() + if i == 150 { 3.0 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((200, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![200] }, ..Features::rows(values) };
//! let run = Run::new(0);
//! let (_, scores) = SpectralResidual::default().fit_score_on(&series, &run).unwrap();
//! let highest = (0..200).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 150);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::fourier::{Complex64, from_spectrum, spectrum};
use serde::{Deserialize, Serialize};

use crate::per_channel::{self, ChannelModel, PerChannel};

/// Points at the end whose mean slope prolongs the series.
const SLOPES: usize = 5;

/// How smooth the spectrum is taken to be, and what saliency is compared with.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpectralResidual {
    /// Frequencies that are averaged.
    #[schemars(range(min = 1, max = 100_000))]
    pub spectrum_window: usize,
    /// Points of saliency before a point that it is compared with; 0 gives the saliency itself.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub score_window: usize,
    /// Points by which the series is prolonged.
    #[schemars(range(min = 0, max = 1000))]
    pub extension: usize,
}

impl Default for SpectralResidual {
    fn default() -> Self {
        Self { spectrum_window: 3, score_window: 0, extension: 5 }
    }
}

impl Params for SpectralResidual {}

/// The parameters: nothing is learned of a channel.
pub struct Saliency(SpectralResidual);

impl Detector for SpectralResidual {
    const CARD: Card = Card {
        id: "spectral_residual",
        title: "Spectral residual",
        summary: "Points that stand out once the usual frequencies are taken out.",
        paper: "Ren et al. 2019, KDD. doi:10.1145/3292500.3330680",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Logarithmic },
        min_items: 2,
        control: false,
    };
    type Model = PerChannel<Saliency>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let model = Saliency(self.clone());
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let cells = shape.n_parts as f64 * shape.n_values as f64;
        Estimate {
            bytes: 64 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 100.0 * cells,
            score_nanos_per_row: 100.0 * shape.n_values as f64,
        }
    }
}

impl ChannelModel for Saliency {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        if points.len() < 2 {
            return Ok(vec![0.0; points.len()]);
        }
        let saliency = saliency(&prolonged(points, self.0.extension), self.0.spectrum_window)?;
        let saliency = &saliency[..points.len()];
        Ok(match self.0.score_window {
            0 => saliency.to_vec(),
            window => over_mean_before(saliency, window),
        })
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("params", &self.0)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let params: SpectralResidual = from.json("params")?;
        anomalyst_core::check_params(SpectralResidual::CARD.id, &params)
            .map_err(|e| Error::model(e.to_string()))?;
        Ok(Self(params))
    }
}

/// The series and `n` points after it.
fn prolonged(points: &[f64], n: usize) -> Vec<f64> {
    let mut out = points.to_vec();
    let last = points.len() - 1;
    let m = SLOPES.min(last);
    let slopes = (1..=m).map(|i| (points[last] - points[last - i]) / i as f64);
    let slope = slopes.sum::<f64>() / m as f64;
    // The value one step after the last, from the point m steps before it.
    let next = points[last + 1 - m] + slope * m as f64;
    out.resize(points.len() + n, next);
    out
}

/// `|F^-1(exp(R + i arg F))|`.
fn saliency(points: &[f64], window: usize) -> Result<Vec<f64>> {
    let transform = spectrum(points)?;
    let largest = transform.iter().map(|f| f.norm()).fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(vec![0.0; points.len()]);
    }
    // An amplitude of rounding errors alone has no logarithm worth averaging.
    let least = largest * f64::EPSILON;
    let logs: Vec<f64> = transform.iter().map(|f| f.norm().max(least).ln()).collect();
    let smooth = centered_mean(&logs, window);
    let residual = transform.iter().zip(&logs).zip(&smooth).map(|((f, log), smooth)| {
        let phase = if f.norm() > 0.0 { f / f.norm() } else { Complex64::new(1.0, 0.0) };
        phase * (log - smooth).exp()
    });
    let values = from_spectrum(residual.collect(), points.len())?;
    Ok(values.into_iter().map(f64::abs).collect())
}

/// Means over `window` values around each; over those that there are at the ends.
fn centered_mean(values: &[f64], window: usize) -> Vec<f64> {
    let sums = sums(values);
    let (before, after) = ((window - 1) / 2, window / 2);
    let mean = |i: usize| {
        let (from, to) = (i.saturating_sub(before), (i + after + 1).min(values.len()));
        (sums[to] - sums[from]) / (to - from) as f64
    };
    (0..values.len()).map(mean).collect()
}

/// `(s - m) / m`, with `m` the mean of the `window` values up to each.
fn over_mean_before(values: &[f64], window: usize) -> Vec<f64> {
    let sums = sums(values);
    let score = |(t, &s): (usize, &f64)| {
        let from = (t + 1).saturating_sub(window);
        let mean = (sums[t + 1] - sums[from]) / (t + 1 - from) as f64;
        if mean > f64::MIN_POSITIVE { (s - mean) / mean } else { 0.0 }
    };
    values.iter().enumerate().map(score).collect()
}

fn sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; values.len() + 1];
    for (i, value) in values.iter().enumerate() {
        sums[i + 1] = sums[i] + value;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_move() {
        assert_eq!(centered_mean(&[1.0, 2.0, 6.0, 2.0], 3), [1.5, 3.0, 10.0 / 3.0, 4.0]);
        assert_eq!(over_mean_before(&[1.0, 3.0, 2.0], 2), [0.0, 0.5, -0.2]);
        assert_eq!(over_mean_before(&[0.0, 0.0], 2), [0.0, 0.0]);
    }

    #[test]
    fn a_line_goes_on() {
        let line: Vec<f64> = (0..10).map(f64::from).collect();
        assert_eq!(prolonged(&line, 2)[9..], [9.0, 10.0, 10.0]);
    }

    /// A spectrum without structure is all residual: a single impulse stays one.
    #[test]
    fn an_impulse_is_salient() {
        let mut points = vec![0.0; 64];
        points[20] = 1.0;
        let saliency = saliency(&points, 3).unwrap();
        assert!((saliency[20] - 1.0).abs() < 1e-12 && saliency[19] < 1e-12);
        assert_eq!(super::saliency(&[0.0; 8], 3).unwrap(), [0.0; 8]);
    }
}
