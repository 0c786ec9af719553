//! What the fuzz targets share: reading bytes in every way a user can, and checking what comes out.

mod model;
mod table;

pub use model::{Models, mutate, score};
pub use table::read;
