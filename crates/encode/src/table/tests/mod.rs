//! Tests of the table encoder, by what they are about.

mod closed_form;
mod degenerate;
mod new_data;
mod properties;
mod saved;

use std::sync::Arc;

use anomalyst_core::{
    Column, ColumnData, ColumnKind, Dataset, Encode, Encoded, Encoder, Handles, NoticeKind, Notices, Origin,
    Run, Table, Wants,
};

use super::{FittedTableEncoder, TableEncoder};

/// A method that takes neither missing values nor codes.
const PLAIN: Wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };
/// A method that takes both.
const NATIVE: Wants = Wants { missing: Handles::Native, codes: Handles::Native };
const NAN: f64 = f64::NAN;

fn numbers(name: &str, cells: &[f64]) -> Column {
    Column { name: name.into(), kind: ColumnKind::Number, data: ColumnData::Numbers(cells.to_vec()) }
}

/// Empty text is missing; codes count levels in order of appearance, as a reader would.
fn words(name: &str, kind: ColumnKind, cells: &[&str]) -> Column {
    let mut levels: Vec<String> = Vec::new();
    let code = |&text: &&str| {
        if text.is_empty() {
            return anomalyst_core::MISSING_CODE;
        }
        let at = levels.iter().position(|l| l == text).unwrap_or_else(|| {
            levels.push(text.to_owned());
            levels.len() - 1
        });
        at as u32
    };
    let codes = cells.iter().map(code).collect();
    Column { name: name.into(), kind, data: ColumnData::Codes { codes, levels: Arc::new(levels) } }
}

fn category(name: &str, cells: &[&str]) -> Column {
    words(name, ColumnKind::Category, cells)
}

fn times(name: &str, cells: &[i64]) -> Column {
    Column { name: name.into(), kind: ColumnKind::Timestamp, data: ColumnData::Times(cells.to_vec()) }
}

fn table(columns: Vec<Column>) -> Dataset {
    Dataset::Table(Table::new(columns).unwrap())
}

fn fit(params: &TableEncoder, wants: Wants, data: &Dataset) -> (FittedTableEncoder, Notices) {
    params.fit(data, wants, &Run::new(0)).unwrap()
}

fn encode(fitted: &FittedTableEncoder, data: &Dataset) -> Encoded {
    fitted.encode(data, &Run::new(0)).unwrap()
}

/// Features of the training rows with default parameters.
fn encoded(wants: Wants, columns: Vec<Column>) -> Encoded {
    let data = table(columns);
    encode(&fit(&TableEncoder::default(), wants, &data).0, &data)
}

fn names(origins: &[Origin]) -> Vec<String> {
    origins.iter().map(|o| format!("{}:{}", o.column, o.aspect)).collect()
}

/// Notices as `kind column: message`.
fn said(notices: &Notices) -> Vec<String> {
    let line = |n: &anomalyst_core::Notice| {
        let kind = if n.kind == NoticeKind::Info { "info" } else { "handled" };
        format!("{kind} {}: {}", n.column.as_deref().unwrap_or("-"), n.message)
    };
    notices.0.iter().map(line).collect()
}
