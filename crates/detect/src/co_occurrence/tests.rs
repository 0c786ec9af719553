//! Closed forms, counts of other tools, a plain search as an oracle, and columns that say nothing.

use super::*;
use anomalyst_core::{DetectorExt, MISSING_CODE, UNSEEN_CODE};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn coded(codes: Array2<u32>) -> Features {
    Features::rows(Array2::zeros((codes.nrows(), 0))).with_codes(codes).unwrap()
}

fn pairs_only() -> CoOccurrence {
    CoOccurrence { rarity: false, ..CoOccurrence::default() }
}

fn close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().zip(want).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5), "{got:?} {want:?}");
}

/// Country and currency agree in 8 of 8 rows: each level has 4 rows, so 2 are expected for each pair and a mixed pair
/// has r = 1/3. A level of no rows is expected with none: r = 1.
#[test]
fn a_pair_in_closed_form() {
    let train = coded(Array2::from_shape_fn((8, 2), |(i, _)| i as u32 % 2));
    let run = Run::new(0);
    let (fitted, own) = pairs_only().fit_score_on(&train, &run).unwrap();
    assert_eq!(own, [0.0; 8]);
    let new = coded(array![[0, 1], [1, 0], [0, UNSEEN_CODE], [1, 1], [MISSING_CODE, 0]]);
    let odd = 3.0_f64.ln();
    close(&fitted.score(&new, &run).unwrap(), &[odd, odd, 0.0, 0.0, 0.0]);
    let shares = fitted.attribute(&new, &run).unwrap().unwrap();
    close(&shares.codes.row(0).to_vec(), &[odd / 2.0, odd / 2.0]);
}

/// With rarity, a level never seen has (0 + 1) / (8 + 2 + 1), over an entropy of ln 2; those seen have 5/11, which is
/// -ln(5/11) - ln 2 = ln 1.1.
#[test]
fn a_rare_level_in_closed_form() {
    let train = coded(Array2::from_shape_fn((8, 2), |(i, _)| i as u32 % 2));
    let run = Run::new(0);
    let fitted = CoOccurrence::default().fit_on(&train, &run).unwrap();
    let new = coded(array![[0, 0], [0, UNSEEN_CODE], [0, 1]]);
    let (seen, unseen) = (1.1_f64.ln(), 5.5_f64.ln());
    close(&fitted.score(&new, &run).unwrap(), &[2.0 * seen, seen + unseen, 3.0_f64.ln()]);
}

/// Two habits in four columns, and one column in both: terms of different columns add up, of a shared one only the
/// larger counts.
#[test]
fn terms_of_different_columns_add_up() {
    let habits = |i: usize, j: usize| if j < 2 { i % 2 } else { i / 2 % 2 } as u32;
    let fitted = pairs_only()
        .fit_on(&coded(Array2::from_shape_fn((16, 4), |(i, j)| habits(i, j))), &Run::new(0))
        .unwrap();
    assert_eq!(fitted.model().pairs(), [(0, 1), (2, 3)]);
    // 4 expected, none met: r = 1/5 for either pair.
    let new = coded(array![[0, 1, 0, 1], [0, 1, 1, 1]]);
    close(&fitted.score(&new, &Run::new(0)).unwrap(), &[2.0 * 5.0_f64.ln(), 5.0_f64.ln()]);
    // Three columns that agree: an odd one breaks two pairs and counts once.
    let fitted = pairs_only()
        .fit_on(&coded(Array2::from_shape_fn((16, 3), |(i, _)| i as u32 % 2)), &Run::new(0))
        .unwrap();
    close(&fitted.score(&coded(array![[0, 1, 0]]), &Run::new(0)).unwrap(), &[5.0_f64.ln()]);
}

/// Through `golden/co_occurrence.py`: counts of SciPy and information of scikit-learn 1.9.1; f32 terms, hence 1e-5.
#[test]
fn matches_counts_of_other_tools() {
    let code = |(i, j): (usize, usize)| {
        let (a, b) = (i % 3, i / 3 % 2);
        let of_a = if i % 7 == 6 { (i + 1) % 3 } else { a };
        [a, of_a, if i % 11 == 6 { 2 } else { a }, b, if i % 9 == 6 { 1 - b } else { b }][j] as u32
    };
    let (fitted, own) =
        pairs_only().fit_score_on(&coded(Array2::from_shape_fn((60, 5), code)), &Run::new(0)).unwrap();
    assert_eq!(fitted.model().pairs(), [(0, 2), (0, 1), (1, 2), (3, 4)]);
    let mut want = [0.0; 30];
    let odd = [
        (6, 2.44716632),
        (13, std::f64::consts::LN_2),
        (15, 1.38629436),
        (20, 0.893817876),
        (24, 1.38629436),
        (27, 0.84729786),
        (28, 1.46633707),
    ];
    odd.iter().for_each(|&(row, score)| want[row] = score);
    close(&own[..30], &want);
}

#[test]
fn independent_columns_make_no_pair() {
    let train = coded(Array2::from_shape_fn((36, 2), |(i, j)| [i % 6, i / 6][j] as u32));
    let (fitted, own) = pairs_only().fit_score_on(&train, &Run::new(0)).unwrap();
    assert!(fitted.model().pairs().is_empty());
    assert_eq!(own, [0.0; 36]);
    // Columns of identifiers agree by chance alone: 36 levels each, ln 36 of information, and more than that of bias.
    let ids = coded(Array2::from_shape_fn((36, 2), |(i, j)| [i, i * 5 % 36][j] as u32));
    assert!(pairs_only().fit_on(&ids, &Run::new(0)).unwrap().model().pairs().is_empty());
}

