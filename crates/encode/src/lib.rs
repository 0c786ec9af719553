//! Turns datasets into features: one folder per kind of dataset, one registry.
//!
//! An encoder learns scales, levels and periods once and applies them alike ever after, so that a row means the
//! same on the day a model is fitted and on every later day.
//!
//! ```
//! use anomalyst_core::{Column, ColumnData, ColumnKind, Dataset, Encode, Encoder, Handles, Run, Table, Wants};
//! use anomalyst_encode::TableEncoder;
//! let table = |cells: &[f64]| {
//!     let data = ColumnData::Numbers(cells.to_vec());
//!     Dataset::Table(Table::new(vec![Column { name: "x".into(), kind: ColumnKind::Number, data }]).unwrap())
//! };
//! let wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };
//! let run = Run::new(0);
//! let (fitted, _) = TableEncoder::default().fit(&table(&[1.0, 2.0, 3.0, 4.0, 5.0]), wants, &run).unwrap();
//! let later = fitted.encode(&table(&[3.0, f64::NAN]), &run).unwrap();
//! assert_eq!(later.features.values, ndarray::array![[0.0], [0.0]]); // the median, and what stands in for it
//! assert_eq!(later.notices.0[0].message, "missing in 1 of 2 rows, never in training; imputed");
//! ```

mod routes;
mod series;
mod table;

use anomalyst_core::{EncoderEntry, Error, Result, Run};

pub use routes::{FittedRouteEncoder, RouteEncoder, RoutePart};
pub use series::{
    Change, ChannelScale, Describe, FittedPointEncoder, FittedWindowEncoder, Normalize, PointEncoder, Spread,
    WindowEncoder,
};
pub use table::{Categories, FittedTableEncoder, Missing, Scale, TableEncoder};

/// Every encoder, sorted by id.
pub const ENCODERS: &[EncoderEntry] = &[
    EncoderEntry::of::<PointEncoder>(),
    EncoderEntry::of::<RouteEncoder>(),
    EncoderEntry::of::<TableEncoder>(),
    EncoderEntry::of::<WindowEncoder>(),
];

/// That `n_rows` rows of `width` features fit into what the run may hold.
pub(crate) fn check_memory(n_rows: usize, width: usize, run: &Run) -> Result<()> {
    let need = 4 * (width as u64).saturating_mul(n_rows as u64);
    match run.max_memory_bytes() {
        Some(limit) if need > limit => Err(Error::Budget {
            what: format!("{n_rows} rows of {width} features"),
            need: format!("{:.1} MB", need as f64 / 1e6),
            limit: format!("{:.1} MB", limit as f64 / 1e6),
            hint: "give more with --max-memory, leave out columns, or encode fewer rows at a time".into(),
        }),
        _ => Ok(()),
    }
}
