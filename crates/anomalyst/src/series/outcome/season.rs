//! The points after which a channel repeats itself, for what is expected of it; no answer where it does not.
//!
//! Windows of methods follow another rule (`kernels::period`), which always answers and knows no period above 303 points.

use anomalyst_core::Result;
use anomalyst_kernels::fourier;
use anomalyst_kernels::stats::{MAD_TO_SIGMA, median_and_mad};

/// Points that are looked at, the first ones.
const MOST_POINTS: usize = 20_000;
/// The longest period; what is expected looks at eight of them on each side.
const LONGEST: usize = 5_000;
/// Neighbours resemble each other in every smooth series.
const SHORTEST: usize = 4;
/// Values are cut at this many spreads, so that odd ones do not decide.
const CUT: f64 = 3.0;
/// How alike values a period apart must be, and how much more alike than values at some shorter distance.
const ALIKE: f64 = 0.3;
/// A shorter period is taken where it is less good by at most this.
const AS_GOOD: f64 = 0.03;

/// The period of `values`, which may hold missing ones: the lag of the highest peak of the autocorrelation among lags of
/// which three fit into the series.
pub(in crate::series) fn period_of(values: &[f64]) -> Result<Option<usize>> {
    let values = &values[..values.len().min(MOST_POINTS)];
    let longest = LONGEST.min(values.len() / 3);
    // Halves, so that the difference of the largest numbers is a number.
    let mut known: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|v| v / 2.0).collect();
    if longest <= SHORTEST || known.len() < 2 * longest {
        return Ok(None);
    }
    let (center, mad) = median_and_mad(&mut known);
    let spread = mad * MAD_TO_SIGMA;
    if spread <= 0.0 {
        return Ok(None);
    }
    let z = |v: &f64| if v.is_finite() { ((v / 2.0 - center) / spread).clamp(-CUT, CUT) } else { 0.0 };
    let mut z: Vec<f64> = values.iter().map(z).collect();
    take_line_off(&mut z);
    let alike = autocorrelation(z, longest + 1)?;
    let mut least = f64::INFINITY;
    let mut peaks: Vec<(usize, f64)> = Vec::new();
    for lag in 1..=longest {
        least = least.min(alike[lag]);
        let is_peak = alike[lag] > alike[lag - 1] && alike[lag] >= alike[lag + 1];
        if lag >= SHORTEST && is_peak && alike[lag] >= ALIKE && alike[lag] - least >= ALIKE {
            peaks.push((lag, alike[lag]));
        }
    }
    let best = peaks.iter().map(|peak| peak.1).fold(0.0, f64::max);
    Ok(peaks.iter().find(|peak| peak.1 >= best - AS_GOOD).map(|peak| peak.0))
}

/// Takes the line of least squares off: on a trend all values resemble their neighbours.
fn take_line_off(z: &mut [f64]) {
    let n = z.len() as f64;
    let (mean, middle) = (z.iter().sum::<f64>() / n, (n - 1.0) / 2.0);
    let along = z.iter().enumerate().map(|(i, v)| (i as f64 - middle) * v).sum::<f64>();
    let slope = along / (n * (n * n - 1.0) / 12.0);
    z.iter_mut().enumerate().for_each(|(i, v)| *v -= mean + slope * (i as f64 - middle));
}

/// Autocorrelation at lags of 0 to `longest`, each over the pairs that there are.
fn autocorrelation(mut z: Vec<f64>, longest: usize) -> Result<Vec<f64>> {
    let n = z.len();
    z.resize((n + longest).next_power_of_two(), 0.0);
    let padded = z.len();
    let power = fourier::spectrum(&z)?.into_iter().map(|c| c * c.conj()).collect();
    let sums = fourier::from_spectrum(power, padded)?;
    let own = (sums[0] / n as f64).max(f64::MIN_POSITIVE);
    Ok((0..=longest).map(|lag| sums[lag] / (n - lag) as f64 / own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::Run;
    use anomalyst_kernels::draw::normal;

    fn made(n: usize, of: impl Fn(usize) -> f64, noise: f64) -> Vec<f64> {
        let mut random = Run::new(3).random(0);
        (0..n).map(|i| of(i) + noise * normal(&mut random)).collect()
    }

    fn wave(i: usize, period: f64) -> f64 {
        (std::f64::consts::TAU * i as f64 / period).sin()
    }

    #[test]
    fn the_autocorrelation_is_that_of_sums() {
        let z = made(50, |i| wave(i, 9.0), 0.3);
        let square: f64 = z.iter().map(|v| v * v).sum::<f64>() / 50.0;
        let found = autocorrelation(z.clone(), 20).unwrap();
        for (lag, found) in found.iter().enumerate() {
            let sum: f64 = z.iter().zip(&z[lag..]).map(|(a, b)| a * b).sum();
            assert!((sum / (50 - lag) as f64 / square - found).abs() < 1e-9, "{lag}");
        }
    }

    #[test]
    fn days_and_weeks_are_found() {
        assert_eq!(period_of(&made(2_000, |i| wave(i, 24.0), 0.3)).unwrap(), Some(24));
        let week = |i: usize| wave(i, 48.0) * if i / 48 % 7 < 5 { 1.0 } else { 0.3 };
        assert_eq!(period_of(&made(10_000, week, 0.1)).unwrap(), Some(336));
        let trend = made(3_000, |i| wave(i, 50.0) + i as f64 / 500.0, 0.2);
        assert_eq!(period_of(&trend).unwrap(), Some(50));
        let mut gaps = made(2_000, |i| wave(i, 24.0), 0.3);
        gaps[300..400].fill(f64::NAN);
        gaps[700] = 1e300;
        assert_eq!(period_of(&gaps).unwrap(), Some(24));
    }

    #[test]
    fn what_does_not_repeat_has_no_period() {
        assert_eq!(period_of(&made(3_000, |_| 0.0, 1.0)).unwrap(), None);
        assert_eq!(period_of(&made(3_000, |i| i as f64, 1.0)).unwrap(), None);
        assert_eq!(period_of(&[5.0; 500]).unwrap(), None);
        assert_eq!(period_of(&[f64::NAN; 500]).unwrap(), None);
        assert_eq!(period_of(&[1.0, 2.0]).unwrap(), None);
        assert!(period_of(&(0..500).map(|i| [1e308, -1e308, 1.0][i % 3]).collect::<Vec<_>>()).is_ok());
    }
}
