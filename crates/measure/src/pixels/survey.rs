//! What one pass over all maps tells, of each map alone and of all together.

use std::sync::Arc;

use anomalyst_core::Result;

use super::components::Components;
use super::maps::ScoredMap;
use super::set::{MapSet, N_BUCKETS, bucket, key};

/// One map, without its scores.
#[derive(Debug)]
pub(super) struct MapFacts {
    /// Pixels.
    pub(super) len: u64,
    /// Pixels of each of its defects; none where the map is normal.
    pub(super) defect_sizes: Vec<u32>,
}

impl MapFacts {
    /// Anomalous pixels.
    pub(super) fn n_odd(&self) -> u64 {
        self.defect_sizes.iter().map(|&size| u64::from(size)).sum()
    }

    /// Whether no pixel is anomalous.
    pub(super) const fn is_normal(&self) -> bool {
        self.defect_sizes.is_empty()
    }
}

/// What one pass over all maps tells.
#[derive(Debug)]
pub(super) struct Looked {
    /// Each map, in order.
    pub(super) maps: Vec<MapFacts>,
    /// Anomalous pixels by bucket of their score.
    pub(super) odd_buckets: Vec<u64>,
    /// Normal pixels of maps with an anomalous pixel by bucket of their score.
    normal_buckets: Vec<u64>,
    /// Pixels of maps without an anomalous pixel by bucket of their score.
    normal_map_buckets: Vec<u64>,
}

/// All maps together, each as often as it counts.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Anomalous pixels.
    pub(super) n_odd: u64,
    /// Normal pixels, of all maps.
    pub(super) n_normal: u64,
    /// Maps with an anomalous pixel that count, and how many of them each has, counted as often as the map.
    pub(super) odd_maps: Vec<(usize, u64)>,
    /// Pixels of each map without an anomalous pixel, fewest first.
    pub(super) normal_lens: Vec<u64>,
    /// Sizes of all defects, smallest first.
    pub(super) defect_sizes: Vec<u32>,
}

/// What a thread saw.
struct Part {
    maps: Vec<(usize, MapFacts)>,
    buckets: [Vec<u64>; 3],
}

impl Looked {
    pub(super) fn at(set: &MapSet) -> Result<Self> {
        let empty = || Part { maps: Vec::new(), buckets: std::array::from_fn(|_| vec![0; N_BUCKETS]) };
        let mut parts = set.fold(&set.all(), empty, Part::add)?.into_iter();
        let mut whole = parts.next().unwrap_or_else(empty);
        for part in parts {
            whole.maps.extend(part.maps);
            for (mine, theirs) in whole.buckets.iter_mut().zip(part.buckets) {
                mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
            }
        }
        whole.maps.sort_unstable_by_key(|(i, _)| *i);
        let [odd_buckets, normal_buckets, normal_map_buckets] = whole.buckets;
        let maps = whole.maps.into_iter().map(|(_, facts)| facts).collect();
        Ok(Self { maps, odd_buckets, normal_buckets, normal_map_buckets })
    }

    /// The lowest bucket that is needed to meet `n_normal` normal pixels from the highest score down, of all maps or
    /// of maps without an anomalous pixel alone.
    pub(super) fn lowest_bucket(&self, n_normal: u64, normal_maps_only: bool) -> usize {
        let mut seen = 0;
        for at in (0..N_BUCKETS).rev() {
            seen += self.normal_map_buckets[at];
            if !normal_maps_only {
                seen += self.normal_buckets[at];
            }
            if seen >= n_normal {
                return at;
            }
        }
        0
    }
}

impl Part {
    fn add(&mut self, i: usize, map: &ScoredMap) {
        let len = map.len() as u64;
        let [odd, normal, of_normal_maps] = &mut self.buckets;
        let Some(mask) = map.mask() else {
            map.for_each_normal(|score| of_normal_maps[bucket(key(score))] += 1);
            self.maps.push((i, MapFacts { len, defect_sizes: Vec::new() }));
            return;
        };
        map.for_each_normal(|score| normal[bucket(key(score))] += 1);
        let defects = Components::of(mask, map.width(), |&odd| odd);
        for run in &defects.runs {
            for &score in &map.scores()[run.pixels(map.width())] {
                odd[bucket(key(score))] += 1;
            }
        }
        self.maps.push((i, MapFacts { len, defect_sizes: defects.sizes }));
    }
}

impl Survey {
    /// All of `maps`, that at `i` counted `times(i)` times.
    pub(super) fn of(maps: &[MapFacts], times: impl Fn(usize) -> u32) -> Self {
        let mut survey = Self::default();
        for (i, map) in maps.iter().enumerate() {
            let n_times = times(i) as usize;
            if n_times == 0 {
                continue;
            }
            let n_odd = n_times as u64 * map.n_odd();
            survey.n_odd += n_odd;
            survey.n_normal += n_times as u64 * map.len - n_odd;
            if map.is_normal() {
                survey.normal_lens.extend(std::iter::repeat_n(map.len, n_times));
            } else {
                survey.odd_maps.push((i, n_odd));
                for _ in 0..n_times {
                    survey.defect_sizes.extend_from_slice(&map.defect_sizes);
                }
            }
        }
        survey.normal_lens.sort_unstable();
        survey.defect_sizes.sort_unstable();
        survey
    }
}

impl MapSet {
    /// What each map is without its scores, and how scores are spread; made once, whatever is drawn from it.
    pub(super) fn looked(&self) -> Result<Arc<Looked>> {
        self.source.memo.shared("", || Looked::at(self))
    }

    /// All maps together; made once.
    pub(super) fn survey(&self) -> Result<Arc<Survey>> {
        self.memo.shared("", || Ok(Survey::of(&self.looked()?.maps, |i| self.times(i))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::MapsInMemory;

    #[test]
    fn pixels_and_defects_are_counted() {
        let map = ScoredMap::new("a", 3, 2, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let odd = map.clone().with_mask(3, 2, vec![true, false, true, false, false, true]).unwrap();
        let set = MapSet::new(MapsInMemory(vec![map, odd]));
        let survey = set.survey().unwrap();
        assert_eq!((survey.n_odd, survey.n_normal), (3, 9));
        assert_eq!((survey.odd_maps.as_slice(), survey.normal_lens.as_slice()), (&[(1, 3)][..], &[6][..]));
        assert_eq!(survey.defect_sizes, [1, 2]);
        let looked = set.looked().unwrap();
        assert_eq!(looked.lowest_bucket(2, false), bucket(key(4.0)));
        assert_eq!(looked.lowest_bucket(2, true), bucket(key(4.0)));
        let thrice = Survey::of(&looked.maps, |i| [0, 3][i]);
        assert_eq!((thrice.n_odd, thrice.n_normal, thrice.odd_maps[0]), (9, 9, (1, 9)));
        assert_eq!((thrice.defect_sizes.as_slice(), thrice.normal_lens.len()), (&[1, 1, 1, 2, 2, 2][..], 0));
    }
}
