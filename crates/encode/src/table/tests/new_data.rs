//! What happens when later tables differ from the training table.

use anomalyst_core::{ColumnKind, MISSING_CODE, UNSEEN_CODE};

use super::*;

fn training() -> Dataset {
    table(vec![
        numbers("x", &[1.0, 2.0, 3.0, 4.0, 10.0]),
        category("c", &["a", "b", "a", "a", "b"]),
        numbers("five", &[5.0; 5]),
        numbers("none", &[NAN; 5]),
        numbers("copy", &[1.0, 2.0, 3.0, 4.0, 10.0]),
        category("word", &["w"; 5]),
    ])
}

fn after(wants: Wants, columns: Vec<Column>) -> (Encoded, Vec<String>) {
    let (fitted, _) = fit(&TableEncoder::default(), wants, &training());
    let encoded = encode(&fitted, &table(columns));
    let said = said(&encoded.notices);
    (encoded, said)
}

#[test]
fn columns_are_found_by_name() {
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &training());
    let new =
        table(vec![category("c", &["b", "a"]), numbers("extra", &[0.0, 1.0]), numbers("x", &[2.0, 3.0])]);
    let encoded = encode(&fitted, &new);
    // The first appearance gave `b` another code than in training.
    let train = encode(&fitted, &training()).features;
    assert_eq!(encoded.features.values.row(0), train.values.row(1));
    assert_eq!(encoded.features.values.row(1), train.values.row(2));
    assert_eq!(said(&encoded.notices), ["info -: 1 column ignored, not in the training data: `extra`"]);
}

#[test]
fn an_absent_column_is_missing() {
    let (encoded, said) = after(PLAIN, vec![category("c", &["a"])]);
    assert_eq!(encoded.features.values, ndarray::array![[0.0, 1.0, 0.0]]);
    assert_eq!(said, ["handled x: is not in this data; treated as missing in all rows"]);
    let omitted = Column { name: "x".into(), kind: ColumnKind::Identifier, data: ColumnData::Omitted };
    let (encoded, said) = after(NATIVE, vec![category("c", &["a"]), omitted]);
    assert!(encoded.features.values[[0, 0]].is_nan());
    assert_eq!(said, ["handled x: was left out when reading this data; treated as missing in all rows"]);
}

#[test]
fn values_newly_missing_are_counted() {
    let columns = || vec![numbers("x", &[NAN, 3.0, NAN]), category("c", &["", "a", "b"])];
    let (encoded, said) = after(PLAIN, columns());
    assert_eq!(encoded.features.values.column(0).to_vec(), [0.0; 3]);
    assert_eq!(encoded.features.values.row(0).to_vec(), [0.0; 3]);
    assert_eq!(
        said,
        [
            "handled x: missing in 2 of 3 rows, never in training; imputed",
            "handled c: missing in 1 of 3 rows, never in training; imputed"
        ]
    );
    let (encoded, said) = after(NATIVE, columns());
    assert!(encoded.features.values[[0, 0]].is_nan());
    assert_eq!(encoded.features.codes.unwrap().column(0).to_vec(), [MISSING_CODE, 0, 1]);
    assert_eq!(said, ["info x: missing in 2 of 3 rows, never in training"]);
}

#[test]
fn unseen_levels_are_counted() {
    let columns = || vec![numbers("x", &[1.0; 3]), category("c", &["a", "z", "y"])];
    let want = ["handled c: 2 of 3 rows hold a level unseen in training (such as `z` in row 2)"];
    let (encoded, said) = after(PLAIN, columns());
    assert_eq!(encoded.features.values.row(1).to_vec()[1..], [0.0, 0.0]);
    assert_eq!(said, want);
    let (encoded, said) = after(NATIVE, columns());
    assert_eq!(encoded.features.codes.unwrap().column(0).to_vec(), [0, UNSEEN_CODE, UNSEEN_CODE]);
    assert_eq!(said, want);
}

#[test]
fn constants_that_change_are_said() {
    let new = vec![
        numbers("x", &[1.0, 2.0]),
        category("c", &["a", "b"]),
        numbers("five", &[5.0, 6.0]),
        numbers("none", &[NAN, 1.0]),
        numbers("copy", &[1.0, 7.0]),
        category("word", &["v", "w"]),
    ];
    assert_eq!(
        after(PLAIN, new).1,
        [
            "handled five: was 5 in all training rows and is left out; 1 of 2 rows hold another value (such as `6` in row 2)",
            "handled none: had no value in training and is left out; 1 of 2 rows hold one (such as `1` in row 2)",
            "handled copy: was the same as `x` in all training rows and is left out; it differs in 1 of 2 rows (such as `7` in row 2)",
            "handled word: was `w` in all training rows and is left out; 1 of 2 rows hold another value (such as `v` in row 1)",
        ]
    );
}

