//! Matrix profile: how far the shape of every window is from the nearest shape elsewhere.
//!
//! # Idea
//! A stretch whose shape is found nowhere else in the series is odd: a discord. Every window is compared with every other
//! one, exactly, whatever level and size they have. An anomaly that happens twice has itself as a neighbour; then the
//! second or third place where its shape is found tells it from what is common.
//!
//! # Equations
//! `d(a, b)^2 = sum ((a_t - mean_a) / dev_a - (b_t - mean_b) / dev_b)^2 = 2 m (1 - r)` with `m` the `window` and `r` the
//! correlation of the two. `s` of a window is its distance from the `neighbor`-th place: the nearest window is the first,
//! the nearest that begins more than `ceil(m / 4)` points from it the second, and so on; all begin more than `ceil(m / 4)`
//! points from the window itself. Two windows without deviation are 0 apart, one is `sqrt(m)` from any with deviation.
//!
//! # Score
//! A distance, 0 to `2 sqrt(m)`; 0 means that the same shape is there elsewhere. It stands at the middle of the window, of
//! an even one at the later middle; points at the edges get the nearest window's. Training series are compared with
//! themselves and each other, new ones with the training series. A window with fewer places to compare with takes the last
//! that it has, with none the median score of the others. A series shorter than the window goes on as it ended until
//! it is one window. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! Fit O(n^2) whatever the window, a quarter of a nanosecond per pair; score O(n) per point. Memory O(n).
//!
//! # Use when / Avoid when
//! When series repeat themselves and what is odd is a shape: beats, cycles, machines. Avoid where level or size is what
//! is odd, which shapes do not show, and on noise, where everything is equally far from everything.
//!
//! # Differences
//! Windows whose deviation is at most 1e-5 of the channel's count as without deviation, since their shape would be noise
//! of measuring; stumpy takes only constant ones so. stumpy's later neighbours may overlap the nearer ones, here they are
//! other places, as Yankov et al. define them. Without a window the period of the longest series is taken, as in TSB-AD,
//! but at most a third of that series.
//!
//! # References
//! Yeh et al. 2016, Matrix profile I, ICDM. doi:10.1109/ICDM.2016.0179. Zhu et al. 2016, Matrix profile II, ICDM.
//! doi:10.1109/ICDM.2016.0085. The m-th discord: Yankov, Keogh, Rebbapragada 2008, Knowledge and Information Systems
//! 17(2), doi:10.1007/s10115-008-0131-9. The update: Zimmerman et al. 2019, Matrix profile XIV, SoCC.
//! doi:10.1145/3357223.3362721.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::MatrixProfile;
//! // A sine whose beat is cut off once.
//! let wave = |i: usize| if (200..210).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((400, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![400] }, ..Features::rows(values) };
//! let (_, scores) = MatrixProfile::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..400).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((190..220).contains(&highest));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::matrix_profile::{Reach, Windows, join, self_join};
use serde::{Deserialize, Serialize};

use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;

/// The most neighbours that are looked for.
const MOST_NEIGHBORS: usize = 100;

/// Which windows are compared, and with which of their neighbours.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixProfile {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// Which neighbour's distance is the score: 1 finds what happens once, 2 also what happens twice, and so on.
    #[schemars(range(min = 1, max = 100))]
    pub neighbor: usize,
    /// Where training series are compared with themselves.
    pub join: SelfJoin,
}

/// Where neighbours of the windows of training series may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelfJoin {
    /// Before and after, and in the other series.
    #[default]
    Both,
    /// Before, in the same series: the first of several odd stretches that are alike is found, and what becomes usual later
    /// is odd where it begins.
    Left,
}

impl Default for MatrixProfile {
    fn default() -> Self {
        Self { window: None, neighbor: 1, join: SelfJoin::default() }
    }
}

impl Params for MatrixProfile {}

/// The training series of a channel.
pub struct Shapes {
    series: Vec<Vec<f64>>,
    windows: Windows,
    neighbor: usize,
}

