//! The metrics of a run: every one that scores and labels allow, or those that were named.

use std::sync::LazyLock;

use anomalyst::core::{Error, Result, nearest_name};
use anomalyst_measure::{Case, MetricCard, MetricEntry, Need, items, series};
use serde_json::{Map, Value, json};

use crate::suite::Kind;

/// What a scorer that gives nothing but scores can be judged by.
const FROM_SCORES: [Need; 3] = [Need::Labels, Need::BothClasses, Need::Scores];

/// Metrics of sets of this kind that need only scores.
pub fn metrics_of(kind: Kind) -> &'static [&'static MetricEntry<Case>] {
    static OF_ITEMS: LazyLock<Vec<&'static MetricEntry<Case>>> =
        LazyLock::new(|| items::METRICS.iter().filter(|entry| from_scores(entry.card)).collect());
    static OF_SERIES: LazyLock<Vec<&'static MetricEntry<Case>>> = LazyLock::new(|| {
        let points = items::METRICS.iter().filter(|entry| ["ap", "auroc"].contains(&entry.card.id));
        points.chain(series::METRICS).filter(|entry| from_scores(entry.card)).collect()
    });
    match kind {
        Kind::Table | Kind::Image => &OF_ITEMS,
        Kind::Series => &OF_SERIES,
    }
}

fn from_scores(card: &MetricCard) -> bool {
    card.needs.iter().all(|need| FROM_SCORES.contains(need))
}

/// The name a metric has in results: of points of a series the field writes AUC-PR, of images it says what was ranked.
pub fn name_in_results(kind: Kind, id: &str) -> String {
    match (kind, id) {
        (Kind::Series, "ap") => "auc_pr".into(),
        (Kind::Image, id) => format!("image_{id}"),
        (_, id) => id.into(),
    }
}

/// That every name is one of a metric for this kind.
pub(crate) fn check_names(kind: Kind, wanted: &[String]) -> Result<()> {
    for name in wanted {
        let known = || metrics_of(kind).iter().map(|entry| name_in_results(kind, entry.card.id));
        if !known().any(|id| id == *name) {
            let known: Vec<String> = known().collect();
            return Err(Error::Unknown {
                what: "metric",
                id: name.clone(),
                nearest: nearest_name(name, known.iter().map(String::as_str)).map(str::to_owned),
            });
        }
    }
    Ok(())
}

/// The values of the `wanted` metrics, of all where none is named.
pub(crate) fn measure(kind: Kind, case: &Case, wanted: &[String]) -> Result<Map<String, Value>> {
    let mut values = Map::new();
    for entry in metrics_of(kind) {
        let name = name_in_results(kind, entry.card.id);
        if wanted.is_empty() || wanted.contains(&name) {
            values.insert(name, json!(entry.default()?.measure(case)?));
        }
    }
    Ok(values)
}
