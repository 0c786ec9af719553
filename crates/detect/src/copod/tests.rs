//! Closed forms, PyOD's numbers, and counting as an oracle. Ties, gaps and thinning are those of `ecod`.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// Values 1, 2, 3, 9 are skewed to the right: shares at or above are 4/4, 3/4, 2/4, 1/4, at or below 1/4 to 4/4.
#[test]
fn closed_form() {
    let (run, train) = (Run::new(0), Features::rows(array![[1.0], [2.0], [3.0], [9.0]]));
    let (fitted, own) = Copod::default().fit_score_on(&train, &run).unwrap();
    let ln = |v: f64| v.ln() as f32;
    let want = [ln(4.0) / 2.0, (ln(2.0) + ln(4.0 / 3.0)) / 2.0, ln(2.0), ln(4.0)];
    own.iter().zip(want).for_each(|(got, want)| assert!((got - want).abs() < 1e-6, "{got} {want}"));
    // Below all, above all, and missing, which is the mean.
    let rows = Features::rows(array![[0.0], [1e9], [f32::NAN]]);
    let want = [ln(5.0) / 2.0, ln(5.0), want.iter().sum::<f32>() / 4.0];
    for (got, want) in fitted.score(&rows, &run).unwrap().iter().zip(want) {
        assert!((got - want).abs() < 1e-6, "{got} {want}");
    }
    // The mirror image is skewed to the left, and scores the same.
    let mirrored = Features::rows(train.values.mapv(|v| -v));
    assert_eq!(Copod::default().fit_score_on(&mirrored, &run).unwrap().1, own);
}

/// PyOD 3.6.7 through `golden/copod.py`. PyOD works in f64 and these scores are f32, hence the relative 1e-6.
#[test]
fn matches_pyod() {
    let want = [
        2.2821741, 2.13833306, 2.43222639, 4.07393356, 1.71245695, 1.87670899, 2.83148024, 2.48490665,
        2.57606743, 3.11916231, 2.69551338, 3.72735997,
    ];
    let rows = Array2::from_shape_fn((12, 3), |(i, j)| match j {
        0 => (i * 7 % 11) as f32,
        1 => -((i * i % 5) as f32).powi(2),
        _ if i == 11 => 40.0,
        _ => (i / 3) as f32,
    });
    let (_, scores) = Copod::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
    for (got, want) in scores.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= 1e-6 * want, "{got} {want}");
    }
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let (fitted, own) =
        Copod::default().fit_score_on(&Features::rows(array![[5.0, f32::NAN]]), &run).unwrap();
    assert_eq!(own, [0.0]);
    let scores = fitted.score(&Features::rows(array![[6.0, 1.0], [4.0, f32::NAN]]), &run).unwrap();
    // Without a skew the right tail is the longer one; a column never seen says nothing.
    assert_eq!(scores, [2.0_f32.ln(), 2.0_f32.ln() / 2.0]);
}

/// Left, right and blended surprise of `x`, and the tail that counts; `None` where rounding decides the skew.
fn naive(column: &[f64], x: f64) -> Option<[f64; 3]> {
    let n = column.len() as f64;
    let nats = |count: usize| if count > 0 { -(count as f64 / n).ln() } else { (n + 1.0).ln() };
    let left = nats(column.iter().filter(|&&v| v <= x).count());
    let right = nats(column.iter().filter(|&&v| v >= x).count());
    let mean = column.iter().sum::<f64>() / n;
    let third: f64 = column.iter().map(|v| (v - mean).powi(3)).sum();
    (third.abs() > 1e-6).then_some([left, right, if third < 0.0 { left } else { right }])
}

proptest! {
    /// Against counting, for training rows and new ones, in both ways to combine; shares sum to scores.
    #[test]
    fn equals_counting(
        n in 1..40_usize, cells in prop::collection::vec((-6..6_i8).prop_map(f32::from), 160), per_side in any::<bool>(),
    ) {
        let train = Array2::from_shape_fn((n, 3), |(i, j)| cells[i * 3 + j]);
        let rows = Array2::from_shape_fn((10, 3), |(i, j)| cells[130 + i * 3 + j] * 1.5);
        let params = Copod { combine: if per_side { Combine::PerSide } else { Combine::PerColumn }, ..Copod::default() };
        let run = Run::new(0);
        let (fitted, own) = params.fit_score_on(&Features::rows(train.clone()), &run).unwrap();
        let new = fitted.score(&Features::rows(rows.clone()), &run).unwrap();
        let columns: Vec<Vec<f64>> =
            train.columns().into_iter().map(|c| c.iter().map(|&v| f64::from(v)).collect()).collect();
        for (values, scores) in [(&train, own), (&rows, new)] {
            let shares = fitted.attribute(&Features::rows(values.clone()), &run).unwrap().unwrap().values;
            for ((row, score), shares) in values.rows().into_iter().zip(scores).zip(shares.rows()) {
                prop_assert!((shares.sum() - score).abs() < 1e-5);
                let tails: Option<Vec<[f64; 3]>> =
                    columns.iter().zip(row).map(|(column, &x)| naive(column, f64::from(x))).collect();
                let Some(tails) = tails else { continue };
                let sum = |term: &dyn Fn(&[f64; 3]) -> f64| tails.iter().map(term).sum::<f64>();
                let want = if per_side {
                    sum(&|t| t[0]).max(sum(&|t| t[1])).max(sum(&|t| t[2]))
                } else {
                    sum(&|t| t[2].max((t[0] + t[1]) / 2.0))
                };
                prop_assert!((f64::from(score) - want).abs() < 1e-5, "{} {}", score, want);
            }
        }
    }
}
