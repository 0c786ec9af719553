//! Single cells of a table.

use anomalyst_core::{Column, ColumnData, MISSING_CODE};

/// One cell; codes count in the levels of the column it was taken from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// `NaN` is missing.
    Number(f64),
    /// [`MISSING_CODE`] is missing.
    Code(u32),
    /// `i64::MIN` is missing.
    Time(i64),
}

impl Cell {
    pub(crate) fn is_missing(self) -> bool {
        match self {
            Self::Number(v) => v.is_nan(),
            Self::Code(code) => code == MISSING_CODE,
            Self::Time(v) => v == i64::MIN,
        }
    }

    /// Numbers and times as a number; `None` where missing or a code.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Number(v) if !v.is_nan() => Some(v),
            Self::Time(v) if v != i64::MIN => Some(v as f64),
            _ => None,
        }
    }

    /// Equal, where two missing cells are equal.
    pub(crate) fn same(self, other: Self) -> bool {
        self == other || (self.is_missing() && other.is_missing())
    }
}

/// The cell of `data` at `row`; `None` where the column was left out or is shorter.
pub(crate) fn cell(data: &ColumnData, row: usize) -> Option<Cell> {
    match data {
        ColumnData::Numbers(cells) => cells.get(row).map(|&v| Cell::Number(v)),
        ColumnData::Codes { codes, .. } => codes.get(row).map(|&v| Cell::Code(v)),
        ColumnData::Times(cells) => cells.get(row).map(|&v| Cell::Time(v)),
        ColumnData::Omitted => None,
    }
}

/// Replaces the cell of `data` at `row`; a cell of another kind or a row that is not there changes nothing.
pub(crate) fn put(data: &mut ColumnData, row: usize, cell: Cell) {
    match (data, cell) {
        (ColumnData::Numbers(cells), Cell::Number(v)) if row < cells.len() => cells[row] = v,
        (ColumnData::Codes { codes, .. }, Cell::Code(v)) if row < codes.len() => codes[row] = v,
        (ColumnData::Times(cells), Cell::Time(v)) if row < cells.len() => cells[row] = v,
        _ => {}
    }
}

/// `cell` as a person would write it in `column`; empty where missing.
pub(crate) fn text(column: &Column, cell: Cell) -> String {
    match (&column.data, cell) {
        (_, cell) if cell.is_missing() => String::new(),
        (_, Cell::Number(v)) => number_text(v),
        (_, Cell::Time(v)) => time_text(v),
        (ColumnData::Codes { levels, .. }, Cell::Code(code)) => {
            levels.get(code as usize).cloned().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// A number as the tables write it.
pub(crate) fn number_text(value: f64) -> String {
    ColumnData::Numbers(vec![value]).text(0)
}

/// A time as the tables write it.
pub(crate) fn time_text(micros: i64) -> String {
    ColumnData::Times(vec![micros]).text(0)
}
