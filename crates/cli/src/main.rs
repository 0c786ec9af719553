//! The `anomalyst` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    anomalyst_cli::main()
}
