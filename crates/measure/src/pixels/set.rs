//! What the metrics of maps are computed from, and one look at all of it that they share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use anomalyst_core::{Error, Result};
use rayon::prelude::*;

use super::components::Components;
use super::maps::{Maps, ScoredMap};
use crate::memo::Memo;
use crate::{Measurable, MetricCard, Need};

/// Buckets of scores: the high 16 bits of their [`key`].
pub(super) const N_BUCKETS: usize = 1 << 16;

/// Memory that computations may use unless told otherwise.
const DEFAULT_BUDGET_BYTES: usize = 512 << 20;

/// Score maps and masks: the input of the metrics of maps.
///
/// Maps are read one per thread; those that fit half of the memory budget are kept for the next pass, the other half
/// is for computing. Where the anomalous pixels do not fit, they are ranked in several passes over the maps, with the
/// same bits as result.
pub struct MapSet {
    maps: Box<dyn Maps + Send>,
    budget_bytes: usize,
    kept: Vec<OnceLock<ScoredMap>>,
    kept_bytes: AtomicUsize,
    pub(super) memo: Memo,
}

/// What one pass over all maps tells.
#[derive(Debug)]
pub(super) struct Survey {
    /// Anomalous pixels.
    pub(super) n_odd: u64,
    /// Normal pixels, of all maps.
    pub(super) n_normal: u64,
    /// Maps with an anomalous pixel, and how many of them it has.
    pub(super) odd_maps: Vec<(usize, u64)>,
    /// Pixels of each map without an anomalous pixel.
    pub(super) normal_lens: Vec<u64>,
    /// Sizes of all defects, smallest first.
    pub(super) defect_sizes: Vec<u32>,
    /// Anomalous pixels by bucket of their score.
    pub(super) odd_buckets: Vec<u64>,
    /// Normal pixels of all maps by bucket of their score.
    pub(super) normal_buckets: Vec<u64>,
    /// Pixels of maps without an anomalous pixel by bucket of their score.
    pub(super) normal_map_buckets: Vec<u64>,
}

/// Order-preserving key of a finite score; both zeros have the same.
pub(super) fn key(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    bits ^ ((bits.cast_signed() >> 31).cast_unsigned() | 0x8000_0000)
}

/// The bucket of a key.
pub(super) const fn bucket(key: u32) -> usize {
    (key >> 16) as usize
}

impl MapSet {
    /// A set of these maps.
    pub fn new(maps: impl Maps + Send + 'static) -> Self {
        let kept = (0..maps.n_maps()).map(|_| OnceLock::new()).collect();
        Self {
            maps: Box::new(maps),
            budget_bytes: DEFAULT_BUDGET_BYTES,
            kept,
            kept_bytes: AtomicUsize::new(0),
            memo: Memo::default(),
        }
    }

    /// With about this much memory for maps kept and for computing, together; 512 MB unless told otherwise. Beside
    /// it each thread holds one map.
    pub fn with_budget_bytes(mut self, budget_bytes: usize) -> Self {
        self.budget_bytes = budget_bytes;
        self
    }

    /// How many maps there are.
    pub fn n_maps(&self) -> usize {
        self.kept.len()
    }

    /// What the map at `i` is called.
    pub fn name(&self, i: usize) -> String {
        self.maps.name(i)
    }

    /// Memory for computing.
    pub(super) const fn work_bytes(&self) -> usize {
        self.budget_bytes / 2
    }

    fn get(&self, i: usize) -> Result<ScoredMap> {
        if let Some(map) = self.kept[i].get() {
            return Ok(map.clone());
        }
        let map = self.maps.get(i)?;
        let n_bytes = map.n_bytes();
        if self.kept_bytes.fetch_add(n_bytes, Ordering::Relaxed) + n_bytes <= self.budget_bytes / 2 {
            return Ok(self.kept[i].get_or_init(|| map).clone());
        }
        self.kept_bytes.fetch_sub(n_bytes, Ordering::Relaxed);
        Ok(map)
    }

    /// Adds the maps at `which` into one accumulator per thread. Which map goes where depends on timing, so only what
    /// does not depend on order may be accumulated.
    pub(super) fn fold<A: Send>(
        &self,
        which: &[usize],
        make: impl Fn() -> A + Sync,
        add: impl Fn(&mut A, usize, &ScoredMap) + Sync,
    ) -> Result<Vec<A>> {
        let next = AtomicUsize::new(0);
        let work = |_| {
            let mut sum = make();
            while let Some(&i) = which.get(next.fetch_add(1, Ordering::Relaxed)) {
                add(&mut sum, i, &self.get(i).map_err(|error| (i, error))?);
            }
            Ok(sum)
        };
        let n_workers = rayon::current_num_threads().min(which.len()).max(1);
        let sums: Vec<std::result::Result<A, (usize, Error)>> =
            (0..n_workers).into_par_iter().map(work).collect();
        // Maps are handed out in order, so the first that fails is always among the failures.
        let failed = sums.iter().filter_map(|sum| sum.as_ref().err()).map(|(i, _)| *i).min();
        let mut ok = Vec::with_capacity(sums.len());
        for sum in sums {
            match sum {
                Ok(sum) => ok.push(sum),
                Err((i, error)) if Some(i) == failed => return Err(error),
                Err(_) => {}
            }
        }
        Ok(ok)
    }

