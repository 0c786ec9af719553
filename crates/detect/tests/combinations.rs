//! Rare combinations of ordinary levels, planted so that no single column, or no pair of columns, can tell.

#![allow(clippy::unwrap_used, reason = "a panic is the message of a test")]

use anomalyst_core::{AnyDetector, Detector, Features, Run};
use anomalyst_detect::{CoOccurrence, Hbos, METHODS, RarePatterns};
use ndarray::Array2;
use serde_json::Value;

fn method(id: &str) -> Box<dyn AnyDetector> {
    let entry = METHODS.iter().find(|entry| entry.card.id == id).unwrap();
    (entry.from_json)(&Value::Null).unwrap()
}

fn scores(id: &str, rows: &[[u32; 4]]) -> Vec<f32> {
    let codes = Array2::from_shape_fn((rows.len(), 4), |(i, j)| rows[i][j]);
    let features = Features::rows(Array2::zeros((rows.len(), 0))).with_codes(codes).unwrap();
    method(id).fit_score(&features, &Run::new(0)).unwrap().1
}

/// The planted rows, which stand last, all score above all others.
fn finds(scores: &[f32], n_planted: usize) -> bool {
    let (normal, planted) = scores.split_at(scores.len() - n_planted);
    let most = normal.iter().copied().fold(f32::MIN, f32::max);
    planted.iter().all(|&score| score > most)
}

fn tells_nothing(scores: &[f32]) -> bool {
    scores.iter().all(|score| score.to_bits() == scores[0].to_bits())
}

/// The first two columns agree in 400 rows and not in the last two. In every column half of the rows have either level,
/// with the planted rows and without: all bars are equally high.
#[test]
fn a_pair_that_no_column_tells() {
    let mut rows: Vec<[u32; 4]> = (0..400).map(|i| [i % 2, i % 2, i / 2 % 2, i / 4 % 2]).collect();
    rows.extend([[0, 1, 0, 1], [1, 0, 1, 0]]);
    assert!(tells_nothing(&scores(Hbos::CARD.id, &rows)));
    assert!(finds(&scores(CoOccurrence::CARD.id, &rows), 2));
    assert!(finds(&scores(RarePatterns::CARD.id, &rows), 2));
}

/// The third column is 1 where the first two differ, but for the last four rows, which hold each of the four other
/// combinations once. Any two of these columns hold all pairs of levels equally often: only all three tell.
#[test]
fn a_triple_that_no_pair_tells() {
    let mut rows: Vec<[u32; 4]> =
        (0..400).map(|i| [i % 2, i / 2 % 2, (i % 2) ^ (i / 2 % 2), i / 4 % 2]).collect();
    rows.extend((0..4).map(|i| [i % 2, i / 2, 1 ^ (i % 2) ^ (i / 2), u32::from(i == 1 || i == 2)]));
    assert!(tells_nothing(&scores(Hbos::CARD.id, &rows)));
    assert!(tells_nothing(&scores(CoOccurrence::CARD.id, &rows)));
    assert!(finds(&scores(RarePatterns::CARD.id, &rows), 4));
}
