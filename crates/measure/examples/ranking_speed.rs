//! How long ranking ten million items takes: sorting the scores, then AUROC and AP.

#![allow(clippy::print_stdout, reason = "an example that reports a time")]

use std::time::Instant;

use anomalyst_core::{Result, Run};
use anomalyst_measure::{Case, MetricExt, items};
use rand::RngExt;

fn main() -> Result<()> {
    let mut random = Run::new(1).random(0);
    let labels: Vec<bool> = (0..10_000_000).map(|_| random.random_range(0.0..1.0) < 0.05).collect();
    let scores =
        labels.iter().map(|&odd| random.random_range(0.0..1.0) + 0.3 * f64::from(u8::from(odd))).collect();
    let start = Instant::now();
    let case = Case::new(labels).with_scores(scores)?;
    let gate = start.elapsed().as_secs_f64();
    case.ranking();
    let sorted = start.elapsed().as_secs_f64();
    let (auroc, ap) = (items::Auroc {}.measure_on(&case)?, items::Ap {}.measure_on(&case)?);
    let all = start.elapsed().as_secs_f64();
    println!(
        "gate {gate:.3} s, sorted {:.3} s, both metrics {:.3} s, all {all:.3} s",
        sorted - gate,
        all - sorted
    );
    println!("AUROC {auroc:.12}, AP {ap:.12}");
    Ok(())
}
