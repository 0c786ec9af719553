//! When to say "I don't know", how often that will happen, and what it costs at most.
//!
//! # Idea
//! A verdict whose confidence ([`crate::exceed`]) is not almost certain is withheld. The threshold on the
//! confidence is a constant, so that the share of withheld verdicts and the cost follow from the number of
//! reference scores and the flagged share alone, before any new item is seen and without labels.
//!
//! # Equations
//! Withheld where `2 |s - 1/2| <= tau = 1 - 2 exp(-T)`, with `s` the probability of the verdict "anomalous"; that
//! is `min(s, 1 - s) >= exp(-T)` (section 3.1). `s` grows with the rank share `psi = m / n`, so the band is
//! `psi_1 < psi <= psi_2` with `s(psi_1) = exp(-T)` and `1 - s(psi_2) = exp(-T)`. Scores like the reference have
//! uniform ranks, hence (theorems 3.5, 3.6 and 3.8, with `gamma = k / n`)
//! - expected rejection rate `R = psi_2 - psi_1`,
//! - with probability `1 - delta` at most `R + 2 sqrt(ln(2 / delta) / (2 n))`,
//! - expected cost per item at most `min(gamma, 1 - psi_2) c_fp + min(gamma, psi_1) c_fn + R c_r`.
//!
//! # Use when / Avoid when
//! The guarantees hold for new items that are exchangeable with the reference scores and for scores without
//! ties. The cost bound also assumes that `gamma` is the true share of anomalies. A verdict that was asked for by
//! name (the `k` highest, all above a value) is a fact about the data and is never withheld: of the single highest
//! of `n` scores no rank statistic is sure, however far out it lies ([`crate::exceed`]).
//!
//! # Differences
//! The bound uses the exact band where the paper bounds it once more by Hoeffding's inequality, and is therefore
//! tighter. `T = 32` as published withholds every anomaly of a small data set (of 200 rows with 5 % anomalies
//! none can be certain to 1 - 2e-14); [`sensitivity_within`] lowers `T` until the number of ranks withheld is no
//! larger than a stated multiple of the number flagged. Ranks are counted, since of few flagged rows a band narrower
//! than one rank can still hold the highest one.
//!
//! # References
//! Perini, Davis 2023, Unsupervised Anomaly Detection with Rejection, NeurIPS.
//!
//! # Example
//! ```
//! let band = anomalyst_decide::rejection::Band::new(10_000, 500, 32.0);
//! assert!((band.rate() - 0.034).abs() < 0.002); // about 3.4 % of items will be left to a person
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use crate::exceed::flagged_tails;
use crate::special::bisect;

/// What each mistake costs, in any one unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// A normal item that was flagged.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub false_alarm: f64,
    /// An anomaly that was not.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub miss: f64,
    /// An item left to a person.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub abstain: f64,
}

impl Default for Costs {
    /// Mistakes cost 1; a look costs a tenth of that.
    fn default() -> Self {
        Self { false_alarm: 1.0, miss: 1.0, abstain: 0.1 }
    }
}

/// The rank shares between which verdicts are withheld.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    n: u64,
    k: u64,
    /// Verdicts up to this rank share are "normal".
    pub low: f64,
    /// Verdicts above this rank share are "anomalous".
    pub high: f64,
}

impl Band {
    /// For `n` reference scores of which the `k` highest are flagged, at sensitivity `t`.
    pub fn new(n: u64, k: u64, t: f64) -> Self {
        let (size, tail) = (n as f64, (-t).exp());
        if k == 0 || k > n || tail >= 0.5 {
            let at = 1.0 - (k.min(n) as f64 / size.max(1.0));
            return Self { n, k, low: at, high: at };
        }
        let low = bisect(-1.0 / size, 1.0 + 1.0 / size, |psi| flagged_tails(n, k, psi * size).0 < tail);
        let high = bisect(-1.0 / size, 1.0 + 1.0 / size, |psi| flagged_tails(n, k, psi * size).1 > tail);
        Self { n, k, low: low.clamp(0.0, 1.0), high: high.clamp(0.0, 1.0) }
    }

    /// Expected share of withheld verdicts.
    pub fn rate(&self) -> f64 {
        (self.high - self.low).max(0.0)
    }

    /// Share of withheld verdicts that is not exceeded with probability `1 - delta`.
    pub fn rate_bound(&self, delta: f64) -> f64 {
        (self.rate() + 2.0 * ((2.0 / delta).ln() / (2.0 * self.n as f64)).sqrt()).min(1.0)
    }

    /// Expected cost per item is at most this.
    pub fn cost_bound(&self, costs: Costs) -> f64 {
        let gamma = self.k as f64 / self.n as f64;
        gamma.min(1.0 - self.high) * costs.false_alarm
            + gamma.min(self.low) * costs.miss
            + self.rate() * costs.abstain
    }
}

/// Whether a verdict with these two tails is withheld at sensitivity `t`.
pub fn withheld(tails: (f64, f64), t: f64) -> bool {
    tails.0.min(tails.1) >= (-t).exp()
}

