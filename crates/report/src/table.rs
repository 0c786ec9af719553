//! Tables as files, by extension: csv, tsv, ndjson, json, parquet.
//!
//! What the project's readers take for the same table again: numbers in the shortest form that gives the same bits,
//! categories as text, times in ISO 8601 (Parquet: microseconds in UTC); missing cells are empty (csv, tsv) or null.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anomalyst_core::{ColumnData, Error, Result, Table};
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::items::{ItemFormat, csv_error, shortest_f64};
use crate::parquet::parquet_error;
use crate::{AtomicFile, atomic_write};

/// Rows that are turned into Arrow arrays at a time.
const BLOCK_ROWS: usize = 1 << 16;

/// Writes the columns of `table` that have cells to `path`, in the format of its extension; whole, or not at all.
pub fn write_table(table: &Table, path: &Path) -> Result<()> {
    let columns: Vec<(&str, &ColumnData)> = table
        .columns
        .iter()
        .filter(|column| column.data.len().is_some())
        .map(|column| (column.name.as_str(), &column.data))
        .collect();
    if columns.is_empty() {
        return Err(Error::Data(format!("{}: there is no column to write", path.display())));
    }
    match ItemFormat::of(path)? {
        ItemFormat::Csv => delimited(table.n_rows, &columns, b',', path),
        ItemFormat::Tsv => delimited(table.n_rows, &columns, b'\t', path),
        ItemFormat::Ndjson => atomic_write(path, |out| json(table.n_rows, &columns, false, out)),
        ItemFormat::Json => atomic_write(path, |out| json(table.n_rows, &columns, true, out)),
        ItemFormat::Parquet => parquet(table.n_rows, &columns, path),
    }
}

fn delimited(n_rows: usize, columns: &[(&str, &ColumnData)], delimiter: u8, path: &Path) -> Result<()> {
    let file = AtomicFile::create(path)?;
    let mut writer =
        csv::WriterBuilder::new().delimiter(delimiter).buffer_capacity(1 << 16).from_writer(file);
    let mut write = || {
        writer.write_record(columns.iter().map(|(name, _)| name))?;
        let mut cell = String::new();
        for row in 0..n_rows {
            for (_, data) in columns {
                cell.clear();
                match data {
                    ColumnData::Numbers(cells) if cells[row].is_nan() => {}
                    ColumnData::Numbers(cells) => shortest_f64(cells[row], &mut cell),
                    other => cell = other.text(row),
                }
                writer.write_field(&cell)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    };
    write().map_err(|e| csv_error(path, e))?;
    writer.into_inner().map_err(|e| Error::io(path, e.into_error()))?.commit()
}

fn json(n_rows: usize, columns: &[(&str, &ColumnData)], array: bool, out: &mut dyn Write) -> io::Result<()> {
    let (first, between, last) = if array { ("[\n", ",\n", "\n]\n") } else { ("", "\n", "\n") };
    for row in 0..n_rows {
        let value = |data: &ColumnData| match data {
            data if data.is_missing(row) => Value::Null,
            ColumnData::Numbers(cells) => Value::from(cells[row]),
            other => Value::from(other.text(row)),
        };
        let record: serde_json::Map<String, Value> =
            columns.iter().map(|&(name, data)| (name.to_owned(), value(data))).collect();
        out.write_all(if row == 0 { first } else { between }.as_bytes())?;
        serde_json::to_writer(&mut *out, &record)?;
    }
    let nothing = if array { "[]\n" } else { "" };
    out.write_all(if n_rows == 0 { nothing } else { last }.as_bytes())
}

fn parquet(n_rows: usize, columns: &[(&str, &ColumnData)], path: &Path) -> Result<()> {
    let field = |&(name, data): &(&str, &ColumnData)| {
        let kind = match data {
            ColumnData::Numbers(_) => DataType::Float64,
            ColumnData::Times(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        };
        Field::new(name, kind, true)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(AtomicFile::create(path)?, Arc::clone(&schema), Some(properties))
        .map_err(|e| parquet_error(path, e))?;
    for start in (0..n_rows).step_by(BLOCK_ROWS) {
        let rows = start..n_rows.min(start + BLOCK_ROWS);
        let arrays = columns.iter().map(|(_, data)| array(data, rows.clone())).collect();
        let block =
            RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|e| parquet_error(path, e.into()))?;
        writer.write(&block).map_err(|e| parquet_error(path, e))?;
    }
    writer.into_inner().map_err(|e| parquet_error(path, e))?.commit()
}

fn array(data: &ColumnData, rows: std::ops::Range<usize>) -> ArrayRef {
    match data {
        ColumnData::Numbers(cells) => {
            Arc::new(cells[rows].iter().map(|&v| Some(v).filter(|v| !v.is_nan())).collect::<Float64Array>())
        }
        ColumnData::Times(cells) => {
            let times = cells[rows].iter().map(|&t| Some(t).filter(|&t| t != i64::MIN));
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        other => {
            let mut texts = StringBuilder::new();
            rows.for_each(|row| texts.append_option((!other.is_missing(row)).then(|| other.text(row))));
            Arc::new(texts.finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{Column, ColumnKind, MISSING_CODE};

    fn table() -> Table {
        let column = |name: &str, kind, data| Column { name: name.into(), kind, data };
        let levels = Arc::new(vec!["a \"b\"".to_owned(), "c,d".to_owned()]);
        Table::new(vec![
            column("n", ColumnKind::Number, ColumnData::Numbers(vec![0.1, f64::NAN, 1e300])),
            column("left out", ColumnKind::Text, ColumnData::Omitted),
            column("c", ColumnKind::Category, ColumnData::Codes { codes: vec![0, 1, MISSING_CODE], levels }),
            column("t", ColumnKind::Timestamp, ColumnData::Times(vec![0, i64::MIN, 1])),
        ])
        .unwrap()
    }

    fn written(name: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        write_table(&table(), &folder.path().join(name)).unwrap();
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    }

    #[test]
    fn text_formats() {
        assert_eq!(
            written("t.csv"),
            "n,c,t\n0.1,\"a \"\"b\"\"\",1970-01-01\n,\"c,d\",\n1e300,,1970-01-01T00:00:00.000001Z\n"
        );
        assert_eq!(written("t.ndjson").lines().next(), Some(r#"{"n":0.1,"c":"a \"b\"","t":"1970-01-01"}"#));
        let rows: Vec<Value> = serde_json::from_str(&written("t.json")).unwrap();
        assert!(rows.len() == 3 && rows[1]["n"].is_null() && rows[2]["c"].is_null());
    }

    #[test]
    fn refusals_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_table(&table(), &folder.path().join("t.xlsx")).is_err());
        assert!(write_table(&Table::default(), &folder.path().join("t.csv")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
