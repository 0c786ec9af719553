//! Events of series: kinds, blame, bands and sentences on planted data.

use std::ops::Range;

use anomalyst_core::{Cancel, EventKind, Run, Series};
use anomalyst_explain::series::{EventAnswer, EventQuestion, drawn_points, expected_band, explain_event};
use anomalyst_kernels::draw::normal;
use ndarray::{Array2, Axis, concatenate};

use crate::planted::{BASES, N, PERIOD, Planted, plant, season};

const KINDS: [EventKind; 10] = [
    EventKind::Spike,
    EventKind::Dip,
    EventKind::LevelShift,
    EventKind::TrendChange,
    EventKind::Amplitude,
    EventKind::Frequency,
    EventKind::Pattern,
    EventKind::Dropout,
    EventKind::Stuck,
    EventKind::CorrelationBreak,
];
/// Seeds of the table; thresholds were chosen on the seeds 0 to 7.
const SEEDS: Range<u64> = 100..108;

/// Each kind on four bases with eight seeds. `--nocapture` prints the table.
#[test]
fn planted_kinds_are_recognised() {
    let mut table = [[0_usize; 10]; 10];
    let mut by_base = [[0_usize; 4]; 10];
    for (row, &kind) in KINDS.iter().enumerate() {
        for (b, &base) in BASES.iter().enumerate() {
            for seed in SEEDS {
                let answer = plant(kind, base, seed).ask();
                let column = KINDS.iter().position(|&k| k == answer.kind).unwrap();
                table[row][column] += 1;
                by_base[row][b] += usize::from(answer.kind == kind);
                if answer.kind != kind {
                    println!("{base:?} {kind:?} {seed} -> {:?}: {}", answer.kind, answer.sentence);
                }
            }
        }
    }
    println!("{:>18} {}", "", KINDS.map(|k| format!("{:>6.5}", k.as_str())).join(""));
    for (row, kind) in KINDS.iter().enumerate() {
        let cells = table[row].map(|n| format!("{n:>6}")).join("");
        println!("{:>18} {cells}   of 8 on {BASES:?}: {:?}", kind.as_str(), by_base[row]);
    }
    let right: usize = (0..10).map(|i| table[i][i]).sum();
    let all: usize = table.iter().flatten().sum();
    println!("{right} of {all} right");
    assert!(right * 10 >= all * 8, "{right} of {all}");
    for (row, kind) in KINDS.iter().enumerate() {
        assert!(table[row][row] * 2 > table[row].iter().sum(), "{kind:?}: {:?}", table[row]);
    }
}

fn ask(series: &Series, event: Range<usize>, period: Option<usize>) -> EventAnswer {
    let question = question(series, &event, period);
    let answer = explain_event(&question, &Run::new(0)).unwrap();
    let shares: f32 = answer.channels.iter().map(|channel| channel.share).sum();
    assert!((shares - 1.0).abs() < 1e-4, "{:?}", answer.channels);
    assert!(answer.channels.is_sorted_by(|a, b| a.share >= b.share));
    assert!(!answer.sentence.contains("NaN") && !answer.sentence.contains("inf"), "{}", answer.sentence);
    for band in expected_band(&question, 0).unwrap() {
        assert!(band.iter().all(|v| v.is_nan()) || band[0] <= band[1] && band[1] <= band[2], "{band:?}");
    }
    answer
}

fn question<'a>(series: &'a Series, event: &'a Range<usize>, period: Option<usize>) -> EventQuestion<'a> {
    let others = std::slice::from_ref(event);
    let peak = event.start + event.len() / 2;
    EventQuestion { series, range: 0..series.n_points(), event: event.clone(), peak, others, period }
}

fn noise(n: usize, channels: usize, seed: u64) -> Array2<f64> {
    let mut random = Run::new(seed).random(0);
    Array2::from_shape_simple_fn((n, channels), || normal(&mut random))
}

