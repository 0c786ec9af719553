//! Risk cards from a table, judged on rows that they were not made from.

use anomalyst_core::{Error, Notices, Result, Run, SourceSummary, Table};
use anomalyst_decide::risk::{Kind, RiskCard, RiskScore};
use anomalyst_kernels::logistic::{Logistic, sigmoid, softplus};
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::labelled::{Labelled, fit_numbers, numbers};
use crate::options::Input;

/// More distinct risks than this are judged in groups of equal size instead of one by one.
const MOST_GROUPS: usize = 50;
/// Groups then.
const N_GROUPS: usize = 10;

/// A card and how it does.
#[derive(Clone, Debug, Serialize)]
pub struct RiskReport {
    /// The card.
    pub card: RiskCard,
    /// How cards made so do on rows they were not made from; absent where no folds were asked for.
    pub judged: Option<Judged>,
    /// What was read.
    pub source: SourceSummary,
    /// Rows with a label, and anomalous ones of them.
    pub n_labelled: usize,
    /// Anomalous rows.
    pub n_anomalous: usize,
    /// What was noticed.
    pub notices: Notices,
}

/// Cross-validated numbers: the whole way from indicators to points is gone anew in every fold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// How many parts.
    pub n_folds: usize,
    /// The cards.
    pub card: Quality,
    /// Logistic regression on all columns as numbers, for comparison.
    pub logistic: Quality,
    /// Always the share of anomalous rows, for comparison.
    pub constant: Quality,
}

/// How predictions do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Mean of the shares of right verdicts among anomalous and among normal rows.
    pub balanced_accuracy: f64,
    /// Area under the ROC curve; absent for verdicts.
    pub auroc: Option<f64>,
    /// Mean logistic loss; absent for verdicts.
    pub log_loss: Option<f64>,
    /// Mean distance of risk and observed share over groups of equal risk; absent for verdicts.
    pub calibration_error: Option<f64>,
}

/// What was predicted for rows that a model had not seen.
#[derive(Default)]
struct Predicted {
    margins: Vec<f64>,
    anomalous: Vec<bool>,
}

/// The best card for the labels of `input`, judged in `n_folds` parts (0 for none).
pub fn risk_score(
    input: Input,
    score: &RiskScore,
    n_folds: usize,
    strict: bool,
    run: &Run,
) -> Result<RiskReport> {
    let Input { table, mut notices, source, .. } = input;
    let labelled = Labelled::of(&table, &mut notices)?;
    if n_folds == 1 || n_folds > 20 {
        return Err(Error::BadParameter {
            name: "folds".into(),
            got: n_folds.to_string(),
            want: "0, or from 2 to 20".into(),
        });
    }
    // Of a limit on the whole run, the card takes its part and cross-validation another.
    let within = |share: f64| match run.time_left() {
        Some(left) => score.time_limit.min(left.mul_f64(share)),
        None => score.time_limit,
    };
    let made = RiskScore { time_limit: within(if n_folds == 0 { 0.9 } else { 0.4 }), ..score.clone() };
    let (card, noticed) = made.fit(&labelled.table, &labelled.anomalous, run)?;
    notices.extend(noticed);
    let n_anomalous = labelled.anomalous.iter().filter(|a| **a).count();
    let fewest = n_anomalous.min(labelled.anomalous.len() - n_anomalous);
    let judged = if n_folds == 0 {
        None
    } else if fewest < n_folds {
        notices.info(
            None,
            format!("not cross-validated: {n_folds} folds need as many rows of each label, the rarer one has {fewest}"),
        );
        None
    } else {
        let each = RiskScore { time_limit: within(0.7) / n_folds as u32, ..score.clone() };
        Some(judge(&each, &labelled, n_folds, run)?)
    };
    if strict {
        notices.refuse_handled()?;
    }
    Ok(RiskReport { card, judged, source, n_labelled: labelled.anomalous.len(), n_anomalous, notices })
}

