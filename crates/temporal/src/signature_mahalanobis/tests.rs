//! Windows and points, and series with something odd.

use anomalyst_core::{DetectorExt, Features, Layout};
use serde_json::json;

use super::*;
use crate::trials::{highest, noise, stands};

#[test]
fn windows_reach_both_ends() {
    let got = windows_of(&[0..20, 20..20, 20..23], 16);
    assert_eq!(got, [0..16, 2..18, 4..20, 20..23]);
    let scores = at_points(&[0..2, 1..3], &[1.0, 4.0], 3);
    assert_eq!(scores, [1.0, 2.5, 4.0]);
    assert_eq!(parts_of(61), [0..20, 20..40, 40..61]);
}

/// Circles, one of which is gone the other way round: each channel alone is as it always is.
#[test]
fn a_path_gone_backwards_is_found() {
    let turn = |i: usize| if (300..325).contains(&i) { -1.0 } else { 1.0 };
    let angle = |i: usize| i as f64 * std::f64::consts::TAU / 25.0 * turn(i);
    let value = |(i, j): (usize, usize)| {
        let place = if j == 0 { angle(i).sin() } else { angle(i).cos() };
        (place + 0.1 * noise(2 * i + j)) as f32
    };
    let data = Features {
        layout: Layout::Sequences { ends: vec![500] },
        ..Features::rows(Array2::from_shape_fn((500, 2), value))
    };
    for params in [
        SignatureMahalanobis::default(),
        SignatureMahalanobis { time: false, depth: 2, ..SignatureMahalanobis::default() },
        SignatureMahalanobis { base_point: false, window: Some(20), ..SignatureMahalanobis::default() },
    ] {
        let (_, scores) = params.fit_score_on(&data, &Run::new(0)).unwrap();
        assert!((285..340).contains(&highest(&scores)), "{params:?}: {}", highest(&scores));
    }
}

#[test]
fn wide_series_have_an_answer() {
    for (n, d) in [(400, 64), (60, 5), (4, 3)] {
        let value = |(i, j): (usize, usize)| if j == 2 { 1.0 } else { noise(i * 67 + j) as f32 };
        let data = Features {
            layout: Layout::Sequences { ends: vec![n / 2, n] },
            ..Features::rows(Array2::from_shape_fn((n, d), value))
        };
        let (model, own) = SignatureMahalanobis::default().fit_score_on(&data, &Run::new(0)).unwrap();
        let new = model.score(&data, &Run::new(0)).unwrap();
        assert!(own.iter().chain(&new).all(|s| s.is_finite()), "{n} {d}");
        assert!(new.iter().all(|&s| s < 1e6), "what was learned is in the range");
    }
}

#[test]
fn stands_trials() {
    let params = [json!({}), json!({"time": false, "window": 12}), json!({"depth": 1, "base_point": false})];
    stands("signature_mahalanobis", &params);
}