#[test]
fn the_channel_that_did_it_is_blamed() {
    for (kind, seed) in KINDS[..9].iter().flat_map(|&kind| (0..3).map(move |seed| (kind, seed))) {
        // An odd order of usual noise is told by its channel alone, not from the chance of eight others.
        let base = if kind == EventKind::Pattern { BASES[1] } else { BASES[seed as usize] };
        let Planted { values, event, period } = plant(kind, base, seed);
        let all = concatenate![Axis(1), noise(N, 4, seed), values, noise(N, 4, seed + 9)];
        let answer = ask(&Series::one(all), event, period);
        assert_eq!(answer.channels[0].channel, "x5", "{kind:?} {seed} {:?}", answer.channels);
        assert_eq!(answer.kind, kind, "{}", answer.sentence);
    }
}

/// Of two channels that do the same, the one that did it first.
#[test]
fn the_first_to_leave_comes_first() {
    let mut values = noise(1000, 3, 5);
    (700..760).for_each(|i| values[[i, 2]] += 9.0);
    (703..763).for_each(|i| values[[i, 0]] += 9.0);
    let answer = ask(&Series::one(values), 695..765, None);
    assert_eq!(answer.channels[0].channel, "x3", "{:?}", answer.channels);
    assert!(answer.sentence.ends_with("; `x1` took part."), "{}", answer.sentence);
}

#[test]
fn sentences_say_when_and_what() {
    let mut values = noise(400, 1, 1).mapv(|v| 2.1 + 0.1 * v);
    (300..340).for_each(|i| values[[i, 0]] += 1.3);
    let mut series = Series::one(values);
    series.channels = vec!["pressure".into()];
    let answer = ask(&series, 300..340, None);
    assert_eq!(
        answer.sentence,
        "`pressure` jumped from about 2.06 to 3.42 at point 301 and stayed there for 40 points; 1.87 to 2.27 was expected."
    );
    series.times = Some((0..400).map(|i| 1_700_000_000_000_000 + i * 60_000_000).collect());
    let answer = ask(&series, 300..340, None);
    assert!(answer.sentence.contains(" at 2023-11-15T03:13:20Z and "), "{}", answer.sentence);
}

#[test]
fn bands_hold_what_is_usual() {
    let mut random = Run::new(2).random(0);
    let values = Array2::from_shape_fn((N, 1), |(i, _)| season(i as f64) + 0.5 * normal(&mut random));
    let series = Series::one(values);
    let event = 1000..1100;
    let question = question(&series, &event, Some(PERIOD));
    let (points, bands) = (drawn_points(&question), expected_band(&question, 0).unwrap());
    assert_eq!(points, 900..1200);
    let inside = points.zip(&bands).filter(|(i, b)| (b[0]..=b[2]).contains(&series.values[[*i, 0]])).count();
    assert!((270..=298).contains(&inside), "{inside} of 300");
    let width = bands.iter().map(|b| b[2] - b[0]).sum::<f64>() / 300.0;
    assert!((1.5..3.0).contains(&width), "twice 1.96 times 0.5 is 1.96: {width}");
    assert!(expected_band(&question, 1).is_err());
}

#[test]
fn similar_events_are_found() {
    let mut values = noise(2000, 1, 3);
    let mut plant = |from: usize, len: usize, by: f64| {
        (from..from + len).for_each(|i| values[[i, 0]] += by);
        from..from + len
    };
    let others = vec![
        plant(300, 20, 9.0),
        plant(600, 20, -9.0),
        plant(900, 90, 9.0),
        plant(1200, 24, 10.0),
        plant(1600, 20, 9.0),
    ];
    let series = Series::one(values);
    let question = EventQuestion {
        series: &series,
        range: 0..2000,
        event: others[4].clone(),
        peak: 1605,
        others: &others,
        period: None,
    };
    let mut similar = explain_event(&question, &Run::new(0)).unwrap().similar;
    similar.sort_by_key(|range| range.start);
    assert_eq!(similar, [others[0].clone(), others[3].clone()]);
}

