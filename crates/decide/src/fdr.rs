//! False-discovery control: of the items flagged, at most a stated share are false alarms, on average.
//!
//! # Idea
//! Flag the items with the smallest p-values, as many as possible such that the false alarms expected at that
//! p-value are at most the stated share of the flagged.
//!
//! # Equations
//! Over `m` p-values in ascending order: the largest `i` with `pi0 m p_(i) <= q i` gives the cut `p_(i)`;
//! adjusted values are `min_(j >= i) pi0 m p_(j) / j`. Benjamini-Hochberg takes `pi0 = 1`; Storey estimates
//! `pi0 = (1 + #{p > lambda}) / (m (1 - lambda))` with `lambda = 0.5`, and only flags `p <= lambda`
//! (Storey, Taylor, Siegmund 2004, theorem 3).
//!
//! # Use when / Avoid when
//! The guarantee `E[false / max(1, flagged)] <= q` holds for independent p-values, and for Benjamini-Hochberg with
//! conformal p-values that share one reference set (Bates et al. 2023, theorem 2). It is a mean over repetitions:
//! one batch may have more. It holds per batch, not over batches that were split or joined afterwards. With `n`
//! reference scores the smallest p-value is `1 / (n + 1)`; at least `pi0 m / (q (n + 1))` items must reach it.
//!
//! # References
//! Benjamini, Hochberg 1995, JRSS B 57(1). Storey, Taylor, Siegmund 2004, JRSS B 66(1). Bates et al. 2023,
//! Annals of Statistics 51(1).
//!
//! # Example
//! ```
//! use anomalyst_decide::fdr;
//! let q = fdr::adjusted(&[0.01, 0.02, 0.9], 1.0);
//! assert!((q[0] - 0.03).abs() < 1e-12 && (q[1] - 0.03).abs() < 1e-12 && q[2] == 0.9);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

/// The `lambda` above which p-values count as those of normal items.
pub const LAMBDA: f64 = 0.5;

/// Distinct p-values in ascending order and how often each occurs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grouped {
    /// Ascending, distinct.
    pub p: Vec<f64>,
    /// Occurrences of each.
    pub count: Vec<u64>,
}

impl Grouped {
    /// Groups p-values; those that are not numbers are left out.
    pub fn new(p_values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = p_values.iter().copied().filter(|p| !p.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut grouped = Self::default();
        for p in sorted {
            grouped.push(p, 1);
        }
        grouped
    }

    /// Adds `count` occurrences of `p`, which must not be below the last one.
    pub(crate) fn push(&mut self, p: f64, count: u64) {
        match (self.p.last(), self.count.last_mut()) {
            (Some(&last), Some(n)) if last == p => *n += count,
            _ => {
                self.p.push(p);
                self.count.push(count);
            }
        }
    }

    /// How many p-values there are.
    pub fn n(&self) -> u64 {
        self.count.iter().sum()
    }

    /// Pairs of p-value and number of p-values at or below it.
    fn ranked(&self) -> impl Iterator<Item = (f64, u64)> {
        self.p.iter().zip(&self.count).scan(0, |seen, (&p, &count)| {
            *seen += count;
            Some((p, *seen))
        })
    }

    /// Estimated share of normal items (Storey). It can exceed 1, and the guarantee needs it uncapped.
    pub fn null_share(&self, lambda: f64) -> f64 {
        let above: u64 = self.p.iter().zip(&self.count).filter(|&(&p, _)| p > lambda).map(|(_, &n)| n).sum();
        (1.0 + above as f64) / (self.n() as f64 * (1.0 - lambda))
    }

    /// The largest p-value to flag at level `q`; `None` if none may be.
    pub fn cut(&self, q: f64, method: Method) -> Option<f64> {
        let m = self.n() as f64;
        let (pi0, cap) = match method {
            Method::Bh => (1.0, 1.0),
            Method::Storey => (self.null_share(LAMBDA), LAMBDA),
        };
        self.ranked().filter(|&(p, rank)| p <= cap && pi0 * m * p <= q * rank as f64).last().map(|(p, _)| p)
    }

    /// The largest p-value at which one single further item could be flagged in a batch of this size.
    pub fn needed(&self, q: f64, method: Method) -> f64 {
        let pi0 = if method == Method::Storey { self.null_share(LAMBDA) } else { 1.0 };
        (q / (pi0 * self.n().max(1) as f64)).min(1.0)
    }
}

/// How the share of normal items enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Benjamini-Hochberg: taken as 1.
    #[default]
    Bh,
    /// Storey: estimated from the large p-values.
    Storey,
}

