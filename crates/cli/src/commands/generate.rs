//! Completions and manual pages, made from the one definition of the command line.

use std::path::Path;
use std::process::ExitCode;

use anomalyst::core::Error;

use crate::console;

pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "anomalyst", &mut out);
    console::print(&String::from_utf8_lossy(&out))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn man(folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
            clap_mangen::generate_to(crate::command(), folder).map_err(|e| Error::io(folder, e))?;
        }
        None => {
            let mut out = Vec::new();
            clap_mangen::Man::new(crate::command()).render(&mut out)?;
            console::print(&String::from_utf8_lossy(&out))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
