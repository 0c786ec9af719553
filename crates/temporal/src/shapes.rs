//! What the methods that compare the shapes of windows share: how long windows are, what is kept of the series, and how
//! scores of windows go back to points.

use std::borrow::Cow;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use anomalyst_kernels::matrix_profile::{Neighbor, Windows};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stats::median;

/// A window whose deviation is not above this share of its channel's is flat: its shape is noise of measuring.
pub(crate) const FLAT: f64 = 1e-5;
/// The fewest points that have a shape: two always have the same one or its mirror image.
pub(crate) const SHORTEST: usize = 3;
/// The most points of a window.
pub(crate) const LONGEST: usize = 100_000;

/// Points of a window: what was asked for, or the period of the longest series, at most a third of it.
pub(crate) fn window_len(asked: Option<usize>, series: &[Vec<f64>]) -> usize {
    asked.unwrap_or_else(|| {
        // Of series of one length the first.
        let longest = series.iter().rev().max_by_key(|points| points.len()).map_or(&[][..], Vec::as_slice);
        ranked_period(longest, 1).min(longest.len() / 3).max(SHORTEST)
    })
}

/// The windows of `series`; one that is shorter than a window goes on as it ended until it is one.
pub(crate) fn windows_of<S: AsRef<[f64]>>(series: &[S], len: usize) -> Result<Windows> {
    let prolonged = |points: &'_ S| -> Vec<f64> {
        let mut points = points.as_ref().to_vec();
        if let Some(&last) = points.last() {
            points.resize(points.len().max(len), last);
        }
        points
    };
    let series: Vec<Cow<'_, [f64]>> = series
        .iter()
        .map(|points| match points.as_ref().len() {
            n if n < len => Cow::Owned(prolonged(points)),
            _ => Cow::Borrowed(points.as_ref()),
        })
        .collect();
    Windows::new(&series, len, FLAT)
}

/// The distance of the last neighbour that each window has of the `n_neighbors` asked for. Windows without any get the
/// median of the others', 0 where no window has one.
pub(crate) fn distances(found: &[Neighbor], n_neighbors: usize) -> Vec<f64> {
    let last = |found: &[Neighbor]| found.iter().rev().map(|near| near.distance).find(|d| d.is_finite());
    or_usual(&found.chunks_exact(n_neighbors).map(last).collect::<Vec<_>>())
}

/// The median score for windows without one, 0 where none has one.
pub(crate) fn or_usual(known: &[Option<f64>]) -> Vec<f64> {
    let mut all: Vec<f64> = known.iter().flatten().copied().collect();
    let usual = if all.is_empty() { 0.0 } else { median(&mut all) };
    known.iter().map(|score| score.unwrap_or(usual)).collect()
}

/// Scores of windows at the middle of each, of windows of even length the later one of two; points at the edges, which are
/// no window's middle, get the nearest window's.
pub(crate) fn at_middles(windows: &[f64], n_points: usize) -> Vec<f64> {
    let (Some(&first), Some(&last)) = (windows.first(), windows.last()) else { return vec![0.0; n_points] };
    let edges = n_points.saturating_sub(windows.len());
    let mut out = vec![first; edges.div_ceil(2)];
    out.extend(windows);
    out.resize(n_points, last);
    out
}

/// Scores of the windows of all series, series by series, at the points of each.
pub(crate) fn back_to_points(windows: &[f64], series: &[Vec<f64>], len: usize) -> Vec<Vec<f64>> {
    let mut rest = windows;
    let mut own = |points: &Vec<f64>| {
        let count = if points.is_empty() { 0 } else { points.len().saturating_sub(len) + 1 };
        let (own, later) = rest.split_at(count.min(rest.len()));
        rest = later;
        at_middles(own, points.len())
    };
    series.iter().map(&mut own).collect()
}

/// Saves training series. Their values are 32-bit ones.
pub(crate) fn save_series(series: &[Vec<f64>], out: &mut ModelWriter) {
    let points: Vec<f32> = series.iter().flatten().map(|&v| v as f32).collect();
    let lengths: Vec<u64> = series.iter().map(|points| points.len() as u64).collect();
    out.put_list("points", &points);
    out.put_list("lengths", &lengths);
}

/// Reads them back.
pub(crate) fn load_series(from: &ModelReader<'_>) -> Result<Vec<Vec<f64>>> {
    let (points, lengths): (Vec<f32>, Vec<u64>) = (from.list("points")?, from.list("lengths")?);
    let total = lengths.iter().try_fold(0_u64, |sum, &length| sum.checked_add(length));
    if points.is_empty() || total != Some(points.len() as u64) || !points.iter().all(|v| v.is_finite()) {
        return Err(Error::model("the training series of a channel do not hold together"));
    }
    let mut rest = points.as_slice();
    let own = |&length: &u64| {
        let (own, later) = rest.split_at(length as usize);
        rest = later;
        own.iter().map(|&v| f64::from(v)).collect()
    };
    Ok(lengths.iter().map(own).collect())
}

/// A length of windows as a model file says it, if it can be one.
pub(crate) fn possible(len: usize) -> Result<usize> {
    if !(SHORTEST..=LONGEST).contains(&len) {
        return Err(Error::model(format!("windows of {len} points are not possible")));
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_go_back_to_their_points() {
        let series = [vec![0.0; 6], vec![], vec![0.0; 2]];
        let got = back_to_points(&[7.0, 8.0, 9.0, 1.0], &series, 4);
        assert_eq!(got, [vec![7.0, 7.0, 7.0, 8.0, 9.0, 9.0], vec![], vec![1.0; 2]]);
    }

    #[test]
    fn lengths_fit_the_series() {
        let wave = |n: usize| (0..n).map(|i| (i as f64 * 0.25).sin()).collect::<Vec<_>>();
        assert_eq!(window_len(None, &[wave(40), wave(600)]), 25);
        assert_eq!(window_len(None, &[wave(30)]), 10);
        assert_eq!(window_len(None, &[vec![]]), 3);
        assert_eq!(window_len(Some(9), &[wave(40)]), 9);
    }

    #[test]
    fn windows_without_neighbors_are_usual() {
        let near = |distance| Neighbor { start: 0, distance };
        let found = [near(1.0), near(2.0), Neighbor::NONE, Neighbor::NONE, near(4.0), Neighbor::NONE];
        assert_eq!(distances(&found, 2), [2.0, 3.0, 4.0]);
        assert_eq!(distances(&[Neighbor::NONE], 1), [0.0]);
    }

    #[test]
    fn hostile_series_are_refused() {
        let load = |points: &[f32], lengths: &[u64]| {
            let mut out = ModelWriter::new();
            out.put_list("points", points);
            out.put_list("lengths", lengths);
            let (tensors, json) = out.finish();
            load_series(&ModelReader::new(&tensors, &json))
        };
        assert_eq!(load(&[1.0, 2.0, 3.0], &[1, 2]).unwrap(), [vec![1.0], vec![2.0, 3.0]]);
        assert!(load(&[1.0], &[2]).is_err() && load(&[1.0], &[u64::MAX, 2]).is_err());
        assert!(load(&[], &[]).is_err() && load(&[f32::NAN], &[1]).is_err());
    }
}
