//! Pan matrix profile: how far the shape of every window is from the nearest shape elsewhere, at several lengths of windows.
//!
//! # Idea
//! What is odd at one length may be usual at another: a short glitch drowns in a long window, and a long stretch in the wrong
//! order is made of usual short ones. The matrix profile is computed at lengths around the period of the series, and a point
//! is as odd as it is at all of them together, or at the one at which it is oddest.
//!
//! # Equations
//! With `d_m` the score of `matrix_profile` at windows of `m` points, `s = mean over m of d_m / sqrt(2 m)`, or the largest.
//! `d_m / sqrt(2 m) = sqrt(1 - r)` with `r` the correlation with the nearest shape, so that lengths have one scale. The
//! lengths are `n_lengths` from `shortest` to `longest` in equal ratios, rounded, doubles left out.
//!
//! # Score
//! The root of one less a correlation: 0 means that the same shape is there elsewhere at all lengths, 1 that none is
//! correlated with it, the most is `sqrt(2)`. Which windows are compared, how scores stand at points, and what is said of
//! windows without neighbours and of short series is as in `matrix_profile`, for each length. With several channels, see
//! the crate's `per_channel`.
//!
//! # Complexity
//! `n_lengths` times that of `matrix_profile`: fit O(n^2) per length, score O(n) per point and length, memory O(n) per
//! length.
//!
//! # Use when / Avoid when
//! When shapes count, and it is not known how long what is odd lasts. Avoid where one length is known to be right, and on
//! long series, where one length is already slow.
//!
//! # Differences
//! The paper computes all lengths of a range, in an order that shows the whole early, to find what repeats; here a few are
//! enough, since windows of nearly the same length have nearly the same neighbours. It divides by `2 sqrt(m)`, a factor
//! that changes no order.
//!
//! # References
//! Madrid, Imani, Mercer, Zimmerman, Shakibay, Keogh 2019, Matrix profile XX, ICBK. doi:10.1109/ICBK.2019.00031. One
//! scale for anomalies of all lengths: Linardi, Zhu, Palpanas, Keogh 2020, Data Mining and Knowledge Discovery 34.
//! doi:10.1007/s10618-020-00685-w.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::PanMatrixProfile;
//! let wave = |i: usize| if (200..210).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((400, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![400] }, ..Features::rows(values) };
//! let (_, scores) = PanMatrixProfile::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..400).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((190..220).contains(&highest));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::matrix_profile::{Neighbor, Reach, Windows, join, self_join};
use serde::{Deserialize, Serialize};

use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;

/// The most lengths.
const MOST_LENGTHS: usize = 100;

/// Which lengths are looked at, and how they come together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PanMatrixProfile {
    /// Points of the shortest window. Left out, half the period of the longest training series.
    #[schemars(range(min = 3, max = 100_000))]
    pub shortest: Option<usize>,
    /// Points of the longest window. Left out, twice the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub longest: Option<usize>,
    /// How many lengths.
    #[schemars(range(min = 1, max = 100))]
    pub n_lengths: usize,
    /// What a point's score is of its scores at the lengths.
    pub over_lengths: OverLengths,
}

/// What a point's score is of its scores at several lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverLengths {
    /// Their mean: steadier.
    #[default]
    Mean,
    /// The largest: what is odd at one length only counts in full.
    Max,
}

impl Default for PanMatrixProfile {
    fn default() -> Self {
        Self { shortest: None, longest: None, n_lengths: 5, over_lengths: OverLengths::default() }
    }
}

impl Params for PanMatrixProfile {
    fn check(&self) -> Result<()> {
        match (self.shortest, self.longest) {
            (Some(shortest), Some(longest)) if shortest > longest => Err(Error::BadParameter {
                name: "shortest".into(),
                got: shortest.to_string(),
                want: format!("at most `longest`, which is {longest}"),
            }),
            _ => Ok(()),
        }
    }
}

/// The training series of a channel.
pub struct Lengths {
    series: Vec<Vec<f64>>,
    windows: Vec<Windows>,
    over_lengths: OverLengths,
}

impl PanMatrixProfile {
    /// Ascending, without doubles.
    fn lengths(&self, series: &[Vec<f64>]) -> Vec<usize> {
        let most = series.iter().map(Vec::len).max().unwrap_or(0) / 3;
        let period = shapes::window_len(None, series);
        let (mut shortest, mut longest) =
            (self.shortest.unwrap_or(period / 2), self.longest.unwrap_or((2 * period).min(most)));
        // What was asked for stands; the other end gives way.
        if self.shortest.is_none() {
            shortest = shortest.min(longest);
        }
        shortest = shortest.max(shapes::SHORTEST);
        longest = longest.max(shortest);
        let steps = (self.n_lengths - 1).max(1) as f64;
        let ratio = longest as f64 / shortest as f64;
        let length = |step: usize| (shortest as f64 * ratio.powf(step as f64 / steps)).round() as usize;
        let mut lengths: Vec<usize> = match self.n_lengths {
            // The middle of the range stands for it.
            1 => vec![(shortest as f64 * ratio.sqrt()).round() as usize],
            n => (0..n).map(length).collect(),
        };
        lengths.dedup();
        lengths
    }
}

