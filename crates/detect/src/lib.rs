//! Classical normality models, one file each.
//!
//! A method is its file and one line in [`METHODS`]; everything else (catalogue, command line, docs, conformance
//! tests) follows from there.

use anomalyst_core::Entry;

mod column_z_score;
mod ecod;
mod gaussian_mixture;
mod histogram;
mod isolation_forest;
mod k_nearest_neighbors;
mod local_outlier_factor;
mod pca;
mod random;

pub use column_z_score::ColumnZScore;
pub use ecod::Ecod;
// pub use gaussian_mixture::GaussianMixture;
pub use histogram::Histogram;
pub use isolation_forest::IsolationForest;
// pub use k_nearest_neighbors::KNearestNeighbors;
// pub use local_outlier_factor::LocalOutlierFactor;
// pub use pca::Pca;
pub use random::Random;

/// Every method here, sorted by id.
pub const METHODS: &[Entry] = &[
    Entry::of::<ColumnZScore>(),
    Entry::of::<Ecod>(),
    // Entry::of::<GaussianMixture>(),
    Entry::of::<Histogram>(),
    Entry::of::<IsolationForest>(),
    // Entry::of::<KNearestNeighbors>(),
    // Entry::of::<LocalOutlierFactor>(),
    // Entry::of::<Pca>(),
    Entry::of::<Random>(),
];
