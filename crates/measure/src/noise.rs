//! What wrong labels do to a metric: the same scores judged by labels of which a share was flipped.
//!
//! A value that falls fast under a few wrong labels says as much about the labels as about the scorer. F1 and G-mean
//! are the pair that a study of rare and noisily labelled fraud recommends to read together, F1 first (row 189 of the
//! catalogue of systems, "Empirical study of Machine Learning Classifier Evaluation Metrics behavior in Massively
//! Imbalanced and Noisy data").

use anomalyst_core::{Error, Random, Result, Run};
use rand::RngExt;
use serde::Serialize;

use crate::{AnyMetric, Case, Need};

/// Shares of the anomalous labels that are wrong. As many normal labels are flipped the other way, so that the share
/// of anomalies stays: under imbalance, the same share of the many normal labels would bury the few anomalies.
const SHARES: [f64; 5] = [0.0, 0.01, 0.05, 0.1, 0.2];
/// Trials at each share; fewer where there are many items.
const MOST_TRIALS: usize = 20;

/// A metric under wrong labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseRow {
    /// Its id.
    pub metric: &'static str,
    /// Share of the anomalous labels that were flipped.
    pub flip_frac: f64,
    /// Mean over the trials.
    pub mean: f64,
    /// Standard deviation over the trials.
    pub sd: f64,
}

/// Each of `metrics` at each share. Metrics of levels of severity, which a flipped label does not have, and metrics
/// without a value on `case` are left out.
pub fn table(case: &Case, metrics: &[Box<dyn AnyMetric<Case>>], run: &Run) -> Result<Vec<NoiseRow>> {
    let n_trials = (2_000_000 / case.len().max(1)).clamp(3, MOST_TRIALS);
    let mut rows = Vec::new();
    for (i, flip_frac) in SHARES.into_iter().enumerate() {
        let mut values = vec![Vec::with_capacity(n_trials); metrics.len()];
        for trial in 0..if flip_frac == 0.0 { 1 } else { n_trials } {
            run.check()?;
            let flipped = flipped(case, flip_frac, &mut run.random((i * MOST_TRIALS + trial) as u64))?;
            for (metric, values) in metrics.iter().zip(&mut values) {
                if metric.card().needs.contains(&Need::Levels) {
                    continue;
                }
                match metric.measure(&flipped) {
                    Ok(value) => values.push(value),
                    Err(Error::Cancelled) => return Err(Error::Cancelled),
                    Err(_) => {}
                }
            }
        }
        for (metric, values) in metrics.iter().zip(&values).filter(|(_, values)| !values.is_empty()) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            rows.push(NoiseRow { metric: metric.card().id, flip_frac, mean, sd: variance.sqrt() });
        }
    }
    Ok(rows)
}

/// `case` with `share` of the anomalous labels, rounded, and as many normal ones flipped.
fn flipped(case: &Case, share: f64, random: &mut Random) -> Result<Case> {
    let (odd, normal): (Vec<usize>, Vec<usize>) = (0..case.len()).partition(|&row| case.labels()[row]);
    let n_flips = ((odd.len() as f64 * share).round() as usize).min(normal.len());
    let mut labels = case.labels().to_vec();
    for mut class in [odd, normal] {
        for _ in 0..n_flips {
            let row = class.swap_remove(random.random_range(0..class.len()));
            labels[row] = !labels[row];
        }
    }
    case.with_other_labels(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items;

    #[test]
    fn wrong_labels_pull_a_perfect_scorer_down() {
        let labels: Vec<bool> = (0..1000).map(|row| row % 10 == 0).collect();
        let scores = labels.iter().map(|&odd| f64::from(u8::from(odd))).collect();
        let case = Case::new(labels).with_scores(scores).unwrap();
        let metrics: Vec<_> = items::METRICS
            .iter()
            .filter(|entry| entry.card.id == "auroc")
            .map(|entry| entry.default().unwrap())
            .collect();
        let rows = table(&case, &metrics, &Run::new(1)).unwrap();
        let means: Vec<f64> = rows.iter().map(|row| row.mean).collect();
        assert_eq!((rows.len(), means[0]), (5, 1.0));
        assert!(means.is_sorted_by(|a, b| a > b), "{means:?}");
        // A share s of 100 anomalies hides 100 s of them, and 100 s of 900 normal items are said to be anomalous:
        // each class keeps its score on a share of 1 - s and 1 - s / 9, so AUROC = 1 - (s + s / 9) / 2.
        assert!((means[4] - (1.0 - (0.2 + 0.2 / 9.0) / 2.0)).abs() < 1e-9, "{means:?}");
    }
}
