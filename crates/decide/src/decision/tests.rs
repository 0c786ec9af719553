//! Every mode and rule, what stays per item, degenerate input, the model file.

use super::*;
use crate::contamination::panel_rows;
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
    let decision =
        Decision::from_dirty(&scores, &panel, None, &DecideOptions::default(), &Run::new(3)).unwrap();
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
    // The oddest row, which is none of the planted rows in particular: each has its own distance.
    let top = (0..2_000).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
    let (probability, p) = (decided.probability.unwrap(), decided.p_value.unwrap());
    assert!(
        top < 100 && probability[top] > 0.95 && p[top] == 0.0005,
        "{top} {} {}",
        probability[top],
        p[top]
    );
    assert!(decided.severity[top] > Severity::None);
    let expected: f64 = probability.iter().sum();
    assert!((expected - 100.0).abs() < 20.0, "{expected} anomalies expected among 100 planted");
    assert!(decision.abstention().unwrap().rate() <= 0.2 * gamma.high);
}

/// The panel may hold a sample of the rows.
#[test]
fn a_sampled_panel_is_matched_to_its_rows() {
    let (panel, _) = planted(3_000, 150, 6.0, 2);
    let scores: Vec<f32> = panel.rows().into_iter().map(|r| r[0] + r[1].sqrt() + r[2]).collect();
    let rows = crate::panel_rows(3_000, 1_000);
    let part = Array2::from_shape_fn((1_000, 3), |(i, j)| panel[(rows[i], j)]);
    let decision =
        Decision::from_dirty(&scores, &part, None, &DecideOptions::default(), &Run::new(3)).unwrap();
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
    // Its p-value is to be at most 0.1 / 60, hence (1 + c) / 2001 with c = 2: above the third highest reference score.
    let mut reference = normals(2_000, 1);
    reference.sort_unstable_by(|a, b| b.total_cmp(a));
    assert_eq!(shown.threshold.value, reference[2]);
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
    // A new score is the highest of a hundred with 1 %: no threshold promises less.
    for share in [0.0, 0.009] {
        assert!(error(Rule::AlertRate { share }).contains("at least 1.0e-2"));
    }
    let fdr = Rule::Fdr { level: 0.1, method: Method::Bh };
    assert!(dirty(500, 25).1.with_rule(fdr).unwrap_err().to_string().contains("normal data"));
}

/// Two hundred rows, one of which scores 467 and no other above 2.8.
#[test]
fn a_named_count_is_flagged_whole() {
    let run = Run::new(0);
    let mut scores: Vec<f32> = normals(200, 5).into_iter().map(|s| s.clamp(-2.8, 2.8)).collect();
    scores[17] = 467.0;
    let alone = Array2::zeros((0, 0));
    for abstain in [None, Some(true), Some(false)] {
        for k in [1_u64, 2, 5, 20] {
            let options = DecideOptions { rule: Some(Rule::TopK { k }), abstain, ..DecideOptions::default() };
            let decision = Decision::from_dirty(&scores, &alone, None, &options, &run).unwrap();
            let decided = decision.decide(&scores, &run).unwrap();
            let flagged = |v: &&Verdict| **v == Verdict::Anomalous;
            assert_eq!(decided.verdict.iter().filter(flagged).count() as u64, k, "{abstain:?}");
            assert_eq!(decided.verdict[17], Verdict::Anomalous, "{abstain:?} {k}");
            let withheld = decided.verdict.iter().filter(|&&v| v == Verdict::Abstain).count();
            assert!(withheld == 0 || (abstain == Some(true) && withheld as u64 <= k / 5), "{k} {withheld}");
            let confidence = decided.confidence.unwrap()[17];
            // Some row of another sample would be higher as likely as not.
            assert!(k > 1 || (confidence - 201.0 / 401.0).abs() < 1e-12, "{confidence}");
        }
    }
    // A score that the user named, above all reference scores.
    let options = DecideOptions { rule: Some(Rule::Fixed { value: 500.0 }), ..DecideOptions::default() };
    let decision = Decision::from_dirty(&scores, &alone, None, &options, &run).unwrap();
    let decided = decision.decide(&[467.0, 501.0], &run).unwrap();
    assert_eq!(decided.verdict, [Verdict::Normal, Verdict::Anomalous]);
    assert!(decided.confidence.unwrap()[1] > 0.3);
}

/// Rows that may be anomalous themselves: a budget counts all of them, whatever the estimated share of anomalies.
#[test]
fn a_budget_is_kept_on_dirty_data() {
    let (scores, decision) = dirty(1_000, 100);
    for (share, most) in [(0.001, 1), (0.01, 10), (0.05, 50)] {
        let decision = decision.with_rule(Rule::AlertRate { share }).unwrap();
        let decided = decision.decide(&scores, &Run::new(0)).unwrap();
        assert_eq!(decision.summary(&decided).n_anomalous, most);
        assert_eq!(decision.summary(&decided).n_abstain, 0);
    }
}

