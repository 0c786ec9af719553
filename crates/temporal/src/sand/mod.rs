//! SAND: how far the shape of every window is from a weighted set of shapes that follows the series.
//!
//! # Idea
//! The series is read in batches. Stretches of each are gathered into clusters by their shape; a cluster that is like one
//! of those there are joins it, any other is new. What was not seen for long loses weight. A batch is judged by what is
//! known once it was read, so that behaviour that changes for good is soon no longer odd.
//!
//! # Equations
//! With `SBD` and centres as in `k_shape`: the cluster of a batch joins the nearest cluster `C`, if
//! `SBD(centre, centre_C) < r_C`, with `r_C` the mean distance of its stretches from its centre; the centre is then the shape
//! of all stretches of both, and `r_C` the mean of both, each by its stretches. Weight after a batch of `b` points that ends
//! at `T`: `w_C = (1 - alpha) w_C' + alpha (f_C^2 / c_C) / (1 + max(0, T - t_C - b))`, `w_C'` the weight before, `t_C` where
//! its last stretch begins, `f_C` and `c_C` as in `k_shape`. Score of a window `t`:
//! `(sum_C w_C min_u d(t, centre_(C,u)) / sum_C w_C - mean) / dev`, where mean and deviation of batches are also followed:
//! `(1 - alpha)` of what they were and `alpha` of the batch's.
//!
//! # Score
//! Deviations from the mean score, below and above 0. A point's score is the mean of those of all windows that it lies in.
//! New series are judged by the weights after the last batch of training, and nothing is learned from them. A series shorter
//! than the window goes on as it ended until it is one window. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! Fit O(n) for the scores and at most 1,000 stretches of `l` points per batch that clusters are learned from, O(k l log l)
//! each and round; score O(l) per point and cluster, which are at most `k` per batch and 100 in all. Memory O(n) and 1,000 stretches per cluster at most.
//!
//! # Use when / Avoid when
//! For long series whose normal behaviour changes. Avoid where a change itself is what is looked for: it is odd only until
//! the batch that it lasts through was read. On series that do not change, `k_shape` sees more stretches at once.
//!
//! # Differences
//! A part of a batch is never left to the next one: batches are as even as can be. First centres, and stretches without a
//! shape, are as in `k_shape`. A cluster remembers its last 1,000 stretches, where the paper sums up products of all; of more
//! than 100 clusters those of least weight are forgotten. Windows that begin in a batch are scored with it, so that no scores
//! are missing between two.
//!
//! # References
//! Boniol, Paparrizos, Palpanas, Franklin 2021, SAND: streaming subsequence anomaly detection, PVLDB 14(10).
//! doi:10.14778/3467861.3467863. Clusters: Paparrizos, Gravano 2015, k-Shape, SIGMOD. doi:10.1145/2723372.2737793.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Sand;
//! // A sine whose beat is cut off once.
//! let wave = |i: usize| if (700..712).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((1600, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![1600] }, ..Features::rows(values) };
//! let (_, scores) = Sand::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..1600).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((690..722).contains(&highest));
//! ```

mod theta;

use std::ops::Range;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Random, Result, Run, Shape,
};
use anomalyst_kernels::k_shape::k_shape;
use anomalyst_kernels::stats::Moments;
use serde::{Deserialize, Serialize};

use crate::k_shape::{MOST_ROUNDS, MOST_STRETCHES, stretches};
use crate::normal_model::{Draw, NormalModel, Sample, over_points};
use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;
use theta::{Read, Theta};

/// Windows that a batch is long at least, where its length is not given.
const LEAST_WINDOWS: usize = 40;
/// Batches that the training points are read in at most, where their length is not given.
const USUAL_BATCHES: usize = 10;
/// A deviation of scores counts as this share of what a window can be far at least.
const LEAST_DEVIATION: f64 = 1e-6;

/// How many shapes there are, how long, and how fast they are followed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sand {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// Clusters of a batch at most.
    #[schemars(range(min = 1, max = 100))]
    pub n_clusters: usize,
    /// How many windows long a centre is; at most half of the longest training series.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub centre_windows: f64,
    /// Points of a batch. Left out, a tenth of the training points, at least 40 windows.
    #[schemars(range(min = 4, max = 1_000_000_000))]
    pub batch: Option<usize>,
    /// The share of the last batch in weights, and in what is usual of scores.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub update: f64,
}

