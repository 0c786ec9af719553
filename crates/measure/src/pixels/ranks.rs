//! All pixels by rank and map, kept so that maps can be weighed anew without being read or sorted again.
//!
//! The scores of anomalous pixels are the thresholds; each normal pixel falls on one of them or between two, its slot.
//! A slot holds the number of the map of each of its pixels, or how many of its pixels each map has, whichever is
//! smaller: two bytes a pixel at most. The weight of a slot, when map i counts w_i times, is then a sum over these, and
//! sixteen draws of maps are summed in one walk over them.
//!
//! That is exact. Where it would not fit into the memory for computing, every second threshold is dropped until it
//! does, and a score counts as the highest threshold at or below it: pixels between two of the thresholds kept, which
//! still stand at even shares of the anomalous pixels, are then told apart no more.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicUsize, Ordering};

use anomalyst_core::{Error, Result};
use rayon::slice::ParallelSliceMut;

use super::components::Components;
use super::maps::ScoredMap;
use super::set::{MapSet, N_BUCKETS, bucket, key};

/// Draws that are summed in one walk.
pub(super) const LANES: usize = 16;
/// Maps whose numbers a listed pixel can hold.
pub(super) const MOST_MAPS: usize = 1 << 16;
/// No list of counts.
const NONE: u32 = u32::MAX;

/// Anomalous pixels of one map, in defects of one size, at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OddPixels {
    /// Which map.
    pub(super) map: u32,
    /// Pixels of the defect they belong to.
    pub(super) size: u32,
    /// How many.
    pub(super) n: u32,
}

/// Where scores are cut into slots: slot 2i + 1 is at threshold i, slot 2i between the one before and it.
struct Thresholds {
    /// Keys, ascending.
    keys: Vec<u32>,
    /// How many keys are in lower buckets, for each bucket and the end.
    starts: Vec<u32>,
    /// Whether every score of an anomalous pixel is among them.
    is_exact: bool,
}

/// All pixels by rank and map.
pub(super) struct Ranks {
    thresholds: Thresholds,
    /// Anomalous pixels by threshold, map and size.
    odd: Vec<OddPixels>,
    /// The first of each threshold, and the end.
    odd_firsts: Vec<usize>,
    /// The map of each normal pixel, slot by slot.
    listed: Vec<u16>,
    /// The first of each slot, and the end.
    listed_firsts: Vec<usize>,
    /// Slots of so many pixels that they are counted by map instead, ascending.
    counted: Vec<(usize, Vec<u32>)>,
}

impl Thresholds {
    fn new(keys: Vec<u32>, is_exact: bool) -> Self {
        let below = |bucket| keys.partition_point(|&key| u64::from(key) < (bucket as u64) << 16) as u32;
        let starts = (0..=N_BUCKETS).map(below).collect();
        Self { keys, starts, is_exact }
    }

    fn n_slots(&self) -> usize {
        2 * self.keys.len() + 1
    }

    fn slot(&self, key: u32) -> usize {
        let at = bucket(key);
        let (start, end) = (self.starts[at] as usize, self.starts[at + 1] as usize);
        let n_below = start + self.keys[start..end].partition_point(|&threshold| threshold < key);
        if self.keys.get(n_below) == Some(&key) {
            2 * n_below + 1
        } else if self.is_exact || n_below == 0 {
            2 * n_below
        } else {
            2 * n_below - 1
        }
    }
}

impl Ranks {
    /// Ranks the pixels of all maps of `set`, however often they count, within about `budget_bytes`.
    pub(super) fn new(set: &MapSet, budget_bytes: usize) -> Result<Self> {
        if set.n_maps() > MOST_MAPS {
            return Err(Error::Data(format!("{} maps are more than {MOST_MAPS} to draw from", set.n_maps())));
        }
        let looked = set.looked()?;
        let odd_maps: Vec<usize> = (0..set.n_maps()).filter(|&i| !looked.maps[i].is_normal()).collect();
        let n_odd: u64 = looked.odd_buckets.iter().sum();
        // Beside a threshold's own bytes, those of its anomalous pixel while it is sorted.
        let stride = (64 * n_odd as usize).div_ceil(budget_bytes.max(1)).max(1);
        let mut keys = sampled(set, &odd_maps, stride)?;
        let mut is_exact = stride == 1;
        loop {
            let thresholds = Thresholds::new(keys, is_exact);
            let counts = counts(set, &thresholds)?;
            let odd = odd_pixels(set, &odd_maps, &thresholds)?;
            let n_bytes = 28 * thresholds.keys.len() + 16 * odd.len() + normal_bytes(&counts, set.n_maps());
            if n_bytes <= budget_bytes || thresholds.keys.len() < 2 {
                return Self::filled(set, thresholds, odd, &counts);
            }
            keys = thresholds.keys.into_iter().step_by(2).collect();
            is_exact = false;
        }
    }

