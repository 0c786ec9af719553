//! Directions from the sphere, from one row to another, and across as many rows as there are columns.

use anomalyst_core::{Random, Result, Run};
use anomalyst_kernels::distributions::standard_normal;
use anomalyst_kernels::kernel_matrix::product;
use ndarray::{Array2, ArrayView2};
use rand::seq::index;
use rayon::prelude::*;

use super::{Along, Directions, RandomProjectionOutlyingness};

/// The most columns for which normals of hyperplanes are worked out, each in O(d^3).
pub(super) const MAX_PLANE_COLUMNS: usize = 100;
/// What is left of a vector, as a share of its length, where it depends on others but for rounding.
const ROUNDING: f64 = 1e-9;
/// How often a direction is drawn before it is given up, since the rows drawn may be equal.
const ATTEMPTS: usize = 8;
/// Hyperplanes among which flats are looked for at a time. One that holds half of the rows shows with certainty while
/// there are few columns; with many, it rarely holds all rows drawn, and so does no harm.
const PROBES: usize = 64;
/// The first random stream of probes; those below are of directions.
const PROBE_STREAM: u64 = 1 << 32;

/// Rows with the units of their columns.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: ArrayView2<'a, f32>,
    pub(super) center: &'a [f64],
    pub(super) scale: &'a [f64],
}

impl Rows<'_> {
    fn point(&self, i: usize) -> Vec<f64> {
        let units = self.center.iter().zip(self.scale);
        let row = self.values.row(i);
        row.iter().zip(units).map(|(&v, (center, scale))| (f64::from(v) - center) * scale).collect()
    }

    fn points(&self, of: &[usize]) -> Vec<Vec<f64>> {
        of.iter().map(|&i| self.point(i)).collect()
    }

    fn along(&self, axes: &[Vec<f64>], run: &Run) -> Result<Vec<Along>> {
        let axes = matrix(axes, self.center.len());
        Along::each(self.values, (self.center, self.scale), &axes, run)
    }
}

impl RandomProjectionOutlyingness {
    /// Unit vectors in the space of centred and scaled rows; at least one.
    pub(super) fn draw(&self, rows: Rows<'_>, run: &Run) -> Result<Array2<f64>> {
        let (n, d) = rows.values.dim();
        let count = self.count(d);
        let found = if d == 1 {
            vec![vec![1.0]]
        } else if self.planes(n, d) {
            hyperplanes(rows, count, run)?
        } else if self.directions == Directions::Pairs && n > 1 {
            from_subsets((n, 2), count, run, |of, _| between(&rows.points(of)))?
        } else {
            Vec::new()
        };
        if !found.is_empty() {
            return Ok(matrix(&found, d));
        }
        Ok(matrix(&collect(count, |i| from_sphere(d, run, i))?, d))
    }
}

/// Flats that hold more than half of the rows, and directions across rows within them.
fn hyperplanes(rows: Rows<'_>, count: usize, run: &Run) -> Result<Vec<Vec<f64>>> {
    let (n, d) = rows.values.dim();
    let axes: Vec<Vec<f64>> = (0..d).map(|j| (0..d).map(|i| f64::from(u8::from(i == j))).collect()).collect();
    let along = rows.along(&axes, run)?;
    let mut flats: Vec<Vec<f64>> =
        axes.into_iter().zip(along).filter(|(_, along)| along.is_flat).map(|(axis, _)| axis).collect();
    for round in 0.. {
        let left = d - flats.len();
        if left <= 1 {
            break;
        }
        let probe = |i: usize| {
            run.check()?;
            let mut random = run.random(PROBE_STREAM + (round * PROBES + i) as u64);
            let of = index::sample(&mut random, n, left).into_vec();
            Ok(across(&rows.points(&of), &flats, &mut random))
        };
        let probes = collect(PROBES, probe)?;
        let along = rows.along(&probes, run)?;
        let mut more: Vec<Vec<f64>> = Vec::new();
        for (probe, along) in probes.into_iter().zip(along) {
            // Only by what it adds to those of the same round, which may show one flat many times.
            if along.is_flat && left > more.len() {
                more.extend(beside(probe, &more, 0.1));
            }
        }
        let along = rows.along(&more, run)?;
        let before = flats.len();
        flats.extend(more.into_iter().zip(along).filter(|(_, along)| along.is_flat).map(|(axis, _)| axis));
        if flats.len() == before {
            break;
        }
    }
    let left = d - flats.len();
    if left > 0 {
        // In one dimension there is one direction.
        let count = if left == 1 { 1 } else { count };
        let make = |of: &[usize], random: &mut Random| across(&rows.points(of), &flats, random);
        let within = if left == 1 {
            collect(1, |_| Ok(make(&[0], &mut run.random(1))))?
        } else {
            from_subsets((n, left), count, run, make)?
        };
        flats.extend(within);
    }
    Ok(flats)
}

