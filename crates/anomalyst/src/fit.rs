//! Learn normal from clean or mostly clean rows.

use anomalyst_core::{Dataset, Decisions, Error, Label, Outcome, Result, Run, Table};
use anomalyst_decide::Decision;
use anomalyst_explain::Reference;
use rand::seq::{SliceRandom, index};

use crate::model::TrainedModel;
use crate::options::{Input, Options, Stopwatch};
use crate::pipeline::Pipeline;
use crate::recipe::Recipe;
use crate::registry::Task;
use crate::scan::reproduce;

/// From this many rows on, some are held out for calibration, and its guarantee is exact; below, every row is
/// scored by a model that has not seen it, in `FOLDS` parts.
const SPLIT_FROM: usize = 1_000;
/// At most this many rows are held out: p-values down to 1e-4 are enough for any level that a person names.
const MOST_HELD_OUT: usize = 10_000;
/// One in this many rows is held out.
const HELD_OUT_PART: usize = 4;
const FOLDS: usize = 5;

/// Fits a model on the rows of `input`. Rows labelled anomalous are not learned from; they help to place the
/// threshold where the rule asks for labels.
pub fn fit(input: Input, options: &Options, run: &Run) -> Result<(Outcome, TrainedModel)> {
    let mut watch = Stopwatch::default();
    let Input { table, mut notices, source } = input;
    options.accept(&notices)?;
    let recipe = options.recipe(Task::Fit)?;
    let known_odd = |row: usize| table.labels.as_ref().is_some_and(|labels| labels[row] == Label::Anomalous);
    let (odd, normal): (Vec<usize>, Vec<usize>) = (0..table.n_rows).partition(|&row| known_odd(row));
    if normal.is_empty() {
        return Err(Error::TooFewItems { what: "fit".into(), got: 0, need: 2 });
    }
    if !odd.is_empty() {
        notices.info(None, format!("{} rows labelled anomalous were not learned from", odd.len()));
    }
    // Labels calibrate on rows that the model has not seen, all of them: a part of the normal ones beside all
    // anomalies would overstate the odds.
    let calibrated = if normal.len() >= SPLIT_FROM && !options.uses_labels() {
        split(&recipe, &table, &normal, run)?
    } else {
        cross(&recipe, &table, &normal, run)?
    };
    notices.extend(calibrated.notices);
    options.accept(&notices)?;
    watch.lap("fit");
    let decision = if options.uses_labels() {
        let odd_scores = calibrated.pipeline.score(&Dataset::Table(table.take(&odd)), run)?.0;
        let labels: Vec<Label> = std::iter::repeat_n(Label::Normal, calibrated.held_out.len())
            .chain(std::iter::repeat_n(Label::Anomalous, odd_scores.len()))
            .collect();
        let scores: Vec<f32> = calibrated.held_out.iter().copied().chain(odd_scores).collect();
        Decision::from_labels(&scores, &labels, &options.decide, run)?
    } else {
        Decision::from_clean(&calibrated.held_out, &options.decide, run)?
    };
    let reference = Reference::learn(&table, |row| !known_odd(row), run)?;
    watch.lap("calibrate");
    let model = TrainedModel {
        pipeline: calibrated.pipeline,
        decision,
        reference,
        schema: table.schema(),
        source,
        seed: run.seed(),
    };
    let outcome = Outcome {
        source: model.source.clone(),
        method: model.pipeline.summary(),
        decision: model.decision.summary(&Decisions::default()),
        notices: notices.0,
        reproduce: reproduce(&recipe, options, run)?,
        timing: watch.stages(),
        ..Outcome::default()
    };
    Ok((outcome, model))
}

struct Calibrated {
    pipeline: Pipeline,
    /// Scores of normal rows by a model that has not seen them.
    held_out: Vec<f32>,
    notices: anomalyst_core::Notices,
}

/// Holds rows out for good.
fn split(recipe: &Recipe, table: &Table, normal: &[usize], run: &Run) -> Result<Calibrated> {
    let n_held = (normal.len() / HELD_OUT_PART).min(MOST_HELD_OUT);
    let mut is_held = vec![false; normal.len()];
    index::sample(&mut run.random(u64::MAX), normal.len(), n_held)
        .into_iter()
        .for_each(|i| is_held[i] = true);
    let pick = |held: bool| -> Vec<usize> {
        normal.iter().zip(&is_held).filter(|(_, is)| **is == held).map(|(&row, _)| row).collect()
    };
    let (pipeline, report) = Pipeline::fit(recipe, &Dataset::Table(table.take(&pick(false))), run)?;
    let (held_out, _) = pipeline.score(&Dataset::Table(table.take(&pick(true))), run)?;
    let mut notices = report.notices;
    notices.info(None, format!("{n_held} of {} rows were held out to calibrate decisions", normal.len()));
    Ok(Calibrated { pipeline, held_out, notices })
}

/// Scores each fold by a model of the other folds, then fits on all rows.
fn cross(recipe: &Recipe, table: &Table, normal: &[usize], run: &Run) -> Result<Calibrated> {
    let mut order = normal.to_vec();
    order.shuffle(&mut run.random(u64::MAX));
    let folds = FOLDS.min(order.len());
    let mut held_out = Vec::with_capacity(order.len());
    for fold in 0..folds {
        let of_fold = |inside: bool| -> Vec<usize> {
            let mut rows: Vec<usize> = order
                .iter()
                .enumerate()
                .filter(|(i, _)| (i % folds == fold) == inside)
                .map(|(_, &row)| row)
                .collect();
            rows.sort_unstable();
            rows
        };
        let (train, rest) = (of_fold(false), of_fold(true));
        if train.is_empty() {
            continue;
        }
        let (pipeline, _) = Pipeline::fit(recipe, &Dataset::Table(table.take(&train)), run)?;
        held_out.extend(pipeline.score(&Dataset::Table(table.take(&rest)), run)?.0);
    }
    let (pipeline, report) = Pipeline::fit(recipe, &Dataset::Table(table.take(normal)), run)?;
    let mut notices = report.notices;
    notices.info(
        None,
        format!(
            "decisions were calibrated on {folds} folds of the rows, each scored by a model of the others"
        ),
    );
    Ok(Calibrated { pipeline, held_out, notices })
}
