//! Against the shortest code that finds neighbours.

use super::*;
use ndarray::{Array1, array};
use proptest::prelude::*;

/// Every distance, sorted; the sum runs in the same order as the fast one, so ties are the same ties.
fn naive(
    points: &Array2<f32>,
    queries: &Array2<f32>,
    k: usize,
    skip: impl Fn(usize) -> u32,
) -> Vec<Vec<Neighbor>> {
    let near = |(i, query): (usize, ndarray::ArrayView1<'_, f32>)| {
        let mut all: Vec<Neighbor> = (0..points.nrows() as u32)
            .filter(|&index| index != skip(i))
            .map(|index| Neighbor {
                index,
                squared: squared_distance(&query.to_vec(), &points.row(index as usize).to_vec()),
            })
            .collect();
        all.sort_by(|a, b| a.squared.total_cmp(&b.squared).then(a.index.cmp(&b.index)));
        all.truncate(k);
        all
    };
    queries.rows().into_iter().enumerate().map(near).collect()
}

fn check(points: &Array2<f32>, queries: &Array2<f32>, k: usize, skip: Skip<'_>) {
    let run = Run::new(0);
    let index = NeighborIndex::new(points.view()).unwrap();
    let k = index.available(k, skip);
    let skipped = |i: usize| match skip {
        Skip::None => u32::MAX,
        Skip::SameIndex => i as u32,
        Skip::Each(list) => list[i],
    };
    let want = naive(points, queries, k, skipped);
    for way in [None, Some(Way::Tree), Some(Way::Blocked)] {
        let got = index.map_by(way, queries.view(), (k, skip), &run, |_, near| near.to_vec()).unwrap();
        assert_eq!(got, want, "{way:?}");
    }
}

/// Deterministic noise without a generator.
fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    })
}

#[test]
fn distances_of_equal_rows_are_exactly_zero() {
    let rows = noise(3, 9, 1) * 1e6;
    assert_eq!(squared_distance(&rows.row(0).to_vec(), &rows.row(0).to_vec()), 0.0);
    assert_eq!(squared_distance(&[0.0, 3.0], &[4.0, 0.0]), 25.0);
    assert_eq!(squared_distance(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5]), 55.0);
}

/// Points 0, 1, 3 on a line: query 7 is 4 and 6 away from its nearest two.
#[test]
fn closed_form_on_a_line() {
    let index = NeighborIndex::new(array![[0.0], [1.0], [3.0]].view()).unwrap();
    let run = Run::new(0);
    let found = index.search(array![[7.0]].view(), 2, Skip::None, &run).unwrap();
    assert_eq!((found.indices, found.distances), (array![[2, 1]], array![[4.0, 6.0]]));
    // More than there are: as many as there are.
    let found = index.search(index.points().view(), 9, Skip::SameIndex, &run).unwrap();
    assert_eq!(found.distances, array![[1.0, 3.0], [1.0, 2.0], [2.0, 3.0]]);
    assert_eq!(found.indices, array![[1, 2], [0, 2], [1, 0]]);
}

#[test]
fn nothing_to_search() {
    let run = Run::new(0);
    let empty = NeighborIndex::new(Array2::zeros((0, 3)).view()).unwrap();
    assert_eq!(empty.search(noise(2, 3, 1).view(), 4, Skip::None, &run).unwrap().indices.dim(), (2, 0));
    let one = NeighborIndex::new(noise(1, 3, 1).view()).unwrap();
    assert_eq!(one.search(noise(1, 3, 1).view(), 4, Skip::SameIndex, &run).unwrap().indices.dim(), (1, 0));
    assert_eq!(one.search(Array2::zeros((0, 3)).view(), 4, Skip::None, &run).unwrap().indices.dim(), (0, 1));
    assert!(matches!(
        one.search(noise(2, 2, 1).view(), 1, Skip::None, &run),
        Err(Error::WidthMismatch { fitted: 3, got: 2 })
    ));
    // No column: everything is at distance 0.
    check(&Array2::zeros((40, 0)), &Array2::zeros((3, 0)), 5, Skip::None);
}

#[test]
fn many_points_and_several_tiles() {
    for (n, d, k) in [(3000, 2, 7), (2000, 9, 20), (1200, 40, 5), (1500, 3, 1500)] {
        let points = noise(n, d, n as u64);
        check(&points, &points.slice(ndarray::s![..300, ..]).to_owned(), k, Skip::SameIndex);
        check(&points, &noise(300, d, 77), k, Skip::None);
    }
}

