//! Scores in, decisions out: the part of a model that knows what normal scores look like.
//!
//! # Idea
//! At fitting, the decision keeps the reference scores, what is known about the share of anomalies, a probability
//! curve where something could calibrate one, and a threshold. Applying it is a look-up; only the threshold is
//! replaced when another rule is asked for.
//!
//! # Score
//! Which number means what, and under which assumption, is told per kind of reference by `docs/decisions.md` and by
//! [`Decision::summary`].
//!
//! # Complexity
//! Fit O(n log n), decide O(log 10,000) per score.
//!
//! # Example
//! ```
//! use anomalyst_core::{Run, Verdict};
//! use anomalyst_decide::{DecideOptions, Decision, Rule};
//! let run = Run::new(0);
//! let normal: Vec<f32> = (0..999).map(|i| i as f32).collect();
//! let decision = Decision::from_clean(&normal, &DecideOptions::default(), &run).unwrap();
//! let decision = decision.with_rule(Rule::AlertRate { share: 0.01 }).unwrap();
//! let decided = decision.decide(&[500.0, 2000.0], &run).unwrap();
//! assert_eq!(decided.verdict, [Verdict::Normal, Verdict::Anomalous]);
//! assert_eq!(decided.p_value.unwrap(), [0.5, 0.001]);
//! ```

mod apply;
mod file;
mod fit;

pub use fit::Tail;

use anomalyst_core::{Error, Interval, Result};
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::options::DecideOptions;
use crate::probability::ProbabilityMap;
use crate::rejection::Band;
use crate::threshold::{Rule, Threshold, budget_value, count_value, expected_alert_rate, label_value};

/// What the reference scores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Scores of data that may hold anomalies, the decided items often among them.
    Dirty,
    /// Scores of normal items that the model did not see.
    Clean,
    /// Scores of items with labels.
    Labelled,
}

/// What is known about the share of anomalies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contamination {
    /// Its posterior.
    pub interval: Interval,
    /// Whether the data decided, or only the prior.
    pub separable: bool,
    /// Probability that there is no anomaly at all.
    pub p_none: f64,
}

/// Everything needed to turn scores into decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    mode: Mode,
    options: DecideOptions,
    /// All scores (dirty) or those of normal items (clean, labelled).
    reference: Calibration,
    /// Scores of labelled anomalies.
    anomalous: Option<Calibration>,
    contamination: Option<Contamination>,
    map: Option<ProbabilityMap>,
    threshold: Threshold,
}

impl Decision {
    /// The same with another rule; nothing is fitted again.
    pub fn with_rule(&self, rule: Rule) -> Result<Self> {
        rule.check()?;
        let value = self.value_of(&rule)?;
        let expected_alert_rate = Some(expected_alert_rate(&self.reference, value));
        let threshold = Threshold { name: rule.name(), rule: rule.clone(), value, expected_alert_rate };
        let options = DecideOptions { rule: Some(rule), ..self.options.clone() };
        let mut new = Self { threshold, options, ..self.clone() };
        if new.undecided() {
            new.threshold.name += " (undecided: no cluster of rows stands apart)";
        }
        Ok(new)
    }

    /// The decision for just these scores: "the K highest" means of them, not of the reference.
    pub fn for_batch(&self, scores: &[f32]) -> Result<Self> {
        let Rule::TopK { k } = self.threshold.rule else { return Ok(self.clone()) };
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let next = sorted.get(usize::try_from(k).unwrap_or(usize::MAX));
        let new = self.with_rule(Rule::Fixed { value: next.copied().unwrap_or(f32::MIN) })?;
        Ok(Self {
            threshold: Threshold { name: self.threshold.name.clone(), ..new.threshold.clone() },
            ..new
        })
    }

    /// Whether the data were to place the threshold and could not.
    fn undecided(&self) -> bool {
        matches!(self.threshold.rule, Rule::ContaminationPosterior {})
            && self.contamination.is_some_and(|c| !c.separable)
    }

