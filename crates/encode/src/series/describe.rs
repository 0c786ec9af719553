//! What stands for a window of one channel.

use std::f64::consts::TAU;

use anomalyst_core::Result;
use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_kernels::fourier::Spectra;
use anomalyst_kernels::stats::Moments;
use serde::{Deserialize, Serialize};

/// Power below this, in squared units of the channel, is none: logarithms of noise would outweigh signals.
const FLOOR: f64 = 1e-4;

/// What stands for a window of a channel.
///
/// All but the values are put in units of their own deviation over the training windows, because they measure different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Describe {
    /// Its values.
    #[default]
    Values,
    /// Its mean, and the logarithm of the power in each octave of frequencies (periodogram; the powers sum to the variance).
    Spectrum,
    /// Its mean, and the logarithm of the unbiased Haar wavelet variance at each scale (Percival 1995, Biometrika 82(3)).
    Wavelets,
    /// Mean, deviation, skewness, excess kurtosis, least, greatest, slope, first autocorrelation, share of crossings of the mean,
    /// longest stretch above it, mean step, centre of the spectrum: in the manner of catch22 (Lubba et al. 2019,
    /// doi:10.1007/s10618-019-00647-x), whose own statistics are others.
    Statistics,
}

const STATISTICS: [&str; 12] = [
    "mean",
    "deviation",
    "skewness",
    "kurtosis",
    "least",
    "greatest",
    "slope",
    "autocorrelation",
    "crossings",
    "longest above mean",
    "mean step",
    "spectral centre",
];

/// Describes windows of one length.
pub(super) struct Describer {
    how: Describe,
    len: usize,
    spectra: Spectra,
}

impl Describer {
    pub(super) fn new(how: Describe, len: usize) -> Self {
        Self { how, len, spectra: Spectra::new(len) }
    }

    /// What each number is, in words.
    pub(super) fn aspects(&self) -> Vec<String> {
        match self.how {
            Describe::Values => (1..=self.len).map(|at| format!("point {at}")).collect(),
            Describe::Spectrum => {
                let band = |band: &(usize, usize)| {
                    let [longest, shortest] = [band.0, band.1 - 1].map(|k| self.len as f64 / k as f64);
                    format!("power at periods of {longest:.1} to {shortest:.1} points")
                };
                std::iter::once("mean".to_owned()).chain(self.octaves().iter().map(band)).collect()
            }
            Describe::Wavelets => {
                let scale = |level| format!("variance over {} points", 1_usize << (level - 1));
                std::iter::once("mean".to_owned()).chain((1..=self.levels()).map(scale)).collect()
            }
            Describe::Statistics => STATISTICS.map(str::to_owned).to_vec(),
        }
    }

    /// The octaves of frequencies, each from the first to one past the last.
    fn octaves(&self) -> Vec<(usize, usize)> {
        let last = self.len / 2;
        let starts =
            std::iter::successors(Some(1), |start| Some(start * 2)).take_while(|&start| start <= last);
        starts.map(|start| (start, (2 * start).min(last + 1))).collect()
    }

    /// Scales of which a window holds a wavelet.
    fn levels(&self) -> u32 {
        self.len.checked_ilog2().unwrap_or(0)
    }

    /// Writes what stands for `window`, which is of the describer's length; as many numbers as there are aspects.
    pub(super) fn write(&self, window: &[f64], out: &mut [f32]) -> Result<()> {
        let numbers = match self.how {
            Describe::Values => window.to_vec(),
            Describe::Spectrum => {
                let power = self.power(window)?;
                let octave =
                    |&(from, to): &(usize, usize)| (FLOOR + power[from..to].iter().sum::<f64>()).ln();
                std::iter::once(mean(window)).chain(self.octaves().iter().map(octave)).collect()
            }
            Describe::Wavelets => {
                let level = |level| (FLOOR + wavelet_variance(window, 1_usize << (level - 1))).ln();
                std::iter::once(mean(window)).chain((1..=self.levels()).map(level)).collect()
            }
            Describe::Statistics => self.statistics(window)?.to_vec(),
        };
        out.iter_mut().zip(numbers).for_each(|(out, number)| *out = number as f32);
        Ok(())
    }

    /// The variance that each frequency has; that of frequency 0 is 0.
    fn power(&self, window: &[f64]) -> Result<Vec<f64>> {
        let (n, center) = (window.len() as f64, mean(window));
        let mut centred: Vec<f64> = window.iter().map(|v| v - center).collect();
        let spectrum = self.spectra.of(&mut centred)?;
        let power = |(k, value): (usize, &anomalyst_kernels::fourier::Complex64)| {
            // All but the first and, of even windows, the last stand for two frequencies.
            let both = if k == 0 || 2 * k == window.len() { 1.0 } else { 2.0 };
            both * value.norm_sqr() / (n * n)
        };
        Ok(spectrum.iter().enumerate().map(power).collect())
    }

