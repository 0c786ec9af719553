//! Applies a decision to scores.

use anomalyst_core::{
    AbstentionSummary, DecisionSummary, Decisions, Error, Result, Run, ThresholdSummary, Verdict,
};
use rayon::prelude::*;

use super::{Decision, Mode};
use crate::calibration::check_scores;
use crate::conformal::{p_value, rank_p_value};
use crate::exceed::{Stability, survives};
use crate::fdr::Grouped;
use crate::probability::{MIN_BATCH, local};
use crate::rejection::{sensitivity_within, withheld};
use crate::severity::{severity, spread};
use crate::threshold::{Rule, expected_alert_rate};

impl Decision {
    /// Decides every score. With `fdr`, and `cost` on clean data, the threshold depends on all of them; with all
    /// other rules each is decided alone.
    pub fn decide(&self, scores: &[f32], run: &Run) -> Result<Decisions> {
        if scores.is_empty() {
            return Ok(Decisions::default());
        }
        check_scores(scores)?;
        run.check()?;
        let slots: Vec<u32> = scores.par_iter().map(|&s| self.reference.slot_below(s) as u32).collect();
        let by_slot = self.p_by_slot();
        let p_values: Vec<f64> = slots.par_iter().map(|&slot| by_slot[slot as usize]).collect();
        let batch = self.batch(&by_slot, &slots);
        let value = self.batch_value(&by_slot, &batch)?;
        run.check()?;

        let k = self.flagged_ranks(value);
        let shown = Stability::shown(&self.reference, k);
        // The rejection rule and its bounds are made of the published stability.
        let rejection = self.sensitivity(k).map(|t| (t, Stability::published(&self.reference, k)));
        let unit = spread(&self.reference);
        let named = matches!(self.threshold.rule, Rule::TopK { .. } | Rule::Fixed { .. });
        let n = self.reference.n();
        let verdict_of = |&score: &f32| {
            let flagged = score > value;
            // Where no reference score is flagged, a flagged one is new and would be the only one.
            let alone = flagged && k == 0;
            let tails = if alone { survives(n, 1, n) } else { shown.of(&self.reference, score) };
            let verdict = match &rejection {
                Some((t, published))
                    if !(flagged && named) && withheld(published.of(&self.reference, score), *t) =>
                {
                    Verdict::Abstain
                }
                _ if flagged => Verdict::Anomalous,
                _ => Verdict::Normal,
            };
            (verdict, if flagged { tails.0 } else { tails.1 })
        };
        let (verdict, confidence) = scores.par_iter().map(verdict_of).unzip();
        Ok(Decisions {
            p_value: Some(p_values),
            probability: self.probabilities(scores, &slots, &by_slot, &batch),
            confidence: (!self.undecided()).then_some(confidence),
            verdict,
            severity: scores.par_iter().map(|&s| severity(s, value, unit)).collect(),
        })
    }

    /// What a face shows about decisions made by [`Self::decide`].
    pub fn summary(&self, decisions: &Decisions) -> DecisionSummary {
        let count = |kind| decisions.verdict.iter().filter(|&&v| v == kind).count();
        let mut threshold = self.threshold.clone();
        if let Some(p) = decisions.p_value.as_ref().filter(|p| !p.is_empty() && self.looks_at_batch()) {
            let by_slot = self.p_by_slot();
            if let Ok(value) = self.batch_value(&by_slot, &Grouped::new(p)) {
                threshold.value = value;
                threshold.expected_alert_rate = Some(expected_alert_rate(&self.reference, value));
            }
        }
        DecisionSummary {
            threshold: ThresholdSummary {
                name: threshold.name,
                value: threshold.value,
                expected_alert_rate: threshold.expected_alert_rate,
            },
            contamination: self.contamination.map(|c| c.interval),
            p_value_meaning: self.p_value_meaning().into(),
            probability_meaning: decisions
                .probability
                .as_ref()
                .map_or("", |_| self.probability_meaning())
                .into(),
            alert_rate_meaning: match self.mode {
                Mode::Dirty => "of later rows of this kind",
                Mode::Clean | Mode::Labelled => "of normal rows",
            }
            .into(),
            abstention: self.abstention().filter(|band| band.rate() > 0.0).map(|band| AbstentionSummary {
                rate: band.rate(),
                rate_bound: band.rate_bound(0.05),
                cost_bound: band.cost_bound(self.options.costs),
                costs: [self.options.costs.false_alarm, self.options.costs.miss, self.options.costs.abstain],
            }),
            n_anomalous: count(Verdict::Anomalous),
            n_abstain: count(Verdict::Abstain),
        }
    }

