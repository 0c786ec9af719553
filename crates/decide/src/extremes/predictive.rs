//! A tail that knows how little it knows: the generalized Pareto distribution averaged over what it may be.
//!
//! # Idea
//! A threshold for rare alarms lies beyond nearly all scores seen. There the most likely tail is a poor guide: too light a
//! guess gives many times the alarms asked for, too heavy a guess saves only a few. Averaged over all tails that the data
//! leave possible, the expected number of alarms is what is asked for.
//!
//! # Equations
//! `S(y) = sum_j w_j S_j(y)`, `w_j` proportional to `prior(g_j) L(g_j, s_j) / sqrt(I(g_j))`. Shapes `g_j` lie on a grid over
//! the posterior; for each the most likely scale is found, and `ln s` is normal around it with the information
//! `I(g) = m / (1 + 2 g)` of the model (Davison, Smith 1990), put in as three nodes of Gauss-Hermite quadrature.
//! The likelihood is `prod_i f(y_i) S(c)^k` where `k` excesses are only known to lie above `c`.
//!
//! The prior of the shape is normal with mean 0 and deviation 0.3: scores are distances, residuals and reconstruction
//! errors, whose tails are between bounded (`-0.3`) and those of Student's t with three degrees of freedom (`0.33`).
//! From some hundred excesses on the data decide.
//!
//! # Complexity
//! Fit some 300 n divisions and 50 n logarithms, survival O(51).
//!
//! # References
//! Coles, Tawn 1996, A Bayesian analysis of extreme rainfall data, Applied Statistics 45(4). Davison, Smith 1990, Models
//! for exceedances over high thresholds, JRSS B 52(3). Coles, Dixon 1999, Extremes 2(1) (why a penalty is needed).
//!
//! # Example
//! ```
//! use anomalyst_decide::extremes::PredictiveTail;
//! let few = PredictiveTail::fit(&[1.0, 0.5, 2.0, 0.1, 0.7], None).unwrap();
//! let many = PredictiveTail::fit(&[1.0, 0.5, 2.0, 0.1, 0.7].repeat(50), None).unwrap();
//! assert!(few.survival(20.0) > many.survival(20.0));
//! ```

use anomalyst_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::pareto::GeneralizedPareto;

/// Deviation of the prior of the shape.
const PRIOR_DEVIATION: f64 = 0.3;
/// Shapes looked at: below, the likelihood is irregular; above, the tail has no mean.
const SHAPES: [f64; 2] = [-0.45, 1.0];
/// Nodes of the second, finer look, on each side of the middle.
const HALF_NODES: i32 = 8;
/// Weights below this are dropped; they cannot move a tail probability by a thousandth of itself at equal tails.
const NEGLIGIBLE: f64 = 1e-7;

/// Tails with their weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictiveTail {
    nodes: Vec<(f64, GeneralizedPareto)>,
}

/// How many excesses are only known to lie above a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Censored {
    /// Their number; an expected one need not be whole.
    pub count: f64,
    /// The bound.
    pub above: f64,
}

impl PredictiveTail {
    /// From positive finite excesses, at least two, and those that are only known to be high.
    pub fn fit(excesses: &[f64], censored: Option<Censored>) -> Result<Self> {
        if excesses.len() < 2 {
            return Err(Error::TooFewItems { what: "a tail".into(), got: excesses.len(), need: 2 });
        }
        if excesses.iter().any(|y| !(y.is_finite() && *y > 0.0)) {
            return Err(Error::Data("excesses are positive finite numbers".into()));
        }
        let unit = excesses.iter().sum::<f64>() / excesses.len() as f64;
        let y: Vec<f64> = excesses.iter().map(|y| y / unit).collect();
        let censored =
            censored.map_or(Censored { count: 0.0, above: 1.0 }, |c| Censored { above: c.above / unit, ..c });
        let [low, high] = SHAPES;
        let coarse: Vec<f64> = (0..30).map(|i| low + (high - low) * f64::from(i) / 29.0).collect();
        let (mean, deviation) = moments(&profile(&y, censored, &coarse));
        // A posterior narrower than the grid looks like a single node.
        let deviation = deviation.max((1.0 + mean) / (y.len() as f64).sqrt());
        let step = 3.5 * deviation / f64::from(HALF_NODES);
        let fine: Vec<f64> = (-HALF_NODES..=HALF_NODES)
            .map(|i| mean + step * f64::from(i))
            .filter(|g| (low..=high).contains(g))
            .collect();
        let m = y.len() as f64;
        let mut nodes = Vec::new();
        for (weight, of) in profile(&y, censored, &fine) {
            let spread = (3.0 * (1.0 + 2.0 * of.shape) / m).sqrt();
            for (share, z) in [(1.0 / 6.0, -spread), (2.0 / 3.0, 0.0), (1.0 / 6.0, spread)] {
                if weight * share > NEGLIGIBLE {
                    let of = GeneralizedPareto { scale: of.scale * unit * z.exp(), ..of };
                    nodes.push((weight * share, of));
                }
            }
        }
        let total: f64 = nodes.iter().map(|(w, _)| w).sum();
        nodes.iter_mut().for_each(|(w, _)| *w /= total);
        Ok(Self { nodes })
    }

