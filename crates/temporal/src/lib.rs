//! Normality models of points in order, one file each.
//!
//! They take [`Sequences`](anomalyst_core::LayoutKind::Sequences): one row per point, one column per channel. A method is
//! its file, its `mod` line and its line in `methods!`, as in the crate of methods of rows. What a method says of one
//! channel becomes one score per point in [`per_channel`].

mod damp;
mod matrix_profile;
mod pan_matrix_profile;
mod per_channel;
mod rolling_z_score;
mod shapes;
mod spectral_residual;

anomalyst_core::methods! {
    damp::Damp,
    matrix_profile::MatrixProfile,
    pan_matrix_profile::PanMatrixProfile,
    rolling_z_score::RollingZScore,
    spectral_residual::SpectralResidual,
}
