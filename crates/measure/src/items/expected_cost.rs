//! Expected cost per item: what false alarms, misses and looks add up to.
//!
//! # Idea
//! Errors have prices, and so has asking a person. An item abstained on costs one look, whatever it turns out to be:
//! the person who looks finds out.
//!
//! # Equations
//! (false_alarm FP + miss FN + look A) / n with FP alarms on normal items, FN anomalies judged normal, A abstentions
//! and n items.
//!
//! # Range
//! 0 and up; 0 when the verdicts are exactly the labels. The unit is that of the prices.
//!
//! # Random level
//! The mean over all ways of dealing the verdicts out: (false_alarm a q + miss m p) / n^2 + look A / n with a alarms,
//! m verdicts of normal, p anomalous and q normal items.
//!
//! # Known weakness
//! The prices decide who wins. The defaults (a miss costs ten false alarms, a look half of one) are a starting point,
//! not a finding: set your own. The share of anomalies in the data must be that of operation.
//!
//! # References
//! Elkan 2001, The foundations of cost-sensitive learning, IJCAI.
//! Chow 1970, On optimum recognition error and reject tradeoff, IEEE Transactions on Information Theory 16.
//! doi:10.1109/TIT.1970.1054406
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Abstain, Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, items::ExpectedCost};
//!
//! let case = Case::new(vec![true, true, false, false, false, false]);
//! let case = case.with_verdicts(vec![Anomalous, Abstain, Anomalous, Normal, Normal, Normal])?;
//! assert_eq!(ExpectedCost::default().measure_on(&case)?, 1.5 / 6.0);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// Prices of what can go wrong, in one unit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedCost {
    /// What an alarm on a normal item costs.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub false_alarm: f64,
    /// What an anomaly judged normal costs.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub miss: f64,
    /// What it costs that a person looks at an item abstained on.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub look: f64,
}

impl Default for ExpectedCost {
    fn default() -> Self {
        Self { false_alarm: 1.0, miss: 10.0, look: 0.5 }
    }
}

impl Params for ExpectedCost {}

impl Metric for ExpectedCost {
    const CARD: MetricCard = MetricCard {
        id: "expected_cost",
        title: "expected cost",
        summary: "cost per item of false alarms, misses and looks",
        paper: "Chow 1970, IEEE Transactions on Information Theory. doi:10.1109/TIT.1970.1054406",
        subject: Subject::Items,
        needs: &[Need::Verdicts],
        range: (0.0, f64::INFINITY),
        better: Better::Lower,
        random: "the same verdicts dealt out at random, in closed form",
        weakness: "the prices decide who wins, and the defaults are only a starting point",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        let counts = Confusion::of(case);
        let missed = counts.n_odd - counts.hits - counts.abstained_odd;
        Ok(self.per_item(&counts, counts.false_alarms, missed))
    }

    fn random_level(&self, case: &Case, _run: &Run) -> Result<Option<f64>> {
        let counts = Confusion::of(case);
        let silent = counts.n() - counts.alarms() - counts.abstained();
        let share = counts.n_odd / counts.n();
        Ok(Some(self.per_item(&counts, counts.alarms() * (1.0 - share), silent * share)))
    }
}

impl ExpectedCost {
    fn per_item(&self, counts: &Confusion, false_alarms: f64, missed: f64) -> f64 {
        let total = self.false_alarm * false_alarms + self.miss * missed + self.look * counts.abstained();
        total / counts.n()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;
    use crate::items::fixtures::tied;

    #[test]
    fn closed_form() {
        // Of 60 alarms 34 are false; of 35 anomalies 26 are found.
        let prices = ExpectedCost { false_alarm: 2.0, miss: 5.0, look: 0.0 };
        let case = tied();
        let abstained = Confusion::of(&case).abstained_odd;
        let value = prices.measure_on(&case).unwrap();
        assert!((value - (2.0 * 34.0 + 5.0 * (9.0 - abstained)) / 200.0).abs() < 1e-12, "{value}");
        let only_looks = ExpectedCost { false_alarm: 0.0, miss: 0.0, look: 1.0 };
        assert_eq!(
            only_looks.measure_on(&case).unwrap(),
            only_looks.random_level(&case, &Run::new(0)).unwrap().unwrap()
        );
    }

    /// The closed form beside shuffles, with abstentions in play.
    #[test]
    fn random_level_is_the_mean_of_shuffles() {
        let (case, run) = (tied(), Run::new(4));
        let cost = ExpectedCost::default();
        let mean = case.mean_over_shuffles(&run, |dealt| cost.measure(dealt)).unwrap();
        // One value varies by about 0.15, the mean of 100 by 0.015; five of those.
        assert!((mean - cost.random_level(&case, &run).unwrap().unwrap()).abs() < 0.075);
    }
}
