//! The variance norm: Mahalanobis length in the range of a covariance, infinite outside, and the nearest of some points in it.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, Run};
use anomalyst_kernels::linalg::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// The share of a difference outside of the range from which on it is infinite.
const OUTSIDE: f64 = 1e-3;
/// What infinite lengths begin at.
const INFINITE: f64 = 1e6;
/// Variances below this share of the largest are not in the range.
const LEAST_SHARE: f64 = 1e-12;
/// Deviations of numbers count as at least this share of the numbers.
const LEAST_DEVIATION: f64 = 1e-6;

/// Points, and the norm of their covariance.
pub(super) struct VarianceNorm {
    means: Array1<f64>,
    /// Deviations of the numbers.
    units: Array1<f64>,
    /// A row for each direction of the range.
    axes: Array2<f64>,
    /// The deviations in these directions.
    deviations: Array1<f64>,
    /// The points: a row of each, in deviations.
    points: Array2<f64>,
}

impl VarianceNorm {
    /// Of points in rows.
    pub(super) fn learned(points: &Array2<f64>, run: &Run) -> Result<Self> {
        run.check()?;
        let (n, width) = points.dim();
        let means = points.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(width));
        let mut centred = points - &means;
        let unit = |(column, mean): (ArrayView1<'_, f64>, &f64)| {
            let variance = column.iter().map(|v| v * v).sum::<f64>() / n.max(1) as f64;
            variance.sqrt().max(LEAST_DEVIATION * mean.abs()).max(LEAST_DEVIATION)
        };
        let units: Array1<f64> = centred.columns().into_iter().zip(&means).map(unit).collect();
        centred /= &units;
        let covariance = centred.t().dot(&centred) / n.max(1) as f64;
        run.check()?;
        let eigen = symmetric_eigen(covariance.view())?;
        run.check()?;
        let largest = eigen.values.first().copied().unwrap_or(0.0);
        let rank = eigen.values.iter().take_while(|&&v| v > (LEAST_SHARE * largest).max(LEAST_SHARE)).count();
        let axes = eigen.vectors.slice(ndarray::s![..rank, ..]).to_owned();
        let deviations: Array1<f64> = eigen.values[..rank].iter().map(|v| v.sqrt()).collect();
        let points = centred.dot(&axes.t()) / &deviations;
        Ok(Self { means, units, axes, deviations, points: points.as_standard_layout().into_owned() })
    }

    /// The least length of a difference to a point that is not `left_out`; `None` where all are.
    pub(super) fn conformance(&self, x: &[f64], left_out: impl Fn(usize) -> bool) -> Option<f64> {
        let centred: Array1<f64> =
            x.iter().zip(&self.means).zip(&self.units).map(|((x, mean), unit)| (x - mean) / unit).collect();
        let along = self.axes.dot(&centred);
        let rest = &centred - &self.axes.t().dot(&along);
        // All points are in the range, so that this is outside of it in every difference.
        let length = rest.dot(&rest);
        let rounding = (LEAST_DEVIATION * LEAST_DEVIATION) * (1.0 + centred.dot(&centred));
        let outside = if length > rounding { length } else { 0.0 };
        let own = &along / &self.deviations;
        let (mut nearest, mut least_share) = (f64::INFINITY, f64::INFINITY);
        let mut is_alone = true;
        for (j, point) in self.points.rows().into_iter().enumerate() {
            if left_out(j) {
                continue;
            }
            is_alone = false;
            let share = if outside > 0.0 { (outside / self.whole(outside, &own, point)).sqrt() } else { 0.0 };
            if share > OUTSIDE {
                least_share = least_share.min(share);
            } else {
                nearest = nearest.min(own.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum());
            }
        }
        if is_alone {
            return None;
        }
        let share = if least_share.is_finite() { least_share } else { 1.0 };
        Some(if nearest.is_finite() { nearest.sqrt().min(INFINITE) } else { INFINITE * (1.0 + share) })
    }

    /// The squared plain length of a difference.
    fn whole(&self, outside: f64, own: &Array1<f64>, point: ArrayView1<'_, f64>) -> f64 {
        let along =
            own.iter().zip(point).zip(&self.deviations).map(|((a, b), unit)| ((a - b) * unit).powi(2));
        outside + along.sum::<f64>()
    }

    pub(super) fn save(&self, out: &mut ModelWriter) {
        out.put_list("means", &self.means.to_vec());
        out.put_list("units", &self.units.to_vec());
        out.put_list("deviations", &self.deviations.to_vec());
        out.put_matrix("axes", &self.axes);
        out.put_matrix("points", &self.points);
    }

    /// Reads what was learned of points of `width` numbers.
    pub(super) fn load(from: &ModelReader<'_>, width: usize) -> Result<Self> {
        let (means, units): (Vec<f64>, Vec<f64>) =
            (from.list_of("means", width)?, from.list_of("units", width)?);
        let deviations: Vec<f64> = from.list("deviations")?;
        let (axes, points): (Array2<f64>, Array2<f64>) = (from.matrix("axes")?, from.matrix("points")?);
        let rank = deviations.len();
        if rank > width || axes.dim() != (rank, width) || points.ncols() != rank {
            return Err(Error::model("directions and points of signatures do not fit together"));
        }
        let all = means.iter().chain(&axes).chain(&points);
        let positive = units.iter().chain(&deviations);
        if !all.into_iter().all(|v| v.abs() <= 1e150)
            || !positive.into_iter().all(|&v| v > 1e-150 && v <= 1e150)
        {
            return Err(Error::model("what was learned of signatures must be finite"));
        }
        Ok(Self { means: means.into(), units: units.into(), axes, deviations: deviations.into(), points })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Points on a line: within it, distances count in deviations; beside it, all is infinite, the more the farther.
    #[test]
    fn closed_form() {
        let norm = VarianceNorm::learned(&array![[-1.0, -2.0], [1.0, 2.0]], &Run::new(0)).unwrap();
        assert_eq!(norm.axes.nrows(), 1);
        let of = |x: [f64; 2]| norm.conformance(&x, |_| false).unwrap();
        assert!(
            (of([2.0, 4.0]) - 1.0).abs() < 1e-9
                && of([1.0, 2.0]) < 1e-9
                && (of([0.0, 0.0]) - 1.0).abs() < 1e-9
        );
        assert!(of([1.5, 2.5]) > INFINITE && of([2.0, -4.0]) > of([5.0, 9.0]));
        assert!((norm.conformance(&[1.0, 2.0], |j| j == 1).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(norm.conformance(&[1.0, 2.0], |_| true), None);
        // One point has no range.
        let alone = VarianceNorm::learned(&array![[1.0, 2.0]], &Run::new(0)).unwrap();
        assert_eq!(alone.conformance(&[1.0, 2.0], |_| false), Some(0.0));
        assert_eq!(alone.conformance(&[1.0, 3.0], |_| false), Some(2.0 * INFINITE));
    }

    /// What is linear, scales of channels among it, changes no distance.
    #[test]
    fn units_of_numbers_do_not_matter() {
        let points =
            Array2::from_shape_fn((30, 3), |(i, j)| ((i * i * 7 + i * 13 + 31 * j * i) % 101) as f64);
        let turn = array![[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 500.0]];
        let [plain, turned] = [points.clone(), points.dot(&turn)]
            .map(|points| VarianceNorm::learned(&points, &Run::new(0)).unwrap());
        let x = array![20.0, 180.0, -7.0];
        let got = turned.conformance(&x.dot(&turn).to_vec(), |_| false).unwrap();
        assert!((plain.conformance(&x.to_vec(), |_| false).unwrap() - got).abs() < 1e-6 * got);
    }
}
