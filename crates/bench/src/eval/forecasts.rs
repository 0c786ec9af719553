//! Ensembles of forecasts beside what came, from two tables.
//!
//! What came has one row for each step; its columns of numbers are the dimensions. The ensemble has the same columns and
//! one row for each sample of each step. A column that both have, `step` unless another is named, says which step a row
//! is of; every step has as many samples.

use std::collections::HashMap;

use anomalyst::core::{Column, ColumnData, Error, Result, Run};
use anomalyst_measure::forecasts::Forecasts;
use ndarray::{Array2, Array3};

use super::EvalFiles;
use super::columns::Columns;

/// The column that names the step of a row.
const STEP: &str = "step";

pub(super) fn read(files: &EvalFiles, run: &Run) -> Result<Forecasts> {
    let came = files.labels.as_deref().ok_or_else(|| {
        Error::Data(format!(
            "{}: forecasts are judged beside what came; name its file with --labels",
            files.scores.display()
        ))
    })?;
    let id = files.id.as_deref().unwrap_or(STEP);
    let came = Columns::read_measurements(came, id, run)?;
    let samples = Columns::read_measurements(&files.scores, id, run)?;
    let at = rows_of_steps(&came, &samples, id)?;
    let n_samples = at.first().map_or(0, Vec::len);
    let dims: Vec<&Column> =
        came.columns.iter().filter(|column| matches!(column.data, ColumnData::Numbers(_))).collect();
    let mut observed = Array2::zeros((came.n_rows, dims.len()));
    let mut sampled = Array3::zeros((came.n_rows, n_samples, dims.len()));
    for (j, dim) in dims.iter().enumerate() {
        let twin = samples.columns.iter().find(|column| column.name == dim.name).ok_or_else(|| {
            Error::Data(format!(
                "{}: there is no column `{}`, which {} has",
                samples.file, dim.name, came.file
            ))
        })?;
        let (values, twins) = (came.numbers(dim)?, samples.numbers(twin)?);
        for (step, rows) in at.iter().enumerate() {
            observed[[step, j]] = values[step];
            rows.iter().enumerate().for_each(|(sample, &row)| sampled[[step, sample, j]] = twins[row]);
        }
    }
    Forecasts::new(observed, sampled)
}

/// The rows of `samples` for each row of `came`.
fn rows_of_steps(came: &Columns, samples: &Columns, id: &str) -> Result<Vec<Vec<usize>>> {
    let missing = |file: &str| {
        Error::Data(format!("{file}: there is no column `{id}`; --id names the column of steps"))
    };
    let known = came.ids.as_ref().ok_or_else(|| missing(&came.file))?;
    let sampled = samples.ids.as_ref().ok_or_else(|| missing(&samples.file))?;
    let mut of_step: HashMap<&str, usize> = HashMap::new();
    for (row, step) in known.iter().enumerate() {
        if of_step.insert(step, row).is_some() {
            return Err(Error::Data(format!(
                "{}: row {}: step `{step}` stands there twice",
                came.file,
                row + 1
            )));
        }
    }
    let mut at = vec![Vec::new(); known.len()];
    for (row, step) in sampled.iter().enumerate() {
        let step = *of_step.get(step.as_str()).ok_or_else(|| {
            Error::Data(format!("{}: row {}: {} has no step `{step}`", samples.file, row + 1, came.file))
        })?;
        at[step].push(row);
    }
    let n_samples = at.first().map_or(0, Vec::len);
    match at.iter().position(|rows| rows.len() != n_samples || rows.is_empty()) {
        None => Ok(at),
        Some(step) => Err(Error::Data(format!(
            "{}: step `{}` has {} samples and step `{}` has {n_samples}; every step needs as many, at least one",
            samples.file,
            known[step],
            at[step].len(),
            known[0]
        ))),
    }
}
