//! Levels that rarely meet although each is ordinary (r-values of pairs of columns).
//!
//! # Idea
//! A rare level is odd by itself; two ordinary levels are odd together when they meet far less often than chance
//! would have it. Only columns that depend on one another can say so, and a row may break several such habits at once,
//! each in other columns.
//!
//! # Equations
//! For levels `a`, `b` of two columns, met `C_ab` times in `n` rows and expected `E_ab = C_a C_b / n` times by chance:
//! `r(a, b) = (C_ab + 1) / (E_ab + 1)`, the r-value of the paper. Pairs of columns count whose mutual information
//! `I = sum_ab (C_ab / n) ln(C_ab / E_ab)`, less its bias by chance `(K - 1)(L - 1) / (2 n)` for `K` and `L` levels,
//! is at least `min_information`.
//!
//! A level by itself, with `rarity`: `t(a) = -ln((C_a + 1) / (n + K + 1)) - H`, where `H` is the entropy of its column,
//! the average of that surprise.
//!
//! The row's terms `-ln r` and `t` above 0 are taken largest first, each only if none of its columns is in a term
//! taken already; `s(x)` is their sum.
//!
//! # Score
//! Nats, 0 and up. 0 for a row in which nothing is rarer than usual. Missing values are a level of their own; a category
//! never seen is a level of no rows.
//!
//! # Complexity
//! Fit O(n d^2), plus O(n log n d) for the bins of numbers; score O(p) per row for `p` pairs of columns. Memory 2 bytes
//! per cell while fitting, and `4 max_levels^2` bytes per pair at most.
//!
//! # Use when / Avoid when
//! Events and records with dependent categories (port and protocol, country and currency), where the odd pair shall be
//! named. Avoid where columns are independent, which leaves rarity alone, as `hbos` has it faster, and where only
//! three levels together are odd, which `rare_patterns` sees.
//!
//! # Differences
//! - One is added to counts met and expected. The paper adds one to every cell of the table, which for columns of
//!   many levels makes most of what is added up: all common pairs then seem to meet too rarely. With few levels both
//!   are the same but for terms of `1 / n`. A level of few rows has `r` near 1, since nothing can be said of it.
//! - Pairs of single columns only; the paper also takes pairs of sets of columns.
//! - Rare levels by themselves are terms as well. The paper sets them aside on purpose; `rarity = false` does so.
//! - The bias is taken off the mutual information (Miller 1955), so that columns of many levels do not depend on each
//!   other by chance.
//! - The `max_levels - 1` most frequent levels of a column have places in its pairs, all others share one. Numbers
//!   become `n_bins` bins of equal frequency, and two more on each side beyond Tukey's fences.
//! - Of terms of exactly equal size the first is taken, numbers before codes and columns before pairs, so the order of
//!   columns may matter.
//!
//! # References
//! - Das, Schneider 2007, Detecting anomalous records in categorical datasets, KDD. doi:10.1145/1281192.1281219
//! - Miller 1955, Note on the bias of information estimates, Information Theory in Psychology, pages 95 to 100.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::CoOccurrence;
//! // 0 goes with 0 and 1 with 1, ten times each; in the last row 0 meets 1.
//! let codes = ndarray::Array2::from_shape_fn((21, 2), |(i, j)| if i < 20 { i as u32 % 2 } else { j as u32 });
//! let rows = Features::rows(ndarray::Array2::zeros((21, 0))).with_codes(codes).unwrap();
//! let (_, scores) = CoOccurrence::default().fit_score_on(&rows, &Run::new(0)).unwrap();
//! let expected = 11.0 * 11.0 / 21.0; // rows with 0 in the first column, 1 in the second
//! assert!((scores[20] + (2.0_f32 / (expected + 1.0)).ln()).abs() < 1e-5);
//! ```

mod pairs;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Features, Growth, Handles,
    Invariance, LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::levels::Levels;
use pairs::Pairs;

/// Rows that are scored at a time.
const ROWS: usize = 512;

/// Which pairs of columns count, and whether rare levels do by themselves.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CoOccurrence {
    /// Least mutual information of two columns, in nats, for their pairs of levels to count.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub min_information: f64,
    /// Most pairs of columns; those of most information are kept.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_pairs: usize,
    /// Most levels of a column in its pairs; the rarest share one.
    #[schemars(range(min = 2, max = 1024))]
    pub max_levels: usize,
    /// Bins of equal frequency per number column, beside those of far and missing values.
    #[schemars(range(min = 2, max = 1000))]
    pub n_bins: usize,
    /// Whether a rare level is odd by itself.
    pub rarity: bool,
}

impl Default for CoOccurrence {
    fn default() -> Self {
        Self { min_information: 0.02, max_pairs: 5000, max_levels: 64, n_bins: 8, rarity: true }
    }
}

/// What every level, and every pair of levels, adds to a score.
pub struct CoOccurrenceModel {
    levels: Levels,
    /// The term of each level by itself.
    alone: Vec<f32>,
    /// That of a level never seen, for each column.
    alone_unseen: Vec<f32>,
    pairs: Pairs,
}

impl Params for CoOccurrence {}

