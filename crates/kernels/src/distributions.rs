//! Probabilities and quantiles of the chi-squared and the normal distribution.
//!
//! The chi-squared ones come from the incomplete gamma function at half-integer shapes, whose gamma function is an
//! exact recursion.

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

/// The value that a standard normal variable stays below with probability `p`: minus infinity for 0, infinity for 1.
///
/// Algorithm AS 241 (Wichura 1988, Applied Statistics 37, PPND16): ratios of polynomials for the centre, the tail and
/// the far tail, good to about 16 digits. Small `p` keep their digits; of those near 1 pass `1 - p` and negate.
pub fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(0.180_625 - q * q, &CENTRE);
    }
    let r = (-p.min(1.0 - p).ln()).sqrt();
    let size = if r <= 5.0 { ratio(r - 1.6, &TAIL) } else { ratio(r - 5.0, &FAR_TAIL) };
    size.copysign(q)
}

/// Numerator over denominator at `x`, highest powers first.
fn ratio(x: f64, polynomials: &[[f64; 8]; 2]) -> f64 {
    let [above, below] = polynomials.map(|c| c.into_iter().fold(0.0, |sum, c| sum * x + c));
    above / below
}

const CENTRE: [[f64; 8]; 2] = [
    [
        2509.0809287301227,
        33430.57558358813,
        67265.7709270087,
        45921.95393154987,
        13731.69376550946,
        1971.5909503065513,
        133.14166789178438,
        3.3871328727963665,
    ],
    [
        5226.495278852854,
        28729.085735721943,
        39307.89580009271,
        21213.794301586597,
        5394.196021424751,
        687.1870074920579,
        42.31333070160091,
        1.0,
    ],
];
const TAIL: [[f64; 8]; 2] = [
    [
        7.745450142783414e-4,
        0.022723844989269184,
        0.2417807251774506,
        1.2704582524523684,
        3.6478483247632045,
        5.769497221460691,
        4.630337846156546,
        1.4234371107496835,
    ],
    [
        1.0507500716444169e-9,
        5.475938084995345e-4,
        0.015198666563616457,
        0.14810397642748008,
        0.6897673349851,
        1.6763848301838038,
        2.053191626637759,
        1.0,
    ],
];
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        2.0103343992922881e-7,
        2.7115555687434876e-5,
        0.0012426609473880784,
        0.026532189526576124,
        0.29656057182850487,
        1.7848265399172913,
        5.463784911164114,
        6.657904643501103,
    ],
    [
        2.0442631033899397e-15,
        1.421511758316446e-7,
        1.8463183175100548e-5,
        7.868691311456133e-4,
        0.014875361290850615,
        0.1369298809227358,
        0.599832206555888,
        1.0,
    ],
];

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
        close(normal_quantile(0.3), -0.5244005127080409);
        close(normal_quantile(1e-20), -9.262340089798409);
        close(normal_quantile(1e-300), -37.0470962993612);
        assert_eq!(normal_quantile(0.5), 0.0);
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }

    const CHI_SQUARED: [(usize, f64, f64); 4] = [
        (1, 5.023886187314888, 0.8299435872459326),
        (5, 12.832501994030027, 0.9237038523239152),
        (20, 34.16960690283833, 0.9527924334166559),
        (1000, 1089.5309127749135, 0.9723100736283489),
    ];
}
