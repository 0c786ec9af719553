//! Degenerate, incomplete and unfitting data.

use anomalyst_core::{Entry, Error, Features, Handles, Label, Run, UNSEEN_CODE};
use ndarray::Array2;
use serde_json::Value;

use super::{D, N, arranged, assert_finite, fit, labelled};
use crate::normal_rows;

/// No rows, one, two, all equal, a constant column, huge and tiny values: a clear error or finite scores.
pub fn degenerate_data_has_an_answer(entry: &Entry) {
    let detector = || (entry.from_json)(&Value::Null).unwrap();
    let run = Run::new(1);
    let empty = detector().fit(&Features::rows(Array2::zeros((0, D))), &run);
    assert!(matches!(empty.err(), Some(Error::TooFewItems { .. })), "no rows must be refused");
    assert!(
        detector().fit(&Features::rows(Array2::zeros((5, 0))), &run).is_err(),
        "no columns must be refused"
    );
    for n in 1..=3 {
        match detector().fit_score(&labelled(entry, Features::rows(normal_rows(n, D, 1))), &run) {
            Ok((_, scores)) => assert_finite(&scores, n),
            Err(Error::TooFewItems { need, .. }) => assert!(need > n && need == entry.card.min_items),
            Err(error) => panic!("{n} rows: {error}"),
        }
    }
    let mut constant_column = normal_rows(N, D, 1);
    constant_column.column_mut(1).fill(7.0);
    let mut with_duplicates = normal_rows(N, D, 1);
    let first = with_duplicates.row(0).to_owned();
    (0..N / 2).for_each(|i| with_duplicates.row_mut(i).assign(&first));
    let mut one_column = normal_rows(N, 1, 1);
    one_column[[0, 0]] = 50.0;
    for (what, values) in [
        ("constant column", constant_column),
        ("half duplicates", with_duplicates),
        ("all equal", Array2::from_elem((N, D), 3.0)),
        ("all zero", Array2::zeros((N, D))),
        ("one column", one_column),
        ("huge values", normal_rows(N, D, 1) * 1e15),
        ("tiny values", normal_rows(N, D, 1) * 1e-15),
        ("a huge offset", normal_rows(N, D, 1) + 1e6),
        ("more columns than rows", normal_rows(20, 50, 1)),
    ] {
        let features = labelled(entry, Features::rows(values));
        let (model, scores) = detector().fit_score(&features, &run).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(scores.iter().all(|s| s.is_finite()), "{what}: training scores are not finite");
        let new = arranged(entry, Features::rows(Array2::from_elem((1, features.n_values()), 1e5)));
        let scores = model.score(&new, &run).unwrap_or_else(|e| panic!("{what}, a far row: {e}"));
        assert_finite(&scores, 1);
    }
}

/// Missing numbers, infinities and codes are taken or refused exactly as the card says.
pub fn gaps_and_codes_as_the_card_says(entry: &Entry) {
    let mut values = normal_rows(N, D, 1);
    values[[17, 2]] = f32::INFINITY;
    let detector = || (entry.from_json)(&Value::Null).unwrap();
    let refused = detector().fit(&labelled(entry, Features::rows(values.clone())), &Run::new(1)).err();
    assert!(
        matches!(refused, Some(Error::NotFinite { row: 17, column: 2 })),
        "infinity must be refused by place"
    );
    (0..N / 5).for_each(|i| values[[i * 5 + i % 5, i % D]] = f32::NAN);
    values[[17, 2]] = f32::NAN;
    match (entry.card.missing, detector().fit_score(&labelled(entry, Features::rows(values)), &Run::new(1))) {
        (Handles::Native, Ok((model, scores))) => {
            assert_finite(&scores, N);
            let empty = Features::rows(Array2::from_elem((1, D), f32::NAN));
            assert_finite(&model.score(&empty, &Run::new(1)).unwrap(), 1);
        }
        (Handles::Native, Err(error)) => panic!("the card says missing values are taken: {error}"),
        (Handles::Refuses, Ok(_)) => panic!("the card says missing values are refused"),
        (Handles::Refuses, Err(error)) => assert!(matches!(error, Error::NotFinite { .. }), "{error}"),
    }
    let codes = Array2::from_shape_fn((N, 1), |(i, _)| if i == 8 { 2 } else { (i % 2) as u32 });
    let features = labelled(entry, Features::rows(normal_rows(N, D, 1)).with_codes(codes).unwrap());
    match (entry.card.codes, detector().fit_score(&features, &Run::new(1))) {
        (Handles::Native, Ok((model, scores))) => {
            assert_finite(&scores, N);
            let unseen = Features::rows(normal_rows(2, D, 3));
            let unseen = unseen.with_codes(ndarray::array![[UNSEEN_CODE], [u32::MAX]]).unwrap();
            assert_finite(&model.score(&unseen, &Run::new(1)).unwrap(), 2);
        }
        (Handles::Native, Err(error)) => panic!("the card says codes are taken: {error}"),
        (Handles::Refuses, result) => assert!(result.is_err(), "the card says codes are refused"),
    }
}

/// Rows of another width are refused with both widths.
pub fn other_widths_are_refused(entry: &Entry) {
    let model = fit(entry, &Features::rows(normal_rows(N, D, 1)));
    let error = model.score(&Features::rows(normal_rows(3, D + 1, 2)), &Run::new(1)).err();
    assert!(matches!(error, Some(Error::WidthMismatch { fitted: D, .. })));
}

/// Methods that learn from labels say what is missing where there are none, no anomalous one, or only such; one is
/// enough to give an answer, and for training rows of which the label is known the rank is finite too.
pub fn labels_are_asked_for(entry: &Entry) {
    if !entry.learns_from_labels {
        return;
    }
    let with = |labels: Option<Vec<Label>>| Features { labels, ..Features::rows(normal_rows(N, D, 1)) };
    let detector = (entry.from_json)(&Value::Null).unwrap();
    let one = |odd: usize| (0..N).map(|i| if i < odd { Label::Anomalous } else { Label::Normal }).collect();
    for (labels, said) in [
        (None, "--label"),
        (Some(one(0)), "no row is labelled anomalous"),
        (Some(vec![Label::Unknown; N]), "no row is labelled anomalous"),
        (Some(one(N)), "every row is labelled anomalous"),
        (Some(vec![Label::Anomalous; 3]), "there are 3 for 300 rows"),
    ] {
        let error = detector.fit(&with(labels), &Run::new(1)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(entry.card.id), "`{error}` does not say `{said}`");
    }
    for n_odd in [1, N - 1] {
        let (_, scores) = detector.fit_score(&with(Some(one(n_odd))), &Run::new(1)).unwrap();
        assert_finite(&scores, N);
    }
}
