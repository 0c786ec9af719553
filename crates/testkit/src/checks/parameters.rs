//! Cards, parameters and schemas.

use anomalyst_core::Entry;
use serde_json::{Value, json};

/// The card is filled in and the parameters are documented.
pub fn card_is_complete(entry: &Entry) {
    let card = entry.card;
    assert!(
        card.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
        "id is snake_case"
    );
    assert!(!card.title.is_empty() && card.title.len() <= 60, "a title of a few words");
    assert!(card.summary.ends_with('.') && card.summary.len() > 20, "a summary sentence");
    assert!(!card.paper.is_empty() && !card.accepts.is_empty());
    for (name, property) in properties(&(entry.schema)()) {
        let documented = property.get("description").is_some() || property.get("$ref").is_some();
        assert!(documented, "parameter `{name}` has no description");
        let bounds = property.get("minimum").or(property.get("maximum"));
        assert!(bounds.is_some() || !is_number(property), "number `{name}` has no bound");
    }
}

/// Defaults pass the gate, and parameters survive JSON.
pub fn parameters_round_trip(entry: &Entry) {
    let defaults = (entry.from_json)(&Value::Null).unwrap().params();
    let again = (entry.from_json)(&defaults).unwrap().params();
    assert_eq!(defaults, again);
    assert!(defaults.is_object());
}

/// Unknown names and values beyond each bound are refused by name.
pub fn bad_parameters_are_refused(entry: &Entry) {
    let refused = |name: &str, value: Value| match (entry.from_json)(&json!({ name: value.clone() })) {
        Err(error) => assert!(error.to_string().contains(name), "`{error}` does not name `{name}`"),
        Ok(_) => panic!("`{name}` = {value} was accepted"),
    };
    refused("no_such_parameter", json!(1));
    for (name, property) in properties(&(entry.schema)()) {
        let bound = |key: &str| property.get(key).and_then(Value::as_f64);
        let step = |v: f64| if is_integer(property) { json!(v as i64) } else { json!(v) };
        bound("minimum").into_iter().for_each(|b| refused(name, step(b - 1.0)));
        bound("maximum").into_iter().for_each(|b| refused(name, step(b + 1.0)));
        refused(name, json!({ "an": "object" }));
        refused(name, json!("no such word"));
    }
}

/// Parameters that differ from the defaults in one place each: every word of every choice, both truths, for numbers
/// the least and one more, and lists of both.
pub(super) fn variants(entry: &Entry) -> Vec<Value> {
    let schema = (entry.schema)();
    let mut all = vec![json!({})];
    for (name, property) in properties(&schema) {
        let least = property.get("minimum").and_then(Value::as_f64);
        let values: Vec<Value> = match least {
            Some(least) if is_integer(property) => vec![json!(least as i64), json!(least as i64 + 1)],
            Some(least) => vec![json!(least)],
            None if property.get("type") == Some(&json!("boolean")) => vec![json!(true), json!(false)],
            None if property.get("type") == Some(&json!("array")) => {
                let least = property.pointer("/items/minimum").and_then(Value::as_i64);
                least.map(|least| json!([least, least + 1])).into_iter().collect()
            }
            None => words(&schema, property),
        };
        assert!(!values.is_empty(), "no value of `{name}` can be told from its schema");
        all.extend(values.into_iter().map(|value| json!({ name: value })));
    }
    all
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_integer(property: &Value) -> bool {
    property["type"].to_string().contains("integer")
}

fn is_number(property: &Value) -> bool {
    is_integer(property) || property["type"].to_string().contains("number")
}

/// The words of a choice, which stand in the schema's definitions.
fn words(schema: &Value, property: &Value) -> Vec<Value> {
    let target = property["$ref"].as_str().and_then(|path| schema.pointer(path.trim_start_matches('#')));
    let choice = target.unwrap_or(property);
    let listed = choice["enum"].as_array().into_iter().flatten();
    let described = choice["oneOf"].as_array().into_iter().flatten().filter_map(|one| one.get("const"));
    listed.chain(described).cloned().collect()
}
