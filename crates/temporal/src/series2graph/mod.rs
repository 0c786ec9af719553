//! Series2Graph: how rare the ways are that a series takes through the shapes that it usually passes.
//!
//! # Idea
//! The shape of every window is drawn as a point of a plane, so that a series is a line in it. Where the line passes often
//! is a place; places that follow each other are joined by as many lines as the series went from one to the other. A
//! stretch is odd if it takes ways that are seldom taken, between places that few ways lead to, however often it comes.
//!
//! # Equations
//! A window of `m` points is described by its moving sums over `m / 3` points; these are projected to their first three
//! principal components, and turned so that the change of a constant's level lies along the first axis, which is dropped:
//! a point of the plane. `n_rays` rays leave the origin at equal angles. On each the line's crossings have a density
//! (Gaussian, width `sd n^(-1/5)`), whose local maxima are the places; a crossing belongs to the nearest. With `w(a, b)` the
//! times that place `b` comes after `a` and `deg(a)` the different ways that lead to `a` or leave it, the normality of a
//! stretch of `query` points is `N = sum w(a, b) (deg(a) - 1) / query` over the ways that it takes, and its score
//! `ln((1 + max N) / (1 + N))` with the largest `N` of training.
//!
//! # Score
//! 0 for the most usual stretch of training, more for rarer ways up to `ln(1 + max N)` for ways never taken, below 0 for what
//! is more usual still. A point's score is the mean of those of all stretches that it lies in. A stretch that crosses no ray
//! takes no way: it gets the median of the training stretches, and so does a series too short for two windows. A series
//! shorter than `query` is one stretch. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! Fit and score O(n), some 100 to 300 products per point whatever the window; memory O(n).
//!
//! # Use when / Avoid when
//! For long series that repeat themselves, where odd shapes come more than once. Avoid where a level is odd, which the
//! projection takes out, where series mostly stand still, and on series too short to show a way often.
//!
//! # Differences
//! The paper's score is low where `N` is, without a scale; a logarithm makes a way ten times rarer as much odder everywhere,
//! so that a few very usual stretches do not leave all others alike. At most 100 of the moving sums describe a window, equally spaced: neighbours are almost the same. Components are learned
//! from at most 10,000 windows, equally spaced. Densities are summed on a grid of 512 cells. A crossing of a new series
//! that is three widths beyond all crossings of training belongs to no place, and ways to and from it weigh 0; in the paper
//! it would belong to the nearest. No code of the authors was used, so ties and edges may differ from theirs.
//!
//! # References
//! Boniol, Palpanas 2020, Series2Graph: graph-based subsequence anomaly detection for time series, PVLDB 13(11).
//! doi:10.14778/3407790.3407792.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Series2Graph;
//! // A sine whose beat is cut off once.
//! let wave = |i: usize| if (400..412).contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() };
//! let values = ndarray::Array2::from_shape_fn((800, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![800] }, ..Features::rows(values) };
//! let (_, scores) = Series2Graph::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..800).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((370..442).contains(&highest));
//! ```

mod graph;
mod plane;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::stats::median;
use serde::{Deserialize, Serialize};

use crate::normal_model::over_points;
use crate::per_channel::{self, ChannelModel, PerChannel};
use crate::shapes;
use graph::Graph;
use plane::Plane;

/// The most points of a stretch.
const MOST_QUERY: usize = 1_000_000;

/// How long windows and stretches are, and how finely places are told apart.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Series2Graph {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// Points of a stretch, more than of a window. Left out, twice as many.
    #[schemars(range(min = 4, max = 1_000_000))]
    pub query: Option<usize>,
    /// Rays on which places are.
    #[schemars(range(min = 3, max = 1000))]
    pub n_rays: usize,
}

impl Default for Series2Graph {
    fn default() -> Self {
        Self { window: None, query: None, n_rays: 50 }
    }
}

impl Params for Series2Graph {
    fn check(&self) -> Result<()> {
        match (self.window, self.query) {
            (Some(window), Some(query)) if query <= window => Err(Error::BadParameter {
                name: "query".into(),
                got: query.to_string(),
                want: format!("more points than the window's {window}"),
            }),
            _ => Ok(()),
        }
    }
}

/// The plane, the places in it and the ways between them.
pub struct Ways {
    plane: Plane,
    graph: Graph,
    scale: Scale,
}

/// How stretches are judged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Scale {
    /// Points of a stretch.
    query: usize,
    /// The largest normality of a training stretch.
    largest: f64,
    /// The score of stretches that take no way.
    usual: f64,
}

