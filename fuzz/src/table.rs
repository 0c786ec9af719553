//! Reads bytes as a table, once as a whole and once in batches, and checks what comes out.

use std::sync::OnceLock;

use anomalyst::core::{Batches, ColumnData, MISSING_CODE, Run, Table};
use anomalyst::data::{Format, Header, ReadOptions, TableSource, open_bytes};

/// One run for all inputs, so that its threads are started once.
fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| Run::new(0).with_threads(1))
}

/// Reads `bytes` with default options and with unusual ones, as content and, if one is given, as `format`.
pub fn read(bytes: &[u8], format: Option<Format>) {
    // On the run's own thread, where no piece of work has to wait for another thread to wake up.
    run().install(|| read_here(bytes, format));
}

fn read_here(bytes: &[u8], format: Option<Format>) {
    check(bytes, &ReadOptions { format, ..ReadOptions::default() });
    let unusual = ReadOptions {
        format,
        header: Header::No,
        delimiter: Some(b';'),
        decimal_comma: true,
        thousands: Some('.'),
        missing: vec!["x".into()],
        ignore: vec!["x3".into()],
        label: Some("x2".into()),
        id: Some("x1".into()),
        ..ReadOptions::default()
    };
    check(bytes, &unusual);
}

fn check(bytes: &[u8], options: &ReadOptions) {
    let Ok(source) = open_bytes("fuzz", bytes, options, run()) else { return };
    if let Ok((table, _)) = source.read(run()) {
        check_table(&table);
        check_batches(&source, table.n_rows);
        assert_eq!(source.summary().n_rows, table.n_rows);
    }
}

/// Batches hold the rows that the whole holds.
fn check_batches(source: &TableSource, n_rows: usize) {
    let mut n = 0;
    for batch in source.batches(run()).expect("what was read as a whole can be read in batches") {
        let batch = batch.expect("what was read as a whole can be read in batches");
        check_table(&batch);
        n += batch.n_rows;
    }
    assert_eq!(n, n_rows);
}

fn check_table(table: &Table) {
    for column in &table.columns {
        assert!(column.data.len().is_none_or(|n| n == table.n_rows), "{}", column.name);
        match &column.data {
            ColumnData::Numbers(cells) => assert!(cells.iter().all(|v| !v.is_infinite())),
            ColumnData::Codes { codes, levels } => {
                assert!(codes.iter().all(|&c| c == MISSING_CODE || (c as usize) < levels.len()));
            }
            _ => {}
        }
        // Printing a cell must work for whatever was read, however far a time is from today.
        if let Some(last) = column.data.len().and_then(|n| n.checked_sub(1)) {
            let _ = (column.data.text(0), column.data.text(last));
        }
    }
    assert!(table.labels.as_ref().is_none_or(|l| l.len() == table.n_rows));
    assert!(table.ids.as_ref().is_none_or(|i| i.len() == table.n_rows));
}
