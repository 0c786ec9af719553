//! Area under the per-image overlap curve at false-alarm rates near zero.
//!
//! # Idea
//! Each anomalous image gets its own value: which share of its anomalous pixels is found while hardly a pixel of the
//! normal images is flagged, averaged over false-alarm rates from 1 in 100,000 to 1 in 10,000 on a logarithmic scale.
//!
//! # Equations
//! F(t) = mean over normal images of the share of pixels with s >= t. T_i(t) = share of the anomalous pixels of image i
//! with s >= t. AUPIMO_i = (1 / ln(U / L)) integral of T_i over ln F from L = `min_fpr` to U = `max_fpr`; the value is
//! the mean over anomalous images, [`Metric::parts`] gives one value for each image, `NaN` for normal ones.
//!
//! The curve goes through the points (F, T_i) of all distinct scores, joined by straight lines over ln F. So while only
//! normal pixels are met T_i stays, while only anomalous ones are met nothing is added, and where both share a score the
//! line between the two points counts. Below the first F > 0 the curve has the T_i of no false alarm at all.
//!
//! # Range
//! 0 to 1; 1 when every anomalous pixel scores above all pixels of normal images.
//!
//! # Random level
//! Nearly nothing, about (U - L) / ln(U / L). Exactly, with n normal pixels in images of one size: between the normal
//! pixels of rank k and k + 1 a random order has found the share (k + 1) / (n + 1), which is integrated as above.
//!
//! # Known weakness
//! It rests on the U n highest normal pixels, so one bright speck of dust in a normal image can decide it; with few or
//! small normal images (fewer than 1 / L pixels together) it is the share found before the first false alarm.
//!
//! # Differences
//! anomalib 2 evaluates the same curve at `num_thresholds` equidistant thresholds and integrates between those whose F is
//! nearest to L and U; this is the limit of many thresholds, cut at L and U themselves. They are equal where F takes the
//! values L and U and each distinct score has a threshold. anomalib refuses curves of fewer than 30 thresholds between
//! L and U, an exact curve needs no such limit. Where normal images differ in size, pixels weigh what they should up to
//! nine digits.
//!
//! # References
//! Bertoldo, Ameln, Vaidya, Akcay 2024, AUPIMO, British Machine Vision Conference. arXiv:2401.01984
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, pixels::{Aupimo, MapSet, MapsInMemory, ScoredMap}};
//!
//! let normal = ScoredMap::new("good.png", 2, 1, vec![1.0, 2.0])?;
//! let odd = ScoredMap::new("bad.png", 2, 1, vec![3.0, 0.0])?.with_mask(2, 1, vec![true, true])?;
//! let maps = MapSet::new(MapsInMemory(vec![normal, odd]));
//! assert_eq!(Aupimo::default().measure_on(&maps)?, 0.5);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use std::ops::ControlFlow;

use anomalyst_core::{Error, Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::set::MapSet;
use super::survey::Survey;
use super::sweep::{Step, Sweep, Weigh};
use crate::{Better, Metric, MetricCard, Need, Subject};

/// Between which false-alarm rates the curve is integrated.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Aupimo {
    /// Smallest false-alarm rate that counts, mean over normal images.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_fpr: f64,
    /// Largest false-alarm rate that counts.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_fpr: f64,
}

impl Default for Aupimo {
    fn default() -> Self {
        Self { min_fpr: 1e-5, max_fpr: 1e-4 }
    }
}

impl Params for Aupimo {
    fn check(&self) -> Result<()> {
        if self.min_fpr > 0.0 && self.min_fpr < self.max_fpr {
            return Ok(());
        }
        Err(Error::BadParameter {
            name: "min_fpr".into(),
            got: self.min_fpr.to_string(),
            want: format!("above 0 and below max_fpr, which is {}", self.max_fpr),
        })
    }
}