    fn filled(set: &MapSet, thresholds: Thresholds, odd: Vec<[u32; 4]>, counts: &[u64]) -> Result<Self> {
        let (mut places, mut listed_firsts) = (Vec::with_capacity(counts.len()), vec![0]);
        let (mut n_listed, mut counted_slots) = (0, Vec::new());
        for (slot, &n) in counts.iter().enumerate() {
            if is_counted(n, set.n_maps()) {
                places.push(counted_slots.len() as u32);
                counted_slots.push(slot);
            } else {
                places.push(NONE);
                n_listed += n as usize;
            }
            listed_firsts.push(n_listed);
        }
        let next: Vec<AtomicUsize> = listed_firsts.iter().map(|&first| AtomicUsize::new(first)).collect();
        let listed: Vec<AtomicU16> = (0..n_listed).map(|_| AtomicU16::new(0)).collect();
        let by_map = || (0..set.n_maps()).map(|_| AtomicU32::new(0)).collect::<Vec<_>>();
        let counted: Vec<Vec<AtomicU32>> = counted_slots.iter().map(|_| by_map()).collect();
        let add = |(): &mut (), i: usize, map: &ScoredMap| {
            map.for_each_normal(|score| {
                let slot = thresholds.slot(key(score));
                // Weights are summed over a slot, so the order within it does not matter.
                if let Some(counts) = counted.get(places[slot] as usize) {
                    counts[i].fetch_add(1, Ordering::Relaxed);
                } else {
                    listed[next[slot].fetch_add(1, Ordering::Relaxed)].store(i as u16, Ordering::Relaxed);
                }
            });
        };
        set.fold(&set.all(), || (), add)?;
        let plain = |counts: Vec<AtomicU32>| counts.into_iter().map(AtomicU32::into_inner).collect();
        let odd_firsts =
            (0..=thresholds.keys.len()).map(|at| odd.partition_point(|odd| (odd[0] as usize) < at)).collect();
        Ok(Self {
            odd: odd.into_iter().map(|[_, map, size, n]| OddPixels { map, size, n }).collect(),
            odd_firsts,
            listed: listed.into_iter().map(AtomicU16::into_inner).collect(),
            listed_firsts,
            counted: counted_slots.into_iter().zip(counted.into_iter().map(plain)).collect(),
            thresholds,
        })
    }

    /// The number of the slot of a score, from which the scores of the slot's pixels could be made anew.
    #[cfg(test)]
    pub(super) fn rank_of(&self, score: f32) -> f32 {
        self.thresholds.slot(key(score)) as f32
    }

    /// How many thresholds there are.
    pub(super) const fn n_thresholds(&self) -> usize {
        self.thresholds.keys.len()
    }

    /// Memory of the weights of one draw.
    pub(super) fn draw_bytes(&self) -> usize {
        size_of::<u64>() * self.thresholds.n_slots()
    }

    /// Work of one draw, in anomalous pixels met: a normal one takes a hundredth of their time.
    pub(super) fn work(&self) -> usize {
        let n_counts = self.counted.first().map_or(0, |(_, counts)| self.counted.len() * counts.len());
        self.odd.len() + self.n_thresholds() + (self.listed.len() + n_counts) / 100
    }

    /// The anomalous pixels at a threshold.
    pub(super) fn odd_at(&self, threshold: usize) -> &[OddPixels] {
        &self.odd[self.odd_firsts[threshold]..self.odd_firsts[threshold + 1]]
    }

    /// What the normal pixels of a slot weigh, where each of map i weighs `weights[i]`.
    pub(super) fn weight(&self, slot: usize, weights: &[u64]) -> u64 {
        let listed = &self.listed[self.listed_firsts[slot]..self.listed_firsts[slot + 1]];
        let sum: u64 = listed.iter().map(|&i| weights[usize::from(i)]).sum();
        let Ok(at) = self.counted.binary_search_by_key(&slot, |(slot, _)| *slot) else { return sum };
        let counts = &self.counted[at].1;
        sum + counts.iter().zip(weights).map(|(&n, weight)| u64::from(n) * weight).sum::<u64>()
    }

