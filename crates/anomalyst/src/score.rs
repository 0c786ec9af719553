//! Apply a trained model to rows of any number, in bounded memory.

use anomalyst_core::{
    Batches, Dataset, Decisions, Notice, Notices, Outcome, Reproduce, Result, Run, SourceSummary, Table,
    Verdict,
};
use anomalyst_data::TableSource;
use anomalyst_decide::{Decision, Rule};
use anomalyst_explain::Depth;

use crate::explain::{evidence, finding, rank};
use crate::model::TrainedModel;
use crate::options::{Options, Stopwatch};
use crate::scan::shown_rows;

/// Cells of at most this many rows are kept until decisions are made, so that reasons can be given.
const MOST_KEPT: usize = 50_000;

/// The result of [`score`].
pub struct Scored {
    /// Everything a face shows.
    pub outcome: Outcome,
}

/// Scores every row of `source`, decides, and says why rows were flagged.
///
/// Rows are read batch by batch; what stays in memory is the scores and the cells of candidates: the rows whose
/// score could earn a flag, at most 50,000 of them.
pub fn score(model: &TrainedModel, source: &TableSource, options: &Options, run: &Run) -> Result<Scored> {
    let mut watch = Stopwatch::default();
    let mut scores: Vec<f32> = Vec::new();
    let mut ids: Option<Vec<String>> = None;
    let mut notices = Notices::default();
    let mut kept = Candidates::default();
    for batch in source.batches(run)? {
        run.check()?;
        let table = batch?;
        let data = Dataset::Table(table);
        let (batch_scores, noticed) = model.pipeline.score(&data, run)?;
        let Dataset::Table(table) = data else { continue };
        merge_notices(&mut notices, noticed);
        if let Some(batch_ids) = &table.ids {
            ids.get_or_insert_default().extend(batch_ids.iter().cloned());
        }
        let may_be_flagged = candidates(model, &batch_scores, run)?;
        kept.take_from(&table, &batch_scores, &may_be_flagged, scores.len());
        scores.extend(batch_scores);
    }
    notices.extend(source.notices());
    options.accept(&notices)?;
    watch.lap("read and score");
    let decision = for_batch(model, &scores)?;
    let decisions = decision.decide(&scores, run)?;
    watch.lap("decide");
    let mut reasons = vec![String::new(); scores.len()];
    let mut findings = Vec::new();
    let threshold = decision.threshold().value;
    for part in &kept.parts {
        let rows: Vec<usize> =
            (0..part.rows.len()).filter(|&i| decisions.verdict[part.rows[i]] != Verdict::Normal).collect();
        let own: Vec<f32> = part.rows.iter().map(|&row| scores[row]).collect();
        let brief = evidence(
            &model.pipeline,
            &model.reference,
            threshold,
            (&part.table, &own),
            (&rows, Depth::Brief),
            run,
        )?;
        rows.iter().zip(brief).for_each(|(&i, evidence)| reasons[part.rows[i]] = evidence.sentence);
    }
    let mut flagged: Vec<usize> =
        kept.rows().filter(|&row| decisions.verdict[row] != Verdict::Normal).collect();
    rank(&mut flagged, &scores);
    for row in shown_rows(&flagged, &scores, options.n_findings) {
        let Some((part, i)) = kept.find(row) else { continue };
        let own: Vec<f32> = part.rows.iter().map(|&row| scores[row]).collect();
        let full = evidence(
            &model.pipeline,
            &model.reference,
            threshold,
            (&part.table, &own),
            (&[i], Depth::Full),
            run,
        )?;
        let mut found =
            finding_at(&part.table, i, row, &scores, &decisions, full.into_iter().next().unwrap_or_default());
        if part.table.ids.is_none() {
            found.name = (row + 1).to_string();
        }
        findings.push(found);
    }
    watch.lap("explain");
    let n_rows = scores.len();
    let outcome = Outcome {
        source: SourceSummary {
            n_rows,
            n_columns: model.schema.columns.len(),
            n_used: model.schema.columns.iter().filter(|column| column.used).count(),
            ..source.summary()
        },
        method: model.pipeline.summary(),
        decision: decision.summary(&decisions),
        scores,
        decisions,
        reasons,
        ids,
        findings,
        profiles: Vec::new(),
        map: None,
        notices: notices.0,
        reproduce: Reproduce {
            version: env!("CARGO_PKG_VERSION").into(),
            command: options.command.clone(),
            seed: model.seed,
            recipe: model.pipeline.recipe().to_toml()?,
            inputs: Vec::new(),
        },
        timing: watch.stages(),
    };
    Ok(Scored { outcome })
}