impl Metric for Aupimo {
    const CARD: MetricCard = MetricCard {
        id: "aupimo",
        title: "AUPIMO",
        summary: "share of an image's anomalous pixels found while hardly a pixel of normal images is flagged, mean",
        paper: "Bertoldo et al. 2024, BMVC. arXiv:2401.01984",
        subject: Subject::Maps,
        needs: &[Need::BothClasses, Need::Scores],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "about 0.00004",
        weakness: "rests on the few highest pixels of normal images, so one speck of dust can decide it",
        monotone: true,
    };
    type Input = MapSet;

    fn measure(&self, set: &MapSet) -> Result<f64> {
        let survey = set.survey()?;
        let (mut sum, mut n) = (0.0, 0.0);
        for (&(i, _), value) in survey.odd_maps.iter().zip(self.per_odd_map(set)?) {
            let times = f64::from(set.times(i));
            sum += times * value;
            n += times;
        }
        Ok(sum / n)
    }

    fn random_level(&self, set: &MapSet, _run: &Run) -> Result<Option<f64>> {
        let survey = set.survey()?;
        let n = survey.normal_lens.iter().sum::<u64>();
        if n == 0 {
            return Err(no_normal_map());
        }
        let span = self.span(n as f64);
        let first = (self.min_fpr * n as f64).floor() as u64;
        let last = ((self.max_fpr * n as f64).ceil() as u64).min(n);
        let area: f64 = (first..last)
            .map(|k| (k + 1) as f64 / (n + 1) as f64 * span.overlap(k as f64, (k + 1) as f64))
            .sum();
        Ok(Some(area / span.width()))
    }

    const INDEPENDENT_PARTS: bool = true;

    fn parts(&self, set: &MapSet) -> Result<Option<Vec<f64>>> {
        let mut parts = vec![f64::NAN; set.n_maps()];
        let values = self.per_odd_map(set)?;
        for (&(i, _), value) in set.survey()?.odd_maps.iter().zip(values) {
            parts[i] = value;
        }
        Ok(Some(parts))
    }
}

impl Aupimo {
    /// The limits as weights of normal pixels, where all of them weigh `total`.
    fn span(&self, total: f64) -> Span {
        Span { low: self.min_fpr * total, high: self.max_fpr * total }
    }

    /// The value of each anomalous map, in order.
    fn per_odd_map(&self, set: &MapSet) -> Result<Vec<f64>> {
        let survey = set.survey()?;
        let weights = Weights::new(&survey).ok_or_else(no_normal_map)?;
        let span = self.span(weights.total);
        let mut slots = vec![0; set.n_maps()];
        for (slot, &(i, _)) in survey.odd_maps.iter().enumerate() {
            slots[i] = slot as u32;
        }
        let mut curves = Curves {
            span,
            seen: 0,
            of: survey
                .odd_maps
                .iter()
                .map(|&(_, n_odd)| ImageCurve { n_odd, ..ImageCurve::default() })
                .collect(),
        };
        let lowest = set.lowest_bucket(weights.pixels_for(span.high), true)?;
        let weigh = Weigh::NormalMaps(&|len| weights.of(len));
        let sweep = Sweep { lowest, weigh, class: &|i, _| slots[i] };
        sweep.walk(set, |step| curves.add(step))?;
        Ok(curves.finish())
    }
}

fn no_normal_map() -> Error {
    Error::Data("aupimo counts false alarms in normal images, and every map has an anomalous pixel".into())
}

/// What a normal pixel weighs, as a whole number: every normal image weighs the same, however many pixels it has.
struct Weights {
    longest: u64,
    /// Weight of a pixel of the largest map.
    unit: u64,
    /// Of all pixels.
    total: f64,
}

