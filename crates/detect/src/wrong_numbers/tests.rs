//! Planted wrong numbers among noisy ones; the reference tool; damaged models.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use proptest::prelude::*;

/// Planted data that the golden script makes alike: 1000 rows of four covariates, a response whose noise grows
/// thirtyfold along the third of them, and every 25th response moved by 4 to either side.
fn planted(n: usize, seed: u64, errors: bool) -> (Features, Vec<bool>) {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut values = Array2::zeros((n, 5));
    let mut wrong = vec![false; n];
    for i in 0..n {
        let x: [f64; 4] = [(); 4].map(|()| uniform());
        let noise = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let mut y = 5.0 * (6.0 * x[0]).sin() + 4.0 * x[1] * x[1] + (0.1 + 2.9 * x[2] * x[2]) * noise;
        if errors && i % 25 == 12 {
            wrong[i] = true;
            y += if i % 2 == 0 { 4.0 } else { -4.0 };
        }
        x.into_iter().chain([y]).enumerate().for_each(|(j, v)| values[[i, j]] = v as f32);
    }
    (Features::rows(values), wrong)
}

fn average_precision(scores: &[f32], wrong: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut hits, mut sum) = (0.0, 0.0);
    for (rank, row) in order.into_iter().enumerate() {
        if wrong[row] {
            hits += 1.0;
            sum += hits / (rank + 1) as f64;
        }
    }
    sum / hits
}

fn judge_response() -> WrongNumbers {
    WrongNumbers { response: Some(4), ..WrongNumbers::default() }
}

/// Two groups of 10 and 20, one number of which belongs to the other group. Once that row is left out, every other
/// prediction is exact and no uncertainty is left but the floor, a thousandth of the column's deviation.
#[test]
fn closed_form() {
    let y = |i: usize| if i == 8 || i >= 50 { 20.0 } else { 10.0 };
    let rows = Features::rows(Array2::from_shape_fn((100, 2), |(i, j)| match j {
        0 => f32::from(i >= 50),
        _ => y(i),
    }));
    let detector = WrongNumbers { response: Some(1), ..WrongNumbers::default() };
    let (fitted, scores) = detector.fit_score_on(&rows, &Run::new(3)).unwrap();
    // 51 of 100 are 20: the deviation is 10 sqrt(0.51 0.49).
    let want = 10.0 / (1e-3 * 10.0 * (0.51_f64 * 0.49).sqrt());
    assert!((f64::from(scores[8]) / want - 1.0).abs() < 1e-5, "{} {want}", scores[8]);
    assert!((0..100).all(|i| i == 8 || scores[i] == 0.0));
    assert_eq!(
        fitted.model().regressions().map(|(column, share, _)| (column, share)).last(),
        Some((1, 0.01))
    );
    // New rows of either group, right and wrong.
    let new = Features::rows(ndarray::array![[0.0, 10.0], [0.0, 20.0], [1.0, 20.0], [1.0, f32::NAN]]);
    let scores = fitted.score(&new, &Run::new(0)).unwrap();
    assert!((f64::from(scores[1]) / want - 1.0).abs() < 1e-5);
    assert_eq!((scores[0], scores[2], scores[3]), (0.0, 0.0, 0.0));
}

/// The claim of the paper: where noise differs between rows, veracity finds more than plain residuals do.
#[test]
fn beats_plain_residuals_where_noise_differs() {
    for seed in 1..=3 {
        let (rows, wrong) = planted(1000, seed, true);
        let (_, scores) = judge_response().fit_score_on(&rows, &Run::new(seed)).unwrap();
        let judged =
            Judged::new(Covariates { features: &rows, response: 4 }, &judge_response(), &Run::new(seed));
        let residuals: Vec<f32> =
            judged.search(0.0, &Run::new(seed)).unwrap().0.residual.iter().map(|r| r.abs() as f32).collect();
        let (veracity, plain) = (average_precision(&scores, &wrong), average_precision(&residuals, &wrong));
        assert!(veracity > plain + 0.05, "seed {seed}: {veracity:.3}, residuals {plain:.3}");
    }
}

/// Leaving the suspicious rows out makes the regression better on rows that are right.
#[test]
fn filtering_improves_the_refit() {
    let clean = planted(500, 99, false).0;
    for seed in 1..=3 {
        let (mut rows, _) = planted(1000, seed, true);
        // Errors to one side and larger, so that they can bend the regression.
        (0..1000).filter(|i| i % 12 == 3).for_each(|i| rows.values[[i, 4]] += 30.0);
        let r2 = |max_drop_frac: f64| {
            let detector = WrongNumbers { max_drop_frac, ..judge_response() };
            let fitted = detector.fit_on(&rows, &Run::new(seed)).unwrap();
            let of = Covariates { features: &clean, response: 4 };
            let y = |i: usize| f64::from(clean.values[[i, 4]]);
            let mean = (0..500).map(y).sum::<f64>() / 500.0;
            let miss = |i: usize| y(i) - average(&fitted.model().columns[0].mean, of, i).0;
            1.0 - (0..500).map(|i| miss(i).powi(2)).sum::<f64>()
                / (0..500).map(|i| (y(i) - mean).powi(2)).sum::<f64>()
        };
        let (filtered, all) = (r2(0.2), r2(0.0));
        assert!(filtered > all + 0.05, "seed {seed}: {filtered:.3} filtered, {all:.3} not");
    }
}

