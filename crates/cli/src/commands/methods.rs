//! `anomalyst methods`: the catalogue.

use std::fmt::Write;
use std::process::ExitCode;

use anomalyst::combine::CombinatorEntry;
use anomalyst::core::{Entry, Handles};
use anomalyst::recipe::{Modality, Recipe};
use anomalyst::registry::{self, Task};
use serde_json::{Value, json};

use crate::args::MethodsArgs;
use crate::console;

pub(crate) fn run(args: &MethodsArgs) -> anyhow::Result<ExitCode> {
    let text = match (&args.name, args.json) {
        (None, false) => catalogue(),
        (None, true) => serde_json::to_string_pretty(&catalogue_json())?,
        (Some(name), as_json) => match registry::method(name) {
            Ok(entry) if as_json => serde_json::to_string_pretty(&method_json(entry))?,
            Ok(entry) => page(entry),
            Err(_) => {
                let recipe = registry::resolve(name, Task::Scan, Modality::Table)?;
                if as_json { serde_json::to_string_pretty(&recipe)? } else { recipe_page(&recipe)? }
            }
        },
    };
    console::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn catalogue() -> String {
    let mut text = String::from("Methods (--method NAME; `anomalyst methods NAME` says more)\n\n");
    let width = registry::methods().iter().map(|entry| entry.card.id.len()).max().unwrap_or(0);
    for of_series in [false, true] {
        if of_series {
            text.push_str(
                "Methods of points in order (--as series; the methods above judge windows of points)\n\n",
            );
        }
        for entry in registry::methods().iter().filter(|entry| entry.card.is_of_series() == of_series) {
            let card = entry.card;
            let _ = writeln!(text, "  {:width$}  {}", card.id, card.title);
            let _ = writeln!(text, "  {:width$}  {}", "", card.summary);
            let _ = writeln!(text, "  {:width$}  {}; {}", "", needs(entry), cost(entry));
            let _ = writeln!(text, "  {:width$}  {}\n", "", card.paper);
        }
    }
    text.push_str("Recipes\n\n");
    text.push_str(
        "  auto  stands for auto_scan in `scan` and auto_fit in `fit`, of series for auto_series\n\n",
    );
    for recipe in registry::recipes() {
        let members: Vec<&str> = recipe.members.iter().map(|member| member.detector.kind.as_str()).collect();
        let _ = writeln!(text, "  {:width$}  {}", recipe.name, recipe.title);
        let _ = writeln!(text, "  {:width$}  {}", "", recipe.summary);
        let _ = writeln!(text, "  {:width$}  {} of {}", "", recipe.modality.as_str(), members.join(", "));
        let _ = writeln!(text, "  {:width$}  {}\n", "", recipe.paper);
    }
    text.push_str("Combinations (`kind` under `[combine]` of a recipe, or --set combine.kind=NAME)\n\n");
    for entry in registry::combinators() {
        let card = entry.card;
        let _ = writeln!(text, "  {:width$}  {}", card.id, card.title);
        let _ = writeln!(text, "  {:width$}  {}", "", card.summary);
        let _ = writeln!(text, "  {:width$}  {}\n", "", card.paper);
    }
    text
}

fn needs(entry: &Entry) -> String {
    let takes = |what: &str, handles: Handles| match handles {
        Handles::Native => format!("takes {what}"),
        Handles::Refuses => format!("{what} encoded for it"),
    };
    let labels = if entry.learns_from_labels { "learns from labels (--label), " } else { "" };
    let missing = takes("missing values", entry.card.missing);
    format!("{labels}{missing}, {}", takes("categories", entry.card.codes))
}

fn cost(entry: &Entry) -> String {
    format!("fit {}, score {} a row", entry.card.cost.fit.as_str(), entry.card.cost.score.as_str())
}

fn page(entry: &Entry) -> String {
    let card = entry.card;
    let mut text = format!("{}: {}\n\n{}\n", card.id, card.title, card.summary);
    let _ = writeln!(text, "\nSource      {}", card.paper);
    let _ = writeln!(text, "Handles     {}", needs(entry));
    let _ = writeln!(text, "Cost        {}", cost(entry));
    let holds: Vec<String> =
        card.holds.iter().filter_map(|h| serde_json::to_value(h).ok()).map(|h| text_of(&h)).collect();
    let _ = writeln!(
        text,
        "Unchanged by {}",
        if holds.is_empty() { "nothing".into() } else { holds.join(", ").replace('_', " ") }
    );
    let _ = writeln!(text, "Needs       at least {} rows", card.min_items);
    let schema = (entry.schema)();
    let defaults = (entry.from_json)(&Value::Null).map(|d| d.params()).unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        text.push_str("\nNo parameters.\n");
        return text;
    };
    text.push_str("\nParameters (--set NAME=VALUE)\n");
    let on_clean = registry::on_clean(entry);
    for (name, property) in properties {
        let _ = write!(text, "\n  {name} = {}", defaults.get(name).map(text_of).unwrap_or_default());
        let _ = match on_clean.get(name) {
            Some(value) => writeln!(text, "; {} in `fit`", text_of(value)),
            None => writeln!(text),
        };
        for line in property.get("description").and_then(Value::as_str).unwrap_or_default().lines() {
            let _ = writeln!(text, "      {line}");
        }
        let allowed = allowed(property, &schema);
        if !allowed.is_empty() {
            let _ = writeln!(text, "      {allowed}");
        }
    }
    text
}

/// Bounds or choices, in words.
fn allowed(property: &Value, root: &Value) -> String {
    let property = match property.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).unwrap_or(property),
        None => property,
    };
    let options = property.get("oneOf").or_else(|| property.get("anyOf")).and_then(Value::as_array);
    let mut names: Vec<String> =
        options.into_iter().flatten().filter_map(|option| option.get("const")).map(text_of).collect();
    names.extend(property.get("enum").and_then(Value::as_array).into_iter().flatten().map(text_of));
    if !names.is_empty() {
        let is =
            |kind: &str| options.into_iter().flatten().any(|option| option.get("type") == Some(&json!(kind)));
        let more = if is("array") {
            ", or another list"
        } else if is("object") {
            ", or a table"
        } else {
            ""
        };
        return format!("one of {}{more}", names.join(", "));
    }
    let bound = |key: &str, word: &str| property.get(key).map(|b| format!("{word} {b}"));
    let bounds: Vec<String> = [
        bound("minimum", "at least"),
        bound("exclusiveMinimum", "above"),
        bound("maximum", "at most"),
        bound("exclusiveMaximum", "below"),
    ]
    .into_iter()
    .flatten()
    .collect();
    bounds.join(", ")
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "chosen by the method".into(),
        other => other.to_string(),
    }
}

fn recipe_page(recipe: &Recipe) -> anyhow::Result<String> {
    Ok(format!(
        "{}: {}\n\n{}\nWhy: {}\n\n{}",
        recipe.name,
        recipe.title,
        recipe.summary,
        recipe.why,
        recipe.to_toml()?
    ))
}

fn method_json(entry: &Entry) -> Value {
    json!({ "card": entry.card, "learns_from_labels": entry.learns_from_labels, "parameters": (entry.schema)() })
}

fn combination_json(entry: &CombinatorEntry) -> Value {
    json!({ "card": entry.card, "parameters": (entry.schema)() })
}

fn catalogue_json() -> Value {
    json!({
        "methods": registry::methods().iter().map(method_json).collect::<Vec<_>>(),
        "recipes": registry::recipes(),
        "combinations": registry::combinators().iter().map(combination_json).collect::<Vec<_>>(),
    })
}
