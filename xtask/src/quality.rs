//! Ranks labelled tables with every method and recipe, and prints how well each does on average.
//!
//! The two protocols are those of the reference numbers in docs/quality.md: `scan` fits on all rows and ranks the
//! same rows; `fit` fits on a random half of the normal rows and ranks all others.

use std::path::PathBuf;

use anomalyst::core::{Dataset, Label, Run, Table};
use anomalyst::data::ReadOptions;
use anomalyst::pipeline::Pipeline;
use anomalyst::recipe::Recipe;
use anomalyst::registry::{self, Task};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use rand::seq::SliceRandom;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Scan,
    Fit,
}

/// Area under the ROC curve and average precision.
type Quality = [f64; 2];

/// Prints a table of sets by `methods` (names or recipe files; all built-in ones where none is named) and their
/// means.
pub(crate) fn run(protocol: Protocol, cap: usize, methods: &[String], files: &[PathBuf]) -> Result<()> {
    let all_methods = registry::methods().iter().map(|entry| Recipe::of_method(entry.card));
    let recipes: Vec<Recipe> = match methods {
        [] => all_methods.chain(registry::recipes().iter().cloned()).collect(),
        named => named.iter().map(|name| registry::resolve(name, Task::Scan)).collect::<Result<_, _>>()?,
    };
    let mut all: Vec<Vec<Quality>> = vec![Vec::new(); recipes.len()];
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let (train, test) = halves(read(file)?, protocol, cap);
        let mut line = format!("{name:36}");
        for (recipe, qualities) in recipes.iter().zip(&mut all) {
            let quality =
                measure(recipe, train.as_ref(), &test).with_context(|| format!("{name}: {}", recipe.name))?;
            line += &format!(" {:.3}/{:.3}", quality[0], quality[1]);
            qualities.push(quality);
        }
        println!("{line}");
    }
    for (recipe, qualities) in recipes.iter().zip(&all) {
        let mean = |i: usize| qualities.iter().map(|q| q[i]).sum::<f64>() / qualities.len() as f64;
        println!("{:24} auroc {:.4} ap {:.4} over {} sets", recipe.name, mean(0), mean(1), qualities.len());
    }
    Ok(())
}

fn read(file: &std::path::Path) -> Result<Table> {
    let run = Run::new(0);
    let source = anomalyst::data::open(&[file.display().to_string()], &ReadOptions::default(), &run)?;
    let table = anomalyst::read(&source, &run)?.table;
    if table.labels.is_none() {
        bail!("{} has no labels", file.display());
    }
    Ok(table)
}

fn is_odd(table: &Table, row: usize) -> bool {
    table.labels.as_ref().is_some_and(|labels| labels[row] == Label::Anomalous)
}

/// The rows to fit on, where they are others than those to rank, and these; after a stratified sample of at most `cap`
/// rows.
fn halves(table: Table, protocol: Protocol, cap: usize) -> (Option<Table>, Table) {
    let mut random = Run::new(0).random(0);
    let (mut odd, mut normal): (Vec<usize>, Vec<usize>) =
        (0..table.n_rows).partition(|&row| is_odd(&table, row));
    odd.shuffle(&mut random);
    normal.shuffle(&mut random);
    if table.n_rows > cap {
        let n_odd = (odd.len() * cap).div_ceil(table.n_rows);
        odd.truncate(n_odd);
        normal.truncate(cap - n_odd);
    }
    let n_train = if protocol == Protocol::Fit { normal.len() / 2 } else { 0 };
    let mut test = [&normal[n_train..], &odd[..]].concat();
    let mut train = normal[..n_train].to_vec();
    test.sort_unstable();
    train.sort_unstable();
    ((protocol == Protocol::Fit).then(|| table.take(&train)), table.take(&test))
}

fn measure(recipe: &Recipe, train: Option<&Table>, test: &Table) -> Result<Quality> {
    let run = Run::new(0);
    let (pipeline, report) = Pipeline::fit(recipe, &Dataset::Table(train.unwrap_or(test).clone()), &run)?;
    let scores = match train {
        None => report.scores,
        Some(_) => pipeline.score(&Dataset::Table(test.clone()), &run)?.0,
    };
    Ok(quality(&scores, |row| is_odd(test, row)))
}

/// Both with ties counted exactly: a group of equal scores is one step.
fn quality(scores: &[f32], is_odd: impl Fn(usize) -> bool) -> Quality {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let n_odd = order.iter().filter(|&&row| is_odd(row)).count() as f64;
    let n_normal = scores.len() as f64 - n_odd;
    let (mut hits, mut seen, mut pairs, mut precision) = (0.0, 0.0, 0.0, 0.0);
    for group in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let odd = group.iter().filter(|&&row| is_odd(row)).count() as f64;
        let normal = group.len() as f64 - odd;
        pairs += normal * (hits + odd / 2.0);
        hits += odd;
        seen += group.len() as f64;
        precision += odd / n_odd * hits / seen;
    }
    [pairs / (n_odd * n_normal), precision]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_form() {
        let odd = |row: usize| row == 0 || row == 3;
        // Ranks: odd, normal, normal, odd. Pairs won: 2 + 0 of 4; precision 1 and 2/4.
        assert_eq!(quality(&[4.0, 3.0, 2.0, 1.0], odd), [0.5, 0.75]);
        assert_eq!(quality(&[1.0; 4], odd), [0.5, 0.5]);
    }
}
