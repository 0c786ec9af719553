//! Objects into cells: nested objects by dotted names, arrays as text.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::block::Value;

/// What stands under a name.
pub(crate) enum Cell<'a> {
    /// `null`, which makes the name known.
    Null,
    /// A value.
    Value(Value<'a>),
}

/// Gives every value of `object`, however deep, to `take` under its dotted name.
pub(crate) fn flatten(prefix: &str, object: &Map<String, Json>, take: &mut impl FnMut(&str, Cell<'_>)) {
    for (key, value) in object {
        let name = if prefix.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{prefix}.{key}")) };
        let value = match value {
            Json::Null => {
                take(&name, Cell::Null);
                continue;
            }
            Json::Object(inner) => {
                flatten(&name, inner, take);
                continue;
            }
            Json::Bool(value) => Value::Boolean(*value),
            Json::Number(value) => Value::Number(value.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Value::Text(Cow::Borrowed(text)),
            Json::Array(_) => Value::Text(Cow::Owned(value.to_string())),
        };
        take(&name, Cell::Value(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_objects_get_dotted_names() {
        let json: Json =
            serde_json::from_str(r#"{"a": 1, "b": {"c": true, "d": {"e": "x"}}, "f": [1, 2]}"#).unwrap();
        let mut out = Vec::new();
        flatten("", json.as_object().unwrap(), &mut |name, cell| {
            if let Cell::Value(value) = cell {
                out.push(format!("{name}={}", value.text()));
            }
        });
        assert_eq!(out, ["a=1", "b.c=true", "b.d.e=x", "f=[1,2]"]);
    }
}
