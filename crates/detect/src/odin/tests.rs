//! Closed forms on a line, the definition in training and for new rows, duplicates and degenerate data.

use super::*;
use crate::k_nearest_neighbors::reference_rows;
use crate::places::different_places;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

fn with(n_neighbors: usize) -> Odin {
    Odin { n_neighbors, max_reference: None }
}

fn own(n_neighbors: usize, rows: Array2<f32>) -> Vec<f32> {
    with(n_neighbors).fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap().1
}

/// Points 0, 1, 3, 7, k = 1: 0 names 1, 1 names 0, 3 names 1, 7 names 3. A new row at 5 is within reach of 3 (2) and
/// of 7 (4), one at 1 within that of 0, of 3 and of the row there.
#[test]
fn closed_form_on_a_line() {
    let run = Run::new(0);
    let (fitted, own) =
        with(1).fit_score_on(&Features::rows(array![[0.0], [1.0], [3.0], [7.0]]), &run).unwrap();
    assert_eq!(own, [1.0 / 2.0, 1.0 / 3.0, 1.0 / 2.0, 1.0]);
    let new = fitted.score(&Features::rows(array![[5.0], [1.0], [100.0]]), &run).unwrap();
    assert_eq!(new, [1.0 / 3.0, 1.0 / 4.0, 1.0]);
}

/// Three rows at 0, one at 2, one at 3, k = 1: each row of the heap is named by the two others, the row at 2 by the
/// heap's three and by 3, and 3 by 2.
#[test]
fn duplicates_name_each_other() {
    assert_eq!(
        own(1, array![[0.0], [0.0], [0.0], [2.0], [3.0]]),
        [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.2, 0.5]
    );
}

#[test]
fn degenerate_data_has_an_answer() {
    let run = Run::new(0);
    let (fitted, own) = with(20).fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [0.2; 5]);
    assert_eq!(
        fitted.score(&Features::rows(array![[3.0, 3.0], [3.0, 7.0]]), &run).unwrap(),
        [1.0 / 6.0, 1.0]
    );
    assert_eq!(self::own(10_000, array![[0.0], [4.0], [5.0]]), [1.0 / 3.0; 3]);
    assert!(with(1).fit_on(&Features::rows(array![[1.0]]), &run).is_err());
}

#[test]
fn a_sample_of_the_reference_scores_all_rows() {
    let rows = Features::rows(Array2::from_shape_fn((400, 2), |(i, j)| {
        ((i * [37, 61][j] + i * i) % 401) as f32 + i as f32 * 1e-3
    }));
    let detector = Odin { n_neighbors: 5, max_reference: Some(100) };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
    let new = fitted.score(&rows, &run).unwrap();
    let kept = reference_rows(400, Some(100), &run).unwrap();
    let alone = with(5).fit_score_on(&rows.take(&kept), &run).unwrap().1;
    kept.iter().zip(alone).for_each(|(&row, score)| assert_eq!(own[row], score));
    (0..400).filter(|row| !kept.contains(row)).for_each(|row| assert_eq!(own[row], new[row]));
    // As new rows they also meet themselves.
    kept.iter().for_each(|&row| assert!(new[row] < own[row]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-4_i8..5, 6..120), k in 1..8_usize) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        let (points, weight, places) = different_places(&rows);
        let m = points.nrows();
        let squared = |a: usize, b: usize| {
            let difference = &points.row(a) - &points.row(b);
            difference.dot(&difference)
        };
        let names = |a: usize| -> Vec<usize> {
            let mut others: Vec<usize> = (0..m).filter(|&b| b != a).collect();
            others.sort_by(|&b, &c| squared(a, b).total_cmp(&squared(a, c)).then(b.cmp(&c)));
            others.truncate(k);
            others
        };
        let named: Vec<Vec<usize>> = (0..m).map(names).collect();
        for (got, place) in own(k, rows.clone()).into_iter().zip(places) {
            let a = place as usize;
            let by: u32 = (0..m).filter(|&b| named[b].contains(&a)).map(|b| weight[b]).sum();
            prop_assert_eq!(got, (1.0 / f64::from(by + weight[a])) as f32);
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(flat in prop::collection::vec(-3_i8..4, 6..120), turn in 0..60_usize) {
        let n = flat.len() / 2;
        let rows = Array2::from_shape_fn((n, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        let order: Vec<usize> = (0..n).rev().map(|i| (i + turn) % n).collect();
        let (plain, turned) = (own(3, rows.clone()), own(3, rows.select(Axis(0), &order)));
        order.iter().enumerate().for_each(|(at, &row)| assert_eq!(plain[row], turned[at]));
    }
}
