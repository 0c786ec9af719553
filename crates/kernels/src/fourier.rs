//! Fourier transforms of real series.

use std::sync::Arc;

use anomalyst_core::{Error, Result};
pub use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

/// The spectrum of `values`: frequencies 0 to n / 2, without a factor.
pub fn spectrum(values: &[f64]) -> Result<Vec<Complex64>> {
    Spectra::new(values.len()).of(&mut values.to_vec())
}

/// Spectra of many series of one length, which is planned for once.
pub struct Spectra {
    plan: Option<Arc<dyn RealToComplex<f64>>>,
}

impl Spectra {
    /// For series of `len` values.
    pub fn new(len: usize) -> Self {
        Self { plan: (len > 0).then(|| RealFftPlanner::<f64>::new().plan_fft_forward(len)) }
    }

    /// The same as [`spectrum`] of `values`, which are overwritten.
    pub fn of(&self, values: &mut [f64]) -> Result<Vec<Complex64>> {
        let Some(plan) = &self.plan else { return Ok(Vec::new()) };
        let mut out = plan.make_output_vec();
        plan.process(values, &mut out).map_err(failed)?;
        Ok(out)
    }
}

/// The `n` values of a spectrum: the inverse of [`spectrum`].
pub fn from_spectrum(mut spectrum: Vec<Complex64>, n: usize) -> Result<Vec<f64>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let plan = RealFftPlanner::<f64>::new().plan_fft_inverse(n);
    // The parts that a real series has no imaginary share of; rounding may have left one.
    spectrum.resize(n / 2 + 1, Complex64::default());
    spectrum[0].im = 0.0;
    if n.is_multiple_of(2) {
        spectrum[n / 2].im = 0.0;
    }
    let mut out = plan.make_output_vec();
    plan.process(&mut spectrum, &mut out).map_err(failed)?;
    out.iter_mut().for_each(|v| *v /= n as f64);
    Ok(out)
}

fn failed(error: realfft::FftError) -> Error {
    Error::Data(format!("Fourier transform: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Against the sum that defines it.
    #[test]
    fn the_spectrum_is_its_definition() {
        for n in [1_usize, 2, 5, 8, 13] {
            let values: Vec<f64> = (0..n).map(|i| ((i * 7 + 3) % 11) as f64).collect();
            let got = spectrum(&values).unwrap();
            assert_eq!(got.len(), n / 2 + 1);
            for (k, got) in got.iter().enumerate() {
                let term = |(t, &v): (usize, &f64)| v * Complex64::cis(-TAU * (k * t) as f64 / n as f64);
                let want: Complex64 = values.iter().enumerate().map(term).sum();
                assert!((got - want).norm() < 1e-9, "{n} {k}");
            }
            let back = from_spectrum(got, n).unwrap();
            assert!(back.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-12 * 11.0 * n as f64));
        }
        assert!(spectrum(&[]).unwrap().is_empty() && from_spectrum(Vec::new(), 0).unwrap().is_empty());
    }
}
