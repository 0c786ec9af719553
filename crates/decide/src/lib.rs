//! Turns scores into decisions with guarantees: p-values, probabilities, confidence, verdicts, severity.
//!
//! [`Decision`] is what a model file carries; the modules below are its parts, pure functions over scores that
//! know nothing of detectors. [`SeriesDecision`] does the same for points in the order of time, where alarms are counted
//! as [`events`](mod@events). `docs/decisions.md` tells users which number means what. [`risk`] and [`multiplicity`] learn
//! from labels instead (`docs/risk-scores.md`).

pub mod block_conformal;
pub mod calibration;
pub mod conformal;
pub mod contamination;
mod decision;
pub mod events;
pub mod exceed;
pub mod extremes;
pub mod fdr;
pub mod mixture;
pub mod multiplicity;
mod options;
#[cfg(test)]
mod planted;
pub mod probability;
pub mod rejection;
pub mod risk;
mod series_decision;
pub mod severity;
pub mod threshold;

use anomalyst_kernels::draw;

pub use anomalyst_kernels::beta as special;
pub use contamination::{ContaminationPosterior, panel_rows};
pub use decision::{Contamination, Decision, Mode, Tail};
pub use events::{EventRules, EventSpan, events};
pub use options::DecideOptions;
pub use probability::Calibrator;
pub use rejection::Costs;
pub use series_decision::{SeriesDecision, SeriesDecisionOptions};
pub use threshold::{Objective, Rule, Threshold};
