//! Fast numeric parts that know nothing of anomalies: statistics, products, neighbours, decompositions.

pub mod linalg;
pub mod neighbors;
pub mod product;
pub mod stats;