    fn p_value_meaning(&self) -> &'static str {
        match self.mode {
            Mode::Dirty => {
                "share of the fitted rows that score at least this high; a rank, not evidence by itself"
            }
            Mode::Clean => {
                "probability that a normal row not seen in fitting scores at least this high (conformal)"
            }
            Mode::Labelled => {
                "probability that a row like those labelled normal scores at least this high (conformal)"
            }
        }
    }

    fn probability_meaning(&self) -> &'static str {
        match self.mode {
            Mode::Dirty => {
                "posterior probability of being anomalous, if the panel's score clusters are what they seem"
            }
            Mode::Clean => {
                "probability of being anomalous among rows of this batch with such a p-value (local fdr)"
            }
            Mode::Labelled => "share of anomalies among labelled rows with such a score",
        }
    }

    /// P-value of every slot of the reference; slot `i` holds scores above exactly `i` kept ones.
    fn p_by_slot(&self) -> Vec<f64> {
        let n = self.reference.n();
        let of = |slot| {
            let above = n - self.reference.position(slot);
            if self.mode == Mode::Dirty { rank_p_value(above, n) } else { p_value(above, n) }
        };
        (0..=self.reference.points().len()).map(of).collect()
    }

    fn batch(&self, by_slot: &[f64], slots: &[u32]) -> Grouped {
        let mut counts = vec![0_u64; by_slot.len()];
        slots.iter().for_each(|&slot| counts[slot as usize] += 1);
        let mut grouped = Grouped::default();
        for (&p, &count) in by_slot.iter().zip(&counts).rev().filter(|&(_, &count)| count > 0) {
            grouped.push(p, count);
        }
        grouped
    }

    fn looks_at_batch(&self) -> bool {
        match self.threshold.rule {
            Rule::Fdr { .. } => true,
            Rule::Cost { .. } => self.map.is_none(),
            _ => false,
        }
    }

    /// The threshold for a batch of p-values.
    fn batch_value(&self, by_slot: &[f64], batch: &Grouped) -> Result<f32> {
        if !self.looks_at_batch() {
            return Ok(self.threshold.value);
        }
        let cut = match self.threshold.rule {
            Rule::Fdr { level, method } => {
                batch.cut(level, method).unwrap_or_else(|| batch.needed(level, method))
            }
            Rule::Cost { false_alarm, miss } => {
                let needed = false_alarm / (false_alarm + miss);
                let probability = local(batch).ok_or_else(|| Error::TooFewItems {
                    what: "least expected cost without labels".into(),
                    got: batch.n() as usize,
                    need: MIN_BATCH as usize,
                })?;
                let last = probability.partition_point(|&p| p >= needed);
                last.checked_sub(1).and_then(|at| batch.p.get(at)).copied().unwrap_or(0.0)
            }
            _ => return Ok(self.threshold.value),
        };
        // The lowest slot whose p-value is at most the cut holds the scores above the kept score before it.
        let slot = by_slot.partition_point(|&p| p > cut);
        let points = self.reference.points();
        Ok(slot.checked_sub(1).and_then(|at| points.get(at)).copied().unwrap_or_else(|| self.reference.max()))
    }

    /// How many of the reference ranks are flagged, for the confidence: where new items are compared with
    /// reference scores that they do not belong to, an item above all but `c` of them is flagged as one of `c + 1`.
    pub(super) fn flagged_ranks(&self, value: f32) -> u64 {
        let above = self.reference.n_above(value);
        if self.mode == Mode::Dirty { above } else { above + 1 }
    }

    /// The sensitivity at which verdicts are withheld; `None` where they are not.
    pub(super) fn sensitivity(&self, k: u64) -> Option<f64> {
        let n = self.reference.n();
        let limit = self.options.max_abstain_ratio * k as f64 / n as f64;
        let estimated = matches!(self.threshold.rule, Rule::ContaminationPosterior {});
        let asked = self.options.abstain.unwrap_or(estimated);
        (asked && k > 0 && k <= n).then(|| sensitivity_within(n, k, self.options.sensitivity, limit))
    }

    fn probabilities(
        &self,
        scores: &[f32],
        slots: &[u32],
        by_slot: &[f64],
        batch: &Grouped,
    ) -> Option<Vec<f64>> {
        if let Some(map) = &self.map {
            return Some(scores.par_iter().map(|&s| map.at(s)).collect());
        }
        if self.mode != Mode::Clean {
            return None;
        }
        let local = local(batch)?;
        let of_slot: Vec<f64> = by_slot
            .iter()
            .map(|&p| local.get(batch.p.partition_point(|&other| other < p)).copied().unwrap_or(0.0))
            .collect();
        Some(slots.par_iter().map(|&slot| of_slot[slot as usize]).collect())
    }
}
