//! Every mode and rule, what stays per item, degenerate input, the model file.

use super::*;
use crate::draw;
use crate::fdr::Method;
use crate::planted::planted;
use crate::threshold::Objective;
use anomalyst_core::{Label, ModelReader, ModelWriter, Run, Severity, Verdict};
use ndarray::Array2;

fn normals(n: usize, seed: u64) -> Vec<f32> {
    let mut random = Run::new(seed).random(4);
    (0..n).map(|_| draw::normal(&mut random) as f32).collect()
}

fn dirty(n: usize, bad: usize) -> (Vec<f32>, Decision) {
    let (panel, _) = planted(n, bad, 6.0, 1);
    let scores: Vec<f32> = panel.rows().into_iter().map(|r| r[0] + r[1].sqrt() + r[2]).collect();
    let decision = Decision::from_dirty(&scores, &panel, &DecideOptions::default(), &Run::new(3)).unwrap();
    (scores, decision)
}

#[test]
fn dirty_default_flags_what_was_planted() {
    let run = Run::new(3);
    let (scores, decision) = dirty(2_000, 100);
    let decided = decision.decide(&scores, &run).unwrap();
    let summary = decision.summary(&decided);
    let gamma = summary.contamination.unwrap();
    assert!(gamma.low <= 0.05 && gamma.high >= 0.05, "{gamma:?}");
    let flagged = |rows: std::ops::Range<usize>| {
        decided.verdict[rows].iter().filter(|&&v| v == Verdict::Anomalous).count()
    };
    assert!(flagged(0..100) > 75 && flagged(100..2_000) < 15, "{} {}", flagged(0..100), flagged(100..2_000));
    assert!(summary.n_abstain > 0 && summary.n_abstain <= 40, "{}", summary.n_abstain);
    let rate = summary.threshold.expected_alert_rate.unwrap();
    assert!(rate.low < gamma.mean && rate.high > gamma.mean && !summary.probability_meaning.is_empty());
    let (top, p) = (decided.probability.unwrap()[0], decided.p_value.unwrap()[0]);
    assert!(top > 0.9 && p < 0.06 && decided.severity[0] > Severity::None, "{top} {p}");
    assert!(decision.abstention().unwrap().rate() <= 0.2 * gamma.high);
}

/// The panel may hold a sample of the rows.
#[test]
fn a_sampled_panel_is_matched_to_its_rows() {
    let (panel, _) = planted(3_000, 150, 6.0, 2);
    let scores: Vec<f32> = panel.rows().into_iter().map(|r| r[0] + r[1].sqrt() + r[2]).collect();
    let rows = crate::panel_rows(3_000, 1_000);
    let part = Array2::from_shape_fn((1_000, 3), |(i, j)| panel[(rows[i], j)]);
    let decision = Decision::from_dirty(&scores, &part, &DecideOptions::default(), &Run::new(3)).unwrap();
    let probability = decision.decide(&scores, &Run::new(3)).unwrap().probability.unwrap();
    let mean = |rows: std::ops::Range<usize>| {
        let n = rows.len() as f64;
        probability[rows].iter().sum::<f64>() / n
    };
    assert!(mean(0..150) > 0.8 && mean(150..3_000) < 0.05, "{} {}", mean(0..150), mean(150..3_000));
}

#[test]
fn clean_default_controls_false_discoveries() {
    let run = Run::new(0);
    let decision = Decision::from_clean(&normals(2_000, 1), &DecideOptions::default(), &run).unwrap();
    let mut batch = normals(500, 2);
    batch[..25].iter_mut().for_each(|s| *s += 8.0);
    let decided = decision.decide(&batch, &run).unwrap();
    let summary = decision.summary(&decided);
    let wrong = decided.verdict[25..].iter().filter(|&&v| v == Verdict::Anomalous).count();
    assert!(decided.verdict[..25].iter().all(|&v| v == Verdict::Anomalous) && wrong <= 8, "{wrong}");
    // The threshold shown separates exactly what was flagged.
    for (score, verdict) in batch.iter().zip(&decided.verdict) {
        assert_eq!(*score > summary.threshold.value, *verdict == Verdict::Anomalous);
    }
    assert!(decided.probability.as_ref().unwrap()[0] > 0.8);
    assert!(decided.confidence.as_ref().unwrap().iter().all(|c| (0.0..=1.0).contains(c)));
    // Nothing to flag: the threshold is the score that one item alone would need.
    let calm = decision.decide(&normals(500, 3)[..60], &run).unwrap();
    let shown = decision.summary(&calm);
    assert_eq!(shown.n_anomalous, 0);
    assert!(shown.threshold.value >= 2.9, "{}", shown.threshold.value);
    // Fewer than fifty p-values do not say how they are distributed.
    assert!(decision.decide(&batch[..10], &run).unwrap().probability.is_none());
}

