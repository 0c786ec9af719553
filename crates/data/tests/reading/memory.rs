//! Batches are small whatever the file is like, and nothing is made larger than what there is.

use std::fmt::Write;

use anomalyst_core::{Batches, Result, Run, Table};
use anomalyst_data::{ReadOptions, open_bytes};

use super::read_with;

fn batches(text: &str) -> Vec<(usize, usize)> {
    let run = Run::new(0);
    let source = open_bytes("t", text.as_bytes(), &ReadOptions::default(), &run).unwrap();
    let size = |b: Result<Table>| b.map(|b| (b.n_rows, b.columns.len()));
    source.batches(&run).unwrap().map(size).collect::<Result<_>>().unwrap()
}

/// Rows of a few bytes that leave almost all of the columns out would be a thousand times larger in memory.
#[test]
fn rows_that_leave_most_columns_out_come_in_small_batches() {
    let mut arff = "@relation t\n".to_owned();
    (0..2_000).for_each(|i| writeln!(arff, "@attribute a{i} numeric").unwrap());
    arff.push_str("@data\n");
    (0..5_000).for_each(|i| writeln!(arff, "{{{} 1}}", i % 2_000).unwrap());
    let mut json = String::new();
    (0..5_000).for_each(|i| writeln!(json, "{{\"a{}\": 1}}", i % 2_000).unwrap());
    let array = format!("[{}]", json.trim_end().replace('\n', ","));
    let mut csv = (0..2_000).map(|i| format!("a{i},")).collect::<String>() + "last\n1,2\n";
    (0..5_000).for_each(|i| writeln!(csv, "{i},2").unwrap());
    for (text, n_rows) in [(arff, 5_000), (json, 5_000), (array, 5_000), (csv, 5_001)] {
        let batches = batches(&text);
        assert_eq!(batches.iter().map(|b| b.0).sum::<usize>(), n_rows);
        // 2^20 cells, and the row that made it full.
        let most = batches.iter().map(|(rows, columns)| rows * columns).max().unwrap();
        assert!(most <= (1 << 20) + 2_001, "{most} cells in a batch");
    }
}

/// Where a block ended within a piece of text, the places of faults are still right.
#[test]
fn lines_are_counted_across_small_batches() {
    let mut csv = (0..2_000).map(|i| format!("a{i},")).collect::<String>() + "last\n";
    (0..3_000)
        .for_each(|i| writeln!(csv, "{},2", if i == 2_500 { "oops".into() } else { i.to_string() }).unwrap());
    let (_, said) = read_with(&csv, &ReadOptions::default()).unwrap();
    assert!(said.contains("(first line 2502: `oops`)"), "{said}");
    assert!(said.contains("3000 rows have fewer cells"), "{said}");
}

#[test]
fn a_table_beyond_the_limit_is_refused_in_words() {
    let text = "a,b\n".to_owned() + &"1,2\n".repeat(10_000);
    let run = Run::new(0).with_max_memory(100_000);
    let source = open_bytes("t", text.as_bytes(), &ReadOptions::default(), &run).unwrap();
    let message = source.read(&run).unwrap_err().to_string();
    assert!(message.contains("--max-memory"), "{message}");
    assert_eq!(source.batches(&run).unwrap().map(|b| b.unwrap().n_rows).sum::<usize>(), 10_000);
}

#[test]
fn millions_of_columns_are_no_table() {
    let text = ",".repeat(1_100_000) + "\n1,2\n";
    let message = read_with(text, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("1048576 columns, the limit"), "{message}");
}
