//! Tail probabilities of empirical distributions (ECOD).
//!
//! # Idea
//! In each column, a value is odd when few training values lie as far out on its side. The surprises of all
//! columns, as negative logarithms of those shares, are added up. There is nothing to tune.
//!
//! # Equations
//! With `F_j(v)` the share of training values of column `j` at or below `v`, and `G_j(v)` the share at or above:
//! `L_j = -ln F_j(x_j)`, `R_j = -ln G_j(x_j)`.
//! - `per_column`: `s(x) = sum_j max(L_j, R_j)`.
//! - `per_side`: `s(x) = max(sum_j L_j, sum_j R_j, sum_j A_j)`, where `A_j` is `L_j` if the column is skewed to the
//!   left and `R_j` otherwise (equations 8 to 10 of the paper).
//!
//! # Score
//! Nats, 0 and up. A constant column adds 0. A value beyond all `n` training values counts as a share of
//! `1 / (n + 1)`, so it is odder than any training value, however far out it lies. A missing value adds what the
//! column adds on average in training, and so says nothing.
//!
//! # Complexity
//! Fit O(n log n d), score O(log n d) per row. The model holds the distinct training values of each column, up to
//! 65,536 of them; beyond that some thousands, see `tail_error`.
//!
//! # Use when / Avoid when
//! As a first look, on any scale of columns, with heavy tails. Avoid where anomalies are combinations of ordinary
//! values or lie between two clusters: both have no tail.
//!
//! # Differences
//! - `per_column` is the default, as in PyOD and in the released code of the authors; the paper's text adds up
//!   sides first, which is `per_side`.
//! - New rows are scored by the distribution of the training rows alone. PyOD adds the new rows to it, so there a
//!   row's score depends on its batch.
//! - A column of skewness exactly 0 counts as skewed to the right, as in the paper; PyOD adds both sides.
//!
//! # References
//! Li, Zhao, Hu, Botta, Ionescu, Chen 2022, ECOD, IEEE TKDE 35(12). doi:10.1109/TKDE.2022.3159580
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Ecod;
//! let rows = Features::rows(ndarray::array![[1.0_f32], [2.0], [3.0], [9.0]]);
//! let (_, scores) = Ecod::default().fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!((scores[3] - 4.0_f32.ln()).abs() < 1e-6); // one of four values is as high
//! ```

mod tails;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use tails::{Nats, Surprise, Tails};

/// Columns that are sorted at a time at most, one per thread; bounds the working memory of a fit.
const COLUMNS: usize = 8;
/// Rows that are scored at a time, column by column, so that one column's values stay in the cache.
const ROWS: usize = 4096;

/// How columns are put together, and how closely large columns are kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ecod {
    /// Whether the rarer side is chosen for each column or for the whole row.
    pub combine: Combine,
    /// Largest error of one column's share of a score, in nats, for new rows and columns of more than 65,536
    /// different values; smaller columns are exact. 0 keeps every value, at 12 bytes each in the model.
    #[schemars(range(min = 0.0, max = 0.1))]
    pub tail_error: f64,
}

impl Default for Ecod {
    fn default() -> Self {
        Self { combine: Combine::PerColumn, tail_error: 1e-3 }
    }
}

/// Whether the rarer side is chosen for each column or for the whole row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The rarer tail of each column, as in PyOD.
    #[default]
    PerColumn,
    /// All left tails, all right tails or all skewed tails, whichever is rarest, as in the paper.
    PerSide,
}

/// The training distribution of each column.
pub struct EcodModel {
    columns: Vec<Tails>,
    combine: Combine,
}

impl Params for Ecod {}

