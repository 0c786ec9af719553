//! Recovery of planted parts, numbers of another solver, closed forms, and training rows that get their own split
//! again.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{array, concatenate};
use proptest::prelude::*;

/// The data of `golden/robust_pca.py`: rank 2, with four wild values in three rows.
fn golden_rows() -> Array2<f32> {
    let mix = array![[1.0, 0.5, -1.0, 0.25, 2.0, -0.75], [0.5, -1.0, 1.0, 2.0, -0.25, 1.5]];
    let hidden = Array2::from_shape_fn((40, 2), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97][j] as f32 - [50.0, 48.0][j];
        whole / 32.0
    });
    let mut rows = hidden.dot(&mix);
    for (i, j, by) in [(5, 2, 9.0), (17, 0, -7.0), (17, 4, 6.0), (33, 5, 4.0)] {
        rows[[i, j]] += by;
    }
    rows
}

fn exact() -> RobustPca {
    RobustPca { tolerance: 1e-9, max_iter: 20_000, ..RobustPca::default() }
}

/// `golden/robust_pca.py`: the pursuit by ever larger steps and full SVDs, rows by a general solver of bounded
/// problems. Both stop at a gap of their own, hence 1e-3.
#[test]
fn matches_another_solver() {
    let rows = golden_rows();
    let new = array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]];
    let queries = rows.select(Axis(0), &[0, 5, 17, 20, 33]);
    let queries = Features::rows(concatenate![Axis(0), queries, new]);
    let goldens = [
        (
            (true, 1.0),
            vec![9.311563, 6.002445, 0.3741288],
            [2.710235, 9.647167, 10.35675, 0.4120625, 2.520556, 10.03773, 0.3087489],
        ),
        (
            (false, 1.0),
            vec![15.68707, 8.762163, 0.6966547],
            [4.06532, 10.67284, 13.93764, 0.4301213, 4.239086, 14.69825, 0.2802648],
        ),
        (
            (true, 0.7),
            vec![6.131639, 0.9881463],
            [4.81796, 10.5063, 10.40308, 2.071243, 2.949291, 11.81296, 0.5390045],
        ),
    ];
    for ((standardize, lambda_factor), singular, want) in goldens {
        let detector = RobustPca { standardize, lambda_factor, ..exact() };
        let fitted = detector.fit_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        assert_eq!(fitted.model().singular.len(), singular.len());
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-4 * singular[0];
        assert!(fitted.model().singular.iter().zip(&singular).all(close), "{:?}", fitted.model().singular);
        for (got, want) in fitted.score(&queries, &Run::new(0)).unwrap().iter().zip(want) {
            assert!((f64::from(*got) - want).abs() < 1e-3 * want.max(1.0), "{lambda_factor} {got} {want}");
        }
    }
}

