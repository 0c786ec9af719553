//! What the methods that compare windows with weighted patterns share: the windows that patterns are learned from, and how
//! a series is judged by patterns.
//!
//! A window's score is the mean distance of its shape from the patterns, each weighted: from a pattern, which is longer than
//! the window, the distance from the part of it that is nearest. A point's score is the mean score of all windows that it
//! lies in, so it stands where the window is, at the edges too.

use anomalyst_core::{Error, ModelReader, ModelWriter, Random, Result, Run};
use anomalyst_kernels::draw::below;
use anomalyst_kernels::k_shape::standardized;
use anomalyst_kernels::matrix_profile::{Windows, join};
use anomalyst_kernels::stats::Moments;
use rayon::prelude::*;

use crate::shapes::{self, FLAT};

/// Windows that patterns are learned from, each brought to mean 0 and deviation 1. Those without a shape are apart.
pub(crate) struct Sample {
    /// The windows with a shape.
    pub(crate) shapes: Vec<Vec<f64>>,
    /// Where each begins, counted over all series.
    pub(crate) starts: Vec<usize>,
    /// Where those without a shape begin.
    pub(crate) flat: Vec<usize>,
}

impl Sample {
    /// Windows of `len` points, `stride` points apart, of each series; where these are more than `most`, one of each of
    /// `most` equal parts of them, drawn at random. Series shorter than a window are left out unless all are; then the
    /// longest goes on as it ended until it is one.
    pub(crate) fn draw(series: &[Vec<f64>], how: Draw, random: &mut Random) -> Self {
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        let mut first = 0;
        for (of, points) in series.iter().enumerate() {
            let last = (points.len() + 1).saturating_sub(how.len);
            places.extend((0..last).step_by(how.stride.max(1)).map(|start| (of, start, first + start)));
            first += points.len();
        }
        if places.len() > how.most {
            let edge = |part: usize| part * places.len() / how.most;
            let one = |part: usize| places[edge(part) + below(random, edge(part + 1) - edge(part))];
            places = (0..how.most).map(one).collect();
        }
        let mut sample = Self { shapes: Vec::new(), starts: Vec::new(), flat: Vec::new() };
        if places.is_empty() {
            // Of series of one length the first.
            let longest = series.iter().rev().max_by_key(|points| points.len());
            let mut points = longest.cloned().unwrap_or_default();
            points.resize(how.len, points.last().copied().unwrap_or(0.0));
            sample.take(&points, 0);
        }
        places.into_iter().for_each(|(of, start, at)| sample.take(&series[of][start..start + how.len], at));
        sample
    }

    fn take(&mut self, window: &[f64], start: usize) {
        if window.iter().copied().collect::<Moments>().std_dev() > FLAT {
            self.shapes.push(standardized(window));
            self.starts.push(start);
        } else {
            self.flat.push(start);
        }
    }
}

/// Which windows are drawn.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    pub(crate) len: usize,
    pub(crate) stride: usize,
    pub(crate) most: usize,
}

/// Patterns with their weights, by which windows are judged.
pub(crate) struct NormalModel {
    len: usize,
    patterns: Vec<Pattern>,
}

struct Pattern {
    points: Vec<f64>,
    /// Weights sum to 1.
    weight: f64,
    windows: Windows,
}

impl NormalModel {
    /// Of patterns of at least `len` points with weights above 0, of which only the proportions matter.
    pub(crate) fn new(len: usize, patterns: Vec<(Vec<f64>, f64)>) -> Result<Self> {
        let total: f64 = patterns.iter().map(|(_, weight)| weight).sum();
        let is_possible = |(points, weight): &(Vec<f64>, f64)| points.len() >= len && *weight > 0.0;
        if !(patterns.iter().all(is_possible) && total > 0.0 && total.is_finite()) {
            return Err(Error::model("patterns must be as long as a window and have a weight"));
        }
        let pattern = |(points, weight): (Vec<f64>, f64)| {
            let windows = Windows::new(&[&points], len, FLAT)?;
            Ok(Pattern { points, weight: weight / total, windows })
        };
        Ok(Self { len, patterns: patterns.into_iter().map(pattern).collect::<Result<_>>()? })
    }

    /// One score per window of one series, of which a series shorter than a window has one.
    pub(crate) fn windows(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        run.check()?;
        let windows = shapes::windows_of(&[points], self.len)?;
        let distances = |pattern: &Pattern| {
            let found = join(&windows, &pattern.windows, 1, run)?;
            Ok(shapes::distances(&found, 1))
        };
        let all: Vec<Vec<f64>> = self.patterns.par_iter().map(distances).collect::<Result<_>>()?;
        let mut scores = vec![0.0; windows.count()];
        for (pattern, own) in self.patterns.iter().zip(&all) {
            scores.iter_mut().zip(own).for_each(|(score, d)| *score += pattern.weight * d);
        }
        Ok(scores)
    }

