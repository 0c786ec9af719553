//! A reference in a model file.

use std::sync::Arc;

use anomalyst_core::{
    Column, ColumnData, ColumnKind, Error, MISSING_CODE, ModelReader, ModelWriter, Result, Table,
};
use serde::{Deserialize, Serialize};

use super::{MAX_SAMPLE_ROWS, Reference};
use crate::usual::{ColumnUsual, Levels, MAX_LEVELS, Values};

/// Everything that is not a long list of numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    n_rows: u64,
    only_normal: bool,
    n_sample_rows: usize,
    ids: Option<Vec<String>>,
    columns: Vec<ColumnHead>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnHead {
    name: String,
    kind: ColumnKind,
    n_missing: u64,
    values: ValuesHead,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
enum ValuesHead {
    Numbers { n_points: usize },
    Times { n_points: usize },
    Levels { common: Vec<(String, u64)>, n_other: u64, n_other_levels: u64, sample_levels: Vec<String> },
    Nothing,
}

pub(super) fn save(reference: &Reference, out: &mut ModelWriter) -> Result<()> {
    let (mut columns, mut points) = (Vec::new(), Vec::new());
    let (mut numbers, mut times, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for (usual, sampled) in reference.columns.iter().zip(&reference.sample.columns) {
        match &sampled.data {
            ColumnData::Numbers(cells) => numbers.extend_from_slice(cells),
            ColumnData::Times(cells) => times.extend_from_slice(cells),
            ColumnData::Codes { codes: cells, .. } => codes.extend_from_slice(cells),
            ColumnData::Omitted => {}
        }
        let values = match &usual.values {
            Values::Numbers(p) | Values::Times(p) => {
                points.extend_from_slice(p);
                let n_points = p.len();
                if matches!(usual.values, Values::Times(_)) {
                    ValuesHead::Times { n_points }
                } else {
                    ValuesHead::Numbers { n_points }
                }
            }
            Values::Levels(levels) => ValuesHead::Levels {
                common: levels.common.clone(),
                n_other: levels.n_other,
                n_other_levels: levels.n_other_levels,
                sample_levels: match &sampled.data {
                    ColumnData::Codes { levels, .. } => levels.to_vec(),
                    _ => Vec::new(),
                },
            },
            Values::Nothing => ValuesHead::Nothing,
        };
        let ColumnUsual { name, kind, n_missing, .. } = usual;
        columns.push(ColumnHead { name: name.clone(), kind: *kind, n_missing: *n_missing, values });
    }
    out.put_list("points", &points);
    out.put_list("sample_numbers", &numbers);
    out.put_list("sample_times", &times);
    out.put_list("sample_codes", &codes);
    out.put_list("sample_rows", &reference.sample_rows);
    let (n_rows, only_normal) = (reference.n_rows, reference.only_normal);
    let (n_sample_rows, ids) = (reference.sample.n_rows, reference.sample.ids.clone());
    out.put_json("head", &Head { n_rows, only_normal, n_sample_rows, ids, columns })
}

pub(super) fn load(from: &ModelReader<'_>) -> Result<Reference> {
    let head: Head = from.json("head")?;
    let (n, n_sample) = (head.n_rows, head.n_sample_rows);
    let sample_rows: Vec<u64> = from.list_of("sample_rows", n_sample)?;
    let fewer_ids = head.ids.as_ref().is_some_and(|ids| ids.len() != n_sample);
    if n_sample > MAX_SAMPLE_ROWS || n_sample as u64 > n || fewer_ids {
        return Err(damaged("the sample rows do not fit together"));
    }
    let mut points = Cut { what: "points", list: from.list::<f64>("points")? };
    let mut numbers = Cut { what: "sample numbers", list: from.list::<f64>("sample_numbers")? };
    let mut times = Cut { what: "sample times", list: from.list::<i64>("sample_times")? };
    let mut codes = Cut { what: "sample codes", list: from.list::<u32>("sample_codes")? };
    // Cut from the end, so that each piece is moved only once.
    let (mut columns, mut sampled) = (Vec::new(), Vec::new());
    for column in head.columns.into_iter().rev() {
        let (values, data) = match column.values {
            ValuesHead::Numbers { n_points } => {
                (Values::Numbers(points.last(n_points)?), ColumnData::Numbers(numbers.last(n_sample)?))
            }
            ValuesHead::Times { n_points } => {
                (Values::Times(points.last(n_points)?), ColumnData::Times(times.last(n_sample)?))
            }
            ValuesHead::Levels { common, n_other, n_other_levels, sample_levels } => (
                Values::Levels(Levels::new(common, n_other, n_other_levels)),
                ColumnData::Codes { codes: codes.last(n_sample)?, levels: Arc::new(sample_levels) },
            ),
            ValuesHead::Nothing => (Values::Nothing, ColumnData::Omitted),
        };
        let (name, kind) = (column.name, column.kind);
        sampled.push(Column { name: name.clone(), kind, data });
        columns.push(ColumnUsual { name, kind, n_rows: n, n_missing: column.n_missing, values });
    }
    columns.reverse();
    sampled.reverse();
    if !(points.list.is_empty() && numbers.list.is_empty() && times.list.is_empty() && codes.list.is_empty())
    {
        return Err(damaged("there are more numbers than columns account for"));
    }
    columns.iter().zip(&sampled).try_for_each(|(usual, sampled)| check(usual, &sampled.data))?;
    let sample = Table { columns: sampled, n_rows: n_sample, ids: head.ids, ..Table::default() };
    Ok(Reference { columns, sample, sample_rows, only_normal: head.only_normal, n_rows: n })
}

/// Whether one column holds together.
fn check(usual: &ColumnUsual, sampled: &ColumnData) -> Result<()> {
    let points_hold = |points: &[f64]| {
        points.iter().all(|v| v.is_finite())
            && points.is_sorted()
            && points.is_empty() == (present(usual) == 0)
    };
    let levels_hold = |levels: &Levels| {
        let counted = levels.common.iter().try_fold(levels.n_other, |sum, &(_, n)| sum.checked_add(n));
        levels.common.len() <= MAX_LEVELS
            && levels.common.is_sorted_by(|a, b| a.1 >= b.1)
            && levels.common.iter().all(|&(_, n)| n > 0)
            && levels.n_other_levels <= levels.n_other
            && counted == Some(present(usual))
    };
    let holds = usual.n_missing <= usual.n_rows
        && match (&usual.values, sampled) {
            (Values::Numbers(points), ColumnData::Numbers(cells)) => {
                points_hold(points) && !cells.iter().any(|v| v.is_infinite())
            }
            (Values::Times(points), ColumnData::Times(_)) => {
                points_hold(points) && points.iter().all(|v| v.abs() < i64::MAX as f64)
            }
            (Values::Levels(counts), ColumnData::Codes { codes, levels }) => {
                levels_hold(counts)
                    && codes.iter().all(|&code| code == MISSING_CODE || (code as usize) < levels.len())
            }
            (Values::Nothing, ColumnData::Omitted) => true,
            _ => false,
        };
    if holds { Ok(()) } else { Err(damaged(&format!("column `{}` does not hold together", usual.name))) }
}

/// Rows with a value.
const fn present(usual: &ColumnUsual) -> u64 {
    usual.n_rows.saturating_sub(usual.n_missing)
}

fn damaged(what: &str) -> Error {
    Error::model(format!("the reference for explanations is damaged: {what}"))
}

/// A list that is cut into pieces from its end.
struct Cut<T> {
    what: &'static str,
    list: Vec<T>,
}

impl<T> Cut<T> {
    fn last(&mut self, n: usize) -> Result<Vec<T>> {
        let Some(at) = self.list.len().checked_sub(n) else {
            return Err(damaged(&format!("there are too few {}", self.what)));
        };
        Ok(self.list.split_off(at))
    }
}
