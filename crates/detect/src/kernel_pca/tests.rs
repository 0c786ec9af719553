//! PyOD's numbers, plain PCA as the oracle of the linear kernel, what landmarks lose, and degenerate rows.

use super::*;
use crate::one_class_svm::tests::{golden_queries, golden_rows};
use crate::pca::{Components, Pca, Weight};
use anomalyst_core::{DetectorExt, Features};
use anomalyst_testkit::normal_rows;
use ndarray::array;
use proptest::prelude::*;

fn scores(detector: &KernelPca, train: &Array2<f32>, new: &Features) -> Vec<f32> {
    detector.fit_on(&Features::rows(train.clone()), &Run::new(0)).unwrap().score(new, &Run::new(0)).unwrap()
}

/// PyOD 3.6.7 through `golden/kernel_pca.py`. What is left is f32 of scores, and for the polynomial kernel that errors
/// are small differences of kernels of some 1e4.
#[test]
fn matches_pyod() {
    let defaults = KernelPca::default();
    let rbf = |n, gamma| KernelPca { n_components: Some(n), gamma, ..defaults.clone() };
    let polynomial = KernelPca { kernel: PcaKernel::Polynomial, gamma: Some(0.1), ..rbf(6, None) };
    let goldens = [
        (
            rbf(5, None),
            [0.218127348, 0.0770928699, 0.353290332, 1.03475969, 1.02306897, 1.31554926, 0.0770928699],
        ),
        (
            rbf(20, Some(0.9)),
            [
                0.0161525206,
                0.00609824389,
                0.0268093393,
                7.44404171e-05,
                1.07291242,
                1.13022386,
                0.00609824389,
            ],
        ),
        (rbf(60, Some(0.9)), [0.0, 0.0, 0.0, 0.0, 0.919254374, 1.10740095, 0.0]),
        (
            KernelPca { kernel: PcaKernel::Linear, ..rbf(2, None) },
            [0.435629632, 0.40389563, 1.05557278, 0.307650121, 5.54777189, 0.21616247, 0.40389563],
        ),
        (
            polynomial,
            [0.0436064677, 0.0138361354, 0.0453165489, 6.39785803e-05, 1.21897391, 37.0655456, 0.0138361354],
        ),
    ];
    for (detector, want) in goldens {
        let got = scores(&detector, &golden_rows(), &golden_queries());
        for (got, want) in got.iter().zip(want) {
            assert!(
                (f64::from(*got) - want).abs() < 1e-6 * f64::abs(want).max(1.0),
                "{detector:?}: {got} {want}"
            );
        }
    }
}

/// The linear kernel is the error of plain principal components: all but the first two, not weighted.
#[test]
fn the_linear_kernel_is_plain_pca() {
    let detector = KernelPca { kernel: PcaKernel::Linear, n_components: Some(2), ..KernelPca::default() };
    let plain = Pca {
        components: Components::Minor,
        weight: Weight::None,
        n_components: Some(2),
        standardize: false,
        ..Pca::default()
    };
    let (train, new) = (normal_rows(300, 5, 1), Features::rows(normal_rows(40, 5, 2) * 2.0));
    let want = plain.fit_on(&Features::rows(train.clone()), &Run::new(0)).unwrap();
    let want = want.score(&new, &Run::new(0)).unwrap();
    for n_landmarks in [500, 20] {
        // Twenty landmarks span all five columns, and mean and components are those of all rows.
        let got = scores(&KernelPca { n_landmarks, ..detector.clone() }, &train, &new);
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4 * b.max(1.0);
        assert!(got.iter().zip(&want).all(close), "{n_landmarks}: {got:?} {want:?}");
    }
}

