//! Rows seen along given directions.

use anomalyst_core::{Error, Result, Run};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::{columns_of, each_row};

/// Rows per product. Every product has exactly as many, the last ones filled up with zeros: products of one size treat
/// every row alike, so a row's result does not depend on the rows around it. Small products take more rows, because
/// each costs as much to begin as some thousand multiplications.
const fn block_rows(d: usize, k: usize) -> usize {
    if d * k <= 2048 { 128 } else { 32 }
}

/// Gives `finish` every row's number, centred values `c = (x - mean) * scale` and projections `axes c`, and
/// collects what it returns, in the order of rows. `axes` holds one direction per row.
///
/// Time O(n d k); works in blocks on the current threads.
pub fn map_projected<T: Send>(
    values: ArrayView2<'_, f32>,
    of: (&[f64], &[f64]),
    axes: &Array2<f64>,
    run: &Run,
    finish: impl Fn(usize, &[f64], &[f64]) -> T + Sync,
) -> Result<Vec<T>> {
    map_blocks(values, of, (axes, BlockStructure::Rectangular), run, finish)
}

/// The same for a lower triangular matrix of as many axes as columns, in half the time: what lies above its diagonal is
/// taken for 0.
pub fn map_whitened<T: Send>(
    values: ArrayView2<'_, f32>,
    of: (&[f64], &[f64]),
    lower: &Array2<f64>,
    run: &Run,
    finish: impl Fn(usize, &[f64], &[f64]) -> T + Sync,
) -> Result<Vec<T>> {
    if lower.nrows() != lower.ncols() {
        return Err(Error::WidthMismatch { fitted: lower.ncols(), got: lower.nrows() });
    }
    map_blocks(values, of, (lower, BlockStructure::TriangularLower), run, finish)
}

fn map_blocks<T: Send>(
    values: ArrayView2<'_, f32>,
    (mean, scale): (&[f64], &[f64]),
    (axes, structure): (&Array2<f64>, BlockStructure),
    run: &Run,
    finish: impl Fn(usize, &[f64], &[f64]) -> T + Sync,
) -> Result<Vec<T>> {
    for width in [mean.len(), scale.len(), axes.ncols()] {
        if width != values.ncols() {
            return Err(Error::WidthMismatch { fitted: width, got: values.ncols() });
        }
    }
    let centre = |row: &[f32], out: &mut [f64]| {
        for (((out, &v), mean), scale) in out.iter_mut().zip(row).zip(mean).zip(scale) {
            *out = (f64::from(v) - mean) * scale;
        }
    };
    map_made(values, (axes, structure), run, centre, finish)
}

/// Gives `finish` every row's number, what `make` makes of it, as long as the axes are, and the products of that with
/// the axes.
pub(crate) fn map_made<T: Send>(
    values: ArrayView2<'_, f32>,
    (axes, structure): (&Array2<f64>, BlockStructure),
    run: &Run,
    make: impl Fn(&[f32], &mut [f64]) + Sync,
    finish: impl Fn(usize, &[f64], &[f64]) -> T + Sync,
) -> Result<Vec<T>> {
    let (k, d) = axes.dim();
    let block_rows = block_rows(d, k);
    let axes = axes.as_standard_layout();
    let flat = axes.as_slice().unwrap_or_default();
    let blocks: Vec<Result<Vec<T>>> = values
        .axis_chunks_iter(Axis(0), block_rows)
        .into_par_iter()
        .enumerate()
        .map(|(b, block)| {
            run.check()?;
            let (mut made, mut projected) = (vec![0.0; block_rows * d], vec![0.0; block_rows * k]);
            each_row(block, |i, row| make(row, &mut made[i * d..(i + 1) * d]));
            if k > 0 && d > 0 {
                let out = MatMut::from_column_major_slice_mut(&mut projected, k, block_rows);
                let axes = MatRef::from_row_major_slice(flat, k, d);
                let (whole, x) = (BlockStructure::Rectangular, columns_of(&made, d));
                matmul(out, whole, Accum::Replace, axes, structure, x, whole, 1.0, Par::Seq);
            }
            let one = |i: usize| {
                finish(b * block_rows + i, &made[i * d..(i + 1) * d], &projected[i * k..(i + 1) * k])
            };
            Ok((0..block.nrows()).map(one).collect())
        })
        .collect();
    let mut all = Vec::with_capacity(values.nrows());
    for block in blocks {
        all.extend(block?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn closed_form() {
        let rows = array![[1.0_f32, 2.0], [3.0, 5.0]];
        let axes = array![[1.0, 1.0]];
        let run = Run::new(0);
        let sums =
            map_projected(rows.view(), (&[1.0, 1.0], &[1.0, 2.0]), &axes, &run, |i, c, y| (i, c[1], y[0]));
        assert_eq!(sums.unwrap(), [(0, 2.0, 2.0), (1, 8.0, 10.0)]);
        assert!(map_projected(rows.view(), (&[1.0], &[1.0, 2.0]), &axes, &run, |_, _, _| ()).is_err());
    }

    /// Half of the work, the same result but for the order of additions.
    #[test]
    fn whitening_equals_projecting() {
        for d in [1, 3, 17, 64, 150] {
            let value = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 1009) as f32 * 0.013 - 6.5;
            let rows = Array2::from_shape_fn((70, d), |(i, j)| value(i, j));
            let lower =
                Array2::from_shape_fn((d, d), |(i, j)| if j <= i { f64::from(value(j + 3, i)) } else { 0.0 });
            let (mean, scale, run) = (vec![0.1; d], vec![1.3; d], Run::new(0));
            let keep = |_: usize, _: &[f64], y: &[f64]| y.to_vec();
            let whole = map_projected(rows.view(), (&mean, &scale), &lower, &run, keep).unwrap();
            let half = map_whitened(rows.view(), (&mean, &scale), &lower, &run, keep).unwrap();
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
            assert!(whole.iter().flatten().zip(half.iter().flatten()).all(close), "{d}");
            for i in [0, 31, 69] {
                let alone = rows.select(Axis(0), &[i]);
                let alone = map_whitened(alone.view(), (&mean, &scale), &lower, &run, keep).unwrap();
                assert_eq!(alone[0], half[i], "row {i} of {d} columns");
            }
        }
        let (row, axes) = (array![[1.0_f32, 2.0]], array![[1.0, 0.0]]);
        assert!(map_whitened(row.view(), (&[0.0; 2], &[1.0; 2]), &axes, &Run::new(0), |_, _, _| ()).is_err());
    }

    /// The guard of the promise that a row's bits do not depend on its place, for sizes around the widths of
    /// vector registers and blocks.
    #[test]
    fn place_and_neighbours_change_no_bit() {
        for (d, k) in [(1, 1), (3, 2), (8, 8), (17, 17), (33, 5), (70, 70), (130, 129), (300, 40)] {
            let value = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 1009) as f32 * 0.013 - 6.5;
            let rows = Array2::from_shape_fn((70, d), |(i, j)| value(i, j));
            let axes = Array2::from_shape_fn((k, d), |(i, j)| f64::from(value(j + 3, i + 11)));
            let (mean, scale) = (vec![0.1; d], vec![1.3; d]);
            let project = |rows: ArrayView2<'_, f32>| {
                map_projected(rows, (&mean, &scale), &axes, &Run::new(0), |_, _, y| {
                    y.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
                })
                .unwrap()
            };
            let together = project(rows.view());
            for (i, bits) in together.iter().enumerate() {
                let alone = project(rows.view().select(Axis(0), &[i]).view());
                assert_eq!(&alone[0], bits, "row {i} of {d} columns on {k} axes");
            }
        }
    }
}
