//! Classical normality models, one file each.
//!
//! A method is its file, its `mod` line and its line in `methods!`; everything else (catalogue, command line, docs,
//! conformance tests) follows from there. `cargo xtask new detector ID` writes all three.

mod angle_based;
mod column_z_score;
mod connectivity_outlier_factor;
mod dte_np;
mod ecod;
mod gaussian_mixture;
mod histogram;
mod influenced_outlierness;
mod inne;
mod isolation_forest;
mod k_nearest_neighbors;
mod local_outlier_factor;
mod local_outlier_probability;
mod odin;
mod pca;
mod places;
mod random;

anomalyst_core::methods! {
    angle_based::AngleBased,
    column_z_score::ColumnZScore,
    connectivity_outlier_factor::ConnectivityOutlierFactor,
    dte_np::DteNp,
    ecod::Ecod,
    gaussian_mixture::GaussianMixture,
    histogram::Histogram,
    influenced_outlierness::InfluencedOutlierness,
    inne::Inne,
    isolation_forest::IsolationForest,
    k_nearest_neighbors::KNearestNeighbors,
    local_outlier_factor::LocalOutlierFactor,
    local_outlier_probability::LocalOutlierProbability,
    odin::Odin,
    pca::Pca,
    random::Random,
}
