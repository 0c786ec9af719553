//! Confidence in a single verdict: would it stay the same had other data of the kind been seen?
//!
//! # Idea
//! A verdict hangs on where a score ranks among the reference scores, and on where the threshold ranks. Draw the
//! reference again: the ranks move a little. The confidence is the probability that the verdict survives that.
//! It is no probability of being an anomaly: it says how firmly the data decide, not how rightly.
//!
//! # Equations
//! With `n` reference scores of which the `k` highest are flagged, and `m` of them at or below the score `s`:
//! outlier probability `p = (1 + m) / (2 + n)` (posterior mean under a uniform prior, section 3.1 of the paper),
//! probability of the verdict "anomalous" `P(Binomial(n, p) > n - k) = I_p(n - k + 1, k)` (section 3.2).
//!
//! # Complexity
//! O(sqrt n) per distinct rank near the threshold, O(1) elsewhere.
//!
//! # Differences
//! The published code takes `1 - cdf`, which loses every tail below 1e-16; here both tails are computed. In
//! a thinned calibration the value between two kept scores is interpolated.
//!
//! # References
//! Perini, Vercruyssen, Davis 2020, Quantifying the confidence of anomaly detectors in their example-wise
//! predictions, ECML PKDD. doi:10.1007/978-3-030-67664-3_14
//!
//! # Example
//! ```
//! let tails = anomalyst_decide::exceed::flagged_tails(100, 10, 90.0);
//! assert!((tails.0 - 0.5).abs() < 0.1); // the score at the threshold's own rank: nearly a coin toss
//! ```

use crate::calibration::Calibration;
use crate::special::beta_tails;

/// `(P(anomalous), P(normal))` for a score that `m` of `n` reference scores do not exceed, when the `k` highest
/// are flagged. Both tails keep their relative precision.
pub fn flagged_tails(n: u64, k: u64, m: f64) -> (f64, f64) {
    if k == 0 {
        return (0.0, 1.0);
    }
    if k > n {
        return (1.0, 0.0);
    }
    let (n, k) = (n as f64, k as f64);
    let (p, q) = ((1.0 + m) / (2.0 + n), (1.0 + n - m) / (2.0 + n));
    let (lower, upper) = beta_tails(n - k + 1.0, k, p, q);
    (lower, upper)
}

/// Probability of the verdict "anomalous" and of "normal" for every slot of a calibration.
#[derive(Clone, Debug)]
pub struct Stability {
    tails: Vec<(f64, f64)>,
}

impl Stability {
    /// When the `k` highest of the calibration's scores are flagged.
    pub fn new(calibration: &Calibration, k: u64) -> Self {
        let n = calibration.n();
        let n_slots = calibration.points().len() + 1;
        let mut tails = vec![(1.0, 0.0); n_slots];
        let threshold =
            (0..n_slots).collect::<Vec<_>>().partition_point(|&s| calibration.position(s) + k <= n);
        // The tails are monotone in the rank, so that beyond the first negligible one none matters.
        for slot in threshold..n_slots {
            tails[slot] = flagged_tails(n, k, calibration.position(slot) as f64);
            if tails[slot].1 < NEGLIGIBLE {
                break;
            }
        }
        let mut negligible = false;
        for slot in (0..threshold).rev() {
            tails[slot] =
                if negligible { (0.0, 1.0) } else { flagged_tails(n, k, calibration.position(slot) as f64) };
            negligible = negligible || tails[slot].0 < NEGLIGIBLE;
        }
        Self { tails }
    }

    /// `(P(anomalous), P(normal))` of a score in `calibration`, the one this was made for.
    pub fn of(&self, calibration: &Calibration, score: f32) -> (f64, f64) {
        let slot = calibration.slot_up_to(score);
        let Some(&here) = self.tails.get(slot) else { return (0.5, 0.5) };
        let (Some(&next), Some(&above)) = (self.tails.get(slot + 1), calibration.points().get(slot)) else {
            return here;
        };
        if slot == 0 || calibration.position(slot + 1) - calibration.position(slot) <= 1 {
            return here;
        }
        let below = calibration.points()[slot - 1];
        let share = f64::from((score - below) / (above - below));
        (here.0 + share * (next.0 - here.0), here.1 + share * (next.1 - here.1))
    }
}

/// Below the smallest tail that any rejection threshold asks for (`exp(-T)` at `T = 100` is 4e-44).
const NEGLIGIBLE: f64 = 1e-50;

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's formula with SciPy 1.17.1 `binom.sf` and `binom.cdf`, golden/values.py. Tolerance 1e-7 in tails of
    /// 1e-12 at a million, where SciPy's `p` is rounded once more; 1e-10 elsewhere.
    #[test]
    fn matches_reference() {
        for (n, k, m, anomalous, normal) in [
            (10, 2, 8.0, 0.24402523040771484, 0.7559747695922852),
            (100, 10, 90.0, 0.35278747273321537, 0.6472125272667846),
            (100, 10, 97.0, 0.9940132369935986, 0.0059867630064014896),
            (1000, 50, 900.0, 1.7566266168992403e-09, 0.9999999982433734),
            (1_000_000, 50_000, 950_000.0, 0.49771193467411584, 0.5022880653258841),
            (1_000_000, 50_000, 951_000.0, 0.9999980044308131, 1.9955691869067295e-06),
            (1_000_000, 50_000, 948_500.0, 4.425408598637278e-12, 0.9999999999955745),
            (1_000_000, 10, 999_999.0, 0.9999535040253785, 4.649597462142798e-05),
        ] {
            let (a, b) = flagged_tails(n, k, m);
            for (got, want) in [(a, anomalous), (b, normal)] {
                let tolerance: f64 = if want < 1e-6 { 1e-7 } else { 1e-10 };
                assert!((got - want).abs() <= tolerance * want, "{n} {k} {m}: {got} is not {want}");
            }
        }
        assert_eq!(flagged_tails(5, 0, 5.0), (0.0, 1.0));
        assert_eq!(flagged_tails(5, 6, 0.0), (1.0, 0.0));
    }

    #[test]
    fn table_equals_the_formula_and_rises() {
        let scores: Vec<f32> = (0..500_u16).map(f32::from).collect();
        let calibration = Calibration::new(&scores).unwrap();
        let table = Stability::new(&calibration, 25);
        let mut before = 0.0;
        for at in 0..=500_u16 {
            let score = f32::from(at) - 0.5;
            let got = table.of(&calibration, score);
            let want = flagged_tails(500, 25, f64::from(at));
            assert!((got.0 - want.0).abs() < 1e-12 && (got.1 - want.1).abs() < 1e-12);
            assert!(got.0 >= before);
            before = got.0;
        }
    }
}
