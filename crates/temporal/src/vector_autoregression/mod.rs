//! Vector autoregression: errors of linear forecasts of all channels from all channels.
//!
//! # Idea
//! The next point is forecast in every channel as a constant and a weighted sum of the last few points of all channels. A
//! point is odd as far as its errors are from what errors usually are together: two channels whose errors always agree are
//! odd when they do not, however small both are.
//!
//! # Equations
//! `e_t = x_t - c - sum over i in 1..=p of A_i x_(t-i)` with the least squares over all points that have `p` points before
//! them. `S = sum e e' / (n - 1 - d p)` for `n` points of `d` channels. `p` minimises `ln |S_p| + w d^2 p / n` over the
//! same points for all orders up to `max_order`, with `w` 2 (Akaike) or `ln n` (Bayes). In units of each channel's own
//! error, `S` becomes the correlation `R`, and `R* = (1 - a) R + a I` with
//! `a = sum (1 - r_ij^2)^2 / ((n - 1) sum r_ij^2)` over all pairs of channels. Score
//! `sqrt(z' R*^-1 z)` with `z` the errors in those units. Point `t < p` of a series is forecast by the regression of order
//! `t`, and measured by the errors of that: the first one by mean and covariance of the points themselves.
//!
//! # Score
//! A Mahalanobis length, 0 and up, about the root of `d` for usual points. The share of a channel is how far its error is
//! from what the errors of the others lead to, in deviations of that: `|R*^-1 z|` over the root of the diagonal of `R*^-1`.
//!
//! # Complexity
//! Fit O(n d^2 p + (d p)^3), score O(d^2 p) per point, memory O(n d + d^2 p^2).
//!
//! # Use when / Avoid when
//! For many channels of one plant or machine that move together, where a channel leaves the others. Avoid where
//! relations are not linear, where the level jumps for good, or with far more channels than points.
//!
//! # Degenerate input
//! An order is at most a third of the points of the longest series, and knows at most 512 lags, and at most one for three
//! points. Lags that tell nothing new beside the others get no weight. An error counts in at least a hundred-thousandth of
//! its channel's deviation. `a` is at least a millionth, so that channels that are the same have an answer.
//!
//! # Differences
//! More than 256 channels are cut into parts of equal size in the order that they have, each with an autoregression of
//! its own, and their scores are added as squares: what a thousand channels have to do with each other cannot be learned
//! from the points that there are. `ridge` raises the squares of lags by a millionth, so that weights are spread over
//! channels that are the same. `a` is the published one with the variance that a correlation of normal data has.
//!
//! # References
//! Lütkepohl 2005, New introduction to multiple time series analysis, chapters 3 and 4. doi:10.1007/978-3-540-27752-1.
//! Shrinkage: Schäfer, Strimmer 2005, Statistical Applications in Genetics and Molecular Biology 4(1).
//! doi:10.2202/1544-6115.1175.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::VectorAutoregression;
//! // The second channel follows the first by a step, but once.
//! let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 101.0;
//! let value = |(i, channel): (usize, usize)| if channel == 0 || i == 70 { bit(i) } else { bit(i - channel.min(i)) };
//! let values = ndarray::Array2::from_shape_fn((100, 2), value);
//! let series = Features { layout: Layout::Sequences { ends: vec![100] }, ..Features::rows(values) };
//! let (_, scores) = VectorAutoregression::default().fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert_eq!(highest, 70);
//! ```

