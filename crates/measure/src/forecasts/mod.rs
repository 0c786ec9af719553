//! Metrics of forecasts that are ensembles: samples of what may come, beside what came. One file each, over
//! [`Forecasts`].
//!
//! Start with `crps`; where dimensions depend on each other read `energy_score` and `variogram_score` beside it, and
//! see with [`power_table`] which of them would notice what at the size of your data.

mod crps;
mod energy_score;
mod ensembles;
mod power;
mod variogram_score;

pub use ensembles::Forecasts;
pub use power::{Flaw, PowerPlan, PowerRow, PowerSize, power_table};

crate::metric::metrics! {
    Forecasts;
    crps::Crps,
    energy_score::EnergyScore,
    variogram_score::VariogramScore,
}
