//! Scan, fit and score of series.

use anomalyst_core::{Dataset, Error, Outcome, Reproduce, Result, Run, Series};
use anomalyst_decide::{SeriesDecision, SeriesDecisionOptions};

use super::model::TrainedSeries;
use super::outcome::{Found, outcome};
use super::reading::{ReadSeries, SeriesOptions, read_series, usual_step};
use crate::options::{Input, Options, Stopwatch};
use crate::pipeline::Pipeline;
use crate::registry::Task;
use crate::scan::reproduce;

/// One in this many points, the last of each series, is held out to calibrate decisions.
const HELD_OUT_PART: usize = 4;
/// Micro-seconds of a day.
const DAY: f64 = 86_400e6;

/// Ranks the points of the series in `input`, finds the events, and says why.
pub fn scan_series(
    input: Input,
    how: &SeriesOptions,
    options: &Options,
    run: &Run,
) -> Result<(Outcome, TrainedSeries)> {
    let mut watch = Stopwatch::default();
    refuse_rules_of_rows(options)?;
    let Input { table, mut notices, source } = input;
    let recipe = options.recipe(Task::Scan)?;
    let ReadSeries { series, rows, notices: of_series } = read_series(&table, how)?;
    notices.extend(of_series);
    options.accept(&notices)?;
    let data = Dataset::Series(series);
    let (pipeline, report) = Pipeline::fit(&recipe, &data, run)?;
    let Dataset::Series(series) = data else { return Err(Error::Data("not a series".into())) };
    notices.extend(report.notices);
    options.accept(&notices)?;
    watch.lap("fit and score");
    let stage = run.stage("deciding", 0);
    let decide = SeriesDecisionOptions {
        false_alarms_per_day: options.false_alarms_per_day,
        points_per_day: points_per_day(&series),
        window_len: Some(pipeline.span()),
        ..SeriesDecisionOptions::default()
    };
    let decision = SeriesDecision::learn(&report.scores, &series.ends, &decide)?;
    drop(stage);
    watch.lap("decide");
    let model = TrainedSeries {
        pipeline,
        decision,
        how: how.clone(),
        schema: table.schema(),
        source,
        seed: run.seed(),
    };
    let reproduce = reproduce(&recipe, options, run)?;
    let found = Found { series: &series, rows: &rows, table: &table, scores: report.scores };
    let mut outcome = outcome(&model, &found, &model.decision, options, run)?;
    watch.lap("explain");
    outcome.source = model.source.clone();
    (outcome.notices, outcome.reproduce, outcome.timing) = (notices.0, reproduce, watch.stages());
    Ok((outcome, model))
}

/// Learns the series in `input` as normal. Decisions are calibrated on the last quarter of each, scored by a model of what
/// comes before it.
pub fn fit_series(
    input: Input,
    how: &SeriesOptions,
    options: &Options,
    run: &Run,
) -> Result<(Outcome, TrainedSeries)> {
    let mut watch = Stopwatch::default();
    refuse_rules_of_rows(options)?;
    let Input { table, mut notices, source } = input;
    let recipe = options.recipe(Task::Fit)?;
    let ReadSeries { series, notices: of_series, .. } = read_series(&table, how)?;
    notices.extend(of_series);
    options.accept(&notices)?;
    let (earlier, later): (Vec<usize>, Vec<usize>) = (0..series.n_points()).partition(|&point| {
        let of = series.ends.partition_point(|&end| end <= point);
        let start = if of == 0 { 0 } else { series.ends[of - 1] };
        let len = series.ends[of] - start;
        point - start < len - len / HELD_OUT_PART
    });
    let held_out = series.take(&later);
    let (first, _) = Pipeline::fit(&recipe, &Dataset::Series(series.take(&earlier)), run)?;
    let points_per_day = points_per_day(&series);
    let ends = held_out.ends.clone();
    let clean_lens = held_out.ranges().map(|range| range.len()).collect();
    let (scores, _) = first.score(&Dataset::Series(held_out), run)?;
    let data = Dataset::Series(series);
    let (pipeline, report) = Pipeline::fit(&recipe, &data, run)?;
    notices.extend(report.notices);
    notices.info(
        None,
        format!("decisions were calibrated on the last quarter of each series, {} points", later.len()),
    );
    options.accept(&notices)?;
    watch.lap("fit");
    let decide = SeriesDecisionOptions {
        false_alarms_per_day: options.false_alarms_per_day,
        points_per_day,
        window_len: Some(pipeline.span()),
        clean_lens,
        ..SeriesDecisionOptions::default()
    };
    let decision = SeriesDecision::learn(&scores, &ends, &decide)?;
    watch.lap("calibrate");
    let model = TrainedSeries {
        pipeline,
        decision,
        how: how.clone(),
        schema: table.schema(),
        source,
        seed: run.seed(),
    };
    let outcome = Outcome {
        source: model.source.clone(),
        method: model.pipeline.summary(),
        decision: model.decision.summary(&anomalyst_core::Decisions::default()),
        notices: notices.0,
        reproduce: reproduce(&recipe, options, run)?,
        timing: watch.stages(),
        ..Outcome::default()
    };
    Ok((outcome, model))
}

/// Scores new series by what was learned. They are read whole, because points are judged together.
pub fn score_series(model: &TrainedSeries, input: Input, options: &Options, run: &Run) -> Result<Outcome> {
    let mut watch = Stopwatch::default();
    refuse_rules_of_rows(options)?;
    let Input { table, mut notices, source } = input;
    let ReadSeries { series, rows, notices: of_series } = read_series(&table, &model.how)?;
    notices.extend(of_series);
    let data = Dataset::Series(series);
    let (scores, noticed) = model.pipeline.score(&data, run)?;
    let Dataset::Series(series) = data else { return Err(Error::Data("not a series".into())) };
    notices.extend(noticed);
    options.accept(&notices)?;
    watch.lap("score");
    let decision = match options.false_alarms_per_day {
        Some(n) => model.decision.with_false_alarms_per_day(n)?,
        None => model.decision.clone(),
    };
    let found = Found { series: &series, rows: &rows, table: &table, scores };
    let mut outcome = outcome(model, &found, &decision, options, run)?;
    watch.lap("explain");
    outcome.source = source;
    outcome.notices = notices.0;
    outcome.reproduce = Reproduce {
        version: env!("CARGO_PKG_VERSION").into(),
        command: options.command.clone(),
        seed: model.seed,
        recipe: model.pipeline.recipe().to_toml()?,
        inputs: Vec::new(),
    };
    outcome.timing = watch.stages();
    Ok(outcome)
}

/// Rules that count rows say nothing about points that depend on each other.
fn refuse_rules_of_rows(options: &Options) -> Result<()> {
    match options.decide.rule {
        None => Ok(()),
        Some(_) => Err(Error::BadParameter {
            name: "decision rule".into(),
            got: "one for rows".into(),
            want: "--false-alarms-per-day for series, whose points depend on each other".into(),
        }),
    }
}

/// Points of all series together that a day has, by the usual step between times.
fn points_per_day(series: &Series) -> Option<f64> {
    let times = series.times.as_ref()?;
    let per_day = series.ranges().filter_map(|range| Some(DAY / usual_step(&times[range])? as f64));
    let total: f64 = per_day.sum();
    (total > 0.0).then_some(total)
}
