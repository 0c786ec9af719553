//! Series: read from tables, scanned, learned and scored, with events instead of rows as what is found.

mod apply;
mod model;
mod outcome;
mod pictures;
mod reading;
mod until;

pub use apply::{fit_series, scan_series, score_series};
pub use model::{AnyTrained, TrainedSeries};
pub use reading::{Aggregate, ReadSeries, SeriesOptions, Steps, looks_like_series, read_series};
pub use until::TrainUntil;
