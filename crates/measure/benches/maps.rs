//! Times a metric of maps held in memory; `benches/peers/maps.py` runs it beside anomalib.
//!
//! `SCORES MASKS SIDE METRIC`: files of little-endian f32 and of one byte a pixel, map after map. Prints `secs value` on one
//! thread.

#![allow(clippy::print_stdout, reason = "what a measurement prints is its result")]

use std::error::Error;
use std::time::Instant;

use anomalyst_core::Run;
use anomalyst_measure::MetricExt;
use anomalyst_measure::pixels::{Aupimo, Aupro, MapSet, MapsInMemory, ScoredMap};

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [scores, masks, side, metric] = words.as_slice() else {
        println!("run by benches/peers/maps.py: SCORES MASKS SIDE METRIC");
        return Ok(());
    };
    let side: usize = side.parse()?;
    let (scores, masks) = (std::fs::read(scores)?, std::fs::read(masks)?);
    let map = |(i, (scores, mask)): (usize, (&[u8], &[u8]))| {
        let scores = scores.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let mask = mask.iter().map(|&pixel| pixel > 0).collect();
        ScoredMap::new(i.to_string(), side, side, scores)?.with_mask(side, side, mask)
    };
    let n = side * side;
    let maps: Vec<ScoredMap> =
        scores.chunks(4 * n).zip(masks.chunks(n)).enumerate().map(map).collect::<Result<_, _>>()?;
    let set = MapSet::new(MapsInMemory(maps));
    Run::new(0).with_threads(1).install(|| {
        let begin = Instant::now();
        let value = match metric.as_str() {
            "aupro" => Aupro::default().measure_on(&set)?,
            _ => Aupimo::default().measure_on(&set)?,
        };
        println!("{} {value}", begin.elapsed().as_secs_f64());
        Ok(())
    })
}
