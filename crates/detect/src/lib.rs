//! Classical normality models, one file each.
//!
//! A method is its file, its `mod` line and its line in `methods!`; everything else (catalogue, command line, docs,
//! conformance tests) follows from there. `cargo xtask new detector ID` writes all three.

mod co_occurrence;
mod column_z_score;
mod ecod;
mod gaussian_mixture;
mod histogram;
mod isolation_forest;
mod k_nearest_neighbors;
mod levels;
mod local_outlier_factor;
mod pca;
mod random;
mod rare_patterns;

anomalyst_core::methods! {
    co_occurrence::CoOccurrence,
    column_z_score::ColumnZScore,
    ecod::Ecod,
    gaussian_mixture::GaussianMixture,
    histogram::Histogram,
    isolation_forest::IsolationForest,
    k_nearest_neighbors::KNearestNeighbors,
    local_outlier_factor::LocalOutlierFactor,
    pca::Pca,
    random::Random,
    rare_patterns::RarePatterns,
}
