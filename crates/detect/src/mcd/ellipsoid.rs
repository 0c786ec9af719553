//! Mean and covariance of some rows, the distances they give, and the C-steps that make the determinant smaller.

use anomalyst_core::{Result, Run};
use anomalyst_kernels::linalg::{Cholesky, column_means, map_projected, scatter, symmetric_eigen};
use ndarray::{Array2, ArrayView2, Axis};

/// A direction whose variance is below this share of the largest is one in which rows do not spread: f32 rows have no
/// more digits.
const FLAT: f64 = 1e-10;
/// A C-step that lowers the logarithm of the determinant by less has arrived.
const SETTLED: f64 = 1e-10;

/// Rows, and what each centred column is multiplied by.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: ArrayView2<'a, f32>,
    pub(super) scale: &'a [f64],
}

/// Mean and covariance of some rows. `dimension` is smaller than the number of columns where those rows lie on a flat.
#[derive(Clone, Debug)]
pub(super) struct Ellipsoid {
    pub(super) mean: Vec<f64>,
    /// Of scaled columns, divided by the number of rows.
    pub(super) covariance: Array2<f64>,
    /// Turns scaled differences from the mean into uncorrelated ones of variance 1.
    whiten: Array2<f64>,
    /// The sum of the logarithms of the variances along `whiten`.
    log_det: f64,
}

impl Ellipsoid {
    pub(super) fn of(rows: Rows<'_>, chosen: &[usize], run: &Run) -> Result<Self> {
        let values = rows.values.select(Axis(0), chosen);
        let mean = column_means(values.view());
        let mut covariance = scatter(values.view(), &mean, None, run)?;
        let n = chosen.len().max(1) as f64;
        covariance.indexed_iter_mut().for_each(|((i, j), v)| *v *= rows.scale[i] * rows.scale[j] / n);
        let (whiten, log_det) = whitening(&covariance)?;
        Ok(Self { mean, covariance, whiten, log_det })
    }

    /// How many directions the rows spread in.
    pub(super) fn dimension(&self) -> usize {
        self.whiten.nrows()
    }

    pub(super) fn is_flat(&self) -> bool {
        self.dimension() < self.mean.len()
    }

    /// Whether this is the better answer: the smaller determinant. Flat ones all have determinant 0 and win over the
    /// others; among them the one that says something about most directions does.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        match (self.is_flat(), other.is_flat()) {
            (true, true) if self.dimension() != other.dimension() => self.dimension() > other.dimension(),
            (true, false) => true,
            (false, true) => false,
            _ => self.log_det < other.log_det,
        }
    }

    /// Squared distances, along the directions that this spreads in.
    pub(super) fn distances(&self, rows: Rows<'_>, run: &Run) -> Result<Vec<f64>> {
        map_projected(rows.values, (&self.mean, rows.scale), &self.whiten, run, |_, _, y| {
            y.iter().map(|y| y * y).sum()
        })
    }

    /// C-steps (theorem 1 of Rousseeuw and Van Driessen): the `n_support` nearest rows give a covariance of no larger
    /// determinant, until it is no smaller either, or 0.
    pub(super) fn concentrate(
        mut self,
        rows: Rows<'_>,
        n_support: usize,
        most: usize,
        run: &Run,
    ) -> Result<Self> {
        let mut before = f64::INFINITY;
        for _ in 0..most {
            run.check()?;
            let next = Self::of(rows, &nearest(&self.distances(rows, run)?, n_support), run)?;
            if !next.is_flat() && next.log_det >= before - SETTLED {
                break;
            }
            before = next.log_det;
            self = next;
            if self.is_flat() {
                break;
            }
        }
        Ok(self)
    }
}

/// The numbers of the `count` smallest distances, ascending; of equal distances the first.
pub(super) fn nearest(distances: &[f64], count: usize) -> Vec<usize> {
    if count >= distances.len() {
        return (0..distances.len()).collect();
    }
    let mut order: Vec<usize> = (0..distances.len()).collect();
    let by_distance = |a: &usize, b: &usize| distances[*a].total_cmp(&distances[*b]).then(a.cmp(b));
    if count > 0 {
        order.select_nth_unstable_by(count - 1, by_distance);
    }
    order.truncate(count);
    order.sort_unstable();
    order
}

/// What makes the covariance a unit matrix on the directions that have variance, and the logarithm of the determinant
/// there.
fn whitening(covariance: &Array2<f64>) -> Result<(Array2<f64>, f64)> {
    if let Ok(cholesky) = Cholesky::new(covariance.view()) {
        // A pivot is what a column varies when those before it are held fixed.
        let pivots = cholesky.lower().diag().mapv(|v| v * v);
        let largest = covariance.diag().iter().copied().fold(0.0, f64::max);
        if pivots.iter().all(|&pivot| pivot > FLAT * largest) {
            return Ok((cholesky.inverse_lower(), cholesky.log_det()));
        }
    }
    let eigen = symmetric_eigen(covariance.view())?;
    let largest = eigen.values.first().copied().unwrap_or(0.0);
    let k = eigen.values.iter().take_while(|&&v| v > FLAT * largest && v > 0.0).count();
    let mut whiten = eigen.vectors.slice_move(ndarray::s![..k, ..]);
    for (mut axis, variance) in whiten.rows_mut().into_iter().zip(&eigen.values) {
        axis /= variance.sqrt();
    }
    Ok((whiten, eigen.values[..k].iter().map(|v| v.ln()).sum()))
}
