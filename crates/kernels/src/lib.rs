//! Fast numeric parts that know nothing of anomalies: statistics, products, neighbours, clusters, decompositions,
//! sorting.

pub mod floor;
pub mod kmeans;
pub mod linalg;
pub mod neighbors;
pub mod order;
pub mod product;
pub mod stats;
