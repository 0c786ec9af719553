//! Which column of a table is its time, and how times go on.

use anomalyst_core::{
    Column, ColumnData, ColumnKind, Error, NoticeKind, Notices, Result, Series, Table, Tally,
};

use super::{SeriesOptions, find};

/// Names of number columns that hold times, in lower case.
const TIME_NAMES: [&str; 8] = ["time", "timestamp", "ts", "date", "datetime", "epoch", "unix_time", "t"];
/// A step this many times the usual one is a gap.
const GAP: f64 = 1.5;

pub(super) fn time_column<'t>(table: &'t Table, options: &SeriesOptions) -> Result<Option<&'t Column>> {
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
pub(super) fn times_of(column: &Column, notices: &mut Notices) -> Result<Vec<i64>> {
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

/// The middle one of the steps forward between times.
pub(in crate::series) fn usual_step(times: &[i64]) -> Option<i64> {
    let mut steps: Vec<i64> =
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0).collect();
    let middle = steps.len() / 2;
    (!steps.is_empty()).then(|| *steps.select_nth_unstable(middle).1)
}

/// Says where times repeat and where they leave gaps.
pub(super) fn look_at_times(series: &Series, notices: &mut Notices) {
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
