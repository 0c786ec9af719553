//! Orders whose answer is known; the reference tool; shuffled rows.

use super::*;
use proptest::prelude::*;
use rand::RngExt;

/// Independent roughly normal numbers.
fn normal(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut random = Run::new(seed).random(77);
    Array2::from_shape_simple_fn((n, d), || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0)
}

fn p_value(rows: &Array2<f32>, seed: u64) -> f64 {
    let test = OrderTest { n_permutations: 199, ..OrderTest::default() };
    test.test(rows.view(), &Run::new(seed)).unwrap().p_value
}

/// Rows 0, 1, ..., n - 1 on a line with two neighbours each: inside, both are next to the row; at the ends, one is two
/// rows off. So F(1) = (2 n - 2) / (2 n), and G(1) = 2 / n.
#[test]
fn closed_form_on_a_line() {
    let n = 40;
    let rows = Array2::from_shape_fn((n, 1), |(i, _)| i as f32);
    let test = OrderTest { n_neighbors: 2, n_permutations: 99, ..OrderTest::default() };
    let order = test.test(rows.view(), &Run::new(0)).unwrap();
    let want = (2 * n - 2) as f64 / (2 * n) as f64 - 2.0 / n as f64;
    assert!((order.statistic - want).abs() < 1e-12, "{} {want}", order.statistic);
    assert_eq!(order.p_value, 0.01, "the least that 99 permutations can give");
    assert_eq!((order.n_rows_tested, order.neighbor_distance), (n, 1.0));
    // In the middle, two pairs of neighbours cross any place, from either side and over one row: four at most.
    assert!(order.sharpest_break.crossing < 0.3);
}

/// Two halves that never meet: no neighbour crosses the place between them.
#[test]
fn a_jump_is_found_where_it_is() {
    let mut rows = normal(200, 3, 1);
    rows.slice_mut(ndarray::s![120.., ..]).mapv_inplace(|v| v + 30.0);
    let order = OrderTest::default().test(rows.view(), &Run::new(0)).unwrap();
    assert_eq!(order.sharpest_break, Break { n_before: 120, crossing: 0.0 });
    assert!(order.p_value <= 0.001 && order.scores.iter().all(|s| s.is_finite() && *s > 0.0));
}

/// cleanlab 2.9.0: golden/order.py. Its scores are `1 - tanh` of ours in 64 bits; ours are kept in 32. Its statistic
/// looks just before each distance, hence the tolerance `1 / (n k) + 2 / n`.
#[test]
fn matches_the_reference() {
    let value = |i: usize, j: usize| {
        let i = i as f64;
        if j == 0 { (i * 0.618_034) % 1.0 + i / 40.0 } else { (i * i * 0.414_214) % 1.0 }
    };
    let rows = Array2::from_shape_fn((60, 2), |(i, j)| value(i, j) as f32);
    let test = OrderTest { n_neighbors: 5, n_permutations: 9, ..OrderTest::default() };
    let order = test.test(rows.view(), &Run::new(0)).unwrap();
    assert!((order.statistic - 0.317_175_141).abs() < 1.0 / 300.0 + 2.0 / 60.0, "{}", order.statistic);
    let golden = [
        (0, 0.688_629_666),
        (1, 0.696_119_715),
        (7, 0.681_884_445),
        (29, 0.945_216_196),
        (30, 0.800_725_056),
        (31, 0.866_681_39),
        (58, 0.669_858_943),
        (59, 0.703_228_741),
    ];
    for (row, want) in golden {
        let got = 1.0 - f64::from(order.scores[row]).tanh();
        assert!((got - want).abs() < 1e-6, "row {row}: {got} {want}");
    }
}

/// 200 tables in no order, a third of each made of duplicates: p is uniform. With chance 0.999, 5 % of 200 alarms are
/// between 2 and 21, and the empirical distribution of p is within 0.138 of the uniform (Kolmogorov's bound).
#[test]
fn shuffled_tables_raise_few_alarms() {
    let mut p: Vec<f64> = (0..200)
        .map(|seed| {
            let mut rows = normal(120, 2, seed);
            rows.slice_mut(ndarray::s![..40, ..]).fill(0.5);
            let mut order: Vec<usize> = (0..120).collect();
            order.shuffle(&mut Run::new(seed).random(5));
            p_value(&rows.select(Axis(0), &order), seed)
        })
        .collect();
    let n_alarms = p.iter().filter(|&&p| p <= 0.05).count();
    assert!((2..=21).contains(&n_alarms), "{n_alarms} alarms");
    p.sort_by(f64::total_cmp);
    let gap = |(i, p): (usize, &f64)| (p - i as f64 / 200.0).abs().max(((i + 1) as f64 / 200.0 - p).abs());
    let largest = p.iter().enumerate().map(gap).fold(0.0, f64::max);
    assert!(largest < 0.138, "p-values are {largest:.3} off the uniform distribution");
}