#[test]
fn rules_in_closed_form() {
    let run = Run::new(0);
    let reference: Vec<f32> = (1..=99_u8).map(f32::from).collect();
    let decision = Decision::from_clean(&reference, &DecideOptions::default(), &run).unwrap();
    let value = |rule| decision.with_rule(rule).unwrap().threshold().value;
    // One in a hundred above the 99th of 99 scores; five above the 95th.
    assert_eq!(value(Rule::AlertRate { share: 0.01 }), 99.0);
    assert_eq!(value(Rule::AlertRate { share: 0.05 }), 95.0);
    assert_eq!(value(Rule::AlertRate { share: 0.0 }), 99.0);
    assert_eq!(value(Rule::TopK { k: 3 }), 96.0);
    assert!(value(Rule::TopK { k: 1_000 }) < 1.0);
    assert_eq!(value(Rule::Contamination { share: 0.1 }), 89.0);
    assert_eq!(value(Rule::Fixed { value: 7.5 }), 7.5);
    let rate = decision.with_rule(Rule::TopK { k: 3 }).unwrap().threshold().expected_alert_rate.unwrap();
    assert!((rate.mean - 3.0 / 99.0).abs() < 1e-12 && rate.low < rate.mean && rate.high > rate.mean);
    let error = |rule| decision.with_rule(rule).unwrap_err().to_string();
    assert!(error(Rule::Labels { objective: Objective::F1 {} }).contains("without labels"));
    assert!(error(Rule::ContaminationPosterior {}).contains("may hold anomalies"));
    assert!(error(Rule::AlertRate { share: f64::NAN }).contains("share"));
    let fdr = Rule::Fdr { level: 0.1, method: Method::Bh };
    assert!(dirty(500, 25).1.with_rule(fdr).unwrap_err().to_string().contains("normal data"));
}

#[test]
fn only_batch_rules_look_at_the_batch() {
    let run = Run::new(0);
    let (scores, decision) = dirty(800, 40);
    let whole = decision.decide(&scores, &run).unwrap();
    for at in [0, 41, 799] {
        let alone = decision.decide(&scores[at..=at], &run).unwrap();
        assert_eq!(alone.verdict[0], whole.verdict[at]);
        assert_eq!(alone.p_value.unwrap()[0], whole.p_value.as_ref().unwrap()[at]);
        assert_eq!(alone.probability.unwrap()[0], whole.probability.as_ref().unwrap()[at]);
        assert_eq!(alone.confidence.unwrap()[0], whole.confidence.as_ref().unwrap()[at]);
    }
}

#[test]
fn labels_choose_the_threshold() {
    let run = Run::new(0);
    let scores = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 5.0];
    use Label::{Anomalous as A, Normal as N, Unknown as U};
    let labels = [N, N, N, N, A, A, U];
    let decision = Decision::from_labels(&scores, &labels, &DecideOptions::default(), &run).unwrap();
    assert_eq!(decision.threshold().value, 7.0);
    let decided = decision.decide(&scores, &run).unwrap();
    let probability = decided.probability.unwrap();
    assert!(probability[0] < 0.3 && probability[5] > 0.6 && probability.iter().all(|p| p.is_finite()));
    let costly = Rule::Labels { objective: Objective::Cost { false_alarm: 1.0, miss: 0.1 } };
    assert_eq!(decision.with_rule(costly).unwrap().threshold().value, 7.0);
    // Flagged from a probability of one half on.
    let even = decision.with_rule(Rule::Cost { false_alarm: 1.0, miss: 1.0 }).unwrap();
    let value = even.threshold().value;
    let at = even.decide(&[value.next_up().next_up(), value], &run).unwrap();
    assert_eq!(at.verdict, [Verdict::Anomalous, Verdict::Normal]);
    assert!((at.probability.unwrap()[0] - 0.5).abs() < 1e-3);
    let one = Decision::from_labels(&scores[..4], &labels[..4], &DecideOptions::default(), &run);
    assert!(one.unwrap_err().to_string().contains("both kinds"));
}

#[test]
fn degenerate_scores_have_an_answer() {
    let run = Run::new(0);
    let options = DecideOptions::default();
    let empty = Array2::zeros((0, 0));
    for scores in [vec![1.0], vec![2.0; 300], vec![0.0, 1.0]] {
        let decision = Decision::from_dirty(&scores, &empty, &options, &run).unwrap();
        let decided = decision.decide(&scores, &run).unwrap();
        assert!(decided.verdict.iter().all(|&v| v != Verdict::Anomalous), "{:?}", decided.verdict);
        let clean = Decision::from_clean(&scores, &options, &run).unwrap();
        assert!(clean.decide(&scores, &run).unwrap().verdict.iter().all(|&v| v == Verdict::Normal));
        assert_eq!(clean.decide(&[], &run).unwrap(), Default::default());
        assert!(clean.decide(&[f32::INFINITY], &run).is_err());
    }
    assert!(Decision::from_dirty(&[], &empty, &options, &run).is_err());
    assert!(Decision::from_dirty(&[1.0], &Array2::zeros((2, 1)), &options, &run).is_err());
    let bad = DecideOptions { sensitivity: f64::NAN, ..options };
    assert!(Decision::from_clean(&[1.0], &bad, &run).is_err());
}

#[test]
fn a_model_file_gives_the_same_decisions() {
    let run = Run::new(0);
    let labels: Vec<Label> =
        (0..300).map(|i| if i < 30 { Label::Anomalous } else { Label::Normal }).collect();
    let (scores, first) = dirty(300, 30);
    let options = DecideOptions::default();
    let clean = Decision::from_clean(&scores, &options, &run).unwrap();
    let labelled = Decision::from_labels(&scores, &labels, &options, &run).unwrap();
    for decision in [first, clean, labelled] {
        let mut out = ModelWriter::new();
        decision.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        let loaded = Decision::load(&ModelReader::new(&tensors, &json)).unwrap();
        assert_eq!(loaded, decision);
        assert_eq!(loaded.decide(&scores, &run).unwrap(), decision.decide(&scores, &run).unwrap());
        for name in tensors.keys() {
            let mut fewer = tensors.clone();
            if let Some(tensor) = fewer.get_mut(name) {
                tensor.bytes.iter_mut().for_each(|b| *b = 0xff);
            }
            assert!(Decision::load(&ModelReader::new(&fewer, &json)).is_err(), "{name}");
        }
    }
}
