//! Average precision, the area under the precision-recall curve without interpolation.
//!
//! # Idea
//! Going down the ranking, the precision met at each anomaly, averaged.
//!
//! # Equations
//! AP = sum over distinct scores t of (R(t) - R(t-)) P(t), with recall R and precision P of all items scoring at
//! least t. Items of one score are one step, so their order cannot matter.
//!
//! # Range
//! 0 to 1; 1 when every anomalous item scores above every normal one.
//!
//! # Random level
//! A random order of n items with p anomalies has the mean
//! ((n - p) H_n / n + p - 1) / (n - 1) with the harmonic number H_n: the share of anomalies, and more in small data
//! (Bestgen 2015).
//!
//! # Known weakness
//! It depends on the share of anomalies: values of data with different shares are not comparable. Use
//! `ap_balanced` for that.
//!
//! # References
//! Buckley, Voorhees 2000, SIGIR. doi:10.1145/345508.345543
//! Bestgen 2015, Exact expected average precision of the random baseline, Prague Bulletin 103.
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::Ap};
//!
//! let case = Case::new(vec![true, false, false, true]).with_scores(vec![4.0, 3.0, 2.0, 1.0])?;
//! assert_eq!(Ap {}.measure_on(&case)?, 0.75);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Curve, Metric, MetricCard, Need, Subject, curve};

/// Average precision; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ap {}

impl Params for Ap {}

impl Metric for Ap {
    const CARD: MetricCard = MetricCard {
        id: "ap",
        title: "AP",
        summary: "precision met at each anomaly going down the ranking, averaged",
        paper: "Buckley, Voorhees 2000, SIGIR. doi:10.1145/345508.345543",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about the share of anomalies",
        weakness: "depends on the share of anomalies, so data sets with different shares are not comparable",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let ranking = case.ranking();
        let (mut hits, mut seen, mut total) = (0, 0, 0.0);
        for step in ranking.steps() {
            hits += step.odd;
            seen += step.odd + step.normal;
            total += step.odd as f64 * hits as f64 / seen as f64;
        }
        Ok(total / ranking.odd.len() as f64)
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let (n, p) = (case.len() as f64, case.n_odd() as f64);
        let harmonic: f64 = (1..=case.len()).map(|i| 1.0 / i as f64).sum();
        Ok(Some(((n - p) * harmonic / n + p - 1.0) / (n - 1.0)))
    }

    fn curve(&self, case: &Case) -> Result<Option<Curve>> {
        let ranking = case.ranking();
        let n_odd = ranking.odd.len() as f64;
        let (mut hits, mut seen) = (0, 0);
        let corners = ranking.steps().map(|step| {
            hits += step.odd;
            seen += step.odd + step.normal;
            [hits as f64 / n_odd, hits as f64 / seen as f64]
        });
        let points = curve::thin(corners);
        Ok(Some(Curve { title: "Precision-recall", axes: ["share of anomalies found", "precision"], points }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    fn case(labels: &[bool], scores: &[f64]) -> Case {
        Case::new(labels.to_vec()).with_scores(scores.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        // Precision 1 at the first anomaly, 2/4 at the second.
        let ap = Ap {}.measure_on(&case(&[true, false, false, true], &[4.0, 3.0, 2.0, 1.0])).unwrap();
        assert_eq!(ap, 0.75);
        // All tied: the precision of everything.
        assert_eq!(Ap {}.measure_on(&case(&[true, false, false, false], &[1.0; 4])).unwrap(), 0.25);
    }

    /// scikit-learn 1.9.1, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_scikit_learn() {
        let value = Ap {}.measure_on(&crate::items::fixtures::tied()).unwrap();
        assert!((value - 0.560_004_263_793_024_8).abs() < 1e-12, "{value}");
    }

    /// All six orders of two anomalies among four items, averaged.
    #[test]
    fn random_level_is_the_mean_of_all_orders() {
        let scores = [4.0, 3.0, 2.0, 1.0];
        let mut total = 0.0;
        for (i, j) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let labels: Vec<bool> = (0..4).map(|row| row == i || row == j).collect();
            total += Ap {}.measure_on(&case(&labels, &scores)).unwrap();
        }
        let level = Ap {}.random_level(&case(&[true, true, false, false], &scores), &Run::new(0)).unwrap();
        assert!((level.unwrap() - total / 6.0).abs() < 1e-12);
    }
}
