//! Things that score tables in ways simple enough to know what explains them.

use std::sync::Arc;

use anomalyst_core::{Column, ColumnData, ColumnKind, MISSING_CODE, Random, Result, Run, Table};
use anomalyst_explain::{Depth, Explainer, Reference, Subject};
use ndarray::Array2;
use rand::Rng;

/// Scores a row by a function of its numbers, in the order of the columns that the subject names.
pub(crate) struct OfNumbers<F> {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) score: F,
}

impl<F: Fn(&[f64]) -> f64 + Sync> Subject for OfNumbers<F> {
    fn score(&self, table: &Table, _: &Run) -> Result<Vec<f32>> {
        let columns: Vec<&[f64]> = self.columns.iter().map(|name| numbers(table, name)).collect();
        let row = |row: usize| columns.iter().map(|cells| cells[row]).collect::<Vec<f64>>();
        Ok((0..table.n_rows).map(|i| (self.score)(&row(i)) as f32).collect())
    }

    fn attribute(&self, _: &Table, _: &Run) -> Result<Option<Array2<f32>>> {
        Ok(None)
    }
}

/// Contributions that add up to the score: the square of each number in deviations from the mean of training, and
/// the surprise of each category. `exact` says whether it tells them.
pub(crate) struct Additive {
    pub(crate) columns: Vec<Learned>,
    pub(crate) exact: bool,
}

pub(crate) enum Learned {
    Number { mean: f64, std_dev: f64 },
    Levels(Vec<(String, f64)>),
}

impl Additive {
    pub(crate) fn learn(table: &Table, exact: bool) -> Self {
        let learn = |column: &Column| match &column.data {
            ColumnData::Numbers(cells) => {
                let n = cells.len() as f64;
                let mean = cells.iter().sum::<f64>() / n;
                let variance = cells.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                Learned::Number { mean, std_dev: variance.sqrt() }
            }
            ColumnData::Codes { codes, levels } => {
                let n = codes.len() as f64;
                let share = |code| codes.iter().filter(|&&c| c as usize == code).count() as f64 / n;
                Learned::Levels(
                    levels.iter().cloned().enumerate().map(|(i, name)| (name, share(i))).collect(),
                )
            }
            _ => panic!("not in these tests"),
        };
        Self { columns: table.columns.iter().map(learn).collect(), exact }
    }

    fn terms(&self, table: &Table) -> Array2<f32> {
        Array2::from_shape_fn((table.n_rows, table.columns.len()), |(row, column)| {
            let text = table.columns[column].data.text(row);
            match (&self.columns[column], &table.columns[column].data) {
                (Learned::Number { mean, std_dev }, ColumnData::Numbers(cells)) => {
                    ((cells[row] - mean) / std_dev).powi(2) as f32
                }
                (Learned::Levels(shares), _) => {
                    let share =
                        shares.iter().find(|(name, _)| *name == text).map_or(0.0, |(_, share)| *share);
                    -(share.max(1e-4).ln()) as f32
                }
                _ => panic!("not in these tests"),
            }
        })
    }
}

impl Subject for Additive {
    fn score(&self, table: &Table, _: &Run) -> Result<Vec<f32>> {
        Ok(self.terms(table).rows().into_iter().map(|row| row.sum()).collect())
    }

    fn attribute(&self, table: &Table, _: &Run) -> Result<Option<Array2<f32>>> {
        Ok(self.exact.then(|| self.terms(table)))
    }
}

/// The cells of a number column.
pub(crate) fn numbers<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    match &table.column(name).unwrap().data {
        ColumnData::Numbers(cells) => cells,
        _ => panic!("`{name}` does not hold numbers"),
    }
}

pub(crate) fn number_column(name: &str, cells: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnKind::Number, data: ColumnData::Numbers(cells) }
}

/// A category column; an empty text is a missing cell.
pub(crate) fn category_column(name: &str, cells: &[&str]) -> Column {
    let mut levels: Vec<String> = Vec::new();
    let code = |cell: &&str| {
        if cell.is_empty() {
            return MISSING_CODE;
        }
        let at = levels.iter().position(|level| level == cell);
        at.unwrap_or_else(|| {
            levels.push((*cell).to_owned());
            levels.len() - 1
        }) as u32
    };
    let codes = cells.iter().map(code).collect();
    let data = ColumnData::Codes { codes, levels: Arc::new(levels) };
    Column { name: name.into(), kind: ColumnKind::Category, data }
}

/// About standard normal: twelve uniform numbers less their mean.
pub(crate) fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| (random.next_u64() >> 11) as f64 / 2.0_f64.powi(53)).sum::<f64>() - 6.0
}

/// Explains `rows` with the subject's own scores.
pub(crate) fn explain(
    subject: &dyn Subject,
    reference: &Reference,
    (table, rows): (&Table, &[usize]),
    threshold: f32,
    depth: Depth,
) -> Vec<anomalyst_core::Evidence> {
    let run = Run::new(0);
    let scores = subject.score(table, &run).unwrap();
    Explainer { subject, reference, threshold }.explain(table, rows, &scores, depth, &run).unwrap()
}