impl Detector for CoOccurrence {
    const CARD: Card = Card {
        id: "co_occurrence",
        title: "Co-occurrence of levels (r-values)",
        summary: "Rows in which levels meet that rarely do, and rare levels; names the odd pair.",
        paper: "Das and Schneider 2007, KDD. doi:10.1145/1281192.1281219",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[
            Invariance::RowOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = CoOccurrenceModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<CoOccurrenceModel> {
        let features = train.features();
        if u32::try_from(features.n_parts()).is_err() {
            return Err(Error::Budget {
                what: "co_occurrence".into(),
                need: format!("{} rows", features.n_parts()),
                limit: "4294967295 rows".into(),
                hint: "take a sample".into(),
            });
        }
        let stage = run.stage("counting pairs of levels", 2);
        let levels = Levels::fit(features, self.n_bins, run)?;
        let counts = levels.count(features, run)?;
        stage.advance(1);
        let pairs = Pairs::fit((&levels, &counts), features, self, run)?;
        stage.advance(1);
        let mut alone = vec![0.0; levels.n_levels()];
        let mut alone_unseen = vec![0.0; levels.n_columns()];
        for (column, range) in levels.ranges().enumerate().filter(|_| self.rarity) {
            let term = rarity(&counts[range.clone()], features.n_parts());
            alone_unseen[column] = term(0);
            range.for_each(|level| alone[level] = term(counts[level]));
        }
        Ok(CoOccurrenceModel { levels, alone, alone_unseen, pairs })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_columns() as f64);
        let pairs = d * (d - 1.0).max(0.0) / 2.0;
        let kept = pairs.min(self.max_pairs as f64);
        let per_column = self.max_levels.min(self.n_bins + 6) as f64;
        Estimate {
            bytes: (2.0 * n * d + 12.0 * n + 16.0 * pairs + 4.0 * kept * per_column.powi(2)) as u64,
            fit_nanos: n * d * (12.0 + 2.0 * n.max(2.0).log2()) + 1.5 * n * (pairs + kept),
            score_nanos_per_row: 10.0 * d + 6.0 * kept,
        }
    }
}

/// The term of a level by how many of the `n` rows have it, in a column with these counts.
fn rarity(counts: &[u32], n: usize) -> impl Fn(u32) -> f32 {
    let n = n as f64;
    let share = |&count: &u32| f64::from(count) / n;
    let entropy: f64 = -counts.iter().map(share).filter(|&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>();
    let total = n + counts.len() as f64 + 1.0;
    move |count| (-((f64::from(count) + 1.0) / total).ln() - entropy).max(0.0) as f32
}

/// Space for the terms of one row.
struct Terms {
    levels: Vec<u32>,
    places: Vec<u16>,
    /// Size and number of each term: columns, then pairs.
    found: Vec<(f32, u32)>,
    taken: Vec<bool>,
}

impl CoOccurrenceModel {
    /// The pairs of columns that count, most informative first, numbers before codes.
    pub fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs.columns
    }

    fn terms(&self) -> Terms {
        let d = self.levels.n_columns();
        Terms { levels: vec![0; d], places: vec![0; d], found: Vec::new(), taken: vec![false; d] }
    }

    /// Hands the terms of a row that count to `take`, with their one or two columns.
    fn each_term(
        &self,
        features: &Features,
        row: usize,
        terms: &mut Terms,
        mut take: impl FnMut(f32, usize, usize),
    ) {
        let d = self.levels.n_columns();
        terms.found.clear();
        for column in 0..d {
            let level = self.levels.of_cell(features, row, column);
            terms.levels[column] = level;
            terms.places[column] = self.pairs.place(level);
            let alone = self.alone.get(level as usize).unwrap_or(&self.alone_unseen[column]);
            terms.found.extend((*alone > 0.0).then_some((*alone, column as u32)));
        }
        self.pairs.each(&terms.places, |pair, term| terms.found.push((term, (d + pair) as u32)));
        terms.found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        terms.taken.fill(false);
        for &(term, number) in &terms.found {
            let (a, b) = match (number as usize).checked_sub(d) {
                Some(pair) => (self.pairs.columns[pair].0 as usize, self.pairs.columns[pair].1 as usize),
                None => (number as usize, number as usize),
            };
            if !terms.taken[a] && !terms.taken[b] {
                (terms.taken[a], terms.taken[b]) = (true, true);
                take(term, a, b);
            }
        }
    }
}

impl Model for CoOccurrenceModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let mut scores = vec![0.0; rows.n_parts()];
        scores.par_chunks_mut(ROWS).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            let mut terms = self.terms();
            for (i, score) in scores.iter_mut().enumerate() {
                let mut sum = 0.0_f64;
                let row = block * ROWS + i;
                self.each_term(rows.features(), row, &mut terms, |term, _, _| sum += f64::from(term));
                *score = sum as f32;
            }
            Ok(())
        })?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.levels.save(out);
        out.put_list("alone", &self.alone);
        out.put_list("alone_unseen", &self.alone_unseen);
        self.pairs.save(out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let levels = Levels::load(from, shape.n_values, shape.n_codes)?;
        let alone = from.list_of("alone", levels.n_levels())?;
        let alone_unseen = from.list_of("alone_unseen", levels.n_columns())?;
        if !alone.iter().chain(&alone_unseen).all(|&term| pairs::is_sound(term)) {
            return Err(Error::model("what a level adds is no size of a term"));
        }
        let pairs = Pairs::load(from, &levels)?;
        Ok(Self { levels, alone, alone_unseen, pairs })
    }
}

impl Attribute for CoOccurrenceModel {
    /// The terms that make up the score: that of a level to its column, that of a pair to both columns by halves.
    /// Shares of a row sum to its score, and the columns of an odd pair have equal ones.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let mut terms = self.terms();
        self.levels.attributions(rows.n_parts(), |row, shares| {
            run.check()?;
            self.each_term(rows.features(), row, &mut terms, |term, a, b| {
                shares[a] += f64::from(term) / 2.0;
                shares[b] += f64::from(term) / 2.0;
            });
            Ok(())
        })
    }
}
