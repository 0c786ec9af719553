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
        Ok(Self { threshold, options, ..self.clone() })
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
            // The anomalies expected among the reference are no false alarms.
            Rule::AlertRate { share } => match self.contamination {
                Some(c) => {
                    count_value(reference, ((c.interval.mean + share * (1.0 - c.interval.mean)) * n) as u64)
                }
                None => budget_value(reference, share),
            },
            Rule::TopK { k } => count_value(reference, k),
            Rule::Contamination { share } => count_value(reference, (share * n).round() as u64),
            Rule::Cost { false_alarm, miss } => match (&self.map, self.mode) {
                (Some(map), _) => first_at_least(map, reference, false_alarm / (false_alarm + miss)),
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

/// The score from which on `map` gives at least `needed`, halved down to neighbouring numbers over the range of the
/// reference; the highest reference score where it never does.
fn first_at_least(map: &ProbabilityMap, reference: &Calibration, needed: f64) -> f32 {
    let (mut low, mut high) = (reference.exceeded_by(u64::MAX).next_down(), reference.max());
    if map.at(high) < needed {
        return high;
    }
    if map.at(low) >= needed {
        return low;
    }
    for _ in 0..64 {
        let middle = 0.5 * low + 0.5 * high;
        if middle <= low || middle >= high {
            break;
        }
        if map.at(middle) >= needed {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests;
