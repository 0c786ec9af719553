//! PyNomaly's numbers, a closed form, the definition, and data without spread.

use super::*;
use crate::places::different_places;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

fn with(n_neighbors: usize) -> LocalOutlierProbability {
    LocalOutlierProbability { n_neighbors, ..Default::default() }
}

fn own(n_neighbors: usize, rows: Array2<f32>) -> Vec<f32> {
    with(n_neighbors).fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap().1
}

/// The data of `golden/local_outlier_probability.py`.
fn golden_rows() -> Array2<f32> {
    let mut rows = Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        (whole * [64, 37, 41][j]) as f32 / 1024.0
    });
    rows.row_mut(29).assign(&array![20.0, -3.0, 9.0]);
    rows
}

/// PyNomaly 0.4.0 through `golden/local_outlier_probability.py`; the tolerance is that of distances in f32.
#[test]
fn matches_pynomaly() {
    let goldens = [
        (4, [0.0922662978, 0.0, 0.0526704696, 0.0772434454, 0.0531779757, 0.0287227861, 0.928843291]),
        (20, [0.12769559, 0.0, 0.0255719487, 0.00463328233, 0.0742789609, 0.0124732762, 0.929312225]),
    ];
    for (k, want) in goldens {
        let own = own(k, golden_rows());
        for (got, want) in [0, 3, 7, 11, 15, 20, 29].map(|i| own[i]).into_iter().zip(want) {
            assert!((f64::from(got) - want).abs() < 1e-6, "{k}: {got} {want}");
        }
    }
}

/// Points 0, 1, 3, k = 1: sigma is 1, 1, 2, so PLOF is 0, 0, 1 and its spread sqrt(1/3). With extent 3 the last
/// scores erf(1 / sqrt(6)) = 0.4362971 (PLOF 1), and so does 7, 4 away from a row with sigma 2. 15 is 12 away,
/// PLOF 5: erf(5 / sqrt(6)) = 0.9961076.
#[test]
fn closed_form_on_a_line() {
    let rows = Features::rows(array![[0.0], [1.0], [3.0]]);
    let run = Run::new(0);
    let (fitted, own) = with(1).fit_score_on(&rows, &run).unwrap();
    let new = fitted.score(&Features::rows(array![[7.0], [15.0], [3.5]]), &run).unwrap();
    let want = [0.0, 0.0, 0.436_297_1, 0.436_297_1, 0.996_107_6, 0.0];
    for (got, want) in own.into_iter().chain(new).zip(want) {
        assert!((got - want).abs() < 1e-6, "{got} {want}");
    }
}

