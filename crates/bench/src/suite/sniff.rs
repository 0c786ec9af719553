//! Tells the layout of a file by its name and beginning.

use std::path::{Path, PathBuf};

use anomalyst::core::{Error, Result, Run};

use super::name::{stem, ucr_name};
use super::{Kind, Layout, bad, image, mat, series, table, text};

/// What the layouts of a kind are called in messages.
const fn known(kind: Kind) -> &'static str {
    match kind {
        Kind::Table => {
            "npz with X and y, MATLAB level 5 with X and y, ARFF, CSV, Parquet or Arrow with a column of labels, the text of ELKI"
        }
        Kind::Series => {
            "npz with train, test and test_label; folders train, test and test_label of text; TSB-AD, TSB-UAD, UCR, NAB with combined_windows.json, SKAB, TimeEval"
        }
        Kind::Image => "a folder with train/good and test/DEFECT, a list path,split,label,mask,kind",
    }
}

/// The layout of a file, or why it has none that is known.
pub(super) fn file(kind: Kind, path: &Path, run: &Run) -> Result<Layout> {
    match kind {
        Kind::Table => table_file(path, run),
        Kind::Series => series_file(path),
        Kind::Image if image::is_list(path)? => Ok(Layout::ImageList),
        Kind::Image => Err(bad(path, "it is no list of pictures")),
    }
}

/// The error about a file that was named itself, which also says what there could be.
pub(super) fn with_known(kind: Kind, error: Error) -> Error {
    match error {
        Error::Parse { path, line, column, reason } => {
            let reason = format!("{reason}; the known layouts of kind {kind} are: {}", known(kind));
            Error::Parse { path, line, column, reason }
        }
        other => other,
    }
}

fn table_file(path: &Path, run: &Run) -> Result<Layout> {
    if mat::is_mat(path)? {
        return Ok(Layout::Mat);
    }
    table::label_of(path, run)?
        .map(|label| Layout::Table { label })
        .ok_or_else(|| bad(path, "there is no column of labels"))
}

fn series_file(path: &Path) -> Result<Layout> {
    let fault = |what: &str| bad(path, what);
    if has_ending(path, "npz") {
        let names = series::names_in_archive(path)?;
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        return if ["train", "test", "test_label"].into_iter().all(has) {
            Ok(Layout::TrainTest)
        } else {
            Err(fault("the archive lacks one of the arrays train, test, test_label"))
        };
    }
    let start = text::start(path)?;
    let mut lines = start.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().ok_or_else(|| fault("it is empty"))?;
    let names = |delimiter: char| -> Vec<String> {
        first.split(delimiter).map(|name| name.trim().trim_matches('"').to_ascii_lowercase()).collect()
    };
    let by_semicolon = names(';');
    if by_semicolon.len() > 1 {
        let has_label = by_semicolon.iter().any(|name| name == "anomaly");
        return if has_label { Ok(Layout::Skab) } else { Err(fault("there is no column `anomaly`")) };
    }
    let by_comma = names(',');
    let is_number = |cell: &String| cell.parse::<f64>().is_ok();
    if by_comma.iter().all(is_number) && by_comma.len() == 2 {
        let are_labels = lines
            .take(100)
            .chain([first])
            .all(|line| line.rsplit(',').next().is_some_and(|cell| text::label(cell.trim()).is_some()));
        return if are_labels { Ok(Layout::TsbUad) } else { Err(fault("its second column is no label")) };
    }
    if first.split_whitespace().all(|cell| text::number(cell).is_some()) {
        return match ucr_name(&stem(path)) {
            Some(_) => Ok(Layout::Ucr),
            None => Err(fault("it holds numbers alone, and its name tells of no anomaly as in UCR")),
        };
    }
    match &by_comma[..] {
        [.., last] if last == "is_anomaly" && by_comma.len() > 2 => Ok(Layout::TimeEval),
        [.., last] if last == "label" && by_comma.len() > 1 => Ok(Layout::TsbAd),
        [time, value] if time == "timestamp" && value == "value" => match windows_of(path) {
            Some(windows) if series::has_entry(path, &windows) => Ok(Layout::Nab { windows }),
            Some(_) => Err(fault("combined_windows.json says nothing about it")),
            None => Err(fault("no combined_windows.json lies beside or above it")),
        },
        _ => Err(fault("its first line is that of no known layout")),
    }
}

/// Whether the name ends in this extension.
fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|have| have.eq_ignore_ascii_case(ending))
}

/// The file of windows nearest to a series: beside it or above it, or in a folder `labels` there.
fn windows_of(path: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(path).ok()?;
    // The archive has data/GROUP/FILE and labels/combined_windows.json.
    whole
        .ancestors()
        .skip(1)
        .take(4)
        .flat_map(|folder| ["combined_windows.json", "labels/combined_windows.json"].map(|n| folder.join(n)))
        .find(|file| file.is_file())
}