    /// The threshold in force.
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// What the reference scores are.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The posterior of the share of anomalies, where it was estimated.
    pub fn contamination(&self) -> Option<Contamination> {
        self.contamination
    }

    /// The options this was made with, and the rule in force.
    pub fn options(&self) -> &DecideOptions {
        &self.options
    }

    /// Rank shares between which verdicts are withheld, with the rate and cost bounds they imply; `None` where no
    /// verdict is withheld.
    pub fn abstention(&self) -> Option<Band> {
        let k = self.flagged_ranks(self.threshold.value);
        self.sensitivity(k).map(|t| Band::new(self.reference.n(), k, t))
    }

    /// The score of a rule, before any batch is seen.
    fn value_of(&self, rule: &Rule) -> Result<f32> {
        let refuse = |want: &str| {
            Err(Error::BadParameter {
                name: "rule".into(),
                got: format!("`{}`", rule.name()),
                want: want.into(),
            })
        };
        let reference = &self.reference;
        let n = reference.n() as f64;
        Ok(match (*rule).clone() {
            Rule::ContaminationPosterior {} => match self.contamination {
                // The prior alone singles out no row; and where most likely there is no anomaly, the mean is that of
                // a few worlds with many, and would flag rows that are most likely normal.
                Some(c) if !c.separable || c.p_none > 0.5 => reference.max(),
                Some(c) => count_value(reference, (c.interval.mean * n).round() as u64),
                None => {
                    return refuse("another one: this model was not fitted on data that may hold anomalies");
                }
            },
            Rule::Fdr { .. } if self.mode == Mode::Dirty => {
                return refuse(
                    "another one: among rows that may be anomalous themselves no p-value is below chance; \
                     fit on normal data for false discovery control",
                );
            }
            Rule::Fdr { .. } => reference.max(),
            // Which of the reference are normal is not known: all of them are counted.
            Rule::AlertRate { share } if self.mode == Mode::Dirty => {
                count_value(reference, (share * n + 1e-9) as u64)
            }
            Rule::AlertRate { share } => budget_value(reference, share)?,
            Rule::TopK { k } => count_value(reference, k),
            Rule::Contamination { share } => count_value(reference, (share * n).round() as u64),
            Rule::Cost { false_alarm, miss } => match (&self.map, self.mode) {
                (Some(map), _) => last_below(map, false_alarm / (false_alarm + miss)),
                (None, Mode::Clean) => reference.max(),
                (None, _) => {
                    return refuse("another one: nothing could calibrate a probability on these scores");
                }
            },
            Rule::Labels { objective } => match &self.anomalous {
                Some(anomalous) => label_value(reference, anomalous, objective),
                None => return refuse("another one: this model was fitted without labels"),
            },
            Rule::Fixed { value } => value,
        })
    }
}

/// The highest number at which `map` gives less than `needed`, found by halving the ordered list of all numbers: the
/// curve may cross anywhere, also far from the scores it was made from. The highest number of all where it never
/// gives as much, so that nothing is flagged.
fn last_below(map: &ProbabilityMap, needed: f64) -> f32 {
    let (mut low, mut high) = (order(f32::MIN), order(f32::MAX));
    if map.at(f32::MIN) >= needed {
        return f32::MIN;
    }
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if map.at(at_order(middle)) < needed {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    at_order(low)
}

/// A whole number that rises with `value` by one from each `f32` to the next.
fn order(value: f32) -> i64 {
    let bits = i64::from(value.to_bits() & 0x7fff_ffff);
    if value.is_sign_negative() { -bits - 1 } else { bits }
}

fn at_order(order: i64) -> f32 {
    let (bits, sign) = if order < 0 { (-order - 1, 0x8000_0000) } else { (order, 0) };
    f32::from_bits(bits as u32 | sign)
}

#[cfg(test)]
mod tests;
