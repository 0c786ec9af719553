//! Normality models of points in order, one file each.
//!
//! They take [`Sequences`](anomalyst_core::LayoutKind::Sequences): one row per point, one column per channel. A method is
//! its file, its `mod` line and its line in `methods!`, as in the crate of methods of rows. What a method says of one
//! channel becomes one score per point in `per_channel`.

mod autoregressive;
mod bayesian_change;
mod boosted_forecast;
mod correlated_majority;
mod cusum;
mod damp;
mod errors;
mod ewma;
mod fourier_residual;
mod holt_winters;
mod joint_matrix_profile;
mod k_shape;
mod kalman_trend;
mod kernel_change_points;
mod matrix_profile;
mod normal_model;
mod pan_matrix_profile;
mod parts;
mod pelt;
mod per_channel;
mod polynomial;
mod residuals;
mod rolling_mad;
mod rolling_z_score;
mod sand;
mod seasonal_hybrid_esd;
mod shapes;
mod signature_mahalanobis;
mod spectral_residual;
mod stl_residual;
mod theta;
#[cfg(test)]
mod trials;
mod vector_autoregression;

anomalyst_core::methods! {
    autoregressive::Autoregressive,
    bayesian_change::BayesianChange,
    boosted_forecast::BoostedForecast,
    correlated_majority::CorrelatedMajority,
    cusum::Cusum,
    damp::Damp,
    ewma::Ewma,
    fourier_residual::FourierResidual,
    holt_winters::HoltWinters,
    joint_matrix_profile::JointMatrixProfile,
    k_shape::KShape,
    kalman_trend::KalmanTrend,
    kernel_change_points::KernelChangePoints,
    matrix_profile::MatrixProfile,
    pan_matrix_profile::PanMatrixProfile,
    pelt::Pelt,
    polynomial::Polynomial,
    rolling_mad::RollingMad,
    rolling_z_score::RollingZScore,
    sand::Sand,
    seasonal_hybrid_esd::SeasonalHybridEsd,
    signature_mahalanobis::SignatureMahalanobis,
    spectral_residual::SpectralResidual,
    stl_residual::StlResidual,
    theta::Theta,
    vector_autoregression::VectorAutoregression,
}
