//! Probabilities and quantiles of the chi-squared and the normal distribution.
//!
//! Both come from the incomplete gamma function at half-integer shapes, whose gamma function is an exact recursion.

use anomalyst_core::Random;
use rand::RngExt;

/// A standard normal number (Box and Muller 1958); takes two uniform ones.
pub fn standard_normal(random: &mut Random) -> f64 {
    let (u, v) = (1.0 - random.random::<f64>(), random.random::<f64>());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The probability that a chi-squared variable of `n_free` degrees of freedom is at most `x`.
pub fn chi_squared_cdf(x: f64, n_free: usize) -> f64 {
    if x <= 0.0 || n_free == 0 {
        return if x < 0.0 || n_free > 0 { 0.0 } else { 1.0 };
    }
    let (a, x) = (n_free as f64 / 2.0, x / 2.0);
    let front = (a * x.ln() - x - ln_gamma_of_half(n_free)).exp();
    if x < a + 1.0 { front * gamma_series(a, x) } else { 1.0 - front * gamma_fraction(a, x) }
}

/// The value that a chi-squared variable stays below with probability `p`; 0 for `p <= 0`, infinite for `p >= 1`.
pub fn chi_squared_quantile(p: f64, n_free: usize) -> f64 {
    if p >= 1.0 {
        return f64::INFINITY;
    }
    if p <= 0.0 || n_free == 0 {
        return 0.0;
    }
    let mut high = n_free as f64;
    while chi_squared_cdf(high, n_free) < p {
        high *= 2.0;
    }
    let mut low = 0.0;
    // Each step wins one bit; 100 reach the last one.
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if chi_squared_cdf(middle, n_free) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The value that a standard normal variable stays below with probability `p`.
pub fn normal_quantile(p: f64) -> f64 {
    let size = chi_squared_quantile((2.0 * p - 1.0).abs(), 1).sqrt();
    if p < 0.5 { -size } else { size }
}

/// ln Gamma(twice / 2).
fn ln_gamma_of_half(twice: usize) -> f64 {
    let is_even = twice.is_multiple_of(2);
    let (start, first) = if is_even { (0.0, 2) } else { (std::f64::consts::PI.ln() / 2.0, 1) };
    (first..twice).step_by(2).fold(start, |sum, i| sum + (i as f64 / 2.0).ln())
}

/// The sum of `x^i / (a (a + 1) .. (a + i))`, which converges fast for `x < a + 1`.
fn gamma_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut i) = (1.0 / a, 1.0 / a, 1.0);
    while term > sum * 1e-17 && i < 100_000.0 {
        term *= x / (a + i);
        sum += term;
        i += 1.0;
    }
    sum
}

/// The continued fraction of the upper incomplete gamma function, by Lentz's evaluation, for `x >= a + 1`.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let away = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut product = d;
    for i in 1..100_000 {
        let numerator = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / away(numerator * d + b);
        c = away(b + numerator / c);
        product *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} is not {want}");
    }

    /// Two degrees of freedom are an exponential variable of mean 2.
    #[test]
    fn closed_form() {
        for x in [0.1, 1.0, 2.0, 7.0, 40.0] {
            close(chi_squared_cdf(x, 2), 1.0 - (-x / 2.0_f64).exp());
        }
        close(chi_squared_quantile(0.75, 2), 2.0 * 4.0_f64.ln());
        assert_eq!((chi_squared_cdf(0.0, 3), chi_squared_cdf(-1.0, 3)), (0.0, 0.0));
        assert_eq!((chi_squared_quantile(0.0, 3), chi_squared_quantile(1.0, 3)), (0.0, f64::INFINITY));
    }

    /// SciPy 1.17.1 `chi2.ppf`, `chi2.cdf`, `norm.ppf`, through `golden/mcd.py` of the detectors. Both sides are exact
    /// to a few units in the last place, thousands of degrees to some more.
    #[test]
    fn matches_scipy() {
        for (n, quantile, below) in CHI_SQUARED {
            close(chi_squared_quantile(0.975, n), quantile);
            close(chi_squared_cdf(quantile, n + 2), below);
        }
        close(normal_quantile(0.975), 1.959963984540054);
        close(normal_quantile(0.001), -3.090232306167813);
        assert!(normal_quantile(0.5).abs() < 1e-9);
    }

    const CHI_SQUARED: [(usize, f64, f64); 4] = [
        (1, 5.023886187314888, 0.8299435872459326),
        (5, 12.832501994030027, 0.9237038523239152),
        (20, 34.16960690283833, 0.9527924334166559),
        (1000, 1089.5309127749135, 0.9723100736283489),
    ];
}
