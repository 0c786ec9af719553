//! Says why an item got its verdict.
//!
//! Everything here knows tables, scores and contributions, never a detector: a [`Subject`] is whatever scores
//! tables, a [`Reference`] is what is usual, and an [`Explainer`] compares a row with it. [`profiles`] and
//! [`row_map`] draw the background for the report. `docs/explanations.md` says what each piece of evidence
//! means and what it does not.

mod ablation;
mod cells;
mod counterfactual;
mod explainer;
mod interactions;
mod profiles;
mod reference;
mod row_map;
mod sample;
mod sentence;
pub mod series;
mod subject;
mod usual;
mod view;

pub use explainer::{Depth, Explainer};
pub use interactions::{InteractionRanges, Interactions, PairRange};
pub use profiles::profiles;
pub use reference::Reference;
pub use row_map::row_map;
pub use subject::Subject;
