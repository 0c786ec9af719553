//! Scan, fit and score of series.

use anomalyst_core::{
    Dataset, Decisions, Error, Notices, Outcome, Result, Run, Series, SourceSummary, Table,
};
use anomalyst_decide::{SeriesDecision, SeriesDecisionOptions};

use super::model::TrainedSeries;
use super::outcome::{Found, outcome};
use super::reading::{ReadSeries, SeriesOptions, read_series, usual_step};
use crate::options::{Input, Options, Stopwatch};
use crate::pipeline::Pipeline;
use crate::recipe::Recipe;
use crate::registry::Task;
use crate::scan::reproduce;
use crate::states;

/// One in this many points, the last of each series, is held out to calibrate decisions.
const HELD_OUT_PART: usize = 4;
/// Micro-seconds of a day.
const DAY: f64 = 86_400e6;

/// What was read, as series.
struct Read {
    table: Table,
    source: SourceSummary,
    series: Series,
    points: Vec<usize>,
    notices: Notices,
}

impl Read {
    fn new(input: Input, how: &SeriesOptions, options: &Options) -> Result<Self> {
        refuse_rules_of_rows(options)?;
        let Input { table, mut notices, source, files } = input;
        let ReadSeries { series, points, notices: of_series } = read_series(&table, &files, how)?;
        notices.extend(of_series);
        options.accept(&notices)?;
        Ok(Self { table, source, series, points, notices })
    }
}

/// Ranks the points of the series in `input`, finds the events, and says why. With a part to train on, that part is learned
/// as normal, as [`fit_series`] does, and all is scored by it.
pub fn scan_series(
    input: Input,
    how: &SeriesOptions,
    options: &Options,
    run: &Run,
) -> Result<(Outcome, TrainedSeries)> {
    let mut watch = Stopwatch::default();
    let Read { table, source, series, points, mut notices } = Read::new(input, how, options)?;
    let recipe = options.recipe(if options.train_until.is_some() { Task::Fit } else { Task::Scan })?;
    let data = Dataset::Series(series);
    let (pipeline, decision, scores, noticed) = match options.train_until {
        None => {
            let (pipeline, report) = Pipeline::fit(&recipe, &data, run)?;
            watch.lap("fit and score");
            let _stage = run.stage("deciding", 0);
            let series = data.as_series()?;
            let decide = decision_options(series, &pipeline, options);
            let decision = SeriesDecision::learn(&report.scores, &series.ends, &decide)?;
            (pipeline, decision, report.scores, report.notices)
        }
        Some(until) => {
            let normal = until.part(data.as_series()?)?;
            let (pipeline, decision, mut noticed) = learn(&recipe, normal, options, run)?;
            watch.lap("fit");
            let (scores, of_score) = pipeline.score(&data, run)?;
            noticed.extend(of_score);
            watch.lap("score");
            (pipeline, decision, scores, noticed)
        }
    };
    notices.extend(noticed);
    options.accept(&notices)?;
    watch.lap("decide");
    let model = TrainedSeries::new((pipeline, decision), how, (&table, source), run);
    let found = Found { data: &data, points: &points, table: &table, scores };
    let mut outcome = outcome(&model, &found, &model.decision, options, run)?;
    watch.lap("explain");
    outcome.source = model.source.clone();
    outcome.reproduce = reproduce(&recipe, options, model.seed)?;
    (outcome.notices, outcome.timing) = (notices.0, watch.stages());
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
    let Read { table, source, mut series, mut notices, .. } = Read::new(input, how, options)?;
    let recipe = options.recipe(Task::Fit)?;
    if let Some(until) = options.train_until {
        series = until.part(&series)?;
    }
    let (pipeline, decision, noticed) = learn(&recipe, series, options, run)?;
    notices.extend(noticed);
    options.accept(&notices)?;
    watch.lap("fit and calibrate");
    let model = TrainedSeries::new((pipeline, decision), how, (&table, source), run);
    let outcome = Outcome {
        source: model.source.clone(),
        method: model.pipeline.summary(),
        decision: model.decision.summary(&Decisions::default()),
        notices: notices.0,
        reproduce: reproduce(&recipe, options, model.seed)?,
        timing: watch.stages(),
        ..Outcome::default()
    };
    Ok((outcome, model))
}