use std::ops::Range;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::lagged::{LaggedProducts, LaggedRegression};
use anomalyst_kernels::linalg::Cholesky;
use anomalyst_kernels::stats::Moments;
use ndarray::{Array1, Array2, ArrayView1, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

use crate::autoregressive::Criterion;

use crate::parts::{even_parts, series_of};

/// The highest order.
const HIGHEST: usize = 100;
/// Channels that are forecast from each other.
const MOST_TOGETHER: usize = 256;
/// Lags of all channels that a forecast knows.
const MOST_LAGS: usize = 512;
/// The least unit of errors, as a share of the deviation of the points.
const LEAST_SHARE: f64 = 1e-5;
/// The least weight of independence.
const LEAST_SHRINKAGE: f64 = 1e-6;
/// Larger errors, in units, and scores count as this.
const MOST: f64 = 1e12;
/// Points that are scored before it is looked whether the run was stopped.
const STEPS: usize = 1 << 10;

/// How many points a forecast is made from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VectorAutoregression {
    /// The highest order that is tried; fewer with many channels.
    #[schemars(range(min = 1, max = 100))]
    pub max_order: usize,
    /// What decides the order.
    pub criterion: Criterion,
    /// Raises the squares of lags by this share: larger ones forecast closer to the mean.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub ridge: f64,
}

impl Default for VectorAutoregression {
    fn default() -> Self {
        Self { max_order: 12, criterion: Criterion::Bic, ridge: 1e-6 }
    }
}

impl Params for VectorAutoregression {}

/// What was estimated, of each part of the channels.
pub struct VectorAutoregressionModel {
    parts: Vec<Part>,
}

/// Channels that are forecast from each other.
struct Part {
    /// The mean of training, from which points are measured.
    means: Array1<f64>,
    /// Of order 0, 1, up to the one that was chosen.
    orders: Vec<Order>,
}

/// A forecast from so many points, and how its errors are.
struct Order {
    /// A row for each channel: the lags, the oldest first, each of all channels.
    weights: Array2<f64>,
    constants: Array1<f64>,
    /// The usual error of each channel.
    units: Array1<f64>,
    /// Turns errors in units into independent ones.
    whitening: Array2<f64>,
}

impl Detector for VectorAutoregression {
    const CARD: Card = Card {
        id: "vector_autoregression",
        title: "Vector autoregression (VAR)",
        summary: "Points far from a linear forecast of all channels by all channels.",
        paper: "Sims 1980, Econometrica 48(1). doi:10.2307/1912017",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = VectorAutoregressionModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        let n_parts = train.n_values().div_ceil(MOST_TOGETHER).max(1);
        let stage = run.stage("learning forecasts", n_parts as u64);
        let parts =
            even_parts(train.n_values(), n_parts).collect::<Vec<_>>().into_par_iter().map(|channels| {
                let points = train.values.slice(s![.., channels]).mapv(f64::from);
                let part = self.learned(points, &series_of(train), run)?;
                stage.advance(1);
                Ok(part)
            });
        Ok(VectorAutoregressionModel { parts: parts.collect::<Result<_>>()? })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values.clamp(1, MOST_TOGETHER) as f64;
        let (all, p) = (shape.n_values as f64, (self.max_order as f64).min((MOST_LAGS as f64 / d).max(1.0)));
        let n = shape.n_parts as f64;
        Estimate {
            bytes: 16 * (shape.n_parts * shape.n_values) as u64
                + (all / d * 16.0 * (d * (p + 1.0)).powi(2)) as u64,
            fit_nanos: all * (n * (20.0 + 0.5 * d * p) + (d * p + d).powi(2) * (p + 1.0)),
            score_nanos_per_row: all * (20.0 + 0.5 * d * (p + 1.0)),
        }
    }
}

