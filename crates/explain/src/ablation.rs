//! What each column contributes to a score, for methods that cannot tell themselves.
//!
//! Each cell in turn is replaced by 8 values of normal rows, evenly spread over their ranks, and the row is scored
//! again; the mean drop of the score is the cell's contribution. That costs at most 8 x 32 scorings per row: in
//! tables of more than 32 columns only the 32 most unusual cells of the row are tried, by their own tails.

use anomalyst_core::{Result, Run, Table};
use ndarray::Array2;

use crate::cells::cell;
use crate::subject::{Subject, Variant, score_variants};
use crate::view::{N_DONORS, View};

/// Cells of a row that are tried.
const MAX_COLUMNS: usize = 32;
/// Rows whose variants are listed at a time.
const GROUP: usize = 256;

/// Contributions of the columns to the scores of the rows of `block`; 0 where not tried.
///
/// `scores` are the subject's own of the unchanged rows, not those of a leave-one-out ranking.
pub(crate) fn contributions(
    subject: &dyn Subject,
    view: &View<'_>,
    block: &Table,
    scores: &[f32],
    run: &Run,
) -> Result<Array2<f32>> {
    let mut drops = Array2::<f32>::zeros((block.n_rows, block.columns.len()));
    let rows: Vec<usize> = (0..block.n_rows).collect();
    for group in rows.chunks(GROUP) {
        let mut variants = Vec::with_capacity(group.len() * N_DONORS);
        for &row in group {
            for column in oddest_columns(view, block, row) {
                let donors = view.known[column].iter().flat_map(|known| &known.donors);
                variants.extend(donors.map(|&donor| Variant { row, changes: vec![(column, donor)] }));
            }
        }
        let changed = score_variants(subject, block, &variants, run)?;
        for (variant, score) in variants.iter().zip(changed) {
            let drop = (scores[variant.row] - score) / N_DONORS as f32;
            for &(column, _) in &variant.changes {
                drops[[variant.row, column]] += drop;
            }
        }
    }
    Ok(drops)
}

/// At most 32 columns that can be compared: those with the smallest tails, and of equal ones, of which small
/// references have many, the farthest from the median.
pub(crate) fn oddest_columns(view: &View<'_>, block: &Table, row: usize) -> Vec<usize> {
    let oddness = |column: usize| {
        let known = view.known[column].as_ref()?;
        let own = cell(&block.columns[column].data, row)?;
        let tail = view.read(block, row, column)?.tail;
        Some((tail, known.deviation(own), column))
    };
    let mut columns: Vec<(f64, f64, usize)> = (0..view.known.len()).filter_map(oddness).collect();
    columns.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    columns.truncate(MAX_COLUMNS);
    columns.into_iter().map(|(_, _, column)| column).collect()
}
