//! PyOD's numbers, closed forms on axes, the definition, and data without angles.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn with(n_neighbors: usize, weighted: bool) -> AngleBased {
    AngleBased { n_neighbors, weighted, max_reference: None }
}

/// The data of `golden/angle_based.py`.
fn golden_rows() -> Array2<f32> {
    let mut rows = Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        (whole * [64, 37, 41][j]) as f32 / 1024.0
    });
    rows.row_mut(29).assign(&array![20.0, -3.0, 9.0]);
    rows
}

/// PyOD 3.6.7 through `golden/angle_based.py`; the tolerance is that of scores in f32.
#[test]
fn matches_pyod_without_weights() {
    let new = Features::rows(array![[1.0, 2.0, 3.0], [-10.0, 0.0, 0.0], [2.5, 2.5, 2.5]]);
    let goldens: [(usize, [f64; 7]); 2] = [
        (4, [5.07234749, 2.79558226, 4.9997176, 20.0232855, 1.44532447, 15.2699937, 1.32987248]),
        (10, [6.07375907, 3.96069198, 5.14223358, 18.1058565, 2.4388183, 14.0536982, 2.14818918]),
    ];
    let run = Run::new(0);
    for (k, want) in goldens {
        let (fitted, own) = with(k, false).fit_score_on(&Features::rows(golden_rows()), &run).unwrap();
        let got = [0, 7, 15, 29].map(|i| own[i]).into_iter().chain(fitted.score(&new, &run).unwrap());
        for (got, want) in got.zip(want) {
            assert!((f64::from(got) - want).abs() < 2e-6 * want.abs().max(1.0), "{k}: {got} {want}");
        }
    }
}

/// From the middle of a cross with arms of length 1, four of six cosines are 0 and two are -1: variance 2/9. Arms of
/// length 2 give 4 ln 2 more.
#[test]
fn closed_form_in_a_cross() {
    let run = Run::new(0);
    let cross = array![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
    for (scale, more) in [(1.0_f32, 0.0_f32), (2.0, 4.0 * 2.0_f32.ln())] {
        for weighted in [false, true] {
            let fitted = with(4, weighted).fit_on(&Features::rows(&cross * scale), &run).unwrap();
            let score = fitted.score(&Features::rows(array![[0.0, 0.0]]), &run).unwrap()[0];
            assert!((score - 4.5_f32.ln() - more).abs() < 1e-6, "{score}");
        }
    }
}

/// Neighbours (1, 0), (-2, 0), (0, 2): the pairs have the angles -1/2, 0, 0 and the weights 1/2, 1/2, 1/4. Weighted:
/// mean -1/5, variance 1/10 - 1/25 = 3/50. Alike: mean -1/6, variance 1/12 - 1/36 = 1/18.
#[test]
fn closed_form_of_the_weights() {
    let run = Run::new(0);
    for (weighted, variance) in [(true, 0.06_f32), (false, 1.0 / 18.0)] {
        let rows = Features::rows(array![[1.0, 0.0], [-2.0, 0.0], [0.0, 2.0]]);
        let fitted = with(3, weighted).fit_on(&rows, &run).unwrap();
        let score = fitted.score(&Features::rows(array![[0.0, 0.0]]), &run).unwrap()[0];
        assert!((score + variance.ln()).abs() < 1e-6, "{score}");
    }
}

#[test]
fn duplicates_change_nothing() {
    let rows = golden_rows();
    let run = Run::new(0);
    let (_, alone) = with(5, true).fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
    let heap = rows.select(Axis(0), &(0..30).chain([7; 40]).collect::<Vec<_>>());
    let (fitted, beside) = with(5, true).fit_score_on(&Features::rows(heap), &run).unwrap();
    assert_eq!(beside[..30], alone);
    assert!(beside[30..].iter().all(|&s| s == alone[7]));
    assert_eq!(fitted.score(&Features::rows(rows), &run).unwrap(), alone);
}

/// One place, and rows on a line seen from its end: no angles, or equal ones.
#[test]
fn data_without_angles_has_an_answer() {
    let run = Run::new(0);
    let (fitted, own) =
        with(10, true).fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert!(own.iter().all(|&s| s == 4.0 * f32::MIN_POSITIVE.ln()), "{own:?}");
    let far = fitted.score(&Features::rows(array![[3.0, 4.0], [3.0, 7.0]]), &run).unwrap();
    assert!(own[0] < far[0] && far[0] < far[1], "{far:?}");
    let (_, line) =
        with(3, true).fit_score_on(&Features::rows(array![[0.0], [1.0], [2.0], [3.0]]), &run).unwrap();
    assert!(line.iter().all(|s| s.is_finite()) && line[0] > line[1] && line[3] > line[2], "{line:?}");
}

#[test]
fn scores_stay_finite_up_to_the_end_of_f32() {
    let run = Run::new(0);
    for scale in [1e-45_f32, 1e-38, 1e-20, 1e18, 3e38] {
        let rows =
            Features::rows(array![[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [1.0, 0.0], [0.0, 0.0]] * scale);
        let (fitted, own) = with(3, true).fit_score_on(&rows, &run).unwrap();
        let new = fitted.score(&Features::rows(array![[3e38, -3e38], [0.0, 1e-45]]), &run).unwrap();
        assert!(own.iter().chain(&new).all(|s| s.is_finite() && s.abs() < 1500.0), "{scale} {own:?} {new:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// The definition, on different rows; rows with angles that vary by rounding only are left to the test above.
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-60_i8..61, 15..120), weighted in any::<bool>()) {
        let n = flat.len() / 3;
        let rows = Array2::from_shape_fn((n, 3), |(i, j)| f32::from(flat[i * 3 + j]));
        let (points, _, places) = different_places(&rows);
        prop_assume!(points.nrows() > 3);
        let (_, own) = with(4, weighted).fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        for (i, &own) in own.iter().enumerate() {
            let x = rows.row(i).mapv(f64::from);
            let mut seen: Vec<_> = (0..points.nrows())
                .filter(|&place| place != places[i] as usize)
                .map(|place| points.row(place).mapv(f64::from) - &x)
                .collect();
            seen.sort_by(|a, b| a.dot(a).total_cmp(&b.dot(b)));
            seen.truncate(4);
            let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for (i, a) in seen.iter().enumerate() {
                for b in &seen[..i] {
                    let weight = if weighted { 1.0 / (a.dot(a) * b.dot(b)).sqrt() } else { 1.0 };
                    let angle = a.dot(b) / (a.dot(a) * b.dot(b));
                    total += weight;
                    sum += weight * angle;
                    squares += weight * angle * angle;
                }
            }
            let variance = squares / total - (sum / total).powi(2);
            if variance > 1e-6 * squares / total {
                prop_assert!((f64::from(own) + variance.ln()).abs() < 1e-4, "{own} {}", -variance.ln());
            }
        }
    }
}
