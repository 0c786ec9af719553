//! scikit-learn's numbers, closed forms, the best split by trying all, ranks of training rows, and few labels.

use super::*;
use anomalyst_core::{DetectorExt, Features, Label};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn rows(values: Array2<f32>, is_odd: impl Fn(usize) -> bool) -> Features {
    let label = |row| if is_odd(row) { Label::Anomalous } else { Label::Normal };
    let labels = Some((0..values.nrows()).map(label).collect());
    Features { labels, ..Features::rows(values) }
}

/// The data of `golden/gradient_boosting.py`.
fn golden_rows() -> Features {
    let mut values = Array2::from_shape_fn((120, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 1021, (53 * i * i + 29 * i) % 1019, (i.pow(3) + 5) % 1013][j];
        whole as f32 / 1024.0
    });
    let sum =
        values.map_axis(ndarray::Axis(1), |row| f64::from(row[0]) + f64::from(row[1]) * f64::from(row[2]));
    (0..120).filter(|i| i % 13 == 5).for_each(|i| values[[i, 1]] = f32::NAN);
    rows(values, |i| (sum[i] > 0.9) != (i % 17 == 3))
}

/// scikit-learn through `golden/gradient_boosting.py`. It keeps gradients in 32 bits too, but adds them up in another
/// order, hence the tolerance.
#[test]
fn matches_scikit_learn() {
    let want: [f64; 14] = [
        -2.154614, -2.272024, 2.197376, 1.477779, -2.682683, 3.573059, -1.762832, -0.9850512, 1.477779,
        1.049316, 0.195243, -1.81648, 4.001521, -3.460464,
    ];
    let detector = GradientBoosting {
        n_trees: 40,
        learning_rate: 0.2,
        max_leaves: 2,
        min_leaf_weight: 0.001,
        balance: 0.0,
        ..Default::default()
    };
    let train = golden_rows();
    let scores = detector.fit_on(&train, &Run::new(0)).unwrap().score(&train, &Run::new(0)).unwrap();
    for (got, want) in scores.iter().step_by(9).zip(want) {
        assert!((f64::from(*got) - want).abs() < 1e-3, "{got} {want}");
    }
}

/// One full step from even odds: G = 2 / 2 over H = 2 / 4 on either side. With three normal rows to one anomalous and
/// full balance the weights are 2/3 and 2, which comes to the same step, and ln 3 is taken back.
#[test]
fn closed_form_of_one_step() {
    let one = GradientBoosting { n_trees: 1, learning_rate: 1.0, min_leaf_weight: 0.1, ..Default::default() };
    let score = |values, detector: GradientBoosting, odd: fn(usize) -> bool| {
        let fitted = detector.fit_on(&rows(values, odd), &Run::new(0)).unwrap();
        fitted.score(&Features::rows(array![[-5.0], [0.9], [1.0], [9.0]]), &Run::new(0)).unwrap()
    };
    let even = score(array![[0.0], [0.0], [1.0], [1.0]], one.clone(), |row| row > 1);
    for (got, want) in even.into_iter().zip([-2.0_f32, -2.0, 2.0, 2.0]) {
        assert!((got - want).abs() < 1e-5, "{got} {want}");
    }
    let uneven = GradientBoosting { balance: 1.0, ..one };
    let uneven = score(array![[0.0], [0.0], [0.0], [1.0]], uneven, |row| row == 3);
    for (got, want) in uneven.into_iter().zip([-2.0, -2.0, 2.0, 2.0]) {
        assert!((got - (want - 3.0_f32.ln())).abs() < 1e-5, "{got} {want}");
    }
}

/// Odds are those of the training rows, whatever `balance` says: a column that tells nothing leaves them.
#[test]
fn scores_are_log_odds() {
    let train = rows(Array2::from_elem((100, 2), 4.0), |row| row < 20);
    for balance in [0.0, 0.5, 1.0] {
        let detector = GradientBoosting { balance, ..Default::default() };
        let score = detector.fit_on(&train, &Run::new(0)).unwrap().score(&train, &Run::new(0)).unwrap()[0];
        assert!((score - 0.25_f32.ln()).abs() < 1e-6, "{score}");
    }
}

