//! Simulated normal scores get the false alarms asked for; planted anomalies are found and do not hide themselves.

use super::*;
use crate::draw;
use anomalyst_core::{ModelReader, ModelWriter, Random, Run, Severity};
use proptest::prelude::*;

/// Normal scores of several kinds.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Independent normal.
    Independent,
    /// AR(1) at that memory.
    Memory(f64),
    /// Absolute Student t with three degrees of freedom.
    Heavy,
    /// Log-normal with that deviation of the logarithm.
    LogNormal(f64),
    /// Independent with a spread that grows threefold and back over so many points.
    Season(usize),
    /// Mean of the last so many squared normals: what a window gives.
    Window(usize),
}

fn normal_scores(kind: Kind, n: usize, random: &mut Random) -> Vec<f32> {
    let mut x = 0.0;
    let mut last = std::collections::VecDeque::new();
    let mut next = |i: usize| match kind {
        Kind::Independent => draw::normal(random),
        Kind::Memory(a) => {
            x = a * x + (1.0 - a * a).sqrt() * draw::normal(random);
            x
        }
        Kind::Heavy => {
            let chi: f64 = (0..3).map(|_| draw::normal(random).powi(2)).sum();
            (draw::normal(random) / (chi / 3.0).sqrt()).abs()
        }
        Kind::LogNormal(d) => (d * draw::normal(random)).exp(),
        Kind::Season(period) => {
            let phase = std::f64::consts::TAU * i as f64 / period as f64;
            (2.0 + phase.sin()) * draw::normal(random)
        }
        Kind::Window(len) => {
            last.push_back(draw::normal(random).powi(2));
            if last.len() > len {
                x -= last.pop_front().unwrap_or(0.0);
            }
            x += last.back().copied().unwrap_or(0.0);
            x / len as f64
        }
    };
    (0..n).map(|i| next(i) as f32).collect()
}

/// Mean number of events on new normal scores over those asked for, and the same on the scores learned from.
fn ratio(kind: Kind, n: usize, options: &SeriesDecisionOptions, n_seeds: u64) -> [f64; 2] {
    let n_new = 100_000;
    let mut ratios = [0.0; 2];
    for seed in 0..n_seeds {
        let mut random = Run::new(seed).random(7);
        let scores = normal_scores(kind, n, &mut random);
        let decision = SeriesDecision::learn(&scores, &[n], options).unwrap();
        let later = normal_scores(kind, n_new, &mut random);
        let count = |s: &[f32]| decision.events(s, &[s.len()]).unwrap().len() as f64;
        let asked = decision.rate();
        ratios[0] += count(&later) / (asked * n_new as f64) / n_seeds as f64;
        ratios[1] += count(&scores) / (asked * n as f64) / n_seeds as f64;
    }
    ratios
}

const KINDS: [Kind; 9] = [
    Kind::Independent,
    Kind::Memory(0.5),
    Kind::Memory(0.95),
    Kind::Heavy,
    Kind::LogNormal(0.5),
    Kind::LogNormal(1.0),
    Kind::Season(1_440),
    Kind::Season(100),
    Kind::Window(30),
];

/// 14 days of 1,440 points and one alarm a day asked for; then one in four days.
#[test]
fn false_alarms_per_day_are_as_asked() {
    for asked in [1.0, 0.25] {
        let options = SeriesDecisionOptions {
            false_alarms_per_day: Some(asked),
            points_per_day: Some(1_440.0),
            ..SeriesDecisionOptions::default()
        };
        for kind in KINDS {
            let [new, own] = ratio(kind, 20_160, &options, 20);
            println!(
                "{asked} a day, {kind:?}: {new:.2} of what was asked on new scores, {own:.2} on its own"
            );
            assert!((0.5..2.0).contains(&new), "{kind:?} at {asked}: {new}");
        }
    }
}

