//! The shape-based distance of rows, and clusters by it (Paparrizos and Gravano 2015, SIGMOD,
//! doi:10.1145/2723372.2737793).
//!
//! Two rows are as far apart as they are unlike where one is shifted so that it fits the other best, zeros taking the place
//! of what is shifted in: `d(x, y) = 1 - max_s sum_t x_t y_(t-s) / (|x| |y|)`. All shifts are tried at once by a Fourier
//! transform. The centre of a cluster is the shape that its rows, each shifted to fit the centre before, are most like in
//! square: the leading eigenvector of `Q X' X Q`, with `X` the shifted rows and `Q` taking the mean from a shape. It is
//! looked for by Lanczos' method, which needs products with `X` only.
//!
//! ```
//! use anomalyst_kernels::k_shape::Correlator;
//! let plan = Correlator::new(4);
//! let fit = plan.fit(&[0.0, 1.0, -1.0, 0.0], &[1.0, -1.0, 0.0, 0.0]).unwrap();
//! assert!(fit.distance.abs() < 1e-12 && fit.shift == 1);
//! ```

mod leading;

use std::sync::Arc;

use anomalyst_core::{Error, Random, Result, Run};
use rayon::prelude::*;
use realfft::num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::draw::{below, uniform};

/// Deviations of this share of the largest value are rounding.
const ROUNDING: f64 = 1e-14;

/// How one row is like another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The shape-based distance, 0 to 2; 1 where a row is all zeros.
    pub distance: f64,
    /// The places by which the second row is moved to later ones.
    pub shift: isize,
}

/// Correlates rows of one length at all shifts.
#[derive(Clone)]
pub struct Correlator {
    len: usize,
    /// Length of the transforms.
    size: usize,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
}

/// A row and what is known of it before it is compared.
#[derive(Clone, Debug)]
pub struct Prepared {
    spectrum: Vec<Complex64>,
    norm: f64,
}

impl Correlator {
    /// For rows of `len` numbers.
    pub fn new(len: usize) -> Self {
        let size = (2 * len).saturating_sub(1).next_power_of_two();
        let mut planner = RealFftPlanner::<f64>::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        Self { len, size, forward, inverse }
    }

    /// The numbers of a row.
    #[allow(clippy::len_without_is_empty, reason = "a plan is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Makes a row ready.
    pub fn prepare(&self, row: &[f64]) -> Result<Prepared> {
        if row.len() != self.len {
            return Err(Error::Data(format!("a row of {} numbers among rows of {}", row.len(), self.len)));
        }
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mut padded = row.to_vec();
        padded.resize(self.size, 0.0);
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(&mut padded, &mut spectrum).map_err(failed)?;
        Ok(Prepared { spectrum, norm })
    }

    /// The best fit of two rows; of equally good shifts the most negative.
    pub fn fit(&self, x: &[f64], y: &[f64]) -> Result<Fit> {
        self.fit_prepared(&self.prepare(x)?, &self.prepare(y)?)
    }

    /// The same of rows that are ready.
    pub fn fit_prepared(&self, x: &Prepared, y: &Prepared) -> Result<Fit> {
        let scale = x.norm * y.norm * self.size as f64;
        if !(scale > 0.0 && scale.is_finite()) {
            return Ok(Fit { distance: 1.0, shift: 0 });
        }
        let mut product: Vec<Complex64> =
            x.spectrum.iter().zip(&y.spectrum).map(|(x, y)| x * y.conj()).collect();
        // The parts that a real series has no imaginary share of.
        product[0].im = 0.0;
        if self.size > 1 {
            product[self.size / 2].im = 0.0;
        }
        let mut sums = self.inverse.make_output_vec();
        self.inverse.process(&mut product, &mut sums).map_err(failed)?;
        let last = self.len as isize - 1;
        let at = |shift: isize| sums[shift.rem_euclid(self.size as isize) as usize];
        let best = (-last..=last).fold(-last, |best, shift| if at(shift) > at(best) { shift } else { best });
        Ok(Fit { distance: 1.0 - (at(best) / scale).clamp(-1.0, 1.0), shift: best })
    }
}

