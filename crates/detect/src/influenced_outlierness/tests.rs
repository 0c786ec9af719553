//! Closed forms on a line, the definition in training and for new rows, and data without density.

use super::*;
use crate::k_nearest_neighbors::reference_rows;
use crate::places::different_places;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, ArrayView1, Axis, array};
use proptest::prelude::*;

fn with(n_neighbors: usize) -> InfluencedOutlierness {
    InfluencedOutlierness { n_neighbors, max_reference: None }
}

fn own(n_neighbors: usize, rows: Array2<f32>) -> Vec<f32> {
    with(n_neighbors).fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap().1
}

/// Points 0, 1, 3, 7, k = 1: kd is 1, 1, 2, 4. Neighbours are 1, 0, 1, 3; reverse neighbours {1}, {0, 3}, {7}, {}.
/// So 1 is compared with 0 and 3, (1 + 1/2) / 2, and 3 with 1 and 7, 2 (1 + 1/4) / 2. A new row at 5 is 2 away from
/// 3 and 7, which both have it in reach: 2 (1/2 + 1/4) / 2; one at 100 only has its neighbour: 93 / 4.
#[test]
fn closed_form_on_a_line() {
    let run = Run::new(0);
    let rows = Features::rows(array![[0.0], [1.0], [3.0], [7.0]]);
    let (fitted, own) = with(1).fit_score_on(&rows, &run).unwrap();
    assert_eq!(own, [1.0, 0.75, 1.25, 2.0]);
    assert_eq!(fitted.score(&Features::rows(array![[5.0], [100.0]]), &run).unwrap(), [0.75, 23.25]);
}

/// A heap of two at 0 beside 3 and 4, k = 1: kd is 3, 1, 1. A row of the heap has the other (ratio 1) and the row at
/// 3 (ratio 3) around it. The row at 3 is counted as a neighbour by the one at 4 (ratio 1) and by both of the heap
/// (1/3 each). Single rows beside a heap at their own spacing are as dense as it.
#[test]
fn a_heap_of_duplicates_is_a_dense_group() {
    assert_eq!(own(1, array![[0.0], [0.0], [3.0], [4.0]]), [2.0, 2.0, 5.0 / 9.0, 1.0]);
    assert_eq!(own(1, array![[0.0], [0.0], [0.0], [0.0], [1.0], [2.0], [3.0]]), [1.0; 7]);
}

/// What the method is for: the first row of a loose group is nearer to the end of a dense one, whose rows have a kd
/// of 0.2 and 0.1, but the next row of its own group (kd 1.2) counts it as a neighbour and speaks for it.
#[test]
fn a_row_between_groups_is_compared_with_both() {
    let dense = (0..10).map(|i| i as f32 * 0.1);
    let rows: Vec<f32> = dense.chain((0..10).map(|i| 1.9 + i as f32 * 1.2)).collect();
    let scores = own(2, Array2::from_shape_vec((20, 1), rows).unwrap());
    let want = 1.1 * (1.0 / 0.2 + 1.0 / 0.1 + 1.0 / 1.2) / 3.0;
    assert!((scores[10] - want).abs() < 1e-3, "{scores:?}");
}

#[test]
fn data_without_density_has_an_answer() {
    let run = Run::new(0);
    let (fitted, own) = with(20).fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [1.0; 5]);
    assert_eq!(fitted.score(&Features::rows(array![[3.0, 3.0], [3.0, 7.0]]), &run).unwrap(), [1.0, 5.0]);
    assert_eq!(self::own(10_000, array![[0.0], [4.0]]), [1.0, 1.0]);
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
    let detector = InfluencedOutlierness { n_neighbors: 5, max_reference: Some(100) };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
    let new = fitted.score(&rows, &run).unwrap();
    let kept = reference_rows(400, Some(100), &run).unwrap();
    let alone = with(5).fit_score_on(&rows.take(&kept), &run).unwrap().1;
    kept.iter().zip(alone).for_each(|(&row, score)| assert_eq!(own[row], score));
    (0..400).filter(|row| !kept.contains(row)).for_each(|row| assert_eq!(own[row], new[row]));
}

fn distance(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let difference = a.mapv(f64::from) - b.mapv(f64::from);
    difference.dot(&difference).sqrt()
}

/// The `k` nearest of `points` to `row`, without point `but`.
fn nearest(points: &Array2<f32>, row: ArrayView1<'_, f32>, k: usize, but: usize) -> Vec<usize> {
    let mut others: Vec<usize> = (0..points.nrows()).filter(|&b| b != but).collect();
    let to = |b: usize| distance(row, points.row(b));
    others.sort_by(|&b, &c| to(b).total_cmp(&to(c)).then(b.cmp(&c)));
    others.truncate(k);
    others
}

/// `kd(x)` times the mean density over the influence space, row by row.
fn ratio(kd_x: f64, space: &[usize], kd: &[f64]) -> f64 {
    kd_x * space.iter().map(|&o| 1.0 / kd[o]).sum::<f64>() / space.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-4_i8..5, 6..120), k in 1..8_usize) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        let (points, weight, places) = different_places(&rows);
        let m = points.nrows();
        prop_assume!(m > 1);
        let run = Run::new(0);
        let (fitted, own) = with(k).fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
        let near: Vec<Vec<usize>> = (0..m).map(|a| nearest(&points, points.row(a), k, a)).collect();
        let kd: Vec<f64> = (0..m).map(|a| distance(points.row(a), points.row(*near[a].last().unwrap()))).collect();
        for (got, &place) in own.into_iter().zip(&places) {
            let a = place as usize;
            let mut space = vec![a; weight[a] as usize - 1];
            let related = (0..m).filter(|b| near[a].contains(b) || near[*b].contains(&a));
            space.extend(related.flat_map(|b| std::iter::repeat_n(b, weight[b] as usize)));
            let want = ratio(kd[a], &space, &kd);
            prop_assert!((f64::from(got) / want - 1.0).abs() < 1e-5, "{got} {want}");
        }
        // New rows beside the lattice, where no distance ties with a kd by rounding.
        let new = rows.mapv(|v| v * 1.37 + 0.21);
        for (got, row) in fitted.score(&Features::rows(new.clone()), &run).unwrap().into_iter().zip(new.rows()) {
            let near = nearest(&points, row, near[0].len(), m);
            let related = (0..m).filter(|b| near.contains(b) || distance(row, points.row(*b)) <= kd[*b]);
            let space: Vec<usize> = related.flat_map(|b| std::iter::repeat_n(b, weight[b] as usize)).collect();
            let want = ratio(distance(row, points.row(*near.last().unwrap())), &space, &kd);
            prop_assert!((f64::from(got) / want - 1.0).abs() < 1e-5, "{got} {want}");
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
