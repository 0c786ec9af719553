//! Forecasts that have not seen the point, the band, shares in closed form, planted causes, and the shared trials.

use super::*;
use crate::trials::{highest, noise, stands};
use anomalyst_core::{DetectorExt, Features, Layout};
use serde_json::json;

fn table(n: usize, d: usize, value: impl Fn(usize, usize) -> f64) -> Features {
    let values = Array2::from_shape_fn((n, d), |(i, j)| value(i, j) as f32);
    Features { layout: Layout::Sequences { ends: vec![n] }, ..Features::rows(values) }
}

fn wavy(i: usize) -> f64 {
    (i as f64 * 0.25).sin() + 0.2 * noise(i)
}

fn own_scores(data: &Features, params: BoostedForecast) -> Vec<f32> {
    params.fit_score_on(data, &Run::new(0)).unwrap().1
}

/// Moving a point moves its error by as much, since nothing that it is forecast by has seen it. Errors of new points are
/// in the same bands.
#[test]
fn a_point_is_not_forecast_by_what_saw_it() {
    for at in [3, 250, 599] {
        let run = Run::new(0);
        // Out of fold, and in units of the channel: the band is what a far point is told by.
        let error = |by: f64| {
            let moved = |by: f64| table(600, 1, |i, _| wavy(i) + if i == at { by } else { 0.0 });
            let (model, scores) = BoostedForecast::default().fit_score_on(&moved(by), &run).unwrap();
            let mut sorted = scores.clone();
            sorted.sort_by(f32::total_cmp);
            // The band is the 571st of 600 errors: ceil(601 * 0.95) = 571.
            assert!((sorted[570] - 1.0).abs() < 1e-6);
            scores[at] * 1e6 / model.score(&moved(1e6), &run).unwrap()[at]
        };
        let difference = error(6.0) - error(4.0);
        assert!((difference - 2.0).abs() < 0.01, "{at}: {difference}");
    }
}

/// Three temperatures that follow their own past, ten readings beside them. Now and then a heater pulses and the second
/// temperature jumps; what is odd in it goes with the heater, and with nothing else that pulses.
fn telemetry(i: usize, j: usize) -> f64 {
    let pulse = |at: usize, every: usize| f64::from(u8::from(i >= 200 && (i - 200) % every < at));
    let heater = pulse(3, 397);
    let slow = |period: f64| (std::f64::consts::TAU * i as f64 / period).sin();
    let bit = noise(i * 17 + j * 7919);
    match j {
        0 => 20.0 + 2.0 * slow(300.0) + 0.1 * bit,
        1 => -80.0 + slow(500.0) + 0.1 * bit + 3.0 * heater,
        2 => 5.0 + 3.0 * slow(211.0) + 0.2 * bit,
        3 => pulse(3, 263) + 0.05 * bit,
        4 => slow(97.0) + 0.3 * bit,
        7 => heater + 0.05 * bit,
        _ => bit,
    }
}
const HEATER: usize = 7;

/// The three highest points that are ten apart, of one channel.
fn top_three(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut top: Vec<usize> = Vec::new();
    for point in order {
        if top.len() < 3 && top.iter().all(|&other| other.abs_diff(point) > 10) {
            top.push(point);
        }
    }
    top
}

/// The acceptance of the paper's row: the top three anomalies of each parameter, and the planted cause first among the
/// covariates that they go with.
#[test]
fn a_planted_cause_is_first_among_the_covariates() {
    let (run, data) = (Run::new(0), table(4_000, 13, telemetry));
    for response in 0..3 {
        let detector = BoostedForecast { response: Some(response), ..BoostedForecast::default() };
        let (model, scores) = detector.fit_score_on(&data, &run).unwrap();
        let top = top_three(&scores);
        assert_eq!(top.len(), 3);
        if response != 1 {
            continue;
        }
        let shares = model.attribute(&data, &run).unwrap().unwrap().values;
        for point in top {
            assert!((point - 200) % 397 < 16, "{point} is no pulse");
            let mut of = shares.row(point).to_vec();
            of[response] = 0.0;
            assert_eq!(highest(&of), HEATER, "{point}: {of:?}");
            assert!(of[HEATER] > 0.5 * shares.row(point).sum(), "{point}: {of:?}");
        }
    }
}

