//! Delimited text with a header and a column of labels: TSB-AD, SKAB, `TimeEval`.

use std::path::{Path, PathBuf};

use anomalyst::core::Result;

use super::super::name::{stem, tsb_ad_train_end};
use super::{LabelledSeries, bad, series, text};

/// Which columns are what.
struct Columns {
    delimiter: u8,
    label: &'static str,
    /// Columns that are neither label nor channel nor time.
    ignored: &'static [&'static str],
    /// Whether the first column is a time, whatever it is called.
    has_times: bool,
}

/// Names of a first column that is a time in any layout: order is no channel.
const TIMES: [&str; 4] = ["timestamp", "datetime", "time", "date"];

const TSB_AD: Columns = Columns { delimiter: b',', label: "Label", ignored: &[], has_times: false };
const SKAB: Columns =
    Columns { delimiter: b';', label: "anomaly", ignored: &["changepoint"], has_times: true };
const TIME_EVAL: Columns = Columns { delimiter: b',', label: "is_anomaly", ignored: &[], has_times: true };

/// Channels and a last column `Label`.
pub(in super::super) fn tsb_ad(path: &Path) -> Result<LabelledSeries> {
    let series = read(path, &TSB_AD)?;
    let train_end = tsb_ad_train_end(&stem(path)).unwrap_or(0);
    let n = series.labels.len();
    if train_end >= n {
        return Err(bad(
            path,
            format!("the name says that {train_end} points are for training, but there are {n}"),
        ));
    }
    Ok(LabelledSeries { train_end, ..series })
}

/// A time, sensors, `anomaly` and `changepoint`, of which the last says when a state begins and ends and would give
/// the anomalies away.
pub(in super::super) fn skab(path: &Path) -> Result<LabelledSeries> {
    read(path, &SKAB)
}

/// A time, channels and `is_anomaly`. The training part of `NAME.test.csv` is the file `NAME.train.csv` beside it.
pub(in super::super) fn time_eval(path: &Path) -> Result<LabelledSeries> {
    let test = read(path, &TIME_EVAL)?;
    let Some(train) = train_beside(path) else { return Ok(test) };
    let train = read(&train, &TIME_EVAL)?;
    if train.values.ncols() != test.values.ncols() {
        let (got, want) = (train.values.ncols(), test.values.ncols());
        return Err(bad(path, format!("it has {want} channels, but the training file beside it {got}")));
    }
    let (train_end, n_channels) = (train.labels.len(), test.values.ncols());
    let cells = train.values.iter().chain(&test.values).copied().collect();
    let labels = [train.labels, test.labels].concat();
    let times = train.times.zip(test.times).map(|(train, test)| [train, test].concat());
    Ok(LabelledSeries { times, ..series(path, cells, n_channels, labels, train_end)? })
}

/// The training file that belongs to a test file, if there is one.
fn train_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (stem, ending) = name.split_once(".test.")?;
    Some(path.with_file_name(format!("{stem}.train.{ending}"))).filter(|train| train.is_file())
}

fn read(path: &Path, columns: &Columns) -> Result<LabelledSeries> {
    let table = text::cells(path, columns.delimiter, true)?;
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let label = table.names.iter().position(|name| is(name, columns.label));
    let label = label.ok_or_else(|| bad(path, format!("there is no column `{}`", columns.label)))?;
    let has_times = columns.has_times || TIMES.iter().any(|name| is(&table.names[0], name));
    let is_channel = |&place: &usize| {
        let is_time = has_times && place == 0;
        place != label && !is_time && !columns.ignored.iter().any(|name| is(&table.names[place], name))
    };
    let channels: Vec<usize> = (0..table.names.len()).filter(is_channel).collect();
    let mut cells = Vec::with_capacity(table.rows.len() * channels.len());
    let mut labels = Vec::with_capacity(table.rows.len());
    let mut times = has_times.then(Vec::new);
    for (line, row) in &table.rows {
        let cell = |place: usize| row.get(place).unwrap_or("");
        let fault = |place: usize, want| text::bad_cell(path, *line, &table.names[place], cell(place), want);
        for &place in &channels {
            cells.push(text::number(cell(place)).ok_or_else(|| fault(place, "number"))?);
        }
        labels.push(text::label(cell(label)).ok_or_else(|| fault(label, "label; write 0 or 1"))?);
        // One unreadable time makes the others useless for what needs equal steps.
        times = times.zip(text::time(cell(0))).map(|(mut times, secs)| {
            times.push(secs);
            times
        });
    }
    Ok(LabelledSeries { times, ..series(path, cells, channels.len(), labels, 0)? })
}
