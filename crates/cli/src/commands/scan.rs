//! `anomalyst scan`.

use std::process::ExitCode;

use anomalyst::core::Cancel;
use anomalyst::recipe::Modality;
use anomalyst::registry::Task;
use anomalyst::series::scan_series;

use crate::args::ScanArgs;
use crate::{commands, console};

/// Findings with full evidence in a report.
const REPORT_FINDINGS: usize = 100;

pub(crate) fn run(args: &ScanArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let mut options = commands::options(&args.method, &args.decide, &args.run);
    options.train_until = commands::train_until(&args.train, &args.read)?;
    options.with_report = args.output.report.is_some();
    options.n_findings =
        if options.with_report { args.output.show.max(REPORT_FINDINGS) } else { args.output.show };
    commands::check_method(&options, &args.read, Task::Scan)?;
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    commands::announce(&input.source, &args.output, &args.run)?;
    let outcome = if commands::is_series(&input.table, &args.read, &options)? {
        options.modality = Modality::Series;
        scan_series(input, &args.read.series(), &options, &run)?.0
    } else {
        anomalyst::scan(input, &options, &run)?.0
    };
    commands::show(&outcome, &args.output, &args.run)
}
