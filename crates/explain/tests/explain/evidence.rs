//! What is said about rows whose story is known.

use anomalyst_core::{ColumnKind, Exactness, Expected, Run, Table};
use anomalyst_explain::{Depth, Explainer, Reference};

use crate::subjects::{Additive, OfNumbers, category_column, explain, number_column};

/// Forty birds of 3000 to 4950 g, twenty of each sex, one without, and one of 9300 g.
fn birds() -> Table {
    let mut mass: Vec<f64> = (0..40).map(|i| 3000.0 + 50.0 * f64::from(i)).collect();
    let mut sex: Vec<&str> = (0..40).map(|i| if i % 2 == 0 { "male" } else { "female" }).collect();
    sex[10] = "";
    mass.push(9300.0);
    sex.push("unknown");
    Table::new(vec![number_column("Body Mass (g)", mass), category_column("Sex", &sex)]).unwrap()
}

#[test]
fn a_wild_value_and_an_unseen_level() {
    let table = birds();
    let reference = Reference::learn(&table, |row| row != 40, &Run::new(0)).unwrap();
    let subject = Additive::learn(&table.take(&(0..40).collect::<Vec<_>>()), true);
    let evidence = explain(&subject, &reference, (&table, &[40]), 20.0, Depth::Full).remove(0);
    assert_eq!(
        evidence.sentence,
        "Body Mass (g) is 9300, above all normal rows (usual 3050 to 4900), and Sex is unknown, as in none of the \
         normal rows (mostly female or male)."
    );
    assert_eq!(evidence.exactness, Exactness::Exact);
    let shares: f32 = evidence.columns.iter().map(|c| c.share).sum();
    assert!((shares - 1.0).abs() < 1e-6 && evidence.columns[0].share > 0.7);
    assert_eq!(
        evidence.columns[0].expected,
        Expected::Range { low: "3050".into(), typical: "4000".into(), high: "4900".into(), tail: 0.0 }
    );
    // All sexes differ from `unknown` and all masses by more than the usual range, so the first row is taken.
    let nearest = evidence.nearest_normal.unwrap();
    assert_eq!((nearest.row, nearest.name.as_str()), (0, "1"));
    assert_eq!(nearest.values, ["3000", "male"]);
    // One change is enough, and it goes only as far as it must, in whole grams.
    let counterfactual = evidence.counterfactual.unwrap();
    assert!(counterfactual.score < 20.0);
    assert_eq!(counterfactual.changes.len(), 1);
    let change = &counterfactual.changes[0];
    assert_eq!((change.column.as_str(), change.from.as_str()), ("Body Mass (g)", "9300"));
    let to: f64 = change.to.parse().unwrap();
    assert!(to == to.trunc() && (5500.0..6200.0).contains(&to), "{to}");
}

/// A + B is 10 in every normal row; (2, 2) has two ordinary values that never meet.
#[test]
fn a_combination_is_named_as_one() {
    let a: Vec<f64> = (0..=10).cycle().take(110).map(f64::from).chain([2.0]).collect();
    let b: Vec<f64> = (0..=10).cycle().take(110).map(|v| 10.0 - f64::from(v)).chain([2.0]).collect();
    let table = Table::new(vec![number_column("A", a), number_column("B", b)]).unwrap();
    let reference = Reference::learn(&table, |row| row < 110, &Run::new(0)).unwrap();
    let subject = OfNumbers { columns: vec!["A", "B"], score: |row: &[f64]| (row[0] + row[1] - 10.0).abs() };
    let evidence = explain(&subject, &reference, (&table, &[110]), 1.0, Depth::Full).remove(0);
    assert_eq!(evidence.exactness, Exactness::Ablation);
    // The first of the nearest rows, (5, 5), is three steps of a usual range of ten away in both; (2, 8) is six in
    // one: as near, and it comes first.
    assert_eq!(
        evidence.sentence,
        "A = 2 and B = 2 are not unusual by themselves, but their combination is (nearest normal row 3 has B = 8)."
    );
    let counterfactual = evidence.counterfactual.unwrap();
    assert_eq!(counterfactual.changes.len(), 1);
    assert_eq!((counterfactual.changes[0].to.as_str(), counterfactual.score), ("8", 0.0));
}

/// The score needs both numbers below 3: one change is not enough, and a third column is not needed.
#[test]
fn changes_are_as_few_and_small_as_they_can_be() {
    let cell = |v: f64| (0..20).map(|i| f64::from(i) / 20.0).chain([v]).collect();
    let table = Table::new(vec![
        number_column("a", cell(50.0)),
        number_column("b", cell(80.0)),
        number_column("c", cell(9.0)),
    ])
    .unwrap();
    let reference = Reference::learn(&table, |row| row < 20, &Run::new(0)).unwrap();
    let subject = OfNumbers {
        columns: vec!["a", "b", "c"],
        score: |row: &[f64]| row[0].max(row[1]) + row[2] / 1_000.0,
    };
    let evidence = explain(&subject, &reference, (&table, &[20]), 3.0, Depth::Full).remove(0);
    let counterfactual = evidence.counterfactual.unwrap();
    let mut changed: Vec<_> = counterfactual.changes.iter().map(|c| c.column.as_str()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["a", "b"]);
    // Both move by the same share of their way, to just below 3; the score is that of the values shown.
    assert!(counterfactual.score < 3.0 && counterfactual.score > 2.0, "{}", counterfactual.score);
    let shown = counterfactual.changes.iter().map(|c| c.to.parse::<f64>().unwrap()).fold(0.0, f64::max);
    assert!((shown + 0.009 - f64::from(counterfactual.score)).abs() < 1e-6);
}

