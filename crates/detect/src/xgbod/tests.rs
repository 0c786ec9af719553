//! The fewest rows, and what may stand below the trees of a file.

use super::*;
use anomalyst_core::Label;
use anomalyst_testkit::normal_rows;

/// 600 rows; every 30th is 5 deviations off in one column. Six of these 20 are known.
fn shells() -> Features {
    let mut values = normal_rows(600, 6, 4);
    let is_odd: Vec<bool> = (0..600).map(|row| row % 30 == 7).collect();
    for (row, mut cells) in values.rows_mut().into_iter().enumerate().filter(|(row, _)| is_odd[*row]) {
        cells[row / 30 % 6] = if row / 180 % 2 == 0 { 5.0 } else { -5.0 };
    }
    let label = |row: usize| if is_odd[row] && row < 180 { Label::Anomalous } else { Label::Unknown };
    let labels = Some((0..600).map(label).collect());
    Features { labels, ..Features::rows(values) }
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
    let rows = shells();
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
