//! Finds what does not belong, says how sure it is, and says why.
//!
//! The facade over the parts: choose by name in [`registry`], compose in [`recipe`], run with [`scan`], [`fit`]
//! and [`score`].

pub mod combine;
pub mod drift;
pub mod model_file;
pub mod pipeline;
pub mod plan;
pub mod recipe;
pub mod registry;
pub mod series;

mod columns;
mod competing;
mod explain;
mod fit;
mod judge;
mod labelled;
mod model;
mod options;
mod pictures;
mod risk;
mod scan;
mod score;
mod states;

pub use competing::{InteractionsReport, RangesReport, interactions, risk_ranges};
pub use explain::explain_item;
pub use fit::fit;
pub use judge::judge;
pub use model::TrainedModel;
pub use options::{Input, Options, Stopwatch, read};
pub use risk::{Judged, Quality, RiskReport, risk_score};
pub use scan::scan;
pub use score::score;

pub use anomalyst_core as core;
pub use anomalyst_data as data;
pub use anomalyst_decide as decide;
pub use anomalyst_detect as detect;
pub use anomalyst_encode as encode;
pub use anomalyst_explain::{InteractionRanges, Interactions, PairRange};
pub use anomalyst_report as report;
pub use anomalyst_synth as synth;
pub use anomalyst_temporal as temporal;
