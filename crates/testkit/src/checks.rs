//! The conformance checks. Each panics with what is wrong.

use std::collections::BTreeMap;

use anomalyst_core::{
    AnyModel, Cancel, ElementKind, Entry, Error, Features, Handles, Invariance, ModelReader, ModelWriter,
    Run, Shape, Tensor, UNSEEN_CODE,
};
use ndarray::{Array2, Axis, concatenate, s};
use rand::{RngExt, seq::SliceRandom};
use serde_json::{Value, json};

use crate::{normal_rows, planted};

/// Rows of the data that most checks use.
const N: usize = 300;
/// Columns of it.
const D: usize = 4;

fn fit_with(entry: &Entry, params: &Value, train: &Features, run: &Run) -> Box<dyn AnyModel> {
    (entry.from_json)(params).unwrap().fit(train, run).unwrap()
}

fn fit(entry: &Entry, train: &Features) -> Box<dyn AnyModel> {
    fit_with(entry, &Value::Null, train, &Run::new(1))
}

fn assert_finite(scores: &[f32], n: usize) {
    assert_eq!(scores.len(), n, "one score per row");
    assert!(scores.iter().all(|s| s.is_finite()), "scores must be finite");
}

fn assert_close(a: &[f32], b: &[f32], what: &str) {
    let spread = a.iter().fold(0.0_f32, |m, v| m.max(v.abs())).max(1e-6);
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() <= 2e-3 * spread, "{what}: row {i} scores {x}, then {y}");
    }
}

/// The card is filled in and the parameters are documented.
pub fn card_is_complete(entry: &Entry) {
    let card = entry.card;
    assert!(
        card.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
        "id is snake_case"
    );
    assert!(!card.title.is_empty() && card.title.len() <= 60, "a title of a few words");
    assert!(card.summary.ends_with('.') && card.summary.len() > 20, "a summary sentence");
    assert!(!card.paper.is_empty() && !card.accepts.is_empty());
    let schema = (entry.schema)();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let documented = property.get("description").is_some() || property.get("$ref").is_some();
        assert!(documented, "parameter `{name}` has no description");
    }
}

/// Defaults pass the gate, and parameters survive JSON.
pub fn parameters_round_trip(entry: &Entry) {
    let defaults = (entry.from_json)(&Value::Null).unwrap().params();
    let again = (entry.from_json)(&defaults).unwrap().params();
    assert_eq!(defaults, again);
    assert!(defaults.is_object());
}

/// Unknown names and values beyond each bound are refused by name.
pub fn bad_parameters_are_refused(entry: &Entry) {
    let refused = |name: &str, value: Value| match (entry.from_json)(&json!({ name: value.clone() })) {
        Err(error) => assert!(error.to_string().contains(name), "`{error}` does not name `{name}`"),
        Ok(_) => panic!("`{name}` = {value} was accepted"),
    };
    refused("no_such_parameter", json!(1));
    let schema = (entry.schema)();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let bound = |key: &str| property.get(key).and_then(Value::as_f64);
        let step = |v: f64| if property.to_string().contains("integer") { json!(v as i64) } else { json!(v) };
        bound("minimum").into_iter().for_each(|b| refused(name, step(b - 1.0)));
        bound("maximum").into_iter().for_each(|b| refused(name, step(b + 1.0)));
        refused(name, json!({ "an": "object" }));
    }
}

/// Scores are finite and as many as rows, for training rows and new ones.
pub fn scores_are_finite(entry: &Entry) {
    let train = Features::rows(normal_rows(N, D, 1));
    let (model, scores) = (entry.from_json)(&Value::Null).unwrap().fit_score(&train, &Run::new(1)).unwrap();
    assert_finite(&scores, N);
    assert_finite(&model.score(&Features::rows(normal_rows(50, D, 2)), &Run::new(1)).unwrap(), 50);
    assert_eq!(model.score(&Features::rows(Array2::zeros((0, D))), &Run::new(1)).unwrap(), [0.0_f32; 0]);
    assert_eq!(model.shape(), Shape { n_parts: N, n_values: D, n_codes: 0 });
}

