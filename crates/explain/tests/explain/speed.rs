//! Times on a million rows; run by hand: `cargo test --release -p anomalyst-explain -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::time::Instant;

use anomalyst_core::{Features, Result, Run, Table};
use anomalyst_explain::{Depth, Explainer, Reference, Subject, profiles, row_map};
use ndarray::Array2;
use rand::Rng;

use crate::subjects::number_column;

/// Free to ask, so that only explaining is timed.
struct Free;

impl Subject for Free {
    fn score(&self, table: &Table, _: &Run) -> Result<Vec<f32>> {
        Ok(vec![2.0; table.n_rows])
    }
    fn attribute(&self, table: &Table, _: &Run) -> Result<Option<Array2<f32>>> {
        Ok(Some(Array2::ones((table.n_rows, table.columns.len()))))
    }
}

#[test]
#[ignore = "a measurement of the release build"]
fn a_million_rows() {
    let (n, d) = (1_000_000, 10);
    let mut random = Run::new(0).random(0);
    let mut cell = || (random.next_u64() >> 11) as f64;
    let table = Table::new(
        (0..d).map(|j| number_column(&format!("c{j}"), (0..n).map(|_| cell()).collect())).collect(),
    )
    .unwrap();
    let run = Run::new(0).with_threads(2);
    run.install(|| ());
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        println!("{what}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    };
    let mut reference = None;
    timed("learn", &mut || reference = Some(Reference::learn(&table, |row| row % 100 != 0, &run).unwrap()));
    let reference = reference.unwrap();
    let flagged: Vec<usize> = (0..10_000).map(|i| i * 100).collect();
    timed("profiles", &mut || drop(profiles(&table, &flagged, &BTreeMap::new(), &run).unwrap()));
    let explainer = Explainer { subject: &Free, reference: &reference, threshold: 1.0 };
    let scores = vec![2.0; n];
    timed("10,000 rows in brief", &mut || {
        drop(explainer.explain(&table, &flagged, &scores, Depth::Brief, &run).unwrap());
    });
    timed("200 rows in full", &mut || {
        drop(explainer.explain(&table, &flagged[..200], &scores, Depth::Full, &run).unwrap());
    });
    let features = Features::rows(Array2::from_shape_fn((n, d), |(i, j)| (i * 7 % (j + 13)) as f32));
    timed("row map", &mut || drop(row_map(&features, &flagged, &run).unwrap()));
}
