//! Closed forms, PyOD's numbers, counting as an oracle, and columns too large to be kept whole.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn fit_score(params: &Ecod, values: &Array2<f32>) -> Vec<f32> {
    params.fit_score_on(&Features::rows(values.clone()), &Run::new(0)).unwrap().1
}

/// Values 1, 2, 3, 9: shares at or below 1/4, 2/4, 3/4, 4/4 and at or above 4/4, 3/4, 2/4, 1/4.
#[test]
fn closed_form() {
    let train = Features::rows(array![[1.0], [2.0], [3.0], [9.0]]);
    let run = Run::new(0);
    let (fitted, own) = Ecod::default().fit_score_on(&train, &run).unwrap();
    let (ln2, ln4, ln5) = (2.0_f32.ln(), 4.0_f32.ln(), 5.0_f32.ln());
    assert_eq!(own, [ln4, ln2, ln2, ln4]);
    // Below all, between 2 and 3 (half of them on either side), above all, missing (the mean).
    let rows = Features::rows(array![[0.0], [2.5], [1e9], [f32::NAN]]);
    assert_eq!(fitted.score(&rows, &run).unwrap(), [ln5, ln2, ln5, (2.0 * ln4 + 2.0 * ln2) / 4.0]);
}

/// PyOD 3.6.7 through `golden/ecod.py`. PyOD works in f64 and these scores are f32, hence the relative 1e-6.
#[test]
fn matches_pyod() {
    let want = [
        4.56434819, 2.89037176, 3.36037539, 4.27666612, 1.97408103, 3.17805383, 2.89037176, 2.48490665,
        3.17805383, 3.17805383, 3.4657359, 4.68213123,
    ];
    let rows = Array2::from_shape_fn((12, 3), |(i, j)| match j {
        0 => (i * 7 % 11) as f32,
        1 => (i * i % 5) as f32,
        _ if i == 11 => 40.0,
        _ => (i / 3) as f32,
    });
    for (got, want) in fit_score(&Ecod::default(), &rows).iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= 1e-6 * want, "{got} {want}");
    }
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let alone = Features::rows(array![[5.0, f32::NAN]]);
    let (fitted, own) = Ecod::default().fit_score_on(&alone, &run).unwrap();
    assert_eq!(own, [0.0]);
    // One training value: anything else is beyond it; a column never seen says nothing.
    let other = Features::rows(array![[6.0, 1.0], [5.0, f32::NAN]]);
    assert_eq!(fitted.score(&other, &run).unwrap(), [2.0_f32.ln(), 0.0]);
    assert_eq!(fit_score(&Ecod::default(), &Array2::from_elem((4, 2), -0.0)), [0.0; 4]);
}

/// More different values than are kept: training scores stay exact, new rows keep the stated error.
#[test]
fn large_columns_are_thinned() {
    let n = tails::EXACT_POINTS + 10_000;
    let rows = Array2::from_shape_fn((n, 1), |(i, _)| ((i * 48_271) % n) as f32);
    let run = Run::new(0);
    let (fitted, own) = Ecod::default().fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
    let again = fitted.score(&Features::rows(rows.clone()), &run).unwrap();
    for (i, (a, b)) in own.iter().zip(&again).enumerate() {
        let rank = rows[[i, 0]] as usize;
        let want = (n as f64 / (rank + 1).min(n - rank) as f64).ln();
        assert!((f64::from(*a) - want).abs() < 1e-6 && (a - b).abs() <= 1.001e-3, "{a} {b} {want}");
    }
    let mut out = ModelWriter::new();
    fitted.model().save(&mut out).unwrap();
    assert!(out.finish().0["value"].shape[0] < 8_000);
}

fn naive(values: &Array2<f32>, row: &[f32], combine: Combine) -> f64 {
    let (mut best, mut sides) = (0.0, [0.0; 3]);
    for (column, &x) in values.columns().into_iter().zip(row) {
        let seen: Vec<f64> = column.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect();
        let n = seen.len() as f64;
        let nats = |count: usize| if count > 0 { -(count as f64 / n).ln() } else { (n + 1.0).ln() };
        let both = |x: f64| {
            (nats(seen.iter().filter(|&&v| v <= x).count()), nats(seen.iter().filter(|&&v| v >= x).count()))
        };
        if seen.is_empty() {
            continue;
        }
        let (left, right) = if x.is_nan() {
            let all: Vec<_> = seen.iter().map(|&v| both(v)).collect();
            best += all.iter().map(|(l, r)| l.max(*r)).sum::<f64>() / n;
            (all.iter().map(|s| s.0).sum::<f64>() / n, all.iter().map(|s| s.1).sum::<f64>() / n)
        } else {
            let (left, right) = both(f64::from(x));
            best += left.max(right);
            (left, right)
        };
        let mean = seen.iter().sum::<f64>() / n;
        let third: f64 = seen.iter().map(|v| (v - mean).powi(3)).sum();
        sides[0] += left;
        sides[1] += right;
        // Rounding decides the sign for symmetric columns; the oracle leaves those to the tested code.
        sides[2] += if third.abs() < 1e-6 {
            f64::NAN
        } else if third < 0.0 {
            left
        } else {
            right
        };
    }
    match combine {
        Combine::PerColumn => best,
        Combine::PerSide if sides[2].is_nan() => f64::NAN,
        Combine::PerSide => sides.into_iter().fold(0.0, f64::max),
    }
}

proptest! {
    /// Against counting, for training rows and new ones, with ties and gaps; shares sum to scores.
    #[test]
    fn equals_counting(
        n in 1..40_usize, cells in prop::collection::vec(prop_oneof![8 => (-6..6_i8).prop_map(f32::from), 1 => Just(f32::NAN)], 160),
        per_side in any::<bool>(),
    ) {
        let combine = if per_side { Combine::PerSide } else { Combine::PerColumn };
        let train = Array2::from_shape_fn((n, 3), |(i, j)| cells[i * 3 + j]);
        let rows = Array2::from_shape_fn((10, 3), |(i, j)| cells[130 + i * 3 + j] * 1.5);
        let run = Run::new(0);
        let params = Ecod { combine, ..Ecod::default() };
        let (fitted, own) = params.fit_score_on(&Features::rows(train.clone()), &run).unwrap();
        prop_assert_eq!(&own, &fitted.score(&Features::rows(train.clone()), &run).unwrap());
        for (values, scores) in [(&train, own), (&rows, fitted.score(&Features::rows(rows.clone()), &run).unwrap())] {
            let shares = fitted.attribute(&Features::rows(values.clone()), &run).unwrap().unwrap().values;
            for ((row, score), shares) in values.rows().into_iter().zip(scores).zip(shares.rows()) {
                let want = naive(&train, &row.to_vec(), combine);
                prop_assert!(want.is_nan() || (f64::from(score) - want).abs() < 1e-5, "{} {}", score, want);
                prop_assert!((shares.sum() - score).abs() < 1e-5);
            }
        }
    }
}
