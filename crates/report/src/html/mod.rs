//! The report: one HTML file that needs nothing else.

use std::path::Path;

use anomalyst_core::{Outcome, Result};

/// The report as text.
pub fn report_html(outcome: &Outcome) -> Result<String> {
    let _ = outcome;
    Ok("<!doctype html>\n".into())
}

/// Writes the report to `path`, whole or not at all.
pub fn write_report(outcome: &Outcome, path: &Path) -> Result<()> {
    let html = report_html(outcome)?;
    crate::atomic_write(path, |w| w.write_all(html.as_bytes()))
}
