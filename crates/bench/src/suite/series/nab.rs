//! The Numenta anomaly benchmark: `timestamp,value`, with windows of anomaly in one file for all series.

use std::collections::BTreeMap;
use std::path::Path;

use anomalyst::core::Result;

use super::super::name::without_extensions;
use super::{LabelledSeries, bad, series, text};

/// Part of a series at its beginning that is not scored (Lavin and Ahmad 2015, section II).
const PROBATION_FRAC: f64 = 0.15;
/// In the benchmark's code the probation grows no more beyond 5,000 points.
const MAX_PROBATION: usize = 750;

type Windows = BTreeMap<String, Vec<(String, String)>>;

/// A point is anomalous from the first to the last instant of a window, both included.
pub(in super::super) fn nab(path: &Path, windows: &Path) -> Result<LabelledSeries> {
    let windows = windows_of(path, windows)?;
    let table = text::cells(path, b',', true)?;
    let mut values = Vec::with_capacity(table.rows.len());
    let mut times = Vec::with_capacity(table.rows.len());
    for (line, row) in &table.rows {
        let (time, value) = (row.get(0).unwrap_or(""), row.get(1).unwrap_or(""));
        times.push(text::time(time).ok_or_else(|| text::bad_cell(path, *line, "timestamp", time, "time"))?);
        values
            .push(text::number(value).ok_or_else(|| text::bad_cell(path, *line, "value", value, "number"))?);
    }
    let is_inside = |time: &f64| windows.iter().any(|&(begin, end)| begin <= *time && *time <= end);
    let labels: Vec<bool> = times.iter().map(is_inside).collect();
    let train_end = ((labels.len() as f64 * PROBATION_FRAC) as usize).min(MAX_PROBATION);
    Ok(LabelledSeries { times: Some(times), ..series(path, values, 1, labels, train_end)? })
}

/// The windows of one series in seconds, in order and apart.
fn windows_of(path: &Path, file: &Path) -> Result<Vec<(f64, f64)>> {
    let all: Windows = serde_json::from_str(&text::all(file)?)
        .map_err(|e| bad(file, format!("this is no file of windows as NAB has them: {e}")))?;
    let (name, windows) = all
        .iter()
        .filter(|(name, _)| is_of(path, name))
        .max_by_key(|(name, _)| name.len())
        .ok_or_else(|| bad(file, format!("it says nothing about {}", path.display())))?;
    let fault = |window: &(String, String), what: &str| {
        bad(file, format!("the window {} to {} of {name} {what}", window.0, window.1))
    };
    let mut read: Vec<(f64, f64)> = Vec::with_capacity(windows.len());
    for window in windows {
        let (begin, end) = text::time(&window.0)
            .zip(text::time(&window.1))
            .ok_or_else(|| fault(window, "is no pair of times"))?;
        if begin > end {
            return Err(fault(window, "ends before it begins"));
        }
        if read.iter().any(|&(b, e)| begin <= e && b <= end) {
            return Err(fault(window, "overlaps another one"));
        }
        read.push((begin, end));
    }
    Ok(read)
}

/// Whether the path ends in this name, however its file is packed.
fn is_of(path: &Path, name: &str) -> bool {
    // From the root, so that a file that was named from within its folder is found too.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Path::new(without_extensions(&whole.to_string_lossy())).ends_with(without_extensions(name))
}

/// Whether the file of windows has an entry for this series.
pub(in super::super) fn has_entry(path: &Path, file: &Path) -> bool {
    let all = text::all(file).ok().and_then(|text| serde_json::from_str::<Windows>(&text).ok());
    all.is_none_or(|all| all.keys().any(|name| is_of(path, name)))
}