fn judge(score: &RiskScore, labelled: &Labelled, n_folds: usize, run: &Run) -> Result<Judged> {
    let folds = folds(&labelled.anomalous, n_folds, run);
    let stage = run.stage("cross-validation", n_folds as u64);
    let [mut cards, mut logistic, mut constant] =
        [Predicted::default(), Predicted::default(), Predicted::default()];
    for fold in 0..n_folds {
        let part =
            |inside: bool| (0..folds.len()).filter(|row| (folds[*row] == fold) == inside).collect::<Vec<_>>();
        let (held, rest) = (part(true), part(false));
        let labels = |rows: &[usize]| rows.iter().map(|row| labelled.anomalous[*row]).collect::<Vec<_>>();
        let (train, test) = (labelled.table.take(&rest), labelled.table.take(&held));
        let (learned, asked) = (labels(&rest), labels(&held));
        let card = score.fit(&train, &learned, run)?.0;
        let totals = card.totals_of(&test);
        cards.add(totals.iter().map(|t| f64::from(t + card.offset)), &asked);
        logistic.add(logistic_margins(&train, &learned, &test, run)?.into_iter(), &asked);
        let n = learned.iter().filter(|a| **a).count() as f64;
        let base = (n / (learned.len() as f64 - n)).ln();
        constant.add(asked.iter().map(|_| base), &asked);
        stage.advance(1);
    }
    let is_risk = score.kind == Kind::Risk;
    Ok(Judged {
        n_folds,
        card: cards.quality(is_risk),
        logistic: logistic.quality(is_risk),
        constant: constant.quality(is_risk),
    })
}

/// Log odds of `test` by logistic regression with the ridge of scikit-learn's default.
fn logistic_margins(train: &Table, labels: &[bool], test: &Table, run: &Run) -> Result<Vec<f64>> {
    let (encoder, _) = fit_numbers(train, run)?;
    let problem = Logistic::of_labels(numbers(&encoder, train, run)?.x, labels, 1.0 / labels.len() as f64)?;
    let weights = problem.fit(run)?.weights;
    Ok(Logistic::of_labels(numbers(&encoder, test, run)?.x, &vec![false; test.n_rows], 0.0)?
        .margins(&weights))
}

/// The part of each row, with as equal a share of anomalous rows in each as can be.
fn folds(anomalous: &[bool], n_folds: usize, run: &Run) -> Vec<usize> {
    let mut order: Vec<usize> = (0..anomalous.len()).collect();
    order.shuffle(&mut run.random(2));
    order.sort_by_key(|row| anomalous[*row]);
    let mut folds = vec![0; anomalous.len()];
    order.into_iter().enumerate().for_each(|(at, row)| folds[row] = at % n_folds);
    folds
}

impl Predicted {
    fn add(&mut self, margins: impl Iterator<Item = f64>, anomalous: &[bool]) {
        self.margins.extend(margins);
        self.anomalous.extend(anomalous);
    }

    fn quality(&self, is_risk: bool) -> Quality {
        let n = self.margins.len() as f64;
        let each = || self.margins.iter().zip(&self.anomalous);
        let right =
            |label: bool| each().filter(|(z, a)| **a == label && (**z >= 0.0) == label).count() as f64;
        let n_anomalous = self.anomalous.iter().filter(|a| **a).count() as f64;
        let (hits, passes) = (right(true), right(false));
        let loss = || each().map(|(z, a)| softplus(if *a { -z } else { *z })).sum::<f64>() / n;
        Quality {
            accuracy: (hits + passes) / n,
            balanced_accuracy: 0.5 * (hits / n_anomalous + passes / (n - n_anomalous)),
            auroc: is_risk.then(|| self.auroc()),
            log_loss: is_risk.then(loss),
            calibration_error: is_risk.then(|| self.calibration_error()),
        }
    }

