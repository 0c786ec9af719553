//! The project's chores. `cargo xtask ci` is exactly what CI runs, cheapest first.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod ci;
mod docs;
mod golden;
mod models;
mod new;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Formatting, lints, tidy, docs, then the README's test command
    Ci,
    /// Write the file of a new method and its lines in the registry
    New {
        /// What to add
        #[arg(value_parser = ["detector"])]
        what: String,
        /// Its id, in snake_case
        id: String,
    },
    /// Headings, file lengths, crate arrows, vocabulary, dependencies
    Tidy,
    /// Regenerate catalogue, schema and command reference
    Docs {
        /// Only say what is stale
        #[arg(long)]
        check: bool,
    },
    /// Run the script that makes the golden values of a method, in an environment of its own
    Golden {
        /// The method; all scripts are listed without one
        id: Option<String>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Ci => ci::run(),
        Chore::New { what: _, id } => new::detector(&id),
        Chore::Tidy => tidy::run(),
        Chore::Docs { check } => docs::run(check),
        Chore::Golden { id } => golden::run(id.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}
