//! Maps drawn again with replacement: the spread of a metric over other sets of images of the kind.
//!
//! # Idea
//! Images are what was sampled: the pixels of one are alike, and an interval from pixels drawn one by one would be far
//! too narrow. So whole images are drawn, as many with a defect and as many without as there are, and every metric is
//! computed as if each image were there as often as it was drawn. Where there is a single image of a kind nothing is known
//! of how others of its kind would differ, and there is no interval.
//!
//! # Exactness
//! A metric of a drawn set is to the bit that of a set with copies of the maps (those of `aupimo` and `aupro` up to the
//! order of a sum). Beyond the memory for computing, half of the set's budget, metrics of rank take neighbouring thresholds
//! together in drawn sets, though not in the value itself: see `ranks.rs`. That begins at about 60 million pixels
//! among and above the scores of defects, with 512 MB.
//!
//! # References
//! Davison, Hinkley 1997, Bootstrap Methods and their Application, section 3.8 (hierarchical data: the outermost level is
//! drawn). doi:10.1017/CBO9780511802843

use std::sync::Arc;

use anomalyst_core::{Error, Random, Result};
use rand::RngExt;

use super::ranks::{LANES, MOST_MAPS, Ranks};
use super::set::MapSet;
use crate::Redraw;

/// Which maps were drawn.
pub(super) struct Drawn {
    /// How often each map was.
    pub(super) times: Vec<u32>,
    /// What the normal pixels of each slot of [`Ranks`] weigh then.
    pub(super) weights: Vec<u64>,
}

impl MapSet {
    /// All pixels by rank; made once, whatever is drawn from it.
    pub(super) fn ranks(&self) -> Result<Arc<Ranks>> {
        self.source.memo.shared("", || Ranks::new(self, self.work_bytes() / 2))
    }

    /// How often each map is drawn: as many with a defect, and as many without, as there are.
    fn draw(&self, random: &mut Random) -> Result<Vec<u32>> {
        let looked = self.looked()?;
        let mut times = vec![0; self.n_maps()];
        for normal in [false, true] {
            let here = |&i: &usize| looked.maps[i].is_normal() == normal;
            let of_kind: Vec<usize> = (0..self.n_maps())
                .filter(here)
                .flat_map(|i| std::iter::repeat_n(i, self.times(i) as usize))
                .collect();
            for _ in 0..of_kind.len() {
                times[of_kind[random.random_range(0..of_kind.len())]] += 1;
            }
        }
        Ok(times)
    }
}

impl Redraw for MapSet {
    /// A single map of a kind says nothing of how maps of its kind differ.
    fn prepare(&self, _block: Option<usize>) -> Result<bool> {
        let survey = self.survey()?;
        let n_odd = survey.odd_maps.iter().map(|&(i, _)| self.times(i)).sum::<u32>() as usize;
        if n_odd == 1 || survey.normal_lens.len() == 1 || self.n_maps() > MOST_MAPS {
            return Ok(false);
        }
        self.ranks().map(|_| true)
    }

    fn n_units(&self) -> usize {
        self.n_maps() + self.ranks().map_or(0, |ranks| ranks.work())
    }

    fn n_at_once(&self) -> usize {
        let bytes = self.work_bytes() / 2 / rayon::current_num_threads();
        self.ranks().map_or(1, |ranks| bytes / ranks.draw_bytes()).clamp(1, LANES)
    }

    fn redrawn(&self, block: Option<usize>, random: &mut Random) -> Result<Self> {
        let one = self.redrawn_at_once(block, std::slice::from_mut(random))?.pop();
        one.ok_or_else(|| Error::Data("there is no map to draw".into()))
    }