/// Nothing asked for: half an event in 20,000 points, and the same from a clean part of 10,000.
#[test]
fn the_default_keeps_to_half_an_event() {
    let options = SeriesDecisionOptions::default();
    let clean =
        SeriesDecisionOptions { clean_lens: vec![10_000], horizon_len: Some(20_000), ..options.clone() };
    for kind in KINDS {
        let [new, own] = ratio(kind, 20_000, &options, 20);
        let [held_out, _] = ratio(kind, 20_000, &clean, 20);
        println!("{kind:?}: {new:.2} on new scores, {own:.2} on its own; clean part {held_out:.2}");
        let within = |x: &f64| (0.5..2.0).contains(x);
        assert!(within(&new) && within(&held_out) && own < 2.0, "{kind:?}: {new} {own} {held_out}");
    }
}

/// Ten stretches of 20 to 200 points, 5 % of all, twice as high as any normal score: all are found, and the threshold is
/// about what it is without them.
#[test]
fn anomalies_do_not_hide_themselves() {
    let n = 20_000;
    for kind in KINDS {
        let (mut found, mut moved, mut extra) = (0, 0.0, 0);
        for seed in 0..10 {
            let mut random = Run::new(seed).random(9);
            let mut scores = normal_scores(kind, n, &mut random);
            let options = SeriesDecisionOptions::default();
            let before = SeriesDecision::learn(&scores, &[n], &options).unwrap();
            let high = scores.iter().copied().fold(f32::MIN, f32::max);
            let spans: Vec<(usize, usize)> = (0..10).map(|i| (1_500 + 1_800 * i, 20 * (i + 1))).collect();
            for &(first, len) in &spans {
                for score in &mut scores[first..first + len] {
                    *score = high * (2.0 + draw::uniform(&mut random) as f32);
                }
            }
            let decision = SeriesDecision::learn(&scores, &[n], &options).unwrap();
            let events = decision.events(&scores, &[n]).unwrap();
            let hit = |(first, len): &&(usize, usize)| {
                events.iter().any(|e| e.first < first + len && e.last >= *first)
            };
            found += spans.iter().filter(hit).count();
            extra +=
                events.iter().filter(|e| !spans.iter().any(|s| e.first < s.0 + s.1 && e.last >= s.0)).count();
            let clean = |x: f32| f64::from(x - before.tail.level());
            moved += clean(decision.threshold()) / clean(before.threshold()) / 10.0;
        }
        println!("{kind:?}: {found} of 100 found, {extra} more, threshold {moved:.2} times as far out");
        assert!(found >= 90 && extra <= 15, "{kind:?}: {found} {extra}");
    }
}

/// 300 clean parts of 3,000 points of AR(1): the highest of a new block has `p <= 0.1` in a tenth of them.
#[test]
fn p_values_mean_what_they_say() {
    let (mut block, mut event) = (0.0, 0.0);
    for seed in 0..300 {
        let mut random = Run::new(seed).random(3);
        let scores = normal_scores(Kind::Memory(0.8), 3_000, &mut random);
        let options =
            SeriesDecisionOptions { clean_lens: vec![3_000], window_len: Some(10), ..Default::default() };
        let decision = SeriesDecision::learn(&scores, &[3_000], &options).unwrap();
        assert_eq!(decision.block_len(), Some(40));
        let later = normal_scores(Kind::Memory(0.8), 3_000, &mut random);
        let highest = |part: &[f32]| part.iter().copied().fold(f32::MIN, f32::max);
        let decided = decision.decide(&[highest(&later[..40])], &[1]).unwrap();
        block += f64::from(u8::from(decided.p_value.unwrap()[0] <= 0.1)) / 300.0;
        event += f64::from(u8::from(decision.event_p_value(highest(&later)) <= 0.1)) / 300.0;
    }
    println!("block {block:.3}, event {event:.3}");
    assert!((block - 0.1_f64).abs() < 0.07 && (0.03..0.2).contains(&event), "{block} {event}");
}

