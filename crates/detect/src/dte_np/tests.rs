//! SciPy's numbers for the released code, a closed form, the definition as an oracle, and the ends of the schedule.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array, s};
use proptest::prelude::*;

fn with(n_neighbors: usize, n_steps: usize, take: TakeTime) -> DteNp {
    DteNp { n_neighbors, n_steps, take, max_reference: None }
}

/// The data of `golden/dte_np.py`.
fn golden_rows() -> Array2<f32> {
    Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        whole as f32 / 64.0
    })
}

/// SciPy 1.17.1 through `golden/dte_np.py`; the tolerance is that of scores in f32.
#[test]
fn matches_the_released_code() {
    let new = Features::rows(array![[0.5, 0.5, 0.5], [-0.5, 0.0, 0.0], [0.75, 0.25, 1.0]]);
    let goldens: [(TakeTime, [f64; 7]); 2] = [
        (TakeTime::Mode, [118.0, 88.0, 86.0, 83.0, 68.0, 151.0, 46.0]),
        (TakeTime::Mean, [168.623324, 144.573339, 142.240424, 138.860303, 122.551185, 187.71883, 92.9599056]),
    ];
    let run = Run::new(0);
    for (take, want) in goldens {
        let (fitted, own) = with(5, 300, take).fit_score_on(&Features::rows(golden_rows()), &run).unwrap();
        let got = [0, 7, 15, 29].map(|i| own[i]).into_iter().chain(fitted.score(&new, &run).unwrap());
        for (got, want) in got.zip(want) {
            assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{take:?}: {got} {want}");
        }
    }
}

/// Two steps with variances `u = 0.0001` and `v = 1 - 0.9999 * 0.99`, two columns: both steps are as probable where
/// `q (1/u - 1/v) / 2 = ln(v/u)`; the mean is then 1/2. At distance 0 the odds are v : u.
#[test]
fn closed_form_of_two_steps() {
    let (u, v) = (0.0001_f64, 1.0 - 0.9999 * 0.99);
    let even = (2.0 * (v / u).ln() / (1.0 / u - 1.0 / v)).sqrt() as f32;
    let run = Run::new(0);
    let fitted =
        with(1, 2, TakeTime::Mean).fit_on(&Features::rows(array![[0.0, 0.0], [9.0, 9.0]]), &run).unwrap();
    let scores = fitted.score(&Features::rows(array![[even, 0.0], [0.0, 0.0]]), &run).unwrap();
    assert!((scores[0] - 0.5).abs() < 1e-5, "{scores:?}");
    assert!((f64::from(scores[1]) - u / (u + v)).abs() < 1e-8, "{scores:?}");
    // Twice the last variance per column: the last step, and ln 2 more.
    let far = (4.0 * v).sqrt() as f32;
    let mode =
        with(1, 2, TakeTime::Mode).fit_on(&Features::rows(array![[0.0, 0.0], [9.0, 9.0]]), &run).unwrap();
    let score = mode.score(&Features::rows(array![[0.0, far]]), &run).unwrap()[0];
    assert!((score - 1.0 - 2.0_f32.ln()).abs() < 1e-6, "{score}");
}

/// What the page says about the order of rows, from far inside the schedule to far beyond it.
#[test]
fn further_rows_take_longer() {
    let run = Run::new(0);
    for take in [TakeTime::Mean, TakeTime::Mode] {
        let train = Features::rows(Array2::zeros((6, 3)));
        let fitted = with(5, 300, take).fit_on(&train, &run).unwrap();
        let distances =
            Array2::from_shape_fn((60, 3), |(i, j)| if j == 0 { 1.3_f32.powi(i as i32 - 15) } else { 0.0 });
        let scores = fitted.score(&Features::rows(distances), &run).unwrap();
        let grows = |a: f32, b: f32| if take == TakeTime::Mean { a < b } else { a <= b };
        assert!(scores.windows(2).all(|pair| grows(pair[0], pair[1])), "{take:?} {scores:?}");
        // Beyond the schedule no two rows tie, whichever is taken.
        assert!(scores[25..].windows(2).all(|pair| pair[0] < pair[1]), "{take:?} {scores:?}");
    }
}

#[test]
fn scores_stay_finite_up_to_the_end_of_f32() {
    let run = Run::new(0);
    for scale in [0.0_f32, 1e-38, 1e-20, 1e18, 3e38] {
        let rows = Features::rows(array![[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5]] * scale);
        let (fitted, own) = DteNp::default().fit_score_on(&rows, &run).unwrap();
        assert!(own.iter().all(|s| s.is_finite() && *s >= 0.0 && *s < 500.0), "{scale} {own:?}");
        assert!(fitted.attribute(&rows, &run).unwrap().unwrap().values.iter().all(|v| v.is_finite()));
    }
}

/// Heaps of equal rows take the least time there is: the posterior at distance 0.
#[test]
fn equal_rows_take_the_least_time() {
    let rows = Features::rows(array![[1.0], [1.0], [1.0], [400.0]]);
    let (_, own) = with(2, 300, TakeTime::Mean).fit_score_on(&rows, &Run::new(0)).unwrap();
    let least = Schedule::new(300, 1).mean(0.0) as f32;
    assert_eq!(own[..3], [least; 3]);
    assert!(own[3] > 299.0);
}

#[test]
fn a_sample_of_the_reference_leaves_its_own_rows_out() {
    let features = Features::rows(Array2::from_shape_fn((200, 2), |(i, j)| {
        ((i * 37 + j * 61 + i * i) % 401) as f32 / 401.0 + i as f32 * 1e-4
    }));
    let detector = DteNp { n_neighbors: 3, max_reference: Some(50), ..Default::default() };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&features, &run).unwrap();
    let kept = reference_rows(200, Some(50), &run).unwrap();
    let new = fitted.score(&features, &run).unwrap();
    for row in 0..200 {
        assert!(if kept.contains(&row) { own[row] > new[row] } else { own[row] == new[row] }, "row {row}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// The definition: all distances, all densities.
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-5_i8..5, 6..90), k in 1..6_usize) {
        let n = flat.len() / 3;
        let rows = Array2::from_shape_fn((n, 3), |(i, j)| f32::from(flat[i * 3 + j]) * 0.07);
        let (_, own) = with(k, 50, TakeTime::Mean).fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        for (i, &own) in own.iter().enumerate() {
            let mut squared: Vec<f64> = (0..n).filter(|&o| o != i).map(|o| {
                let difference = rows.slice(s![i, ..]).mapv(f64::from) - rows.slice(s![o, ..]).mapv(f64::from);
                difference.dot(&difference)
            }).collect();
            squared.sort_by(f64::total_cmp);
            squared.truncate(k);
            let q = squared.iter().sum::<f64>() / squared.len() as f64;
            let (mut sum, mut total, mut v) = (0.0, 0.0, 0.0);
            for t in 0..50 {
                let beta = 0.0001 + (0.01 - 0.0001) * f64::from(t) / 49.0;
                v = 1.0 - (1.0 - v) * (1.0 - beta);
                let density = f64::powf(v, -1.5) * (-q / (2.0 * v)).exp();
                sum += f64::from(t) * density;
                total += density;
            }
            prop_assume!(total > 1e-280);
            let want = sum / total + (q / 3.0 / v).ln().max(0.0);
            prop_assert!((f64::from(own) - want).abs() <= 1e-5 * want.max(1.0), "{} {}", own, want);
        }
    }
}
