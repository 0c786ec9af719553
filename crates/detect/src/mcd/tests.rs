//! Closed forms, scikit-learn's numbers, a plain C-step as an oracle, and rows on a flat.

use super::*;
use anomalyst_core::{DetectorExt, Features, Random};
use anomalyst_kernels::linalg::Cholesky;
use ndarray::{Array2, ArrayView2, array};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

const STARTS: [Start; 2] = [Start::Deterministic, Start::Random];

fn from(start: Start) -> Mcd {
    Mcd { start, ..Mcd::default() }
}

fn close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= 1e-6 * want.abs(), "{got} {want}");
    }
}

/// The tightest 5 of 8 values are 0 to 4: mean 2, variance 2. In one dimension the consistency factor of the share
/// `a` is `a / (a - 2 z phi(z))`, where `z` bounds the central share: z = 0.88714656 and phi(z) = 0.26916 for 5/8,
/// z = 2.24140273 and phi(z) = 0.03235 for 0.975. Only 0 to 4 are kept, so both answers have the same mean and variance.
#[test]
fn closed_form_on_a_line() {
    let rows = Features::rows(array![[0.0], [1.0], [2.0], [3.0], [4.0], [50.0], [60.0], [70.0]]);
    let phi = |z: f64| (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    for (reweight, share, z) in
        [(false, 0.625, 0.887_146_559_018_876_2), (true, 0.975, 2.241_402_727_604_947)]
    {
        let variance = 2.0 * share / (share - 2.0 * z * phi(z));
        for start in STARTS {
            let scores = Mcd { reweight, ..from(start) }.fit_score_on(&rows, &Run::new(0)).unwrap().1;
            close(&scores, &[0.0_f64, 1., 2., 3., 4., 50., 60., 70.].map(|v| (v - 2.0).powi(2) / variance));
        }
    }
}

/// Every seventh of 60 rows is far off, as in `golden/mcd.py`.
fn golden_rows() -> Features {
    let dense = |t: i32| t.signum() * (t * t / 9);
    Features::rows(Array2::from_shape_fn((60, 3), |(i, j)| {
        let shift = if i % 7 == 0 { [300, -250, 200][j] } else { 0 };
        let i = i as i32;
        let u = dense(i * 37 % 61 - 30);
        let value = [u, dense((i * i + 5) % 61 - 30) + u, dense(i * 23 % 59 - 29) - i % 7][j];
        (value + shift) as f32
    }))
}

/// scikit-learn 1.9 `MinCovDet` through `golden/mcd.py`. The rows are whole numbers and the tightest part is the same,
/// so only the f32 of scores separates the two: 1e-6.
#[test]
fn matches_scikit_learn() {
    let run = Run::new(0);
    let new = Features::rows(array![[0.0, 0.0, 0.0], [30.0, 60.0, 10.0], [300.0, -250.0, 200.0]]);
    let (fitted, scores) = from(Start::Random).fit_score_on(&golden_rows(), &run).unwrap();
    close(&scores[..12], &GOLDEN_HALF);
    close(&fitted.score(&new, &run).unwrap(), &[2.06659754, 23.3596119, 1708.20658]);
    for start in STARTS {
        let params = Mcd { support_share: Some(0.75), ..from(start) };
        close(&params.fit_score_on(&golden_rows(), &run).unwrap().1[..12], &GOLDEN_THREE_QUARTERS);
    }
}

const GOLDEN_HALF: [f64; 12] = [
    732.102757, 2.5353761, 3.06018482, 2.6730129, 1.10086269, 5.85570039, 1.25069338, 1683.36223, 3.22571782,
    1.57907456, 4.21352111, 2.12102029,
];
const GOLDEN_THREE_QUARTERS: [f64; 12] = [
    560.63794, 2.22551531, 2.66986276, 2.59126476, 1.11813504, 5.30885228, 1.34892943, 1347.24837,
    3.02779885, 1.59648793, 3.85434797, 2.02070194,
];

/// Twelve of 20 rows on the line y = x are an exact fit; the others lie beside it and cannot bend it.
#[test]
fn rows_beside_an_exact_fit_score_high_but_finite() {
    let beside = |i: usize| if i < 12 { 0.0 } else { (i - 11) as f32 };
    let rows = Array2::from_shape_fn((20, 2), |(i, j)| i as f32 * 0.5 + if j == 1 { beside(i) } else { 0.0 });
    for start in STARTS {
        let params = Mcd { reweight: false, ..from(start) };
        let (fitted, scores) = params.fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        assert!(scores.iter().all(|v| v.is_finite()));
        assert!(
            scores[..12].iter().all(|&v| v < 20.0) && scores[12..].iter().all(|&v| v > 1e3),
            "{scores:?}"
        );
        let far = fitted.score(&Features::rows(array![[1e30, -1e30]]), &Run::new(0)).unwrap();
        assert_eq!(far, [f32::MAX]);
    }
}

/// Equal rows, a constant column, a column with one rare value, more columns than rows, two rows.
#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let rare =
        Array2::from_shape_fn((30, 2), |(i, j)| if j == 0 { (i * 7 % 30) as f32 } else { f32::from(i == 3) });
    let wide = Array2::from_shape_fn((6, 9), |(i, j)| ((i * 5 + j * 3) % 7) as f32);
    let tables = [Array2::from_elem((8, 3), 2.5), rare, wide, array![[1.0, 2.0], [3.0, 2.0]]];
    for start in STARTS {
        for rows in &tables {
            let scores = from(start).fit_score_on(&Features::rows(rows.clone()), &run).unwrap().1;
            assert!(scores.iter().all(|v| v.is_finite() && *v >= 0.0), "{scores:?}");
        }
        let (fitted, scores) = from(start).fit_score_on(&Features::rows(tables[0].clone()), &run).unwrap();
        assert_eq!(scores, [0.0; 8]);
        assert!(fitted.score(&Features::rows(array![[2.5, 2.5, 2.6]]), &run).unwrap()[0] > 0.0);
    }
}

