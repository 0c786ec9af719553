//! PyOD's numbers, closed forms on lines, the definition, and data without distances.

use super::*;
use crate::k_nearest_neighbors::reference_rows;
use crate::places::different_places;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

fn with(n_neighbors: usize) -> ConnectivityOutlierFactor {
    ConnectivityOutlierFactor { n_neighbors, max_reference: None }
}

fn own(n_neighbors: usize, rows: Array2<f32>) -> Vec<f32> {
    with(n_neighbors).fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap().1
}

/// The data of `golden/connectivity_outlier_factor.py`.
fn golden_rows() -> Array2<f32> {
    let mut rows = Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        (whole * [64, 37, 41][j]) as f32 / 1024.0
    });
    rows.row_mut(29).assign(&array![20.0, -3.0, 9.0]);
    rows
}

/// PyOD 3.6.7 for k = 2, the definitions in NumPy for others, both through
/// `golden/connectivity_outlier_factor.py`; the tolerance is that of scores in f32.
#[test]
fn matches_pyod_and_the_definition_in_numpy() {
    let goldens = [
        (1, [1.36719175, 1.0, 1.17073566, 1.29340569, 4.28504329, 1.03998503, 14.6048295]),
        (2, [1.10904985, 0.875820046, 1.00594358, 1.06115698, 2.89658699, 1.1036315, 11.0165116]),
        (4, [1.18078397, 0.865618124, 1.22967592, 1.13099869, 1.4670487, 1.13966636, 6.3581036]),
        (20, [1.20872465, 0.976234568, 0.987386614, 0.989685502, 1.13494768, 0.99318132, 2.72951022]),
    ];
    for (k, want) in goldens {
        let own = own(k, golden_rows());
        for (got, want) in [0, 3, 7, 11, 15, 20, 29].map(|i| own[i]).into_iter().zip(want) {
            assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{k}: {got} {want}");
        }
    }
}

/// Points 0, 1, 2, 4, k = 2: links weigh 2/3 and 1/3. Chains: 0 -> 1 -> 2 costs 1, 1; from 1: 1, 1; from 2 its
/// neighbours are 1 and 0 (0 and 4 are equally far, 0 has the lower coordinate): 1, 1; from 4 to 2 to 1: 2, 1, so
/// `ac(4) = 5/3` and all others are 1.
#[test]
fn closed_form_on_a_line() {
    let rows = Features::rows(array![[0.0], [1.0], [2.0], [4.0]]);
    let run = Run::new(0);
    let (fitted, own) = with(2).fit_score_on(&rows, &run).unwrap();
    assert_eq!(own, [1.0, 1.0, 1.0, 5.0 / 3.0]);
    // From 7 to 4 to 2: 3 * 2/3 + 2 * 1/3 = 8/3, beside the mean of 5/3 and 1.
    assert_eq!(fitted.score(&Features::rows(array![[7.0]]), &run).unwrap(), [2.0]);
}

/// Rows along a line with a row that stands off it by as much as they stand apart: the path runs along the line.
/// Distances straight to the row would be up to 3 here, links are 1.
#[test]
fn paths_follow_the_pattern() {
    let line = Array2::from_shape_fn((9, 2), |(i, j)| if j == 0 { i as f32 } else { 0.0 });
    let run = Run::new(0);
    let fitted = with(6).fit_on(&Features::rows(line), &run).unwrap();
    let scores = fitted.score(&Features::rows(array![[4.0, 1.0], [4.0, 3.0], [9.0, 0.0]]), &run).unwrap();
    assert_eq!(scores[0], 1.0);
    assert_eq!(scores[2], 1.0);
    // The first of 6 links weighs 2/7 and is 3 long.
    assert!((scores[1] - (1.0 + 2.0 * 2.0 / 7.0)).abs() < 1e-6, "{scores:?}");
}

/// Equal rows are one place, so a heap changes nothing for itself or its neighbours, and training rows that come
/// again score as they did.
#[test]
fn duplicates_change_nothing() {
    let rows = golden_rows();
    let heap = rows.select(Axis(0), &(0..30).chain([7; 40]).chain([29; 3]).collect::<Vec<_>>());
    let run = Run::new(0);
    let alone = own(5, rows.clone());
    let (fitted, beside) = with(5).fit_score_on(&Features::rows(heap), &run).unwrap();
    assert_eq!(beside[..30], alone);
    assert!(beside[30..70].iter().all(|&s| s == alone[7]) && beside[70..] == [alone[29]; 3]);
    assert_eq!(fitted.score(&Features::rows(rows), &run).unwrap(), alone);
}

