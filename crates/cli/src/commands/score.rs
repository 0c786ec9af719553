//! `anomalyst score`.

use std::process::ExitCode;

use anomalyst::core::Cancel;
use anomalyst::data::ReadOptions;
use anomalyst::{Options, TrainedModel};

use crate::args::ScoreArgs;
use crate::{commands, console};

pub(crate) fn run(args: &ScoreArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let mut model = TrainedModel::load(&args.model)?;
    if let Some(rule) = args.decide.rule() {
        model.decision = model.decision.with_rule(rule)?;
    }
    let read = ReadOptions { expected: Some(model.schema.clone()), ..args.read.options() };
    let source = anomalyst::data::open(&args.read.data, &read, &run)?;
    let options = Options {
        n_findings: args.output.show,
        with_report: args.output.report.is_some(),
        strict: args.run.strict,
        command: commands::command_line(),
        ..Options::default()
    };
    let outcome = anomalyst::score(&model, &source, &options, &run)?;
    commands::announce(&outcome.source, &args.output, &args.run)?;
    commands::show(&outcome, &args.output, &args.run)
}
