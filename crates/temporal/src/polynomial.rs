//! Local polynomials: each window is predicted from what surrounds it (POLY).
//!
//! # Idea
//! A polynomial through the points before and after a window says what the window would be if it went on as its
//! neighbourhood does. The window itself is left out, so it cannot bend the polynomial to itself. It is odd as far as it
//! is from that.
//!
//! # Equations
//! For windows of `window_len` points, one after the other, with `p_w` the polynomial of `degree` by least squares over the
//! `neighborhood` points around window `w`, moved inwards at the edges of the series, without `w`:
//! `e_t = x_t - p_w(t)`, `d_t = |e_t - c| / u` with median `c` and scaled median absolute deviation `u` of the training
//! errors. The score is the root of the mean of `d_t^2` over the window, or `d_t` itself (`measure`).
//!
//! # Score
//! Robust deviations of training errors, 0 and up. With several channels, see the crate's `per_channel`.
//!
//! # Complexity
//! O(n (h / w) p) per channel with neighbourhoods of `h` points, windows of `w` and `p` coefficients, memory O(n).
//!
//! # Use when / Avoid when
//! For windows that leave a smooth course, or whose size differs from that around them. Avoid for seasons of about the
//! length of a window, which polynomials do not follow: they are part of `u` then.
//!
//! # Degenerate input
//! A series with no points outside of a window is predicted by all of its points, window included. Fewer points than
//! coefficients lower the degree.
//!
//! # Differences
//! TSB-AD centres the neighbourhood on the first point of the window, leaves the first tenth of the series without scores,
//! and gives the distance between the spectra of window and prediction, which by Parseval's theorem is the root of the mean
//! square error (`measure = window` up to the unit). Windows here end with the series: the last one is shorter.
//!
//! # References
//! Li, Ma, Mei 2007, A unifying method for outlier and change detection from data streams based on local polynomial
//! fitting, PAKDD; as POLY in Paparrizos et al. 2022, TSB-UAD, PVLDB 15(8). doi:10.14778/3529337.3529354.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::Polynomial;
//! let wave = |i: usize| (i as f32 / 40.0).sin() + if (100..110).contains(&i) { 0.5 } else { 0.0 };
//! let values = ndarray::Array2::from_shape_fn((300, 1), |(i, _)| wave(i));
//! let series = Features { layout: Layout::Sequences { ends: vec![300] }, ..Features::rows(values) };
//! let method = Polynomial { window_len: Some(10), ..Polynomial::default() };
//! let (_, scores) = method.fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..300).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((100..110).contains(&highest));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::linalg::Cholesky;
use anomalyst_kernels::period::ranked_period;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::errors::ErrorScale;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// The longest window.
const LONGEST: usize = 1_000_000;
/// Windows in a neighbourhood, and the fewest points of one (TSB-UAD's defaults).
const WINDOWS: usize = 10;
const LEAST_NEIGHBORHOOD: usize = 100;
/// Highest degree; beyond it powers of places are hardly independent.
const HIGHEST: usize = 9;
/// What is added to the diagonal of the equations, as a share of it, so that there is always a solution.
const RIDGE: f64 = 1e-12;

/// What windows are predicted by.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Polynomial {
    /// Points of a window. Left out, the period of the first series.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub window_len: Option<usize>,
    /// Points around a window, the window among them. Left out, ten windows, 100 at least.
    #[schemars(range(min = 3, max = 10_000_000))]
    pub neighborhood: Option<usize>,
    /// Degree of the polynomials.
    #[schemars(range(min = 0, max = 9))]
    pub degree: usize,
    /// What is measured.
    pub measure: Measure,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Windows: all points of one score alike.
    #[default]
    Window,
    /// Each point by itself.
    Point,
}

impl Default for Polynomial {
    /// Degree 4 is TSB-AD's choice on its tuning set.
    fn default() -> Self {
        Self { window_len: None, neighborhood: None, degree: 4, measure: Measure::default() }
    }
}

impl Params for Polynomial {}

/// What is kept of a channel.
pub struct Course {
    shape: CourseShape,
    scale: ErrorScale,
}

/// How windows lie.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct CourseShape {
    window_len: usize,
    neighborhood: usize,
    degree: usize,
    measure: Measure,
}

