//! What is usual: a profile of every column and a sample of normal rows, learned once and saved with the model.

use std::sync::Arc;

use anomalyst_core::{ColumnData, MISSING_CODE, ModelReader, ModelWriter, Result, Run, Table};
use rayon::prelude::*;

use crate::sample::spread_sample;
use crate::usual::{ColumnUsual, Source};

mod store;

/// Normal rows that are kept whole.
const MAX_SAMPLE_ROWS: usize = 500;
/// Rows whose values are sorted for quantiles.
const MAX_SORTED_ROWS: usize = 100_000;
/// Order statistics kept per column: tails are known to 1 in 1,000.
const MAX_POINTS: usize = 1_001;
/// Fewer order statistics in very wide tables, but at least these.
const MIN_POINTS: usize = 41;
/// Kept numbers of all columns together, for quantiles and for sample rows each; 32 MB.
const MAX_CELLS: usize = 4_000_000;

/// What is usual: column profiles and a sample of normal rows. Learned once, saved in the model file.
///
/// Per number or time column up to 1,001 order statistics, the smallest and largest value among them; per
/// category the counts of its 1,000 most frequent levels; the share of missing cells; and 500 whole rows. Where
/// there are more than 100,000 normal rows, quantiles come from a seeded sample of that many, so that learning
/// sorts a bounded number of values; counts and extremes are always those of all rows. Tables of more than 4,000
/// columns keep fewer order statistics and rows, so that a reference stays below about 70 MB.
#[derive(Clone, Debug)]
pub struct Reference {
    pub(crate) columns: Vec<ColumnUsual>,
    /// Whole rows to compare with and to borrow values from.
    pub(crate) sample: Table,
    /// Where each of them was in the table that was learned.
    pub(crate) sample_rows: Vec<u64>,
    pub(crate) only_normal: bool,
    pub(crate) n_rows: u64,
}

impl Reference {
    /// Learns from the rows of `table` for which `is_normal` holds; from all rows where it holds for none, which
    /// [`Self::only_normal`] then tells.
    ///
    /// O(n d) for `n` rows of `d` columns, plus O(d m log m) for at most m = 100,000 sorted rows.
    pub fn learn(table: &Table, is_normal: impl Fn(usize) -> bool + Sync, run: &Run) -> Result<Self> {
        let mut rows: Vec<usize> = (0..table.n_rows).filter(|&row| is_normal(row)).collect();
        let only_normal = !rows.is_empty() || table.n_rows == 0;
        if !only_normal {
            rows = (0..table.n_rows).collect();
        }
        let per_column = MAX_CELLS / table.columns.len().max(1);
        let at = |positions: Vec<usize>| positions.into_iter().map(|i| rows[i]).collect::<Vec<usize>>();
        let sorted = at(spread_sample(rows.len(), MAX_SORTED_ROWS, &mut run.random(0)));
        let kept = at(spread_sample(rows.len(), per_column.clamp(1, MAX_SAMPLE_ROWS), &mut run.random(1)));
        let source =
            Source { rows: &rows, sample: &sorted, max_points: per_column.clamp(MIN_POINTS, MAX_POINTS) };
        let learn = |column| {
            run.check()?;
            Ok(ColumnUsual::learn(column, &source))
        };
        let columns: Result<Vec<ColumnUsual>> = run.install(|| table.columns.par_iter().map(learn).collect());
        let mut sample = table.take(&kept);
        sample.labels = None;
        sample.columns.iter_mut().for_each(|column| drop_unused_levels(&mut column.data));
        Ok(Self {
            columns: columns?,
            sample,
            sample_rows: kept.into_iter().map(|row| row as u64).collect(),
            only_normal,
            n_rows: rows.len() as u64,
        })
    }

    /// Whether only normal rows were learned from; if not, there was none, and all rows stand for what is usual.
    pub const fn only_normal(&self) -> bool {
        self.only_normal
    }

    /// How many rows were learned from.
    pub const fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Writes everything that [`Self::load`] needs.
    pub fn save(&self, out: &mut ModelWriter) -> Result<()> {
        store::save(self, out)
    }

    /// Reads it back. The file may be hostile: lengths, orders, codes and counts are checked.
    pub fn load(from: &ModelReader<'_>) -> Result<Self> {
        store::load(from)
    }
}

/// Renumbers codes so that only levels that occur are kept.
fn drop_unused_levels(data: &mut ColumnData) {
    let ColumnData::Codes { codes, levels } = data else { return };
    let mut used: Vec<u32> = codes.iter().copied().filter(|&code| (code as usize) < levels.len()).collect();
    used.sort_unstable();
    used.dedup();
    let renumber = |code: &mut u32| {
        *code = used.binary_search(code).map_or(MISSING_CODE, |at| at as u32);
    };
    codes.iter_mut().for_each(renumber);
    *levels = Arc::new(used.iter().map(|&code| levels[code as usize].clone()).collect());
}
