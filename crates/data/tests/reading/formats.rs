//! The same rows in other formats.

use anomalyst_core::{ColumnKind, Run};
use anomalyst_data::{Format, ReadOptions, open_bytes};

use super::{cells, names, read, read_with, said};

#[test]
fn one_table_in_every_format_of_text() {
    let files = [
        "size,colour,big\n1.5,red,true\n,blue,false\n3,red,true\n",
        "{\"size\":1.5,\"colour\":\"red\",\"big\":true}\n{\"size\":null,\"colour\":\"blue\",\"big\":false}\n{\"size\":3,\"colour\":\"red\",\"big\":true}\n",
        "[{\"size\":1.5,\"colour\":\"red\",\"big\":true},\n {\"colour\":\"blue\",\"big\":false},\n {\"size\":3,\"colour\":\"red\",\"big\":true}]",
        "@relation t\n@attribute size numeric\n@attribute colour {red,blue}\n@attribute big string\n@data\n1.5,red,true\n?,blue,false\n3,'red',true\n",
    ];
    for text in files {
        let (table, said) = read(text);
        let mut all = names(&table);
        all.sort_unstable();
        assert_eq!(all, ["big", "colour", "size"], "{text}");
        assert_eq!(cells(&table, "size"), ["1.5", "", "3"], "{text}");
        assert_eq!(cells(&table, "colour"), ["red", "blue", "red"]);
        assert_eq!(cells(&table, "big"), ["true", "false", "true"]);
        assert_eq!(table.column("big").unwrap().kind, ColumnKind::Boolean);
        assert!(said.contains("1 number, 1 category (colour), 1 boolean (big)"), "{said}");
    }
}

#[test]
fn nested_objects_become_columns_and_arrays_do_not() {
    let (table, _) = read("{\"a\":{\"b\":1,\"c\":{\"d\":\"x\"}}}\n{\"a\":{\"b\":2,\"c\":{\"d\":\"y\"}}}\n");
    assert_eq!(names(&table), ["a.b", "a.c.d"]);
    assert_eq!(cells(&table, "a.b"), ["1", "2"]);
}

#[test]
fn faults_in_json_name_their_line() {
    let message = |text: &str| read_with(text, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message("{\"a\":1}\n{\"a\":}\n").starts_with("t, line 2: not JSON"));
    assert!(message("{\"a\":1}\n[1]\n").starts_with("t, line 2: this is JSON, but not an object"));
    assert!(message("[{\"a\":1},\n{\"a\":2}").contains("cut short"));
    assert!(message("[{\"a\":1}] x").contains("after the end"));
    assert!(message("{\"a\":1} {\"a\":2}\n").contains("line of its own"));
}

#[test]
fn sparse_arff_rows_say_what_differs() {
    let text = "@relation t\n@attribute a numeric\n@attribute b {no,yes}\n@attribute c numeric\n@data\n{0 5, 1 yes}\n{}\n{2 -1.5}\n";
    let (table, _) = read(text);
    assert_eq!(cells(&table, "a"), ["5", "0", "0"]);
    assert_eq!(cells(&table, "b"), ["yes", "no", "no"]);
    assert_eq!(cells(&table, "c"), ["0", "0", "-1.5"]);
}

#[test]
fn the_content_counts_more_than_the_name() {
    let run = Run::new(0);
    let json = &b"{\"a\":1}\n{\"a\":2}\n"[..];
    let source = open_bytes("t.csv", json, &ReadOptions::default(), &run).unwrap();
    let (table, notices) = source.read(&run).unwrap();
    assert_eq!((names(&table), source.summary().format.as_str()), (vec!["a"], "ndjson"));
    assert!(said(&notices).contains("t.csv is called csv, but its content is ndjson"));
    let options = ReadOptions { format: Some(Format::Csv), delimiter: Some(b','), ..ReadOptions::default() };
    assert_eq!(names(&read_with(json, &options).unwrap().0), ["{\"a\":1}"]);
}
