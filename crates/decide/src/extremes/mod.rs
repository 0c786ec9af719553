//! Extreme values: how often scores exceed a level that few or none of those seen do.
//!
//! [`GeneralizedPareto`] is the law of excesses over a high level, [`PredictiveTail`] the same averaged over what it may
//! be, [`PeaksOverThreshold`] the two steps from scores to tail probabilities and return levels, [`Clustering`] tells
//! events from points, and [`Spot`] does all of it for one score after the other.

mod dependence;
mod pareto;
mod peaks;
mod predictive;
mod spot;

pub use dependence::{Cluster, Clustering, clusters, extremal_index};
pub use pareto::GeneralizedPareto;
pub use peaks::PeaksOverThreshold;
pub(crate) use peaks::check_ends;
pub use predictive::{Censored, PredictiveTail};
pub use spot::{Alarm, Spot, SpotOptions};
