//! How long the metrics of maps and their intervals take: 500 maps of 256 x 256 (or as many as given), every tenth with some defects.
//!
//! `cargo run --release -p anomalyst-measure --example pixel_speed [MAPS]`

#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Instant;

use anomalyst_core::{Result, Run};
use anomalyst_measure::compare::{Bootstrap, bootstrap_intervals};
use anomalyst_measure::pixels::{
    Aupimo, Aupro, METRICS, MapSet, MapsInMemory, PixelAp, PixelAuroc, ScoredMap,
};
use anomalyst_measure::{AnyMetric, MetricEntry, MetricExt};
use rand::RngExt;
use serde_json::{Value, json};

const SIDE: usize = 256;

/// Noise of four uniform numbers; defects are three discs that score higher.
fn map(i: usize) -> Result<ScoredMap> {
    let mut random = Run::new(1).random(i as u64);
    let discs: Vec<[f32; 3]> = (0..if i.is_multiple_of(10) { 3 } else { 0 })
        .map(|_| {
            [random.random_range(0.0..256.0), random.random_range(0.0..256.0), random.random_range(3.0..20.0)]
        })
        .collect();
    let inside = |at: usize| {
        let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
        discs.iter().any(|[cx, cy, r]| (x - cx).hypot(y - cy) <= *r)
    };
    let mask: Vec<bool> = (0..SIDE * SIDE).map(inside).collect();
    let mut noise = || (0..4).map(|_| random.random_range(0.0..0.25_f32)).sum::<f32>();
    let scores = mask.iter().map(|&odd| noise() + if odd { 0.3 } else { 0.0 }).collect();
    ScoredMap::new(format!("{i}.png"), SIDE, SIDE, scores)?.with_mask(SIDE, SIDE, mask)
}

fn main() -> Result<()> {
    let n_maps = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(500);
    let maps = MapsInMemory((0..n_maps).map(map).collect::<Result<_>>()?);
    let time = |what: &str, measure: &dyn Fn(&MapSet) -> Result<f64>| -> Result<()> {
        // A set of its own, so that nothing made for another metric is at hand.
        let set = MapSet::new(maps.clone());
        let start = Instant::now();
        let value = measure(&set)?;
        println!("{what:12} {value:.6} {:7.3} s", start.elapsed().as_secs_f64());
        Ok(())
    };
    time("aupro", &|set| Aupro::default().measure_on(set))?;
    time("aupimo", &|set| Aupimo::default().measure_on(set))?;
    time("pixel_auroc", &|set| PixelAuroc {}.measure_on(set))?;
    time("pixel_ap", &|set| PixelAp {}.measure_on(set))?;
    let set = MapSet::new(maps);
    let metrics = METRICS.iter().map(with_threshold).collect::<Result<Vec<_>>>()?;
    let metrics: Vec<_> = metrics.iter().map(|metric| &**metric).collect();
    for n_replicates in [300, 1_000] {
        let start = Instant::now();
        let plan = Bootstrap { n_replicates, ..Bootstrap::default() };
        let all = bootstrap_intervals(&set, &metrics, plan, &Run::new(0))?;
        println!("intervals of all from {n_replicates} draws: {:.3} s", start.elapsed().as_secs_f64());
        for (metric, of) in metrics.iter().zip(all) {
            println!(
                "  {:22} {:?}",
                metric.card().id,
                of.map(|of| (of.interval.low, of.interval.high, of.n_used))
            );
        }
    }
    Ok(())
}

fn with_threshold(entry: &MetricEntry<MapSet>) -> Result<Box<dyn AnyMetric<MapSet>>> {
    let takes_one = (entry.schema)().pointer("/properties/threshold").is_some();
    (entry.from_json)(&if takes_one { json!({"threshold": 0.9}) } else { Value::Null })
}
