//! Metrics of items in no order: ranking, decisions, calibration, severity. One file each.

mod ap;
mod auroc;
mod auroc_by_level;
mod brier;
mod ece;
#[cfg(test)]
mod graded;
mod kendall_tau;
mod p_value_uniformity;
mod severity;
mod severity_concordance;

crate::metric::metrics! {
    crate::Case;
    ap::Ap,
    auroc::Auroc,
    auroc_by_level::AurocByLevel,
    brier::Brier,
    ece::Ece,
    kendall_tau::KendallTau,
    p_value_uniformity::PValueUniformity,
    severity_concordance::SeverityConcordance,
}
