//! Metrics of score maps beside masks: of pixels, defects and images. One file each.
//!
//! Maps are read one by one from a [`MapSet`], so that a data set need not fit into memory; all values are exact, no
//! threshold is binned.

mod areas;
mod aupimo;
mod aupro;
mod components;
mod maps;
mod pixel_ap;
mod pixel_auroc;
mod set;
mod sweep;
#[cfg(test)]
mod testing;

pub use maps::{Maps, MapsInMemory, ScoredMap};
pub use set::MapSet;

crate::metric::metrics! {
    MapSet;
    aupimo::Aupimo,
    aupro::Aupro,
    pixel_ap::PixelAp,
    pixel_auroc::PixelAuroc,
}
