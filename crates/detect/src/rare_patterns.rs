//! Rows that hold few of the patterns which most rows hold (FPOF).
//!
//! # Idea
//! Combinations of levels that occur in many rows are what is normal in a table of categories. A row is odd when it
//! holds few of these frequent patterns, be it for a rare level or for a rare combination of ordinary ones.
//!
//! # Equations
//! A pattern `X` is a set of levels of different columns, at most `max_len` of them; `supp(X)` is the share of
//! training rows that hold all of them; `F` is the set of patterns with `supp(X) >= min_support`. The frequent
//! pattern outlier factor (definition 5 of the paper) is `FPOF(x) = sum_(X in F, X held by x) supp(X) / |F|`, and
//! `s(x) = 1 - FPOF(x)`.
//!
//! # Score
//! 0 to 1. 1 for a row that holds no frequent pattern at all, and for all rows where there is none. Missing values
//! are a level of their own. A category or a gap never seen in training is in no pattern.
//!
//! # Complexity
//! Mining is exact: `O(|C| n / 64)` word operations for the `|C|` candidates, patterns that are frequent but for
//! their last level. Scoring O(|F|) per row at most, since what follows a level that a row lacks is skipped. One column
//! has at most `1 / min_support` frequent levels, so `|F|` is at most `C(d, max_len) / min_support` for each length.
//! Memory: n / 8 bytes for each frequent level, 12 bytes for each pattern.
//!
//! # Use when / Avoid when
//! Tables of categories, or of categories and numbers, in which rows follow a few templates. Avoid on many numbers
//! without groups: bins tell little, and their combinations are all about as rare.
//!
//! # Differences
//! - Patterns are bounded in length, as in the experiments of the paper, and in number: where more than
//!   `max_patterns` are frequent, the longest are left out, a whole length at a time, so that what is kept is still
//!   complete.
//! - Numbers become `n_bins` bins of equal frequency, and two bins more on each side beyond Tukey's fences; the paper
//!   knows only categories.
//! - The sign is turned, so that higher is more anomalous.
//!
//! # References
//! - He, Xu, Huang, Deng 2005, FP-outlier: frequent pattern based outlier detection, ComSIS 2(1).
//!   doi:10.2298/CSIS0501103H
//! - Zaki 2000, Scalable algorithms for association mining, IEEE TKDE 12(3). doi:10.1109/69.846291 (the search)
//! - Tukey 1977, Exploratory data analysis, section 2D (the fences).
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::RarePatterns;
//! // Levels go together, 0 with 0 and 1 with 1, but for the last row.
//! let codes = ndarray::array![[0_u32, 0], [0, 0], [1, 1], [1, 1], [0, 1]];
//! let rows = Features::rows(ndarray::Array2::zeros((5, 0))).with_codes(codes).unwrap();
//! let params = RarePatterns { min_support: 0.4, ..Default::default() };
//! let (_, scores) = params.fit_score_on(&rows, &Run::new(0)).unwrap();
//! // Frequent are all four levels, 0 and 1 with shares 3/5 and 2/5, and the two pairs with 2/5 each.
//! assert!((scores[0] - (1.0 - (0.6 + 0.4 + 0.4) / 6.0)).abs() < 1e-6);
//! assert!((scores[4] - (1.0 - (0.6 + 0.6) / 6.0)).abs() < 1e-6);
//! ```

mod mine;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Features, Growth, Handles,
    Invariance, LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::levels::{Levels, UNSEEN};
use mine::{Node, Patterns};

/// Rows that are scored at a time.
const ROWS: usize = 512;

/// What is frequent, and how long patterns may be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RarePatterns {
    /// Share of the rows that must hold a pattern for it to be frequent.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub min_support: f64,
    /// Most levels in a pattern; 1 looks at columns one by one.
    #[schemars(range(min = 1, max = 8))]
    pub max_len: usize,
    /// Bins of equal frequency per number column, beside those of far and missing values.
    #[schemars(range(min = 2, max = 100))]
    pub n_bins: usize,
    /// Most patterns to keep; beyond that the longest are left out.
    #[schemars(range(min = 1_000, max = 100_000_000))]
    pub max_patterns: usize,
}

impl Default for RarePatterns {
    fn default() -> Self {
        Self { min_support: 0.02, max_len: 3, n_bins: 5, max_patterns: 1_000_000 }
    }
}

/// The frequent patterns.
pub struct RarePatternsModel {
    levels: Levels,
    patterns: Patterns,
    /// For each level, its number among the frequent ones, or [`UNSEEN`].
    rank: Vec<u32>,
    /// What each column adds to a row's FPOF on average in training, for attribution.
    usual: Vec<f64>,
}

impl Params for RarePatterns {}

