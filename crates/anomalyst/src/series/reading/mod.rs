//! A table read as series: which column is the time, which names the series, which are channels.

use anomalyst_core::{
    Column, ColumnData, Error, NoticeKind, Notices, Result, Series, Table, Tally, nearest_name,
};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

mod counters;
mod groups;
mod steps;
#[cfg(test)]
mod tests;
mod times;

pub use steps::{Aggregate, Steps};
pub(super) use times::usual_step;

use groups::Groups;
use times::{look_at_times, time_column, times_of};

/// What a user can say about how rows are series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeriesOptions {
    /// The column of times; found where nothing is said.
    pub time: Option<String>,
    /// The column that names the series of each row; found where times repeat.
    pub key: Option<String>,
    /// Even steps that rows are put on; where nothing is said, each row is a point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
    /// Columns that only grow until they start anew, of which the increments are looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<String>,
}

/// Series with the rows they came from.
#[derive(Clone, Debug)]
pub struct ReadSeries {
    /// The series, each in the order of time.
    pub series: Series,
    /// For each row of the table its point.
    pub points: Vec<usize>,
    /// What was found and repaired.
    pub notices: Notices,
}

/// The series that `table` holds, which was read from `files`: the name of each and one past its last row.
pub fn read_series(table: &Table, files: &[(String, usize)], options: &SeriesOptions) -> Result<ReadSeries> {
    let mut notices = Notices::default();
    let time = time_column(table, options)?;
    let times = time.map(|column| times_of(column, &mut notices)).transpose()?;
    let groups = Groups::of(table, files, options, times.as_deref(), &mut notices)?;
    let order = order(&groups, times.as_deref(), &mut notices);
    let channels = channels(table, &[time.map(|c| c.name.as_str()), groups.column.as_deref()], &mut notices)?;
    let (mut ends, mut keys) = (Vec::new(), Vec::new());
    for (i, rows) in order.chunk_by(|&a, &b| groups.of[a] == groups.of[b]).enumerate() {
        ends.push(rows.len() + if i == 0 { 0 } else { ends[i - 1] });
        keys.push(groups.names[groups.of[rows[0]]].clone());
    }
    let values =
        Array2::from_shape_fn((order.len(), channels.len()), |(i, channel)| channels[channel].1[order[i]]);
    let mut series = Series {
        channels: channels.iter().map(|(name, _)| (*name).to_owned()).collect(),
        values,
        ends,
        keys,
        times: times.map(|times| order.iter().map(|&row| times[row]).collect()),
        labels: table.labels.as_ref().map(|labels| order.iter().map(|&row| labels[row]).collect()),
    };
    for name in &options.counters {
        find(table, name)?;
    }
    let is_counter: Vec<bool> = series.channels.iter().map(|name| options.counters.contains(name)).collect();
    counters::hint(&series, &is_counter, &mut notices);
    counters::take_increments(&mut series, &is_counter, &mut notices);
    look_at_times(&series, &mut notices);
    let mut points = vec![0; order.len()];
    order.iter().enumerate().for_each(|(point, &row)| points[row] = point);
    if let Some(steps) = options.steps {
        let (resampled, step_of) = steps::resample(&series, steps, &is_counter, &mut notices)?;
        points.iter_mut().for_each(|point| *point = step_of[*point]);
        series = resampled;
    }
    Ok(ReadSeries { series, points, notices })
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

/// The columns of numbers but those `named` otherwise.
fn channels<'t>(
    table: &'t Table,
    named: &[Option<&str>],
    notices: &mut Notices,
) -> Result<Vec<(&'t str, &'t [f64])>> {
    let mut channels: Vec<(&str, &[f64])> = Vec::new();
    let mut left_out = Vec::new();
    for column in table.columns.iter().filter(|column| !named.contains(&Some(column.name.as_str()))) {
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
    Ok(channels)
}

/// Rows by series and time; series in the order of their first rows.
fn order(groups: &Groups, times: Option<&[i64]>, notices: &mut Notices) -> Vec<usize> {
    let n_rows = groups.of.len();
    if let Some(times) = times {
        let mut latest = vec![i64::MIN; groups.names.len()];
        let mut n_back = 0_u64;
        for (&group, &time) in groups.of.iter().zip(times) {
            n_back += u64::from(time < latest[group]);
            latest[group] = time.max(latest[group]);
        }
        if n_back > 0 {
            let tally = Tally { n: n_back, of: n_rows as u64 };
            notices.counted(NoticeKind::Handled, None, tally, |tally| {
                format!("{tally} are earlier than one before them; put in the order of time")
            });
        }
    }
    let mut order: Vec<usize> = (0..n_rows).collect();
    order.sort_by_key(|&row| (groups.of[row], times.map_or(0, |times| times[row])));
    order
}
