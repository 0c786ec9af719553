//! Tables put together from observed rows and new ones.

use std::sync::Arc;

use anomalyst_core::{Column, ColumnData, ColumnKind, Error, Label, Notices, Result, Run, Table};
use rustc_hash::FxHashMap;

/// Whole units that times are usually written in, in microseconds: day, hour, minute, second, millisecond.
const TIME_UNITS: [i64; 5] = [86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000];
/// Decimal places that are looked for.
const MOST_DECIMALS: i32 = 6;

/// The table without columns whose cells were left out when reading; text and identifiers are said, because new rows
/// cannot have them.
pub(crate) fn with_cells(table: &Table) -> Result<(Table, Notices)> {
    let mut notices = Notices::default();
    let mut kept = Table { columns: Vec::new(), ..table.clone() };
    for column in &table.columns {
        match column.data.len() {
            Some(len) if len != table.n_rows => {
                return Err(Error::Data(format!(
                    "column `{}` has {len} rows, the table has {}",
                    column.name, table.n_rows
                )));
            }
            Some(_) => kept.columns.push(column.clone()),
            None if matches!(column.kind, ColumnKind::Text | ColumnKind::Identifier) => {
                notices.handled(Some(&column.name), "left out: new rows cannot have free text or names");
            }
            None => {}
        }
    }
    if kept.columns.is_empty() {
        return Err(Error::Data(
            "no column holds numbers, categories or times; say what they are with --types".into(),
        ));
    }
    Ok((kept, notices))
}

/// Refuses what would not fit the memory limit.
pub(crate) fn check_memory(n_rows: usize, n_columns: usize, run: &Run) -> Result<()> {
    let need = (n_rows as u64).saturating_mul(n_columns as u64).saturating_mul(12);
    match run.max_memory_bytes() {
        Some(limit) if need > limit => Err(Error::Budget {
            what: format!("{n_rows} new rows"),
            need: format!("{:.1} MB", need as f64 / 1e6),
            limit: format!("{:.1} MB", limit as f64 / 1e6),
            hint: "raise --max-memory, or ask for fewer rows or a smaller share".into(),
        }),
        _ => Ok(()),
    }
}

/// The rows of `below` after those of `table`; both have the same columns, with the same levels. New rows are called
/// `name 1`, `name 2`, ... where rows have ids.
pub(crate) fn append(mut table: Table, below: Vec<ColumnData>, n_below: usize, name: &str) -> Table {
    table.columns.iter_mut().zip(below).for_each(|(column, more)| extend(&mut column.data, more));
    if let Some(ids) = &mut table.ids {
        ids.extend((1..=n_below).map(|i| format!("{name} {i}")));
    }
    table.n_rows += n_below;
    table
}

/// Adds cells of the same kind.
pub(crate) fn extend(column: &mut ColumnData, more: ColumnData) {
    match (column, more) {
        (ColumnData::Numbers(cells), ColumnData::Numbers(more)) => cells.extend(more),
        (ColumnData::Codes { codes, .. }, ColumnData::Codes { codes: more, .. }) => codes.extend(more),
        (ColumnData::Times(cells), ColumnData::Times(more)) => cells.extend(more),
        _ => {}
    }
}

/// The table as a file shall hold it: ids under the name `id`, the columns, `label` (1 anomalous, 0 normal, missing where
/// unknown), and a column `aside` of words about the rows.
pub(crate) fn labelled(table: Table, id: &str, aside: (&str, &[&str])) -> Result<Table> {
    let label = |label: &Label| match label {
        Label::Normal => 0.0,
        Label::Anomalous => 1.0,
        Label::Unknown => f64::NAN,
    };
    let labels = table.labels.iter().flatten().map(label).collect();
    let mut columns = Vec::with_capacity(table.columns.len() + 3);
    if let Some(ids) = &table.ids {
        columns.push(word_column(id, ids.iter().map(String::as_str)));
    }
    columns.extend(table.columns);
    columns.push(Column {
        name: "label".into(),
        kind: ColumnKind::Number,
        data: ColumnData::Numbers(labels),
    });
    columns.push(word_column(aside.0, aside.1.iter().copied()));
    let taken = |name: &&str| columns.iter().filter(|column| column.name == *name).count() > 1;
    if let Some(name) = ["label", aside.0].iter().find(|name| taken(name)) {
        return Err(Error::Data(format!(
            "the table has a column `{name}`, which the result needs; if it says which rows are anomalous, name it with \
             --label, else leave it out with --ignore"
        )));
    }
    Table::new(columns)
}

fn word_column<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> Column {
    let mut levels: Vec<String> = Vec::new();
    let mut known: FxHashMap<&str, u32> = FxHashMap::default();
    let code = |word: &'a str| {
        *known.entry(word).or_insert_with(|| {
            levels.push(word.to_owned());
            levels.len() as u32 - 1
        })
    };
    let codes = words.map(code).collect();
    let data = ColumnData::Codes { codes, levels: Arc::new(levels) };
    Column { name: name.into(), kind: ColumnKind::Category, data }
}

/// The fewest decimal places that write every cell exactly, if at most six do: new numbers are rounded alike, because
/// more digits than the others would give them away.
pub(crate) fn decimals(cells: &[f64]) -> Option<i32> {
    (0..=MOST_DECIMALS).find(|&places| cells.iter().all(|&v| v.is_nan() || round(v, places) == v))
}

/// To so many decimal places.
pub(crate) fn round(v: f64, places: i32) -> f64 {
    let unit = 10_f64.powi(places);
    let rounded = (v * unit).round() / unit;
    if rounded.is_finite() { rounded } else { v }
}

/// The largest usual unit that divides every time.
pub(crate) fn time_unit(cells: &[i64]) -> i64 {
    let divides = |unit: &i64| cells.iter().all(|&t| t == i64::MIN || t % unit == 0);
    TIME_UNITS.into_iter().find(divides).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_that_of_the_column() {
        assert_eq!(decimals(&[1.0, -3.0, f64::NAN]), Some(0));
        assert_eq!(decimals(&[1.25, 0.1, 1e6]), Some(2));
        assert_eq!(decimals(&[std::f64::consts::PI]), None);
        assert_eq!((round(0.126, 2), round(-1e300, 6)), (0.13, -1e300));
        assert_eq!(time_unit(&[0, 86_400_000_000, i64::MIN]), 86_400_000_000);
        assert_eq!(time_unit(&[1_000, 2_500]), 1);
    }
}
