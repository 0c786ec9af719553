//! How far predictions usually are off: centre and unit of the errors on training points.

use anomalyst_core::{Error, Result};
use anomalyst_kernels::stats::{MAD_TO_SIGMA, Moments, median_and_mad};
use serde::{Deserialize, Serialize};

/// The least unit, as a share of the deviation of the points themselves: about what is left of it in 32-bit numbers.
const LEAST_SHARE: f64 = 1e-6;
/// Mean absolute deviation to standard deviation in normal data, the root of pi / 2.
const MEAN_TO_SIGMA: f64 = 1.253_314_137_315_500_3;

/// Centre and unit of errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorScale {
    center: f64,
    unit: f64,
}

impl ErrorScale {
    /// Median and scaled median absolute deviation of `errors`; the mean absolute deviation where that is 0 since most
    /// are alike; at least a millionth of the deviation of the points in `series`.
    pub(crate) fn robust<'a>(
        errors: impl IntoIterator<Item = &'a f64>,
        series: impl IntoIterator<Item = &'a f64>,
    ) -> Self {
        let mut values: Vec<f64> = errors.into_iter().copied().collect();
        let (center, deviation) = median_and_mad(&mut values);
        // The distances from the median are what is left in `values`.
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let unit = if deviation > 0.0 { MAD_TO_SIGMA * deviation } else { MEAN_TO_SIGMA * mean };
        let least = LEAST_SHARE * series.into_iter().copied().collect::<Moments>().std_dev();
        let center = if center.is_finite() { center } else { 0.0 };
        Self { center, unit: unit.max(least).max(f64::from(f32::MIN_POSITIVE)) }
    }

    /// The error in units from the centre, with its sign.
    pub(crate) fn signed(self, error: f64) -> f64 {
        (error - self.center) / self.unit
    }

    /// How many units the error is from the centre.
    pub(crate) fn distance(self, error: f64) -> f64 {
        self.signed(error).abs()
    }

    /// One unit.
    pub(crate) const fn unit(self) -> f64 {
        self.unit
    }

    /// Refuses what no fit gives.
    pub(crate) fn sound(self) -> Result<Self> {
        if self.center.is_finite() && self.unit.is_finite() && self.unit > 0.0 {
            return Ok(self);
        }
        Err(Error::model("the usual errors of a channel must be finite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_robust_and_never_zero() {
        let scale = ErrorScale::robust(&[-1.0, 0.0, 1.0, 2.0, 90.0], &[0.0]);
        assert_eq!((scale.center, scale.unit), (1.0, MAD_TO_SIGMA));
        assert!((scale.distance(1.0 - 2.0 * MAD_TO_SIGMA) - 2.0).abs() < 1e-12);
        let alike = ErrorScale::robust(&[0.0, 0.0, 0.0, 4.0], &[0.0]);
        assert!((alike.unit - MEAN_TO_SIGMA).abs() < 1e-12);
        assert_eq!(ErrorScale::robust(&[0.0; 3], &[-1.0, 1.0]).unit, 1e-6);
        assert!(ErrorScale::robust(&[], &[]).sound().is_ok());
        assert!(ErrorScale { center: 0.0, unit: 0.0 }.sound().is_err());
    }
}
