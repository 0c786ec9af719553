//! The words of decisions: verdicts, severities, intervals. How they are made is the `decide` crate's work.

use serde::{Deserialize, Serialize};

/// What is decided about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It belongs.
    Normal,
    /// It does not belong.
    Anomalous,
    /// The evidence is too weak to say; a person should look.
    Abstain,
}

/// How grave an anomaly is, beside how sure we are of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Below the threshold.
    #[default]
    None,
    /// Just above it.
    Low,
    /// Clearly above it.
    Medium,
    /// Far above it.
    High,
    /// Beyond anything else in the data.
    Critical,
}

/// A mean with the bounds that hold it with probability `level`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// The value itself.
    pub mean: f64,
    /// Upper bound.
    pub high: f64,
    /// Probability that the truth lies between the bounds, such as 0.9.
    pub level: f64,
}

/// One entry per item, in the items' order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    /// Probability of a score at least this high among normal items; `None` where no calibration exists.
    pub p_value: Option<Vec<f64>>,
    /// Calibrated probability of being anomalous; `None` where nothing could calibrate it.
    pub probability: Option<Vec<f64>>,
    /// Probability that the verdict would stay the same had other data of the kind been seen.
    pub confidence: Option<Vec<f64>>,
    /// The verdicts.
    pub verdict: Vec<Verdict>,
    /// How grave each is.
    pub severity: Vec<Severity>,
}

impl Verdict {
    /// The word in files and on the terminal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Anomalous => "anomalous",
            Self::Abstain => "abstain",
        }
    }
}

impl Severity {
    /// The word in files and on the terminal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