fn failed(error: realfft::FftError) -> Error {
    Error::Data(format!("Fourier transform: {error}"))
}

/// `row` moved by `shift` places to later ones, with zeros in the places that it leaves.
pub fn shifted(row: &[f64], shift: isize) -> Vec<f64> {
    let at = |t: usize| usize::try_from(t as isize - shift).ok().and_then(|from| row.get(from)).copied();
    (0..row.len()).map(|t| at(t).unwrap_or(0.0)).collect()
}

/// The shape that `rows` are most like in square, of mean 0 and deviation 1, with the sign that they are like rather than
/// unlike. They must be shifted already; `near` is a guess of the answer. All zeros where rows do not vary.
pub fn common_shape(rows: &[Vec<f64>], near: &[f64]) -> Result<Vec<f64>> {
    let len = near.len();
    if rows.iter().any(|row| row.len() != len) {
        return Err(Error::Data("rows of a shape are of one length".into()));
    }
    // Rows less their means: `Q x`, whose products with a centred vector are those of `x`.
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| centered(row)).collect();
    let apply = |v: &[f64]| {
        let mut out = vec![0.0; len];
        for row in &rows {
            let product = dot(row, v);
            out.iter_mut().zip(row).for_each(|(out, x)| *out += product * x);
        }
        out
    };
    let Some(mut shape) = leading::vector(apply, near)? else { return Ok(vec![0.0; len]) };
    if rows.iter().map(|row| dot(row, &shape)).sum::<f64>() < 0.0 {
        shape.iter_mut().for_each(|v| *v = -*v);
    }
    Ok(standardized(&shape))
}

/// `values` brought to mean 0 and population deviation 1; zeros where they do not vary.
pub fn standardized(values: &[f64]) -> Vec<f64> {
    let mut out = centered(values);
    let deviation = (out.iter().map(|v| v * v).sum::<f64>() / out.len().max(1) as f64).sqrt();
    let largest = values.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    // What rounding leaves of equal values is no shape.
    let over = if deviation > (ROUNDING * largest).max(f64::MIN_POSITIVE) { 1.0 / deviation } else { 0.0 };
    out.iter_mut().for_each(|v| *v *= over);
    out
}

fn centered(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|v| v - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Clusters of shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeClusters {
    /// The cluster of each row, from 0 without gaps.
    pub labels: Vec<usize>,
    /// The centre of each cluster, of mean 0 and deviation 1.
    pub centers: Vec<Vec<f64>>,
    /// The fit of each row to its centre.
    pub fits: Vec<Fit>,
}

/// The least by which the mean squared distance of rows from their centres must fall for another round.
const LEAST_GAIN: f64 = 1e-6;

/// At most `k` clusters of `rows` of one length, which should be [`standardized`]; fewer where rows do not differ enough or
/// a cluster loses all rows. The first centres are rows, each drawn with a probability that grows with the square of its
/// distance from those before, as in k-means++.
///
/// Time O(n k m log m) per round for `n` rows of `m` numbers, memory O(n m). The same on any number of threads.
pub fn k_shape(
    rows: &[Vec<f64>],
    k: usize,
    max_rounds: usize,
    random: &mut Random,
    run: &Run,
) -> Result<ShapeClusters> {
    let plan = Correlator::new(rows.first().map_or(0, Vec::len));
    let prepared: Vec<Prepared> = rows.par_iter().map(|row| plan.prepare(row)).collect::<Result<_>>()?;
    let mut nearest = vec![f64::INFINITY; rows.len()];
    let mut centers: Vec<Vec<f64>> = Vec::new();
    while centers.len() < k.min(rows.len()) {
        run.check()?;
        let total: f64 = nearest.iter().sum();
        let drawn = if centers.is_empty() {
            below(random, rows.len())
        } else if total > 1e-12 {
            let mut left = uniform(random) * total;
            let mut reaches = |&d: &f64| {
                left -= d;
                d > 0.0 && left <= 0.0
            };
            let last = nearest.iter().rposition(|&d| d > 0.0).unwrap_or(0);
            nearest.iter().position(&mut reaches).unwrap_or(last)
        } else {
            break;
        };
        let fit = |row: &Prepared| plan.fit_prepared(row, &prepared[drawn]);
        let fits: Vec<Fit> = prepared.par_iter().map(fit).collect::<Result<_>>()?;
        nearest.iter_mut().zip(&fits).for_each(|(least, fit)| *least = least.min(fit.distance.powi(2)));
        centers.push(standardized(&rows[drawn]));
    }
    Rounds { plan, rows, prepared }.run(centers, max_rounds, run)
}

/// The same from given centres.
pub fn k_shape_from(
    rows: &[Vec<f64>],
    centers: Vec<Vec<f64>>,
    max_rounds: usize,
    run: &Run,
) -> Result<ShapeClusters> {
    let plan = Correlator::new(rows.first().map_or(0, Vec::len));
    let prepared = rows.par_iter().map(|row| plan.prepare(row)).collect::<Result<_>>()?;
    Rounds { plan, rows, prepared }.run(centers, max_rounds, run)
}

struct Rounds<'a> {
    plan: Correlator,
    rows: &'a [Vec<f64>],
    prepared: Vec<Prepared>,
}

