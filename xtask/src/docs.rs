//! Generated docs: catalogue, parameter schema, command reference. CI fails when they are stale.

use std::fmt::Write;

use anomalyst::core::{Entry, Handles};
use anomalyst::registry;
use anomalyst_measure::{Better, MetricCard, forecasts, groups, items, pixels, series};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Writes the generated pages, or with `check` says which are stale.
pub(crate) fn run(check: bool) -> Result<()> {
    let stale: Vec<String> = pages()?
        .into_iter()
        .filter(|(path, text)| {
            std::fs::read_to_string(crate::root().join(path)).ok().as_deref() != Some(text)
        })
        .map(|(path, text)| if check { Ok(path) } else { write(&path, &text).map(|()| path) })
        .collect::<Result<_>>()?;
    match (check, stale.is_empty()) {
        (true, false) => bail!("stale: {}; run `cargo xtask docs`", stale.join(", ")),
        (false, false) => println!("wrote {}", stale.join(", ")),
        _ => {}
    }
    Ok(())
}

fn write(path: &str, text: &str) -> Result<()> {
    let path = crate::root().join(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

fn pages() -> Result<Vec<(String, String)>> {
    Ok(vec![
        ("docs/methods.md".into(), methods()),
        ("docs/metrics.md".into(), metrics()),
        ("docs/schema.json".into(), format!("{}\n", serde_json::to_string_pretty(&schema())?)),
        ("docs/cli.md".into(), cli()),
    ])
}

const GENERATED: &str = "<!-- Made by `cargo xtask docs`; do not edit. -->\n";

fn methods() -> String {
    let mut text = format!(
        "{GENERATED}\n# Methods\n\nHigher scores are more anomalous, everywhere. The page of each method stands at the head of its file.\n\n"
    );
    text.push_str(
        "## Of rows\n\nThey judge windows of series too (`--as series`, [series.md](series.md)).\n\n",
    );
    text.push_str("| method | finds | missing values | categories | fit | score a row | source |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    let handles = |h: Handles| if h == Handles::Native { "native" } else { "encoded" };
    for Entry { card, learns_from_labels, .. } in
        registry::methods().iter().filter(|e| !e.card.is_of_series())
    {
        let labels = if *learns_from_labels { " Learns from labels (`--label`)." } else { "" };
        let file = source_file(card.id);
        let _ = writeln!(
            text,
            "| [`{}`](../{file}) {} | {}{labels} | {} | {} | {} | {} | {} |",
            card.id,
            card.title,
            card.summary,
            handles(card.missing),
            handles(card.codes),
            card.cost.fit.as_str(),
            card.cost.score.as_str(),
            card.paper
        );
    }
    text.push_str("\n## Of points in order\n\n| method | finds | fit | score a point | source |\n| --- | --- | --- | --- | --- |\n");
    for Entry { card, .. } in registry::methods().iter().filter(|e| e.card.is_of_series()) {
        let file = source_file(card.id);
        let (fit, score) = (card.cost.fit.as_str(), card.cost.score.as_str());
        let _ = writeln!(
            text,
            "| [`{}`](../{file}) {} | {} | {fit} | {score} | {} |",
            card.id, card.title, card.summary, card.paper
        );
    }
    text.push_str("\n# Recipes\n\n`auto` stands for `auto_scan` in `scan` and for `auto_fit` in `fit`, of series for `auto_series`.\n\n| recipe | finds | members | source |\n| --- | --- | --- | --- |\n");
    for recipe in registry::recipes() {
        let members: Vec<String> = recipe.members.iter().map(|m| format!("`{}`", m.detector.kind)).collect();
        let _ = writeln!(
            text,
            "| [`{0}`](../recipes/{0}.toml) {1} | {2} | {3} | {4} |",
            recipe.name,
            recipe.title,
            recipe.summary,
            members.join(", "),
            recipe.paper
        );
    }
    text.push_str(COMBINATIONS);
    for entry in registry::combinators() {
        let card = entry.card;
        let _ = writeln!(
            text,
            "| [`{0}`](../crates/anomalyst/src/combine/{0}.rs) {1} | {2} | {3} |",
            card.id, card.title, card.summary, card.paper
        );
    }
    text
}

/// What stands above the table of rules.
const COMBINATIONS: &str = "
# Combinations

A recipe with several members says how their scores become one:

```toml
[[members]]
scale = \"normal_ranks\"   # robust (default), ranks, normal_ranks; `compress = true` takes logarithms of the result
weight = 2.0              # for the rules that weigh
[members.detector]
kind = \"k_nearest_neighbors\"

[combine]
kind = \"average_of_maximum\"
n_buckets = 3
```

Or on the command line: `--method RECIPE --set combine.kind=median`. Scales stand in
[`scale.rs`](../crates/anomalyst/src/combine/scale.rs): `robust` is deviations above the median of the training scores,
`ranks` and `normal_ranks` go by the rank among the training scores, continued beyond them, and keep them (4 bytes per row
and member). All are fixed by the fit, so a row's score never depends on its batch. `feature_bagging` and `lscp` combine
members of their own on one view of the data and are methods: `--method lscp --set 'bases=[\"ecod\", \"pca\"]'`,
`--method feature_bagging --set base=k_nearest_neighbors`.

| rule | does | source |
| --- | --- | --- |
";

fn metrics() -> String {
    let mut text = format!(
        "{GENERATED}\n# Metrics\n\nThe page of each metric (equations, random level, weakness, source) stands at the head of its file. \
         `anomalyst eval` computes them all, `anomalyst bench` those of items and series that need only scores.\n"
    );
    let families: [(&str, &str, Vec<&MetricCard>); 5] = [
        ("Items", "items", items::METRICS.iter().map(|entry| entry.card).collect()),
        ("Points of series", "series", series::METRICS.iter().map(|entry| entry.card).collect()),
        ("Maps of scores", "pixels", pixels::METRICS.iter().map(|entry| entry.card).collect()),
        ("Groups and log templates", "groups", groups::METRICS.iter().map(|entry| entry.card).collect()),
        ("Forecasts", "forecasts", forecasts::METRICS.iter().map(|entry| entry.card).collect()),
    ];
    for (title, folder, cards) in families {
        let _ = write!(
            text,
            "\n## {title}\n\n| metric | measures | range | chance | beware: it | source |\n| --- | --- | --- | --- | --- | --- |\n"
        );
        for card in cards {
            let (low, high) = card.range;
            let better = match card.better {
                Better::Higher => ", higher is better",
                Better::Lower => ", lower is better",
                Better::Neither => "",
            };
            let _ = writeln!(
                text,
                "| [`{0}`](../crates/measure/src/{folder}/{0}.rs) {1} | {2} | {low} to {high}{better} | {3} | {4} | {5} |",
                card.id, card.title, card.summary, card.random, card.weakness, card.paper
            );
        }
    }
    text + INTERVALS
}

const INTERVALS: &str = "
## Intervals

An interval of `eval` comes from drawing the data again with replacement, 1,000 times unless `--replicates` says otherwise: items
within each class, series and forecasts in blocks of neighbours, maps as whole images, those with a defect and those without apart.
The same seed draws the same. Where 1,000 draws would be too much work fewer are made, and below 50 there is no interval.

Maps are ranked once and weighed anew for each draw; 1,000 draws of 500 maps of 256 x 256 take seconds for all metrics together.
That is exact while the pixels fit into half of the memory for computing (about 60 million of them with the 512 MB of `eval`; pixels
below every defect hardly count). Beyond it neighbouring thresholds are taken together in the draws, never in the value. A single
image of a kind says nothing of its kind, and more than 65,536 maps are too many to rank: no interval then. With a dozen images or
fewer, percentiles are narrower than they should be.
";

/// Where a method's file is: a file or a folder of its id, in one of the crates of methods.
pub(crate) fn source_file(id: &str) -> String {
    let files = ["detect", "temporal"]
        .into_iter()
        .flat_map(|of| [format!("crates/{of}/src/{id}.rs"), format!("crates/{of}/src/{id}/mod.rs")]);
    let there = |file: &String| crate::root().join(file).exists();
    files.into_iter().find(there).unwrap_or_else(|| format!("crates/detect/src/{id}.rs"))
}

fn schema() -> Value {
    let methods: serde_json::Map<String, Value> =
        registry::methods().iter().map(|entry| (entry.card.id.to_owned(), (entry.schema)())).collect();
    let encoders: serde_json::Map<String, Value> =
        registry::encoders().iter().map(|entry| (entry.id.to_owned(), (entry.schema)())).collect();
    let combinations: serde_json::Map<String, Value> =
        registry::combinators().iter().map(|entry| (entry.card.id.to_owned(), (entry.schema)())).collect();
    json!({ "methods": methods, "encoders": encoders, "combinations": combinations })
}

fn cli() -> String {
    let mut command = anomalyst_cli::command().term_width(100);
    command.build();
    let mut text = format!("{GENERATED}\n# The command\n\n```text\n{}```\n", command.render_long_help());
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        let name = sub.get_name().to_owned();
        let _ = write!(text, "\n## anomalyst {name}\n\n```text\n{}```\n", sub.render_long_help());
    }
    // Help pads its lines; files do not.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_pages_are_fresh() {
        if let Err(error) = super::run(true) {
            panic!("{error}");
        }
    }
}
