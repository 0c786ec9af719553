//! NormA: how far the shape of every window is from a weighted set of patterns, the series' normal behaviour.
//!
//! # Idea
//! Stretches drawn from the series are gathered into groups, as many as describe them in the fewest bits. Groups that are
//! large, that come from all over the series, and whose mean is like the other means, are what is normal. A window is odd
//! if no part of these means is like it, however often it comes.
//!
//! # Equations
//! Stretches of mean 0 and deviation 1 are merged by complete linkage of Euclidean distances. Of the merged states, the one
//! with the least description length `sum_C DL(H_C) + sum_(x in C) DL(x - H_C) - max_(x in C) DL(x - H_C)` is taken, `H_C`
//! the mean of `C` and `DL` the points of a stretch times the entropy of its values in 64 levels. Weight of the mean of
//! `C`: `w_C = f_C^2 g_C / sum_D d(H_C, H_D)` with `f_C` its number of stretches and `g_C` the points between the first and
//! the last of them. Score of the window at `t`: `sum_C w_C min_u d(t, H_(C,u)) / sum_C w_C`, with `d` the distance of
//! shapes (see `matrix_profile`) and `H_(C,u)` the part of the mean that begins at `u` and is as long as a window.
//!
//! # Score
//! A distance, 0 to `2 sqrt(m)` with `m` the `window`. A point's score is the mean of those of all windows that it lies in.
//! Training series and new ones are judged alike. A series shorter than the window goes on as it ended until it is one
//! window. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! Fit O(n) for the scores and O(c^2 l) for `c` stretches of `l` points, at most `n_candidates`; score O(l) per point and
//! pattern. Memory O(n + c^2).
//!
//! # Use when / Avoid when
//! For long series that behave in a few ways, where what is odd may come more than once. Avoid where level or size is what
//! is odd, on noise, and where normal behaviour itself changes, which `sand` follows.
//!
//! # Differences
//! Stretches are drawn one from each of equal parts of the series, so that none is left out, where the paper draws them
//! anywhere (its variant by sampling; the one by self-join is not here). The bits of a group are those that Rakthanmanon et
//! al. define for groups of stretches of series. Groups of one stretch have no points between first and last and so no
//! weight, as in the paper; where all are such, all weigh the same. Patterns that change a score by little are left out: the
//! heaviest are kept that have 99% of the weight, at most 100. Stretches whose deviation is at most 1e-5 of the
//! channel's have no shape; they are a group of their own, from which windows without a shape are 0 apart.
//!
//! # References
//! Boniol, Linardi, Roncallo, Palpanas, Meftah, Remy 2021, Unsupervised and scalable subsequence anomaly detection in large
//! data series, VLDB Journal 30. doi:10.1007/s00778-021-00655-8. Description length: Rakthanmanon, Keogh, Lonardi, Evans
//! 2011, Time series epenthesis, ICDM. doi:10.1109/ICDM.2011.146.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Norma;
//! // A sine whose beat is cut off once.
//! let wave = |i: usize| if (400..412).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((800, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![800] }, ..Features::rows(values) };
//! let (_, scores) = Norma::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..800).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((390..422).contains(&highest));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::linkage::{Merge, complete_linkage};
use serde::{Deserialize, Serialize};

use crate::k_shape::stretches;
use crate::normal_model::{Draw, NormalModel, Sample};
use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;

/// Levels that values are told apart by when bits are counted (Rakthanmanon et al., section III).
const LEVELS: f64 = 64.0;
/// The share of all weight that the patterns of most weight must have together; the others are left out.
const ENOUGH: f64 = 0.99;
/// The most patterns.
const MOST_PATTERNS: usize = 100;
/// Means nearer than this count as this far.
const LEAST_DISTANCE: f64 = 1e-6;

/// How long windows and patterns are, and how much is looked at.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Norma {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// How many windows long a pattern is; at most half of the longest training series.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub pattern_windows: f64,
    /// The most stretches that patterns are learned from.
    #[schemars(range(min = 2, max = 5000))]
    pub n_candidates: usize,
}

impl Default for Norma {
    fn default() -> Self {
        Self { window: None, pattern_windows: 3.0, n_candidates: 400 }
    }
}

impl Params for Norma {}

/// Patterns with their weights.
pub struct Normal(NormalModel);

impl Detector for Norma {
    const CARD: Card = Card {
        id: "norma",
        title: "NormA",
        summary: "Stretches unlike a weighted set of normal patterns.",
        paper: "Boniol et al. 2021, VLDB Journal. doi:10.1007/s00778-021-00655-8",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Normal>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let model = Normal(self.learn(series, run)?);
            let scores = series.iter().map(|points| model.score(points, run)).collect::<Result<_>>()?;
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let whole = self.window.unwrap_or(100) as f64 * self.pattern_windows;
        let candidates = (self.n_candidates as f64).min(n);
        Estimate {
            bytes: 120 * shape.n_parts as u64 * shape.n_values as u64 + (8.0 * d * candidates.powi(2)) as u64,
            fit_nanos: d * (3.0 * n * whole + candidates.powi(2) * whole),
            score_nanos_per_row: 3.0 * d * whole,
        }
    }
}

