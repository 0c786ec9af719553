//! Tables in memory: typed columns of equal length.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, Label, MISSING_CODE, Result, Run, Series};

/// What a user hands over, after reading.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Dataset {
    /// Rows and typed columns.
    Table(Table),
    /// Points in order.
    Series(Series),
}

impl Dataset {
    /// How many items can be scored: rows, points.
    pub fn n_items(&self) -> usize {
        match self {
            Self::Table(table) => table.n_rows,
            Self::Series(series) => series.n_points(),
        }
    }

    /// The items at `items`, in that order.
    pub fn take(&self, items: &[usize]) -> Self {
        match self {
            Self::Table(table) => Self::Table(table.take(items)),
            Self::Series(series) => Self::Series(series.take(items)),
        }
    }

    /// The series; anything else is an error.
    pub fn as_series(&self) -> Result<&Series> {
        match self {
            Self::Series(series) => Ok(series),
            Self::Table(_) => {
                Err(Error::Data("series are needed; say --as series if the rows are points in time".into()))
            }
        }
    }
}

/// Typed columns of equal length.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The columns that were read, in file order; those left out keep their place with [`ColumnData::Omitted`].
    pub columns: Vec<Column>,
    /// How many rows there are.
    pub n_rows: usize,
    /// How many rows come before these, where this is a batch of a longer table.
    pub first_row: usize,
    /// What the user calls each row (`--id`); row numbers counted from 1 where absent.
    pub ids: Option<Vec<String>>,
    /// What is known about each row (`--label`).
    pub labels: Option<Vec<Label>>,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name; unique in the table.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its cells.
    pub data: ColumnData,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// One of some levels.
    Category,
    /// Two levels that mean yes and no.
    Boolean,
    /// Points in time.
    Timestamp,
    /// A different value in every row, that names the row; left out.
    Identifier,
    /// Free text; left out.
    Text,
}

/// The cells of a column.
#[derive(Clone, Debug)]
pub enum ColumnData {
    /// Finite numbers; `NaN` is missing.
    Numbers(Vec<f64>),
    /// Index into `levels`; [`MISSING_CODE`] is missing. Also booleans.
    Codes {
        /// One per row.
        codes: Vec<u32>,
        /// What each code means.
        levels: Arc<Vec<String>>,
    },
    /// Microseconds since 1970-01-01 00:00 UTC; `i64::MIN` is missing.
    Times(Vec<i64>),
    /// Left out: identifiers, free text, ignored columns.
    Omitted,
}

/// Name and kind of every column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// In file order.
    pub columns: Vec<ColumnSpec>,
}

/// Name and kind of one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it takes part; identifiers, free text and ignored columns do not.
    pub used: bool,
}

/// A source that can be read more than once, batch by batch, in bounded memory.
pub trait Batches: Send + Sync {
    /// Name and kind of the columns, the same in every batch.
    fn schema(&self) -> &Schema;
    /// From the start: tables of at most some thousand rows. Category codes mean the same levels only within a
    /// batch; the encoder maps them by name.
    fn batches<'a>(&'a self, run: &'a Run) -> Result<Box<dyn Iterator<Item = Result<Table>> + 'a>>;
}

impl ColumnData {
    /// How many rows; `None` where the cells were left out.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Numbers(cells) => Some(cells.len()),
            Self::Codes { codes, .. } => Some(codes.len()),
            Self::Times(cells) => Some(cells.len()),
            Self::Omitted => None,
        }
    }

    /// Whether the cells were left out or there are none.
    pub fn is_empty(&self) -> bool {
        self.len().is_none_or(|n| n == 0)
    }

    /// Whether the cell at `row` is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(cells) => cells[row].is_nan(),
            Self::Codes { codes, .. } => codes[row] == MISSING_CODE,
            Self::Times(cells) => cells[row] == i64::MIN,
            Self::Omitted => true,
        }
    }

    /// The cell at `row` as a person would write it; empty where missing.
    pub fn text(&self, row: usize) -> String {
        if self.is_missing(row) {
            return String::new();
        }
        match self {
            Self::Numbers(cells) => number_text(cells[row]),
            Self::Codes { codes, levels } => levels.get(codes[row] as usize).cloned().unwrap_or_default(),
            Self::Times(cells) => time_text(cells[row]),
            Self::Omitted => String::new(),
        }
    }

    /// The cells at `rows`, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(cells) => Self::Numbers(rows.iter().map(|&row| cells[row]).collect()),
            Self::Codes { codes, levels } => Self::Codes {
                codes: rows.iter().map(|&row| codes[row]).collect(),
                levels: Arc::clone(levels),
            },
            Self::Times(cells) => Self::Times(rows.iter().map(|&row| cells[row]).collect()),
            Self::Omitted => Self::Omitted,
        }
    }
}