/// Rank 2 in 30 columns, one entry in twenty moved: scores are the sums of what was moved, for rows that were learned
/// from and for new ones, as far as the pursuit has converged. What medians take off is the third direction.
#[test]
fn planted_values_come_back() {
    let noise = |i: usize, j: usize| {
        let mixed = ((i * 7919 + j) as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    let make = |first: usize, n: usize| {
        let left = Array2::from_shape_fn((n, 2), |(i, j)| 4.0 * noise(first + i, j));
        let right = Array2::from_shape_fn((2, 30), |(i, j)| noise(90_000 + i, j));
        let moved = Array2::from_shape_fn((n, 30), |(i, j)| {
            if noise(first + i + 20_000, j) > 0.9 { 8.0 * noise(first + i, j + 50).signum() } else { 0.0 }
        });
        (left.dot(&right) + &moved, moved.map(|v| v.abs()).sum_axis(Axis(1)))
    };
    let ((train, planted), (new, new_planted)) = (make(0, 200), make(700, 50));
    let detector = RobustPca { standardize: false, tolerance: 1e-7, max_iter: 2000, ..RobustPca::default() };
    let (fitted, own) = detector.fit_score_on(&Features::rows(train), &Run::new(0)).unwrap();
    assert_eq!(fitted.model().singular.len(), 3);
    let scores = fitted.score(&Features::rows(new), &Run::new(0)).unwrap();
    for (got, want) in own.iter().chain(&scores).zip(planted.iter().chain(&new_planted)) {
        assert!((got - want).abs() < 0.01, "{got} {want}");
    }
}

/// The promise of the page: a training row gets its own row of the sparse part again.
#[test]
fn training_rows_get_their_own_split_again() {
    let rows = anomalyst_testkit::normal_rows(120, 6, 1);
    let detector = RobustPca { standardize: false, ..exact() };
    let (fitted, own) = detector.fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
    let model = fitted.model();
    let matrix = Array2::from_shape_fn(rows.dim(), |(i, j)| f64::from(rows[[i, j]]) - model.center[j]);
    let limits = PursuitLimits { tolerance: 1e-9, max_iter: 20_000 };
    let split = principal_component_pursuit(matrix, model.lambda, limits, &Run::new(0)).unwrap();
    assert!(split.is_converged && !split.singular.is_empty());
    for (got, row) in own.iter().zip(split.sparse.rows()) {
        let want: f64 = row.iter().map(|v| v.abs()).sum();
        assert!((f64::from(*got) - want).abs() < 5e-3 * want.max(1.0), "{got} {want}");
    }
}

fn model(axes: &Array2<f64>, singular: &[f64], lambda: f64) -> RobustPcaModel {
    let d = axes.ncols();
    RobustPcaModel {
        center: vec![0.0; d],
        scale: vec![1.0; d],
        loadings: axes.t().as_standard_layout().into_owned(),
        singular: singular.to_vec(),
        lambda,
    }
}

fn split(model: &RobustPcaModel, row: &[f32]) -> Vec<f64> {
    let weight = |column: ndarray::ArrayView1<'_, f64>| {
        column.iter().zip(&model.singular).map(|(v, l)| l * v * v).sum::<f64>()
    };
    let weights: Vec<f64> = model.loadings.rows().into_iter().map(weight).collect();
    Split::new(model, &weights).of(ndarray::ArrayView1::from(row)).to_vec()
}

/// One direction (1, 1) / root 2 that costs next to nothing: the least absolute deviation from it is the difference of
/// the two values. Nothing of low rank: the row itself. A direction along a column that costs `a^2 / 2 + lambda |z -
/// a|`: `a = lambda`.
#[test]
fn closed_forms() {
    let h = 0.5_f64.sqrt();
    let slanted = split(&model(&array![[h, h]], &[1e9], 0.5), &[5.0, 2.0]);
    assert!((slanted.iter().map(|v| v.abs()).sum::<f64>() - 3.0).abs() < 1e-4, "{slanted:?}");
    assert_eq!(split(&model(&Array2::zeros((0, 2)), &[], 0.5), &[5.0, -2.0]), [5.0, -2.0]);
    let column = split(&model(&array![[1.0, 0.0]], &[1.0], 0.5), &[5.0, -2.0]);
    assert!((column[0] - 4.5).abs() < 1e-9 && column[1] == -2.0, "{column:?}");
    // Within lambda, the direction takes all.
    assert!(split(&model(&array![[1.0, 0.0]], &[1.0], 0.5), &[0.3, 0.0])[0].abs() < 1e-12);
}

#[test]
fn constant_and_equal_rows() {
    let run = Run::new(0);
    let (fitted, own) =
        RobustPca::default().fit_score_on(&Features::rows(Array2::from_elem((20, 3), 4.0)), &run).unwrap();
    assert!(own.iter().all(|&s| s == 0.0));
    // In units of the value itself.
    let far = fitted.score(&Features::rows(array![[4.0, 8.0, 4.0]]), &run).unwrap();
    assert_eq!(far, [1.0]);
}

#[test]
fn a_sample_is_split_and_all_rows_are_scored() {
    let rows = Features::rows(anomalyst_testkit::normal_rows(400, 4, 1));
    let run = Run::new(4);
    let kept = reference_rows(400, Some(100), &run).unwrap();
    let alone = RobustPca::default().fit_on(&rows.take(&kept), &run).unwrap().score(&rows, &run).unwrap();
    let sampled = RobustPca { max_reference: Some(100), ..RobustPca::default() };
    assert_eq!(sampled.fit_score_on(&rows, &run).unwrap().1, alone);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// No other split of a row costs less: random steps away from the one found, of any length, and the shares are the
    /// residuals of the direction's own optimum.
    #[test]
    fn no_other_split_costs_less(
        cells in prop::collection::vec(-2.0..2.0_f64, 10), row in prop::collection::vec(-9.0..9.0_f32, 5),
        singular in prop::collection::vec(0.05..50.0_f64, 2), steps in prop::collection::vec(-1.0..1.0_f64, 40),
    ) {
        // Two orthonormal directions.
        let mut axes = Array2::from_shape_fn((2, 5), |(i, j)| cells[5 * i + j] + f64::from(u8::from(i == j)) * 5.0);
        let first = axes.row(0).to_owned() / axes.row(0).dot(&axes.row(0)).sqrt();
        let second = &axes.row(1) - &(&first * first.dot(&axes.row(1)));
        let second = &second / second.dot(&second).sqrt();
        axes.row_mut(0).assign(&first);
        axes.row_mut(1).assign(&second);
        let lambda = 0.3;
        let sparse = ndarray::Array1::from(split(&model(&axes, &singular, lambda), &row));
        let z = ndarray::Array1::from_iter(row.iter().map(|&v| f64::from(v)));
        let best = axes.dot(&(&z - &sparse));
        let cost = |a: &ndarray::Array1<f64>| {
            let ridge: f64 = a.iter().zip(&singular).map(|(a, l)| a * a / (2.0 * l)).sum();
            ridge + lambda * (&z - &axes.t().dot(a)).iter().map(|v| v.abs()).sum::<f64>()
        };
        let least = cost(&best);
        let slack = 2.0 * GAP * lambda * z.iter().map(|v| v.abs()).sum::<f64>() + 1e-12;
        for (i, step) in steps.chunks(2).enumerate() {
            let length = 10.0_f64.powi(-(i as i32 % 5));
            let other = &best + &(array![step[0], step[1]] * length);
            prop_assert!(cost(&other) >= least - slack, "{} {}", cost(&other), least);
        }
    }
}
