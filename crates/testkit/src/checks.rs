//! The conformance checks. Each panics with what is wrong.

mod data;
mod effort;
mod files;
mod parameters;
mod scores;
mod series;

pub use data::*;
pub use effort::*;
pub use files::*;
pub use parameters::*;
pub use scores::*;
pub use series::*;

use anomalyst_core::{AnyModel, Entry, Features, Handles, Label, Layout, LayoutKind, MISSING_CODE, Run};
use ndarray::Array2;
use serde_json::Value;

use crate::normal_rows;

/// Rows of the data that most checks use.
const N: usize = 300;
/// Columns of it.
const D: usize = 4;

fn fit_with(entry: &Entry, params: &Value, train: &Features, run: &Run) -> Box<dyn AnyModel> {
    (entry.from_json)(params).unwrap().fit(&labelled(entry, train.clone()), run).unwrap()
}

/// The same rows with labels for methods that learn from them: every eighth is anomalous, the first one too. The rows
/// say nothing about it; where a check is about what is found, it makes rows of its own.
fn labelled(entry: &Entry, features: Features) -> Features {
    let label = |row: usize| if row.is_multiple_of(8) { Label::Anomalous } else { Label::Unknown };
    let labels = entry.learns_from_labels.then(|| (0..features.n_parts()).map(label).collect());
    arranged(entry, Features { labels, ..features })
}

/// The same parts in the layout that the method takes: rows, or one series.
fn arranged(entry: &Entry, features: Features) -> Features {
    if entry.card.accepts.contains(&LayoutKind::Rows) {
        return features;
    }
    let ends = if features.n_parts() == 0 { Vec::new() } else { vec![features.n_parts()] };
    Features { layout: Layout::Sequences { ends }, ..features }
}

fn fit(entry: &Entry, train: &Features) -> Box<dyn AnyModel> {
    fit_with(entry, &Value::Null, train, &Run::new(1))
}

fn assert_finite(scores: &[f32], n: usize) {
    assert_eq!(scores.len(), n, "one score per row");
    assert!(scores.iter().all(|s| s.is_finite()), "scores must be finite");
}

fn to_bits(scores: Vec<f32>) -> Vec<u32> {
    scores.into_iter().map(f32::to_bits).collect()
}

/// Normal rows with everything else that the card says the method takes: a tenth of the numbers missing, and two
/// columns of codes with rare and missing levels.
fn rich_rows(entry: &Entry, n: usize, seed: u64) -> Features {
    let mut values = normal_rows(n, D, seed);
    if entry.card.missing == Handles::Native {
        values
            .indexed_iter_mut()
            .filter(|((i, j), _)| (i * 7 + j * 3) % 10 == 0)
            .for_each(|(_, v)| *v = f32::NAN);
    }
    let features = labelled(entry, Features::rows(values));
    if entry.card.codes == Handles::Refuses {
        return features;
    }
    let levels = [0, 0, 0, 1, 1, 2, 3, MISSING_CODE];
    let code = |(i, j): (usize, usize)| if i % 41 == 40 { 4 } else { levels[(i * (5 + j) + i / 7) % 8] };
    features.with_codes(Array2::from_shape_fn((n, 2), code)).unwrap()
}
