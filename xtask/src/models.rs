//! Model files of this release, which every later release has to read.

use std::path::{Path, PathBuf};

use anomalyst::core::Run;
use anomalyst::data::{ReadOptions, open_bytes};
use anomalyst::recipe::Modality;
use anomalyst::series::{AnyTrained, SeriesOptions, fit_series};
use anomalyst::{Options, registry};
use anyhow::{Context, Result};

/// Rows that the models learn from.
const N_ROWS: usize = 240;

fn folder() -> PathBuf {
    crate::root().join("crates/anomalyst/tests/models")
}

/// Writes the models of tables and of series. Files of earlier releases stay as they are.
pub(crate) fn write() -> Result<()> {
    of_tables()?;
    of_series()
}

/// Fits every method and recipe of series on two channels and writes `VERSION-series-NAME.anomalyst` with the scores of
/// `series.csv` beside it.
fn of_series() -> Result<()> {
    let run = Run::new(0);
    for method in registry::names(Modality::Series) {
        let options = Options { modality: Modality::Series, method: method.into(), ..Options::default() };
        let set = if method == "auto_series" { &["isolation_forest.n_trees=10"][..] } else { &[] };
        let set =
            set.iter().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
        let options = Options { set, ..options };
        let input =
            anomalyst::read(&open_bytes("series", wave(0..N_ROWS), &ReadOptions::default(), &run)?, &run)?;
        let (_, model) = fit_series(input, &SeriesOptions::default(), &options, &run)?;
        let path = folder().join(format!("{}-series-{method}.anomalyst", env!("CARGO_PKG_VERSION")));
        model.save(&path)?;
        write_scores(&AnyTrained::Series(Box::new(model)), "series.csv", &path)?;
    }
    Ok(())
}

/// The scores that a model gives `data`, beside its file.
fn write_scores(model: &AnyTrained, data: &str, path: &Path) -> Result<()> {
    let run = Run::new(0);
    let read = ReadOptions { expected: Some(model.schema().clone()), ..ReadOptions::default() };
    let source = anomalyst::data::open(&[folder().join(data).display().to_string()], &read, &run)?;
    let outcome = model.score(&source, &Options::default(), &run)?;
    let scores = serde_json::to_string(&outcome.scores)?;
    std::fs::write(path.with_extension("json"), scores + "\n").context("writing scores")?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Two channels of a wave of 12 points with some noise.
fn wave(points: std::ops::Range<usize>) -> Vec<u8> {
    let mut text = String::from("at,a,b\n");
    for i in points {
        let (angle, noise) = (i as f64 / 12.0 * std::f64::consts::TAU, (i as f64 * 0.618_034).fract() / 5.0);
        let (day, hour) = (i / 24 % 28 + 1, i % 24);
        let (a, b) = (angle.sin() + noise, angle.cos() - noise);
        text += &format!("2024-03-{day:02}T{hour:02}:00:00Z,{a:.3},{b:.3}\n");
    }
    text.into_bytes()
}

/// Fits every method, recipe and rule of combination on a small table and writes `VERSION-NAME.anomalyst` with the
/// scores of `rows.csv` beside it.
fn of_tables() -> Result<()> {
    let run = Run::new(0);
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
        write_scores(&AnyTrained::Table(Box::new(model)), "rows.csv", &path)?;
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
