//! Segments between neighbours, the expectation of what is drawn, imbalanced-learn's numbers, and a learner that gains.

use std::sync::Arc;

use super::*;
use anomalyst_core::ColumnKind;
use anomalyst_testkit::normal_rows;
use proptest::prelude::*;

fn numbers(cells: &Array2<f64>) -> Table {
    Table::from_matrix(cells)
}

fn labels(n_rare: usize, n: usize) -> Option<Vec<Label>> {
    Some((0..n).map(|i| if i < n_rare { Label::Anomalous } else { Label::Normal }).collect())
}

fn matrix(table: &Table, rows: impl Iterator<Item = usize>) -> Vec<Vec<f64>> {
    let cell = |column: &Column, row: usize| match &column.data {
        ColumnData::Numbers(cells) => cells[row],
        _ => panic!("numbers only"),
    };
    rows.map(|row| table.columns.iter().map(|column| cell(column, row)).collect()).collect()
}

/// The k nearest others in columns divided by their deviation, by looking at all; ties count as near.
fn near(rows: &[Vec<f64>], k: usize) -> Vec<Vec<usize>> {
    let d = rows[0].len();
    let unit: Vec<f64> = (0..d)
        .map(|j| rows.iter().map(|row| row[j]).collect::<Moments>().std_dev())
        .map(|s| if s > 0.0 { 1.0 / s } else { 0.0 })
        .collect();
    let distance =
        |a: &[f64], b: &[f64]| (0..d).map(|j| ((a[j] - b[j]) * unit[j]).powi(2)).sum::<f64>().sqrt();
    let of = |i: usize| {
        let mut others: Vec<(f64, usize)> =
            (0..rows.len()).filter(|&j| j != i).map(|j| (distance(&rows[i], &rows[j]), j)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        let last = others[k.min(others.len()) - 1].0 * (1.0 + 1e-5) + 1e-5;
        others.into_iter().take_while(|(d, _)| *d <= last).map(|(_, j)| j).collect()
    };
    (0..rows.len()).map(of).collect()
}

/// Whether `new` is `a + u (b - a)` for one `u` between 0 and 1.
fn is_between(new: &[f64], a: &[f64], b: &[f64]) -> bool {
    let widest =
        (0..a.len()).max_by(|&i, &j| (b[i] - a[i]).abs().total_cmp(&(b[j] - a[j]).abs())).unwrap_or(0);
    let span = b[widest] - a[widest];
    let u = if span == 0.0 { 0.0 } else { (new[widest] - a[widest]) / span };
    (-1e-9..=1.0 + 1e-9).contains(&u)
        && (0..a.len())
            .all(|j| (new[j] - (a[j] + u * (b[j] - a[j]))).abs() <= 1e-9 * (1.0 + a[j].abs() + b[j].abs()))
}

proptest! {
    /// Every new row lies on a segment between a rare row and one of its k nearest; counts are those asked for; rows that
    /// were there stay as they are.
    #[test]
    fn new_rows_lie_between_neighbours(
        n_rare in 2..15_usize, n_common in 15..40_usize, k in 1..8_usize, share in 0.5..0.8_f64, seed in 0..100_u64,
        cells in prop::collection::vec(prop_oneof![(-3..3_i8).prop_map(f64::from), -5.0..5.0_f64], 165),
    ) {
        let n = n_rare + n_common;
        let mut table = numbers(&Array2::from_shape_fn((n, 3), |(i, j)| cells[i * 3 + j] * [1.0, 1000.0, 1e-3][j]));
        table.labels = labels(n_rare, n);
        let params = Smote { n_neighbors: k, share, keep: 1.0 };
        let (made, _) = smote(&table, &params, &Run::new(seed)).unwrap();
        let wanted = (share * n_common as f64 / (1.0 - share)).round() as usize;
        prop_assert_eq!(made.is_new.iter().filter(|new| **new).count(), wanted - n_rare);
        prop_assert_eq!(matrix(&made.table, 0..n), matrix(&table, 0..n));
        let rare = matrix(&table, 0..n_rare);
        let near = near(&rare, k);
        for new in matrix(&made.table, n..made.table.n_rows) {
            let found = (0..n_rare).any(|i| near[i].iter().any(|&j| is_between(&new, &rare[i], &rare[j])));
            prop_assert!(found, "{:?} among {:?}", new, rare);
        }
    }
}

/// Twelve rare rows in columns of deviation 1, with levels `a`, `b`, `c`.
fn twelve() -> (Vec<[f64; 2]>, Vec<u32>) {
    let raw: Vec<[f64; 2]> = (0..12).map(|i| [(i * 5 % 12) as f64, (i * i % 7) as f64]).collect();
    let std_dev = |j: usize| raw.iter().map(|row| row[j]).collect::<Moments>().std_dev();
    let unit = [std_dev(0), std_dev(1)];
    (
        raw.iter().map(|row| [row[0] / unit[0], row[1] / unit[1]]).collect(),
        (0..12).map(|i| i * i % 3 + i % 2).collect(),
    )
}

fn twelve_among_many(with_levels: bool) -> Table {
    let (rows, codes) = twelve();
    let n = 4012;
    let mut table =
        numbers(&Array2::from_shape_fn((n, 2), |(i, j)| if i < 12 { rows[i][j] } else { 50.0 + i as f64 }));
    if with_levels {
        let codes = (0..n).map(|i| if i < 12 { codes[i] } else { 0 }).collect();
        let levels = Arc::new(["a", "b", "c"].map(str::to_owned).to_vec());
        let data = ColumnData::Codes { codes, levels };
        table.columns.push(Column { name: "c".into(), kind: ColumnKind::Category, data });
    }
    table.labels = labels(12, n);
    table
}

/// imbalanced-learn 0.14.0 through `golden/smote.py`: mean and variance of 200,000 new rows, and shares of levels. Ours
/// are 3,988 rows: five standard errors are 0.08 of a mean, a tenth of a variance, 0.04 of a share.
#[test]
fn matches_imbalanced_learn() {
    let moments_of = |table: &Table, j: usize| -> Moments {
        matrix(&Table::new(table.columns[..2].to_vec()).unwrap(), 4012..table.n_rows)
            .iter()
            .map(|row| row[j])
            .collect()
    };
    let (made, _) = smote(&twelve_among_many(false), &Smote::default(), &Run::new(1)).unwrap();
    for (j, (mean, variance)) in REFERENCE.into_iter().enumerate() {
        let got = moments_of(&made.table, j);
        assert!((got.mean() - mean).abs() < 0.08, "{j}: {} {mean}", got.mean());
        assert!((got.variance() / variance - 1.0).abs() < 0.1, "{j}: {} {variance}", got.variance());
    }
    let (made, _) = smote(&twelve_among_many(true), &Smote::default(), &Run::new(1)).unwrap();
    for (j, (mean, variance)) in REFERENCE_WITH_LEVELS.into_iter().enumerate() {
        let got = moments_of(&made.table, j);
        assert!((got.mean() - mean).abs() < 0.08, "{j}: {} {mean}", got.mean());
        assert!((got.variance() / variance - 1.0).abs() < 0.1, "{j}: {} {variance}", got.variance());
    }
}

/// Levels of new rows are the commonest of the neighbours, the own one where it is among the commonest.
#[test]
fn levels_are_the_commonest_of_neighbours() {
    let near = ndarray::array![[1, 2, 3, 4]];
    let of = |codes: [u32; 5]| commonest(&codes, 0, near.row(0));
    assert_eq!(of([0, 1, 1, 2, 2]), 1);
    assert_eq!(of([2, 1, 1, 2, 2]), 2);
    assert_eq!(of([0, 3, 1, 3, 1]), 3);
    assert_eq!(of([0, 3, 3, 3, 0]), 3);
    // Categories decide who is near: rows 0..6 have `a`, the others `b`, at the same numbers.
    let codes: Vec<u32> = (0..30).map(|i| u32::from((6..12).contains(&i))).collect();
    let levels = Arc::new(vec!["a".to_owned(), "b".to_owned()]);
    let mut table = numbers(&Array2::from_shape_fn((30, 1), |(i, _)| (i % 6) as f64));
    table.columns.push(Column {
        name: "c".into(),
        kind: ColumnKind::Category,
        data: ColumnData::Codes { codes, levels },
    });
    table.labels = labels(12, 30);
    let params = Smote { n_neighbors: 1, share: 0.8, keep: 1.0 };
    let (made, _) = smote(&table, &params, &Run::new(0)).unwrap();
    // A differing level costs 1, the next number 1 / 1.71: rows of the same number and other level are not the nearest.
    let ColumnData::Numbers(x) = &made.table.columns[0].data else { panic!() };
    assert!(x[30..].iter().all(|v| v.fract() != 0.0), "{:?}", &x[30..]);
}

/// A missing end gives a missing cell to the rows nearer to it; times and numbers keep between the ends.
#[test]
fn missing_cells_and_times() {
    let data = |cells: [f64; 2]| ColumnData::Numbers(cells.to_vec());
    let none = Array2::zeros((2, 1));
    let steps = [(0, 1, 0.25), (0, 1, 0.75)];
    let ColumnData::Numbers(got) = cells(&data([4.0, f64::NAN]), &steps, &none) else { panic!() };
    assert!(got[0] == 4.0 && got[1].is_nan());
    let ColumnData::Numbers(got) = cells(&data([-1.7e308, 1.7e308]), &steps, &none) else { panic!() };
    assert!((got[0] / -0.85e308 - 1.0).abs() < 1e-12 && (got[1] / 0.85e308 - 1.0).abs() < 1e-12, "{got:?}");
    let ColumnData::Times(got) = cells(&ColumnData::Times(vec![100, i64::MIN]), &steps, &none) else {
        panic!()
    };
    assert_eq!(got, [100, i64::MIN]);
    let ColumnData::Times(got) = cells(&ColumnData::Times(vec![100, 300]), &steps, &none) else { panic!() };
    assert_eq!(got, [150, 250]);
}

#[test]
fn the_commoner_class_is_thinned_and_the_unknown_stay() {
    let mut table = numbers(&Array2::from_shape_fn((100, 1), |(i, _)| i as f64));
    let label = |i: usize| match i {
        0..10 => Label::Normal,
        10..90 => Label::Anomalous,
        _ => Label::Unknown,
    };
    table.labels = Some((0..100).map(label).collect());
    let (made, notices) = smote(&table, &Smote { keep: 0.25, ..Smote::default() }, &Run::new(0)).unwrap();
    let count = |label| made.table.labels.as_ref().unwrap().iter().filter(|l| **l == label).count();
    assert_eq!([Label::Normal, Label::Anomalous, Label::Unknown].map(count), [20, 20, 10]);
    assert_eq!(made.rare, Label::Normal);
    assert!(notices.0.iter().any(|n| n.message.contains("60 of 80 rows")));
    let file = made.into_labelled("id").unwrap();
    assert_eq!(file.column("label").unwrap().data.text(30), "");
    assert_eq!(file.column("origin").unwrap().data.text(file.n_rows - 1), "smote");
    // The 20 of the commoner class that stay are a random sample.
    let again = smote(&table, &Smote { keep: 0.25, ..Smote::default() }, &Run::new(1)).unwrap().0;
    assert_ne!(
        matrix(&again.table, 10..30),
        matrix(&Table::new(file.columns[..1].to_vec()).unwrap(), 10..30)
    );
}

#[test]
fn wrong_use_is_said() {
    let run = Run::new(0);
    let mut table = numbers(&Array2::from_shape_fn((10, 1), |(i, _)| i as f64));
    let fails = |table: &Table, params: Smote| smote(table, &params, &run).unwrap_err().to_string();
    assert!(fails(&table, Smote::default()).contains("--label"));
    table.labels = labels(1, 10);
    assert!(fails(&table, Smote::default()).contains("at least 2 rows"));
    table.labels = labels(4, 10);
    assert!(fails(&table, Smote { share: 0.3, ..Smote::default() }).contains("0.4000"));
    assert!(fails(&table, Smote { share: 0.95, ..Smote::default() }).contains("share"));
    assert!(fails(&table, Smote { keep: 0.0, ..Smote::default() }).contains("keep"));
    assert!(fails(&table, Smote { n_neighbors: 0, ..Smote::default() }).contains("n_neighbors"));
    table.columns[0].name = "label".into();
    let made = smote(&table, &Smote::default(), &run).unwrap().0;
    assert!(made.into_labelled("id").unwrap_err().to_string().contains("--ignore"));
}

/// ln p(row | anomalous) - ln p(row | normal) of Gaussian naive Bayes.
fn naive_bayes(train: &Table) -> impl Fn(&[f64]) -> f64 + use<> {
    let labels = train.labels.clone().unwrap();
    let class = |wanted: Label| -> Vec<Moments> {
        let rows = matrix(train, (0..train.n_rows).filter(|&i| labels[i] == wanted));
        (0..train.columns.len()).map(|j| rows.iter().map(|row| row[j]).collect()).collect()
    };
    let (normal, anomalous) = (class(Label::Normal), class(Label::Anomalous));
    move |row: &[f64]| {
        let log = |of: &[Moments]| -> f64 {
            let term =
                |(m, v): (&Moments, &f64)| -((v - m.mean()).powi(2) / m.variance() + m.variance().ln()) / 2.0;
            of.iter().zip(row).map(term).sum()
        };
        log(&anomalous) - log(&normal)
    }
}

fn auroc(scores: &[f64], odd: &[bool]) -> f64 {
    let of = |wanted: bool| scores.iter().zip(odd).filter(move |(_, o)| **o == wanted).map(|(s, _)| *s);
    let wins: f64 = of(true)
        .flat_map(|a| {
            of(false).map(move |b| {
                if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (of(true).count() * of(false).count()) as f64
}

/// 15 rare rows among 1,500, less spread than the others: leaving out all but 15 of the others (undersampling to equal
/// classes) beside twenty-fold SMOTE with 300 of them. Naive Bayes on fresh rows, mean of 30 draws; the difference must exceed three of
/// its standard errors.
#[test]
fn smote_with_undersampling_beats_undersampling() {
    let draw = |n: usize, shift: f64, seed: u64| {
        normal_rows(n, 6, seed).mapv(f64::from) * if shift > 0.0 { 0.7 } else { 1.0 } + shift
    };
    let stack = |rare: Array2<f64>, common: Array2<f64>| {
        let n = rare.nrows();
        let all = ndarray::concatenate(ndarray::Axis(0), &[rare.view(), common.view()]).unwrap();
        let mut table = numbers(&all);
        table.labels = labels(n, all.nrows());
        table
    };
    let gains: Moments = (0..30)
        .map(|i| {
            let train = stack(draw(15, 0.5, 10 * i + 1), draw(1500, 0.0, 10 * i + 2));
            let test = stack(draw(300, 0.5, 10 * i + 3), draw(300, 0.0, 10 * i + 4));
            let odd: Vec<bool> = test.labels.iter().flatten().map(|l| *l == Label::Anomalous).collect();
            let judge = |params: Smote| {
                let made = smote(&train, &params, &Run::new(i)).unwrap().0.table;
                let score = naive_bayes(&made);
                let scores: Vec<f64> = matrix(&test, 0..600).iter().map(|row| score(row)).collect();
                auroc(&scores, &odd)
            };
            let under = judge(Smote { keep: 0.01, ..Smote::default() });
            judge(Smote { keep: 0.2, ..Smote::default() }) - under
        })
        .collect();
    let error = gains.std_dev() / 30.0_f64.sqrt();
    assert!(gains.mean() > 3.0 * error && gains.mean() > 0.01, "{} {error}", gains.mean());
}

const REFERENCE: [(f64, f64); 2] = [(1.542596, 0.510422), (1.306857, 0.524931)];
const REFERENCE_WITH_LEVELS: [(f64, f64); 2] = [(1.564212, 0.519550), (1.313448, 0.513250)];
