//! The matrix profile: for every window of a series, the windows that its shape is most like, and how far they are.
//!
//! Shapes are compared by the Euclidean distance of windows that were each brought to mean 0 and deviation 1:
//! `d^2 = 2 m (1 - r)` with `m` the points of a window and `r` the correlation of two windows. Rows of correlations follow
//! from one another: with `S_ij` the covariance sum of the windows that start at `i` and `j`,
//!
//! `S_ij = S_(i-1)(j-1) + f_i g_j + f_j g_i`, `f_i = (x_(i+m-1) - x_(i-1)) / 2`,
//! `g_i = (x_(i+m-1) - mean_i) + (x_(i-1) - mean_(i-1))`
//!
//! (Zimmerman et al. 2019, SoCC, equations 5 and 6), which takes a few operations per pair whatever `m`. Bands of rows are
//! computed apart from each other, each over tiles of columns that stay in the cache, so that threads share nothing, the
//! result is the same on any number of them, and memory grows with the points only.
//!
//! What a large value leaves behind in a sum would drown small windows after it. So sums are begun anew from their
//! definition in every band, and wherever the spread of windows falls to a small share of what it was; and the distances
//! of what was found are computed from the windows themselves.
//!
//! Windows without spread have no shape: two of them are 0 apart, and one is `sqrt(m)` from any window with spread, as in
//! stumpy.

mod bands;
mod many;
mod one;
mod pick;
mod rows;
mod windows;

#[cfg(test)]
mod tests;

use std::ops::Range;

use anomalyst_core::{Result, Run};

pub use many::{Subspace, channel_distances, joint_neighbors};
pub use one::distances;
pub use windows::Windows;

/// A window that another one is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// The point that it begins at, counted over all series; [`Neighbor::NOBODY`] where there is no window to compare with.
    pub start: usize,
    /// How far it is, 0 to `2 sqrt(m)`; infinite where there is none.
    pub distance: f64,
}

impl Neighbor {
    /// The start where there is no neighbour.
    pub const NOBODY: usize = usize::MAX;
    /// No neighbour.
    pub const NONE: Self = Self { start: Self::NOBODY, distance: f64::INFINITY };
}

/// Where the neighbours of a window may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere in any series.
    Anywhere,
    /// Before the window, in the same series.
    Before,
}

/// Points around its start within which a window of `len` points counts as itself: a quarter, rounded up, as in stumpy.
pub const fn exclusion_zone(len: usize) -> usize {
    len.div_ceil(4)
}

/// The `n_neighbors` windows that each window is most like, nearest first: those of window `i` of
/// [`Windows::starts`] are the `i`-th `n_neighbors` of the list.
///
/// Windows that begin within [`exclusion_zone`] of the window or of a nearer neighbour in the same series do not count, so
/// that the second neighbour is the second place where the shape is found.
pub fn self_join(windows: &Windows, n_neighbors: usize, reach: Reach, run: &Run) -> Result<Vec<Neighbor>> {
    Join { queries: windows, of: windows, n_neighbors, own: Some(reach) }.run(run)
}

/// The same for the windows of `queries` among those of `of`, which are other series. Both must be of the same length.
pub fn join(queries: &Windows, of: &Windows, n_neighbors: usize, run: &Run) -> Result<Vec<Neighbor>> {
    if queries.len() != of.len() {
        return Err(anomalyst_core::Error::Data("windows of two lengths have no distance".into()));
    }
    Join { queries, of, n_neighbors, own: None }.run(run)
}

/// What is compared with what.
struct Join<'a> {
    queries: &'a Windows,
    of: &'a Windows,
    n_neighbors: usize,
    /// Where neighbours may begin, if the queries are compared with themselves.
    own: Option<Reach>,
}

impl Join<'_> {
    /// The starts among which the neighbours of the window at `row` of `series` are.
    fn within(&self, row: usize, series: &Range<usize>) -> Range<usize> {
        match self.own {
            Some(Reach::Before) => {
                series.start..row.saturating_sub(exclusion_zone(self.of.len())).max(series.start)
            }
            _ => 0..self.of.n_points(),
        }
    }

    /// The starts that count as the same place as `start` of a series that begins and ends with `series`.
    fn zone(&self, start: usize, series: &Range<usize>) -> Range<usize> {
        let zone = exclusion_zone(self.of.len());
        start.saturating_sub(zone).max(series.start)..(start + zone + 1).min(series.end)
    }
}
