//! What the strongest frequencies of a series leave.
//!
//! # Idea
//! A few waves make up most of a series with seasons. Added up, they say what the series does when it does what it usually
//! does; a point is odd as far as it is from that sum.
//!
//! # Equations
//! With `F` the Fourier transform of the series without its mean, and `K` the `n_frequencies` frequencies of largest
//! `|F_k|`, of equal ones the lower: `y = F^-1(F on K, 0 elsewhere)`, `e_t = x_t - mean - y_t`; score `|e_t - c| / u` with
//! median `c` and scaled median absolute deviation `u` of the training errors. Once `K` is found, points beyond three `u`
//! are held to that and `K` and `y` are made anew (`refined`), so that what is odd is not among what is usual.
//!
//! # Score
//! Robust deviations of training errors, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n log n) per channel, memory O(n). Every series is transformed whole.
//!
//! # Use when / Avoid when
//! For long series of steady waves, fast. Avoid where seasons have sharp corners, change, or do not fit into the series a
//! whole number of times by much: waves then spread over many frequencies. See [`stl_residual`](crate::StlResidual).
//!
//! # Degenerate input
//! A series of two points or fewer is its mean; with as many frequencies as there are, nothing is left, and all points
//! score 0.
//!
//! # Differences
//! Not the method of Rasheed et al. (TSB-AD's `FFT`), from which it takes the reconstruction: there the lowest frequencies
//! are kept, points above the mean error are compared with the mean of their neighbours, and neighbours of opposite sign
//! make up regions that alone get a score; most points get 0. Here the strongest frequencies are kept, and the error is the
//! score of each point.
//!
//! # References
//! Rasheed, Peng, Alhajj, Rokne 2009, Fourier transform based spatial outlier mining, IDEAL.
//! doi:10.1007/978-3-642-04394-9_39.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::FourierResidual;
//! let wave = |i: usize| (i as f32 * 0.5).sin() + if i == 150 { 0.8 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((200, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![200] }, ..Features::rows(values) };
//! let (_, scores) = FourierResidual::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..200).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 150);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Params, Result, Run,
    Shape,
};
use anomalyst_kernels::fourier::{Complex64, from_spectrum, spectrum};
use serde::{Deserialize, Serialize};

use crate::errors::ErrorScale;
use crate::per_channel::PerChannel;
use crate::residuals::{self, Predict, Residuals};

/// The most frequencies that are kept.
const MOST: usize = 100_000;
/// Deviations from the first sum that points are held to for the second.
const HELD: f64 = 3.0;

/// How many waves are usual.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FourierResidual {
    /// Frequencies that are kept.
    #[schemars(range(min = 1, max = 100_000))]
    pub n_frequencies: usize,
    /// Whether frequencies are sought a second time without the points that stood out.
    pub refined: bool,
}

impl Default for FourierResidual {
    fn default() -> Self {
        Self { n_frequencies: 20, refined: true }
    }
}

impl Params for FourierResidual {}

/// The parameters: a series is measured by its own waves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Waves {
    n_frequencies: usize,
    refined: bool,
}

impl Detector for FourierResidual {
    const CARD: Card = Card {
        id: "fourier_residual",
        title: "Fourier residual",
        summary: "Points far from the sum of the strongest waves of their series.",
        paper: "after Rasheed, Peng, Alhajj, Rokne 2009, IDEAL. doi:10.1007/978-3-642-04394-9_39",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Residuals<Waves>>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let waves = Waves { n_frequencies: self.n_frequencies, refined: self.refined };
        residuals::fit_score(train, run, |_, _| Ok(waves))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let nanos = 150.0 * shape.n_values as f64;
        Estimate {
            bytes: 72 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: nanos * shape.n_parts as f64,
            score_nanos_per_row: nanos,
        }
    }
}

impl Waves {
    /// The mean and the strongest waves.
    fn usual(&self, points: &[f64]) -> Result<Vec<f64>> {
        let mut transform = spectrum(points)?;
        let mean = std::mem::take(&mut transform[0]);
        let mut order: Vec<usize> = (1..transform.len()).collect();
        if self.n_frequencies < order.len() {
            let stronger = |&a: &usize, &b: &usize| {
                transform[b].norm_sqr().total_cmp(&transform[a].norm_sqr()).then(a.cmp(&b))
            };
            order.select_nth_unstable_by(self.n_frequencies, stronger);
            order[self.n_frequencies..].iter().for_each(|&k| transform[k] = Complex64::default());
        }
        transform[0] = mean;
        from_spectrum(transform, points.len())
    }
}

impl Predict for Waves {
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        if points.is_empty() {
            return Ok(Vec::new());
        }
        // An offset would leave rounding errors of its own size.
        let middle = points.iter().sum::<f64>() / points.len() as f64;
        let points: Vec<f64> = points.iter().map(|x| x - middle).collect();
        let mut usual = self.usual(&points)?;
        let error = |usual: &[f64]| -> Vec<f64> { points.iter().zip(usual).map(|(x, y)| x - y).collect() };
        if self.refined {
            run.check()?;
            let errors = error(&usual);
            let most = HELD * ErrorScale::robust(&errors, &points).unit();
            let held = usual.iter().zip(&errors).map(|(y, e)| y + e.clamp(-most, most));
            usual = self.usual(&held.collect::<Vec<_>>())?;
        }
        Ok(error(&usual))
    }

    fn is_sound(&self) -> bool {
        (1..=MOST).contains(&self.n_frequencies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands};
    use serde_json::json;
    use std::f64::consts::TAU;

    /// Two waves of 4 and 1 among three: the weak one is left.
    #[test]
    fn the_weakest_wave_is_left() {
        let wave = |k: f64, i: usize| (TAU * k * i as f64 / 128.0).cos();
        let points: Vec<f64> =
            (0..128).map(|i| 7.0 + 4.0 * wave(3.0, i) + wave(20.0, i) + 0.1 * wave(9.0, i)).collect();
        let errors = Waves { n_frequencies: 2, refined: false }.errors(&points, &Run::new(0)).unwrap();
        assert!((0..128).all(|i| (errors[i] - 0.1 * wave(9.0, i)).abs() < 1e-12));
        let none = Waves { n_frequencies: 64, refined: false }.errors(&points, &Run::new(0)).unwrap();
        assert!(none.iter().all(|e| e.abs() < 1e-12));
        assert_eq!(Waves { n_frequencies: 1, refined: true }.errors(&[3.0], &Run::new(0)).unwrap(), [0.0]);
    }

    /// A stretch of odd points has frequencies of its own, which the second search does not see.
    #[test]
    fn odd_stretches_are_found() {
        let mut points: Vec<f64> =
            (0..2000).map(|i| (TAU * i as f64 / 40.0).sin() + 0.2 * noise(i)).collect();
        (900..910).for_each(|i| points[i] += 3.0);
        let least = |refined: bool| {
            let (_, scores) =
                fit_score("fourier_residual", &json!({"refined": refined}), &series(&[&points]));
            assert!((900..910).contains(&highest(&scores)));
            scores[900..910].iter().copied().fold(f32::MAX, f32::min)
        };
        assert!(least(true) > 1.05 * least(false), "{} {}", least(true), least(false));
    }

    #[test]
    fn stands_trials() {
        stands(
            "fourier_residual",
            &[json!({}), json!({"n_frequencies": 1}), json!({"n_frequencies": 1000, "refined": false})],
        );
    }
}
