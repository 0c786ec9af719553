//! The scales that members' scores are put on before they are combined.
//!
//! # Equations
//! With the training scores `t_1 .. t_n` of the member, `m` their median and `r(x)` the rank of its score counted from
//! the greatest of them ([`Ranking::from_top`]: interpolated between them, continued beyond):
//!
//! - `robust`: `z(x) = (s(x) - m) / (0.7413 IQR)`: how many deviations above the median;
//! - `ranks`: `z(x) = -r(x) / (n + 1)`, above -1 and below 0: minus the share of training rows that are as odd;
//! - `normal_ranks`: `z(x) = -Phi^-1(r(x) / (n + 1))`: the normal score of that rank (van der Waerden).
//!
//! `compress` then takes `sign(z) ln(1 + |z|)`.
//!
//! # Use when / Avoid when
//! `robust` keeps how far out a score is, and with `compress` a wild one cannot outvote the others. `normal_ranks` gives
//! every member the same distribution whatever its units and tails, so none speaks louder, and still tells apart rows
//! beyond all training scores, which plain ranks tie. Avoid both rank scales on a few dozen training rows.
//!
//! # Complexity
//! `robust` keeps two numbers. The rank scales keep all training scores, 4 n bytes per member in memory and in the model
//! file, and cost O(log n) per score.
//!
//! # References
//! - van der Waerden 1952, Order tests for the two-sample problem and their power, Indagationes Mathematicae 14.
//! - Kriegel, Kröger, Schubert, Zimek 2011, Interpreting and unifying outlier scores, SDM.
//!   doi:10.1137/1.9781611972818.2

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use anomalyst_kernels::distributions::normal_quantile;
use anomalyst_kernels::ranking::Ranking;
use anomalyst_kernels::stats::{IQR_TO_SIGMA, Moments, quantile_of_sorted};
use serde::{Deserialize, Serialize};

/// Which scale a member's scores are put on before they are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberScale {
    /// Deviations above the median, by the interquartile range.
    #[default]
    Robust,
    /// Minus the share of training rows that are as odd.
    Ranks,
    /// The normal score of the rank among the training scores.
    NormalRanks,
}

impl MemberScale {
    /// What recipes need not say.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a member's training scores lie, and how they spread.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreScale {
    line: Line,
    /// The training scores of the rank scales.
    ranks: Option<(Ranking, MemberScale)>,
}

/// The part of a scale that is a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    center: f64,
    spread: f64,
    compress: bool,
}

impl ScoreScale {
    /// The scale `kind` of training scores. Where more than half of them are tied, `robust` takes the standard deviation,
    /// and 1 where all are.
    pub fn of(scores: &[f32], kind: MemberScale, compress: bool) -> Self {
        let mut sorted: Vec<f64> = scores.iter().map(|&s| f64::from(s)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let center = if sorted.is_empty() { 0.0 } else { quantile_of_sorted(&sorted, 0.5) };
        let robust = (quantile_of_sorted(&sorted, 0.75) - quantile_of_sorted(&sorted, 0.25)) * IQR_TO_SIGMA;
        let floor = 1e-9 * center.abs();
        let deviation = || sorted.iter().copied().collect::<Moments>().std_dev();
        let spread = [robust, deviation()].into_iter().find(|&s| s.is_finite() && s > floor).unwrap_or(1.0);
        let line = Line { center, spread, compress };
        let ranking = || Ranking::new(scores.to_vec()).map(|ranking| (ranking, kind));
        Self { line, ranks: if kind == MemberScale::Robust { None } else { ranking() } }
    }

    /// The score on this scale.
    pub fn apply(&self, score: f32) -> f64 {
        let Line { center, spread, compress } = self.line;
        let z = match &self.ranks {
            None => (f64::from(score) - center) / spread,
            Some((ranking, kind)) => {
                let share = ranking.from_top(score) / (ranking.scores().len() + 1) as f64;
                if *kind == MemberScale::Ranks {
                    -share
                } else {
                    // Below every training score by far, the share may round to 1.
                    -normal_quantile(share.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON))
                }
            }
        };
        if compress { z.signum() * z.abs().ln_1p() } else { z }
    }

    /// How much a member has to say about a row: its score on this scale, for ranks from 0 up.
    pub fn say(&self, score: f32) -> f64 {
        let is_rank = matches!(self.ranks, Some((_, MemberScale::Ranks)));
        self.apply(score) + f64::from(u8::from(is_rank))
    }

    /// Writes it, as a value that is not in a file of its own.
    pub fn save(&self, out: &mut ModelWriter) -> Result<serde_json::Value> {
        if let Some((ranking, _)) = &self.ranks {
            out.put_list("training_scores", ranking.scores());
        }
        serde_json::to_value(self.line).map_err(|e| Error::model(e.to_string()))
    }

    /// Reads back what [`Self::save`] wrote, where the recipe asks for `kind`.
    pub fn load(line: &serde_json::Value, kind: MemberScale, from: &ModelReader<'_>) -> Result<Self> {
        let line = Line::deserialize(line).map_err(|e| Error::model(format!("a member's scale: {e}")))?;
        if !(line.center.is_finite() && line.spread.is_finite() && line.spread > 0.0) {
            return Err(Error::model("a member's scale is not finite"));
        }
        if kind == MemberScale::Robust {
            return Ok(Self { line, ranks: None });
        }
        let scores: Vec<f32> = from.list("training_scores")?;
        if !scores.is_sorted() {
            return Err(Error::model("training scores are not in order"));
        }
        let ranking = Ranking::new(scores).ok_or_else(|| Error::model("training scores are not finite"))?;
        Ok(Self { line, ranks: Some((ranking, kind)) })
    }
}
