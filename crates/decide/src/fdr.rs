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
