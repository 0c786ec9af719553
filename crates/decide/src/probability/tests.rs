//! Reference values of the labelled curves; measured calibration of the others.

use super::*;
use crate::conformal::split_p_values;
use crate::contamination::{ContaminationPosterior, posterior};
use crate::draw;
use crate::planted::planted;
use anomalyst_core::{Label, Run};

const SCORES: [f32; 10] = [0.1, 0.4, 0.35, 0.8, 1.5, 2.0, 2.2, 3.0, 0.9, 2.6];
const ANOMALOUS: [bool; 10] = [false, false, false, false, true, false, true, true, false, true];

/// scikit-learn 1.9.1 `_sigmoid_calibration` (L-BFGS stops at 1e-6 of the gradient, hence 1e-4).
#[test]
fn platt_matches_reference() {
    let ProbabilityMap::Platt { a, b } = ProbabilityMap::platt(&SCORES, &ANOMALOUS).unwrap() else {
        panic!()
    };
    assert!((a + 1.4163337797874933).abs() < 1e-4 && (b - 2.460336406468962).abs() < 1e-4, "{a} {b}");
    // Scores that fall with anomalousness say nothing: the base rate.
    let falling = ProbabilityMap::platt(&[1.0, 2.0, 3.0, 4.0], &[true, false, false, false]).unwrap();
    assert!((falling.at(9.0) - 0.25).abs() < 1e-12);
    assert!(ProbabilityMap::platt(&[1.0, 2.0], &[true, true]).is_err());
}

/// scikit-learn 1.9.1 `IsotonicRegression(out_of_bounds="clip")`; scores are f32 here, hence 1e-6.
#[test]
fn isotonic_matches_reference() {
    let targets: Vec<f64> = ANOMALOUS.iter().map(|&a| f64::from(u8::from(a))).collect();
    let map = ProbabilityMap::isotonic(&SCORES, &targets).unwrap();
    let want = [0.0, 0.08333333333333331, 0.5, 0.75, 1.0, 1.0];
    for (at, want) in [0.0, 1.0, 1.7, 2.1, 2.4, 9.0].into_iter().zip(want) {
        assert!((map.at(at) - want).abs() < 1e-6, "{at}: {}", map.at(at));
    }
    let same = ProbabilityMap::isotonic(&[1.0, 1.0], &[0.0, 1.0]).unwrap();
    assert_eq!((same.at(0.0), same.at(1.0), same.at(2.0)), (0.5, 0.5, 0.5));
}

/// Mean over ten bins, weighted by size, of the distance between mean probability and share of anomalies.
fn calibration_error(pairs: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    for &(p, bad) in pairs {
        let bin = &mut bins[((p * 10.0) as usize).min(9)];
        bin.0 += p;
        bin.1 += f64::from(u8::from(bad));
    }
    bins.iter().map(|(p, bad)| (p - bad).abs()).sum::<f64>() / pairs.len() as f64
}

/// Batches of 500 against 2,000 normal scores with 0, 2, 10 and 30 % anomalies shifted by 2.5, 40 of each.
#[test]
fn local_probability_is_calibrated() {
    for (percent, bar) in [(0, 0.05), (2, 0.05), (10, 0.05), (30, 0.06)] {
        let mut pairs = Vec::new();
        for seed in 0..40 {
            let mut random = Run::new(seed).random(2);
            let held_out: Vec<f32> = (0..2_000).map(|_| draw::normal(&mut random) as f32).collect();
            let bad = |i: usize| i < 5 * percent;
            let test: Vec<f32> = (0..500)
                .map(|i| (draw::normal(&mut random) + if bad(i) { 2.5 } else { 0.0 }) as f32)
                .collect();
            let p = split_p_values(&held_out, &test).unwrap();
            let grouped = Grouped::new(&p);
            let local = local(&grouped).unwrap();
            assert!(local.is_sorted_by(|a, b| a >= b) && local.len() == grouped.p.len());
            pairs.extend((0..500).map(|i| (local[grouped.p.partition_point(|&q| q < p[i])], bad(i))));
        }
        let error = calibration_error(&pairs);
        println!("local {percent} %: {error:.4}, {}", bins(&pairs));
        assert!(error < bar, "{percent} %: {error}");
    }
    assert!(local(&Grouped::new(&[0.5; 49])).is_none());
}

