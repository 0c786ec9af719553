//! MATLAB files of level 5, as ODDS publishes its tables: `X` with a row per item, and `y`.

mod level5;

use std::io::Read;
use std::path::Path;

use anomalyst::core::{Column, ColumnData, ColumnKind, Error, Label, Result, Table};

use super::bad;
use level5::{Matrix, matrices};

/// Tables with more columns are refused, as by the readers of other formats.
const MAX_COLUMNS: usize = 1 << 20;

/// Whether a file begins like MATLAB's, of whatever level.
pub(super) fn is_mat(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(8).read_to_end(&mut start).map_err(|e| Error::io(path, e))?;
    Ok(start.starts_with(b"MATLAB ") || start.starts_with(b"\x89HDF"))
}

/// The rows of `X`, labelled by `y`.
pub(super) fn read(path: &Path) -> Result<Table> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
    mat_table(path, &bytes)
}

/// The same of bytes, which are called `name` in messages. Nothing is allocated on the word of the file alone.
pub fn mat_table(name: &Path, bytes: &[u8]) -> Result<Table> {
    let found = matrices(bytes, &["x", "y"]).map_err(|reason| bad(name, reason))?;
    let matrix = |wanted: &str| {
        let is = |m: &&Matrix| m.name.eq_ignore_ascii_case(wanted);
        found.iter().find(is).ok_or_else(|| bad(name, format!("there is no matrix `{wanted}`")))
    };
    let (x, y) = (matrix("X")?, matrix("y")?);
    let (n_rows, n_columns) = (x.n_rows, x.n_columns);
    if n_rows == 0 || n_columns == 0 || n_columns > MAX_COLUMNS {
        return Err(bad(name, format!("a matrix of {n_rows} rows and {n_columns} columns is no table")));
    }
    if y.cells.len() != n_rows || (y.n_rows != 1 && y.n_columns != 1) {
        let shape = format!("{} x {}", y.n_rows, y.n_columns);
        return Err(bad(name, format!("`X` has {n_rows} rows, which a `y` of {shape} does not label")));
    }
    let label = |&mark: &f64| match mark {
        0.0 => Ok(Label::Normal),
        1.0 => Ok(Label::Anomalous),
        _ => Err(bad(name, format!("`y` has `{mark}`; write 0 for normal and 1 for anomalous"))),
    };
    let labels = y.cells.iter().map(label).collect::<Result<Vec<Label>>>()?;
    // Stored column after column.
    let columns = x.cells.chunks_exact(n_rows).enumerate().map(|(i, cells)| Column {
        name: format!("x{}", i + 1),
        kind: ColumnKind::Number,
        data: ColumnData::Numbers(cells.iter().map(|&v| if v.is_finite() { v } else { f64::NAN }).collect()),
    });
    Ok(Table { columns: columns.collect(), n_rows, labels: Some(labels), ..Table::default() })
}
