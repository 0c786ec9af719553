//! How long a million rows take; run by hand, because a shared machine's clock proves nothing.

use std::time::Instant;

use super::*;

/// `cargo test --release -p anomalyst-encode -- --ignored --nocapture a_million_rows`
#[test]
#[ignore = "measures time"]
fn a_million_rows() {
    let n_rows = 1_000_000_usize;
    let cell = |row: usize, column: usize| {
        let mixed = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 + 2 * column as u64).rotate_left(31);
        (mixed.wrapping_mul(0xd134_2543_de82_ef95) >> 11) as f64
    };
    let column = |c: usize| {
        let cells: Vec<f64> = (0..n_rows).map(|row| cell(row, c)).collect();
        numbers(&format!("x{c}"), &cells)
    };
    let data = table((0..10).map(column).collect());
    for n_threads in [1, 2] {
        let run = Run::new(0).with_threads(n_threads);
        let start = Instant::now();
        let (fitted, _) = run.install(|| TableEncoder::default().fit(&data, PLAIN, &run)).unwrap();
        let fit_secs = start.elapsed().as_secs_f64();
        let encoded = fitted.encode(&data, &run).unwrap();
        let total_secs = start.elapsed().as_secs_f64();
        println!("{n_threads} threads: fit {fit_secs:.3} s, fit and encode {total_secs:.3} s");
        assert_eq!(encoded.features.values.dim(), (n_rows, 10));
    }
}