#[test]
fn degenerate_series_have_answers() {
    let constant = Array2::from_elem((100, 2), 5.0);
    assert_eq!(ask(&Series::one(constant.clone()), 40..50, None).channels.len(), 1, "nobody is to blame");
    let mut moved = constant;
    moved[[45, 1]] = 6.0;
    let answer = ask(&Series::one(moved), 40..50, None);
    assert_eq!((answer.kind, answer.channels[0].channel.as_str()), (EventKind::Spike, "x2"));
    assert_eq!(answer.channels[0].low, "5");
    let gone = Array2::from_elem((100, 2), f64::NAN);
    let answer = ask(&Series::one(gone), 40..50, Some(7));
    assert_eq!((answer.channels[0].value.as_str(), answer.channels[0].low.as_str()), ("", ""));
    for n in [1, 2, 3, 5, 8] {
        ask(&Series::one(noise(n, 2, 1)), 0..n, Some(2));
        ask(&Series::one(noise(n, 1, 1)), n - 1..n, None);
        ask(&Series::one(noise(n, 1, 1)), 0..1, None);
    }
    for event in [0..1, 0..30, 270..300, 299..300, 50..280, 0..300] {
        ask(&Series::one(noise(300, 3, 1)), event, Some(24));
    }
    let mut half = noise(300, 2, 1);
    half.column_mut(0).fill(f64::NAN);
    ask(&Series::one(half), 100..120, None);
}

/// The whole history is odd but for the edge, and the edge is read backwards.
#[test]
fn an_event_at_the_start_is_compared_with_what_follows() {
    let mut values = noise(500, 1, 4);
    (0..40).for_each(|i| values[[i, 0]] += 9.0);
    let answer = ask(&Series::one(values), 0..40, None);
    assert_eq!(answer.kind, EventKind::LevelShift, "{}", answer.sentence);
}

#[test]
fn huge_values_stay_numbers() {
    let mut values = noise(300, 2, 1);
    values[[150, 0]] = 1e300;
    let answer = ask(&Series::one(values.clone()), 148..153, None);
    assert_eq!((answer.kind, answer.channels[0].value.as_str()), (EventKind::Spike, "1e300"));
    values.mapv_inplace(|v| if v.abs() < 1e100 { v * 1e300 } else { -1.7e308 });
    let answer = ask(&Series::one(values), 148..153, None);
    assert_eq!(answer.kind, EventKind::Dip, "{}", answer.sentence);
}

#[test]
fn ten_thousand_channels_are_screened() {
    let mut values = noise(300, 10_000, 1);
    (200..220).for_each(|i| values[[i, 7777]] += 6.0);
    let answer = ask(&Series::one(values), 200..220, None);
    assert_eq!(answer.channels[0].channel, "x7778");
    assert!(answer.channels.len() <= 50);
}

#[test]
fn threads_change_nothing_and_runs_can_be_stopped() {
    let Planted { values, event, period } = plant(EventKind::Amplitude, BASES[1], 3);
    let series = Series::one(concatenate![Axis(1), values, noise(N, 6, 1)]);
    let question = question(&series, &event, period);
    let [one, four] = [1, 4].map(|n| explain_event(&question, &Run::new(0).with_threads(n)).unwrap());
    assert_eq!((one.channels, one.sentence), (four.channels, four.sentence));
    let cancel = Cancel::default();
    cancel.set();
    assert!(explain_event(&question, &Run::new(0).with_cancel(cancel)).is_err());
}

#[test]
fn ranges_that_do_not_fit_are_refused() {
    let series = Series::one(noise(10, 1, 1));
    for (range, event) in [(0..10, 5..5), (0..10, 5..11), (3..10, 2..4), (0..20, 2..4)] {
        let question = EventQuestion { series: &series, range, event, peak: 3, others: &[], period: None };
        assert!(explain_event(&question, &Run::new(0)).is_err());
    }
    let empty = Series::one(Array2::zeros((10, 0)));
    assert!(explain_event(&question(&empty, &(2..3), None), &Run::new(0)).is_err());
}
