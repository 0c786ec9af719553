//! P-values from reference scores, without any assumption on how scores are distributed.
//!
//! # Idea
//! If a new item is of the same kind as the reference items, its score is equally likely to take any rank among
//! theirs. A rank that high by chance has a known probability: the p-value.
//!
//! # Equations
//! - Split: `p(x) = (1 + #{i : c_i >= s(x)}) / (n + 1)` over `n` held-out scores `c_i`. `P(p <= a) <= a` for a
//!   normal item, exactly, over the draw of reference and item; ties make it smaller, never larger.
//! - Cross: `p(x) = (1 + sum_k #{i in fold k : c_i >= s_k(x)}) / (n + 1)`, where `s_k` is the model that did not
//!   see fold `k`, which also scored its members. `P(p <= a) <= 2 a + min(2 (1 - 1/K) / (n/K + 1), (1 - K/n) / (K + 1))`
//!   in the worst case (Barber et al. 2021, theorem 4; the first term alone with one fold per item), close to
//!   `a` wherever leaving a fold out changes little. No factor less than 2 is guaranteed.
//! - Rank: `p_i = #{j : s_j >= s_i} / n` within one data set; uniform if all items are normal and exchangeable.
//!   It ranks, and nothing more: `i` of `n` rows always have `p <= i / n`, whatever the data.
//!
//! # Complexity
//! O((n + m) log n).
//!
//! # Differences
//! Ties are counted against the item instead of at random, so that the same data give the same p-values.
//!
//! # References
//! Vovk, Gammerman, Shafer 2005, Algorithmic Learning in a Random World. Bates, Candes, Lei, Romano, Sesia 2023,
//! Annals of Statistics 51(1) (outliers). Vovk 2015, Annals of Mathematics and Artificial Intelligence 74 (cross).
//! Barber, Candes, Ramdas, Tibshirani 2021, Annals of Statistics 49(1).
//!
//! # Example
//! ```
//! let p = anomalyst_decide::conformal::split_p_values(&[1.0, 2.0, 3.0], &[2.0, 9.0]).unwrap();
//! assert_eq!(p, [0.75, 0.25]);
//! ```

use anomalyst_core::{Error, Result};
use ndarray::Array2;

use crate::calibration::{Calibration, check_scores};

/// The p-value of a score that `n_at_or_above` of `n` held-out scores reach.
pub fn p_value(n_at_or_above: u64, n: u64) -> f64 {
    (1.0 + n_at_or_above as f64) / (n as f64 + 1.0)
}

/// One p-value per score, against held-out scores of normal items.
pub fn split_p_values(held_out: &[f32], scores: &[f32]) -> Result<Vec<f64>> {
    let calibration = Calibration::new(held_out)?;
    check_finite(scores)?;
    Ok(scores.iter().map(|&s| p_value(calibration.n_at_or_above(s), calibration.n())).collect())
}

/// One p-value per row of `scores` (items x folds): entry `(i, k)` is item `i` under the model that did not see
/// fold `k`. `out_of_fold[j]` is training item `j` under the model that did not see its fold `folds[j]`. With one
/// fold per item these are leave-one-out p-values.
pub fn cross_p_values(out_of_fold: &[f32], folds: &[usize], scores: &Array2<f32>) -> Result<Vec<f64>> {
    check_scores(out_of_fold)?;
    let n_folds = scores.ncols();
    if folds.len() != out_of_fold.len() || folds.iter().any(|&k| k >= n_folds) {
        return Err(Error::Data(format!(
            "{} fold numbers below {n_folds} are needed, one per out-of-fold score",
            out_of_fold.len()
        )));
    }
    let mut members = vec![Vec::new(); n_folds];
    for (&k, &score) in folds.iter().zip(out_of_fold) {
        members[k].push(score);
    }
    members.iter_mut().for_each(|m| m.sort_unstable_by(f32::total_cmp));
    let one = |row: ndarray::ArrayView1<'_, f32>| {
        let above = |(m, &s): (&Vec<f32>, &f32)| (m.len() - m.partition_point(|&c| c < s)) as u64;
        p_value(members.iter().zip(row).map(above).sum(), out_of_fold.len() as u64)
    };
    scores.rows().into_iter().map(|row| check_finite(&row.to_vec()).map(|()| one(row))).collect()
}