/// Same seed, same bits, on one thread and on four.
pub fn threads_change_nothing(entry: &Entry) {
    let train = Features::rows(normal_rows(3 * N, D, 1));
    let on = |threads| {
        let run = Run::new(5).with_threads(threads);
        let (model, own) = (entry.from_json)(&Value::Null).unwrap().fit_score(&train, &run).unwrap();
        let new = model.score(&Features::rows(normal_rows(N, D, 2)), &run).unwrap();
        own.into_iter().chain(new).map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = on(1);
    assert_eq!(one, on(4), "four threads give other bits than one");
    assert_eq!(one, on(1), "the same run gives other bits");
}

/// A row's score does not depend on its batch.
pub fn batches_change_nothing(entry: &Entry) {
    let model = fit(entry, &Features::rows(normal_rows(N, D, 1)));
    let rows = Features::rows(normal_rows(37, D, 2));
    let together = model.score(&rows, &Run::new(1)).unwrap();
    for (i, score) in together.iter().enumerate() {
        let alone = model.score(&rows.take(&[i]), &Run::new(1)).unwrap()[0];
        assert_eq!(alone.to_bits(), score.to_bits(), "row {i} alone scores {alone}, in its batch {score}");
    }
}

/// The changes of the data that the card says do not matter.
pub fn invariances_hold(entry: &Entry) {
    let train = normal_rows(N, D, 1);
    let rows = concatenate![Axis(0), normal_rows(40, D, 2), Array2::from_elem((1, D), 6.0)];
    let score = |train: &Array2<f32>, rows: &Array2<f32>| {
        fit(entry, &Features::rows(train.clone())).score(&Features::rows(rows.clone()), &Run::new(1)).unwrap()
    };
    let plain = score(&train, &rows);
    let holds = |which| entry.card.holds.contains(&which);
    if holds(Invariance::RowOrder) {
        let mut order: Vec<usize> = (0..N).collect();
        order.shuffle(&mut Run::new(3).random(0));
        assert_close(&plain, &score(&train.select(Axis(0), &order), &rows), "row order");
    }
    if holds(Invariance::ColumnOrder) {
        let order: Vec<usize> = (0..D).rev().collect();
        assert_close(
            &plain,
            &score(&train.select(Axis(1), &order), &rows.select(Axis(1), &order)),
            "column order",
        );
    }
    if holds(Invariance::Translation) {
        assert_close(&plain, &score(&(&train + 8.0), &(&rows + 8.0)), "translation");
    }
    if holds(Invariance::ColumnScale) {
        // Powers of two change no digits, so only the method itself could make a difference.
        let factors = ndarray::array![4.0_f32, 0.5, 1.0, 16.0];
        assert_close(&plain, &score(&(&train * &factors), &(&rows * &factors)), "column scale");
    }
    if holds(Invariance::Rotation) {
        let (sin, cos) = 0.7_f32.sin_cos();
        let mut turn = Array2::<f32>::eye(D);
        turn.slice_mut(s![..2, ..2]).assign(&ndarray::array![[cos, -sin], [sin, cos]]);
        assert_close(&plain, &score(&train.dot(&turn), &rows.dot(&turn)), "rotation");
    }
    if holds(Invariance::GlobalScaleRank) {
        let scaled = score(&(&train * 4.0), &(&rows * 4.0));
        let top = |scores: &[f32]| (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        assert_eq!(top(&plain), top(&scaled), "global scale changes the most anomalous row");
    }
}

/// A saved model gives the same bits after loading.
pub fn save_and_load(entry: &Entry) {
    let model = fit(entry, &Features::rows(normal_rows(N, D, 1)));
    let rows = Features::rows(normal_rows(60, D, 2));
    let (tensors, json) = saved(model.as_ref());
    let loaded = (entry.load)(&ModelReader::new(&tensors, &json)).unwrap();
    let bits = |m: &dyn AnyModel| {
        m.score(&rows, &Run::new(9)).unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(model.as_ref()), bits(loaded.as_ref()));
    assert_eq!(model.params(), loaded.params());
}

type Saved = (BTreeMap<String, Tensor>, BTreeMap<String, Value>);

fn saved(model: &dyn AnyModel) -> Saved {
    let mut out = ModelWriter::new();
    model.save(&mut out).unwrap();
    out.finish()
}

/// A damaged model is refused, or at least never panics and never gives a score that is not finite.
pub fn hostile_models_are_harmless(entry: &Entry) {
    let model = fit(entry, &Features::rows(normal_rows(40, D, 1)));
    let (tensors, json) = saved(model.as_ref());
    let rows = Features::rows(normal_rows(20, D, 2));
    let mut random = Run::new(11).random(0);
    for name in tensors.keys() {
        let damages: [fn(&mut Tensor); 6] = [
            |t| t.bytes.clear(),
            |t| {
                let half = t.bytes.len() / t.kind.size() / 2;
                t.bytes.truncate(half * t.kind.size());
                t.shape = vec![half];
            },
            |t| t.bytes.fill(0xff),
            |t| t.bytes.fill(0),
            |t| t.bytes.fill(0x7e),
            |t| t.kind = if t.kind == ElementKind::F32 { ElementKind::U32 } else { ElementKind::F32 },
        ];
        let mut attempts: Vec<BTreeMap<String, Tensor>> = Vec::new();
        for damage in damages {
            let mut copy = tensors.clone();
            damage(copy.get_mut(name).unwrap());
            attempts.push(copy);
        }
        for _ in 0..20 {
            let mut copy = tensors.clone();
            let bytes = &mut copy.get_mut(name).unwrap().bytes;
            if !bytes.is_empty() {
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
            }
            attempts.push(copy);
        }
        for copy in attempts {
            // An error is the expected answer; a score of a model that still loads must be well-formed.
            if let Ok(model) = (entry.load)(&ModelReader::new(&copy, &json)) {
                if let Ok(scores) = model.score(&rows, &Run::new(0)) {
                    assert_finite(&scores, 20);
                }
                let _ = model.attribute(&rows, &Run::new(0));
            }
        }
    }
    let mut wider = json.clone();
    wider.insert("shape".into(), json!({"n_parts": 40, "n_values": 1_u64 << 40, "n_codes": 0}));
    if let Ok(model) = (entry.load)(&ModelReader::new(&tensors, &wider)) {
        assert!(
            model.score(&rows, &Run::new(0)).is_err(),
            "scored rows of another width than the model claims"
        );
    }
}

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
        match detector().fit_score(&Features::rows(normal_rows(n, D, 1)), &run) {
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
        let features = Features::rows(values);
        let (model, scores) = detector().fit_score(&features, &run).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(scores.iter().all(|s| s.is_finite()), "{what}: training scores are not finite");
        let new = Features::rows(Array2::from_elem((1, features.n_values()), 1e5));
        let scores = model.score(&new, &run).unwrap_or_else(|e| panic!("{what}, a far row: {e}"));
        assert_finite(&scores, 1);
    }
}

/// A row that stands far off in one column ranks first, whether seen in training or new.
pub fn planted_outlier_ranks_first(entry: &Entry) {
    if entry.card.id == "random" {
        return; // The control that finds nothing by design.
    }
    let data = planted(N, D, 1);
    let first = |scores: &[f32]| (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
    let (_, own) = (entry.from_json)(&Value::Null).unwrap().fit_score(&data.features, &Run::new(1)).unwrap();
    assert_eq!(first(&own), data.odd, "among the training rows");
    let clean: Vec<usize> = (0..data.odd).collect();
    let new = fit(entry, &data.features.take(&clean)).score(&data.features, &Run::new(1)).unwrap();
    assert_eq!(first(&new), data.odd, "among new rows");
}

/// Equal rows get equal scores.
pub fn equal_rows_score_equally(entry: &Entry) {
    let model = fit(entry, &Features::rows(normal_rows(N, D, 1)));
    let row = normal_rows(1, D, 2);
    let scores = model.score(&Features::rows(concatenate![Axis(0), row, row]), &Run::new(1)).unwrap();
    assert_eq!(scores[0].to_bits(), scores[1].to_bits());
}

/// Missing numbers, infinities and codes are taken or refused exactly as the card says.
pub fn gaps_and_codes_as_the_card_says(entry: &Entry) {
    let mut values = normal_rows(N, D, 1);
    values[[17, 2]] = f32::INFINITY;
    let detector = || (entry.from_json)(&Value::Null).unwrap();
    let refused = detector().fit(&Features::rows(values.clone()), &Run::new(1)).err();
    assert!(
        matches!(refused, Some(Error::NotFinite { row: 17, column: 2 })),
        "infinity must be refused by place"
    );
    (0..N / 5).for_each(|i| values[[i * 5 + i % 5, i % D]] = f32::NAN);
    values[[17, 2]] = f32::NAN;
    match (entry.card.missing, detector().fit_score(&Features::rows(values), &Run::new(1))) {
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
    let features = Features::rows(normal_rows(N, D, 1)).with_codes(codes).unwrap();
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

/// A cancelled run ends with that error, or was so short that it finished.
pub fn cancelling_stops(entry: &Entry) {
    let cancel = Cancel::default();
    cancel.set();
    let run = Run::new(1).with_cancel(cancel);
    let train = Features::rows(normal_rows(20_000, D, 1));
    let begin = std::time::Instant::now();
    let result = (entry.from_json)(&Value::Null).unwrap().fit_score(&train, &run);
    let secs = begin.elapsed().as_secs_f64();
    match result {
        Err(Error::Cancelled) | Ok(_) => assert!(secs < 2.0, "went on for {secs:.1} s after being cancelled"),
        Err(error) => panic!("{error}"),
    }
}

/// Attributions have the right shape, are finite, and name the planted column.
pub fn attribution_names_the_column(entry: &Entry) {
    let data = planted(N, D, 1);
    let model = fit(entry, &data.features);
    let Some(shares) = model.attribute(&data.features.take(&[data.odd, 0, 1]), &Run::new(1)) else { return };
    let shares = shares.unwrap();
    assert_eq!(shares.values.dim(), (3, D));
    assert_eq!(shares.codes.dim(), (3, 0));
    assert!(shares.values.iter().all(|v| v.is_finite()));
    let row = shares.values.row(0);
    let strongest = (0..D).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    assert_eq!(strongest, data.column, "shares {row}");
}

/// Estimates are finite and do not shrink with more rows.
pub fn estimates_grow(entry: &Entry) {
    let detector = (entry.from_json)(&Value::Null).unwrap();
    let at = |n_parts| detector.estimate(Shape { n_parts, n_values: 10, n_codes: 0 });
    let (small, large) = (at(1_000), at(1_000_000));
    assert!(small.fit_nanos.is_finite() && small.score_nanos_per_row.is_finite() && small.fit_nanos >= 0.0);
    assert!(large.fit_nanos >= small.fit_nanos && large.bytes >= small.bytes);
}