/// A reader may take a short file's numbers for categories: what spells a number is one.
#[test]
fn text_where_numbers_were() {
    let columns = vec![category("x", &["3", "oops", "", "4.0"]), category("c", &["a"; 4])];
    let (encoded, said) = after(NATIVE, columns);
    let got = encoded.features.values.column(0).to_vec();
    assert_eq!(got[0], 0.0);
    assert!(got[1].is_nan() && got[2].is_nan() && got[3] > 0.0);
    assert_eq!(
        said,
        [
            "handled x: was a number in training; 1 of 4 rows hold something else (such as `oops` in row 2), treated as missing",
            "info x: missing in 2 of 4 rows, never in training"
        ]
    );
    let (encoded, said) = after(PLAIN, vec![times("x", &[0, i64::MIN]), category("c", &["a"; 2])]);
    assert_eq!(encoded.features.values.column(0).to_vec(), [0.0, 0.0]);
    assert!(said[0].contains("1 of 2 rows hold something else (such as `1970-01-01` in row 1)"), "{said:?}");
}

/// Categories match numbers by the value their names spell, and times by how they are written.
#[test]
fn numbers_where_text_was() {
    let data = table(vec![category("c", &["1.0", "02", "x", "1970-01-01", "-0"])]);
    let (fitted, _) = fit(&TableEncoder::default(), NATIVE, &data);
    let codes = |column| {
        let encoded = encode(&fitted, &table(vec![column]));
        encoded.features.codes.unwrap().column(0).to_vec()
    };
    // Names in order: -0, 02, 1.0, 1970-01-01, x.
    let new = numbers("c", &[1.0, 2.0, 3.0, NAN, 0.0, -0.0]);
    assert_eq!(codes(new), [2, 1, UNSEEN_CODE, MISSING_CODE, 0, 0]);
    assert_eq!(codes(times("c", &[0, 1, i64::MIN])), [3, UNSEEN_CODE, MISSING_CODE]);
}

#[test]
fn something_else_where_times_were() {
    let data = table(vec![times("t", &[0, 5_000_000, 9_000_000])]);
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &data);
    let new = encode(&fitted, &table(vec![numbers("t", &[1.0])]));
    assert_eq!(new.features.values.row(0).to_vec(), [0.0]);
    assert_eq!(
        said(&new.notices)[0],
        "handled t: was a time in training; 1 of 1 row hold something else (such as `1` in row 1), treated as missing"
    );
}

#[test]
fn labels_and_row_names_travel() {
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &training());
    let Dataset::Table(mut new) = table(vec![numbers("x", &[NAN]), category("c", &["z"])]) else {
        unreachable!()
    };
    new.ids = Some(vec!["r-7".into()]);
    new.labels = Some(vec![anomalyst_core::Label::Anomalous]);
    let encoded = encode(&fitted, &Dataset::Table(new));
    assert_eq!(encoded.features.labels.unwrap(), [anomalyst_core::Label::Anomalous]);
    assert!(said(&encoded.notices)[1].contains("in row r-7"));
}

#[test]
fn another_table_is_refused() {
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &training());
    let error = fitted.encode(&table(vec![numbers("five", &[5.0])]), &Run::new(0)).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "none of the columns that the model uses is in this data; it uses `x`, `c`"
    );
}

#[test]
fn what_is_said_of_many_columns_is_one_sentence() {
    let names: Vec<String> = (0..30).map(|i| format!("x{i}")).collect();
    let columns = names.iter().enumerate().map(|(i, name)| numbers(name, &[0.0, 1.0 + i as f64])).collect();
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &table(columns));
    assert_eq!(
        said(&encode(&fitted, &table(vec![numbers("x0", &[NAN])])).notices),
        [
            "handled x0: missing in 1 of 1 row, never in training; imputed",
            "handled -: 29 columns (`x1`, `x2`, `x3`, `x4`, `x5`, `x6`, `x7`, `x8`, `x9`, `x10`, ...): is not in this \
             data; treated as missing in all rows"
        ]
    );
}
