//! Fast numeric parts that know nothing of anomalies: statistics, products, neighbours, clusters, mixtures,
//! kernels, decompositions, shapes, logistic and lagged regression, sorting, periods, change points, signatures, matrix profiles,
//! boosted trees, Fourier transforms, probabilities, random draws.

pub mod beta;
pub mod boosted_trees;
pub mod change_points;
pub mod descent;
pub mod distributions;
pub mod draw;
pub mod floor;
pub mod fourier;
pub mod k_shape;
pub mod kernel_features;
pub mod kernel_matrix;
pub mod kernel_segments;
pub mod kmeans;
pub mod lagged;
pub mod lanes;
pub mod linalg;
pub mod logistic;
pub mod matrix_profile;
pub mod minimize;
pub mod mixture;
pub mod neighbors;
pub mod order;
pub mod period;
pub mod product;
pub mod ranking;
pub mod rolling;
pub mod signature;
pub mod smo;
pub mod special;
pub mod stats;
pub mod stl;
mod wide;
