//! The leading eigenvector of a positive semidefinite operator, by Lanczos' method with restarts.

use anomalyst_core::Result;
use ndarray::Array2;

use super::{centered, dot};
use crate::linalg::symmetric_eigen;

/// Vectors that the answer is sought among at a time.
const STEPS: usize = 24;
/// Times that the search begins anew from the best so far.
const RESTARTS: usize = 40;
/// What counts as an answer: a residual of this share of the eigenvalue.
const EXACT: f64 = 1e-11;
/// How much of the start is a fixed noise, so that it is not orthogonal to the answer.
const NOISE: f64 = 1e-3;

/// The unit vector that `apply` makes longest, among those of mean 0; `apply` must keep means at 0. `near` is where the
/// search begins. `None` where `apply` gives zeros only.
pub(super) fn vector(apply: impl Fn(&[f64]) -> Vec<f64>, near: &[f64]) -> Result<Option<Vec<f64>>> {
    let noise: Vec<f64> = (0..near.len()).map(|i| ((i * i * 7 + i * 13) % 101) as f64 / 101.0).collect();
    let (near, noise) = (unit(centered(near)).unwrap_or_default(), unit(centered(&noise)));
    let Some(noise) = noise else { return Ok(None) };
    let start = (0..noise.len()).map(|i| near.get(i).copied().unwrap_or(0.0) + NOISE * noise[i]).collect();
    let Some(mut best) = unit(start) else { return Ok(None) };
    for _ in 0..RESTARTS {
        let (basis, reduced, rest) = krylov(&apply, best);
        let eigen = symmetric_eigen(reduced.view())?;
        let weights = eigen.vectors.row(0);
        let mut sum = vec![0.0; near.len().max(noise.len())];
        for (vector, &weight) in basis.iter().zip(weights) {
            sum.iter_mut().zip(vector).for_each(|(sum, v)| *sum += weight * v);
        }
        if eigen.values[0] <= f64::MIN_POSITIVE {
            return Ok(None);
        }
        let residual = rest * weights[weights.len() - 1].abs();
        let Some(next) = unit(sum) else { return Ok(None) };
        best = next;
        if residual <= EXACT * eigen.values[0] {
            break;
        }
    }
    Ok(Some(best))
}

/// An orthonormal basis of what `apply` makes of `first` again and again, `apply` within it, and how far it leads out of it.
fn krylov(apply: &impl Fn(&[f64]) -> Vec<f64>, first: Vec<f64>) -> (Vec<Vec<f64>>, Array2<f64>, f64) {
    let n_steps = STEPS.min(first.len());
    let mut basis = vec![first];
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    loop {
        let last = &basis[basis.len() - 1];
        let mut next = apply(last);
        diagonal.push(dot(&next, last));
        let whole = dot(&next, &next).sqrt();
        // Twice is enough for vectors that rounding left at an angle.
        for _ in 0..2 {
            for vector in &basis {
                let product = dot(&next, vector);
                next.iter_mut().zip(vector).for_each(|(next, v)| *next -= product * v);
            }
        }
        let rest = dot(&next, &next).sqrt();
        if basis.len() >= n_steps || rest <= f64::EPSILON * whole * 4.0 {
            let at = |(i, j): (usize, usize)| match i.abs_diff(j) {
                0 => diagonal[i],
                1 => beside[i.min(j)],
                _ => 0.0,
            };
            let rest = if rest <= f64::EPSILON * whole * 4.0 { 0.0 } else { rest };
            let size = basis.len();
            return (basis, Array2::from_shape_fn((size, size), at), rest);
        }
        beside.push(rest);
        next.iter_mut().for_each(|v| *v /= rest);
        basis.push(next);
    }
}

fn unit(mut vector: Vec<f64>) -> Option<Vec<f64>> {
    let norm = dot(&vector, &vector).sqrt();
    if !(norm > f64::MIN_POSITIVE && norm.is_finite()) {
        return None;
    }
    vector.iter_mut().for_each(|v| *v /= norm);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the decomposition of the whole matrix.
        #[test]
        fn is_the_first_of_all_eigenvectors(
            n_rows in 1..8_usize, len in 2..40_usize, cells in prop::collection::vec(-1.0..1.0_f64, 320),
        ) {
            let rows: Vec<Vec<f64>> = cells.chunks(len).take(n_rows).filter(|row| row.len() == len).map(centered).collect();
            let apply = |v: &[f64]| {
                let mut out = vec![0.0; len];
                for row in &rows {
                    let product = dot(row, v);
                    out.iter_mut().zip(row).for_each(|(out, x)| *out += product * x);
                }
                out
            };
            let whole = Array2::from_shape_fn((len, len), |(i, j)| rows.iter().map(|row| row[i] * row[j]).sum());
            let eigen = symmetric_eigen(whole.view()).unwrap();
            let got = vector(apply, &vec![0.0; len]).unwrap().unwrap();
            let longest = dot(&apply(&got), &got);
            prop_assert!((longest - eigen.values[0]).abs() <= 1e-9 * eigen.values[0], "{longest} {}", eigen.values[0]);
            prop_assert!(got.iter().sum::<f64>().abs() < 1e-9);
            if eigen.values.len() > 1 && eigen.values[1] < 0.9 * eigen.values[0] {
                let along = dot(&got, eigen.vectors.row(0).as_slice().unwrap()).abs();
                prop_assert!((along - 1.0).abs() < 1e-9, "{along}");
            }
        }
    }

    #[test]
    fn nothing_has_no_leading_vector() {
        assert!(vector(|v| vec![0.0; v.len()], &[1.0, -1.0]).unwrap().is_none());
        assert!(vector(|v| vec![0.0; v.len()], &[1.0]).unwrap().is_none());
        assert!(vector(|v| v.to_vec(), &[]).unwrap().is_none());
    }
}
