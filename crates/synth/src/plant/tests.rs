//! Exact shares, closed forms of each kind, tables of all columns, and degenerate rows.

use std::sync::Arc;

use super::*;
use anomalyst_core::{Column, ColumnKind};
use anomalyst_testkit::normal_rows;
use ndarray::{Axis, array, s};
use proptest::prelude::*;

fn moments(cells: impl IntoIterator<Item = f32>) -> (f64, f64) {
    let moments: Moments = cells.into_iter().map(f64::from).collect();
    (moments.mean(), moments.variance())
}

fn planted(values: &Array2<f32>, kind: Kind, share: f64) -> Array2<f32> {
    let (all, _) = plant(values.view(), kind, share, &Run::new(3)).unwrap();
    all.slice(s![values.nrows().., ..]).to_owned()
}

proptest! {
    /// The nearest share that whole rows can have; given rows stay as they are, labels say which they are.
    #[test]
    fn shares_are_exact(n in 2..120_usize, share in 0.001..0.5_f64, kind in 0..4_usize) {
        let values = normal_rows(n, 2, 7);
        let (all, labels) = plant(values.view(), Kind::ALL[kind], share, &Run::new(1)).unwrap();
        let m = all.nrows() - n;
        let off = |m: usize| (m as f64 / (n + m) as f64 - share).abs();
        prop_assert!(m >= 1 && m <= n);
        prop_assert!(m == 1 || off(m) <= off(m - 1) + 0.5 / n as f64);
        prop_assert!((m as f64 - share * n as f64 / (1.0 - share)).abs() <= 0.5 || m == 1);
        prop_assert_eq!(all.slice(s![..n, ..]), values.view());
        prop_assert!(labels[..n].iter().all(|l| *l == Label::Normal) && labels[n..].iter().all(|l| *l == Label::Anomalous));
        prop_assert!(all.iter().all(|v| v.is_finite()));
    }
}

/// One cloud: covariances five-fold about the same mean. Standard errors of 2,000 rows: 0.05 of a mean, 0.16 of a
/// variance of 5.
#[test]
fn local_rows_have_the_covariance_times_five() {
    let rows = normal_rows(2000, 2, 1);
    let mut values = rows.clone();
    // Correlated, in other units, away from 0.
    values.column_mut(1).zip_mut_with(&rows.column(0), |v, x| *v = 100.0 + 10.0 * (0.6 * *v + 0.8 * x));
    let planted = planted(&values, Kind::Local, 0.5);
    for j in 0..2 {
        let ((mean, variance), (own_mean, own)) =
            (moments(planted.column(j).to_vec()), moments(values.column(j).to_vec()));
        assert!((variance / own - 5.0).abs() < 0.6, "{variance} {own}");
        assert!((mean - own_mean).abs() < 0.2 * own.sqrt(), "{mean} {own_mean}");
    }
    let standard = |values: &Array2<f32>, j: usize| -> Vec<f64> {
        let (mean, variance) = moments(values.column(j).to_vec());
        values.column(j).iter().map(|v| (f64::from(*v) - mean) / variance.sqrt()).collect()
    };
    let correlation: f64 =
        standard(&planted, 0).iter().zip(standard(&planted, 1)).map(|(a, b)| a * b).sum::<f64>() / 2000.0;
    assert!((correlation - 0.8).abs() < 0.05, "{correlation}");
}

/// Means five times as far from the least value, covariances as they were.
#[test]
fn cluster_rows_are_as_close_but_elsewhere() {
    let values = normal_rows(2000, 2, 1);
    let planted = planted(&values, Kind::Cluster, 0.5);
    for j in 0..2 {
        let low = values.column(j).iter().copied().fold(f32::INFINITY, f32::min);
        let (mean, variance) = moments(planted.column(j).to_vec());
        let (own_mean, own) = moments(values.column(j).to_vec());
        let want = f64::from(low) + 5.0 * (own_mean - f64::from(low));
        assert!((mean - want).abs() < 0.2 && (variance / own - 1.0).abs() < 0.15, "{mean} {want} {variance}");
    }
}

/// Uniform within 1.1 times half the range about its middle.
#[test]
fn global_rows_are_uniform() {
    let values = Array2::from_shape_fn((1000, 1), |(i, _)| 100.0 + (i % 101) as f32);
    let planted = planted(&values, Kind::Global, 0.5);
    let (mean, variance) = moments(planted.iter().copied());
    assert!(
        planted.iter().all(|v| (95.0..=205.0).contains(v))
            && planted.iter().any(|v| *v > 200.0 || *v < 100.0)
    );
    // Half range 55: variance 55^2 / 3, its standard error 2.8 %, that of the mean 1.
    assert!(
        (mean - 150.0).abs() < 5.0 && (variance / (55.0 * 55.0 / 3.0) - 1.0).abs() < 0.12,
        "{mean} {variance}"
    );
}

