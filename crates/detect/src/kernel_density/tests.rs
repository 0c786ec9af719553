//! Closed forms, scikit-learn's numbers, the definition, and places that no hill reaches.

use super::*;
use crate::one_class_svm::tests::golden_rows;
use anomalyst_core::{DetectorExt, Features};
use ndarray::{Array2, array, concatenate};
use proptest::prelude::*;

const HILLS: [Hill; 5] =
    [Hill::Gaussian, Hill::Epanechnikov, Hill::Exponential, Hill::Triangular, Hill::Uniform];

/// Columns as they are, as in scikit-learn.
fn plain() -> KernelDensity {
    KernelDensity { standardize: false, ..KernelDensity::default() }
}

fn with(hill: Hill, bandwidth: f64) -> KernelDensity {
    KernelDensity { hill, bandwidth: Some(bandwidth), ..plain() }
}

fn close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        // Scores are f32.
        assert!((f64::from(*got) - want).abs() <= 3e-7 * want.abs().max(1.0), "{got} {want}");
    }
}

/// scikit-learn 1.9.1 through `golden/kernel_density.py`, whose sums are exact by default.
#[test]
fn matches_scikit_learn() {
    let (rows, run) = (Features::rows(golden_rows()), Run::new(0));
    let new = array![[1.0, 2.0, 3.0], [0.5, 0.25, 0.125]];
    let queries = Features::rows(concatenate![Axis(0), golden_rows().select(Axis(0), &[0, 7, 15]), new]);
    let forms = [
        [4.90434994, 4.50417753, 4.67264508, 5.36252512, 4.62169602],
        [4.1207353, 3.24341859, 3.46640204, 7.94085897, 3.58208526],
        [5.73389019, 5.3793438, 5.54622804, 6.1155408, 5.51099984],
        [4.0054273, 3.14931521, 3.45548588, 8.13234727, 3.53989367],
        [4.44056675, 3.37585601, 3.60765763, 6.74315184, 3.69862941],
    ];
    for (hill, want) in HILLS.into_iter().zip(forms) {
        close(&with(hill, 1.5).fit_on(&rows, &run).unwrap().score(&queries, &run).unwrap(), &want);
    }
    let rules = [
        (BandwidthRule::Scott, [3.87094411, 3.00741601, 3.56723259, 7.71111379, 3.44143621]),
        (BandwidthRule::Silverman, [3.8356409, 2.96909828, 3.56090985, 7.92331724, 3.41954672]),
    ];
    for (bandwidth_rule, want) in rules {
        let detector = KernelDensity { bandwidth_rule, ..plain() };
        let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
        close(&fitted.score(&queries, &run).unwrap(), &want);
        if bandwidth_rule == BandwidthRule::Scott {
            close(&[0, 7, 15, 59].map(|i| own[i]), &[4.27389125, 3.14673136, 3.84212301, 120.197921]);
        }
    }
}

/// In one column hills of bandwidth 2 hold 2 sqrt(2 pi), 2 4/3, 2 2, 2 1 and 2 2. Two rows at 0 and 4, seen from 1:
/// u = 0.5 and 1.5.
#[test]
fn closed_form_in_one_column() {
    let run = Run::new(0);
    let e = |x: f64| (-x).exp();
    let pi = std::f64::consts::PI;
    let densities = [
        (e(0.125) + e(1.125)) / 2.0 / (2.0 * (2.0 * pi).sqrt()),
        0.75 / 2.0 / (8.0 / 3.0),
        (e(0.5) + e(1.5)) / 2.0 / 4.0,
        0.5 / 2.0 / 2.0,
        1.0 / 2.0 / 4.0,
    ];
    for (hill, density) in HILLS.into_iter().zip(densities) {
        let (fitted, own) =
            with(hill, 2.0).fit_score_on(&Features::rows(array![[0.0], [4.0]]), &run).unwrap();
        close(&fitted.score(&Features::rows(array![[1.0]]), &run).unwrap(), &[-f64::ln(density)]);
        assert_eq!(own[0], own[1]);
    }
    // Leaving itself out, each row sees the other at u = 2.
    let own = with(Hill::Gaussian, 2.0).fit_score_on(&Features::rows(array![[0.0], [4.0]]), &run).unwrap().1;
    close(&own, &[2.0 + (2.0 * (2.0 * pi).sqrt()).ln(); 2]);
}

/// Twice as far beyond every hill is a higher score, for every hill, up to the end of f32.
#[test]
fn places_that_no_hill_reaches_are_ranked_by_distance() {
    let run = Run::new(0);
    for hill in HILLS {
        let fitted = with(hill, 0.5).fit_on(&Features::rows(array![[0.0, 0.0], [1.0, 0.0]]), &run).unwrap();
        let far = array![[0.3, 0.3], [5.0, 0.0], [10.0, 0.0], [1e4, 0.0], [1e15, 0.0], [3e38, 3e38]];
        let scores = fitted.score(&Features::rows(far), &run).unwrap();
        assert!(scores.is_sorted_by(|a, b| a < b || *b == f32::MAX), "{hill:?} {scores:?}");
        assert!(scores.iter().all(|s| s.is_finite()));
    }
}