impl VectorAutoregression {
    fn learned(&self, mut points: Array2<f64>, series: &[Range<usize>], run: &Run) -> Result<Part> {
        run.check()?;
        let (n_points, d) = points.dim();
        let moments: Vec<Moments> =
            points.columns().into_iter().map(|column| column.iter().copied().collect()).collect();
        let means: Array1<f64> = moments.iter().map(Moments::mean).collect();
        points -= &means;
        let views: Vec<_> = series.iter().map(|range| points.slice(s![range.clone(), ..])).collect();
        let longest = series.iter().map(Range::len).max().unwrap_or(0);
        // At least three points for each number that is estimated of a channel.
        let most = (MOST_LAGS / d.max(1)).max(1).min(n_points / (3 * d.max(1)));
        let highest = self.max_order.min(most).min(longest / 3);
        let products = LaggedProducts::of(&views, highest, run)?;
        let solved = products.solve(self.ridge, run)?;
        let squares: Vec<f64> = moments.iter().map(|m| m.variance() * m.count() as f64).collect();
        let n = products.n_points() as f64;
        let order = match self.criterion {
            Criterion::Fixed => highest,
            Criterion::Aic => chosen(&solved, &squares, n, highest, 2.0),
            Criterion::Bic => chosen(&solved, &squares, n, highest, n.max(2.0).ln()),
        };
        // With fewer lags more points have all of them before.
        let (products, solved) = if order < highest {
            let products = LaggedProducts::of(&views, order, run)?;
            let solved = products.solve(self.ridge, run)?;
            (products, solved)
        } else {
            (products, solved)
        };
        let deviations: Vec<f64> = moments.iter().map(Moments::std_dev).collect();
        let make = |p: usize| {
            run.check()?;
            Order::of(&solved, p, products.n_points(), &deviations)
        };
        Ok(Part { means, orders: (0..=order).into_par_iter().map(make).collect::<Result<_>>()? })
    }
}

/// The order with the least criterion; of channels without errors the error of rounding counts.
fn chosen(solved: &LaggedRegression, squares: &[f64], n: f64, highest: usize, weight: f64) -> usize {
    let d = squares.len();
    let value = |p: usize| {
        let errors = solved.errors(p);
        let share = |(a, b): (usize, usize)| {
            let unit = (squares[a].sqrt() * squares[b].sqrt()).max(f64::MIN_POSITIVE);
            errors[(a, b)] / unit + if a == b { LEAST_SHARE * LEAST_SHARE } else { 0.0 }
        };
        let log_det = Cholesky::new(Array2::from_shape_fn((d, d), share).view()).map(|c| c.log_det());
        log_det.unwrap_or(f64::INFINITY) + weight * (d * d * p) as f64 / n
    };
    let mut best = (f64::INFINITY, 0);
    for p in 0..=highest {
        let value = value(p);
        if value < best.0 {
            best = (value, p);
        }
    }
    best.1
}

impl Order {
    fn of(solved: &LaggedRegression, p: usize, n_points: usize, deviations: &[f64]) -> Result<Self> {
        let d = deviations.len();
        let solution = solved.weights(p);
        let constants = solution.column(0).to_owned();
        // In rows that lie in one piece, as `errors` reads them.
        let oldest_first = |(a, i): (usize, usize)| solution[(a, 1 + (p - 1 - i / d) * d + i % d)];
        let weights = Array2::from_shape_fn((d, d * p), oldest_first);
        let n_free = n_points.saturating_sub(1 + d * p).max(1) as f64;
        let covariance = solved.errors(p) / n_free;
        let unit = |(a, deviation): (usize, &f64)| {
            let own = covariance[(a, a)].max(0.0).sqrt();
            own.max(LEAST_SHARE * deviation).max(f64::from(f32::MIN_POSITIVE))
        };
        let units: Array1<f64> = deviations.iter().enumerate().map(unit).collect();
        let correlation = |(a, b): (usize, usize)| {
            if a == b { 1.0 } else { (covariance[(a, b)] / (units[a] * units[b])).clamp(-1.0, 1.0) }
        };
        let whitening = whitening(&Array2::from_shape_fn((d, d), correlation), n_points)?;
        Ok(Self { weights, constants, units, whitening })
    }
}

