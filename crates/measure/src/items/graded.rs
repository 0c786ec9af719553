//! Items with levels, probabilities and p-values that the golden values of calibration and severity are computed from.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::Case;

/// 200 items, 60 of them anomalous at levels 1 to 3; golden/calibration.py and golden/severity.py make the same.
pub(super) fn graded() -> Case {
    let levels: Vec<u32> = (0..200).map(|i| if i % 10 < 3 { 1 + i / 10 % 3 } else { 0 }).collect();
    let noise: Vec<f64> = (0..200_u32).map(|i| f64::from((i * i * 7 + i * 13) % 101) / 101.0).collect();
    let scores = levels.iter().zip(&noise).map(|(&level, noise)| (noise * 20.0).floor() + f64::from(level));
    let shares = levels.iter().zip(&noise).map(|(&level, noise)| noise * 0.7 + f64::from(level) * 0.08);
    let p_values = (0..200_u32).map(|i| (f64::from(i * 37 % 211) / 211.0).powf(0.8));
    let (scores, shares, p_values) = (scores.collect(), shares.collect(), p_values.collect());
    let case = Case::new(levels.iter().map(|&level| level > 0).collect()).with_scores(scores);
    let case = case.and_then(|case| case.with_probabilities(shares));
    case.and_then(|case| case.with_p_values(p_values)).and_then(|case| case.with_levels(levels)).unwrap()
}
