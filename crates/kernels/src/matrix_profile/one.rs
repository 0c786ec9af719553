//! One window against a stretch of others.

use std::ops::Range;

use super::Windows;
use super::rows::begin;

/// The distances of the window at `row` of `queries` from those of `of` that begin in `starts`, as [`super::self_join`]
/// measures them; distances below `1e-7 sqrt(m)` may be rounding. Starts at which no window begins are left out.
pub fn distances(queries: &Windows, row: usize, of: &Windows, starts: Range<usize>, out: &mut Vec<f64>) {
    let last = of.n_points().saturating_sub(of.len() - 1);
    let starts = starts.start.min(last)..starts.end.min(last);
    out.clear();
    out.resize(starts.len(), 0.0);
    if starts.is_empty() {
        return;
    }
    let points = &of.points[starts.start..starts.end + of.len() - 1];
    begin(out, queries.at(row), queries.mean[row], points, &of.mean[starts.clone()]);
    let (own, len) = (queries.inverse[row], of.len() as f64);
    for (sum, &inverse) in out.iter_mut().zip(&of.inverse[starts]) {
        let square = 2.0 * (1.0 - *sum * own * inverse).max(0.0);
        // A product with 0 is a correlation of 0, from which windows without spread differ.
        let square = if own == 0.0 || inverse == 0.0 { 1.0 } else { square };
        let square = if own == 0.0 && inverse == 0.0 { 0.0 } else { square };
        *sum = (len * square).sqrt();
    }
}
