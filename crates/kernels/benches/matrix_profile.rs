//! Times of the matrix profile: `cargo bench -p anomalyst-kernels --bench matrix_profile [POINTS LENGTH NEIGHBORS THREADS]`.
//!
//! Beside stumpy: `benches/peers/matrix_profile.py`, which gives the path of a series of little-endian 64-bit floats as the
//! fifth argument and a path for the distances as the sixth.

#![allow(clippy::print_stdout, reason = "what a measurement prints is its result")]

use std::time::Instant;

use anomalyst_core::{Result, Run};
use anomalyst_kernels::matrix_profile::{Neighbor, Reach, Windows, self_join};
use rand::RngExt;

/// A random walk: its windows are alike at all scales, so that neighbours keep being replaced.
fn walk(n: usize) -> Vec<f64> {
    let (mut random, mut level) = (Run::new(1).random(0), 0.0);
    let mut step = || {
        level += random.random::<f64>() - 0.5;
        level
    };
    (0..n).map(|_| step()).collect()
}

fn read(path: &str) -> std::io::Result<Vec<f64>> {
    Ok(std::fs::read(path)?.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}

fn measure(points: &[f64], len: usize, n_neighbors: usize, run: &Run) -> Result<(f64, Vec<Neighbor>)> {
    let mut secs = Vec::new();
    let mut found = Vec::new();
    for _ in 0..3 {
        let begin = Instant::now();
        found = run.install(|| {
            let windows = Windows::new(&[points], len, 0.0)?;
            self_join(&windows, n_neighbors, Reach::Anywhere, run)
        })?;
        secs.push(begin.elapsed().as_secs_f64());
    }
    secs.sort_by(f64::total_cmp);
    Ok((secs[1], found))
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize| arguments.get(at).and_then(|argument| argument.parse().ok());
    let threads = number(3).unwrap_or(2);
    let cases = match number(0) {
        Some(points) => vec![(points, number(1).unwrap_or(100), number(2).unwrap_or(1))],
        None => vec![
            (1 << 14, 100, 1),
            (1 << 16, 100, 1),
            (1 << 16, 100, 3),
            (1 << 16, 1000, 1),
            (1 << 18, 100, 1),
        ],
    };
    println!("points length neighbors: median_secs nanos_per_pair, on {threads} threads");
    for (points, len, n_neighbors) in cases {
        let series = arguments.get(4).map_or_else(|| Ok(walk(points)), |path| read(path))?;
        let (secs, found) = measure(&series, len, n_neighbors, &Run::new(0).with_threads(threads))
            .map_err(std::io::Error::other)?;
        let nanos = secs * 1e9 / (series.len() as f64).powi(2);
        println!("{} {len} {n_neighbors}: {secs:.4} {nanos:.4}", series.len());
        if let Some(path) = arguments.get(5) {
            let bytes: Vec<u8> = found.iter().flat_map(|near| near.distance.to_le_bytes()).collect();
            std::fs::write(path, bytes)?;
        }
    }
    Ok(())
}
