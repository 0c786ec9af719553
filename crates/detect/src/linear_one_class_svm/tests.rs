//! The solver against the exact one on the same features, the distance to the exact machine, degenerate rows.

use super::*;
use crate::OneClassSvm;
use anomalyst_core::{DetectorExt, Features};
use anomalyst_kernels::kernel_matrix::Kernel;
use anomalyst_kernels::smo::{Problem, solve};
use anomalyst_testkit::normal_rows;
use ndarray::array;
use proptest::prelude::*;

/// Two rows on the axes, all weight but a half: by symmetry 0.75 on each, level 0.75.
#[test]
fn closed_form_of_two_rows() {
    let z = array![[1.0, 0.0], [0.0, 1.0]];
    let plane = pairs::solve(&z, 1.5, 1e-9, 100, &Run::new(0)).unwrap();
    assert!((plane.level - 0.75).abs() < 1e-6 && plane.normal.iter().all(|u| (u - 0.75).abs() < 1e-6));
    assert!(plane.gap < 1e-6);
}

/// Where all rows are landmarks, products of features are kernels.
#[test]
fn products_of_features_are_kernels() {
    let (rows, run) = (normal_rows(60, 3, 5), Run::new(3));
    let kernel = Kernel::Rbf { gamma: 1.0 / 3.0 };
    let turn = turn(kernel, rows.view(), &run).unwrap();
    let z = features(kernel, rows.view(), &turn, rows.view(), &run).unwrap();
    for (i, a) in rows.rows().into_iter().enumerate() {
        for (j, b) in rows.rows().into_iter().enumerate() {
            let squared = (&a - &b).mapv(|v| v * v).sum();
            // What was left out is below 1e-6 of an eigenvalue of at most 60.
            assert!((z.row(i).dot(&z.row(j)) - (-squared / 3.0).exp()).abs() < 1e-4);
        }
    }
}

/// How far scores are from those of the exact machine, in the same unit, as a root of the mean square and in ranks;
/// bars are measured numbers with a margin of a quarter.
#[test]
fn distance_to_the_exact_machine() {
    let (train, new) =
        (Features::rows(normal_rows(2000, 4, 1)), Features::rows(normal_rows(400, 4, 2) * 1.5));
    let run = Run::new(1);
    let exact = OneClassSvm::default().fit_on(&train, &run).unwrap().score(&new, &run).unwrap();
    let measured = [32, 256, 1000].map(|n_components| {
        let detector = LinearOneClassSvm { n_components, ..LinearOneClassSvm::default() };
        let got = detector.fit_on(&train, &run).unwrap().score(&new, &run).unwrap();
        let squares = got.iter().zip(&exact).map(|(got, want)| f64::from(got - want / 1000.0).powi(2));
        ((squares.sum::<f64>() / 400.0).sqrt(), rank_correlation(&got, &exact))
    });
    let bars = [(0.0105, 0.99), (0.0006, 0.9999), (0.00015, 0.9999)];
    for ((distance, correlation), (most, least)) in measured.into_iter().zip(bars) {
        assert!(distance < most && correlation > least, "{measured:?}");
    }
}

/// Spearman's, of lists without ties.
fn rank_correlation(a: &[f32], b: &[f32]) -> f64 {
    let ranks = |list: &[f32]| -> Vec<f64> {
        list.iter().map(|v| list.iter().filter(|w| *w < v).count() as f64).collect()
    };
    let n = a.len() as f64;
    let squares: f64 = ranks(a).iter().zip(ranks(b)).map(|(a, b)| (a - b).powi(2)).sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0))
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let equal = Features::rows(Array2::from_elem((50, 2), 3.0));
    let (fitted, own) = LinearOneClassSvm::default().fit_score_on(&equal, &run).unwrap();
    assert!(own.iter().all(|s| s.abs() < 1e-5), "{own:?}");
    let far = fitted.score(&Features::rows(array![[3e38, -3e38], [9.0, 9.0]]), &run).unwrap();
    assert!(far.iter().all(|s| s.is_finite() && *s > 0.3), "{far:?}");
    let one = LinearOneClassSvm::default().fit_score_on(&Features::rows(array![[1.0]]), &run).unwrap().1;
    assert!(one[0].abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// The exact solver with the kernel of products on the same features finds the same plane.
    #[test]
    fn equals_the_exact_solver(n in 5..200_usize, nu in 0.05..1.0_f64, seed in 0..1000_u64) {
        let rows = normal_rows(n, 2, seed);
        let (kernel, run) = (Kernel::Rbf { gamma: 0.5 }, Run::new(seed));
        let landmarks = normal_rows(16, 2, seed + 1);
        let turn = turn(kernel, landmarks.view(), &run).unwrap();
        let z = features(kernel, landmarks.view(), &turn, rows.view(), &run).unwrap();
        let total = nu * n as f64;
        let plane = pairs::solve(&z, total, 1e-4 * total, 20_000, &run).unwrap();
        prop_assert!(plane.gap <= 1e-4 * total, "{} of {total}", plane.gap);
        let problem = Problem { rows: z.view(), kernel: Kernel::Linear, linear: None, total, tolerance: 1e-6 };
        let exact = solve(problem, &run).unwrap();
        for row in z.rows() {
            let ours: f64 = row.iter().zip(&plane.normal).map(|(z, u)| f64::from(*z) * u).sum();
            let theirs: f64 = exact
                .weights
                .iter()
                .zip(z.rows())
                .map(|(w, other)| w * f64::from(row.dot(&other)))
                .sum();
            prop_assert!((ours - theirs).abs() < 0.02 * total, "{ours} {theirs}");
        }
    }
}
