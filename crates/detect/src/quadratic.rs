//! Weighted squares along directions: the fitted state that all linear methods share.
//!
//! With `c` the centred and scaled row, `a_j` orthonormal directions and `w_j` their weights,
//! `s(x) = sum_j w_j (a_j . c)^2 + rest |c - sum_j (a_j . c) a_j|^2`: every direction has its weight, and all that lies
//! along none of them has one weight together.

use anomalyst_core::{
    Attribute, Attributions, Checked, Error, Model, ModelReader, ModelWriter, Result, Run, Shape,
};
use anomalyst_kernels::linalg::{column_means, column_variances, map_projected, symmetric_eigen};
use ndarray::{Array2, ArrayView2, s};

/// Directions with their weights, and one weight for everything that lies along none of them.
pub struct QuadraticModel {
    pub(crate) mean: Vec<f64>,
    /// What each centred column is multiplied by.
    pub(crate) scale: Vec<f64>,
    /// Orthonormal rows.
    pub(crate) axes: Array2<f64>,
    pub(crate) weights: Vec<f64>,
    pub(crate) rest: f64,
}

/// What each column is multiplied by so that units do not matter: the reciprocal of its deviation, or of its own size
/// where it does not spread.
pub(crate) fn column_scale(values: ArrayView2<'_, f32>) -> Vec<f64> {
    let mean = column_means(values);
    let variance = column_variances(values, &mean);
    variance.iter().zip(&mean).map(|(variance, mean)| unit_scale(*mean, variance.sqrt())).collect()
}

/// The reciprocal of a column's unit: its deviation, or its own size where it does not spread.
pub(crate) fn unit_scale(mean: f64, std_dev: f64) -> f64 {
    if std_dev > 1e-9 * mean.abs() {
        1.0 / std_dev
    } else if mean != 0.0 {
        1.0 / mean.abs()
    } else {
        1.0
    }
}

/// As f32, never infinite and never NaN, which only a damaged model can give.
pub(crate) fn finite(v: f64) -> f32 {
    if v.is_nan() { f32::MAX } else { v.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 }
}

impl QuadraticModel {
    /// The squared Mahalanobis distance by the covariance of scaled columns. No variance counts as smaller than the
    /// share `floor` of the largest.
    pub(crate) fn mahalanobis(
        mean: Vec<f64>,
        scale: Vec<f64>,
        covariance: &Array2<f64>,
        floor: f64,
    ) -> Result<Self> {
        let eigen = symmetric_eigen(covariance.view())?;
        let largest = eigen.values.first().copied().unwrap_or(0.0);
        let floor = if largest > 0.0 { floor * largest } else { floor };
        let k = eigen.values.iter().take_while(|&&v| v > floor).count();
        let weights = eigen.values[..k].iter().map(|v| 1.0 / v).collect();
        let rest = if k < mean.len() { 1.0 / floor } else { 0.0 };
        Ok(Self { mean, scale, axes: eigen.vectors.slice_move(s![..k, ..]), weights, rest })
    }

    fn map<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        finish: impl Fn(&[f64], &[f64]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let values = rows.features().values.view();
        map_projected(values, (&self.mean, &self.scale), &self.axes, run, |_, c, y| finish(c, y))
    }

    fn score_one(&self, c: &[f64], y: &[f64]) -> f64 {
        let along = sum_of(y, &self.weights, |y, w| w * y * y);
        if self.rest == 0.0 {
            return along;
        }
        let square = |v: &[f64]| sum_of(v, v, |v, _| v * v);
        along + self.rest * (square(c) - square(y)).max(0.0)
    }

    /// `c_i (A c)_i`, where the score is `c . A c`.
    fn shares(&self, c: &[f64], y: &[f64]) -> Vec<f32> {
        let mut gradient: Vec<f64> = c.iter().map(|c| self.rest * c).collect();
        for ((axis, y), w) in self.axes.rows().into_iter().zip(y).zip(&self.weights) {
            let factor = (w - self.rest) * y;
            gradient.iter_mut().zip(axis).for_each(|(out, a)| *out += factor * a);
        }
        gradient.iter().zip(c).map(|(g, c)| finite(g * c)).collect()
    }
}

/// `sum_i term(a_i, b_i)`, as four sums that do not wait for each other.
fn sum_of(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    let ((a_fours, a_rest), (b_fours, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a_fours.iter().zip(b_fours) {
        for lane in 0..4 {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    sums.iter_mut().zip(rest).for_each(|(sum, (&a, &b))| *sum += term(a, b));
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

impl Model for QuadraticModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.map(rows, run, |c, y| finite(self.score_one(c, y)))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("mean", &self.mean);
        out.put_list("scale", &self.scale);
        out.put_matrix("axes", &self.axes);
        out.put_list("weights", &self.weights);
        out.put_list("rest", &[self.rest]);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let axes: Array2<f64> = from.matrix("axes")?;
        let model = Self {
            mean: from.list_of("mean", shape.n_values)?,
            scale: from.list_of("scale", shape.n_values)?,
            weights: from.list_of("weights", axes.nrows())?,
            rest: from.list_of("rest", 1)?[0],
            axes,
        };
        let numbers = model.mean.iter().chain(&model.scale).chain(&model.weights).chain(&model.axes);
        if model.axes.ncols() != shape.n_values || numbers.chain([&model.rest]).any(|v| !v.is_finite()) {
            return Err(Error::model(
                "the principal axes are not finite or have another width than the model",
            ));
        }
        Ok(model)
    }
}

impl Attribute for QuadraticModel {
    /// Each column's part of the quadratic form; the shares of a row sum to its score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let shares = self.map(rows, run, |c, y| self.shares(c, y))?;
        let values = Array2::from_shape_vec(rows.values.dim(), shares.concat())
            .map_err(|e| Error::Data(e.to_string()))?;
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
