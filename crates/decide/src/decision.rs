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

use anomalyst_core::{
    DecisionSummary, Decisions, Error, Interval, Label, ModelReader, ModelWriter, Result, Run,
    ThresholdSummary, Verdict, check_params,
};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, check_scores};
use crate::conformal::{p_value, rank_p_value};
use crate::contamination::{panel_rows, posterior};
use crate::exceed::Stability;
use crate::fdr::{Grouped, Method};
use crate::options::DecideOptions;
use crate::probability::{Calibrator, ProbabilityMap, local};
use crate::rejection::{Band, sensitivity_within, withheld};
use crate::severity::{severity, spread};
use crate::threshold::{
    Objective, Rule, Threshold, budget_value, count_value, expected_alert_rate, label_value,
};

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
    /// For `scan` and for fits on data that may hold anomalies. `scores` are those of the fitted rows; `panel` has
    /// one column per detector and either one row per score or the rows [`panel_rows`]`(scores.len(), panel.nrows())`.
    /// An empty panel leaves the share of anomalies to the prior.
    pub fn from_dirty(
        scores: &[f32],
        panel: &Array2<f32>,
        options: &DecideOptions,
        run: &Run,
    ) -> Result<Self> {
        check_params("decision", options)?;
        let reference = Calibration::new(scores)?;
        if panel.nrows() > scores.len() {
            return Err(Error::Data(format!(
                "a panel of {} rows for {} scores",
                panel.nrows(),
                scores.len()
            )));
        }
        let alone = Array2::zeros((0, 0));
        let panel = if panel.ncols() == 0 { &alone } else { panel };
        let of_panel = panel_rows(scores.len(), panel.nrows());
        let found = posterior(panel, &options.contamination, run)?;
        let map = if found.row_probability.is_empty() {
            None
        } else {
            let chosen: Vec<f32> = found.rows.iter().map(|&row| scores[of_panel[row]]).collect();
            Some(ProbabilityMap::isotonic(&chosen, &found.row_probability)?)
        };
        let contamination = Some(Contamination { interval: found.interval, separable: found.separable });
        Self { contamination, map, ..Self::bare(Mode::Dirty, reference, options) }
            .resolve(Rule::ContaminationPosterior {})
    }

    /// For `fit` on clean or mostly clean data: out-of-fold or held-out scores of normal rows.
    pub fn from_clean(held_out: &[f32], options: &DecideOptions, _: &Run) -> Result<Self> {
        check_params("decision", options)?;
        let reference = Calibration::new(held_out)?;
        Self::bare(Mode::Clean, reference, options).resolve(Rule::Fdr { level: 0.1, method: Method::Bh })
    }

    /// With labels, of which both kinds must occur; items of unknown kind are left out. The scores should be
    /// held-out ones: of rows that the model learned from they are too low.
    pub fn from_labels(scores: &[f32], labels: &[Label], options: &DecideOptions, _: &Run) -> Result<Self> {
        check_params("decision", options)?;
        check_scores(scores)?;
        if scores.len() != labels.len() {
            return Err(Error::Data(format!("{} labels for {} scores", labels.len(), scores.len())));
        }
        let known =
            || scores.iter().copied().zip(labels.iter().copied()).filter(|&(_, l)| l != Label::Unknown);
        let (all, is): (Vec<f32>, Vec<bool>) = known().map(|(s, l)| (s, l == Label::Anomalous)).unzip();
        let of = |kind: Label| known().filter(|&(_, l)| l == kind).map(|(s, _)| s).collect::<Vec<f32>>();
        let (normal, anomalous) = (of(Label::Normal), of(Label::Anomalous));
        if normal.is_empty() || anomalous.is_empty() {
            return Err(Error::Data(format!(
                "a threshold from labels needs both kinds, but there are {} normal and {} anomalous rows; \
                 decide without labels, or label some of the other kind",
                normal.len(),
                anomalous.len()
            )));
        }
        let isotonic = match options.calibrator {
            Calibrator::Auto => all.len() >= 1_000 && anomalous.len() >= 100,
            Calibrator::Isotonic => true,
            Calibrator::Platt => false,
        };
        let map = if isotonic {
            ProbabilityMap::isotonic(&all, &is.iter().map(|&a| f64::from(u8::from(a))).collect::<Vec<_>>())?
        } else {
            ProbabilityMap::platt(&all, &is)?
        };
        let anomalous = Some(Calibration::new(&anomalous)?);
        Self { anomalous, map: Some(map), ..Self::bare(Mode::Labelled, Calibration::new(&normal)?, options) }
            .resolve(Rule::Labels { objective: Objective::F1 {} })
    }

    fn bare(mode: Mode, reference: Calibration, options: &DecideOptions) -> Self {
        let rule = Rule::Fixed { value: reference.max() };
        let threshold =
            Threshold { name: rule.name(), rule, value: reference.max(), expected_alert_rate: None };
        Self {
            mode,
            options: options.clone(),
            reference,
            anomalous: None,
            contamination: None,
            map: None,
            threshold,
        }
    }

    fn resolve(self, default: Rule) -> Result<Self> {
        let rule = self.options.rule.clone().unwrap_or(default);
        self.with_rule(rule)
    }

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
        let stability = Stability::new(&self.reference, k);
        let sensitivity = self.sensitivity(k);
        let unit = spread(&self.reference);
        let verdict_of = |&score: &f32| {
            let tails = stability.of(&self.reference, score);
            let flagged = score > value;
            let verdict = match sensitivity {
                Some(t) if withheld(tails, t) => Verdict::Abstain,
                _ if flagged => Verdict::Anomalous,
                _ => Verdict::Normal,
            };
            (verdict, if flagged { tails.0 } else { tails.1 })
        };
        let (verdict, confidence) = scores.par_iter().map(verdict_of).unzip();
        Ok(Decisions {
            p_value: Some(p_values),
            probability: self.probabilities(scores, &slots, &by_slot, &batch),
            confidence: Some(confidence),
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
                    need: crate::probability::MIN_BATCH as usize,
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
    fn flagged_ranks(&self, value: f32) -> u64 {
        let above = self.reference.n_above(value);
        if self.mode == Mode::Dirty { above } else { above + 1 }
    }

    /// The sensitivity at which verdicts are withheld; `None` where they are not.
    fn sensitivity(&self, k: u64) -> Option<f64> {
        let n = self.reference.n();
        let limit = self.options.max_abstain_ratio * k as f64 / n as f64;
        let asked = self.options.abstain.unwrap_or(self.mode == Mode::Dirty);
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

    /// Saves everything.
    pub fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("mode", &self.mode)?;
        out.put_json("options", &self.options)?;
        out.put_json("contamination", &self.contamination)?;
        out.put_json("threshold", &self.threshold)?;
        out.put_json("has", &(self.anomalous.is_some(), self.map.is_some()))?;
        out.scope("reference", |out| {
            self.reference.save(out);
            Ok(())
        })?;
        if let Some(anomalous) = &self.anomalous {
            out.scope("anomalous", |out| {
                anomalous.save(out);
                Ok(())
            })?;
        }
        self.map.as_ref().map_or(Ok(()), |map| out.scope("probability", |out| map.save(out)))
    }

    /// Reads what [`Self::save`] wrote, and checks that it holds together.
    pub fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (has_anomalous, has_map): (bool, bool) = from.json("has")?;
        let loaded = Self {
            mode: from.json("mode")?,
            options: from.json("options")?,
            contamination: from.json("contamination")?,
            threshold: from.json("threshold")?,
            reference: Calibration::load(&from.scope("reference"))?,
            anomalous: has_anomalous.then(|| Calibration::load(&from.scope("anomalous"))).transpose()?,
            map: has_map.then(|| ProbabilityMap::load(&from.scope("probability"))).transpose()?,
        };
        check_params("decision", &loaded.options)?;
        loaded.threshold.rule.check()?;
        let share = |c: Contamination| (0.0..=1.0).contains(&c.interval.mean);
        if !loaded.threshold.value.is_finite() || !loaded.contamination.is_none_or(share) {
            return Err(Error::model("the threshold or the share of anomalies is not a usable number"));
        }
        Ok(loaded)
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
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Severity;

    /// `n` rows seen by three detectors, the first `share` of them anomalous.
    fn planted(n: usize, share: f64, seed: u64) -> (Vec<f32>, Array2<f32>) {
        let mut random = Run::new(seed).random(9);
        let bad = (n as f64 * share).round() as usize;
        let panel = Array2::from_shape_fn((n, 3), |(i, _)| {
            let base = draw::gamma(&mut random, 4.0);
            (if i < bad { base + 14.0 } else { base }) as f32
        });
        let scores = panel.rows().into_iter().map(|r| r.sum()).collect();
        (scores, panel)
    }

    #[test]
    fn dirty_default_flags_what_was_planted() {
        let run = Run::new(3);
        let (scores, panel) = planted(2_000, 0.05, 1);
        let decision = Decision::from_dirty(&scores, &panel, &DecideOptions::default(), &run).unwrap();
        let decided = decision.decide(&scores, &run).unwrap();
        let summary = decision.summary(&decided);
        let gamma = summary.contamination.unwrap();
        eprintln!("{summary:?}");
        assert!(gamma.low <= 0.05 && gamma.high >= 0.05, "{gamma:?}");
        assert!(summary.n_anomalous >= 40 && decided.severity[0] > Severity::None);
    }
}
