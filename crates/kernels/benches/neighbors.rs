//! Times of the neighbour search, from which the constants of its cost model come:
//! `cargo bench -p anomalyst-kernels --bench neighbors [THREADS]`.
//!
//! With few columns the tree is taken, with many the blocked way, which the last column tells from time per pair: a
//! search that looks at all pairs takes `pair_nanos`, one that skips most takes far less.

#![allow(clippy::print_stdout, reason = "what a measurement prints is its result")]

use std::hint::black_box;
use std::time::Instant;

use anomalyst_core::{Random, Run};
use anomalyst_kernels::neighbors::{NeighborIndex, Skip};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};

/// Sums of twelve uniform numbers: nearly normal.
fn gaussian(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut random = Random::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, columns), || {
        (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0
    })
}

fn median_secs(mut work: impl FnMut()) -> f64 {
    let mut secs: Vec<f64> = (0..5)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_secs_f64()
        })
        .collect();
    secs.sort_by(f64::total_cmp);
    secs[2]
}

fn main() {
    let threads = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1);
    let run = Run::new(0).with_threads(threads);
    println!("points queries columns k: build_secs search_secs nanos_per_pair, on {threads} thread(s)");
    for (points, queries, columns, k) in [
        (50_000, 50_000, 3, 10),
        (50_000, 50_000, 6, 10),
        (50_000, 50_000, 10, 10),
        (4_096, 100_000, 3, 10),
        (4_096, 100_000, 10, 10),
        (20_000, 20_000, 20, 10),
        (20_000, 20_000, 64, 10),
        (5_000, 5_000, 250, 10),
    ] {
        let (rows, new) = (gaussian(points, columns, 1), gaussian(queries, columns, 2));
        let build = median_secs(|| {
            black_box(run.install(|| NeighborIndex::new(rows.view())).is_ok());
        });
        let Ok(index) = run.install(|| NeighborIndex::new(rows.view())) else { return };
        let search = median_secs(|| {
            let sums =
                run.install(|| index.map(new.view(), k, Skip::None, &run, |_, near| near[k - 1].distance()));
            black_box(sums.is_ok());
        });
        let nanos = search * 1e9 / (points as f64 * queries as f64);
        println!("{points} {queries} {columns} {k}: {build:.4} {search:.4} {nanos:.3}");
    }
}
