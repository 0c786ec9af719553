//! Reads what people have into tables, and says what it found.
//!
//! [`open`] takes files, patterns, folders or the standard input, tells the format by the content, and looks at
//! the beginning to infer what each column is. The [`TableSource`] it gives is then read as a whole
//! ([`TableSource::read`]) or batch by batch in bounded memory (it is [`Batches`](anomalyst_core::Batches)).
//! Whatever is repaired, replaced or left out on the way is counted and told in notices.
//!
//! Inside, each format cuts its files into blocks of typed columns (`Block`); everything else is the same for
//! all formats: `Observed` and `infer` tell what a column is, `Plan` says what becomes of it, and `Collector`
//! makes a table of the blocks.

mod arff;
mod arrow;
mod block;
mod cell;
mod collect;
mod compression;
mod csv;
mod infer;
mod input;
mod json;
pub mod label;
mod names;
mod numpy;
mod observe;
mod open;
mod options;
mod plan;
mod records;
mod said;
mod source;
mod text;
mod text_source;
mod time;

pub use open::{open, open_bytes, open_stream};
pub use options::{Format, Header, ReadOptions};
pub use source::TableSource;
pub use time::parse_time;