/// cleanlab 2.9.0, scikit-learn 1.9.1: golden/wrong_numbers.py gives these average precisions on the same rows, with
/// `CleanLearning(ExtraTreesRegressor(100, min_samples_leaf=5))`. Both draw trees at random, so only the level can be
/// compared: ours may not be lower.
#[test]
fn finds_as_much_as_the_reference() {
    for (seed, reference) in GOLDEN {
        let (rows, wrong) = planted(1000, seed, true);
        let (_, scores) = judge_response().fit_score_on(&rows, &Run::new(0)).unwrap();
        let own = average_precision(&scores, &wrong);
        assert!(own > reference, "seed {seed}: {own:.3}, cleanlab {reference:.3}");
    }
}

const GOLDEN: [(u64, f64); 3] = [(1, 0.5592), (2, 0.5019), (3, 0.4942)];

/// All columns in turn: the row and the column are found without being asked for.
#[test]
fn names_the_wrong_column() {
    let (mut rows, _) = planted(600, 5, false);
    // A response of the least noise, off by a third of its range.
    let quiet = (0..600).min_by(|&a, &b| rows.values[[a, 2]].total_cmp(&rows.values[[b, 2]])).unwrap();
    rows.values[[quiet, 4]] += 6.0;
    let (fitted, scores) = WrongNumbers::default().fit_score_on(&rows, &Run::new(0)).unwrap();
    assert!((0..600).all(|i| i == quiet || scores[i] < scores[quiet]));
    let shares = fitted.attribute(&rows.take(&[quiet]), &Run::new(0)).unwrap().unwrap().values;
    assert!((0..4).all(|j| shares[[0, j]] < shares[[0, 4]]), "{shares}");
}

/// A response that only a category predicts, with gaps in a covariate beside it.
#[test]
fn categories_predict_and_gaps_are_taken() {
    let values = Array2::from_shape_fn((300, 2), |(i, j)| match (i, j) {
        (i, 0) if i % 3 == 0 => f32::NAN,
        (i, 0) => (i % 11) as f32,
        (70, _) => 15.0,
        (i, _) => [1.0, 40.0, 7.0, 15.0, 22.0][i % 5] + 0.1 * (i % 7) as f32,
    });
    let codes = Array2::from_shape_fn((300, 1), |(i, _)| (i % 5) as u32);
    let rows = Features::rows(values).with_codes(codes).unwrap();
    let detector = WrongNumbers { response: Some(1), ..WrongNumbers::default() };
    let (_, scores) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
    assert!((0..300).all(|i| i == 70 || scores[i] < scores[70] / 3.0));
}

#[test]
fn what_cannot_be_judged_is_refused_by_name() {
    let (rows, _) = planted(100, 1, false);
    let detector = WrongNumbers { response: Some(5), ..WrongNumbers::default() };
    let error = detector.fit_on(&rows, &Run::new(0)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("response") && error.contains("below 5"), "{error}");
    let mut empty = rows;
    empty.values.slice_mut(ndarray::s![7.., 4]).fill(f32::NAN);
    let error = judge_response().fit_on(&empty, &Run::new(0)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("8 known values"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    /// A tree whose leaves may hold one row predicts targets that occur; bags of all rows of one target agree on it.
    #[test]
    fn forests_predict_within_the_targets(seed: u64, n in 1..60_usize, offset in -1e6..1e6_f64) {
        let (rows, _) = planted(60, seed, true);
        let of = Covariates { features: &rows, response: 4 };
        let target: Vec<f64> = (0..60).map(|i| offset + (i % 7) as f64).collect();
        let learned: Vec<u32> = (0..n as u32).collect();
        let growing = forest::Growing { n_bags: 3, n_trees: 2, min_leaf: 1, sample_size: 40 };
        let forest = Forest::grow(of, &target, &learned, growing, &Run::new(seed)).unwrap();
        let (least, most) = (offset, offset + (n.min(7) - 1) as f64);
        for row in 0..60 {
            let (mean, spread) = forest.predict(of, row);
            prop_assert!(mean > least - 0.1 && mean < most + 0.1 && spread <= most - least + 0.2);
            if n == 1 {
                prop_assert!(spread == 0.0);
            }
        }
    }
}
