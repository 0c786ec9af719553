//! Turns datasets into features: one folder per kind of dataset, one registry.
//!
//! An encoder learns scales, levels and periods once and applies them alike ever after, so that a row means the
//! same on the day a model is fitted and on every later day.

mod table;

use anomalyst_core::EncoderEntry;

pub use table::{Categories, FittedTableEncoder, Missing, Scale, TableEncoder};

/// Every encoder, sorted by id.
pub const ENCODERS: &[EncoderEntry] = &[EncoderEntry::of::<TableEncoder>()];