impl Detector for Polynomial {
    const CARD: Card = Card {
        id: "polynomial",
        title: "Local polynomials (POLY)",
        summary: "Windows far from a polynomial through what surrounds them.",
        paper: "Li, Ma, Mei 2007, PAKDD; Paparrizos et al. 2022, PVLDB 15(8). doi:10.14778/3529337.3529354",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = PerChannel<Course>;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        per_channel::fit_score(train, run, |series, run| {
            let first = series.first().map_or(&[][..], Vec::as_slice);
            let window_len = self.window_len.unwrap_or_else(|| ranked_period(first, 1));
            let usual = (WINDOWS * window_len).max(LEAST_NEIGHBORHOOD);
            let neighborhood = self.neighborhood.unwrap_or(usual);
            let shape = CourseShape { window_len, neighborhood, degree: self.degree, measure: self.measure };
            let errors: Vec<Vec<f64>> =
                series.iter().map(|points| shape.errors(points, run)).collect::<Result<_>>()?;
            let scale = ErrorScale::robust(errors.iter().flatten(), series.iter().flatten());
            let model = Course { shape, scale };
            let scores = errors.iter().map(|errors| model.measured(errors)).collect();
            Ok((model, scores))
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let nanos = (20.0 + 10.0 * (self.degree + 1) as f64) * shape.n_values as f64;
        Estimate {
            bytes: 40 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: nanos * shape.n_parts as f64,
            score_nanos_per_row: nanos,
        }
    }
}

impl CourseShape {
    /// The errors of all points of a series.
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let n = points.len();
        let len = self.neighborhood.max(self.window_len).min(n);
        let mut errors = Vec::with_capacity(n);
        let mut fit = LocalFit::default();
        for begin in (0..n).step_by(self.window_len) {
            run.check()?;
            let end = (begin + self.window_len).min(n);
            let middle = begin.midpoint(end);
            let first = middle.saturating_sub(len / 2).min(n - len);
            let around = Around { points: &points[first..first + len], window: (begin - first, end - first) };
            fit.solve(around, self.degree)?;
            errors.extend((begin..end).map(|t| points[t] - fit.at(t - first)));
        }
        Ok(errors)
    }
}

/// A neighbourhood and the window that is left out of it.
#[derive(Clone, Copy)]
struct Around<'a> {
    points: &'a [f64],
    window: (usize, usize),
}

/// A polynomial, and the equations it was found by, which neighbourhoods of the same form share.
#[derive(Default)]
struct LocalFit {
    form: Option<(usize, (usize, usize), usize)>,
    equations: Option<Cholesky>,
    /// Coefficients of powers of the place, -1 at the first and 1 at the last of a neighbourhood.
    coefficients: Vec<f64>,
    /// The mean of the neighbourhood, which is added again.
    level: f64,
    len: usize,
}

impl LocalFit {
    fn place(&self, i: usize) -> f64 {
        let last = (self.len - 1).max(1) as f64;
        2.0 * i as f64 / last - 1.0
    }

    fn solve(&mut self, around: Around<'_>, degree: usize) -> Result<()> {
        let (len, mut window) = (around.points.len(), around.window);
        if window == (0, len) {
            // Nothing surrounds it.
            window = (0, 0);
        }
        let n_left = len - (window.1 - window.0);
        let size = (degree + 1).min(n_left);
        self.len = len;
        let left = || (0..window.0).chain(window.1..len);
        self.level = left().map(|i| around.points[i]).sum::<f64>() / n_left as f64;
        if self.form != Some((len, window, size)) {
            let mut sums = vec![0.0; 2 * size - 1];
            for i in left() {
                let (place, mut power) = (self.place(i), 1.0);
                for sum in &mut sums {
                    *sum += power;
                    power *= place;
                }
            }
            let ridge = |i, j| if i == j { 1.0 + RIDGE } else { 1.0 };
            let matrix = Array2::from_shape_fn((size, size), |(i, j)| sums[i + j] * ridge(i, j));
            self.equations = Some(Cholesky::new(matrix.view())?);
            self.form = Some((len, window, size));
        }
        let mut sums = [0.0; HIGHEST + 1];
        for i in left() {
            let place = self.place(i);
            let mut value = around.points[i] - self.level;
            for sum in &mut sums[..size] {
                *sum += value;
                value *= place;
            }
        }
        if let Some(equations) = &self.equations {
            self.coefficients = equations.solve(&sums[..size])?;
        }
        Ok(())
    }

