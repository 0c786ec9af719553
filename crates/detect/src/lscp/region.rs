//! The training rows around a row, agreed on by random subspaces.

use anomalyst_core::{Result, Run};
use anomalyst_kernels::neighbors::{NeighborIndex, Skip};
use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

/// Rows whose regions are found together; bounds what the lists of neighbours take.
const BLOCK: usize = 4096;

/// Training rows in one search index per subspace.
pub(super) struct Regions {
    pub(super) reference: Array2<f32>,
    pub(super) subspaces: Vec<Vec<usize>>,
    pub(super) n_neighbors: usize,
    indices: Vec<NeighborIndex>,
}

/// Bytes that the lists of one block take.
pub(super) fn block_bytes(n_subspaces: usize, n_neighbors: usize) -> u64 {
    8 * BLOCK as u64 * n_subspaces as u64 * n_neighbors as u64
}

impl Regions {
    pub(super) fn new(
        reference: Array2<f32>,
        subspaces: Vec<Vec<usize>>,
        n_neighbors: usize,
    ) -> Result<Self> {
        let index = |columns: &Vec<usize>| NeighborIndex::new(reference.select(Axis(1), columns).view());
        let indices = subspaces.par_iter().map(index).collect::<Result<_>>()?;
        Ok(Self { reference, subspaces, n_neighbors, indices })
    }

    /// What `make` makes of each row's number and its region, the numbers of training rows in ascending order.
    pub(super) fn map(
        &self,
        rows: &Array2<f32>,
        skip: Skip<'_>,
        run: &Run,
        make: impl Fn(usize, &[u32]) -> f32 + Sync,
    ) -> Result<Vec<f32>> {
        let mut made = Vec::with_capacity(rows.nrows());
        for start in (0..rows.nrows()).step_by(BLOCK) {
            let end = rows.nrows().min(start + BLOCK);
            let own: Option<Vec<u32>> = match skip {
                Skip::None => None,
                Skip::SameIndex => Some((start as u32..end as u32).collect()),
                Skip::Each(list) => Some(list[start..end].to_vec()),
            };
            let skip = own.as_deref().map_or(Skip::None, Skip::Each);
            let mut lists = Vec::with_capacity(self.subspaces.len());
            for (columns, index) in self.subspaces.iter().zip(&self.indices) {
                run.check()?;
                let queries = rows.slice(s![start..end, ..]).select(Axis(1), columns);
                lists.push(index.search(queries.view(), self.n_neighbors, skip, run)?.indices);
            }
            let row = |i: usize| {
                let mut met: Vec<u32> = lists.iter().flat_map(|list| list.row(i).to_vec()).collect();
                make(start + i, agreed(&mut met, self.subspaces.len()))
            };
            made.par_extend((0..end - start).into_par_iter().map(row));
        }
        Ok(made)
    }
}

/// The numbers that are in `met` more than `n_lists / 2` times, ascending; while these are fewer than two, once less.
fn agreed(met: &mut [u32], n_lists: usize) -> &[u32] {
    met.sort_unstable();
    let counts: Vec<(u32, usize)> = met.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
    let mut threshold = n_lists / 2;
    let enough = |threshold: usize| counts.iter().filter(|(_, count)| *count > threshold).count() >= 2;
    while threshold > 0 && !enough(threshold) {
        threshold -= 1;
    }
    let mut n = 0;
    for &(row, _) in counts.iter().filter(|(_, count)| *count > threshold) {
        met[n] = row;
        n += 1;
    }
    &met[..n]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_what_most_subspaces_agree_on() {
        let of = |lists: &[&[u32]]| agreed(&mut lists.concat(), lists.len()).to_vec();
        assert_eq!(of(&[&[7, 1], &[1, 7], &[7, 2], &[1, 7]]), [1, 7]);
        assert_eq!(of(&[&[7, 1], &[2, 7], &[7, 2], &[3, 7]]), [2, 7], "two of four are met once less");
        assert_eq!(of(&[&[1], &[2], &[3]]), [1, 2, 3], "none is met twice");
        assert_eq!(of(&[&[4], &[4]]), [4], "there is but one");
        assert_eq!(of(&[&[], &[]]), [0_u32; 0]);
    }
}
