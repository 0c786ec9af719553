//! Tables with little or nothing in them, and subjects that break their word.

use anomalyst_core::{Cancel, Error, Expected, Result, Run, Table};
use anomalyst_explain::{Depth, Explainer, Reference, Subject};
use ndarray::Array2;

use crate::subjects::{OfNumbers, category_column, explain, number_column};

fn sum_of_known() -> impl Subject {
    OfNumbers {
        columns: vec!["x", "constant"],
        score: |row: &[f64]| row.iter().filter(|v| !v.is_nan()).map(|v| v.abs()).sum::<f64>(),
    }
}

fn table(n: usize) -> Table {
    let number = |i: usize| if i % 5 == 4 { f64::NAN } else { i as f64 };
    let kinds: Vec<&str> = (0..n).map(|i| if i % 5 == 4 { "" } else { "a" }).collect();
    Table::new(vec![
        number_column("x", (0..n).map(number).collect()),
        number_column("constant", vec![1.0; n]),
        number_column("empty", vec![f64::NAN; n]),
        category_column("kind", &kinds),
    ])
    .unwrap()
}

#[test]
fn few_rows_and_empty_columns_have_answers() {
    for n in [0, 1, 2, 10] {
        let table = table(n);
        let reference = Reference::learn(&table, |_| true, &Run::new(0)).unwrap();
        let rows: Vec<usize> = (0..n).collect();
        for depth in [Depth::Brief, Depth::Full] {
            let evidence = explain(&sum_of_known(), &reference, (&table, &rows), 1.5, depth);
            assert_eq!(evidence.len(), n);
            for evidence in evidence {
                assert!(evidence.sentence.ends_with('.'), "{}", evidence.sentence);
                assert!(evidence.columns.iter().all(|c| c.share > 0.0 && c.share <= 1.0));
            }
        }
    }
}

/// A reference without any row knows nothing, and says so.
#[test]
fn an_empty_reference_expects_nothing() {
    let reference = Reference::learn(&table(0), |_| true, &Run::new(0)).unwrap();
    struct Exact;
    impl Subject for Exact {
        fn score(&self, table: &Table, _: &Run) -> Result<Vec<f32>> {
            Ok(vec![9.0; table.n_rows])
        }
        fn attribute(&self, table: &Table, _: &Run) -> Result<Option<Array2<f32>>> {
            let mut values = Array2::from_elem((table.n_rows, table.columns.len()), -1.0);
            values.column_mut(0).fill(f32::INFINITY);
            values.column_mut(1).fill(f32::NAN);
            Ok(Some(values))
        }
    }
    let evidence = explain(&Exact, &reference, (&table(3), &[2]), 1.0, Depth::Full).remove(0);
    assert_eq!((evidence.columns.len(), evidence.columns[0].share), (1, 1.0));
    assert_eq!(evidence.columns[0].expected, Expected::Missing { missing: 1.0 });
    assert_eq!((evidence.nearest_normal, evidence.counterfactual), (None, None));
}

#[test]
fn without_normal_rows_all_rows_are_usual() {
    let table = table(10);
    let reference = Reference::learn(&table, |_| false, &Run::new(0)).unwrap();
    assert!(!reference.only_normal());
    assert_eq!(reference.n_rows(), 10);
    let evidence = explain(&sum_of_known(), &reference, (&table, &[8]), 1.0, Depth::Brief).remove(0);
    assert!(!evidence.sentence.contains("normal rows"), "{}", evidence.sentence);
}

#[test]
fn broken_subjects_and_wrong_calls_are_errors() {
    struct Short;
    impl Subject for Short {
        fn score(&self, _: &Table, _: &Run) -> Result<Vec<f32>> {
            Ok(vec![1.0])
        }
        fn attribute(&self, table: &Table, _: &Run) -> Result<Option<Array2<f32>>> {
            Ok((table.n_rows > 2).then(|| Array2::zeros((1, 1))))
        }
    }
    let table = table(5);
    let run = Run::new(0);
    let reference = Reference::learn(&table, |_| true, &run).unwrap();
    let explainer = Explainer { subject: &Short, reference: &reference, threshold: 0.0 };
    let explain = |rows: &[usize], scores: &[f32], run: &Run| {
        explainer.explain(&table, rows, scores, Depth::Full, run).unwrap_err()
    };
    assert!(matches!(explain(&[0, 1], &[1.0; 5], &run), Error::Numeric { .. }));
    assert!(matches!(explain(&[0, 1, 2], &[1.0; 5], &run), Error::Numeric { .. }));
    assert!(matches!(explain(&[5], &[1.0; 5], &run), Error::Data(_)));
    assert!(matches!(explain(&[0], &[1.0; 4], &run), Error::Data(_)));
    let cancel = Cancel::default();
    cancel.set();
    assert!(matches!(explain(&[0], &[1.0; 5], &run.with_cancel(cancel)), Error::Cancelled));
}

/// Of 2,000 columns only the oddest are tried, and the wild one is among them; memory stays bounded.
#[test]
fn wide_tables_are_ablated_where_it_matters() {
    let mut columns: Vec<_> = (0..2_000)
        .map(|j| number_column(&format!("c{j}"), (0..30).map(|i| f64::from((i * 7 + j) % 30)).collect()))
        .collect();
    columns[1_234] =
        number_column("wild", (0..30).map(|i| if i == 29 { 1e6 } else { f64::from(i) }).collect());
    let table = Table::new(columns).unwrap();
    let reference = Reference::learn(&table, |row| row < 29, &Run::new(0)).unwrap();
    let subject = OfNumbers { columns: vec!["wild"], score: |row: &[f64]| row[0] };
    let evidence = explain(&subject, &reference, (&table, &[29]), 100.0, Depth::Full).remove(0);
    assert_eq!(evidence.columns.len(), 1);
    assert!(evidence.sentence.starts_with("Wild is 1000000, above all normal rows"), "{}", evidence.sentence);
    assert_eq!(evidence.counterfactual.unwrap().changes.len(), 1);
}
