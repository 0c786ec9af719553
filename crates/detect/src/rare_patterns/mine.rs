//! Frequent patterns: the search for them, the tree that holds them, and its saved form.

use std::sync::atomic::{AtomicUsize, Ordering};

use anomalyst_core::{Error, Features, ModelReader, ModelWriter, Result, Run};
use rayon::prelude::*;

use super::RarePatterns;
use crate::levels::Levels;

/// A pattern: that of the node above it and one more level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    /// The number of its last level among the frequent ones.
    pub(super) rank: u32,
    /// Rows that hold it.
    pub(super) count: u32,
    /// The next node that is not below this one.
    pub(super) skip: u32,
}

/// All frequent patterns as a prefix tree in depth-first order: what a row holds is found in one pass over the nodes
/// that skips whatever is below a level that it lacks.
pub(super) struct Patterns {
    pub(super) nodes: Vec<Node>,
    /// The frequent levels, ascending.
    pub(super) levels: Vec<u32>,
    pub(super) n_rows: u32,
}

/// A frequent level and the rows that hold it, one bit each.
struct Frequent {
    level: u32,
    column: usize,
    count: u32,
    bits: Vec<u64>,
}

impl Patterns {
    /// All patterns of at most `max_len` levels; of fewer levels, where those are more than `max_patterns`.
    pub(super) fn mine(
        levels: &Levels,
        features: &Features,
        params: &RarePatterns,
        run: &Run,
    ) -> Result<Self> {
        let n_rows = features.n_parts() as u32;
        let least = ((params.min_support * f64::from(n_rows)).ceil() as u32).max(1);
        let of_column = |column| frequent(levels, features, (column, least), run);
        let found: Vec<Vec<Frequent>> =
            (0..levels.n_columns()).into_par_iter().map(of_column).collect::<Result<_>>()?;
        let found: Vec<Frequent> = found.into_iter().flatten().collect();
        for max_len in (1..=params.max_len).rev() {
            // The shortest are always kept: no more than one in `min_support` of a column.
            let most = if max_len == 1 { usize::MAX } else { params.max_patterns.min(u32::MAX as usize) };
            let search = Search { found: &found, least, max_len, most, n_found: AtomicUsize::new(0), run };
            if let Some(nodes) = search.all()? {
                let levels = found.iter().map(|f| f.level).collect();
                return Ok(Self { nodes, levels, n_rows });
            }
        }
        Ok(Self { nodes: Vec::new(), levels: Vec::new(), n_rows })
    }

    /// Every pattern whose levels are all held.
    pub(super) fn each_held(&self, held: impl Fn(u32) -> bool, mut take: impl FnMut(&Node)) {
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            at = if held(node.rank) {
                take(node);
                at + 1
            } else {
                node.skip as usize
            };
        }
    }

    /// The same, with the levels of each pattern.
    pub(super) fn walk(&self, held: impl Fn(u32) -> bool, mut take: impl FnMut(&Node, &[u32])) {
        let (mut path, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(node) = self.nodes.get(at) {
            while ends.last().is_some_and(|&end| end <= at) {
                ends.pop();
                path.pop();
            }
            if !held(node.rank) {
                at = node.skip as usize;
                continue;
            }
            path.push(node.rank);
            ends.push(node.skip as usize);
            take(node, &path);
            at += 1;
        }
    }

    pub(super) fn save(&self, out: &mut ModelWriter) {
        out.put_list("frequent_levels", &self.levels);
        out.put("rank", &[self.nodes.len()], self.nodes.iter().map(|n| n.rank));
        out.put("count", &[self.nodes.len()], self.nodes.iter().map(|n| n.count));
        out.put("skip", &[self.nodes.len()], self.nodes.iter().map(|n| n.skip));
        out.put_list("n_rows", &[self.n_rows]);
    }

    pub(super) fn load(from: &ModelReader<'_>, of: &Levels) -> Result<Self> {
        let levels: Vec<u32> = from.list("frequent_levels")?;
        let rank: Vec<u32> = from.list("rank")?;
        let count: Vec<u32> = from.list_of("count", rank.len())?;
        let skip: Vec<u32> = from.list_of("skip", rank.len())?;
        let n_rows = from.list_of::<u32>("n_rows", 1)?[0];
        let levels_exist =
            levels.is_sorted_by(|a, b| a < b) && levels.last().is_none_or(|&l| (l as usize) < of.n_levels());
        let nodes: Vec<Node> = rank
            .into_iter()
            .zip(count)
            .zip(skip)
            .map(|((rank, count), skip)| Node { rank, count, skip })
            .collect();
        // Every step goes forward and none beyond the end, and no pattern is held by more rows than there are.
        let is_sound = |(at, node): (usize, &Node)| {
            (node.rank as usize) < levels.len()
                && node.count <= n_rows
                && (at + 1..=nodes.len()).contains(&(node.skip as usize))
        };
        if n_rows == 0 || !levels_exist || !nodes.iter().enumerate().all(is_sound) {
            return Err(Error::model("the patterns do not make a tree"));
        }
        Ok(Self { nodes, levels, n_rows })
    }
}

