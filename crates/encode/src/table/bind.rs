//! A table's columns matched by name to the columns that were learnt, and what differs.

use std::borrow::Cow;

use anomalyst_core::{
    Column, ColumnData, Error, MISSING_CODE, NoticeKind, Notices, Result, Run, Table, Tally, UNSEEN_CODE,
};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::categories::{Levels, parse_number};
use super::column::{Cell, FittedColumn, Plan};
use super::notices::{cell, listed, plural, shorten};
use super::twins;

/// Cells in the form in which a column's plan reads them.
pub(super) enum Cells<'a> {
    /// No value in any row.
    Missing,
    /// Missing where not finite.
    Numbers(Cow<'a, [f64]>),
    /// Codes of the fitted levels, through `map` where there is one; [`MISSING_CODE`] and [`UNSEEN_CODE`].
    Codes { codes: Cow<'a, [u32]>, map: Option<Vec<u32>> },
    /// Missing where `i64::MIN`.
    Times(&'a [i64]),
}

impl Cells<'_> {
    /// The code at `row`; every code is one of the fitted levels, missing or unseen.
    pub(super) fn code(&self, row: usize) -> u32 {
        match self {
            Self::Codes { codes, map: Some(map) } => {
                map.get(codes[row] as usize).copied().unwrap_or(MISSING_CODE)
            }
            Self::Codes { codes, map: None } => codes[row],
            _ => MISSING_CODE,
        }
    }

    fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Missing => true,
            Self::Numbers(cells) => !cells[row].is_finite(),
            Self::Codes { .. } => self.code(row) == MISSING_CODE,
            Self::Times(cells) => cells[row] == i64::MIN,
        }
    }
}

