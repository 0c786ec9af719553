//! PyOD's numbers with given clusters, the boundary by hand, the definition, and rows that do not cluster.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::array;
use proptest::prelude::*;

/// The data of `golden/cblof.py`: three groups of 36, 18 and 6 rows.
fn golden_rows() -> (Array2<f32>, Clusters) {
    let label = |i: usize| if i < 36 { 0 } else { u32::from(i >= 54) + 1 };
    let rows = Array2::from_shape_fn((60, 2), |(i, j)| {
        let offset = [[0.0, 0.0], [20.0, 0.0], [0.0, 30.0]][label(i) as usize][j];
        offset + [i * 7 % 11, i * i % 5 + i * 3 % 7][j] as f32 / 4.0
    });
    let centers = [0..36, 36..54, 54..60].map(|of| {
        let own = rows.select(Axis(0), &of.collect::<Vec<_>>()).mapv(f64::from);
        own.columns().into_iter().map(|column| column.sum() / own.nrows() as f64).collect()
    });
    (rows, Clusters { labels: (0..60).map(label).collect(), centers: centers.to_vec() })
}

/// PyOD 3.6.7 through `golden/cblof.py`, which takes columns as they are; scores are f32, hence the relative 1e-6.
#[test]
fn matches_pyod_with_given_clusters() {
    let goldens = [
        (
            (0.9, 5.0, false),
            [
                1.71866232, 1.0731807, 1.30130069, 1.21724048, 29.2855135, 29.5360946, 1.71866232,
                9.47854343, 38.7853197,
            ],
        ),
        (
            (0.9, 2.5, true),
            [
                61.8718434, 38.6345053, 46.8468249, 21.9103286, 175.713081, 177.216568, 61.8718434,
                170.613782, 232.711918,
            ],
        ),
        (
            (0.5, 2.0, false),
            [
                1.71866232, 1.0731807, 1.30130069, 21.2858109, 29.2855135, 29.5360946, 1.71866232,
                10.9313982, 38.7853197,
            ],
        ),
    ];
    let (rows, clusters) = golden_rows();
    let new = array![[0.0, 0.0], [12.0, 3.0], [1.0, 40.0]];
    for ((large_frac, size_ratio, use_weights), want) in goldens {
        let params = Cblof { n_clusters: 3, large_frac, size_ratio, use_weights, ..Cblof::default() };
        let model = params.model(clusters.clone(), vec![1.0; 2]);
        let some = rows.select(Axis(0), &[0, 17, 35, 36, 54, 59]);
        for (row, want) in some.rows().into_iter().chain(new.rows()).zip(want) {
            let (_, distance, weight) = model.measure(row);
            assert!((distance * weight / want - 1.0).abs() < 1e-6, "{distance} {weight} {want}");
        }
    }
}

/// The method finds those clusters itself, where a seed falls into each group.
#[test]
fn k_means_finds_the_groups() {
    let (rows, clusters) = golden_rows();
    let params = Cblof { n_clusters: 3, ..Cblof::default() };
    let (_, own) = params.fit_score_on(&Features::rows(rows.clone()), &Run::new(3)).unwrap();
    let mean = column_means(rows.view());
    let unit = |variance: &f64| 1.0 / variance.sqrt();
    let given = params.model(clusters, column_variances(rows.view(), &mean).iter().map(unit).collect());
    for (row, score) in rows.rows().into_iter().zip(own) {
        assert!((f64::from(score) - given.measure(row).1).abs() < 1e-5);
    }
}

#[test]
fn the_boundary_by_hand() {
    // 90 % after two, and the drop is there too; 90 % after two but no drop; a drop only; neither.
    assert_eq!(n_large(&[60, 35, 5], 0.9, 5.0), 2);
    assert_eq!(n_large(&[60, 30, 10], 0.9, 5.0), 2);
    assert_eq!(n_large(&[50, 10, 10, 10, 10, 10], 0.95, 5.0), 1);
    assert_eq!(n_large(&[25, 25, 25, 25], 0.9, 5.0), 4);
    // The first place where both hold comes before an earlier one where one does.
    assert_eq!(n_large(&[91, 4, 4, 1], 0.9, 20.0), 1);
    assert_eq!(n_large(&[85, 10, 4, 1], 0.9, 4.0), 3);
    assert_eq!(n_large(&[7], 0.9, 5.0), 1);
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let (fitted, own) =
        Cblof::default().fit_score_on(&Features::rows(Array2::from_elem((5, 2), 3.0)), &run).unwrap();
    assert_eq!(own, [0.0; 5]);
    // Constant columns are measured in units of their size: 4 / 3.
    assert_eq!(fitted.score(&Features::rows(array![[3.0, 7.0]]), &run).unwrap(), [4.0 / 3.0]);
    // More clusters than rows: each is its own.
    let few = Features::rows(array![[1.0], [2.0], [4.0]]);
    assert_eq!(Cblof::default().fit_score_on(&few, &run).unwrap().1.len(), 3);
    let wide = Features::rows(array![[f32::MAX, f32::MIN], [f32::MIN, f32::MAX]]);
    let params = Cblof { n_clusters: 1, use_weights: true, ..Cblof::default() };
    assert!(params.fit_score_on(&wide, &run).unwrap().1.iter().all(|s| s.is_finite()));
}

proptest! {
    /// The definition, from the clusters that a model holds; shares sum to scores.
    #[test]
    fn equals_the_definition(
        n in 1..80_usize, n_clusters in 1..7_usize, use_weights in any::<bool>(), cells in prop::collection::vec(-9.0..9.0_f32, 240),
    ) {
        let rows = Features::rows(Array2::from_shape_fn((n, 3), |(i, j)| cells[i * 3 + j]));
        let run = Run::new(1);
        let params = Cblof { n_clusters, use_weights, ..Cblof::default() };
        let (fitted, own) = params.fit_score_on(&rows, &run).unwrap();
        let model = fitted.model();
        prop_assert_eq!(model.sizes.iter().sum::<u64>(), n as u64);
        prop_assert!(model.sizes.is_sorted_by(|a, b| a >= b));
        let shares = fitted.attribute(&rows, &run).unwrap().unwrap().values;
        for (i, row) in rows.values.rows().into_iter().enumerate() {
            let (x, scale) = (row.mapv(f64::from), ndarray::aview1(&model.scale));
            let distances: Vec<f64> =
                model.centers.rows().into_iter().map(|c| ((&x - &c) * scale).mapv(|v| v * v).sum().sqrt()).collect();
            let own_cluster = (0..distances.len()).min_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap();
            let least_large = distances[..model.n_large].iter().copied().fold(f64::INFINITY, f64::min);
            let distance = if own_cluster < model.n_large { distances[own_cluster] } else { least_large };
            let want = distance * if use_weights { model.sizes[own_cluster] as f64 } else { 1.0 };
            prop_assert!((f64::from(own[i]) - want).abs() <= 1e-5 * want.max(1.0));
            prop_assert!((f64::from(shares.row(i).sum()) - want).abs() <= 1e-4 * want.max(1.0));
        }
    }
}
