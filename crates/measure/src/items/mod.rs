//! Metrics of items in no order: ranking, decisions, calibration, severity. One file each.

mod ap;
mod ap_balanced;
mod auprg;
mod auroc;
mod auroc_by_level;
mod brier;
mod confusion;
mod ece;
mod expected_cost;
mod f1;
mod f_beta;
mod fdr;
#[cfg(test)]
mod fixtures;
mod fpr_at_95_tpr;
mod g_mean;
#[cfg(test)]
mod graded;
mod kendall_tau;
mod mcc;
mod oracle_f1;
mod p_value_uniformity;
mod precision;
mod precision_at_budget;
mod precision_at_n;
mod recall;
mod recall_at_k;
mod rejection_rate;
mod severity;
mod severity_concordance;
mod top;

crate::metric::metrics! {
    crate::Case;
    ap::Ap,
    ap_balanced::ApBalanced,
    auprg::Auprg,
    auroc::Auroc,
    auroc_by_level::AurocByLevel,
    brier::Brier,
    ece::Ece,
    expected_cost::ExpectedCost,
    f1::F1,
    f_beta::FBeta,
    fdr::Fdr,
    fpr_at_95_tpr::FprAt95Tpr,
    g_mean::GMean,
    kendall_tau::KendallTau,
    mcc::Mcc,
    oracle_f1::OracleF1,
    p_value_uniformity::PValueUniformity,
    precision::Precision,
    precision_at_budget::PrecisionAtBudget,
    precision_at_n::PrecisionAtN,
    recall::Recall,
    recall_at_k::RecallAtK,
    rejection_rate::RejectionRate,
    severity_concordance::SeverityConcordance,
}