#[test]
fn data_without_distances_has_an_answer() {
    let run = Run::new(0);
    let (fitted, own) = with(20).fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [1.0; 5]);
    assert_eq!(fitted.score(&Features::rows(array![[3.0, 3.0], [3.0, 7.0]]), &run).unwrap(), [1.0, 5.0]);
    assert_eq!(self::own(1_000, array![[0.0], [4.0]]), [1.0, 1.0]);
    assert!(with(1).fit_on(&Features::rows(array![[1.0]]), &run).is_err());
}

#[test]
fn scores_stay_finite_up_to_the_end_of_f32() {
    let run = Run::new(0);
    for scale in [1e-45_f32, 1e-38, 1e-20, 1e18, 3e38] {
        let rows = Features::rows(array![[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [1.0, 0.0]] * scale);
        let (fitted, own) = with(2).fit_score_on(&rows, &run).unwrap();
        assert!(own.iter().all(|s| *s > 0.0 && *s < 10.0), "{scale} {own:?}");
        let far = Features::rows(array![[3e38, -3e38]]);
        assert!(fitted.score(&far, &run).unwrap()[0] <= MAX_SCORE as f32);
        assert!(fitted.attribute(&far, &run).unwrap().unwrap().values.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn a_sample_of_the_reference_scores_all_rows() {
    let rows = Features::rows(Array2::from_shape_fn((400, 2), |(i, j)| {
        ((i * [37, 61][j] + i * i) % 401) as f32 + i as f32 * 1e-3
    }));
    let detector = ConnectivityOutlierFactor { n_neighbors: 5, max_reference: Some(100) };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
    let kept = reference_rows(400, Some(100), &run).unwrap();
    let alone = with(5).fit_score_on(&rows.take(&kept), &run).unwrap().1;
    kept.iter().zip(alone).for_each(|(&row, score)| assert_eq!(own[row], score));
    assert_eq!(fitted.score(&rows, &run).unwrap(), own);
}

/// The definitions, word by word, on different rows.
fn definition(points: &Array2<f32>, k: usize) -> Vec<f64> {
    let m = points.nrows();
    let distance = |a: usize, b: usize| {
        let difference = points.row(a).mapv(f64::from) - points.row(b).mapv(f64::from);
        difference.dot(&difference).sqrt()
    };
    let near: Vec<Vec<usize>> = (0..m)
        .map(|a| {
            let mut others: Vec<usize> = (0..m).filter(|&b| b != a).collect();
            others.sort_by(|&b, &c| distance(a, b).total_cmp(&distance(a, c)).then(b.cmp(&c)));
            others.truncate(k);
            others
        })
        .collect();
    let chaining = |a: usize| {
        let (mut path, mut rest, mut sum) = (vec![a], near[a].clone(), 0.0);
        let r = rest.len() + 1;
        for i in 1..r {
            let cost = |b: usize| path.iter().map(|&a| distance(a, b)).fold(f64::INFINITY, f64::min);
            let next = (0..rest.len()).min_by(|&b, &c| cost(rest[b]).total_cmp(&cost(rest[c]))).unwrap();
            sum += 2.0 * (r - i) as f64 / (r * (r - 1)) as f64 * cost(rest[next]);
            path.push(rest.remove(next));
        }
        sum
    };
    let chaining: Vec<f64> = (0..m).map(chaining).collect();
    let usual = |a: usize| near[a].iter().map(|&b| chaining[b]).sum::<f64>() / near[a].len() as f64;
    (0..m).map(|a| chaining[a] / usual(a)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-6_i8..7, 6..120), k in 1..8_usize) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        let (points, _, places) = different_places(&rows);
        prop_assume!(points.nrows() > 1);
        let want = definition(&points, k);
        for (got, place) in own(k, rows.clone()).into_iter().zip(places) {
            let want = want[place as usize];
            prop_assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(flat in prop::collection::vec(-3_i8..4, 6..120), turn in 0..60_usize) {
        let n = flat.len() / 2;
        let rows = Array2::from_shape_fn((n, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        let order: Vec<usize> = (0..n).rev().map(|i| (i + turn) % n).collect();
        let (plain, turned) = (own(3, rows.clone()), own(3, rows.select(Axis(0), &order)));
        order.iter().enumerate().for_each(|(at, &row)| assert_eq!(plain[row].to_bits(), turned[at].to_bits()));
    }
}