/// Known at the same point, the heater explains the jumps: they are in the band, and what it does not explain is out.
#[test]
fn what_covariates_explain_is_not_odd() {
    let run = Run::new(0);
    // Pulses of both; the last one is of the temperature alone, the one before of the heater alone.
    let (explained, silent, alone) = (97 * 20, 97 * 39, 97 * 40);
    let value = |i: usize, j: usize| {
        let (pulse, quiet) = (f64::from(u8::from(i % 97 < 3)), noise(i * 17 + j * 7919));
        match j {
            0 if i / 97 == 39 => 0.1 * quiet,
            0 => 0.1 * quiet + 3.0 * pulse,
            1 if i / 97 == 40 => 0.1 * quiet,
            1 => 0.1 * quiet + pulse,
            _ => quiet,
        }
    };
    let data = table(4_000, 4, value);
    let detector =
        BoostedForecast { response: Some(0), covariates: Covariates::Now, ..BoostedForecast::default() };
    let (model, scores) = detector.fit_score_on(&data, &run).unwrap();
    assert!(scores[alone] > 4.0 && scores[silent] > 4.0, "{} {}", scores[alone], scores[silent]);
    assert!(scores[explained] < 0.2 * scores[alone], "{} {}", scores[explained], scores[alone]);
    // It is the heater that makes the forecast wrong where the temperature did nothing.
    let shares = model.attribute(&data, &run).unwrap().unwrap().values;
    assert_eq!(highest(&shares.row(silent).to_vec()), 1);
    assert_eq!(highest(&shares.row(alone).to_vec()), 0);
    // A step later the others are known, but the pulse has begun.
    let lagged = BoostedForecast { covariates: Covariates::Lagged, ..detector };
    assert!(own_scores(&data, lagged)[explained] > 4.0);
}

/// Shares are not negative and add up to the score, in every mode, with one channel and with several.
#[test]
fn shares_add_up_to_the_score() {
    let run = Run::new(0);
    for covariates in [Covariates::None, Covariates::Lagged, Covariates::Now] {
        for d in [1, 4] {
            let data = table(700, d, |i, j| wavy(i + 40 * j) + if i % 90 == 7 { j as f64 } else { 0.0 });
            let detector = BoostedForecast { covariates, ..BoostedForecast::default() };
            let model = detector.fit_on(&data, &run).unwrap();
            let (scores, shares) =
                (model.score(&data, &run).unwrap(), model.attribute(&data, &run).unwrap().unwrap().values);
            for (row, score) in shares.rows().into_iter().zip(&scores) {
                assert!(row.iter().all(|&share| share >= 0.0));
                assert!((row.sum() - score).abs() <= 1e-4 * score.max(1.0), "{row} {score}");
            }
        }
    }
}

/// A slow drift, which trees cannot go on with, is followed.
#[test]
fn drift_is_followed() {
    let drift = |from: usize| table(1_000, 1, move |i, _| 0.01 * (from + i) as f64 + 0.2 * noise(i));
    let model = BoostedForecast::default().fit_on(&drift(0), &Run::new(0)).unwrap();
    let scores = model.score(&drift(5_000), &Run::new(0)).unwrap();
    let outside = scores.iter().filter(|&&score| score > 1.0).count();
    assert!(outside < 150, "{outside} of 1000");
}

#[test]
fn a_response_that_is_not_there_is_refused() {
    let detector = BoostedForecast { response: Some(2), ..BoostedForecast::default() };
    let error = detector.fit_on(&table(100, 2, |i, _| wavy(i)), &Run::new(0)).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::BadParameter { name, .. } if name == "response"));
}

/// More channels than are related to each other, and rows that are drawn from more.
#[test]
fn wide_and_long_series_have_an_answer() {
    let few = BoostedForecast { n_trees: 3, n_lags: 3, sample_size: 100, ..BoostedForecast::default() };
    let run = Run::new(0);
    for (n, d) in [(300, 70), (40, 130), (3, 2), (2_000, 3)] {
        let data = table(n, d, |i, j| wavy(i + 7 * j) + if i == n / 2 && j == d - 1 { 90.0 } else { 0.0 });
        let (model, scores) = few.clone().fit_score_on(&data, &run).unwrap();
        assert!(scores.iter().all(|score| score.is_finite()));
        assert!(n < 300 || highest(&scores) == n / 2, "{n} {d}");
        assert_eq!(model.attribute(&data, &run).unwrap().unwrap().values.dim(), (n, d));
    }
}

#[test]
fn stands_trials() {
    let params = [
        json!({ "n_trees": 5 }),
        json!({ "n_trees": 3, "covariates": "now", "n_lags": 40, "response": 0 }),
        json!({ "n_trees": 3, "covariates": "lagged", "n_folds": 50, "min_leaf": 1, "max_leaves": 200 }),
    ];
    stands("boosted_forecast", &params);
}
