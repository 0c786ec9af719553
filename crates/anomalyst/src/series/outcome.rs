//! Scores of points made an outcome: verdicts in the order of the rows, events with their reasons, pictures.

mod asking;
mod attributed;
mod departures;
mod season;

use anomalyst_core::{Dataset, Decisions, Event, Outcome, Result, Run, SimilarEvent, Table};
use anomalyst_decide::SeriesDecision;
use anomalyst_explain::series::explain_event;

pub(super) use asking::{Asking, point_name};
pub(super) use season::period_of;

use super::model::TrainedSeries;
use super::pictures::pictures;
use crate::options::Options;

/// Events beyond this many, the highest first, are counted and not explained.
const MOST_EXPLAINED: usize = 100;

/// What was scored.
pub(super) struct Found<'a> {
    /// The series.
    pub(super) data: &'a Dataset,
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
    let Found { data, points, table, scores } = found;
    let series = data.as_series()?;
    let _stage = run.stage("explaining", 0);
    let decisions = decision.decide(scores, &series.ends)?;
    let mut spans = decision.events(scores, &series.ends)?;
    spans.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.first.cmp(&b.first)));
    let n_explained = MOST_EXPLAINED.max(options.n_findings).min(spans.len());
    let asking = Asking::new(series, &spans, n_explained)?;
    let mut events = Vec::with_capacity(n_explained);
    for i in 0..n_explained {
        run.check()?;
        events.push(event(&asking, i, &decisions, run)?);
    }
    departures::add(&asking, &mut events, run)?;
    attributed::add(&model.pipeline, data, &mut events, run)?;
    let mut event_of = vec![None; scores.len()];
    events.iter().for_each(|event| event_of[event.first..=event.last].fill(Some(event)));
    let reason = |&point: &usize| event_of[point].map(|event| event.sentence.clone()).unwrap_or_default();
    let reasons = points.iter().map(reason).collect();
    let (pictures, zooms) =
        if options.with_report { pictures(&asking, scores, &events, run)? } else { Default::default() };
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
        zooms,
        ..Outcome::default()
    })
}

/// For each row the value of its point.
fn by_row<T: Copy>(points: &[usize], values: &[T]) -> Vec<T> {
    points.iter().map(|&point| values[point]).collect()
}

fn event(asking: &Asking<'_>, i: usize, decisions: &Decisions, run: &Run) -> Result<Event> {
    let (series, span) = (asking.series, &asking.spans[i]);
    let question = asking.question(i);
    let answer = explain_event(&question, run)?;
    let name = |point: usize| point_name(series, &question.range, point);
    let similar = answer.similar.iter().map(|other| SimilarEvent {
        first: other.start,
        last: other.end - 1,
        start: name(other.start),
    });
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
        departures: Vec::new(),
        attributed: Vec::new(),
        similar: similar.collect(),
        sentence: answer.sentence,
    })
}
