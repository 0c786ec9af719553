//! Metrics that cannot flatter: each with its range, its random level on the very data, and its known weakness.
//!
//! A metric is plain parameters with a [`MetricCard`] (see [`Metric`]); it is computed from an input that passed a
//! gate: a [`Case`] for items and series, a [`pixels::MapSet`] for maps of scores, a
//! [`groups::Grouping`] for groups, [`forecasts::Forecasts`] for forecasts. Programs use the registries
//! (`items::METRICS`, `series::METRICS` and their like). Start reading at [`items::Auroc`]; for points in time order
//! at [`series::VusPr`], whose window is best set to the [`dominant_period`] of the series.

mod card;
mod case;
pub mod compare;
mod curve;
pub mod forecasts;
pub mod groups;
pub mod items;
mod memo;
mod metric;
pub mod noise;
pub mod pixels;
mod ranking;
pub mod series;

pub use anomalyst_kernels::period::dominant_period;
pub use card::{Better, MetricCard, Need, Subject};
pub use case::{Case, SeriesView};
pub use metric::{AnyMetric, Curve, Measurable, Metric, MetricEntry, MetricExt, Redraw};
pub use ranking::{Ranking, Step};
