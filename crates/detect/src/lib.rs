//! Classical normality models, one file each.
//!
//! A method is its file, its `mod` line and its line in `methods!`; everything else (catalogue, command line, docs,
//! conformance tests) follows from there. `cargo xtask new detector ID` writes all three.

mod column_z_score;
mod ecod;
mod gaussian_mixture;
mod histogram;
mod isolation_forest;
mod k_nearest_neighbors;
mod kernel_density;
mod linear_one_class_svm;
mod local_outlier_factor;
mod one_class_svm;
mod pca;
mod random;
mod support_vectors;
mod svdd;

anomalyst_core::methods! {
    column_z_score::ColumnZScore,
    ecod::Ecod,
    gaussian_mixture::GaussianMixture,
    histogram::Histogram,
    isolation_forest::IsolationForest,
    k_nearest_neighbors::KNearestNeighbors,
    kernel_density::KernelDensity,
    linear_one_class_svm::LinearOneClassSvm,
    local_outlier_factor::LocalOutlierFactor,
    one_class_svm::OneClassSvm,
    pca::Pca,
    random::Random,
    svdd::Svdd,
}
