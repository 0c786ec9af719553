//! What the methods with support vectors share: choice of kernel, the vectors with their weights, files, shares.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Attributions, Checked, Error, ModelReader, ModelWriter, Result, Run};
use anomalyst_kernels::kernel_matrix::{Kernel, PackedRows, exp_of_negatives};
use anomalyst_kernels::linalg::{column_means, column_variances};
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};
use serde::{Deserialize, Serialize};

use crate::quadratic::{finite, unit_scale};

/// The measure of how alike two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelKind {
    /// `exp(-gamma |x - y|^2)`.
    #[default]
    Rbf,
    /// `x . y`.
    Linear,
    /// `(gamma x . y + coef0)^degree`.
    Polynomial,
    /// `tanh(gamma x . y + coef0)`.
    Sigmoid,
}

/// How `gamma` follows from the data where it is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GammaRule {
    /// One over the number of columns, which suits columns of deviation 1.
    #[default]
    Auto,
    /// One over the number of columns and the variance of all values of all columns together.
    Scale,
}

/// The parameters of a kernel, as the methods name them.
pub(crate) struct Choice {
    pub(crate) kind: KernelKind,
    pub(crate) gamma: Option<f64>,
    pub(crate) rule: GammaRule,
    pub(crate) degree: u32,
    pub(crate) coef0: f64,
}

impl Choice {
    /// `gamma` for these rows.
    pub(crate) fn gamma_for(&self, rows: ArrayView2<'_, f32>) -> f64 {
        let columns = rows.ncols().max(1) as f64;
        self.gamma.unwrap_or_else(|| match self.rule {
            GammaRule::Auto => 1.0 / columns,
            GammaRule::Scale => scale(variance_of_all(rows) * columns),
        })
    }

    /// The kernel for these rows.
    pub(crate) fn kernel(&self, rows: ArrayView2<'_, f32>) -> Kernel {
        let gamma = self.gamma_for(rows);
        match self.kind {
            KernelKind::Rbf => Kernel::Rbf { gamma },
            KernelKind::Linear => Kernel::Linear,
            KernelKind::Polynomial => {
                Kernel::Polynomial { gamma, coef0: self.coef0, degree: self.degree as i32 }
            }
            KernelKind::Sigmoid => Kernel::Sigmoid { gamma, coef0: self.coef0 },
        }
    }
}

/// The reciprocal; 1 where there is no variance, as in scikit-learn.
fn scale(variance: f64) -> f64 {
    if variance > 0.0 { variance.recip().min(f64::MAX) } else { 1.0 }
}

/// The variance of all values around their one mean.
fn variance_of_all(rows: ArrayView2<'_, f32>) -> f64 {
    let count = rows.len().max(1) as f64;
    let mean = rows.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    rows.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count
}

/// What each column is multiplied by before rows are compared.
#[derive(Clone, Debug)]
pub(crate) struct Units(Vec<f64>);

impl Units {
    /// One over each column's deviation, or 1 where columns are to stay as they are.
    pub(crate) fn of(rows: ArrayView2<'_, f32>, standardize: bool) -> Self {
        if !standardize {
            return Self(vec![1.0; rows.ncols()]);
        }
        let mean = column_means(rows);
        let variance = column_variances(rows, &mean);
        Self(mean.iter().zip(variance).map(|(mean, variance)| unit_scale(*mean, variance.sqrt())).collect())
    }

    /// The rows in these units; the very rows where every factor is 1.
    pub(crate) fn apply<'a>(&self, rows: ArrayView2<'a, f32>) -> CowArray<'a, f32, Ix2> {
        if self.0.iter().all(|&scale| scale == 1.0) {
            return rows.into();
        }
        let mut scaled = rows.to_owned();
        for mut row in scaled.rows_mut() {
            row.iter_mut().zip(&self.0).for_each(|(v, scale)| *v = finite(f64::from(*v) * scale));
        }
        scaled.into()
    }

    /// The logarithm of how much larger a volume is in these units.
    pub(crate) fn log_volume(&self) -> f64 {
        self.0.iter().map(|scale| scale.ln()).sum()
    }

    fn load(from: &ModelReader<'_>, n_columns: usize) -> Result<Self> {
        let scale: Vec<f64> = from.list_of("scale", n_columns)?;
        if !scale.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
            return Err(Error::model("units of columns must be positive and finite"));
        }
        Ok(Self(scale))
    }
}

