//! Where to draw the line: rules, and the threshold they give.
//!
//! # Idea
//! A threshold is an object of its own: a rule, the score it leads to, and how often scores like the reference
//! will exceed it. It can be replaced without fitting anything again.
//!
//! # Equations
//! The expected alert rate is the share of the `n` reference scores above the threshold, with its exact
//! (Clopper-Pearson) 90 % interval. The level-`a` false-alarm budget takes the `ceil((1 - a)(n + 1))`-th smallest
//! reference score: a new normal score exceeds it with probability at most `a` (split conformal). Expected cost is
//! least where items are flagged from a probability of `false_alarm / (false_alarm + miss)` on (Elkan 2001).
//!
//! # References
//! Clopper, Pearson 1934, Biometrika 26(4). Elkan 2001, The foundations of cost-sensitive learning, IJCAI.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Error, Interval, Result};
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::fdr::Method;
use crate::special::clopper_pearson;

/// How the threshold is found. A score is flagged if it is above the threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The posterior mean of the share of anomalies; needs a panel of detectors.
    ContaminationPosterior {},
    /// False discoveries are at most this share of the flagged, on average per batch; needs normal reference
    /// scores. The only rule, with `cost` on them, that looks at the batch.
    Fdr {
        /// The share allowed.
        #[schemars(range(min = 1e-9, max = 0.999))]
        level: f64,
        /// How it is controlled.
        #[serde(default)]
        method: Method,
    },
    /// At most this share of normal items is flagged; on data that may hold anomalies, of all items.
    AlertRate {
        /// The share allowed.
        #[schemars(range(min = 0.0, max = 1.0))]
        share: f64,
    },
    /// At most this many of the reference items are flagged; all if there are fewer, none of a tie that would exceed it.
    TopK {
        /// How many.
        k: u64,
    },
    /// The share of reference items to flag, believed to be the share of anomalies.
    Contamination {
        /// The share.
        #[schemars(range(min = 0.0, max = 1.0))]
        share: f64,
    },
    /// Least expected cost by the probability of being anomalous.
    Cost {
        /// Cost of flagging a normal item.
        #[schemars(range(min = 1e-12, max = 1e12))]
        false_alarm: f64,
        /// Cost of passing an anomaly.
        #[schemars(range(min = 1e-12, max = 1e12))]
        miss: f64,
    },
    /// Best on the labelled items.
    Labels {
        /// What is best.
        objective: Objective,
    },
    /// A given score.
    Fixed {
        /// The score.
        value: f32,
    },
}

/// What a threshold on labelled items optimises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Objective {
    /// The harmonic mean of precision and recall.
    F1 {},
    /// The summed cost of mistakes.
    Cost {
        /// Cost of flagging a normal item.
        #[schemars(range(min = 0.0, max = 1e12))]
        false_alarm: f64,
        /// Cost of passing an anomaly.
        #[schemars(range(min = 0.0, max = 1e12))]
        miss: f64,
    },
}

/// A rule and the score it leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What people call it.
    pub name: String,
    /// How it was found.
    pub rule: Rule,
    /// The score above which an item is flagged. For rules that look at the batch: the score that a single item
    /// would need at least, until a batch is there.
    pub value: f32,
    /// Share of scores like the reference expected above it.
    pub expected_alert_rate: Option<Interval>,
}

