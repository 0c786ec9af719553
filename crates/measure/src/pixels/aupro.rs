//! Area under the curve of per-region overlap.
//!
//! # Idea
//! Every defect counts the same, whatever its size: lower a threshold and watch, against the false-alarm rate of
//! normal pixels, the share of each defect's pixels that are found, averaged over defects.
//!
//! # Equations
//! PRO(t) = (1 / m) sum over defects k of |C_k with s >= t| / |C_k|, with the m connected components C_k of the masks;
//! pixels that touch at a side or a corner are connected. FPR(t) = share of normal pixels of all maps with s >= t.
//! AUPRO = (1 / L) integral of PRO over FPR from 0 to L = `max_fpr`, by trapezoids between the points of all distinct
//! scores, the last one cut at L. It is a ROC curve in which a pixel of C_k weighs 1 / (m |C_k|), so one walk down the
//! scores gives it exactly, ties included.
//!
//! # Range
//! 0 to 1; 1 when every anomalous pixel scores above every normal one.
//!
//! # Random level
//! About L / 2. Exactly, with n normal pixels and j = floor(L n): between the normal pixels of rank k and k + 1 a random
//! order has found the share (k + 1) / (n + 1), so the mean is (j (j + 1) / 2 + (L n - j) (j + 1)) / (n (n + 1) L).
//!
//! # Known weakness
//! With the usual L = 0.3 most of the area lies where nearly a third of all normal pixels are false alarms, which no
//! inspection bears; values near 1 are therefore common. Masks drawn in crumbs count each crumb as a defect. Read it
//! beside `aupimo`.
//!
//! # Differences
//! None from MVTec's evaluation code, save that it holds rates as 32-bit floats. anomalib 2 averages one resampled ROC
//! curve for each defect, whose points do not share thresholds, and leaves the pixels of other defects out; it stops at
//! the last point below L and divides by that, so its value on the maps of the golden test, 0.45423,
//! differs from ours and MVTec's, 0.45464.
//!
//! # References
//! Bergmann, Batzner, Fauser, Sattlegger, Steger 2021, International Journal of Computer Vision 129, section 5.
//! doi:10.1007/s11263-020-01400-4
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{Aupro, MapSet, MapsInMemory, ScoredMap}};
//!
//! // Two defects: one found before any false alarm, one half found.
//! let map = ScoredMap::new("a.png", 6, 1, vec![9.0, 1.0, 5.0, 8.0, 0.0, 0.0])?;
//! let mask = vec![true, false, false, true, true, false];
//! let maps = MapsInMemory(vec![map.with_mask(6, 1, mask)?]);
//! let aupro = Aupro { max_fpr: 0.3 }.measure_on(&MapSet::new(maps))?;
//! assert!((aupro - 0.75).abs() < 1e-12);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use std::ops::ControlFlow;

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::set::MapSet;
use super::sweep::{Corners, Step, Sweep, Weigh};
use crate::{Better, Curve, Metric, MetricCard, Need, Subject};

/// How far the curve is integrated.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Aupro {
    /// Largest false-alarm rate of pixels that counts; the field uses 0.3, stricter tables 0.05 or 0.01.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_fpr: f64,
}

impl Default for Aupro {
    fn default() -> Self {
        Self { max_fpr: 0.3 }
    }
}

impl Params for Aupro {
    fn check(&self) -> Result<()> {
        if self.max_fpr > 0.0 {
            return Ok(());
        }
        Err(Error::BadParameter {
            name: "max_fpr".into(),
            got: self.max_fpr.to_string(),
            want: "above 0, at most 1".into(),
        })
    }
}

impl Metric for Aupro {
    const CARD: MetricCard = MetricCard {
        id: "aupro",
        title: "AUPRO",
        summary: "share of each defect's pixels found, averaged over defects and false-alarm rates up to a limit",
        paper: "Bergmann et al. 2021, IJCV 129. doi:10.1007/s11263-020-01400-4",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "half of the limit of the false-alarm rate, so 0.15",
        weakness: "most of its area lies at false-alarm rates that no inspection bears, so it saturates near 1",
        monotone: true,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        Ok(self.walk(set)?.area())
    }

    fn random_level(&self, set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        let n = set.survey()?.n_normal as f64;
        let end = self.max_fpr * n;
        let whole = end.floor();
        let area = whole * (whole + 1.0) / 2.0 + (end - whole) * (whole + 1.0);
        Ok(Some(area / ((n + 1.0) * end)))
    }

    fn curve(&self, set: &MapSet) -> Result<Option<Curve>> {
        let points = self.walk(set)?.corners.thin();
        Ok(Some(Curve {
            title: "PRO",
            axes: ["false-alarm rate of pixels", "share of a defect's pixels found, mean over defects"],
            points,
        }))
    }
}

impl Aupro {
    fn walk(&self, set: &MapSet) -> Result<Overlap> {
        let survey = set.survey()?;
        let end = self.max_fpr * survey.n_normal as f64;
        let mut overlap = Overlap {
            n_normal: survey.n_normal as f64,
            n_defects: survey.defect_sizes.len() as f64,
            end,
            ..Overlap::default()
        };
        overlap.corners.push([0.0, 0.0]);
        let lowest = set.lowest_bucket(end.ceil() as u64, false)?;
        let sweep = Sweep { lowest, weigh: Weigh::Alike, class: &|_, size| size };
        sweep.walk(set, |step| overlap.add(step))?;
        // Below the lowest score met come normal pixels alone, or nothing before the limit.
        overlap.go(end, overlap.found);
        Ok(overlap)
    }
}