    /// One score per point of one series.
    pub(crate) fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        Ok(over_points(&self.windows(points, run)?, points.len(), self.len))
    }

    pub(crate) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let points: Vec<f64> = self.patterns.iter().flat_map(|pattern| &pattern.points).copied().collect();
        let lengths: Vec<u64> = self.patterns.iter().map(|pattern| pattern.points.len() as u64).collect();
        let weights: Vec<f64> = self.patterns.iter().map(|pattern| pattern.weight).collect();
        out.put_list("points", &points);
        out.put_list("lengths", &lengths);
        out.put_list("weights", &weights);
        out.put_json("window", &self.len)
    }

    pub(crate) fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (points, lengths): (Vec<f64>, Vec<u64>) = (from.list("points")?, from.list("lengths")?);
        let weights: Vec<f64> = from.list_of("weights", lengths.len())?;
        let len = shapes::possible(from.json("window")?)?;
        let total = lengths.iter().try_fold(0_u64, |sum, &length| sum.checked_add(length));
        // Patterns are standardised, so none of their points is as far out as a damaged one may be.
        let is_near = |v: &f64| v.abs() <= 1e9;
        if total != Some(points.len() as u64) || !points.iter().all(is_near) || !weights.iter().all(is_near) {
            return Err(Error::model("the patterns of a channel do not hold together"));
        }
        let mut rest = points.as_slice();
        let own = |(&length, &weight): (&u64, &f64)| {
            let (own, later) = rest.split_at(length as usize);
            rest = later;
            (own.to_vec(), weight)
        };
        let model = Self::new(len, lengths.iter().zip(&weights).map(own).collect())?;
        // Divided by their sum again, they would not be the same bits.
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > 1e-9 {
            return Err(Error::model("the weights of patterns must sum to 1"));
        }
        let as_saved = |(pattern, weight): (Pattern, f64)| Pattern { weight, ..pattern };
        Ok(Self { len, patterns: model.patterns.into_iter().zip(weights).map(as_saved).collect() })
    }
}

/// The mean of the scores of the windows of `len` points that each point lies in.
pub(crate) fn over_points(windows: &[f64], n_points: usize, len: usize) -> Vec<f64> {
    // Of a series shorter than a window, all points lie in its only one.
    let Some(last) = windows.len().checked_sub(1) else { return vec![0.0; n_points] };
    let mut sums = vec![0.0];
    sums.extend(windows.iter().scan(0.0, |sum, score| {
        *sum += score;
        Some(*sum)
    }));
    let mean = |point: usize| {
        let (from, to) = ((point + 1).saturating_sub(len).min(last), point.min(last));
        (sums[to + 1] - sums[from]) / (to + 1 - from) as f64
    };
    (0..n_points).map(mean).collect()
}

/// Values brought to 1 to 2, the least and the largest; all 1 where they do not differ.
pub(crate) fn from_one_to_two(values: &[f64]) -> Vec<f64> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    values.iter().map(|v| if range > 1e-12 { 1.0 + (v - least) / range } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::wave;

    #[test]
    fn windows_go_back_to_their_points() {
        assert_eq!(over_points(&[1.0, 2.0, 6.0], 5, 3), [1.0, 1.5, 3.0, 4.0, 6.0]);
        assert_eq!(over_points(&[4.0], 2, 3), [4.0, 4.0]);
        assert_eq!(over_points(&[4.0, 8.0], 2, 1), [4.0, 8.0]);
        assert_eq!(over_points(&[], 0, 3), [0.0; 0]);
    }

    #[test]
    fn scales_are_from_one_to_two() {
        assert_eq!(from_one_to_two(&[3.0, 5.0, 4.0]), [1.0, 2.0, 1.5]);
        assert_eq!(from_one_to_two(&[3.0, 3.0]), [1.0, 1.0]);
    }

    /// One of each part, in order; flat ones apart; series that are too short left out.
    #[test]
    fn samples_are_even() {
        let mut long = wave(1000, 20.0, 0.1);
        long[400..500].fill(0.5);
        let series = [vec![0.5; 9], long];
        let mut random = Run::new(3).random(0);
        let all = Sample::draw(&series, Draw { len: 20, stride: 10, most: 1000 }, &mut random);
        assert_eq!((all.starts[..3].to_vec(), all.flat.len()), (vec![9, 19, 29], 9));
        let few = Sample::draw(&series, Draw { len: 20, stride: 1, most: 98 }, &mut random);
        let starts: Vec<usize> = few.starts.iter().chain(&few.flat).copied().collect();
        assert!(starts.len() == 98 && starts.iter().all(|start| (9..1009).contains(start)));
        assert!((0..9).all(|part| starts.iter().any(|start| (start - 9) / 100 == part)));
        let none = Sample::draw(&series[..1], Draw { len: 20, stride: 1, most: 98 }, &mut random);
        assert_eq!((none.shapes.len(), none.flat), (0, vec![0]));
    }

    /// Against distances summed up from the definition.
    #[test]
    fn scores_are_weighted_distances() {
        let patterns = [wave(30, 10.0, 0.3), wave(25, 7.0, 0.1), vec![0.0; 20]];
        let weights = [1.0, 4.0, 3.0];
        let model = NormalModel::new(8, patterns.iter().cloned().zip(weights).collect()).unwrap();
        let points = [wave(40, 9.0, 0.4), vec![0.7; 10]].concat();
        let distance = |window: &[f64], pattern: &Vec<f64>| {
            let own = standardized(window);
            let square = |part: &[f64]| {
                let other = standardized(part);
                own.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
            };
            pattern.windows(8).map(square).fold(f64::INFINITY, f64::min).sqrt()
        };
        let score = |window: &[f64]| {
            let parts =
                patterns.iter().zip(weights).map(|(pattern, weight)| weight * distance(window, pattern));
            parts.sum::<f64>() / 8.0
        };
        let want = over_points(&points.windows(8).map(score).collect::<Vec<_>>(), 50, 8);
        let got = model.score(&points, &Run::new(0)).unwrap();
        assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-7), "{got:?} {want:?}");
    }
}
