//! Closed forms, NumPy's numbers on all pairs of rows, affine invariance, flats, and duplicates.

use super::directions::{across, all_subsets};
use super::*;
use anomalyst_core::{DetectorExt, Features};
use anomalyst_testkit::normal_rows;
use ndarray::{array, concatenate};
use proptest::prelude::*;

fn with(directions: Directions) -> RandomProjectionOutlyingness {
    RandomProjectionOutlyingness { directions, ..RandomProjectionOutlyingness::default() }
}

fn own_scores(detector: &RandomProjectionOutlyingness, rows: Array2<f32>) -> Vec<f32> {
    detector.fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap().1
}

/// Median 3, MAD 1 of 1, 2, 3, 4, 100: the robust deviation is 1.4826, as in one column there is one direction.
#[test]
fn closed_form_on_a_line() {
    for directions in [Directions::Hyperplanes, Directions::Pairs, Directions::Random] {
        let scores = own_scores(&with(directions), array![[1.0], [2.0], [3.0], [4.0], [100.0]]);
        for (score, want) in scores.iter().zip([2.0, 1.0, 0.0, 1.0, 97.0]) {
            assert!((f64::from(*score) - want / MAD_TO_SIGMA).abs() <= 1e-6 * want, "{scores:?}");
        }
    }
}

/// `golden/random_projection_outlyingness.py`: all 276 pairs of 24 rows. Columns are divided by 0.6745 there and by its
/// rounding to four digits here, which no direction sees; what is left is the f32 of scores.
#[test]
fn matches_numpy() {
    let mut rows = Array2::from_shape_fn((24, 2), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101 * 64, (53 * i * i + 29 * i) % 97 * 37][j];
        whole as f32 / 1024.0
    });
    rows.rows_mut().into_iter().for_each(|mut row| row[1] += 2.0 * row[0]);
    rows.row_mut(22).assign(&array![3.0, 20.0]);
    rows.row_mut(23).assign(&array![30.0, 30.0]);
    let queries = rows.select(Axis(0), &[0, 1, 2, 3, 4, 5, 22, 23]);
    let queries = Features::rows(concatenate![Axis(0), queries, array![[1.0, 2.0], [6.0, 0.0]]]);
    let goldens = [
        (
            Directions::Hyperplanes,
            [
                3.45771555,
                1.1335431,
                0.734115393,
                0.784286717,
                2.01998352,
                2.20124174,
                12.0341554,
                47.347447,
                2.68565634,
                15.2590882,
            ],
        ),
        (
            Directions::Pairs,
            [
                3.4709093,
                0.959672546,
                0.729688188,
                0.732952264,
                1.67735172,
                1.79643469,
                10.4375602,
                38.801328,
                2.62866819,
                13.2900673,
            ],
        ),
    ];
    for (directions, want) in goldens {
        let fitted = with(directions).fit_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        assert_eq!(fitted.model().axes.nrows(), 276);
        let got = fitted.score(&queries, &Run::new(0)).unwrap();
        for (got, want) in got.iter().zip(want) {
            assert!((f64::from(*got) - want).abs() < 1e-6 * want, "{directions:?}: {got} {want}");
        }
    }
}

/// Scores of `A x + b` are those of `x`: hyperplanes through the same rows have the same deviations. Rounding of the
/// mapped rows to f32 is what is left.
#[test]
fn hyperplanes_follow_linear_maps() {
    let rows = normal_rows(200, 3, 1);
    let map = array![[1.0_f32, 0.5, -2.0], [0.25, 1.5, 1.0], [-1.0, 0.75, 0.5]];
    let mapped = rows.dot(&map) + array![3.0_f32, -1.0, 7.0];
    let detector = with(Directions::Hyperplanes);
    let (plain, moved) = (own_scores(&detector, rows.clone()), own_scores(&detector, mapped.clone()));
    assert!(plain.iter().zip(&moved).all(|(a, b)| (a - b).abs() < 1e-3 * a), "{plain:?} {moved:?}");
    // That this could fail: random directions do not follow.
    let detector = with(Directions::Random);
    let (plain, moved) = (own_scores(&detector, rows), own_scores(&detector, mapped));
    assert!(plain.iter().zip(&moved).any(|(a, b)| (a - b).abs() > 0.05 * a));
}

/// A third column that is the sum of two others, and a fourth that is mostly 0: rows are looked at within the flat, and
/// a row beside it stands out.
#[test]
fn flats_are_directions_of_their_own() {
    let free = normal_rows(300, 3, 1);
    let mut rows = Array2::from_shape_fn((300, 5), |(i, j)| match j {
        0..3 => free[[i, j]],
        3 => free[[i, 0]] + free[[i, 1]],
        _ => f32::from(u8::from(i % 40 == 0)),
    });
    // Odd within the flat: usual by columns, unusual together.
    rows.row_mut(299).assign(&array![2.5, -2.5, 0.0, 0.0, 0.0]);
    let detector = RandomProjectionOutlyingness::default();
    let (fitted, own) = detector.fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
    // The rare value counts in mean absolute deviations: 8 in 300 of them.
    let axes = &fitted.model().axes;
    assert_eq!(axes.row(0), array![0.0, 0.0, 0.0, 0.0, 1.0], "the column that is mostly 0");
    let relation = axes.row(1);
    assert!(relation[2].abs() < 1e-5 && relation[4].abs() < 1e-9, "the sum: {relation}");
    let within = axes.slice(ndarray::s![2.., ..]).dot(&relation);
    assert!(within.iter().all(|v| v.abs() < 1e-9));
    assert!(own[1..40].iter().all(|&s| s < 6.0), "{own:?}");
    let mut beside = rows.row(7).to_owned();
    beside[3] += 0.2;
    let score = fitted.score(&Features::rows(beside.insert_axis(Axis(0))), &Run::new(0)).unwrap()[0];
    assert!(score > 50.0 && score > 10.0 * own[7], "{score} {}", own[7]);
}