#[test]
fn the_knob_turns_without_fitting_again() {
    let scores = normal_scores(Kind::Independent, 20_000, &mut Run::new(1).random(0));
    let options = SeriesDecisionOptions {
        false_alarms_per_day: Some(2.0),
        points_per_day: Some(1_440.0),
        ..Default::default()
    };
    let decision = SeriesDecision::learn(&scores, &[20_000], &options).unwrap();
    let asked = decision.expected_false_alarms().unwrap();
    assert!((asked.mean - 2.0).abs() < 0.01 && asked.low < 2.0 && asked.high > 2.0, "{asked:?}");
    let strict = decision.with_false_alarms_per_day(0.1).unwrap();
    assert!(strict.threshold() > decision.threshold());
    assert!(decision.with_false_alarms_per_day(-1.0).is_err());
    assert!(decision.with_false_alarms_per_day(f64::NAN).is_err());
    let rules = decision.event_rules();
    assert!(rules.low < rules.threshold && rules.merge_gap >= 1);
    let summary = decision.summary(&decision.decide(&scores, &[20_000]).unwrap());
    assert_eq!(summary.threshold.name, "2 false alarms per day");
    let unit = SeriesDecisionOptions { points_per_day: None, ..options };
    let decision = SeriesDecision::learn(&scores, &[20_000], &unit).unwrap();
    assert!((decision.rate() - 0.002).abs() < 1e-15);
    let default = SeriesDecision::learn(&scores, &[20_000], &SeriesDecisionOptions::default()).unwrap();
    assert!((default.rate() - 0.5 / 20_000.0).abs() < 1e-15);
    assert!((default.event_p_value(default.threshold().next_up()) - (1.0 - (-0.5_f64).exp())).abs() < 0.01);
}

#[test]
fn degenerate_scores_have_an_answer() {
    let learn = |scores: &[f32], options: &SeriesDecisionOptions| {
        SeriesDecision::learn(scores, &[scores.len()], options)
    };
    let default = SeriesDecisionOptions::default();
    for scores in [vec![1.0], vec![2.0; 300], vec![0.0, 1.0], (0..300_u16).map(f32::from).collect()] {
        let decision = learn(&scores, &default).unwrap();
        let decided = decision.decide(&scores, &[scores.len()]).unwrap();
        assert!(decided.verdict.iter().all(|&v| v == Verdict::Normal), "{decision:?}");
        assert!(decided.p_value.unwrap().iter().all(|p| (0.0..=1.0).contains(p)));
        let more = decision.decide(&[1e30, -1e30], &[2]).unwrap();
        assert_eq!(more.verdict, [Verdict::Anomalous, Verdict::Normal]);
        assert_eq!(decision.decide(&[], &[]).unwrap(), Decisions::default());
        assert!(decision.decide(&[f32::NAN], &[1]).is_err() && decision.decide(&[1.0], &[2]).is_err());
    }
    // A flat series with two spikes: both are alarms.
    let mut flat = vec![0.0; 500];
    (flat[100], flat[300]) = (3.0, 1.0);
    let decision = learn(&flat, &default).unwrap();
    let decided = decision.decide(&flat, &[500]).unwrap();
    assert_eq!(decision.events(&flat, &[500]).unwrap().len(), 2);
    assert_eq!((decided.severity[100], decided.severity[0]), (Severity::Critical, Severity::None));
    assert!(decided.p_value.unwrap()[100] < 0.01);
    for (clean_lens, scores) in [(vec![10], vec![1.0; 5]), (vec![1, 1], vec![1.0; 5])] {
        assert!(learn(&scores, &SeriesDecisionOptions { clean_lens, ..default.clone() }).is_err());
    }
    assert!(learn(&[], &default).is_err());
    assert!(learn(&flat, &SeriesDecisionOptions { points_per_day: Some(f64::INFINITY), ..default }).is_err());
}

#[test]
fn a_model_file_gives_the_same_decisions() {
    let scores = normal_scores(Kind::Memory(0.5), 5_000, &mut Run::new(2).random(0));
    for clean_lens in [vec![], vec![4_000]] {
        let options = SeriesDecisionOptions { clean_lens, ..Default::default() };
        let decision = SeriesDecision::learn(&scores, &[5_000], &options).unwrap();
        let mut out = ModelWriter::new();
        decision.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        let loaded = SeriesDecision::load(&ModelReader::new(&tensors, &json)).unwrap();
        assert_eq!(loaded, decision);
        for name in tensors.keys() {
            let mut fewer = tensors.clone();
            if let Some(tensor) = fewer.get_mut(name) {
                tensor.bytes.iter_mut().for_each(|b| *b = 0xff);
            }
            assert!(SeriesDecision::load(&ModelReader::new(&fewer, &json)).is_err(), "{name}");
        }
    }
}