/// The levels of one column that at least so many rows hold.
fn frequent(
    levels: &Levels,
    features: &Features,
    (column, least): (usize, u32),
    run: &Run,
) -> Result<Vec<Frequent>> {
    run.check()?;
    let start = levels.starts()[column];
    let n_levels = (levels.starts()[column + 1] - start) as usize;
    // Training rows hold no level that the training rows do not have.
    let cells: Vec<u32> =
        (0..features.n_parts()).map(|row| levels.of_cell(features, row, column) - start).collect();
    let mut counts = vec![0_u32; n_levels];
    cells.iter().for_each(|&cell| counts[cell as usize] += 1);
    run.check()?;
    let mut found: Vec<Frequent> = Vec::new();
    let mut place = vec![usize::MAX; n_levels];
    for (cell, &count) in counts.iter().enumerate().filter(|(_, count)| **count >= least) {
        place[cell] = found.len();
        let bits = vec![0; features.n_parts().div_ceil(64)];
        found.push(Frequent { level: start + cell as u32, column, count, bits });
    }
    for (row, &cell) in cells.iter().enumerate() {
        if let Some(found) = found.get_mut(place[cell as usize]) {
            found.bits[row / 64] |= 1 << (row % 64);
        }
    }
    Ok(found)
}

/// A depth-first search with one bit per row (Eclat): the rows of a longer pattern are those of a shorter one that
/// hold one more level.
struct Search<'a> {
    found: &'a [Frequent],
    least: u32,
    max_len: usize,
    most: usize,
    n_found: AtomicUsize,
    run: &'a Run,
}

impl Search<'_> {
    /// All patterns, or none if they are too many: how many there are does not depend on who counts first.
    fn all(&self) -> Result<Option<Vec<Node>>> {
        let below = |rank: usize| {
            let first = &self.found[rank];
            let mut nodes = vec![Node { rank: rank as u32, count: first.count, skip: 0 }];
            let mut bits = vec![vec![0; first.bits.len()]; self.max_len.saturating_sub(2)];
            let complete = self.count_one() && self.extend((&first.bits, rank), &mut bits, 1, &mut nodes)?;
            nodes[0].skip = nodes.len() as u32;
            Ok(complete.then_some(nodes))
        };
        let parts: Vec<Option<Vec<Node>>> =
            (0..self.found.len()).into_par_iter().map(below).collect::<Result<_>>()?;
        let mut all = Vec::new();
        for part in parts {
            let Some(part) = part else { return Ok(None) };
            let offset = all.len() as u32;
            all.extend(part.into_iter().map(|node| Node { skip: node.skip + offset, ..node }));
        }
        Ok(Some(all))
    }

    /// Whether one more pattern is still within the limit.
    fn count_one(&self) -> bool {
        self.n_found.fetch_add(1, Ordering::Relaxed) < self.most
    }

    /// Adds every frequent pattern that goes on from one of `len` levels, whose last is `last` and whose rows are
    /// `rows`. Says whether all of them were within the limit.
    fn extend(
        &self,
        (rows, last): (&[u64], usize),
        bits: &mut [Vec<u64>],
        len: usize,
        nodes: &mut Vec<Node>,
    ) -> Result<bool> {
        if len == self.max_len {
            return Ok(true);
        }
        let column = self.found[last].column;
        let next = last + 1 + self.found[last + 1..].partition_point(|f| f.column == column);
        for rank in next..self.found.len() {
            let other = &self.found[rank].bits;
            let count: u32 = rows.iter().zip(other).map(|(a, b)| (a & b).count_ones()).sum();
            if count < self.least {
                continue;
            }
            self.run.check()?;
            if !self.count_one() {
                return Ok(false);
            }
            let at = nodes.len();
            nodes.push(Node { rank: rank as u32, count, skip: 0 });
            if let Some((own, deeper)) = bits.split_first_mut() {
                own.iter_mut().zip(rows).zip(other).for_each(|((own, a), b)| *own = a & b);
                if !self.extend((own, rank), deeper, len + 1, nodes)? {
                    return Ok(false);
                }
            }
            nodes[at].skip = nodes.len() as u32;
        }
        Ok(true)
    }
}
