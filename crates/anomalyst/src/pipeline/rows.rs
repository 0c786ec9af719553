//! Encoded rows: held whole, or made a few at a time where they would be too many; members learn from them and rank them.

use anomalyst_core::{AnyModel, Dataset, Encode, Features, Layout, Notices, Parts, Result, Run, Shape};
use rand::seq::index;

use super::features_bytes;
use crate::plan::{Budget, FEWEST_ROWS, MemberPlan, plan_member};
use crate::recipe::Member;
use crate::{columns, registry};

/// Bytes of features that are held at a time at most, where they can be made in parts.
const MOST_HELD: u64 = 512 << 20;
/// The same of rows that are only scored and then given up.
const MOST_SCORED: u64 = 8 << 20;

/// Encoded rows.
pub(super) enum Held<'a> {
    /// All of them.
    Whole(Features, Notices),
    /// Made when they are asked for, because all together are too many.
    Parts(Box<dyn Parts + 'a>, Limits),
}

/// What of many rows may be held.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    n_columns: (usize, usize),
    /// Rows that may be learned from.
    learned: usize,
}

impl<'a> Held<'a> {
    /// The rows of `data`; by parts only where `may_part`.
    pub(super) fn new(encoder: &'a dyn Encode, data: &'a Dataset, may_part: bool, run: &Run) -> Result<Self> {
        let n_columns = (encoder.value_origins().len(), encoder.code_origins().len());
        let row = 4 * (n_columns.0 + n_columns.1).max(1) as u64;
        let most = run.max_memory_bytes().map_or(MOST_HELD, |limit| MOST_HELD.min(limit / 2));
        let is_much = row.saturating_mul(data.n_items() as u64) > most;
        if may_part
            && is_much
            && let Some(parts) = encoder.in_parts(data, run)?
        {
            return Ok(Self::Parts(parts, Limits { n_columns, learned: (most / row).max(1) as usize }));
        }
        let encoded = encoder.encode(data, run)?;
        Ok(Self::Whole(encoded.features, encoded.notices))
    }

    pub(super) fn notices(&self) -> Notices {
        match self {
            Self::Whole(_, notices) => notices.clone(),
            Self::Parts(..) => Notices::default(),
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Whole(features, _) => Shape::of(features),
            Self::Parts(parts, Limits { n_columns: (n_values, n_codes), .. }) => {
                Shape { n_parts: parts.n_parts(), n_values: *n_values, n_codes: *n_codes }
            }
        }
    }

    /// The rows at `rows`, in that order.
    fn take(&self, rows: &[usize], run: &Run) -> Result<Features> {
        match self {
            Self::Whole(features, _) => Ok(features.take(rows)),
            Self::Parts(parts, _) => run.install(|| parts.take(rows)),
        }
    }

    fn known_anomalous(&self) -> Vec<bool> {
        match self {
            Self::Whole(features, _) => features.known_anomalous(),
            Self::Parts(parts, _) => parts.known_anomalous(),
        }
    }

    /// Rows that are scored at a time, where they are copied for it.
    fn block(&self) -> usize {
        (MOST_SCORED / (4 * self.shape().n_columns().max(1) as u64)).max(1) as usize
    }

    /// Scores of all rows, as new ones.
    pub(super) fn score(&self, model: &dyn AnyModel, run: &Run) -> Result<Vec<f32>> {
        match self {
            Self::Whole(features, _) => model.score(features, run),
            Self::Parts(parts, _) => {
                let (n, block) = (parts.n_parts(), self.block());
                let mut scores = Vec::with_capacity(n);
                for start in (0..n).step_by(block) {
                    let rows: Vec<usize> = (start..(start + block).min(n)).collect();
                    scores.extend(model.score(&self.take(&rows, run)?, run)?);
                }
                Ok(scores)
            }
        }
    }

    /// Scores of the rows at `rows`, as new ones.
    fn score_of(&self, model: &dyn AnyModel, rows: &[usize], run: &Run) -> Result<Vec<f32>> {
        let mut scores = Vec::with_capacity(rows.len());
        for block in rows.chunks(self.block()) {
            scores.extend(model.score(&self.take(block, run)?, run)?);
        }
        Ok(scores)
    }
}

/// Encoded rows, and which of them may be learned from; all where `None`.
pub(super) struct Rows<'a> {
    pub(super) held: &'a Held<'a>,
    pub(super) encoder: &'a dyn Encode,
    pub(super) kept: Option<&'a [usize]>,
}

