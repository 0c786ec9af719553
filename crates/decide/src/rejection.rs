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
//! ties. The cost bound also assumes that `gamma` is the true share of anomalies and that the detector ranks
//! no more than that share wrongly.
//!
//! # Differences
//! The bound uses the exact band where the paper bounds it once more by Hoeffding's inequality, and is therefore
//! tighter. `T = 32` as published withholds every anomaly of a small data set (of 200 rows with 5 % anomalies
//! none can be certain to 1 - 2e-14); [`sensitivity_within`] lowers `T` until the expected number of withheld
//! verdicts is no larger than a stated multiple of the expected number of anomalies.
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

/// The largest sensitivity up to `t` whose expected rejection rate is at most `limit`.
pub fn sensitivity_within(n: u64, k: u64, t: f64, limit: f64) -> f64 {
    if Band::new(n, k, t).rate() <= limit {
        return t;
    }
    // At ln 2 nothing is withheld: no tail is above one half on both sides. Two digits of T are enough.
    let (mut low, mut high) = (std::f64::consts::LN_2, t);
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        if Band::new(n, k, middle).rate() <= limit {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
