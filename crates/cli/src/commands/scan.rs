//! `anomalyst scan`.

use std::process::ExitCode;

use anomalyst::core::Cancel;

use crate::args::ScanArgs;
use crate::{commands, console};

/// Findings with full evidence in a report.
const REPORT_FINDINGS: usize = 100;

pub(crate) fn run(args: &ScanArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let mut options = commands::options(&args.method, &args.decide, &args.run);
    options.with_report = args.output.report.is_some();
    options.n_findings =
        if options.with_report { args.output.show.max(REPORT_FINDINGS) } else { args.output.show };
    // A wrong name or parameter is said before a big file is read.
    options.recipe(anomalyst::registry::Task::Scan)?;
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    commands::announce(&input.source, &args.output, &args.run)?;
    let (outcome, _) = anomalyst::scan(input, &options, &run)?;
    commands::show(&outcome, &args.output, &args.run)
}
