//! `anomalyst synth`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anomalyst::Options;
use anomalyst::core::{Cancel, Column, ColumnData, ColumnKind, Error, Label, Notices, Run, Table};
use anomalyst::data::ReadOptions;
use anomalyst::report;
use anomalyst::synth::{ExpectedAnomalyPosterior, Kind, Planting, Smote, plant_table, smote};
use serde_json::{Value, json};

use crate::args::{SynthArgs, What};
use crate::console;

/// The share of planted rows where none is named: that of many benchmark sets.
const SHARE: f64 = 0.05;

pub(crate) fn run(args: &SynthArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let kinds = planted_kinds(args)?;
    check(args, kinds.is_some())?;
    // A file that cannot be written is said before a big one is read.
    args.out.as_deref().map(report::ItemFormat::of).transpose()?;
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    if args.run.strict {
        input.notices.refuse_handled()?;
    }
    let made = match (&args.judge, kinds) {
        (Some(pool), _) => judged(args, &input.table, pool, &run)?,
        (None, Some(kinds)) => planted(args, kinds, &input.table, &run)?,
        (None, None) => oversampled(args, &input.table, &run)?,
    };
    if args.run.strict {
        made.notices.refuse_handled()?;
    }
    if let Some(path) = &args.out {
        report::write_table(&made.table, path)?;
    }
    let mut notices = input.notices;
    notices.extend(made.notices);
    if args.json {
        let mut summary = made.summary;
        summary["n_rows"] = made.table.n_rows.into();
        summary["seed"] = run.seed().into();
        summary["out"] = json!(args.out);
        summary["notices"] = json!(notices.0);
        console::print(&serde_json::to_string_pretty(&summary)?)?;
    } else {
        console::print(&text(&made.lines, &notices, args.out.as_deref()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A table to write, and what to say about it.
struct Made {
    table: Table,
    notices: Notices,
    lines: Vec<String>,
    summary: Value,
}

/// The kinds to plant; `None` for SMOTE, and for judging.
fn planted_kinds(args: &SynthArgs) -> Result<Option<Vec<Kind>>, Error> {
    let kinds: Vec<Kind> = args
        .what
        .iter()
        .filter_map(|what| match what {
            What::Plant(kind) => Some(*kind),
            What::Smote => None,
        })
        .collect();
    if kinds.is_empty() {
        return Ok(None);
    }
    if kinds.len() < args.what.len() {
        return Err(Error::BadParameter {
            name: "kind".into(),
            got: "smote beside kinds of anomalies".into(),
            want: "smote alone, which makes more rows of a class, or kinds to plant".into(),
        });
    }
    Ok(Some(kinds))
}

/// Refuses what would have no effect.
fn check(args: &SynthArgs, plants: bool) -> Result<(), Error> {
    let smotes = !plants && args.judge.is_none();
    let without_effect = [
        ("factor", args.factor.is_some() && !plants, "kinds of anomalies, not with smote"),
        ("keep", args.keep.is_some() && !smotes, "--kind smote"),
        ("neighbors", args.neighbors.is_some() && !smotes, "--kind smote"),
        ("method", args.method.method != "auto" && args.judge.is_none(), "--judge"),
        ("set", !args.method.set.is_empty() && args.judge.is_none(), "--judge"),
    ];
    match without_effect.into_iter().find(|(_, is_given, _)| *is_given) {
        Some((name, _, with)) => Err(Error::BadParameter {
            name: name.into(),
            got: "given".into(),
            want: format!("left out here; it goes with {with}"),
        }),
        None => Ok(()),
    }
}

fn planted(args: &SynthArgs, kinds: Vec<Kind>, table: &Table, run: &Run) -> anyhow::Result<Made> {
    let planting = Planting { kinds, share: args.share.unwrap_or(SHARE), factor: args.factor };
    let (planted, notices) = plant_table(table, &planting, run)?;
    let count = |kind: Kind| planted.kinds.iter().filter(|of| **of == Some(kind)).count();
    let counts: Vec<(Kind, usize)> = planting.kinds.iter().map(|&kind| (kind, count(kind))).collect();
    let n_planted: usize = counts.iter().map(|(_, n)| n).sum();
    let parts: Vec<String> = counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let n_rows = planted.kinds.len();
    let lines = vec![
        format!(
            "Planted    {} among {} normal rows ({:.2} % of {n_rows}).",
            parts.join(", "),
            n_rows - n_planted,
            100.0 * n_planted as f64 / n_rows as f64
        ),
        "Next       --label label --ignore anomaly reads the file; `bench --data` does so by itself".into(),
    ];
    let kinds: serde_json::Map<String, Value> =
        counts.iter().map(|(kind, n)| (kind.to_string(), (*n).into())).collect();
    let summary = json!({ "n_planted": n_planted, "kinds": kinds });
    Ok(Made { table: planted.into_labelled(id_name(args))?, notices, lines, summary })
}

fn oversampled(args: &SynthArgs, table: &Table, run: &Run) -> anyhow::Result<Made> {
    let params = Smote {
        n_neighbors: args.neighbors.map_or(Smote::default().n_neighbors, usize::from),
        share: args.share.unwrap_or(Smote::default().share),
        keep: args.keep.unwrap_or(Smote::default().keep),
    };
    let (made, notices) = smote(table, &params, run)?;
    let n_new = made.is_new.iter().filter(|is_new| **is_new).count();
    let labels = made.table.labels.as_deref().unwrap_or_default();
    let n_rare = labels.iter().filter(|label| **label == made.rare).count();
    let n_unknown = labels.iter().filter(|label| **label == Label::Unknown).count();
    let rare = if made.rare == Label::Anomalous { "anomalous" } else { "normal" };
    let lines = vec![
        format!(
            "Made       {n_new} {rare} rows; {n_rare} of {} labelled rows are {rare} now.",
            labels.len() - n_unknown
        ),
        "Next       --label label --ignore origin reads the file; learn from it, measure on other rows"
            .into(),
    ];
    let summary =
        json!({ "n_new": n_new, "rarer_class": rare, "n_rarer_class": n_rare, "n_unknown": n_unknown });
    Ok(Made { table: made.into_labelled(id_name(args))?, notices, lines, summary })
}

fn judged(args: &SynthArgs, table: &Table, path: &Path, run: &Run) -> anyhow::Result<Made> {
    let mut options = Options { strict: args.run.strict, ..Options::default() };
    options.method = if args.method.method == "auto" { JUDGE.into() } else { args.method.method.clone() };
    options.set.clone_from(&args.method.set);
    // A wrong name or parameter is said before the pool is read.
    options.recipe(anomalyst::registry::Task::Fit)?;
    let read = ReadOptions { expected: Some(table.schema()), label: None, id: None, ..args.read.options() };
    let source = anomalyst::data::open(&[path.display().to_string()], &read, run)?;
    let pool = anomalyst::read(&source, run)?;
    let (quality, mut notices) =
        anomalyst::judge(table, &pool.table, &ExpectedAnomalyPosterior::default(), &options, run)?;
    notices.extend(pool.notices);
    let mut order: Vec<usize> = (0..quality.len()).collect();
    order.sort_by(|&a, &b| quality[b].total_cmp(&quality[a]).then(a.cmp(&b)));
    if let Some(best) = args.best {
        order.truncate(((best * order.len() as f64).round() as usize).max(1));
    }
    let mut table = with_quality(pool.table, &quality)?.take(&order);
    table.ids = None;
    let at = |row: usize| quality[row];
    let (first, last) = (order.first().map_or(0.0, |&row| at(row)), order.last().map_or(0.0, |&row| at(row)));
    let mut lines = vec![format!(
        "Judged     {} rows by {}; {} kept, quality {first:.3} to {last:.3}.",
        quality.len(),
        options.method,
        order.len()
    )];
    let shown = order.iter().take(SHOWN).map(|&row| format!("           {:.3}  row {}", at(row), row + 1));
    if args.out.is_none() {
        lines.extend(shown);
    }
    let rows: Vec<Value> = order.iter().map(|&row| json!({ "row": row + 1, "quality": at(row) })).collect();
    let summary = json!({ "n_judged": quality.len(), "method": options.method, "rows": rows });
    Ok(Made { table, notices, lines, summary })
}

/// The detector that judges where none is named: its scores and the balls of the judgement are distances alike.
const JUDGE: &str = "k_nearest_neighbors";
/// Rows that are shown where no file is written.
const SHOWN: usize = 20;

/// The pool with its row numbers and their quality.
fn with_quality(pool: Table, quality: &[f64]) -> Result<Table, Error> {
    let number = |name: &str, cells: Vec<f64>| Column {
        name: name.into(),
        kind: ColumnKind::Number,
        data: ColumnData::Numbers(cells),
    };
    let mut columns = vec![
        number("row", (1..=quality.len()).map(|row| row as f64).collect()),
        number("quality", quality.to_vec()),
    ];
    columns.extend(pool.columns.into_iter().filter(|column| column.data.len().is_some()));
    Table::new(columns).map_err(|error| Error::Data(format!("{error}; leave that column out with --ignore")))
}

/// What the column of ids is called.
fn id_name(args: &SynthArgs) -> &str {
    args.read.id.as_deref().unwrap_or("id")
}

fn text(lines: &[String], notices: &Notices, out: Option<&Path>) -> String {
    let mut text = lines.join("\n") + "\n";
    for notice in &notices.0 {
        let column = notice.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        let _ = writeln!(text, "Note       {column}{}", notice.message);
    }
    if let Some(path) = out {
        let _ = writeln!(text, "Written    {}", path.display());
    }
    text
}
