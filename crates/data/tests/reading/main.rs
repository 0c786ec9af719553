//! Tables as people have them, read through the public face.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers, too")]

mod files;
mod formats;
mod kinds;
mod memory;
mod text;

use anomalyst_core::{ColumnData, Notices, Result, Run, Table};
use anomalyst_data::{ReadOptions, open_bytes};

/// Reads `bytes` with `options`.
fn read_with(bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Result<(Table, String)> {
    let run = Run::new(0);
    let (table, notices) = open_bytes("t", bytes.as_ref(), options, &run)?.read(&run)?;
    Ok((table, said(&notices)))
}

/// Reads `bytes` with default options; what was said is one text.
fn read(bytes: impl AsRef<[u8]>) -> (Table, String) {
    read_with(bytes, &ReadOptions::default()).unwrap()
}

fn said(notices: &Notices) -> String {
    let line = |n: &anomalyst_core::Notice| format!("{}: {}\n", n.column.as_deref().unwrap_or(""), n.message);
    notices.0.iter().map(line).collect()
}

/// The cells of a column as text; empty where missing.
fn cells(table: &Table, name: &str) -> Vec<String> {
    let data = &table.column(name).unwrap_or_else(|| panic!("no column {name}")).data;
    assert!(!matches!(data, ColumnData::Omitted), "{name} was left out");
    (0..table.n_rows).map(|row| data.text(row)).collect()
}

/// The names of all columns.
fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|c| c.name.as_str()).collect()
}