impl Detector for RarePatterns {
    const CARD: Card = Card {
        id: "rare_patterns",
        title: "Frequent pattern outlier factor (FPOF)",
        summary: "Rows that hold few of the combinations of levels that most rows hold.",
        paper: "He, Xu, Huang, Deng 2005, FP-outlier, ComSIS. doi:10.2298/CSIS0501103H",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = RarePatternsModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<RarePatternsModel> {
        let features = train.features();
        if u32::try_from(features.n_parts()).is_err() {
            return Err(Error::Budget {
                what: "rare_patterns".into(),
                need: format!("{} rows", features.n_parts()),
                limit: "4294967295 rows".into(),
                hint: "take a sample".into(),
            });
        }
        let stage = run.stage("mining frequent patterns", 2);
        let levels = Levels::fit(features, self.n_bins, run)?;
        stage.advance(1);
        let patterns = Patterns::mine(&levels, features, self, run)?;
        stage.advance(1);
        Ok(RarePatternsModel::new(levels, patterns))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_columns() as f64);
        // Levels that a column may have and that are frequent; as many candidates follow each frequent pattern.
        let per_column = (self.n_bins as f64 + 1.0).min(1.0 / self.min_support);
        let (mut patterns, mut candidates, mut sets) = (d * per_column, 0.0, d);
        for len in 2..=self.max_len.min(shape.n_columns()) {
            sets *= (d - len as f64 + 1.0) / len as f64;
            let more = sets * (1.0 / self.min_support).min(per_column.powi(len as i32));
            if patterns + more > self.max_patterns as f64 {
                break;
            }
            candidates += more * per_column;
            patterns += more;
        }
        let bitmaps = d * per_column * n / 8.0;
        Estimate {
            bytes: (bitmaps + 16.0 * patterns + 8.0 * n * rayon::current_num_threads() as f64) as u64,
            fit_nanos: n * d * (10.0 + 2.0 * n.max(2.0).log2()) + candidates * (n / 64.0 + 20.0),
            score_nanos_per_row: 2.0 * patterns.min(1e9) / per_column + 10.0 * d,
        }
    }
}

impl RarePatternsModel {
    fn new(levels: Levels, patterns: Patterns) -> Self {
        let mut rank = vec![UNSEEN; levels.n_levels()];
        patterns.levels.iter().enumerate().for_each(|(i, &level)| rank[level as usize] = i as u32);
        let mut model = Self { usual: vec![0.0; levels.n_columns()], levels, patterns, rank };
        model.usual = model.usual_shares();
        model
    }

    /// How many patterns are frequent.
    pub fn n_patterns(&self) -> usize {
        self.patterns.nodes.len()
    }

    /// What the support of one pattern adds to FPOF: rows over rows times patterns.
    fn weight(&self, count: u32) -> f64 {
        f64::from(count) / (f64::from(self.patterns.n_rows) * self.patterns.nodes.len() as f64)
    }

    /// A pattern adds its weight in the share of rows that hold it, to each of its columns alike.
    fn usual_shares(&self) -> Vec<f64> {
        let mut usual = vec![0.0; self.levels.n_columns()];
        self.patterns.walk(
            |_| true,
            |node, path| {
                let held = f64::from(node.count) / f64::from(self.patterns.n_rows);
                let share = held * self.weight(node.count) / path.len() as f64;
                path.iter().for_each(|&level| usual[self.column(level)] += share);
            },
        );
        usual
    }

    /// The column of a frequent level.
    fn column(&self, rank: u32) -> usize {
        let level = self.patterns.levels[rank as usize];
        self.levels.starts().partition_point(|&start| start <= level) - 1
    }

    /// Says of each frequent level whether the row holds it.
    fn mark(&self, features: &Features, row: usize, held: &mut [bool]) {
        held.fill(false);
        for column in 0..self.levels.n_columns() {
            let level = self.levels.of_cell(features, row, column);
            if let Some(&rank) = self.rank.get(level as usize)
                && rank != UNSEEN
            {
                held[rank as usize] = true;
            }
        }
    }
}

impl Model for RarePatternsModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let features = rows.features();
        let mut scores = vec![0.0; rows.n_parts()];
        scores.par_chunks_mut(ROWS).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            let mut held = vec![false; self.patterns.levels.len()];
            for (i, score) in scores.iter_mut().enumerate() {
                self.mark(features, block * ROWS + i, &mut held);
                let mut sum = 0_u64;
                self.patterns
                    .each_held(|rank| held[rank as usize], |node: &Node| sum += u64::from(node.count));
                let all = f64::from(self.patterns.n_rows) * self.patterns.nodes.len().max(1) as f64;
                *score = (1.0 - sum as f64 / all) as f32;
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
        self.patterns.save(out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let levels = Levels::load(from, shape.n_values, shape.n_codes)?;
        let patterns = Patterns::load(from, &levels)?;
        Ok(Self::new(levels, patterns))
    }
}

impl Attribute for RarePatternsModel {
    /// What the patterns with that column add to FPOF on average in training, less what they add in the row; a
    /// pattern counts for all its columns alike. These are the Shapley values of the columns. The shares of a row
    /// sum to its score less the average score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let mut held = vec![false; self.patterns.levels.len()];
        self.levels.attributions(rows.n_parts(), |row, shares| {
            run.check()?;
            self.mark(rows.features(), row, &mut held);
            shares.copy_from_slice(&self.usual);
            self.patterns.walk(
                |rank| held[rank as usize],
                |node, path| {
                    let share = self.weight(node.count) / path.len() as f64;
                    path.iter().for_each(|&rank| shares[self.column(rank)] -= share);
                },
            );
            Ok(())
        })
    }
}
