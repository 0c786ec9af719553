//! Model files of this release, which every later release has to read.

use std::path::{Path, PathBuf};

use anomalyst::core::Run;
use anomalyst::data::{ReadOptions, open_bytes};
use anomalyst::recipe::Modality;
use anomalyst::{Options, registry};
use anyhow::{Context, Result};

/// Rows that the models learn from.
const N_ROWS: usize = 240;

fn folder() -> PathBuf {
    crate::root().join("crates/anomalyst/tests/models")
}

/// Fits every method, recipe and rule of combination on a small table and writes `VERSION-NAME.anomalyst` with the
/// scores of `rows.csv` beside it. Files of earlier releases stay as they are.
pub(crate) fn write() -> Result<()> {
    let run = Run::new(0);
    let rows = folder().join("rows.csv");
    let combined = tempfile::tempdir()?;
    let rules: Vec<String> = registry::combinators()
        .iter()
        .map(|entry| {
            let path = combined.path().join(format!("combine_{}.toml", entry.card.id));
            std::fs::write(&path, COMBINED.replace("{kind}", entry.card.id))?;
            Ok(path.display().to_string())
        })
        .collect::<Result<_>>()?;
    let methods: Vec<&str> = registry::names(Modality::Table).collect();
    for method in methods.into_iter().chain(rules.iter().map(String::as_str)) {
        let name = Path::new(method).file_stem().map_or(method.into(), |stem| stem.to_string_lossy());
        let set = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let options = Options {
            method: method.into(),
            // Files stay small where the defaults keep hundreds of trees.
            set: match &*name {
                "isolation_forest" | "auto_scan" => set(&[("n_trees", "20")]),
                "wrong_numbers" => set(&[("response", "weight"), ("n_folds", "2"), ("n_bootstraps", "2")]),
                "trade_prices" => set(&[
                    ("n_trees", "20"),
                    ("encoder.from", "colour"),
                    ("encoder.to", "ready"),
                    ("encoder.price", "weight"),
                ]),
                "deviation_network" => set(&[("n_epochs", "2")]),
                _ => Vec::new(),
            },
            ..Options::default()
        };
        // Methods that learn from labels get some; to the others the table is as it always was.
        let learns = registry::resolve(method, registry::Task::Fit, Modality::Table)?.learns_from_labels();
        let read = ReadOptions { label: learns.then(|| "label".into()), ..ReadOptions::default() };
        let input = anomalyst::read(&open_bytes("table", table(learns), &read, &run)?, &run)?;
        let (_, model) = anomalyst::fit(input, &options, &run)?;
        let path = folder().join(format!("{}-{name}.anomalyst", env!("CARGO_PKG_VERSION")));
        model.save(&path)?;
        let read = ReadOptions { expected: Some(model.schema.clone()), ..ReadOptions::default() };
        let source = anomalyst::data::open(&[rows.display().to_string()], &read, &run)?;
        let outcome = anomalyst::score(&model, &source, &Options::default(), &run)?;
        let scores = serde_json::to_string(&outcome.scores)?;
        std::fs::write(path.with_extension("json"), scores + "\n").context("writing scores")?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Four members on different scales under a rule of combination.
const COMBINED: &str = r#"
name = "combine_{kind}"
title = "Four members"
summary = "Four members on different scales, combined by {kind}."
paper = "none"
modality = "table"
encoder = { kind = "table" }
members = [
  { detector = { kind = "column_z_score" } },
  { detector = { kind = "median_absolute_deviation" }, scale = "ranks", weight = 2.0 },
  { detector = { kind = "pca" }, scale = "normal_ranks" },
  { detector = { kind = "mahalanobis" }, scale = "normal_ranks", compress = true },
]
combine = { kind = "{kind}" }
"#;

/// Numbers, a category, a flag, times and gaps; with labels on request, which say that heavy rows are anomalous.
fn table(labelled: bool) -> Vec<u8> {
    let mut text = String::from("size,weight,colour,ready,at");
    text += if labelled { ",label\n" } else { "\n" };
    for i in 0..N_ROWS {
        // Multiples of irrational numbers fill the unit interval evenly, without a generator.
        let u = |a: f64| (i as f64 * a).fract();
        let size = if i % 31 == 4 { String::new() } else { format!("{:.3}", 10.0 + u(0.618_034)) };
        let weight = 5.0 + u(0.618_034) + 0.3 * u(0.414_214);
        let (colour, ready) = (["red", "green", "blue"][i % 3], i % 5 != 0);
        let label = if u(0.618_034) + 0.3 * u(0.414_214) > 1.1 { ",1" } else { ",0" };
        text += &format!(
            "{size},{weight:.3},{colour},{ready},2024-03-{:02}T{:02}:00:00Z{}\n",
            i % 28 + 1,
            i % 24,
            if labelled { label } else { "" }
        );
    }
    text.into_bytes()
}