/// How many of the ranks `0..=n` have their verdict withheld at sensitivity `t`.
pub fn n_withheld(n: u64, k: u64, t: f64) -> u64 {
    let tail = (-t).exp();
    let first = |holds: &dyn Fn(u64) -> bool| {
        let (mut low, mut high) = (0, n + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    };
    let begin = first(&|m| flagged_tails(n, k, m as f64).0 >= tail);
    let end = first(&|m| flagged_tails(n, k, m as f64).1 < tail);
    end.saturating_sub(begin)
}

/// The largest sensitivity up to `t` at which at most the share `limit` of `n` ranks is withheld.
pub fn sensitivity_within(n: u64, k: u64, t: f64, limit: f64) -> f64 {
    let within = |t: f64| n_withheld(n, k, t) as f64 <= limit * n as f64;
    if within(t) {
        return t;
    }
    // At ln 2 nothing is withheld: no tail is above one half on both sides. Two digits of T are enough.
    let (mut low, mut high) = (std::f64::consts::LN_2, t);
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        if within(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Calibration;
    use crate::draw;
    use crate::exceed::Stability;
    use anomalyst_core::Run;

    const COSTS: Costs = Costs { false_alarm: 1.0, miss: 1.0, abstain: 0.1 };

    /// Band by SciPy 1.17.1 `beta.ppf` and `isf`, cost by the formula of theorem 3.8 (golden/values.py).
    #[test]
    fn matches_reference() {
        for (n, k, t, low, high, cost) in [
            (1000, 100, 32.0, 0.8139043898672036, 0.9580622306034738, 0.1563535534701532),
            (1000, 100, 4.0, 0.8801816016988881, 0.9198216241084107, 0.18414237813254153),
            (100_000, 2_000, 32.0, 0.9764518606757515, 0.9832026808517095, 0.03747240116588632),
        ] {
            let band = Band::new(n, k, t);
            assert!((band.low - low).abs() < 1e-10 && (band.high - high).abs() < 1e-10, "{band:?}");
            assert!((band.cost_bound(COSTS) - cost).abs() < 1e-10);
        }
    }

    /// Ten draws: the observed rate is within 3 points of the estimate, and the cost at or below its bound.
    #[test]
    fn estimates_hold_on_new_draws() {
        for seed in 0..10 {
            let mut random = Run::new(seed).random(3);
            let mut draw = |n: usize| -> Vec<(f32, bool)> {
                let one = |random: &mut _| {
                    let bad = draw::uniform(random) < 0.08;
                    ((draw::normal(random) + if bad { 4.0 } else { 0.0 }) as f32, bad)
                };
                (0..n).map(|_| one(&mut random)).collect()
            };
            let (train, test) = (draw(2_000), draw(5_000));
            let calibration = Calibration::new(&train.iter().map(|t| t.0).collect::<Vec<_>>()).unwrap();
            let (n, k) = (2_000, 160);
            let value = calibration.exceeded_by(k);
            let table = Stability::published(&calibration, k);
            let band = Band::new(n, k, 32.0);
            let (mut rate, mut cost) = (0.0, 0.0);
            for &(score, bad) in &test {
                if withheld(table.of(&calibration, score), 32.0) {
                    rate += 1.0 / 5_000.0;
                    cost += 0.1 / 5_000.0;
                } else if (score > value) != bad {
                    cost += 1.0 / 5_000.0;
                }
            }
            assert!((rate - band.rate()).abs() < 0.03, "{rate} against {}", band.rate());
            assert!(rate <= band.rate_bound(0.1));
            assert!(cost <= band.cost_bound(COSTS), "{cost} above {}", band.cost_bound(COSTS));
        }
    }

    /// Counting every rank one by one.
    #[test]
    fn ranks_are_counted() {
        for (n, k, t) in [(50, 1, 1.0), (50, 5, 2.0), (50, 49, 3.0), (200, 10, 0.8), (7, 7, 1.0)] {
            let count = (0..=n).filter(|&m| withheld(flagged_tails(n, k, m as f64), t)).count() as u64;
            assert_eq!(n_withheld(n, k, t), count, "{n} {k} {t}");
        }
    }

    #[test]
    fn sensitivity_keeps_the_limit() {
        assert_eq!(sensitivity_within(1_000_000, 50_000, 32.0, 0.05), 32.0);
        let t = sensitivity_within(200, 10, 32.0, 0.01);
        assert!(t > 0.7 && t < 1.5 && n_withheld(200, 10, t) == 2, "{t}");
        // A fifth of one flagged row is no row: not even the highest, whose band is narrower than a rank.
        let t = sensitivity_within(200, 1, 32.0, 0.2 / 200.0);
        assert!(n_withheld(200, 1, t) == 0 && !withheld(flagged_tails(200, 1, 200.0), t), "{t}");
        assert!(sensitivity_within(200, 10, 32.0, 0.0) < 1.0);
        assert_eq!(Band::new(200, 0, 32.0).rate(), 0.0);
        assert!(withheld((0.5, 0.5), 32.0) && !withheld((1e-15, 1.0), 32.0));
    }
}
