//! Random draws of the distributions that posteriors are made of.
//!
//! # References
//! Marsaglia and Bray 1964 (normal), Marsaglia and Tsang 2000, ACM TOMS 26(3) (gamma).

use anomalyst_core::Random;
use rand::Rng;

/// Uniform in `0..1`, never 0 or 1.
pub fn uniform(random: &mut Random) -> f64 {
    ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// A whole number below `n`, which must not be 0.
pub fn below(random: &mut Random, n: usize) -> usize {
    ((uniform(random) * n as f64) as usize).min(n.saturating_sub(1))
}

/// Standard normal.
pub fn normal(random: &mut Random) -> f64 {
    loop {
        let (u, v) = (2.0 * uniform(random) - 1.0, 2.0 * uniform(random) - 1.0);
        let square = u * u + v * v;
        if square < 1.0 && square > 0.0 {
            return u * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

/// Gamma of that shape and scale 1.
pub fn gamma(random: &mut Random, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = uniform(random).powf(1.0 / shape);
        return boost * gamma(random, shape + 1.0);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(random).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Moments;
    use anomalyst_core::Run;

    /// Mean and variance of 100,000 draws stay within five standard errors of theory.
    #[test]
    fn moments() {
        let mut random = Run::new(1).random(0);
        let n = 100_000;
        let normals: Moments = (0..n).map(|_| normal(&mut random)).collect();
        assert!(normals.mean().abs() < 0.016 && (normals.variance() - 1.0).abs() < 0.023);
        for shape in [0.5, 3.0, 40.0] {
            let draws: Moments = (0..n).map(|_| gamma(&mut random, shape)).collect();
            assert!((draws.mean() - shape).abs() < 5.0 * (shape / f64::from(n)).sqrt());
            assert!((draws.variance() / shape - 1.0).abs() < 0.06);
        }
        assert!((0..1000).all(|_| below(&mut random, 3) < 3));
    }
}
