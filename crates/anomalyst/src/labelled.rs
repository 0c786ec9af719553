//! Labelled tables for what is learnt from labels: risk cards, ranges of risk, interactions.

use anomalyst_core::{Dataset, Encode, Encoder, Error, Handles, Label, Notices, Result, Run, Table, Wants};
use anomalyst_encode::{FittedTableEncoder, Scale, TableEncoder};
use ndarray::Array2;

/// Rows of known label.
pub(crate) struct Labelled {
    pub(crate) table: Table,
    pub(crate) anomalous: Vec<bool>,
    /// Which rows of the whole table they are.
    pub(crate) rows: Vec<usize>,
}

/// Columns as standardised numbers.
pub(crate) struct Numbers {
    pub(crate) x: Array2<f64>,
    /// What a person calls each feature.
    pub(crate) names: Vec<String>,
    /// Which column each feature is of, counted in the order in which they come.
    pub(crate) columns: Vec<usize>,
}

impl Labelled {
    /// The rows of `table` that have a label.
    pub(crate) fn of(table: &Table, notices: &mut Notices) -> Result<Self> {
        let labels = table.labels.as_ref().ok_or_else(|| {
            Error::Data(
                "this needs labels; name the column that says which rows are anomalous with --label".into(),
            )
        })?;
        let rows: Vec<usize> = (0..table.n_rows).filter(|row| labels[*row] != Label::Unknown).collect();
        let n_unknown = table.n_rows - rows.len();
        if n_unknown > 0 {
            notices
                .info(None, format!("{n_unknown} of {} rows have no label and were left out", table.n_rows));
        }
        let anomalous: Vec<bool> = rows.iter().map(|row| labels[*row] == Label::Anomalous).collect();
        let n = anomalous.iter().filter(|a| **a).count();
        if n == 0 || n == anomalous.len() {
            return Err(Error::Data(format!(
                "this needs rows of both labels, but {n} of {} labelled rows are anomalous",
                anomalous.len()
            )));
        }
        Ok(Self { table: table.take(&rows), anomalous, rows })
    }
}

/// Learns how columns become standardised numbers.
pub(crate) fn fit_numbers(table: &Table, run: &Run) -> Result<(FittedTableEncoder, Notices)> {
    let encoder = TableEncoder { scale: Scale::Standard, ..TableEncoder::default() };
    let wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };
    encoder.fit(&Dataset::Table(table.clone()), wants, run)
}

/// `table` as numbers.
pub(crate) fn numbers(encoder: &FittedTableEncoder, table: &Table, run: &Run) -> Result<Numbers> {
    let encoded = encoder.encode(&Dataset::Table(table.clone()), run)?;
    let origins = encoder.value_origins();
    let mut seen: Vec<&str> = Vec::new();
    let mut columns = Vec::new();
    for origin in origins {
        let at = seen.iter().position(|name| *name == origin.column).unwrap_or_else(|| {
            seen.push(&origin.column);
            seen.len() - 1
        });
        columns.push(at);
    }
    let name = |origin: &anomalyst_core::Origin| match origin.aspect.as_str() {
        "value" => origin.column.clone(),
        aspect => match aspect.strip_prefix("level=") {
            Some(level) => format!("{} = {level}", origin.column),
            None => format!("{} ({aspect})", origin.column),
        },
    };
    Ok(Numbers {
        x: encoded.features.values.mapv(f64::from),
        names: origins.iter().map(name).collect(),
        columns,
    })
}