/// For every learnt column its cells in `table`; the notices count what differs from training. An error where no
/// column that gives features is there: then it is another table.
pub(super) fn bind<'a>(
    columns: &[FittedColumn],
    keeps_missing: bool,
    table: &'a Table,
    run: &Run,
) -> Result<(Vec<Cells<'a>>, Notices)> {
    let by_name: FxHashMap<&str, &Column> = table.columns.iter().map(|c| (c.name.as_str(), c)).collect();
    let is_there = |c: &FittedColumn| by_name.get(c.name.as_str()).is_some_and(|c| c.data.len().is_some());
    if !columns.iter().any(|c| c.gives_features() && is_there(c)) {
        let wanted = columns.iter().filter(|c| c.gives_features()).map(|c| c.name.as_str());
        return Err(Error::Data(format!(
            "none of the columns that the model uses is in this data; it uses {}",
            listed(wanted)
        )));
    }
    let bind = |column: &FittedColumn| {
        run.check()?;
        let mut notices = Notices::default();
        let mut binding = Binding { column, keeps_missing, table, notices: &mut notices };
        let cells = binding.cells(by_name.get(column.name.as_str()).copied());
        if let Plan::Twin(of) = &column.plan {
            binding
                .compare_twin(by_name.get(of.as_str()).copied(), by_name.get(column.name.as_str()).copied());
        }
        Ok((cells, notices))
    };
    let bound: Vec<(Cells<'a>, Notices)> = columns.par_iter().map(bind).collect::<Result<_>>()?;
    let mut notices = Notices::default();
    let mut cells = Vec::with_capacity(bound.len());
    for (column_cells, column_notices) in bound {
        cells.push(column_cells);
        notices.extend(column_notices);
    }
    let known: FxHashSet<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let is_extra = |c: &&Column| !known.contains(c.name.as_str()) && !matches!(c.data, ColumnData::Omitted);
    let extra: Vec<&str> = table.columns.iter().filter(is_extra).map(|c| c.name.as_str()).collect();
    if !extra.is_empty() {
        let (columns, names) = (plural(extra.len(), "column"), listed(extra.into_iter()));
        notices.info(None, format!("{columns} ignored, not in the training data: {names}"));
    }
    Ok((cells, shorten(notices)))
}

/// One learnt column on its way to the table.
struct Binding<'t, 'n> {
    column: &'n FittedColumn,
    keeps_missing: bool,
    table: &'t Table,
    notices: &'n mut Notices,
}

impl<'t> Binding<'t, '_> {
    fn cells(&mut self, data: Option<&'t Column>) -> Cells<'t> {
        let is_used = self.column.gives_features();
        let data = match data {
            Some(Column { data: ColumnData::Omitted, .. }) | None if !is_used => return Cells::Missing,
            Some(Column { data: ColumnData::Omitted, .. }) => {
                self.say("was left out when reading this data; treated as missing in all rows".into());
                return Cells::Missing;
            }
            None => {
                self.say("is not in this data; treated as missing in all rows".into());
                return Cells::Missing;
            }
            Some(column) => &column.data,
        };
        let cells = match &self.column.plan {
            Plan::Number(_) | Plan::Constant(Cell::Number(_)) => self.numbers(data),
            Plan::Times(_) | Plan::Constant(Cell::Time(_)) => self.times(data),
            Plan::Rarity(levels, _)
            | Plan::OneHot(levels)
            | Plan::Boolean(levels)
            | Plan::Codes(levels)
            | Plan::Even(levels)
            | Plan::Constant(Cell::Level(levels)) => codes_of(levels, data),
            Plan::Empty => return self.not_empty(data),
            Plan::Twin(_) | Plan::Omitted => return Cells::Missing,
        };
        self.count_missing(&cells);
        self.count_changed(&cells, data);
        cells
    }

    fn numbers(&mut self, data: &'t ColumnData) -> Cells<'t> {
        let cells = match data {
            ColumnData::Numbers(cells) => return Cells::Numbers(Cow::Borrowed(cells)),
            ColumnData::Codes { codes, levels } => {
                let values: Vec<f64> =
                    levels.iter().map(|name| parse_number(name).unwrap_or(f64::NAN)).collect();
                let value = |&code: &u32| values.get(code as usize).copied().unwrap_or(f64::NAN);
                Cells::Numbers(codes.iter().map(value).collect())
            }
            _ => Cells::Missing,
        };
        self.count_unread(&cells, data, "a number");
        cells
    }

    fn times(&mut self, data: &'t ColumnData) -> Cells<'t> {
        if let ColumnData::Times(cells) = data {
            return Cells::Times(cells);
        }
        self.count_unread(&Cells::Missing, data, "a time");
        Cells::Missing
    }

    /// Says how many values of another type than in training could not be read as what they were.
    fn count_unread(&mut self, cells: &Cells<'_>, data: &ColumnData, was: &str) {
        let unread = |&row: &usize| !data.is_missing(row) && cells.is_missing(row);
        let mut unread = (0..self.table.n_rows).filter(unread);
        if let Some(first) = unread.next() {
            let example = self.example(data, first);
            self.count(unread.count() + 1, |rows| {
                format!("was {was} in training; {rows} hold something else ({example}), treated as missing")
            });
        }
    }

    /// Says how many values are missing where none was in training.
    fn count_missing(&mut self, cells: &Cells<'_>) {
        if self.column.n_missing > 0 || self.column.n_values() == 0 {
            return;
        }
        let n_rows = self.table.n_rows;
        let n_missing = match cells {
            Cells::Numbers(cells) => cells.iter().filter(|v| !v.is_finite()).count(),
            _ => (0..n_rows).filter(|&row| cells.is_missing(row)).count(),
        };
        if n_missing == 0 {
            return;
        }
        if self.keeps_missing {
            let tally = self.tally(n_missing);
            self.notices.counted(NoticeKind::Info, Some(&self.column.name), tally, |rows| {
                format!("missing in {rows}, never in training")
            });
        } else {
            self.count(n_missing, |rows| format!("missing in {rows}, never in training; imputed"));
        }
    }

    /// Says how many values were not there in training, where that is not seen in a number.
    fn count_changed(&mut self, cells: &Cells<'_>, data: &ColumnData) {
        let changed = |row: &usize| match (cells, &self.column.plan) {
            (Cells::Numbers(cells), Plan::Constant(Cell::Number(value))) => {
                cells[*row].is_finite() && cells[*row] != *value
            }
            (Cells::Times(cells), Plan::Constant(Cell::Time(value))) => {
                cells[*row] != i64::MIN && cells[*row] != *value
            }
            (Cells::Codes { .. }, _) => cells.code(*row) == UNSEEN_CODE,
            _ => false,
        };
        if matches!(self.column.plan, Plan::Number(_) | Plan::Times(_)) {
            return;
        }
        let mut rows = (0..self.table.n_rows).filter(changed);
        let Some(first) = rows.next() else { return };
        let example = self.example(data, first);
        let plan = &self.column.plan;
        self.count(rows.count() + 1, |count| match plan {
            Plan::Constant(value) => format!(
                "was {} in all training rows and is left out; {count} hold another value ({example})",
                cell(value)
            ),
            Plan::Even(_) => format!("is left out; {count} hold a level unseen in training ({example})"),
            _ => format!("{count} hold a level unseen in training ({example})"),
        });
    }

    fn not_empty(&mut self, data: &ColumnData) -> Cells<'t> {
        let mut rows = (0..self.table.n_rows).filter(|&row| !data.is_missing(row));
        if let Some(first) = rows.next() {
            let example = self.example(data, first);
            self.count(rows.count() + 1, |count| {
                format!("had no value in training and is left out; {count} hold one ({example})")
            });
        }
        Cells::Missing
    }

    fn compare_twin(&mut self, of: Option<&Column>, data: Option<&Column>) {
        let (Some(of), Some(data)) = (of, data) else { return };
        if let Some((count, first)) = twins::differences(&of.data, &data.data)
            && count > 0
        {
            let (of, example) = (&of.name, self.example(&data.data, first));
            self.count(count, |count| {
                format!("was the same as `{of}` in all training rows and is left out; it differs in {count} ({example})")
            });
        }
    }

    fn example(&self, data: &ColumnData, row: usize) -> String {
        format!("such as `{}` in row {}", data.text(row), self.table.row_name(row))
    }

    fn say(&mut self, message: String) {
        self.notices.handled(Some(&self.column.name), message);
    }

    fn count(&mut self, n: usize, message: impl FnOnce(&str) -> String) {
        let tally = self.tally(n);
        self.notices.counted(NoticeKind::Handled, Some(&self.column.name), tally, message);
    }

    fn tally(&self, n: usize) -> Tally {
        Tally { n: n as u64, of: self.table.n_rows as u64 }
    }
}

/// Cells as codes of `levels`, whatever their type: text by name, numbers by value, times as they are written.
fn codes_of<'t>(levels: &Levels, data: &'t ColumnData) -> Cells<'t> {
    match data {
        ColumnData::Codes { codes, levels: names } => {
            Cells::Codes { codes: Cow::Borrowed(codes), map: Some(levels.map(names)) }
        }
        ColumnData::Numbers(cells) => {
            Cells::Codes { codes: Cow::Owned(levels.codes_of_numbers(cells)), map: None }
        }
        ColumnData::Times(cells) => {
            let code = |row| if data.is_missing(row) { MISSING_CODE } else { levels.code(&data.text(row)) };
            Cells::Codes { codes: (0..cells.len()).map(code).collect(), map: None }
        }
        ColumnData::Omitted => Cells::Missing,
    }
}