/// The curve up to where the walk is; false alarms are counted in pixels.
#[derive(Default)]
struct Overlap {
    n_normal: f64,
    n_defects: f64,
    /// Where the curve is cut.
    end: f64,
    n_alarms: f64,
    /// Share of a defect's pixels found, summed over defects.
    found: f64,
    sum: f64,
    corners: Corners,
}

impl Overlap {
    fn area(&self) -> f64 {
        (self.sum / (self.end * self.n_defects)).min(1.0)
    }

    /// Straight on to this point, or to where the line meets the limit.
    fn go(&mut self, n_alarms: f64, found: f64) {
        let wide = n_alarms - self.n_alarms;
        let part = if n_alarms > self.end { (self.end - self.n_alarms) / wide } else { 1.0 };
        let reached = self.found + part * (found - self.found);
        self.sum += part * wide * (self.found + reached) / 2.0;
        self.n_alarms = n_alarms.min(self.end);
        self.found = reached;
        self.corners.push([self.n_alarms / self.n_normal, (reached / self.n_defects).min(1.0)]);
    }

    fn add(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        self.go(self.n_alarms + step.above as f64, self.found);
        if self.n_alarms >= self.end {
            return ControlFlow::Break(());
        }
        let more: f64 = step.odd.iter().map(|share| share.n as f64 / f64::from(share.class)).sum();
        self.go(self.n_alarms + step.tied as f64, self.found + more);
        if self.n_alarms >= self.end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::pixels::MapsInMemory;
    use crate::pixels::testing::{dots, golden_maps, map, random_maps};
    use proptest::prelude::*;

    fn aupro(maps: MapsInMemory, max_fpr: f64) -> f64 {
        Aupro { max_fpr }.measure_on(&MapSet::new(maps)).unwrap()
    }

    #[test]
    fn closed_form() {
        // All tied: the diagonal up to the limit.
        let tied = dots(&[(1.0, true), (1.0, false), (1.0, false)]);
        assert!((Aupro::default().measure_on(&tied).unwrap() - 0.15).abs() < 1e-12);
        // Two touching at a corner are one defect of two pixels, of which one is found; the single one is found.
        let scores = [9.0, 1.0, 0.0, 1.0, -1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 10.0];
        let mask: Vec<bool> = (0..12).map(|at| [0, 4, 11].contains(&at)).collect();
        // Normal pixel 5 scores as high as pixel 0: one of nine false alarms, tied with half a defect.
        let want = ((1.0 + 1.5) / 2.0 + 1.5 * (0.5 * 9.0 - 1.0)) / (2.0 * 0.5 * 9.0);
        assert!((aupro(MapsInMemory(vec![map(3, &scores, &mask)]), 0.5) - want).abs() < 1e-12);
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        let error = Aupro { max_fpr: 0.0 }.measure_on(&dots(&[(1.0, true), (1.0, false)])).unwrap_err();
        assert!(error.to_string().contains("max_fpr"), "{error}");
    }

    /// Every threshold in turn, every defect in turn.
    fn naive(maps: &MapsInMemory, limit: f64) -> f64 {
        let mut thresholds: Vec<f32> = maps.0.iter().flat_map(|map| map.scores().to_vec()).collect();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let mut points = vec![(0.0, 0.0)];
        for &threshold in &thresholds {
            let (mut alarms, mut normal, mut shares) = (0.0, 0.0, Vec::new());
            for map in &maps.0 {
                map.for_each_normal(|score| {
                    normal += 1.0;
                    alarms += f64::from(u8::from(score >= threshold));
                });
                let Some(mask) = map.mask() else { continue };
                let defects = crate::pixels::components::Components::of(mask, map.width(), |&odd| odd);
                let mut found = vec![0.0; defects.sizes.len()];
                for run in defects.runs {
                    let scores = &map.scores()[run.pixels(map.width())];
                    let hits = scores.iter().filter(|&&score| score >= threshold).count();
                    found[run.component as usize] += hits as f64;
                }
                shares.extend(found.iter().zip(&defects.sizes).map(|(n, &size)| n / f64::from(size)));
            }
            points.push((alarms / normal, shares.iter().sum::<f64>() / shares.len() as f64));
        }
        let mut area = 0.0;
        for pair in points.windows(2) {
            let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
            if x < limit && next_x > x {
                let end = next_x.min(limit);
                let reached = y + (next_y - y) * (end - x) / (next_x - x);
                area += (end - x) * (y + reached) / 2.0;
            }
        }
        area / limit
    }

    proptest! {
        #[test]
        fn equals_trying_every_threshold(maps in random_maps(), limit in 0.02_f64..1.0) {
            let odd: usize = maps.0.iter().filter_map(|map| map.mask()).flatten().filter(|&&odd| odd).count();
            let all: usize = maps.0.iter().map(crate::pixels::ScoredMap::len).sum();
            prop_assume!(odd > 0 && odd < all);
            let want = naive(&maps, limit);
            prop_assert!((aupro(maps, limit) - want).abs() < 1e-11);
        }
    }

    /// golden/pixels.py, MVTec AD 3D evaluation code of 2022 on the maps of `golden_maps`. It holds false-alarm rates
    /// as 32-bit floats, so seven digits agree.
    #[test]
    fn matches_the_authors() {
        for (limit, want) in [(0.3, GOLDEN[0]), (0.05, GOLDEN[1]), (1.0, GOLDEN[2])] {
            let got = aupro(golden_maps(6, 32, 24), limit);
            assert!((got - want).abs() < 1e-7, "{limit}: {got} instead of {want}");
        }
    }

    const GOLDEN: [f64; 3] = [0.45463912047655597, 0.2866465384595834, 0.7630469604758057];
}
