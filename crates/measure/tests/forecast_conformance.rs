//! What the cards of the metrics of forecasts claim, checked over every entry; there is no opt-in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use anomalyst_core::{Random, Run};
use anomalyst_measure::forecasts::{Forecasts, METRICS};
use anomalyst_measure::{AnyMetric, Better, Measurable, MetricCard, Need, Subject};
use ndarray::{Array2, Array3, Axis, concatenate};
use rand::RngExt;

/// What comes, and samples around it: as near as `knows` says.
fn drawn(n_steps: usize, knows: f64, random: &mut Random) -> (Array2<f64>, Array3<f64>) {
    let observed = Array2::from_shape_fn((n_steps, 3), |_| random.random_range(0.0..1.0));
    let samples = Array3::from_shape_fn((n_steps, 8, 3), |(step, _, dim)| {
        knows * observed[[step, dim]] + (1.0 - knows) * random.random_range(0.0..1.0)
    });
    (observed, samples)
}

fn forecasts(n_steps: usize, knows: f64, random: &mut Random) -> Forecasts {
    let (observed, samples) = drawn(n_steps, knows, random);
    Forecasts::new(observed, samples).unwrap()
}

fn value(metric: &dyn AnyMetric<Forecasts>, forecasts: &Forecasts) -> f64 {
    metric.measure(forecasts).unwrap_or_else(|error| panic!("{}: {error}", metric.card().id))
}

#[test]
fn cards_are_filled_in_and_sorted() {
    assert!(METRICS.is_sorted_by(|a, b| a.card.id < b.card.id));
    for entry in METRICS {
        let card = entry.card;
        for text in [card.title, card.summary, card.paper, card.random, card.weakness] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", card.id);
        }
        assert!(card.subject == Subject::Forecasts && card.better == Better::Lower, "{}", card.id);
        entry.default().unwrap();
        assert!((entry.from_json)(&serde_json::json!({"no_such_parameter": 1})).is_err(), "{}", card.id);
    }
}

#[test]
fn values_keep_to_their_range_and_nothing_beats_the_truth() {
    let run = Run::new(5);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        for stream in 0..20 {
            let known = forecasts(9, stream as f64 / 20.0, &mut run.random(stream));
            let truth = forecasts(9, 1.0, &mut run.random(stream));
            let (value, best) = (value(&*metric, &known), self::value(&*metric, &truth));
            assert!(value.is_finite() && value >= entry.card.range.0, "{}: {value}", entry.card.id);
            assert!(best.abs() < 1e-9 && best <= value, "{}: {best} of the truth", entry.card.id);
        }
    }
}

/// The order of samples, of steps and of dimensions.
#[test]
fn no_order_matters() {
    let run = Run::new(6);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let (mut observed, mut samples) = drawn(9, 0.3, &mut run.random(0));
        let plain = value(&*metric, &Forecasts::new(observed.clone(), samples.clone()).unwrap());
        samples.invert_axis(Axis(1));
        let turned = value(&*metric, &Forecasts::new(observed.clone(), samples.clone()).unwrap());
        assert!((plain - turned).abs() < 1e-12, "{}: samples", entry.card.id);
        for axis in [0, 1] {
            observed.invert_axis(Axis(axis));
            samples.invert_axis(Axis(2 * axis));
            let turned = value(&*metric, &Forecasts::new(observed.clone(), samples.clone()).unwrap());
            assert!((plain - turned).abs() < 1e-12, "{}: axis {axis}", entry.card.id);
        }
    }
}

/// Each sample twice is the same step function.
#[test]
fn doubled_samples_change_nothing() {
    let run = Run::new(7);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let (observed, samples) = drawn(9, 0.3, &mut run.random(0));
        let twice = concatenate(Axis(1), &[samples.view(), samples.view()]).unwrap();
        let [once, twice] =
            [samples, twice].map(|s| value(&*metric, &Forecasts::new(observed.clone(), s).unwrap()));
        assert!((once - twice).abs() < 1e-12, "{}: {once} and {twice}", entry.card.id);
    }
}

#[test]
fn parts_are_what_the_value_is_the_mean_of() {
    let run = Run::new(8);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let forecasts = forecasts(9, 0.3, &mut run.random(0));
        let parts = metric.parts(&forecasts).unwrap().unwrap();
        let mean = parts.iter().sum::<f64>() / parts.len() as f64;
        assert!(parts.len() == 9 && (mean - value(&*metric, &forecasts)).abs() < 1e-12, "{}", entry.card.id);
    }
}

#[test]
fn random_levels_are_what_forecasts_of_other_steps_get() {
    let run = Run::new(9);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let case = forecasts(40, 0.7, &mut run.random(0));
        let level = metric.random_level(&case, &run).unwrap().unwrap();
        assert!(level > value(&*metric, &case), "{}", entry.card.id);
        let values: Vec<f64> =
            (0..100).map(|i| value(&*metric, &case.shuffled(&mut run.random(1000 + i)))).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        // Five standard errors of a mean of 100, and of the level's own mean of 100 shuffles.
        let margin = 5.0 * (2.0 * variance / values.len() as f64).sqrt() + 1e-9;
        assert!((mean - level).abs() <= margin, "{}: {mean} measured, {level} said", entry.card.id);
        let alone = forecasts(1, 0.7, &mut run.random(0));
        assert!(metric.random_level(&alone, &run).unwrap().is_none(), "{}", entry.card.id);
    }
}

#[test]
fn what_is_missing_is_named() {
    let card = MetricCard { needs: &[Need::Labels], ..METRICS[0].card.clone() };
    let error = forecasts(2, 0.5, &mut Run::new(0).random(0)).check(&card).unwrap_err().to_string();
    assert!(error.contains(card.id) && error.contains("needs labels"), "{error}");
}

/// One step, one sample, one dimension, all equal: a value or a clear error, never a `NaN`.
#[test]
fn small_cases_have_an_answer() {
    for entry in METRICS {
        let metric = entry.default().unwrap();
        for (n_steps, n_samples, n_dims) in [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 2), (3, 2, 2)] {
            let case = |at: f64| {
                let samples = Array3::from_elem((n_steps, n_samples, n_dims), at);
                Forecasts::new(Array2::zeros((n_steps, n_dims)), samples).unwrap()
            };
            match metric.measure(&case(2.0)) {
                Ok(value) => assert!(value.is_finite(), "{}", entry.card.id),
                Err(error) => assert!(n_dims == 1 && error.to_string().contains("only one"), "{error}"),
            }
            let huge = metric.measure(&case(f64::MAX));
            assert!(huge.is_err() || huge.unwrap().is_finite(), "{}", entry.card.id);
        }
    }
}