    /// What `look` makes of each map at `which`, in that order.
    pub(super) fn each<T: Send>(
        &self,
        which: &[usize],
        look: impl Fn(usize, &ScoredMap) -> T + Sync,
    ) -> Result<Vec<T>> {
        let found = self.fold(which, Vec::new, |list, i, map| list.push((i, look(i, map))))?;
        let mut found: Vec<(usize, T)> = found.into_iter().flatten().collect();
        found.sort_unstable_by_key(|(i, _)| *i);
        Ok(found.into_iter().map(|(_, made)| made).collect())
    }

    /// Every map.
    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.n_maps()).collect()
    }

    /// What one pass over all maps tells; made once.
    pub(super) fn survey(&self) -> Result<Arc<Survey>> {
        self.memo.shared("", || {
            let parts = self.fold(&self.all(), Survey::empty, Survey::add)?;
            let mut whole = parts.into_iter().reduce(Survey::join).unwrap_or_else(Survey::empty);
            whole.odd_maps.sort_unstable();
            whole.normal_lens.sort_unstable();
            whole.defect_sizes.sort_unstable();
            Ok(whole)
        })
    }
}

impl Survey {
    fn empty() -> Self {
        let buckets = || vec![0; N_BUCKETS];
        Self {
            n_odd: 0,
            n_normal: 0,
            odd_maps: Vec::new(),
            normal_lens: Vec::new(),
            defect_sizes: Vec::new(),
            odd_buckets: buckets(),
            normal_buckets: buckets(),
            normal_map_buckets: buckets(),
        }
    }

    fn add(&mut self, i: usize, map: &ScoredMap) {
        let Some(mask) = map.mask() else {
            self.normal_lens.push(map.len() as u64);
            self.n_normal += map.len() as u64;
            map.for_each_normal(|score| self.normal_map_buckets[bucket(key(score))] += 1);
            return;
        };
        map.for_each_normal(|score| self.normal_buckets[bucket(key(score))] += 1);
        let defects = Components::of(mask, map.width(), |&odd| odd);
        for run in &defects.runs {
            for &score in &map.scores()[run.pixels(map.width())] {
                self.odd_buckets[bucket(key(score))] += 1;
            }
        }
        let n_odd = defects.sizes.iter().map(|&size| u64::from(size)).sum();
        self.n_odd += n_odd;
        self.n_normal += map.len() as u64 - n_odd;
        self.odd_maps.push((i, n_odd));
        self.defect_sizes.extend(defects.sizes);
    }

    fn join(mut self, other: Self) -> Self {
        self.n_odd += other.n_odd;
        self.n_normal += other.n_normal;
        self.odd_maps.extend(other.odd_maps);
        self.normal_lens.extend(other.normal_lens);
        self.defect_sizes.extend(other.defect_sizes);
        for (mine, theirs) in [
            (&mut self.odd_buckets, &other.odd_buckets),
            (&mut self.normal_buckets, &other.normal_buckets),
            (&mut self.normal_map_buckets, &other.normal_map_buckets),
        ] {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self
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

impl Measurable for MapSet {
    fn check(&self, card: &MetricCard) -> Result<()> {
        if self.n_maps() == 0 {
            return Err(Error::Data(format!("{}: there is no map to judge", card.id)));
        }
        let survey = self.survey()?;
        for &need in card.needs {
            match need {
                Need::Labels | Need::Scores => {}
                Need::BothClasses if survey.n_odd == 0 || survey.n_normal == 0 => {
                    let only = if survey.n_odd == 0 { "normal" } else { "anomalous" };
                    return Err(Error::Data(format!(
                        "{} compares anomalous with normal pixels, and all pixels of all {} maps are {only}",
                        card.id,
                        self.n_maps()
                    )));
                }
                Need::BothClasses => {}
                other => {
                    return Err(Error::Data(format!(
                        "{} needs {}, and maps have none",
                        card.id,
                        other.as_str()
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::MapsInMemory;

    #[test]
    fn keys_keep_order() {
        let scores = [f32::MIN, -2.0, -1.0, -1e-40, 0.0, 1e-40, 1.0, 2.0, f32::MAX];
        assert!(scores.map(key).is_sorted_by(|a, b| a < b));
        assert_eq!(key(-0.0), key(0.0));
    }

    #[test]
    fn the_first_map_that_fails_is_named() {
        struct Broken;
        impl Maps for Broken {
            fn n_maps(&self) -> usize {
                20
            }
            fn get(&self, i: usize) -> Result<ScoredMap> {
                let score = if i == 3 || i == 17 { f32::NAN } else { 0.0 };
                ScoredMap::new(self.name(i), 1, 1, vec![score])
            }
            fn name(&self, i: usize) -> String {
                format!("{i}.png")
            }
        }
        let error = MapSet::new(Broken).survey().unwrap_err().to_string();
        assert!(error.contains("map 3.png"), "{error}");
    }

    #[test]
    fn the_survey_counts_pixels_and_defects() {
        let map = ScoredMap::new("a", 3, 2, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let odd = map.clone().with_mask(3, 2, vec![true, false, true, false, false, true]).unwrap();
        let set = MapSet::new(MapsInMemory(vec![map, odd]));
        let survey = set.survey().unwrap();
        assert_eq!((survey.n_odd, survey.n_normal), (3, 9));
        assert_eq!((survey.odd_maps.as_slice(), survey.normal_lens.as_slice()), (&[(1, 3)][..], &[6][..]));
        assert_eq!(survey.defect_sizes, [1, 2]);
        assert_eq!(survey.lowest_bucket(2, false), bucket(key(4.0)));
        assert_eq!(survey.lowest_bucket(2, true), bucket(key(4.0)));
    }
}
