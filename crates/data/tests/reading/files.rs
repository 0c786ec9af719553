//! Several files as one table, and streams.

use anomalyst_core::{Batches, Result, Run, Table};
use anomalyst_data::{ReadOptions, open, open_stream};

use super::{cells, names, said};

#[test]
fn files_with_different_columns_are_matched_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    std::fs::write(at("a.csv"), "x,y\n1,red\n2,blue\n").unwrap();
    std::fs::write(at("b.csv"), "y;z;x\nred;0.5;3\n").unwrap();
    std::fs::write(at("c.ndjson"), "{\"x\": 4, \"y\": \"blue\", \"z\": 1.5}\n").unwrap();
    let run = Run::new(0);
    let source = open(&[at("*.csv"), at("c.ndjson")], &ReadOptions::default(), &run).unwrap();
    let (table, notices) = source.read(&run).unwrap();
    assert_eq!(names(&table), ["x", "y", "z"]);
    assert_eq!(cells(&table, "x"), ["1", "2", "3", "4"]);
    assert_eq!(cells(&table, "y"), ["red", "blue", "red", "blue"]);
    assert_eq!(cells(&table, "z"), ["", "", "0.5", "1.5"]);
    assert!(said(&notices).contains("b.csv has 1 columns that earlier files do not have, such as `z`"));
    assert_eq!(source.summary().paths.len(), 3);
    let batches: Vec<Table> = source.batches(&run).unwrap().collect::<Result<_>>().unwrap();
    assert_eq!(batches.iter().map(|b| b.n_rows).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(cells(&batches[1], "z"), ["0.5"]);
}

#[test]
fn the_place_of_a_fault_names_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    std::fs::write(at("a.csv"), "x,y\n1,2\n2,3\n").unwrap();
    std::fs::write(at("b.csv"), "x,y\n1,2\n3\n").unwrap();
    let run = Run::new(0);
    let (_, notices) = open(&[at("")], &ReadOptions::default(), &run).unwrap().read(&run).unwrap();
    assert!(said(&notices).contains("b.csv, line 3: `1 cells instead of 2`"), "{}", said(&notices));
}

#[test]
fn a_stream_is_read_as_a_file() {
    let run = Run::new(0);
    let source =
        open_stream("standard input", &b"a\tb\n1\t2\n3\t4\n"[..], &ReadOptions::default(), &run).unwrap();
    assert_eq!(cells(&source.read(&run).unwrap().0, "b"), ["2", "4"]);
    assert_eq!(source.summary().paths, ["standard input"]);
}

/// The export of a day on which nothing happened is no reason to refuse those of the other days.
#[test]
fn files_without_rows_are_left_out_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    std::fs::write(at("a.csv"), "x,y\n").unwrap();
    std::fs::write(at("b.csv"), "").unwrap();
    let run = Run::new(0);
    let message = open(&[at("")], &ReadOptions::default(), &run).unwrap_err().to_string();
    assert!(message.contains("a.csv: there are 2 names in the first line, but no rows"), "{message}");
    std::fs::write(at("c.csv"), "x,y\n1,2\n3,4\n").unwrap();
    let (table, notices) = open(&[at("")], &ReadOptions::default(), &run).unwrap().read(&run).unwrap();
    assert_eq!(cells(&table, "x"), ["1", "3"]);
    assert!(said(&notices).contains("b.csv: the file is empty; it is left out"), "{}", said(&notices));
    assert!(notices.refuse_handled().is_err());
}
