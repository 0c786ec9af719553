//! Kernel density estimate: rows where few others are near.
//!
//! # Idea
//! Around every reference row stands a little hill of fixed width; the hills add up to an estimate of how likely a row
//! is at each place. A row is odd where the sum is low.
//!
//! # Equations
//! With `n` reference rows, `d` columns, the bandwidth `h` and a kernel `K` whose integral is 1:
//! `s(x) = -ln 1/n sum_i h^-d K((x - x_i) / h)`. By the rules of Scott and Silverman,
//! `h = c n^(-1 / (d + 4))` with `c = s` and `c = s (4 / (d + 2))^(1 / (d + 4))`, where `s^2` is the mean of the
//! columns' variances (1 where it is 0).
//!
//! # Score
//! Nats: the negative logarithm of a density, whose unit is one over that of all columns together, so it may be
//! negative; 1 more is e times less likely. Kernels without tails give density 0 beyond every hill: there the score is
//! that of one hill of height `e^-40`, plus how many bandwidths the row is beyond the nearest one. Densities inside
//! that are lower still count as that height.
//!
//! # Complexity
//! Nothing to fit but the bandwidth; a score takes O(n d), over blocks of queries and tiles of reference rows. Memory
//! O(n d).
//!
//! # Use when / Avoid when
//! Few columns, standardised, and regions of any shape. Avoid more than some ten columns where the height of the
//! density matters (its order still does), and groups of very different density, which one width cannot fit.
//!
//! # Differences
//! - `fit_score` leaves each row's own hill out of its sum, else every row would look likely at its own place.
//!   scikit-learn and PyOD keep it. Scoring a training row as if it were new meets its own hill.
//! - Columns are divided by their deviations first, unless `standardize` is off, since one width must fit all of them;
//!   the density is that of the columns as they are.
//! - The rules hold the deviation of the columns, as in their papers; scikit-learn's take it to be 1.
//! - `max_reference` keeps a random sample of the training rows, by default 10,000; scores are then those of the
//!   estimate from the sample, with the bandwidth that its size asks for.
//! - All sums are exact; scikit-learn's trees leave out what is below a tolerance, 0 by default.
//!
//! # References
//! - Parzen 1962, On estimation of a probability density function and mode, Annals of Mathematical Statistics 33(3).
//!   doi:10.1214/aoms/1177704472
//! - Scott 2015, Multivariate density estimation. doi:10.1002/9781118575574
//! - Silverman 1986, Density estimation for statistics and data analysis.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::KernelDensity;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [2.0]]);
//! let detector = KernelDensity { bandwidth: Some(1.0), standardize: false, ..KernelDensity::default() };
//! let fitted = detector.fit_on(&rows, &Run::new(0)).unwrap();
//! let score = fitted.score(&Features::rows(ndarray::array![[1.0_f32]]), &Run::new(0)).unwrap()[0];
//! assert!((score - 1.4189385).abs() < 1e-6); // both hills at one deviation: ln(2 pi) / 2 + 1 / 2
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::kernel_matrix::{Kernel, Query, exp_of_negatives};
use anomalyst_kernels::linalg::{column_means, column_variances};
use anomalyst_kernels::smo::kernel_nanos;
use ndarray::{ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::k_nearest_neighbors::reference_rows;
use crate::quadratic::finite;
use crate::support_vectors::{SupportVectors, Units};

/// The logarithm of the lowest sum of kernels without tails.
const LOWEST: f64 = -40.0;
/// Marks a row that leaves nothing out.
const NO_SKIP: usize = usize::MAX;

/// The form and the width of the hills.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KernelDensity {
    /// The form of a hill.
    pub hill: Hill,
    /// The bandwidth, in units of the features, or of their deviations where `standardize` is on. Left out, it
    /// follows from the data by `bandwidth_rule`.
    #[schemars(range(min = 1e-12, max = 1e12))]
    pub bandwidth: Option<f64>,
    /// How the bandwidth follows from the data where it is not given.
    pub bandwidth_rule: BandwidthRule,
    /// Divides each column by its standard deviation first, so that units do not matter.
    pub standardize: bool,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

impl Default for KernelDensity {
    fn default() -> Self {
        Self {
            hill: Hill::Gaussian,
            bandwidth: None,
            bandwidth_rule: BandwidthRule::Scott,
            standardize: true,
            max_reference: Some(10_000),
        }
    }
}

/// The form of a hill, up to its height, with `u` the distance in bandwidths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hill {
    /// `exp(-u^2 / 2)`.
    #[default]
    Gaussian,
    /// `1 - u^2` up to 1.
    Epanechnikov,
    /// `exp(-u)`.
    Exponential,
    /// `1 - u` up to 1; `linear` in scikit-learn.
    Triangular,
    /// 1 up to 1; `tophat` in scikit-learn.
    Uniform,
}

