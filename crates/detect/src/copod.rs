//! Copula-based outlier detection (COPOD).
//!
//! # Idea
//! The empirical copula turns each value into the share of training values at or below it, so that only ranks are
//! left. A row is odd when the copula's tail beyond it is small, with columns taken as independent. Of the two tails
//! of a column, the longer one counts. There is nothing to tune.
//!
//! # Equations
//! With `F_j(v)` the share of training values of column `j` at or below `v`, and `G_j(v)` the share at or above:
//! `L_j = -ln F_j(x_j)`, `R_j = -ln G_j(x_j)`, and `A_j` is `L_j` if the column is skewed to the left and `R_j`
//! otherwise.
//! - `per_column`: `s(x) = sum_j max(A_j, (L_j + R_j) / 2)`.
//! - `per_side`: `s(x) = max(sum_j L_j, sum_j R_j, sum_j A_j)` (algorithm 1 of the paper).
//!
//! # Score
//! Nats, 0 and up. A constant column adds 0. A value beyond all `n` training values counts as a share of
//! `1 / (n + 1)`, however far out it lies. A missing value adds what the column adds on average in training, and so
//! says nothing.
//!
//! # Complexity
//! Fit O(n log n d), score O(log n d) per row. The model holds the distinct training values of each column, up to
//! 65,536 of them; beyond that some thousands, see `tail_error`.
//!
//! # Use when / Avoid when
//! As `ecod`, where one tail of each column is the one to look at: amounts, durations, counts. Avoid where the short
//! tail matters as much, which here has half the weight, and where anomalies are combinations of ordinary values.
//!
//! # Differences
//! - `per_column` is the default, as in PyOD and in the released code of the authors; the paper's text adds up
//!   sides first, which is `per_side` and the same as that of `ecod`.
//! - New rows are scored by the distribution of the training rows alone. PyOD adds the new rows to it, so there a
//!   row's score depends on its batch.
//! - A column of skewness exactly 0 counts as skewed to the right, as in the paper; PyOD adds both sides.
//!
//! # References
//! Li, Zhao, Botta, Ionescu, Hu 2020, COPOD: copula-based outlier detection, ICDM. doi:10.1109/ICDM50108.2020.00135
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Copod;
//! let rows = Features::rows(ndarray::array![[1.0_f32], [2.0], [3.0], [9.0]]);
//! let (_, scores) = Copod::default().fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!((scores[3] - 4.0_f32.ln()).abs() < 1e-6); // one of four values is as high
//! assert!((scores[0] - 2.0_f32.ln()).abs() < 1e-6); // the short tail: half of ln 4
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use serde::{Deserialize, Serialize};

use crate::ecod::{Blend, TailSums};

/// How columns are put together, and how closely large columns are kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Copod {
    /// Whether tails are weighed for each column or for the whole row.
    pub combine: Combine,
    /// Largest error of one column's share of a score, in nats, for new rows and columns of more than 65,536
    /// different values; smaller columns are exact. 0 keeps every value, at 12 bytes each in the model.
    #[schemars(range(min = 0.0, max = 0.1))]
    pub tail_error: f64,
}

impl Default for Copod {
    fn default() -> Self {
        Self { combine: Combine::PerColumn, tail_error: 1e-3 }
    }
}

/// Whether tails are weighed for each column or for the whole row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The longer tail of each column, or the mean of its two if that is more, as in PyOD.
    #[default]
    PerColumn,
    /// All left tails, all right tails or all longer tails, whichever is rarest, as in the paper.
    PerSide,
}

impl Combine {
    const fn blend(self) -> Blend {
        match self {
            Self::PerColumn => Blend::LongerOrMean,
            Self::PerSide => Blend::Apart,
        }
    }
}

/// The training distribution of each column.
pub struct CopodModel {
    tails: TailSums,
    combine: Combine,
}

impl Params for Copod {}

impl Detector for Copod {
    const CARD: Card = Card {
        id: "copod",
        title: "Copula-based outlier detection (COPOD)",
        summary: "Rows with values far out in the longer tails of single columns.",
        paper: "Li et al. 2020, COPOD, ICDM. doi:10.1109/ICDM50108.2020.00135",
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
    type Model = CopodModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<CopodModel> {
        Ok(self.fit_score(train, run)?.0)
    }

    /// The ranks of training rows come straight from the sort, so these scores are exact at any size.
    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(CopodModel, Vec<f32>)> {
        let values = train.features().values.view();
        let (tails, scores) = TailSums::fit_score(values, self.combine.blend(), self.tail_error, run)?;
        Ok((CopodModel { tails, combine: self.combine }, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        TailSums::estimate(shape)
    }
}

impl Model for CopodModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.tails.score(rows, run)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(&self.tails)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("combine", &self.combine)?;
        self.tails.save(out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let combine: Combine = from.json("combine")?;
        Ok(Self { tails: TailSums::load(from, shape.n_values, combine.blend())?, combine })
    }
}
