//! Closed forms, scikit-learn's numbers, the Mahalanobis distance as an oracle, and directions without variance.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use anomalyst_kernels::linalg::{Cholesky, column_means, covariance};
use ndarray::{Array2, array, s};
use proptest::prelude::*;

fn rows() -> Features {
    Features::rows(Array2::from_shape_fn((12, 4), |(i, j)| match j {
        0 => (i * 7 % 11) as f32,
        1 => (i * i % 5) as f32 + 0.5 * i as f32,
        2 => (if i == 11 { 9 } else { i / 3 }) as f32,
        _ => (i * 5 % 7) as f32 - i as f32,
    }))
}

fn scores(params: &Pca) -> Vec<f32> {
    params.fit_score_on(&rows(), &Run::new(0)).unwrap().1
}

fn close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= 1e-6 * want.abs(), "{got} {want}");
    }
}

/// For numbers that f32 rows do not hold exactly.
fn close_to(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= 1e-5 * want.abs().max(1e-3), "{got} {want}");
    }
}

/// scikit-learn 1.9.1 through `golden/pca.py`. The rows are whole and half numbers, so only the f32 of scores
/// separates the two: 1e-6.
#[test]
fn matches_scikit_learn() {
    let all = [
        6.53040871, 3.89096717, 2.94978048, 3.05939887, 1.85529854, 1.49134488, 2.44589478, 3.01186141,
        5.59347926, 2.07757251, 4.5765722, 10.5174212,
    ];
    let major = [
        4.10939269,
        2.58528348,
        0.456306404,
        2.64462774,
        0.8878443,
        1.10731088,
        1.43180029,
        1.38137027,
        0.855634407,
        1.56860665,
        0.945579708,
        6.02624319,
    ];
    let minor_unweighted = [
        0.861472105,
        0.491331147,
        1.03189498,
        0.146461538,
        0.348963279,
        0.135527013,
        0.425157503,
        0.668564956,
        1.99190394,
        0.209021651,
        1.28818919,
        1.75511192,
    ];
    close(&scores(&Pca::default()), &all);
    let two = Pca { n_components: Some(2), ..Pca::default() };
    close(&scores(&Pca { components: Components::Major, ..two.clone() }), &major);
    close(&scores(&Pca { components: Components::Minor, weight: Weight::None, ..two }), &minor_unweighted);
    // The variances are 2.14, 1.08, 0.43 and 0.35: two components are the first to hold 70 % of 4.
    let share = Pca { components: Components::Major, variance_share: 0.7, ..Pca::default() };
    close(&scores(&share), &major);
}

/// Rippel et al. keep the components after those that hold 99 % of the variance. Here the variances are 9, 0.09 and
/// 0.01: the last two are left, each divided by its own.
#[test]
fn components_of_low_variance() {
    let train = array![[3.0, 0.3, 0.1], [-3.0, 0.3, -0.1], [3.0, -0.3, -0.1], [-3.0, -0.3, 0.1]];
    let low = |variance_share| Pca {
        components: Components::Minor,
        variance_share,
        standardize: false,
        min_variance: 1e-9,
        ..Pca::default()
    };
    let new = Features::rows(array![[3.0, 0.0, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, 0.3], [30.0, 0.3, 0.1]]);
    let score = |share| {
        let fitted = low(share).fit_on(&Features::rows(train.clone()), &Run::new(0)).unwrap();
        fitted.score(&new, &Run::new(0)).unwrap()
    };
    close_to(&score(0.985), &[0.0, 4.0, 9.0, 2.0]);
    close_to(&score(0.995), &[0.0, 0.0, 9.0, 1.0]);
}

/// Rows on the line y = x: variance 2 along it, 1 on average, so a step across it is divided by 0.001.
#[test]
fn a_direction_without_variance_scores_high_but_finite() {
    let run = Run::new(0);
    let train = Features::rows(array![[-1.0, -1.0], [1.0, 1.0]]);
    let fitted = Pca::default().fit_on(&train, &run).unwrap();
    let new = Features::rows(array![[0.0, 0.0], [1.0, 1.0], [1.0, -1.0], [1e30, -1e30]]);
    let scores = fitted.score(&new, &run).unwrap();
    close_to(&scores[..3], &[0.0, 1.0, 2000.0]);
    assert_eq!(scores[3], f32::MAX);
    let deviation = Pca { weight: Weight::Deviation, ..Pca::default() };
    let scores = deviation.fit_on(&train, &run).unwrap().score(&new, &run).unwrap();
    close_to(&scores[1..3], &[2.0_f64.sqrt(), 2.0 / 0.001_f64.sqrt()]);
}

