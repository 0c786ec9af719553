//! What scores must and must not depend on, and what they must find.

use anomalyst_core::{Entry, Features, Invariance, Run, Shape};
use ndarray::{Array2, Axis, concatenate, s};
use rand::seq::SliceRandom;
use serde_json::Value;

use super::{D, N, arranged, assert_finite, fit, labelled, rich_rows, to_bits};
use crate::{far, normal_rows, planted};

fn assert_close(a: &[f32], b: &[f32], what: &str) {
    let spread = a.iter().fold(0.0_f32, |m, v| m.max(v.abs())).max(1e-6);
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() <= 2e-3 * spread, "{what}: row {i} scores {x}, then {y}");
    }
}

/// Scores are finite and as many as rows, for training rows and new ones.
pub fn scores_are_finite(entry: &Entry) {
    let train = labelled(entry, Features::rows(normal_rows(N, D, 1)));
    let (model, scores) = (entry.from_json)(&Value::Null).unwrap().fit_score(&train, &Run::new(1)).unwrap();
    assert_finite(&scores, N);
    let score = |values| model.score(&arranged(entry, Features::rows(values)), &Run::new(1)).unwrap();
    assert_finite(&score(normal_rows(50, D, 2)), 50);
    assert_eq!(score(Array2::zeros((0, D))), [0.0_f32; 0]);
    assert_eq!(model.shape(), Shape { n_parts: N, n_values: D, n_codes: 0 });
}

/// Same seed, same bits, on one thread and on four; with enough rows that there is work for four.
pub fn threads_change_nothing(entry: &Entry) {
    // Of series some methods compare every stretch with every other.
    let n = if entry.card.is_of_series() { 2_000 } else { 9_000 };
    let (train, new) = (rich_rows(entry, n, 1), rich_rows(entry, n, 2));
    let on = |threads| {
        let run = Run::new(5).with_threads(threads);
        let (model, own) = (entry.from_json)(&Value::Null).unwrap().fit_score(&train, &run).unwrap();
        [to_bits(own), to_bits(model.score(&new, &run).unwrap())]
    };
    let one = on(1);
    assert!(one == on(4), "four threads give other bits than one");
    assert!(one == on(1), "the same run gives other bits");
}

/// A row's score does not depend on its batch: alone, among a few, or among many.
pub fn batches_change_nothing(entry: &Entry) {
    let (model, run) = (fit(entry, &rich_rows(entry, N, 1)), Run::new(1));
    let rows = rich_rows(entry, 6_000, 2);
    let together = model.score(&rows, &run).unwrap();
    for size in [1, 37, 2_500] {
        let until = if size == 1 { N } else { rows.n_parts() };
        for start in (0..until).step_by(size) {
            let some: Vec<usize> = (start..until.min(start + size)).collect();
            let scores = model.score(&rows.take(&some), &run).unwrap();
            for (i, score) in some.into_iter().zip(scores) {
                let want = together[i];
                assert!(
                    score.to_bits() == want.to_bits(),
                    "row {i} among {size} scores {score}, among all {want}"
                );
            }
        }
    }
}

/// The changes of the data that the card says do not matter.
pub fn invariances_hold(entry: &Entry) {
    let train = normal_rows(N, D, 1);
    let rows = concatenate![Axis(0), normal_rows(40, D, 2), Array2::from_elem((1, D), 6.0)];
    let score = |train: &Array2<f32>, rows: &Array2<f32>| {
        let rows = arranged(entry, Features::rows(rows.clone()));
        fit(entry, &Features::rows(train.clone())).score(&rows, &Run::new(1)).unwrap()
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

/// A row that stands far off in every column ranks first, whether seen in training or new.
///
/// In every column, because methods that add up tails or bars of columns measure how rare a value is, not how far
/// out: to them, one wild value is no odder than the one most extreme value of another row, and what the rest of the
/// row says decides between the two. That one wild value counts at all is `a_wild_value_raises_the_score`.
///
/// Methods that learn from labels are shown rows of its kind, and asked about new rows alone.
pub fn planted_outlier_ranks_first(entry: &Entry) {
    fails_for_the_random_control(entry, || {
        let data = far(N, D, 1);
        let first =
            |scores: &[f32]| (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        let detector = (entry.from_json)(&Value::Null).unwrap();
        if entry.learns_from_labels {
            let mut shown = labelled(entry, Features::rows(normal_rows(N, D, 1)));
            let kind = data.features.values.row(data.odd);
            (0..N).step_by(8).for_each(|row| shown.values.row_mut(row).scaled_add(0.75, &kind));
            let model = detector.fit(&shown, &Run::new(1)).unwrap();
            assert_eq!(
                first(&model.score(&data.features, &Run::new(1)).unwrap()),
                data.odd,
                "among new rows"
            );
            return;
        }
        let (_, own) = detector.fit_score(&data.features, &Run::new(1)).unwrap();
        assert_eq!(first(&own), data.odd, "among the training rows");
        let clean: Vec<usize> = (0..data.odd).collect();
        let new = fit(entry, &data.features.take(&clean)).score(&data.features, &Run::new(1)).unwrap();
        assert_eq!(first(&new), data.odd, "among new rows");
    });
}

/// A row of usual values scores higher once one of them, whichever it is, is moved 12 deviations off to either side.
///
/// Of usual values: one that is as extreme as any training value already cannot become rarer. Methods that learn from
/// labels are left out: to them a wild value is odd only if a label has said so.
pub fn a_wild_value_raises_the_score(entry: &Entry) {
    if entry.learns_from_labels {
        return;
    }
    fails_for_the_random_control(entry, || {
        let model = fit(entry, &Features::rows(normal_rows(N, D, 1)));
        let rows = normal_rows(40, D, 2) * 0.25;
        let score = |rows: &Array2<f32>| model.score(&Features::rows(rows.clone()), &Run::new(1)).unwrap();
        let usual = score(&rows);
        for (column, wild) in (0..D).flat_map(|column| [(column, -12.0), (column, 12.0)]) {
            let mut moved = rows.clone();
            moved.column_mut(column).fill(wild);
            for (row, (after, before)) in score(&moved).into_iter().zip(&usual).enumerate() {
                assert!(
                    after > *before,
                    "row {row} scores {before}, and {after} with {wild} in column {column}"
                );
            }
        }
    });
}

/// Runs a check that every method must pass, but the control that ignores what rows say must not: that it is caught
/// shows that the check can fail.
fn fails_for_the_random_control(entry: &Entry, check: impl Fn()) {
    if entry.card.id == "random" {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        assert!(outcome.is_err(), "random scores pass this check, so it shows nothing");
    } else {
        check();
    }
}

/// Equal rows get equal scores.
pub fn equal_rows_score_equally(entry: &Entry) {
    let model = fit(entry, &Features::rows(normal_rows(N, D, 1)));
    let row = normal_rows(1, D, 2);
    let scores = model.score(&Features::rows(concatenate![Axis(0), row, row]), &Run::new(1)).unwrap();
    assert_eq!(scores[0].to_bits(), scores[1].to_bits());
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
