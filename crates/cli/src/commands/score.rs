//! `anomalyst score`.

use std::process::ExitCode;

use anomalyst::Options;
use anomalyst::core::{Cancel, Run};
use anomalyst::data::ReadOptions;
use anomalyst::recipe::Modality;
use anomalyst::series::{AnyTrained, TrainedSeries, score_series};

use crate::args::ScoreArgs;
use crate::{commands, console};

pub(crate) fn run(args: &ScoreArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let mut model = match AnyTrained::load(&args.model)? {
        AnyTrained::Table(model) => *model,
        AnyTrained::Series(model) => return series(args, &model, &run),
    };
    if let Some(rule) = args.decide.rule() {
        model.decision = model.decision.with_rule(rule)?;
    }
    let read = ReadOptions { expected: Some(model.schema.clone()), ..args.read.options() };
    let source = anomalyst::data::open(&args.read.data, &read, &run)?;
    let options = options(args);
    let outcome = anomalyst::score(&model, &source, &options, &run)?;
    commands::announce(&outcome.source, &args.output, &args.run)?;
    commands::show(&outcome, &args.output, &args.run)
}

fn options(args: &ScoreArgs) -> Options {
    Options {
        n_findings: args.output.show,
        with_report: args.output.report.is_some(),
        strict: args.run.strict,
        command: commands::command_line(),
        ..Options::default()
    }
}

fn series(args: &ScoreArgs, model: &TrainedSeries, run: &Run) -> anyhow::Result<ExitCode> {
    let read = ReadOptions { expected: Some(model.schema.clone()), ..args.read.options() };
    let source = anomalyst::data::open(&args.read.data, &read, run)?;
    let input = anomalyst::read(&source, run)?;
    commands::announce(&input.source, &args.output, &args.run)?;
    let options = Options {
        modality: Modality::Series,
        decide: args.decide.options(),
        false_alarms_per_day: args.decide.false_alarms_per_day,
        ..options(args)
    };
    let outcome = score_series(model, input, &options, run)?;
    commands::show(&outcome, &args.output, &args.run)
}
