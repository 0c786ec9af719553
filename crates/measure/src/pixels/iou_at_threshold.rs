//! Intersection over union at a threshold.
//!
//! # Idea
//! How well the flagged pixels cover the masks: pixels that are both anomalous and flagged, as a share of those that are
//! either, over all maps together.
//!
//! # Equations
//! IoU = TP / (p + f - TP), with TP anomalous pixels with s >= `threshold`, p anomalous pixels and f flagged ones.
//!
//! # Range
//! 0 to 1; 1 when exactly the anomalous pixels are flagged, 0 when none of them is.
//!
//! # Random level
//! Scores dealt out at random give TP a hypergeometric distribution of mean m = p f / n over n pixels and variance v; the
//! mean of IoU is that at m, plus v / 2 times the second derivative there, which is close for more than a few pixels.
//!
//! # Known weakness
//! A defect one pixel too wide all around loses much where it is thin, so masks drawn generously look like misses; and
//! like F1 it judges the threshold as much as the scores.
//!
//! # References
//! Jaccard 1912, New Phytologist 11. doi:10.1111/j.1469-8137.1912.tb05611.x
//! Everingham et al. 2010, International Journal of Computer Vision 88. doi:10.1007/s11263-009-0275-4
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{IouAtThreshold, MapSet, MapsInMemory, ScoredMap}};
//!
//! let map = ScoredMap::new("a.png", 2, 2, vec![4.0, 3.0, 2.0, 1.0])?;
//! let maps = MapsInMemory(vec![map.with_mask(2, 2, vec![true, false, false, false])?]);
//! let iou = IouAtThreshold { threshold: Some(2.5) }.measure_on(&MapSet::new(maps))?;
//! assert_eq!(iou, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::flagged::{flagged, given};
use super::set::MapSet;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Which pixels are flagged.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IouAtThreshold {
    /// Pixels that score at least this are flagged. It must be given: no default fits all scores.
    pub threshold: Option<f32>,
}

impl Params for IouAtThreshold {}

impl Metric for IouAtThreshold {
    const CARD: MetricCard = MetricCard {
        id: "iou_at_threshold",
        title: "IoU at threshold",
        summary: "pixels both anomalous and flagged at a threshold, as a share of those that are either",
        paper: "Jaccard 1912, New Phytologist 11. doi:10.1111/j.1469-8137.1912.tb05611.x",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "below the share of anomalous pixels",
        weakness: "thin defects drawn or found a pixel too wide look like misses; judges the threshold too",
        monotone: false,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        let at = flagged(set, given(Self::CARD.id, self.threshold)?)?;
        Ok(at.hits / (at.odd + at.flagged - at.hits))
    }

    fn random_level(&self, set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        let at = flagged(set, given(Self::CARD.id, self.threshold)?)?;
        let share = at.odd / at.all;
        let (either, mean) = (at.odd + at.flagged, share * at.flagged);
        let variance = mean * (1.0 - share) * (at.all - at.flagged) / (at.all - 1.0);
        Ok(Some(mean / (either - mean) + variance * either / (either - mean).powi(3)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::pixels::testing::{dots, golden_maps};

    /// A score of exactly the threshold is flagged; nothing flagged finds nothing.
    #[test]
    fn closed_form() {
        let set = dots(&[(2.0, true), (2.0, false), (1.0, true), (0.0, false)]);
        for (threshold, want) in [(2.0, 1.0 / 3.0), (1.0, 2.0 / 3.0), (3.0, 0.0)] {
            let metric = IouAtThreshold { threshold: Some(threshold) };
            assert_eq!(metric.measure_on(&set).unwrap(), want);
        }
        assert!(IouAtThreshold::default().measure_on(&set).is_err());
    }

    /// golden/pixels.py, scikit-learn 1.9.1 `jaccard_score`; the same fraction, so all digits agree.
    #[test]
    fn matches_scikit_learn() {
        let set = MapSet::new(golden_maps(6, 32, 24));
        for (threshold, want) in [(700.0, 0.05920624593363696), (1000.0, 0.15416666666666667)] {
            let metric = IouAtThreshold { threshold: Some(threshold) };
            assert!((metric.measure_on(&set).unwrap() - want).abs() < 1e-14);
        }
    }
}
