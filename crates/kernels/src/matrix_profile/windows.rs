//! What is known of every window before windows are compared.

use std::ops::Range;

use anomalyst_core::{Error, Result};
use rayon::prelude::*;

use super::rows::sum;
use crate::stats::median;

/// Sums are begun anew where the spread of windows falls below this share of the largest since they were begun.
const FALL: f64 = 1e-3;
/// Squares below this are rounding of numbers too small to be squared.
const LEAST_SQUARE: f64 = 1e-280;
/// Windows whose moments one task computes.
const TASK: usize = 1024;

/// The windows of some series, all of one length.
pub struct Windows {
    len: usize,
    /// The points of all series, less their median, in a unit in which none is above 4.
    pub(super) points: Vec<f64>,
    /// The starts of each series that has windows.
    pub(super) series: Vec<Range<usize>>,
    /// Starts from one place to the next at which sums are begun anew.
    pub(super) stretches: Vec<Range<usize>>,
    /// Runs of starts of windows without spread.
    pub(super) flat: Vec<Range<usize>>,
    /// Of every start; 0 where no window begins.
    pub(super) mean: Vec<f64>,
    /// `1 / sqrt(sum (x - mean)^2)`; 0 for windows without spread.
    pub(super) inverse: Vec<f64>,
    /// `f` of the update.
    pub(super) difference: Vec<f64>,
    /// `g` of the update.
    pub(super) deviation: Vec<f64>,
}

impl Windows {
    /// The windows of `len` points of each of `series`. Windows whose standard deviation is not above `least_deviation`
    /// count as without spread; with 0 these are the constant ones.
    pub fn new<S: AsRef<[f64]>>(series: &[S], len: usize, least_deviation: f64) -> Result<Self> {
        let given = || series.iter().flat_map(|points| points.as_ref());
        if len < 2 || !given().all(|v| v.is_finite()) || least_deviation.is_nan() {
            return Err(Error::Data("windows are of two or more points that are all finite".into()));
        }
        let largest = given().fold(0.0_f64, |largest, v| largest.max(v.abs()));
        let unit = match largest {
            0.0 => 1.0,
            _ => 2.0_f64.powi((largest.log2().ceil() as i32).clamp(-1000, 1000)),
        };
        let count = given().count();
        // Of all centres the median leaves what lies around it most digits, whatever spikes there are.
        let center = if count > 0 { median(&mut given().map(|v| v / unit).collect::<Vec<_>>()) } else { 0.0 };
        let points: Vec<f64> = given().map(|v| v / unit - center).collect();
        let (mut starts, mut first) = (Vec::new(), 0);
        for points in series.iter().map(|points| points.as_ref().len()) {
            if points >= len {
                starts.push(first..first + points - len + 1);
            }
            first += points;
        }
        let (mean, norm) = moments(&points, &starts, len);
        let least = (least_deviation / unit).powi(2) * len as f64;
        let constant = constant_starts(&points, len);
        let is_flat = |start: usize| constant[start] || norm[start] <= least.max(LEAST_SQUARE);
        let inverse: Vec<f64> =
            (0..count).map(|start| if is_flat(start) { 0.0 } else { 1.0 / norm[start].sqrt() }).collect();
        let mut windows = Self {
            len,
            stretches: Vec::new(),
            flat: runs_of(&starts, |start| inverse[start] == 0.0),
            difference: vec![0.0; count],
            deviation: vec![0.0; count],
            points,
            series: starts,
            mean,
            inverse,
        };
        windows.prepare();
        Ok(windows)
    }

    fn prepare(&mut self) {
        for series in &self.series {
            for start in series.start + 1..series.end {
                let (old, new) = (self.points[start - 1], self.points[start + self.len - 1]);
                self.difference[start] = (new - old) / 2.0;
                self.deviation[start] = (new - self.mean[start]) + (old - self.mean[start - 1]);
            }
            let (mut from, mut lowest) = (series.start, f64::INFINITY);
            for start in series.clone() {
                let inverse = self.inverse[start];
                // The inverse of the largest spread is the lowest.
                if inverse * FALL > lowest {
                    self.stretches.push(from..start);
                    (from, lowest) = (start, inverse);
                } else if inverse > 0.0 {
                    lowest = lowest.min(inverse);
                }
            }
            self.stretches.push(from..series.end);
        }
    }

    /// Points of a window.
    #[allow(clippy::len_without_is_empty, reason = "a window is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Points of all series.
    pub fn n_points(&self) -> usize {
        self.points.len()
    }

    /// How many windows there are.
    pub fn count(&self) -> usize {
        self.series.iter().map(Range::len).sum()
    }

    /// The points at which windows begin in each series that has any, counted over all series.
    pub fn series(&self) -> &[Range<usize>] {
        &self.series
    }

    /// The points at which windows begin, counted over all series.
    pub fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        self.series.iter().cloned().flatten()
    }

    /// Whether the window at `start` has no spread.
    pub(super) fn is_flat(&self, start: usize) -> bool {
        self.inverse[start] == 0.0
    }

    /// The points of the window at `start`.
    pub(super) fn at(&self, start: usize) -> &[f64] {
        &self.points[start..start + self.len]
    }

    /// The series whose window begins at `start`.
    pub(super) fn series_of(&self, start: usize) -> Range<usize> {
        let place = self.series.partition_point(|series| series.end <= start);
        self.series.get(place).cloned().unwrap_or_default()
    }
}

/// Means and sums of squares from the mean, each from the window's own points: sums that move lose what is small.
fn moments(points: &[f64], series: &[Range<usize>], len: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut mean, mut norm) = (vec![0.0; points.len()], vec![0.0; points.len()]);
    let tasks = mean.par_chunks_mut(TASK).zip(norm.par_chunks_mut(TASK)).enumerate();
    tasks.for_each(|(task, (mean, norm))| {
        let own = task * TASK..task * TASK + mean.len();
        let first = series.partition_point(|series| series.end <= own.start);
        for series in series[first..].iter().take_while(|series| series.start < own.end) {
            for start in series.start.max(own.start)..series.end.min(own.end) {
                let window = &points[start..start + len];
                let m = sum(window, 0.0, false) / len as f64;
                mean[start - own.start] = m;
                norm[start - own.start] = sum(window, m, true);
            }
        }
    });
    (mean, norm)
}

/// Whether the `len` values from each point on are one value.
fn constant_starts(points: &[f64], len: usize) -> Vec<bool> {
    let (mut constant, mut run) = (vec![false; points.len()], 0);
    for start in (0..points.len()).rev() {
        run = if points.get(start + 1) == Some(&points[start]) { run + 1 } else { 1 };
        constant[start] = run >= len;
    }
    constant
}

/// Runs of starts that are `such`, none across the end of a series.
fn runs_of(series: &[Range<usize>], such: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for series in series {
        for start in series.clone().filter(|&start| such(start)) {
            match runs.last_mut() {
                Some(run) if run.end == start && start > series.start => run.end += 1,
                _ => runs.push(start..start + 1),
            }
        }
    }
    runs
}
