//! Golden values come from reference tools; their scripts run in an environment of their own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

fn folder() -> PathBuf {
    crate::root().join("crates/detect/golden")
}

/// Lists the scripts, or runs that of `id` with the pinned versions of `requirements.txt`.
pub(crate) fn run(id: Option<&str>) -> Result<()> {
    let Some(id) = id else {
        let mut ids: Vec<String> = std::fs::read_dir(folder())?
            .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
            .filter(|stem| stem != "requirements" && !stem.starts_with('_'))
            .collect();
        ids.sort();
        println!("{}", ids.join("\n"));
        return Ok(());
    };
    let script = folder().join(format!("{id}.py"));
    if !script.exists() {
        bail!("{} does not exist; `cargo xtask golden` lists the scripts", script.display());
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    let environment = target.join("golden-python");
    let python = environment.join("bin/python");
    if !python.exists() {
        execute(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        execute(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--requirement"])
                .arg(folder().join("requirements.txt")),
        )?;
    }
    execute(Command::new(&python).arg(&script))
}

fn execute(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} failed", command.get_program());
    }
    Ok(())
}
