//! Parameters of detectors that name a column of the table.
//!
//! A detector sees features without names. Where the schema of a parameter says `"x-column": "number"` or `"code"`, a
//! name in its place stands for that column, and is replaced by its place among the number or code features.

use anomalyst_core::{Encode, Entry, Error, Origin, Result, nearest_name};
use serde_json::Value;

use crate::recipe::Part;

/// What a parameter's column has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnRole {
    Number,
    Code,
}

impl ColumnRole {
    fn of(property: &Value) -> Option<Self> {
        match property.get("x-column")?.as_str()? {
            "number" => Some(Self::Number),
            "code" => Some(Self::Code),
            _ => None,
        }
    }

    /// Where the column called `name` is among what `encoder` makes.
    pub(crate) fn place(self, name: &str, encoder: &dyn Encode) -> Result<usize> {
        let (own, other, want) = match self {
            Self::Number => (encoder.value_origins(), encoder.code_origins(), "a number column"),
            Self::Code => (encoder.code_origins(), encoder.value_origins(), "a column of categories"),
        };
        let whole = |origin: &Origin| origin.column == name && matches!(&*origin.aspect, "value" | "level");
        if let Some(at) = own.iter().position(whole) {
            return Ok(at);
        }
        if own.iter().chain(other).any(|origin| origin.column == name) {
            return Err(Error::BadParameter {
                name: "column".into(),
                got: format!("`{name}`"),
                want: want.into(),
            });
        }
        let names = own.iter().filter(|origin| matches!(&*origin.aspect, "value" | "level"));
        Err(Error::Unknown {
            what: "column",
            id: name.into(),
            nearest: nearest_name(name, names.map(|origin| origin.column.as_str())).map(str::to_owned),
        })
    }
}

/// The parameters of `part` with places instead of the names of columns.
pub(crate) fn resolve(
    entry: &Entry,
    part: &Part,
    place: impl Fn(&str, ColumnRole) -> Result<usize>,
) -> Result<Value> {
    let mut params = part.params.clone();
    if params.values().any(Value::is_string) {
        let schema = (entry.schema)();
        for (key, value) in &mut params {
            let role = schema.get("properties").and_then(|all| all.get(key)).and_then(ColumnRole::of);
            if let (Some(role), Some(name)) = (role, value.as_str()) {
                *value = place(name, role)?.into();
            }
        }
    }
    Ok(Value::Object(params))
}

#[cfg(test)]
mod tests {
    use anomalyst_core::Run;
    use anomalyst_data::{ReadOptions, open_bytes};

    use crate::{Options, read, scan};

    fn scan_with(response: &str) -> anomalyst_core::Result<Vec<f32>> {
        // The price is 3 per piece, but for one row; colours change nothing.
        let row = |i: usize| {
            let price = if i == 40 { 400 } else { 3 * i + i % 2 };
            format!("{},{},{i},{price}\n", ["red", "blue", "green"][i % 3], (i * 7) % 13)
        };
        let text = String::from("colour,shelf,pieces,price\n") + &(1..200).map(row).collect::<String>();
        let run = Run::new(0);
        let source = open_bytes("table", text.into_bytes(), &ReadOptions::default(), &run)?;
        let options = Options {
            method: "wrong_numbers".into(),
            set: vec![("response".into(), response.into())],
            ..Options::default()
        };
        Ok(scan(read(&source, &run)?, &options, &run)?.0.scores)
    }

    #[test]
    fn a_column_is_called_by_its_name() {
        let scores = scan_with("price").unwrap();
        assert!((0..scores.len()).all(|i| i == 39 || scores[i] < scores[39]));
        // Without a name the place counts: shelf, pieces, price.
        assert_eq!(scan_with("2").unwrap(), scores);
    }

    #[test]
    fn other_names_are_refused_with_the_nearest() {
        let error = |response| scan_with(response).unwrap_err().to_string();
        assert!(error("prize").contains("`price`"), "{}", error("prize"));
        assert!(error("colour").contains("a number column"), "{}", error("colour"));
    }
}