/// Scores new series by what was learned. They are read whole, because points are judged together.
pub fn score_series(model: &TrainedSeries, input: Input, options: &Options, run: &Run) -> Result<Outcome> {
    let mut watch = Stopwatch::default();
    let Read { table, source, series, points, mut notices } = Read::new(input, &model.how, options)?;
    let data = Dataset::Series(series);
    let (scores, noticed) = model.pipeline.score(&data, run)?;
    notices.extend(noticed);
    options.accept(&notices)?;
    watch.lap("score");
    let decision = match options.false_alarms_per_day {
        Some(n) => model.decision.with_false_alarms_per_day(n)?,
        None => model.decision.clone(),
    };
    let found = Found { data: &data, points: &points, table: &table, scores };
    let mut outcome = outcome(model, &found, &decision, options, run)?;
    watch.lap("explain");
    outcome.source = source;
    outcome.reproduce = reproduce(model.pipeline.recipe(), options, model.seed)?;
    (outcome.notices, outcome.timing) = (notices.0, watch.stages());
    Ok(outcome)
}

/// A model of `normal` series, and its decision, calibrated on the last quarter of each as scored by a model of the rest.
fn learn(
    recipe: &Recipe,
    normal: Series,
    options: &Options,
    run: &Run,
) -> Result<(Pipeline, SeriesDecision, Notices)> {
    let (mut earlier, mut later) = (Vec::new(), Vec::new());
    for range in normal.ranges() {
        let until = range.end - range.len() / HELD_OUT_PART;
        earlier.extend(range.start..until);
        later.extend(until..range.end);
    }
    let data = Dataset::Series(normal);
    // What is judged is decided once, by all that there is, so that both models speak of the same channels.
    let judged = states::judged(recipe, &data, &mut Notices::default());
    let (recipe_of_judged, held_out) =
        (Recipe { measured_alone: false, ..recipe.clone() }, judged.take(&later));
    let (first, _) = Pipeline::fit(&recipe_of_judged, &judged.take(&earlier), run)?;
    let (scores, _) = first.score(&held_out, run)?;
    let held_out = held_out.as_series()?;
    let clean_lens = held_out.ranges().map(|range| range.len()).collect();
    let (pipeline, report) = Pipeline::fit(recipe, &data, run)?;
    let mut notices = report.notices;
    notices.info(
        None,
        format!("decisions were calibrated on the last quarter of each series, {} points", later.len()),
    );
    let decide =
        SeriesDecisionOptions { clean_lens, ..decision_options(data.as_series()?, &pipeline, options) };
    let decision = SeriesDecision::learn(&scores, &held_out.ends, &decide)?;
    Ok((pipeline, decision, notices))
}

fn decision_options(series: &Series, pipeline: &Pipeline, options: &Options) -> SeriesDecisionOptions {
    SeriesDecisionOptions {
        false_alarms_per_day: options.false_alarms_per_day,
        points_per_day: points_per_day(series),
        window_len: Some(pipeline.span()),
        ..SeriesDecisionOptions::default()
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Modality;
    use crate::registry;
    use ndarray::Array2;

    /// The second channel is a command for three quarters of the series, and takes a third value after: by all of it both
    /// channels are judged, and the decision is calibrated on both, though the earlier part alone would say otherwise.
    #[test]
    fn what_is_judged_is_decided_once() {
        let cell = |(point, channel): (usize, usize)| match channel {
            0 => (point as f64 * 0.3).sin() + ((point * point * 7 + point * 13) % 101) as f64 / 200.0,
            _ if point < 600 => (point / 40 % 2) as f64,
            _ => (point / 40 % 3) as f64,
        };
        let series = Series::one(Array2::from_shape_fn((800, 2), cell));
        let (recipe, run) = (registry::resolve("auto", Task::Fit, Modality::Series).unwrap(), Run::new(0));
        assert!(recipe.measured_alone);
        let of = |recipe: &Recipe| learn(recipe, series.clone(), &Options::default(), &run).unwrap().1;
        assert_eq!(of(&recipe), of(&Recipe { measured_alone: false, ..recipe.clone() }));
    }
}