/// Rows that are all equal leave the columns; half duplicates leave pairs between those that differ.
#[test]
fn equal_rows() {
    for directions in [Directions::Hyperplanes, Directions::Pairs, Directions::Random] {
        let detector = with(directions);
        let same = Features::rows(Array2::from_elem((50, 3), 2.0));
        let (fitted, own) = detector.fit_score_on(&same, &Run::new(0)).unwrap();
        assert!(own.iter().all(|&s| s == 0.0));
        let far = fitted.score(&Features::rows(array![[2.0, 2.0, 3.0]]), &Run::new(0)).unwrap()[0];
        assert!(far > 1.0, "{directions:?} {far}");
        let mut rows = normal_rows(50, 3, 1);
        (0..30).for_each(|i| rows.row_mut(i).fill(1.0));
        let scores = own_scores(&detector, rows);
        assert!(scores[..30].iter().all(|&s| s == scores[0]));
    }
}

/// Above 100 columns, and with no more rows than columns, directions come from the sphere; few rows are few subsets.
#[test]
fn where_directions_come_from() {
    let n_axes = |n: usize, d: usize, directions: Directions, count: Option<usize>| {
        let detector = RandomProjectionOutlyingness { n_directions: count, ..with(directions) };
        let fitted = detector.fit_on(&Features::rows(normal_rows(n, d, 1)), &Run::new(0)).unwrap();
        fitted.model().axes.nrows()
    };
    assert_eq!(n_axes(8, 2, Directions::Hyperplanes, None), 28);
    assert_eq!(n_axes(8, 2, Directions::Hyperplanes, Some(20)), 20);
    assert_eq!(n_axes(2, 2, Directions::Hyperplanes, None), 500);
    assert_eq!(n_axes(4, 101, Directions::Pairs, None), 6);
    assert_eq!(n_axes(130, 101, Directions::Hyperplanes, Some(7)), 7);
    assert_eq!(all_subsets(4, 2, 6).unwrap()[4], [1, 3]);
    assert!(all_subsets(4, 2, 5).is_none() && all_subsets(1 << 20, 100, usize::MAX).is_none());
}

#[test]
fn a_sample_gives_medians_and_all_rows_are_scored() {
    let rows = Features::rows(normal_rows(400, 3, 1));
    let run = Run::new(4);
    let detector =
        RandomProjectionOutlyingness { max_reference: Some(100), ..RandomProjectionOutlyingness::default() };
    let kept = reference_rows(400, Some(100), &run).unwrap();
    let whole = RandomProjectionOutlyingness::default();
    let alone = whole.fit_on(&rows.take(&kept), &run).unwrap().score(&rows, &run).unwrap();
    assert_eq!(detector.fit_score_on(&rows, &run).unwrap().1, alone);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// The shortest code for any directions: scores are the largest deviation, and shares with the median sum to it.
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-5.0..5.0_f32, 60..240), seed: u64, kind in 0..3_usize) {
        let directions = [Directions::Hyperplanes, Directions::Pairs, Directions::Random][kind];
        let rows = Array2::from_shape_fn((flat.len() / 3, 3), |(i, j)| flat[3 * i + j]);
        let detector = RandomProjectionOutlyingness { n_directions: Some(40), ..with(directions) };
        let run = Run::new(seed);
        let (fitted, own) = detector.fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
        let model = fitted.model();
        let z = Array2::from_shape_fn(rows.dim(), |(i, j)| (f64::from(rows[[i, j]]) - model.center[j]) * model.scale[j]);
        let mut want = vec![0.0_f64; rows.nrows()];
        for axis in model.axes.rows() {
            prop_assert!((axis.dot(&axis) - 1.0).abs() < 1e-12);
            let along = z.dot(&axis);
            let mut sorted = along.to_vec();
            let (median, mad) = median_and_mad(&mut sorted);
            let deviation = (mad * MAD_TO_SIGMA).max(1e-3);
            want.iter_mut().zip(&along).for_each(|(want, y)| *want = want.max((y - median).abs() / deviation));
        }
        for (got, want) in own.iter().zip(&want) {
            prop_assert!((f64::from(*got) - want).abs() < 1e-5 * want.max(1.0), "{} {}", got, want);
        }
    }

    /// A normal is orthogonal to every line between its points and to what is given, also where points coincide.
    #[test]
    fn normals_are_orthogonal(flat in prop::collection::vec(-3..3_i8, 20), seed: u64) {
        let points: Vec<Vec<f64>> = flat[..15].chunks(5).map(|p| p.iter().map(|&v| f64::from(v)).collect()).collect();
        let given = vec![vec![0.0, 0.0, 0.0, 0.0, 1.0]];
        let axis = across(&points, &given, &mut Run::new(seed).random(0)).unwrap();
        let along = |v: &[f64]| v.iter().zip(&axis).map(|(a, b)| a * b).sum::<f64>();
        prop_assert!((along(&axis) - 1.0).abs() < 1e-12 && along(&given[0]).abs() < 1e-12);
        for point in &points[1..] {
            let line: Vec<f64> = point.iter().zip(&points[0]).map(|(a, b)| a - b).collect();
            prop_assert!(along(&line).abs() < 1e-9, "{}", along(&line));
        }
    }
}
