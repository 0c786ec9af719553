//! Votes in closed form, breaks and noise, causality, correlations against their definition, and the shared trials.

use super::*;
use crate::trials::{highest as place_of_highest, noise, stands};
use anomalyst_core::{DetectorExt, Features, Layout};
use proptest::prelude::*;
use serde_json::json;

fn table(n: usize, d: usize, value: impl Fn(usize, usize) -> f64) -> Features {
    let values = Array2::from_shape_fn((n, d), |(i, j)| value(i, j) as f32);
    Features { layout: Layout::Sequences { ends: vec![n] }, ..Features::rows(values) }
}

/// Channels 0 to 3 with a common course and noise of their own, 4 and 5 with nothing in common.
fn plant(i: usize, j: usize) -> f64 {
    let own = noise(i * 13 + j * 7919 + 5);
    if j < 4 { (i as f64 * 0.15).sin() * (1.0 + j as f64) + 0.3 * own } else { own }
}

fn scores(data: &Features) -> Vec<f32> {
    CorrelatedMajority::default().fit_score_on(data, &Run::new(0)).unwrap().1
}

#[test]
fn majority_by_hand() {
    for (mut values, want) in [
        (vec![5.0], 5.0),
        (vec![5.0, 1.0], 1.0),
        (vec![0.1, 5.0, 2.0], 2.0),
        (vec![9.0, 5.0, 1.0, 2.0], 2.0),
        (vec![9.0, 5.0, 0.0, 0.0, 3.0], 3.0),
    ] {
        assert_eq!(state::majority(&mut values), want);
    }
}

/// The acceptance of the paper's row: an alarm at once where most of the correlated channels break, with their names; none
/// where one of them is wrong alone, however far.
#[test]
fn most_of_a_group_alarm_and_one_alone_does_not() {
    let (alone, broken) = (900, 1_200);
    let data = table(1_400, 6, |i, j| match (i, j) {
        (_, 1) if i == alone => 500.0,
        (_, 0..3) if (broken..broken + 20).contains(&i) => plant(i, j) + 6.0,
        _ => plant(i, j),
    });
    let (model, own) = CorrelatedMajority::default().fit_score_on(&data, &Run::new(0)).unwrap();
    assert!(own[broken] > 1.0 || own[broken + 1] > 1.0, "{} {}", own[broken], own[broken + 1]);
    assert!((broken..broken + 4).contains(&place_of_highest(&own)));
    assert!((alone - 2..alone + 20).all(|i| own[i] < 1.0), "{:?}", &own[alone - 2..alone + 20]);
    let shares = model.attribute(&data, &Run::new(0)).unwrap().unwrap().values;
    let voters: Vec<usize> = (0..6).filter(|&j| shares[[broken, j]] > 1.0).collect();
    assert_eq!(voters, [0, 1, 2]);
    // In a channel that no other goes with, the same value is an alarm.
    let single = table(1_400, 1, |i, _| if i == alone { 500.0 } else { plant(i, 1) });
    assert!(scores(&single)[alone] > 1.0);
    // False alarms are few: three deviations, of six channels.
    let quiet = own[100..alone].iter().filter(|&&score| score > 1.0).count();
    assert!(quiet < 40, "{quiet} of 800");
}

/// A new level is followed by the second opinion, not an alarm for the rest of the series.
#[test]
fn a_new_level_is_followed() {
    let data = table(1_500, 1, |i, _| plant(i, 4) + if i >= 1_000 { 50.0 } else { 0.0 });
    let own = scores(&data);
    assert!(own[1_000] > 1.0);
    let later = own[1_010..].iter().filter(|&&score| score > 1.0).count();
    assert!(later < 50, "{later} of 490");
}

/// A point's score is the same whatever comes after it, and a stream in two pieces goes on where it was.
#[test]
fn nothing_after_a_point_matters() {
    let whole = table(1_000, 6, plant);
    let own = scores(&whole);
    for n in [1, 40, 401, 700] {
        let first = scores(&table(n, 6, plant));
        assert!(first.iter().zip(&own).all(|(a, b)| a.to_bits() == b.to_bits()), "{n}");
    }
}

