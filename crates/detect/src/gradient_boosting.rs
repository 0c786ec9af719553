//! Gradient-boosted trees, learned from labels.
//!
//! # Idea
//! Trees are grown one after another, each to mend what those before it get wrong about which rows are labelled
//! anomalous; their sum is the logarithm of the odds.
//!
//! # Equations
//! With `y_i` 1 for rows labelled anomalous and 0 for all others, weights `w_i`, and `p_i = 1 / (1 + exp(-F(x_i)))`:
//!
//! - `F_0 = ln(sum w_i y_i / sum w_i (1 - y_i))`, `F_t = F_(t-1) + learning_rate f_t`
//! - `g_i = w_i (p_i - y_i)`, `h_i = w_i p_i (1 - p_i)`
//! - a leaf with the rows `I` adds `-G / (H + l2)`, `G = sum g_i`, `H = sum h_i` over `I` (equation 5 of Chen and
//!   Guestrin), and is split where `G_l^2 / (H_l + l2) + G_r^2 / (H_r + l2) - G^2 / (H + l2)` is largest, until
//!   there are `max_leaves` or none gains
//! - a missing value goes to the side where it gains more
//! - `w_i = c r` for anomalous and `c` for other rows, `r = (n_0 / n_1)^balance`, weights of mean 1
//! - `s(x) = F(x) - ln r`, which takes the weights back out of the odds
//!
//! # Score
//! The natural logarithm of the odds of being anomalous, as in the training rows; 0 where both are as likely. All rows
//! score the same where no split gains.
//!
//! # Complexity
//! Fit O(n d) for bins of each column and O(n d log(max_leaves)) for each tree, score O(n_trees log(max_leaves)) per
//! row. Memory O(n d).
//!
//! # Use when / Avoid when
//! Past anomalies are known, some dozens at least, and those to come are of the same kinds. Avoid where new kinds
//! matter: what no label speaks of is not seen. With few labels `xgbod` has detectors to lean on.
//!
//! # Differences
//! - Rows of which nothing is known count as normal, as in the comparisons of Han et al. 2022 (ADBench): most are.
//! - `balance` lies between no weights (0) and equal weights of both kinds (1). On 20 sets of ADBench, half of the rows
//!   learned and half scored, 0.5 has a mean AUROC higher by 0.004 than 0 and by 0.005 than 1.
//! - Training rows are ranked by models that have not seen their labels (five folds of each kind).
//! - Trees are grown by the crate `forust-ml`; model file and scoring are this project's. Where `max_leaves` ends a tree,
//!   leaves were split in the order of their own `G^2 / (H + l2)`; LightGBM and scikit-learn go by what the split gains.
//! - `l2` is 1e-6 at least, so that an empty side gains nothing instead of 0 / 0.
//!
//! # References
//! - Friedman 2001, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29(5).
//!   doi:10.1214/aos/1013203451
//! - Chen, Guestrin 2016, XGBoost, KDD. doi:10.1145/2939672.2939785
//! - Elkan 2001, The foundations of cost-sensitive learning, IJCAI: taking weights back out of odds.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Label, Run};
//! use anomalyst_detect::GradientBoosting;
//! // Rows 0 to 39, of which those from 30 on are known to be anomalous.
//! let mut rows = Features::rows(ndarray::Array2::from_shape_fn((40, 1), |(i, _)| i as f32));
//! let label = |row| if row < 30 { Label::Normal } else { Label::Anomalous };
//! rows.labels = Some((0..40).map(label).collect());
//! let run = Run::new(0);
//! let fitted = GradientBoosting::default().fit_on(&rows, &run).unwrap();
//! let scores = fitted.score(&Features::rows(ndarray::array![[3.0_f32], [35.0]]), &run).unwrap();
//! assert!(scores[0] < -2.0 && scores[1] > 2.0);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Model, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::boosted_trees::{Boosting, Trees};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::labelled::out_of_fold;

/// Rows that are scored between two looks at whether the run is to stop.
const BLOCK: usize = 256;
/// Time for a cell of the training table in one tree, and for one tree per scored row, for estimates.
const NANOS: [f64; 2] = [4.0, 20.0];

