//! How metrics degrade when the people who labelled the data err: annotation noise, simulated.
//!
//! The scorer's answers stay as they are; a share of the labels of each class is flipped, many times, and every metric
//! is computed anew. A metric whose value falls fast under few flips says more about the labels than about the scorer.
//! Under imbalance this is drastic: among 1,000 items with 10 anomalies, one flip in a hundred makes 10 false anomalies
//! out of normal items, as many as there are true ones.
//!
//! The empirical study of classifier metrics in massively imbalanced and noisy data that this follows recommends F1
//! first and the geometric mean of both classes' recalls second; metrics are listed in the order they are given.
//!
//! # Example
//! ```
//! use anomalyst_core::Run;
//! use anomalyst_measure::{Case, items, noise};
//!
//! let labels: Vec<bool> = (0..100).map(|row| row % 10 == 0).collect();
//! let scores = labels.iter().map(|&odd| f64::from(u8::from(odd))).collect();
//! let metrics: Vec<_> = items::METRICS.iter().filter(|entry| entry.card.id == "auroc").collect();
//! let metrics = metrics.iter().map(|entry| entry.default()).collect::<Result<Vec<_>, _>>()?;
//! let rows = noise::table(&Case::new(labels).with_scores(scores)?, &metrics, &Run::new(0))?;
//! assert_eq!((rows[0].flip_frac, rows[0].mean), (0.0, 1.0));
//! assert!(rows[4].flip_frac == 0.2 && rows[4].mean < 0.9);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Result, Run};
use rand::seq::index;
use serde::Serialize;

use crate::{AnyMetric, Case, Need};

/// Shares of each class's labels that are flipped.
const FLIP_FRACS: [f64; 5] = [0.0, 0.01, 0.05, 0.1, 0.2];
/// Sets of flips per share; fewer where there are many items, since their values vary less.
const MOST_TRIALS: usize = 20;
/// Trials that are made however many items there are.
const FEWEST_TRIALS: usize = 3;
/// Items over all trials of a share before trials get fewer.
const ITEM_BUDGET: usize = 1_000_000;

/// The value of one metric under one share of flipped labels.
#[derive(Clone, Debug, Serialize)]
pub struct NoiseRow {
    /// Id of the metric.
    pub metric: &'static str,
    /// Share of the labels of each class that were flipped.
    pub flip_frac: f64,
    /// Mean over the trials.
    pub mean: f64,
    /// Standard deviation over the trials (divisor: trials less one).
    pub sd: f64,
}

/// The values of `metrics` under growing annotation noise: metrics in the order given, shares rising within each.
///
/// The same share of each class is flipped, rounded to whole items and drawn without replacement, so every trial of a
/// share has the same number of errors. Trials are numbered streams of `run` and the same for every metric. Metrics
/// that need levels of severity are skipped, since a flipped label has no level; what a metric lacks otherwise is its
/// own error, see [`Case::has`].
pub fn table(case: &Case, metrics: &[Box<dyn AnyMetric<Case>>], run: &Run) -> Result<Vec<NoiseRow>> {
    let metrics: Vec<_> =
        metrics.iter().filter(|metric| !metric.card().needs.contains(&Need::Levels)).collect();
    let classes = [true, false].map(|class| rows_of(case, class));
    let n_trials = (ITEM_BUDGET / case.len().max(1)).clamp(FEWEST_TRIALS, MOST_TRIALS);
    // Values by metric, then by share.
    let mut values = vec![vec![Vec::with_capacity(n_trials); FLIP_FRACS.len()]; metrics.len()];
    for (at, &flip_frac) in FLIP_FRACS.iter().enumerate() {
        // Without flips all trials are alike.
        let n_trials = if flip_frac > 0.0 { n_trials } else { 1 };
        for trial in 0..n_trials {
            run.check()?;
            let stream = (at * MOST_TRIALS + trial) as u64;
            let noisy = case.relabelled(flipped(case, &classes, flip_frac, &run.child(stream)))?;
            for (metric, values) in metrics.iter().zip(&mut values) {
                values[at].push(metric.measure(&noisy)?);
            }
        }
    }
    let rows = metrics.iter().zip(&values).flat_map(|(metric, by_frac)| {
        FLIP_FRACS.iter().zip(by_frac).map(|(&flip_frac, values)| {
            let (mean, sd) = mean_and_sd(values);
            NoiseRow { metric: metric.card().id, flip_frac, mean, sd }
        })
    });
    Ok(rows.collect())
}