impl Detector for Series2Graph {
    const CARD: Card = Card {
        id: "series2graph",
        title: "Series2Graph",
        summary: "Stretches that take rare ways between shapes.",
        paper: "Boniol, Palpanas 2020, PVLDB 13(11). doi:10.14778/3407790.3407792",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 4,
        control: false,
    };
    type Model = PerChannel<Ways>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let len = shapes::window_len(self.window, series);
            let plane = Plane::learn(series, len)?;
            let lines = series.iter().map(|points| plane.line(points, run)).collect::<Result<Vec<_>>>()?;
            let graph = Graph::learn(&lines, self.n_rays, run)?;
            // A window that was not named may be as long as a query that was.
            let query = self.query.unwrap_or(2 * len).max(len + 1);
            let mut ways = Ways { plane, graph, scale: Scale { query, largest: 0.0, usual: 0.0 } };
            let pairs = || lines.iter().zip(series);
            let all: Vec<Vec<Option<f64>>> =
                pairs().map(|(line, points)| ways.normality(line, points.len())).collect();
            ways.scale.largest = all.iter().flatten().flatten().copied().fold(0.0, f64::max);
            let mut known: Vec<f64> = all.iter().flatten().flatten().map(|&n| ways.scale.score(n)).collect();
            ways.scale.usual = if known.is_empty() { 0.0 } else { median(&mut known) };
            let scores = all.iter().zip(series).map(|(own, points)| ways.points(own, points.len())).collect();
            Ok((ways, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        Estimate {
            bytes: 200 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: d * (600.0 * n + 2e7),
            score_nanos_per_row: 500.0 * d,
        }
    }
}

impl Scale {
    fn score(self, normality: f64) -> f64 {
        ((1.0 + self.largest) / (1.0 + normality.max(0.0))).ln()
    }
}

impl Ways {
    /// The normality of each stretch of a series of `n_points`; `None` of stretches that take no way.
    fn normality(&self, line: &[[f64; 2]], n_points: usize) -> Vec<Option<f64>> {
        let steps = self.graph.steps(line);
        if steps.is_empty() {
            return if n_points > 0 { vec![None] } else { Vec::new() };
        }
        let query = self.scale.query.min(n_points);
        // Steps between the windows of a stretch.
        let n_steps = (query - self.plane.window()).clamp(1, steps.len());
        // Of whole numbers, sums that move are exact.
        let (mut sum, mut n_known) = (0.0, 0_usize);
        let mut out = Vec::with_capacity(steps.len() + 1 - n_steps);
        for (t, step) in steps.iter().enumerate() {
            sum += step.unwrap_or(0.0);
            n_known += usize::from(step.is_some());
            if t >= n_steps {
                sum -= steps[t - n_steps].unwrap_or(0.0);
                n_known -= usize::from(steps[t - n_steps].is_some());
            }
            if t + 1 >= n_steps {
                out.push((n_known > 0).then_some(sum / query as f64));
            }
        }
        out
    }

    fn points(&self, normality: &[Option<f64>], n_points: usize) -> Vec<f64> {
        let of = |n: &Option<f64>| n.map_or(self.scale.usual, |n| self.scale.score(n));
        let stretches: Vec<f64> = normality.iter().map(of).collect();
        over_points(&stretches, n_points, self.scale.query)
    }
}

impl ChannelModel for Ways {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let line = self.plane.line(points, run)?;
        Ok(self.points(&self.normality(&line, points.len()), points.len()))
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.plane.save(out)?;
        self.graph.save(out)?;
        out.put_json("scale", &self.scale)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (plane, graph, scale) = (Plane::load(from)?, Graph::load(from)?, from.json::<Scale>("scale")?);
        let is_possible = scale.largest.is_finite() && scale.largest >= 0.0 && scale.usual.is_finite();
        if !is_possible || scale.query <= plane.window() || scale.query > MOST_QUERY {
            return Err(Error::model("what is usual of the stretches of a channel is not possible"));
        }
        Ok(Self { plane, graph, scale })
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
            sign * (-((i % 20) as f64 - 10.0).powi(2) / 8.0).exp() + 0.05 * trials::noise(i)
        };
        (0..n).map(beat).collect()
    }

    #[test]
    fn stands_trials() {
        trials::stands("series2graph", &[json!({}), json!({"window": 3, "n_rays": 3}), json!({"query": 7})]);
    }

    #[test]
    fn a_query_is_longer_than_a_window() {
        assert!(Series2Graph { window: Some(9), query: Some(9), ..Default::default() }.check().is_err());
        assert!(Series2Graph { window: Some(9), query: Some(10), ..Default::default() }.check().is_ok());
    }

    /// Two odd beats that are alike do not hide each other, and are found where they are.
    #[test]
    fn twins_are_found() {
        let data = trials::series(&[&beats(2400, &[300, 1640])]);
        let scores = trials::fit_score("series2graph", &json!({"window": 20}), &data).1;
        let top = |range: std::ops::Range<usize>| scores[range].iter().copied().fold(f32::MIN, f32::max);
        let usual = top(60..240).max(top(380..1580)).max(top(1720..2340));
        assert!(top(300..320) > usual && top(1640..1660) > usual, "{usual}");
    }

    #[test]
    fn new_series_are_judged_by_what_was_learned() {
        let params = json!({"window": 20});
        let (model, _) = trials::fit_score("series2graph", &params, &trials::series(&[&beats(2000, &[])]));
        let scores = model.score(&trials::series(&[&beats(300, &[140])]), &Run::new(1)).unwrap();
        assert!((125..175).contains(&trials::highest(&scores)), "{}", trials::highest(&scores));
    }
}
