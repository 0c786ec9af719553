//! Golden values come from reference tools; their scripts run in an environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The versions that the tests quote.
const REQUIREMENTS: &str = "xtask/golden-requirements.txt";

/// Not values of other tools, but the model files of this release.
const MODELS: &str = "anomalyst/models";

/// Every `crates/CRATE/golden/NAME.py`, as `CRATE/NAME` and its path.
fn scripts() -> Result<Vec<(String, PathBuf)>> {
    let mut scripts = Vec::new();
    for owner in std::fs::read_dir(crate::root().join("crates"))? {
        let owner = owner?.path();
        let Ok(entries) = std::fs::read_dir(owner.join("golden")) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let part = |p: &Path| p.file_stem().map(|s| s.to_string_lossy().into_owned());
                let id = [part(&owner), part(&path)].map(Option::unwrap_or_default).join("/");
                scripts.push((id, path));
            }
        }
    }
    scripts.sort();
    Ok(scripts)
}

/// Lists the scripts, or runs that of `id` with the pinned versions.
pub(crate) fn run(id: Option<&str>) -> Result<()> {
    let scripts = scripts()?;
    let Some(id) = id else {
        println!("{MODELS}");
        scripts.iter().for_each(|(id, _)| println!("{id}"));
        return Ok(());
    };
    if id == MODELS {
        return crate::models::write();
    }
    let Some((_, script)) = scripts.iter().find(|(known, _)| known == id) else {
        bail!("no golden script is called `{id}`; `cargo xtask golden` lists them");
    };
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    let environment = target.join("golden-python");
    let python = environment.join("bin/python");
    if !python.exists() {
        execute(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        let requirements = crate::root().join(REQUIREMENTS);
        execute(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--requirement"])
                .arg(requirements),
        )?;
    }
    execute(Command::new(&python).arg(script))
}

fn execute(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} failed", command.get_program());
    }
    Ok(())
}
