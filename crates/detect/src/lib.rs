//! Classical normality models, one file each.
//!
//! A method is its file, its `mod` line and its line in `methods!`; everything else (catalogue, command line, docs,
//! conformance tests) follows from there. `cargo xtask new detector ID` writes all three.

mod angle_based;
mod bayesian_mixture;
pub mod benford;
mod cblof;
mod co_occurrence;
mod column_z_score;
mod connectivity_outlier_factor;
mod copod;
mod deviation_network;
mod dte_np;
mod ecod;
mod ensemble;
mod feature_bagging;
mod gaussian_mixture;
mod gradient_boosting;
mod hbos;
mod influenced_outlierness;
mod inne;
mod isolation_forest;
mod k_nearest_neighbors;
mod kernel_density;
mod kernel_pca;
mod labelled;
mod levels;
mod linear_one_class_svm;
mod local_outlier_factor;
mod local_outlier_probability;
mod loda;
mod lscp;
mod mahalanobis;
mod mcd;
mod median_absolute_deviation;
mod odin;
mod one_class_svm;
mod pca;
mod places;
mod quadratic;
mod random;
mod random_projection_outlyingness;
mod rare_patterns;
mod robust_pca;
mod rs_hash;
mod sci_forest;
mod support_vectors;
mod svdd;
mod wrong_numbers;
mod xgbod;

pub use ensemble::Base;

anomalyst_core::methods! {
    angle_based::AngleBased,
    bayesian_mixture::BayesianMixture,
    benford::Benford,
    cblof::Cblof,
    co_occurrence::CoOccurrence,
    column_z_score::ColumnZScore,
    connectivity_outlier_factor::ConnectivityOutlierFactor,
    copod::Copod,
    deviation_network::DeviationNetwork,
    dte_np::DteNp,
    ecod::Ecod,
    feature_bagging::FeatureBagging,
    gaussian_mixture::GaussianMixture,
    gradient_boosting::GradientBoosting,
    hbos::Hbos,
    influenced_outlierness::InfluencedOutlierness,
    inne::Inne,
    isolation_forest::IsolationForest,
    k_nearest_neighbors::KNearestNeighbors,
    kernel_density::KernelDensity,
    kernel_pca::KernelPca,
    linear_one_class_svm::LinearOneClassSvm,
    local_outlier_factor::LocalOutlierFactor,
    local_outlier_probability::LocalOutlierProbability,
    loda::Loda,
    lscp::Lscp,
    mahalanobis::Mahalanobis,
    mcd::Mcd,
    median_absolute_deviation::MedianAbsoluteDeviation,
    odin::Odin,
    one_class_svm::OneClassSvm,
    pca::Pca,
    random::Random,
    random_projection_outlyingness::RandomProjectionOutlyingness,
    rare_patterns::RarePatterns,
    robust_pca::RobustPca,
    rs_hash::RsHash,
    sci_forest::SciForest,
    svdd::Svdd,
    wrong_numbers::WrongNumbers,
    xgbod::Xgbod,
}
