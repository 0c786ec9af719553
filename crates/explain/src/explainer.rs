//! Evidence for single rows.

use anomalyst_core::{ColumnEvidence, Error, Evidence, Exactness, Expected, NearestRow, Result, Run, Table};
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

use crate::cells::cell;
use crate::reference::Reference;
use crate::sentence::{Named, sentence};
use crate::subject::{Subject, checked_scores};
use crate::view::{View, cell_text};
use crate::{ablation, counterfactual};

/// Columns that evidence names.
const MAX_COLUMNS: usize = 5;
/// The smallest share that is named; the strongest column is named whatever its share.
const MIN_SHARE: f32 = 0.05;
/// Rows of a block, and its cells.
const MAX_BLOCK_ROWS: usize = 4_096;
const MAX_BLOCK_CELLS: usize = 2_000_000;

/// How much is said about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The columns and the sentence.
    Brief,
    /// Also the nearest normal row and the smallest change that would make it normal.
    Full,
}

/// Says why rows are odd.
#[derive(Clone, Copy)]
pub struct Explainer<'a> {
    /// What scored them.
    pub subject: &'a dyn Subject,
    /// What is usual.
    pub reference: &'a Reference,
    /// The score from which on a row is flagged.
    pub threshold: f32,
}

/// Some rows of a table that are explained together.
struct Asked<'a> {
    /// Where they were in their table.
    rows: &'a [usize],
    /// Their cells.
    block: Table,
    /// Their scores, as given.
    scores: Vec<f32>,
}

impl Explainer<'_> {
    /// One piece of evidence per entry of `rows`, in that order; `scores` are those of all rows of `table`.
    ///
    /// A row's evidence does not depend on the other rows asked for. Where the subject has no exact
    /// contributions, a row costs up to 257 scorings; [`Depth::Full`] adds at most about 200 and a comparison
    /// with 500 normal rows. Memory stays below some 100 MB whatever the number of rows.
    pub fn explain(
        &self,
        table: &Table,
        rows: &[usize],
        scores: &[f32],
        depth: Depth,
        run: &Run,
    ) -> Result<Vec<Evidence>> {
        let mut all = Vec::with_capacity(rows.len());
        self.explain_each((table, scores), rows, depth, run, |_, evidence| all.push(evidence))?;
        Ok(all)
    }

    /// The same, where each piece of evidence is given to `take` with its row and need not be kept: a great many
    /// rows need no more memory than a few thousand.
    pub fn explain_each(
        &self,
        (table, scores): (&Table, &[f32]),
        rows: &[usize],
        depth: Depth,
        run: &Run,
        mut take: impl FnMut(usize, Evidence) + Send,
    ) -> Result<()> {
        let n = table.n_rows;
        if scores.len() != n {
            return Err(Error::Data(format!("{} scores for {n} rows to explain", scores.len())));
        }
        if let Some(row) = rows.iter().find(|&&row| row >= n) {
            return Err(Error::Data(format!("row {} cannot be explained, there are {n}", row + 1)));
        }
        run.install(|| {
            let view = View::new(self.reference, table);
            let block_len = (MAX_BLOCK_CELLS / table.columns.len().max(1)).clamp(1, MAX_BLOCK_ROWS);
            let stage = run.stage("explain", rows.len() as u64);
            for rows in rows.chunks(block_len) {
                run.check()?;
                let block = view.block(table, rows);
                let scores = rows.iter().map(|&row| scores[row]).collect();
                let evidence = self.explain_block(&view, &Asked { rows, block, scores }, depth, run)?;
                rows.iter().zip(evidence).for_each(|(&row, evidence)| take(row, evidence));
                stage.advance(rows.len() as u64);
            }
            Ok(())
        })
    }

    fn explain_block(
        &self,
        view: &View<'_>,
        asked: &Asked<'_>,
        depth: Depth,
        run: &Run,
    ) -> Result<Vec<Evidence>> {
        let block = &asked.block;
        let exact = self.exact_contributions(block, run)?;
        // The scores given may be those of a leave-one-out ranking; changed rows are scored as new rows, and only
        // the same kind of score can be compared with them.
        let own = match (&exact, depth) {
            (Some(_), Depth::Brief) => Vec::new(),
            _ => checked_scores(self.subject, block, run)?,
        };
        let exactness = if exact.is_some() { Exactness::Exact } else { Exactness::Ablation };
        let contributions = match exact {
            Some(exact) => exact,
            None => ablation::contributions(self.subject, view, block, &own, run)?,
        };
        let ranked: Vec<Vec<(usize, f32)>> =
            contributions.rows().into_iter().map(|row| ranked_shares(row)).collect();
        drop(contributions);
        let one = |(row, ranked): (usize, &Vec<(usize, f32)>)| {
            let nearest = match depth {
                Depth::Brief => None,
                Depth::Full => view.nearest(block, row, asked.rows[row]),
            };
            let evidence = self.describe(view, asked, row, ranked, nearest);
            (Evidence { exactness, ..evidence }, nearest)
        };
        let (mut evidence, nearest): (Vec<Evidence>, Vec<Option<usize>>) =
            ranked.par_iter().enumerate().map(one).unzip();
        if depth == Depth::Full {
            let search =
                counterfactual::Search { subject: self.subject, view, block, threshold: self.threshold };
            let found = search.run(&own, &ranked, &nearest, run)?;
            evidence.iter_mut().zip(found).for_each(|(e, found)| e.counterfactual = found);
        }
        Ok(evidence)
    }

    /// The subject's own contributions, of the right size.
    fn exact_contributions(&self, block: &Table, run: &Run) -> Result<Option<Array2<f32>>> {
        let Some(values) = self.subject.attribute(block, run)? else { return Ok(None) };
        let want = (block.n_rows, block.columns.len());
        if values.dim() != want {
            let what = format!("contributions of size {:?} came back, not {want:?}", values.dim());
            return Err(Error::Numeric { method: "explain".into(), what });
        }
        Ok(Some(values))
    }

    fn describe(
        &self,
        view: &View<'_>,
        asked: &Asked<'_>,
        row: usize,
        ranked: &[(usize, f32)],
        nearest: Option<usize>,
    ) -> Evidence {
        let block = &asked.block;
        let named: Vec<(usize, f32)> = ranked
            .iter()
            .enumerate()
            .take(MAX_COLUMNS)
            .filter(|&(i, &(_, share))| i == 0 || share >= MIN_SHARE)
            .map(|(_, &top)| top)
            .collect();
        let readings: Vec<_> = named.iter().map(|&(column, _)| view.read(block, row, column)).collect();
        let evidence = |(&(at, share), reading): (&(usize, f32), &Option<_>)| ColumnEvidence {
            column: block.columns[at].name.clone(),
            value: cell_text(&block.columns[at], row),
            share,
            expected: reading
                .map_or(Expected::Missing { missing: 1.0 }, |r| view.expected(block, row, at, r)),
        };
        let columns: Vec<ColumnEvidence> = named.iter().zip(&readings).map(evidence).collect();
        let nearest_normal = nearest.map(|at| NearestRow {
            row: view.reference.sample_rows.get(at).copied().unwrap_or_default() as usize,
            name: view.sample_name(at),
            values: named.iter().map(|&(column, _)| view.sample_text(at, column)).collect(),
        });
        let words: Vec<Named<'_>> = columns
            .iter()
            .zip(&named)
            .zip(&readings)
            .map(|((evidence, &(at, _)), &reading)| Named { evidence, kind: block.columns[at].kind, reading })
            .collect();
        let flagged = asked.scores[row] >= self.threshold;
        let sentence = sentence(&words, nearest_normal.as_ref(), flagged, view.rows_word());
        Evidence { columns, nearest_normal, sentence, ..Evidence::default() }
    }
}

