//! What every card claims, checked over every registry entry; there is no opt-in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use anomalyst_core::{Random, Run, Verdict};
use anomalyst_measure::{AnyMetric, Better, Case, MetricEntry, Need, items, series};
use rand::RngExt;

/// Families over a [`Case`].
fn families() -> impl Iterator<Item = &'static MetricEntry<Case>> {
    [items::METRICS, series::METRICS].into_iter().flatten()
}

/// Anomalies in runs, as in series, with every column a metric may ask for; `knows` says how well the scorer knows them.
fn case(n: usize, knows: f64, random: &mut Random) -> Case {
    let labels: Vec<bool> = (0..n).map(|row| row % 10 < 2).collect();
    let noise: Vec<f64> = (0..n).map(|_| random.random_range(0.0..1.0)).collect();
    let scores: Vec<f64> =
        labels.iter().zip(&noise).map(|(&odd, noise)| knows * f64::from(u8::from(odd)) + noise).collect();
    with_answers(labels, scores)
}

/// Whatever else a scorer could say, derived from its scores.
fn with_answers(labels: Vec<bool>, scores: Vec<f64>) -> Case {
    let high = scores.iter().copied().fold(f64::MIN, f64::max);
    let low = scores.iter().copied().fold(f64::MAX, f64::min);
    let shares: Vec<f64> = scores.iter().map(|s| (s - low) / (high - low).max(1e-9)).collect();
    let verdicts =
        shares.iter().map(|&s| if s > 0.5 { Verdict::Anomalous } else { Verdict::Normal }).collect();
    let levels = labels.iter().enumerate().map(|(row, &odd)| if odd { 1 + row as u32 % 3 } else { 0 });
    let levels = levels.collect();
    let n = labels.len();
    Case::new(labels)
        .with_scores(scores)
        .and_then(|case| case.with_p_values(shares.iter().map(|s| 1.0 - s).collect()))
        .and_then(|case| case.with_probabilities(shares))
        .and_then(|case| case.with_verdicts(verdicts))
        .and_then(|case| case.with_levels(levels))
        .and_then(|case| case.with_times((0..n).map(|row| row as f64 * 60.0).collect()))
        .unwrap()
        .with_period(7)
}

fn value(metric: &dyn AnyMetric<Case>, case: &Case) -> f64 {
    let value = metric.measure(case);
    value.unwrap_or_else(|error| panic!("{}: {error}", metric.card().id))
}

#[test]
fn cards_are_filled_in_and_sorted() {
    let ids: Vec<&str> = families().map(|entry| entry.card.id).collect();
    for family in [items::METRICS, series::METRICS] {
        assert!(family.is_sorted_by_key(|entry| entry.card.id), "{ids:?}");
    }
    for entry in families() {
        let card = entry.card;
        assert_eq!(ids.iter().filter(|id| **id == card.id).count(), 1, "{} is there twice", card.id);
        for text in [card.title, card.summary, card.paper, card.random, card.weakness] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", card.id);
        }
        assert!(card.range.0 < card.range.1, "{}", card.id);
        entry.default().unwrap();
        assert!((entry.from_json)(&serde_json::json!({"no_such_parameter": 1})).is_err(), "{}", card.id);
    }
}

#[test]
fn values_keep_to_their_range() {
    let run = Run::new(5);
    for entry in families() {
        let metric = entry.default().unwrap();
        for stream in 0..20 {
            let case = case(60, stream as f64 / 10.0 - 0.5, &mut run.random(stream));
            let value = value(&*metric, &case);
            let (low, high) = entry.card.range;
            assert!(value >= low - 1e-12 && value <= high + 1e-12, "{}: {value}", entry.card.id);
            if let Some(curve) = metric.curve(&case).unwrap() {
                assert!(curve.points.len() > 1 && curve.points.iter().flatten().all(|v| v.is_finite()));
            }
        }
    }
}