impl Table {
    /// A table from columns of equal length with different names.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let n_rows = columns.iter().find_map(|c| c.data.len()).unwrap_or(0);
        let mut names = std::collections::HashSet::with_capacity(columns.len());
        for column in &columns {
            if let Some(len) = column.data.len()
                && len != n_rows
            {
                return Err(Error::Data(format!(
                    "column `{}` has {len} rows, others have {n_rows}",
                    column.name
                )));
            }
            if !names.insert(column.name.as_str()) {
                return Err(Error::Data(format!("two columns are called `{}`", column.name)));
            }
        }
        Ok(Self { columns, n_rows, ..Self::default() })
    }

    /// A table of number columns called `x1`, `x2`, ... from the rows of a matrix.
    pub fn from_matrix(values: &ndarray::Array2<f64>) -> Self {
        let column = |(i, cells): (usize, ndarray::ArrayView1<'_, f64>)| Column {
            name: format!("x{}", i + 1),
            kind: ColumnKind::Number,
            data: ColumnData::Numbers(cells.to_vec()),
        };
        let columns = values.columns().into_iter().enumerate().map(column).collect();
        Self { columns, n_rows: values.nrows(), ..Self::default() }
    }

    /// Name and kind of every column.
    pub fn schema(&self) -> Schema {
        let spec = |c: &Column| ColumnSpec {
            name: c.name.clone(),
            kind: c.kind,
            used: !matches!(c.data, ColumnData::Omitted),
        };
        Schema { columns: self.columns.iter().map(spec).collect() }
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The rows at `rows`, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        let column = |c: &Column| Column { name: c.name.clone(), kind: c.kind, data: c.data.take(rows) };
        Self {
            columns: self.columns.iter().map(column).collect(),
            n_rows: rows.len(),
            first_row: 0,
            ids: self.ids.as_ref().map(|ids| rows.iter().map(|&row| ids[row].clone()).collect()),
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect()),
        }
    }

    /// What a person calls row `row`: its id, or its number counted from 1.
    pub fn row_name(&self, row: usize) -> String {
        self.ids
            .as_ref()
            .and_then(|ids| ids.get(row).cloned())
            .unwrap_or_else(|| (self.first_row + row + 1).to_string())
    }
}

/// A number with at most six significant digits, without trailing zeros.
pub(crate) fn number_text(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value}");
    }
    let text = format!("{value:.5e}");
    let rounded: f64 = text.parse().unwrap_or(value);
    if (1e-4..1e15).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// ISO 8601 in UTC; the time of day is left out at midnight.
pub fn time_text(micros: i64) -> String {
    // Civil-from-days (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest == 0 {
        return date;
    }
    let seconds = rest / 1_000_000;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest % 1_000_000 {
        0 => format!("{date}T{clock}Z"),
        micros => format!("{date}T{clock}.{micros:06}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number_text(3.0), "3");
        assert_eq!(number_text(0.1 + 0.2), "0.3");
        assert_eq!(number_text(1234.5678), "1234.57");
        assert_eq!(number_text(1.5e-7), "1.5e-7");
        assert_eq!(number_text(-2.5e20), "-2.5e20");
    }

    #[test]
    fn times_read_well() {
        assert_eq!(time_text(0), "1970-01-01");
        assert_eq!(time_text(1_700_000_000_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(time_text(-1), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn columns_must_agree() {
        let column = |name: &str, n: usize| Column {
            name: name.into(),
            kind: ColumnKind::Number,
            data: ColumnData::Numbers(vec![0.0; n]),
        };
        assert!(Table::new(vec![column("a", 2), column("b", 3)]).is_err());
        assert!(Table::new(vec![column("a", 2), column("a", 2)]).is_err());
        assert_eq!(Table::new(vec![column("a", 2), column("b", 2)]).unwrap().n_rows, 2);
    }
}
