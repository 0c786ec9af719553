//! Batches of all types written by the foreign encoders, and files that are damaged.

use super::*;
use crate::{ReadOptions, open_bytes};
use anomalyst_core::{Batches, ColumnData, ColumnKind, Table};
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{DataType, Field, TimeUnit};

fn batch() -> RecordBatch {
    let inner: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.5), None, Some(1.5)]));
    let nested = StructArray::from(vec![(Arc::new(Field::new("d", DataType::Float32, true)), inner)]);
    let dictionary: DictionaryArray<Int32Type> = vec![Some("red"), None, Some("blue")].into_iter().collect();
    let lists =
        ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), None, Some(vec![])]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from(vec![Some(1), None, Some(-3)]))),
        ("f", Arc::new(Float64Array::from(vec![1.0, f64::INFINITY, f64::NAN]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("x"), Some("NA"), Some("x")]))),
        ("t", Arc::new(TimestampSecondArray::from(vec![Some(0), None, Some(60)]))),
        ("c", Arc::new(dictionary)),
        ("n", Arc::new(nested)),
        ("l", Arc::new(lists)),
        ("dec", Arc::new(Decimal128Array::from(vec![150, 275, 0]).with_precision_and_scale(10, 2).unwrap())),
    ];
    assert!(matches!(columns[4].1.data_type(), DataType::Timestamp(TimeUnit::Second, None)));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

fn parquet_bytes() -> Vec<u8> {
    let batch = batch();
    let mut out = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out
}

fn ipc_bytes(stream: bool) -> Vec<u8> {
    let batch = batch();
    let mut out = Vec::new();
    if stream {
        let mut writer = arrow_ipc::writer::StreamWriter::try_new(&mut out, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    } else {
        let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut out, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
    out
}

fn read(bytes: Vec<u8>, options: &ReadOptions) -> Result<(Table, Notices)> {
    let run = Run::new(0);
    open_bytes("t", bytes, options, &run)?.read(&run)
}

#[test]
fn all_types_from_all_containers() {
    for bytes in [parquet_bytes(), ipc_bytes(false), ipc_bytes(true)] {
        let (table, notices) = read(bytes, &ReadOptions::default()).unwrap();
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["i", "f", "b", "s", "t", "c", "n.d", "l", "dec"]);
        use ColumnKind as K;
        let kinds: Vec<K> = table.columns.iter().map(|c| c.kind).collect();
        let expected = [
            K::Number,
            K::Number,
            K::Boolean,
            K::Category,
            K::Timestamp,
            K::Category,
            K::Number,
            K::Text,
            K::Number,
        ];
        assert_eq!(kinds, expected);
        let rows: Vec<Vec<String>> =
            (0..3).map(|row| table.columns.iter().map(|c| c.data.text(row)).collect()).collect();
        assert_eq!(rows[0], ["1", "1", "true", "x", "1970-01-01", "red", "0.5", "", "1.5"]);
        assert_eq!(rows[1], ["", "", "false", "", "", "", "", "", "2.75"]);
        assert_eq!(rows[2], ["-3", "", "", "x", "1970-01-01T00:01:00Z", "blue", "1.5", "", "0"]);
        let said = format!("{notices:?}");
        assert!(said.contains("1 cells are infinite") && said.contains("nested"), "{said}");
    }
}

#[test]
fn columns_may_be_left_out_or_read_otherwise() {
    let options = ReadOptions {
        ignore: vec!["f".into(), "n.d".into()],
        types: vec![("i".into(), ColumnKind::Category)],
        id: Some("t".into()),
        ..ReadOptions::default()
    };
    let (table, _) = read(parquet_bytes(), &options).unwrap();
    assert_eq!(table.columns[0].data.text(2), "-3");
    assert_eq!(table.columns[0].kind, ColumnKind::Category);
    assert!(matches!(table.columns[1].data, ColumnData::Omitted));
    assert_eq!(table.ids.unwrap()[2], "1970-01-01T00:01:00Z");
}

#[test]
fn damaged_files_are_errors() {
    for bytes in [parquet_bytes(), ipc_bytes(false), ipc_bytes(true)] {
        for part in 1..16 {
            let mut cut = bytes.clone();
            cut.truncate(bytes.len() * part / 16);
            // A stream that is cut after a whole batch, or before the marker of its end, is still readable.
            if let Ok((table, _)) = read(cut, &ReadOptions::default()) {
                assert_eq!(table.n_rows, 3);
            }
        }
        let mut changed = bytes.clone();
        let middle = bytes.len() / 2;
        changed[middle..middle + 16].fill(0xff);
        let _ = read(changed, &ReadOptions::default());
    }
}

#[test]
fn strings_that_are_not_declared_as_text_are_text() {
    let cells: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"red"[..]), None, Some(b"caf\xe9")]));
    let batch = RecordBatch::try_from_iter_with_nullable([("c", cells, true)]).unwrap();
    let mut out = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (table, _) = read(out, &ReadOptions::default()).unwrap();
    assert_eq!(table.columns[0].kind, ColumnKind::Category);
    let cells: Vec<String> = (0..3).map(|row| table.columns[0].data.text(row)).collect();
    assert_eq!(cells, ["red", "", "café"]);
}

/// 16,384 rows of 200 columns would be 26 MB at once.
#[test]
fn wide_files_are_decoded_few_rows_at_a_time() {
    let column: ArrayRef = Arc::new(Int32Array::from_iter_values(0..12_000));
    let columns = (0..200).map(|i| (format!("c{i}"), Arc::clone(&column)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut out = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let run = Run::new(0);
    let source = open_bytes("t", out, &ReadOptions::default(), &run).unwrap();
    let rows: Vec<usize> = source.batches(&run).unwrap().map(|b| b.unwrap().n_rows).collect();
    assert_eq!(rows.iter().sum::<usize>(), 12_000);
    assert!(rows.iter().all(|n| n * 200 <= 1 << 20), "{rows:?}");
}

/// Four bytes that claim a message of two gigabytes were once believed.
#[test]
fn a_stream_of_a_few_bytes_claims_nothing_large() {
    let bytes = b"\xff\xff\xff\xff\xff\xffpppen and so on".to_vec();
    let message = read(bytes, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("more bytes than there are"), "{message}");
}

/// Whatever word of a file is a length, a huge one there is an error rather than an allocation.
#[test]
fn no_word_of_a_file_makes_it_large() {
    for bytes in [ipc_bytes(false), ipc_bytes(true), packed_bytes()] {
        for at in (0..bytes.len() - 8).step_by(4) {
            for word in [1_u64 << 40, 0x7fff_ff00, i64::MAX as u64] {
                let mut changed = bytes.clone();
                let n = if word > u64::from(u32::MAX) { 8 } else { 4 };
                changed[at..at + n].copy_from_slice(&word.to_le_bytes()[..n]);
                if let Ok((table, _)) = read(changed, &ReadOptions::default()) {
                    assert!(table.n_rows <= 1 << 20, "byte {at}");
                }
            }
        }
    }
}

/// A stream of one compressed column.
fn packed_bytes() -> Vec<u8> {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200).map(|i| i % 3)));
    let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
    let options = arrow_ipc::writer::IpcWriteOptions::default()
        .try_with_compression(Some(arrow_ipc::CompressionType::ZSTD))
        .unwrap();
    let mut out = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new_with_options(&mut out, &batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    out
}