/// Adjusted p-values (q-values) in the order given, for a share `pi0` of normal items; 1.0 gives those of
/// Benjamini and Hochberg. Values that are not numbers stay so.
pub fn adjusted(p_values: &[f64], pi0: f64) -> Vec<f64> {
    let grouped = Grouped::new(p_values);
    let m = grouped.n() as f64;
    let mut q: Vec<f64> = grouped.ranked().map(|(p, rank)| (pi0 * m * p / rank as f64).min(1.0)).collect();
    for i in (1..q.len()).rev() {
        q[i - 1] = q[i - 1].min(q[i]);
    }
    let of = |&p: &f64| q.get(grouped.p.partition_point(|&other| other < p)).copied().unwrap_or(f64::NAN);
    p_values.iter().map(|p| if p.is_nan() { f64::NAN } else { of(p) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformal::split_p_values;
    use crate::draw;
    use anomalyst_core::Run;

    /// SciPy 1.17.1 `stats.false_discovery_control(p, method="bh")`; the same products, so 1e-12.
    #[test]
    fn matches_reference() {
        let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.205, 0.76, 0.9];
        let want = [
            0.011,
            0.044,
            0.0924,
            0.0924,
            0.0924,
            0.11,
            0.11628571428571428,
            0.2505555555555556,
            0.2505555555555556,
            0.836,
            0.9,
        ];
        let got = adjusted(&p, 1.0);
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12), "{got:?}");
        let grouped = Grouped::new(&p);
        assert_eq!(grouped.cut(0.05, Method::Bh), Some(0.008));
        assert_eq!(grouped.cut(0.01, Method::Bh), None);
        assert!((grouped.needed(0.01, Method::Bh) - 0.01 / 11.0).abs() < 1e-15);
        // Two of eleven are above one half: (1 + 2) / (11 / 2).
        assert!((grouped.null_share(0.5) - 6.0 / 11.0).abs() < 1e-15);
        assert!(adjusted(&[f64::NAN, 0.5], 1.0)[0].is_nan());
        assert_eq!(Grouped::default().cut(0.1, Method::Bh), None);
    }

    /// 200 seeded splits of 500 reference and 300 test scores, 30 of them shifted by 3: the mean false-discovery
    /// share stays below the level (plus two standard errors), and most anomalies are found.
    #[test]
    fn rate_is_kept_with_conformal_p_values() {
        for method in [Method::Bh, Method::Storey] {
            let (mut false_share, mut found) = (Vec::new(), 0.0);
            for seed in 0..200 {
                let mut random = Run::new(seed).random(1);
                let held_out: Vec<f32> = (0..500).map(|_| draw::normal(&mut random) as f32).collect();
                let shift = |i| if i < 30 { 4.0 } else { 0.0 };
                let test: Vec<f32> =
                    (0..300).map(|i| (draw::normal(&mut random) + shift(i)) as f32).collect();
                let p = split_p_values(&held_out, &test).unwrap();
                let cut = Grouped::new(&p).cut(0.2, method).unwrap_or(-1.0);
                let flagged: Vec<usize> = (0..300).filter(|&i| p[i] <= cut).collect();
                let wrong = flagged.iter().filter(|&&i| i >= 30).count();
                false_share.push(wrong as f64 / flagged.len().max(1) as f64);
                found += (flagged.len() - wrong) as f64 / (30.0 * 200.0);
            }
            let mean = false_share.iter().sum::<f64>() / 200.0;
            let deviation = (false_share.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
            assert!(mean <= 0.2 + 2.0 * deviation / 200.0_f64.sqrt(), "{method:?}: {mean}");
            assert!(found > 0.8, "{method:?} found {found}");
        }
    }
}
