//! The `anomalyst` command.

use std::process::ExitCode;

// A retaining allocator: large blocks are reused instead of going back to the system between stages.
// Measured in docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    anomalyst_cli::main()
}