impl Weights {
    fn new(survey: &Survey) -> Option<Self> {
        let (shortest, longest) = (*survey.normal_lens.first()?, *survey.normal_lens.last()?);
        let n_maps = survey.normal_lens.len() as u64;
        // Of one size, pixels are merely counted; otherwise the unit is as fine as sums of 64 bits allow.
        let bits = (n_maps * longest).max(1).ilog2() + 2;
        let unit = if shortest == longest { 1 } else { 1 << 63_u32.saturating_sub(bits).min(40) };
        let mut weights = Self { longest, unit, total: 0.0 };
        weights.total = survey.normal_lens.iter().map(|&len| (len * weights.of(len)) as f64).sum();
        Some(weights)
    }

    /// Weight of each pixel of a map of this many.
    fn of(&self, len: u64) -> u64 {
        let exact = u128::from(self.unit) * u128::from(self.longest);
        ((exact + u128::from(len) / 2) / u128::from(len)) as u64
    }

    /// So many pixels weigh at least this together, whichever they are.
    fn pixels_for(&self, weight: f64) -> u64 {
        (weight / self.unit as f64).ceil() as u64
    }
}

/// Limits of integration over the logarithm of the false-alarm rate.
#[derive(Clone, Copy, Default)]
struct Span {
    low: f64,
    high: f64,
}

impl Span {
    fn width(self) -> f64 {
        (self.high / self.low).ln()
    }

    /// How much of the way from `from` to `to` lies within the limits.
    fn overlap(self, from: f64, to: f64) -> f64 {
        let (from, to) = (from.max(self.low), to.min(self.high));
        if from < to { (to / from).ln() } else { 0.0 }
    }

    /// The area below the straight line from (`from`, `left`) to (`to`, `right`) within the limits.
    fn slope(self, from: f64, to: f64, left: f64, right: f64) -> f64 {
        let wide = self.overlap(from, to);
        if wide == 0.0 || from == 0.0 {
            return wide * left;
        }
        let whole = (to / from).ln();
        let middle = ((from.max(self.low) / from).ln() + wide / 2.0) / whole;
        wide * (left + middle * (right - left))
    }
}

/// The curve of one image up to where it last changed.
#[derive(Clone, Default)]
struct ImageCurve {
    n_odd: u64,
    n_found: u64,
    /// Weight of false alarms at the last change.
    since: f64,
    area: f64,
}

struct Curves {
    span: Span,
    seen: u64,
    of: Vec<ImageCurve>,
}

impl Curves {
    fn add(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        let before = (self.seen + step.above) as f64;
        self.seen += step.above + step.tied;
        let after = self.seen as f64;
        if before >= self.span.high {
            return ControlFlow::Break(());
        }
        for share in step.odd {
            let curve = &mut self.of[share.class as usize];
            let left = curve.n_found as f64 / curve.n_odd as f64;
            curve.n_found += share.n;
            let right = curve.n_found as f64 / curve.n_odd as f64;
            curve.area += left * self.span.overlap(curve.since, before);
            curve.area += self.span.slope(before, after, left, right);
            curve.since = after;
        }
        ControlFlow::Continue(())
    }