/// Values of Abramowitz and Stegun 1964, table 7.1, and the ends.
#[test]
fn the_error_function_is_exact() {
    for (x, want) in [(0.0, 0.0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
        assert!((erf(x) - want).abs() < 1e-10, "{x}");
    }
    assert_eq!(
        [erf(6.0), erf(7.0), erf(f64::INFINITY), erf(1e-300) / 1e-300],
        [1.0, 1.0, 1.0, std::f64::consts::FRAC_2_SQRT_PI]
    );
}

/// A regular lattice has no spread of its own: PLOF of its rows is 0, and a row beyond it is certainly outside.
#[test]
fn data_without_spread_has_an_answer() {
    let run = Run::new(0);
    let lattice = Features::rows(array![[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]);
    let (fitted, own) = with(1).fit_score_on(&lattice, &run).unwrap();
    assert_eq!(own, [0.0; 6]);
    assert_eq!(fitted.score(&Features::rows(array![[9.0], [2.5]]), &run).unwrap(), [1.0, 0.0]);
    let (fitted, own) = with(20).fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [0.0; 5]);
    assert_eq!(fitted.score(&Features::rows(array![[3.0, 3.0], [3.0, 7.0]]), &run).unwrap(), [0.0, 1.0]);
    assert_eq!(self::own(20, array![[0.0], [4.0]]), [0.0, 0.0]);
    assert!(with(1).fit_on(&Features::rows(array![[1.0]]), &run).is_err());
}

/// A heap of equal rows is a dense group, not an infinite density that makes its neighbours outliers.
#[test]
fn rows_beside_duplicates_are_not_outliers() {
    let rows = Array2::from_shape_fn((1100, 2), |(i, j)| {
        if i < 1000 { 0.5 } else { ((i * [37, 61][j]) % 101) as f32 / 101.0 }
    });
    let scores = own(20, rows);
    assert!(scores[..1000].iter().all(|&s| s < 0.1), "{}", scores[0]);
    assert!(scores.iter().filter(|&&s| s > 0.9).count() < 30);
}

#[test]
fn scores_stay_finite_up_to_the_end_of_f32() {
    let run = Run::new(0);
    for scale in [1e-45_f32, 1e-38, 1e-20, 1e18, 3e38] {
        let rows = Features::rows(array![[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [1.0, 0.0]] * scale);
        let (fitted, own) = with(2).fit_score_on(&rows, &run).unwrap();
        let far = Features::rows(array![[3e38, -3e38]]);
        let new = fitted.score(&far, &run).unwrap();
        assert!(own.iter().chain(&new).all(|s| (0.0..=1.0).contains(s)), "{scale} {own:?}");
        assert!(fitted.attribute(&far, &run).unwrap().unwrap().values.iter().all(|v| v.is_finite()));
    }
}

/// More extent gives lower probabilities in the same order.
#[test]
fn extent_changes_no_order() {
    let score = |extent| {
        let detector = LocalOutlierProbability { n_neighbors: 4, extent, max_reference: None };
        detector.fit_score_on(&Features::rows(golden_rows()), &Run::new(0)).unwrap().1
    };
    let (narrow, wide) = (score(1.0), score(3.0));
    for i in 0..30 {
        assert!(narrow[i] > wide[i] || narrow[i] == 0.0 && wide[i] == 0.0);
        (0..30).for_each(|j| assert!((wide[i] < wide[j]) == (narrow[i] < narrow[j]) || narrow[i] == 1.0));
    }
}

/// The equations with weights, word by word, and the spread; `erf` is tested above.
fn definition(rows: &Array2<f32>, k: usize) -> (Vec<f64>, f64) {
    let (points, weight, places) = different_places(rows);
    let m = points.nrows();
    let distance = |a: usize, b: usize| {
        let difference = points.row(a).mapv(f64::from) - points.row(b).mapv(f64::from);
        difference.dot(&difference).sqrt()
    };
    let group = |a: usize| -> Vec<usize> {
        let mut others: Vec<usize> = (0..m).filter(|&b| b != a).collect();
        others.sort_by(|&b, &c| distance(a, b).total_cmp(&distance(a, c)).then(b.cmp(&c)));
        others.truncate(k);
        let own = std::iter::repeat_n(a, weight[a] as usize - 1);
        own.chain(others.iter().flat_map(|&b| std::iter::repeat_n(b, weight[b] as usize))).collect()
    };
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let sigma: Vec<f64> =
        (0..m).map(|a| mean(group(a).iter().map(|&o| distance(a, o).powi(2)).collect()).sqrt()).collect();
    let plof: Vec<f64> =
        (0..m).map(|a| sigma[a] / mean(group(a).iter().map(|&o| sigma[o]).collect()) - 1.0).collect();
    let spread = mean(places.iter().map(|&place| plof[place as usize].powi(2)).collect()).sqrt();
    let score = |place: usize| erf(plof[place].max(0.0) / (3.0 * spread * 2.0_f64.sqrt()));
    (places.iter().map(|&place| score(place as usize)).collect(), spread)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-3_i8..4, 6..120), k in 1..8_usize) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| f32::from(flat[i * 2 + j]));
        prop_assume!(different_places(&rows).1.len() > 1);
        let (scores, spread) = definition(&rows, k);
        // Divided by less, the rounding of distances would show.
        prop_assume!(spread > 0.01);
        for (got, want) in own(k, rows.clone()).into_iter().zip(scores) {
            prop_assert!((f64::from(got) - want).abs() < 1e-5, "{got} {want}");
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
