//! What every card of a metric of maps claims, checked over the registry; there is no opt-in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use anomalyst_core::{Random, Result, Run};
use anomalyst_measure::pixels::{METRICS, MapSet, Maps, MapsInMemory, ScoredMap};
use anomalyst_measure::{AnyMetric, Better, MetricEntry};
use rand::RngExt;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

const WIDTH: usize = 24;
const HEIGHT: usize = 16;

/// The metric with its default parameters and, where it takes a threshold, one.
fn metric(entry: &MetricEntry<MapSet>) -> Box<dyn AnyMetric<MapSet>> {
    let takes_threshold = (entry.schema)().pointer("/properties/threshold").is_some();
    let params = if takes_threshold { json!({"threshold": 0.75}) } else { Value::Null };
    (entry.from_json)(&params).unwrap()
}

/// Blobs of several sizes on every second map.
fn mask(i: usize) -> Vec<bool> {
    let blobs = [(3, 3, 1.0 + i as f64), (15, 5, 2.5), (8, 12, 0.5), (20, 12, 1.0)];
    let inside = |x: usize, y: usize| {
        blobs.iter().any(|&(cx, cy, r)| (x as f64 - f64::from(cx)).hypot(y as f64 - f64::from(cy)) <= r)
    };
    (0..WIDTH * HEIGHT).map(|at| i % 2 == 1 && inside(at % WIDTH, at / WIDTH)).collect()
}

fn map(i: usize, scores: Vec<f32>, mask: Vec<bool>) -> ScoredMap {
    let map = ScoredMap::new(format!("{i}.png"), WIDTH, HEIGHT, scores).unwrap();
    map.with_mask(WIDTH, HEIGHT, mask).unwrap()
}

/// Six maps with scores in steps that 32-bit floats hold exactly; `knows` says how well the scorer knows the masks.
fn maps(knows: f32, random: &mut Random) -> MapsInMemory {
    let one = |i| {
        let mask = mask(i);
        let scores = mask.iter().map(|&odd| {
            let noise = (random.random_range(0.0..1.0_f32) * 512.0).round() / 512.0;
            if odd { noise + knows } else { noise }
        });
        map(i, scores.collect(), mask.clone())
    };
    MapsInMemory((0..6).map(one).collect())
}

fn bent(maps: &MapsInMemory, bend: impl Fn(f32) -> f32) -> MapsInMemory {
    let one = |(i, map): (usize, &ScoredMap)| {
        let map_again = ScoredMap::new(
            format!("{i}.png"),
            map.width(),
            map.height(),
            map.scores().iter().map(|&s| bend(s)).collect(),
        );
        let mask = map.mask().map_or_else(|| vec![false; map.len()], <[bool]>::to_vec);
        map_again.unwrap().with_mask(map.width(), map.height(), mask).unwrap()
    };
    MapsInMemory(maps.0.iter().enumerate().map(one).collect())
}

/// The same masks, with the scores of all pixels dealt out at random.
fn dealt(maps: &MapsInMemory, random: &mut Random) -> MapsInMemory {
    let mut scores: Vec<f32> = maps.0.iter().flat_map(|map| map.scores().to_vec()).collect();
    scores.shuffle(random);
    let cut = scores.chunks_exact(WIDTH * HEIGHT).enumerate();
    MapsInMemory(cut.map(|(i, scores)| map(i, scores.to_vec(), mask(i))).collect())
}

fn value(metric: &dyn AnyMetric<MapSet>, maps: &MapsInMemory) -> f64 {
    let value = metric.measure(&MapSet::new(maps.clone()));
    value.unwrap_or_else(|error| panic!("{}: {error}", metric.card().id))
}

#[test]
fn cards_are_filled_in_and_sorted() {
    assert!(METRICS.is_sorted_by(|a, b| a.card.id < b.card.id));
    for entry in METRICS {
        let card = entry.card;
        for text in [card.title, card.summary, card.paper, card.random, card.weakness] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", card.id);
        }
        assert!(card.range.0 < card.range.1, "{}", card.id);
        entry.default().unwrap();
        assert!((entry.from_json)(&json!({"no_such_parameter": 1})).is_err(), "{}", card.id);
    }
}