impl Detector for PanMatrixProfile {
    const CARD: Card = Card {
        id: "pan_matrix_profile",
        title: "Pan matrix profile",
        summary: "Stretches of any length whose shape is found nowhere else.",
        paper: "Madrid et al. 2019, ICBK. doi:10.1109/ICBK.2019.00031",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Lengths>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let of = |len: usize| shapes::windows_of(series, len);
            let windows: Vec<Windows> = self.lengths(series).into_iter().map(of).collect::<Result<_>>()?;
            let mut over = Over::new(self.over_lengths, series);
            for windows in &windows {
                over.take(windows.len(), &self_join(windows, 1, Reach::Anywhere, run)?);
            }
            let scores = over.finish(windows.len());
            Ok((Lengths { series: series.to_vec(), windows, over_lengths: self.over_lengths }, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64 * self.n_lengths as f64);
        Estimate {
            bytes: (40 + 40 * self.n_lengths as u64) * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: 0.3 * d * n * n,
            score_nanos_per_row: 0.3 * d * n,
        }
    }
}

impl ChannelModel for Lengths {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let series = [points.to_vec()];
        let mut over = Over::new(self.over_lengths, &series);
        for windows in &self.windows {
            let own = shapes::windows_of(&series, windows.len())?;
            over.take(windows.len(), &join(&own, windows, 1, run)?);
        }
        Ok(over.finish(self.windows.len()).concat())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        shapes::save_series(&self.series, out);
        let lengths: Vec<usize> = self.windows.iter().map(Windows::len).collect();
        out.put_json("lengths_of_windows", &lengths)?;
        out.put_json("over_lengths", &self.over_lengths)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (series, lengths): (_, Vec<usize>) =
            (shapes::load_series(from)?, from.json("lengths_of_windows")?);
        if !(1..=MOST_LENGTHS).contains(&lengths.len()) {
            return Err(Error::model(format!("{} lengths of windows are not possible", lengths.len())));
        }
        let of = |len: usize| shapes::windows_of(&series, shapes::possible(len)?);
        let windows = lengths.into_iter().map(of).collect::<Result<_>>()?;
        Ok(Self { series, windows, over_lengths: from.json("over_lengths")? })
    }
}

/// What is known of points after some lengths.
struct Over<'a> {
    how: OverLengths,
    series: &'a [Vec<f64>],
    scores: Vec<Vec<f64>>,
}

impl<'a> Over<'a> {
    fn new(how: OverLengths, series: &'a [Vec<f64>]) -> Self {
        Self { how, series, scores: series.iter().map(|points| vec![0.0; points.len()]).collect() }
    }

    fn take(&mut self, len: usize, found: &[Neighbor]) {
        let unit = (2.0 * len as f64).sqrt();
        let own = shapes::back_to_points(&shapes::distances(found, 1), self.series, len);
        for (score, d) in self.scores.iter_mut().flatten().zip(own.iter().flatten()) {
            *score = match self.how {
                OverLengths::Mean => *score + d / unit,
                OverLengths::Max => score.max(d / unit),
            };
        }
    }

    fn finish(mut self, n_lengths: usize) -> Vec<Vec<f64>> {
        if self.how == OverLengths::Mean {
            self.scores.iter_mut().flatten().for_each(|score| *score /= n_lengths.max(1) as f64);
        }
        self.scores
    }
}

#[cfg(test)]
mod tests {
    use anomalyst_core::{DetectorExt, Features, Layout};
    use ndarray::Array2;

    use super::*;
    use crate::MatrixProfile;

    fn series(value: &dyn Fn(usize) -> f64, ends: &[usize]) -> Features {
        let n = ends.last().copied().unwrap_or(0);
        let values = Array2::from_shape_fn((n, 1), |(i, _)| value(i) as f32);
        Features { layout: Layout::Sequences { ends: ends.to_vec() }, ..Features::rows(values) }
    }

    fn beats(i: usize) -> f64 {
        let noise = ((i * i * 7 + i * 13) % 101) as f64 / 1010.0;
        (-((i % 20) as f64 - 10.0).powi(2) / 8.0).exp() + noise
    }