impl Detector for Ecod {
    const CARD: Card = Card {
        id: "ecod",
        title: "Empirical tail probabilities (ECOD)",
        summary: "Rows with values far out in the tails of single columns.",
        paper: "Li et al. 2022, ECOD, IEEE TKDE. doi:10.1109/TKDE.2022.3159580",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Logarithmic },
        min_items: 1,
        control: false,
    };
    type Model = EcodModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<EcodModel> {
        Ok(self.fit_score(train, run)?.0)
    }

    /// The ranks of training rows come straight from the sort, so these scores are exact at any size.
    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(EcodModel, Vec<f32>)> {
        let values = train.features().values.view();
        if u32::try_from(values.nrows()).is_err() {
            return Err(Error::Budget {
                what: "ecod".into(),
                need: format!("{} rows", values.nrows()),
                limit: "4294967295 rows".into(),
                hint: "take a sample".into(),
            });
        }
        let stage = run.stage("sorting columns", values.ncols() as u64);
        let nats = Nats::new(values.nrows() as u32);
        let mut sums = vec![Sum::default(); values.nrows()];
        let mut columns = Vec::with_capacity(values.ncols());
        for block in values.axis_chunks_iter(Axis(1), run.n_threads().clamp(1, COLUMNS)) {
            run.check()?;
            let sorted: Vec<(Tails, Vec<Surprise>)> = block
                .axis_iter(Axis(1))
                .into_par_iter()
                .map(|column| Tails::fit(column, self.combine, self.tail_error, &nats))
                .collect();
            sums.par_chunks_mut(ROWS).enumerate().for_each(|(b, sums)| {
                for (tails, surprises) in &sorted {
                    sums.iter_mut().zip(&surprises[b * ROWS..]).for_each(|(sum, &s)| sum.add(s, tails));
                }
            });
            stage.advance(sorted.len() as u64);
            columns.extend(sorted.into_iter().map(|(tails, _)| tails));
        }
        let scores = sums.iter().map(Sum::score).collect();
        Ok((EcodModel { columns, combine: self.combine }, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let at_once = shape.n_values.min(COLUMNS) as u64;
        Estimate {
            bytes: shape.n_parts as u64 * (24 + 44 * at_once)
                + 20 * (shape.n_parts.min(tails::EXACT_POINTS) * shape.n_values) as u64,
            fit_nanos: n * d * (15.0 + 2.0 * n.max(2.0).log2()),
            score_nanos_per_row: d * (5.0 + 1.5 * n.max(2.0).log2()),
        }
    }
}

/// A row's sums over columns, in f64 so that their order hardly matters.
#[derive(Clone, Copy, Default)]
struct Sum {
    left: f64,
    right: f64,
    skewed: f64,
}

impl Sum {
    /// For `per_column` the larger side stands on both sides of a [`Surprise`], so all three sums are the same.
    fn add(&mut self, surprise: Surprise, tails: &Tails) {
        self.left += f64::from(surprise.left);
        self.right += f64::from(surprise.right);
        self.skewed += f64::from(tails.skewed(surprise));
    }

    fn score(&self) -> f32 {
        self.left.max(self.right).max(self.skewed) as f32
    }
}

impl EcodModel {
    fn sums(&self, rows: ArrayView2<'_, f32>) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); rows.nrows()];
        for (tails, column) in self.columns.iter().zip(rows.columns()) {
            sums.iter_mut().zip(column).for_each(|(sum, &v)| sum.add(tails.surprise(v), tails));
        }
        sums
    }
}

impl Model for EcodModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        let blocks: Vec<Result<Vec<f32>>> = values
            .axis_chunks_iter(Axis(0), ROWS)
            .into_par_iter()
            .map(|block| {
                run.check()?;
                Ok(self.sums(block).iter().map(Sum::score).collect())
            })
            .collect();
        Ok(blocks.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("combine", &self.combine)?;
        tails::save(&self.columns, out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        Ok(Self { combine: from.json("combine")?, columns: tails::load(from, shape.n_values)? })
    }
}

impl Attribute for EcodModel {
    /// Each column's exact share; the shares of a row sum to its score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let mut values = Array2::zeros(rows.values.dim());
        for start in (0..rows.n_parts()).step_by(ROWS) {
            run.check()?;
            let block = start..(start + ROWS).min(rows.n_parts());
            let cells = rows.values.slice(s![block.clone(), ..]);
            let sums = self.sums(cells);
            let mut out = values.slice_mut(s![block, ..]);
            for ((tails, column), mut out) in self.columns.iter().zip(cells.columns()).zip(out.columns_mut())
            {
                for ((sum, &v), out) in sums.iter().zip(column).zip(&mut out) {
                    let surprise = tails.surprise(v);
                    *out = if sum.left >= sum.right && sum.left >= sum.skewed {
                        surprise.left
                    } else if sum.right >= sum.skewed {
                        surprise.right
                    } else {
                        tails.skewed(surprise)
                    };
                }
            }
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
