//! Makes a decision from reference scores of each kind.

use anomalyst_core::{Error, Label, Result, Run, check_params};
use ndarray::Array2;

use super::{Contamination, Decision, Mode};
use crate::calibration::{Calibration, check_scores};
use crate::contamination::{panel_rows, posterior};
use crate::fdr::Method;
use crate::options::DecideOptions;
use crate::probability::{Calibrator, ProbabilityMap};
use crate::threshold::{Objective, Rule, Threshold};

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
        let contamination = Some(Contamination {
            interval: found.interval,
            separable: found.separable,
            p_none: found.p_none(),
        });
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
}
