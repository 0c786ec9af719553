//! What verdicts got right and wrong, counted once for all metrics of decisions.
//!
//! The rule for abstentions: an abstention is no alarm. An anomaly abstained on was not found, and a normal item
//! abstained on is left in peace. Metrics that price a look count abstentions on their own.

use anomalyst_core::Verdict;

use crate::Case;

/// Items by label and verdict. Counts as `f64`, as all formulas divide them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Confusion {
    /// Anomalous items.
    pub(super) n_odd: f64,
    /// Normal items.
    pub(super) n_normal: f64,
    /// Alarms on anomalous items.
    pub(super) hits: f64,
    /// Alarms on normal items.
    pub(super) false_alarms: f64,
    /// Abstentions on anomalous items.
    pub(super) abstained_odd: f64,
    /// Abstentions on normal items.
    pub(super) abstained_normal: f64,
}

impl Confusion {
    /// Counts the verdicts of `case`.
    pub(super) fn of(case: &Case) -> Self {
        let mut counts = Self::default();
        for (&odd, &verdict) in case.labels().iter().zip(case.verdicts()) {
            *(if odd { &mut counts.n_odd } else { &mut counts.n_normal }) += 1.0;
            match (verdict, odd) {
                (Verdict::Anomalous, true) => counts.hits += 1.0,
                (Verdict::Anomalous, false) => counts.false_alarms += 1.0,
                (Verdict::Abstain, true) => counts.abstained_odd += 1.0,
                (Verdict::Abstain, false) => counts.abstained_normal += 1.0,
                (Verdict::Normal, _) => {}
            }
        }
        counts
    }

    /// All items.
    pub(super) fn n(&self) -> f64 {
        self.n_odd + self.n_normal
    }

    /// Alarms, right or wrong.
    pub(super) fn alarms(&self) -> f64 {
        self.hits + self.false_alarms
    }

    /// Abstentions on any item.
    pub(super) fn abstained(&self) -> f64 {
        self.abstained_odd + self.abstained_normal
    }

    /// Share of anomalies that raise an alarm; the gate has seen to it that there is one.
    pub(super) fn recall(&self) -> f64 {
        self.hits / self.n_odd
    }

    /// The mean number of hits when as many alarms are dealt out at random.
    pub(super) fn random_hits(&self) -> f64 {
        self.alarms() * self.n_odd / self.n()
    }

    /// F-beta with `hits` right alarms among as many alarms as there are: linear in the hits, so a mean of hits
    /// gives a mean of F-beta.
    pub(super) fn f_beta(&self, beta: f64, hits: f64) -> f64 {
        let weight = beta * beta;
        (1.0 + weight) * hits / (weight * self.n_odd + self.alarms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::fixtures::tied;

    #[test]
    fn counts_add_up() {
        let counts = Confusion::of(&tied());
        assert_eq!((counts.n_odd, counts.n(), counts.hits, counts.alarms()), (35.0, 200.0, 26.0, 60.0));
        assert!(counts.abstained_odd > 0.0 && counts.abstained_normal > 0.0);
    }
}
