//! Metrics of groups: clusters of items, log messages by template. One file each, over a [`Grouping`].
//!
//! `nmi`, `ari` and `clustering_f1` compare groups whatever they are called; `grouping_accuracy` and `fga` ask for
//! groups found exactly, by items and by groups; `parsing_accuracy` and `fta` compare the text of templates.

mod ari;
mod clustering_f1;
mod fga;
mod fta;
mod grouping;
mod grouping_accuracy;
mod hungarian;
mod nmi;
mod parsing_accuracy;

pub use grouping::Grouping;

crate::metric::metrics! {
    Grouping;
    ari::Ari,
    clustering_f1::ClusteringF1,
    fga::Fga,
    fta::Fta,
    grouping_accuracy::GroupingAccuracy,
    nmi::Nmi,
    parsing_accuracy::ParsingAccuracy,
}

/// The harmonic mean of precision `hits / n_found` and recall `hits / n_true`.
fn f1(hits: u64, n_found: u64, n_true: u64) -> f64 {
    2.0 * hits as f64 / (n_found + n_true) as f64
}