/// Directions from all subsets of so many rows, or from random ones where these are more than are wanted.
fn from_subsets(
    (n, size): (usize, usize),
    count: usize,
    run: &Run,
    make: impl Fn(&[usize], &mut Random) -> Option<Vec<f64>> + Sync,
) -> Result<Vec<Vec<f64>>> {
    if let Some(subsets) = all_subsets(n, size, count) {
        return collect(subsets.len(), |i| {
            run.check()?;
            Ok(make(&subsets[i], &mut run.random(1 + i as u64)))
        });
    }
    collect(count, |i| {
        run.check()?;
        // Stream 0 has drawn the sample of rows.
        let mut random = run.random(1 + i as u64);
        let mut draw = || {
            let of = index::sample(&mut random, n, size).into_vec();
            make(&of, &mut random)
        };
        Ok((0..ATTEMPTS).find_map(|_| draw()))
    })
}

fn collect(count: usize, make: impl Fn(usize) -> Result<Option<Vec<f64>>> + Sync) -> Result<Vec<Vec<f64>>> {
    (0..count).into_par_iter().filter_map(|i| make(i).transpose()).collect()
}

fn matrix(axes: &[Vec<f64>], d: usize) -> Array2<f64> {
    Array2::from_shape_fn((axes.len(), d), |(i, j)| axes[i][j])
}

fn from_sphere(d: usize, run: &Run, i: usize) -> Result<Option<Vec<f64>>> {
    run.check()?;
    Ok(beside(normals(d, &mut run.random(1 + i as u64)), &[], ROUNDING))
}

fn normals(d: usize, random: &mut Random) -> Vec<f64> {
    (0..d).map(|_| standard_normal(random)).collect()
}

/// The unit vector from one point to another; none where they are equal.
fn between(points: &[Vec<f64>]) -> Option<Vec<f64>> {
    beside(difference(points.get(1)?, points.first()?), &[], ROUNDING)
}

/// A unit vector orthogonal to given ones and to the flat through the points: drawn at random, and freed of them. Where
/// both together leave one dimension, there is only one such vector, up to its sign.
pub(super) fn across(points: &[Vec<f64>], given: &[Vec<f64>], random: &mut Random) -> Option<Vec<f64>> {
    let (first, others) = points.split_first()?;
    let mut basis = given.to_vec();
    for other in others {
        let next = beside(difference(other, first), &basis, ROUNDING);
        basis.extend(next);
    }
    beside(normals(first.len(), random), &basis, ROUNDING)
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// What is left of a vector beside an orthonormal basis, at length 1; none where that is no more than a share of its
/// length. By Gram and Schmidt, twice, after which only rounding is left of the basis.
fn beside(mut vector: Vec<f64>, basis: &[Vec<f64>], share: f64) -> Option<Vec<f64>> {
    let length = |v: &[f64]| product(v, v).sqrt();
    let before = length(&vector);
    for axis in basis.iter().chain(basis) {
        let along = product(&vector, axis);
        vector.iter_mut().zip(axis).for_each(|(v, a)| *v -= along * a);
    }
    let left = length(&vector);
    if !(left > share * before && left.is_finite()) {
        return None;
    }
    vector.iter_mut().for_each(|v| *v /= left);
    Some(vector)
}

/// All subsets of `size` of `n` numbers in lexicographic order; none where they are more than `most`.
pub(super) fn all_subsets(n: usize, size: usize, most: usize) -> Option<Vec<Vec<usize>>> {
    let mut count = 1_u128;
    for i in 0..size.min(n - size) {
        // After each step this is the number of subsets of `i + 1`, which grows up to half of `n`.
        count = count * (n - i) as u128 / (i + 1) as u128;
        if count > most as u128 {
            return None;
        }
    }
    let mut at: Vec<usize> = (0..size).collect();
    let mut all = Vec::with_capacity(count as usize);
    loop {
        all.push(at.clone());
        let Some(last) = (0..size).rev().find(|&i| at[i] < n - size + i) else { return Some(all) };
        at[last] += 1;
        (last + 1..size).for_each(|i| at[i] = at[i - 1] + 1);
    }
}
