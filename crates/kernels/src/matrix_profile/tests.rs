//! The matrix profile against its definition and against stumpy.

use anomalyst_core::Run;
use proptest::prelude::*;

use super::*;

/// A series as in `golden/matrix_profile.py`.
fn wave(n: usize, step: f64) -> Vec<f64> {
    let value = |i: usize| match i {
        40..52 => 2.0,
        70..83 => -1.0,
        _ => (i as f64 * step).sin() + ((i * i * 7 + i * 13) % 101) as f64 / 101.0,
    };
    (0..n).map(value).collect()
}

fn windows(series: &[Vec<f64>], len: usize) -> Windows {
    Windows::new(series, len, 0.0).unwrap()
}

/// The distance of two windows by its definition.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let shape = |w: &[f64]| -> Option<Vec<f64>> {
        let n = w.len() as f64;
        let mean = w.iter().sum::<f64>() / n;
        let deviation = (w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let differs = w.iter().any(|v| *v != w[0]);
        differs.then(|| w.iter().map(|v| (v - mean) / deviation).collect())
    };
    match (shape(a), shape(b)) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
        (None, None) => 0.0,
        _ => (a.len() as f64).sqrt(),
    }
}

/// Starts of all windows of `series`, each with the start of its series and its points.
fn listed(series: &[Vec<f64>], len: usize) -> Vec<(usize, usize, &[f64])> {
    let (mut out, mut first) = (Vec::new(), 0);
    for points in series {
        out.extend(points.windows(len).enumerate().map(|(i, w)| (first + i, first, w)));
        first += points.len();
    }
    out
}

/// Distances of the neighbours by sorting all pairs: each nearest one rules out its zone.
fn naive(
    queries: &[Vec<f64>],
    of: &[Vec<f64>],
    len: usize,
    (k, own): (usize, Option<Reach>),
) -> Vec<Vec<f64>> {
    let zone = exclusion_zone(len);
    let all = listed(of, len);
    let row = |&(start, series, window): &(usize, usize, &[f64])| {
        let mut left: Vec<_> = all.iter().map(|&(s, of, w)| (distance(window, w), s, of)).collect();
        match own {
            None => {}
            Some(Reach::Before) => left.retain(|&(_, s, of)| of == series && s + zone < start),
            Some(Reach::Anywhere) => {
                left.retain(|&(_, s, of)| of != series || s.abs_diff(start) > zone);
            }
        }
        let mut found = Vec::new();
        while found.len() < k {
            let nearest = left.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
            let Some((distance, at, in_series)) = nearest else { break };
            found.push(distance);
            left.retain(|&(_, s, of)| of != in_series || s.abs_diff(at) > zone);
        }
        found.resize(k, f64::INFINITY);
        found
    };
    listed(queries, len).iter().map(row).collect()
}

/// Rounding is that of squares: equal shapes are found to be up to its root apart.
fn is_near(got: f64, want: f64) -> bool {
    got == want || (got * got - want * want).abs() < 1e-9
}

fn assert_near(got: &[Neighbor], want: &[Vec<f64>]) {
    assert_eq!(got.len(), want.concat().len());
    for (i, (got, want)) in got.iter().zip(want.concat()).enumerate() {
        assert!(is_near(got.distance, want), "{i}: {got:?}, by definition {want}");
    }
}

