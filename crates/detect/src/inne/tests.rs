//! PyOD's numbers on samples of all rows, a closed form, the definition on the drawn samples, and degenerate data.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::array;
use proptest::prelude::*;

/// The data of `golden/inne.py`.
fn golden_rows() -> Array2<f32> {
    let mut rows = Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        (whole * [64, 37, 41][j]) as f32 / 1024.0
    });
    rows.row_mut(29).assign(&array![20.0, -3.0, 9.0]);
    rows
}

/// PyOD 3.6.7 through `golden/inne.py`; PyOD computes squared distances from products, hence the tolerance.
#[test]
fn matches_pyod_where_nothing_is_random() {
    let want: [f64; 10] = [
        0.268573705,
        0.0,
        0.345438877,
        0.320916968,
        0.14583622,
        0.226847381,
        0.931529498,
        0.766630129,
        1.0,
        1.0,
    ];
    let run = Run::new(0);
    let detector = Inne { n_sets: 3, sample_size: 30 };
    let (fitted, own) = detector.fit_score_on(&Features::rows(golden_rows()), &run).unwrap();
    let new = Features::rows(array![[1.0, 2.0, 3.0], [-10.0, 0.0, 0.0], [2.5, 2.5, 2.5]]);
    let got = [0, 1, 2, 6, 7, 11, 29].map(|i| own[i]).into_iter().chain(fitted.score(&new, &run).unwrap());
    for (got, want) in got.zip(want) {
        assert!((f64::from(got) - want).abs() < 1e-6, "{got} {want}");
    }
}

/// Points 0, 1, 3, 7 in one sample of all: radii 1, 1, 2, 4, isolations 0, 0, 1/2, 1/2. 1.9 lies in the balls of 1
/// and 3, 4.5 in those of 3 and 7, 6 in that of 7 alone, 12 in none.
#[test]
fn closed_form_on_a_line() {
    let run = Run::new(0);
    let rows = Features::rows(array![[0.0], [1.0], [3.0], [7.0]]);
    let fitted = Inne { n_sets: 5, sample_size: 100 }.fit_on(&rows, &run).unwrap();
    let scores = fitted.score(&Features::rows(array![[1.9], [4.5], [6.0], [12.0]]), &run).unwrap();
    assert_eq!(scores, [0.0, 0.5, 0.5, 1.0]);
    assert_eq!(fitted.model().isolation[..4], [0.0, 0.0, 0.5, 0.5]);
}

/// Heaps: balls of radius 0 hold equal rows only, and a row beside a heap has a ball without comparison.
#[test]
fn degenerate_data_has_an_answer() {
    let run = Run::new(0);
    let (fitted, own) =
        Inne::default().fit_score_on(&Features::rows(Array2::from_elem((9, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [0.0; 9]);
    assert_eq!(fitted.score(&Features::rows(array![[3.0, 3.0], [3.0, 7.0]]), &run).unwrap(), [0.0, 1.0]);
    let heap = Features::rows(array![[0.0], [0.0], [0.0], [2.0]]);
    let (_, own) = Inne { n_sets: 3, sample_size: 4 }.fit_score_on(&heap, &run).unwrap();
    assert_eq!(own, [0.0, 0.0, 0.0, 1.0]);
    assert!(Inne::default().fit_on(&Features::rows(array![[1.0]]), &run).is_err());
    for scale in [1e-45_f32, 1e-38, 1e18, 3e38] {
        let rows = Features::rows(array![[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [1.0, 0.0]] * scale);
        let (_, own) = Inne::default().fit_score_on(&rows, &run).unwrap();
        assert!(own.iter().all(|s| (0.0..=1.0).contains(s)), "{scale} {own:?}");
    }
}

/// Each set is a sample of its own without repetition; another seed draws others.
#[test]
fn samples_are_drawn_without_repetition() {
    let rows = Features::rows(Array2::from_shape_fn((50, 1), |(i, _)| (i * i) as f32));
    let fitted = Inne::default().fit_on(&rows, &Run::new(1)).unwrap();
    let centers = &fitted.model().centers;
    assert_eq!(centers.dim(), (1600, 1));
    let mut sets: Vec<Vec<u32>> =
        centers.column(0).to_vec().chunks(8).map(|s| s.iter().map(|&v| v as u32).collect()).collect();
    sets.iter_mut().for_each(|set| set.sort_unstable());
    assert!(sets.iter().all(|set| set.windows(2).all(|pair| pair[0] < pair[1])));
    // Every row is drawn in about 32 of the 200 sets.
    let drawn = |v: u32| sets.iter().filter(|set| set.contains(&v)).count();
    assert!((0..50).all(|i| (10..=60).contains(&drawn(i * i))));
    assert_ne!(centers, &Inne::default().fit_on(&rows, &Run::new(2)).unwrap().model().centers);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// The definition, on the samples that were drawn.
    #[test]
    fn equals_the_definition(flat in prop::collection::vec(-9_i8..10, 12..120), sample_size in 2..9_usize) {
        let n = flat.len() / 3;
        // Different rows, so that no radius is 0.
        let rows = Array2::from_shape_fn((n, 3), |(i, j)| f32::from(flat[i * 3 + j]) + i as f32 * 0.013);
        let run = Run::new(7);
        let detector = Inne { n_sets: 20, sample_size };
        let (fitted, own) = detector.fit_score_on(&Features::rows(rows.clone()), &run).unwrap();
        let size = sample_size.min(n);
        let centers = &fitted.model().centers;
        let distance = |a: ndarray::ArrayView1<'_, f32>, b: ndarray::ArrayView1<'_, f32>| {
            let difference = a.mapv(f64::from) - b.mapv(f64::from);
            difference.dot(&difference).sqrt()
        };
        for (row, got) in rows.rows().into_iter().zip(own) {
            let mut sum = 0.0;
            for set in 0..20 {
                let at = |c: usize| centers.row(set * size + c);
                let tau = |c: usize| {
                    (0..size).filter(|&o| o != c).map(|o| (distance(at(c), at(o)), o)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
                };
                let inside = (0..size).filter(|&c| distance(row, at(c)) <= tau(c).0);
                let smallest = inside.min_by(|&a, &b| tau(a).0.total_cmp(&tau(b).0));
                sum += smallest.map_or(1.0, |c| 1.0 - tau(tau(c).1).0 / tau(c).0);
            }
            prop_assert!((f64::from(got) - sum / 20.0).abs() < 1e-6, "{got} {}", sum / 20.0);
        }
    }
}
