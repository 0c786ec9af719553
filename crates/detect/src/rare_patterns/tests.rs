//! Closed forms, mlxtend's patterns, all subsets as an oracle, limits, and tables without patterns.

use super::*;
use anomalyst_core::{DetectorExt, MISSING_CODE, UNSEEN_CODE};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn coded(codes: Array2<u32>) -> Features {
    Features::rows(Array2::zeros((codes.nrows(), 0))).with_codes(codes).unwrap()
}

fn with(min_support: f64, max_len: usize) -> RarePatterns {
    RarePatterns { min_support, max_len, ..RarePatterns::default() }
}

fn close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().zip(want).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6), "{got:?} {want:?}");
}

/// Two templates of three rows each and a row that mixes them. Frequent at 3/7: four levels (4/7 or 3/7) and the two
/// pairs (3/7).
#[test]
fn a_mixed_row_in_closed_form() {
    let train = coded(array![[0, 0], [0, 0], [0, 0], [1, 1], [1, 1], [1, 1], [0, 1]]);
    let run = Run::new(0);
    let (fitted, own) = with(3.0 / 7.0, 2).fit_score_on(&train, &run).unwrap();
    assert_eq!(fitted.model().n_patterns(), 6);
    let [first, second, mixed] = [10.0, 10.0, 8.0].map(|sum| 1.0 - sum / 42.0);
    close(&own, &[first, first, first, second, second, second, mixed]);
    // The other way round, 3/7 twice; gaps and levels never seen are in no pattern.
    let new = coded(array![[1, 0], [0, MISSING_CODE], [0, UNSEEN_CODE], [9, 9]]);
    close(&fitted.score(&new, &run).unwrap(), &[1.0 - 6.0 / 42.0, 1.0 - 4.0 / 42.0, 1.0 - 4.0 / 42.0, 1.0]);
}

/// mlxtend 0.25.0 through `golden/rare_patterns.py`; f32 scores, hence 1e-6.
#[test]
fn matches_mlxtend() {
    let code = |(i, j): (usize, usize)| [i % 2, (i * i) % 3, if i == 11 { 5 } else { (i / 2) % 2 }][j] as u32;
    let train = coded(Array2::from_shape_fn((12, 3), code));
    let (fitted, own) = with(0.25, 3).fit_score_on(&train, &Run::new(0)).unwrap();
    assert_eq!(fitted.model().n_patterns(), 13);
    let want = [
        0.878205128,
        0.801282051,
        0.814102564,
        0.903846154,
        0.801282051,
        0.801282051,
        0.884615385,
        0.833333333,
        0.801282051,
        0.878205128,
        0.814102564,
        0.884615385,
    ];
    close(&own, &want);
}

/// What the columns add sums to what the score differs from the mean score by, and a rare pair names both columns.
#[test]
fn shares_sum_to_the_score() {
    let train = Features::rows(array![[0.0], [1.0], [2.0], [3.0], [f32::NAN], [50.0]])
        .with_codes(array![[0, 0], [0, 0], [1, 1], [1, 1], [1, 1], [0, 1]])
        .unwrap();
    let run = Run::new(0);
    let (fitted, own) = with(0.3, 3).fit_score_on(&train, &run).unwrap();
    let shares = fitted.attribute(&train, &run).unwrap().unwrap();
    let mean = own.iter().sum::<f32>() / 6.0;
    for (i, score) in own.iter().enumerate() {
        let sum = shares.values.row(i).sum() + shares.codes.row(i).sum();
        assert!((sum - (score - mean)).abs() < 1e-6, "{sum} {score} {mean}");
    }
}

/// 20 random binary columns have 40 frequent levels, 760 pairs and 9,120 triples at most, of which 1,000 patterns hold
/// levels and pairs; at most 8 levels long, and on any number of threads.
#[test]
fn too_many_patterns_leave_out_the_longest() {
    let train = coded(Array2::from_shape_fn((400, 20), |(i, j)| {
        u32::from((i * 7919 + i / 7 * (j + 3)) % (j + 2) > j / 2)
    }));
    let params = RarePatterns { max_patterns: 1_000, ..with(0.02, 8) };
    let (fitted, own) = params.fit_score_on(&train, &Run::new(0).with_threads(3)).unwrap();
    let (pairs, only_pairs) = with(0.02, 2).fit_score_on(&train, &Run::new(0)).unwrap();
    assert!(pairs.model().n_patterns() <= 1_000);
    assert!(with(0.02, 3).fit_on(&train, &Run::new(0)).unwrap().model().n_patterns() > 1_000);
    assert_eq!(fitted.model().n_patterns(), pairs.model().n_patterns());
    assert_eq!(own, only_pairs);
}

/// No level is frequent where every row has its own; one row holds all patterns; a category seen once is held by no
/// pattern; a constant column changes no order.
#[test]
fn tables_without_patterns_have_an_answer() {
    let run = Run::new(0);
    let ids = coded(Array2::from_shape_fn((30, 1), |(i, _)| i as u32));
    assert_eq!(with(0.1, 3).fit_score_on(&ids, &run).unwrap().1, [1.0; 30]);
    assert_eq!(with(0.1, 3).fit_score_on(&coded(array![[3, 4]]), &run).unwrap().1, [0.0]);
    let once = coded(array![[0, 7], [0, 7], [0, 7], [1, 7]]);
    let (_, own) = with(0.5, 2).fit_score_on(&once, &run).unwrap();
    // Frequent: 0 and the pair with 3/4, 7 with 1.
    close(&own, &[1.0 - 2.5 / 3.0, 1.0 - 2.5 / 3.0, 1.0 - 2.5 / 3.0, 1.0 - 1.0 / 3.0]);
}

proptest! {
    /// Against counting every set of levels of every row.
    #[test]
    fn equals_counting_all_subsets(
        n in 1..40_usize, d in 1..5_usize, max_len in 1..5_usize, support in 1..60_u32,
        cells in prop::collection::vec(0..4_u32, 160),
    ) {
        let codes = Array2::from_shape_fn((n, d), |(i, j)| cells[i * 4 + j] % (j as u32 + 2));
        let min_support = f64::from(support) / 100.0;
        let (fitted, own) = with(min_support, max_len).fit_score_on(&coded(codes.clone()), &Run::new(0)).unwrap();
        let mut supports = std::collections::BTreeMap::new();
        let sets = || (1_u32..1 << d).filter(|set| set.count_ones() as usize <= max_len);
        let pattern = |row: usize, set: u32| -> Vec<Option<u32>> {
            (0..d).map(|j| (set >> j & 1 == 1).then_some(codes[[row, j]])).collect()
        };
        for row in 0..n {
            sets().for_each(|set| *supports.entry(pattern(row, set)).or_insert(0) += 1);
        }
        supports.retain(|_, count| f64::from(*count) >= min_support * n as f64);
        prop_assert_eq!(fitted.model().n_patterns(), supports.len());
        for (row, score) in own.iter().enumerate() {
            let sum: i32 = sets().filter_map(|set| supports.get(&pattern(row, set))).sum();
            let want = 1.0 - f64::from(sum) / (n * supports.len().max(1)) as f64;
            prop_assert!((f64::from(*score) - want).abs() < 1e-6);
        }
    }
}
