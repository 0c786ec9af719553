//! Area under the precision-recall-gain curve.
//!
//! # Idea
//! Precision and recall put on a scale on which alarming on everything is 0 and perfection is 1, so that areas mean
//! something and the share of anomalies does not lift them.
//!
//! # Equations
//! precG = 1 - (p / q) FP / TP and recG = 1 - (p / q) (p - TP) / TP, with p anomalous and q normal items and the hits
//! TP and false alarms FP of all items scoring at least t. AUPRG = integral of precG over recG from 0 to 1. Between
//! two scores TP and FP grow together in proportion, which is a straight line in these axes, so trapezoids are exact.
//!
//! # Range
//! 1 when every anomalous item scores above every normal one; 0 when all tie; a bad ranking goes below 0, never below
//! 1 - n / p with p anomalies among n items, which has no bound over all data.
//!
//! # Random level
//! About 0, somewhat below it in small data; computed by shuffling the scores.
//!
//! # Known weakness
//! It ignores thresholds with a recall below the share of anomalies, the top of the ranking, which matters most where
//! only few items can be looked at.
//!
//! # References
//! Flach, Kull 2015, Precision-recall-gain curves: PR analysis done right, NIPS 28.
//!
//! # Example
//! ```
//! use anomalyst_measure::{Case, MetricExt, items::Auprg};
//!
//! let case = Case::new(vec![true, false, true, false]).with_scores(vec![4.0, 3.0, 2.0, 1.0])?;
//! assert_eq!(Auprg {}.measure_on(&case)?, 0.25);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Case, Curve, Metric, MetricCard, Need, Ranking, Subject, curve};

/// Area under the precision-recall-gain curve; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auprg {}

impl Params for Auprg {}

impl Metric for Auprg {
    const CARD: MetricCard = MetricCard {
        id: "auprg",
        title: "AUPRG",
        summary: "area under precision and recall rescaled so that alarming on everything is 0",
        paper: "Flach, Kull 2015, Precision-recall-gain curves, NIPS",
        subject: Subject::Items,
        needs: &[Need::BothClasses, Need::Scores],
        range: (f64::NEG_INFINITY, 1.0),
        better: Better::Higher,
        random: "about 0; computed by shuffling",
        weakness: "ignores the top of the ranking up to a recall of the share of anomalies",
        monotone: true,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let (mut area, mut last) = (0.0, None::<[f64; 2]>);
        for [recall, precision] in points(case.ranking()) {
            if let Some([from, height]) = last {
                area += (recall - from) * (precision + height) / 2.0;
            }
            last = Some([recall, precision]);
        }
        Ok(area)
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }

    fn curve(&self, case: &Case) -> Result<Option<Curve>> {
        let points = curve::thin(points(case.ranking()));
        Ok(Some(Curve { title: "Precision-recall-gain", axes: ["recall gain", "precision gain"], points }))
    }
}

/// Recall gain and precision gain from a recall gain of 0 on, for each distinct score.
fn points(ranking: &Ranking) -> impl Iterator<Item = [f64; 2]> + '_ {
    let (n_odd, n_normal) = (ranking.odd.len() as f64, ranking.normal.len() as f64);
    let odds = n_odd / n_normal;
    let gains = move |hits: f64, false_alarms: f64| {
        [1.0 - odds * (n_odd - hits) / hits, 1.0 - odds * false_alarms / hits]
    };
    // So many hits are a recall gain of 0.
    let start = n_odd * n_odd / (n_odd + n_normal);
    let (mut hits, mut false_alarms) = (0.0, 0.0);
    let corners = ranking.steps().map(move |step| {
        let (before, added) = ((hits, false_alarms), (step.odd as f64, step.normal as f64));
        hits += added.0;
        false_alarms += added.1;
        let crosses = before.0 < start && hits > start;
        let crossing = crosses.then(|| {
            let share = (start - before.0) / added.0;
            // Exactly 0, which the formula misses by rounding.
            [0.0, gains(start, before.1 + share * added.1)[1]]
        });
        [crossing, (hits >= start).then(|| gains(hits, false_alarms))]
    });
    corners.flatten().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::items::fixtures::tied;
    use proptest::prelude::*;

    fn case(labels: &[bool], scores: &[f64]) -> Case {
        Case::new(labels.to_vec()).with_scores(scores.to_vec()).unwrap()
    }

    #[test]
    fn closed_form() {
        // Half of the items are anomalies, so one hit of two is a recall gain of 0. Both false alarms come before the
        // second hit: from (0, -1) to (1, 0).
        let value = Auprg {}.measure_on(&case(&[true, false, false, true], &[4.0, 3.0, 2.0, 1.0])).unwrap();
        assert_eq!(value, -0.5);
        let found_second =
            Auprg {}.measure_on(&case(&[true, false, true, false], &[4.0, 3.0, 2.0, 1.0])).unwrap();
        // One false alarm before the second hit: from (0, 0) to (1, 1/2).
        assert_eq!(found_second, 0.25);
        assert_eq!(Auprg {}.measure_on(&case(&[true, true, false], &[3.0, 2.0, 1.0])).unwrap(), 1.0);
        assert!(Auprg {}.measure_on(&case(&[true, false, false, false], &[1.0; 4])).unwrap().abs() < 1e-15);
    }

    /// meeliskull/prg 73ce510, golden/ranking.py; sums of some hundred terms of size 1 round below 1e-13.
    #[test]
    fn matches_the_authors() {
        let value = Auprg {}.measure_on(&tied()).unwrap();
        assert!((value - 0.854_962_925_803_349_3).abs() < 1e-12, "{value}");
    }

    proptest! {
        /// The integral over hits of a ranking in which hits and false alarms grow evenly within each score.
        #[test]
        fn equals_fine_rectangles(items in prop::collection::vec((any::<bool>(), 0_u8..6), 2..25)) {
            let (labels, scores): (Vec<bool>, Vec<f64>) = items.iter().map(|&(l, s)| (l, f64::from(s))).unzip();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let n_odd = labels.iter().filter(|&&odd| odd).count() as f64;
            let n_normal = labels.len() as f64 - n_odd;
            let start = n_odd * n_odd / (n_odd + n_normal);
            let (mut hits, mut alarms, mut area) = (0.0, 0.0, 0.0);
            for score in (0..6).rev() {
                let count = |odd: bool| items.iter().filter(|&&(l, s)| l == odd && s == score).count() as f64;
                let (odd, normal, n_slices) = (count(true), count(false), 20_000);
                for i in 0..if odd > 0.0 { n_slices } else { 0 } {
                    let at = (f64::from(i) + 0.5) / f64::from(n_slices);
                    let (h, f) = (hits + at * odd, alarms + at * normal);
                    if h >= start {
                        // d recG / d TP = p^2 / (q TP^2).
                        let slope = n_odd * n_odd / (n_normal * h * h);
                        area += (1.0 - n_odd / n_normal * f / h) * slope * odd / f64::from(n_slices);
                    }
                }
                hits += odd;
                alarms += normal;
            }
            let got = Auprg {}.measure_on(&case(&labels, &scores)).unwrap();
            // One slice at the start may be in or out.
            let worst = 1.0 + (n_odd + n_normal) / n_odd;
            prop_assert!((got - area).abs() < 0.01 * worst, "{got} {area}");
        }
    }
}
