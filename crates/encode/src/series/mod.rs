//! Series to features: single points in order, or windows of points.
//!
//! Every channel is measured in its own unit from its own centre, both learned at the fit. Gaps are bridged by the line
//! between their ends for the encoding only; what is scored is still every point.

mod calendar;
mod change;
mod channels;
mod describe;
mod points;
mod windows;

pub use change::Change;
pub use channels::ChannelScale;
pub use describe::Describe;
pub use points::{FittedPointEncoder, PointEncoder};
pub use windows::{FittedWindowEncoder, Normalize, Spread, WindowEncoder};
