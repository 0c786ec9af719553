//! Reasons for rows, from a trained model.

use anomalyst_core::{Dataset, Decisions, Evidence, Finding, Result, Run, Table, Verdict};
use anomalyst_explain::{Depth, Subject};
use ndarray::Array2;

use crate::model::TrainedModel;
use crate::pipeline::Pipeline;

/// More flagged rows than this get no sentence of their own; the most anomalous do.
pub(crate) const MOST_REASONS: usize = 100_000;

impl Subject for Pipeline {
    fn score(&self, table: &Table, run: &Run) -> Result<Vec<f32>> {
        Ok(self.score(&Dataset::Table(table.clone()), run)?.0)
    }

    fn attribute(&self, table: &Table, run: &Run) -> Result<Option<Array2<f32>>> {
        self.attribute(table, run)
    }
}

/// Positions of the rows that are not normal, most anomalous first, at most `most`.
pub(crate) fn flagged(scores: &[f32], verdicts: &[Verdict], most: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..scores.len()).filter(|&row| verdicts[row] != Verdict::Normal).collect();
    rank(&mut rows, scores);
    rows.truncate(most);
    rows
}

/// Most anomalous first; equal scores in row order.
pub(crate) fn rank(rows: &mut [usize], scores: &[f32]) {
    rows.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
}

/// A row with its decision and evidence.
pub(crate) fn finding(
    table: &Table,
    row: usize,
    score: f32,
    decisions: &Decisions,
    evidence: Evidence,
) -> Finding {
    let at = |values: &Option<Vec<f64>>| values.as_ref().map(|values| values[row]);
    Finding {
        row,
        name: table.row_name(row),
        score,
        p_value: at(&decisions.p_value),
        probability: at(&decisions.probability),
        confidence: at(&decisions.confidence),
        verdict: decisions.verdict[row],
        severity: decisions.severity[row],
        evidence,
    }
}

/// Everything that can be said about row `row` of `table` under `model`.
pub fn explain_item(model: &TrainedModel, table: &Table, row: usize, run: &Run) -> Result<Finding> {
    let (scores, _) = model.pipeline.score(&Dataset::Table(table.clone()), run)?;
    let decisions = model.decision.decide(&scores, run)?;
    let found = model.explainer().explain(table, &[row], &scores, Depth::Full, run)?;
    Ok(finding(table, row, scores[row], &decisions, found.into_iter().next().unwrap_or_default()))
}