/// One p-value per score, by its rank among all of them.
pub fn rank_p_values(scores: &[f32]) -> Result<Vec<f64>> {
    let calibration = Calibration::new(scores)?;
    let n = calibration.n();
    Ok(scores.iter().map(|&s| rank_p_value(calibration.n_at_or_above(s), n)).collect())
}

/// The p-value by rank of a score that `n_at_or_above` of the `n` scores reach, itself among them.
pub fn rank_p_value(n_at_or_above: u64, n: u64) -> f64 {
    // A score above all of them is new; it ranks with the highest.
    n_at_or_above.max(1) as f64 / n as f64
}

fn check_finite(scores: &[f32]) -> Result<()> {
    if scores.is_empty() { Ok(()) } else { check_scores(scores) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;
    use ndarray::array;

    #[test]
    fn closed_forms() {
        assert_eq!(rank_p_values(&[5.0, 1.0, 5.0, 2.0]).unwrap(), [0.5, 1.0, 0.5, 0.75]);
        assert_eq!(split_p_values(&[1.0], &[0.0, 1.0, 2.0]).unwrap(), [1.0, 1.0, 0.5]);
        // Fold 0 holds scores 1 and 3, fold 1 holds 2: against 2 and 5 one of the first and none of the second.
        let p = cross_p_values(&[1.0, 2.0, 3.0], &[0, 1, 0], &array![[2.0, 5.0]]).unwrap();
        assert_eq!(p, [0.5]);
        assert!(cross_p_values(&[1.0], &[1], &array![[1.0]]).is_err());
        assert!(split_p_values(&[], &[1.0]).is_err() && split_p_values(&[1.0], &[f32::NAN]).is_err());
    }

    /// 2,000 seeded draws of 39 reference scores and one new one, continuous and with ties: the share of p-values
    /// at or below `a` exceeds `a` by no more than four standard errors, and meets it where there are no ties.
    #[test]
    fn p_values_are_valid() {
        let mut random = Run::new(11).random(0);
        for ties in [false, true] {
            let mut low = [0.0_f64; 3];
            for _ in 0..2_000 {
                let mut one = || {
                    let v = draw::normal(&mut random);
                    (if ties { (2.0 * v).round() } else { v }) as f32
                };
                let held_out: Vec<f32> = (0..39).map(|_| one()).collect();
                let p = split_p_values(&held_out, &[one()]).unwrap()[0];
                [0.05, 0.1, 0.5]
                    .iter()
                    .zip(&mut low)
                    .for_each(|(&a, n)| *n += f64::from(u8::from(p <= a)) / 2_000.0);
            }
            for (a, share) in [0.05, 0.1, 0.5_f64].into_iter().zip(low) {
                let error = 4.0 * (a * (1.0 - a) / 2_000.0).sqrt();
                assert!(share <= a + error, "{share} at {a}");
                assert!(ties || share >= a - error, "{share} at {a}");
            }
        }
    }

    /// Leave-one-out scores by distance to the mean of the others: at most twice the level, and near it.
    #[test]
    fn cross_p_values_are_valid() {
        let mut random = Run::new(12).random(0);
        let mut share = 0.0;
        for _ in 0..1_000 {
            let x: Vec<f64> = (0..21).map(|_| draw::normal(&mut random)).collect();
            let (train, new) = (&x[..20], x[20]);
            let sum: f64 = train.iter().sum();
            let without = |i: usize| (sum - train[i]) / 19.0;
            let own: Vec<f32> = (0..20).map(|i| (train[i] - without(i)).abs() as f32).collect();
            let row = Array2::from_shape_fn((1, 20), |(_, i)| (new - without(i)).abs() as f32);
            let folds: Vec<usize> = (0..20).collect();
            share += f64::from(u8::from(cross_p_values(&own, &folds, &row).unwrap()[0] <= 0.1)) / 1_000.0;
        }
        assert!((0.06..0.14).contains(&share), "{share}");
    }
}
