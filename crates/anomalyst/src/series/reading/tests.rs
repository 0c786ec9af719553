//! Tables of many shapes read as series.

use anomalyst_core::{ColumnKind, Label};

use super::*;

fn table(columns: Vec<(&str, ColumnKind, ColumnData)>) -> Table {
    let column =
        |(name, kind, data): (&str, ColumnKind, ColumnData)| Column { name: name.into(), kind, data };
    Table::new(columns.into_iter().map(column).collect()).unwrap()
}

fn times(seconds: &[i64]) -> ColumnData {
    ColumnData::Times(seconds.iter().map(|s| s * 1_000_000).collect())
}

#[test]
fn rows_come_in_the_order_of_time() {
    let table = table(vec![
        ("at", ColumnKind::Timestamp, times(&[0, 120, 60, 180, 600])),
        ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 2.0, 1.0, 3.0, 4.0])),
    ]);
    let read = read_series(&table, &[], &SeriesOptions::default()).unwrap();
    assert_eq!(read.points, [0, 2, 1, 3, 4]);
    assert_eq!(read.series.values.column(0).to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    let said: String = read.notices.0.iter().map(|n| n.message.clone() + ";").collect();
    assert!(said.contains("earlier") && said.contains("1 gaps"), "{said}");
}

#[test]
fn long_tables_are_many_series() {
    let codes =
        ColumnData::Codes { codes: vec![0, 1, 0, 1], levels: vec!["a".to_owned(), "b".into()].into() };
    let table = table(vec![
        ("at", ColumnKind::Timestamp, times(&[0, 0, 60, 60])),
        ("machine", ColumnKind::Category, codes),
        ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 10.0, 1.0, 11.0])),
    ]);
    let read = read_series(&table, &[], &SeriesOptions::default()).unwrap();
    assert_eq!((read.series.keys, read.series.ends), (vec!["a".to_owned(), "b".to_owned()], vec![2, 4]));
    assert_eq!(read.points, [0, 2, 1, 3]);
}

#[test]
fn numbers_called_time_are_times() {
    let table = table(vec![
        ("Time", ColumnKind::Number, ColumnData::Numbers(vec![1.6e12, 1.6e12 + 1000.0])),
        ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 1.0])),
    ]);
    let read = read_series(&table, &[], &SeriesOptions::default()).unwrap();
    assert_eq!(read.series.times.unwrap()[1], 1_600_000_001_000_000);
    assert_eq!(read.series.channels, ["x"]);
    let wrong = SeriesOptions { time: Some("tme".into()), ..SeriesOptions::default() };
    assert!(read_series(&table, &[], &wrong).unwrap_err().to_string().contains("tme"));
}

#[test]
fn even_steps_and_numbers_look_like_a_series() {
    let n = 40_i64;
    let steps: Vec<i64> = (0..n).map(|i| i * 60).collect();
    let numbers = || ColumnData::Numbers((0..n).map(|i| i as f64).collect());
    let series =
        table(vec![("at", ColumnKind::Timestamp, times(&steps)), ("x", ColumnKind::Number, numbers())]);
    assert!(looks_like_series(&series));
    let uneven: Vec<i64> = (0..n).map(|i| i * i * 60).collect();
    let events =
        table(vec![("at", ColumnKind::Timestamp, times(&uneven)), ("x", ColumnKind::Number, numbers())]);
    assert!(!looks_like_series(&events));
}

/// Numbers over times, or without any.
fn values_over(seconds: Option<&[i64]>, values: Vec<f64>) -> Table {
    let mut columns = vec![("x", ColumnKind::Number, ColumnData::Numbers(values))];
    columns.extend(seconds.map(|seconds| ("at", ColumnKind::Timestamp, times(seconds))));
    table(columns)
}

fn said(notices: &Notices) -> String {
    notices.0.iter().map(|notice| notice.message.clone() + ";").collect()
}