/// What the page claims of landmarks: 60 of 600 rows give nearly the error that all give, and more than a fit on the 60
/// rows alone does.
#[test]
fn landmarks_lose_little() {
    let (train, new) = (normal_rows(600, 2, 1), Features::rows(normal_rows(100, 2, 2) * 1.5));
    let run = Run::new(0);
    let detector = KernelPca { n_components: Some(10), n_landmarks: 600, ..KernelPca::default() };
    let exact = scores(&detector, &train, &new);
    let few = KernelPca { n_landmarks: 60, ..detector.clone() };
    let sample = train.select(Axis(0), &reference_rows(600, Some(60), &run).unwrap());
    let off = |got: Vec<f32>| got.iter().zip(&exact).map(|(a, b)| (a - b).abs()).sum::<f32>() / 100.0;
    let (by_landmarks, by_sample) = (off(scores(&few, &train, &new)), off(scores(&detector, &sample, &new)));
    assert!(by_landmarks < 0.01 && by_landmarks < 0.5 * by_sample, "{by_landmarks} {by_sample}");
}

/// Two rows, one component between them: at kernel c of the two, the mean is (f1 + f2) / 2, and a row far off has error
/// `1 + (1 + c) / 2`, as its kernels are 0.
#[test]
fn closed_form_of_two_rows() {
    let detector = KernelPca { gamma: Some(1.0), n_components: Some(1), ..KernelPca::default() };
    let c = (-1.0_f64).exp();
    let got = scores(&detector, &array![[0.0], [1.0]], &Features::rows(array![[0.0], [1.0], [50.0], [0.5]]));
    // Halfway, the row's image lies on the bisector: |f - m|^2 = 1 - 2 k + (1 + c) / 2 with k = exp(-1/4).
    let half = 1.0 - 2.0 * (-0.25_f64).exp() + (1.0 + c) / 2.0;
    for (got, want) in got.iter().zip([0.0, 0.0, 1.0 + (1.0 + c) / 2.0, half]) {
        assert!((f64::from(*got) - want).abs() < 1e-7, "{got} {want}");
    }
}

#[test]
fn equal_rows_have_no_component() {
    let detector = KernelPca::default();
    let got =
        scores(&detector, &Array2::from_elem((30, 2), 3.0), &Features::rows(array![[3.0, 3.0], [9.0, 3.0]]));
    assert!(got[0].abs() < 1e-6 && got[1] > 1.0, "{got:?}");
    // A polynomial of degree 10 of such values does not fit in f64.
    let huge = KernelPca { kernel: PcaKernel::Polynomial, degree: 10, gamma: Some(1e12), ..detector };
    let error = huge.fit_on(&Features::rows(normal_rows(20, 2, 1) * 1e15), &Run::new(0)).err().unwrap();
    assert!(error.to_string().contains("standardize"), "{error}");
}

#[test]
fn shares_name_the_column() {
    let fitted = KernelPca::default().fit_on(&Features::rows(golden_rows()), &Run::new(0)).unwrap();
    let rows = Features::rows(array![[0.7, 0.3, -500.0]]);
    let shares = fitted.attribute(&rows, &Run::new(0)).unwrap().unwrap().values;
    assert!((0..2).all(|j| shares[[0, j]] < 0.1 * shares[[0, 2]]), "{shares}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// More components never leave more, and with all of them training rows are reconstructed.
    #[test]
    fn errors_shrink_with_components(flat in prop::collection::vec(-3.0..3.0_f32, 20..80), gamma in 0.1..3.0_f64) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| flat[i * 2 + j]);
        let features = Features::rows(rows.clone());
        let of = |n: usize| scores(&KernelPca { gamma: Some(gamma), n_components: Some(n), ..KernelPca::default() }, &rows, &features);
        let mut before = of(1);
        for n in [2, 5, rows.nrows()] {
            let after = of(n);
            prop_assert!(after.iter().zip(&before).all(|(a, b)| *a <= b + 1e-6 && *a > -1e-6));
            before = after;
        }
        prop_assert!(before.iter().all(|s| s.abs() < 1e-6), "{:?}", before);
    }
}