/// How the bandwidth follows from the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BandwidthRule {
    /// `n^(-1 / (d + 4))` deviations.
    #[default]
    Scott,
    /// `(n (d + 2) / 4)^(-1 / (d + 4))` deviations.
    Silverman,
}

/// The reference rows and their hills.
pub struct KernelDensityModel {
    reference: SupportVectors,
    hill: Hill,
    bandwidth: f64,
}

impl Params for KernelDensity {}

impl Detector for KernelDensity {
    const CARD: Card = Card {
        id: "kernel_density",
        title: "Kernel density estimate",
        summary: "Rows at places where hills around all rows add up to little.",
        paper: "Parzen 1962, Annals of Mathematical Statistics 33(3). doi:10.1214/aoms/1177704472",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    type Model = KernelDensityModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<KernelDensityModel> {
        self.fit_rows(train, reference_rows(train.n_parts(), self.max_reference, run).as_deref(), run)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(KernelDensityModel, Vec<f32>)> {
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        let model = self.fit_rows(train, rows.as_deref(), run)?;
        let own = match rows {
            None => (0..train.n_parts()).collect(),
            Some(rows) => {
                let mut own = vec![NO_SKIP; train.n_parts()];
                rows.iter().enumerate().for_each(|(at, &row)| own[row] = at);
                own
            }
        };
        let scores = model.surprises(train.features().values.view(), &own, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        Estimate {
            bytes: 8 * (n * shape.n_values) as u64 + 4 * (shape.n_parts * (shape.n_values + 10)) as u64,
            fit_nanos: (shape.n_parts + n * shape.n_values) as f64 * 4.0,
            score_nanos_per_row: n as f64 * kernel_nanos(shape.n_values),
        }
    }
}

impl KernelDensity {
    fn fit_rows(&self, train: Checked<'_>, rows: Option<&[usize]>, run: &Run) -> Result<KernelDensityModel> {
        run.check()?;
        let values = train.features().values.view();
        let sample = rows.map(|rows| values.select(Axis(0), rows));
        let rows = sample.as_ref().map_or(values, |rows| rows.view());
        let units = Units::of(rows, self.standardize);
        let rows = units.apply(rows);
        let rows = rows.view();
        let bandwidth = self.bandwidth.unwrap_or_else(|| self.bandwidth_rule.bandwidth(rows));
        let reference = SupportVectors::new(width(bandwidth), units, rows, &vec![1.0; rows.nrows()]);
        Ok(KernelDensityModel { reference, hill: self.hill, bandwidth })
    }
}

/// The Gaussian hill as a kernel, which shares of columns are weighted by.
fn width(bandwidth: f64) -> Kernel {
    Kernel::Rbf { gamma: 0.5 / (bandwidth * bandwidth) }
}

impl BandwidthRule {
    fn bandwidth(self, rows: ArrayView2<'_, f32>) -> f64 {
        let (n, d) = (rows.nrows() as f64, rows.ncols() as f64);
        let means = column_means(rows);
        let variance = column_variances(rows, &means).iter().sum::<f64>() / d;
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        let count = match self {
            Self::Scott => n,
            Self::Silverman => n * (d + 2.0) / 4.0,
        };
        deviation * count.powf(-1.0 / (d + 4.0))
    }
}

impl Hill {
    /// The logarithm of the integral of a hill of width 1 over `d` columns.
    fn log_volume(self, d: usize) -> f64 {
        let columns = d as f64;
        let ball = log_ball(d);
        match self {
            Self::Gaussian => columns / 2.0 * (2.0 * std::f64::consts::PI).ln(),
            Self::Uniform => ball,
            Self::Epanechnikov => ball + (2.0 / (columns + 2.0)).ln(),
            Self::Triangular => ball - (columns + 1.0).ln(),
            // d times the integral of r^(d - 1) e^-r, which is (d - 1)!.
            Self::Exponential => ball + (1..=d).map(|k| (k as f64).ln()).sum::<f64>(),
        }
    }

    const fn has_tails(self) -> bool {
        matches!(self, Self::Gaussian | Self::Exponential)
    }

    /// Replaces squared distances by heights; those with tails as shares of the height at squared distance `nearest`.
    fn heights(self, squares: &mut [f64], bandwidth: f64, nearest: f64) {
        let unit = bandwidth.recip();
        match self {
            Self::Gaussian => {
                squares.iter_mut().for_each(|v| *v = 0.5 * (nearest - *v) * unit * unit);
                exp_of_negatives(squares);
            }
            Self::Exponential => {
                let nearest = nearest.sqrt();
                squares.iter_mut().for_each(|v| *v = (nearest - v.sqrt()) * unit);
                exp_of_negatives(squares);
            }
            Self::Epanechnikov => squares.iter_mut().for_each(|v| *v = (1.0 - *v * unit * unit).max(0.0)),
            Self::Triangular => squares.iter_mut().for_each(|v| *v = (1.0 - v.sqrt() * unit).max(0.0)),
            Self::Uniform => {
                squares.iter_mut().for_each(|v| *v = if v.sqrt() < bandwidth { 1.0 } else { 0.0 });
            }
        }
    }

    /// The logarithm of the height at a squared distance, of hills with tails.
    fn log_height(self, square: f64, bandwidth: f64) -> f64 {
        let u = square.sqrt() / bandwidth;
        if self == Self::Gaussian { -0.5 * u * u } else { -u }
    }
}

/// The logarithm of the volume of the unit ball in `d` dimensions: `V_d = V_(d-2) 2 pi / d`.
fn log_ball(d: usize) -> f64 {
    let first = if d.is_multiple_of(2) { 0.0 } else { 2.0_f64.ln() };
    let steps = (1..=d).filter(|k| k % 2 == d % 2 && *k > 1);
    first + steps.map(|k| (2.0 * std::f64::consts::PI / k as f64).ln()).sum::<f64>()
}

/// A sum of heights, in units of the height at the nearest row where hills have tails.
#[derive(Clone)]
struct Sum {
    nearest: f64,
    heights: f64,
}

impl Default for Sum {
    fn default() -> Self {
        Self { nearest: f64::INFINITY, heights: 0.0 }
    }
}

impl KernelDensityModel {
    /// The score of each row, without the reference row that `own` numbers for it.
    fn surprises(&self, rows: ArrayView2<'_, f32>, own: &[usize], run: &Run) -> Result<Vec<f32>> {
        let stage = run.stage("summing densities", rows.nrows() as u64);
        let packed = self.reference.rows();
        let (n, d) = (packed.len(), packed.n_columns());
        let units = &self.reference.units;
        let sums = packed.map_tiles(
            units.apply(rows).view(),
            run,
            |sum: &mut Sum, query: Query<'_>, start, buffer| {
                packed.squared_distances(query.row, start, buffer);
                if let Some(own) =
                    own.get(query.index).and_then(|own| buffer.get_mut(own.wrapping_sub(start)))
                {
                    *own = f64::INFINITY;
                }
                self.add(sum, buffer);
            },
        )?;
        stage.advance(rows.nrows() as u64);
        let volume = self.hill.log_volume(d) + d as f64 * self.bandwidth.ln() - units.log_volume();
        let surprise = |(i, sum): (usize, Sum)| {
            let left_out = own.get(i).is_some_and(|&own| own < n);
            let count = (n - usize::from(left_out)) as f64;
            finite(volume + count.ln() - self.log_sum(&sum))
        };
        Ok(sums.into_iter().enumerate().map(surprise).collect())
    }

    /// Adds the hills of a tile of squared distances.
    fn add(&self, sum: &mut Sum, squares: &mut [f64]) {
        let nearest = squares.iter().copied().fold(sum.nearest, f64::min);
        if !nearest.is_finite() {
            return;
        }
        if self.hill.has_tails() && sum.nearest.is_finite() && nearest < sum.nearest {
            let mut scale = [sum.nearest];
            self.hill.heights(&mut scale, self.bandwidth, nearest);
            sum.heights *= scale[0];
        }
        sum.nearest = nearest;
        self.hill.heights(squares, self.bandwidth, nearest);
        sum.heights += squares.iter().sum::<f64>();
    }

    fn log_sum(&self, sum: &Sum) -> f64 {
        if self.hill.has_tails() {
            return sum.heights.ln() + self.hill.log_height(sum.nearest, self.bandwidth);
        }
        let log = sum.heights.ln();
        let beyond = (sum.nearest.sqrt() / self.bandwidth - 1.0).max(0.0);
        if log > LOWEST { log } else { LOWEST - beyond }
    }
}

impl Model for KernelDensityModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.surprises(rows.features().values.view(), &[], run)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.reference.save(out);
        out.put_list("bandwidth", &[self.bandwidth]);
        out.put_json("hill", &self.hill)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let bandwidth = from.list_of("bandwidth", 1)?[0];
        let reference = SupportVectors::load(from, shape.n_values)?;
        if reference.rows().is_empty() || !(bandwidth > 1e-30 && bandwidth < 1e60) {
            return Err(Error::model("there is no reference row, or no bandwidth between 1e-30 and 1e60"));
        }
        Ok(Self { reference, hill: from.json("hill")?, bandwidth })
    }
}

impl Attribute for KernelDensityModel {
    /// Squared differences to the other reference rows by column, averaged with Gaussian hills as weights: how far the
    /// row is from those that are near, and in which columns.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        self.reference.shares(rows, run)
    }
}

#[cfg(test)]
mod tests;
