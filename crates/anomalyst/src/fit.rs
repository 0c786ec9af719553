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

/// Fits a model on the rows of `input`. Rows labelled anomalous are learned from by methods that learn from labels only;
/// they help to place the threshold where the rule asks for labels.
pub fn fit(input: Input, options: &Options, run: &Run) -> Result<(Outcome, TrainedModel)> {
    let mut watch = Stopwatch::default();
    let Input { table, mut notices, source, .. } = input;
    options.accept(&notices)?;
    let recipe = options.recipe(Task::Fit)?;
    let known_odd = |row: usize| table.labels.as_ref().is_some_and(|labels| labels[row] == Label::Anomalous);
    let (odd, normal): (Vec<usize>, Vec<usize>) = (0..table.n_rows).partition(|&row| known_odd(row));
    let learns = recipe.learns_from_labels();
    if normal.is_empty() && !learns {
        return Err(Error::TooFewItems { what: "fit".into(), got: 0, need: 2 });
    }
    if learns && options.uses_labels() && odd.len() < 2 {
        return Err(Error::Data(format!(
            "a threshold from labels needs at least 2 rows labelled anomalous where the method learns from them, because \
             each is scored by a model that has not seen it; there are {}",
            odd.len()
        )));
    }
    let rows = Rows { normal: &normal, odd: if learns { &odd } else { &[] } };
    if !odd.is_empty() && !learns {
        notices.info(None, format!("{} rows labelled anomalous were not learned from", odd.len()));
    }
    // Labels calibrate on rows that the model has not seen, all of them: a part of the normal ones beside all
    // anomalies would overstate the odds.
    let calibrated = if normal.len() >= SPLIT_FROM && !options.uses_labels() {
        split(&recipe, &table, rows, run)?
    } else {
        cross(&recipe, &table, rows, run)?
    };
    notices.extend(calibrated.notices);
    options.accept(&notices)?;
    watch.lap("fit");
    let decision = if options.uses_labels() {
        let odd_scores = if learns {
            calibrated.odd_scores
        } else {
            calibrated.pipeline.score(&Dataset::Table(table.take(&odd)), run)?.0
        };
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
        reproduce: reproduce(&recipe, options, run.seed())?,
        timing: watch.stages(),
        ..Outcome::default()
    };
    Ok((outcome, model))
}

/// Rows to learn from, those known to be anomalous apart.
#[derive(Clone, Copy)]
struct Rows<'a> {
    normal: &'a [usize],
    odd: &'a [usize],
}

struct Calibrated {
    pipeline: Pipeline,
    /// Scores of normal rows by a model that has not seen them.
    held_out: Vec<f32>,
    /// The same of anomalous rows, where they are learned from.
    odd_scores: Vec<f32>,
    notices: anomalyst_core::Notices,
}

/// Holds normal rows out for good.
fn split(recipe: &Recipe, table: &Table, Rows { normal, odd }: Rows<'_>, run: &Run) -> Result<Calibrated> {
    let n_held = (normal.len() / HELD_OUT_PART).min(MOST_HELD_OUT);
    let mut is_held = vec![false; normal.len()];
    index::sample(&mut run.random(u64::MAX), normal.len(), n_held)
        .into_iter()
        .for_each(|i| is_held[i] = true);
    let pick = |held: bool| -> Vec<usize> {
        normal.iter().zip(&is_held).filter(|(_, is)| **is == held).map(|(&row, _)| row).collect()
    };
    let mut learned = [&pick(false), odd].concat();
    learned.sort_unstable();
    let (pipeline, report) = Pipeline::fit(recipe, &Dataset::Table(table.take(&learned)), run)?;
    let (held_out, _) = pipeline.score(&Dataset::Table(table.take(&pick(true))), run)?;
    let mut notices = report.notices;
    notices.info(
        None,
        format!("{n_held} of {} rows were held out to calibrate decisions", normal.len() + odd.len()),
    );
    Ok(Calibrated { pipeline, held_out, odd_scores: Vec::new(), notices })
}

/// Scores each fold by a model of the other folds, then fits on all rows. A single anomalous row is in every model.
fn cross(recipe: &Recipe, table: &Table, Rows { normal, odd }: Rows<'_>, run: &Run) -> Result<Calibrated> {
    let [order, odd_order] = [(normal, u64::MAX), (odd, u64::MAX - 1)].map(|(rows, stream)| {
        let mut order = rows.to_vec();
        order.shuffle(&mut run.random(stream));
        order
    });
    let folds = FOLDS.min(order.len());
    let odd_folds = if odd.len() < 2 { 0 } else { folds };
    let (mut held_out, mut odd_scores) = (Vec::with_capacity(order.len()), Vec::new());
    for fold in 0..folds {
        let of_fold = |order: &[usize], folds: usize, inside: bool| -> Vec<usize> {
            let is_in = |i: usize| folds > 0 && i % folds == fold;
            order.iter().enumerate().filter(|(i, _)| is_in(*i) == inside).map(|(_, &row)| row).collect()
        };
        let table_of = |mut rows: Vec<usize>| {
            rows.sort_unstable();
            Dataset::Table(table.take(&rows))
        };
        let train = [of_fold(&order, folds, false), of_fold(&odd_order, odd_folds, false)].concat();
        if train.is_empty() {
            continue;
        }
        let (pipeline, _) = Pipeline::fit(recipe, &table_of(train), run)?;
        held_out.extend(pipeline.score(&table_of(of_fold(&order, folds, true)), run)?.0);
        odd_scores.extend(pipeline.score(&table_of(of_fold(&odd_order, odd_folds, true)), run)?.0);
    }
    let mut all = [normal, odd].concat();
    all.sort_unstable();
    let (pipeline, report) = Pipeline::fit(recipe, &Dataset::Table(table.take(&all)), run)?;
    let mut notices = report.notices;
    notices.info(
        None,
        format!(
            "decisions were calibrated on {folds} folds of the rows, each scored by a model of the others"
        ),
    );
    Ok(Calibrated { pipeline, held_out, odd_scores, notices })
}
