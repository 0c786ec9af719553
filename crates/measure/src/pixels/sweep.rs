//! One walk down all scores of all pixels, exact and in bounded memory.
//!
//! What the ranking metrics need is how many normal pixels score above, and how many as high as, each anomalous one.
//! Anomalous pixels are rare, so only they are sorted; normal pixels are counted into the gaps between them and need
//! not be held. Counts are integers, so neither threads nor the number of passes can change a bit of the result.

use std::ops::{ControlFlow, Range};

use anomalyst_core::Result;
use rayon::slice::ParallelSliceMut;

use super::components::Components;
use super::maps::ScoredMap;
use super::redraw::Drawn;
use super::set::{MapSet, N_BUCKETS, bucket, key};

/// Anomalous pixels of one class that share a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// What [`Sweep::class`] said of them.
    pub(super) class: u32,
    /// How many.
    pub(super) n: u64,
}

/// All anomalous pixels of one score.
pub(super) struct Step<'a> {
    /// Weight of the normal pixels that score less than the step before and more than this one.
    pub(super) above: u64,
    /// Weight of the normal pixels of this very score.
    pub(super) tied: u64,
    /// The anomalous pixels by class, in ascending order of classes.
    pub(super) odd: &'a [Share],
}

impl Step<'_> {
    /// How many anomalous pixels have this score.
    pub(super) fn n_odd(&self) -> u64 {
        self.odd.iter().map(|share| share.n).sum()
    }
}

/// What a normal pixel weighs, times how often its map counts.
pub(super) enum Weigh<'a> {
    /// 1, wherever it is.
    Alike,
    /// By the pixels of its map, where the map is of a normal image; nothing elsewhere.
    NormalMaps(&'a (dyn Fn(u64) -> u64 + Sync)),
}

impl Weigh<'_> {
    fn of(&self, len: u64, is_normal: bool) -> u64 {
        match self {
            Self::Alike => 1,
            Self::NormalMaps(weight) if is_normal => weight(len),
            Self::NormalMaps(_) => 0,
        }
    }
}

/// What to walk over.
pub(super) struct Sweep<'a> {
    /// Scores in buckets below this are not met.
    pub(super) lowest: usize,
    /// What a normal pixel weighs.
    pub(super) weigh: Weigh<'a>,
    /// The class of the anomalous pixels of a defect, from the map's number and the defect's size.
    pub(super) class: &'a (dyn Fn(usize, u32) -> u32 + Sync),
}

/// The anomalous pixels of a range of buckets.
struct Ranked {
    /// Distinct keys, ascending.
    keys: Vec<u32>,
    /// The first share of each key, and the end of all.
    firsts: Vec<usize>,
    shares: Vec<Share>,
}

/// Memory of an anomalous pixel: its share, its key, and its two counts in each thread.
fn bytes_per_odd() -> usize {
    40 + 16 * rayon::current_num_threads()
}

