//! Makes a decision from reference scores of each kind.

use anomalyst_core::{Error, Interval, Label, Result, Run, check_params};
use ndarray::Array2;

use super::{Contamination, Decision, Mode};
use crate::calibration::{Calibration, check_scores};
use crate::contamination::{panel_rows, posterior, tail_rows};
use crate::fdr::Method;
use crate::options::DecideOptions;
use crate::probability::{Calibrator, ProbabilityMap};
use crate::threshold::{Objective, Rule, Threshold};

/// A share that stands on fewer rows of a panel than this is looked at more closely: its standard error is a third of it.
const FEW_ROWS: f64 = 10.0;

/// Rows that were chosen for being extreme need more evidence than others: on 100,000 rows without anomalies (the test
/// of this) the tail alone leaves 0.3 for "none", with ten planted 0.01.
const RARE_P_NONE: f64 = 0.1;

/// Gives the columns of a panel at some rows.
pub type Tail<'a> = &'a dyn Fn(&[usize]) -> Result<Array2<f32>>;

impl Decision {
    /// For `scan` and for fits on data that may hold anomalies. `scores` are those of the fitted rows; `panel` has
    /// one column per detector and either one row per score or the rows [`panel_rows`]`(scores.len(), panel.nrows())`.
    /// An empty panel leaves the share of anomalies to the prior.
    ///
    /// A panel cannot show anomalies that are rarer than its rows. Where it shows none or a few, they are looked for among
    /// as many of the highest scores: `tail` is asked for the panel's columns at these rows.
    pub fn from_dirty(
        scores: &[f32],
        panel: &Array2<f32>,
        tail: Option<Tail<'_>>,
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
        let n_seen = found.interval.mean * found.rows.len() as f64;
        let few = found.p_none() > 0.5 || n_seen < FEW_ROWS;
        let rare = match tail.filter(|_| found.separable && few) {
            Some(tail) => rare(scores, panel.nrows(), tail, options, run)?,
            None => None,
        };
        let (contamination, map) = match rare {
            Some((contamination, map)) => (contamination, Some(map)),
            None => {
                let chosen: Vec<f32> = found.rows.iter().map(|&row| scores[of_panel[row]]).collect();
                let map = (!found.row_probability.is_empty())
                    .then(|| ProbabilityMap::isotonic(&chosen, &found.row_probability))
                    .transpose()?;
                let (separable, p_none) = (found.separable, found.p_none());
                (Contamination { interval: found.interval, separable, p_none }, map)
            }
        };
        Self { contamination: Some(contamination), map, ..Self::bare(Mode::Dirty, reference, options) }
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
}

/// The share of anomalies and the probabilities that the highest scores alone suggest; `None` where none of these rows
/// is more likely anomalous than not. The mean counts at most the rows that are.
fn rare(
    scores: &[f32],
    n_rows: usize,
    tail: Tail<'_>,
    options: &DecideOptions,
    run: &Run,
) -> Result<Option<(Contamination, ProbabilityMap)>> {
    let rows = tail_rows(scores, n_rows);
    let found = posterior(&tail(&rows)?, &options.contamination, run)?;
    if !found.separable || found.row_probability.is_empty() || found.p_none() > RARE_P_NONE {
        return Ok(None);
    }
    let highest: Vec<f32> = rows.into_iter().map(|row| scores[row]).collect();
    let chosen: Vec<f32> = found.rows.iter().map(|&row| highest[row]).collect();
    let map = ProbabilityMap::isotonic(&chosen, &found.row_probability)?;
    let n_likely = highest.iter().filter(|&&score| map.at(score) > 0.5).count();
    let n = scores.len() as f64;
    let of_all = |share: f64| share * highest.len() as f64 / n;
    let Interval { low, mean, high, level } = found.interval;
    let mean = of_all(mean).min(n_likely as f64 / n);
    let interval = Interval { low: of_all(low).min(mean), mean, high: of_all(high), level };
    let contamination = Contamination { interval, separable: true, p_none: found.p_none() };
    Ok((n_likely > 0).then_some((contamination, map)))
}
