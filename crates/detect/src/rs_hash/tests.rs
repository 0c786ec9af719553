//! Closed forms, counting cells as an oracle, the bounds of the draws, and rows without a range.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// Heaps of three and one at the ends of a column: each grid's cells are narrower than the range or hold all, so in
/// the mean the row of its own scores higher, and no more than log2(5); new rows count all four.
#[test]
fn a_lone_row_scores_higher() {
    let run = Run::new(0);
    let train = Features::rows(array![[0.0], [0.0], [0.0], [1.0]]);
    let (fitted, own) = RsHash::default().fit_score_on(&train, &run).unwrap();
    assert!(own[0] == own[1] && own[1] == own[2] && own[3] > own[0] + 1.0, "{own:?}");
    let most = 5.0_f32.log2();
    // Far off is always alone.
    assert_eq!(fitted.score(&Features::rows(array![[100.0], [-100.0]]), &run).unwrap(), [most, most]);
    assert!(own[3] <= most);
}

/// Equal rows share every cell: each meets the other `n - 1`, and a new one meets `n`, and so has no surprise left.
#[test]
fn equal_rows_in_closed_form() {
    let (run, rows) = (Run::new(0), Features::rows(Array2::from_elem((7, 3), 2.0)));
    let (fitted, own) = RsHash::default().fit_score_on(&rows, &run).unwrap();
    own.iter().for_each(|s| assert!((s - (8.0_f32 / 7.0).log2()).abs() < 1e-6));
    assert_eq!(fitted.score(&rows, &run).unwrap(), [0.0; 7]);
    // A column that does not vary still shows a row that does, wherever a grid looks at it.
    let other = fitted.score(&Features::rows(array![[2.0, 2.0, 2.1], [f32::NAN, 2.0, 2.0]]), &run).unwrap();
    assert!(other.iter().all(|&s| s > 1.0), "{other:?}");
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    for rows in [
        array![[5.0]],
        array![[f32::MAX, 1e-45], [f32::MIN, -1e-45], [0.0, 0.0]],
        Array2::from_elem((3, 2), f32::NAN),
        Array2::from_shape_fn((4, 60), |(i, j)| (i * j) as f32),
    ] {
        let far = Features::rows(Array2::from_elem((2, rows.ncols()), f32::MAX));
        let (fitted, own) = RsHash::default().fit_score_on(&Features::rows(rows), &run).unwrap();
        assert!(own.iter().chain(&fitted.score(&far, &run).unwrap()).all(|s| s.is_finite() && *s >= 0.0));
    }
}

/// Training rows score as new rows of the same kind do; scored as if new, they would meet themselves and score lower.
#[test]
fn having_been_in_the_sample_does_not_help() {
    let of = |seed| Features::rows(anomalyst_testkit::normal_rows(1000, 3, seed));
    let (rows, run) = (of(1), Run::new(0));
    let (fitted, own) = RsHash { n_grids: 100, sample_size: 1000 }.fit_score_on(&rows, &run).unwrap();
    let mean = |scores: &[f32]| scores.iter().sum::<f32>() / scores.len() as f32;
    let again = mean(&fitted.score(&rows, &run).unwrap());
    let new: Vec<f32> = (2..6).flat_map(|seed| fitted.score(&of(seed), &run).unwrap()).collect();
    assert!(
        (mean(&own) - mean(&new)).abs() < 0.3 * (mean(&new) - again),
        "{} {} {again}",
        mean(&own),
        mean(&new)
    );
}

proptest! {
    /// Against comparing every row with every other, cell by cell, when all rows are in every sample.
    #[test]
    fn equals_counting(
        n in 1..60_usize, cells in prop::collection::vec(prop_oneof![8 => -5.0..5.0_f32, 2 => (-3..3_i8).prop_map(f32::from), 1 => Just(f32::NAN)], 240),
    ) {
        let train = Array2::from_shape_fn((n, 3), |(i, j)| cells[i * 3 + j]);
        let new = Array2::from_shape_fn((20, 3), |(i, j)| cells[180 + i * 3 + j] * 1.2);
        let run = Run::new(7);
        let params = RsHash { n_grids: 12, sample_size: 1000 };
        let (fitted, own) = params.fit_score_on(&Features::rows(train.clone()), &run).unwrap();
        let grids = &fitted.model().grids;
        let cell = |i: usize, row: ndarray::ArrayView1<'_, f32>| grids[i].cell(row);
        for (values, scores, itself) in [(&train, own, 1), (&new, fitted.score(&Features::rows(new.clone()), &run).unwrap(), 0)] {
            for (row, score) in values.rows().into_iter().zip(scores) {
                let surprise = |i: usize| {
                    let met = train.rows().into_iter().filter(|other| cell(i, *other) == cell(i, row)).count() - itself;
                    ((n + 1) as f64 / (met + 1) as f64).log2()
                };
                let want = (0..12).map(surprise).sum::<f64>() / 12.0;
                prop_assert!((f64::from(score) - want).abs() < 1e-5, "{} {}", score, want);
            }
        }
    }
}
