//! Probability of being anomalous: only where something can calibrate it.
//!
//! # Idea
//! - With labels: a monotone curve through the observed share of anomalies at each score, either a step-like one
//!   of any shape (isotonic) or a sigmoid (Platt), which needs fewer labels.
//! - With p-values of a batch against normal data: how much more often a p-value occurs than it would if all
//!   items were normal (local false discovery rate).
//! - Without either: a monotone curve through the probabilities that the contamination posterior gives rows.
//!
//! # Equations
//! - Platt: `P = 1 / (1 + exp(A s + B))`, maximum likelihood with targets `(n1 + 1) / (n1 + 2)` and `1 / (n0 + 2)`.
//! - Isotonic: least squares under monotony, by pooling adjacent violators, linear between blocks.
//! - Local: `P(p) = 1 - min(1, pi0 / f(p))`, `pi0` by Storey, `f` the Grenander estimate: slope of the least concave
//!   majorant of the distribution of the `m` p-values. That slope is inconsistent at 0, where it is needed
//!   most; all p-values are therefore moved up by `c / m` with `c = 2`, the penalty of Woodroofe and Sun.
//!
//! # Score
//! 0 to 1. Measured calibration errors stand beside the tests of this module and of [`crate::contamination`].
//!
//! # Use when / Avoid when
//! The labelled curves hold for items like the labelled ones. The local rate holds for the batch it was made
//! from. Isotonic curves need about a thousand labels (Niculescu-Mizil, Caruana 2005).
//!
//! # References
//! Platt 1999. Lin, Lin, Weng 2007, Machine Learning 68(3). Zadrozny, Elkan 2002, KDD. Efron, Tibshirani, Storey,
//! Tusher 2001, JASA 96. Strimmer 2008, BMC Bioinformatics 9. Woodroofe, Sun 1993, Statistica Sinica 3.
//!
//! # Example
//! ```
//! use anomalyst_decide::probability::ProbabilityMap;
//! let map = ProbabilityMap::isotonic(&[1.0, 2.0, 3.0, 4.0], &[0.0, 1.0, 0.0, 1.0]).unwrap();
//! assert_eq!((map.at(1.0), map.at(2.5), map.at(9.0)), (0.0, 0.5, 1.0));
//! ```

mod sigmoid;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use anomalyst_kernels::stats::Moments;
use serde::{Deserialize, Serialize};

use self::sigmoid::fit_sigmoid;
use crate::fdr::{Grouped, LAMBDA};

/// Which curve goes through labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibrator {
    /// Isotonic from a thousand labels on of which a hundred are anomalous, else Platt.
    #[default]
    Auto,
    /// A sigmoid.
    Platt,
    /// Any monotone curve.
    Isotonic,
}

/// A monotone map from score to probability.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbabilityMap {
    /// Linear between knots, constant outside.
    Isotonic {
        /// Ascending scores.
        x: Vec<f32>,
        /// Probability at each.
        y: Vec<f64>,
    },
    /// `1 / (1 + exp(a s + b))`.
    Platt {
        /// Slope; not above 0.
        a: f64,
        /// Offset.
        b: f64,
    },
}

