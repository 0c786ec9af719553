//! Columns and tables from which there is little to learn, and numbers at the ends of their range.

use anomalyst_core::{ColumnKind, Error};

use super::super::{Categories, Scale};
use super::*;

fn refusal(columns: Vec<Column>) -> String {
    TableEncoder::default().fit(&table(columns), PLAIN, &Run::new(0)).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn columns_without_information_are_left_out_and_said() {
    let x = [1.0, 2.0, 4.0];
    let omitted = Column { name: "id".into(), kind: ColumnKind::Identifier, data: ColumnData::Omitted };
    let data = table(vec![
        omitted,
        numbers("x", &x),
        numbers("five", &[5.0; 3]),
        numbers("none", &[NAN; 3]),
        category("copy", &["a", "b", "b"]),
        category("word", &["b", "b", "b"]),
        numbers("y", &[1.0, 2.0, 4.0]),
        words("copied", ColumnKind::Boolean, &["a", "b", "b"]),
        times("when", &[7, 7, 7]),
    ]);
    let (fitted, notices) = fit(&TableEncoder::default(), PLAIN, &data);
    assert_eq!(names(fitted.value_origins()), ["x:value", "copy:level=a", "copy:level=b"]);
    assert_eq!(
        said(&notices),
        [
            "info none: left out: no value in all 3 rows",
            "info five: left out: 5 in all 3 rows",
            "info word: left out: `b` in all 3 rows",
            "info when: left out: 1970-01-01T00:00:00.000007Z in all 3 rows",
            "info y: left out: the same as `x` in all 3 rows",
            "info copied: left out: the same as `copy` in all 3 rows",
        ]
    );
    assert_eq!(said(&encode(&fitted, &data).notices), [""; 0]);
}

/// Where a value is present is information even if the value is not.
#[test]
fn constant_with_gaps_keeps_the_gaps() {
    for wants in [PLAIN, Wants { missing: Handles::Native, codes: Handles::Refuses }] {
        let data = table(vec![numbers("n", &[5.0, NAN]), category("c", &["", "a"])]);
        let (fitted, notices) = fit(&TableEncoder::default(), wants, &data);
        assert_eq!(names(fitted.value_origins()), ["n:missing", "c:missing"]);
        assert_eq!(encode(&fitted, &data).features.values, ndarray::array![[-1.0, 1.0], [1.0, -1.0]]);
        assert_eq!(
            said(&notices)[0],
            "info n: the value is left out: 5 wherever there is one (missing in 1 of 2 rows)"
        );
    }
    // A code column says it itself.
    let data = table(vec![category("c", &["", "a"])]);
    let (fitted, _) = fit(&TableEncoder::default(), NATIVE, &data);
    assert_eq!((fitted.value_origins().len(), fitted.code_origins().len()), (0, 1));
    assert_eq!(encode(&fitted, &data).features.n_values(), 0);
}

/// A column that is present in one of a thousand rows: the marks stay within ten units.
#[test]
fn marks_are_bounded() {
    let mut cells = vec![NAN; 1000];
    cells[3] = 1.0;
    let got = encoded(PLAIN, vec![numbers("n", &cells)]).features.values;
    assert_eq!(got[[3, 0]], -10.0);
    assert!((got[[0, 0]] - (0.001_f32 / 0.999).sqrt()).abs() < 1e-6);
}

#[test]
fn levels_that_are_equally_frequent_have_no_rarity() {
    let params = TableEncoder { categories: Categories::Frequency, ..TableEncoder::default() };
    let data = table(vec![numbers("x", &[1.0, 2.0]), category("c", &["a", "b"])]);
    let (fitted, notices) = fit(&params, PLAIN, &data);
    assert_eq!(names(fitted.value_origins()), ["x:value"]);
    assert_eq!(said(&notices), ["info c: left out: its 2 levels are equally frequent, so none is rare"]);
    let new = encode(&fitted, &table(vec![numbers("x", &[1.0]), category("c", &["z"])]));
    assert_eq!(
        said(&new.notices),
        ["handled c: is left out; 1 of 1 row hold a level unseen in training (such as `z` in row 1)"]
    );
}

#[test]
fn nothing_to_learn_from_names_every_reason() {
    let omitted = Column { name: "id".into(), kind: ColumnKind::Text, data: ColumnData::Omitted };
    assert_eq!(
        refusal(vec![numbers("a", &[1.0]), numbers("b", &[NAN]), omitted]),
        "no column is of use (`a`: the same in the only row; `b`: no value; `id`: left out when reading \
         (identifier, free text or ignored)); give columns that vary, or set types with --types"
    );
    assert_eq!(refusal(vec![]), "learning how to encode a table needs at least 1 row, but there are 0");
    let many: Vec<Column> = (0..30).map(|i| numbers(&format!("c{i}"), &[0.0, 0.0])).collect();
    assert!(refusal(many).contains("and 20 more"));
}

#[test]
fn codes_are_refused_where_the_method_refuses_them() {
    let params = TableEncoder { categories: Categories::Codes, ..TableEncoder::default() };
    let data = table(vec![category("c", &["a", "b"])]);
    let error = params.fit(&data, PLAIN, &Run::new(0)).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::BadParameter { .. }), "{error}");
}