impl Default for Sand {
    fn default() -> Self {
        Self { window: None, n_clusters: 6, centre_windows: 4.0, batch: None, update: 0.5 }
    }
}

impl Params for Sand {}

/// Centres with their weights after the last batch.
pub struct Followed {
    normal: NormalModel,
    usual: Usual,
}

/// Mean and deviation of scores of windows, as far as they were followed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Usual {
    mean: f64,
    deviation: f64,
}

impl Detector for Sand {
    const CARD: Card = Card {
        id: "sand",
        title: "SAND",
        summary: "Stretches unlike a set of shapes that follows the series.",
        paper: "Boniol et al. 2021, PVLDB 14(10). doi:10.14778/3467861.3467863",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        // Clusters are more with more batches, until there are as many as are remembered.
        cost: Cost { fit: Growth::Linear, score: Growth::Linear },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Followed>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| self.follow(series, run))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let (len, k) = (self.window.unwrap_or(100) as f64, self.n_clusters as f64);
        let centre = len * self.centre_windows;
        let n_batches = self.batch.map_or(USUAL_BATCHES as f64, |batch| (n / batch as f64).max(1.0));
        let read = (n / (1.5 * len)).min(MOST_STRETCHES as f64 * n_batches);
        Estimate {
            bytes: 120 * shape.n_parts as u64 * shape.n_values as u64 + (read * centre * 90.0 * d) as u64,
            fit_nanos: d * (2.0 * n * k * centre + 20.0 * read * k * centre * 40.0),
            score_nanos_per_row: 2.0 * d * k * centre,
        }
    }
}

impl Sand {
    fn follow(&self, series: &[Vec<f64>], run: &Run) -> Result<(Followed, Vec<Vec<f64>>)> {
        let len = shapes::window_len(self.window, series);
        let total: usize = series.iter().map(Vec::len).sum();
        let batch = self.batch.unwrap_or_else(|| (total / USUAL_BATCHES).max(LEAST_WINDOWS * len));
        let draw = Draw { most: MOST_STRETCHES, ..stretches(len, self.centre_windows, series) };
        let mut theta = Theta::new(draw.len, batch, self.update);
        let (mut known, mut first): (Option<Followed>, usize) = (None, 0);
        let mut random = run.random(0);
        let mut scores = Vec::with_capacity(series.len());
        for points in series {
            let mut own = Vec::with_capacity(points.len());
            for part in batches(points.len(), batch) {
                run.check()?;
                let read = self.read(points, &part, draw, &mut random, run)?;
                theta.take(read, first, first + part.end)?;
                let normal = theta.normal_model(len)?;
                let end = (part.end + len - 1).min(points.len());
                // A window that begins in the last points of a series has no end there.
                let begin = part.start.min(points.len().saturating_sub(len));
                let mut windows = normal.windows(&points[begin..end], run)?;
                windows.drain(..(part.start - begin).min(windows.len()));
                let usual = Usual::after(known.map(|known| known.usual), &windows, self.update, len);
                own.extend(windows.into_iter().map(|score| usual.score(score)));
                known = Some(Followed { normal, usual });
            }
            scores.push(over_points(&own, points.len(), len));
            first += points.len();
        }
        let followed = known.ok_or_else(|| Error::Data("there are no points to learn from".into()))?;
        Ok((followed, scores))
    }

    /// The clusters of the stretches that begin in `part`; of the last ones in reach where none does.
    fn read(
        &self,
        points: &[f64],
        part: &Range<usize>,
        draw: Draw,
        random: &mut Random,
        run: &Run,
    ) -> Result<Read> {
        let begin = part.start.min(points.len().saturating_sub(draw.len));
        let end = (part.end + draw.len - 1).min(points.len());
        let sample = Sample::draw(&[points[begin..end].to_vec()], draw, random);
        let clusters = k_shape(&sample.shapes, self.n_clusters, MOST_ROUNDS, random, run)?;
        Ok(Read { sample, clusters, begin })
    }
}