    /// For each of at most [`LANES`] draws the weight of every slot, where the pixels of map i weigh `draw[i]`.
    pub(super) fn weights(&self, draws: &[Vec<u32>]) -> Vec<Vec<u64>> {
        let n_maps = draws.first().map_or(0, Vec::len);
        let row = |i: usize| std::array::from_fn(|lane| draws.get(lane).map_or(0, |draw| draw[i]));
        let rows: Vec<[u32; LANES]> = (0..n_maps).map(row).collect();
        // As many pixels as a lane of 32 bits can sum.
        let most = rows.iter().flatten().max().map_or(1, |&most| u32::MAX / most.max(1)) as usize;
        let mut weights: Vec<Vec<u64>> =
            draws.iter().map(|_| Vec::with_capacity(self.thresholds.n_slots())).collect();
        for bounds in self.listed_firsts.windows(2) {
            let mut sums = [0_u64; LANES];
            for few in self.listed[bounds[0]..bounds[1]].chunks(most) {
                let mut small = [0_u32; LANES];
                for &i in few {
                    small.iter_mut().zip(&rows[usize::from(i)]).for_each(|(sum, times)| *sum += times);
                }
                sums.iter_mut().zip(small).for_each(|(sum, small)| *sum += u64::from(small));
            }
            weights.iter_mut().zip(sums).for_each(|(weights, sum)| weights.push(sum));
        }
        for (slot, counts) in &self.counted {
            let mut sums = [0_u64; LANES];
            for (&n, row) in counts.iter().zip(&rows).filter(|(n, _)| **n > 0) {
                sums.iter_mut().zip(row).for_each(|(sum, &times)| *sum += u64::from(n) * u64::from(times));
            }
            weights.iter_mut().zip(sums).for_each(|(weights, sum)| weights[*slot] = sum);
        }
        weights
    }
}

/// Whether counts by map are smaller than a list of maps.
const fn is_counted(n: u64, n_maps: usize) -> bool {
    2 * n > 4 * n_maps as u64
}

fn normal_bytes(counts: &[u64], n_maps: usize) -> usize {
    let of_slot = |&n: &u64| if is_counted(n, n_maps) { 4 * n_maps + 32 } else { 2 * n as usize };
    counts.iter().map(of_slot).sum()
}

/// Distinct keys of anomalous pixels, ascending: of all, or the lowest and every `stride`-th of each map.
fn sampled(set: &MapSet, odd_maps: &[usize], stride: usize) -> Result<Vec<u32>> {
    let add = |list: &mut Vec<u32>, _: usize, map: &ScoredMap| {
        let pixels = map.scores().iter().zip(map.mask().unwrap_or_default());
        let keys = pixels.filter(|(_, odd)| **odd).map(|(&score, _)| key(score));
        list.extend(keys.clone().min());
        list.extend(keys.step_by(stride));
    };
    let mut keys: Vec<u32> = set.fold(odd_maps, Vec::new, add)?.into_iter().flatten().collect();
    keys.par_sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Normal pixels of each slot.
fn counts(set: &MapSet, thresholds: &Thresholds) -> Result<Vec<u64>> {
    let none = || vec![0; thresholds.n_slots()];
    let add = |counts: &mut Vec<u64>, _: usize, map: &ScoredMap| {
        map.for_each_normal(|score| counts[thresholds.slot(key(score))] += 1);
    };
    let mut parts = set.fold(&set.all(), none, add)?.into_iter();
    let mut whole = parts.next().unwrap_or_else(none);
    for part in parts {
        whole.iter_mut().zip(part).for_each(|(whole, part)| *whole += part);
    }
    Ok(whole)
}

/// Threshold, map, size of the defect and number of all anomalous pixels, sorted.
fn odd_pixels(set: &MapSet, odd_maps: &[usize], thresholds: &Thresholds) -> Result<Vec<[u32; 4]>> {
    let add = |list: &mut Vec<[u32; 4]>, i: usize, map: &ScoredMap| {
        let Some(mask) = map.mask() else { return };
        let defects = Components::of(mask, map.width(), |&odd| odd);
        let mut found = Vec::new();
        for run in &defects.runs {
            let size = defects.sizes[run.component as usize];
            let scores = map.scores()[run.pixels(map.width())].iter();
            found.extend(scores.map(|&score| [(thresholds.slot(key(score)) / 2) as u32, i as u32, size, 1]));
        }
        found.sort_unstable();
        found.dedup_by(|next, kept| {
            let is_same = next[..3] == kept[..3];
            kept[3] += if is_same { 1 } else { 0 };
            is_same
        });
        list.extend(found);
    };
    let mut all: Vec<[u32; 4]> = set.fold(odd_maps, Vec::new, add)?.into_iter().flatten().collect();
    all.par_sort_unstable();
    Ok(all)
}
