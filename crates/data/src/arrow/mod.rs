//! Apache Arrow: record batches from Parquet and from IPC files and streams.

mod claims;
mod files;
mod values;

pub(crate) use files::{open_ipc, open_parquet};