/// Even parts of a series, of about `batch` points.
fn batches(n_points: usize, batch: usize) -> Vec<Range<usize>> {
    let n = if n_points == 0 { 0 } else { (n_points / batch.max(1)).max(1) };
    (0..n).map(|i| i * n_points / n..(i + 1) * n_points / n).collect()
}

impl Usual {
    fn after(before: Option<Self>, windows: &[f64], update: f64, len: usize) -> Self {
        let moments: Moments = windows.iter().copied().collect();
        let deviation = moments.std_dev().max(LEAST_DEVIATION * (len as f64).sqrt());
        let own = Self { mean: moments.mean(), deviation };
        // A batch that has no window of its own says nothing.
        let update = if moments.count() == 0 { 0.0 } else { update };
        before.map_or(own, |before| Self {
            mean: (1.0 - update) * before.mean + update * own.mean,
            deviation: (1.0 - update) * before.deviation + update * own.deviation,
        })
    }

    fn score(self, distance: f64) -> f64 {
        (distance - self.mean) / self.deviation
    }
}

impl ChannelModel for Followed {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let scores = self.normal.score(points, run)?;
        Ok(scores.into_iter().map(|score| self.usual.score(score)).collect())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.normal.save(out)?;
        out.put_json("usual_windows", &self.usual)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (normal, usual) = (NormalModel::load(from)?, from.json::<Usual>("usual_windows")?);
        if !(usual.mean.is_finite() && usual.deviation >= LEAST_DEVIATION && usual.deviation.is_finite()) {
            return Err(Error::model("what is usual of the windows of a channel is not possible"));
        }
        Ok(Self { normal, usual })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trials;

    #[test]
    fn stands_trials() {
        let few = json!({"window": 10, "batch": 40, "n_clusters": 2, "centre_windows": 1.0, "update": 1.0});
        trials::stands("sand", &[json!({}), few]);
    }

    #[test]
    fn batches_are_even() {
        assert_eq!(batches(10, 4), [0..5, 5..10]);
        assert_eq!(batches(11, 4), [0..5, 5..11]);
        assert!(batches(0, 4).is_empty());
    }

    #[test]
    fn what_is_usual_is_followed() {
        let first = Usual::after(None, &[1.0, 3.0], 0.25, 4);
        assert_eq!((first.mean, first.deviation), (2.0, 1.0));
        let next = Usual::after(Some(first), &[4.0, 8.0], 0.25, 4);
        assert_eq!((next.mean, next.deviation), (3.0, 1.25));
        assert_eq!(Usual::after(Some(first), &[], 0.25, 4), first);
    }

    fn beat(i: usize, up: bool) -> f64 {
        let bump = (-((i % 20) as f64 - 10.0).powi(2) / 8.0).exp();
        if up { bump } else { (i % 20) as f64 / 20.0 }
    }

    /// Beats of one kind, with an odd one in the second of two batches.
    #[test]
    fn what_is_odd_is_found() {
        let points: Vec<f64> =
            (0..2000).map(|i| beat(i, !(1400..1420).contains(&i)) + 0.1 * trials::noise(i)).collect();
        let params = json!({"window": 20, "batch": 500});
        let (model, scores) = trials::fit_score("sand", &params, &trials::series(&[&points]));
        assert!((1400..1420).contains(&trials::highest(&scores)), "{}", trials::highest(&scores));
        let new = model.score(&trials::series(&[&points[1300..1600]]), &Run::new(1)).unwrap();
        assert!((100..120).contains(&trials::highest(&new)), "{}", trials::highest(&new));
    }

    /// Behaviour that changes for good is usual in the end; by the last weights the first behaviour is the odder one.
    #[test]
    fn a_change_is_followed() {
        let points: Vec<f64> = (0..4000).map(|i| beat(i, i < 1600) + 0.1 * trials::noise(i)).collect();
        let params = json!({"window": 20, "batch": 400});
        let (model, _) = trials::fit_score("sand", &params, &trials::series(&[&points]));
        let again = model.score(&trials::series(&[&points]), &Run::new(1)).unwrap();
        let mean = |range: Range<usize>| again[range.clone()].iter().sum::<f32>() / range.len() as f32;
        assert!(mean(200..1400) > mean(3000..3900) + 0.5, "{} {}", mean(200..1400), mean(3000..3900));
    }
}
