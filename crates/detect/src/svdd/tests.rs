//! Closed forms, a quadratic programme's numbers, and the one-class machine it equals with `rbf`.

use super::*;
use crate::OneClassSvm;
use crate::one_class_svm::tests::{golden_queries, golden_rows};
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// Columns as they are, as in the paper.
fn plain() -> Svdd {
    Svdd { standardize: false, ..Svdd::default() }
}

/// cvxopt 1.3.3 through `golden/svdd.py`. Kernels are held in f32 while solving: 1e-6 of the largest.
#[test]
fn matches_a_quadratic_programme() {
    let with = |nu, kernel| Svdd { nu, kernel, tolerance: 1e-8, ..plain() };
    let polynomial = Svdd { gamma: Some(0.1), coef0: 1.0, degree: 2, ..with(0.2, KernelKind::Polynomial) };
    let goldens = [
        (
            with(0.1, KernelKind::Rbf),
            [0.00847189847, -0.0209810588, 0.0, 0.226235342, 0.356829101, 0.559463878, -0.0209810588],
        ),
        (
            with(0.1, KernelKind::Linear),
            [1.6161262, -1.47897782, 0.0, 78.6239399, 3.36402296, 44.9813045, -1.47897782],
        ),
        (
            with(0.3, KernelKind::Linear),
            [2.5094975, -0.216158937, 1.14123993, 86.1927073, 4.42782383, 44.0185267, -0.216158937],
        ),
        (
            polynomial,
            [0.481761467, -0.324689274, 0.0991288709, 142.476876, 1.7208591, 9.86119127, -0.324689274],
        ),
    ];
    for (detector, want) in goldens {
        let fitted = detector.fit_on(&Features::rows(golden_rows()), &Run::new(0)).unwrap();
        let got = fitted.score(&golden_queries(), &Run::new(0)).unwrap();
        let largest = want.iter().fold(1.0, |m: f64, v: &f64| m.max(v.abs()));
        for (got, want) in got.iter().zip(want) {
            assert!((f64::from(*got) - want).abs() <= 1e-6 * largest, "{detector:?}: {got} {want}");
        }
    }
}

/// The corners of a right angle lie on the circle around (1, 1) with squared radius 2; a fourth corner too.
#[test]
fn closed_form_of_a_circle() {
    let ball = Svdd { nu: 0.3, kernel: KernelKind::Linear, tolerance: 1e-7, ..plain() };
    let rows = Features::rows(array![[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.5, 0.5]]);
    let (fitted, own) = ball.fit_score_on(&rows, &Run::new(0)).unwrap();
    let want = [0.0, 0.0, 0.0, -1.5];
    assert!(own.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-5), "{own:?}");
    let new =
        fitted.score(&Features::rows(array![[1.0, 1.0], [2.0, 2.0], [5.0, 1.0]]), &Run::new(0)).unwrap();
    assert!(new.iter().zip([-2.0, 0.0, 14.0]).all(|(got, want)| (got - want).abs() < 1e-5), "{new:?}");
}

#[test]
fn rows_without_spread_are_their_own_ball() {
    for kernel in [KernelKind::Rbf, KernelKind::Linear] {
        let rows = Features::rows(Array2::from_elem((5, 2), 3.0));
        let (fitted, own) = Svdd { kernel, ..plain() }.fit_score_on(&rows, &Run::new(0)).unwrap();
        assert!(own.iter().all(|s| s.abs() < 1e-6), "{own:?}");
        assert!(fitted.score(&Features::rows(array![[3.0, 5.0]]), &Run::new(0)).unwrap()[0] > 0.5);
    }
}

/// Those of the linear kernel are parts of the squared distance, up to what all rows have in common.
#[test]
fn shares_tell_the_column() {
    let run = Run::new(0);
    for kernel in [KernelKind::Rbf, KernelKind::Linear, KernelKind::Polynomial] {
        let detector = Svdd { kernel, degree: 2, ..plain() };
        let fitted = detector.fit_on(&Features::rows(golden_rows()), &run).unwrap();
        let rows = Features::rows(array![[1.0, 1.0, 1.0], [1.0, 1.0, -60.0]]);
        let scores = fitted.score(&rows, &run).unwrap();
        let shares = fitted.attribute(&rows, &run).unwrap().unwrap().values;
        if kernel == KernelKind::Linear {
            let sums = shares.sum_axis(Axis(1));
            assert!((sums[1] - sums[0] - (scores[1] - scores[0])).abs() < 1e-5 * scores[1].abs());
        }
        assert!((0..2).all(|j| shares[[1, j]].abs() < 0.1 * shares[[1, 2]]), "{kernel:?} {shares}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// With a kernel of the distance every row has length 1, and the two problems are one.
    #[test]
    fn equals_the_one_class_machine_with_rbf(flat in prop::collection::vec(-3.0..3.0_f32, 20..200), nu in 0.02..1.0_f64) {
        let rows = Features::rows(Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| flat[i * 2 + j]));
        let run = Run::new(0);
        let scale = 2.0 / (nu * rows.n_parts() as f64) as f32;
        let (_, ball) = Svdd { nu, tolerance: 1e-7, ..plain() }.fit_score_on(&rows, &run).unwrap();
        let plane = OneClassSvm { nu, tolerance: 1e-7, standardize: false, ..OneClassSvm::default() };
        let (_, plane) = plane.fit_score_on(&rows, &run).unwrap();
        for (ball, plane) in ball.iter().zip(plane) {
            prop_assert!((ball - scale * plane).abs() < 1e-5, "{ball} {plane}");
        }
    }
}