/// One row, a constant column, a category seen once, numbers without spread beside gaps.
#[test]
fn degenerate_columns_have_an_answer() {
    let run = Run::new(0);
    let (_, own) = CoOccurrence::default().fit_score_on(&coded(array![[3]]), &run).unwrap();
    close(&own, &[-(2.0_f64 / 3.0).ln()]);
    let once = coded(array![[0, 5], [0, 5], [0, 5], [0, 5], [1, 5]]);
    let (_, own) = CoOccurrence::default().fit_score_on(&once, &run).unwrap();
    assert!(own[..4].iter().all(|&s| s < own[4]), "{own:?}");
    let gaps = Features::rows(array![[1.0, f32::NAN], [1.0, f32::NAN], [1.0, f32::NAN], [2.0, f32::NAN]]);
    let (fitted, own) = CoOccurrence::default().fit_score_on(&gaps, &run).unwrap();
    assert!(own[..3].iter().all(|&s| s < own[3]), "{own:?}");
    let far = fitted.score(&Features::rows(array![[1.0, 7.0], [1.0, f32::NAN]]), &run).unwrap();
    assert!(far[0] > far[1], "{far:?}");
}

/// The rarest levels share a place: of five levels with two places, the most frequent has one to itself.
#[test]
fn rare_levels_share_a_place() {
    let code = |(i, _): (usize, usize)| if i < 12 { 0 } else { (i - 11) as u32 % 5 };
    let train = coded(Array2::from_shape_fn((24, 2), code));
    let params = CoOccurrence { max_levels: 2, ..pairs_only() };
    let (fitted, own) = params.fit_score_on(&train, &Run::new(0)).unwrap();
    assert_eq!(own, [0.0; 24]);
    let n = (0..24).filter(|&i| code((i, 0)) == 0).count() as f64;
    let odd = (n * (24.0 - n) / 24.0 + 1.0).ln();
    let new = coded(array![[0, 3], [2, 0], [1, 3]]);
    close(&fitted.score(&new, &Run::new(0)).unwrap(), &[odd, odd, 0.0]);
}

proptest! {
    /// Against counting for every row and choosing terms one at a time, where no two are of equal size; shares sum to
    /// scores.
    #[test]
    fn equals_plain_counting(
        n in 1..50_usize, d in 1..5_usize, least in 0..20_u32,
        cells in prop::collection::vec(0..4_u32, 200),
    ) {
        let codes = Array2::from_shape_fn((n, d), |(i, j)| (cells[i * 4 + j] + cells[i * 4] * (j as u32 % 2)) % 4);
        let params = CoOccurrence { min_information: f64::from(least) / 100.0, ..CoOccurrence::default() };
        let run = Run::new(0);
        let (fitted, own) = params.fit_score_on(&coded(codes.clone()), &run).unwrap();
        let shares = fitted.attribute(&coded(codes.clone()), &run).unwrap().unwrap();
        for (row, (score, shares)) in own.iter().zip(shares.codes.rows()).enumerate() {
            prop_assert!((shares.sum() - score).abs() < 1e-4);
            if let Some(want) = naive(&codes, row, params.min_information) {
                prop_assert!((f64::from(*score) - want).abs() < 1e-4, "{} {}", score, want);
            }
        }
    }
}

/// The score by the page's equations; none where two terms are as good as equal, or information is as good as the
/// least.
fn naive(codes: &Array2<u32>, row: usize, least: f64) -> Option<f64> {
    let (n, d) = codes.dim();
    let level = |j: usize| (0..4).filter(move |&v| codes.column(j).iter().any(|&c| c == v));
    let count = |j: usize, v: u32| codes.column(j).iter().filter(|&&c| c == v).count() as f64;
    let total = n as f64;
    let mut terms: Vec<(f64, Vec<usize>)> = Vec::new();
    for a in 0..d {
        let entropy: f64 = level(a).map(|v| count(a, v) / total).map(|p| -p * p.ln()).sum();
        let share = (count(a, codes[[row, a]]) + 1.0) / (total + level(a).count() as f64 + 1.0);
        terms.push((-share.ln() - entropy, vec![a]));
        for b in a + 1..d {
            let met = |v, w| codes.rows().into_iter().filter(|r| r[a] == v && r[b] == w).count() as f64;
            let expected = |v, w| count(a, v) * count(b, w) / total;
            let free = (level(a).count() - 1) * (level(b).count() - 1);
            let mut information = -(free as f64) / (2.0 * total);
            for (v, w) in level(a).flat_map(|v| level(b).map(move |w| (v, w))) {
                let m = met(v, w);
                information += if m > 0.0 { m / total * (m / expected(v, w)).ln() } else { 0.0 };
            }
            if (information - least).abs() < 1e-9 {
                return None;
            }
            if information >= least {
                let (v, w) = (codes[[row, a]], codes[[row, b]]);
                terms.push((-((met(v, w) + 1.0) / (expected(v, w) + 1.0)).ln(), vec![a, b]));
            }
        }
    }
    terms.retain(|(term, _)| *term > 1e-9);
    terms.sort_by(|a, b| b.0.total_cmp(&a.0));
    if terms.windows(2).any(|pair| pair[0].0 - pair[1].0 < 1e-6) {
        return None;
    }
    let (mut sum, mut used) = (0.0, Vec::new());
    for (term, columns) in terms {
        if columns.iter().all(|column| !used.contains(column)) {
            sum += term;
            used.extend(columns);
        }
    }
    Some(sum)
}
