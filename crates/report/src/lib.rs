//! Shows what was found: on a terminal, as files of verdicts, as JSON for programs, and as one HTML page.
//!
//! Everything is rendered from [`Outcome`](anomalyst_core::Outcome) or a [`Document`] alone; nothing here computes
//! a score or a verdict. Files appear whole or not at all ([`atomic_write`]).

mod atomic;
mod document;
mod explanation;
mod html;
mod items;
mod layout;
mod parquet;
mod scores;
mod series;
mod summary;
mod table;
mod terminal;
mod text;

#[cfg(test)]
mod fixture;

pub use atomic::{AtomicFile, atomic_write};
pub use document::{
    Axis, Block, Card, Chart, Document, Grid, HeatMap, Lane, Listing, Mark, Ranks, Section, Strip,
    document_html, document_text, write_document,
};
pub use explanation::explanation;
pub use html::{report_html, write_report};
pub use items::{ItemFormat, ItemWriter, Items, write_items};
pub use scores::write_scores;
pub use summary::summary_json;
pub use table::write_table;
pub use terminal::{Terminal, heading, terminal, verdicts};
pub use text::metric_value;
