//! Confidence in a single verdict: would it stay the same had other data of the kind been seen?
//!
//! # Idea
//! A verdict hangs on where a score ranks among the reference scores, and on where the threshold ranks. Draw the
//! reference again: the ranks move a little. The confidence is the probability that the verdict survives that.
//! It is no probability of being an anomaly: it says how firmly the data decide, not how rightly.
//!
//! # Equations
//! With `n` reference scores of which the `k` highest are flagged, and `m` of them at or below the score `s`, the
//! probability that a score does not exceed `s` is a `Beta(1 + m, 1 + n - m)` variable (uniform prior, section 3.1 of
//! the paper), and the verdict is "anomalous" where fewer than `k` of `n` new scores exceed `s` (section 3.2).
//! - Published: at the mean `p = (1 + m) / (2 + n)`, `P(Binomial(n, p) > n - k) = I_p(n - k + 1, k)`. The rejection
//!   rule ([`crate::rejection`]) and its bounds are made of this one: [`flagged_tails`].
//! - Shown to people: integrated over that variable, a beta-binomial tail. Old and new scores are exchangeable, so
//!   that it is the hypergeometric probability that of the `n - m + k` highest of all `2 n + 1` at least `n - m + 1`
//!   are old ones: [`survives`].
//!
//! # Score
//! Of 8,000 verdicts around a threshold at 5 %, the published value overstates by up to 11 points how often the verdict
//! is the same on a new reference; the integrated one is within 2 (both measured by a test below). The only flagged
//! row of `n` has `(n + 1) / (2 n + 1)`, one half, however far out it lies: ranks do not say how far.
//!
//! # Complexity
//! O(sqrt n) per distinct rank near the threshold, O(1) elsewhere.
//!
//! # Differences
//! The integral over the posterior, as above. The published code takes `1 - cdf`, which loses every tail below 1e-16;
//! here both tails are computed. In a thinned calibration the value between two kept scores is interpolated.
//!
//! # References
//! Perini, Vercruyssen, Davis 2020, Quantifying the confidence of anomaly detectors in their example-wise
//! predictions, ECML PKDD. doi:10.1007/978-3-030-67664-3_14
//!
//! # Example
//! ```
//! let tails = anomalyst_decide::exceed::survives(100, 10, 91);
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

/// `(P(anomalous), P(normal))` on `n` new scores, for a score that `m` of `n` reference scores do not exceed, when the
/// `k` highest are flagged: the mean of [`flagged_tails`] over what its rank share may be.
pub fn survives(n: u64, k: u64, m: u64) -> (f64, f64) {
    if k == 0 {
        return (0.0, 1.0);
    }
    if k > n {
        return (1.0, 0.0);
    }
    let (size, m) = (n as f64, m.min(n) as f64);
    let (old, draws, need) = (size + 1.0, size - m + k as f64, size - m + 1.0);
    let ratio = |x: f64| (old - x) * (draws - x) / ((x + 1.0) * (size - draws + x + 1.0));
    // Both sums are in units of the probability of exactly `need`.
    let (mut above, mut below) = (1.0, 0.0);
    let (mut x, mut term) = (need, 1.0);
    while x < old.min(draws) {
        let step = ratio(x);
        term *= step;
        above += term;
        x += 1.0;
        if step < 1.0 && term < 1e-17 * above {
            break;
        }
    }
    (x, term) = (need, 1.0);
    while x > 0.0 && x > draws - size {
        let step = 1.0 / ratio(x - 1.0);
        term *= step;
        below += term;
        x -= 1.0;
        if step < 1.0 && term < 1e-17 * below {
            break;
        }
    }
    let total: f64 = above + below;
    if total.is_finite() {
        (above / total, below / total)
    } else if above.is_finite() {
        (0.0, 1.0)
    } else {
        (1.0, 0.0)
    }
}

/// Probability of the verdict "anomalous" and of "normal" for every slot of a calibration.
#[derive(Clone, Debug)]
pub struct Stability {
    tails: Vec<(f64, f64)>,
}

impl Stability {
    /// As published, when the `k` highest of the calibration's scores are flagged.
    pub fn published(calibration: &Calibration, k: u64) -> Self {
        // Below the smallest tail that any rejection threshold asks for (`exp(-T)` at `T = 100` is 4e-44).
        Self::of_ranks(calibration, k, 1e-50, |n, k, m| flagged_tails(n, k, m as f64))
    }

    /// As shown to people, when the `k` highest of the calibration's scores are flagged.
    pub fn shown(calibration: &Calibration, k: u64) -> Self {
        Self::of_ranks(calibration, k, 1e-12, survives)
    }