#[test]
fn values_keep_to_their_range() {
    let run = Run::new(5);
    for entry in METRICS {
        let metric = metric(entry);
        for stream in 0..20 {
            let maps = maps(stream as f32 / 10.0 - 0.5, &mut run.random(stream));
            let value = value(&*metric, &maps);
            let (low, high) = entry.card.range;
            assert!(value >= low && value <= high, "{}: {value}", entry.card.id);
            let set = MapSet::new(maps);
            if let Some(curve) = metric.curve(&set).unwrap() {
                assert!(curve.points.len() > 1 && curve.points.iter().flatten().all(|v| v.is_finite()));
                assert!(curve.points.is_sorted_by(|a, b| a[0] <= b[0]), "{}", entry.card.id);
            }
            if let Some(parts) = metric.parts(&set).unwrap() {
                assert!(parts.iter().any(|part| !part.is_nan()), "{}", entry.card.id);
                assert!(parts.iter().all(|part| part.is_nan() || (low..=high).contains(part)));
            }
        }
    }
}

/// A scorer that says exactly what the masks say.
#[test]
fn nothing_beats_the_truth() {
    let run = Run::new(6);
    for entry in METRICS.iter().filter(|entry| entry.card.better == Better::Higher) {
        let metric = metric(entry);
        let truth =
            (0..6).map(|i| map(i, mask(i).iter().map(|&o| f32::from(u8::from(o))).collect(), mask(i)));
        let best = value(&*metric, &MapsInMemory(truth.collect()));
        assert!((best - entry.card.range.1).abs() < 1e-12, "{}: the truth gets {best}", entry.card.id);
        for stream in 0..20 {
            let other = value(&*metric, &maps(0.5, &mut run.random(stream)));
            assert!(other <= best, "{}: {other} beside {best} of the truth", entry.card.id);
        }
    }
}

#[test]
fn strictly_increasing_transforms_change_what_the_card_says() {
    let run = Run::new(7);
    for entry in METRICS.iter().filter(|entry| entry.card.monotone) {
        let metric = metric(entry);
        for stream in 0..5 {
            let maps = maps(0.25, &mut run.random(stream));
            let bent = bent(&maps, |score| (score * 2.0).exp() - 40.0);
            assert_eq!(value(&*metric, &maps), value(&*metric, &bent), "{}", entry.card.id);
        }
    }
}

/// The order of pixels that score the same cannot matter.
#[test]
fn ties_are_exact() {
    let run = Run::new(8);
    for entry in METRICS {
        let metric = metric(entry);
        let flat = bent(&maps(0.0, &mut run.random(0)), |_| 1.0);
        assert!(value(&*metric, &flat).is_finite(), "{}", entry.card.id);
        // Both zeros are one score.
        let zero = bent(&flat, |_| 0.0);
        let mut signed = zero.clone();
        signed.0[0] = bent(&MapsInMemory(vec![zero.0[0].clone()]), |_| -0.0).0.remove(0);
        assert_eq!(value(&*metric, &zero), value(&*metric, &signed), "{}", entry.card.id);
        // The order of maps: bits may differ where sums of fractions do, nothing else.
        let coarse = bent(&maps(0.5, &mut run.random(1)), |score| (score * 4.0).round());
        let reversed = MapsInMemory(coarse.0.iter().rev().cloned().collect());
        let (there, back) = (value(&*metric, &coarse), value(&*metric, &reversed));
        assert!((there - back).abs() < 1e-12, "{}: {there} and {back}", entry.card.id);
    }
}

#[test]
fn random_levels_are_what_random_maps_get() {
    let run = Run::new(9);
    let wide = json!({"min_fpr": 0.01, "max_fpr": 0.1});
    for entry in METRICS {
        let mut metrics = vec![metric(entry)];
        // The default limits of AUPIMO ask for more pixels than these maps have.
        metrics.extend((entry.from_json)(&wide));
        for metric in metrics {
            let maps = maps(1.0, &mut run.random(0));
            let Some(level) = metric.random_level(&MapSet::new(maps.clone()), &run).unwrap() else {
                continue;
            };
            let deal = |i: u64| value(&*metric, &dealt(&maps, &mut run.random(1_000 + i)));
            let values: Vec<f64> = (0..200_u64).map(deal).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            // Five standard errors of the mean; scores in steps tie, which costs at most a part in a thousand.
            let margin = 5.0 * (variance / values.len() as f64).sqrt() + 1e-3 * level;
            assert!((mean - level).abs() <= margin, "{}: {mean} measured, {level} said", entry.card.id);
        }
    }
}

