//! Fit and score in one go: the odd rows of data that may hold anomalies.

use anomalyst_core::{Dataset, Outcome, Reproduce, Result, Run, Table};
use anomalyst_decide::{Decision, Tail};
use anomalyst_explain::{Depth, Reference};
use ndarray::{Array2, ArrayView1, Axis, stack};

use crate::explain::{MOST_REASONS, finding, flagged, rank};
use crate::model::TrainedModel;
use crate::options::{Input, Options, Stopwatch};
use crate::pictures::pictures;
use crate::pipeline::Pipeline;
use crate::recipe::{Modality, Recipe};
use crate::registry::{self, Task};

/// The posterior of the contamination factor is computed from at most this many rows: its width is governed by the
/// detectors' disagreement long before.
const PANEL_ROWS: usize = 2_000;
/// How many rows are shown when none is flagged.
const FEWEST_FINDINGS: usize = 5;

/// Ranks the rows of `input`, decides, and says why.
pub fn scan(input: Input, options: &Options, run: &Run) -> Result<(Outcome, TrainedModel)> {
    let mut watch = Stopwatch::default();
    let Input { table, mut notices, source, .. } = input;
    options.accept(&notices)?;
    let recipe = options.recipe(Task::Scan)?;
    let labels = table.labels.clone();
    let data = Dataset::Table(table);
    let (pipeline, report) = Pipeline::fit(&recipe, &data, run)?;
    let Dataset::Table(table) = data else { return Err(anomalyst_core::Error::Data("not a table".into())) };
    notices.extend(report.notices);
    options.accept(&notices)?;
    let scores = report.scores;
    watch.lap("fit and score");

    let stage = run.stage("deciding", 0);
    let decision = match labels.filter(|_| options.uses_labels()) {
        Some(labels) => Decision::from_labels(&scores, &labels, &options.decide, run)?,
        None => {
            let run_of_panel = run.child(u64::MAX);
            let panel = Panel::fit(&table, &run_of_panel)?;
            let tail = |rows: &[usize]| panel.at(rows);
            let tail: Option<Tail<'_>> = (table.n_rows > PANEL_ROWS).then_some(&tail);
            Decision::from_dirty(&scores, &panel.scores, tail, &options.decide, run)?
        }
    };
    let decisions = decision.decide(&scores, run)?;
    let rows = flagged(&scores, &decisions.verdict, MOST_REASONS);
    drop(stage);
    watch.lap("decide");

    let stage = run.stage("explaining", 0);
    let mut is_normal = vec![true; table.n_rows];
    rows.iter().for_each(|&row| is_normal[row] = false);
    let reference = Reference::learn(&table, |row| is_normal[row], run)?;
    let shown = shown_rows(&rows, &scores, options.n_findings);
    let model =
        TrainedModel { pipeline, decision, reference, schema: table.schema(), source, seed: run.seed() };
    let mut reasons = vec![String::new(); table.n_rows];
    let explainer = model.explainer();
    explainer
        .explain_each((&table, &scores), &rows, Depth::Brief, run, |row, e| reasons[row] = e.sentence)?;
    let full = explainer.explain(&table, &shown, &scores, Depth::Full, run)?;
    let findings = shown
        .iter()
        .zip(full)
        .map(|(&row, e)| finding(&table, row, scores[row], &decisions, e))
        .collect::<Vec<_>>();
    drop(stage);
    watch.lap("explain");

    let (profiles, map) = if options.with_report {
        pictures(&model.pipeline, &table, (&rows, &shown), &notices, run)?
    } else {
        (Vec::new(), None)
    };
    watch.lap("profiles");
    let outcome = Outcome {
        source: model.source.clone(),
        method: model.pipeline.summary(),
        decision: model.decision.summary(&decisions),
        scores,
        decisions,
        reasons,
        ids: table.ids,
        findings,
        profiles,
        map,
        notices: notices.0,
        reproduce: reproduce(&recipe, options, run.seed())?,
        timing: watch.stages(),
        ..Outcome::default()
    };
    Ok((outcome, model))
}

/// The flagged rows worth showing; where there are few, the next most anomalous beside them.
pub(crate) fn shown_rows(flagged: &[usize], scores: &[f32], most: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = flagged.iter().copied().take(most).collect();
    if shown.len() < FEWEST_FINDINGS.min(most) {
        let mut all: Vec<usize> = (0..scores.len()).collect();
        rank(&mut all, scores);
        let more: Vec<usize> = all
            .into_iter()
            .filter(|row| !shown.contains(row))
            .take(FEWEST_FINDINGS.min(most) - shown.len())
            .collect();
        shown.extend(more);
    }
    shown
}

/// How to get the same result again.
pub(crate) fn reproduce(recipe: &Recipe, options: &Options, seed: u64) -> Result<Reproduce> {
    Ok(Reproduce {
        version: env!("CARGO_PKG_VERSION").into(),
        command: options.command.clone(),
        seed,
        recipe: recipe.to_toml()?,
        inputs: Vec::new(),
    })
}

/// Methods of different mechanisms, whose agreement tells how many rows are anomalous.
const PANEL: [&str; 7] = [
    "ecod",
    "gaussian_mixture",
    "hbos",
    "isolation_forest",
    "k_nearest_neighbors",
    "local_outlier_factor",
    "pca",
];

/// Scores of the panel's methods on a sample of the rows: what the posterior of the contamination factor is computed
/// from. A method that cannot work on these rows has no say.
struct Panel<'a> {
    table: &'a Table,
    run: &'a Run,
    pipelines: Vec<Pipeline>,
    scores: Array2<f32>,
}

impl<'a> Panel<'a> {
    fn fit(table: &'a Table, run: &'a Run) -> Result<Self> {
        let sample = Dataset::Table(table.take(&anomalyst_decide::panel_rows(table.n_rows, PANEL_ROWS)));
        let (mut pipelines, mut columns) = (Vec::new(), Vec::new());
        for id in PANEL {
            run.check()?;
            let recipe = Recipe::of_method(registry::method(id)?.card, Modality::Table);
            if let Ok((pipeline, report)) = Pipeline::fit(&recipe, &sample, run) {
                pipelines.push(pipeline);
                columns.push(report.scores);
            }
        }
        run.check()?;
        Ok(Self { table, run, pipelines, scores: side_by_side(&columns)? })
    }

    /// Scores of other rows by the same models.
    fn at(&self, rows: &[usize]) -> Result<Array2<f32>> {
        let rows = Dataset::Table(self.table.take(rows));
        let score = |pipeline: &Pipeline| Ok(pipeline.score(&rows, self.run)?.0);
        side_by_side(&self.pipelines.iter().map(score).collect::<Result<Vec<_>>>()?)
    }
}

fn side_by_side(columns: &[Vec<f32>]) -> Result<Array2<f32>> {
    let views: Vec<_> = columns.iter().map(ArrayView1::from).collect();
    stack(Axis(1), &views)
        .map_err(|e| anomalyst_core::Error::Data(format!("no method could score these rows: {e}")))
}
