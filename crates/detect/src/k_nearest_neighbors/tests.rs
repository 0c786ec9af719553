//! PyOD's numbers, closed forms on a line, samples of the reference, and the definition as an oracle.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{array, s};
use proptest::prelude::*;

fn with(n_neighbors: usize, take: Take) -> KNearestNeighbors {
    KNearestNeighbors { n_neighbors, take, max_reference: None }
}

/// The data of `golden/k_nearest_neighbors.py`.
fn golden_rows() -> Array2<f32> {
    let mut rows = Array2::from_shape_fn((30, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        whole as f32 / 16.0
    });
    rows.row_mut(29).assign(&array![20.0, -3.0, 9.0]);
    rows
}

/// PyOD 3.6.7 through `golden/k_nearest_neighbors.py`; the tolerance is that of scores in f32.
#[test]
fn matches_pyod() {
    let new = Features::rows(array![[1.0, 2.0, 3.0], [-10.0, 0.0, 0.0], [2.5, 2.5, 2.5]]);
    let goldens: [(Take, [f64; 7]); 3] = [
        (Take::Largest, [4.12026243, 2.76558086, 2.75071014, 17.2955693, 2.10375408, 11.9905562, 2.08510341]),
        (Take::Mean, [3.4028283, 2.32258524, 2.26872162, 17.031511, 1.60120316, 10.7916421, 1.93218951]),
        (Take::Median, [3.47999683, 2.38682219, 2.20551142, 17.0693224, 1.74068937, 10.5855653, 1.92696349]),
    ];
    let run = Run::new(0);
    for (take, want) in goldens {
        let (fitted, own) = with(4, take).fit_score_on(&Features::rows(golden_rows()), &run).unwrap();
        let got = [0, 7, 15, 29].map(|i| own[i]).into_iter().chain(fitted.score(&new, &run).unwrap());
        for (got, want) in got.zip(want) {
            assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{take:?}: {got} {want}");
        }
    }
}

/// Points 0, 1, 3, 7 on a line: distances from 0 are 1, 3, 7, from 7 they are 4, 6, 7.
#[test]
fn closed_form_on_a_line() {
    let rows = Features::rows(array![[0.0], [1.0], [3.0], [7.0]]);
    let run = Run::new(0);
    let own = |k, take| with(k, take).fit_score_on(&rows, &run).unwrap().1;
    assert_eq!(own(2, Take::Largest), [3.0, 2.0, 3.0, 6.0]);
    assert_eq!(own(3, Take::Median), [3.0, 2.0, 3.0, 6.0]);
    assert_eq!(own(2, Take::Mean), [2.0, 1.5, 2.5, 5.0]);
    assert_eq!(own(2, Take::Median), own(2, Take::Mean));
    // No more neighbours than there are.
    assert_eq!(own(10_000, Take::Largest), [7.0, 6.0, 4.0, 7.0]);
}

#[test]
fn duplicates_are_neighbours_of_each_other() {
    let rows = Features::rows(array![[1.0, 1.0], [1.0, 1.0], [4.0, 5.0]]);
    let run = Run::new(0);
    let (fitted, own) = with(1, Take::Largest).fit_score_on(&rows, &run).unwrap();
    assert_eq!(own, [0.0, 0.0, 5.0]);
    assert_eq!(fitted.score(&rows, &run).unwrap(), [0.0, 0.0, 0.0]);
}

#[test]
fn squared_differences_add_up() {
    let rows = Features::rows(array![[0.0, 0.0], [3.0, 4.0], [100.0, 0.0]]);
    let run = Run::new(0);
    let fitted = with(1, Take::Largest).fit_on(&rows, &run).unwrap();
    let new = Features::rows(array![[1.0, 2.0], [3.0, 4.0]]);
    let shares = fitted.attribute(&new, &run).unwrap().unwrap().values;
    // The second row meets itself first, which explains nothing, and is compared with the next.
    assert_eq!(shares, array![[1.0, 4.0], [9.0, 16.0]]);
}

#[test]
fn a_sample_of_the_reference_leaves_its_own_rows_out() {
    let rows = Array2::from_shape_fn((400, 2), |(i, j)| ((i * 37 + j * 61) % 401) as f32);
    let features = Features::rows(rows.clone());
    let detector = KNearestNeighbors { n_neighbors: 3, max_reference: Some(50), ..Default::default() };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&features, &run).unwrap();
    assert_eq!(fitted.model().index().len(), 50);
    let kept = reference_rows(400, Some(50), &run).unwrap();
    let new = fitted.score(&features, &run).unwrap();
    // Distances on a lattice tie, so the third other row may be as far as the second: the definition decides.
    let third = |row: usize| {
        let mut all: Vec<f32> = kept
            .iter()
            .filter(|&&other| other != row)
            .map(|&other| (rows[[row, 0]] - rows[[other, 0]]).hypot(rows[[row, 1]] - rows[[other, 1]]))
            .collect();
        *all.select_nth_unstable_by(2, f32::total_cmp).1
    };
    for row in 0..400 {
        let want = third(row);
        assert!((own[row] - want).abs() <= 1e-6 * want, "row {row}: {} {want}", own[row]);
        assert!(kept.contains(&row) || own[row] == new[row], "row {row} was not learned from");
    }
    assert!(kept.iter().any(|&row| own[row] > new[row]), "as new rows they meet themselves");
    assert!(kept.is_sorted() && reference_rows(400, Some(400), &run).is_none());
}

#[test]
fn scores_stay_finite_up_to_the_end_of_f32() {
    let run = Run::new(0);
    for scale in [1e-38_f32, 1e-20, 1e18, 3e38] {
        let rows = Features::rows(array![[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5]] * scale);
        for take in [Take::Largest, Take::Mean, Take::Median] {
            let (fitted, own) = with(2, take).fit_score_on(&rows, &run).unwrap();
            assert!(own.iter().all(|s| s.is_finite() && *s > 0.0), "{scale} {own:?}");
            assert!(fitted.attribute(&rows, &run).unwrap().unwrap().values.iter().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn missing_values_are_refused() {
    let rows = Features::rows(array![[0.0], [f32::NAN]]);
    let error = KNearestNeighbors::default().fit_on(&rows, &Run::new(0)).err();
    assert!(matches!(error, Some(Error::NotFinite { row: 1, column: 0 })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// The definition: sort all distances and take.
    #[test]
    fn equals_the_definition(
        flat in prop::collection::vec(-5_i8..5, 6..240),
        k in 1..12_usize,
        take in prop::sample::select(vec![Take::Largest, Take::Mean, Take::Median]),
    ) {
        let n = flat.len() / 3;
        let rows = Array2::from_shape_fn((n, 3), |(i, j)| f32::from(flat[i * 3 + j]) * 0.37);
        let (_, own) = with(k, take).fit_score_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        for (i, &own) in own.iter().enumerate() {
            let mut all: Vec<f64> = (0..n).filter(|&o| o != i).map(|o| {
                let difference = rows.slice(s![i, ..]).mapv(f64::from) - rows.slice(s![o, ..]).mapv(f64::from);
                difference.dot(&difference).sqrt()
            }).collect();
            all.sort_by(f64::total_cmp);
            all.truncate(k);
            let want = match take {
                Take::Largest => all[all.len() - 1],
                Take::Mean => all.iter().sum::<f64>() / all.len() as f64,
                Take::Median => anomalyst_kernels::stats::median(&mut all),
            };
            prop_assert!((f64::from(own) - want).abs() <= 1e-6 * want.max(1.0), "{} {}", own, want);
        }
    }
}