impl Norma {
    fn learn(&self, series: &[Vec<f64>], run: &Run) -> Result<NormalModel> {
        let len = shapes::window_len(self.window, series);
        let whole = stretches(len, self.pattern_windows, series).len;
        let draw = Draw { len: whole, stride: 1, most: self.n_candidates };
        let sample = Sample::draw(series, draw, &mut run.random(0));
        run.check()?;
        let distance = |i: usize, j: usize| euclid(&sample.shapes[i], &sample.shapes[j]);
        let merges = complete_linkage(sample.shapes.len(), distance);
        run.check()?;
        NormalModel::new(len, patterns(groups(&sample.shapes, &merges, run)?, &sample, whole))
    }
}

fn euclid(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// The groups, each a list of stretches, that take the fewest bits of all states of the merging.
fn groups(shapes: &[Vec<f64>], merges: &[Merge], run: &Run) -> Result<Vec<Vec<usize>>> {
    let all = || shapes.iter().flatten().copied();
    let (least, largest) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let scale = (LEVELS - 1.0) / (largest - least).max(f64::MIN_POSITIVE);
    let coded: Vec<Vec<i32>> = shapes.iter().map(|shape| levels(shape, least, scale)).collect();
    let mut groups: Vec<Vec<usize>> = (0..shapes.len()).map(|i| vec![i]).collect();
    let mut bits: Vec<f64> = coded.iter().map(|own| description(own.iter().copied())).collect();
    let (mut total, mut best) = (bits.iter().sum::<f64>(), 0);
    let mut fewest = total;
    for (done, merge) in merges.iter().enumerate() {
        run.check()?;
        let gone = std::mem::take(&mut groups[merge.second]);
        groups[merge.first].extend(gone);
        let own = &groups[merge.first];
        let mean = levels(&mean_of(shapes, own), least, scale);
        let differences = own.iter().map(|&i| description(coded[i].iter().zip(&mean).map(|(a, b)| a - b)));
        let (sum, most) = differences.fold((0.0, 0.0_f64), |(sum, most), bits| (sum + bits, most.max(bits)));
        total -= bits[merge.first] + bits[merge.second];
        (bits[merge.first], bits[merge.second]) = (description(mean.iter().copied()) + sum - most, 0.0);
        total += bits[merge.first];
        if total < fewest {
            (fewest, best) = (total, done + 1);
        }
    }
    let mut groups: Vec<Vec<usize>> = (0..shapes.len()).map(|i| vec![i]).collect();
    for merge in &merges[..best] {
        let gone = std::mem::take(&mut groups[merge.second]);
        groups[merge.first].extend(gone);
    }
    groups.retain(|group| !group.is_empty());
    Ok(groups)
}

/// Values as numbers of levels.
fn levels(values: &[f64], least: f64, scale: f64) -> Vec<i32> {
    values.iter().map(|v| ((v - least) * scale).round() as i32).collect()
}

fn mean_of(shapes: &[Vec<f64>], group: &[usize]) -> Vec<f64> {
    let mut mean = vec![0.0; shapes.first().map_or(0, Vec::len)];
    for &i in group {
        mean.iter_mut().zip(&shapes[i]).for_each(|(mean, v)| *mean += v / group.len() as f64);
    }
    mean
}

/// How many bits numbers take: how many there are times their entropy.
fn description(numbers: impl Iterator<Item = i32>) -> f64 {
    let mut numbers: Vec<i32> = numbers.collect();
    numbers.sort_unstable();
    let n = numbers.len() as f64;
    let bits = |run: &[i32]| run.len() as f64 * (n / run.len() as f64).log2();
    numbers.chunk_by(|a, b| a == b).map(bits).sum()
}

/// The means of groups with their weights; those of stretches without a shape, of `len` points, among them.
fn patterns(groups: Vec<Vec<usize>>, sample: &Sample, len: usize) -> Vec<(Vec<f64>, f64)> {
    let mut means: Vec<Vec<f64>> = groups.iter().map(|group| mean_of(&sample.shapes, group)).collect();
    let starts = |group: &Vec<usize>| group.iter().map(|&i| sample.starts[i]).collect::<Vec<_>>();
    let mut starts: Vec<Vec<usize>> = groups.iter().map(starts).collect();
    if !sample.flat.is_empty() {
        means.push(vec![0.0; len]);
        starts.push(sample.flat.clone());
    }
    let weight = |(i, own): (usize, &Vec<usize>)| {
        let (first, last) = own.iter().fold((usize::MAX, 0), |(a, b), &at| (a.min(at), b.max(at)));
        let far: f64 = means.iter().map(|other| euclid(other, &means[i])).sum();
        (own.len() as f64).powi(2) * (last - first) as f64 / far.max(LEAST_DISTANCE)
    };
    let mut weights: Vec<f64> = starts.iter().enumerate().map(weight).collect();
    if weights.iter().all(|&weight| weight == 0.0) {
        weights.fill(1.0);
    }
    let mut patterns: Vec<(Vec<f64>, f64)> =
        means.into_iter().zip(weights).filter(|&(_, weight)| weight > 0.0).collect();
    patterns.sort_by(|a, b| b.1.total_cmp(&a.1));
    let enough = ENOUGH * patterns.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut sum = 0.0;
    let so_far = patterns.iter().take_while(|(_, weight)| {
        let is_needed = sum < enough;
        sum += weight;
        is_needed
    });
    let n_needed = so_far.count().clamp(1, MOST_PATTERNS);
    patterns.truncate(n_needed);
    patterns
}

impl ChannelModel for Normal {
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
            "norma",
            &[json!({}), json!({"window": 30, "pattern_windows": 1.0, "n_candidates": 5})],
        );
    }

    /// Four values once each take 2 bits each; equal ones none.
    #[test]
    fn bits_in_closed_form() {
        assert_eq!(description([1, 2, 3, 4].into_iter()), 8.0);
        assert_eq!(description([5; 7].into_iter()), 0.0);
        assert_eq!(description([1, 1, 2, 2].into_iter()), 4.0);
    }

    /// Two shapes, each with little noise: merging within saves bits, across costs them.
    #[test]
    fn groups_are_those_of_the_fewest_bits() {
        let shape = |i: usize| {
            let value = |t: usize| {
                let wave = if i.is_multiple_of(2) { (t as f64 * 0.3).sin() } else { (t as f64 * 0.11).cos() };
                wave + 0.02 * trials::noise(i * 64 + t)
            };
            anomalyst_kernels::k_shape::standardized(&(0..64).map(value).collect::<Vec<_>>())
        };
        let shapes: Vec<Vec<f64>> = (0..12).map(shape).collect();
        let merges = complete_linkage(12, |i, j| euclid(&shapes[i], &shapes[j]));
        let mut found = groups(&shapes, &merges, &Run::new(0)).unwrap();
        found.iter_mut().for_each(|group| group.sort_unstable());
        assert_eq!(found, [vec![0, 2, 4, 6, 8, 10], vec![1, 3, 5, 7, 9, 11]]);
    }

    /// Two groups, one of 3 stretches over 20 points, one of 2 over 5, as far from each other as each is: 9 * 20 to 4 * 5.
    /// A single stretch has no weight.
    #[test]
    fn weights_in_closed_form() {
        let (a, b, c) = (vec![1.0, -1.0, 0.0], vec![-1.0, 0.0, 1.0], vec![0.0, 1.0, -1.0]);
        let sample = Sample {
            shapes: vec![a.clone(), a.clone(), a.clone(), b.clone(), b.clone(), c],
            starts: vec![0, 10, 20, 30, 35, 40],
            flat: vec![],
        };
        let got = patterns(vec![vec![0, 1, 2], vec![3, 4], vec![5]], &sample, 3);
        assert!(got.len() == 2 && got[0].0 == a && got[1].0 == b);
        assert!((got[0].1 / got[1].1 - 9.0).abs() < 1e-9, "{got:?}");
    }

    /// Two odd beats that are alike do not hide each other, and are found where they are.
    #[test]
    fn twins_are_found() {
        let scores =
            trials::fit_score("norma", &json!({"window": 20}), &trials::series(&[&beats(1200, &[300, 840])]))
                .1;
        let top = |range: std::ops::Range<usize>| scores[range].iter().copied().fold(0.0, f32::max);
        let usual = top(40..260).max(top(360..800)).max(top(900..1160));
        assert!(top(300..320) > 1.3 * usual && top(840..860) > 1.3 * usual, "{usual}");
        let place = 280 + trials::highest(&scores[280..340]);
        assert!((300..320).contains(&place), "{place}");
    }

    /// Of weights 25, 4 and 0.1 the first two are 99.6% of all.
    #[test]
    fn light_patterns_are_left_out() {
        let shape =
            |i: usize| anomalyst_kernels::k_shape::standardized(&trials::wave(30, 4.0 + i as f64, 0.0));
        let sample = Sample {
            shapes: [vec![shape(0); 50], vec![shape(3); 20], vec![shape(8); 2]].concat(),
            starts: (0..50).map(|i| i * 20).chain((0..20).map(|i| i * 50)).chain([0, 100]).collect(),
            flat: vec![],
        };
        let got = patterns(vec![(70..72).collect(), (0..50).collect(), (50..70).collect()], &sample, 30);
        assert!(got.len() == 2 && got[0].1 > got[1].1, "{}", got.len());
        let alone = patterns((0..72).map(|i| vec![i]).collect(), &sample, 30);
        assert!(alone.len() == 72 && alone.iter().all(|pattern| pattern.1 == 1.0));
    }

    #[test]
    fn new_series_are_judged_by_what_was_learned() {
        let (model, _) =
            trials::fit_score("norma", &json!({"window": 20}), &trials::series(&[&beats(1000, &[])]));
        let scores = model.score(&trials::series(&[&beats(300, &[140])]), &Run::new(1)).unwrap();
        assert!((140..160).contains(&trials::highest(&scores)), "{}", trials::highest(&scores));
    }
}