/// Two clusters of nearly equal size do not say which of them is normal.
#[test]
fn without_evidence_nothing_is_flagged() {
    let run = Run::new(3);
    let (panel, _) = planted(1_000, 400, 12.0, 1);
    let scores: Vec<f32> = panel.column(0).to_vec();
    let decision = Decision::from_dirty(&scores, &panel, None, &DecideOptions::default(), &run).unwrap();
    let decided = decision.decide(&scores, &run).unwrap();
    assert!(!decision.contamination().unwrap().separable);
    assert!(decided.verdict.iter().all(|&v| v == Verdict::Normal));
    assert!(decided.confidence.is_none() && decided.probability.is_none());
    assert!(decision.summary(&decided).threshold.name.contains("undecided"));
}

/// A probability that is never reached flags nothing, also beyond the scores seen.
#[test]
fn cost_beyond_the_curve_flags_nothing() {
    let (_, decision) = dirty(1_000, 50);
    let decision = decision.with_rule(Rule::Cost { false_alarm: 1e9, miss: 1.0 }).unwrap();
    let decided = decision.decide(&[1e30], &Run::new(0)).unwrap();
    assert_eq!(decided.verdict, [Verdict::Normal]);
}

proptest::proptest! {
    #[test]
    fn order_walks_through_all_numbers(value in proptest::num::f32::NORMAL | proptest::num::f32::ZERO) {
        proptest::prop_assert_eq!(at_order(order(value)).to_bits(), value.to_bits());
        let next = at_order(order(value) + 1);
        proptest::prop_assert!(next == value.next_up() || (value == 0.0 && next == 0.0));
    }
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
    assert!((at.probability.unwrap()[0] - 0.5).abs() < 1e-3 && (4.0..10.0).contains(&value), "{value}");
    // The curve goes on beyond the labelled scores, and so does the threshold.
    let wary = even.with_rule(Rule::Cost { false_alarm: 1e3, miss: 1.0 }).unwrap();
    assert!(wary.threshold().value > 12.0);
    let wary = wary.decide(&[wary.threshold().value.next_up(), 12.0], &run).unwrap();
    assert_eq!(wary.verdict, [Verdict::Anomalous, Verdict::Normal]);
    let one = Decision::from_labels(&scores[..4], &labels[..4], &DecideOptions::default(), &run);
    assert!(one.unwrap_err().to_string().contains("both kinds"));
}

#[test]
fn degenerate_scores_have_an_answer() {
    let run = Run::new(0);
    let options = DecideOptions::default();
    let empty = Array2::zeros((0, 0));
    for scores in [vec![1.0], vec![2.0; 300], vec![0.0, 1.0]] {
        let decision = Decision::from_dirty(&scores, &empty, None, &options, &run).unwrap();
        let decided = decision.decide(&scores, &run).unwrap();
        assert!(decided.verdict.iter().all(|&v| v != Verdict::Anomalous), "{:?}", decided.verdict);
        let clean = Decision::from_clean(&scores, &options, &run).unwrap();
        assert!(clean.decide(&scores, &run).unwrap().verdict.iter().all(|&v| v == Verdict::Normal));
        assert_eq!(clean.decide(&[], &run).unwrap(), Default::default());
        assert!(clean.decide(&[f32::INFINITY], &run).is_err());
    }
    assert!(Decision::from_dirty(&[], &empty, None, &options, &run).is_err());
    assert!(Decision::from_dirty(&[1.0], &Array2::zeros((2, 1)), None, &options, &run).is_err());
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

/// Ten rows of 100,000 far out: a panel of 2,000 rows shows none of them, the tail does. Without them nothing is flagged.
#[test]
fn anomalies_rarer_than_the_panel_are_looked_for_in_the_tail() {
    for (bad, fewest, most) in [(10, 9, 40), (0, 0, 0)] {
        let (all, _) = planted(100_000, bad, 12.0, 5);
        // What the three detectors see, on one scale, together.
        let scores: Vec<f32> =
            all.rows().into_iter().map(|r| r[0] + r[1].sqrt() + r[2].exp() - 1.0).collect();
        let at = |rows: &[usize]| all.select(ndarray::Axis(0), rows);
        let panel = at(&panel_rows(scores.len(), 2_000));
        let run = Run::new(0);
        let decision = Decision::from_dirty(
            &scores,
            &panel,
            Some(&|rows| Ok(at(rows))),
            &DecideOptions::default(),
            &run,
        )
        .unwrap();
        let decided = decision.decide(&scores, &run).unwrap();
        let flagged = decided.verdict.iter().filter(|&&v| v == Verdict::Anomalous).count();
        println!("{bad} planted: {flagged} flagged, {:?}", decision.contamination());
        assert!((fewest..=most).contains(&flagged), "{bad} planted, {flagged} flagged");
        let probability = decided.probability.unwrap();
        assert!((0..bad).all(|row| probability[row] > 0.5) && probability[99_999] < 0.01);
    }
}
