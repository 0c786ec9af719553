//! A document as one HTML file that needs nothing else and in which nothing of the data can act.

use std::fmt::Write as _;
use std::path::Path;

use anomalyst_core::Result;

use super::{Block, Document, Grid, Listing, card, chart, heat, timeline};
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
        section.blocks.iter().for_each(|block| html.push_str(&block_html(block)));
        html.push_str("</section>\n");
    }
    html + "</main>\n<footer></footer>\n</body>\n</html>\n"
}

/// One block as text.
pub(super) fn block_html(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("<p class=\"intro\">{}</p>\n", escape(text)),
        Block::Grid(grid) => table(grid),
        Block::Listing(of) => listing(of),
        Block::Card(of) => card::card(of),
        Block::Chart(of) => figure("", &chart::chart(of), &of.title),
        Block::Ranks(of) => figure("", &chart::ranks(of), &of.title),
        Block::Strip(of) => figure(" class=\"w\"", &timeline::strip(of), &of.title),
        Block::Heat(of) => figure(" class=\"w\"", &heat::heat(of), &of.title),
    }
}

/// Writes the page to `path`, whole or not at all.
pub fn write_document(document: &Document, path: &Path) -> Result<()> {
    let html = document_html(document);
    crate::atomic_write(path, |w| w.write_all(html.as_bytes()))
}

fn figure(class: &str, picture: &str, title: &str) -> String {
    let caption =
        if title.is_empty() { String::new() } else { format!("<figcaption>{}</figcaption>", escape(title)) };
    format!("<figure{class}>{picture}{caption}</figure>\n")
}

fn table(grid: &Grid) -> String {
    let head = head(grid);
    let mut html = format!("<div class=\"scroll\"><table>{head}<tbody>\n");
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

/// The first cell of each row leads to its card; on a narrow page each cell says what it is.
fn listing(listing: &Listing) -> String {
    let grid = &listing.grid;
    let head = head(grid);
    let mut html = format!("<table class=\"stack list\">{head}<tbody>\n");
    for (row, cells) in grid.rows.iter().enumerate() {
        html.push_str("<tr>");
        for (i, (text, (title, is_number))) in cells.iter().zip(&grid.columns).enumerate() {
            let text = escape(text);
            let _ = match (i, listing.targets.get(row).filter(|target| !target.is_empty())) {
                (0, Some(target)) => {
                    write!(html, "<th scope=\"row\"><a href=\"#{}\">{text}</a></th>", escape(target))
                }
                (0, None) => write!(html, "<th scope=\"row\">{text}</th>"),
                // A cell without text would be a name without a value.
                _ if text.is_empty() => write!(html, "<td></td>"),
                _ => write!(html, "<td{} data-l=\"{}\">{text}</td>", class(*is_number), escape(title)),
            };
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table>\n"
}

fn head(grid: &Grid) -> String {
    let cell = |(title, is_number): &(String, bool)| {
        format!("<th scope=\"col\"{}>{}</th>", class(*is_number), escape(title))
    };
    format!("<thead><tr>{}</tr></thead>", grid.columns.iter().map(cell).collect::<String>())
}

const fn class(is_number: bool) -> &'static str {
    if is_number { " class=\"n\"" } else { "" }
}