impl Detector for MatrixProfile {
    const CARD: Card = Card {
        id: "matrix_profile",
        title: "Matrix profile",
        summary: "Stretches whose shape is found nowhere else.",
        paper: "Yeh et al. 2016, ICDM. doi:10.1109/ICDM.2016.0179",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Shapes>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        // What is usual of a channel's scores takes the comparison, too.
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let reach = match self.join {
            SelfJoin::Both => Reach::Anywhere,
            SelfJoin::Left => Reach::Before,
        };
        per_channel::fit_score(train, run, |series, run| {
            let len = shapes::window_len(self.window, series);
            let windows = shapes::windows_of(series, len)?;
            let found = self_join(&windows, self.neighbor, reach, run)?;
            let scores = shapes::back_to_points(&shapes::distances(&found, self.neighbor), series, len);
            Ok((Shapes { series: series.to_vec(), windows, neighbor: self.neighbor }, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        // Whole rows do not stay in the cache.
        let pair_nanos = if self.neighbor == 1 { 0.3 } else { 0.4 + 0.1 * self.neighbor as f64 };
        Estimate {
            bytes: 80 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: pair_nanos * d * n * n,
            score_nanos_per_row: pair_nanos * d * n,
        }
    }
}

impl ChannelModel for Shapes {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let len = self.windows.len();
        let found = join(&shapes::windows_of(&[points], len)?, &self.windows, self.neighbor, run)?;
        Ok(shapes::at_middles(&shapes::distances(&found, self.neighbor), points.len()))
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        shapes::save_series(&self.series, out);
        out.put_json("window", &self.windows.len())?;
        out.put_json("neighbor", &self.neighbor)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (series, len) = (shapes::load_series(from)?, shapes::possible(from.json("window")?)?);
        let neighbor = from.json("neighbor")?;
        if !(1..=MOST_NEIGHBORS).contains(&neighbor) {
            return Err(Error::model(format!("there is no neighbour {neighbor}")));
        }
        let windows = shapes::windows_of(&series, len)?;
        Ok(Self { series, windows, neighbor })
    }
}

#[cfg(test)]
mod tests {
    use anomalyst_core::{DetectorExt, Features, Layout};
    use ndarray::Array2;

    use super::*;

    fn series(channels: &[&dyn Fn(usize) -> f64], ends: &[usize]) -> Features {
        let n = ends.last().copied().unwrap_or(0);
        let values = Array2::from_shape_fn((n, channels.len()), |(i, channel)| channels[channel](i) as f32);
        Features { layout: Layout::Sequences { ends: ends.to_vec() }, ..Features::rows(values) }
    }

    fn highest(scores: &[f32]) -> usize {
        (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
    }

    fn noise(i: usize) -> f64 {
        0.1 * ((i * i * 7 + i * 13) % 101) as f64 / 101.0
    }

    /// Beats of 20 points, with two at `odd` that are upside down.
    fn beats(i: usize, odd: [usize; 2]) -> f64 {
        let sign = if odd.iter().any(|&at| (at..at + 20).contains(&i)) { -1.0 } else { 1.0 };
        sign * (-((i % 20) as f64 - 10.0).powi(2) / 8.0).exp() + noise(i)
    }

    #[test]
    fn twins_are_found_by_their_second_place() {
        let run = Run::new(0);
        let one = series(&[&|i| beats(i, [300, 1000])], &[600]);
        let twins = series(&[&|i| beats(i, [300, 440])], &[600]);
        let detector = |neighbor| MatrixProfile { window: Some(20), neighbor, join: SelfJoin::Both };
        let scores = |neighbor, features| detector(neighbor).fit_score_on(features, &run).unwrap().1;
        assert!((300..320).contains(&highest(&scores(1, &one))));
        let (first, second) = (scores(1, &twins), scores(2, &twins));
        assert!(first[310] < 0.6 * second[310], "{} {}", first[310], second[310]);
        assert!((300..320).contains(&highest(&second)) || (440..460).contains(&highest(&second)));
    }

    /// The first of two odd beats has nothing before it that is like it; the second has.
    #[test]
    fn the_left_profile_looks_back() {
        let twins = series(&[&|i| beats(i, [300, 440])], &[600]);
        let detector = MatrixProfile { window: Some(20), neighbor: 1, join: SelfJoin::Left };
        let scores = detector.fit_score_on(&twins, &Run::new(0)).unwrap().1;
        assert!((300..320).contains(&highest(&scores[100..]).saturating_add(100)));
        assert!(scores[450] < 0.6 * scores[310]);
    }

    #[test]
    fn new_series_are_compared_with_what_was_learned() {
        let run = Run::new(0);
        let train = series(&[&|i| beats(i, [1000, 1000])], &[300]);
        let new = series(&[&|i| beats(i + 7, [107, 147])], &[300]);
        let fitted =
            MatrixProfile { window: Some(20), ..MatrixProfile::default() }.fit_on(&train, &run).unwrap();
        let scores = fitted.score(&new, &run).unwrap();
        assert!(
            scores[110] > 3.0 * scores[30] && scores[150] > 3.0 * scores[30],
            "twins do not hide each other"
        );
        let same = fitted.score(&train, &run).unwrap();
        assert!(same.iter().all(|&score| score < 1e-4), "what was learned is there");
        // A part of a batch scores as alone.
        let two = series(&[&|i| beats(if i < 300 { i } else { i - 293 }, [107, 147])], &[300, 600]);
        assert_eq!(fitted.score(&two, &run).unwrap()[300..], scores);
    }

    #[test]
    fn what_is_saved_scores_alike() {
        let run = Run::new(0);
        let points = |n: usize| (0..n).map(|i| f64::from(beats(i, [40, 70]) as f32)).collect::<Vec<_>>();
        let series = vec![points(150), points(60)];
        let windows = shapes::windows_of(&series, 20).unwrap();
        let shapes = Shapes { series, windows, neighbor: 2 };
        let mut out = ModelWriter::new();
        shapes.save(&mut out).unwrap();
        let (tensors, mut json) = out.finish();
        let again = Shapes::load(&ModelReader::new(&tensors, &json)).unwrap();
        assert_eq!(again.score(&points(99), &run).unwrap(), shapes.score(&points(99), &run).unwrap());
        json.insert("neighbor".into(), 0.into());
        assert!(Shapes::load(&ModelReader::new(&tensors, &json)).is_err());
    }

    #[test]
    fn the_odd_channel_counts() {
        let wave = |i: usize| (i as f64 * 0.2).cos() + noise(i + 5);
        let features = series(&[&|i| beats(i, [1000, 1000]), &|i| beats(i, [300, 1000]), &wave], &[600]);
        let scores = MatrixProfile::default().fit_score_on(&features, &Run::new(0)).unwrap().1;
        assert!((295..325).contains(&highest(&scores)), "{}", highest(&scores));
    }

    #[test]
    fn scores_stand_where_the_window_is() {
        // A single spike in a line that repeats: windows that hold it are those of 16 points around it.
        let features = series(&[&|i| if i == 200 { 9.0 } else { (i % 4) as f64 }], &[400]);
        let scores = MatrixProfile { window: Some(16), ..MatrixProfile::default() };
        let scores = scores.fit_score_on(&features, &Run::new(0)).unwrap().1;
        let odd: Vec<usize> = (0..400).filter(|&i| scores[i] > 0.1).collect();
        assert_eq!((odd[0], odd[odd.len() - 1], odd.len()), (193, 208, 16));
    }

    #[test]
    fn degenerate_series_have_an_answer() {
        let run = Run::new(0);
        let cases: [&dyn Fn(usize) -> f64; 4] =
            [&|_| 0.0, &|i| if i == 9 { 1e9 } else { 0.0 }, &|i| (i % 2) as f64, &|i| 1e9 * (i as f64).sin()];
        for (case, value) in cases.iter().enumerate() {
            for ends in [vec![4], vec![40], vec![1, 2, 40], vec![0, 7, 7, 40]] {
                for detector in [
                    MatrixProfile::default(),
                    MatrixProfile { window: Some(30), neighbor: 3, join: SelfJoin::Left },
                    MatrixProfile { window: Some(1000), neighbor: 2, join: SelfJoin::Both },
                ] {
                    let features = series(&[value], &ends);
                    let (fitted, scores) = detector.fit_score_on(&features, &run).unwrap();
                    assert_eq!(scores.len(), features.n_parts(), "{case} {ends:?}");
                    let new = fitted.score(&features, &run).unwrap();
                    assert!(scores.iter().chain(&new).all(|score| score.is_finite()));
                }
            }
        }
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let features = series(&[&|i| beats(i, [300, 440]), &|i| (i as f64).sqrt().sin()], &[500, 900]);
        let scores = |threads| {
            let run = Run::new(0).with_threads(threads);
            MatrixProfile { neighbor: 2, ..MatrixProfile::default() }.fit_score_on(&features, &run).unwrap().1
        };
        assert_eq!(scores(1), scores(4));
    }
}