/// Series in which ties between places cannot change which distances later neighbours have.
fn any_series() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let value = prop_oneof![4 => -1.0..1.0_f64, 1 => -1e6..1e6_f64];
    let flat = (1..12_usize, -2.0..2.0_f64).prop_map(|(n, v)| vec![v; n]);
    let part = prop_oneof![prop::collection::vec(value, 1..30), flat];
    let series = prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat());
    prop::collection::vec(series, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nearest_is_as_defined(series in any_series(), other in any_series(), len in 2..14_usize) {
        let run = Run::new(0);
        let (a, b) = (windows(&series, len), windows(&other, len));
        for reach in [Reach::Anywhere, Reach::Before] {
            let got = self_join(&a, 1, reach, &run).unwrap();
            assert_near(&got, &naive(&series, &series, len, (1, Some(reach))));
        }
        assert_near(&join(&a, &b, 1, &run).unwrap(), &naive(&series, &other, len, (1, None)));
    }

    #[test]
    fn the_other_loop_finds_the_same_first(series in any_series(), len in 2..14_usize) {
        let run = Run::new(0);
        let windows = windows(&series, len);
        for reach in [Reach::Anywhere, Reach::Before] {
            let one = self_join(&windows, 1, reach, &run).unwrap();
            let three = self_join(&windows, 3, reach, &run).unwrap();
            for (one, three) in one.iter().zip(three.chunks_exact(3)) {
                prop_assert!(is_near(one.distance, three[0].distance));
                let (first, second) = (three[0].distance, three[1].distance);
                prop_assert!(first <= second || is_near(first, second));
            }
        }
    }
}

/// stumpy 1.14.1, see `golden/matrix_profile.py`: `stump(a, 8)`, distances at its left indices, and
/// `stump(b, 8, a, ignore_trivial=False)`. Among windows that are equally far, here those without spread, the tool and we
/// may name another.
#[test]
fn matches_reference() {
    let run = Run::new(0);
    let (a, b) = (windows(&[wave(120, 0.31)], 8), windows(&[wave(90, 0.29)], 8));
    let same = |got: Vec<Neighbor>, want: &[(usize, usize, f64)]| {
        for &(i, start, distance) in want {
            let found = got[i];
            let near =
                found.distance == distance || (found.distance - distance).abs() < 1e-6 * distance.max(1.0);
            assert!(
                near && (found.start == start || distance < 1e-6),
                "{i}: {found:?}, not {start} {distance}"
            );
        }
    };
    same(
        self_join(&a, 1, Reach::Anywhere, &run).unwrap(),
        &[
            (0, 101, 0.24415276),
            (3, 104, 0.442904271),
            (20, 81, 1.2690833),
            (39, 82, 1.27152301),
            (40, 43, 0.0),
            (44, 41, 0.0),
            (45, 63, 0.978884807),
            (60, 17, 1.10308132),
            (75, 72, 0.0),
            (82, 39, 1.27152301),
        ],
    );
    same(
        self_join(&a, 1, Reach::Before, &run).unwrap(),
        &[
            (0, Neighbor::NOBODY, f64::INFINITY),
            (3, 0, 4.05479227),
            (20, 1, 2.10834302),
            (39, 0, 1.93693945),
            (45, 3, 1.65997666),
            (60, 17, 1.10308132),
            (72, 44, 0.0),
            (82, 39, 1.27152301),
        ],
    );
    same(
        join(&b, &a, 1, &run).unwrap(),
        &[
            (0, 101, 0.0826368677),
            (3, 104, 0.175251648),
            (20, 56, 0.966256183),
            (39, 39, 0.0),
            (45, 45, 1.03238273e-07),
            (60, 60, 1.06973096),
            (72, 40, 0.0),
            (82, 98, 1.00864038),
        ],
    );
}

/// A series without ties, longer than a tile.
fn long(n: usize) -> Vec<f64> {
    let mut random = Run::new(5).random(0);
    let mut level = 0.0;
    let mut step = || {
        level += rand::RngExt::random::<f64>(&mut random) - 0.5;
        level
    };
    (0..n).map(|_| step()).collect()
}

#[test]
fn later_neighbors_are_other_places() {
    let run = Run::new(0);
    let (series, other) = ([long(170), long(90)[3..].to_vec()], [long(260)[40..].to_vec()]);
    let (a, b) = (windows(&series, 9), windows(&other, 9));
    for reach in [Reach::Anywhere, Reach::Before] {
        let got = self_join(&a, 4, reach, &run).unwrap();
        assert_near(&got, &naive(&series, &series, 9, (4, Some(reach))));
    }
    assert_near(&join(&a, &b, 3, &run).unwrap(), &naive(&series, &other, 9, (3, None)));
}

