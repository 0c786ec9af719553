//! DAMP: how far every window is from the nearest shape before it, on series too long to compare all pairs.
//!
//! # Idea
//! Only what is odder than all before it needs its nearest neighbour exactly. A window is compared with its recent past
//! first, then with twice as much, and so on, until something is like it; and what follows soon and is like a window is not
//! odd either, without being looked at. Almost all windows are settled by a few others.
//!
//! # Equations
//! With `d` the distance of shapes (see `matrix_profile`), `l_i = min d(i, j)` over windows `j` that end before window `i`
//! begins, and `b` the largest `l` so far: the search for `l_i` goes back `8 m` windows, then twice as many, and ends as
//! soon as the least `d` is below `exact_share b`. Then `d(i, j)` of the `16 m` windows `j` that follow bounds their `l_j`;
//! a window whose bound is below `exact_share b` is not searched for. `s_i` is the least `d` seen: an upper bound of `l_i`, and
//! `l_i` itself where it is at least `exact_share` of the largest before it.
//!
//! # Score
//! A distance, 0 to `2 sqrt(m)`, at the middle of the window, of an even one at the later middle; points at the edges get
//! the nearest window's. What is before a training window are those before it in its series and the series before; what
//! is before a new one are those before it in its series and all training series. The windows of the first `8 m` points of
//! training, at most a quarter of all, are only learned from and get the median score. A series shorter than the window
//! goes on as it ended until it is one window. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n m^2) where most is settled at once, O(n^2 m) at worst; memory O(n). 400,000 points of noisy beats of 100 take
//! 1.9 seconds of a core, 0.6 with `exact_share = 1`. Below some 50,000 points the exact profile is as fast.
//!
//! # Use when / Avoid when
//! For the oddest shapes of series of millions of points, and as they come: nothing is judged by what comes later. Avoid on
//! noise, where nothing is settled early, and where mild oddities need an order: those below `exact_share` of the oddest
//! are only bounded.
//!
//! # Differences
//! The paper abandons at the largest score itself (`exact_share = 1`), which finds the single oddest window. It gives
//! windows that are not searched for the score before them less 1e-5, here they get the bound that settled them. Products
//! are summed directly, where the paper uses Fourier transforms, which lose small windows beside large values; for the
//! stretches that are looked at most, that is as fast up to a few hundred points. The exact left profile is
//! `matrix_profile` with `join = "left"`, which lets windows overlap.
//!
//! # References
//! Lu, Wu, Mueen, Zuluaga, Keogh 2022, Matrix profile XXIV, KDD. doi:10.1145/3534678.3539271. The same with
//! a bounded lookback: Lu et al. 2023, Data Mining and Knowledge Discovery 37. doi:10.1007/s10618-022-00911-7.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Damp;
//! let wave = |i: usize| if (700..710).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((1000, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![1000] }, ..Features::rows(values) };
//! let (_, scores) = Damp::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..1000).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((690..720).contains(&highest));
//! ```

use std::ops::Range;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::matrix_profile::{Windows, distances};
use serde::{Deserialize, Serialize};

use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;

/// Lengths of a window that are looked back at first, and that training begins with.
const BACK: usize = 8;
/// Lengths of a window that are looked ahead.
const AHEAD: usize = 16;
/// Starts that are computed between two looks at whether to stop.
const PIECE: usize = 1 << 14;

/// How exact scores are, and how far back is looked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Damp {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// Scores of at least this share of the highest before are exact, others may be too high; 1 is fastest.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub exact_share: f64,
    /// The most windows that are looked back at; left out, all.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub lookback: Option<usize>,
}

impl Default for Damp {
    fn default() -> Self {
        Self { window: None, exact_share: 0.7, lookback: None }
    }
}

impl Params for Damp {}

/// The training series of a channel.
pub struct Past {
    series: Vec<Vec<f64>>,
    windows: Windows,
    search: Search,
}