/// A lattice has many equal distances, and duplicates of it many zeros.
#[test]
fn ties_go_to_the_lowest_number() {
    let lattice = noise(2500, 3, 5).mapv(|v| (v * 6.0).round());
    check(&lattice, &lattice.slice(ndarray::s![..400, ..]).to_owned(), 12, Skip::SameIndex);
    let same = Array2::from_elem((1500, 4), 2.5);
    check(&same, &same.slice(ndarray::s![..200, ..]).to_owned(), 6, Skip::SameIndex);
}

/// Clusters far from each other and from the origin: norms say nothing about distances inside.
#[test]
fn clusters_with_large_offsets() {
    let mut points = noise(1600, 20, 9);
    for (i, mut row) in points.rows_mut().into_iter().enumerate() {
        row += (i % 4) as f32 * 5000.0 + 1e5;
    }
    check(&points, &points.slice(ndarray::s![..300, ..]).to_owned(), 8, Skip::SameIndex);
}

/// From where squares underflow in f32 to where they overflow, and near the end of f32 itself.
#[test]
fn any_scale_of_finite_values() {
    for scale in [1e-38, 1e-25, 1e-12, 1e12, 1e18, 3e38] {
        let mut points = noise(700, 12, 3) * scale;
        points.row_mut(5).fill(0.0);
        check(&points, &points.slice(ndarray::s![..200, ..]).to_owned(), 5, Skip::SameIndex);
    }
    // One wild value beside ordinary ones.
    let mut points = noise(700, 6, 4);
    points[(17, 2)] = 3e38;
    points[(18, 2)] = -3e38;
    check(&points, &points.slice(ndarray::s![..200, ..]).to_owned(), 5, Skip::SameIndex);
    let index = NeighborIndex::new(array![[3e38_f32], [-3e38]].view()).unwrap();
    let found = index.search(index.points().view(), 1, Skip::SameIndex, &Run::new(0)).unwrap();
    assert_eq!(found.distances, array![[f32::MAX], [f32::MAX]]);
}

#[test]
fn one_thread_or_many_and_one_batch_or_many() {
    let points = noise(3000, 5, 8);
    let index = NeighborIndex::new(points.view()).unwrap();
    let many = Run::new(0).with_threads(4);
    let one = Run::new(0).with_threads(1);
    let all = many.install(|| index.search(points.view(), 9, Skip::None, &many)).unwrap();
    assert_eq!(one.install(|| index.search(points.view(), 9, Skip::None, &one)).unwrap(), all);
    for row in [0, 1234] {
        let single = index.search(points.slice(ndarray::s![row..=row, ..]), 9, Skip::None, &one).unwrap();
        assert_eq!(single.distances.row(0), all.distances.row(row));
        assert_eq!(single.indices.row(0), all.indices.row(row));
    }
}

#[test]
fn stops_when_asked() {
    let cancel = anomalyst_core::Cancel::default();
    cancel.set();
    let run = Run::new(0).with_cancel(cancel);
    let index = NeighborIndex::new(noise(200, 2, 1).view()).unwrap();
    assert!(matches!(index.search(noise(9, 2, 2).view(), 1, Skip::None, &run), Err(Error::Cancelled)));
}

#[test]
fn points_come_back_as_given() {
    let points = noise(1000, 3, 6);
    let index = NeighborIndex::new(points.view()).unwrap();
    assert_eq!(index.points(), points);
    assert_eq!(Array1::from(index.point(731).to_vec()), points.row(731));
    // Column-major storage is the same matrix.
    let turned = points.t().to_owned();
    assert_eq!(NeighborIndex::new(turned.t()).unwrap().points(), points);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn equals_the_naive_search(
        n in 1..700_usize,
        d in 1..24_usize,
        k in 1..40_usize,
        levels in prop::option::of(1..4_u32),
        offset in prop::sample::select(vec![0.0_f32, 1e3, -1e7]),
        seed in 0..u64::MAX,
    ) {
        let shape = |v: f32| levels.map_or(v, |levels| (v * levels as f32).round()) + offset;
        let points = noise(n, d, seed).mapv(shape);
        let queries = noise(130, d, seed ^ 1).mapv(shape);
        check(&points, &points, k, Skip::SameIndex);
        check(&points, &queries, k, Skip::None);
        let each: Vec<u32> = (0..130).map(|i| if i % 3 == 0 { u32::MAX } else { i * 7 % n as u32 }).collect();
        check(&points, &queries, k, Skip::Each(&each));
    }
}
