//! Levels of categories: which there are, how rare each is, and how another table's levels map to them.

use anomalyst_core::{MISSING_CODE, UNSEEN_CODE};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The levels that training rows hold, in ascending order of their names, and how often.
///
/// The order depends on nothing but the names, so shuffled training rows give the same features.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Levels {
    pub(super) names: Vec<String>,
    pub(super) counts: Vec<u64>,
}

impl Levels {
    /// Counts the levels that occur in `codes`; also how many codes are missing.
    pub(super) fn count(codes: &[u32], names: &[String]) -> (Self, usize) {
        let mut counts = vec![0_u64; names.len()];
        let mut missing = 0;
        for &code in codes {
            match counts.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => missing += 1,
            }
        }
        let mut present: Vec<(&String, u64)> = names.iter().zip(counts).filter(|(_, n)| *n > 0).collect();
        present.sort_unstable();
        let mut levels = Self::default();
        for (name, count) in present {
            match (levels.names.last() == Some(name), levels.counts.last_mut()) {
                (true, Some(total)) => *total += count,
                _ => {
                    levels.names.push(name.clone());
                    levels.counts.push(count);
                }
            }
        }
        (levels, missing)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The code of the level called `name`, or [`UNSEEN_CODE`].
    pub(super) fn code(&self, name: &str) -> u32 {
        self.names.binary_search_by(|n| n.as_str().cmp(name)).map_or(UNSEEN_CODE, |at| at as u32)
    }

    /// For each level of another table, its code here.
    pub(super) fn map(&self, names: &[String]) -> Vec<u32> {
        names.iter().map(|name| self.code(name)).collect()
    }

    /// The codes of numbers, by the value that the names of levels spell; the first of several equal ones.
    pub(super) fn codes_of_numbers(&self, cells: &[f64]) -> Vec<u32> {
        let mut by_value: FxHashMap<u64, u32> = FxHashMap::default();
        for (code, name) in self.names.iter().enumerate() {
            if let Some(value) = parse_number(name) {
                by_value.entry(value.to_bits()).or_insert(code as u32);
            }
        }
        let code = |&cell: &f64| match cell.is_finite() {
            true => by_value.get(&(cell + 0.0).to_bits()).copied().unwrap_or(UNSEEN_CODE),
            false => MISSING_CODE,
        };
        cells.iter().map(code).collect()
    }

    /// Rarity `-ln((c + 0.5) / (n + 0.5 (k + 1)))` of each of the `k` levels seen `c` times in `n` rows, and
    /// last that of a level never seen.
    ///
    /// Half a row is added to every level and to "never seen" (the Jeffreys prior of a multinomial), so that the
    /// shares sum to 1 and none is 0.
    pub(super) fn rarities(&self) -> Vec<f64> {
        let total = self.counts.iter().map(|&c| c as f64).sum::<f64>() + 0.5 * (self.len() + 1) as f64;
        self.counts.iter().chain(&[0]).map(|&count| -((count as f64 + 0.5) / total).ln()).collect()
    }

    /// Whether no level is rarer than another.
    pub(super) fn are_even(&self) -> bool {
        self.counts.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Whether a file's levels are what `count` could have made.
    pub(super) fn is_sound(&self) -> bool {
        self.names.len() == self.counts.len()
            && self.names.len() < UNSEEN_CODE as usize
            && self.names.windows(2).all(|pair| pair[0] < pair[1])
            && self.counts.iter().all(|&count| count > 0)
    }
}

/// The finite number that `text` spells; negative zero is zero.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|v| v.is_finite()).map(|v| v + 0.0)
}
