//! Fit and score times of one method on a file of numbers; `benches/peers/tables.py` runs it beside the peers.
//!
//! `FILE ROWS COLUMNS METHOD PARAMETERS OUT`: the file holds rows of little-endian f32, the parameters are JSON. Prints
//! `fit_secs score_secs` on one thread and writes the scores to OUT. The fit includes the scores of the training rows, as
//! PyOD's does; scoring is of the same rows as if they were new.

#![allow(clippy::print_stdout, reason = "what a measurement prints is its result")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use anomalyst_core::{Features, Run, find_entry};
use anomalyst_detect::METHODS;
use ndarray::Array2;

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [file, rows, columns, method, params, out] = words.as_slice() else {
        println!("run by benches/peers/tables.py: FILE ROWS COLUMNS METHOD PARAMETERS OUT");
        return Ok(());
    };
    let numbers: Vec<f32> =
        std::fs::read(file)?.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let features = Features::rows(Array2::from_shape_vec((rows.parse()?, columns.parse()?), numbers)?);
    let detector = (find_entry(METHODS, method)?.from_json)(&serde_json::from_str(params)?)?;
    let run = Run::new(0).with_threads(1);
    run.install(|| -> Result<(), Failed> {
        let begin = Instant::now();
        let (model, own) = detector.fit_score(&features, &run)?;
        let fit_secs = begin.elapsed().as_secs_f64();
        black_box(own);
        let begin = Instant::now();
        let scores = model.score(&features, &run)?;
        println!("{fit_secs} {}", begin.elapsed().as_secs_f64());
        let bytes: Vec<u8> = scores.iter().flat_map(|score| score.to_le_bytes()).collect();
        Ok(std::fs::write(out, bytes)?)
    })
}
