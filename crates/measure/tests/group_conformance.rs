//! What the cards of the metrics of groups claim, checked over every entry; there is no opt-in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use anomalyst_core::{Random, Run};
use anomalyst_measure::groups::{Grouping, METRICS};
use anomalyst_measure::{AnyMetric, Need, Subject};
use rand::RngExt;

fn names(ids: &[usize]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// Groups and templates of the same names.
fn grouping(found: &[usize], truth: &[usize]) -> Grouping {
    Grouping::new(&names(found), &names(truth))
        .and_then(|grouping| grouping.with_templates(names(found), names(truth)))
        .unwrap()
}

fn ids(n: usize, n_groups: usize, random: &mut Random) -> Vec<usize> {
    (0..n).map(|_| random.random_range(0..n_groups)).collect()
}

/// A truth of some groups, and groups found that agree with it for a share of the items.
fn answers(n: usize, agree: f64, random: &mut Random) -> (Vec<usize>, Vec<usize>) {
    let truth = ids(n, 8, random);
    let found = truth
        .iter()
        .map(|&t| if random.random_bool(agree) { t } else { random.random_range(0..9) })
        .collect();
    (found, truth)
}

fn value(metric: &dyn AnyMetric<Grouping>, grouping: &Grouping) -> f64 {
    metric.measure(grouping).unwrap_or_else(|error| panic!("{}: {error}", metric.card().id))
}

#[test]
fn cards_are_filled_in_and_sorted() {
    assert!(METRICS.is_sorted_by(|a, b| a.card.id < b.card.id));
    for entry in METRICS {
        let card = entry.card;
        for text in [card.title, card.summary, card.paper, card.random, card.weakness] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", card.id);
        }
        assert!(card.subject == Subject::Groups && card.range.0 < card.range.1, "{}", card.id);
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
            let (found, truth) = answers(60, stream as f64 / 20.0, &mut run.random(stream));
            let value = value(&*metric, &grouping(&found, &truth));
            let best = self::value(&*metric, &grouping(&truth, &truth));
            let (low, high) = entry.card.range;
            assert!(value >= low && value <= high, "{}: {value}", entry.card.id);
            assert!((best - high).abs() < 1e-12 && value <= best + 1e-12, "{}: {best}", entry.card.id);
        }
    }
}

/// Other names, and items in another order.
#[test]
fn names_of_groups_and_the_order_of_items_do_not_matter() {
    let run = Run::new(6);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        for stream in 0..10 {
            let (found, truth) = answers(60, 0.8, &mut run.random(stream));
            let plain = value(&*metric, &grouping(&found, &truth));
            let [back_found, back_truth] =
                [&found, &truth].map(|ids| ids.iter().rev().copied().collect::<Vec<_>>());
            let turned = value(&*metric, &grouping(&back_found, &back_truth));
            assert!((plain - turned).abs() < 1e-12, "{}: {plain} and {turned}", entry.card.id);
            if !entry.card.needs.contains(&Need::Templates) {
                let renamed: Vec<usize> = found.iter().map(|id| 100 - id * 7).collect();
                assert_eq!(plain, value(&*metric, &grouping(&renamed, &truth)), "{}", entry.card.id);
            }
        }
    }
}

#[test]
fn random_levels_are_what_random_groups_get() {
    let run = Run::new(9);
    for entry in METRICS {
        let metric = entry.default().unwrap();
        let (found, truth) = answers(200, 0.5, &mut run.random(0));
        let grouping = grouping(&found, &truth);
        let level = metric.random_level(&grouping, &run).unwrap().unwrap();
        let values: Vec<f64> =
            (0..100).map(|i| value(&*metric, &grouping.shuffled(&mut run.random(1000 + i)))).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        // Five standard errors of a mean of 100, and of the level's own mean of 100 shuffles.
        let margin = 5.0 * (2.0 * variance / values.len() as f64).sqrt() + 1e-9;
        assert!((mean - level).abs() <= margin, "{}: {mean} measured, {level} said", entry.card.id);
    }
}

#[test]
fn what_is_missing_is_named() {
    let bare = Grouping::new(&names(&[1, 2]), &names(&[1, 1])).unwrap();
    for entry in METRICS {
        let metric = entry.default().unwrap();
        if entry.card.needs.contains(&Need::Templates) {
            for error in
                [metric.measure(&bare).unwrap_err(), metric.random_level(&bare, &Run::new(0)).unwrap_err()]
            {
                let error = error.to_string();
                assert!(error.contains(entry.card.id) && error.contains("needs templates"), "{error}");
            }
        } else {
            value(&*metric, &bare);
        }
    }
}

/// One item, two items, one group, each item alone: a value in range.
#[test]
fn small_cases_have_an_answer() {
    let sides: [&[usize]; 6] = [&[0], &[0, 0], &[0, 1], &[0; 5], &[0, 1, 2, 3, 4], &[0, 0, 1, 1, 1]];
    for entry in METRICS {
        let metric = entry.default().unwrap();
        for found in sides {
            for truth in sides.iter().filter(|truth| truth.len() == found.len()) {
                let grouping = grouping(found, truth);
                let level = metric.random_level(&grouping, &Run::new(1)).unwrap().unwrap();
                for value in [value(&*metric, &grouping), level] {
                    let (low, high) = entry.card.range;
                    assert!(value >= low && value <= high + 1e-12, "{}: {value}", entry.card.id);
                }
            }
        }
    }
}
