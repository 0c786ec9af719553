//! Arrays of all orders and types, archives, and files that claim what they do not hold.

use super::*;
use crate::{ReadOptions, open_bytes};
use anomalyst_core::{Batches, ColumnData, Label, Table};
use std::io::Write;

/// A version 1 array of this type, order and shape over these bytes.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    zipped(arrays, zip::CompressionMethod::Deflated)
}

fn zipped(arrays: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn f8(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn read(bytes: Vec<u8>, options: &ReadOptions) -> Result<(Table, Notices)> {
    let run = Run::new(0);
    open_bytes("t", bytes, options, &run)?.read(&run)
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    match &table.column(name).unwrap().data {
        ColumnData::Numbers(cells) => cells.clone(),
        other => panic!("{other:?}"),
    }
}

/// Rows 1 2 / 3 4 / 5 6, once stored by rows and once by columns.
#[test]
fn both_orders_give_the_same_rows() {
    let by_rows = npy("<f8", false, "(3, 2)", &f8(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let by_columns = npy("<f8", true, "(3, 2)", &f8(&[1.0, 3.0, 5.0, 2.0, 4.0, 6.0]));
    for bytes in [by_rows, by_columns] {
        let (table, _) = read(bytes, &ReadOptions::default()).unwrap();
        assert_eq!(numbers(&table, "x1"), [1.0, 3.0, 5.0]);
        assert_eq!(numbers(&table, "x2"), [2.0, 4.0, 6.0]);
    }
}

/// 300,000 rows of two columns are more than one block; cell (i, j) is (3 i + j) modulo 251.
#[test]
fn arrays_of_several_blocks_are_the_same_however_they_are_stored() {
    const N: usize = 300_000;
    const { assert!(N * 2 > BLOCK_CELLS) };
    let cell = |i: usize, j: usize| ((3 * i + j) % 251) as u8;
    let by_rows: Vec<u8> = (0..2 * N).map(|k| cell(k / 2, k % 2)).collect();
    let by_columns: Vec<u8> = (0..2 * N).map(|k| cell(k % N, k / N)).collect();
    let by_rows = npy("|u1", false, "(300000, 2)", &by_rows);
    let by_columns = npy("|u1", true, "(300000, 2)", &by_columns);
    let stored = zip::CompressionMethod::Stored;
    let files = [
        by_rows.clone(),
        by_columns.clone(),
        npz(&[("X.npy", by_rows)]),
        npz(&[("X.npy", by_columns.clone())]),
        zipped(&[("X.npy", by_columns)], stored),
    ];
    let run = Run::new(0);
    for bytes in files {
        let source = open_bytes("t", bytes, &ReadOptions::default(), &run).unwrap();
        let table = source.read(&run).unwrap().0;
        for (j, name) in ["x1", "x2"].into_iter().enumerate() {
            let numbers = numbers(&table, name);
            assert!(
                numbers.len() == N && numbers.iter().enumerate().all(|(i, &v)| v == f64::from(cell(i, j)))
            );
        }
        let batches: Vec<Table> = source.batches(&run).unwrap().collect::<Result<_>>().unwrap();
        assert!(batches.len() > 30 && batches.iter().map(|b| b.n_rows).sum::<usize>() == N);
        assert_eq!(numbers(batches.last().unwrap(), "x2").last(), Some(&f64::from(cell(N - 1, 1))));
    }
}

#[test]
fn a_changed_byte_in_an_archive_is_noticed() {
    let bytes = zipped(
        &[("X.npy", npy("<f8", false, "(3, 1)", &f8(&[1.0, 2.0, 3.0])))],
        zip::CompressionMethod::Stored,
    );
    let at = bytes.windows(8).position(|w| w == 2.0_f64.to_le_bytes()).unwrap();
    let mut changed = bytes.clone();
    changed[at + 3] ^= 1;
    assert_eq!(numbers(&read(bytes, &ReadOptions::default()).unwrap().0, "x1"), [1.0, 2.0, 3.0]);
    assert!(read(changed, &ReadOptions::default()).unwrap_err().to_string().contains("checksum"));
}

#[test]
fn an_archive_has_labels_and_further_columns() {
    let bytes = npz(&[
        ("X.npy", npy("|u1", false, "(3, 1)", &[7, 8, 9])),
        ("y.npy", npy("<i4", false, "(3,)", &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
        ("extra.npy", npy("|b1", false, "(3,)", &[1, 0, 1])),
        ("other.npy", npy("<f8", false, "(2,)", &f8(&[1.0, 2.0]))),
        ("object.npy", npy("|O", false, "(3,)", &[0; 24])),
    ]);
    let (table, notices) = read(bytes.clone(), &ReadOptions::default()).unwrap();
    assert_eq!(numbers(&table, "x1"), [7.0, 8.0, 9.0]);
    assert_eq!(table.labels.unwrap(), [Label::Normal, Label::Anomalous, Label::Normal]);
    assert_eq!(table.columns[2].data.text(0), "true");
    let said = format!("{notices:?}");
    assert!(said.contains("runs code") && said.contains("other [2]"), "{said}");
    let options = ReadOptions { label: Some("extra".into()), ..ReadOptions::default() };
    let (table, _) = read(bytes, &options).unwrap();
    assert_eq!(numbers(&table, "y"), [0.0, 1.0, 0.0]);
    assert_eq!(table.labels.unwrap()[0], Label::Anomalous);
}

#[test]
fn classes_are_no_labels_unless_asked_for() {
    let bytes = npz(&[
        ("X.npy", npy("|u1", false, "(3, 1)", &[7, 8, 9])),
        ("y.npy", npy("|u1", false, "(3,)", &[1, 2, 3])),
    ]);
    let (table, notices) = read(bytes.clone(), &ReadOptions::default()).unwrap();
    assert!(table.labels.is_none() && format!("{notices:?}").contains("do not say"));
    let options = ReadOptions { label: Some("y".into()), ..ReadOptions::default() };
    assert!(read(bytes, &options).unwrap_err().to_string().contains("cannot be the label"));
}

#[test]
fn false_claims_are_refused_before_anything_is_allocated() {
    let message = |bytes| read(bytes, &ReadOptions::default()).unwrap_err().to_string();
    let huge = "(1000000000000000000, 1)";
    assert!(message(npy("<f8", false, huge, &f8(&[1.0]))).contains("claims"));
    assert!(message(npz(&[("X.npy", npy("<f8", false, huge, &[]))])).contains("claims"));
    assert!(message(npy("<f8", false, "(9, 9999999999999999999)", &[])).contains("shape"));
    assert!(message(npy("<f8", false, "(99999999999, 0)", &[])).contains("no elements"));
    assert!(message(npy("<f8", false, "(1, 1, 1)", &f8(&[1.0]))).contains("3 axes"));
    assert!(message(b"\x93NUMPY".to_vec()).contains("cut short"));
    assert!(message(npz(&[])).contains("the zip archive is empty"));
}

#[test]
fn infinities_become_missing_and_are_counted() {
    let (table, notices) =
        read(npy("<f8", false, "(3, 1)", &f8(&[1.0, f64::INFINITY, f64::NAN])), &ReadOptions::default())
            .unwrap();
    assert!(table.columns[0].data.is_missing(1) && table.columns[0].data.is_missing(2));
    assert!(
        format!("{notices:?}").contains("1 cells are infinite; they count as missing (first row 2"),
        "{notices:?}"
    );
}