/// Each column keeps its values, and two columns that are equal become independent.
#[test]
fn dependency_rows_keep_columns_and_lose_relations() {
    let values = Array2::from_shape_fn((500, 2), |(i, _)| (i % 10) as f32);
    let planted = planted(&values, Kind::Dependency, 0.5);
    assert!(planted.iter().all(|v| v.fract() == 0.0 && (0.0..10.0).contains(v)));
    let equal = planted.outer_iter().filter(|row| row[0] == row[1]).count();
    // 500 rows, each equal with probability 0.1: five standard errors are 34.
    assert!((16..84).contains(&equal), "{equal}");
}

/// Two far clouds of levels of their own: local and cluster rows keep the level of their cloud.
fn mixed(n: usize) -> Table {
    let noise = normal_rows(n, 2, 5);
    let far = |i: usize| if i.is_multiple_of(3) { 200.0 } else { 0.0 };
    let number = |name: &str, cells: Vec<f64>| Column {
        name: name.into(),
        kind: ColumnKind::Number,
        data: ColumnData::Numbers(cells),
    };
    let holed =
        |i: usize| if i % 10 == 4 { f64::NAN } else { (10.0 * f64::from(noise[[i, 1]])).round() + far(i) };
    let codes: Vec<u32> =
        (0..n).map(|i| if i % 8 == 7 { MISSING_CODE } else { u32::from(i % 3 == 0) }).collect();
    let levels = Arc::new(vec!["near".to_owned(), "far".to_owned(), "never".to_owned()]);
    let times = (0..n).map(|i| 3_600_000_000 * (i as i64 % 50)).collect();
    let mut table = Table::new(vec![
        number("x", (0..n).map(|i| f64::from(noise[[i, 0]]) + far(i)).collect()),
        number("whole", (0..n).map(holed).collect()),
        number("one", vec![7.25; n]),
        Column {
            name: "level".into(),
            kind: ColumnKind::Category,
            data: ColumnData::Codes { codes, levels },
        },
        Column { name: "time".into(), kind: ColumnKind::Timestamp, data: ColumnData::Times(times) },
        Column { name: "text".into(), kind: ColumnKind::Text, data: ColumnData::Omitted },
    ])
    .unwrap();
    table.ids = Some((0..n).map(|i| format!("r{i}")).collect());
    table
}

fn planting(kinds: &[Kind], share: f64) -> Planting {
    Planting { kinds: kinds.to_vec(), share, factor: None }
}

/// Rows that were planted.
fn only_planted(planted: &Planted) -> Table {
    let rows: Vec<usize> = (0..planted.kinds.len()).filter(|&i| planted.kinds[i].is_some()).collect();
    planted.table.take(&rows)
}

#[test]
fn tables_of_all_columns() {
    let table = mixed(300);
    for kind in Kind::ALL {
        let (planted, notices) = plant_table(&table, &planting(&[kind], 0.25), &Run::new(2)).unwrap();
        assert!(notices.0.iter().any(|n| n.column.as_deref() == Some("text")), "{notices:?}");
        assert_eq!((planted.table.n_rows, planted.table.columns.len()), (400, 5));
        let own = only_planted(&planted);
        let of = |name: &str| &own.column(name).unwrap().data;
        let ColumnData::Numbers(x) = of("x") else { panic!() };
        let ColumnData::Numbers(whole) = of("whole") else { panic!() };
        let ColumnData::Numbers(one) = of("one") else { panic!() };
        let ColumnData::Codes { codes, .. } = of("level") else { panic!() };
        let ColumnData::Times(times) = of("time") else { panic!() };
        assert!(whole.iter().all(|v| v.is_nan() || v.fract() == 0.0), "{kind}");
        let n_missing = whole.iter().filter(|v| v.is_nan()).count();
        assert!((1..30).contains(&n_missing), "{kind} {n_missing}");
        assert!(one.iter().all(|v| *v == 7.25), "{kind}");
        assert!(
            codes.iter().all(|c| *c < 2 || *c == MISSING_CODE) && codes.contains(&MISSING_CODE),
            "{kind}"
        );
        assert!(
            times.iter().all(|t| t % 3_600_000_000 == 0 && (0..50 * 3_600_000_000).contains(t)),
            "{kind}"
        );
        if kind == Kind::Local {
            let strays = x.iter().zip(codes).filter(|(x, c)| **c < 2 && (**x > 100.0) != (**c == 1)).count();
            assert_eq!(strays, 0);
        }
        if kind == Kind::Dependency {
            let strays = x.iter().zip(codes).filter(|(x, c)| **c < 2 && (**x > 100.0) != (**c == 1)).count();
            assert!(strays > 20, "{strays}");
        }
        // Normal rows keep their order and cells, and planted ones stand between them.
        let normal: Vec<usize> = (0..400).filter(|&i| planted.kinds[i].is_none()).collect();
        assert_eq!(planted.table.take(&normal).ids, table.ids);
        let first_half = planted.kinds[..200].iter().filter(|kind| kind.is_some()).count();
        assert!((25..75).contains(&first_half), "{first_half}");
        assert!(own.ids.unwrap().iter().all(|id| id.starts_with("planted ")));
    }
}

