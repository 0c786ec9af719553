//! k-Shape: how far the shape of every window is from the shapes that stretches of the series gather around.
//!
//! # Idea
//! Stretches of a few seasons are brought to one size and gathered into clusters by what they look like, whichever way they
//! are shifted. The centres of the clusters are what the series usually looks like; a window is odd if it is like no part
//! of them. Large clusters count more, and so do those that are like the others.
//!
//! # Equations
//! With `x`, `y` stretches of mean 0 and deviation 1: `SBD(x, y) = 1 - max_s sum_t x_t y_(t-s) / (|x| |y|)`, the centre of a
//! cluster is the leading eigenvector of `Q X' X Q` with `X` its stretches, each shifted to fit the centre before, and `Q`
//! taking means away. Weight of cluster `i`: `w_i = f_i^2 / c_i` with `f_i` its number of stretches and
//! `c_i = sum_j SBD(centre_i, centre_j)`, both brought to the range 1 to 2. Score of the window at `t`:
//! `sum_i w_i min_u d(t, centre_(i,u)) / sum_i w_i`, with `d` the distance of shapes (see `matrix_profile`) and
//! `centre_(i,u)` the part of the centre that begins at `u` and is as long as a window.
//!
//! # Score
//! A distance, 0 to `2 sqrt(m)` with `m` the `window`. A point's score is the mean of those of all windows that it lies in.
//! Training series and new ones are judged alike. A series shorter than the window goes on as it ended until it is one
//! window. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! Fit O(n) for the scores and at most 1,000 stretches of `l` points that clusters are learned from, O(k l log l) each and
//! round; score O(k l) per point. Memory O(n + k l).
//!
//! # Use when / Avoid when
//! For series that repeat a few shapes, where what is odd may come more than once: an anomaly that is there twice does not
//! hide, since it does not make a large cluster. Avoid where level or size is what is odd, and on noise.
//!
//! # Differences
//! First centres are stretches far from each other, drawn as in k-means++, so that no kind of shape is left without one;
//! the paper begins with random clusters. Rounds end as soon as stretches are no nearer to their centres than before, as in
//! tslearn, whose result on the same first centres is the same. The score is that of TSB-AD's `KShapeAD`, in which
//! stretches are not brought to one size, and the cluster of the last stretch of the series weighs a little more than the
//! others. Stretches whose deviation is at most 1e-5 of the channel's have no shape; they are a cluster of their own, from
//! which windows without a shape are 0 apart. TSB-AD takes all stretches of a long series; here they are at most 1,000,
//! spread evenly.
//!
//! # References
//! Paparrizos, Gravano 2015, k-Shape: efficient and accurate clustering of time series, SIGMOD.
//! doi:10.1145/2723372.2737793. The weights and the score: Boniol, Paparrizos, Palpanas, Franklin 2021, SAND, PVLDB 14(10).
//! doi:10.14778/3467861.3467863.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::KShape;
//! // A sine whose beat is cut off once.
//! let wave = |i: usize| if (400..412).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((800, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![800] }, ..Features::rows(values) };
//! let (_, scores) = KShape::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..800).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((390..422).contains(&highest));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::k_shape::{Correlator, ShapeClusters, k_shape};
use serde::{Deserialize, Serialize};

use crate::normal_model::{Draw, NormalModel, Sample, from_one_to_two};
use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;

/// The most stretches that clusters are learned from.
pub(crate) const MOST_STRETCHES: usize = 1000;
/// The most rounds of clustering.
pub(crate) const MOST_ROUNDS: usize = 100;

/// How many shapes there are, and how long.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KShape {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// Clusters at most.
    #[schemars(range(min = 1, max = 100))]
    pub n_clusters: usize,
    /// How many windows long a centre is; at most half of the longest training series.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub centre_windows: f64,
}

impl Default for KShape {
    fn default() -> Self {
        Self { window: None, n_clusters: 6, centre_windows: 4.0 }
    }
}

impl Params for KShape {}

/// Centres with their weights.
pub struct Centres(NormalModel);

impl Detector for KShape {
    const CARD: Card = Card {
        id: "k_shape",
        title: "k-Shape",
        summary: "Stretches unlike the shapes that the series gathers around.",
        paper: "Paparrizos, Gravano 2015, SIGMOD. doi:10.1145/2723372.2737793",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Centres>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let model = Centres(self.learn(series, run)?);
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let (len, k) = (self.window.unwrap_or(100) as f64, self.n_clusters as f64);
        let centre = len * self.centre_windows;
        let stretches = (n / (1.5 * len)).min(MOST_STRETCHES as f64);
        Estimate {
            bytes: 120 * shape.n_parts as u64 * shape.n_values as u64
                + (stretches * centre * 80.0 * d) as u64,
            fit_nanos: d * (0.3 * n * k * centre + 20.0 * stretches * k * centre * 40.0),
            score_nanos_per_row: 0.3 * d * k * centre,
        }
    }
}

impl KShape {
    fn learn(&self, series: &[Vec<f64>], run: &Run) -> Result<NormalModel> {
        let len = shapes::window_len(self.window, series);
        let draw = Draw { most: MOST_STRETCHES, ..stretches(len, self.centre_windows, series) };
        let mut random = run.random(0);
        let sample = Sample::draw(series, draw, &mut random);
        let clusters = k_shape(&sample.shapes, self.n_clusters, MOST_ROUNDS, &mut random, run)?;
        NormalModel::new(len, weighted(&clusters, sample.flat.len(), draw.len)?)
    }
}

