//! A table read as series: which column is the time, which names the series, which are channels.

use std::collections::HashMap;

use anomalyst_core::{
    Column, ColumnData, ColumnKind, Error, NoticeKind, Notices, Result, Series, Table, Tally, nearest_name,
};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// What a user can say about how rows are series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesOptions {
    /// The column of times; found where nothing is said.
    pub time: Option<String>,
    /// The column that names the series of each row; found where times repeat.
    pub key: Option<String>,
}

/// Series with the rows they came from.
#[derive(Clone, Debug)]
pub struct ReadSeries {
    /// The series, each in the order of time.
    pub series: Series,
    /// For each point the row of the table.
    pub rows: Vec<usize>,
    /// What was found and repaired.
    pub notices: Notices,
}

/// Names of number columns that hold times, in lower case.
const TIME_NAMES: [&str; 8] = ["time", "timestamp", "ts", "date", "datetime", "epoch", "unix_time", "t"];
/// A step this many times the usual one is a gap.
const GAP: f64 = 1.5;

/// The series that `table` holds.
pub fn read_series(table: &Table, options: &SeriesOptions) -> Result<ReadSeries> {
    let mut notices = Notices::default();
    let time = time_column(table, options)?;
    let times = time.map(|column| times_of(column, &mut notices)).transpose()?;
    let key = key_column(table, options, times.as_deref())?;
    let named = |column: &Column| {
        time.is_some_and(|t| t.name == column.name) || key.is_some_and(|k| k.name == column.name)
    };
    let mut channels: Vec<(&str, &[f64])> = Vec::new();
    let mut left_out = Vec::new();
    for column in table.columns.iter().filter(|column| !named(column)) {
        match &column.data {
            ColumnData::Numbers(cells) => channels.push((&column.name, cells)),
            ColumnData::Omitted => {}
            _ => left_out.push(column.name.as_str()),
        }
    }
    if channels.is_empty() {
        return Err(Error::Data(
            "a series needs a column of numbers beside its times, and there is none".into(),
        ));
    }
    if !left_out.is_empty() {
        notices.info(None, format!("not numbers, so no channels of the series: {}", left_out.join(", ")));
    }
    let order = order(table, key, times.as_deref(), &mut notices);
    let (mut ends, mut keys) = (Vec::new(), Vec::new());
    for (i, &row) in order.iter().enumerate() {
        let name = key.map(|key| key.data.text(row)).unwrap_or_default();
        if keys.last() == Some(&name) {
            if let Some(end) = ends.last_mut() {
                *end = i + 1;
            }
        } else {
            keys.push(name);
            ends.push(i + 1);
        }
    }
    let values =
        Array2::from_shape_fn((order.len(), channels.len()), |(i, channel)| channels[channel].1[order[i]]);
    let series = Series {
        channels: channels.iter().map(|(name, _)| (*name).to_owned()).collect(),
        values,
        ends,
        keys,
        times: times.map(|times| order.iter().map(|&row| times[row]).collect()),
        labels: table.labels.as_ref().map(|labels| order.iter().map(|&row| labels[row]).collect()),
    };
    look_at_times(&series, &mut notices);
    Ok(ReadSeries { series, rows: order, notices })
}

/// Whether `table` looks like one series: a column of times in order and by even steps, and numbers beside it.
pub fn looks_like_series(table: &Table) -> bool {
    let Ok(Some(column)) = time_column(table, &SeriesOptions::default()) else { return false };
    let ColumnData::Times(times) = &column.data else { return false };
    let others = || table.columns.iter().filter(|other| other.name != column.name);
    let all_numbers = others().all(|other| matches!(other.data, ColumnData::Numbers(_)));
    let Some(step) = usual_step(times) else { return false };
    let even = times.windows(2).filter(|pair| pair[1] - pair[0] == step).count();
    all_numbers && others().next().is_some() && times.len() >= 32 && even * 10 >= (times.len() - 1) * 9
}

fn find<'t>(table: &'t Table, name: &str) -> Result<&'t Column> {
    let column = table.column(name).ok_or_else(|| Error::Unknown {
        what: "column",
        id: name.into(),
        nearest: nearest_name(name, table.columns.iter().map(|c| c.name.as_str())).map(str::to_owned),
    })?;
    if column.data.len().is_none() {
        return Err(Error::Data(format!(
            "column `{name}` was left out, as one that names rows or holds text; say what it is with \
             --types {name}=category or --types {name}=timestamp"
        )));
    }
    Ok(column)
}

