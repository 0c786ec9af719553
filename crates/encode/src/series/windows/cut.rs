//! Windows cut out of series when they are asked for.

use std::ops::Range;

use anomalyst_core::{Features, Label, Parts, Result, Series};
use ndarray::Array2;
use rayon::prelude::*;

use super::FittedWindowEncoder;

/// The windows of series, of which only the points are held.
pub(super) struct Windows<'a> {
    pub(super) of: &'a FittedWindowEncoder,
    pub(super) series: &'a Series,
    pub(super) ranges: Vec<Range<usize>>,
    /// One past the last window of each series.
    pub(super) ends: Vec<usize>,
    /// Points x channels, in the channels' units.
    pub(super) points: Array2<f32>,
    /// The times of the points, where the calendar counts.
    pub(super) times: &'a [i64],
}

impl Windows<'_> {
    /// The first point of a window, and one past the last point of its series.
    fn place(&self, window: usize) -> Range<usize> {
        let of = self.ends.partition_point(|&end| end <= window);
        let first = window - if of == 0 { 0 } else { self.ends[of - 1] };
        self.ranges[of].start + first..self.ranges[of].end
    }

    /// What stands for the windows `of(0)` up to, without, `of(n)`.
    pub(super) fn cut(&self, n: usize, of: impl Fn(usize) -> usize + Sync) -> Result<Array2<f32>> {
        let (n_channels, width) = (self.points.ncols(), self.of.origins.len());
        let points = self.points.as_slice().unwrap_or_default();
        let mut values = Array2::zeros((n, width));
        let rows = values.as_slice_mut().unwrap_or_default().par_chunks_exact_mut(width);
        rows.enumerate().try_for_each(|(i, row)| {
            let place = self.place(of(i));
            let (row, parts) = row.split_at_mut(self.of.described());
            if !parts.is_empty() {
                let middle = place.start + self.of.shape.span() / 2;
                self.of.calendar.write(self.times[middle.min(place.end - 1)], parts);
            }
            self.of.write(&points[place.start * n_channels..place.end * n_channels], row)
        })?;
        Ok(values)
    }

    /// What is known of every window: it is anomalous where one of its points is.
    pub(super) fn labels(&self, labels: &[Label]) -> Vec<Label> {
        (0..self.n_parts()).map(|window| self.label(labels, window)).collect()
    }

    fn label(&self, labels: &[Label], window: usize) -> Label {
        let place = self.place(window);
        let own = &labels[place.start..(place.start + self.of.shape.span()).min(place.end)];
        [Label::Anomalous, Label::Unknown].into_iter().find(|l| own.contains(l)).unwrap_or(Label::Normal)
    }
}

impl Parts for Windows<'_> {
    fn n_parts(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn take(&self, parts: &[usize]) -> Result<Features> {
        let labels = |labels: &Vec<Label>| parts.iter().map(|&window| self.label(labels, window)).collect();
        let labels = self.series.labels.as_ref().map(labels);
        Ok(Features { labels, ..Features::rows(self.cut(parts.len(), |i| parts[i])?) })
    }

    fn known_anomalous(&self) -> Vec<bool> {
        match &self.series.labels {
            Some(labels) => self.labels(labels).iter().map(|&l| l == Label::Anomalous).collect(),
            None => vec![false; self.n_parts()],
        }
    }
}
