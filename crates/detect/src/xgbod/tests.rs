//! What the scores of detectors add to few labels, and what may stand below the trees of a file.

use super::*;
use anomalyst_core::Label;
use anomalyst_testkit::normal_rows;

/// 600 rows; every 30th is 5 deviations off in one column. Six of these 20 are known.
fn shells() -> (Features, Vec<bool>) {
    let mut values = normal_rows(600, 6, 4);
    let is_odd: Vec<bool> = (0..600).map(|row| row % 30 == 7).collect();
    for (row, mut cells) in values.rows_mut().into_iter().enumerate().filter(|(row, _)| is_odd[*row]) {
        cells[row / 30 % 6] = if row / 180 % 2 == 0 { 5.0 } else { -5.0 };
    }
    let label = |row: usize| if is_odd[row] && row < 180 { Label::Anomalous } else { Label::Unknown };
    let labels = Some((0..600).map(label).collect());
    (Features { labels, ..Features::rows(values) }, is_odd)
}

/// Share of pairs of an unlabelled anomaly and a normal row in which the anomaly scores higher.
fn auroc(scores: &[f32], is_odd: &[bool]) -> f64 {
    let of = |odd: bool| (180..600).filter(move |&row| is_odd[row] == odd).map(|row| scores[row]);
    let pairs = of(true).flat_map(|a| {
        of(false).map(move |b| {
            if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            }
        })
    });
    pairs.sum::<f64>() / (of(true).count() * of(false).count()) as f64
}

/// Known anomalies lie on one side of each column only; how far out a row is says the same on the other side.
#[test]
fn detectors_carry_labels_to_where_there_are_none() {
    let (rows, is_odd) = shells();
    let run = Run::new(0);
    let (_, with) = Xgbod::default().fit_score_on(&rows, &run).unwrap();
    let (_, alone) = GradientBoosting::default().fit_score_on(&rows, &run).unwrap();
    let (with, alone) = (auroc(&with, &is_odd), auroc(&alone, &is_odd));
    assert!(with > 0.95 && with > alone + 0.05, "{with} with detectors, {alone} without");
}

#[test]
fn two_rows_are_enough_and_their_model_survives_a_file() {
    let labels = Some(vec![Label::Anomalous, Label::Normal]);
    let rows = Features { labels, ..Features::rows(normal_rows(2, 3, 1)) };
    let run = Run::new(0);
    let fitted = Xgbod::default().fit_on(&rows, &run).unwrap();
    assert!(fitted.score(&rows, &run).unwrap().iter().all(|score| score.is_finite()));
}

#[test]
fn a_model_that_holds_itself_is_refused() {
    let (rows, _) = shells();
    let fitted = Xgbod { n_trees: 2, ..Default::default() }.fit_on(&rows, &Run::new(0)).unwrap();
    let mut out = ModelWriter::new();
    AnyModel::save(&fitted, &mut out).unwrap();
    let (tensors, mut json) = out.finish();
    let entry = Entry::of::<Xgbod>();
    assert!((entry.load)(&ModelReader::new(&tensors, &json)).is_ok());
    json.insert("state/members".into(), json!(["xgbod"]));
    let error = (entry.load)(&ModelReader::new(&tensors, &json)).err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("none of those")));
}
