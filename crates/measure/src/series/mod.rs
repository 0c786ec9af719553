//! Metrics of points in time order. One file each; where a case holds several series, the mean over those that have a
//! value, unless the metric's page says otherwise.

mod affiliation;
mod affiliation_precision;
mod affiliation_recall;
mod alarms_per_day;
mod buffers;
mod care;
mod detection_delay;
mod event_f1;
#[cfg(test)]
mod fixtures;
mod nab;
mod nab_low_fn;
mod nab_low_fp;
mod nab_standard;
mod oracle_point_adjusted_f1;
mod pa_k;
mod pate;
mod point_adjusted;
mod point_adjusted_f1;
mod range_precision;
mod range_recall;
mod ranges;
mod runs;
mod vus;
mod vus_pr;
mod vus_roc;

pub use detection_delay::Unit;
pub use ranges::{Bias, Cardinality};

crate::metric::metrics! {
    crate::Case;
    affiliation_precision::AffiliationPrecision,
    affiliation_recall::AffiliationRecall,
    alarms_per_day::AlarmsPerDay,
    care::Care,
    detection_delay::DetectionDelay,
    event_f1::EventF1,
    nab_low_fn::NabLowFn,
    nab_low_fp::NabLowFp,
    nab_standard::NabStandard,
    oracle_point_adjusted_f1::OraclePointAdjustedF1,
    pa_k::PaK,
    pate::Pate,
    point_adjusted_f1::PointAdjustedF1,
    range_precision::RangePrecision,
    range_recall::RangeRecall,
    vus_pr::VusPr,
    vus_roc::VusRoc,
}
