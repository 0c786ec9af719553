//! A document as one HTML file that needs nothing else and in which nothing of the data can act.

use std::fmt::Write as _;
use std::path::Path;

use anomalyst_core::Result;

use super::{Block, Document, Grid, chart, strip};
use crate::html::svg::escape;
use crate::html::{STYLE, source_hash};

/// Beyond the report's own rules: lines and points of charts, in the colours of Okabe and Ito, which people who see
/// colours differently tell apart.
const CHARTS: &str = include_str!("chart.css");

/// The page as text.
pub fn document_html(document: &Document) -> String {
    let style = format!("{STYLE}\n{CHARTS}");
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">Anomalyst</p>\n\
         <h1>{title}</h1>\n<p class=\"lead\">{}</p>\n</header>\n<main>\n",
        source_hash(&style),
        escape(&document.lead),
        title = escape(&document.title),
    );
    for section in &document.sections {
        let _ = writeln!(html, "<section>\n<h2>{}</h2>", escape(&section.title));
        for block in &section.blocks {
            match block {
                Block::Text(text) => {
                    let _ = writeln!(html, "<p class=\"intro\">{}</p>", escape(text));
                }
                Block::Grid(grid) => html.push_str(&table(grid)),
                Block::Chart(of) => html.push_str(&figure(&chart::chart(of), &of.title)),
                Block::Ranks(of) => html.push_str(&figure(&chart::ranks(of), &of.title)),
                Block::Strip(of) => html.push_str(&figure(&strip::strip(of), &of.title)),
            }
        }
        html.push_str("</section>\n");
    }
    html + "</main>\n<footer></footer>\n</body>\n</html>\n"
}

/// Writes the page to `path`, whole or not at all.
pub fn write_document(document: &Document, path: &Path) -> Result<()> {
    let html = document_html(document);
    crate::atomic_write(path, |w| w.write_all(html.as_bytes()))
}

fn figure(svg: &str, title: &str) -> String {
    format!("<figure>{svg}<figcaption>{}</figcaption></figure>\n", escape(title))
}

fn table(grid: &Grid) -> String {
    let class = |is_number: bool| if is_number { " class=\"n\"" } else { "" };
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr>");
    for (title, is_number) in &grid.columns {
        let _ = write!(html, "<th scope=\"col\"{}>{}</th>", class(*is_number), escape(title));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in &grid.rows {
        html.push_str("<tr>");
        for (i, (text, (_, is_number))) in row.iter().zip(&grid.columns).enumerate() {
            let _ = match i {
                0 => write!(html, "<th scope=\"row\">{}</th>", escape(text)),
                _ => write!(html, "<td{}>{}</td>", class(*is_number), escape(text)),
            };
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table></div>\n"
}
