//! Which rows of a table make one series.

use std::collections::HashMap;

use anomalyst_core::{Column, ColumnKind, Notices, Result, Table};

use super::{SeriesOptions, find};

/// The rows of a table by series.
pub(super) struct Groups {
    /// For each row the number of its series.
    pub(super) of: Vec<usize>,
    /// What each series is called; empty where there is one without a name.
    pub(super) names: Vec<String>,
    /// The column that tells them apart, if one does.
    pub(super) column: Option<String>,
}

impl Groups {
    /// By the column that tells series apart, or else by file, or else all rows are one.
    pub(super) fn of(
        table: &Table,
        files: &[(String, usize)],
        options: &SeriesOptions,
        times: Option<&[i64]>,
        notices: &mut Notices,
    ) -> Result<Self> {
        let one = || Self { of: vec![0; table.n_rows], names: vec![String::new()], column: None };
        let is_repeated = times.is_some_and(|times| is_repeated(files, times));
        if let Some(column) = key_column(table, options, is_repeated)? {
            let by_key = Self::by_column(table, column);
            notices.info(Some(&column.name), format!("names {} series", by_key.names.len()));
            return Ok(by_key);
        }
        if is_repeated {
            notices.handled(
                None,
                "most times occur more than once and no column was taken to tell series apart; if one does, name it with \
                 --key COLUMN",
            );
        }
        if files.len() < 2 {
            return Ok(one());
        }
        let n = files.len();
        if times.is_some_and(|times| follow_each_other(files, times)) {
            notices
                .info(None, format!("{n} files whose times follow each other: taken as parts of one series"));
            return Ok(one());
        }
        let why = if times.is_some() { "whose times overlap" } else { "without times" };
        notices.info(None, format!("{n} files {why}: each is a series of its own, called by its name"));
        let of = (0..table.n_rows).map(|row| file_of(files, row)).collect();
        Ok(Self { of, names: names(files), column: None })
    }

    /// Series in the order of their first rows.
    fn by_column(table: &Table, column: &Column) -> Self {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut names = Vec::new();
        let of = (0..table.n_rows)
            .map(|row| {
                *numbers.entry(column.data.text(row)).or_insert_with_key(|name| {
                    names.push(name.clone());
                    names.len() - 1
                })
            })
            .collect();
        Self { of, names, column: Some(column.name.clone()) }
    }
}

/// The column that tells series apart: the one named, or the only one of categories where times repeat.
fn key_column<'t>(
    table: &'t Table,
    options: &SeriesOptions,
    is_repeated: bool,
) -> Result<Option<&'t Column>> {
    if let Some(name) = &options.key {
        return find(table, name).map(Some);
    }
    let is_category = |column: &&Column| column.kind == ColumnKind::Category && column.data.len().is_some();
    let mut categories = table.columns.iter().filter(is_category);
    Ok(match (categories.next(), categories.next()) {
        (Some(only), None) if is_repeated => Some(only),
        _ => None,
    })
}

/// Whether at least half of the times occur again within their file.
fn is_repeated(files: &[(String, usize)], times: &[i64]) -> bool {
    let mut sorted: Vec<(usize, i64)> =
        times.iter().enumerate().map(|(row, &time)| (file_of(files, row), time)).collect();
    sorted.sort_unstable();
    let n_repeated = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
    2 * n_repeated >= times.len().max(1)
}

fn file_of(files: &[(String, usize)], row: usize) -> usize {
    files.partition_point(|&(_, end)| end <= row)
}

/// Whether the times of each file lie after those of all files before it, in some order of the files.
fn follow_each_other(files: &[(String, usize)], times: &[i64]) -> bool {
    let mut begin = 0;
    let mut spans = Vec::new();
    for &(_, end) in files {
        let of = &times[begin..end];
        begin = end;
        spans.extend(of.iter().min().copied().zip(of.iter().max().copied()));
    }
    spans.sort_unstable();
    spans.windows(2).all(|pair| pair[0].1 < pair[1].0)
}

/// File names without folder and extension, as far as they still differ.
fn names(files: &[(String, usize)]) -> Vec<String> {
    let stem = |path: &str| {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
    };
    let stems: Vec<String> = files.iter().map(|(path, _)| stem(path)).collect();
    let mut sorted: Vec<&String> = stems.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return files.iter().map(|(path, _)| path.clone()).collect();
    }
    stems
}