/// The rows that carry weight, and `f(x) = sum_i w_i k(x_i, x)`.
pub(crate) struct SupportVectors {
    pub(crate) kernel: Kernel,
    pub(crate) units: Units,
    /// In these units.
    rows: PackedRows,
    weights: Vec<f64>,
}

impl SupportVectors {
    /// The rows, given in `units`, whose weight is not 0.
    pub(crate) fn new(kernel: Kernel, units: Units, rows: ArrayView2<'_, f32>, weights: &[f64]) -> Self {
        let kept: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] != 0.0).collect();
        Self {
            kernel,
            units,
            rows: PackedRows::new(rows.select(Axis(0), &kept).view()),
            weights: kept.iter().map(|&i| weights[i]).collect(),
        }
    }

    /// All rows, given in `units`, each with weight 1.
    pub(crate) fn evenly(kernel: Kernel, units: Units, rows: ArrayView2<'_, f32>) -> Self {
        Self { kernel, units, rows: PackedRows::new(rows), weights: vec![1.0; rows.nrows()] }
    }

    /// The rows.
    pub(crate) const fn rows(&self) -> &PackedRows {
        &self.rows
    }

    /// The same rows, each with weight 1: weights of either sign would cancel where rows are averaged.
    pub(crate) fn with_even_weights(&self) -> Self {
        Self {
            kernel: self.kernel,
            units: self.units.clone(),
            rows: self.rows.clone(),
            weights: vec![1.0; self.weights.len()],
        }
    }

    /// `f` of each row.
    pub(crate) fn sums(&self, rows: ArrayView2<'_, f32>, run: &Run) -> Result<Vec<f64>> {
        self.rows.weighted_sums(self.kernel, &self.weights, self.units.apply(rows).view(), run)
    }

    /// Shares of columns in how far `f` is from what it could be.
    ///
    /// Radial kernels: squared differences to the support vectors, by column, averaged with the weights
    /// `w_i k(x_i, x)`, that is in proportion to how much each vector has to say at `x`. Vectors equal to `x`, of which a
    /// training row is one, say nothing about columns and are left out. Kernels of products:
    /// `-x_j df / dx_j`, for the linear kernel the exact parts of `-f`.
    pub(crate) fn shares(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let queries = self.units.apply(rows.features().values.view());
        let queries = queries.view();
        let d = queries.ncols();
        let shares = self.rows.map_tiles(queries, run, |state: &mut Shares, query, start, buffer| {
            if self.kernel.is_radial() {
                self.rows.squared_distances(query.row, start, buffer);
            } else {
                self.rows.products(query.row, start, buffer);
            }
            state.add(self, query.row, start, buffer);
        })?;
        let mut values = Array2::zeros(queries.dim());
        for (mut out, state) in values.rows_mut().into_iter().zip(shares) {
            let total = if self.kernel.is_radial() && state.total > 0.0 { state.total } else { 1.0 };
            for (j, out) in out.iter_mut().enumerate().take(d) {
                *out = finite(state.sums.get(j).map_or(0.0, |sum| sum / total));
            }
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }

    pub(crate) fn save(&self, out: &mut ModelWriter) {
        out.put_list("scale", &self.units.0);
        out.put_matrix("support", &self.rows.to_matrix());
        out.put_list("weights", &self.weights);
        let (kind, numbers) = match self.kernel {
            Kernel::Rbf { gamma } => (0, [gamma, 0.0, 0.0]),
            Kernel::Linear => (1, [0.0; 3]),
            Kernel::Polynomial { gamma, coef0, degree } => (2, [gamma, coef0, f64::from(degree)]),
            Kernel::Sigmoid { gamma, coef0 } => (3, [gamma, coef0, 0.0]),
        };
        out.put_list("kernel", &[f64::from(kind), numbers[0], numbers[1], numbers[2]]);
    }

    pub(crate) fn load(from: &ModelReader<'_>, n_columns: usize) -> Result<Self> {
        let rows = from.finite_matrix("support", n_columns)?;
        let weights: Vec<f64> = from.list_of("weights", rows.nrows())?;
        let numbers: Vec<f64> = from.list_of("kernel", 4)?;
        let [kind, gamma, coef0, degree] = numbers[..] else {
            return Err(Error::model("a kernel is described by four numbers"));
        };
        if weights.iter().chain(&numbers).any(|v| !v.is_finite()) || gamma < 0.0 {
            return Err(Error::model("support vectors or their kernel are not finite"));
        }
        let kernel = match kind as i64 {
            0 => Kernel::Rbf { gamma },
            1 => Kernel::Linear,
            2 => Kernel::Polynomial { gamma, coef0, degree: degree.clamp(1.0, 100.0) as i32 },
            3 => Kernel::Sigmoid { gamma, coef0 },
            _ => return Err(Error::model("there is no kernel of that number")),
        };
        Ok(Self { kernel, units: Units::load(from, n_columns)?, rows: PackedRows::new(rows.view()), weights })
    }
}

