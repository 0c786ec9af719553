//! Closed forms, benford_py's and SciPy's numbers, digits by integer arithmetic, and columns that are no amounts.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::array;
use proptest::prelude::*;

fn close(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-8 * want.abs() + 1e-12, "{got} is not {want}");
}

/// The data of `golden/benford.py`.
fn ledger() -> Vec<f64> {
    let grown = |i: i32| {
        let x = 10.0 * 1.007_f64.powi(i % 990) * (1.0 + f64::from(i * 7919 % 1000) / 1e4);
        let x = (x * 100.0).round() / 100.0;
        if i % 9 == 0 { (x / 10.0).round_ties_even() * 10.0 } else { x }
    };
    (0..1960).map(grown).chain(std::iter::repeat_n(49.99, 40)).collect()
}

/// Digits, how many amounts have them, and their Z statistic.
type Group = (usize, u64, f64);

/// benford_py 0.5.0, SciPy 1.17.1 and NumPy through `golden/benford.py`, printed to nine digits. Z statistics of
/// deviations smaller than the correction are negative there and not compared.
#[test]
fn matches_benford_py() {
    let tests = amount_tests(&ledger(), 2);
    let goldens: [(&DigitTest, [f64; 3], &[Group]); 3] = [
        (&tests.first, [15.92305, 0.0434948397, 0.0065670974], &[(1, 577, 1.19723404), (9, 77, 1.49974368)]),
        (
            &tests.first_two,
            [263.283401, 3.91361085e-19, 0.00271820014],
            &[(10, 85, 0.192474487), (49, 52, 8.14083589), (99, 2, 2.11306742)],
        ),
        (
            &tests.last_two,
            [2453.5, 0.0, 0.0031],
            &[(0, 233, 47.7558236), (10, 18, 0.337099931), (99, 62, 9.32643143)],
        ),
    ];
    for (test, [chi_squared, p_value, mad], groups) in goldens {
        assert_eq!(test.n, 2000);
        close(test.chi_squared, chi_squared);
        close(test.p_value, p_value);
        close(test.mad, mad);
        for &(group, count, z) in groups {
            assert_eq!(test.counts[group - test.first_group], count);
            close(test.z[group - test.first_group], z);
        }
    }
    // Nigrini's limits are 0.006, 0.012, 0.015 and 0.0012, 0.0018, 0.0022.
    assert_eq!(tests.first.conformity, Some(Conformity::Acceptable));
    assert_eq!(tests.first_two.conformity, Some(Conformity::None));
    assert_eq!(tests.last_two.conformity, None);
    [(10, 0.0181365858), (49, 0.0219684048), (99, 0.00707734371)]
        .iter()
        .for_each(|&(group, share)| close(tests.summation.shares[group - 10], share));
    close(tests.summation.mad, 0.00918366178);
    let most = [(49.99, 40), (20.0, 16), (10.0, 12)].map(|(amount, count)| Duplicate { amount, count });
    assert_eq!(tests.duplicates[..3], most);
}

/// In the ledger 49.99 is what was planted: its digits are too frequent and it recurs. The digits are 52 of 2,000 where
/// log10(50 / 49) are expected; the amount recurs 40 times.
#[test]
fn planted_amounts_rank_first_in_closed_form() {
    let ledger = ledger();
    let rows = Features::rows(Array2::from_shape_fn((2000, 1), |(i, _)| ledger[i] as f32));
    let (_, scores) = Benford::default().fit_score_on(&rows, &Run::new(0)).unwrap();
    let most = scores[..1960].iter().copied().fold(f32::MIN, f32::max);
    assert!(scores[1960..].iter().all(|&score| score > most), "{most} {}", scores[1999]);
    let mut sorted: Vec<f32> = ledger.iter().map(|&v| v as f32).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let average = sorted.chunk_by(|a, b| a == b).map(|run| (run.len() as f64).powi(2)).sum::<f64>() / 2000.0;
    let digits = (52.0 / 2000.0 / (50.0_f64 / 49.0).log10()).ln();
    let sum = (1.0 + 90.0 * 49.99 / ledger.iter().sum::<f64>()).ln();
    assert!((f64::from(scores[1999]) - (digits + (40.0 / average).ln() + sum)).abs() < 1e-5);
}

