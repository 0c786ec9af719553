//! Special functions.

/// The logarithmic derivative of the gamma function, for `x > 0`.
///
/// The recurrence `digamma(x) = digamma(x + 1) - 1 / x` raises the argument above 10, where the asymptotic series
/// (Abramowitz and Stegun 1964, 6.3.18) is good to a few units in the last place.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17.1 `digamma`; and minus Euler's constant at 1.
    #[test]
    fn matches_reference() {
        for (x, want) in [
            (0.1, -10.423754940411076),
            (0.5, -1.9635100260214235),
            (1.0, -0.5772156649015329),
            (2.5, 0.7031566406452432),
            (14.9, 2.667428976216042),
            (100.0, 4.600161852738088),
            (1e6, 13.81551005796419),
        ] {
            assert!((digamma(x) - want).abs() < 1e-12 * want.abs(), "{x}: {} {want}", digamma(x));
        }
    }
}
