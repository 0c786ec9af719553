//! What columns are taken for, what is said about it, and how to say otherwise.

use std::fmt::Write;

use anomalyst_core::{ColumnData, ColumnKind, Label};
use anomalyst_data::ReadOptions;

use super::{cells, read, read_with};

/// Forty rows with a column of every kind.
fn all_kinds() -> String {
    let mut text = "customer_id,amount,colour,paid,when,remark,name,is_fraud\n".to_owned();
    for i in 0..40 {
        let (colour, paid) = (["red", "blue", "green"][i % 3], ["yes", "no"][i % 2]);
        let remark = format!("some words that nobody wrote before, number {i}");
        let day = 1 + i % 28;
        writeln!(
            text,
            "{},{}.5,{colour},{paid},2024-01-{day:02} 10:00,{remark:?},host{i},{}",
            1000 + i,
            i % 7,
            i / 39
        )
        .unwrap();
    }
    text
}

fn kind_of(table: &anomalyst_core::Table, name: &str) -> ColumnKind {
    table.column(name).unwrap().kind
}

#[test]
fn every_kind_is_inferred_and_said() {
    let (table, said) = read(all_kinds());
    use ColumnKind as K;
    let kinds: Vec<K> = table.columns.iter().map(|c| c.kind).collect();
    let expected =
        [K::Identifier, K::Number, K::Category, K::Boolean, K::Timestamp, K::Text, K::Identifier, K::Number];
    assert_eq!(kinds, expected);
    for name in ["customer_id", "remark", "name"] {
        assert!(matches!(table.column(name).unwrap().data, ColumnData::Omitted), "{name}");
        assert!(said.contains(&format!("{name}: left out: ")), "{said}");
        assert!(said.contains(&format!("--types '{name}=category'")), "{said}");
    }
    assert!(
        said.contains("2 numbers, 1 category (colour), 1 boolean (paid), 1 timestamp (when); left out: 2 identifiers (customer_id, name), 1 text (remark)"),
        "{said}"
    );
}

#[test]
fn the_user_has_the_last_word() {
    let options = ReadOptions {
        types: vec![("name".into(), ColumnKind::Category), ("amount".into(), ColumnKind::Category)],
        ignore: vec!["colour".into()],
        label: Some("is_fraud".into()),
        id: Some("customer_id".into()),
        ..ReadOptions::default()
    };
    let (table, _) = read_with(all_kinds(), &options).unwrap();
    assert_eq!(cells(&table, "name")[3], "host3");
    assert_eq!(kind_of(&table, "amount"), ColumnKind::Category);
    assert!(matches!(table.column("colour").unwrap().data, ColumnData::Omitted));
    assert!(matches!(table.column("is_fraud").unwrap().data, ColumnData::Omitted));
    let labels = table.labels.unwrap();
    assert_eq!((labels[38], labels[39]), (Label::Normal, Label::Anomalous));
    assert_eq!(table.ids.unwrap()[39], "1039");
}

#[test]
fn unknown_names_are_met_with_the_nearest() {
    let message = |options: ReadOptions| read_with(all_kinds(), &options).unwrap_err().to_string();
    let name = || Some("colur".to_owned());
    for options in [
        ReadOptions { ignore: vec!["colur".into()], ..ReadOptions::default() },
        ReadOptions { types: vec![("colur".into(), ColumnKind::Number)], ..ReadOptions::default() },
        ReadOptions { label: name(), ..ReadOptions::default() },
        ReadOptions { id: name(), ..ReadOptions::default() },
    ] {
        let message = message(options);
        assert!(message.contains("colur") && message.contains("colour"), "{message}");
    }
}

/// A column whose first megabyte is numbers and whose rest is words was judged too early; all of it is read again.
#[test]
fn a_column_that_changes_its_mind_is_read_again() {
    let mut text = "a,b\n".to_owned();
    (0..200_000).for_each(|i| writeln!(text, "{i},{}", i % 5).unwrap());
    (0..100_000).for_each(|i| writeln!(text, "{},{}", ["red", "blue"][i % 2], i % 5).unwrap());
    assert!(text.len() > 2 << 20);
    let (table, said) = read(&text);
    assert_ne!(kind_of(&table, "a"), ColumnKind::Number);
    assert_eq!(kind_of(&table, "b"), ColumnKind::Number);
    assert!(said.contains("a: its beginning looked like numbers"), "{said}");
}

#[test]
fn a_few_words_among_numbers_are_missing_and_counted() {
    let mut text = "a,b\n".to_owned();
    (0..100).for_each(|i| {
        writeln!(text, "{},{i}", if i % 25 == 7 { "broken".into() } else { i.to_string() }).unwrap()
    });
    let (table, said) = read(&text);
    assert_eq!(kind_of(&table, "a"), ColumnKind::Number);
    assert_eq!(cells(&table, "a")[7], "");
    assert!(
        said.contains("a: 4 cells are not a number; they count as missing (first line 9: `broken`)"),
        "{said}"
    );
}