    /// Tails and their weights, which sum to 1.
    pub fn nodes(&self) -> &[(f64, GeneralizedPareto)] {
        &self.nodes
    }

    /// Probability that an excess is above `y`.
    pub fn survival(&self, y: f64) -> f64 {
        self.mean(|of| of.survival(y))
    }

    /// The excess that is exceeded with probability `p`, which must be above 0.
    pub fn quantile(&self, p: f64) -> f64 {
        let of_nodes = || self.nodes.iter().map(|(_, of)| of.quantile(p));
        let (mut low, mut high) = (of_nodes().fold(f64::MAX, f64::min), of_nodes().fold(0.0, f64::max));
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if self.survival(middle) > p {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The mean of something that depends on the tail.
    pub fn mean(&self, of: impl Fn(&GeneralizedPareto) -> f64) -> f64 {
        self.nodes.iter().map(|(weight, tail)| weight * of(tail)).sum()
    }
}

/// Weight of every shape and its most likely tail; the weights sum to 1.
fn profile(y: &[f64], censored: Censored, shapes: &[f64]) -> Vec<(f64, GeneralizedPareto)> {
    let mut logs = Vec::with_capacity(shapes.len());
    let mut guess = 1.0;
    for &shape in shapes {
        let of = GeneralizedPareto { shape, scale: scale(y, censored, shape, guess) };
        guess = of.scale;
        let mut log = -0.5 * (shape / PRIOR_DEVIATION).powi(2) + 0.5 * (1.0 + 2.0 * shape).ln();
        log += y.iter().map(|&y| of.ln_density(y)).sum::<f64>();
        if censored.count > 0.0 {
            log += censored.count * of.ln_survival(censored.above);
        }
        logs.push((log, of));
    }
    let best = logs.iter().map(|(log, _)| *log).fold(f64::MIN, f64::max);
    let total: f64 = logs.iter().map(|(log, _)| (log - best).exp()).sum();
    logs.into_iter().map(|(log, of)| ((log - best).exp() / total, of)).collect()
}

/// The most likely scale for a shape: `(1 + g) sum y / (s + g y) + k c / (s + g c)` falls in `s` and is to be the number
/// of excesses. Newton's steps, halved where they leave the bounds that are known.
fn scale(y: &[f64], censored: Censored, shape: f64, guess: f64) -> f64 {
    let m = y.len() as f64;
    let slope = |s: f64| {
        let (mut sum, mut squares) = (0.0, 0.0);
        for &y in y {
            let inverse = 1.0 / (s + shape * y);
            sum += y * inverse;
            squares += y * inverse * inverse;
        }
        let inverse = 1.0 / (s + shape * censored.above);
        let high = censored.count * censored.above * inverse;
        ((1.0 + shape) * sum + high - m, -(1.0 + shape) * squares - high * inverse)
    };
    let top = y.iter().copied().fold(censored.above * f64::from(u8::from(censored.count > 0.0)), f64::max);
    // Below this no tail of that shape reaches the highest excess.
    let mut low = (-shape * top).max(0.0) * (1.0 + 1e-9);
    let mut high = f64::INFINITY;
    let mut at = guess.max(2.0 * low);
    for _ in 0..200 {
        let (value, change) = slope(at);
        if value > 0.0 {
            low = at;
        } else {
            high = at;
        }
        let mut next = at - value / change;
        if !(next > low && next < high) {
            next = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * at };
        }
        if (next - at).abs() <= 1e-10 * at {
            break;
        }
        at = next;
    }
    at
}

fn moments(weighted: &[(f64, GeneralizedPareto)]) -> (f64, f64) {
    let mean: f64 = weighted.iter().map(|(w, of)| w * of.shape).sum();
    let square: f64 = weighted.iter().map(|(w, of)| w * (of.shape - mean).powi(2)).sum();
    (mean, square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;
    use proptest::prelude::*;

    fn sample(of: GeneralizedPareto, n: usize, seed: u64) -> Vec<f64> {
        let mut random = Run::new(seed).random(0);
        (0..n).map(|_| of.quantile(draw::uniform(&mut random))).collect()
    }

    /// 200 samples of 150 excesses: exceeded in one of 300 as predicted, on average over shapes as the prior has them;
    /// the most likely tail is exceeded more than 1.5 times as often.
    #[test]
    fn alarms_are_as_many_as_predicted() {
        let (mut predicted, mut likely) = (0.0, 0.0);
        for seed in 0..200 {
            let shape = (PRIOR_DEVIATION * draw::normal(&mut Run::new(seed).random(1))).clamp(-0.4, 0.9);
            let truth = GeneralizedPareto { shape, scale: 1.0 };
            let y = sample(truth, 150, seed);
            predicted +=
                300.0 * truth.survival(PredictiveTail::fit(&y, None).unwrap().quantile(1.0 / 300.0)) / 200.0;
            likely +=
                300.0 * truth.survival(GeneralizedPareto::fit(&y).unwrap().quantile(1.0 / 300.0)) / 200.0;
        }
        println!("predicted {predicted:.2}, most likely {likely:.2}");
        assert!((predicted - 1.0).abs() < 0.25 && likely > 1.3 * predicted, "{predicted} {likely}");
    }

    /// With many excesses it is the most likely tail; with a tenth of them censored, nearly so.
    #[test]
    fn agrees_with_the_likelihood_in_the_limit() {
        for shape in [-0.2, 0.0, 0.3] {
            let mut y = sample(GeneralizedPareto { shape, scale: 3.0 }, 20_000, 7);
            let fit = GeneralizedPareto::fit(&y).unwrap();
            let tail = PredictiveTail::fit(&y, None).unwrap();
            assert!((tail.mean(|of| of.shape) - fit.shape).abs() < 0.005);
            assert!((tail.survival(fit.quantile(1e-3)) / 1e-3 - 1.0).abs() < 0.1);
            y.sort_unstable_by(f64::total_cmp);
            let censored = Censored { count: 2_000.0, above: y[18_000] };
            let tail = PredictiveTail::fit(&y[..18_000], Some(censored)).unwrap();
            assert!((tail.mean(|of| of.shape) - shape).abs() < 0.06, "{}", tail.mean(|of| of.shape));
        }
    }

    #[test]
    fn degenerate_excesses_have_an_answer() {
        for y in [vec![1.0; 2], vec![5.0; 400], vec![1e-300, 1e300], vec![1e-12, 1.0]] {
            let tail = PredictiveTail::fit(&y, None).unwrap();
            assert!(tail.quantile(1e-3) > 0.0 && !tail.survival(1.0).is_nan(), "{y:?} {tail:?}");
        }
        assert!(PredictiveTail::fit(&[1.0], None).is_err());
        assert!(PredictiveTail::fit(&[1.0, f64::INFINITY], None).is_err());
    }

    proptest! {
        #[test]
        fn falls_and_inverts(y in prop::collection::vec(0.01..50.0_f64, 2..60), p in 1e-6..0.5_f64) {
            let tail = PredictiveTail::fit(&y, None).unwrap();
            let at = tail.quantile(p);
            prop_assert!((tail.survival(at) / p - 1.0).abs() < 1e-6);
            prop_assert!(tail.survival(at * 1.5) <= tail.survival(at) && (tail.survival(0.0) - 1.0).abs() < 1e-12);
        }
    }
}
