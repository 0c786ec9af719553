//! Rejection rate: the share of items on which the decision abstains.
//!
//! # Idea
//! An abstention hands the item to a person; this is how much of the data they get.
//!
//! # Equations
//! A / n with A abstentions among n items.
//!
//! # Range
//! 0 to 1. Neither end is good: it is to be read beside what the other verdicts get right.
//!
//! # Random level
//! None: the labels play no part, so dealing the verdicts out at random changes nothing.
//!
//! # Known weakness
//! It does not say whether the items abstained on are the hard ones. `expected_cost` weighs it against errors.
//!
//! # References
//! Chow 1970, On optimum recognition error and reject tradeoff, IEEE Transactions on Information Theory 16.
//! doi:10.1109/TIT.1970.1054406
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::RejectionRate};
//!
//! let case = Case::new(vec![true, true, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Normal, Normal])?;
//! assert_eq!(RejectionRate {}.measure_on(&case)?, 0.25);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Share of abstentions; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RejectionRate {}

impl Params for RejectionRate {}

impl Metric for RejectionRate {
    const CARD: MetricCard = MetricCard {
        id: "rejection_rate",
        title: "rejection rate",
        summary: "share of items on which the decision abstains",
        paper: "Chow 1970, IEEE Transactions on Information Theory. doi:10.1109/TIT.1970.1054406",
        subject: Subject::Items,
        needs: &[Need::Verdicts],
        range: (0.0, 1.0),
        better: Better::Neither,
        random: "none: the labels play no part",
        weakness: "does not say whether the items abstained on are the hard ones",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        Ok(counts.abstained() / counts.n())
    }

    fn random_level(&self, _case: &Case, _run: &Run) -> Result<Option<f64>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::items::fixtures::tied;

    #[test]
    fn closed_form() {
        // Of the scores 0 to 100 five abstain; each comes about twice among 200 items.
        let n = tied().scores().iter().filter(|&&s| (66.0..=70.0).contains(&s)).count();
        assert_eq!(RejectionRate {}.measure_on(&tied()).unwrap(), n as f64 / 200.0);
    }
}