    fn sorted(&self) -> Vec<(f64, bool)> {
        let mut pairs: Vec<(f64, bool)> =
            self.margins.iter().copied().zip(self.anomalous.iter().copied()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        pairs
    }

    /// Mann-Whitney, ties counted half.
    fn auroc(&self) -> f64 {
        let pairs = self.sorted();
        let (mut normal_below, mut sum) = (0.0, 0.0);
        for ties in pairs.chunk_by(|a, b| a.0 == b.0) {
            let anomalous = ties.iter().filter(|t| t.1).count() as f64;
            let normal = ties.len() as f64 - anomalous;
            sum += anomalous * (normal_below + 0.5 * normal);
            normal_below += normal;
        }
        sum / (normal_below * (pairs.len() as f64 - normal_below))
    }

    fn calibration_error(&self) -> f64 {
        let pairs = self.sorted();
        let mut groups: Vec<&[(f64, bool)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
        if groups.len() > MOST_GROUPS {
            groups = pairs.chunks(pairs.len().div_ceil(N_GROUPS)).collect();
        }
        let off = |group: &&[(f64, bool)]| {
            let risks: f64 = group.iter().map(|(z, _)| sigmoid(*z)).sum();
            (risks - group.iter().filter(|(_, a)| *a).count() as f64).abs()
        };
        groups.iter().map(off).sum::<f64>() / pairs.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{Column, ColumnData, ColumnKind, Label};
    use rand::RngExt;

    #[test]
    fn qualities_in_closed_form() {
        let mut predicted = Predicted::default();
        predicted.add([-1.0, -1.0, 1.0, 1.0].into_iter(), &[false, true, true, true]);
        let q = predicted.quality(true);
        assert_eq!((q.accuracy, q.balanced_accuracy), (0.75, 0.5 * (2.0 / 3.0 + 1.0)));
        // Of three pairs two are right and one is tied.
        assert_eq!(q.auroc, Some(2.5 / 3.0));
        let p = sigmoid(1.0);
        let off = (2.0 * (1.0 - p) - 1.0).abs() + (2.0 * p - 2.0).abs();
        assert!((q.calibration_error.unwrap() - off / 4.0).abs() < 1e-12);
        assert!((q.log_loss.unwrap() - (3.0 * softplus(-1.0) + softplus(1.0)) / 4.0).abs() < 1e-12);
        assert_eq!(predicted.quality(false).auroc, None);
    }

    /// Measurements that are higher in sick rows, as in a small medical table.
    fn measured(n: usize) -> Table {
        let mut random = Run::new(1).random(0);
        let sick: Vec<bool> = (0..n).map(|i| i % 3 == 0).collect();
        let mut column = |shift: f64| -> Vec<f64> {
            sick.iter()
                .map(|s| (10.0 * (random.random::<f64>() + if *s { shift } else { 0.0 })).round())
                .collect()
        };
        let cells = [column(0.9), column(0.7), column(0.0), column(0.8), column(0.0)];
        let columns = cells.into_iter().enumerate().map(|(j, cells)| Column {
            name: format!("m{j}"),
            kind: ColumnKind::Number,
            data: ColumnData::Numbers(cells),
        });
        let mut table = Table::new(columns.collect()).unwrap();
        table.labels = Some(sick.iter().map(|s| if *s { Label::Anomalous } else { Label::Normal }).collect());
        table
    }

    #[test]
    fn a_card_for_verdicts_is_near_logistic_regression() {
        let score = RiskScore { kind: Kind::Verdict, max_indicators: 16, ..RiskScore::default() };
        let run = Run::new(0);
        let report = risk_score(Input::of_table(measured(600)), &score, 5, false, &run).unwrap();
        let judged = report.judged.unwrap();
        assert!(judged.card.accuracy >= judged.logistic.accuracy - 0.02, "{judged:?}");
        assert!(judged.card.accuracy > judged.constant.accuracy + 0.2, "{judged:?}");
        assert!(report.card.items.len() <= 5 && judged.card.auroc.is_none());
    }

    #[test]
    fn a_risk_card_is_calibrated_on_rows_it_has_not_seen() {
        let run = Run::new(0);
        let score = RiskScore { max_indicators: 16, ..RiskScore::default() };
        let report = risk_score(Input::of_table(measured(2400)), &score, 5, false, &run).unwrap();
        let judged = report.judged.unwrap();
        assert!(judged.card.calibration_error.unwrap() < 0.05, "{judged:?}");
        assert!(judged.card.log_loss < judged.constant.log_loss, "{judged:?}");
        assert_eq!((report.n_labelled, report.n_anomalous), (2400, 800));
    }

    #[test]
    fn unlabelled_rows_are_left_out_and_few_are_not_judged() {
        let mut table = measured(30);
        if let Some(labels) = &mut table.labels {
            labels[..27].iter_mut().for_each(|l| *l = Label::Unknown);
        }
        let run = Run::new(0);
        let report =
            risk_score(Input::of_table(table.clone()), &RiskScore::default(), 5, false, &run).unwrap();
        assert!(report.judged.is_none() && report.n_labelled == 3);
        assert_eq!(report.notices.0.len(), 2);
        table.labels = None;
        let error = risk_score(Input::of_table(table), &RiskScore::default(), 5, false, &run).unwrap_err();
        assert!(error.to_string().contains("--label"), "{error}");
    }
}
