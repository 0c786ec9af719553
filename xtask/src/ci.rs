//! What CI runs, cheapest first.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// The test command that the README names, and that a person runs.
pub(crate) fn test_command() -> Result<String> {
    let readme = std::fs::read_to_string(crate::root().join("README.md")).context("README.md")?;
    let line = readme.lines().map(str::trim).find(|line| line.starts_with("cargo test"));
    line.map(str::to_owned).context("README.md names no `cargo test` command")
}

/// Everything, stopping at the first failure.
pub(crate) fn run() -> Result<()> {
    step("cargo fmt --all --check")?;
    crate::tidy::run()?;
    crate::docs::run(true)?;
    step("cargo clippy --workspace --all-targets --quiet -- -D warnings")?;
    // A workspace of its own, which nothing above has compiled.
    step("cargo check --quiet --manifest-path fuzz/Cargo.toml --lib --no-default-features")?;
    step_with("cargo doc --workspace --no-deps --quiet", &[("RUSTDOCFLAGS", "-D warnings")])?;
    step(&test_command()?)
}

fn step(command: &str) -> Result<()> {
    step_with(command, &[])
}

fn step_with(command: &str, env: &[(&str, &str)]) -> Result<()> {
    println!("$ {command}");
    let mut words = command.split_whitespace();
    let program = words.next().context("an empty command")?;
    let status =
        Command::new(program).args(words).envs(env.iter().copied()).current_dir(crate::root()).status();
    if !status.with_context(|| format!("cannot start `{program}`"))?.success() {
        bail!("`{command}` failed");
    }
    Ok(())
}