/// A row alone beside a heap has no neighbour in reach once it leaves itself out.
#[test]
fn duplicates_and_loners_have_an_answer() {
    let run = Run::new(0);
    let rows = Features::rows(array![[3.0, 3.0], [3.0, 3.0], [3.0, 3.0], [1e6, 1e6]]);
    for hill in HILLS {
        let own = with(hill, 1.0).fit_score_on(&rows, &run).unwrap().1;
        assert!(own[3] > own[0] && own[3].is_finite() && own[0] == own[1], "{hill:?} {own:?}");
    }
    let equal = Features::rows(Array2::from_elem((5, 2), 3.0));
    let own = plain().fit_score_on(&equal, &run).unwrap().1;
    // Deviation 1 where there is none: h = 5^(-1/6), every other row at the top of its hill.
    close(&own, &[(2.0 * std::f64::consts::PI).ln() - 2.0 / 6.0 * 5.0_f64.ln(); 5]);
}

#[test]
fn a_sample_of_the_reference_leaves_itself_out_and_scores_all_rows() {
    let rows =
        Features::rows(Array2::from_shape_fn((1400, 2), |(i, j)| ((i * [37, 61][j] + i * i) % 401) as f32));
    let detector = KernelDensity { max_reference: Some(1000), ..with(Hill::Gaussian, 3.0) };
    let run = Run::new(4);
    let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
    let new = fitted.score(&rows, &run).unwrap();
    let kept = reference_rows(1400, Some(1000), &run).unwrap();
    let alone = with(Hill::Gaussian, 3.0).fit_score_on(&rows.take(&kept), &run).unwrap().1;
    kept.iter().zip(alone).for_each(|(&row, score)| assert_eq!(own[row], score));
    (0..1400).filter(|row| !kept.contains(row)).for_each(|row| assert_eq!(own[row], new[row]));
}

#[test]
fn shares_tell_the_column_also_of_a_row_that_was_learned() {
    let (rows, run) = (Features::rows(golden_rows()), Run::new(0));
    let fitted = plain().fit_on(&rows, &run).unwrap();
    let shares = fitted.attribute(&rows.take(&[59]), &run).unwrap().unwrap().values;
    assert!(
        shares[[0, 0]] > 10.0 && shares[[0, 0]] > shares[[0, 1]] && shares[[0, 0]] > shares[[0, 2]],
        "{shares}"
    );
}

/// Dividing columns first is the estimate with one width per column, and its density is that of the columns as they are:
/// with both columns stretched, each density is that of the unstretched rows divided by the stretch.
#[test]
fn units_of_columns_change_the_density_by_their_volume() {
    let run = Run::new(0);
    let rows = golden_rows();
    let stretched = &rows * &array![4.0, 0.5, 16.0];
    let detector = KernelDensity { standardize: true, ..KernelDensity::default() };
    let score = |rows: &Array2<f32>| detector.fit_score_on(&Features::rows(rows.clone()), &run).unwrap().1;
    for (plain, stretched) in score(&rows).into_iter().zip(score(&stretched)) {
        assert!((stretched - plain - 32.0_f32.ln()).abs() < 1e-4 * plain.abs().max(1.0));
    }
}

#[test]
fn volumes_of_balls() {
    let pi = std::f64::consts::PI;
    let want = [1.0, 2.0, pi, 4.0 / 3.0 * pi, pi * pi / 2.0, 8.0 / 15.0 * pi * pi];
    for (d, want) in want.into_iter().enumerate() {
        assert!((log_ball(d).exp() / want - 1.0).abs() < 1e-12, "{d}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Across tiles: the running unit of the sum changes nothing.
    #[test]
    fn equals_the_definition(n in 2..1300_usize, bandwidth in 0.05..3.0_f64, shift in 0.0..30.0_f64, kind in 0..3_usize) {
        let value = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 1009) as f32 * 0.004 - 2.0;
        let rows = Array2::from_shape_fn((n, 2), |(i, j)| value(n - i, j) * (1.0 + (n - i) as f32 * 1e-3));
        let query = array![[shift as f32, 0.5]];
        let hill = [Hill::Gaussian, Hill::Exponential, Hill::Epanechnikov][kind];
        let fitted = with(hill, bandwidth).fit_on(&Features::rows(rows.clone()), &Run::new(0)).unwrap();
        let got = f64::from(fitted.score(&Features::rows(query.clone()), &Run::new(0)).unwrap()[0]);
        let logs: Vec<f64> = rows
            .rows()
            .into_iter()
            .map(|row| {
                let squares = row.iter().zip(&query).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                let u = squares.sum::<f64>().sqrt() / bandwidth;
                match hill {
                    Hill::Gaussian => -0.5 * u * u,
                    Hill::Exponential => -u,
                    _ => (1.0 - u * u).max(0.0).ln(),
                }
            })
            .collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assume!(top > -30.0 || hill.has_tails());
        let log_sum = top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln();
        let want = (n as f64).ln() + hill.log_volume(2) + 2.0 * bandwidth.ln() - log_sum;
        prop_assert!((got - want).abs() < 1e-6 * want.abs().max(1.0), "{got} {want}");
    }
}
