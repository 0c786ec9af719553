//! Area under the receiver operating characteristic of pixels.
//!
//! # Idea
//! The probability that a randomly chosen anomalous pixel scores higher than a randomly chosen normal one, over the
//! pixels of all maps together.
//!
//! # Equations
//! AUROC = (1 / (p q)) sum over anomalous pixels i, normal pixels j of [s_i > s_j] + [s_i = s_j] / 2, with p anomalous
//! and q normal pixels. Pairs are counted in integers, so the value is exact whatever is tied.
//!
//! # Range
//! 0 to 1; 1 when every anomalous pixel scores above every normal one.
//!
//! # Random level
//! 1/2, whatever the share of anomalous pixels.
//!
//! # Known weakness
//! Defects cover some percent of the pixels and large defects own most of those: a method that misses every small
//! defect, or floods normal images with false alarms, still gets 0.99. Read it beside `aupro` and `aupimo`.
//!
//! # References
//! Hanley, McNeil 1982, Radiology 143. doi:10.1148/radiology.143.1.7063747
//! Bergmann et al. 2021, International Journal of Computer Vision 129, section 5. doi:10.1007/s11263-020-01400-4
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{MapSet, MapsInMemory, PixelAuroc, ScoredMap}};
//!
//! let map = ScoredMap::new("a.png", 2, 2, vec![4.0, 3.0, 2.0, 1.0])?;
//! let maps = MapsInMemory(vec![map.with_mask(2, 2, vec![true, false, false, true])?]);
//! assert_eq!(PixelAuroc {}.measure_on(&MapSet::new(maps))?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::areas::areas;
use super::set::MapSet;
use crate::{Better, Curve, Metric, MetricCard, Need, Subject};

/// Area under the ROC curve of pixels; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PixelAuroc {}

impl Params for PixelAuroc {}

impl Metric for PixelAuroc {
    const CARD: MetricCard = MetricCard {
        id: "pixel_auroc",
        title: "Pixel AUROC",
        summary: "probability that an anomalous pixel scores above a normal one",
        paper: "Hanley, McNeil 1982, Radiology. doi:10.1148/radiology.143.1.7063747",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "0.5",
        weakness: "large defects own the value and rare false alarms hardly lower it, so it saturates near 1",
        monotone: true,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        Ok(areas(set)?.auroc)
    }

    fn random_level(&self, _set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.5))
    }

    fn curve(&self, set: &MapSet) -> Result<Option<Curve>> {
        let points = areas(set)?.roc.clone();
        Ok(Some(Curve {
            title: "ROC",
            axes: ["false-alarm rate", "share of anomalous pixels found"],
            points,
        }))
    }
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
        assert_eq!(PixelAuroc {}.measure_on(&set).unwrap(), 0.5);
        assert_eq!(PixelAuroc {}.measure_on(&dots(&[(7.0, true), (7.0, false)])).unwrap(), 0.5);
    }

    proptest! {
        #[test]
        fn equals_the_metric_of_items_on_flat_pixels(maps in random_maps()) {
            let (scores, labels) = flat(&maps);
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let case = Case::new(labels).with_scores(scores).unwrap();
            let want = items::Auroc {}.measure_on(&case).unwrap();
            let got = PixelAuroc {}.measure_on(&MapSet::new(maps)).unwrap();
            prop_assert!((got - want).abs() < 1e-12);
        }
    }
}
