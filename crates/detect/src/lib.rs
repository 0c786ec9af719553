//! Classical normality models, one file each.
//!
//! A method is its file, its `mod` line and its line in `methods!`; everything else (catalogue, command line, docs,
//! conformance tests) follows from there. `cargo xtask new detector ID` writes all three.

mod bayesian_mixture;
mod cblof;
mod column_z_score;
mod copod;
mod ecod;
mod gaussian_mixture;
mod hbos;
mod isolation_forest;
mod k_nearest_neighbors;
mod local_outlier_factor;
mod loda;
mod median_absolute_deviation;
mod pca;
mod quadratic;
mod random;
mod rs_hash;
mod sci_forest;

anomalyst_core::methods! {
    bayesian_mixture::BayesianMixture,
    cblof::Cblof,
    column_z_score::ColumnZScore,
    copod::Copod,
    ecod::Ecod,
    gaussian_mixture::GaussianMixture,
    hbos::Hbos,
    isolation_forest::IsolationForest,
    k_nearest_neighbors::KNearestNeighbors,
    local_outlier_factor::LocalOutlierFactor,
    loda::Loda,
    median_absolute_deviation::MedianAbsoluteDeviation,
    pca::Pca,
    random::Random,
    rs_hash::RsHash,
    sci_forest::SciForest,
}
