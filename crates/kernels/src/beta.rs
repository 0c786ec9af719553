//! Tails of the beta and binomial distributions, accurate in both tails up to millions of trials.
//!
//! # Equations
//! `I_x(a, b) = x^a y^b / B(a, b) / (b_0 + a_1 / (b_1 + a_2 / (b_2 + ..)))`, `y = 1 - x`, with (Didonato, Morris 1992,
//! section 4)
//! `a_m = (a + m - 1)(a + b + m - 1) m (b - m) x^2 / (a + 2m - 1)^2` and
//! `b_m = m + m (b - m) x / (a + 2m - 1) + (a + m)(a y - b x + 1 + m (1 + y)) / (a + 2m + 1)`,
//! a sum of positive terms below the mean. `P(Binomial(n, p) >= j) = I_p(j, n - j + 1)`. The factor in front is written
//! as a binomial probability in the saddle-point form of Loader 2000, which loses no digits where differences of
//! `ln Gamma` at a million would lose ten.
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

/// `P(X <= x)` and `P(X > x)` for `X ~ Beta(a, b)`; `y` is `1 - x`, given apart because near `x = 1` it holds digits that
/// `x` has lost. The smaller of the two decides: where it is exact, rounding of the other does not matter.
pub fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 {
        return (1.0, 0.0);
    }
    let factor = a * b / (a + b) * binomial_density(a, a + b, x, y);
    // `a y - b x`, from whichever of the two is known better; above 0 is below the mean.
    let below = if x <= y { a - (a + b) * x } else { (a + b) * y - b };
    if below >= 0.0 {
        let lower = (factor / continued_fraction((a, b), (x, y), below)).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (factor / continued_fraction((b, a), (y, x), -below)).min(1.0);
        (1.0 - upper, upper)
    }
}

/// The `x` with `P(Beta(a, b) <= x) = p`, by bisection to the last digit.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_tails(a, b, x, 1.0 - x).0 < p)
}

/// The point between `low` and `high` up to which `before` holds; `before` must switch once.
pub fn bisect(mut low: f64, mut high: f64, before: impl Fn(f64) -> bool) -> f64 {
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

/// Lentz's evaluation of the continued fraction of the module page.
fn continued_fraction((a, b): (f64, f64), (x, y): (f64, f64), below: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut h = away(a * (below + 1.0) / (a + 1.0));
    let (mut c, mut d) = (h, 0.0);
    // The steps needed grow as the root of the larger parameter; 200,000 serve parameters of 1e9.
    for m in 1..200_000 {
        let m = f64::from(m);
        let (at, share) = (a + 2.0 * m - 1.0, m * (b - m) * x);
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * share * x / (at * at);
        let term = m + share / at + (a + m) * (below + 1.0 + m * (1.0 + y)) / (a + 2.0 * m + 1.0);
        d = 1.0 / away(term + numerator * d);
        c = away(term + numerator / c);
        let step = c * d;
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
    // `k - n x` equals `n y - rest`. A million times the rounding error of a share near 1 would cost five digits.
    let off = if x <= y { k - n * x } else { n * y - rest };
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n * x, off)
        - deviance(rest, n * y, -off);
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

/// `x ln(x / m) + m - x` without cancellation where `x` is near `m`; `off` is `x - m`.
fn deviance(x: f64, m: f64, off: f64) -> f64 {
    let v = off / (x + m);
    if v.abs() >= 0.1 {
        return x * (x / m).ln() - off;
    }
    let mut sum = off * v;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance * want.abs(), "{got} is not {want}");
    }

    /// mpmath 1.4.1 with 60 digits on the same doubles, golden/values.py of `decide`. SciPy itself is off by 1e-12 at a million.
    /// A relative 1e-11, since the deviance of a million trials, about 1e6, is only known to its last digit.
    #[test]
    fn beta_tails_match_reference() {
        for (a, b, x, lower, upper) in [
            (0.5, 0.5, 0.3, 0.36901011956554536, 0.6309898804344546),
            (2.0, 3.0, 0.25, 0.26171875, 0.73828125),
            (50.0, 5.0, 0.97, 0.977235610813712, 0.022764389186288002),
            (900001.0, 100000.0, 0.9, 0.4995124039243862, 0.5004875960756138),
            (900001.0, 100000.0, 0.902, 0.99999999998996, 1.0039979671929483e-11),
            (900001.0, 100000.0, 0.898, 1.6914550848614147e-11, 0.9999999999830854),
            (3.0, 1e6, 5e-6, 0.8753494544393331, 0.12465054556066688),
            (1e6, 1e6, 0.5003, 0.8019280371578851, 0.19807196284211498),
        ] {
            let got = beta_tails(a, b, x, 1.0 - x);
            close(got.0, lower, 1e-11);
            close(got.1, upper, 1e-11);
            // The other tail of the mirrored variable is the same.
            let mirrored = beta_tails(b, a, 1.0 - x, x);
            close(mirrored.1, lower, 1e-11);
        }
    }

    /// SciPy 1.17.1 `gammaln`; the series is good to a few units in the last place.
    #[test]
    fn ln_gamma_matches_reference() {
        for (x, ln) in [
            (0.1, 2.252712651734206),
            (0.5, 0.5723649429247),
            (2.5, 0.2846828704729192),
            (14.9, 24.924132002217277),
            (100.0, 359.1342053695754),
            (1e6, 12815504.569147611),
        ] {
            close(ln_gamma(x), ln, 1e-13);
        }
        assert!(ln_gamma(1.0).abs() < 1e-14);
    }

    /// SciPy 1.17.1 `beta.ppf`; bisection is exact to the last digits of the tail.
    #[test]
    fn intervals_match_reference() {
        let got = clopper_pearson(3, 50, 0.9);
        close(got.low, 0.01655185918923134, 1e-10);
        close(got.high, 0.14783717636418123, 1e-10);
        assert_eq!(clopper_pearson(0, 20, 0.9).low, 0.0);
        close(clopper_pearson(0, 20, 0.9).high, 0.13910834066826516, 1e-10);
        let got = clopper_pearson(50_000, 1_000_000, 0.9);
        close(got.low, 0.04964197535674237, 1e-9);
        close(got.high, 0.05035995136217609, 1e-9);
        let whole = clopper_pearson(0, 0, 0.9);
        assert_eq!((whole.low, whole.high), (0.0, 1.0));
    }
}