#[test]
fn kinds_share_equally_and_files_say_which() {
    let table = mixed(200);
    let (planted, _) = plant_table(&table, &planting(&Kind::ALL, 0.1), &Run::new(2)).unwrap();
    let count = |kind| planted.kinds.iter().filter(|k| **k == Some(kind)).count();
    assert_eq!(Kind::ALL.map(count), [6, 6, 5, 5]);
    let kinds = planted.kinds.clone();
    let file = planted.into_labelled("name").unwrap();
    let names: Vec<&str> = file.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["name", "x", "whole", "one", "level", "time", "label", "anomaly"]);
    for (row, kind) in kinds.iter().enumerate() {
        let text = |name: &str| file.column(name).unwrap().data.text(row);
        assert_eq!(text("label"), if kind.is_some() { "1" } else { "0" });
        assert_eq!(text("anomaly"), kind.map_or("normal", Kind::as_str));
    }
}

#[test]
fn known_anomalies_are_left_out() {
    let mut table = mixed(60);
    table.labels = Some((0..60).map(|i| if i < 10 { Label::Anomalous } else { Label::Unknown }).collect());
    let (planted, notices) = plant_table(&table, &planting(&[Kind::Global], 0.2), &Run::new(2)).unwrap();
    assert_eq!(planted.kinds.iter().filter(|k| k.is_none()).count(), 50);
    assert!(notices.0.iter().any(|n| n.message.contains("10 of 60 rows")));
    assert!(!planted.table.ids.unwrap().contains(&"r3".to_owned()));
}

#[test]
fn seeds_decide_and_threads_do_not() {
    let of = |seed, threads| {
        let run = Run::new(seed).with_threads(threads);
        let plan = planting(&Kind::ALL, 0.2);
        format!("{:?}", run.install(|| plant_table(&mixed(300), &plan, &run)).unwrap().0.table.columns)
    };
    assert!(of(1, 1) == of(1, 3) && of(1, 1) != of(2, 1));
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    for values in [
        Array2::from_elem((5, 3), 2.0),
        Array2::from_shape_fn((6, 30), |(i, j)| (i * j) as f32),
        array![[3e38, 1e-38], [-3e38, -1e-38], [0.0, 0.0]],
        array![[f32::NAN, 1.0], [f32::NAN, 2.0], [f32::NAN, f32::NAN]],
        Array2::zeros((4, 0)),
    ] {
        for kind in Kind::ALL {
            let (all, _) = plant(values.view(), kind, 0.5, &run).unwrap();
            assert!(all.iter().all(|v| !v.is_infinite()), "{kind} {all}");
            // Nothing is missing that never was, and what is always missing stays so.
            for (column, cells) in all.axis_iter(Axis(1)).zip(values.columns()) {
                assert_eq!(
                    column.iter().any(|v| v.is_nan()),
                    cells.iter().any(|v| v.is_nan()),
                    "{kind} {all}"
                );
            }
        }
    }
    assert!(plant(array![[1.0], [f32::INFINITY]].view(), Kind::Local, 0.1, &run).is_err());
}

#[test]
fn wrong_use_is_said() {
    let (table, run) = (mixed(30), Run::new(0));
    let fails = |table: &Table, plan: &Planting| plant_table(table, plan, &run).unwrap_err().to_string();
    for share in [0.0, -1.0, 0.6, f64::NAN] {
        assert!(fails(&table, &planting(&[Kind::Local], share)).contains("share"));
    }
    assert!(fails(&table.take(&[0]), &planting(&[Kind::Local], 0.1)).contains("at least 2 rows"));
    assert!(fails(&table, &planting(&[], 0.1)).contains("kind"));
    assert!(fails(&table, &planting(&[Kind::Local, Kind::Local], 0.1)).contains("twice"));
    assert!(
        fails(&table, &Planting { factor: Some(0.0), ..planting(&[Kind::Local], 0.1) }).contains("factor")
    );
    let factor = Planting { factor: Some(2.0), ..planting(&[Kind::Dependency], 0.1) };
    assert!(fails(&table, &factor).contains("no strength"));
    let levels = Table::new(vec![table.columns[3].clone()]).unwrap();
    assert!(fails(&levels, &planting(&[Kind::Cluster], 0.1)).contains("dependency"));
    assert!(plant_table(&levels, &planting(&[Kind::Global, Kind::Dependency], 0.1), &run).is_ok());
    assert!(
        fails(&Table::new(vec![table.columns[5].clone()]).unwrap(), &planting(&[Kind::Global], 0.1))
            .contains("--types")
    );
    let small = Run::new(0).with_max_memory(100);
    assert!(
        plant_table(&table, &planting(&[Kind::Global], 0.1), &small)
            .unwrap_err()
            .to_string()
            .contains("memory")
    );
    run.cancel().set();
    assert!(matches!(plant_table(&table, &planting(&[Kind::Local], 0.1), &run), Err(Error::Cancelled)));
}