impl Sweep<'_> {
    /// Walks over all pixels, each normal pixel of weight 1; `visit` is called for each score that an anomalous pixel
    /// has, highest first, until it breaks.
    pub(super) fn over_all(
        set: &MapSet,
        class: &(dyn Fn(usize, u32) -> u32 + Sync),
        visit: impl FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        Sweep { lowest: 0, weigh: Weigh::Alike, class }.walk(set, visit)
    }

    /// Calls `visit` for each score that an anomalous pixel has, highest first, until it breaks.
    pub(super) fn walk(
        &self,
        set: &MapSet,
        mut visit: impl FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        if let Some(drawn) = &set.drawn {
            return self.walk_drawn(set, drawn, visit);
        }
        let mut above = 0;
        for range in self.groups(set)? {
            let ranked = self.rank(set, &range)?;
            let counts = self.count(set, &range, &ranked.keys)?;
            for at in (0..ranked.keys.len()).rev() {
                let odd = &ranked.shares[ranked.firsts[at]..ranked.firsts[at + 1]];
                let step = Step { above: above + counts[2 * at + 2], tied: counts[2 * at + 1], odd };
                if visit(&step).is_break() {
                    return Ok(());
                }
                above = 0;
            }
            above += counts[0];
        }
        Ok(())
    }

    /// The walk over maps that were drawn again, by ranks that were made once.
    fn walk_drawn(
        &self,
        set: &MapSet,
        drawn: &Drawn,
        mut visit: impl FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let (ranks, looked) = (set.ranks()?, set.looked()?);
        let maps = looked.maps.iter().zip(&drawn.times);
        let by_map: Vec<u64> = match self.weigh {
            Weigh::Alike => Vec::new(),
            Weigh::NormalMaps(_) => {
                maps.map(|(map, &n)| u64::from(n) * self.weigh.of(map.len, map.is_normal())).collect()
            }
        };
        let weight = |slot: usize| match self.weigh {
            Weigh::Alike => drawn.weights[slot],
            Weigh::NormalMaps(_) => ranks.weight(slot, &by_map),
        };
        let mut shares: Vec<Share> = Vec::new();
        let mut above = weight(2 * ranks.n_thresholds());
        for at in (0..ranks.n_thresholds()).rev() {
            let there = ranks.odd_at(at).iter().filter(|odd| drawn.times[odd.map as usize] > 0);
            shares.clear();
            shares.extend(there.map(|odd| Share {
                class: (self.class)(odd.map as usize, odd.size),
                n: u64::from(odd.n) * u64::from(drawn.times[odd.map as usize]),
            }));
            let tied = weight(2 * at + 1);
            if shares.is_empty() {
                above += tied + weight(2 * at);
                continue;
            }
            shares.sort_unstable_by_key(|share| share.class);
            shares.dedup_by(|next, kept| {
                let is_same = next.class == kept.class;
                kept.n += if is_same { next.n } else { 0 };
                is_same
            });
            if visit(&Step { above, tied, odd: &shares }).is_break() {
                return Ok(());
            }
            above = weight(2 * at);
        }
        Ok(())
    }

    /// Ranges of buckets from the top whose anomalous pixels fit into memory together.
    fn groups(&self, set: &MapSet) -> Result<Vec<Range<usize>>> {
        let looked = set.looked()?;
        let most = (set.work_bytes() / bytes_per_odd()) as u64;
        let (mut groups, mut end, mut n) = (Vec::new(), N_BUCKETS, 0);
        for at in (self.lowest..N_BUCKETS).rev() {
            let more = looked.odd_buckets[at];
            if n > 0 && n + more > most {
                groups.push(at + 1..end);
                (end, n) = (at + 1, 0);
            }
            n += more;
        }
        groups.push(self.lowest..end);
        Ok(groups)
    }

    fn rank(&self, set: &MapSet, range: &Range<usize>) -> Result<Ranked> {
        let odd_maps: Vec<usize> = set.survey()?.odd_maps.iter().map(|&(i, _)| i).collect();
        let mut found: Vec<(u64, u64)> = set
            .fold(&odd_maps, Vec::new, |list, i, map| list.extend(self.odd_of(i, map, range)))?
            .into_iter()
            .flatten()
            .collect();
        found.par_sort_unstable();
        merge_equal(&mut found);
        let (mut keys, mut firsts): (Vec<u32>, Vec<usize>) = (Vec::new(), Vec::new());
        for (at, &(pixel, _)) in found.iter().enumerate() {
            let key = (pixel >> 32) as u32;
            if keys.last() != Some(&key) {
                keys.push(key);
                firsts.push(at);
            }
        }
        firsts.push(found.len());
        let shares = found.into_iter().map(|(pixel, n)| Share { class: pixel as u32, n }).collect();
        Ok(Ranked { keys, firsts, shares })
    }

    /// The anomalous pixels of a map within the range: key and class in one number, and how many.
    fn odd_of(&self, i: usize, map: &ScoredMap, range: &Range<usize>) -> Vec<(u64, u64)> {
        let Some(mask) = map.mask() else { return Vec::new() };
        let defects = Components::of(mask, map.width(), |&odd| odd);
        let mut found = Vec::new();
        for run in &defects.runs {
            let class = u64::from((self.class)(i, defects.sizes[run.component as usize]));
            let keys = map.scores()[run.pixels(map.width())].iter().map(|&score| key(score));
            let inside = keys.filter(|&key| range.contains(&bucket(key)));
            found.extend(inside.map(|key| (u64::from(key) << 32 | class, 1)));
        }
        found.sort_unstable();
        merge_equal(&mut found);
        found
    }

    /// Weights of normal pixels: at 2i those between keys i - 1 and i, at 2i + 1 those of key i.
    fn count(&self, set: &MapSet, range: &Range<usize>, keys: &[u32]) -> Result<Vec<u64>> {
        let starts: Vec<u32> = (range.start..=range.end)
            .map(|bucket| keys.partition_point(|&key| u64::from(key) < (bucket as u64) << 16) as u32)
            .collect();
        let add = |counts: &mut Vec<u64>, _: usize, map: &ScoredMap| {
            let weight = self.weigh.of(map.len() as u64, map.mask().is_none());
            if weight == 0 {
                return;
            }
            map.for_each_normal(|score| {
                let key = key(score);
                if !range.contains(&bucket(key)) {
                    return;
                }
                let at = bucket(key) - range.start;
                let (start, end) = (starts[at] as usize, starts[at + 1] as usize);
                let near = &keys[start..end];
                let below = near.partition_point(|&odd| odd < key);
                let tied = near.get(below) == Some(&key);
                counts[2 * (start + below) + usize::from(tied)] += weight;
            });
        };
        let parts = set.fold(&set.all(), || vec![0; 2 * keys.len() + 1], add)?;
        let whole = parts.into_iter().reduce(|mut whole, part| {
            whole.iter_mut().zip(part).for_each(|(whole, part)| *whole += part);
            whole
        });
        Ok(whole.unwrap_or_else(|| vec![0; 2 * keys.len() + 1]))
    }
}

/// Adds up neighbours of the same pixel class and score.
fn merge_equal(sorted: &mut Vec<(u64, u64)>) {
    sorted.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

/// Corners of a curve, of which only those far enough apart to be seen are kept.
#[derive(Default)]
pub(super) struct Corners {
    kept: Vec<[f64; 2]>,
    last: Option<[f64; 2]>,
}

impl Corners {
    /// The next corner to the right.
    pub(super) fn push(&mut self, corner: [f64; 2]) {
        let near = |at: &[f64; 2]| (corner[0] - at[0]).abs() + (corner[1] - at[1]).abs() < 1e-4;
        self.last = Some(corner);
        if !self.kept.last().is_some_and(near) {
            self.kept.push(corner);
            self.last = None;
        }
    }

    /// What a picture shows.
    pub(super) fn thin(self) -> Vec<[f64; 2]> {
        crate::curve::thin(self.kept.into_iter().chain(self.last))
    }
}