    fn finish(self) -> Vec<f64> {
        let Self { span, of, .. } = self;
        let value = |curve: ImageCurve| {
            let level = curve.n_found as f64 / curve.n_odd as f64;
            let area = curve.area + level * span.overlap(curve.since, span.high);
            (area / span.width()).clamp(0.0, 1.0)
        };
        of.into_iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::pixels::testing::{golden_maps, map, random_maps};
    use crate::pixels::{MapsInMemory, ScoredMap};
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        // Of four normal pixels the highest lies between the two anomalous ones: until the first false alarm, at a
        // rate of 1/4, half of them are found, then all.
        let normal = map(2, &[5.0, 1.0, 1.0, 1.0], &[]);
        let odd = map(2, &[9.0, 2.0, 0.0, 0.0], &[true, true, false, false]);
        let set = MapSet::new(MapsInMemory(vec![odd, normal]));
        let metric = Aupimo { min_fpr: 0.125, max_fpr: 0.5 };
        let parts = metric.parts(&set).unwrap().unwrap();
        assert!((parts[0] - 0.75).abs() < 1e-12 && parts[1].is_nan(), "{parts:?}");
        assert!((metric.measure_on(&set).unwrap() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn without_a_normal_map_there_is_no_false_alarm_to_count() {
        let set = MapSet::new(MapsInMemory(vec![map(2, &[9.0, 2.0], &[true, false])]));
        let error = Aupimo::default().measure_on(&set).unwrap_err().to_string();
        assert!(error.contains("normal images"), "{error}");
        assert!(Aupimo { min_fpr: 0.1, max_fpr: 0.1 }.measure_on(&set).is_err());
    }

    /// Every threshold in turn; points joined over the logarithm of the rate.
    fn naive(maps: &MapsInMemory, odd: &ScoredMap, low: f64, high: f64) -> f64 {
        let mut thresholds: Vec<f32> = maps.0.iter().flat_map(|map| map.scores().to_vec()).collect();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let share = |scores: &[f32], threshold: f32| {
            scores.iter().filter(|&&score| score >= threshold).count() as f64 / scores.len() as f64
        };
        let odd_scores: Vec<f32> = odd
            .scores()
            .iter()
            .zip(odd.mask().unwrap())
            .filter(|(_, odd)| **odd)
            .map(|(&score, _)| score)
            .collect();
        let (mut at, mut found, mut area) = (0.0, 0.0, 0.0);
        for threshold in thresholds {
            let rates: Vec<f64> = maps
                .0
                .iter()
                .filter(|map| map.mask().is_none())
                .map(|map| share(map.scores(), threshold))
                .collect();
            let next = rates.iter().sum::<f64>() / rates.len() as f64;
            let next_found = share(&odd_scores, threshold);
            let (from, to) = (f64::max(at, low), f64::min(next, high));
            if from < to {
                let on = |rate: f64| {
                    if at == 0.0 {
                        found
                    } else {
                        found + (next_found - found) * (rate / at).ln() / (next / at).ln()
                    }
                };
                area += (to / from).ln() * (on(from) + on(to)) / 2.0;
            }
            (at, found) = (next, next_found);
        }
        area / (high / low).ln()
    }

    proptest! {
        #[test]
        fn equals_trying_every_threshold(maps in random_maps(), low in 0.01_f64..0.4, wide in 1.1_f64..2.4) {
            prop_assume!(maps.0.iter().any(|map| map.mask().is_none()));
            prop_assume!(maps.0.iter().any(|map| map.mask().is_some()));
            let metric = Aupimo { min_fpr: low, max_fpr: low * wide };
            let parts = metric.parts(&MapSet::new(maps.clone())).unwrap().unwrap();
            for (map, part) in maps.0.iter().zip(parts) {
                prop_assert_eq!(part.is_nan(), map.mask().is_none());
                if map.mask().is_some() {
                    let want = naive(&maps, map, low, low * wide);
                    // Maps of different sizes: weights have nine digits.
                    prop_assert!((part - want).abs() < 1e-8, "{} {}", part, want);
                }
            }
        }
    }

    /// golden/pixels.py, anomalib 2.1 `aupimo_scores` with a threshold for each distinct score; its thresholds are
    /// 32-bit floats, the rates are not, so all digits agree.
    #[test]
    fn matches_anomalib() {
        let n_pixels = 3.0 * 32.0 * 24.0;
        let metric = Aupimo { min_fpr: 25.0 / n_pixels, max_fpr: 403.0 / n_pixels };
        let parts = metric.parts(&MapSet::new(golden_maps(6, 32, 24))).unwrap().unwrap();
        for (i, want) in [(1, 0.33372736078914683), (3, 0.22263481616909528), (5, 0.4106852998689597)] {
            assert!((parts[i] - want).abs() < 1e-12, "{i}: {} instead of {want}", parts[i]);
        }
    }
}
