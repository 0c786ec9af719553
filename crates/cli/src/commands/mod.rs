//! One file per command.

pub(crate) mod bench;
pub(crate) mod drift;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod fit;
pub(crate) mod generate;
pub(crate) mod methods;
pub(crate) mod multiplicity;
mod records;
pub(crate) mod risk_score;
pub(crate) mod scan;
pub(crate) mod score;
pub(crate) mod synth;

use std::process::ExitCode;

use anomalyst::Options;
use anomalyst::core::{Error, Outcome, SourceSummary, Table, Verdict};
use anomalyst::recipe::Modality;
use anomalyst::registry::{self, Task};
use anomalyst::report;
use anomalyst::series::{TrainUntil, looks_like_series};

use crate::args::{DecideArgs, FailOn, MethodArgs, OutputArgs, ReadArgs, RunArgs, TrainArgs};
use crate::console;

/// The facade's options from the command's arguments.
fn options(method: &MethodArgs, decide: &DecideArgs, run: &RunArgs) -> Options {
    Options {
        method: method.method.clone(),
        set: method.set.clone(),
        decide: decide.options(),
        false_alarms_per_day: decide.false_alarms_per_day,
        strict: run.strict,
        command: command_line(),
        ..Options::default()
    }
}

/// That the method and its parameters are possible: a wrong name is said before a big file is read. Where the kind of data
/// is not known yet, it is enough that they suit one of them.
fn check_method(options: &Options, read: &ReadArgs, task: Task) -> anomalyst::core::Result<()> {
    let check = |modality: Modality| Options { modality, ..options.clone() }.recipe(task).map(drop);
    match read.modality() {
        Some(modality) => check(modality),
        None => check(Modality::Table).or_else(|error| check(Modality::Series).map_err(|_| error)),
    }
}

/// The part to train on, if one is named.
fn train_until(train: &TrainArgs, read: &ReadArgs) -> anomalyst::core::Result<Option<TrainUntil>> {
    train.train_until.as_deref().map(|text| TrainUntil::parse(text, read.tz.as_deref())).transpose()
}

/// Whether `table` is to be taken as series: because the user says so, because the method takes nothing else, or because it
/// looks like one and nothing that he says is about rows.
fn is_series(table: &Table, read: &ReadArgs, options: &Options) -> anomalyst::core::Result<bool> {
    let is_series = match read.modality() {
        Some(modality) => modality == Modality::Series,
        None if options.train_until.is_some() => true,
        None if registry::method(&options.method).is_ok_and(|method| method.card.is_of_series()) => true,
        None => {
            options.decide.rule.is_none()
                && Options { modality: Modality::Series, ..options.clone() }.recipe(Task::Scan).is_ok()
                && looks_like_series(table)
        }
    };
    if !is_series && options.train_until.is_some() {
        return Err(Error::BadParameter {
            name: "train-until".into(),
            got: "data that are a table".into(),
            want: "series; fit a table on the files that are normal, and score the others".into(),
        });
    }
    Ok(is_series)
}

/// The command line as it can be typed again.
fn command_line() -> String {
    let quote = |word: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    std::iter::once("anomalyst".to_owned())
        .chain(std::env::args().skip(1).map(quote))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Says what was read before long work begins.
fn announce(source: &SourceSummary, output: &OutputArgs, run: &RunArgs) -> anyhow::Result<()> {
    if !output.json {
        console::print(&report::heading(source, &console::style(run.color, output.show)))?;
    }
    Ok(())
}

/// Shows everything below what [`announce`] said. Files first, so that what is printed last is true.
fn show(outcome: &Outcome, output: &OutputArgs, run: &RunArgs) -> anyhow::Result<ExitCode> {
    if let Some(path) = &output.out {
        report::write_items(outcome, path)?;
    }
    if let Some(path) = &output.report {
        report::write_report(outcome, path)?;
    }
    if output.json {
        console::print(&serde_json::to_string_pretty(&report::summary_json(outcome))?)?;
    } else {
        console::print(&report::verdicts(outcome, &console::style(run.color, output.show)))?;
    }
    let meets = |wanted: FailOn| {
        let verdict = match wanted {
            FailOn::Anomalous => Verdict::Anomalous,
            FailOn::Abstain => Verdict::Abstain,
        };
        outcome.decisions.verdict.contains(&verdict)
    };
    Ok(if output.fail_on.is_some_and(meets) { ExitCode::from(3) } else { ExitCode::SUCCESS })
}
