//! Tails and quantiles of the normal, chi-squared and studentized-range distributions.
//!
//! All come from the incomplete gamma function at half-integer shapes, whose gamma function is an exact recursion.

/// Probability that a standard normal variable exceeds `z`.
pub(super) fn normal_tail(z: f64) -> f64 {
    let half = chi_squared_tail(z * z, 1) / 2.0;
    if z >= 0.0 { half } else { 1.0 - half }
}

/// The value that a standard normal variable stays below with probability `p`, by bisection; within 39 of zero.
pub(super) fn normal_quantile(p: f64) -> f64 {
    bisect(-39.0, 39.0, |z| if z > 0.0 { 1.0 - normal_tail(z) < p } else { normal_tail(-z) < p })
}

/// Probability that a chi-squared variable of `n_free` degrees of freedom exceeds `x`.
pub(super) fn chi_squared_tail(x: f64, n_free: usize) -> f64 {
    if x <= 0.0 || n_free == 0 {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    let (a, x) = (n_free as f64 / 2.0, x / 2.0);
    let front = (a * x.ln() - x - ln_gamma_of_half(n_free)).exp();
    if x < a + 1.0 { 1.0 - front * gamma_series(a, x) } else { front * gamma_fraction(a, x) }
}

/// The upper `alpha` point of the studentized range of `n_groups` means with known variance.
///
/// P(Q < q) = k * integral of phi(z) (Phi(z) - Phi(z - q))^(k-1) dz, by Simpson's rule.
pub(super) fn studentized_range_quantile(alpha: f64, n_groups: usize) -> f64 {
    const N_STEPS: usize = 320;
    let step = 16.0 / N_STEPS as f64;
    let nodes: Vec<(f64, f64, f64)> = (0..=N_STEPS)
        .map(|i| {
            let z = -8.0 + step * i as f64;
            let simpson = if i == 0 || i == N_STEPS { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
            let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            (z, simpson * step / 3.0 * density, normal_tail(-z))
        })
        .collect();
    let k = n_groups as f64;
    let below = |q: f64| -> f64 {
        nodes
            .iter()
            .map(|&(z, weight, cdf)| weight * k * (cdf - normal_tail(q - z)).max(0.0).powf(k - 1.0))
            .sum()
    };
    bisect(0.0, 30.0, |q| below(q) < 1.0 - alpha)
}

/// The point of `[low, high]` up to which `is_below` holds.
fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if is_below(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// ln Gamma(twice / 2).
fn ln_gamma_of_half(twice: usize) -> f64 {
    let start = if twice.is_multiple_of(2) { 0.0 } else { std::f64::consts::PI.ln() / 2.0 };
    let first = if twice.is_multiple_of(2) { 2 } else { 1 };
    (first..twice).step_by(2).fold(start, |sum, i| sum + (i as f64 / 2.0).ln())
}

/// sum of x^i / (a (a+1) .. (a+i)), which converges fast for x < a + 1.
fn gamma_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut i) = (1.0 / a, 1.0 / a, 1.0);
    while term > sum * 1e-17 && i < 10_000.0 {
        term *= x / (a + i);
        sum += term;
        i += 1.0;
    }
    sum
}

/// The continued fraction of the upper incomplete gamma function (Lentz's way of evaluating it), for x >= a + 1.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut product = d;
    for i in 1..10_000 {
        let numerator = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b);
        c = away_from_zero(b + numerator / c);
        product *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    product
}

fn away_from_zero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed tables: two-sided 5 per cent of the normal, chi-squared of 4, Demsar 2006 table 5 (q over root 2).
    #[test]
    fn tables() {
        assert!((normal_tail(1.959_963_984_540_054) - 0.025).abs() < 1e-14);
        assert!((normal_tail(-1.0) - 0.841_344_746_068_543).abs() < 1e-14);
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((chi_squared_tail(9.487_729_036_781_154, 4) - 0.05).abs() < 1e-13);
        assert_eq!(chi_squared_tail(0.0, 3), 1.0);
        for (k, q) in [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)] {
            let got = studentized_range_quantile(0.05, k) / 2.0_f64.sqrt();
            assert!((got - q).abs() < 2e-3, "{k}: {got}");
        }
    }
}