/// `L^-1` of the shrunk correlation `L L'`.
fn whitening(correlation: &Array2<f64>, n_points: usize) -> Result<Array2<f64>> {
    let apart = || correlation.indexed_iter().filter(|((a, b), _)| a != b).map(|(_, r)| r * r);
    let (unsure, all) = (apart().map(|r2| (1.0 - r2).powi(2)).sum::<f64>(), apart().sum::<f64>());
    let shrinkage = unsure / (n_points.saturating_sub(1).max(1) as f64 * all.max(f64::MIN_POSITIVE));
    let mut shrinkage = if all > 0.0 { shrinkage.clamp(LEAST_SHRINKAGE, 1.0) } else { 1.0 };
    loop {
        let mut shrunk = correlation * (1.0 - shrinkage);
        shrunk.diag_mut().fill(1.0);
        match Cholesky::new(shrunk.view()) {
            Ok(cholesky) => return Ok(cholesky.inverse_lower()),
            // Least units break the relations of what rounding has left; independence always has an answer.
            Err(_) if shrinkage < 1.0 => shrinkage = (10.0 * shrinkage).min(1.0),
            Err(error) => return Err(error),
        }
    }
}

impl Part {
    /// Errors of a point in units, of the order that the points before it allow; `before` is those, and the point last.
    fn errors(&self, t: usize, points: &[f64]) -> (&Order, Vec<f64>) {
        let d = self.means.len();
        let p = t.min(self.orders.len() - 1);
        let order = &self.orders[p];
        let (known, own) = (&points[(t - p) * d..t * d], &points[t * d..(t + 1) * d]);
        let error = |(a, x): (usize, &f64)| {
            let weights = order.weights.row(a);
            let forecast = order.constants[a] + weights.as_slice().map_or(0.0, |weights| dot(weights, known));
            ((x - forecast) / order.units[a]).clamp(-MOST, MOST)
        };
        (order, own.iter().enumerate().map(error).collect())
    }

    /// What `of` says of every point of one series of all channels.
    fn each<T: Send>(
        &self,
        points: &[f64],
        run: &Run,
        of: impl Fn(&Order, Vec<f64>) -> T + Sync,
    ) -> Result<Vec<T>> {
        let n = points.len() / self.means.len().max(1);
        let chunk = |chunk: usize| {
            run.check()?;
            let range = chunk * STEPS..n.min((chunk + 1) * STEPS);
            let one = |t| {
                let (order, errors) = self.errors(t, points);
                of(order, errors)
            };
            Ok(range.map(one).collect())
        };
        let chunks: Vec<Vec<T>> = (0..n.div_ceil(STEPS)).into_par_iter().map(chunk).collect::<Result<_>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }
}

impl VectorAutoregressionModel {
    /// What `of` says of every point, part by part of the channels.
    fn each<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        of: impl Fn(&Order, Vec<f64>) -> T + Sync,
    ) -> Result<Vec<Vec<T>>> {
        let mut from = 0;
        let mut all = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let channels = from..from + part.means.len();
            from = channels.end;
            let mut own = Vec::with_capacity(rows.n_parts());
            for range in series_of(rows) {
                run.check()?;
                let points = rows.values.slice(s![range, channels.clone()]).mapv(f64::from) - &part.means;
                let flat: Vec<f64> = points.iter().copied().collect();
                own.extend(part.each(&flat, run, &of)?);
            }
            all.push(own);
        }
        Ok(all)
    }
}

/// The square of the length of independent errors.
fn squared_length(order: &Order, errors: &[f64]) -> f64 {
    let of = |(a, row): (usize, ArrayView1<'_, f64>)| {
        let sum: f64 = row.iter().zip(&errors[..=a]).map(|(w, z)| w * z).sum();
        sum * sum
    };
    order.whitening.rows().into_iter().enumerate().map(of).sum()
}

