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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reference 0..=8: quartile 6, median 4, spread 2 * 1.4826 = 2.9652.
    #[test]
    fn closed_form() {
        let reference = Calibration::new(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap();
        let unit = spread(&reference);
        assert!((unit - 2.0 * MAD_TO_SIGMA).abs() < 1e-9, "{unit}");
        let of = |score| severity(score, 10.0, unit);
        assert_eq!([of(9.0), of(10.0), of(12.0)], [Severity::None, Severity::None, Severity::Low]);
        assert_eq!([of(13.0), of(19.0), of(28.0)], [Severity::Medium, Severity::High, Severity::Critical]);
        let flat = spread(&Calibration::new(&[1.0; 9]).unwrap());
        assert_eq!((flat, severity(1.1, 1.0, flat)), (0.0, Severity::Critical));
    }

    proptest! {
        #[test]
        fn rises_and_ignores_units(scores in prop::collection::vec(-50..50_i16, 3..40), at in -60..90_i16, unit in 1..5_u8) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let scale = 2.0_f32.powi(i32::from(unit));
            let moved: Vec<f32> = scores.iter().map(|s| s * scale + 64.0).collect();
            let (a, b) = (Calibration::new(&scores).unwrap(), Calibration::new(&moved).unwrap());
            let threshold = a.quantile(0.9);
            let of = |s: f32| severity(s, threshold, spread(&a));
            let at = f32::from(at);
            prop_assert_eq!(of(at), severity(at * scale + 64.0, threshold * scale + 64.0, spread(&b)));
            prop_assert!(of(at) <= of(at + 1.0));
        }
    }
}