#[test]
fn tiles_and_bands_are_joined_without_a_seam() {
    let series = [long(2600)];
    let windows = windows(&series, 20);
    let alone = self_join(&windows, 1, Reach::Anywhere, &Run::new(0)).unwrap();
    assert_near(&alone, &naive(&series, &series, 20, (1, Some(Reach::Anywhere))));
    let run = Run::new(0).with_threads(4);
    let together = run.install(|| self_join(&windows, 1, Reach::Anywhere, &run)).unwrap();
    assert_eq!(alone, together, "the same bits on any number of threads");
}

/// What a spike of 1e9 leaves in a running sum is larger than the covariance of windows after it.
#[test]
fn spikes_do_not_drown_what_follows() {
    let mut series = [long(1500)];
    for spike in [200, 640, 641, 1100] {
        series[0][spike] = 1e9;
    }
    let got = self_join(&windows(&series, 16), 1, Reach::Anywhere, &Run::new(0)).unwrap();
    assert_near(&got, &naive(&series, &series, 16, (1, Some(Reach::Anywhere))));
}

#[test]
fn the_unit_does_not_matter() {
    let series = [long(300)];
    let want = self_join(&windows(&series, 12), 1, Reach::Anywhere, &Run::new(0)).unwrap();
    for (scale, offset) in [(1e-200, 0.0), (1e300, 0.0), (1.0, 1e6)] {
        let moved = [series[0].iter().map(|v| v * scale + offset).collect()];
        let got = self_join(&windows(&moved, 12), 1, Reach::Anywhere, &Run::new(0)).unwrap();
        for (got, want) in got.iter().zip(&want) {
            assert!((got.distance - want.distance).abs() < 1e-6, "{scale} {offset}: {got:?} {want:?}");
        }
    }
}

#[test]
fn one_window_is_as_far_as_in_a_join() {
    let (a, b) = (vec![wave(90, 0.29)], vec![wave(120, 0.31), long(30)]);
    let (queries, of) = (windows(&a, 8), windows(&b, 8));
    let mut got = Vec::new();
    for (row, window) in a[0].windows(8).enumerate() {
        distances(&queries, row, &of, 5..113, &mut got);
        for (got, other) in got.iter().zip(b[0].windows(8).skip(5)) {
            assert!(is_near(*got, distance(window, other)), "{row}: {got}");
        }
    }
    distances(&queries, 0, &of, 140..999, &mut got);
    assert_eq!(got.len(), 3);
}

#[test]
fn degenerate_series_have_an_answer() {
    let run = Run::new(0);
    let short = windows(&[vec![1.0, 2.0], vec![]], 5);
    assert_eq!((short.count(), short.n_points()), (0, 2));
    assert!(self_join(&short, 1, Reach::Anywhere, &run).unwrap().is_empty());
    let single = windows(&[vec![1.0, 2.0, 3.0]], 3);
    assert_eq!(self_join(&single, 2, Reach::Anywhere, &run).unwrap(), [Neighbor::NONE; 2]);
    assert_eq!(join(&single, &windows(&[], 3), 1, &run).unwrap(), [Neighbor::NONE]);
    let flat = windows(&[vec![7.0; 20]], 4);
    assert!(self_join(&flat, 1, Reach::Anywhere, &run).unwrap().iter().all(|near| near.distance == 0.0));
    assert!(
        Windows::new(&[vec![f64::NAN; 9]], 3, 0.0).is_err() && Windows::new(&[vec![0.0; 9]], 1, 0.0).is_err()
    );
    assert!(join(&single, &short, 1, &run).is_err());
    run.cancel().set();
    assert!(self_join(&windows(&[long(100)], 8), 1, Reach::Anywhere, &run).is_err());
}

/// Noise below the least deviation counts as a constant.
#[test]
fn small_spreads_can_count_as_none() {
    let value = |i| if i < 20 { f64::from(i % 3) * 1e-6 } else { f64::from(i % 7) };
    let windows = Windows::new(&[(0..40).map(value).collect::<Vec<_>>()], 4, 1e-5).unwrap();
    let found = self_join(&windows, 1, Reach::Anywhere, &Run::new(0)).unwrap();
    assert!(found[..10].iter().all(|near| near.distance == 0.0));
}
