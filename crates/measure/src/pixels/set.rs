//! What the metrics of maps are computed from, and one look at all of it that they share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use anomalyst_core::{Error, Result};
use rayon::prelude::*;

use super::maps::{Maps, ScoredMap};
use super::redraw::Drawn;
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
    pub(super) source: Arc<Source>,
    budget_bytes: usize,
    /// Which maps count how often, where they were drawn again.
    pub(super) drawn: Option<Drawn>,
    pub(super) memo: Memo,
}

/// The maps themselves, shared by all sets that are drawn from them.
pub(super) struct Source {
    maps: Box<dyn Maps + Send>,
    kept: Vec<OnceLock<ScoredMap>>,
    kept_bytes: AtomicUsize,
    /// What does not depend on how often a map counts.
    pub(super) memo: Memo,
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
        let source =
            Source { maps: Box::new(maps), kept, kept_bytes: AtomicUsize::new(0), memo: Memo::default() };
        Self {
            source: Arc::new(source),
            budget_bytes: DEFAULT_BUDGET_BYTES,
            drawn: None,
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
        self.source.kept.len()
    }

    /// What the map at `i` is called.
    pub fn name(&self, i: usize) -> String {
        self.source.maps.name(i)
    }

    /// The same maps, each counted as often as it was drawn.
    pub(super) fn drawn(&self, drawn: Drawn) -> Self {
        Self {
            source: Arc::clone(&self.source),
            budget_bytes: self.budget_bytes,
            drawn: Some(drawn),
            memo: Memo::default(),
        }
    }

    /// How often the map at `i` counts: once, unless maps were drawn again.
    pub(super) fn times(&self, i: usize) -> u32 {
        self.drawn.as_ref().map_or(1, |drawn| drawn.times[i])
    }

    /// The lowest bucket that a walk must go down to to meet `n_normal` normal pixels, see [`super::survey::Looked`];
    /// walks over drawn maps stop by themselves.
    pub(super) fn lowest_bucket(&self, n_normal: u64, normal_maps_only: bool) -> Result<usize> {
        if self.drawn.is_some() {
            return Ok(0);
        }
        Ok(self.looked()?.lowest_bucket(n_normal, normal_maps_only))
    }

    /// Memory for computing.
    pub(super) const fn work_bytes(&self) -> usize {
        self.budget_bytes / 2
    }

    fn get(&self, i: usize) -> Result<ScoredMap> {
        let source = &self.source;
        if let Some(map) = source.kept[i].get() {
            return Ok(map.clone());
        }
        let map = source.maps.get(i)?;
        let n_bytes = map.n_bytes();
        if source.kept_bytes.fetch_add(n_bytes, Ordering::Relaxed) + n_bytes <= self.budget_bytes / 2 {
            return Ok(source.kept[i].get_or_init(|| map).clone());
        }
        source.kept_bytes.fetch_sub(n_bytes, Ordering::Relaxed);
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
}