/// How many trees, how large, and how much each counts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// Trees, grown one after another. More with a lower `learning_rate` is better and slower.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_trees: usize,
    /// Share of its correction that each tree may make.
    #[schemars(range(min = 0.0001, max = 1.0))]
    pub learning_rate: f64,
    /// Leaves of a tree. Two make rules of one column each; more let columns act together.
    #[schemars(range(min = 2, max = 1_024))]
    pub max_leaves: usize,
    /// The least sum of `h` in a leaf: about four rows of which it is unclear what they are, many more where it is clear.
    #[schemars(range(min = 0.001, max = 1e6))]
    pub min_leaf_weight: f64,
    /// Shrinks leaves of little weight.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub l2: f64,
    /// Values of a column that splits tell apart, at its quantiles.
    #[schemars(range(min = 2, max = 1_000))]
    pub n_bins: usize,
    /// How far anomalous rows make up in weight for being fewer: 0 not at all, 1 fully.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub balance: f64,
}

/// The trees.
pub struct GradientBoostingModel {
    trees: Trees,
}

impl Default for GradientBoosting {
    /// scikit-learn's number of trees, rate, leaves and bins; XGBoost's least weight of a leaf.
    fn default() -> Self {
        Self {
            n_trees: 100,
            learning_rate: 0.1,
            max_leaves: 31,
            min_leaf_weight: 1.0,
            l2: 0.0,
            n_bins: 255,
            balance: 0.5,
        }
    }
}

impl Params for GradientBoosting {}

impl GradientBoosting {
    /// Trees that tell rows with `is_odd` from the others, of which there must be some of each.
    fn grow(&self, values: &Array2<f32>, is_odd: &[bool], run: &Run) -> Result<Trees> {
        let stage = run.stage("growing trees", self.n_trees as u64);
        let n_odd = is_odd.iter().filter(|&&odd| odd).count() as f64;
        let n = is_odd.len() as f64;
        let n_normal = n - n_odd;
        let ratio = (n_normal / n_odd).powf(self.balance);
        let weights = [1.0, ratio].map(|weight| weight * n / (n_normal + ratio * n_odd));
        let base = (ratio * n_odd / n_normal).ln();
        let loss = |row: usize, sum: f64| {
            let (p, odd) = (1.0 / (1.0 + (-sum).exp()), is_odd[row]);
            let weight = weights[usize::from(odd)];
            let slope = weight * (p - f64::from(u8::from(odd)));
            (slope as f32, (weight * p * (1.0 - p)) as f32)
        };
        let boosting = Boosting {
            n_trees: self.n_trees,
            learning_rate: self.learning_rate,
            max_leaves: self.max_leaves,
            min_leaf_weight: self.min_leaf_weight,
            l2: self.l2,
            n_bins: self.n_bins,
        };
        Ok(boosting.grow(values.view(), base, loss, &stage, run)?.only_sums(base - ratio.ln()))
    }
}

impl Detector for GradientBoosting {
    const CARD: Card = Card {
        id: "gradient_boosting",
        title: "Gradient-boosted trees",
        summary: "Rows like those that are labelled anomalous.",
        paper: "Friedman 2001, Annals of Statistics. doi:10.1214/aos/1013203451",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnScale, Invariance::GlobalScaleRank],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    const LEARNS_FROM_LABELS: bool = true;
    type Model = GradientBoostingModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<GradientBoostingModel> {
        let trees = self.grow(&train.features().values, &train.known_anomalous(), run)?;
        Ok(GradientBoostingModel { trees })
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(GradientBoostingModel, Vec<f32>)> {
        let model = self.fit(train, run)?;
        let scores = match out_of_fold(self, train.features(), run)? {
            Some(scores) => scores,
            None => model.score(train, run)?,
        };
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n_cells = (shape.n_parts * shape.n_values) as f64;
        let n_trees = self.n_trees as f64;
        Estimate {
            // Columns in f64, bins of two bytes, gradients; histograms of the leaves.
            bytes: (shape.n_parts * (10 * shape.n_values + 48)
                + self.max_leaves * self.n_bins * shape.n_values * 16) as u64,
            // The fit, and five of four fifths that rank the training rows.
            fit_nanos: 5.0 * NANOS[0] * n_trees * n_cells,
            score_nanos_per_row: NANOS[1] * n_trees,
        }
    }
}

impl Model for GradientBoostingModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.as_standard_layout();
        let stage = run.stage("asking trees", values.nrows() as u64);
        let mut scores = vec![0.0; values.nrows()];
        scores.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            for (i, score) in scores.iter_mut().enumerate() {
                *score = self.trees.score_row(values.row(block * BLOCK + i).to_slice().unwrap_or_default());
            }
            stage.advance(scores.len() as u64);
            Ok(())
        })?;
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.trees.save(out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        Ok(Self { trees: Trees::load(from, shape.n_values)? })
    }
}

#[cfg(test)]
mod tests;