    fn of_ranks(
        calibration: &Calibration,
        k: u64,
        negligible: f64,
        of: impl Fn(u64, u64, u64) -> (f64, f64),
    ) -> Self {
        let n = calibration.n();
        let n_slots = calibration.points().len() + 1;
        let mut tails = vec![(1.0, 0.0); n_slots];
        let threshold =
            (0..n_slots).collect::<Vec<_>>().partition_point(|&s| calibration.position(s) + k <= n);
        // The tails are monotone in the rank, so that beyond the first negligible one none matters.
        for (slot, tail) in tails.iter_mut().enumerate().skip(threshold) {
            *tail = of(n, k, calibration.position(slot));
            if tail.1 < negligible {
                break;
            }
        }
        let mut done = false;
        for slot in (0..threshold).rev() {
            tails[slot] = if done { (0.0, 1.0) } else { of(n, k, calibration.position(slot)) };
            done = done || tails[slot].0 < negligible;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;

    /// The paper's formula summed by mpmath 1.4.1 with 60 digits and `p` an exact fraction, golden/values.py. SciPy's
    /// `binom` takes `p` as a double, which moves a tail at a million by 1e-10; `q` is given apart here.
    #[test]
    fn matches_reference() {
        for (n, k, m, anomalous, normal) in [
            (10, 2, 8.0, 0.24402523040771484, 0.7559747695922852),
            (100, 10, 90.0, 0.35278747273321476, 0.6472125272667852),
            (100, 10, 97.0, 0.9940132369935984, 0.005986763006401529),
            (1000, 50, 900.0, 1.7566266168992432e-09, 0.9999999982433734),
            (1_000_000, 50_000, 950_000.0, 0.4977119346741349, 0.5022880653258651),
            (1_000_000, 50_000, 951_000.0, 0.9999980044308131, 1.9955691869086773e-06),
            (1_000_000, 50_000, 948_500.0, 4.425408598641371e-12, 0.9999999999955745),
            (1_000_000, 10, 999_999.0, 0.9999535040253837, 4.649597461627717e-05),
        ] {
            let (a, b) = flagged_tails(n, k, m);
            for (got, want) in [(a, anomalous), (b, normal)] {
                assert!((got - want).abs() <= 1e-11 * want, "{n} {k} {m}: {got} is not {want}");
            }
        }
        assert_eq!(flagged_tails(5, 0, 5.0), (0.0, 1.0));
        assert_eq!(flagged_tails(5, 6, 0.0), (1.0, 0.0));
    }

    #[test]
    fn table_equals_the_formula_and_rises() {
        let scores: Vec<f32> = (0..500_u16).map(f32::from).collect();
        let calibration = Calibration::new(&scores).unwrap();
        let published = |m: u16| flagged_tails(500, 25, f64::from(m));
        let shown = |m: u16| survives(500, 25, m.into());
        let tables = [Stability::published(&calibration, 25), Stability::shown(&calibration, 25)];
        let mut before = [0.0; 2];
        for at in 0..=500_u16 {
            let score = f32::from(at) - 0.5;
            for (i, want) in [published(at), shown(at)].into_iter().enumerate() {
                let got = tables[i].of(&calibration, score);
                assert!((got.0 - want.0).abs() < 1e-11 && (got.1 - want.1).abs() < 1e-11, "{at} {i}");
                assert!(got.0 >= before[i]);
                before[i] = got.0;
            }
        }
    }

    /// SciPy 1.17.1 `betabinom.cdf(k - 1, n, 1 + n - m, 1 + m)`, golden/values.py; it sums in another order, hence 1e-8.
    #[test]
    fn integral_matches_reference() {
        for (n, k, m, anomalous) in SURVIVES {
            let (a, b) = survives(n, k, m);
            assert!((a - anomalous).abs() < 1e-8 && (a + b - 1.0).abs() < 1e-14, "{n} {k} {m}: {a}");
        }
        assert!((survives(200, 1, 200).0 - 201.0 / 401.0).abs() < 1e-14);
        assert_eq!((survives(5, 0, 5), survives(5, 6, 0)), ((0.0, 1.0), (1.0, 0.0)));
        // So far from the threshold that the sums leave the range of numbers.
        assert_eq!(
            (survives(1_000_000, 10, 10), survives(1_000_000, 999_000, 999_999)),
            ((0.0, 1.0), (1.0, 0.0))
        );
    }

    /// 8,000 references of 200 with 10 flagged and an item among the highest 40 each, then 100 references drawn anew: how
    /// often the verdict is the same again, by the confidence it had, in five bins from one half to 1.
    #[test]
    fn confidence_against_new_draws() {
        let (n, k) = (200_u64, 10);
        let mut random = anomalyst_core::Run::new(8).random(0);
        let mut bins = [[(0.0, 0.0, 0.0); 5]; 2];
        for round in 0..8_000 {
            let mut scores: Vec<f64> = (0..n).map(|_| draw::uniform(&mut random)).collect();
            scores.sort_unstable_by(f64::total_cmp);
            // The uniform score of a further item, given that it ranks there: between two neighbours.
            let at = 199 - round % 40;
            let next = scores.get(at + 1).copied().unwrap_or(1.0);
            let item = scores[at] + draw::uniform(&mut random) * (next - scores[at]);
            let m = at as u64 + 1;
            let flagged = 200 - m < k;
            let mut same = 0.0;
            for _ in 0..100 {
                let above = (0..n).filter(|_| draw::uniform(&mut random) > item).count() as u64;
                same += f64::from(u8::from((above < k) == flagged)) / 100.0;
            }
            for (bins, tails) in bins.iter_mut().zip([flagged_tails(n, k, m as f64), survives(n, k, m)]) {
                let confidence = if flagged { tails.0 } else { tails.1 };
                let bin = &mut bins[(((confidence - 0.5).max(0.0) * 10.0) as usize).min(4)];
                *bin = (bin.0 + confidence, bin.1 + same, bin.2 + 1.0);
            }
        }
        let worst = |bins: &[(f64, f64, f64); 5]| {
            let off = |b: &(f64, f64, f64)| if b.2 > 0.0 { (b.0 - b.1).abs() / b.2 } else { 0.0 };
            bins.iter().map(off).fold(0.0, f64::max)
        };
        println!("published {:.3}, shown {:.3}", worst(&bins[0]), worst(&bins[1]));
        assert!(worst(&bins[1]) < 0.02, "{bins:?}");
        assert!(worst(&bins[0]) > 0.05, "the published value would do: {bins:?}");
    }

    const SURVIVES: [(u64, u64, u64, f64); 5] = [
        (10, 2, 8, 0.3308270676691727),
        (100, 10, 91, 0.5091881524996338),
        (100, 10, 97, 0.9606795935836103),
        (1000, 50, 900, 6.460846523663974e-06),
        (1000000, 1000, 999050, 0.866544846567141),
    ];
}