    #[test]
    fn lengths_are_in_equal_ratios() {
        let wave: Vec<f64> = (0..900).map(beats).collect();
        let of = |shortest, longest, n_lengths, n: usize| {
            let pan = PanMatrixProfile { shortest, longest, n_lengths, ..PanMatrixProfile::default() };
            pan.lengths(&[wave[..n].to_vec()])
        };
        assert_eq!(of(None, None, 5, 900), [10, 14, 20, 28, 40]);
        assert_eq!(of(Some(8), Some(128), 3, 900), [8, 32, 128]);
        assert_eq!(of(Some(8), Some(128), 1, 900), [32]);
        assert_eq!(of(Some(100), None, 3, 900), [100]);
        assert_eq!(of(None, Some(3), 3, 900), [3]);
        assert_eq!(of(None, None, 5, 12), [3, 4]);
        assert!(
            PanMatrixProfile { shortest: Some(9), longest: Some(8), ..Default::default() }.check().is_err()
        );
    }

    /// The mean and the largest of profiles computed one by one.
    #[test]
    fn scores_are_those_of_the_lengths() {
        let run = Run::new(0);
        let (train, new) = (series(&beats, &[200, 330]), series(&|i| beats(i * i / 150), &[120, 200]));
        let of = |len: usize| {
            let one = MatrixProfile { window: Some(len), ..MatrixProfile::default() };
            let (fitted, own) = one.fit_score_on(&train, &run).unwrap();
            let unit = (2.0 * len as f32).sqrt();
            let all = own.into_iter().chain(fitted.score(&new, &run).unwrap());
            all.map(|score| score / unit).collect::<Vec<f32>>()
        };
        let (short, long) = (of(10), of(30));
        for over_lengths in [OverLengths::Mean, OverLengths::Max] {
            let pan = PanMatrixProfile { shortest: Some(10), longest: Some(30), n_lengths: 2, over_lengths };
            let (fitted, own) = pan.fit_score_on(&train, &run).unwrap();
            let got = own.into_iter().chain(fitted.score(&new, &run).unwrap());
            for (i, got) in got.enumerate() {
                let want = match over_lengths {
                    OverLengths::Mean => f32::midpoint(short[i], long[i]),
                    OverLengths::Max => short[i].max(long[i]),
                };
                assert!((got - want).abs() < 1e-5, "{i}: {got} {want}");
            }
        }
    }

    /// A glitch of 4 points and a beat that comes late: each shows at another length, both in the mean.
    #[test]
    fn short_and_long_oddities_are_found() {
        let value = |i: usize| match i {
            200..204 => 1.0 - beats(i),
            400..430 => beats(i.max(415) + 5),
            _ => beats(i),
        };
        let scores =
            PanMatrixProfile::default().fit_score_on(&series(&value, &[700]), &Run::new(0)).unwrap().1;
        let top = |range: std::ops::Range<usize>| scores[range].iter().copied().fold(0.0, f32::max);
        let usual = top(20..180).max(top(240..370)).max(top(460..680));
        assert!(top(190..214) > 1.2 * usual && top(390..440) > 1.2 * usual, "{usual}");
    }

    #[test]
    fn what_is_saved_scores_alike() {
        let points = |n: usize| (0..n).map(|i| f64::from(beats(i) as f32)).collect::<Vec<_>>();
        let series = vec![points(150), points(60)];
        let windows = [10, 20].map(|len| shapes::windows_of(&series, len).unwrap()).into();
        let lengths = Lengths { series, windows, over_lengths: OverLengths::Max };
        let mut out = ModelWriter::new();
        lengths.save(&mut out).unwrap();
        let (tensors, mut json) = out.finish();
        let again = Lengths::load(&ModelReader::new(&tensors, &json)).unwrap();
        let run = Run::new(0);
        assert_eq!(again.score(&points(99), &run).unwrap(), lengths.score(&points(99), &run).unwrap());
        json.insert("lengths_of_windows".into(), vec![10, 0].into());
        assert!(Lengths::load(&ModelReader::new(&tensors, &json)).is_err());
    }

    #[test]
    fn degenerate_series_have_an_answer() {
        let run = Run::new(0);
        let values: [&dyn Fn(usize) -> f64; 3] =
            [&|_| 0.0, &|i| if i == 9 { 1e9 } else { 0.0 }, &|i| 1e9 * (i as f64).sin()];
        for value in values {
            for ends in [vec![4], vec![300], vec![1, 2, 40], vec![0, 7, 7, 40]] {
                for longest in [None, Some(3), Some(1000)] {
                    let features = series(value, &ends);
                    let pan = PanMatrixProfile { longest, ..PanMatrixProfile::default() };
                    let (fitted, scores) = pan.fit_score_on(&features, &run).unwrap();
                    let new = fitted.score(&features, &run).unwrap();
                    assert!(scores.iter().chain(&new).all(|score| score.is_finite()));
                }
            }
        }
    }
}
