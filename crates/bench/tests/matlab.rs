//! MATLAB files; the bytes that scipy wrote are by golden/mat.py.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

use std::path::Path;

use anomalyst::core::{Column, ColumnData, Label, Result, Table};
use anomalyst_bench::suite::mat_table;

const PLAIN: &str = "0e00000060000000060000000800000006000000000000000500000008000000030000000200000001000100580000000900000030000000000000000000f83f00000000000008400000000000001440000000000000004000000000000010c000000000000018400e00000030000000060000000800000009000000000000000500000008000000030000000100000001000100790000000200030000010000";
const PACKED: &str = "0f00000031000000789ce36360607000623620e600622e06086085f2998198098819813002cae701f399816a9818fefc6703ab0700387502ee0f0000002b000000789ce3636060f000623620e680d220c00ae5330331231833325402694e20966040071fec612c00437d0247";

fn file(order: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = b"MATLAB 5.0 MAT-file".to_vec();
    bytes.resize(124, b' ');
    bytes.extend([0, 1]);
    bytes.extend(order);
    bytes.extend(content);
    bytes
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn table(bytes: &[u8]) -> Result<Table> {
    mat_table(Path::new("a.mat"), bytes)
}

fn columns(table: &Table) -> Vec<Vec<f64>> {
    let numbers = |column: &Column| match &column.data {
        ColumnData::Numbers(numbers) => numbers.clone(),
        other => panic!("{other:?}"),
    };
    table.columns.iter().map(numbers).collect()
}

const LABELS: [Label; 3] = [Label::Normal, Label::Anomalous, Label::Normal];

/// An element with its tag; everything is the big-endian twin of what scipy writes.
fn big(tag: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = [tag.to_be_bytes(), (content.len() as u32).to_be_bytes()].concat();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn big_matrix(name: &str, shape: [u32; 2], class: u32, cells: Vec<u8>) -> Vec<u8> {
    let flags = [class.to_be_bytes(), [0; 4]].concat();
    let shape = shape.map(u32::to_be_bytes).concat();
    let parts = [big(6, &flags), big(5, &shape), big(1, name.as_bytes()), cells];
    big(14, &parts.concat())
}

#[test]
fn plain_and_packed() {
    let plain = table(&file(b"IM", &from_hex(PLAIN))).unwrap();
    assert_eq!(columns(&plain), [[1.5, 3.0, 5.0], [2.0, -4.0, 6.0]]);
    assert_eq!(plain.labels.as_deref(), Some(&LABELS[..]));
    let packed = table(&file(b"IM", &from_hex(PACKED))).unwrap();
    assert_eq!(columns(&packed), [[1.0, 3.0, 5.0], [2.0, -4.0, 6.0]]);
    assert_eq!(packed.labels.as_deref(), Some(&LABELS[..]));
}

#[test]
fn big_endian() {
    let x = [1.5_f32, 3.0, f32::INFINITY].map(f32::to_be_bytes).concat();
    let content = [
        big_matrix("X", [3, 1], 7, big(7, &x)),
        big_matrix("other", [1, 1], 1, Vec::new()),
        big_matrix("y", [1, 3], 9, big(2, &[0, 1, 0])),
    ];
    let table = table(&file(b"MI", &content.concat())).unwrap();
    let column = &columns(&table)[0];
    assert_eq!(column[..2], [1.5, 3.0]);
    assert!(column[2].is_nan());
    assert_eq!(table.labels.as_deref(), Some(&LABELS[..]));
}

#[test]
fn faults_are_told() {
    let told = |bytes: &[u8]| table(bytes).unwrap_err().to_string();
    let x = |shape, class| big_matrix("X", shape, class, big(2, &[1, 2, 3]));
    let y = |marks: &[u8]| big_matrix("y", [1, marks.len() as u32], 9, big(2, marks));
    let big_file = |parts: [Vec<u8>; 2]| file(b"MI", &parts.concat());
    assert!(told(b"MATLAB 7.3 MAT-file, Platform").contains("cut short"));
    let mut newer = b"MATLAB 7.3 MAT-file".to_vec();
    newer.resize(600, 0);
    assert!(told(&newer).contains("'-v7'"));
    assert!(told(&file(b"XX", &[])).contains("level 5"));
    assert!(told(&file(b"IM", &[])).contains("no matrix `X`"));
    assert!(told(&big_file([x([3, 1], 9), vec![]])).contains("no matrix `y`"));
    assert!(told(&big_file([x([3, 1], 9), y(&[0, 1])])).contains("does not label"));
    assert!(told(&big_file([x([3, 1], 9), y(&[0, 1, 2])])).contains("`y` has `2`"));
    assert!(told(&big_file([x([3, 1], 5), y(&[0, 1, 0])])).contains("sparse"));
    assert!(told(&big_file([x([3, 1], 1), y(&[0, 1, 0])])).contains("real numbers"));
    assert!(told(&big_file([x([u32::MAX, u32::MAX], 9), y(&[0, 1, 0])])).contains("claim"));
    assert!(told(&big_file([x([0, 3], 9), y(&[0, 1, 0])])).contains("claims 0 x 3"));
}

/// A file may not make us allocate what it does not justify, nor panic, wherever it is cut or changed.
#[test]
fn hostile_bytes_end_in_errors() {
    for content in [PLAIN, PACKED] {
        let whole = file(b"IM", &from_hex(content));
        for n in 0..whole.len() {
            let _ = table(&whole[..n]);
        }
        for place in 124..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[place] = value;
                if let Ok(table) = table(&changed) {
                    assert_eq!(table.labels.unwrap().len(), table.n_rows);
                }
            }
        }
    }
}