    fn statistics(&self, window: &[f64]) -> Result<[f64; 12]> {
        let n = window.len() as f64;
        let moments: Moments = window.iter().copied().collect();
        let (center, deviation) = (moments.mean(), moments.std_dev());
        let over = if deviation > FLOOR.sqrt() { 1.0 / deviation } else { 0.0 };
        let z = |v: &f64| (v - center) * over;
        let power_mean = |power: i32| window.iter().map(|v| z(v).powi(power)).sum::<f64>() / n;
        let steps = || window.windows(2).map(|pair| (pair[0] - center, pair[1] - center));
        let n_steps = (n - 1.0).max(1.0);
        let middle = (n - 1.0) / 2.0;
        let times = || (0..window.len()).map(|i| i as f64 - middle);
        let spread_of_times = times().map(|t| t * t).sum::<f64>();
        let slope =
            times().zip(window).map(|(t, v)| t * (v - center)).sum::<f64>() / spread_of_times.max(1.0);
        let (mut longest, mut current) = (0_usize, 0_usize);
        for v in window {
            current = if *v > center { current + 1 } else { 0 };
            longest = longest.max(current);
        }
        let power = self.power(window)?;
        let total: f64 = power.iter().sum();
        let centre: f64 = power.iter().enumerate().map(|(k, p)| k as f64 / n * p).sum();
        Ok([
            center,
            deviation,
            power_mean(3),
            if over > 0.0 { power_mean(4) - 3.0 } else { 0.0 },
            window.iter().copied().fold(f64::INFINITY, f64::min),
            window.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            slope * (n - 1.0),
            steps().map(|(a, b)| a * over * (b * over)).sum::<f64>() / n,
            steps().filter(|(a, b)| (*a > 0.0) != (*b > 0.0)).count() as f64 / n_steps,
            longest as f64 / n,
            steps().map(|(a, b)| (b - a).abs()).sum::<f64>() / n_steps,
            if total > FLOOR { TAU * centre / total } else { 0.0 },
        ])
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The mean square of half the difference between means of `half` points and of the `half` before them, over all places that lie
/// within the window.
fn wavelet_variance(window: &[f64], half: usize) -> f64 {
    let mut sums = vec![0.0];
    sums.extend(window.iter().scan(0.0, |sum, v| {
        *sum += v;
        Some(*sum)
    }));
    let n_places = (window.len() + 1).saturating_sub(2 * half);
    let square = |at: usize| {
        let [before, after] = [at, at + half].map(|from| sums[from + half] - sums[from]);
        ((after - before) / (2 * half) as f64).powi(2)
    };
    (0..n_places).map(square).sum::<f64>() / n_places.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn described(how: Describe, window: &[f64]) -> Vec<f64> {
        let describer = Describer::new(how, window.len());
        let mut out = vec![f32::NAN; describer.aspects().len()];
        describer.write(window, &mut out).unwrap();
        out.into_iter().map(f64::from).collect()
    }

    fn close(got: f64, want: f64) -> bool {
        (got - want).abs() < 1e-5
    }

    #[test]
    fn a_wave_has_its_power_in_its_octave() {
        // Three times in 32 points: frequencies 2 and 3 are the second octave; its variance is 2.
        let wave: Vec<f64> = (0..32).map(|i| 5.0 + 2.0 * (TAU * 3.0 * i as f64 / 32.0).sin()).collect();
        let numbers = described(Describe::Spectrum, &wave);
        assert_eq!(numbers.len(), 6, "the mean and octaves at 1, 2, 4, 8, 16");
        assert!(close(numbers[0], 5.0) && close(numbers[2], (2.0 + FLOOR).ln()), "{numbers:?}");
        assert!(numbers[3..].iter().all(|&p| close(p, FLOOR.ln())));
    }

    #[test]
    fn wavelets_of_steps_in_closed_form() {
        // Up and down each point: at scale 1 each wavelet is half the step of 2; longer means are 0.
        let saw = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        let numbers = described(Describe::Wavelets, &saw);
        assert_eq!(numbers.len(), 4);
        assert!(close(numbers[1], (1.0 + FLOOR).ln()) && close(numbers[2], FLOOR.ln()), "{numbers:?}");
        // One step of 2 in the middle of 4 points: half of it at scale 2.
        let step = described(Describe::Wavelets, &[0.0, 0.0, 2.0, 2.0]);
        assert!(close(step[2], (1.0 + FLOOR).ln()), "{step:?}");
    }

    #[test]
    fn statistics_in_closed_form() {
        let numbers = described(Describe::Statistics, &[1.0, 2.0, 3.0, 4.0]);
        let [deviation, n] = [1.25_f64.sqrt(), 4.0];
        assert!(close(numbers[0], 2.5) && close(numbers[1], deviation) && close(numbers[2], 0.0));
        assert!(close(numbers[3], (2.0 * 1.5_f64.powi(4) + 2.0 * 0.5_f64.powi(4)) / n / 1.5625 - 3.0));
        assert!(close(numbers[4], 1.0) && close(numbers[5], 4.0) && close(numbers[6], 3.0));
        assert!(close(numbers[7], (0.75 - 0.25 + 0.75) / 1.25 / n), "{}", numbers[7]);
        assert!(close(numbers[8], 1.0 / 3.0) && close(numbers[9], 0.5) && close(numbers[10], 1.0));
        let flat = described(Describe::Statistics, &[7.0; 5]);
        assert_eq!(flat, [7.0, 0.0, 0.0, 0.0, 7.0, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    proptest! {
        /// Octaves hold all of the variance; no window gives what is not a number.
        #[test]
        fn powers_sum_to_the_variance(window in prop::collection::vec(-1e9..1e9_f64, 1..70)) {
            let describer = Describer::new(Describe::Spectrum, window.len());
            let power = describer.power(&window).unwrap();
            let moments: Moments = window.iter().copied().collect();
            prop_assert!((power.iter().sum::<f64>() - moments.variance()).abs() <= 1e-9 * moments.variance() + 1e-3);
            let covered: usize = describer.octaves().iter().map(|(from, to)| to - from).sum();
            prop_assert_eq!(covered, window.len() / 2);
            for how in [Describe::Values, Describe::Spectrum, Describe::Wavelets, Describe::Statistics] {
                let numbers = described(how, &window);
                prop_assert!(numbers.iter().all(|v| v.is_finite()), "{:?} {:?}", how, numbers);
            }
        }
    }
}