fn time_column<'t>(table: &'t Table, options: &SeriesOptions) -> Result<Option<&'t Column>> {
    if let Some(name) = &options.time {
        return find(table, name).map(Some);
    }
    let of_kind = table
        .columns
        .iter()
        .find(|column| column.kind == ColumnKind::Timestamp && column.data.len().is_some());
    let by_name = || {
        table.columns.iter().find(|column| {
            let is_named = TIME_NAMES.contains(&column.name.to_lowercase().as_str());
            // A name is a hint; that its values never fall makes it likely.
            is_named && matches!(&column.data, ColumnData::Numbers(cells) if cells.is_sorted() && !cells.is_empty())
        })
    };
    Ok(of_kind.or_else(by_name))
}

/// Microseconds since 1970 of a column of times, or of numbers of seconds, milliseconds, microseconds or nanoseconds.
fn times_of(column: &Column, notices: &mut Notices) -> Result<Vec<i64>> {
    let missing = |row: usize| {
        Err(Error::Data(format!(
            "column `{}` has no time in row {}; fill it, leave the row out, or name another column with --time",
            column.name,
            row + 1
        )))
    };
    match &column.data {
        ColumnData::Times(times) => match times.iter().position(|&t| t == i64::MIN) {
            Some(row) => missing(row),
            None => Ok(times.clone()),
        },
        ColumnData::Numbers(cells) => {
            if let Some(row) = cells.iter().position(|v| !v.is_finite()) {
                return missing(row);
            }
            let largest = cells.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
            let (factor, unit) = match largest {
                v if v < 1e11 => (1e6, "seconds"),
                v if v < 1e14 => (1e3, "milliseconds"),
                v if v < 1e17 => (1.0, "microseconds"),
                _ => (1e-3, "nanoseconds"),
            };
            notices.info(Some(&column.name), format!("taken as times in {unit} since 1970"));
            Ok(cells.iter().map(|v| (v * factor) as i64).collect())
        }
        _ => Err(Error::Data(format!("column `{}` holds no times", column.name))),
    }
}

/// The column that tells series apart: the one named, or the only one of categories where times repeat.
fn key_column<'t>(
    table: &'t Table,
    options: &SeriesOptions,
    times: Option<&[i64]>,
) -> Result<Option<&'t Column>> {
    if let Some(name) = &options.key {
        return find(table, name).map(Some);
    }
    let Some(times) = times else { return Ok(None) };
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let n_repeated = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
    if 2 * n_repeated < times.len() {
        return Ok(None);
    }
    let categories: Vec<&Column> = table
        .columns
        .iter()
        .filter(|column| column.kind == ColumnKind::Category && column.data.len().is_some())
        .collect();
    Ok(match categories.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

/// Rows by series and time; series in the order of their first rows.
fn order(table: &Table, key: Option<&Column>, times: Option<&[i64]>, notices: &mut Notices) -> Vec<usize> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let group: Vec<usize> = match key {
        Some(key) => (0..table.n_rows)
            .map(|row| {
                let next = first.len();
                *first.entry(key.data.text(row)).or_insert(next)
            })
            .collect(),
        None => vec![0; table.n_rows],
    };
    let mut order: Vec<usize> = (0..table.n_rows).collect();
    let time = |row: usize| times.map_or(0, |times| times[row]);
    if let Some(times) = times {
        let mut latest: HashMap<usize, i64> = HashMap::new();
        let mut n_back = 0_u64;
        for row in 0..table.n_rows {
            let latest = latest.entry(group[row]).or_insert(i64::MIN);
            n_back += u64::from(times[row] < *latest);
            *latest = (*latest).max(times[row]);
        }
        if n_back > 0 {
            let tally = Tally { n: n_back, of: table.n_rows as u64 };
            notices.counted(NoticeKind::Handled, None, tally, |tally| {
                format!("{tally} are earlier than one before them; put in the order of time")
            });
        }
    }
    order.sort_by_key(|&row| (group[row], time(row)));
    if let Some(key) = key {
        notices.info(Some(&key.name), format!("names {} series", first.len()));
    }
    order
}

/// The middle one of the steps forward between times.
pub(super) fn usual_step(times: &[i64]) -> Option<i64> {
    let mut steps: Vec<i64> =
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0).collect();
    let middle = steps.len() / 2;
    (!steps.is_empty()).then(|| *steps.select_nth_unstable(middle).1)
}

