//! F1 of pixels at a threshold.
//!
//! # Idea
//! How good the picture of a defect is that a user sees once a threshold is set: the harmonic mean of the share of
//! flagged pixels that are anomalous and the share of anomalous pixels that are flagged, over all maps together.
//!
//! # Equations
//! F1 = 2 TP / (p + f), with TP anomalous pixels with s >= `threshold`, p anomalous pixels and f flagged ones.
//!
//! # Range
//! 0 to 1; 1 when exactly the anomalous pixels are flagged, 0 when none of them is.
//!
//! # Random level
//! Scores dealt out at random leave f as it is and give TP the mean p f / n over n pixels, so 2 p f / (n (p + f)).
//!
//! # Known weakness
//! It judges the threshold as much as the scores: set it on other images than these. Large defects own the value.
//!
//! # References
//! van Rijsbergen 1979, Information Retrieval, chapter 7; textbook F-measure.
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{MapSet, MapsInMemory, PixelF1AtThreshold, ScoredMap}};
//!
//! let map = ScoredMap::new("a.png", 2, 2, vec![4.0, 3.0, 2.0, 1.0])?;
//! let maps = MapsInMemory(vec![map.with_mask(2, 2, vec![true, false, false, true])?]);
//! let f1 = PixelF1AtThreshold { threshold: Some(2.5) }.measure_on(&MapSet::new(maps))?;
//! assert_eq!(f1, 0.5);
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
pub struct PixelF1AtThreshold {
    /// Pixels that score at least this are flagged. It must be given: no default fits all scores.
    pub threshold: Option<f32>,
}

impl Params for PixelF1AtThreshold {}

impl Metric for PixelF1AtThreshold {
    const CARD: MetricCard = MetricCard {
        id: "pixel_f1_at_threshold",
        title: "Pixel F1 at threshold",
        summary: "harmonic mean of precision and recall of the pixels flagged at a threshold",
        paper: "van Rijsbergen 1979, Information Retrieval; textbook F-measure",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "twice the product of the shares of anomalous and of flagged pixels, by their sum",
        weakness: "judges the threshold as much as the scores, and large defects own the value",
        monotone: false,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        let at = flagged(set, given(Self::CARD.id, self.threshold)?)?;
        Ok(2.0 * at.hits / (at.odd + at.flagged))
    }

    fn random_level(&self, set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        let at = flagged(set, given(Self::CARD.id, self.threshold)?)?;
        Ok(Some(2.0 * at.odd * at.flagged / (at.all * (at.odd + at.flagged))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::pixels::testing::{dots, golden_maps};

    #[test]
    fn a_threshold_must_be_given() {
        let error =
            PixelF1AtThreshold::default().measure_on(&dots(&[(1.0, true), (0.0, false)])).unwrap_err();
        assert!(error.to_string().contains("`threshold` is not given"), "{error}");
    }

    /// A score of exactly the threshold is flagged; nothing flagged finds nothing.
    #[test]
    fn closed_form() {
        let set = dots(&[(2.0, true), (2.0, false), (1.0, true), (0.0, false)]);
        for (threshold, want) in [(2.0, 0.5), (1.0, 0.8), (3.0, 0.0)] {
            let metric = PixelF1AtThreshold { threshold: Some(threshold) };
            assert_eq!(metric.measure_on(&set).unwrap(), want);
        }
    }

    /// golden/pixels.py, scikit-learn 1.9.1 `f1_score`; the same fraction, so all digits agree.
    #[test]
    fn matches_scikit_learn() {
        let set = MapSet::new(golden_maps(6, 32, 24));
        for (threshold, want) in [(700.0, 0.11179361179361179), (1000.0, 0.26714801444043323)] {
            let metric = PixelF1AtThreshold { threshold: Some(threshold) };
            assert!((metric.measure_on(&set).unwrap() - want).abs() < 1e-14);
        }
    }
}
