//! The covariance of AUROCs on the same items, after DeLong, DeLong and Clarke-Pearson.
//!
//! # Idea
//! An AUROC is a mean over anomalous items of the share of normal items each beats, and a mean over normal items
//! likewise. The spread of those shares says how much the AUROC would vary on other items of the kind.
//!
//! # Equations
//! With m anomalous items X and n normal items Y: V10(i) = share of Y below X_i, V01(j) = share of X above Y_j, ties
//! half; covariance = cov(V10) / m + cov(V01) / n. Both shares come from midranks in O((m + n) log(m + n)) time:
//! V10(i) = (T_Z(X_i) - T_X(X_i)) / n, V01(j) = 1 - (T_Z(Y_j) - T_Y(Y_j)) / m.
//!
//! # References
//! DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44. doi:10.2307/2531595
//! Sun, Xu 2014, IEEE Signal Processing Letters 21. doi:10.1109/LSP.2014.2337313

use anomalyst_core::{Error, Interval, Result};
use serde::Serialize;

use super::ranks::midranks;
use super::special::{normal_quantile, normal_tail};

/// AUROCs of several scorers on the same items and how they vary together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeLong {
    /// One per scorer.
    pub aurocs: Vec<f64>,
    /// Scorer by scorer.
    pub covariance: Vec<Vec<f64>>,
}

/// The outcome of a test of two scorers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedTest {
    /// First minus second.
    pub difference: f64,
    /// The difference in standard errors.
    pub z: f64,
    /// Two-sided.
    pub p_value: f64,
}

impl DeLong {
    /// From the labels (`true` is anomalous) and the finite scores of each scorer.
    ///
    /// A variance needs two items of each class at least.
    pub fn new(labels: &[bool], scorers: &[&[f64]]) -> Result<Self> {
        let n_odd = labels.iter().filter(|&&odd| odd).count();
        let n_normal = labels.len() - n_odd;
        if n_odd < 2 || n_normal < 2 {
            return Err(Error::Data(format!(
                "DeLong's variance needs two anomalous and two normal items; there are {n_odd} and {n_normal}"
            )));
        }
        for (at, scores) in scorers.iter().enumerate() {
            if scores.len() != labels.len() || !scores.iter().all(|s| s.is_finite()) {
                return Err(Error::Data(format!(
                    "scorer {} must have a finite score for each of the {} items",
                    at + 1,
                    labels.len()
                )));
            }
        }
        let shares: Vec<[Vec<f64>; 2]> = scorers.iter().map(|scores| shares_won(labels, scores)).collect();
        let aurocs = shares.iter().map(|[odd, _]| mean(odd)).collect();
        let between = |a: &[Vec<f64>; 2], b: &[Vec<f64>; 2]| {
            covariance(&a[0], &b[0]) / n_odd as f64 + covariance(&a[1], &b[1]) / n_normal as f64
        };
        let covariance = shares.iter().map(|a| shares.iter().map(|b| between(a, b)).collect()).collect();
        Ok(Self { aurocs, covariance })
    }

    /// The interval of one scorer's AUROC, normal on the scale ln(a / (1 - a)), so that it stays within 0 and 1.
    ///
    /// At 0 and 1 that scale ends and the variance is 0: the interval is the value alone and says nothing.
    pub fn interval(&self, scorer: usize, level: f64) -> Result<Interval> {
        check_level(level)?;
        let (Some(&mean), Some(row)) = (self.aurocs.get(scorer), self.covariance.get(scorer)) else {
            return Err(no_scorer(scorer));
        };
        if mean <= 0.0 || mean >= 1.0 {
            return Ok(Interval { low: mean, mean, high: mean, level });
        }
        let logit = (mean / (1.0 - mean)).ln();
        let reach =
            normal_quantile(f64::midpoint(1.0, level)) * row[scorer].max(0.0).sqrt() / (mean * (1.0 - mean));
        let [low, high] = [logit - reach, logit + reach].map(|x| 1.0 / (1.0 + (-x).exp()));
        Ok(Interval { low, mean, high, level })
    }

    /// Whether two scorers differ. Scorers that rank alike have z = 0 and p = 1.
    ///
    /// A difference whose variance is 0, as of a perfect and a perfectly wrong scorer, cannot be tested.
    pub fn test(&self, first: usize, second: usize) -> Result<PairedTest> {
        let n = self.aurocs.len();
        if first >= n || second >= n {
            return Err(no_scorer(first.max(second)));
        }
        let difference = self.aurocs[first] - self.aurocs[second];
        let c = &self.covariance;
        let variance = c[first][first] + c[second][second] - 2.0 * c[first][second];
        // Equal scorers leave rounding of the sums, which are of size 1 and below.
        if difference.abs() < 1e-14 {
            return Ok(PairedTest { difference, z: 0.0, p_value: 1.0 });
        }
        if variance <= 1e-18 {
            return Err(Error::Data(
                "the two AUROCs differ but do not vary, so they cannot be tested".into(),
            ));
        }
        let z = difference / variance.sqrt();
        Ok(PairedTest { difference, z, p_value: 2.0 * normal_tail(z.abs()) })
    }
}

