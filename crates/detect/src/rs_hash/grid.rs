//! One random grid over a few columns, and the cells that its sample lies in.

use anomalyst_core::{Error, ModelReader, ModelWriter, Random, Result};
use anomalyst_kernels::floor::{FLOOR_LIMIT, floor};
use ndarray::ArrayView2;
use rand::RngExt;
use rand::seq::index;

/// Where a column's cells end on either side; what lies farther out shares the last.
const FARTHEST: f32 = FLOOR_LIMIT;
/// The cell of what is missing.
const MISSING: i32 = i32::MIN;
/// 2^64 over the golden ratio, odd (Knuth, volume 3, section 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A block of rows, column by column.
pub(super) struct Rows {
    values: Vec<f32>,
    n_rows: usize,
}

impl Rows {
    pub(super) fn new(block: ArrayView2<'_, f32>) -> Self {
        let values = block.columns().into_iter().flat_map(|column| column.into_iter().copied()).collect();
        Self { values, n_rows: block.nrows() }
    }

    fn column(&self, j: u32) -> &[f32] {
        &self.values[j as usize * self.n_rows..][..self.n_rows]
    }
}

/// How one column is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    column: u32,
    low: f32,
    /// Cells per unit.
    per_unit: f32,
    /// Between 0 and 1.
    shift: f32,
}

/// A grid.
pub(super) struct Grid {
    cuts: Vec<Cut>,
    /// The hashes of the cells that sample rows lie in, ascending, and how many do. Two cells of a thousand share a
    /// hash once in 10^13 grids.
    cells: Vec<(u64, u32)>,
    /// The cells again, each near the place that its upper bits say; a count of 0 marks an empty place.
    places: Vec<(u64, u32)>,
    /// Which bits.
    drop_bits: u32,
}

impl Grid {
    /// Over a sample.
    pub(super) fn fit(sample: ArrayView2<'_, f32>, random: &mut Random) -> Self {
        let (t, d) = (sample.nrows() as f64, sample.ncols());
        // Below five rows the bounds meet or cross.
        let least = (1.0 / t.sqrt()).min(0.5);
        let f = least + random.random::<f64>() * (1.0 - 2.0 * least);
        let log = t.max(2.0).ln() / f64::max(2.0, 1.0 / f).ln();
        let (fewest, most) = ((1.0 + log / 2.0).ceil() as usize, log.floor() as usize);
        let n_columns = random.random_range(fewest..=most.max(fewest)).min(d);
        let mut columns = index::sample(random, d, n_columns).into_vec();
        columns.sort_unstable();
        let mut cut = |j: usize| {
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            sample.column(j).iter().for_each(|&v| (low, high) = (low.min(v), high.max(v)));
            // A column of which the sample has no value cuts nothing.
            let per_unit = 1.0 / (f * (f64::from(high) - f64::from(low)));
            let is_known = low <= high;
            Cut {
                column: j as u32,
                low: if is_known { low } else { 0.0 },
                per_unit: if is_known { per_unit.min(f64::from(f32::MAX)) as f32 } else { 0.0 },
                shift: random.random(),
            }
        };
        let cuts: Vec<Cut> = columns.into_iter().map(&mut cut).collect();
        let mut hashes = vec![0; sample.nrows()];
        hash(&cuts, &Rows::new(sample), &mut hashes);
        hashes.sort_unstable();
        let cells = hashes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect();
        Self::new(cuts, cells)
    }

    fn new(cuts: Vec<Cut>, cells: Vec<(u64, u32)>) -> Self {
        let n_places = (2 * cells.len()).next_power_of_two().max(2);
        let drop_bits = 64 - n_places.trailing_zeros();
        let mut places = vec![(0, 0); n_places];
        for &(hash, count) in &cells {
            let mut at = (hash >> drop_bits) as usize;
            while places[at].1 > 0 {
                at = (at + 1) % n_places;
            }
            places[at] = (hash, count);
        }
        Self { cuts, cells, places, drop_bits }
    }

    /// How many sample rows lie in the cell of each row.
    pub(super) fn counts(&self, rows: &Rows, counts: &mut [u32]) {
        let mut hashes = vec![0; counts.len()];
        hash(&self.cuts, rows, &mut hashes);
        for (count, hash) in counts.iter_mut().zip(hashes) {
            let mut at = (hash >> self.drop_bits) as usize;
            // Half of the places are empty, so this ends.
            while self.places[at].1 > 0 && self.places[at].0 != hash {
                at = (at + 1) % self.places.len();
            }
            *count = self.places[at].1;
        }
    }
}

#[cfg(test)]
impl Grid {
    /// The cell of a row, column by column.
    pub(super) fn cell(&self, row: ndarray::ArrayView1<'_, f32>) -> Vec<i32> {
        self.cuts.iter().map(|&cut| cell(row[cut.column as usize], cut)).collect()
    }
}

