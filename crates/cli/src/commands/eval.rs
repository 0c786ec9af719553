//! `anomalyst eval`.

use std::process::ExitCode;

use anomalyst::core::{Cancel, Error};
use anomalyst::report;
use anomalyst_bench::eval::{EvalFiles, EvalInput, EvalOptions, document, evaluate};
use anomalyst_measure::Subject;

use crate::args::{EvalArgs, LabelsOf};
use crate::console;

pub(crate) fn run(args: &EvalArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run(args.seed, args.quiet, cancel);
    if !(args.level == 0.0 || (0.5..1.0).contains(&args.level)) {
        return Err(Error::BadParameter {
            name: "level".into(),
            got: args.level.to_string(),
            want: "0, or at least 0.5 and below 1".into(),
        }
        .into());
    }
    let files = EvalFiles {
        scores: args.file.clone().or_else(|| args.scores.clone()).unwrap_or_default(),
        labels: args.labels.clone(),
        label: args.label.clone(),
        id: args.id.clone(),
        subject: args.kind.map(|kind| match kind {
            LabelsOf::Items => Subject::Items,
            LabelsOf::Series => Subject::Series,
            LabelsOf::Forecasts => Subject::Forecasts,
        }),
        period: args.period.map(|period| period as usize),
        higher_is_normal: args.higher_is_normal,
    };
    let options = EvalOptions {
        metrics: args.metrics.clone(),
        set: args.set.clone(),
        level: (args.level > 0.0).then_some(args.level),
        n_replicates: args.replicates as usize,
        noise: args.noise,
        power: args.power,
        curves: args.report.is_some(),
    };
    let input = EvalInput::read(&files, &run)?;
    let evaluation = evaluate(&input, &options, &run)?;
    let page = document(&evaluation, &format!("Judgement of {}", files.scores.display()));
    if let Some(path) = &args.report {
        report::write_document(&page, path)?;
    }
    if args.json {
        console::print(&serde_json::to_string_pretty(&evaluation)?)?;
    } else {
        console::print(&report::document_text(&page, &console::style(args.color, 0)))?;
    }
    // Metrics that were named must have a value; those that were tried because they might apply need not.
    let refused =
        evaluation.scorers.iter().flat_map(|judged| &judged.metrics).find_map(|of| of.error.as_ref());
    match refused.filter(|_| !args.metrics.is_empty()) {
        Some(error) => Err(Error::Data(error.clone()).into()),
        None => Ok(ExitCode::SUCCESS),
    }
}