    /// Whole maps, whatever the block.
    fn redrawn_at_once(&self, _block: Option<usize>, randoms: &mut [Random]) -> Result<Vec<Self>> {
        let ranks = self.ranks()?;
        let mut sets = Vec::with_capacity(randoms.len());
        for few in randoms.chunks_mut(LANES) {
            let draws: Vec<Vec<u32>> =
                few.iter_mut().map(|random| self.draw(random)).collect::<Result<_>>()?;
            let weights = ranks.weights(&draws);
            let drawn = draws.into_iter().zip(weights).map(|(times, weights)| Drawn { times, weights });
            sets.extend(drawn.map(|drawn| self.drawn(drawn)));
        }
        Ok(sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Bootstrap, bootstrap_interval, bootstrap_intervals};
    use crate::pixels::testing::{map, random_maps};
    use crate::pixels::{METRICS, MapsInMemory, PixelAuroc, ScoredMap};
    use crate::{AnyMetric, MetricExt};
    use anomalyst_core::Run;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Every metric, with a threshold among the scores of [`random_maps`] and limits that few pixels reach.
    fn metrics() -> Vec<Box<dyn AnyMetric<MapSet>>> {
        let params = |id: &str| match id {
            "aupimo" => json!({"min_fpr": 0.05, "max_fpr": 0.6}),
            "instance_ap" | "iou_at_threshold" | "pixel_f1_at_threshold" => json!({"threshold": 0.25}),
            _ => Value::Null,
        };
        METRICS.iter().map(|entry| (entry.from_json)(&params(entry.card.id)).unwrap()).collect()
    }

    /// As many copies of each map as it was drawn.
    fn copies(maps: &MapsInMemory, times: &[u32]) -> MapSet {
        let copied = maps.0.iter().zip(times);
        MapSet::new(MapsInMemory(copied.flat_map(|(map, &n)| vec![map.clone(); n as usize]).collect()))
    }

    proptest! {
        /// What is drawn, beside a set that really holds the maps as often.
        #[test]
        fn equals_copying_the_maps(maps in random_maps(), more in random_maps(), seed in 0_u64..100) {
            let maps = MapsInMemory([maps.0, more.0].concat());
            let set = MapSet::new(maps.clone());
            let drawn = set.redrawn(None, &mut Run::new(seed).random(0)).unwrap();
            let times = &drawn.drawn.as_ref().unwrap().times;
            prop_assert_eq!(times.iter().sum::<u32>() as usize, maps.0.len());
            let copies = copies(&maps, times);
            for metric in metrics() {
                let id = metric.card().id;
                match (metric.measure(&drawn), metric.measure(&copies)) {
                    // They add fractions up in another order.
                    (Ok(got), Ok(want)) if id.starts_with("aup") => prop_assert!((got - want).abs() < 1e-12),
                    (Ok(got), Ok(want)) => prop_assert_eq!(got.to_bits(), want.to_bits(), "{}", id),
                    (got, want) => prop_assert!(got.is_err() && want.is_err(), "{}", id),
                }
            }
        }

        /// With hardly any memory a score counts as the highest threshold kept at or below it.
        #[test]
        fn equals_copying_rounded_maps(maps in random_maps(), budget in 0_usize..3_000, seed in 0_u64..100) {
            let set = MapSet::new(maps.clone()).with_budget_bytes(budget);
            let ranks = set.ranks().unwrap();
            let rounded = maps.0.iter().map(|of| {
                let scores: Vec<f32> = of.scores().iter().map(|&score| ranks.rank_of(score)).collect();
                map(of.width(), &scores, of.mask().unwrap_or_default())
            });
            let rounded = MapsInMemory(rounded.collect());
            let drawn = set.redrawn(None, &mut Run::new(seed).random(0)).unwrap();
            let copies = copies(&rounded, &drawn.drawn.as_ref().unwrap().times);
            for metric in metrics().iter().filter(|metric| metric.card().monotone) {
                if let (Ok(got), Ok(want)) = (metric.measure(&drawn), metric.measure(&copies)) {
                    prop_assert!((got - want).abs() < 1e-12, "{} {} {}", metric.card().id, got, want);
                }
            }
        }
    }

    /// Images of 8 x 8 that differ as a whole: what they share is as strong as what tells their pixels apart. Every
    /// second one has a defect of 12 pixels.
    fn made(n_maps: usize, run: &Run) -> MapsInMemory {
        let one = |i: usize| {
            let random = &mut run.random(i as u64);
            let of_image = random.random_range(-1.0..1.0_f32);
            let contrast = random.random_range(0.0..1.5_f32);
            let mask: Vec<bool> = (0..64).map(|at| i % 2 == 1 && (20..32).contains(&at)).collect();
            let score =
                |&odd: &bool| of_image + random.random_range(-1.0..1.0) + if odd { contrast } else { 0.0 };
            let scores: Vec<f32> = mask.iter().map(score).collect();
            map(8, &scores, &mask)
        };
        MapsInMemory((0..n_maps).map(one).collect())
    }

    #[test]
    fn seeds_decide_and_threads_and_company_do_not() {
        let plan = Bootstrap { n_replicates: 70, ..Bootstrap::default() };
        let all = |seed: u64, n_threads: usize, budget: usize| {
            let set = MapSet::new(made(14, &Run::new(1))).with_budget_bytes(budget);
            let metrics = metrics();
            let metrics: Vec<_> = metrics.iter().map(|metric| &**metric).collect();
            bootstrap_intervals(&set, &metrics, plan, &Run::new(seed).with_threads(n_threads)).unwrap()
        };
        let want = all(3, 1, 1 << 29);
        assert!(want.iter().flatten().count() == METRICS.len());
        assert_eq!(want, all(3, 4, 1 << 29));
        // Memory for all ranks, but for few draws at once.
        assert_eq!(want, all(3, 4, 1 << 17));
        assert_ne!(want, all(4, 1, 1 << 29));
        let set = MapSet::new(made(14, &Run::new(1)));
        for (metric, want) in metrics().iter().zip(want) {
            let alone = bootstrap_interval(&set, &**metric, plan, &Run::new(3)).unwrap();
            assert_eq!(alone, want, "{}", metric.card().id);
        }
    }

    /// Of 100 sets of 30 images, how many 90 % intervals hold the value on all images there could be? Pixels drawn one
    /// by one, as if each were an image, would hold it in far fewer.
    #[test]
    fn intervals_of_images_cover_and_those_of_pixels_do_not() {
        let truth = PixelAuroc {}.measure_on(&MapSet::new(made(6_000, &Run::new(77)))).unwrap();
        let auroc = METRICS.iter().find(|entry| entry.card.id == "pixel_auroc").unwrap().default().unwrap();
        let plan = Bootstrap { n_replicates: 150, level: 0.9, block: None };
        let covers = |maps: MapsInMemory, run: &Run| {
            let got = bootstrap_interval(&MapSet::new(maps), &*auroc, plan, run).unwrap().unwrap().interval;
            (got.low..=got.high).contains(&truth)
        };
        let (mut by_image, mut by_pixel) = (0, 0);
        for trial in 0..100 {
            let run = Run::new(1_000 + trial);
            let maps = made(30, &run);
            let pixels = maps.0.iter().flat_map(|of| {
                let mask = of.mask().map_or_else(|| vec![false; of.len()], <[bool]>::to_vec);
                of.scores().iter().zip(mask).map(|(&score, odd)| map(1, &[score], &[odd])).collect::<Vec<_>>()
            });
            by_pixel += i32::from(covers(MapsInMemory(pixels.collect()), &run));
            by_image += i32::from(covers(maps, &run));
        }
        assert!((80..=98).contains(&by_image), "{by_image} of 100");
        assert!(by_pixel < 60, "{by_pixel} of 100");
    }

    #[test]
    fn a_single_map_of_a_kind_has_no_interval() {
        let auroc = METRICS.iter().find(|entry| entry.card.id == "pixel_auroc").unwrap().default().unwrap();
        let plan = Bootstrap { n_replicates: 60, ..Bootstrap::default() };
        for (kinds, want) in [("ONN", false), ("OON", false), ("OONN", true), ("OO", true)] {
            let one = |kind| map(2, &[1.0, 2.0], &[kind == 'O', false]);
            let set = MapSet::new(MapsInMemory(kinds.chars().map(one).collect()));
            let got = bootstrap_interval(&set, &*auroc, plan, &Run::new(0)).unwrap();
            assert_eq!(got.is_some(), want, "{kinds}");
        }
    }

    #[test]
    fn maps_beyond_number_have_no_interval() {
        struct Many;
        impl crate::pixels::Maps for Many {
            fn n_maps(&self) -> usize {
                70_000
            }
            fn get(&self, i: usize) -> Result<ScoredMap> {
                ScoredMap::new("", 1, 1, vec![i as f32])?.with_mask(1, 1, vec![i.is_multiple_of(2)])
            }
            fn name(&self, i: usize) -> String {
                i.to_string()
            }
        }
        let auroc = METRICS.iter().find(|entry| entry.card.id == "pixel_auroc").unwrap().default().unwrap();
        let got = bootstrap_interval(&MapSet::new(Many), &*auroc, Bootstrap::default(), &Run::new(0));
        assert_eq!(got.unwrap(), None);
    }
}
