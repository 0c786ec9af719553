//! The `anomalyst` command: arguments in, files and text out.
//!
//! Exit status: 0 done (also when anomalies were found), 1 failed, 2 wrong use, 3 when `--fail-on` was met,
//! 130 interrupted.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints; libraries do not")]
#![allow(missing_docs, reason = "the arguments' documentation is the command's help")]

mod args;
mod commands;
mod console;
mod units;

use std::process::ExitCode;

use anomalyst::core::{Cancel, Error};
use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};

/// The whole command line, for completions, manual pages and the reference in the docs.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the process's arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let cancel = Cancel::default();
    let on_signal = cancel.clone();
    // The first interrupt stops the run at its next block of work; the second one ends the process.
    let _ = ctrlc::set_handler(move || {
        if on_signal.is_set() {
            std::process::exit(130);
        }
        on_signal.set();
    });
    match run(cli, cancel) {
        Ok(status) => status,
        Err(error) => report_error(&error),
    }
}

fn run(cli: Cli, cancel: Cancel) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Scan(args) => commands::scan::run(&args, cancel),
        Command::Fit(args) => commands::fit::run(&args, cancel),
        Command::Score(args) => commands::score::run(&args, cancel),
        Command::Explain(args) => commands::explain::run(&args, cancel),
        Command::Drift(args) => commands::drift::run(&args, cancel),
        Command::RiskScore(args) => commands::risk_score::run(&args, cancel),
        Command::Multiplicity(args) => commands::multiplicity::run(&args, cancel),
        Command::Eval(args) => commands::eval::run(&args, cancel),
        Command::Bench(args) => commands::bench::run(&args, cancel),
        Command::BenchWorker => commands::bench::work(cancel),
        Command::Synth(args) => commands::synth::run(&args, cancel),
        Command::Methods(args) => commands::methods::run(&args),
        Command::Completions { shell } => commands::generate::completions(shell),
        Command::Man { out } => commands::generate::man(out.as_deref()),
    }
}

fn report_error(error: &anyhow::Error) -> ExitCode {
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        // The reader of our output had enough; that is no failure of ours.
        return ExitCode::SUCCESS;
    }
    let status = error.downcast_ref::<Error>().map_or(1, |error| error.kind().faces().0);
    eprintln!("error: {error}");
    ExitCode::from(status)
}
