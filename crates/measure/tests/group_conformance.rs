//! What every card of a metric of groups claims, checked over every registry entry; there is no opt-in.

#![allow(clippy::unwrap_used, reason = "tests")]

use anomalyst_core::Run;
use anomalyst_measure::groups::{Grouping, METRICS};
use anomalyst_measure::{Better, Need};
use rand::RngExt;

const N_GROUPS: u32 = 5;

fn texts(name: impl Fn(u32) -> u32) -> Vec<String> {
    (0..N_GROUPS).map(|group| format!("template {}", name(group))).collect()
}

/// `knows` is the share of items that are put where they belong.
fn grouping(n: u32, knows: f64, stream: u64) -> Grouping {
    let random = &mut Run::new(3).random(stream);
    let truth: Vec<u32> = (0..n).map(|row| row % 7 % N_GROUPS).collect();
    let found = truth
        .iter()
        .map(|&t| if random.random_bool(knows) { t } else { random.random_range(0..N_GROUPS) })
        .collect();
    Grouping::new(found, truth).and_then(|g| g.with_texts(texts(|g| g), texts(|g| g))).unwrap()
}

#[test]
fn cards_are_filled_in_and_sorted() {
    assert!(METRICS.is_sorted_by_key(|entry| entry.card.id));
    for entry in METRICS {
        let card = entry.card;
        for text in [card.title, card.summary, card.paper, card.random, card.weakness] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", card.id);
        }
        assert_eq!(card.better, Better::Higher, "{}", card.id);
        assert!((entry.from_json)(&serde_json::json!({"no_such_parameter": 1})).is_err(), "{}", card.id);
    }
}

#[test]
fn values_keep_to_their_range_and_nothing_beats_the_truth() {
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let (low, high) = entry.card.range;
        let best = metric.measure(&grouping(60, 1.0, 0)).unwrap();
        assert!((best - high).abs() < 1e-12, "{}: {best}", entry.card.id);
        for stream in 0..20 {
            let value = metric.measure(&grouping(60, stream as f64 / 20.0, stream)).unwrap();
            assert!(value >= low && value <= best + 1e-12, "{}: {value}", entry.card.id);
        }
    }
}

/// Numbers are names: groups called otherwise, with their texts, are the same groups.
#[test]
fn names_of_groups_do_not_matter() {
    for entry in METRICS {
        let metric = entry.default().unwrap();
        for stream in 0..10 {
            let random = &mut Run::new(4).random(stream);
            let truth: Vec<u32> = (0..40).map(|_| random.random_range(0..N_GROUPS)).collect();
            let found: Vec<u32> = (0..40).map(|_| random.random_range(0..N_GROUPS)).collect();
            let plain = Grouping::new(found.clone(), truth.clone());
            let plain = plain.and_then(|g| g.with_texts(texts(|g| g), texts(|g| g))).unwrap();
            let turned = |groups: &[u32], by: u32| groups.iter().map(|g| (g + by) % N_GROUPS).collect();
            let called = Grouping::new(turned(&found, 1), turned(&truth, 3));
            let back = |by: u32| texts(move |g| (g + N_GROUPS - by) % N_GROUPS);
            let called = called.and_then(|g| g.with_texts(back(1), back(3))).unwrap();
            let values = [plain, called].map(|grouping| metric.measure(&grouping).unwrap());
            assert!((values[0] - values[1]).abs() < 1e-12, "{}: {values:?}", entry.card.id);
        }
    }
}

#[test]
fn random_levels_are_what_random_groups_get() {
    let run = Run::new(9);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let grouping = grouping(100, 0.8, 1);
        let level = metric.random_level(&grouping, &run).unwrap().unwrap();
        let values: Vec<f64> = (0..100)
            .map(|i| metric.measure(&grouping.shuffled(&mut run.random(1000 + i))).unwrap())
            .collect();
        let mean = values.iter().sum::<f64>() / 100.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 100.0;
        let margin = 5.0 * (2.0 * variance / 100.0).sqrt() + 1e-9;
        assert!((mean - level).abs() <= margin, "{}: {mean} measured, {level} said", entry.card.id);
    }
}

#[test]
fn small_groupings_have_an_answer_and_what_is_missing_is_named() {
    let empty = Grouping::new(vec![], vec![]).unwrap();
    for entry in METRICS {
        let metric = entry.default().unwrap();
        assert!(metric.measure(&empty).is_err(), "{}", entry.card.id);
        for (found, truth) in [(vec![0], vec![1]), (vec![0, 0], vec![0, 1]), (vec![0, 1], vec![1, 1])] {
            let bare = Grouping::new(found, truth).unwrap();
            let full = bare.clone().with_texts(texts(|g| g), texts(|g| g)).unwrap();
            assert!(metric.measure(&full).unwrap().is_finite(), "{}", entry.card.id);
            let needs_texts = entry.card.needs.contains(&Need::Templates);
            assert_eq!(metric.measure(&bare).is_err(), needs_texts, "{}", entry.card.id);
        }
    }
}
