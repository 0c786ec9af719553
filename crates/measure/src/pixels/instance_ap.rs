//! Average precision of defects as instances.
//!
//! # Idea
//! What a user sees is a list of found defects. The flagged pixels of a map fall into connected components, each a
//! prediction with its highest score as confidence; a prediction is right if it covers a defect well. Going down the
//! list of all predictions of all maps, the precision met at each defect found, averaged over all defects.
//!
//! # Equations
//! Predictions: components of the pixels with s >= `threshold`; defects: components of the mask; pixels that touch at a
//! side or a corner are connected. A prediction hits if IoU = |P and D| / |P or D| > `min_iou` for some defect D. Since
//! components of one kind share no pixel and `min_iou` is at least 1/2, no defect is hit twice and no prediction hits
//! two (Kirillov et al. 2019, section 4.1), so nothing depends on the order of matching. AP = (1 / m) sum over distinct
//! confidences c of (hits of confidence c) P(c), with m defects and precision P of all predictions of at least c;
//! defects never found add nothing.
//!
//! # Range
//! 0 to 1; 1 when the predictions that hit are ranked above all others and cover every defect.
//!
//! # Random level
//! None is given: pixels flagged at random hardly form a component that covers a defect by half, so it is about 0.
//!
//! # Known weakness
//! A defect found as two pieces, or two found as one, count as missed, so it judges threshold and smoothing as much as
//! the scores; set the threshold on other images than these.
//!
//! # Differences
//! No definition is settled for score maps. This is the AP of instance segmentation benchmarks (Everingham et al. 2010;
//! AP50 of Lin et al. 2014, used for anomalies by Nekrasov et al. 2024) with components as instances; it has no
//! interpolation, where the former take the highest precision further down, so it is as `ap` and never above theirs.
//!
//! # References
//! Everingham et al. 2010, International Journal of Computer Vision 88. doi:10.1007/s11263-009-0275-4
//! Lin et al. 2014, Microsoft COCO, ECCV. doi:10.1007/978-3-319-10602-1_48
//! Kirillov et al. 2019, Panoptic Segmentation, CVPR. arXiv:1801.00868
//! Nekrasov et al. 2024, OoDIS: Anomaly Instance Segmentation Benchmark. arXiv:2406.11835
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{InstanceAp, MapSet, MapsInMemory, ScoredMap}};
//!
//! // The strongest prediction is a false alarm, the second hits the only defect.
//! let map = ScoredMap::new("a.png", 5, 1, vec![9.0, 0.0, 0.0, 5.0, 6.0])?;
//! let maps = MapsInMemory(vec![map.with_mask(5, 1, vec![false, false, false, true, true])?]);
//! let metric = InstanceAp { threshold: Some(4.0), ..InstanceAp::default() };
//! assert_eq!(metric.measure_on(&MapSet::new(maps))?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::components::Components;
use super::flagged::given;
use super::maps::ScoredMap;
use super::set::MapSet;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// What is predicted and what counts as a hit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceAp {
    /// Pixels that score at least this form predictions. It must be given: no default fits all scores.
    pub threshold: Option<f32>,
    /// A prediction hits a defect if their intersection over union is above this. More asks for truer outlines.
    #[schemars(range(min = 0.5, max = 0.99))]
    pub min_iou: f64,
}

impl Default for InstanceAp {
    fn default() -> Self {
        Self { threshold: None, min_iou: 0.5 }
    }
}

impl Params for InstanceAp {}

impl Metric for InstanceAp {
    const CARD: MetricCard = MetricCard {
        id: "instance_ap",
        title: "Instance AP",
        summary: "precision met at each defect found going down the list of predicted defects, mean over all defects",
        paper: "Lin et al. 2014, ECCV, on connected components. doi:10.1007/978-3-319-10602-1_48",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about 0",
        weakness: "a defect found in two pieces counts as missed, so it judges threshold and smoothing too",
        monotone: false,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        let threshold = given(Self::CARD.id, self.threshold)?;
        let found = self.ranked(set, threshold)?;
        let (mut hits, mut seen, mut total) = (0, 0, 0.0);
        for tied in found.chunk_by(|a, b| a.confidence == b.confidence) {
            let times = |prediction: &Prediction| u64::from(set.times(prediction.map as usize));
            let more: u64 = tied.iter().filter(|prediction| prediction.hit).map(times).sum();
            hits += more;
            seen += tied.iter().map(times).sum::<u64>();
            if more > 0 {
                total += more as f64 * hits as f64 / seen as f64;
            }
        }
        Ok(total / set.survey()?.defect_sizes.len() as f64)
    }

    fn random_level(&self, _set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        Ok(None)
    }
}

impl InstanceAp {
    /// All predictions, the most confident first; made once, however often maps count.
    fn ranked(&self, set: &MapSet, threshold: f32) -> Result<Arc<Vec<Prediction>>> {
        set.source.memo.shared(format!("{threshold} {}", self.min_iou), || {
            let look = |i: usize, map: &ScoredMap| predictions(i as u32, map, threshold, self.min_iou);
            let mut found: Vec<Prediction> = set.each(&set.all(), look)?.into_iter().flatten().collect();
            found.sort_unstable_by(|a, b| b.confidence.total_cmp(&a.confidence));
            Ok(found)
        })
    }
}

struct Prediction {
    map: u32,
    /// The highest score of its pixels.
    confidence: f32,
    hit: bool,
}

