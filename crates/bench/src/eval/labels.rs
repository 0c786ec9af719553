//! What a file of labels says: classes, levels of severity, or windows of a series.

use std::collections::HashMap;
use std::path::Path;

use anomalyst::core::{ColumnData, Error, Label, Result, Run};

use super::columns::{Columns, Role, role};

/// More levels than this are no grades of severity.
const MOST_LEVELS: u32 = 20;

/// The truth about items, in the order of its file.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// `None` where it is unknown.
    pub(super) odd: Vec<Option<bool>>,
    /// 0 for normal; there where more than one level above 0 occurs.
    pub(super) levels: Option<Vec<u32>>,
    /// Names of the items.
    pub(super) ids: Option<Vec<String>>,
    /// Seconds.
    pub(super) times: Option<Vec<f64>>,
    /// True groups and their templates.
    pub(super) groups: Option<Vec<String>>,
    pub(super) templates: Option<Vec<String>>,
    /// Whether the labels came as windows of time.
    pub(super) windows: bool,
}

impl Truth {
    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.groups.as_ref().map_or(self.odd.len(), Vec::len)
    }

    /// Whether the labels are of points in time order: windows, or a time beside each label.
    pub(super) const fn is_series(&self) -> bool {
        self.windows || self.times.is_some()
    }

    /// Reads the labels of `columns`: the column called `name`, else the one whose name says so, else the only one.
    pub(super) fn of(columns: &Columns, name: Option<&str>) -> Result<Self> {
        let mut truth = Self { ids: columns.ids.clone(), ..Self::default() };
        truth.times = columns.of_role(Role::Time).map(|column| columns.times(column)).transpose()?;
        truth.groups = columns.of_role(Role::Group).map(|column| columns.texts(column));
        truth.templates = columns.of_role(Role::Template).map(|column| columns.texts(column));
        if let (Some(labels), None) = (&columns.labels, name) {
            truth.odd = labels
                .iter()
                .map(|label| (*label != Label::Unknown).then_some(*label == Label::Anomalous))
                .collect();
            return Ok(truth);
        }
        let column = match name {
            Some(name) => columns.columns.iter().find(|column| column.name == name),
            None => columns.of_role(Role::Label).or_else(|| {
                let mut others = columns.columns.iter().filter(|column| role(&column.name) == Role::Unknown);
                others.next().filter(|_| others.next().is_none())
            }),
        };
        let Some(column) = column else {
            if truth.groups.is_some() && name.is_none() {
                return Ok(truth);
            }
            let names: Vec<&str> = columns.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(Error::Data(format!(
                "{}: which column is the label? Name it with --label; there are {}",
                columns.file,
                names.join(", ")
            )));
        };
        let texts = match &column.data {
            ColumnData::Numbers(cells) => cells
                .iter()
                .map(|cell| if cell.is_nan() { String::new() } else { cell.to_string() })
                .collect(),
            _ => columns.texts(column),
        };
        let mut grades = Vec::with_capacity(texts.len());
        for (row, text) in texts.iter().enumerate() {
            grades.push(grade(text).map_err(|reason| columns.refuse(row, column, &reason))?);
        }
        truth.odd = grades.iter().map(|grade| grade.map(|grade| grade > 0)).collect();
        if grades.iter().flatten().any(|&grade| grade > 1) {
            truth.levels = Some(grades.iter().map(|grade| grade.unwrap_or(0)).collect());
        }
        Ok(truth)
    }
}

/// 0 for normal, 1 for anomalous, more for graver; `None` where nothing is said.
fn grade(text: &str) -> std::result::Result<Option<u32>, String> {
    let word = text.trim().to_ascii_lowercase();
    let number = word.strip_suffix(".0").unwrap_or(&word);
    match number {
        "" | "na" | "nan" | "unknown" | "?" => return Ok(None),
        // As logs of the field mark what is normal.
        "-" => return Ok(Some(0)),
        "-1" => {
            return Err(
                "-1 can mean anomalous (scikit-learn) or normal; write 0 for normal and 1 for anomalous"
                    .into(),
            );
        }
        _ => {}
    }
    if let Some(label) = anomalyst::data::label::word(number) {
        return Ok(Some(u32::from(label == Label::Anomalous)));
    }
    match number.parse::<u32>() {
        Ok(level) if level <= MOST_LEVELS => Ok(Some(level)),
        _ => Err(format!(
            "`{text}` is no label; write 0 or normal, 1 or anomaly, whole numbers up to {MOST_LEVELS} for levels of \
             severity, nothing where it is unknown"
        )),
    }
}

/// Windows of anomalies of one series, in rows or in seconds; both ends belong to the window.
#[derive(Debug, PartialEq)]
pub(super) struct Windows(Vec<[f64; 2]>);