/// The cell of a value.
fn cell(v: f32, cut: Cut) -> i32 {
    let place = ((v - cut.low) * cut.per_unit + cut.shift).clamp(-FARTHEST, FARTHEST);
    if v.is_nan() { MISSING } else { floor(place) }
}

/// The hash of the cell of each row.
fn hash(cuts: &[Cut], rows: &Rows, hashes: &mut [u64]) {
    hashes.fill(GOLDEN);
    for &cut in cuts {
        for (hash, &v) in hashes.iter_mut().zip(rows.column(cut.column)) {
            let mixed = (*hash ^ u64::from(cell(v, cut) as u32)).wrapping_mul(GOLDEN);
            *hash = mixed ^ (mixed >> 32);
        }
    }
    // The upper bits must depend on the last column too.
    hashes.iter_mut().for_each(|hash| *hash = hash.wrapping_mul(GOLDEN));
}

pub(super) fn save(grids: &[Grid], out: &mut ModelWriter) {
    let cuts: Vec<Cut> = grids.iter().flat_map(|grid| grid.cuts.iter().copied()).collect();
    out.put("column", &[cuts.len()], cuts.iter().map(|cut| cut.column));
    out.put("low", &[cuts.len()], cuts.iter().map(|cut| cut.low));
    out.put("per_unit", &[cuts.len()], cuts.iter().map(|cut| cut.per_unit));
    out.put("shift", &[cuts.len()], cuts.iter().map(|cut| cut.shift));
    let cells: Vec<(u64, u32)> = grids.iter().flat_map(|grid| grid.cells.iter().copied()).collect();
    out.put("cell", &[cells.len()], cells.iter().map(|cell| cell.0));
    out.put("count", &[cells.len()], cells.iter().map(|cell| cell.1));
    let sizes = grids.iter().flat_map(|grid| [grid.cuts.len() as u32, grid.cells.len() as u32]);
    out.put("sizes", &[grids.len(), 2], sizes);
}

/// Refuses columns that are not there, cells that do not ascend, and counts that no sample can have.
pub(super) fn load(from: &ModelReader<'_>, d: usize, sample_size: usize) -> Result<Vec<Grid>> {
    let column: Vec<u32> = from.list("column")?;
    let low: Vec<f32> = from.list_of("low", column.len())?;
    let per_unit: Vec<f32> = from.list_of("per_unit", column.len())?;
    let shift: Vec<f32> = from.list_of("shift", column.len())?;
    let cell: Vec<u64> = from.list("cell")?;
    let count: Vec<u32> = from.list_of("count", cell.len())?;
    let sizes = from.matrix::<u32>("sizes")?;
    let wrong = || Error::model("the grids do not fit together");
    let are_numbers = low.iter().chain(&per_unit).chain(&shift).all(|v| v.is_finite());
    if sizes.ncols() != 2 || sizes.nrows() == 0 || !are_numbers || column.iter().any(|&j| j as usize >= d) {
        return Err(wrong());
    }
    let cut = |i| Cut { column: column[i], low: low[i], per_unit: per_unit[i], shift: shift[i] };
    let (cuts, cells): (Vec<Cut>, Vec<(u64, u32)>) =
        ((0..column.len()).map(cut).collect(), cell.into_iter().zip(count).collect());
    let (mut cuts, mut cells) = (cuts.as_slice(), cells.as_slice());
    let mut grids = Vec::with_capacity(sizes.nrows());
    for size in sizes.rows() {
        let (own_cuts, other_cuts) = cuts.split_at_checked(size[0] as usize).ok_or_else(wrong)?;
        let (own_cells, other_cells) = cells.split_at_checked(size[1] as usize).ok_or_else(wrong)?;
        let counts_fit = own_cells.iter().all(|cell| (1..=sample_size).contains(&(cell.1 as usize)));
        if !counts_fit || !own_cells.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(wrong());
        }
        grids.push(Grid::new(own_cuts.to_vec(), own_cells.to_vec()));
        (cuts, cells) = (other_cuts, other_cells);
    }
    if cuts.is_empty() && cells.is_empty() { Ok(grids) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells of width 2 from 10 on, shifted by a quarter: 10 to 11.5, to 13.5 and so on.
    #[test]
    fn cells_by_hand() {
        let cut = Cut { column: 0, low: 10.0, per_unit: 0.5, shift: 0.25 };
        let of = |v| cell(v, cut);
        assert_eq!([10.0, 11.4, 11.5, 13.5, 9.6, 9.4, 7.4].map(of), [0, 0, 1, 2, 0, -1, -2]);
        assert_eq!([f32::NAN, f32::MAX, f32::MIN].map(of), [MISSING, FARTHEST as i32, -FARTHEST as i32]);
        // Without width every other value is far off.
        let constant = Cut { per_unit: f32::MAX, ..cut };
        assert!(cell(10.0, constant) == 0 && cell(10.001, constant) == FARTHEST as i32);
    }
}
