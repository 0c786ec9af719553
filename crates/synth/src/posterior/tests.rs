//! The authors' numbers, limits, planted good and bad rows, and a learner that gains.

use super::*;
use crate::{Kind, plant};
use anomalyst_core::Label;
use anomalyst_testkit::normal_rows;
use ndarray::{array, concatenate, s};
use proptest::prelude::*;

/// The k-th nearest training row, leaving out itself: a detector for tests.
fn nearest<'a>(
    normal: &'a Array2<f32>,
    pool: &'a Array2<f32>,
) -> impl Fn(&[usize]) -> Result<(Vec<f32>, Vec<f32>)> + 'a {
    move |rows: &[usize]| {
        let train = normal.select(Axis(0), rows);
        let k = 5.min(rows.len() - 1);
        let score = |row: ArrayView1<'_, f32>, skip: usize| {
            let mut near = distances(row, &train);
            near.sort_by(f32::total_cmp);
            near[k - 1 + skip]
        };
        Ok((
            train.outer_iter().map(|row| score(row, 1)).collect(),
            pool.outer_iter().map(|row| score(row, 0)).collect(),
        ))
    }
}

/// The authors' code at f4b89e9 through `golden/eap.py`: one fixed subset and fixed certainties, without and with known
/// anomalies. Distances are f32 here and f64 there: 1e-6.
#[test]
fn matches_the_authors() {
    let n = 40;
    let normal = Array2::from_shape_fn((n, 2), |(i, j)| {
        if j == 0 {
            (i * 7 % 11) as f32 + 0.25 * (i % 3) as f32
        } else {
            (i * i % 13) as f32 + 0.125 * (i % 5) as f32
        }
    });
    let known = array![[16.0, 3.0], [5.0, 17.5], [-4.0, -2.0]];
    let pool = array![[5.0, 6.0], [12.5, 6.0], [14.0, 14.0], [-3.0, 5.0], [60.0, 60.0], [3.0, 1.0]];
    let is_in: Vec<bool> = (0..n).map(|i| i % 5 != 3).collect();
    let run = Run::new(0);
    for (n_known, want) in [
        (0, [0.0246766226358, 0.294958565236, 0.40654738324, 0.345472716901, 0.0, 0.0987064905432]),
        (
            3,
            [
                0.0598877626508,
                0.321426878747,
                0.421604395271,
                0.373538483956,
                0.0697674418605,
                0.134857093124,
            ],
        ),
    ] {
        let known = known.slice(s![..n_known, ..]);
        let rows = Rows { normal: normal.view(), known, pool: pool.view() };
        let balls = Balls::new(&rows, &(0..n).collect::<Vec<_>>(), &run).unwrap();
        let scores: Vec<f32> = (0..32).map(|i| i as f32).collect();
        let mut subset = balls.subset(&is_in, 5, (&scores, vec![0.0; 6]), &run).unwrap();
        subset.certainty = vec![0.05, 0.6, 0.9, 0.7, 1.0, 0.2];
        let got = balls.posterior(pool.view(), &[subset], &run).unwrap();
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            assert!((got - want).abs() < 1e-6, "{n_known}, row {i}: {got} {want}");
        }
    }
}

/// The certainty is 0 up to the median score, 1/2 at the quantile, 15/16 twice as far, and the same in any unit.
#[test]
fn certainty_in_closed_form() {
    let normal = Array2::from_shape_fn((11, 1), |(i, _)| i as f32);
    let (pool, none, run) = (array![[0.0], [1.0], [2.0], [3.0]], Array2::zeros((0, 1)), Run::new(0));
    let rows = Rows { normal: normal.view(), known: none.view(), pool: pool.view() };
    let balls = Balls::new(&rows, &(0..11).collect::<Vec<_>>(), &run).unwrap();
    for (shift, unit) in [(0.0, 1.0), (-700.0, 40.0)] {
        // Scores 0 to 10: median 5, quantile 1 - 1/11 at 9.0909.
        let score = |v: f32| shift + unit * v;
        let top = 10.0 * (1.0 - 1.0 / 11.0);
        let own: Vec<f32> = (0..11).map(|v| score(v as f32)).collect();
        let of_pool = [4.0, 5.0, top, 2.0 * top - 5.0].map(score).to_vec();
        let certainty = balls.subset(&[true; 11], 5, (&own, of_pool), &run).unwrap().certainty;
        for (got, want) in certainty.iter().zip([0.0, 0.0, 0.5, 0.9375]) {
            assert!((got - want).abs() < 1e-4, "{certainty:?}");
        }
    }
}