impl Windows {
    /// Reads a JSON file as NAB publishes it: `{"group/file.csv": [["start", "end"], ...]}`; of several series, that
    /// of the scores' file name. A plain list of pairs is of one series.
    pub(super) fn read(path: &Path, scores: &Path) -> Result<Self> {
        let parse = |reason: String| Error::Parse { path: path.to_owned(), line: None, column: None, reason };
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| parse(error.to_string()))?;
        let list = match &value {
            serde_json::Value::Array(list) => list,
            serde_json::Value::Object(of_files) => {
                let stem = |name: &str| {
                    name.rsplit('/').next().and_then(|n| n.split('.').next()).unwrap_or_default().to_owned()
                };
                let wanted = stem(&scores.display().to_string());
                let of_file = of_files.iter().find(|(name, _)| stem(name) == wanted);
                let only = || of_files.iter().next().filter(|_| of_files.len() == 1);
                let (_, list) = of_file.or_else(only).ok_or_else(|| {
                    parse(format!(
                        "it has windows of {} series, none of them called `{wanted}`",
                        of_files.len()
                    ))
                })?;
                list.as_array().ok_or_else(|| parse("windows are lists of [start, end]".into()))?
            }
            _ => return Err(parse("windows are a list of [start, end], or an object of such lists".into())),
        };
        let end = |i: usize, value: Option<&serde_json::Value>| {
            let time = match value {
                Some(serde_json::Value::String(text)) => time_of(text),
                Some(number) => number.as_f64(),
                None => None,
            };
            time.ok_or_else(|| parse(format!("window {}: not a [start, end] of times or row numbers", i + 1)))
        };
        let pairs: Result<Vec<[f64; 2]>> = list
            .iter()
            .enumerate()
            .map(|(i, pair)| Ok([end(i, pair.get(0))?, end(i, pair.get(1))?]))
            .collect();
        Self::checked(pairs?).map_err(parse)
    }

    /// Windows in order, none reversed, none overlapping another.
    pub(super) fn checked(mut pairs: Vec<[f64; 2]>) -> std::result::Result<Self, String> {
        if let Some(i) = pairs.iter().position(|[start, end]| end < start) {
            return Err(format!("window {} ends before it starts", i + 1));
        }
        pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
        match pairs.windows(2).position(|two| two[1][0] <= two[0][1]) {
            Some(i) => Err(format!("windows {} and {} in order of time overlap; join them", i + 1, i + 2)),
            None => Ok(Self(pairs)),
        }
    }

    /// Which points lie in a window: of `times`, or of row numbers counted from 0.
    pub(super) fn labels(&self, n: usize, times: Option<&[f64]>) -> Vec<bool> {
        let mut labels = vec![false; n];
        for (row, label) in labels.iter_mut().enumerate() {
            let at = times.map_or(row as f64, |times| times[row]);
            *label = self.0.iter().any(|[start, end]| (*start..=*end).contains(&at));
        }
        labels
    }
}

/// Seconds since 1970 of a date and time as JSON files write them.
fn time_of(text: &str) -> Option<f64> {
    let text = text.trim().replacen(' ', "T", 1);
    let zoned: Option<jiff::Timestamp> = text.parse().ok();
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let at = zoned.or_else(|| civil().map(|zoned| zoned.timestamp()))?;
    Some(at.as_microsecond() as f64 / 1e6)
}

/// For each of `wanted`, where it stands in `known`; each must stand there once.
pub(super) fn positions(wanted: &[String], known: &[String], files: [&str; 2]) -> Result<Vec<usize>> {
    let mut at: HashMap<&str, usize> = HashMap::with_capacity(known.len());
    for (row, id) in known.iter().enumerate() {
        if let Some(before) = at.insert(id, row) {
            return Err(Error::Data(format!(
                "{}: rows {} and {} are both called `{id}`",
                files[1],
                before + 1,
                row + 1
            )));
        }
    }
    let find = |(row, id): (usize, &String)| {
        at.get(id.as_str()).copied().ok_or_else(|| {
            Error::Data(format!(
                "{}: row {}: there is no label for `{id}` in {}",
                files[0],
                row + 1,
                files[1]
            ))
        })
    };
    wanted.iter().enumerate().map(find).collect()
}

/// Reads a file of labels.
pub(super) fn read(path: &Path, name: Option<&str>, id: Option<&str>, run: &Run) -> Result<Truth> {
    Truth::of(&Columns::read(path, name, id, run)?, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades() {
        assert_eq!(
            [grade("0"), grade("1.0"), grade(" Normal "), grade("3")],
            [Ok(Some(0)), Ok(Some(1)), Ok(Some(0)), Ok(Some(3))]
        );
        assert_eq!(grade(""), Ok(None));
        assert!(
            grade("-1").is_err() && grade("0.5").is_err() && grade("99").is_err() && grade("blue").is_err()
        );
    }

    #[test]
    fn windows_are_checked_and_closed() {
        assert!(Windows::checked(vec![[3.0, 1.0]]).unwrap_err().contains("window 1"));
        assert!(Windows::checked(vec![[5.0, 9.0], [1.0, 5.0]]).unwrap_err().contains("overlap"));
        let windows = Windows::checked(vec![[3.0, 4.0], [1.0, 1.0]]).unwrap();
        assert_eq!(windows.labels(6, None), [false, true, false, true, true, false]);
        assert_eq!(windows.labels(3, Some(&[0.5, 1.0, 3.5])), [false, true, true]);
    }

    #[test]
    fn times_as_json_files_write_them() {
        assert_eq!(time_of("1970-01-01 00:01:00.000000"), Some(60.0));
        assert_eq!(time_of("1970-01-01T01:00:00+01:00"), Some(0.0));
        assert_eq!(time_of("soon"), None);
    }
}
