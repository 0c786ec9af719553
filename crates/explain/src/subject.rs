//! What is explained.

use anomalyst_core::{Error, Result, Run, Table};
use ndarray::Array2;

use crate::cells::{Cell, put};

/// What is explained: anything that scores tables. A row's score may not depend on the other rows.
pub trait Subject: Sync {
    /// One score per row; higher is more anomalous.
    fn score(&self, table: &Table, run: &Run) -> Result<Vec<f32>>;

    /// Exact contributions, rows x `table.columns.len()` in the order of `table.columns`, where the method has
    /// them. Only their order and relative size within a row count; what is not positive explains nothing.
    fn attribute(&self, table: &Table, run: &Run) -> Result<Option<Array2<f32>>>;
}

/// Cells of one table of variants; 32 MB of numbers.
const MAX_CELLS: usize = 4_000_000;
/// Rows of one table of variants.
const MAX_ROWS: usize = 65_536;

/// A row of a block with some cells replaced.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// Position in the block.
    pub(crate) row: usize,
    /// Column and new cell.
    pub(crate) changes: Vec<(usize, Cell)>,
}

/// Scores of all variants of rows of `block`, in tables of bounded size.
pub(crate) fn score_variants(
    subject: &dyn Subject,
    block: &Table,
    variants: &[Variant],
    run: &Run,
) -> Result<Vec<f32>> {
    let mut scores = Vec::with_capacity(variants.len());
    for chunk in variants.chunks((MAX_CELLS / block.columns.len().max(1)).clamp(1, MAX_ROWS)) {
        run.check()?;
        let rows: Vec<usize> = chunk.iter().map(|variant| variant.row).collect();
        let mut table = block.take(&rows);
        for (row, variant) in chunk.iter().enumerate() {
            for &(column, cell) in &variant.changes {
                put(&mut table.columns[column].data, row, cell);
            }
        }
        scores.extend(checked_scores(subject, &table, run)?);
    }
    Ok(scores)
}

/// The subject's scores, as many as there are rows.
pub(crate) fn checked_scores(subject: &dyn Subject, table: &Table, run: &Run) -> Result<Vec<f32>> {
    let scores = subject.score(table, run)?;
    if scores.len() == table.n_rows {
        return Ok(scores);
    }
    let what = format!("{} scores came back for {} rows", scores.len(), table.n_rows);
    Err(Error::Numeric { method: "explain".into(), what })
}
