//! Apply a trained model to rows of any number, in bounded memory.

use anomalyst_core::{
    Batches, ColumnProfile, Dataset, Decisions, Evidence, Finding, Notices, Outcome, Result, RowMap, Run,
    SourceSummary, Table, Verdict,
};
use anomalyst_data::TableSource;
use anomalyst_decide::Rule;
use anomalyst_explain::{Depth, Explainer};

use crate::explain::{finding, rank};
use crate::model::TrainedModel;
use crate::options::{Options, Stopwatch};
use crate::pictures::pictures;
use crate::scan::{reproduce, shown_rows};

/// Cells of at most this many rows are kept until decisions are made, so that reasons can be given.
const MOST_KEPT: usize = 50_000;
/// Columns and map are drawn where all cells fit into this.
const MOST_DRAWN_BYTES: u64 = 4 << 30;

/// Scores every row of `source`, decides, and says why rows were flagged.
///
/// Rows are read batch by batch; what stays in memory is the scores and the cells of candidates: the rows whose
/// score could earn a flag, at most 50,000 of them.
pub fn score(model: &TrainedModel, source: &TableSource, options: &Options, run: &Run) -> Result<Outcome> {
    let mut watch = Stopwatch::default();
    let Scored { scores, ids, mut notices, kept } = read_and_score(model, source, run)?;
    options.accept(&notices)?;
    watch.lap("read and score");
    let decision = model.decision.for_batch(&scores)?;
    let decisions = decision.decide(&scores, run)?;
    watch.lap("decide");
    let explainer = Explainer { threshold: decision.threshold().value, ..model.explainer() };
    let reasons = kept.reasons(&explainer, &scores, &decisions, run)?;
    let mut flagged: Vec<usize> =
        kept.rows().filter(|&row| decisions.verdict[row] != Verdict::Normal).collect();
    rank(&mut flagged, &scores);
    let shown = shown_rows(&flagged, &scores, options.n_findings);
    let findings = kept.findings(&explainer, &shown, &scores, &decisions, run)?;
    watch.lap("explain");
    let (profiles, map) = if options.with_report {
        let shown: Vec<usize> = findings.iter().map(|finding| finding.row).collect();
        drawn(model, source, (&flagged, &shown), &mut notices, run)?
    } else {
        (Vec::new(), None)
    };
    watch.lap("profiles");
    Ok(Outcome {
        source: SourceSummary {
            n_rows: scores.len(),
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
        profiles,
        map,
        notices: notices.0,
        reproduce: reproduce(model.pipeline.recipe(), options, model.seed)?,
        timing: watch.stages(),
        ..Outcome::default()
    })
}

/// What one pass over the rows leaves.
#[derive(Default)]
struct Scored {
    scores: Vec<f32>,
    ids: Option<Vec<String>>,
    notices: Notices,
    kept: Candidates,
}

fn read_and_score(model: &TrainedModel, source: &TableSource, run: &Run) -> Result<Scored> {
    let mut all = Scored::default();
    for batch in source.batches(run)? {
        run.check()?;
        let data = Dataset::Table(batch?);
        let (scores, noticed) = model.pipeline.score(&data, run)?;
        let Dataset::Table(table) = data else { continue };
        all.notices.merge(noticed);
        if let Some(ids) = &table.ids {
            all.ids.get_or_insert_default().extend(ids.iter().cloned());
        }
        let may_be_flagged = candidates(model, &scores, run)?;
        all.kept.take_from(&table, &scores, &may_be_flagged, all.scores.len());
        all.scores.extend(scores);
    }
    all.notices.out_of(all.scores.len() as u64);
    all.notices.extend(source.notices());
    Ok(all)
}

/// Pictures of all rows, which are read once more for them; none where they are too many to hold at once.
fn drawn(
    model: &TrainedModel,
    source: &TableSource,
    (flagged, shown): (&[usize], &[usize]),
    notices: &mut Notices,
    run: &Run,
) -> Result<(Vec<ColumnProfile>, Option<RowMap>)> {
    let n_cells = source.summary().n_rows.saturating_mul(source.schema().columns.len()) as u64;
    let most = run.max_memory_bytes().unwrap_or(u64::MAX).min(MOST_DRAWN_BYTES);
    // Eight bytes a cell, and as much again for sorting.
    if n_cells.saturating_mul(16) > most {
        notices.info(None, "the report draws no columns and no map: there are too many rows to hold at once");
        return Ok((Vec::new(), None));
    }
    let (table, _) = source.read(run)?;
    pictures(&model.pipeline, &table, (flagged, shown), notices, run)
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

/// The finding of row `i` of `table`, which is row `row` of all.
fn finding_at(
    table: &Table,
    i: usize,
    row: usize,
    score: f32,
    decisions: &Decisions,
    evidence: Evidence,
) -> Finding {
    let at = |values: &Option<Vec<f64>>| values.as_ref().map(|values| vec![values[row]]);
    let one = Decisions {
        p_value: at(&decisions.p_value),
        probability: at(&decisions.probability),
        confidence: at(&decisions.confidence),
        verdict: vec![decisions.verdict[row]],
        severity: vec![decisions.severity[row]],
    };
    let mut one_row = table.take(&[i]);
    one_row.first_row = row;
    Finding { row, ..finding(&one_row, 0, score, &one, evidence) }
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

impl Part {
    /// The scores of its rows, out of all.
    fn scores(&self, all: &[f32]) -> Vec<f32> {
        self.rows.iter().map(|&row| all[row]).collect()
    }
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

    /// One sentence for each row that is not normal; empty for the others.
    fn reasons(
        &self,
        explainer: &Explainer<'_>,
        scores: &[f32],
        decisions: &Decisions,
        run: &Run,
    ) -> Result<Vec<String>> {
        let mut reasons = vec![String::new(); scores.len()];
        for part in &self.parts {
            let is_odd = |i: &usize| decisions.verdict[part.rows[*i]] != Verdict::Normal;
            let odd: Vec<usize> = (0..part.rows.len()).filter(is_odd).collect();
            explainer.explain_each(
                (&part.table, &part.scores(scores)),
                &odd,
                Depth::Brief,
                run,
                |i, e| {
                    reasons[part.rows[i]] = e.sentence;
                },
            )?;
        }
        Ok(reasons)
    }

    /// Those of the rows `shown` that were kept, with all that can be said about them.
    fn findings(
        &self,
        explainer: &Explainer<'_>,
        shown: &[usize],
        scores: &[f32],
        decisions: &Decisions,
        run: &Run,
    ) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for &row in shown {
            let Some((part, i)) = self.find(row) else { continue };
            let evidence = explainer.explain(&part.table, &[i], &part.scores(scores), Depth::Full, run)?;
            let evidence = evidence.into_iter().next().unwrap_or_default();
            findings.push(finding_at(&part.table, i, row, scores[row], decisions, evidence));
        }
        Ok(findings)
    }

    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().flat_map(|part| part.rows.iter().copied())
    }

    fn find(&self, row: usize) -> Option<(&Part, usize)> {
        self.parts.iter().find_map(|part| Some((part, part.rows.iter().position(|&r| r == row)?)))
    }
}
