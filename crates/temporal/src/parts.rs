//! Where series are among rows, and how many channels are cut into parts.

use std::ops::Range;

use anomalyst_core::{Checked, Layout, ranges_of};

/// The rows of each series; all rows are one where nothing is said.
pub(crate) fn series_of(rows: Checked<'_>) -> Vec<Range<usize>> {
    match &rows.features().layout {
        Layout::Sequences { ends } => ranges_of(ends).collect(),
        _ => std::iter::once(0..rows.n_parts()).collect(),
    }
}

/// Channels in parts whose sizes differ by one at most, in the order that they have.
pub(crate) fn even_parts(n_channels: usize, n_parts: usize) -> impl Iterator<Item = Range<usize>> {
    let start = move |i: usize| (i as u128 * n_channels as u128 / n_parts as u128) as usize;
    (0..n_parts).map(move |i| start(i)..start(i + 1))
}
