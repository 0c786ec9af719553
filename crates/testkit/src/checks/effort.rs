//! What runs cost, and that they stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use anomalyst_core::{Cancel, Entry, Error, Features, Growth, Progress, Run, Shape};
use serde_json::Value;

use super::{D, arranged, fit, fit_with, labelled};
use crate::normal_rows;

/// Cancels the run as soon as its first stage begins.
struct Stopper {
    cancel: Cancel,
    begun: AtomicBool,
}

impl Progress for Stopper {
    fn begin(&self, _: &str, _: u64) {
        self.begun.store(true, Ordering::Relaxed);
        self.cancel.set();
    }
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}

/// A cancelled run ends with that error and soon, whether cancelled before it began or in the middle; one that never
/// reports a stage must be so short that nobody would want to stop it.
pub fn cancelling_stops(entry: &Entry) {
    let train = labelled(entry, Features::rows(normal_rows(20_000, D, 1)));
    let detector = (entry.from_json)(&Value::Null).unwrap();
    let begin = Instant::now();
    let cancel = Cancel::default();
    cancel.set();
    let cancelled = Run::new(1).with_cancel(cancel);
    let result = detector.fit_score(&train, &cancelled).map(|_| ());
    assert!(matches!(result, Err(Error::Cancelled)), "cancelled before, the fit ended with {result:?}");
    let model = fit(entry, &train.take(&(0..500).collect::<Vec<_>>()));
    let result = model.score(&train, &cancelled);
    assert!(
        matches!(result, Err(Error::Cancelled)),
        "cancelled before, scoring ended with {:?}",
        result.map(|_| ())
    );

    let cancel = Cancel::default();
    let stopper = Arc::new(Stopper { cancel: cancel.clone(), begun: AtomicBool::new(false) });
    let run = Run::new(1).with_cancel(cancel).with_progress(stopper.clone());
    let result = detector.fit_score(&train, &run).map(|_| ());
    let secs = begin.elapsed().as_secs_f64();
    assert!(secs < 2.0, "went on for {secs:.1} s after being cancelled");
    if stopper.begun.load(Ordering::Relaxed) {
        assert!(
            matches!(result, Err(Error::Cancelled)),
            "cancelled in a stage, the fit ended with {result:?}"
        );
    } else {
        let nanos = detector.estimate(Shape { n_parts: 1_000_000, n_values: 10, n_codes: 0 }).fit_nanos;
        assert!(nanos < 1e9, "a fit of an estimated {:.1} s reports no stage", nanos / 1e9);
    }
}

/// Estimates are finite and do not shrink with more rows.
pub fn estimates_grow(entry: &Entry) {
    let detector = (entry.from_json)(&Value::Null).unwrap();
    let at = |n_parts| detector.estimate(Shape { n_parts, n_values: 10, n_codes: 0 });
    let (small, large) = (at(1_000), at(1_000_000));
    assert!(small.fit_nanos.is_finite() && small.score_nanos_per_row.is_finite() && small.fit_nanos >= 0.0);
    assert!(large.fit_nanos >= small.fit_nanos && large.bytes >= small.bytes);
}

/// Four times the rows take no longer than the card's exponent + 0.3 allows, for the fit and for scoring.
///
/// Other work on the machine can only slow things down, so each time is the least of a few, and a figure that is too
/// high is measured again before it counts. What takes less than a millisecond is too short to measure.
pub fn time_grows_as_the_card_says(entry: &Entry) {
    let sizes = [3_000, 12_000];
    let train = sizes.map(|n| Features::rows(normal_rows(n, D, 1)));
    let new = arranged(entry, Features::rows(normal_rows(1_000, D, 2)));
    let run = Run::new(1).with_threads(1);
    let models = train.each_ref().map(|train| fit_with(entry, &Value::Null, train, &run));
    let fit = |i: usize| drop(fit_with(entry, &Value::Null, &train[i], &run));
    assert_growth("fitting", entry.card.cost.fit, &run, fit);
    let score = |i: usize| drop(models[i].score(&new, &run).unwrap());
    assert_growth("scoring", entry.card.cost.score, &run, score);
}

fn assert_growth(what: &str, card: Growth, run: &Run, work: impl Fn(usize)) {
    let (mut least, mut exponent) = ([f64::INFINITY; 2], f64::INFINITY);
    let limit = card.exponent() + 0.3;
    for _ in 0..12 {
        for (i, least) in least.iter_mut().enumerate() {
            let before = busy_secs(run);
            work(i);
            *least = least.min(busy_secs(run) - before);
        }
        exponent = (least[1] / least[0]).log2() / 2.0;
        if exponent <= limit || least[1] < 1e-3 {
            return;
        }
    }
    panic!("{what} grows as n^{exponent:.2}, the card says {}; least times {least:?} s", card.as_str());
}

/// How long the only thread of a run has been at work: its time on the processor where Linux tells, so that waiting
/// for other programs does not count, else the clock.
fn busy_secs(run: &Run) -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let clock = START.elapsed().as_secs_f64();
    let text = run.install(|| std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default());
    let nanos: Option<f64> = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or(clock, |nanos| nanos * 1e-9)
}
