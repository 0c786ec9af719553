//! How grave an anomaly is: its distance above the threshold in units of the spread of normal scores.
//!
//! # Idea
//! Being sure that an item is anomalous and its being far out are two things. Severity is the second: how many
//! spreads of normal scores lie between the threshold and the score.
//!
//! # Equations
//! `z = (s - threshold) / spread`, `spread = 1.4826 (q_0.75 - q_0.5)` of the reference scores: the upper half of
//! the interquartile range, scaled to the standard deviation of a normal distribution. Scores are skewed, and
//! only their upper side says what an unusually high normal score is; the upper quartile is untouched by up to
//! a quarter of anomalies among the reference.
//!
//! # Score
//! None at or below the threshold; low up to `z = 1`, where an ordinary fluctuation of one spread would undo the
//! verdict; medium up to 3; high from 3, where by the three-sigma convention no fluctuation of a normal item
//! explains the distance; critical from 6, twice that. Monotone in the score and the same in any unit and offset
//! of the scores. Where the quartiles coincide, the spread is that between the median and the highest quantile
//! of 0.9, 0.95, 0.99, 1 that differs from it; where all reference scores are equal, anything above the
//! threshold is critical.
//!
//! # References
//! Rousseeuw, Croux 1993, JASA 88 (robust scales). The cut points are conventions, not estimates.

use anomalyst_core::Severity;
use anomalyst_kernels::stats::MAD_TO_SIGMA;

use crate::calibration::Calibration;

/// Lower ends of low, medium, high and critical, in spreads above the threshold.
pub const CUT_POINTS: [f64; 3] = [1.0, 3.0, 6.0];

/// The unit of severity; 0 where all reference scores are equal.
pub fn spread(reference: &Calibration) -> f64 {
    let middle = f64::from(reference.quantile(0.5));
    let above = |&q: &f64| f64::from(reference.quantile(q)) - middle;
    MAD_TO_SIGMA * [0.75, 0.9, 0.95, 0.99, 1.0].iter().map(above).find(|&d| d > 0.0).unwrap_or(0.0)
}

/// The severity of a score.
pub fn severity(score: f32, threshold: f32, spread: f64) -> Severity {
    if score <= threshold {
        return Severity::None;
    }
    let z = (f64::from(score) - f64::from(threshold)) / spread;
    match CUT_POINTS.iter().filter(|&&cut| z >= cut).count() {
        0 => Severity::Low,
        1 => Severity::Medium,
        2 => Severity::High,
        _ => Severity::Critical,
    }
}
