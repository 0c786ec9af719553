//! The generalized Pareto distribution and its fit by maximum likelihood.
//!
//! # Idea
//! Above a level that is high enough, what exceeds it looks alike whatever the data: the excesses follow a generalized
//! Pareto distribution (Pickands 1975, Balkema and de Haan 1974). Its shape says how heavy the tail is.
//!
//! # Equations
//! `S(y) = (1 + g y / s)^(-1/g)` with shape `g` and scale `s`; `exp(-y / s)` at `g = 0`; nothing above `-s / g` where
//! `g < 0`. With `t = g / s`, the likelihood depends on `t` alone once `g(t) = mean ln(1 + t y)` and `s = g(t) / t` are put
//! in (Grimshaw 1993), and is stationary where `(1 + g(t)) mean 1 / (1 + t y) = 1`. The roots lie in
//! `-1 / max y < t <= 2 (mean y - min y) / (min y)^2`. Zero always is one and stands for nothing: the expression has a
//! double root there, and is divided by `t^2` before its signs are looked at.
//!
//! Of all roots, the exponential distribution (`g = 0`) and the uniform one up to `max y` (`g = -1`, beyond which the
//! likelihood has no bound), the most likely is taken.
//!
//! # Complexity
//! O(n) per look at `t`, some 130 of them.
//!
//! # Differences
//! Grimshaw looks for roots by a modified Newton iteration from bounds; here signs are looked at along a fixed
//! geometric grid and each change is halved, so that all roots that a factor of three separates are found.
//!
//! # References
//! Grimshaw 1993, Technometrics 35(2), doi:10.1080/00401706.1993.10485040. Siffer, Fouque, Termier, Largouet 2017, KDD. Hosking, Wallis 1987, Technometrics 29(3).
//!
//! # Example
//! ```
//! use anomalyst_decide::extremes::GeneralizedPareto;
//! let tail = GeneralizedPareto::fit(&[0.2, 0.5, 0.9, 1.4, 2.1, 3.5]).unwrap();
//! assert!((tail.survival(tail.quantile(0.01)) - 0.01).abs() < 1e-12);
//! ```

use anomalyst_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Below this, a shape is that of the exponential distribution to all digits that matter.
const FLAT: f64 = 1e-9;
/// The grid of `t` begins here, in units of `1 / mean y`, grows by this factor and ends there.
const GRID_FROM: f64 = 1e-5;
const GRID_STEP: f64 = 3.0;
const GRID_TO: f64 = 1e12;

/// How excesses over a level are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneralizedPareto {
    /// `g`: above 0 for tails like a power, 0 for exponential ones, below 0 for bounded ones.
    pub shape: f64,
    /// `s`, in the unit of the scores.
    pub scale: f64,
}

