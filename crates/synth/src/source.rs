//! What planted numbers are drawn from: clouds of normal rows, ranges of columns, cells of columns.

use anomalyst_core::{Error, Random, Result, Run};
use anomalyst_kernels::draw::{below, normal, uniform};
use anomalyst_kernels::linalg::{column_means, column_variances};
use anomalyst_kernels::mixture::{self, Mixture, Until};
use anomalyst_kernels::stats::median;
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::index;

use crate::Kind;

/// The most clouds that are tried, and rows they are fitted to: those of ADBench's generator.
const MOST_CLOUDS: usize = 9;
const MAX_ROWS: usize = 10_000;
/// Columns that clouds are fitted to at most; nine covariances of this size take 150 MB.
const MAX_COLUMNS: usize = 1024;
/// When the search for clouds ends, and what is added to variances: the defaults of scikit-learn, which ADBench uses.
const UNTIL: Until = Until { max_iter: 100, tolerance: 1e-3 };
const REGULARIZATION: f64 = 1e-6;
/// After so many more clouds without a better criterion the search ends.
const PATIENCE: usize = 2;

/// Normal rows, prepared for drawing rows of one kind.
pub(crate) struct Source<'a> {
    kind: Kind,
    factor: f64,
    /// `NaN` is missing.
    values: ArrayView2<'a, f32>,
    columns: Vec<Range>,
    clouds: Option<Clouds>,
}

/// Of the observed cells of a column; all 0 where there are none.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    low: f64,
    high: f64,
    median: f64,
}

struct Clouds {
    scale: Vec<f64>,
    mixture: Mixture,
}

impl<'a> Source<'a> {
    /// Learns what `kind` needs of normal rows. `factor` replaces the published strength.
    pub(crate) fn fit(
        values: ArrayView2<'a, f32>,
        kind: Kind,
        factor: Option<f64>,
        run: &Run,
    ) -> Result<Self> {
        if let Some(((row, column), _)) = values.indexed_iter().find(|(_, v)| v.is_infinite()) {
            return Err(Error::NotFinite { row, column });
        }
        let columns: Vec<Range> = values.columns().into_iter().map(|cells| Range::of(cells.iter())).collect();
        let mut source =
            Self { kind, factor: factor.unwrap_or(kind.default_factor()), values, columns, clouds: None };
        if matches!(kind, Kind::Local | Kind::Cluster) && values.ncols() > 0 {
            source.clouds = Some(source.find_clouds(run)?);
        }
        Ok(source)
    }

    fn find_clouds(&self, run: &Run) -> Result<Clouds> {
        let (n, d) = self.values.dim();
        if d > MAX_COLUMNS {
            return Err(Error::Budget {
                what: format!("{} anomalies", self.kind),
                need: format!("covariances of {d} columns"),
                limit: format!("{MAX_COLUMNS} columns"),
                hint: "plant global or dependency anomalies, or leave columns out".into(),
            });
        }
        // Medians in place of missing cells weaken what relates the columns, so they are a last resort.
        let mut rows: Vec<usize> =
            (0..n).filter(|&row| self.values.row(row).iter().all(|v| !v.is_nan())).collect();
        if 2 * rows.len() < n {
            rows = (0..n).collect();
        }
        if rows.len() > MAX_ROWS {
            let mut chosen = index::sample(&mut run.random(0), rows.len(), MAX_ROWS).into_vec();
            chosen.sort_unstable();
            rows = chosen.into_iter().map(|i| rows[i]).collect();
        }
        let values = self.complete(&rows);
        let mean = column_means(values.view());
        let unit = |(variance, mean): (f64, &f64)| {
            let std_dev = variance.sqrt();
            if std_dev > 1e-9 * mean.abs() { 1.0 / std_dev } else { 1.0 / mean.abs().max(f64::MIN_POSITIVE) }
        };
        let unit = |of: (f64, &f64)| Some(unit(of)).filter(|v| v.is_finite() && *v < 1e300).unwrap_or(1.0);
        let scale: Vec<f64> =
            column_variances(values.view(), &mean).into_iter().zip(&mean).map(unit).collect();
        let mixture = by_criterion(&values, &scale, run)?;
        Ok(Clouds { scale, mixture })
    }