impl Rule {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::ContaminationPosterior {} => "contamination posterior".into(),
            Self::Fdr { level, method: Method::Bh } => format!("false discovery rate {level}"),
            Self::Fdr { level, method: Method::Storey } => format!("false discovery rate {level} (Storey)"),
            Self::AlertRate { share } => format!("false-alarm budget {share}"),
            Self::TopK { k } => format!("top {k}"),
            Self::Contamination { share } => format!("contamination {share}"),
            Self::Cost { false_alarm, miss } => {
                format!("expected cost, false alarm {false_alarm}, miss {miss}")
            }
            Self::Labels { objective: Objective::F1 {} } => "best F1 on labels".into(),
            Self::Labels { objective: Objective::Cost { .. } } => "least cost on labels".into(),
            Self::Fixed { .. } => "fixed".into(),
        }
    }

    /// Refuses values outside the bounds of the schema, also those set from Rust.
    pub fn check(&self) -> Result<()> {
        let within = |name: &str, v: f64, low: f64, high: f64| {
            if (low..=high).contains(&v) {
                return Ok(());
            }
            let (got, want) = (v.to_string(), format!("between {low} and {high}"));
            Err(Error::BadParameter { name: format!("rule.{name}"), got, want })
        };
        match *self {
            Self::Fdr { level, .. } => within("level", level, 1e-9, 0.999),
            Self::AlertRate { share } | Self::Contamination { share } => within("share", share, 0.0, 1.0),
            Self::Cost { false_alarm, miss } => {
                within("false_alarm", false_alarm, 1e-12, 1e12)?;
                within("miss", miss, 1e-12, 1e12)
            }
            Self::Labels { objective: Objective::Cost { false_alarm, miss } } => {
                within("objective.false_alarm", false_alarm, 0.0, 1e12)?;
                within("objective.miss", miss, 0.0, 1e12)
            }
            Self::Fixed { value } => {
                within("value", f64::from(value), f64::from(f32::MIN), f64::from(f32::MAX))
            }
            Self::ContaminationPosterior {} | Self::TopK { .. } | Self::Labels { .. } => Ok(()),
        }
    }
}

/// Share of scores like the reference expected above `value`, with its 90 % interval.
pub fn expected_alert_rate(reference: &Calibration, value: f32) -> Interval {
    clopper_pearson(reference.n_above(value), reference.n(), 0.9)
}

/// The lowest score that a new score like the `reference` exceeds with probability at most `share`. Refused where
/// no score can promise that: a new one is the highest of all with probability `1 / (n + 1)`.
pub fn budget_value(reference: &Calibration, share: f64) -> Result<f32> {
    let n = reference.n();
    let position = ((1.0 - share) * (n as f64 + 1.0) - 1e-9).ceil().max(0.0) as u64;
    if position > n {
        return Err(Error::BadParameter {
            name: "rule.share".into(),
            got: share.to_string(),
            want: format!(
                "at least {:.1e}, the least that {n} scores of normal rows can promise; fit on more rows for less",
                1.0 / (n as f64 + 1.0)
            ),
        });
    }
    Ok(if position == 0 { below_all(reference) } else { reference.exceeded_by(n - position) })
}

/// The threshold that flags at most `count` reference scores.
pub fn count_value(reference: &Calibration, count: u64) -> f32 {
    if count >= reference.n() { below_all(reference) } else { reference.exceeded_by(count) }
}

fn below_all(reference: &Calibration) -> f32 {
    reference.exceeded_by(u64::MAX).next_down().max(f32::MIN)
}

/// The best threshold on labelled scores: of equals the lowest, so that fewer anomalies are missed, halfway to the
/// next score.
pub fn label_value(normal: &Calibration, anomalous: &Calibration, objective: Objective) -> f32 {
    let gain = |value: f32| -> f64 {
        let (hits, alarms) = (anomalous.n_above(value) as f64, normal.n_above(value) as f64);
        let misses = anomalous.n() as f64 - hits;
        match objective {
            Objective::F1 {} => 2.0 * hits / (2.0 * hits + alarms + misses),
            Objective::Cost { false_alarm, miss } => -(false_alarm * alarms + miss * misses),
        }
    };
    let first = below_all(normal).min(below_all(anomalous));
    let mut candidates: Vec<f32> = normal.points().iter().chain(anomalous.points()).copied().collect();
    candidates.sort_unstable_by(f32::total_cmp);
    candidates.dedup();
    let mut best = (gain(first), first);
    for (at, &value) in candidates.iter().enumerate() {
        let here = gain(value);
        if here > best.0 {
            let next = candidates.get(at + 1).copied().unwrap_or(value);
            let middle = 0.5 * value + 0.5 * next;
            // Between neighbouring numbers there is no middle.
            best = (here, if middle < next { middle } else { value });
        }
    }
    best.1
}
