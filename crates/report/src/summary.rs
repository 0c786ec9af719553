//! The outcome for programs: one JSON value without the per-row arrays.

use anomalyst_core::Outcome;
use serde::Serialize;
use serde_json::{Map, Value};

/// Source, method, decision, findings, notices, timing and how to reproduce, as the core types name their fields.
///
/// `row` in findings is the position counted from 0; `name` is what the user calls the row. Numbers that the
/// program keeps in 32 bits are written in the shortest form that gives the same 32 bits again.
pub fn summary_json(outcome: &Outcome) -> Value {
    let mut map = Map::new();
    map.insert("source".into(), plain(&outcome.source));
    map.insert("method".into(), plain(&outcome.method));
    map.insert("decision".into(), plain(&outcome.decision));
    map.insert("findings".into(), plain(&outcome.findings));
    if outcome.is_series {
        map.insert("n_events".into(), plain(&outcome.n_events));
        map.insert("events".into(), plain(&outcome.events));
    }
    map.insert("notices".into(), plain(&outcome.notices));
    map.insert("timing".into(), plain(&outcome.timing));
    map.insert("reproduce".into(), plain(&outcome.reproduce));
    Value::Object(map)
}

/// Through text, because `serde_json::to_value` would widen 0.1 in 32 bits to 0.10000000149011612.
fn plain<T: Serialize>(part: &T) -> Value {
    serde_json::to_string(part).and_then(|text| serde_json::from_str(&text)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::outcome;

    #[test]
    fn holds_everything_but_the_rows() {
        let outcome = outcome();
        let value = summary_json(&outcome);
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["source", "method", "decision", "findings", "notices", "timing", "reproduce"]);
        assert_eq!(value["findings"].as_array().unwrap().len(), 12);
        let score = value["findings"][0]["score"].as_f64().unwrap();
        assert_eq!((score as f32).to_bits(), outcome.findings[0].score.to_bits());
        assert_eq!(score.to_string(), outcome.findings[0].score.to_string());
        assert!(value.to_string().len() < 40_000);
    }

    #[test]
    fn numbers_that_json_cannot_write_are_null() {
        let mut outcome = outcome();
        outcome.decision.threshold.value = f32::INFINITY;
        assert!(summary_json(&outcome)["decision"]["threshold"]["value"].is_null());
    }
}
