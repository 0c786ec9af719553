//! Fast numeric parts that know nothing of anomalies: statistics, products, neighbours, clusters, kernels,
//! decompositions, sorting, probabilities.

pub mod distributions;
pub mod floor;
pub mod kernel_matrix;
pub mod kmeans;
pub mod linalg;
pub mod neighbors;
pub mod order;
pub mod product;
pub mod ranking;
pub mod smo;
pub mod special;
pub mod stats;
mod wide;