    /// The rows at `rows`, with medians in place of missing cells.
    fn complete(&self, rows: &[usize]) -> Array2<f32> {
        let mut values = self.values.select(Axis(0), rows);
        for (mut cells, range) in values.columns_mut().into_iter().zip(&self.columns) {
            cells.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = range.median as f32);
        }
        values
    }

    /// A planted row for each of `hosts`, normal rows that say what is missing and which cloud is near.
    pub(crate) fn draw(&self, hosts: &[usize], random: &mut Random, run: &Run) -> Result<Array2<f32>> {
        let n = self.values.nrows();
        let mut planted = match (self.kind, &self.clouds) {
            (Kind::Dependency, _) => {
                return Ok(Array2::from_shape_fn((hosts.len(), self.columns.len()), |(_, j)| {
                    self.values[[below(random, n), j]]
                }));
            }
            (_, Some(clouds)) => self.near_clouds(clouds, hosts, random, run)?,
            (_, None) => Array2::from_shape_fn((hosts.len(), self.columns.len()), |(_, j)| {
                let Range { low, high, .. } = self.columns[j];
                let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
                narrow(middle + self.factor * half * (2.0 * uniform(random) - 1.0))
            }),
        };
        for ((i, j), v) in planted.indexed_iter_mut() {
            if self.values[[hosts[i], j]].is_nan() {
                *v = f32::NAN;
            } else if self.columns[j].low == self.columns[j].high {
                // Any other value in a column of one value would give the row away.
                *v = self.columns[j].low as f32;
            }
        }
        Ok(planted)
    }

    /// The cloud of a row is drawn by its share in the host. Over hosts these shares average to the clouds' weights, so
    /// that clouds are met as often as in draws from the mixture.
    fn near_clouds(
        &self,
        clouds: &Clouds,
        hosts: &[usize],
        random: &mut Random,
        run: &Run,
    ) -> Result<Array2<f32>> {
        let Clouds { scale, mixture } = clouds;
        let rows = self.complete(hosts);
        let densities = mixture::log_densities(rows.view(), scale, &mixture.components, run)?;
        let mut planted = Array2::zeros(rows.dim());
        for (i, mut row) in planted.rows_mut().into_iter().enumerate() {
            if i % 1024 == 0 {
                run.check()?;
            }
            let log_sum = mixture::log_sum(densities.iter().map(|of| of[i]));
            let mut left = uniform(random);
            let chosen = densities.iter().position(|of| {
                left -= (of[i] - log_sum).exp();
                left <= 0.0
            });
            let component = &mixture.components[chosen.unwrap_or(densities.len() - 1)];
            let noise: Vec<f64> = scale.iter().map(|_| normal(random)).collect();
            let away = component.colour(&noise);
            let (spread, shift) = match self.kind {
                Kind::Local => (self.factor.sqrt(), 1.0),
                _ => (1.0, self.factor),
            };
            for (j, v) in row.iter_mut().enumerate() {
                let low = self.columns[j].low;
                *v = narrow(low + shift * (component.mean[j] - low) + spread * away[j] / scale[j]);
            }
        }
        Ok(planted)
    }
}

impl Range {
    fn of<'b>(cells: impl Iterator<Item = &'b f32>) -> Self {
        let mut cells: Vec<f64> = cells.filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect();
        if cells.is_empty() {
            return Self::default();
        }
        let low = cells.iter().copied().fold(f64::INFINITY, f64::min);
        let high = cells.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { low, high, median: median(&mut cells) }
    }
}

/// The mixture of least criterion of Schwarz. A cloud of full covariance needs more rows than columns.
fn by_criterion(values: &Array2<f32>, scale: &[f64], run: &Run) -> Result<Mixture> {
    let (n, d) = values.dim();
    let mut best: Option<(f64, Mixture)> = None;
    let mut n_worse = 0;
    for k in 1..=MOST_CLOUDS.min((n / (d + 1)).max(1)) {
        let maximise = |moments| mixture::most_likely(moments, n, REGULARIZATION);
        let found = mixture::search(values.view(), scale, k, &UNTIL, run, maximise)?;
        let criterion = found.criterion(n, d);
        if best.as_ref().is_none_or(|(least, _)| criterion < *least) {
            (best, n_worse) = (Some((criterion, found)), 0);
        } else {
            n_worse += 1;
        }
        if n_worse == PATIENCE {
            break;
        }
    }
    best.map(|(_, mixture)| mixture).ok_or_else(|| Error::TooFewItems {
        what: "planting".into(),
        got: n,
        need: 1,
    })
}

/// As f32, never infinite.
fn narrow(v: f64) -> f32 {
    v.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}