/// Says where times repeat and where they leave gaps.
fn look_at_times(series: &Series, notices: &mut Notices) {
    let Some(times) = &series.times else { return };
    let (mut n_repeated, mut n_gaps, mut longest) = (0_u64, 0_u64, 0_i64);
    for range in series.ranges() {
        let of = &times[range];
        let steps: Vec<i64> = of.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0).collect();
        n_repeated += (of.len().saturating_sub(1) - steps.len()) as u64;
        let Some(usual) = usual_step(of) else { continue };
        let gaps = steps.iter().filter(|&&step| step as f64 > GAP * usual as f64);
        n_gaps += gaps.clone().count() as u64;
        longest = longest.max(gaps.max().copied().unwrap_or(0));
    }
    let n = series.n_points() as u64;
    if n_repeated > 0 {
        notices.counted(NoticeKind::Handled, None, Tally { n: n_repeated, of: n }, |tally| {
            format!("{tally} have the time of the one before; kept in their order")
        });
    }
    if n_gaps > 0 {
        notices.info(
            None,
            format!(
                "{n_gaps} gaps between times, the longest of {:.0} s; nothing was put in",
                longest as f64 / 1e6
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: Vec<(&str, ColumnKind, ColumnData)>) -> Table {
        let column =
            |(name, kind, data): (&str, ColumnKind, ColumnData)| Column { name: name.into(), kind, data };
        Table::new(columns.into_iter().map(column).collect()).unwrap()
    }

    fn times(seconds: &[i64]) -> ColumnData {
        ColumnData::Times(seconds.iter().map(|s| s * 1_000_000).collect())
    }

    #[test]
    fn rows_come_in_the_order_of_time() {
        let table = table(vec![
            ("at", ColumnKind::Timestamp, times(&[0, 120, 60, 180, 600])),
            ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 2.0, 1.0, 3.0, 4.0])),
        ]);
        let read = read_series(&table, &SeriesOptions::default()).unwrap();
        assert_eq!(read.rows, [0, 2, 1, 3, 4]);
        assert_eq!(read.series.values.column(0).to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        let said: String = read.notices.0.iter().map(|n| n.message.clone() + ";").collect();
        assert!(said.contains("earlier") && said.contains("1 gaps"), "{said}");
    }

    #[test]
    fn long_tables_are_many_series() {
        let codes =
            ColumnData::Codes { codes: vec![0, 1, 0, 1], levels: vec!["a".to_owned(), "b".into()].into() };
        let table = table(vec![
            ("at", ColumnKind::Timestamp, times(&[0, 0, 60, 60])),
            ("machine", ColumnKind::Category, codes),
            ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 10.0, 1.0, 11.0])),
        ]);
        let read = read_series(&table, &SeriesOptions::default()).unwrap();
        assert_eq!((read.series.keys, read.series.ends), (vec!["a".to_owned(), "b".to_owned()], vec![2, 4]));
        assert_eq!(read.rows, [0, 2, 1, 3]);
    }

    #[test]
    fn numbers_called_time_are_times() {
        let table = table(vec![
            ("Time", ColumnKind::Number, ColumnData::Numbers(vec![1.6e12, 1.6e12 + 1000.0])),
            ("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 1.0])),
        ]);
        let read = read_series(&table, &SeriesOptions::default()).unwrap();
        assert_eq!(read.series.times.unwrap()[1], 1_600_000_001_000_000);
        assert_eq!(read.series.channels, ["x"]);
        let wrong = SeriesOptions { time: Some("tme".into()), key: None };
        assert!(read_series(&table, &wrong).unwrap_err().to_string().contains("tme"));
    }

    #[test]
    fn even_steps_and_numbers_look_like_a_series() {
        let n = 40_i64;
        let steps: Vec<i64> = (0..n).map(|i| i * 60).collect();
        let numbers = || ColumnData::Numbers((0..n).map(|i| i as f64).collect());
        let series =
            table(vec![("at", ColumnKind::Timestamp, times(&steps)), ("x", ColumnKind::Number, numbers())]);
        assert!(looks_like_series(&series));
        let uneven: Vec<i64> = (0..n).map(|i| i * i * 60).collect();
        let events =
            table(vec![("at", ColumnKind::Timestamp, times(&uneven)), ("x", ColumnKind::Number, numbers())]);
        assert!(!looks_like_series(&events));
    }
}
