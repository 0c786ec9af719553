//! Scores of points made an outcome: verdicts in the order of the rows, events with their reasons, pictures.

use std::collections::HashMap;
use std::ops::Range;

use anomalyst_core::{Decisions, Event, Outcome, Result, Run, Series, Table};
use anomalyst_decide::{EventSpan, SeriesDecision};
use anomalyst_explain::series::{EventQuestion, explain_event};
use anomalyst_kernels::period::dominant_period;

use super::model::TrainedSeries;
use super::pictures::pictures;
use crate::options::Options;

/// Events beyond this many, the highest first, are counted and not explained.
const MOST_EXPLAINED: usize = 100;

/// What was scored.
pub(super) struct Found<'a> {
    pub(super) series: &'a Series,
    /// The point of each row.
    pub(super) points: &'a [usize],
    pub(super) table: &'a Table,
    /// One per point.
    pub(super) scores: Vec<f32>,
}

/// Everything but source, notices, reproduction and timing.
pub(super) fn outcome(
    model: &TrainedSeries,
    found: &Found<'_>,
    decision: &SeriesDecision,
    options: &Options,
    run: &Run,
) -> Result<Outcome> {
    let Found { series, points, table, scores } = found;
    let _stage = run.stage("explaining", 0);
    let decisions = decision.decide(scores, &series.ends)?;
    let mut spans = decision.events(scores, &series.ends)?;
    spans.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.first.cmp(&b.first)));
    let ranges: Vec<Range<usize>> = spans.iter().map(|span| span.first..span.last + 1).collect();
    let mut events = Vec::new();
    let mut periods: HashMap<usize, Option<usize>> = HashMap::new();
    for span in spans.iter().take(MOST_EXPLAINED.max(options.n_findings)) {
        run.check()?;
        let period = *periods.entry(span.series).or_insert_with(|| period(series, span.series));
        events.push(event(series, span, (&ranges, period), &decisions, run)?);
    }
    let mut event_of = vec![None; scores.len()];
    events.iter().for_each(|event| event_of[event.first..=event.last].fill(Some(event)));
    let reason = |&point: &usize| event_of[point].map(|event| event.sentence.clone()).unwrap_or_default();
    let reasons = points.iter().map(reason).collect();
    let with_report = options.with_report;
    let pictures = if with_report { pictures(series, scores, &spans, &events) } else { Vec::new() };
    let summary = decision.summary(&decisions);
    let in_rows = |values: &[f64]| -> Vec<f64> { by_row(points, values) };
    Ok(Outcome {
        method: model.pipeline.summary(),
        decision: summary,
        scores: by_row(points, scores),
        decisions: Decisions {
            p_value: decisions.p_value.as_deref().map(in_rows),
            probability: decisions.probability.as_deref().map(in_rows),
            confidence: decisions.confidence.as_deref().map(in_rows),
            verdict: by_row(points, &decisions.verdict),
            severity: by_row(points, &decisions.severity),
        },
        reasons,
        ids: table.ids.clone(),
        is_series: true,
        n_events: spans.len(),
        events,
        pictures,
        ..Outcome::default()
    })
}

/// For each row the value of its point.
fn by_row<T: Copy>(points: &[usize], values: &[T]) -> Vec<T> {
    points.iter().map(|&point| values[point]).collect()
}

fn event(
    series: &Series,
    span: &EventSpan,
    (others, period): (&[Range<usize>], Option<usize>),
    decisions: &Decisions,
    run: &Run,
) -> Result<Event> {
    let range = series.ranges().nth(span.series).unwrap_or_default();
    let question = EventQuestion {
        series,
        range: range.clone(),
        event: span.first..span.last + 1,
        peak: span.peak,
        others,
        period,
    };
    let answer = explain_event(&question, run)?;
    let name = |point: usize| point_name(series, &range, point);
    Ok(Event {
        series: series.keys.get(span.series).cloned().unwrap_or_default(),
        first: span.first,
        last: span.last,
        peak: span.peak,
        start: name(span.first),
        end: name(span.last),
        peak_at: name(span.peak),
        score: span.score,
        p_value: decisions.p_value.as_ref().map(|values| values[span.peak]),
        severity: decisions.severity[span.peak],
        kind: answer.kind,
        channels: answer.channels,
        sentence: answer.sentence,
    })
}

/// The period of the first channel of a series, where it is as long as three of them.
fn period(series: &Series, of: usize) -> Option<usize> {
    let range = series.ranges().nth(of)?;
    let values: Vec<f64> = series
        .values
        .column(0)
        .iter()
        .skip(range.start)
        .take(range.len())
        .map(|v| if v.is_finite() { *v } else { 0.0 })
        .collect();
    let period = dominant_period(&values);
    (3 * period <= values.len()).then_some(period)
}

/// The time of a point, or its number in its series counted from 1.
pub(super) fn point_name(series: &Series, range: &Range<usize>, point: usize) -> String {
    match &series.times {
        Some(times) => anomalyst_core::time_text(times[point]),
        None => (point - range.start + 1).to_string(),
    }
}
