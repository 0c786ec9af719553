//! Sparse random directions, and rows laid out so that many are projected at once.

use anomalyst_core::{Error, ModelReader, ModelWriter, Random, Result};
use anomalyst_kernels::distributions::standard_normal;
use anomalyst_kernels::lanes::{PARTS, add_column, add_columns};
use ndarray::ArrayView2;
use rand::seq::index;

/// Rows that are projected at a time.
pub(super) const ROWS: usize = 512;
/// Values are cut off here, so that sums of them stay finite.
const LIMIT: f32 = 1e30;

/// From one column to the next; not a power of two, so that the columns of a row do not compete for the same lines of
/// the cache.
const LANE: usize = ROWS + 16;

/// A block of rows, column by column.
#[derive(Default)]
pub(super) struct Lanes {
    values: Vec<f32>,
    n_rows: usize,
    has_gaps: bool,
}

impl Lanes {
    /// Takes at most [`ROWS`] rows.
    pub(super) fn fill(&mut self, block: ArrayView2<'_, f32>) {
        self.n_rows = block.nrows();
        self.values.resize(block.ncols() * LANE, 0.0);
        // On its own, not in `self`: there it would be written to memory value by value.
        let mut has_gaps = false;
        let (lanes, _) = self.values.as_chunks_mut::<LANE>();
        for (i, row) in block.rows().into_iter().enumerate() {
            for (lane, &v) in lanes.iter_mut().zip(row) {
                has_gaps |= v.is_nan();
                lane[i] = v.clamp(-LIMIT, LIMIT);
            }
        }
        self.has_gaps = has_gaps;
    }

    pub(super) const fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Whether any value is missing.
    pub(super) const fn has_gaps(&self) -> bool {
        self.has_gaps
    }

    fn column(&self, j: u32) -> &[f32] {
        &self.values[j as usize * LANE..][..self.n_rows]
    }
}

/// A direction: the columns that it mixes, ascending, and their weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Projection {
    parts: Vec<(u32, f32)>,
}

impl Projection {
    /// The root of `d` columns, rounded down, with standard normal weights.
    pub(super) fn draw(d: usize, mut random: Random) -> Self {
        let mut columns = index::sample(&mut random, d, (d as f64).sqrt() as usize).into_vec();
        columns.sort_unstable();
        let mut part = |column| (column as u32, standard_normal(&mut random) as f32);
        Self { parts: columns.into_iter().map(&mut part).collect() }
    }

    #[cfg(test)]
    pub(super) fn new(parts: Vec<(u32, f32)>) -> Self {
        Self { parts }
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().map(|&(column, _)| column as usize)
    }

    /// The projected rows; NaN where a value is missing.
    pub(super) fn of(&self, lanes: &Lanes, z: &mut [f32]) {
        z.fill(0.0);
        let (together, rest) = self.parts.as_chunks::<PARTS>();
        for parts in together {
            let columns = parts.map(|(column, _)| lanes.column(column));
            add_columns(z, parts.map(|(_, weight)| weight), columns);
        }
        for &(column, weight) in rest {
            add_column(z, weight, lanes.column(column));
        }
    }
}

pub(super) fn save(projections: &[Projection], out: &mut ModelWriter) {
    let parts: Vec<(u32, f32)> = projections.iter().flat_map(|p| p.parts.iter().copied()).collect();
    out.put("column", &[parts.len()], parts.iter().map(|part| part.0));
    out.put("weight", &[parts.len()], parts.iter().map(|part| part.1));
    out.put("n_columns", &[projections.len()], projections.iter().map(|p| p.parts.len() as u32));
}

/// Refuses columns that are not there and weights that are not finite or so large that sums are not.
pub(super) fn load(from: &ModelReader<'_>, d: usize) -> Result<Vec<Projection>> {
    let column: Vec<u32> = from.list("column")?;
    let weight: Vec<f32> = from.list_of("weight", column.len())?;
    let n_columns: Vec<u32> = from.list("n_columns")?;
    let wrong = || Error::model("the projections do not fit together");
    if column.iter().any(|&j| j as usize >= d) || !weight.iter().all(|w| w.abs() < 1e3) {
        return Err(wrong());
    }
    let mut parts = column.into_iter().zip(weight);
    let mut left = parts.len();
    let mut projections = Vec::with_capacity(n_columns.len());
    for n in n_columns {
        left = left.checked_sub(n as usize).ok_or_else(wrong)?;
        projections.push(Projection { parts: parts.by_ref().take(n as usize).collect() });
    }
    if left > 0 || projections.iter().any(|p| p.parts.is_empty() || !p.parts.is_sorted_by(|a, b| a.0 < b.0)) {
        return Err(wrong());
    }
    Ok(projections)
}