/// What splitting rows with gradients `g` and curvatures `h` into `left` and the others gains, to a constant.
fn gain(is_odd: &[bool], p: f64, left: &[bool]) -> f64 {
    let side = |is_left: bool| {
        let of_side = || left.iter().zip(is_odd).filter(|(l, _)| **l == is_left).map(|(_, &odd)| odd);
        let g: f64 = of_side().map(|odd| p - f64::from(u8::from(odd))).sum();
        let h = of_side().count() as f64 * p * (1.0 - p);
        if h > 0.0 { g * g / h } else { 0.0 }
    };
    side(true) + side(false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The first split of a tree gains as much as the best of all columns, thresholds and sides for missing values.
    #[test]
    fn the_best_split_is_found(cells in prop::collection::vec((0_u8..6, 0_u8..6, any::<bool>()), 6..40)) {
        let is_odd: Vec<bool> = cells.iter().map(|cell| cell.2).collect();
        prop_assume!(is_odd.contains(&true) && is_odd.contains(&false));
        let number = |v: u8| if v == 0 { f32::NAN } else { f32::from(v) };
        let values = Array2::from_shape_fn((cells.len(), 2), |(i, j)| number([cells[i].0, cells[i].1][j]));
        let p = is_odd.iter().filter(|&&odd| odd).count() as f64 / is_odd.len() as f64;
        let mut best = gain(&is_odd, p, &vec![true; is_odd.len()]);
        for (column, threshold, missing_left) in
            (0..2).flat_map(|c| (1..8).flat_map(move |t| [(c, t as f32, true), (c, t as f32, false)]))
        {
            let goes_left = |v: &f32| if v.is_nan() { missing_left } else { *v < threshold };
            let left: Vec<bool> = values.column(column).iter().map(goes_left).collect();
            best = best.max(gain(&is_odd, p, &left));
        }
        let stump = GradientBoosting {
            n_trees: 1,
            max_leaves: 2,
            min_leaf_weight: 0.001,
            balance: 0.0,
            ..Default::default()
        };
        let train = rows(values, |row| is_odd[row]);
        let scores = stump.fit_on(&train, &Run::new(0)).unwrap().score(&train, &Run::new(0)).unwrap();
        let left: Vec<bool> = scores.iter().map(|s| *s == scores[0]).collect();
        let found = gain(&is_odd, p, &left);
        prop_assert!((found - best).abs() < 1e-4 * best.max(1.0), "{found} instead of {best}");
    }
}

/// A row whose label is wrong is ranked by what the other rows say.
#[test]
fn training_rows_are_ranked_by_models_that_do_not_know_their_label() {
    let values = Array2::from_shape_fn((200, 1), |(i, _)| i as f32);
    let train = rows(values, |row| row >= 150 || row == 40);
    let (fitted, own) = GradientBoosting::default().fit_score_on(&train, &Run::new(3)).unwrap();
    assert!(own[40] < 0.0 && own[180] > 0.0, "{} {}", own[40], own[180]);
    assert_eq!(own.len(), 200);
    let again = fitted.score(&train, &Run::new(3)).unwrap();
    assert!(own != again, "training rows are not scored as if they were new");
}

/// Scores do not fall with a value that only ever speaks for anomalies, and rows of which nothing is known are normal.
#[test]
fn unknown_rows_count_as_normal() {
    let values = Array2::from_shape_fn((60, 1), |(i, _)| i as f32);
    let mut train = rows(values, |row| row >= 40);
    let known = GradientBoosting::default().fit_on(&train, &Run::new(0)).unwrap();
    train.labels.iter_mut().flatten().filter(|l| **l == Label::Normal).for_each(|l| *l = Label::Unknown);
    let unknown = GradientBoosting::default().fit_on(&train, &Run::new(0)).unwrap();
    let run = Run::new(0);
    assert_eq!(known.score(&train, &run).unwrap(), unknown.score(&train, &run).unwrap());
}