/// Two columns that are equal but for rounding: the difference between them is not measured in units of rounding.
#[test]
fn rounding_error_is_no_direction() {
    let row = |i: usize| [i as f32, i as f32 * (1.0 + if i.is_multiple_of(2) { 1e-6 } else { -1e-6 })];
    let train = Array2::from_shape_fn((20, 2), |(i, j)| row(i)[j]);
    let scores = Pca::default().fit_score_on(&Features::rows(train), &Run::new(0)).unwrap().1;
    assert!(scores[0] > 2.0 && scores[0] > 10.0 * scores[9], "{scores:?}");
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let fitted = Pca::default().fit_on(&Features::rows(array![[4.0, 0.0]]), &run).unwrap();
    // In units of 4 and of 1, over the smallest variance.
    let scores = fitted.score(&Features::rows(array![[4.0, 0.0], [8.0, 0.0], [4.0, 2.0]]), &run).unwrap();
    close(&scores, &[0.0, 1e3, 4e3]);
}

/// Above the limit of axes, a sample of the rows gives them; here a tall and a wide side of rank one.
#[test]
fn wide_rows_take_the_products_of_rows() {
    let run = Run::new(0);
    let train = Array2::from_shape_fn((6, 40), |(i, j)| (i as f32 - 2.5) * (j as f32 + 1.0));
    let plain = Pca { standardize: false, ..Pca::default() };
    let (fitted, own) = plain.fit_score_on(&Features::rows(train), &run).unwrap();
    let want: Vec<f64> = (0..6).map(|i| (i as f64 - 2.5).powi(2) * 6.0 / 17.5).collect();
    close(&own, &want);
    let off = Features::rows(Array2::from_shape_fn((1, 40), |(_, j)| if j == 7 { 80.0 } else { 0.0 }));
    assert!(fitted.score(&off, &run).unwrap()[0] > 1e3);
}

proptest! {
    /// All components weighted by variance are the Mahalanobis distance, and the shares of columns sum to any score.
    #[test]
    fn equals_mahalanobis(d in 1..5_usize, cells in prop::collection::vec(-5.0..5.0_f32, 200), standardize in any::<bool>()) {
        let train = Array2::from_shape_fn((30, d), |(i, j)| cells[i * d + j]);
        let new = Array2::from_shape_fn((10, d), |(i, j)| cells[150 + i * d + j] * 2.0);
        let run = Run::new(0);
        let params = Pca { standardize, min_variance: 1e-9, ..Pca::default() };
        let fitted = params.fit_on(&Features::rows(train.clone()), &run).unwrap();
        let got = fitted.score(&Features::rows(new.clone()), &run).unwrap();
        let cholesky = Cholesky::new(covariance(train.view(), &run).unwrap().view()).unwrap();
        let mean = column_means(train.view());
        for (row, got) in new.rows().into_iter().zip(got) {
            let c: Vec<f64> = row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m).collect();
            let want: f64 = cholesky.solve(&c).unwrap().iter().zip(&c).map(|(a, b)| a * b).sum();
            prop_assert!((f64::from(got) - want).abs() < 1e-5 * want.max(1.0), "{} {}", got, want);
        }
        for components in [Components::All, Components::Major, Components::Minor] {
            for weight in [Weight::Variance, Weight::Deviation, Weight::None] {
                let params = Pca { components, weight, n_components: Some(2), ..params.clone() };
                // Columns beyond the rows, so that part of the space has no axis.
                let train = Features::rows(train.slice(s![..3, ..]).to_owned());
                let new = Features::rows(new.clone());
                let fitted = params.fit_on(&train, &run).unwrap();
                let shares = fitted.attribute(&new, &run).unwrap().unwrap().values;
                for (shares, score) in shares.rows().into_iter().zip(fitted.score(&new, &run).unwrap()) {
                    let size: f64 = shares.iter().map(|&v| f64::from(v.abs())).sum();
                    let sum: f64 = shares.iter().map(|&v| f64::from(v)).sum();
                    prop_assert!((sum - f64::from(score)).abs() <= 1e-5 * size.max(1.0), "{} {}", sum, score);
                }
            }
        }
    }
}
