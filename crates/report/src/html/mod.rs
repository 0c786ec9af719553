//! The report: one HTML file that needs nothing else.
//!
//! The page is a template (`template.html`) over plain values (`view`, `sections`) and pictures (`svg`, `scores`,
//! `map`). Everything that comes from the data is escaped by the template engine or by `svg::escape`, and a content
//! security policy admits only the page's own style and script by their hashes: nothing is loaded from anywhere,
//! and nothing that the data holds can run.

mod map;
mod scores;
mod sections;
pub(crate) mod svg;
#[cfg(test)]
mod tests;
mod view;

use std::path::Path;

use anomalyst_core::{Error, Outcome, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};
use sha2::{Digest, Sha256};

const TEMPLATE: &str = include_str!("template.html");
pub(crate) const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Findings that are written out; fewer where their texts are so long that the page would exceed [`MAX_BYTES`].
const MAX_FINDINGS: usize = 200;

/// A page that mail systems still let through.
const MAX_BYTES: usize = 1_900_000;

/// The report as text.
pub fn report_html(outcome: &Outcome) -> Result<String> {
    if outcome.is_series {
        let mut n_pictures = outcome.zooms.len().max(outcome.pictures.len());
        loop {
            let html = crate::document_html(&crate::series::document(outcome, n_pictures));
            if html.len() <= MAX_BYTES || n_pictures == 0 {
                return Ok(html);
            }
            n_pictures /= 2;
        }
    }
    let mut n_findings = MAX_FINDINGS;
    loop {
        let html = render(outcome, n_findings)?;
        if html.len() <= MAX_BYTES || n_findings <= 10 {
            return Ok(html);
        }
        n_findings /= 2;
    }
}

/// Writes the report to `path`, whole or not at all.
pub fn write_report(outcome: &Outcome, path: &Path) -> Result<()> {
    let html = report_html(outcome)?;
    crate::atomic_write(path, |w| w.write_all(html.as_bytes()))
}

fn render(outcome: &Outcome, n_findings: usize) -> Result<String> {
    let failed = |e: minijinja::Error| Error::Data(format!("the report could not be made: {e:#}"));
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?);
    engine.add_template("report", TEMPLATE).map_err(failed)?;
    let findings = &outcome.findings[..outcome.findings.len().min(n_findings)];
    let page = minijinja::context! {
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        policy => policy(),
        page => Serde(view::page(outcome, findings)),
        map => Serde(map::map(outcome, findings)),
        profiles => Serde(sections::profiles(outcome, findings)),
        quality => Serde(sections::quality(outcome)),
        method => Serde(sections::method(outcome)),
        reproduce => Serde(sections::reproduce(outcome)),
    };
    engine.get_template("report").and_then(|template| template.render(page)).map_err(failed)
}

/// Nothing may be loaded; only this style and this script may act.
fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        source_hash(STYLE),
        source_hash(SCRIPT)
    )
}

/// How a content security policy names the one style or script it admits.
pub(crate) fn source_hash(source: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(source)))
}

/// Base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().chain([&0; 2]).take(3).fold(0_usize, |group, &b| group << 8 | usize::from(b));
        for i in 0..4 {
            let digit = DIGITS[group >> (18 - 6 * i) & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}