fn bins(pairs: &[(f64, bool)]) -> String {
    (0..10)
        .map(|b| {
            let inside: Vec<_> = pairs.iter().filter(|(p, _)| ((p * 10.0) as usize).min(9) == b).collect();
            let bad = inside.iter().filter(|(_, bad)| *bad).count();
            format!("{:.2}({})", bad as f64 / inside.len().max(1) as f64, inside.len())
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Overlapping planted sets of 3 to 18 %: the posterior's probability, carried to one combined score.
#[test]
fn posterior_probability_is_calibrated() {
    for shift in [2.5, 5.0] {
        let mut pairs = Vec::new();
        for seed in 0..16 {
            let bad = 30 + 10 * seed as usize;
            let (panel, labels) = planted(1_000, bad, shift, seed);
            let found = posterior(&panel, &ContaminationPosterior::default(), &Run::new(1)).unwrap();
            if found.row_probability.is_empty() {
                continue;
            }
            let scores: Vec<f32> = panel.rows().into_iter().map(|r| r[0] + r[1].sqrt() + r[2]).collect();
            let map = ProbabilityMap::isotonic(&scores, &found.row_probability).unwrap();
            pairs.extend(scores.iter().zip(&labels).map(|(&s, &l)| (map.at(s), l == Label::Anomalous)));
        }
        let error = calibration_error(&pairs);
        println!("posterior, shift {shift}: {error:.4}, {}", bins(&pairs));
        assert!(error < 0.05, "{shift}: {error}");
    }
}

/// Twelve sets of 1,000 rows without any anomaly: the summed probability is what is wrongly claimed.
#[test]
fn posterior_probability_claims_little_on_clean_data() {
    let mut claimed = 0.0;
    for seed in 0..12 {
        let (panel, _) = planted(1_000, 0, 5.0, 100 + seed);
        let found = posterior(&panel, &ContaminationPosterior::default(), &Run::new(1)).unwrap();
        claimed += found.row_probability.iter().sum::<f64>() / 12_000.0;
    }
    println!("clean: {claimed:.5}");
    assert!(claimed < 0.005, "{claimed}");
}

/// Ten draws each of 200 labels for the sigmoid and 2,000 for the isotonic curve, a tenth anomalous and shifted by
/// 2.5, applied to 20,000 new scores.
#[test]
fn labelled_probability_is_calibrated() {
    for (n, isotonic, bar) in [(200, false, 0.03), (2_000, false, 0.015), (2_000, true, 0.015)] {
        let mut error = 0.0;
        for seed in 0..10 {
            let mut random = Run::new(seed).random(6);
            let mut draw = |n: usize| -> (Vec<f32>, Vec<bool>) {
                let bad = |i: usize| i.is_multiple_of(10);
                let one = |i| (draw::normal(&mut random) + if bad(i) { 2.5 } else { 0.0 }) as f32;
                ((0..n).map(one).collect(), (0..n).map(bad).collect())
            };
            let ((scores, is), (new, new_is)) = (draw(n), draw(20_000));
            let map = if isotonic {
                let targets: Vec<f64> = is.iter().map(|&a| f64::from(u8::from(a))).collect();
                ProbabilityMap::isotonic(&scores, &targets).unwrap()
            } else {
                ProbabilityMap::platt(&scores, &is).unwrap()
            };
            let pairs: Vec<(f64, bool)> = new.iter().map(|&s| map.at(s)).zip(new_is).collect();
            error += calibration_error(&pairs) / 10.0;
        }
        println!("labelled {n} isotonic {isotonic}: {error:.4}");
        assert!(error < bar, "{n} {isotonic}: {error}");
    }
}
