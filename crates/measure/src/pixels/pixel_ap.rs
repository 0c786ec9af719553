//! Average precision of pixels.
//!
//! # Idea
//! Going down the scores of all pixels of all maps, the precision met at each anomalous pixel, averaged.
//!
//! # Equations
//! AP = sum over distinct scores t of (R(t) - R(t-)) P(t), with recall R and precision P of all pixels scoring at
//! least t. Pixels of one score are one step, so their order cannot matter.
//!
//! # Range
//! 0 to 1; 1 when every anomalous pixel scores above every normal one.
//!
//! # Random level
//! A random order of n pixels with p anomalous ones has the mean ((n - p) H_n / n + p - 1) / (n - 1) with the harmonic
//! number H_n (Bestgen 2015): the share of anomalous pixels, hardly more.
//!
//! # Known weakness
//! It depends on the share of anomalous pixels, so data sets with different shares are not comparable; and as in
//! `pixel_auroc` large defects own the value.
//!
//! # References
//! Buckley, Voorhees 2000, SIGIR. doi:10.1145/345508.345543
//! Bestgen 2015, Exact expected average precision of the random baseline, Prague Bulletin 103.
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{MapSet, MapsInMemory, PixelAp, ScoredMap}};
//!
//! let map = ScoredMap::new("a.png", 2, 2, vec![4.0, 3.0, 2.0, 1.0])?;
//! let maps = MapsInMemory(vec![map.with_mask(2, 2, vec![true, false, false, true])?]);
//! assert_eq!(PixelAp {}.measure_on(&MapSet::new(maps))?, 0.75);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::areas::areas;
use super::set::MapSet;
use crate::{Better, Curve, Metric, MetricCard, Need, Subject};

/// Average precision of pixels; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PixelAp {}

impl Params for PixelAp {}

impl Metric for PixelAp {
    const CARD: MetricCard = MetricCard {
        id: "pixel_ap",
        title: "Pixel AP",
        summary: "precision met at each anomalous pixel going down the scores of all pixels, averaged",
        paper: "Buckley, Voorhees 2000, SIGIR. doi:10.1145/345508.345543",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about the share of anomalous pixels",
        weakness: "depends on the share of anomalous pixels, and large defects own the value",
        monotone: true,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        Ok(areas(set)?.ap)
    }

    fn random_level(&self, set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        let survey = set.survey()?;
        let (n, p) = ((survey.n_odd + survey.n_normal) as f64, survey.n_odd as f64);
        Ok(Some(((n - p) * harmonic(n) / n + p - 1.0) / (n - 1.0)))
    }

    fn curve(&self, set: &MapSet) -> Result<Option<Curve>> {
        let points = areas(set)?.precision_recall.clone();
        Ok(Some(Curve {
            title: "Precision-recall",
            axes: ["share of anomalous pixels found", "precision"],
            points,
        }))
    }
}

/// 1 + 1/2 + .. + 1/n: summed while short, then by its expansion, which errs by less than n^-4 / 120.
fn harmonic(n: f64) -> f64 {
    /// The Euler-Mascheroni constant.
    const EULER: f64 = 0.577_215_664_901_532_9;
    if n <= 1_000.0 {
        return (1..=n as u32).map(|i| 1.0 / f64::from(i)).sum();
    }
    n.ln() + EULER + 0.5 / n - 1.0 / (12.0 * n * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::testing::{dots, flat, random_maps};
    use crate::{Case, MetricExt, items};
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        let set = dots(&[(4.0, true), (3.0, false), (2.0, false), (1.0, true)]);
        assert_eq!(PixelAp {}.measure_on(&set).unwrap(), 0.75);
        assert_eq!(PixelAp {}.measure_on(&dots(&[(7.0, true), (7.0, false)])).unwrap(), 0.5);
    }

    #[test]
    fn the_expansion_continues_the_sum() {
        let sum: f64 = (1..=2_000).map(|i| 1.0 / f64::from(i)).sum();
        assert!((harmonic(2_000.0) - sum).abs() < 1e-13);
    }

    proptest! {
        #[test]
        fn equals_the_metric_of_items_on_flat_pixels(maps in random_maps()) {
            let (scores, labels) = flat(&maps);
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let case = Case::new(labels).with_scores(scores).unwrap();
            let run = Run::new(0);
            let want = items::Ap {}.measure_on(&case).unwrap();
            let set = MapSet::new(maps);
            let got = PixelAp {}.measure_on(&set).unwrap();
            prop_assert!((got - want).abs() < 1e-12);
            let levels = (items::Ap {}.random_level(&case, &run), PixelAp {}.random_level(&set, &run));
            prop_assert!((levels.0.unwrap().unwrap() - levels.1.unwrap().unwrap()).abs() < 1e-12);
        }
    }
}