/// Among so few amounts digits say nothing, so only size and recurrence count: 5 occurs twice among four amounts, and
/// 2^2 + 1 + 1 over 4 is 1.5.
#[test]
fn duplication_and_summation_in_closed_form() {
    let train = Features::rows(array![[5.0], [-5.0], [2.0], [8.0], [0.0], [f32::NAN]]);
    let run = Run::new(0);
    let (fitted, own) = Benford::default().fit_score_on(&train, &run).unwrap();
    let size = |v: f32| (1.0 + 90.0 * v / 20.0).ln();
    let twice = (2.0_f32 / 1.5).ln();
    let want = [size(5.0) + twice, size(5.0) + twice, size(2.0), size(8.0), 0.0, 0.0];
    assert!(own.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{own:?} {want:?}");
    let new = Features::rows(array![[1000.0], [5.000_001]]);
    let scores = fitted.score(&new, &run).unwrap();
    assert!((scores[0] - size(1000.0)).abs() < 1e-6 && (scores[1] - size(5.0)).abs() < 1e-5);
    let shares = fitted.attribute(&train, &run).unwrap().unwrap();
    assert_eq!(shares.values.column(0).to_vec(), own);
}

/// Numbers that follow the law as closely as whole counts can have no term of digits.
#[test]
fn amounts_that_follow_the_law_have_no_excess() {
    let rows = Array2::from_shape_fn((3000, 1), |(i, _)| 10.0_f32.powf(i as f32 / 1000.0));
    let fitted = Benford { alpha: 0.5 }.fit_on(&Features::rows(rows), &Run::new(0)).unwrap();
    assert_eq!(fitted.model().columns[0].digits, [0.0; GROUPS]);
}

#[test]
fn digits_are_those_of_the_decimal_form() {
    let mut reader = Reader::default();
    // 0.35 and 0.07 are a little less in binary; 1e-40 has lost digits; 5 has one.
    for (v, group) in [(0.35, 25), (0.07, 60), (7.0, 60), (-129.0, 2), (1e15, 0), (0.01, 0), (99.9, 89)] {
        assert_eq!(reader.group(v as f32), Some(group), "{v}");
        assert_eq!(reader.group(v), Some(group), "{v}");
    }
    assert_eq!([reader.group(0.0_f32), reader.group(f32::NAN), reader.group(f32::INFINITY)], [None; 3]);
    assert_eq!([1.15, 1234.0, -0.07].map(|v| digits::last_two(v, 2)), [Some(15), Some(0), Some(7)]);
    assert_eq!(digits::last_two(1e18, 2), None);
}

/// No amounts, one, all equal: shares and statistics are numbers.
#[test]
fn degenerate_columns_have_an_answer() {
    let none = amount_tests(&[0.0, f64::NAN, f64::INFINITY], 2);
    assert_eq!((none.first.n, none.first.p_value, none.first.mad), (0, 1.0, 0.0));
    assert_eq!((none.first.conformity, none.summation.mad, none.duplicates.len()), (None, 0.0, 0));
    let same = amount_tests(&[500.0; 30], 2);
    assert_eq!(same.first.counts, [0, 0, 0, 0, 30, 0, 0, 0, 0]);
    assert_eq!(same.duplicates, [Duplicate { amount: 500.0, count: 30 }]);
    assert_eq!(same.summation.shares[40], 1.0);
    let huge = amount_tests(&[f64::MAX, f64::MAX, 1e-300], 9);
    assert!(huge.summation.mad.is_finite() && huge.first.chi_squared.is_finite());
    let nothing = Features::rows(array![[0.0, f32::NAN], [0.0, f32::NAN]]);
    let (fitted, own) = Benford::default().fit_score_on(&nothing, &Run::new(0)).unwrap();
    assert_eq!(own, [0.0; 2]);
    let new = fitted.score(&Features::rows(array![[f32::MAX, 1e-45]]), &Run::new(0)).unwrap();
    assert!(new[0].is_finite() && new[0] > 0.0);
}

proptest! {
    /// Against digits cut off whole cents by division.
    #[test]
    fn digits_equal_those_of_whole_cents(cents in 100..9_999_999_u64) {
        let v = cents as f64 / 100.0;
        let mut lead = cents;
        while lead > 99 {
            lead /= 10;
        }
        let mut reader = Reader::default();
        prop_assert_eq!(reader.group(v), Some(lead as usize - 10));
        prop_assert_eq!(reader.group(v as f32), Some(lead as usize - 10));
        prop_assert_eq!(digits::last_two(v, 2), Some(cents as usize % 100));
    }

    /// The excess of every pair of digits against counting it.
    #[test]
    fn excess_equals_counting(seed in prop::collection::vec(10..100_u32, 1000..1200), spike in 10..100_u32) {
        let amounts: Vec<u32> = seed.iter().copied().chain(std::iter::repeat_n(spike, 90)).collect();
        let rows = Array2::from_shape_fn((amounts.len(), 1), |(i, _)| amounts[i] as f32);
        let fitted = Benford { alpha: 0.05 }.fit_on(&Features::rows(rows), &Run::new(0)).unwrap();
        let n = amounts.len() as f64;
        for d in 10..100_u32 {
            let p = amounts.iter().filter(|&&v| v == d).count() as f64 / n;
            let e = (1.0 + 1.0 / f64::from(d)).log10();
            // The 1 - 0.05 / 90 quantile of the normal distribution is 3.2608 (SciPy 1.17.1).
            let z = (p - e - 0.5 / n) / (e * (1.0 - e) / n).sqrt();
            let want = if z > 3.2608 { (p / e).ln() } else { 0.0 };
            if (z - 3.2608).abs() > 1e-3 {
                prop_assert!((f64::from(fitted.model().columns[0].digits[d as usize - 10]) - want).abs() < 1e-5);
            }
        }
    }
}