impl ProbabilityMap {
    /// The monotone curve closest to `targets` (0 to 1) at `scores`; both of the same length, at least 1.
    pub fn isotonic(scores: &[f32], targets: &[f64]) -> Result<Self> {
        crate::calibration::check_scores(scores)?;
        if scores.len() != targets.len() {
            return Err(Error::Data(format!("{} targets for {} scores", targets.len(), scores.len())));
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
        // Blocks of (lowest score, highest score, sum of targets, count).
        let mut blocks: Vec<(f32, f32, f64, f64)> = Vec::new();
        for &at in &order {
            let score = scores[at] + 0.0;
            match blocks.last_mut() {
                Some(last) if last.0 == score && last.1 == score => {
                    last.2 += targets[at];
                    last.3 += 1.0;
                }
                _ => {
                    pool(&mut blocks);
                    blocks.push((score, score, targets[at], 1.0));
                }
            }
        }
        pool(&mut blocks);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (low, high, sum, count) in blocks {
            x.push(low);
            y.push((sum / count).clamp(0.0, 1.0));
            if high > low {
                x.push(high);
                y.push((sum / count).clamp(0.0, 1.0));
            }
        }
        Ok(Self::Isotonic { x, y })
    }

    /// The likeliest sigmoid; both classes must occur.
    pub fn platt(scores: &[f32], anomalous: &[bool]) -> Result<Self> {
        crate::calibration::check_scores(scores)?;
        let n1 = anomalous.iter().filter(|&&a| a).count() as f64;
        let n0 = anomalous.len() as f64 - n1;
        if scores.len() != anomalous.len() || n1 == 0.0 || n0 == 0.0 {
            return Err(Error::Data(
                "calibration needs labelled items of both kinds, one label per score".into(),
            ));
        }
        // Newton's steps are well conditioned on standardised scores; the answer is mapped back.
        let moments: Moments = scores.iter().map(|&s| f64::from(s)).collect();
        let unit = if moments.std_dev() > 0.0 { moments.std_dev() } else { 1.0 };
        let pairs: Vec<(f64, f64)> = scores
            .iter()
            .zip(anomalous)
            .map(|(&s, &is)| {
                let target = if is { (n1 + 1.0) / (n1 + 2.0) } else { 1.0 / (n0 + 2.0) };
                ((f64::from(s) - moments.mean()) / unit, target)
            })
            .collect();
        let (a, b) = fit_sigmoid(&pairs, ((n0 + 1.0) / (n1 + 1.0)).ln());
        // A falling sigmoid would contradict "higher is more anomalous": then the score says nothing.
        if a > 0.0 {
            return Ok(Self::Platt { a: 0.0, b: (n0 / n1).ln() });
        }
        Ok(Self::Platt { a: a / unit, b: b - a * moments.mean() / unit })
    }

    /// The probability at a score.
    pub fn at(&self, score: f32) -> f64 {
        match self {
            Self::Platt { a, b } => 1.0 / (1.0 + (a * f64::from(score) + b).exp()),
            Self::Isotonic { x, y } => {
                let above = x.partition_point(|&k| k < score);
                match (
                    above.checked_sub(1).and_then(|i| Some((x.get(i)?, y.get(i)?))),
                    x.get(above).zip(y.get(above)),
                ) {
                    (Some((&x0, &y0)), Some((&x1, &y1))) => {
                        let share = (f64::from(score) - f64::from(x0)) / (f64::from(x1) - f64::from(x0));
                        y0 + share * (y1 - y0)
                    }
                    (Some((_, &y)), None) | (None, Some((_, &y))) => y,
                    (None, None) => 0.0,
                }
            }
        }
    }

    /// Saves the curve.
    pub(crate) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        match self {
            Self::Platt { a, b } => out.put_json("platt", &(a, b)),
            Self::Isotonic { x, y } => {
                out.put_list("x", x);
                out.put_list("y", y);
                Ok(())
            }
        }
    }

    /// Reads a curve and refuses one that is not monotone or leaves 0 to 1.
    pub(crate) fn load(from: &ModelReader<'_>) -> Result<Self> {
        if !from.has("x") {
            let (a, b): (f64, f64) = from.json("platt")?;
            let good = a.is_finite() && b.is_finite() && a <= 0.0;
            return if good {
                Ok(Self::Platt { a, b })
            } else {
                Err(Error::model("the probability curve must rise"))
            };
        }
        let x: Vec<f32> = from.list("x")?;
        let y: Vec<f64> = from.list_of("y", x.len())?;
        let rising = x.windows(2).all(|w| w[0] < w[1]) && y.is_sorted();
        if !rising || x.iter().any(|v| !v.is_finite()) || y.iter().any(|v| !(0.0..=1.0).contains(v)) {
            return Err(Error::model("the probability curve must rise from 0 to 1"));
        }
        Ok(Self::Isotonic { x, y })
    }
}

/// Joins the last blocks while their means fall.
fn pool(blocks: &mut Vec<(f32, f32, f64, f64)>) {
    while let [.., before, last] = blocks.as_mut_slice() {
        if before.2 * last.3 < last.2 * before.3 {
            break;
        }
        before.1 = last.1;
        before.2 += last.2;
        before.3 += last.3;
        blocks.pop();
    }
}

/// Fewer p-values than this cannot say how they are distributed.
pub const MIN_BATCH: u64 = 50;

/// `c` of the module page.
const PENALTY: f64 = 2.0;

/// For each distinct p-value the probability that an item with it is anomalous; `None` for fewer than
/// [`MIN_BATCH`] p-values.
pub fn local(p_values: &Grouped) -> Option<Vec<f64>> {
    let m = p_values.n();
    if m < MIN_BATCH {
        return None;
    }
    let m = m as f64;
    let pi0 = p_values.null_share(LAMBDA).min(1.0);
    // Vertices of the least concave majorant: (shifted p, share at or below it, index of the last p-value).
    let mut hull: Vec<(f64, f64, usize)> = vec![(0.0, 0.0, 0)];
    let mut seen = 0.0;
    for (at, (&p, &count)) in p_values.p.iter().zip(&p_values.count).enumerate() {
        seen += count as f64 / m;
        let point = (p + PENALTY / m, seen, at + 1);
        while let [.., a, b] = hull.as_slice() {
            if (b.1 - a.1) * (point.0 - b.0) > (point.1 - b.1) * (b.0 - a.0) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    let mut probability = Vec::with_capacity(p_values.p.len());
    for pair in hull.windows(2) {
        let density = (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
        probability.resize(pair[1].2, (1.0 - pi0 / density).max(0.0));
    }
    Some(probability)
}

#[cfg(test)]
mod tests;