impl GeneralizedPareto {
    /// The most likely one. Excesses must be positive and finite, and at least two. Equal ones give the uniform
    /// distribution up to their value.
    pub fn fit(excesses: &[f64]) -> Result<Self> {
        if excesses.len() < 2 {
            let what = "a generalized Pareto distribution".into();
            return Err(Error::TooFewItems { what, got: excesses.len(), need: 2 });
        }
        if let Some(bad) = excesses.iter().find(|y| !(y.is_finite() && **y > 0.0)) {
            return Err(Error::Data(format!("an excess is {bad}; excesses are positive finite numbers")));
        }
        let unit = excesses.iter().sum::<f64>() / excesses.len() as f64;
        let y: Vec<f64> = excesses.iter().map(|y| y / unit).collect();
        let (low, high) = y.iter().fold((f64::MAX, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
        // Mean log-likelihoods of the two that need no root: exponential of mean 1, uniform up to the highest.
        let exponential = (-1.0, Self { shape: 0.0, scale: 1.0 });
        let uniform = (-high.ln(), Self { shape: -1.0, scale: high });
        let mut best = if uniform.0 > exponential.0 { uniform } else { exponential };
        let grid = grid(high, 2.0 * (1.0 - low) / (low * low));
        let signs: Vec<f64> = grid.iter().map(|&t| stationary(&y, t)).collect();
        for (t, sign) in grid.windows(2).zip(signs.windows(2)) {
            // The grid is in two parts, below and above 0.
            if sign[0] * sign[1] > 0.0 || t[0] * t[1] < 0.0 {
                continue;
            }
            let root = halve(t[0], t[1], sign[0], |t| stationary(&y, t));
            let shape = mean_ln(&y, root);
            let scale = shape / root;
            let likelihood = -scale.ln() - shape - 1.0;
            if shape > -1.0 && likelihood > best.0 {
                best = (likelihood, Self { shape, scale });
            }
        }
        Ok(Self { scale: best.1.scale * unit, ..best.1 })
    }

    /// Probability that an excess is above `y`.
    pub fn survival(&self, y: f64) -> f64 {
        self.ln_survival(y).exp()
    }

    /// Its logarithm; minus infinity beyond the end of a bounded tail.
    pub fn ln_survival(&self, y: f64) -> f64 {
        let at = (y / self.scale).max(0.0);
        if self.shape.abs() < FLAT {
            return -at;
        }
        let inner = self.shape * at;
        if inner <= -1.0 { f64::NEG_INFINITY } else { -inner.ln_1p() / self.shape }
    }

    /// The excess that is exceeded with probability `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        let depth = -p.clamp(0.0, 1.0).ln();
        if self.shape.abs() < FLAT {
            return self.scale * depth;
        }
        self.scale * (self.shape * depth).exp_m1() / self.shape
    }

    /// Logarithm of the density at `y`; minus infinity outside of the support.
    pub fn ln_density(&self, y: f64) -> f64 {
        if y < 0.0 {
            return f64::NEG_INFINITY;
        }
        if self.shape.abs() < FLAT {
            return -self.scale.ln() - y / self.scale;
        }
        let inner = self.shape * y / self.scale;
        if inner < -1.0 {
            return f64::NEG_INFINITY;
        }
        let power = 1.0 / self.shape + 1.0;
        // The uniform distribution is as dense at its end as before it.
        let falls = if power == 0.0 { 0.0 } else { power * inner.ln_1p() };
        -self.scale.ln() - falls
    }
}

/// Where signs are looked at: ascending, towards `-1 / high` and towards `bound`.
fn grid(high: f64, bound: f64) -> Vec<f64> {
    let steps = |from: f64, to: f64| {
        std::iter::successors(Some(from), |t| Some(t * GRID_STEP)).take_while(move |&t| t < to)
    };
    let mut grid: Vec<f64> = steps(1e-9, 0.5).map(|left| (left - 1.0) / high).collect();
    let mut near: Vec<f64> = steps(GRID_FROM, 0.5 / high).map(|t| -t).collect();
    near.reverse();
    grid.extend(near);
    // A little beyond the bound, so that a root at it is enclosed.
    grid.extend(steps(GRID_FROM, GRID_STEP * bound.min(GRID_TO)));
    grid
}

fn mean_ln(y: &[f64], t: f64) -> f64 {
    y.iter().map(|&y| (t * y).ln_1p()).sum::<f64>() / y.len() as f64
}

/// Grimshaw's expression divided by the double root at 0.
fn stationary(y: &[f64], t: f64) -> f64 {
    let (mut ln, mut inverse) = (0.0, 0.0);
    for &y in y {
        ln += (t * y).ln_1p();
        inverse += 1.0 / (1.0 + t * y);
    }
    let n = y.len() as f64;
    ((1.0 + ln / n) * inverse / n - 1.0) / (t * t)
}

/// The root between `low` and `high`, where `of(low)` has the sign of `at_low` and `of(high)` the other one.
fn halve(mut low: f64, mut high: f64, at_low: f64, of: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if of(middle) * at_low > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;
    use proptest::prelude::*;

    /// Quantiles of a generalized Pareto distribution at `(i + 0.5) / n`.
    fn ideal(n: usize, shape: f64, scale: f64) -> Vec<f64> {
        let of = GeneralizedPareto { shape, scale };
        (0..n).map(|i| of.quantile((i as f64 + 0.5) / n as f64)).collect()
    }

    /// SciPy 1.17.1 `genpareto.fit(y, floc=0)`, its likelihood followed to the end (golden/extremes.py); 1e-6 because
    /// the search there compares likelihoods, which are flat at their top.
    #[test]
    fn matches_reference() {
        let list = vec![0.2, 0.5, 0.9, 1.4, 2.1, 3.5, 0.05, 7.7, 0.33, 1.01];
        for (y, shape, scale) in [
            (ideal(50, 0.4, 2.0), 0.3693741768907115, 2.0418665390573674),
            (ideal(50, 0.0, 1.0), -0.036399184601109434, 1.029339837911007),
            (ideal(50, -0.3, 5.0), -0.3431045765088613, 5.188311388050951),
            (ideal(50, 1.2, 1.0), 1.1714987121088225, 1.0132928541461477),
            (list, 0.35252449782466233, 1.1930766880187156),
        ] {
            let fit = GeneralizedPareto::fit(&y).unwrap();
            assert!((fit.shape - shape).abs() < 1e-6 && (fit.scale / scale - 1.0).abs() < 1e-6, "{fit:?}");
        }
    }

    /// The mean is the most likely scale of an exponential tail; two points pin the profile down.
    #[test]
    fn closed_forms() {
        let exponential = GeneralizedPareto { shape: 0.0, scale: 2.0 };
        assert!((exponential.survival(2.0) - (-1.0_f64).exp()).abs() < 1e-15);
        let power = GeneralizedPareto { shape: 1.0, scale: 1.0 };
        assert!((power.survival(3.0) - 0.25).abs() < 1e-15 && (power.quantile(0.25) - 3.0).abs() < 1e-12);
        let bounded = GeneralizedPareto { shape: -0.5, scale: 1.0 };
        assert_eq!((bounded.survival(2.0), bounded.survival(5.0)), (0.0, 0.0));
        assert!((bounded.ln_density(1.0) - 0.5_f64.ln()).abs() < 1e-12);
        assert_eq!(bounded.ln_density(3.0), f64::NEG_INFINITY);
        let equal = GeneralizedPareto::fit(&[3.0; 5]).unwrap();
        assert_eq!((equal.shape, equal.scale), (-1.0, 3.0));
        assert!(GeneralizedPareto::fit(&[1.0]).is_err() && GeneralizedPareto::fit(&[1.0, 0.0]).is_err());
        assert!(GeneralizedPareto::fit(&[1.0, f64::NAN]).is_err());
    }

    /// 20 samples of 2,000 for each shape: the mean estimate is within three standard errors, `(1 + g) / sqrt(n)` each.
    #[test]
    fn finds_the_shape() {
        for shape in [-0.3, 0.0, 0.4, 1.0] {
            let of = GeneralizedPareto { shape, scale: 5.0 };
            let mean = (0..20)
                .map(|seed| {
                    let mut random = Run::new(seed).random(0);
                    let y: Vec<f64> = (0..2_000).map(|_| of.quantile(draw::uniform(&mut random))).collect();
                    GeneralizedPareto::fit(&y).unwrap().shape / 20.0
                })
                .sum::<f64>();
            assert!((mean - shape).abs() < 3.0 * (1.0 + shape) / 40_000.0_f64.sqrt(), "{mean} for {shape}");
        }
    }

    proptest! {
        /// No distribution nearby is more likely, and the unit of the excesses does not matter.
        #[test]
        fn nothing_near_is_more_likely(y in prop::collection::vec(0.01..100.0_f64, 5..40), power in 0.3..3.0_f64) {
            let y: Vec<f64> = y.iter().map(|y| y.powf(power)).collect();
            let fit = GeneralizedPareto::fit(&y).unwrap();
            // The uniform distribution is the edge of what is allowed.
            prop_assume!(fit.shape > -1.0);
            let likelihood = |of: GeneralizedPareto| y.iter().map(|&y| of.ln_density(y)).sum::<f64>();
            let best = likelihood(fit);
            for (a, b) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01), (0.01, -0.01), (-0.01, 0.01)] {
                let near = GeneralizedPareto { shape: fit.shape + a, scale: fit.scale * (1.0 + b) };
                prop_assert!(near.shape < -1.0 || likelihood(near) <= best + 1e-6, "{fit:?} {near:?}");
            }
            let scaled: Vec<f64> = y.iter().map(|y| y * 1024.0).collect();
            let other = GeneralizedPareto::fit(&scaled).unwrap();
            prop_assert!((other.shape - fit.shape).abs() < 1e-9 && (other.scale / fit.scale - 1024.0).abs() < 1e-5);
        }

        #[test]
        fn quantile_undoes_survival(shape in -0.9..2.0_f64, scale in 0.01..100.0_f64, p in 1e-9..1.0_f64) {
            let of = GeneralizedPareto { shape, scale };
            prop_assert!((of.survival(of.quantile(p)) / p - 1.0).abs() < 1e-6);
            prop_assert!(of.quantile(p * 0.5) >= of.quantile(p));
        }
    }
}