impl Rounds<'_> {
    /// Rounds until rows are no nearer to their centres than before; the centres before are kept then.
    fn run(&self, centers: Vec<Vec<f64>>, max_rounds: usize, run: &Run) -> Result<ShapeClusters> {
        let mut best = self.assign(centers, run)?;
        for _ in 0..max_rounds {
            let next = self.assign(self.extract(&best, run)?, run)?;
            if mean_square(&next.fits) >= mean_square(&best.fits) - LEAST_GAIN {
                break;
            }
            best = next;
        }
        Ok(best)
    }

    /// Gives every row to the centre that it is most like, the first of equally near ones; without centres that have none.
    fn assign(&self, centers: Vec<Vec<f64>>, run: &Run) -> Result<ShapeClusters> {
        let ready: Vec<Prepared> =
            centers.iter().map(|center| self.plan.prepare(center)).collect::<Result<_>>()?;
        let nearest = |row: &Prepared| {
            run.check()?;
            let mut best = (0, Fit { distance: f64::INFINITY, shift: 0 });
            for (label, center) in ready.iter().enumerate() {
                let fit = self.plan.fit_prepared(center, row)?;
                if fit.distance < best.1.distance {
                    best = (label, fit);
                }
            }
            Ok(best)
        };
        let found: Vec<(usize, Fit)> = self.prepared.par_iter().map(nearest).collect::<Result<_>>()?;
        let mut number = vec![None; centers.len()];
        found.iter().for_each(|&(label, _)| number[label] = Some(0));
        number.iter_mut().flatten().enumerate().for_each(|(i, number)| *number = i);
        let (labels, fits) = found.iter().map(|&(label, fit)| (number[label].unwrap_or(0), fit)).unzip();
        let used = centers.into_iter().zip(&number).filter(|(_, number)| number.is_some());
        Ok(ShapeClusters { labels, centers: used.map(|(center, _)| center).collect(), fits })
    }

    fn extract(&self, of: &ShapeClusters, run: &Run) -> Result<Vec<Vec<f64>>> {
        let shape = |(label, near): (usize, &Vec<f64>)| {
            run.check()?;
            let own = (0..self.rows.len()).filter(|&row| of.labels[row] == label);
            let own: Vec<Vec<f64>> = own.map(|row| shifted(&self.rows[row], of.fits[row].shift)).collect();
            common_shape(&own, near)
        };
        of.centers.par_iter().enumerate().map(shape).collect()
    }
}

fn mean_square(fits: &[Fit]) -> f64 {
    fits.iter().map(|fit| fit.distance.powi(2)).sum::<f64>() / fits.len().max(1) as f64
}

#[cfg(test)]
mod tests;
