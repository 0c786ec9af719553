//! Metrics of items in no order: ranking, decisions, calibration, severity. One file each.

mod ap;
mod auroc;

crate::metric::metrics! {
    crate::Case;
    ap::Ap,
    auroc::Auroc,
}
