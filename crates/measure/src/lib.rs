//! Metrics that cannot flatter: each with its range, its random level on the very data, and its known weakness.
//!
//! A metric is plain parameters with a [`MetricCard`] (see [`Metric`]); it is computed from an input that passed a
//! gate: a [`Case`] for items and series. Programs use the registries (`items::METRICS` and its like in each family).
//! Start reading at [`items::Auroc`].

mod card;
mod case;
pub mod compare;
mod curve;
pub mod forecasts;
pub mod groups;
pub mod items;
mod metric;
mod ranking;
pub mod series;

pub use card::{Better, MetricCard, Need, Subject};
pub use case::{Case, SeriesView};
pub use metric::{AnyMetric, Curve, Measurable, Metric, MetricEntry, MetricExt};
pub use ranking::{Ranking, Step};
