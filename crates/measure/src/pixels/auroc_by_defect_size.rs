//! AUROC of the pixels of small, middling and large defects apart.
//!
//! # Idea
//! Defects are sorted by size into quarters; the pixels of each quarter are compared with all normal pixels. The value
//! is that of the smallest quarter, where methods that blur fail unseen; [`Metric::parts`] gives all four.
//!
//! # Equations
//! A defect is a connected component of a mask; pixels that touch at a side or a corner are connected. With m defects, of
//! which k are smaller, a defect belongs to quarter floor(4 k / m) + 1, so defects of one size stay together and the
//! first quarter is never empty. AUROC of a quarter = probability that a pixel of its defects scores above a normal pixel
//! of any map, ties counted half; pixels of other quarters are left out. Pairs are counted in integers.
//!
//! # Range
//! 0 to 1; 1 when every pixel of a small defect scores above every normal pixel. A quarter that no defect belongs to
//! has the part `NaN`.
//!
//! # Random level
//! 1/2 in each quarter.
//!
//! # Known weakness
//! Few defects make quarters of one or two, which say little; and as in `pixel_auroc` false alarms that are rare among
//! all normal pixels hardly lower it, so compare quarters with each other rather than with 1.
//!
//! # References
//! Definition of this project; the question is that of Looking for Tiny Defects via Forward-Backward Feature Transfer
//! 2024, arXiv:2407.04092 (segmentation as a function of the size of anomalies). The area is that of Hanley, McNeil
//! 1982, Radiology 143. doi:10.1148/radiology.143.1.7063747
//!
//! # Example
//! ```
//! use anomalyst_measure::{Metric, MetricExt, pixels::{AurocByDefectSize, MapSet, MapsInMemory, ScoredMap}};
//!
//! // The defect of one pixel scores between the normal pixels, that of two pixels above them.
//! let map = ScoredMap::new("a.png", 5, 1, vec![1.0, 2.0, 0.0, 9.0, 9.0])?;
//! let map = map.with_mask(5, 1, vec![true, false, false, true, true])?;
//! let maps = MapSet::new(MapsInMemory(vec![map]));
//! assert_eq!(AurocByDefectSize {}.measure_on(&maps)?, 0.5);
//! assert_eq!(AurocByDefectSize {}.parts(&maps)?.map(|parts| parts[2]), Some(1.0));
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use std::ops::ControlFlow;
use std::sync::Arc;

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::set::MapSet;
use super::sweep::Sweep;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// AUROC of pixels by quarter of defects; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AurocByDefectSize {}

impl Params for AurocByDefectSize {}

impl Metric for AurocByDefectSize {
    const CARD: MetricCard = MetricCard {
        id: "auroc_by_defect_size",
        title: "AUROC by defect size",
        summary: "probability that a pixel of the smallest quarter of defects scores above a normal one",
        paper: "Definition of this project; area of Hanley, McNeil 1982. doi:10.1148/radiology.143.1.7063747",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "0.5",
        weakness: "quarters of few defects say little, and rare false alarms hardly lower it",
        monotone: true,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        Ok(quarters(set)?[0])
    }

    fn random_level(&self, _set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        Ok(Some(0.5))
    }

    /// One value per quarter of defects, smallest first.
    fn parts(&self, set: &MapSet) -> Result<Option<Vec<f64>>> {
        Ok(Some(quarters(set)?.to_vec()))
    }
}

/// The area of each quarter, made once per set of maps.
fn quarters(set: &MapSet) -> Result<Arc<[f64; 4]>> {
    set.memo.shared("auroc_by_defect_size", || {
        let survey = set.survey()?;
        let sizes = &survey.defect_sizes;
        let quarter = |_, size| {
            let n_smaller = sizes.partition_point(|&other| other < size);
            (4 * n_smaller / sizes.len().max(1)) as u32
        };
        let (mut alarms, mut n_odd, mut twice_won) = (0, [0_u64; 4], [0_u128; 4]);
        Sweep::over_all(set, &quarter, |step| {
            alarms += step.above + step.tied;
            let beaten = 2 * (survey.n_normal - alarms) + step.tied;
            for share in step.odd {
                n_odd[share.class as usize] += share.n;
                twice_won[share.class as usize] += u128::from(share.n) * u128::from(beaten);
            }
            ControlFlow::Continue(())
        })?;
        let area = |at: usize| twice_won[at] as f64 / (2.0 * n_odd[at] as f64 * survey.n_normal as f64);
        Ok([0, 1, 2, 3].map(area))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::pixels::MapsInMemory;
    use crate::pixels::components::Components;
    use crate::pixels::testing::{dots, map, random_maps};
    use proptest::prelude::*;

    #[test]
    fn defects_of_one_size_are_one_quarter() {
        let set = dots(&[(1.0, true), (2.0, false), (3.0, true), (0.0, false)]);
        let parts = AurocByDefectSize {}.parts(&set).unwrap().unwrap();
        assert_eq!(parts[0], 0.75);
        assert!(parts[1..].iter().all(|part| part.is_nan()));
    }

    proptest! {
        /// The smallest quarter beside AUROC with the pixels of other defects cut out.
        #[test]
        fn equals_leaving_other_defects_out(maps in random_maps()) {
            let mut sizes = Vec::new();
            let mut dots: Vec<(f32, u32)> = Vec::new();
            for map in &maps.0 {
                map.for_each_normal(|score| dots.push((score, 0)));
                let Some(mask) = map.mask() else { continue };
                let defects = Components::of(mask, map.width(), |&odd| odd);
                for run in &defects.runs {
                    let size = defects.sizes[run.component as usize];
                    dots.extend(map.scores()[run.pixels(map.width())].iter().map(|&score| (score, size)));
                }
                sizes.extend(defects.sizes);
            }
            prop_assume!(!sizes.is_empty() && dots.iter().any(|dot| dot.1 == 0));
            sizes.sort_unstable();
            // Fewer than a quarter of all defects are smaller.
            let last = sizes.iter().filter(|&&size| 4 * sizes.partition_point(|&s| s < size) < sizes.len()).max();
            let last = *last.unwrap();
            dots.retain(|dot| dot.1 <= last);
            let scores: Vec<f32> = dots.iter().map(|dot| dot.0).collect();
            let mask: Vec<bool> = dots.iter().map(|dot| dot.1 > 0).collect();
            let rest = MapSet::new(MapsInMemory(vec![map(1, &scores, &mask)]));
            let want = crate::pixels::PixelAuroc {}.measure_on(&rest).unwrap();
            let got = AurocByDefectSize {}.measure_on(&MapSet::new(maps)).unwrap();
            prop_assert!((got - want).abs() < 1e-12);
        }
    }
}