/// A scorer that says exactly what the labels say.
#[test]
fn nothing_beats_the_truth() {
    let run = Run::new(6);
    for entry in families().filter(|entry| entry.card.better != Better::Neither) {
        let metric = entry.default().unwrap();
        let labels: Vec<bool> = (0..60).map(|row| row % 10 < 2).collect();
        let truth =
            with_answers(labels.clone(), labels.iter().map(|&odd| f64::from(u8::from(odd))).collect());
        let best = value(&*metric, &truth);
        for stream in 0..20 {
            let other = value(&*metric, &case(60, 0.3, &mut run.random(stream)));
            let worse = if entry.card.better == Better::Higher { other <= best } else { other >= best };
            assert!(worse, "{}: {other} beside {best} of the truth", entry.card.id);
        }
    }
}

#[test]
fn strictly_increasing_transforms_change_what_the_card_says() {
    let run = Run::new(7);
    for entry in families().filter(|entry| entry.card.monotone) {
        let metric = entry.default().unwrap();
        for stream in 0..10 {
            let case = case(60, 0.4, &mut run.random(stream));
            let bent = case.scores().iter().map(|s| (3.0 * s).exp() - 40.0).collect();
            let plain = Case::new(case.labels().to_vec()).with_scores(case.scores().to_vec());
            let bent = Case::new(case.labels().to_vec()).with_scores(bent);
            let both = [plain, bent].map(|case| case.unwrap().with_period(7));
            let values = both.map(|case| metric.measure(&case).map_err(|error| error.to_string()));
            match values {
                [Ok(a), Ok(b)] => assert!((a - b).abs() < 1e-12, "{}: {a} and {b}", entry.card.id),
                // It needs more than scores, so scores alone are refused.
                [a, b] => assert_eq!(a, b, "{}", entry.card.id),
            }
        }
    }
}

/// The order of items that score the same cannot matter.
#[test]
fn ties_are_exact() {
    let run = Run::new(8);
    for entry in families().filter(|entry| entry.card.needs.contains(&Need::Scores)) {
        let metric = entry.default().unwrap();
        let labels: Vec<bool> = (0..40).map(|row| row % 10 < 3).collect();
        let tied = with_answers(labels, vec![1.0; 40]);
        let level = value(&*metric, &tied);
        assert!(level.is_finite(), "{}: all tied gives {level}", entry.card.id);
        let again = value(&*metric, &tied.shuffled(&mut run.random(0)));
        assert_eq!(level, again, "{}", entry.card.id);
    }
}

#[test]
fn random_levels_are_what_random_scorers_get() {
    let run = Run::new(9);
    for entry in families() {
        let metric = entry.default().unwrap();
        let case = case(200, 1.0, &mut run.random(0));
        let Some(level) = metric.random_level(&case, &run).unwrap() else { continue };
        let values: Vec<f64> =
            (0..100).map(|i| value(&*metric, &case.shuffled(&mut run.random(1000 + i)))).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        // Five standard errors of a mean of 100, and of the level's own mean of 100 shuffles.
        let margin = 5.0 * (2.0 * variance / values.len() as f64).sqrt() + 1e-9;
        assert!((mean - level).abs() <= margin, "{}: {mean} measured, {level} said", entry.card.id);
    }
}

#[test]
fn what_is_missing_is_named() {
    for entry in families() {
        let metric = entry.default().unwrap();
        let bare = Case::new(vec![true, false]);
        if entry.card.needs.iter().any(|need| !matches!(need, Need::Labels | Need::BothClasses)) {
            let error = metric.measure(&bare).unwrap_err().to_string();
            assert!(error.contains(entry.card.id) && error.contains("needs"), "{error}");
        }
        assert!(metric.measure(&Case::new(vec![])).is_err(), "{}", entry.card.id);
        if entry.card.needs.contains(&Need::BothClasses) {
            for only in [true, false] {
                let error = metric.measure(&with_answers(vec![only; 3], vec![1.0, 2.0, 3.0])).unwrap_err();
                assert!(error.to_string().contains("all 3 labels"), "{error}");
            }
        }
    }
}

/// One class, one item, two items: a documented value or an error, never a panic or a `NaN`.
#[test]
fn small_cases_have_an_answer() {
    for entry in families() {
        let metric = entry.default().unwrap();
        for labels in [vec![true], vec![false], vec![true, false], vec![true; 5], vec![false; 5]] {
            let scores = (0..labels.len()).map(|i| i as f64).collect();
            if let Ok(value) = metric.measure(&with_answers(labels, scores)) {
                assert!(!value.is_nan(), "{}", entry.card.id);
            }
        }
    }
}
