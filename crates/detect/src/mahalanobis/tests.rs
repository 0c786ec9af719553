//! Closed forms, scikit-learn's numbers, an inverse by Cholesky as an oracle, and directions without variance.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use anomalyst_kernels::linalg::{Cholesky, covariance};
use ndarray::{Array2, array};
use proptest::prelude::*;

const ALL: [Shrinkage; 3] = [Shrinkage::None, Shrinkage::LedoitWolf, Shrinkage::Oas];

fn plain(shrinkage: Shrinkage) -> Mahalanobis {
    Mahalanobis { shrinkage, standardize: false, ..Mahalanobis::default() }
}

fn close(got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= tolerance * want.abs(), "{got} {want}");
    }
}

/// Four corners of a rectangle: variances 4 and 1, no covariance, so |C|^2 = 17, v = 2.5, and |x - m|^4 = 25.
/// - Ledoit and Wolf: e = 17 / 2 - 6.25 = 2.25 and b = (25 - 17) / 8 = 1, so a = 4 / 9.
/// - OAS: q = 17 / 4, a = (4.25 + 6.25) / (5 (4.25 - 3.125)), above 1: a ball of variance 2.5.
#[test]
fn closed_form_on_a_rectangle() {
    let train = Features::rows(array![[2.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]]);
    let new = Features::rows(array![[4.0, 0.0], [0.0, 3.0], [2.0, 1.0]]);
    let ledoit_wolf = [20.0 / 9.0 + 10.0 / 9.0, 5.0 / 9.0 + 10.0 / 9.0];
    for (shrinkage, [first, second]) in ALL.into_iter().zip([[4.0, 1.0], ledoit_wolf, [2.5, 2.5]]) {
        let fitted = plain(shrinkage).fit_on(&train, &Run::new(0)).unwrap();
        let want = [16.0 / first, 9.0 / second, 4.0 / first + 1.0 / second];
        close(&fitted.score(&new, &Run::new(0)).unwrap(), &want, 1e-6);
    }
}

/// scikit-learn 1.9 through `golden/mahalanobis.py`. The rows are whole and half numbers, so only the f32 of scores
/// separates the two: 1e-6.
#[test]
fn matches_scikit_learn() {
    let rows = Features::rows(Array2::from_shape_fn((12, 4), |(i, j)| match j {
        0 => (i * 7 % 11) as f32,
        1 => (i * i % 5) as f32 + 0.5 * i as f32,
        2 => (if i == 11 { 9 } else { i / 3 }) as f32,
        _ => (i * 5 % 7) as f32 - i as f32,
    }));
    let golden = [
        [
            6.53040871, 3.89096717, 2.94978048, 3.05939887, 1.85529854, 1.49134488, 2.44589478, 3.01186141,
            5.59347926, 2.07757251, 4.5765722, 10.5174212,
        ],
        [
            5.31575216, 4.64931241, 1.9763284, 3.16714531, 2.01608904, 1.36598017, 2.27990645, 2.57849059,
            3.19687043, 2.30974009, 3.9140869, 8.13918854,
        ],
        [
            5.38894579, 5.44056216, 1.96613478, 3.31738445, 2.30871748, 1.42528168, 2.34491933, 2.79373847,
            2.92443374, 2.5355568, 4.19426919, 8.26863226,
        ],
    ];
    for (shrinkage, want) in ALL.into_iter().zip(golden) {
        close(&plain(shrinkage).fit_score_on(&rows, &Run::new(0)).unwrap().1, &want, 1e-6);
    }
}

/// Rows on the line y = x: variance 2 along it, and a millionth of that across it.
#[test]
fn a_direction_without_variance_scores_high_but_finite() {
    let train = Features::rows(array![[-1.0, -1.0], [1.0, 1.0]]);
    let new = Features::rows(array![[0.0, 0.0], [1.0, 1.0], [1.0, -1.0], [1e30, -1e30]]);
    let fitted = plain(Shrinkage::None).fit_on(&train, &Run::new(0)).unwrap();
    let scores = fitted.score(&new, &Run::new(0)).unwrap();
    close(&scores[1..3], &[1.0, 1e6], 1e-5);
    assert_eq!((scores[0], scores[3]), (0.0, f32::MAX));
}

/// Equal rows, one row, a constant column, more columns than rows.
#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let wide = Array2::from_shape_fn((4, 9), |(i, j)| ((i * 5 + j * 3) % 7) as f32);
    let constant = array![[1.0, 2.0], [3.0, 2.0], [4.0, 2.0]];
    for shrinkage in ALL {
        for rows in [Array2::from_elem((8, 3), 2.5), array![[4.0, 0.0]], constant.clone(), wide.clone()] {
            for standardize in [false, true] {
                let params = Mahalanobis { standardize, ..plain(shrinkage) };
                let (fitted, own) = params.fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
                assert!(own.iter().all(|v| v.is_finite() && *v >= 0.0), "{own:?}");
                let off = fitted.score(&Features::rows(&rows + 1.0), &run).unwrap();
                assert!(off.iter().all(|v| v.is_finite() && *v > 0.0), "{off:?}");
            }
        }
    }
}

#[test]
fn too_many_columns_are_refused() {
    let rows = Features::rows(Array2::zeros((2, MAX_COLUMNS + 1)));
    assert!(matches!(Mahalanobis::default().fit_on(&rows, &Run::new(0)), Err(Error::Budget { .. })));
}

proptest! {
    /// Without shrinkage, the distance by the inverse covariance, in any units; the shares of columns sum to the score.
    #[test]
    fn equals_the_inverse_covariance(
        d in 1..5_usize, cells in prop::collection::vec(-5.0..5.0_f32, 200), standardize in any::<bool>(),
    ) {
        let train = Array2::from_shape_fn((30, d), |(i, j)| cells[i * d + j]);
        let new = Array2::from_shape_fn((10, d), |(i, j)| cells[150 + i * d + j] * 2.0);
        let run = Run::new(0);
        let params = Mahalanobis { standardize, ..plain(Shrinkage::None) };
        let fitted = params.fit_on(&Features::rows(train.clone()), &run).unwrap();
        let got = fitted.score(&Features::rows(new.clone()), &run).unwrap();
        let cholesky = Cholesky::new(covariance(train.view(), &run).unwrap().view()).unwrap();
        let mean = column_means(train.view());
        let shares = fitted.attribute(&Features::rows(new.clone()), &run).unwrap().unwrap().values;
        for ((row, got), shares) in new.rows().into_iter().zip(got).zip(shares.rows()) {
            let c: Vec<f64> = row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m).collect();
            let want: f64 = cholesky.solve(&c).unwrap().iter().zip(&c).map(|(a, b)| a * b).sum();
            prop_assert!((f64::from(got) - want).abs() < 1e-5 * want.max(1.0), "{} {}", got, want);
            let size: f64 = shares.iter().map(|&v| f64::from(v.abs())).sum();
            let sum: f64 = shares.iter().map(|&v| f64::from(v)).sum();
            prop_assert!((sum - f64::from(got)).abs() <= 1e-5 * size.max(1.0), "{} {}", sum, got);
        }
    }
}
