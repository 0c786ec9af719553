//! Metrics of points in time order. One file each; where a case holds several series, the mean over those that have a
//! value, unless the metric's page says otherwise.

#[cfg(test)]
mod fixtures;
mod runs;
mod vus;
mod vus_pr;
mod vus_roc;

crate::metric::metrics! {
    crate::Case;
    vus_pr::VusPr,
    vus_roc::VusRoc,
}