/// Two series, normal up to points 3,000 and 1,000; the tail is that of these parts, and no cluster crosses their ends.
#[test]
fn every_series_has_its_clean_part() {
    let mut scores = normal_scores(Kind::Independent, 10_000, &mut Run::new(4).random(0));
    scores[3_000..6_000].iter_mut().for_each(|s| *s += 50.0);
    scores[7_000..].iter_mut().for_each(|s| *s += 50.0);
    let clean_lens = vec![3_000, 1_000];
    let options =
        SeriesDecisionOptions { clean_lens, false_alarms_per_day: Some(0.005), ..Default::default() };
    let decision = SeriesDecision::learn(&scores, &[6_000, 10_000], &options).unwrap();
    assert_eq!((decision.horizon_len(), decision.n_points, decision.reference.n()), (6_000, 4_000, 4_000));
    assert!((3.0..8.0).contains(&decision.threshold()), "{}", decision.threshold());
    let events = decision.events(&scores, &[6_000, 10_000]).unwrap();
    let spans: Vec<(usize, usize, usize)> = events.iter().map(|e| (e.series, e.first, e.last)).collect();
    assert_eq!(spans, [(0, 3_000, 5_999), (1, 7_000, 9_999)]);
    // One length for all: as far as the shorter series has it. Fewer than 200 points say too little.
    let one = SeriesDecisionOptions { clean_lens: vec![5_000], ..Default::default() };
    let decision = SeriesDecision::learn(&scores, &[6_000, 10_000], &one).unwrap();
    assert_eq!((decision.n_points, decision.horizon_len()), (9_000, 1_000));
    let few = SeriesDecisionOptions { clean_lens: vec![50], ..Default::default() };
    assert_eq!(SeriesDecision::learn(&scores, &[6_000, 10_000], &few).unwrap().block_len(), None);
}

proptest! {
    #[test]
    fn any_numbers_have_an_answer(
        scores in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 1..300),
        asked in 1e-9..1e9_f64, clean in any::<bool>(),
    ) {
        let n = scores.len();
        let clean_lens = if clean { vec![n] } else { vec![] };
        let options =
            SeriesDecisionOptions { false_alarms_per_day: Some(asked), clean_lens, ..Default::default() };
        let decision = SeriesDecision::learn(&scores, &[n], &options).unwrap();
        prop_assert!(decision.threshold().is_finite() && decision.event_rules().low <= decision.threshold());
        let decided = decision.decide(&scores, &[n]).unwrap();
        prop_assert!(decided.p_value.unwrap().iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!(decision.expected_false_alarms().is_none_or(|i| i.low <= i.mean && i.mean <= i.high));
    }

    /// A score's p-values fall as it rises, and its unit does not matter.
    #[test]
    fn p_values_fall(scores in prop::collection::vec(0..50_u8, 2..200), at in 0.0..60.0_f32, step in 0.0..9.0_f32) {
        let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
        let n = scores.len();
        let options = SeriesDecisionOptions::default();
        let decision = SeriesDecision::learn(&scores, &[n], &options).unwrap();
        prop_assert!(decision.event_p_value(at + step) <= decision.event_p_value(at) + 1e-12);
        let scaled: Vec<f32> = scores.iter().map(|s| s * 4.0).collect();
        let other = SeriesDecision::learn(&scaled, &[n], &options).unwrap();
        prop_assert!((other.threshold() / 4.0 - decision.threshold()).abs() <= 1e-3 * decision.threshold().abs());
        let events = decision.events(&scores, &[n]).unwrap();
        let decided = decision.decide(&scores, &[n]).unwrap();
        for (i, verdict) in decided.verdict.iter().enumerate() {
            let is_in = events.iter().any(|e| e.points().contains(&i));
            prop_assert!(is_in || *verdict == Verdict::Normal);
        }
    }
}
