//! Closed forms, scikit-learn's numbers, the definition, and data without density.

use super::*;
use crate::k_nearest_neighbors::reference_rows;
use crate::places::different_places;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

fn with(n_neighbors: usize) -> LocalOutlierFactor {
    LocalOutlierFactor { n_neighbors, max_reference: None }
}

fn own(n_neighbors: usize, rows: Array2<f32>) -> Vec<f32> {
    with(n_neighbors).fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap().1
}

/// The data of `golden/local_outlier_factor.py`.
fn golden_rows() -> Array2<f32> {
    let mut rows = Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        (whole * [64, 37, 41][j]) as f32 / 1024.0
    });
    rows.row_mut(29).assign(&array![20.0, -3.0, 9.0]);
    rows
}

/// scikit-learn 1.9.1 through `golden/local_outlier_factor.py`; the tolerance is that of distances in f32.
#[test]
fn matches_scikit_learn() {
    let rows = golden_rows();
    let mut new = array![[1.0, 2.0, 3.0], [-10.0, 0.0, 0.0], [0.0, 0.0, 0.0]];
    new.row_mut(2).assign(&rows.row(7));
    let goldens = [
        (4, [1.39341914, 1.33232331, 0.941339559, 10.3829901, 0.96829635, 4.30334026, 1.29615531]),
        (20, [1.25104947, 0.976237013, 1.16738337, 5.52497172, 1.06264348, 3.66241981, 0.976538945]),
    ];
    for (k, want) in goldens {
        let run = Run::new(0);
        let (fitted, own) = with(k).fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
        let new = fitted.score(&Features::rows(new.clone()), &run).unwrap();
        for (got, want) in [0, 7, 15, 29].map(|i| own[i]).into_iter().chain(new).zip(want) {
            assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{k}: {got} {want}");
        }
    }
}