/// `dk / d(x . y)` of a kernel of products; 0 for others.
pub(crate) fn slope(kernel: Kernel, product: f64) -> f64 {
    match kernel {
        Kernel::Rbf { .. } => 0.0,
        Kernel::Linear => 1.0,
        Kernel::Polynomial { gamma, coef0, degree } => {
            f64::from(degree) * gamma * (gamma * product + coef0).powi(degree - 1)
        }
        Kernel::Sigmoid { gamma, coef0 } => gamma * (1.0 - (gamma * product + coef0).tanh().powi(2)),
    }
}

/// Sums by column, scaled so that the largest kernel met so far counts as 1: far from all support vectors every kernel
/// is 0, and yet some are larger than others.
#[derive(Clone)]
struct Shares {
    nearest: f64,
    total: f64,
    sums: Vec<f64>,
}

impl Default for Shares {
    fn default() -> Self {
        Self { nearest: f64::INFINITY, total: 0.0, sums: Vec::new() }
    }
}

impl Shares {
    /// Adds a tile; `buffer` holds squared distances or products.
    fn add(&mut self, of: &SupportVectors, query: &[f64], start: usize, buffer: &mut [f64]) {
        self.sums.resize(query.len(), 0.0);
        match of.kernel {
            Kernel::Rbf { gamma } => {
                buffer.iter_mut().filter(|v| **v == 0.0).for_each(|v| *v = f64::INFINITY);
                let nearest = buffer.iter().copied().fold(self.nearest, f64::min);
                if !nearest.is_finite() {
                    return;
                }
                if self.nearest.is_finite() {
                    let scale = (gamma * (nearest - self.nearest)).exp();
                    self.total *= scale;
                    self.sums.iter_mut().for_each(|sum| *sum *= scale);
                }
                self.nearest = nearest;
                buffer.iter_mut().for_each(|v| *v = gamma * (nearest - *v));
                exp_of_negatives(buffer);
            }
            _ => buffer.iter_mut().for_each(|v| *v = slope(of.kernel, *v)),
        }
        for (slot, k) in buffer.iter().enumerate() {
            let weight = k * of.weights[start + slot];
            self.total += weight;
            for ((sum, &q), x) in self.sums.iter_mut().zip(query).zip(of.rows.row(start + slot)) {
                let x = f64::from(x);
                *sum += weight * if of.kernel.is_radial() { (q - x) * (q - x) } else { -q * x };
            }
        }
    }
}