/// Share of normal items that each anomalous one beats, and of anomalous items that beat each normal one.
fn shares_won(labels: &[bool], scores: &[f64]) -> [Vec<f64>; 2] {
    let (all, _) = midranks(scores);
    [true, false].map(|class| {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        let own: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
        let others = (labels.len() - rows.len()) as f64;
        let below = rows.iter().zip(midranks(&own).0).map(|(&row, rank)| (all[row] - rank) / others);
        below.map(|share| if class { share } else { 1.0 - share }).collect()
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum::<f64>() / (a.len() - 1) as f64
}

/// A level lies strictly between 0 and 1.
pub(super) fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(Error::Data(format!("the level of an interval must lie between 0 and 1, and is {level}")))
}

fn no_scorer(at: usize) -> Error {
    Error::Data(format!("there is no scorer {}", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LABELS: [bool; 10] = [true, false, false, true, true, false, false, true, false, false];
    const A: [f64; 10] = [0.9, 0.2, 0.5, 0.6, 0.5, 0.5, 0.1, 0.8, 0.7, 0.3];
    const B: [f64; 10] = [0.4, 0.3, 0.2, 0.9, 0.6, 0.6, 0.5, 0.7, 0.1, 0.2];

    /// yandexdataschool/roc_comparison at 8f60117, fastDeLong and delong_roc_test; golden/compare.py.
    #[test]
    fn matches_reference() {
        let got = DeLong::new(&LABELS, &[&A, &B]).unwrap();
        assert!(
            (got.aurocs[0] - 0.875).abs() < 1e-15 && (got.aurocs[1] - 0.895_833_333_333_333_3).abs() < 1e-15
        );
        let want = [
            [0.012_615_740_740_740_743, -0.003_067_129_629_629_629],
            [-0.003_067_129_629_629_629, 0.010_821_759_259_259_26],
        ];
        for (got, want) in got.covariance.iter().flatten().zip(want.iter().flatten()) {
            // The order of the sums differs.
            assert!((got - want).abs() < 1e-16, "{got} {want}");
        }
        let test = got.test(0, 1).unwrap();
        assert!((test.p_value.log10() + 0.044_036_78).abs() < 1e-8, "{test:?}");
        assert!(test.difference < 0.0 && test.z < 0.0);
    }

    #[test]
    fn ends_and_equal_scorers_have_an_answer() {
        let labels = [true, true, false, false];
        let right = [2.0, 2.0, 1.0, 1.0];
        let wrong = [1.0, 1.0, 2.0, 2.0];
        let got = DeLong::new(&labels, &[&right, &wrong]).unwrap();
        let whole = got.interval(0, 0.9).unwrap();
        assert_eq!((whole.low, whole.high), (1.0, 1.0));
        assert!(got.test(0, 1).is_err() && got.test(0, 2).is_err() && got.interval(2, 0.9).is_err());
        assert_eq!(got.test(0, 0).unwrap().p_value, 1.0);
        assert!(DeLong::new(&labels[..3], &[&right[..3]]).is_err());
        assert!(DeLong::new(&labels, &[&right[..3]]).is_err());
    }

    /// The structural components by counting pairs.
    fn counted(labels: &[bool], scores: &[f64]) -> [Vec<f64>; 2] {
        let wins = |x: f64, y: f64| if x > y { 1.0 } else { f64::from(u8::from(x == y)) / 2.0 };
        let class = |odd: bool| -> Vec<f64> {
            (0..labels.len()).filter(|&row| labels[row] == odd).map(|row| scores[row]).collect()
        };
        let (odd, normal) = (class(true), class(false));
        let v10 = odd.iter().map(|&x| normal.iter().map(|&y| wins(x, y)).sum::<f64>() / normal.len() as f64);
        let v01 = normal.iter().map(|&y| odd.iter().map(|&x| wins(x, y)).sum::<f64>() / odd.len() as f64);
        [v10.collect(), v01.collect()]
    }

    proptest! {
        #[test]
        fn equals_counting_pairs(items in prop::collection::vec((any::<bool>(), 0_u8..6), 4..40)) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            let n_odd = labels.iter().filter(|odd| **odd).count();
            prop_assume!(n_odd > 1 && labels.len() - n_odd > 1);
            let got = DeLong::new(&labels, &[&scores]).unwrap();
            let [v10, v01] = counted(&labels, &scores);
            let want = covariance(&v10, &v10) / v10.len() as f64 + covariance(&v01, &v01) / v01.len() as f64;
            prop_assert!((got.covariance[0][0] - want).abs() < 1e-12);
            prop_assert!((got.aurocs[0] - mean(&v10)).abs() < 1e-12);
            let interval = got.interval(0, 0.95).unwrap();
            prop_assert!(0.0 <= interval.low && interval.low <= interval.mean && interval.high <= 1.0);
        }
    }
}