/// Beyond 1,500 rows a sample is searched first; 30 % of anomalies in one cloud do not bend the answer.
#[test]
fn many_rows_go_through_a_sample() {
    let mut random = Random::seed_from_u64(3);
    let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let rows = Array2::from_shape_fn((5000, 3), |(i, j)| {
        let v = normal();
        (v * (j + 1) as f64 + if i % 10 < 3 { 20.0 } else { 0.0 }) as f32
    });
    assert!(search::sample_size(5000, 3) < 5000);
    for start in STARTS {
        let params = Mcd { n_starts: 50, ..from(start) };
        let (fitted, scores) = params.fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        assert!((0..5000).filter(|i| i % 10 < 3).all(|i| scores[i] > 50.0));
        // Two deviations along each column: 4 times 3.
        let new = Features::rows(array![[2.0, 4.0, 6.0], [0.0, 0.0, 0.0]]);
        let got = fitted.score(&new, &Run::new(0)).unwrap();
        assert!((got[0] - 12.0).abs() < 1.5 && got[1] < 0.1, "{got:?}");
    }
}

#[test]
fn too_many_columns_are_refused() {
    let rows = Features::rows(Array2::zeros((2, MAX_COLUMNS + 1)));
    assert!(matches!(Mcd::default().fit_on(&rows, &Run::new(0)), Err(Error::Budget { .. })));
}

/// Squared distances of all rows by mean and covariance of the chosen ones, and the logarithm of the determinant;
/// none where it is singular.
fn plain_distances(rows: ArrayView2<'_, f32>, chosen: &[usize]) -> Option<(Vec<f64>, f64)> {
    let (n, d) = rows.dim();
    let h = chosen.len() as f64;
    let at = |i: usize, j: usize| f64::from(rows[[i, j]]);
    let mean: Vec<f64> = (0..d).map(|j| chosen.iter().map(|&i| at(i, j)).sum::<f64>() / h).collect();
    let covariance = Array2::from_shape_fn((d, d), |(j, k)| {
        chosen.iter().map(|&i| (at(i, j) - mean[j]) * (at(i, k) - mean[k])).sum::<f64>() / h
    });
    let cholesky = Cholesky::new(covariance.view()).ok()?;
    let distance = |i: usize| {
        let c: Vec<f64> = (0..d).map(|j| at(i, j) - mean[j]).collect();
        cholesky.solve(&c).unwrap().iter().zip(&c).map(|(a, b)| a * b).sum()
    };
    Some(((0..n).map(distance).collect(), cholesky.log_det()))
}

proptest! {
    /// One C-step is that of the plain computation, never raises the determinant, and the search ends where no plain
    /// C-step improves on it.
    #[test]
    fn c_steps_equal_plain_ones(
        d in 1..4_usize, n in 16..40_usize, cells in prop::collection::vec(-5.0..5.0_f32, 120), random in any::<bool>(),
    ) {
        let values = Array2::from_shape_fn((n, d), |(i, j)| cells[i * d + j]);
        let run = Run::new(0);
        let params = Mcd { n_starts: 20, ..from(STARTS[usize::from(random)]) };
        let h = params.n_support(n, d);
        let scale = vec![1.0; d];
        let rows = Rows { values: values.view(), scale: &scale };

        let first: Vec<usize> = (0..h).collect();
        let start = Ellipsoid::of(rows, &first, &run).unwrap();
        let (distances, before) = plain_distances(values.view(), &first).unwrap();
        for (got, want) in start.distances(rows, &run).unwrap().iter().zip(&distances) {
            prop_assert!((got - want).abs() < 1e-8 * want.max(1.0));
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        order.truncate(h);
        let (next, after) = plain_distances(values.view(), &order).unwrap();
        prop_assert!(after <= before + 1e-9);
        let stepped = start.concentrate(rows, h, 1, &run).unwrap();
        for (got, want) in stepped.distances(rows, &run).unwrap().iter().zip(&next) {
            prop_assert!((got - want).abs() < 1e-8 * want.max(1.0));
        }

        let (found, scale) = params.search(values.view(), &run).unwrap();
        let rows = Rows { values: values.view(), scale: &scale };
        let chosen = ellipsoid::nearest(&found.distances(rows, &run).unwrap(), h);
        let (distances, at_end) = plain_distances(values.view(), &chosen).unwrap();
        let further = ellipsoid::nearest(&distances, h);
        let (_, beyond) = plain_distances(values.view(), &further).unwrap();
        prop_assert!((beyond - at_end).abs() < 1e-6, "{} {}", beyond, at_end);
    }
}