/// Columns with their shares of the positive contributions, largest first; equal ones in the order of columns.
fn ranked_shares(contributions: ArrayView1<'_, f32>) -> Vec<(usize, f32)> {
    // What is infinite outweighs everything finite, and several of those weigh the same.
    let positive = |v: &f32| if *v > 0.0 { f64::from(v.min(f32::MAX)) } else { 0.0 };
    let total: f64 = contributions.iter().map(positive).sum();
    let mut ranked: Vec<(usize, f32)> = contributions
        .iter()
        .enumerate()
        .filter(|(_, v)| **v > 0.0)
        .map(|(column, v)| (column, (positive(v) / total) as f32))
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

impl View<'_> {
    /// The sample row most like row `row` of `block`, which was at `position` of its table; not that row itself.
    ///
    /// The distance is the mean over columns of the difference in units of the usual range, at most 1 (Gower 1971,
    /// with a robust range); categories and missing cells differ by 0 or 1.
    pub(crate) fn nearest(&self, block: &Table, row: usize, position: usize) -> Option<usize> {
        let own: Vec<_> = self
            .known
            .iter()
            .zip(&block.columns)
            .filter_map(|(known, column)| Some((known.as_ref()?, cell(&column.data, row)?)))
            .collect();
        let distance = |at: usize| -> f64 { own.iter().map(|(known, cell)| known.distance(at, *cell)).sum() };
        (0..self.reference.sample.n_rows)
            .map(|at| (distance(at), at))
            .filter(|&(d, at)| d > 0.0 || self.reference.sample_rows.get(at) != Some(&(position as u64)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, at)| at)
    }

    /// The cell of a sample row as text; empty where the column is not known.
    fn sample_text(&self, at: usize, column: usize) -> String {
        let Some(known) = &self.known[column] else { return String::new() };
        known.sample.get(at).map_or_else(String::new, |&cell| self.text(column, cell))
    }
}
