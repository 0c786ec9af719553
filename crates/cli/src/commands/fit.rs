//! `anomalyst fit`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anomalyst::core::{Cancel, Outcome};
use anomalyst::recipe::Modality;
use anomalyst::registry::Task;
use anomalyst::series::fit_series;

use crate::args::FitArgs;
use crate::{commands, console};

pub(crate) fn run(args: &FitArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let mut options = commands::options(&args.method, &args.decide, &args.run);
    options.train_until = commands::train_until(&args.train, &args.read)?;
    commands::check_method(&options, &args.read, Task::Fit)?;
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    let outcome = if commands::is_series(&input.table, &args.read, &options)? {
        options.modality = Modality::Series;
        let (outcome, model) = fit_series(input, &args.read.series(), &options, &run)?;
        model.save(&args.model)?;
        outcome
    } else {
        let (outcome, model) = anomalyst::fit(input, &options, &run)?;
        model.save(&args.model)?;
        outcome
    };
    if args.json {
        console::print(&serde_json::to_string_pretty(&anomalyst::report::summary_json(&outcome))?)?;
    } else {
        console::print(&text(&outcome, &args.model))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was learned, from what, and what the model will do.
fn text(outcome: &Outcome, path: &Path) -> String {
    let Outcome { source, method, decision, .. } = outcome;
    let mut text = format!(
        "Learned {} rows, {} of {} columns ({}).\n",
        source.n_rows, source.n_used, source.n_columns, source.format
    );
    let _ = writeln!(text, "Method     {}: {}", method.id, method.title);
    let _ = writeln!(text, "Threshold  {} (score {:.4})", decision.threshold.name, decision.threshold.value);
    if let Some(rate) = decision.threshold.expected_alert_rate {
        let _ = writeln!(
            text,
            "Alerts     {:.2} % {} ({:.2} to {:.2} % with probability {})",
            100.0 * rate.mean,
            decision.alert_rate_meaning,
            100.0 * rate.low,
            100.0 * rate.high,
            rate.level
        );
    }
    for notice in &outcome.notices {
        let column = notice.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        let _ = writeln!(text, "Note       {column}{}", notice.message);
    }
    let _ = writeln!(text, "Model      {}", path.display());
    text
}
