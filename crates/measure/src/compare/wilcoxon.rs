//! Wilcoxon's signed-rank test of paired differences.
//!
//! # Idea
//! If two methods are alike, the differences between them over data sets are as often positive as negative, at every
//! size.
//!
//! # Equations
//! Zero differences are left out; the n others are ranked by size, ties sharing their mean rank. W+ and W- are the
//! sums of ranks of either sign. Up to 25 differences without ties and zeros the p-value is exact, from the number of
//! subsets of 1..n with each sum; else W is taken as normal with mean n(n+1)/4 and variance
//! (n(n+1)(2n+1) - sum(t^3 - t)/2) / 24 over tied runs t, without a continuity correction.
//!
//! # References
//! Wilcoxon 1945, Biometrics Bulletin 1. doi:10.2307/3001968

use serde::Serialize;

use super::ranks::midranks;
use super::special::normal_tail;

/// The outcome of a signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SignedRank {
    /// The smaller of the two sums of ranks.
    pub statistic: f64,
    /// Two-sided.
    pub p_value: f64,
    /// Differences that are not zero.
    pub n_used: usize,
    /// Whether the p-value is exact.
    pub is_exact: bool,
}

/// Tests whether `differences` are symmetric about zero; those that are not finite are left out like zeros.
///
/// Without any difference the p-value is 1.
pub fn wilcoxon(differences: &[f64]) -> SignedRank {
    let used: Vec<f64> = differences.iter().copied().filter(|d| d.is_finite() && *d != 0.0).collect();
    let n = used.len();
    let sizes: Vec<f64> = used.iter().map(|d| d.abs()).collect();
    let (ranks, ties) = midranks(&sizes);
    let above: f64 = used.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let whole = (n * (n + 1)) as f64 / 2.0;
    let statistic = above.min(whole - above);
    let is_exact = n <= 25 && n == differences.len() && ties == 0.0;
    let p_value = if n == 0 {
        1.0
    } else if is_exact {
        exact(statistic, n)
    } else {
        let variance = (n as f64 * (n as f64 + 1.0) * (2.0 * n as f64 + 1.0) - ties / 2.0) / 24.0;
        (2.0 * normal_tail((whole / 2.0 - statistic) / variance.sqrt())).min(1.0)
    };
    SignedRank { statistic, p_value, n_used: n, is_exact }
}

/// Twice the share of the 2^n sign patterns whose sum of ranks is at most `statistic`.
fn exact(statistic: f64, n: usize) -> f64 {
    let top = n * (n + 1) / 2;
    let mut patterns = vec![0.0; top + 1];
    patterns[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..=top).rev() {
            patterns[sum] += patterns[sum - rank];
        }
    }
    let below: f64 = patterns.iter().take(statistic as usize + 1).sum();
    (2.0 * below / 2.0_f64.powi(n as i32)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy 1.17.1 wilcoxon(method="exact"), and method="asymptotic" with ties and a zero; golden/compare.py.
    #[test]
    fn matches_reference() {
        let got = wilcoxon(&[1.5, -0.5, 2.5, 3.0, -1.0, 4.0, 0.25, 5.0]);
        assert_eq!(got, SignedRank { statistic: 5.0, p_value: 0.078_125, n_used: 8, is_exact: true });
        let got = wilcoxon(&[1.0, -1.0, 2.0, 2.0, 3.0, -2.0, 4.0, 5.0, 5.0, 0.0]);
        assert_eq!((got.statistic, got.n_used, got.is_exact), (5.5, 9, false));
        // Two ways to the normal tail differ in rounding only.
        assert!((got.p_value - 0.042_901_206_011_401_34).abs() < 1e-14, "{}", got.p_value);
    }

    #[test]
    fn no_difference_has_p_one() {
        assert_eq!(wilcoxon(&[0.0, 0.0]).p_value, 1.0);
        assert_eq!(wilcoxon(&[]).p_value, 1.0);
        assert_eq!(wilcoxon(&[2.0]).p_value, 1.0);
    }
}