impl Model for VectorAutoregressionModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let squares = self.each(rows, run, |order, errors| squared_length(order, &errors))?;
        let total = |point: usize| squares.iter().map(|part| part[point]).sum::<f64>();
        Ok((0..rows.n_parts()).map(|point| total(point).sqrt().min(MOST) as f32).collect())
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let orders: Vec<usize> = self.parts.iter().map(|part| part.orders.len() - 1).collect();
        out.put_json("orders", &orders)?;
        for (i, part) in self.parts.iter().enumerate() {
            out.put_list(&format!("means{i}"), &part.means.to_vec());
            for (p, order) in part.orders.iter().enumerate() {
                out.scope(&format!("part{i}/order{p}"), |out| {
                    out.put_matrix("weights", &order.weights);
                    out.put_list("constants", &order.constants.to_vec());
                    out.put_list("units", &order.units.to_vec());
                    out.put_matrix("whitening", &order.whitening);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let orders: Vec<usize> = from.json("orders")?;
        let n_parts = shape.n_values.div_ceil(MOST_TOGETHER).max(1);
        if orders.len() != n_parts || orders.iter().any(|&p| p > HIGHEST) {
            return Err(Error::model("the orders of the forecasts are not possible"));
        }
        let part = |(i, channels): (usize, Range<usize>)| {
            let d = channels.len();
            let means: Vec<f64> = from.list_of(&format!("means{i}"), d)?;
            // Beyond this, sums over points of 32-bit size need not stay finite.
            within(&means, 1e150)?;
            let order = |p: usize| Order::load(&from.scope(&format!("part{i}/order{p}")), d, p);
            Ok(Part { means: means.into(), orders: (0..=orders[i]).map(order).collect::<Result<_>>()? })
        };
        let channels = even_parts(shape.n_values, n_parts).enumerate();
        Ok(Self { parts: channels.map(part).collect::<Result<_>>()? })
    }
}

impl Order {
    fn load(from: &ModelReader<'_>, d: usize, p: usize) -> Result<Self> {
        let (weights, whitening): (Array2<f64>, Array2<f64>) =
            (from.matrix("weights")?, from.matrix("whitening")?);
        let (constants, units): (Vec<f64>, Vec<f64>) =
            (from.list_of("constants", d)?, from.list_of("units", d)?);
        if weights.dim() != (d, d * p) || whitening.dim() != (d, d) {
            return Err(Error::model("a forecast does not have the size of its channels"));
        }
        within(weights.iter().chain(&constants).chain(&units), 1e150)?;
        within(&whitening, 1e6)?;
        if !units.iter().all(|&unit| unit > 0.0) {
            return Err(Error::model("the usual errors of channels must be above 0"));
        }
        Ok(Self { weights, constants: constants.into(), units: units.into(), whitening })
    }
}

/// Refuses numbers beyond `most`.
fn within<'a>(values: impl IntoIterator<Item = &'a f64>, most: f64) -> Result<()> {
    if values.into_iter().all(|v| v.abs() <= most) {
        return Ok(());
    }
    Err(Error::model("what was learned of the channels must be finite"))
}

impl Attribute for VectorAutoregressionModel {
    /// How far each channel's error is from what the errors of the others lead to, in deviations of that.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let by_part = self.each(rows, run, |order, errors| given_others(order, &errors))?;
        let mut values = Array2::zeros((rows.n_parts(), rows.n_values()));
        for (point, mut row) in values.rows_mut().into_iter().enumerate() {
            let shares = by_part.iter().flat_map(|part| &part[point]);
            row.iter_mut().zip(shares).for_each(|(out, share)| *out = share.min(MOST) as f32);
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}

/// `|R^-1 z|` over the root of the diagonal of `R^-1`, which is `W' W` of whitening `W`.
fn given_others(order: &Order, errors: &[f64]) -> Vec<f64> {
    let (mut sums, mut squares) = (vec![0.0; errors.len()], vec![0.0; errors.len()]);
    for (a, row) in order.whitening.rows().into_iter().enumerate() {
        let independent: f64 = row.iter().zip(&errors[..=a]).map(|(w, z)| w * z).sum();
        for ((sum, square), w) in sums.iter_mut().zip(&mut squares).zip(row) {
            *sum += w * independent;
            *square += w * w;
        }
    }
    sums.iter().zip(&squares).map(|(sum, square): (&f64, &f64)| sum.abs() / square.sqrt().max(1e-6)).collect()
}

/// Eight sums at once, added in one order on every machine.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}
