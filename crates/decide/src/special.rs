//! Tails of the beta and binomial distributions, accurate in both tails up to millions of trials.
//!
//! # Equations
//! `I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * c(a, b, x)` with the continued fraction `c` (Didonato and Morris
//! 1992), and `P(Binomial(n, p) >= j) = I_p(j, n - j + 1)`. The factor in front is written as a binomial
//! probability in the saddle-point form of Loader 2000, which loses no digits where differences of `ln Gamma`
//! at a million would lose ten.
//!
//! # Complexity
//! O(sqrt(max(a, b))) steps near the mean, fewer in the tails.
//!
//! # References
//! Loader 2000, Fast and accurate computation of binomial probabilities. Didonato and Morris 1992, ACM TOMS 18(3).
//! Clopper and Pearson 1934, Biometrika 26(4).

use anomalyst_core::Interval;

const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// `ln Gamma(x)` for `x > 0` (Stirling's series after raising the argument above 15).
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 15.0 {
        product *= x;
        x += 1.0;
    }
    (x - 0.5) * x.ln() - x + HALF_LN_TWO_PI + stirling_series(x) - product.ln()
}

/// `digamma(x)` for `x > 0`: the asymptotic series after raising the argument above 10.
pub fn digamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))));
    sum + x.ln() - 0.5 / x - series
}

/// `P(X <= x)` and `P(X > x)` for `X ~ Beta(a, b)`; `y` is `1 - x`, given apart so that it keeps its digits.
pub fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 {
        return (1.0, 0.0);
    }
    let factor = a * b / (a + b) * binomial_density(a, a + b, x, y);
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = (factor * continued_fraction(a, b, x) / a).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (factor * continued_fraction(b, a, y) / b).min(1.0);
        (1.0 - upper, upper)
    }
}

/// The `x` with `P(Beta(a, b) <= x) = p`, by bisection to the last digit.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_tails(a, b, x, 1.0 - x).0 < p)
}

/// The point between `low` and `high` up to which `before` holds; `before` must switch once.
pub(crate) fn bisect(mut low: f64, mut high: f64, before: impl Fn(f64) -> bool) -> f64 {
    // Each step wins one bit; 200 reach the last one from any finite bracket.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if before(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The exact (Clopper-Pearson) interval of a share of which `count` of `n` were seen; `0..1` for `n = 0`.
pub fn clopper_pearson(count: u64, n: u64, level: f64) -> Interval {
    let alpha = 0.5 * (1.0 - level);
    let (c, rest) = (count as f64, n.saturating_sub(count) as f64);
    let low = if count == 0 { 0.0 } else { beta_quantile(alpha, c, rest + 1.0) };
    let high = if count >= n { 1.0 } else { beta_quantile(1.0 - alpha, c + 1.0, rest) };
    Interval { low, mean: if n == 0 { 0.5 } else { c / n as f64 }, high, level }
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    // The steps needed grow as the root of the larger parameter; 200,000 serve parameters of 1e9.
    for m in 1..200_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// `Gamma(n+1) / (Gamma(k+1) Gamma(n-k+1)) x^k y^(n-k)` for real `0 < k < n` (Loader 2000).
fn binomial_density(k: f64, n: f64, x: f64, y: f64) -> f64 {
    let rest = n - k;
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n * x)
        - deviance(rest, n * y);
    exponent.exp() * (n / (std::f64::consts::TAU * k * rest)).sqrt()
}

/// `ln Gamma(x + 1) - [(x + 1/2) ln x - x + ln(2 pi) / 2]`.
fn stirling_error(x: f64) -> f64 {
    if x < 15.0 { ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - HALF_LN_TWO_PI } else { stirling_series(x) }
}

fn stirling_series(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y / 1188.0)))) / x
}

/// `x ln(x / m) + m - x` without cancellation where `x` is near `m`.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let mut sum = (x - m) * v;
    let mut term = 2.0 * x * v;
    for j in 1..1000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}