/// After a fit, a stream is judged from its first points on.
#[test]
fn new_series_start_from_training() {
    let run = Run::new(0);
    let model = CorrelatedMajority::default().fit_on(&table(1_000, 4, plant), &run).unwrap();
    let new = table(20, 4, |i, j| plant(i + 1_000, j) + if i == 6 { 8.0 } else { 0.0 });
    let found = model.score(&new, &run).unwrap();
    // The average of three errors is high for three points.
    assert!((6..9).contains(&place_of_highest(&found)));
    assert!(found[6] > 1.0 && found[..3] == [0.0; 3], "{found:?}");
}

/// Groups change with the stream: channels that go apart no longer outvote each other.
#[test]
fn groups_follow_the_stream() {
    let value = |i: usize, j: usize| {
        let common = if i < 1_000 { noise(i) } else { noise(i * 3 + j * 6_007 + 9) };
        common + 0.05 * noise(i * 31 + j) + if j == 0 && (i == 900 || i == 1_900) { 6.0 } else { 0.0 }
    };
    let own = scores(&table(2_000, 3, value));
    assert!(own[900] < 1.0 && own[1_900] > 1.0, "{} {}", own[900], own[1_900]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// With few errors averaged over one point and channels in one group, scores are those of the definition, computed anew
    /// from all points at each step.
    #[test]
    fn equal_to_the_definition(seed in 0_usize..10_000, offset in -1e3..1e3_f64) {
        let settings = Settings { window_len: 64, n_lags: 2, n_errors: 3, min_correlation: 0.5 };
        let mut part = Part::new(settings, 3);
        part.begin();
        let value = |i: usize, j: usize| {
            // Bounded noise within three deviations, so that nothing is cut off.
            (offset + noise(i + seed) * (1.0 + j as f64) + 0.4 * noise(i * 7 + j * 977 + seed)) as f32
        };
        for t in 0..300 {
            let score = part.step((0..3).map(|j| value(t, j)));
            if t > 100 {
                let excesses: Vec<f64> = part.excesses().to_vec();
                let column = |j: usize| (t - 64..t).map(move |i| f64::from(value(i, j)));
                let mut best = 0.0_f64;
                for a in 0..3 {
                    let mut group: Vec<f64> = (0..3)
                        .filter(|&b| a == b || correlation(column(a), column(b)).abs() >= 0.5)
                        .map(|b| excesses[b])
                        .collect();
                    best = best.max(state::majority(&mut group));
                }
                prop_assert!((score - best).abs() < 1e-9, "{t}: {score} {best}");
            }
        }
    }
}

fn correlation(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
    let pairs: Vec<(f64, f64)> = a.zip(b).collect();
    let n = pairs.len() as f64;
    let (ma, mb) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        ab += (a - ma) * (b - mb);
        aa += (a - ma).powi(2);
        bb += (b - mb).powi(2);
    }
    ab / (aa * bb).sqrt()
}

/// More channels than are compared with each other, also more than points.
#[test]
fn wide_series_have_an_answer() {
    for (n, d) in [(200, 300), (30, 200), (1, 3)] {
        let data = table(n, d, |i, j| plant(i, j % 4) + if i == 150 { 40.0 } else { 0.0 });
        let own = scores(&data);
        assert!(own.iter().all(|score| score.is_finite()));
        assert!(n < 200 || place_of_highest(&own) == 150);
    }
    assert_eq!(parts_of(300).collect::<Vec<_>>(), [0..100, 100..200, 200..300]);
}

#[test]
fn stands_trials() {
    let params = [
        json!({}),
        json!({ "window_len": 64, "n_lags": 20, "n_errors": 1 }),
        json!({ "window_len": 90, "n_lags": 1, "n_errors": 100, "min_correlation": 0.0 }),
    ];
    stands("correlated_majority", &params);
}
