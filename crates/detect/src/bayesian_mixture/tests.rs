//! scikit-learn's numbers, closed forms, clouds that must be found, and degenerate data.

use super::*;
use crate::gaussian_mixture::tests::two_clouds;
use anomalyst_core::{DetectorExt, Features};
use anomalyst_testkit::normal_rows;
use ndarray::{Array2, array, s};

/// scikit-learn 1.9.1 through `golden/bayesian_mixture.py`. Scores are f32, both searches end within 1e-12 nats, and the
/// regularisation of the prior adds 1e-6 to a variance of 1: 5e-6.
#[test]
fn matches_scikit_learn() {
    #[rustfmt::skip]
    let one = [
        3.00370634, 0.962161754, 1.31849035, 2.62131283, 1.02037602, 1.8741856, 1.42043031,
        1.01420272, 1.17032154, 1.48440244, 1.16159502, 1.66755968, 1.56632591, 1.19442162,
        1.79315258, 1.63521908, 1.5973068, 2.1946153, 1.41729658, 2.88040836,
    ];
    #[rustfmt::skip]
    let two = [
        2.0814264, 0.272319768, 0.633675146, 1.72019244, 0.281301084, 1.08240068, 0.699380595,
        0.264719732, 0.47121622, 0.705001021, 0.459085222, 0.865554393, 1.20526302, 0.916734167,
        1.31119579, 1.17723143, 1.34785657, 2.02529914, 1.18819543, 2.94566682,
    ];
    #[rustfmt::skip]
    let eager = [
        2.27556293, 0.466440048, 0.827818351, 1.9143329, 0.475432963, 1.27652959, 0.893503421,
        0.458855895, 0.665358405, 0.899134717, 0.653204703, 1.0596956, 1.35880326, 1.0702614,
        1.46471966, 1.33076838, 1.50139144, 2.17883356, 1.34172223, 3.09919401,
    ];
    for (k, weight_concentration, want) in [(1, None, one), (2, None, two), (2, Some(5.0), eager)] {
        let params = BayesianMixture {
            n_components: k,
            weight_concentration,
            tolerance: 1e-12,
            max_iter: 2000,
            regularization: 1e-6,
            ..BayesianMixture::default()
        };
        let (_, scores) = params.fit_score_on(&Features::rows(two_clouds()), &Run::new(0)).unwrap();
        for (i, (got, want)) in scores.iter().zip(want).enumerate() {
            let error = (f64::from(*got) - want).abs();
            assert!(error <= 5e-6 * want.abs().max(1.0), "{k}, row {i}: {got} {want}");
        }
    }
}

/// Rows -1 and 1, one cloud: N = 2, S = 1, the unbiased S_0 = 2, so C = (2 + 2) / 3 and b = 3; the mean is 0. With
/// digamma(3/2) = 2 - 2 ln 2 - gamma and one weight, ln p = digamma(3) - digamma(4) = -1/3.
#[test]
fn two_rows_by_hand() {
    let params = BayesianMixture { n_components: 1, regularization: 1e-9, ..BayesianMixture::default() };
    let fitted = params.fit_on(&Features::rows(array![[-1.0_f32], [1.0]]), &Run::new(0)).unwrap();
    let scores = fitted.score(&Features::rows(array![[0.0_f32], [2.0]]), &Run::new(0)).unwrap();
    let spread = 2.0 - 2.0 * 2.0_f64.ln() - 0.577_215_664_901_532_9;
    let log_norm =
        (spread + (2.0_f64 / 3.0).ln() - (4.0_f64 / 3.0).ln() - 1.0 / 3.0 - std::f64::consts::TAU.ln()) / 2.0;
    assert!((f64::from(scores[0]) - 1.0 / 3.0 + log_norm).abs() < 1e-6, "{} {}", scores[0], log_norm);
    assert!((scores[1] - scores[0] - 1.5).abs() < 1e-5); // 2^2 / (4/3) / 2
}

/// Of ten possible clouds, those that are there hold the rows.
#[test]
fn superfluous_clouds_stay_empty() {
    let run = Run::new(0);
    let held = |rows: Array2<f32>| {
        let params = BayesianMixture {
            max_iter: 1000,
            tolerance: 1e-6,
            regularization: 1e-6,
            ..BayesianMixture::default()
        };
        let fitted = params.fit_on(&Features::rows(rows), &run).unwrap();
        fitted.model().components.iter().filter(|cloud| cloud.weight > 0.05).count()
    };
    let mut rows = normal_rows(600, 2, 1);
    assert_eq!(held(rows.clone()), 1);
    rows.slice_mut(s![200..400, ..]).mapv_inplace(|v| v + 12.0);
    rows.slice_mut(s![400.., 0]).mapv_inplace(|v| v - 15.0);
    assert_eq!(held(rows), 3);
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    for rows in [
        array![[4.0_f32, 0.0]],
        Array2::from_elem((9, 3), 2.0),
        Array2::from_shape_fn((5, 30), |(i, j)| (i * j) as f32),
        array![[3e38, 1e-38], [-3e38, -1e-38], [0.0, 0.0]],
    ] {
        for n_components in [1, 10] {
            let params = BayesianMixture { n_components, ..BayesianMixture::default() };
            let far = Features::rows(Array2::from_elem((1, rows.ncols()), -1e30));
            let (fitted, own) = params.fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
            assert!(own.iter().chain(&fitted.score(&far, &run).unwrap()).all(|s| s.is_finite()));
        }
    }
}

#[test]
fn many_rows_are_sampled() {
    let rows = Features::rows(normal_rows(2000, 2, 1));
    let all = BayesianMixture { n_components: 1, ..BayesianMixture::default() };
    let sampled = BayesianMixture { max_rows: 500, ..all.clone() };
    let run = Run::new(0);
    let (a, b) = (sampled.fit_score_on(&rows, &run).unwrap().1, all.fit_score_on(&rows, &run).unwrap().1);
    assert!(a != b && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.5 + 0.2 * b.abs()));
}