#[test]
fn tables_put_together_wrongly_are_refused() {
    let Dataset::Table(mut inner) = table(vec![numbers("x", &[1.0, 2.0])]) else { unreachable!() };
    inner.n_rows = 3;
    let error =
        TableEncoder::default().fit(&Dataset::Table(inner), PLAIN, &Run::new(0)).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "column `x` has 2 rows, the table has 3");
}

#[test]
fn no_rows_give_no_features() {
    let data = table(vec![numbers("x", &[1.0, 2.0]), category("c", &["a", "b"])]);
    for wants in [PLAIN, NATIVE] {
        let (fitted, _) = fit(&TableEncoder::default(), wants, &data);
        let none = encode(&fitted, &table(vec![numbers("x", &[]), category("c", &[])]));
        assert_eq!(none.features.n_parts(), 0);
        assert_eq!(none.features.n_values(), fitted.value_origins().len());
        assert_eq!(said(&none.notices), [""; 0]);
    }
}

/// A large offset takes nothing from small differences.
#[test]
fn offsets_cost_nothing() {
    let rows = [3.0, 1.0, 4.0, 1.5, 9.0, 2.5];
    for scale in [Scale::Span, Scale::Robust, Scale::Standard, Scale::MinMax] {
        let params = TableEncoder { scale, ..TableEncoder::default() };
        let features = |offset: f64| {
            let data = table(vec![numbers("x", &rows.map(|x| x + offset))]);
            encode(&fit(&params, PLAIN, &data).0, &data).features.values
        };
        let plain = features(0.0);
        // Halves are exact at 1e12 and 1e15; only the mean may round.
        for offset in [1e12, -1e15] {
            let shifted = features(offset);
            plain.iter().zip(&shifted).for_each(|(a, b)| assert!((a - b).abs() < 0.05, "{scale:?} {a} {b}"));
            if scale != Scale::Standard {
                assert_eq!(plain, shifted);
            }
        }
    }
}

/// The largest and smallest numbers there are scale like any others.
#[test]
fn ends_of_the_range() {
    let rows = [-1.0, 0.0, 0.5, 1.0, -0.25, 0.75];
    for scale in [Scale::Span, Scale::Robust, Scale::Standard, Scale::MinMax] {
        let params = TableEncoder { scale, ..TableEncoder::default() };
        let features = |unit: f64| {
            let data = table(vec![numbers("x", &rows.map(|x| x * unit))]);
            encode(&fit(&params, PLAIN, &data).0, &data).features.values
        };
        let plain = features(1.0);
        for unit in [1e308, 1e-300, 1e200, f64::MIN_POSITIVE] {
            plain
                .iter()
                .zip(&features(unit))
                .for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{unit} {a} {b}"));
        }
    }
}

/// Beyond a million units the order stays and squares stay finite.
#[test]
fn wild_values_stay_finite_and_ordered() {
    for scale in [Scale::Span, Scale::Robust, Scale::Standard, Scale::MinMax, Scale::None] {
        let params = TableEncoder { scale, ..TableEncoder::default() };
        let (fitted, _) = fit(&params, PLAIN, &table(vec![numbers("x", &[1e-9, 2e-9, 3e-9, 4e-9])]));
        let wild = [-f64::MAX, -1e100, -1e7, 0.0, 1.0, 1e3, 1e9, 1e12, 1e18, 1e200, f64::MAX];
        let got = encode(&fitted, &table(vec![numbers("x", &wild)])).features.values;
        assert!(got.iter().all(|v| (v * v).is_finite()), "{scale:?} {got}");
        assert!(got.iter().zip(got.iter().skip(1)).all(|(a, b)| a < b), "{scale:?} {got}");
    }
}

/// Infinite cells are no numbers; they count as missing.
#[test]
fn infinities_are_missing() {
    let got =
        encoded(PLAIN, vec![numbers("x", &[1.0, f64::INFINITY, 3.0, f64::NEG_INFINITY])]).features.values;
    assert_eq!(got.column(1).to_vec(), [-1.0, 1.0, -1.0, 1.0]);
    assert!(got.iter().all(|v| v.is_finite()));
}

/// Many columns with one remark share a sentence.
#[test]
fn remarks_on_many_columns_are_one_sentence() {
    let mut columns: Vec<Column> = (0..25).map(|i| numbers(&format!("c{i}"), &[0.0, 0.0])).collect();
    columns.push(numbers("x", &[0.0, 1.0]));
    let (_, notices) = fit(&TableEncoder::default(), PLAIN, &table(columns));
    assert_eq!(
        said(&notices),
        [
            "info -: 25 columns (`c0`, `c1`, `c2`, `c3`, `c4`, `c5`, `c6`, `c7`, `c8`, `c9`, ...): left out: one value \
          in all rows that have one"
        ]
    );
}

#[test]
fn memory_limit_is_kept() {
    let data = table(vec![numbers("x", &[1.0, 2.0])]);
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &data);
    let error = fitted.encode(&data, &Run::new(0).with_max_memory(4)).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Budget { .. }), "{error}");
}