    fn at(&self, i: usize) -> f64 {
        let place = self.place(i);
        self.level + self.coefficients.iter().rev().fold(0.0, |value, c| value * place + c)
    }
}

impl Course {
    fn measured(&self, errors: &[f64]) -> Vec<f64> {
        let distances = errors.iter().map(|&error| self.scale.distance(error));
        if self.shape.measure == Measure::Point {
            return distances.collect();
        }
        let distances: Vec<f64> = distances.collect();
        let root = |window: &[f64]| {
            let mean = window.iter().map(|d| d * d).sum::<f64>() / window.len() as f64;
            std::iter::repeat_n(mean.sqrt(), window.len())
        };
        distances.chunks(self.shape.window_len).flat_map(root).collect()
    }
}

impl ChannelModel for Course {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        Ok(self.measured(&self.shape.errors(points, run)?))
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("shape_of_course", &self.shape)?;
        out.put_json("scale", &self.scale)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let shape: CourseShape = from.json("shape_of_course")?;
        if !(1..=LONGEST).contains(&shape.window_len)
            || !(1..=WINDOWS * LONGEST).contains(&shape.neighborhood)
            || shape.degree > HIGHEST
        {
            return Err(Error::model("the windows of a channel are not possible"));
        }
        Ok(Self { shape, scale: from.json::<ErrorScale>("scale")?.sound()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands};
    use proptest::prelude::*;
    use serde_json::json;

    fn shape(window_len: usize, neighborhood: usize, degree: usize) -> CourseShape {
        CourseShape { window_len, neighborhood, degree, measure: Measure::Point }
    }

    proptest! {
        /// A polynomial of the degree is met everywhere, also inside of windows that were left out and at the edges.
        #[test]
        fn polynomials_are_met(n in 30..120_usize, window_len in 1..8_usize, degree in 0..5_usize, tilt in -1.0..1.0_f64) {
            let place = |i: usize| i as f64 / n as f64 - tilt;
            let points: Vec<f64> = (0..n).map(|i| (0..=degree).map(|k| place(i).powi(k as i32)).sum()).collect();
            let errors = shape(window_len, 24, degree).errors(&points, &Run::new(0)).unwrap();
            prop_assert!(errors.iter().all(|e| e.abs() < 1e-5), "{:?}", errors);
        }

        /// The mean of what surrounds a window, for degree 0.
        #[test]
        fn degree_0_is_the_mean(points in prop::collection::vec(-2.0..2.0_f64, 20..60)) {
            let errors = shape(4, 10, 0).errors(&points, &Run::new(0)).unwrap();
            for t in 8..12 {
                let mean = (5..8).chain(12..15).map(|i| points[i]).sum::<f64>() / 6.0;
                prop_assert!((errors[t] - (points[t] - mean)).abs() < 1e-9);
            }
        }
    }

    /// numpy 2.4.6, `np.polyfit(x, y, 3)` at `x` = 12 to 15 with `y = sin(x * x / 60)` over 4..24 without these.
    #[test]
    fn matches_polyfit() {
        let points: Vec<f64> = (0..40).map(|i| (f64::from(i * i) / 60.0).sin()).collect();
        let errors = shape(4, 20, 3).errors(&points, &Run::new(0)).unwrap();
        let want = [0.346181316248, 0.135734971497, -0.0682317431956, -0.247969088545];
        for (t, want) in (12..16).zip(want) {
            assert!((points[t] - errors[t] - want).abs() < 1e-8, "{t} {} {want}", points[t] - errors[t]);
        }
    }

    #[test]
    fn odd_windows_are_found() {
        let mut points: Vec<f64> = (0..3000).map(|i| (i as f64 / 300.0).sin() + 0.2 * noise(i)).collect();
        (1500..1520).for_each(|i| points[i] += 0.3);
        for params in [json!({"window_len": 20}), json!({"window_len": 20, "degree": 1, "measure": "point"})]
        {
            let (_, scores) = fit_score("polynomial", &params, &series(&[&points]));
            assert!((1500..1520).contains(&highest(&scores)), "{params}");
        }
    }

    #[test]
    fn stands_trials() {
        let params = [
            json!({}),
            json!({"window_len": 1, "neighborhood": 3}),
            json!({"degree": 9, "window_len": 7}),
            json!({"degree": 0, "measure": "point", "window_len": 100, "neighborhood": 40}),
        ];
        stands("polynomial", &params);
    }
}