fn predictions(i: u32, map: &ScoredMap, threshold: f32, min_iou: f64) -> Vec<Prediction> {
    let width = map.width();
    let found = Components::of(map.scores(), width, |&score| score >= threshold);
    let mut predictions: Vec<Prediction> =
        found.sizes.iter().map(|_| Prediction { map: i, confidence: threshold, hit: false }).collect();
    for run in &found.runs {
        let scores = &map.scores()[run.pixels(width)];
        let best = &mut predictions[run.component as usize].confidence;
        // Adding zero turns -0 into +0, which total order would set apart.
        *best = scores.iter().fold(*best, |best, &score| best.max(score)) + 0.0;
    }
    if let Some(mask) = map.mask() {
        let defects = Components::of(mask, width, |&odd| odd);
        for ((at, defect), both) in intersections(&found, &defects) {
            let either = found.sizes[at as usize] + defects.sizes[defect as usize] - both;
            predictions[at as usize].hit |= f64::from(both) / f64::from(either) > min_iou;
        }
    }
    predictions
}

/// Pixels that a component of one kind shares with one of the other, for those that share any.
fn intersections(a: &Components, b: &Components) -> HashMap<(u32, u32), u32> {
    let mut shared = HashMap::new();
    let (mut i, mut j) = (0, 0);
    while i < a.runs.len() && j < b.runs.len() {
        let (left, right) = (a.runs[i], b.runs[j]);
        if left.row == right.row {
            let n = left.end.min(right.end).saturating_sub(left.start.max(right.start));
            if n > 0 {
                *shared.entry((left.component, right.component)).or_insert(0) += n;
            }
        }
        if (left.row, left.end) <= (right.row, right.end) { i += 1 } else { j += 1 }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::pixels::MapsInMemory;
    use crate::pixels::testing::{golden_maps, map, random_maps};
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        let ap = |scores: &[f32]| {
            let maps = MapsInMemory(vec![map(6, scores, &[true, true, false, false, true, true])]);
            InstanceAp { threshold: Some(1.0), min_iou: 0.5 }.measure_on(&MapSet::new(maps)).unwrap()
        };
        assert_eq!(ap(&[2.0, 1.0, 0.0, 0.0, 3.0, 3.0]), 1.0);
        // Half of a defect is no more than half: a miss. Everything as one prediction hits nothing.
        assert_eq!(ap(&[2.0, 0.0, 0.0, 0.0, 3.0, 3.0]), 0.5);
        assert_eq!(ap(&[2.0; 6]), 0.0);
        assert_eq!(ap(&[0.0; 6]), 0.0);
        // A false alarm as strong as both hits: two of three.
        let maps = MapsInMemory(vec![map(5, &[2.0, 0.0, 2.0, 0.0, 2.0], &[true, false, false, false, true])]);
        let tied = InstanceAp { threshold: Some(1.0), min_iou: 0.5 }.measure_on(&MapSet::new(maps)).unwrap();
        assert!((tied - 2.0 / 3.0).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn shared_pixels_are_those_of_both(maps in random_maps(), threshold in -1.0_f32..2.0) {
            for map in &maps.0 {
                let Some(mask) = map.mask() else { continue };
                let found = Components::of(map.scores(), map.width(), |&score| score >= threshold);
                let defects = Components::of(mask, map.width(), |&odd| odd);
                let mut want = HashMap::new();
                let labels = |components: &Components| {
                    let mut labels = vec![None; map.len()];
                    components.runs.iter().for_each(|run| labels[run.pixels(map.width())].fill(Some(run.component)));
                    labels
                };
                for pair in labels(&found).into_iter().zip(labels(&defects)) {
                    if let (Some(a), Some(b)) = pair {
                        *want.entry((a, b)).or_insert(0) += 1;
                    }
                }
                prop_assert_eq!(intersections(&found, &defects), want);
            }
        }
    }

    /// golden/pixels.py: components of scipy 1.17.1, steps of scikit-learn 1.9.1; sums of few fractions, so all digits
    /// agree.
    #[test]
    fn matches_scipy_and_scikit_learn() {
        let mut maps = golden_maps(6, 32, 24);
        for (i, map) in maps.0.iter_mut().enumerate() {
            let Some(mask) = map.mask() else { continue };
            let mut scores: Vec<f32> = map.scores().to_vec();
            scores.iter_mut().zip(mask).for_each(|(score, &odd)| *score += if odd { 1000.0 } else { 0.0 });
            if i == 1 {
                scores[3 * 32 + 3..3 * 32 + 8].fill(0.0);
                scores[4 * 32 + 3..4 * 32 + 8].fill(0.0);
            }
            if i == 3 {
                scores[20 * 32 + 2] = 5000.0;
            }
            *map =
                ScoredMap::new("golden", 32, 24, scores).unwrap().with_mask(32, 24, mask.to_vec()).unwrap();
        }
        let set = MapSet::new(maps);
        for (threshold, min_iou, want) in [
            (1100.0, 0.5, 0.7484126984126984),
            (1300.0, 0.9, 0.49682539682539684),
            (1200.0, 0.75, 0.49682539682539684),
        ] {
            let got = InstanceAp { threshold: Some(threshold), min_iou }.measure_on(&set).unwrap();
            assert!((got - want).abs() < 1e-12, "{threshold} {min_iou}: {got} instead of {want}");
        }
    }
}