#[test]
fn one_class_is_an_error_that_says_so() {
    for entry in METRICS {
        let metric = metric(entry);
        assert!(metric.measure(&MapSet::new(MapsInMemory::default())).is_err(), "{}", entry.card.id);
        for odd in [true, false] {
            let one = map(0, vec![0.5; WIDTH * HEIGHT], vec![odd; WIDTH * HEIGHT]);
            let error = metric.measure(&MapSet::new(MapsInMemory(vec![one]))).unwrap_err().to_string();
            assert!(error.contains(entry.card.id) && error.contains("all pixels"), "{error}");
        }
    }
}

/// Single pixels, all anomalous maps, maps of different sizes: a value or an error, never a panic or a `NaN`.
#[test]
fn small_cases_have_an_answer() {
    for entry in METRICS {
        let metric = metric(entry);
        for sizes in [vec![(1, 2)], vec![(2, 1), (1, 1)], vec![(1, 1), (5, 1), (2, 3), (1, 7)]] {
            for odd in [0, 1] {
                let one = |(i, &(width, height)): (usize, &(usize, usize))| {
                    let scores = (0..width * height).map(|at| at as f32).collect();
                    let mask = (0..width * height).map(|at| at == 0 && i % 2 == odd).collect();
                    let map = ScoredMap::new(i.to_string(), width, height, scores).unwrap();
                    map.with_mask(width, height, mask).unwrap()
                };
                let set = MapSet::new(MapsInMemory(sizes.iter().enumerate().map(one).collect()));
                if let Ok(value) = metric.measure(&set) {
                    assert!((0.0..=1.0).contains(&value), "{}: {value}", entry.card.id);
                    metric.parts(&set).unwrap();
                    metric.curve(&set).unwrap();
                }
            }
        }
    }
}

/// Maps that come from elsewhere, one by one.
struct Streamed(MapsInMemory);

impl Maps for Streamed {
    fn n_maps(&self) -> usize {
        self.0.n_maps()
    }
    fn get(&self, i: usize) -> Result<ScoredMap> {
        // Pixels of its own, as if read from a file.
        Ok(bent(&MapsInMemory(vec![self.0.get(i)?]), |score| score).0.remove(0))
    }
    fn name(&self, i: usize) -> String {
        self.0.name(i)
    }
}

/// A budget too small to keep a map or to rank more than one bucket of scores at a time; one thread and several.
#[test]
fn budget_and_threads_change_no_bit() {
    let run = Run::new(10);
    let maps = maps(0.5, &mut run.random(0));
    let all = |set: &MapSet| -> Vec<(u64, Vec<u64>)> {
        let bits = |entry: &MetricEntry<MapSet>| {
            let metric = metric(entry);
            let parts = metric.parts(set).unwrap().unwrap_or_default();
            (metric.measure(set).unwrap().to_bits(), parts.iter().map(|part| part.to_bits()).collect())
        };
        METRICS.iter().map(bits).collect()
    };
    let want = all(&MapSet::new(maps.clone()));
    for budget_bytes in [0, 4_000, 40_000] {
        for n_threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let set = MapSet::new(Streamed(maps.clone())).with_budget_bytes(budget_bytes);
            assert_eq!(pool.install(|| all(&set)), want, "{budget_bytes} bytes, {n_threads} threads");
        }
    }
}

/// Paired tests of images rest on this.
#[test]
fn independent_parts_are_of_maps_and_the_value_is_their_mean() {
    let set = MapSet::new(maps(0.7, &mut Run::new(8).random(0)));
    for entry in METRICS.iter() {
        let metric = metric(entry);
        if !metric.has_independent_parts() {
            continue;
        }
        let parts = metric.parts(&set).unwrap().unwrap();
        assert_eq!(parts.len(), set.n_maps(), "{}", entry.card.id);
        let known: Vec<f64> = parts.into_iter().filter(|part| part.is_finite()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        assert!((metric.measure(&set).unwrap() - mean).abs() < 1e-12, "{}", entry.card.id);
    }
}