/// What the paper wants found: drift of the mean, a change of scale, a jump of one column, and memory.
#[test]
fn drift_and_memory_are_found() {
    for seed in 0..5 {
        let plain = normal(400, 3, seed);
        let place = |i: usize| i as f32 / 400.0;
        let mut drift = plain.clone();
        drift.indexed_iter_mut().for_each(|((i, _), v)| *v += 1.5 * place(i));
        let mut scale = plain.clone();
        scale.indexed_iter_mut().for_each(|((i, _), v)| *v *= 0.5 + 2.0 * place(i));
        let mut jump = plain.clone();
        jump.slice_mut(ndarray::s![250.., 1]).mapv_inplace(|v| v + 2.0);
        let mut memory = plain.clone();
        for i in 1..400 {
            (0..3).for_each(|j| memory[[i, j]] = 0.8 * memory[[i - 1, j]] + 0.6 * plain[[i, j]]);
        }
        for (what, rows) in [("drift", drift), ("scale", scale), ("jump", jump), ("memory", memory)] {
            let p = p_value(&rows, seed);
            assert!(p < 0.05, "{what}, seed {seed}: p = {p}");
        }
    }
}

#[test]
fn large_tables_are_thinned_evenly_and_threads_change_nothing() {
    let mut rows = normal(1000, 2, 3);
    rows.indexed_iter_mut().for_each(|((i, _), v)| *v += i as f32 / 300.0);
    let test = OrderTest { max_rows: 300, n_permutations: 99, ..OrderTest::default() };
    let on = |threads| test.test(rows.view(), &Run::new(4).with_threads(threads)).unwrap();
    let (one, four) = (on(1), on(4));
    assert_eq!((one.n_rows_tested, one.scores.len()), (300, 1000));
    assert!(one.p_value == four.p_value && one.scores == four.scores);
    assert_eq!(one.p_value, 0.01);
    assert!((one.expected_distance - 292.9).abs() < 0.1);
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let test = |rows: &Array2<f32>, n_neighbors| {
        OrderTest { n_neighbors, ..OrderTest::default() }.test(rows.view(), &Run::new(0)).map(|_| ())
    };
    assert!(matches!(test(&normal(9, 2, 0), 5), Err(Error::TooFewItems { need: FEWEST, .. })));
    assert!(matches!(test(&normal(30, 2, 0), 0), Err(Error::BadParameter { .. })));
    // More neighbours than rows, and rows that are all the same, have an answer.
    test(&normal(10, 2, 0), 1000).unwrap();
    let p = OrderTest::default().test(Array2::zeros((50, 2)).view(), &Run::new(1)).unwrap().p_value;
    assert!(p > 0.05, "equal rows are in no order, p = {p}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Shares, areas and crossings counted the long way.
    #[test]
    fn equals_the_long_way(n in 10..40_usize, k in 1..5_usize, seed: u64) {
        let near = neighbors(&normal(n, 2, seed), k, &Run::new(seed)).unwrap();
        let pairs: Vec<(usize, usize)> =
            near.indexed_iter().map(|((i, _), &other)| (i, other as usize)).collect();
        let all: Vec<usize> = (0..n).flat_map(|i| (0..i).map(move |j| i - j)).collect();
        let share = |list: &[usize], d: usize| list.iter().filter(|&&v| v <= d).count() as f64 / list.len() as f64;
        let of_neighbors: Vec<usize> = pairs.iter().map(|(i, j)| i.abs_diff(*j)).collect();
        let want = (0..n).map(|d| (share(&of_neighbors, d) - share(&all, d)).abs()).fold(0.0, f64::max);
        prop_assert!((statistic(&near, |i| i, &mut vec![0; n]) - want).abs() < 1e-9);

        let (place, crossing) = sharpest_break(&near);
        let ratio = |t: usize| {
            let open = pairs.iter().filter(|(i, j)| (*i < t) != (*j < t)).count();
            open as f64 / (2 * k * t * (n - t)) as f64 * (n - 1) as f64
        };
        let ends = ((0.05 * n as f64) as usize).max(1);
        let least = (ends..=n - ends).map(ratio).fold(f64::INFINITY, f64::min);
        prop_assert!((crossing - least).abs() < 1e-9 && (ratio(place) - least).abs() < 1e-9);

        // The curve of other rows rises by 2 / (n - 1) per row while there is one on either side, then by half of it;
        // its area is summed in small steps.
        for (i, score) in scores(&near).into_iter().enumerate() {
            let mut stops: Vec<usize> = near.row(i).iter().map(|&j| i.abs_diff(j as usize)).collect();
            stops.sort_unstable();
            stops.push(n - 1);
            let both = i.min(n - 1 - i) as f64;
            let curve = |d: f64| ((d + d.min(both)) / (n - 1) as f64).min(1.0);
            let (mut area, mut from) = (0.0, 0);
            for (passed, &to) in stops.iter().enumerate() {
                let steps = 200 * (to - from);
                let at = |s: usize| from as f64 + (s as f64 + 0.5) / 200.0;
                let of_all: f64 = (0..steps).map(|s| curve(at(s)) / 200.0).sum();
                area += (passed as f64 / k as f64 * (to - from) as f64 - of_all).abs();
                from = to;
            }
            let want = area / i.max(n - i) as f64;
            prop_assert!((f64::from(score) - want).abs() < 1e-4, "row {}: {} {}", i, score, want);
        }
    }
}