/// Known anomalies far out make balls reach further: a row there is then worth more than the prior.
#[test]
fn known_anomalies_widen_the_balls() {
    let normal = normal_rows(200, 2, 1);
    let balls_of = |known: Array2<f32>| {
        let none = Array2::zeros((0, 2));
        let rows = Rows { normal: normal.view(), known: known.view(), pool: none.view() };
        let balls = Balls::new(&rows, &(0..200).collect::<Vec<_>>(), &Run::new(0)).unwrap();
        let own: Vec<usize> = (0..200).collect();
        let near: Vec<Vec<f32>> =
            balls.by_distance.iter().map(|near| near.iter().map(|(d, _)| *d).collect()).collect();
        balls.k(&own, &near, 5)
    };
    let at = |v: f32| Array2::from_elem((20, 2), v);
    let (near, far, none) = (balls_of(at(0.0)), balls_of(at(4.0)), balls_of(Array2::zeros((0, 2))));
    // Beta(1, 21) at 0.95 is 0.133, Beta(1, 1) is 0.95.
    assert_eq!((near, none), ((5.0 + 0.132946 * 194.0) as usize, (5.0 + 0.95 * 194.0) as usize));
    assert!(far > near, "{far} {near}");
}

fn auroc(scores: &[f64], good: impl Fn(usize) -> bool) -> f64 {
    let of = |wanted: bool| {
        (0..scores.len()).filter(|&i| good(i) == wanted).map(|i| scores[i]).collect::<Vec<_>>()
    };
    let (good, bad) = (of(true), of(false));
    let wins: f64 = good
        .iter()
        .flat_map(|a| {
            bad.iter().map(move |b| {
                if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (good.len() * bad.len()) as f64
}

/// 300 normal rows in two clouds, and a pool of 40 realistic anomalies beside a cloud, 40 rows like normal ones and
/// 40 absurd ones.
fn with_pool(seed: u64) -> (Array2<f32>, Array2<f32>) {
    let clouds = |n: usize, seed: u64| {
        let mut rows = normal_rows(n, 3, seed);
        rows.slice_mut(s![n / 2.., ..]).mapv_inplace(|v| v + 8.0);
        rows
    };
    let normal = clouds(300, seed);
    let real = real_anomalies(40, seed + 1);
    let absurd = normal_rows(40, 3, seed + 3).mapv(|v| 200.0 * v);
    let pool = concatenate![Axis(0), real, clouds(40, seed + 2), absurd];
    (normal, pool)
}

/// What is really odd: rows beside the first cloud.
fn real_anomalies(n: usize, seed: u64) -> Array2<f32> {
    let mut rows = normal_rows(n, 3, seed);
    rows.column_mut(0).mapv_inplace(|v| v + 3.5);
    rows
}

/// The realistic rows are told from both sorts of bad ones with AUROC above 0.8, and a learner trained on the better half
/// of the pool tells real anomalies from normal rows better than trained on the whole.
#[test]
fn realistic_rows_are_better_and_better_to_learn_from() {
    for seed in [10, 20, 30] {
        let (normal, pool) = with_pool(seed);
        let none = Array2::zeros((0, 3));
        let rows = Rows { normal: normal.view(), known: none.view(), pool: pool.view() };
        let params = ExpectedAnomalyPosterior { n_subsets: 20, ..ExpectedAnomalyPosterior::default() };
        let quality = judge(&rows, &params, &nearest(&normal, &pool), &Run::new(1)).unwrap();
        let all = auroc(&quality, |i| i < 40);
        assert!(all > 0.8, "{seed}: {all} of all");
        assert!(auroc(&quality[..80], |i| i < 40) > 0.8, "{seed}: beside rows like normal ones");
        let absurd: Vec<f64> = quality[..40].iter().chain(&quality[80..]).copied().collect();
        assert!(auroc(&absurd, |i| i < 40) > 0.8, "{seed}: beside absurd rows");

        let test =
            concatenate![Axis(0), real_anomalies(100, seed + 5), with_pool(seed + 4).0.slice(s![..100, ..])];
        let learned = |chosen: &[usize]| {
            let scores = nearest_class(&normal, &pool.select(Axis(0), chosen), &test);
            auroc(&scores, |i| i < 100)
        };
        let mut order: Vec<usize> = (0..120).collect();
        order.sort_by(|&a, &b| quality[b].total_cmp(&quality[a]));
        let (half, whole) = (learned(&order[..60]), learned(&order));
        assert!(half > whole, "{seed}: {half} {whole}");
    }
}

/// The share of anomalies among the nine nearest training rows.
fn nearest_class(normal: &Array2<f32>, odd: &Array2<f32>, test: &Array2<f32>) -> Vec<f64> {
    let score = |row: ArrayView1<'_, f32>| {
        let mut near: Vec<(f32, bool)> = distances(row, normal).into_iter().map(|d| (d, false)).collect();
        near.extend(distances(row, odd).into_iter().map(|d| (d, true)));
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near[..9].iter().filter(|(_, odd)| *odd).count() as f64 / 9.0
    };
    test.outer_iter().map(score).collect()
}

/// Planted anomalies of this crate are better to learn from than normal rows. Of one cloud, cluster anomalies lie beyond
/// all balls, and are absurd by this measure.
#[test]
fn planted_rows_are_worth_more_than_normal_ones() {
    let normal = normal_rows(300, 3, 1);
    let none = Array2::zeros((0, 3));
    for kind in [Kind::Local, Kind::Global] {
        let (pool, labels) = plant(normal_rows(60, 3, 2).view(), kind, 0.4, &Run::new(0)).unwrap();
        let rows = Rows { normal: normal.view(), known: none.view(), pool: pool.view() };
        let params = ExpectedAnomalyPosterior { n_subsets: 10, ..ExpectedAnomalyPosterior::default() };
        let quality = judge(&rows, &params, &nearest(&normal, &pool), &Run::new(1)).unwrap();
        let separated = auroc(&quality, |i| labels[i] == Label::Anomalous);
        assert!(separated > 0.75, "{kind}: {separated}");
    }
}

proptest! {
    /// Probabilities, the same for a seed whatever the threads, for a row whatever the rest of the pool.
    #[test]
    fn qualities_are_probabilities(
        n in 8..40_usize, seed in 0..100_u64,
        cells in prop::collection::vec(prop_oneof![(-2..2_i8).prop_map(f32::from), -1e3..1e3_f32], 120),
    ) {
        let normal = Array2::from_shape_fn((n, 2), |(i, j)| cells[i * 2 + j]);
        let pool = Array2::from_shape_fn((20, 2), |(i, j)| cells[80 + i * 2 + j]);
        let none = Array2::zeros((0, 2));
        let params = ExpectedAnomalyPosterior { n_subsets: 4, max_rows: 30, ..ExpectedAnomalyPosterior::default() };
        let of = |pool: &Array2<f32>, threads| {
            let rows = Rows { normal: normal.view(), known: none.view(), pool: pool.view() };
            let run = Run::new(seed).with_threads(threads);
            run.install(|| judge(&rows, &params, &nearest(&normal, pool), &run)).unwrap()
        };
        let all = of(&pool, 1);
        prop_assert!(all.iter().all(|q| (0.0..=1.0).contains(q)));
        prop_assert_eq!(&all, &of(&pool, 3));
        prop_assert_eq!(&all[..7], &of(&pool.slice(s![..7, ..]).to_owned(), 2)[..]);
    }
}

#[test]
fn wrong_use_is_said() {
    let (normal, none, run) = (normal_rows(50, 2, 1), Array2::zeros((0, 2)), Run::new(0));
    let params = ExpectedAnomalyPosterior { n_subsets: 2, ..ExpectedAnomalyPosterior::default() };
    let fails = |normal: &Array2<f32>, pool: &Array2<f32>, params: &ExpectedAnomalyPosterior| {
        let rows = Rows { normal: normal.view(), known: none.view(), pool: pool.view() };
        judge(&rows, params, &nearest(normal, pool), &run).unwrap_err().to_string()
    };
    assert!(fails(&normal, &Array2::zeros((3, 1)), &params).contains("2 features"));
    assert!(fails(&normal, &array![[f32::NAN, 0.0]], &params).contains("row 0"));
    assert!(fails(&normal.slice(s![..4, ..]).to_owned(), &normal, &params).contains("at least 7 rows"));
    let many = ExpectedAnomalyPosterior { n_subsets: 0, ..params };
    assert!(fails(&normal, &normal, &many).contains("n_subsets"));
    let rows = Rows { normal: normal.view(), known: none.view(), pool: normal.view() };
    let short = |_: &[usize]| Ok((vec![0.0], vec![0.0]));
    assert!(judge(&rows, &params, &short, &run).unwrap_err().to_string().contains("number of scores"));
    // All rows equal: no ball has a size, so nothing is known but the prior.
    let equal = Array2::from_elem((30, 2), 3.0);
    let rows = Rows { normal: equal.view(), known: none.view(), pool: equal.view() };
    assert!(judge(&rows, &params, &nearest(&equal, &equal), &run).unwrap().iter().all(|q| *q == 0.0));
    run.cancel().set();
    assert!(matches!(judge(&rows, &params, &nearest(&equal, &equal), &run), Err(Error::Cancelled)));
}
