//! One definition of parameters feeds everything: JSON schema, command line help, checks, docs.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Error, Result, nearest_name};

/// Plain data with defaults, a schema and a serialised form.
///
/// Bounds stand in the schema (`#[schemars(range(min = 1, max = 10_000))]`) and are enforced from there; types
/// derive `Serialize`, `Deserialize` and `JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
pub trait Params:
    Serialize + DeserializeOwned + JsonSchema + Default + Clone + Send + Sync + std::fmt::Debug + 'static
{
    /// Conditions between parameters that a schema cannot say.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// The JSON schema of `P`.
pub fn params_schema<P: Params>() -> Value {
    schemars::schema_for!(P).to_value()
}

/// Checks every bound of the schema, then [`Params::check`].
pub fn check_params<P: Params>(owner: &str, params: &P) -> Result<()> {
    let value = serde_json::to_value(params).map_err(|e| Error::BadParameter {
        name: owner.into(),
        got: e.to_string(),
        want: "plain data".into(),
    })?;
    let schema = params_schema::<P>();
    check_value(&value, &schema, &schema, "")?;
    params.check()
}

/// Reads parameters from JSON: unknown names, wrong types and values out of range are errors that name what is
/// allowed; what is not given takes its default.
pub fn params_from_json<P: Params>(owner: &str, value: &Value) -> Result<P> {
    let schema = params_schema::<P>();
    let given = match value {
        Value::Null => &Map::new(),
        Value::Object(map) => map,
        other => {
            return Err(Error::BadParameter {
                name: owner.into(),
                got: other.to_string(),
                want: "a table of name = value".into(),
            });
        }
    };
    let known: Vec<String> = properties(&schema).map(|p| p.keys().cloned().collect()).unwrap_or_default();
    for (name, value) in given {
        if !known.contains(name) {
            return Err(Error::UnknownParameter { owner: owner.into(), name: name.clone(), valid: known });
        }
        if let Some(property) = properties(&schema).and_then(|p| p.get(name)) {
            check_value(value, property, &schema, name)?;
        }
    }
    let params: P =
        serde_json::from_value(Value::Object(given.clone())).map_err(|e| Error::BadParameter {
            name: owner.into(),
            got: Value::Object(given.clone()).to_string(),
            want: e.to_string(),
        })?;
    check_params(owner, &params)?;
    Ok(params)
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// The part of JSON Schema that parameter types use: type, bounds, enumerations, nested objects, `$ref`.
fn check_value(value: &Value, schema: &Value, root: &Value, name: &str) -> Result<()> {
    let refuse = |want: String| Err(Error::BadParameter { name: name.into(), got: value.to_string(), want });
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let at = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return at.map_or(Ok(()), |target| check_value(value, target, root, name));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(key).and_then(Value::as_array) {
            if options.iter().any(|option| check_value(value, option, root, name).is_ok()) {
                return Ok(());
            }
            let names = choices(schema, root);
            if !names.is_empty() {
                let near = value.as_str().and_then(|v| nearest_name(v, names.iter().map(String::as_str)));
                let hint = near.map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default();
                return refuse(format!("one of {}{hint}", names.join(", ")));
            }
            return options.first().map_or(Ok(()), |option| check_value(value, option, root, name));
        }
    }
    if let Some(only) = schema.get("const")
        && value != only
    {
        return refuse(only.to_string());
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return refuse(format!("one of {}", choices(schema, root).join(", ")));
    }
    if let Some(want) = schema.get("type") {
        let ok = match want {
            Value::String(kind) => has_type(value, kind),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(|kind| has_type(value, kind)),
            _ => true,
        };
        if !ok {
            return refuse(range_text(schema));
        }
    }
    if let Some(number) = value.as_f64() {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let inside = bound("minimum").is_none_or(|b| number >= b)
            && bound("maximum").is_none_or(|b| number <= b)
            && bound("exclusiveMinimum").is_none_or(|b| number > b)
            && bound("exclusiveMaximum").is_none_or(|b| number < b);
        if !inside {
            return refuse(range_text(schema));
        }
    }
    if let (Some(object), Some(properties)) = (value.as_object(), properties(schema)) {
        for (key, inner) in object {
            let path = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            if let Some(schema) = properties.get(key) {
                check_value(inner, schema, root, &path)?;
            }
        }
    }
    if let (Some(list), Some(items)) = (value.as_array(), schema.get("items")) {
        for (i, inner) in list.iter().enumerate() {
            check_value(inner, items, root, &format!("{name}[{i}]"))?;
        }
    }
    Ok(())
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// The names an enumeration allows, from `enum` or from `oneOf` of constants.
fn choices(schema: &Value, root: &Value) -> Vec<String> {
    let schema = match schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).unwrap_or(schema),
        None => schema,
    };
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let mut names: Vec<String> =
        schema.get("enum").and_then(Value::as_array).into_iter().flatten().map(text).collect();
    for key in ["oneOf", "anyOf"] {
        for option in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            match option.get("const") {
                Some(name) => names.push(text(name)),
                None => names.extend(choices(option, root)),
            }
        }
    }
    names
}

fn range_text(schema: &Value) -> String {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "value".into(),
    };
    let kind = match kind.as_str() {
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "boolean" => "true or false",
        other => other,
    }
    .to_owned();
    let bound = |key: &str, words: &str| schema.get(key).map(|b| format!("{words} {b}"));
    let bounds: Vec<String> = [
        bound("minimum", "at least"),
        bound("exclusiveMinimum", "above"),
        bound("maximum", "at most"),
        bound("exclusiveMaximum", "below"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if bounds.is_empty() { kind } else { format!("{kind}, {}", bounds.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Demo {
        #[schemars(range(min = 1, max = 10))]
        n: usize,
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
        share: f64,
        take: Take,
        limit: Option<u32>,
    }
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Take {
        Mean,
        /// Documented variants become `oneOf` in the schema.
        Largest,
    }
    impl Default for Demo {
        fn default() -> Self {
            Self { n: 5, share: 0.5, take: Take::Mean, limit: None }
        }
    }
    impl Params for Demo {}

    fn message(value: Value) -> String {
        params_from_json::<Demo>("demo", &value).map_or_else(|e| e.to_string(), |p| format!("{p:?}"))
    }

    #[test]
    fn names_what_is_allowed() {
        assert_eq!(
            message(json!({"n": 0})),
            "parameter `n` is 0; it must be a whole number, at least 1 and at most 10"
        );
        assert_eq!(
            message(json!({"share": 1.0})),
            "parameter `share` is 1.0; it must be a number, at least 0.0 and below 1.0"
        );
        assert_eq!(message(json!({"m": 1})), "`demo` has no parameter `m`; it has: n, share, take, limit");
        assert_eq!(
            message(json!({"take": "larges"})),
            "parameter `take` is \"larges\"; it must be one of mean, largest (did you mean `largest`?)"
        );
        assert!(message(json!({"n": "x"})).contains("must be a whole number"));
        assert_eq!(
            params_from_json::<Demo>("demo", &json!({"take": "largest", "limit": 3})).unwrap().limit,
            Some(3)
        );
        assert_eq!(params_from_json::<Demo>("demo", &Value::Null).unwrap(), Demo::default());
    }

    #[test]
    fn refuses_what_rust_code_sets_out_of_range() {
        assert!(check_params("demo", &Demo { share: f64::NAN, ..Demo::default() }).is_err());
        assert!(check_params("demo", &Demo { n: 11, ..Demo::default() }).is_err());
        assert!(check_params("demo", &Demo::default()).is_ok());
    }
}