fn rows_of(case: &Case, class: bool) -> Vec<usize> {
    (0..case.len()).filter(|&row| case.labels()[row] == class).collect()
}

fn flipped(case: &Case, classes: &[Vec<usize>; 2], flip_frac: f64, run: &Run) -> Vec<bool> {
    let mut labels = case.labels().to_vec();
    for (stream, rows) in classes.iter().enumerate() {
        let n_flips = (flip_frac * rows.len() as f64).round() as usize;
        for at in index::sample(&mut run.random(stream as u64), rows.len(), n_flips) {
            labels[rows[at]] ^= true;
        }
    }
    labels
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / values.len().saturating_sub(1).max(1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::METRICS;

    fn rows(n: usize, run: &Run) -> Vec<NoiseRow> {
        let labels: Vec<bool> = (0..n).map(|row| row % 20 == 0).collect();
        let levels: Vec<u32> = labels.iter().map(|&odd| u32::from(odd)).collect();
        let scores = levels.iter().map(|&level| f64::from(level)).collect();
        let case = Case::new(labels).with_scores(scores).unwrap().with_levels(levels).unwrap();
        let metrics: Vec<_> =
            METRICS.iter().filter(|entry| case.has(entry.card.needs)).map(|e| e.default().unwrap()).collect();
        table(&case, &metrics, run).unwrap()
    }

    fn of(rows: &[NoiseRow], metric: &str) -> Vec<(f64, f64)> {
        rows.iter().filter(|row| row.metric == metric).map(|row| (row.mean, row.sd)).collect()
    }

    /// A perfect scorer of 95 % normal items: after flipping a share f of each class, one marked anomalous is truly
    /// so with a = 0.05 (1 - f) / (0.05 (1 - f) + 0.95 f), one marked normal with b = 0.05 f / (0.05 f + 0.95 (1 - f)).
    /// The AUROC is a (1 - b) + (a b + (1 - a) (1 - b)) / 2.
    #[test]
    fn closed_form() {
        let rows = rows(2_000, &Run::new(1));
        let auroc = of(&rows, "auroc");
        for (&f, &(mean, sd)) in FLIP_FRACS.iter().zip(&auroc) {
            let a = 0.05 * (1.0 - f) / (0.05 * (1.0 - f) + 0.95 * f);
            let b = 0.05 * f / (0.05 * f + 0.95 * (1.0 - f));
            let want = a * (1.0 - b) + (a * b + (1.0 - a) * (1.0 - b)) / 2.0;
            // The number of flips is fixed, so a perfect scorer gets the same in each trial.
            assert!((mean - want).abs() < 1e-12 && sd < 1e-12, "{f}: {mean} beside {want}");
        }
    }

    #[test]
    fn metrics_of_levels_are_skipped_and_seeds_decide() {
        let rows_a = rows(400, &Run::new(2));
        assert!(rows_a.iter().all(|row| row.mean.is_finite() && row.sd >= 0.0));
        for entry in METRICS.iter().filter(|entry| entry.card.needs.contains(&Need::Levels)) {
            assert!(of(&rows_a, entry.card.id).is_empty());
        }
        let rows_b = rows(400, &Run::new(2).with_threads(1));
        assert_eq!(of(&rows_a, "ap"), of(&rows_b, "ap"));
    }

    #[test]
    fn what_is_missing_is_the_metric_s_own_error() {
        let auroc = METRICS.iter().find(|entry| entry.card.id == "auroc").unwrap().default().unwrap();
        let error = table(&Case::new(vec![true, false]), &[auroc], &Run::new(0)).unwrap_err();
        assert!(error.to_string().contains("auroc needs scores"));
        assert_eq!(mean_and_sd(&[1.0, 3.0]), (2.0, 2.0_f64.sqrt()));
    }
}