/// The decision for these rows: "the K most anomalous" means of them, not of the rows the model was fitted on.
fn for_batch(model: &TrainedModel, scores: &[f32]) -> Result<Decision> {
    let Some(Rule::TopK { k }) = model.decision.options().rule else { return Ok(model.decision.clone()) };
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    match sorted.get(usize::try_from(k).unwrap_or(usize::MAX)) {
        Some(&value) => model.decision.with_rule(Rule::Fixed { value }),
        None => model.decision.with_rule(Rule::Fixed { value: f32::MIN }),
    }
}

/// Rows that the decision on all rows could flag: those it flags in this batch, and, under rules that look at the
/// whole batch, those whose p-value could still earn a flag among other rows.
fn candidates(model: &TrainedModel, scores: &[f32], run: &Run) -> Result<Vec<bool>> {
    let decisions = model.decision.decide(scores, run)?;
    let reach = match model.decision.options().rule {
        Some(Rule::Fdr { level, .. }) => level,
        Some(Rule::Cost { .. } | Rule::TopK { .. }) => 0.1,
        _ => 0.0,
    };
    let p_values = decisions.p_value.unwrap_or_else(|| vec![1.0; scores.len()]);
    Ok(p_values.iter().zip(&decisions.verdict).map(|(&p, &v)| v != Verdict::Normal || p <= reach).collect())
}

fn finding_at(
    table: &Table,
    i: usize,
    row: usize,
    scores: &[f32],
    decisions: &Decisions,
    evidence: anomalyst_core::Evidence,
) -> anomalyst_core::Finding {
    let at = |values: &Option<Vec<f64>>| values.as_ref().map(|values| vec![values[row]]);
    let one = Decisions {
        p_value: at(&decisions.p_value),
        probability: at(&decisions.probability),
        confidence: at(&decisions.confidence),
        verdict: vec![decisions.verdict[row]],
        severity: vec![decisions.severity[row]],
    };
    let mut found = finding(&table.take(&[i]), 0, scores[row], &one, evidence);
    found.row = row;
    found
}

/// Rows that may be flagged, with their cells, and the positions they had in the whole.
#[derive(Default)]
struct Candidates {
    parts: Vec<Part>,
    n_kept: usize,
}

struct Part {
    table: Table,
    rows: Vec<usize>,
}

impl Candidates {
    fn take_from(&mut self, table: &Table, scores: &[f32], may_be_flagged: &[bool], first_row: usize) {
        let mut rows: Vec<usize> = (0..scores.len()).filter(|&i| may_be_flagged[i]).collect();
        if rows.is_empty() && self.parts.is_empty() {
            // So that something can be shown where nothing is flagged.
            rows = (0..scores.len()).collect();
            rank(&mut rows, scores);
            rows.truncate(5);
        }
        rows.truncate(MOST_KEPT.saturating_sub(self.n_kept));
        if !rows.is_empty() {
            self.n_kept += rows.len();
            self.parts
                .push(Part { table: table.take(&rows), rows: rows.iter().map(|i| first_row + i).collect() });
        }
    }

    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().flat_map(|part| part.rows.iter().copied())
    }

    fn find(&self, row: usize) -> Option<(&Part, usize)> {
        self.parts.iter().find_map(|part| Some((part, part.rows.iter().position(|&r| r == row)?)))
    }
}

/// Batches repeat each other's notices with other counts; the first of each kind stands for all.
fn merge_notices(notices: &mut Notices, more: Notices) {
    let shape =
        |notice: &Notice| (notice.column.clone(), notice.message.replace(|c: char| c.is_ascii_digit(), ""));
    for notice in more.0 {
        if !notices.0.iter().any(|known| shape(known) == shape(&notice)) {
            notices.0.push(notice);
        }
    }
}