#[test]
fn no_change_is_claimed_where_none_was_found() {
    let table = birds();
    let reference = Reference::learn(&table, |row| row != 40, &Run::new(0)).unwrap();
    let subject = OfNumbers { columns: vec![], score: |_: &[f64]| 5.0 };
    let evidence = explain(&subject, &reference, (&table, &[40, 0]), 1.0, Depth::Full);
    assert_eq!(evidence[0].counterfactual, None);
    assert_eq!(evidence[0].sentence, "No single column stands out; the row is judged as a whole.");
    // The row itself is not its own neighbour.
    assert_ne!(evidence[1].nearest_normal.as_ref().unwrap().row, 0);
}

#[test]
fn rows_below_the_threshold_are_not_called_odd() {
    let table = birds();
    let reference = Reference::learn(&table, |row| row != 40, &Run::new(0)).unwrap();
    let subject = Additive::learn(&table.take(&(0..40).collect::<Vec<_>>()), true);
    let evidence = explain(&subject, &reference, (&table, &[39]), 20.0, Depth::Full).remove(0);
    assert!(evidence.sentence.starts_with("The score is below the threshold; most of it comes from Body"));
    assert_eq!(evidence.counterfactual, None);
}

/// Columns in another order, levels with other codes: the same evidence, apart from the order of equals.
#[test]
fn columns_are_found_by_name_and_levels_by_theirs() {
    let table = birds();
    let reference = Reference::learn(&table, |row| row != 40, &Run::new(0)).unwrap();
    let subject = OfNumbers { columns: vec!["Body Mass (g)"], score: |row: &[f64]| (row[0] - 4000.0).abs() };
    let other = Table::new(vec![
        category_column("Sex", &["unknown", "male"]),
        number_column("New", vec![1.0, 1.0]),
        number_column("Body Mass (g)", vec![9300.0, 4000.0]),
    ])
    .unwrap();
    let here = explain(&subject, &reference, (&table, &[40]), 2000.0, Depth::Full).remove(0);
    let there = explain(&subject, &reference, (&other, &[0]), 2000.0, Depth::Full).remove(0);
    assert_eq!(here, there);
    assert_eq!(there.columns.len(), 1);
}

#[test]
fn times_are_written_as_dates() {
    let day = 86_400_000_000_i64;
    let at = (0..50).map(|i| 18_000 * day + i * day).chain([25_000 * day]).collect();
    let column = anomalyst_core::Column {
        name: "At".into(),
        kind: ColumnKind::Timestamp,
        data: anomalyst_core::ColumnData::Times(at),
    };
    struct LateTimes;
    impl anomalyst_explain::Subject for LateTimes {
        fn score(&self, table: &Table, _: &Run) -> anomalyst_core::Result<Vec<f32>> {
            let anomalyst_core::ColumnData::Times(cells) = &table.columns[0].data else { panic!() };
            Ok(cells.iter().map(|v| (v / 86_400_000_000 - 18_000) as f32).collect())
        }
        fn attribute(&self, _: &Table, _: &Run) -> anomalyst_core::Result<Option<ndarray::Array2<f32>>> {
            Ok(None)
        }
    }
    let table = Table::new(vec![column]).unwrap();
    let reference = Reference::learn(&table, |row| row < 50, &Run::new(0)).unwrap();
    let evidence = explain(&LateTimes, &reference, (&table, &[50]), 100.0, Depth::Full).remove(0);
    assert_eq!(
        evidence.sentence,
        "At is 2038-06-13, after all normal rows (usual 2019-04-15 to 2019-06-01)."
    );
    let change = &evidence.counterfactual.unwrap().changes[0];
    assert!(change.to.len() == 10 && change.to.starts_with("2019-0"), "{}", change.to);
}

#[test]
fn evidence_depends_neither_on_threads_nor_on_company() {
    let table = birds();
    let reference = Reference::learn(&table, |row| row != 40, &Run::new(0)).unwrap();
    let subject = Additive::learn(&table, false);
    let rows: Vec<usize> = (0..41).rev().collect();
    let scores = anomalyst_explain::Subject::score(&subject, &table, &Run::new(0)).unwrap();
    let explainer = Explainer { subject: &subject, reference: &reference, threshold: 3.0 };
    let explain = |rows: &[usize], threads| {
        let run = Run::new(0).with_threads(threads);
        explainer.explain(&table, rows, &scores, Depth::Full, &run).unwrap()
    };
    let together = explain(&rows, 1);
    assert_eq!(together, explain(&rows, 4));
    for (i, &row) in rows.iter().enumerate().step_by(7) {
        assert_eq!(explain(&[row], 2)[0], together[i]);
    }
}
