//! Fit and score times on 100,000 x 20 Gaussian numbers, to stand beside `against_peers.py` in one run:
//! `cargo bench -p anomalyst-detect --bench against_peers`.
//!
//! Prints `method fit_secs score_secs`, medians of three. The fit includes the scores of the training rows, as PyOD's
//! does; scoring is of the same rows as if they were new. Methods named on the command line run alone.

#![allow(clippy::print_stdout, reason = "what a measurement prints is its result")]

use std::hint::black_box;
use std::time::Instant;

use anomalyst_core::{Features, Random, Run};
use anomalyst_detect::METHODS;
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const ROWS: usize = 100_000;
const COLUMNS: usize = 20;
const REPEATS: usize = 3;

/// The parameters of both sides; those of `against_peers.py` in our words.
fn settings() -> Vec<(&'static str, Value)> {
    vec![
        ("ecod", json!({})),
        ("hbos", json!({ "n_bins": 10 })),
        ("k_nearest_neighbors", json!({ "n_neighbors": 5 })),
        ("local_outlier_factor", json!({ "n_neighbors": 20 })),
        ("isolation_forest", json!({ "n_trees": 100, "sample_size": 256 })),
        ("pca", json!({})),
        ("gaussian_mixture", json!({ "n_components": 1 })),
        ("gaussian_mixture", json!({ "n_components": 2 })),
    ]
}

/// Standard normal numbers (Box and Muller 1958).
fn gaussian() -> Features {
    let mut random = Random::seed_from_u64(1);
    Features::rows(Array2::from_shape_simple_fn((ROWS, COLUMNS), || {
        let (u, v) = (1.0 - random.random::<f64>(), random.random::<f64>());
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    }))
}

fn median(mut secs: Vec<f64>) -> f64 {
    secs.sort_by(f64::total_cmp);
    secs[secs.len() / 2]
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let (features, run) = (gaussian(), Run::new(0));
    for (id, params) in settings() {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == id) {
            continue;
        }
        let Some(entry) = METHODS.iter().find(|entry| entry.card.id == id) else { continue };
        let (mut fit, mut score) = (Vec::new(), Vec::new());
        for _ in 0..REPEATS {
            let begin = Instant::now();
            let fitted = (entry.from_json)(&params).and_then(|detector| detector.fit_score(&features, &run));
            fit.push(begin.elapsed().as_secs_f64());
            let Ok((model, own)) = fitted else { return println!("{id} {params} does not fit") };
            black_box(own);
            let begin = Instant::now();
            black_box(model.score(&features, &run).is_ok());
            score.push(begin.elapsed().as_secs_f64());
        }
        let name = params["n_components"].as_u64().map_or(id.to_owned(), |k| format!("{id}_{k}"));
        println!("{name} {:.4} {:.4}", median(fit), median(score));
    }
}