/// Stretches of `windows` windows of `len` points, at most half of the longest series, one and a half windows apart.
pub(crate) fn stretches(len: usize, windows: f64, series: &[Vec<f64>]) -> Draw {
    let longest = series.iter().map(Vec::len).max().unwrap_or(0);
    let whole = ((len as f64 * windows) as usize).min(longest / 2).max(len);
    Draw { len: whole, stride: len * 3 / 2, most: usize::MAX }
}

/// Centres with weights `f^2 / c`, those of stretches without a shape, of `len` points, among them.
fn weighted(clusters: &ShapeClusters, n_flat: usize, len: usize) -> Result<Vec<(Vec<f64>, f64)>> {
    let mut counts = vec![0.0; clusters.centers.len()];
    clusters.labels.iter().for_each(|&label| counts[label] += 1.0);
    let mut centres = clusters.centers.clone();
    if n_flat > 0 {
        centres.push(vec![0.0; len]);
        counts.push(n_flat as f64);
    }
    let weights = weights(&centres, &counts)?;
    Ok(centres.into_iter().zip(weights).collect())
}

/// `f^2 / c` of centres of one length with their numbers of stretches.
pub(crate) fn weights(centres: &[Vec<f64>], counts: &[f64]) -> Result<Vec<f64>> {
    let plan = Correlator::new(centres.first().map_or(0, Vec::len));
    let ready = centres.iter().map(|centre| plan.prepare(centre)).collect::<Result<Vec<_>>>()?;
    let mut far = vec![0.0; centres.len()];
    for i in 0..centres.len() {
        for j in 0..i {
            let distance = plan.fit_prepared(&ready[i], &ready[j])?.distance;
            far[i] += distance;
            far[j] += distance;
        }
    }
    let scaled = from_one_to_two(counts).into_iter().zip(from_one_to_two(&far));
    Ok(scaled.map(|(count, far)| count * count / far).collect())
}

impl ChannelModel for Centres {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        self.0.score(points, run)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.0.save(out)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        NormalModel::load(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trials;

    /// Beats of 20 points with noise; those that begin at `odd` are upside down.
    fn beats(n: usize, odd: &[usize]) -> Vec<f64> {
        let beat = |i: usize| {
            let sign = if odd.iter().any(|&at| (at..at + 20).contains(&i)) { -1.0 } else { 1.0 };
            sign * (-((i % 20) as f64 - 10.0).powi(2) / 8.0).exp() + 0.1 * trials::noise(i)
        };
        (0..n).map(beat).collect()
    }

    #[test]
    fn stands_trials() {
        trials::stands(
            "k_shape",
            &[json!({}), json!({"window": 30, "n_clusters": 2, "centre_windows": 1.0})],
        );
    }

    /// Two odd beats that are alike do not hide each other, and are found where they are.
    #[test]
    fn twins_are_found() {
        let scores = trials::fit_score(
            "k_shape",
            &json!({"window": 20}),
            &trials::series(&[&beats(1200, &[300, 840])]),
        )
        .1;
        let top = |range: std::ops::Range<usize>| scores[range].iter().copied().fold(0.0, f32::max);
        let usual = top(40..260).max(top(360..800)).max(top(900..1160));
        assert!(top(300..320) > 1.3 * usual && top(840..860) > 1.3 * usual, "{usual}");
        let place = 280 + trials::highest(&scores[280..340]);
        assert!((300..320).contains(&place), "{place}");
    }

    #[test]
    fn new_series_are_judged_by_what_was_learned() {
        let params = json!({"window": 20});
        let (model, _) = trials::fit_score("k_shape", &params, &trials::series(&[&beats(1000, &[])]));
        let scores = model.score(&trials::series(&[&beats(300, &[140])]), &Run::new(1)).unwrap();
        assert!((140..160).contains(&trials::highest(&scores)), "{}", trials::highest(&scores));
    }

    /// Counts 4, 2 and 2 are 2, 1 and 1; a centre that is like another is nearer to all than one like none.
    #[test]
    fn weights_in_closed_form() {
        let centres = [vec![1.0, -1.0, 0.0, 0.0], vec![0.0, 1.0, -1.0, 0.0], vec![0.0; 4]];
        // Sums of distances: 0 + 1, 0 + 1 and 1 + 1.
        let got = weights(&centres, &[4.0, 2.0, 2.0]).unwrap();
        assert!(got.iter().zip([4.0, 1.0, 0.5]).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?}");
        assert_eq!(weights(&centres[..1], &[7.0]).unwrap(), [1.0]);
    }

    /// Most of the series stands still: that is a pattern too, and what moves is odd.
    #[test]
    fn stillness_is_a_pattern() {
        let mut points = vec![0.0; 1000];
        points[600..620].copy_from_slice(&trials::wave(20, 7.0, 0.0));
        let scores = trials::fit_score("k_shape", &json!({"window": 10}), &trials::series(&[&points])).1;
        assert!((590..630).contains(&trials::highest(&scores)));
        assert!(scores[300] < 0.5 * scores[610], "{} {}", scores[300], scores[610]);
    }

    #[test]
    fn long_series_are_sampled() {
        let draw = stretches(20, 4.0, &[vec![0.0; 100_000]]);
        assert_eq!((draw.len, draw.stride), (80, 30));
        assert_eq!(stretches(20, 4.0, &[vec![0.0; 100]]).len, 50);
        assert_eq!(stretches(20, 4.0, &[vec![0.0; 10]]).len, 20);
    }
}
