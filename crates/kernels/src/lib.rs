//! Fast numeric parts that know nothing of anomalies: statistics, products, neighbours, kernels, decompositions,
//! sorting.

pub mod kernel_matrix;
pub mod linalg;
pub mod neighbors;
pub mod order;
pub mod product;
pub mod smo;
pub mod stats;
mod wide;