impl Rows<'_> {
    /// Fits one member, on a sample where its plan says so, and ranks all rows.
    pub(super) fn fit_member(
        &self,
        member: &Member,
        run: &Run,
        notices: &mut Notices,
    ) -> Result<(Box<dyn AnyModel>, Vec<f32>)> {
        let entry = registry::method(&member.detector.kind)?;
        let params = columns::resolve(entry, &member.detector, |name, kind| kind.place(name, self.encoder))?;
        let detector = (entry.from_json)(&params)?;
        let id = detector.card().id;
        let shape = self.held.shape();
        let n_kept = self.n_kept();
        let (most_rows, fewest_rows) = match self.held {
            // Points that follow each other cannot be sampled.
            Held::Whole(features, _) if features.layout != Layout::Rows => (n_kept, n_kept),
            Held::Whole(..) => (n_kept, FEWEST_ROWS),
            Held::Parts(_, limits) => (limits.learned.min(n_kept), FEWEST_ROWS),
        };
        let held_bytes = features_bytes(Shape { n_parts: shape.n_parts.min(most_rows), ..shape });
        let free = run.max_memory_bytes().map(|limit| limit.saturating_sub(held_bytes));
        let budget = Budget { most_rows, fewest_rows, secs: member.budget_secs, bytes: free };
        let plan = plan_member(detector.as_ref(), shape, budget, run)?;
        let _stage = run.stage(&format!("{id}: {}", plan_text(&plan, run)), 0);
        let is_sampled = plan.fit_rows < n_kept;
        let (model, scores) = match self.held {
            Held::Whole(features, _) if !is_sampled && self.kept.is_none() => {
                detector.fit_score(features, run)?
            }
            _ => {
                let learned = match entry.learns_from_labels {
                    true => self.learned_with_labels(plan.fit_rows, run),
                    false => self.learned(plan.fit_rows, run),
                };
                let (model, own) = detector.fit_score(&self.held.take(&learned, run)?, run)?;
                let scores = self.with_others(&*model, &learned, &own, run)?;
                (model, scores)
            }
        };
        if is_sampled {
            let rows = plan.fit_rows;
            notices.info(
                None,
                format!(
                    "{id} learned from a random {rows} of the {n_kept} rows, to keep its time and memory bounded"
                ),
            );
        }
        Ok((model, scores))
    }

    /// Rows that may be learned from.
    fn n_kept(&self) -> usize {
        self.kept.map_or_else(|| self.held.shape().n_parts, <[usize]>::len)
    }

    /// `n` rows to learn from: all that may be, or a random sample of them, in order.
    fn learned(&self, n: usize, run: &Run) -> Vec<usize> {
        let n_kept = self.n_kept();
        let mut learned = index::sample(&mut run.random(u64::MAX), n_kept, n.min(n_kept)).into_vec();
        learned.sort_unstable();
        if let Some(kept) = self.kept {
            learned.iter_mut().for_each(|at| *at = kept[*at]);
        }
        learned
    }

    /// The same for methods that learn from labels: known anomalies are rare and worth most, so they all take part, as
    /// long as they are at most half of the sample.
    fn learned_with_labels(&self, n: usize, run: &Run) -> Vec<usize> {
        let is_odd = self.held.known_anomalous();
        let all = self.kept.map_or_else(|| (0..is_odd.len()).collect(), <[usize]>::to_vec);
        let n = n.min(all.len());
        let (odd, normal): (Vec<usize>, Vec<usize>) = all.into_iter().partition(|&row| is_odd[row]);
        let n_odd = odd.len().min((n / 2).max(n.saturating_sub(normal.len())));
        let mut learned: Vec<usize> = Vec::with_capacity(n);
        for (stream, rows, n) in [(u64::MAX, &odd, n_odd), (u64::MAX - 1, &normal, n - n_odd)] {
            learned.extend(index::sample(&mut run.random(stream), rows.len(), n).iter().map(|at| rows[at]));
        }
        learned.sort_unstable();
        learned
    }

    /// The scores of all rows: those of `learned` as given, the others as new rows.
    fn with_others(
        &self,
        model: &dyn AnyModel,
        learned: &[usize],
        own: &[f32],
        run: &Run,
    ) -> Result<Vec<f32>> {
        let mut scores = vec![f32::NAN; self.held.shape().n_parts];
        learned.iter().zip(own).for_each(|(&row, &score)| scores[row] = score);
        let others: Vec<usize> = (0..scores.len()).filter(|&row| scores[row].is_nan()).collect();
        let new = self.held.score_of(model, &others, run)?;
        others.iter().zip(new).for_each(|(&row, score)| scores[row] = score);
        Ok(scores)
    }
}

fn plan_text(plan: &MemberPlan, run: &Run) -> String {
    let secs = plan.secs / run.n_threads() as f64;
    let time = if secs < 1.0 { "under 1 s".into() } else { format!("about {secs:.0} s") };
    format!("{time}, {}", crate::plan::bytes_text(plan.bytes))
}

#[cfg(test)]
mod tests {
    use anomalyst_core::{Dataset, Run, Series};
    use ndarray::Array2;

    use crate::pipeline::Pipeline;
    use crate::recipe::Modality;
    use crate::registry::{self, Task};

    /// Where memory is short, windows are made a few at a time: scores by a fitted pipeline are the same bits, and a fit
    /// learns from a sample, says so and still finds what is odd.
    #[test]
    fn short_memory_changes_what_is_learned_and_not_how_it_is_scored() {
        let noise = |i: usize| ((i * i * 7 + i * 13) % 101) as f64 / 500.0;
        let cell = |(i, _): (usize, usize)| {
            (i as f64 * 0.3).sin() + noise(i) + if (2000..2010).contains(&i) { 3.0 } else { 0.0 }
        };
        let data = Dataset::Series(Series::one(Array2::from_shape_fn((6000, 1), cell)));
        let (free, short) = (Run::new(0), Run::new(0).with_max_memory(300_000));
        for id in ["pca", "hbos"] {
            let recipe = registry::resolve(id, Task::Scan, Modality::Series).unwrap();
            let (pipeline, _) = Pipeline::fit(&recipe, &data, &free).unwrap();
            let scores = pipeline.score(&data, &free).unwrap().0;
            assert_eq!(scores, pipeline.score(&data, &short).unwrap().0, "{id}");
            let (_, report) = Pipeline::fit(&recipe, &data, &short).unwrap();
            assert!(report.notices.0.iter().any(|n| n.message.contains("learned from a random")), "{id}");
            let peak = (0..6000).max_by(|&a, &b| report.scores[a].total_cmp(&report.scores[b])).unwrap();
            assert!((1970..2040).contains(&peak), "{id}: {peak}");
        }
    }
}
