//! How far the p-values of normal items stray from the uniform distribution.
//!
//! # Idea
//! A p-value promises that at most a share t of normal items gets a value of t or less. The largest breach of this
//! promise over all t: the Kolmogorov distance to the uniform distribution, by default on the side of the breach only.
//!
//! # Equations
//! D+ = sup over t of (F(t) - t), with F(t) the share of normal items with p-values of at most t; with `two_sided`,
//! D = sup over t of |F(t) - t|. Anomalous items do not count: their p-values should be small.
//!
//! One side is the default because p-values that are too large keep the promise: a perfect scorer gives every normal
//! item a p-value near 1, which two sides would call the worst of all. Two sides ask whether they are exactly uniform.
//!
//! # Range
//! 0 to 1; 0 when no share of normal items exceeds its p-value.
//!
//! # Random level
//! The mean over random deals of the same p-values. Exactly uniform p-values of q normal items reach about
//! 0.63 / sqrt(q) by chance, and 0.87 / sqrt(q) with `two_sided`.
//!
//! # Known weakness
//! A p-value of 1 for every item keeps the promise and finds nothing: read it beside `auroc`. Alarms depend on
//! small t, where it is blind: 3 % of normal items at p-values of at most 0.01 are three times too many alarms and a
//! distance of 0.02 only.
//!
//! # References
//! Kolmogorov 1933, Giornale dell'Istituto Italiano degli Attuari 4; for the promise: Bates, Candes, Lei, Romano, Sesia
//! 2023, Testing for outliers with conformal p-values, Annals of Statistics 51. doi:10.1214/22-AOS2244
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::PValueUniformity};
//!
//! // Half of the normal items have p-values of at most 0.25.
//! let case = Case::new(vec![false, false, true]).with_p_values(vec![0.25, 1.0, 0.01])?;
//! assert_eq!(PValueUniformity::default().measure_on(&case)?, 0.25);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Curve, Metric, MetricCard, Need, Subject, curve};

/// Kolmogorov distance of normal items' p-values to the uniform: on which sides.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PValueUniformity {
    /// Whether p-values that are too large count as well as those that are too small.
    pub two_sided: bool,
}

impl Params for PValueUniformity {}

impl Metric for PValueUniformity {
    const CARD: MetricCard = MetricCard {
        id: "p_value_uniformity",
        title: "P-value uniformity",
        summary: "largest excess of the share of normal items with p-values of at most t over t",
        paper: "Kolmogorov 1933, Giornale dell'Istituto Italiano degli Attuari 4",
        subject: Subject::Items,
        needs: &[Need::Labels, Need::PValues],
        range: (0.0, 1.0),
        better: Better::Lower,
        random: "mean of what the same p-values get when dealt out at random",
        weakness: "a p-value of 1 for every item is perfect and finds nothing",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let sorted = of_normal(case)?;
        let n = sorted.len() as f64;
        let mut most = 0.0_f64;
        for (i, p) in sorted.iter().enumerate() {
            // Among equal values the last has the largest excess and the first the largest lack.
            most = most.max((i + 1) as f64 / n - p);
            if self.two_sided {
                most = most.max(p - i as f64 / n);
            }
        }
        Ok(most)
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    fn curve(&self, case: &Case) -> Result<Option<Curve>> {
        let sorted = of_normal(case)?;
        let n = sorted.len() as f64;
        let steps = sorted.iter().enumerate().map(|(i, &p)| [p, (i + 1) as f64 / n]);
        let points = curve::thin(std::iter::once([0.0, 0.0]).chain(steps));
        Ok(Some(Curve { title: "P-values of normal items", axes: ["p-value", "share at most that"], points }))
    }
}

fn of_normal(case: &Case) -> Result<Vec<f64>> {
    let pairs = case.p_values().iter().zip(case.labels());
    let mut sorted: Vec<f64> = pairs.filter(|&(_, &odd)| !odd).map(|(&p, _)| p).collect();
    if sorted.is_empty() {
        return Err(Error::Data("p_value_uniformity is about normal items, and there are none".into()));
    }
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use proptest::prelude::*;

    fn distance(two_sided: bool, p_values: &[f64]) -> f64 {
        let case = Case::new(vec![false; p_values.len()]).with_p_values(p_values.to_vec()).unwrap();
        PValueUniformity { two_sided }.measure_on(&case).unwrap()
    }

    #[test]
    fn closed_form() {
        assert_eq!([false, true].map(|two| distance(two, &[0.25, 0.5, 0.75, 1.0])), [0.0, 0.25]);
        assert_eq!([false, true].map(|two| distance(two, &[1.0; 3])), [0.0, 1.0]);
        assert_eq!([false, true].map(|two| distance(two, &[0.0; 3])), [1.0, 1.0]);
    }

    #[test]
    fn anomalous_items_do_not_count() {
        let case = Case::new(vec![false, true]).with_p_values(vec![1.0, 0.0]).unwrap();
        assert_eq!(PValueUniformity::default().measure_on(&case).unwrap(), 0.0);
        let none = Case::new(vec![true]).with_p_values(vec![0.5]).unwrap();
        let error = PValueUniformity::default().measure_on(&none).unwrap_err().to_string();
        assert!(error.contains("there are none"), "{error}");
    }

    /// scipy 1.17.1 `kstest(p, "uniform")`, see golden/calibration.py; the same differences, so 1e-12.
    #[test]
    fn matches_reference() {
        let case = super::super::graded::graded();
        for (two_sided, want) in [(false, 0.0037932695145053152), (true, 0.08990019206082484)] {
            let got = PValueUniformity { two_sided }.measure_on(&case).unwrap();
            assert!((got - want).abs() < 1e-12, "{two_sided}: {got}");
        }
    }

    proptest! {
        /// The share of values at most t, and below t, counted anew at every value t.
        #[test]
        fn equals_counting(values in prop::collection::vec(0_u8..=10, 1..40)) {
            let p_values: Vec<f64> = values.iter().map(|&v| f64::from(v) / 10.0).collect();
            let share = |ok: &dyn Fn(f64) -> bool| {
                p_values.iter().filter(|&&p| ok(p)).count() as f64 / p_values.len() as f64
            };
            let above = p_values.iter().map(|&t| share(&|p| p <= t) - t).fold(0.0, f64::max);
            let below = p_values.iter().map(|&t| t - share(&|p| p < t)).fold(0.0, f64::max);
            prop_assert!((distance(false, &p_values) - above).abs() < 1e-12);
            prop_assert!((distance(true, &p_values) - above.max(below)).abs() < 1e-12);
        }
    }
}
