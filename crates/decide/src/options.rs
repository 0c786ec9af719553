//! What a user may say about decisions; everything has a default.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Params, Result};
use serde::{Deserialize, Serialize};

use crate::contamination::ContaminationPosterior;
use crate::probability::Calibrator;
use crate::rejection::Costs;
use crate::threshold::Rule;

/// How scores become decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecideOptions {
    /// How the threshold is found. Not given: the contamination posterior on data that may hold anomalies, false
    /// discovery control at 0.1 on clean data, the best F1 on labels.
    pub rule: Option<Rule>,
    /// Whether verdicts with low confidence are withheld. Not given: only where the threshold was estimated from data
    /// that may hold anomalies. A rule that the user named (a count, a share, a budget, a cost, a score) is applied as
    /// it says; rows above a named score and the `k` highest keep their verdict even where this is on.
    pub abstain: Option<bool>,
    /// `T` of the rejection threshold `1 - 2 exp(-T)` (Perini and Davis 2023: 32). Lower withholds less.
    #[schemars(range(min = 0.7, max = 100.0))]
    pub sensitivity: f64,
    /// The number of withheld verdicts among the reference is at most this multiple of the number above the threshold;
    /// where `sensitivity` asks for more, it is lowered. At 0.2 a person is asked about one item per five flagged, and
    /// about nine of ten items above the threshold keep their verdict; of fewer than five none is withheld.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub max_abstain_ratio: f64,
    /// What mistakes cost, for the bound on the expected cost.
    pub costs: Costs,
    /// The posterior of the share of anomalies.
    pub contamination: ContaminationPosterior,
    /// Which curve goes through labels.
    pub calibrator: Calibrator,
}

impl Default for DecideOptions {
    fn default() -> Self {
        Self {
            rule: None,
            abstain: None,
            sensitivity: 32.0,
            max_abstain_ratio: 0.2,
            costs: Costs::default(),
            contamination: ContaminationPosterior::default(),
            calibrator: Calibrator::Auto,
        }
    }
}

impl Params for DecideOptions {
    fn check(&self) -> Result<()> {
        self.rule.as_ref().map_or(Ok(()), Rule::check)
    }
}