#[test]
fn files_that_follow_each_other_are_one_series_and_others_are_many() {
    let files = [("in/b.csv.gz".to_owned(), 2), ("in/a.csv".to_owned(), 5)];
    let values = vec![3.0, 4.0, 0.0, 1.0, 2.0];
    let read = |seconds: Option<&[i64]>| {
        read_series(&values_over(seconds, values.clone()), &files, &SeriesOptions::default()).unwrap()
    };
    let follow = read(Some(&[60, 80, 0, 20, 40]));
    assert_eq!(follow.series.keys, [""]);
    assert_eq!(follow.series.values.column(0).to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    assert!(said(&follow.notices).contains("follow each other"));
    let overlap = read(Some(&[40, 60, 0, 20, 40]));
    assert_eq!((overlap.series.keys, overlap.series.ends), (vec!["b".to_owned(), "a".into()], vec![2, 5]));
    assert_eq!(read(None).series.ends, [2, 5]);
    let same_name = [("one/a.csv".to_owned(), 2), ("two/a.csv".to_owned(), 5)];
    let read = read_series(&values_over(None, values), &same_name, &SeriesOptions::default()).unwrap();
    assert_eq!(read.series.keys, ["one/a.csv", "two/a.csv"]);
}

#[test]
fn rows_are_put_on_even_steps_and_what_is_missing_is_marked() {
    let mut table = values_over(Some(&[65, 0, 30, 241]), vec![5.0, 1.0, f64::NAN, 9.0]);
    table.labels = Some(vec![Label::Anomalous, Label::Normal, Label::Unknown, Label::Normal]);
    let read = |by: Aggregate| {
        let steps = Some(Steps { micros: 60_000_000, by });
        read_series(&table, &[], &SeriesOptions { steps, ..SeriesOptions::default() }).unwrap()
    };
    let mean = read(Aggregate::Mean);
    assert_eq!(mean.points, [1, 0, 0, 4]);
    let values = mean.series.values.column(0).to_vec();
    assert_eq!((values[0], values[1], values[4]), (1.0, 5.0, 9.0));
    assert!(values[2].is_nan() && values[3].is_nan());
    assert_eq!(mean.series.times.unwrap(), [0, 60, 120, 180, 240].map(|s| s * 1_000_000));
    let labels = mean.series.labels.unwrap();
    assert_eq!((labels[0], labels[1], labels[2]), (Label::Normal, Label::Anomalous, Label::Unknown));
    assert_eq!(read(Aggregate::Count).series.values.column(0).to_vec(), [1.0, 1.0, 0.0, 0.0, 1.0]);
    assert!(said(&mean.notices).contains("2 of 5") && said(&mean.notices).contains("steps of 1m"));
    let fine = Some(Steps { micros: 1, by: Aggregate::Last });
    let error =
        read_series(&table, &[], &SeriesOptions { steps: fine, ..SeriesOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("--every"), "{error}");
    let timeless = values_over(None, vec![1.0, 2.0]);
    let error =
        read_series(&timeless, &[], &SeriesOptions { steps: fine, ..SeriesOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("--time"), "{error}");
}

#[test]
fn counters_are_looked_at_by_what_they_grow() {
    let values = vec![10.0, 15.0, f64::NAN, 18.0, 2.0, 4.0];
    let seconds = [0, 60, 120, 180, 240, 300];
    let steps = Some(Steps { micros: 120_000_000, by: Aggregate::Mean });
    let counters = vec!["x".to_owned()];
    let table = values_over(Some(&seconds), values);
    let options = SeriesOptions { counters: counters.clone(), ..SeriesOptions::default() };
    let read = read_series(&table, &[], &options).unwrap();
    let grown = read.series.values.column(0).to_vec();
    assert!(grown[0].is_nan() && grown[2].is_nan());
    assert_eq!([grown[1], grown[3], grown[4], grown[5]], [5.0, 3.0, 2.0, 2.0]);
    assert!(said(&read.notices).contains("anew 1 times"), "{}", said(&read.notices));
    // Increments add up, whatever stands for other values.
    let read = read_series(&table, &[], &SeriesOptions { steps, ..options }).unwrap();
    assert_eq!(read.series.values.column(0).to_vec(), [5.0, 3.0, 4.0]);
    let unknown = SeriesOptions { counters: vec!["y".into()], ..SeriesOptions::default() };
    assert!(read_series(&table, &[], &unknown).is_err());
}

#[test]
fn what_looks_like_a_counter_is_named() {
    let rising: Vec<f64> = (0..400).map(|i| f64::from(i % 150)).collect();
    let hinted = |values: Vec<f64>| {
        let read = read_series(&values_over(None, values), &[], &SeriesOptions::default()).unwrap();
        said(&read.notices).contains("--counter 'x'")
    };
    assert!(hinted(rising));
    assert!(!hinted((0..400).map(f64::from).collect()), "it never starts anew");
    assert!(!hinted((0..400).map(|i| f64::from(i % 50)).collect()), "a saw starts anew too often");
}

#[test]
fn repeated_times_without_a_key_are_said() {
    let read = |at: &[i64]| {
        let table = table(vec![
            ("at", ColumnKind::Timestamp, times(at)),
            ("unit", ColumnKind::Identifier, ColumnData::Omitted),
            ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 10.0, 1.0, 11.0])),
        ]);
        let notices = read_series(&table, &[], &SeriesOptions::default()).unwrap().notices;
        notices.0.iter().any(|notice| notice.message.contains("--key"))
    };
    assert!(read(&[0, 0, 60, 60]) && !read(&[0, 60, 120, 120]));
}