/// The corners of a right angle, k = 1: kd = 1 everywhere. From the corner (0, 0), the nearest of the other two is
/// 1 away; so it is from each of them. A fourth point at (1, 1) of the unit square meets nothing but equal lrd = 1;
/// at (2, 2) its neighbour (1, 0) or (0, 1) is sqrt(5) away and as dense as any: factor sqrt(5).
#[test]
fn closed_form_on_a_right_angle() {
    let corners = Features::rows(array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    let run = Run::new(0);
    let (fitted, own) = with(1).fit_score_on(&corners, &run).unwrap();
    assert_eq!(own, [1.0, 1.0, 1.0]);
    let scores = fitted.score(&Features::rows(array![[1.0, 1.0], [2.0, 2.0]]), &run).unwrap();
    assert_eq!(scores, [1.0, 5.0_f32.sqrt()]);
}

/// The same corners, k = 2: kd is 1 at (0, 0) and sqrt(2) at the others. Reach from (0, 0) to both: sqrt(2), so
/// lrd = 1 / sqrt(2); from the others: 1 and sqrt(2), so lrd = 2 / (1 + sqrt(2)). Ratios give
/// s(0, 0) = 2 sqrt(2) / (1 + sqrt(2)) and s(others) = ((1 + sqrt(2)) / (2 sqrt(2)) + 1) / 2.
#[test]
fn closed_form_with_two_neighbours() {
    let root = 2.0_f32.sqrt();
    let got = own(2, array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    let want = [2.0 * root / (1.0 + root), ((1.0 + root) / (2.0 * root) + 1.0) / 2.0];
    assert!(
        (got[0] - want[0]).abs() < 1e-6 && (got[1] - want[1]).abs() < 1e-6 && got[1] == got[2],
        "{got:?}"
    );
}

/// A heap at 0 and single rows at 1, 2, 3, k = 1. Places are 1 apart, so every reach and density is 1: a heap has no
/// infinite density, and its neighbour is no outlier.
#[test]
fn a_heap_of_duplicates_is_a_dense_group() {
    assert_eq!(own(1, array![[0.0], [0.0], [0.0], [0.0], [1.0], [2.0], [3.0]]), [1.0; 7]);
    // Far from the heap is far: from 10 to its nearest row, 3, in units of the spacing 1.
    let run = Run::new(0);
    let fitted =
        with(1).fit_on(&Features::rows(array![[0.0], [0.0], [0.0], [1.0], [2.0], [3.0]]), &run).unwrap();
    assert_eq!(fitted.score(&Features::rows(array![[10.0], [0.0]]), &run).unwrap(), [7.0, 1.0]);
}

/// A thousand equal rows beside scattered ones: every factor stays near what the spacing says, while scikit-learn's
/// 1e-10 gives 1e7 and more.
#[test]
fn factors_beside_duplicates_stay_small() {
    let rows = Array2::from_shape_fn((1100, 2), |(i, j)| {
        if i < 1000 { 0.5 } else { ((i * [37, 61][j]) % 101) as f32 / 101.0 }
    });
    let scores = own(20, rows);
    assert!(scores[..1000].iter().all(|&s| (s - 1.0).abs() < 0.02), "{}", scores[0]);
    assert!(scores.iter().all(|&s| s > 0.1 && s < 10.0));
}

#[test]
fn data_without_density_has_an_answer() {
    let run = Run::new(0);
    let (fitted, own) = with(20).fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [1.0; 5]);
    assert_eq!(fitted.score(&Features::rows(array![[3.0, 3.0], [3.0, 7.0]]), &run).unwrap(), [1.0, 5.0]);
    // Both zeros are one place; two rows are as dense as each other.
    assert_eq!(different_places(&array![[0.0], [-0.0]]).1, [2]);
    assert_eq!(self::own(20, array![[0.0], [4.0]]), [1.0, 1.0]);
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
fn shares_sum_to_the_score() {
    let rows = Features::rows(golden_rows());
    let run = Run::new(0);
    let fitted = with(4).fit_on(&rows, &run).unwrap();
    let new = Features::rows(array![[-10.0, 0.0, 0.0]]);
    let (score, shares) =
        (fitted.score(&new, &run).unwrap()[0], fitted.attribute(&new, &run).unwrap().unwrap().values);
    assert!((shares.sum() / score - 1.0).abs() < 1e-5);
    assert!(shares[(0, 0)] > 0.8 * score, "{shares}");
}

#[test]
fn a_sample_of_the_reference_scores_all_rows() {
    let rows = Features::rows(Array2::from_shape_fn((400, 2), |(i, j)| {
        ((i * [37, 61][j] + i * i) % 401) as f32 + i as f32 * 1e-3
    }));
    let detector = LocalOutlierFactor { n_neighbors: 5, max_reference: Some(100) };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
    let new = fitted.score(&rows, &run).unwrap();
    let kept = reference_rows(400, Some(100), &run).unwrap();
    let alone = with(5).fit_score_on(&rows.take(&kept), &run).unwrap().1;
    kept.iter().zip(alone).for_each(|(&row, score)| assert_eq!(own[row], score));
    (0..400).filter(|row| !kept.contains(row)).for_each(|row| assert_eq!(own[row], new[row]));
}

/// Definitions 3 to 7 with weights, word by word.
fn definition(rows: &Array2<f32>, k: usize) -> Vec<f64> {
    let (points, weight, places) = different_places(rows);
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
    let kd: Vec<f64> = (0..m).map(|a| near[a].last().map_or(0.0, |&b| distance(a, b))).collect();
    let group = |a: usize| -> Vec<usize> {
        let own = std::iter::repeat_n(a, weight[a] as usize - 1);
        own.chain(near[a].iter().flat_map(|&b| std::iter::repeat_n(b, weight[b] as usize))).collect()
    };
    let lrd: Vec<f64> = (0..m)
        .map(|a| group(a).len() as f64 / group(a).iter().map(|&o| kd[o].max(distance(a, o))).sum::<f64>())
        .collect();
    let lof = |a: usize| group(a).iter().map(|&o| lrd[o]).sum::<f64>() / group(a).len() as f64 / lrd[a];
    places.iter().map(|&place| lof(place as usize)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-3_i8..4, 6..120), k in 1..8_usize) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        prop_assume!(different_places(&rows).1.len() > 1);
        for (got, want) in own(k, rows.clone()).into_iter().zip(definition(&rows, k)) {
            prop_assert!((f64::from(got) / want - 1.0).abs() < 1e-5, "{got} {want}");
        }
    }

    /// Ties at the k-th distance are broken by coordinates, so shuffled rows score the same bits.
    #[test]
    fn the_order_of_rows_does_not_matter(flat in prop::collection::vec(-3_i8..4, 6..120), turn in 0..60_usize) {
        let n = flat.len() / 2;
        let rows = Array2::from_shape_fn((n, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        let order: Vec<usize> = (0..n).rev().map(|i| (i + turn) % n).collect();
        let (plain, turned) = (own(3, rows.clone()), own(3, rows.select(Axis(0), &order)));
        order.iter().enumerate().for_each(|(at, &row)| assert_eq!(plain[row].to_bits(), turned[at].to_bits()));
    }
}

/// A model file whose checksum is right may still hold any number.
#[test]
fn more_neighbours_than_can_be_counted_are_all_there_are() {
    let (rows, run) = (Features::rows(golden_rows()), Run::new(0));
    let mut out = ModelWriter::new();
    let entry = anomalyst_core::Entry::of::<LocalOutlierFactor>();
    let params = serde_json::to_value(with(4)).unwrap();
    (entry.from_json)(&params).unwrap().fit(&rows, &run).unwrap().save(&mut out).unwrap();
    let (tensors, mut json) = out.finish();
    let numbers = json.iter_mut().filter(|(name, _)| name.ends_with("n_neighbors"));
    assert_eq!(numbers.map(|(_, value)| *value = usize::MAX.into()).count(), 1);
    let model = (entry.load)(&ModelReader::new(&tensors, &json)).unwrap();
    assert!(model.score(&rows, &run).unwrap().iter().all(|score| score.is_finite()));
    let shares = model.attribute(&rows, &run).unwrap().unwrap();
    assert!(shares.values.iter().all(|share| share.is_finite()));
}
