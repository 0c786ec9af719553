//! Metrics of score maps beside masks: of pixels, defects and images. One file each.
//!
//! Maps are read one by one from a [`MapSet`], so that a data set need not fit into memory; all values are exact, no
//! threshold is binned.

mod areas;
mod aupimo;
mod aupro;
mod auroc_by_defect_size;
mod components;
mod flagged;
mod instance_ap;
mod iou_at_threshold;
mod maps;
mod pixel_ap;
mod pixel_auroc;
mod pixel_f1_at_threshold;
mod ranks;
mod redraw;
mod set;
mod survey;
mod sweep;
#[cfg(test)]
mod testing;

pub use maps::{Maps, MapsInMemory, ScoredMap};
pub use set::MapSet;

crate::metric::metrics! {
    MapSet;
    aupimo::Aupimo,
    aupro::Aupro,
    auroc_by_defect_size::AurocByDefectSize,
    instance_ap::InstanceAp,
    iou_at_threshold::IouAtThreshold,
    pixel_ap::PixelAp,
    pixel_auroc::PixelAuroc,
    pixel_f1_at_threshold::PixelF1AtThreshold,
}
