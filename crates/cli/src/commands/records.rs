//! Records of any columns as a file, by its extension: csv, tsv, ndjson, json.

use std::io;
use std::path::Path;

use anomalyst::core::Error;
use anomalyst::report::atomic_write;
use serde_json::{Map, Value};

/// How records are written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Separated(char),
    Lines,
    Array,
}

impl Form {
    /// The form that the extension of `path` names; asked before long work begins.
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Separated(',')),
            Some("tsv") => Ok(Self::Separated('\t')),
            Some("ndjson" | "jsonl") => Ok(Self::Lines),
            Some("json") => Ok(Self::Array),
            _ => Err(Error::BadParameter {
                name: "out".into(),
                got: format!("`{}`", path.display()),
                want: "a file name that ends in .csv, .tsv, .ndjson or .json".into(),
            }),
        }
    }
}

/// Writes `rows` under `columns`, whole or not at all.
pub(crate) fn write(path: &Path, form: Form, columns: &[&str], rows: &[Vec<Value>]) -> Result<(), Error> {
    atomic_write(path, |out| match form {
        Form::Separated(mark) => {
            let line = |cells: Vec<String>| cells.join(&mark.to_string());
            writeln!(out, "{}", line(columns.iter().map(|c| (*c).to_owned()).collect()))?;
            rows.iter()
                .try_for_each(|row| writeln!(out, "{}", line(row.iter().map(|v| cell(v, mark)).collect())))
        }
        Form::Lines => rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut *out, &object(columns, row)).map_err(io::Error::from)?;
            writeln!(out)
        }),
        Form::Array => {
            let all: Vec<Value> = rows.iter().map(|row| object(columns, row)).collect();
            serde_json::to_writer_pretty(&mut *out, &all).map_err(io::Error::from)?;
            writeln!(out)
        }
    })
}

fn object(columns: &[&str], row: &[Value]) -> Value {
    Value::Object(columns.iter().map(|c| (*c).to_owned()).zip(row.iter().cloned()).collect::<Map<_, _>>())
}

fn cell(value: &Value, mark: char) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains([mark, '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
