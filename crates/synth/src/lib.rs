//! Puts realistic anomalies into normal data, and judges anomalies that were made elsewhere.
//!
//! [`plant()`] adds anomalies of a [`Kind`] to rows of numbers, [`plant_table`] to tables of any columns, [`smote()`] adds
//! rows between those of a rare class, and [`judge`] says how good each of a pool of anomalies is to learn from. All
//! draw from the run's random streams: same seed, same rows.

mod kind;
mod plant;
mod posterior;
mod rows;
mod smote;
mod source;

pub use kind::Kind;
pub use plant::{Planted, Planting, plant, plant_table};
pub use posterior::{ExpectedAnomalyPosterior, Rows, Scorer, judge};
pub use smote::{Oversampled, Smote, smote};