/// How windows are searched for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Search {
    exact_share: f64,
    lookback: Option<usize>,
}

impl Detector for Damp {
    const CARD: Card = Card {
        id: "damp",
        title: "DAMP",
        summary: "Stretches whose shape was not there before, in long series.",
        paper: "Lu et al. 2022, KDD. doi:10.1145/3534678.3539271",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Past>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let search = Search { exact_share: self.exact_share, lookback: self.lookback };
        per_channel::fit_score(train, run, |series, run| {
            let len = shapes::window_len(self.window, series);
            let windows = shapes::windows_of(series, len)?;
            let lead = (BACK * len).min(windows.n_points() / 4);
            let mut scores = Vec::with_capacity(windows.count());
            let mut highest = 0.0;
            for (place, own) in windows.series().iter().enumerate() {
                let before = Before { windows: &windows, series: &windows.series()[..place] };
                scores.extend(search.scores(&windows, own.clone(), (&before, lead), &mut highest, run)?);
            }
            let scores = shapes::back_to_points(&shapes::or_usual(&scores), series, len);
            Ok((Past { series: series.to_vec(), windows, search }, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let len = self.window.unwrap_or(100) as f64;
        // Measured on beats of 100 points with noise: 5 microseconds of a core per window.
        let nanos = 0.02 * d * (BACK + AHEAD) as f64 * len * len;
        Estimate {
            bytes: 96 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: nanos * n,
            score_nanos_per_row: nanos,
        }
    }
}

impl ChannelModel for Past {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let windows = shapes::windows_of(&[points], self.windows.len())?;
        let before = Before { windows: &self.windows, series: self.windows.series() };
        let own = windows.series().first().cloned().unwrap_or_default();
        let scores = self.search.scores(&windows, own, (&before, 0), &mut 0.0, run)?;
        Ok(shapes::at_middles(&shapes::or_usual(&scores), points.len()))
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        shapes::save_series(&self.series, out);
        out.put_json("window", &self.windows.len())?;
        out.put_json("search", &self.search)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (series, len) = (shapes::load_series(from)?, shapes::possible(from.json("window")?)?);
        let search: Search = from.json("search")?;
        if !(0.0..=1.0).contains(&search.exact_share) || search.lookback == Some(0) {
            return Err(Error::model("the search of a channel is not possible"));
        }
        let windows = shapes::windows_of(&series, len)?;
        Ok(Self { series, windows, search })
    }
}

/// The series before one, in order.
struct Before<'a> {
    windows: &'a Windows,
    series: &'a [Range<usize>],
}

impl Search {
    /// Scores of the windows of one series, which begin at `own`; `None` for those that begin within the first points,
    /// as many as are given beside what was before, and for those with nothing before them.
    fn scores(
        self,
        windows: &Windows,
        own: Range<usize>,
        (before, lead): (&Before<'_>, usize),
        highest: &mut f64,
        run: &Run,
    ) -> Result<Vec<Option<f64>>> {
        let len = windows.len();
        let mut least = vec![f64::INFINITY; own.len()];
        let mut ahead = Vec::new();
        for row in own.clone().filter(|&row| row >= lead) {
            let limit = self.exact_share * *highest;
            let score = &mut least[row - own.start];
            if *score < limit {
                continue;
            }
            let past = own.start..(row + 1).saturating_sub(len).max(own.start);
            *score = score.min(self.least_before((windows, row), past, before, limit, run)?);
            if score.is_finite() {
                *highest = highest.max(*score);
            }
            let next = (row + len).min(own.end)..(row + len + AHEAD * len).min(own.end);
            distances(windows, row, windows, next.clone(), &mut ahead);
            let bounds = &mut least[next.start - own.start..next.end - own.start];
            bounds.iter_mut().zip(&ahead).for_each(|(bound, &d)| *bound = bound.min(d));
        }
        let known =
            |(place, score): (usize, f64)| (own.start + place >= lead && score.is_finite()).then_some(score);
        Ok(least.into_iter().enumerate().map(known).collect())
    }

    /// The least distance from what was before, or one below `limit`.
    fn least_before(
        self,
        (windows, row): (&Windows, usize),
        past: Range<usize>,
        before: &Before<'_>,
        limit: f64,
        run: &Run,
    ) -> Result<f64> {
        let own = std::iter::once((windows, past));
        let earlier = before.series.iter().rev().map(|series| (before.windows, series.clone()));
        let (mut least, mut left) = (f64::INFINITY, self.lookback.unwrap_or(usize::MAX));
        let (mut size, mut seen) = (BACK * windows.len(), 0);
        let mut found = Vec::new();
        for (of, mut starts) in own.chain(earlier) {
            while !starts.is_empty() && left > 0 {
                run.check()?;
                let count = starts.len().min(size - seen).min(left).min(PIECE);
                let from = starts.end - count;
                distances(windows, row, of, from..starts.end, &mut found);
                least = found.iter().copied().fold(least, f64::min);
                (starts.end, left, seen) = (from, left - count, seen + count);
                if seen == size {
                    if least < limit {
                        return Ok(least);
                    }
                    (size, seen) = (2 * size, 0);
                }
            }
        }
        Ok(least)
    }
}

#[cfg(test)]
mod tests {
    use anomalyst_core::{DetectorExt, Features, Layout};
    use anomalyst_kernels::matrix_profile::Reach;
    use ndarray::Array2;

    use super::*;

    fn series(value: &dyn Fn(usize) -> f64, ends: &[usize]) -> Features {
        let n = ends.last().copied().unwrap_or(0);
        let values = Array2::from_shape_fn((n, 1), |(i, _)| value(i) as f32);
        Features { layout: Layout::Sequences { ends: ends.to_vec() }, ..Features::rows(values) }
    }

    fn highest(scores: &[f32]) -> usize {
        (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
    }

    /// Beats of 20 points with noise, upside down at `odd`.
    fn beats(i: usize, odd: usize) -> f64 {
        let sign = if (odd..odd + 20).contains(&i) { -1.0 } else { 1.0 };
        let noise = ((i * i * 7 + i * 13) % 101) as f64 / 505.0 + ((i * i) % 37) as f64 / 370.0;
        sign * (-((i % 20) as f64 - 10.0).powi(2) / 8.0).exp() + noise
    }

    /// `l_i` over all that ended before.
    fn exact(windows: &Windows, own: &Range<usize>) -> Vec<f64> {
        let mut found = Vec::new();
        let least = |row: usize| {
            distances(windows, row, windows, 0..(row + 1).saturating_sub(windows.len()), &mut found);
            found.iter().copied().fold(f64::INFINITY, f64::min)
        };
        own.clone().map(least).collect()
    }

    #[test]
    fn high_scores_are_exact_and_others_are_bounds() {
        let points: Vec<f64> = (0..3000).map(|i| beats(i, 2000)).collect();
        let windows = shapes::windows_of(&[points], 20).unwrap();
        let own = windows.series()[0].clone();
        let want = exact(&windows, &own);
        for exact_share in [0.0, 0.5, 1.0] {
            let search = Search { exact_share, lookback: None };
            let nothing = Before { windows: &windows, series: &[] };
            let mut top = 0.0_f64;
            let got = search.scores(&windows, own.clone(), (&nothing, 160), &mut top, &Run::new(0)).unwrap();
            assert!(got[..160].iter().all(Option::is_none));
            let mut before = 0.0_f64;
            for (i, (got, want)) in got.iter().zip(&want).enumerate().skip(160) {
                let got = got.unwrap();
                assert!(got >= want - 1e-6, "{i}: {got} is no bound of {want}");
                assert!((got - want).abs() < 1e-6 || got < exact_share * before, "{i}: {got} {want}");
                before = before.max(*want);
            }
            assert!((top - before).abs() < 1e-6);
        }
    }

    #[test]
    fn looking_back_can_be_bounded() {
        // A shape that is there once long ago is odd for who does not look back that far.
        let features = series(&|i| beats(i, 300) - beats(i, 0) + beats(i, 1700), &[2000]);
        let scores = |lookback| {
            let damp = Damp { window: Some(20), exact_share: 0.0, lookback };
            damp.fit_score_on(&features, &Run::new(0)).unwrap().1
        };
        assert!(scores(Some(400))[1710] > 1.2 * scores(None)[1710]);
    }

    #[test]
    fn new_series_have_the_training_series_before_them() {
        let run = Run::new(0);
        let fitted = Damp { window: Some(20), ..Damp::default() };
        let fitted = fitted.fit_on(&series(&|i| beats(i, 9999), &[500, 1000]), &run).unwrap();
        let new = series(&|i| beats(i + 3, 107), &[300]);
        let scores = fitted.score(&new, &run).unwrap();
        assert!((100..130).contains(&highest(&scores)), "{}", highest(&scores));
        let two = series(&|i| beats(if i < 300 { i } else { i - 297 }, 107), &[300, 600]);
        assert_eq!(fitted.score(&two, &run).unwrap()[300..], scores, "whatever else is scored");
    }

    #[test]
    fn what_is_saved_scores_alike() {
        let points = |n: usize| (0..n).map(|i| f64::from(beats(i, 40) as f32)).collect::<Vec<_>>();
        let series = vec![points(300), points(60)];
        let windows = shapes::windows_of(&series, 20).unwrap();
        let past = Past { series, windows, search: Search { exact_share: 0.5, lookback: Some(99) } };
        let mut out = ModelWriter::new();
        past.save(&mut out).unwrap();
        let (tensors, mut json) = out.finish();
        let again = Past::load(&ModelReader::new(&tensors, &json)).unwrap();
        let run = Run::new(0);
        assert_eq!(again.score(&points(99), &run).unwrap(), past.score(&points(99), &run).unwrap());
        json.insert("window".into(), 1.into());
        assert!(Past::load(&ModelReader::new(&tensors, &json)).is_err());
    }

    #[test]
    fn degenerate_series_have_an_answer() {
        let run = Run::new(0);
        let values: [&dyn Fn(usize) -> f64; 3] =
            [&|_| 0.0, &|i| if i == 9 { 1e9 } else { 0.0 }, &|i| 1e9 * (i as f64).sin()];
        for value in values {
            for ends in [vec![4], vec![300], vec![1, 2, 40], vec![0, 7, 7, 40]] {
                for window in [None, Some(30), Some(1000)] {
                    let features = series(value, &ends);
                    let damp = Damp { window, ..Damp::default() };
                    let (fitted, scores) = damp.fit_score_on(&features, &run).unwrap();
                    let new = fitted.score(&features, &run).unwrap();
                    assert!(scores.iter().chain(&new).all(|score| score.is_finite()));
                }
            }
        }
    }

    /// Where the oddest shape stands, all pairs and few pairs agree.
    #[test]
    fn the_oddest_is_that_of_the_left_profile() {
        let points: Vec<f64> = (0..2000).map(|i| beats(i, 1500)).collect();
        let windows = shapes::windows_of(&[points], 20).unwrap();
        let left = anomalyst_kernels::matrix_profile::self_join(&windows, 1, Reach::Before, &Run::new(0));
        let left: Vec<f32> = left.unwrap().iter().map(|near| near.distance as f32).collect();
        let scores = Damp { window: Some(20), ..Damp::default() };
        let scores = scores.fit_score_on(&series(&|i| beats(i, 1500), &[2000]), &Run::new(0)).unwrap().1;
        assert!(highest(&scores).abs_diff(highest(&left[160..]) + 170) <= 5);
    }
}
