//! Closed forms, scikit-learn's numbers, Mahalanobis distances, and clouds that must be found.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use anomalyst_kernels::linalg::{Cholesky, covariance};
use ndarray::array;
use proptest::prelude::*;

pub(crate) fn two_clouds() -> Array2<f32> {
    Array2::from_shape_fn((20, 2), |(i, j)| {
        let far = if i < 12 { 0.0 } else { 30.0 };
        if j == 0 { (i * 7 % 11) as f32 + far } else { (i * i % 5) as f32 + 0.5 * (i * 3 % 7) as f32 - far }
    })
}

/// scikit-learn 1.9.1 through `golden/gaussian_mixture.py`. Scores are f32, and the two searches end within 1e-12
/// nats: 2e-6.
#[test]
fn matches_scikit_learn() {
    let one = [
        2.77866621,
        0.825037757,
        1.16602191,
        2.41273978,
        0.880745176,
        1.69778667,
        1.26357157,
        0.874837783,
        1.0242338,
        1.32478889,
        1.01588276,
        1.50005902,
        1.40318519,
        1.04729613,
        1.62024431,
        1.4691117,
        1.43283168,
        2.00441825,
        1.26057337,
        2.66067833,
    ];
    let two = [
        0.696897395,
        -0.776678791,
        0.965537494,
        0.244374538,
        -1.11711001,
        -0.107507566,
        -0.221508554,
        -1.1429718,
        0.342649799,
        -0.672642901,
        -0.53665014,
        -0.167773112,
        -0.61909611,
        -0.0203241394,
        1.01306332,
        -0.232062956,
        -0.24117924,
        0.146489236,
        0.0734683259,
        1.01584644,
    ];
    for (k, want) in [(1, one), (2, two)] {
        let params = GaussianMixture {
            n_components: Some(k),
            tolerance: 1e-12,
            max_iter: 1000,
            regularization: 1e-6,
            ..GaussianMixture::default()
        };
        let (_, scores) = params.fit_score_on(&Features::rows(two_clouds()), &Run::new(0)).unwrap();
        for (i, (got, want)) in scores.iter().zip(want).enumerate() {
            assert!(
                (f64::from(*got) - want).abs() <= 2e-6 * want.abs().max(1.0),
                "{k}, row {i}: {got} {want}"
            );
        }
    }
}

/// Two separate clouds are two components for the criterion, one cloud is one.
#[test]
fn the_criterion_counts_clouds() {
    let run = Run::new(0);
    let params = GaussianMixture { n_components: None, ..GaussianMixture::default() };
    let count =
        |rows: Array2<f32>| params.fit_on(&Features::rows(rows), &run).unwrap().model().components.len();
    // Sums of twelve uniform numbers are as good as normal.
    let noise = anomalyst_testkit::normal_rows(400, 2, 1);
    assert_eq!(count(noise.clone()), 1);
    let mut apart = noise;
    apart.slice_mut(s![200.., ..]).mapv_inplace(|v| v + 12.0);
    assert_eq!(count(apart), 2);
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let params = GaussianMixture { regularization: 1e-6, ..GaussianMixture::default() };
    // One row, in units of 4 and of 1, with nothing but the regularisation as variance.
    let fitted = params.fit_on(&Features::rows(array![[4.0, 0.0]]), &run).unwrap();
    let scores = fitted.score(&Features::rows(array![[4.0, 0.0], [8.0, 0.0]]), &run).unwrap();
    let at_mean = std::f32::consts::TAU.ln() + 1e-6_f32.ln();
    assert!((scores[0] - at_mean).abs() < 1e-4 && (scores[1] - at_mean - 0.5e6).abs() < 1.0, "{scores:?}");
    // More clouds than different rows, more columns than rows, and numbers at the ends of f32.
    for rows in [
        Array2::from_elem((9, 3), 2.0),
        Array2::from_shape_fn((5, 30), |(i, j)| (i * j) as f32),
        array![[3e38, 1e-38], [-3e38, -1e-38], [0.0, 0.0]],
    ] {
        for n_components in [Some(3), None] {
            let params = GaussianMixture { n_components, ..params.clone() };
            let far = Features::rows(Array2::from_elem((1, rows.ncols()), -1e30));
            let (fitted, own) = params.fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
            assert!(own.iter().chain(&fitted.score(&far, &run).unwrap()).all(|s| s.is_finite()));
        }
    }
}

#[test]
fn many_rows_are_sampled() {
    let rows = Features::rows(anomalyst_testkit::normal_rows(2000, 2, 1));
    let sampled = GaussianMixture { max_rows: 500, n_components: Some(1), ..GaussianMixture::default() };
    let all = GaussianMixture { n_components: Some(1), ..GaussianMixture::default() };
    let run = Run::new(0);
    let (a, b) = (sampled.fit_score_on(&rows, &run).unwrap().1, all.fit_score_on(&rows, &run).unwrap().1);
    assert!(a != b && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.5 + 0.2 * b.abs()));
}

proptest! {
    /// One component is the density of a Gaussian with the rows' own mean and covariance; shares of columns sum to
    /// half of the squared distance.
    #[test]
    fn one_component_in_closed_form(d in 1..4_usize, cells in prop::collection::vec(-5.0..5.0_f32, 120)) {
        let train = Array2::from_shape_fn((25, d), |(i, j)| cells[i * d + j]);
        let new = Features::rows(Array2::from_shape_fn((10, d), |(i, j)| cells[80 + i * d + j] * 2.0));
        let run = Run::new(0);
        let params = GaussianMixture { n_components: Some(1), regularization: 1e-9, ..GaussianMixture::default() };
        let fitted = params.fit_on(&Features::rows(train.clone()), &run).unwrap();
        let mut matrix = covariance(train.view(), &run).unwrap();
        let (mean, deviation) = (column_means(train.view()), matrix.diag().mapv(f64::sqrt));
        matrix.indexed_iter_mut().for_each(|((i, j), v)| *v /= deviation[i] * deviation[j]);
        let cholesky = Cholesky::new(matrix.view()).unwrap();
        let constant = (d as f64 * std::f64::consts::TAU.ln() + cholesky.log_det()) / 2.0;
        let shares = fitted.attribute(&new, &run).unwrap().unwrap().values;
        for (i, score) in fitted.score(&new, &run).unwrap().into_iter().enumerate() {
            let c: Vec<f64> = (0..d).map(|j| (f64::from(new.values[[i, j]]) - mean[j]) / deviation[j]).collect();
            let half: f64 = cholesky.solve(&c).unwrap().iter().zip(&c).map(|(a, b)| a * b / 2.0).sum();
            prop_assert!((f64::from(score) - constant - half).abs() < 1e-4 * half.max(1.0), "{} {}", score, half);
            let sum: f64 = shares.row(i).iter().map(|&v| f64::from(v)).sum();
            prop_assert!((sum - half).abs() < 1e-4 * half.max(1.0), "{} {}", sum, half);
        }
    }
}
