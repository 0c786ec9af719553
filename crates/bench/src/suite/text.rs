//! Text files: their bytes, their lines, and their cells as numbers, labels and times.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anomalyst::core::{Error, Result};
use jiff::civil::DateTime;

/// Bytes that are looked at to tell a layout.
const START_BYTES: u64 = 64 << 10;

/// A file as a stream, unpacked where it begins like gzip.
pub(super) fn stream(path: &Path) -> Result<Box<dyn Read>> {
    let failed = |e| Error::io(path, e);
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start).map_err(failed)?;
    let is_gzip = start == [0x1f, 0x8b];
    let whole = BufReader::new(std::io::Cursor::new(start).chain(file));
    Ok(if is_gzip { Box::new(flate2::bufread::MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// All text of a file.
pub(super) fn all(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    stream(path)?.read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    String::from_utf8(bytes).map_err(|_| super::bad(path, "this is no text in UTF-8"))
}

/// The beginning of a file; what is no text is replaced.
pub(super) fn start(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    stream(path)?.take(START_BYTES).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}

/// Rows of cells with the line where each begins.
pub(super) struct Cells {
    /// The names in the first line, where there are names.
    pub(super) names: Vec<String>,
    /// Line, counted from 1, and cells.
    pub(super) rows: Vec<(u64, csv::StringRecord)>,
}

/// All cells of delimited text, in which every row is as long as the first.
pub(super) fn cells(path: &Path, delimiter: u8, with_names: bool) -> Result<Cells> {
    let fault = |e: csv::Error| super::bad(path, e.to_string());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(with_names)
        .trim(csv::Trim::All)
        .from_reader(stream(path)?);
    let names = if with_names {
        let names = reader.headers().map_err(fault)?;
        names.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect()
    } else {
        Vec::new()
    };
    let mut rows = Vec::new();
    for record in reader.into_records() {
        let record = record.map_err(fault)?;
        rows.push((record.position().map_or(0, csv::Position::line), record));
    }
    if rows.is_empty() {
        return Err(super::bad(path, "there are no rows"));
    }
    Ok(Cells { names, rows })
}

/// A number; `NaN` for an empty or missing cell; `None` for anything else, infinities among it.
pub(super) fn number(cell: &str) -> Option<f64> {
    match cell {
        "" | "NaN" | "nan" | "NA" | "null" => Some(f64::NAN),
        _ => fast_float2::parse::<f64, _>(cell).ok().filter(|value| value.is_finite()),
    }
}

/// Whether a cell says anomalous.
pub(super) fn label(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        other => match fast_float2::parse::<f64, _>(other) {
            Ok(1.0) => Some(true),
            Ok(0.0) => Some(false),
            _ => None,
        },
    }
}

/// Seconds since 1970; a time without a zone counts as universal time, a number as it is.
pub(super) fn time(cell: &str) -> Option<f64> {
    if let Ok(time) = cell.parse::<DateTime>() {
        return Some(time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs_f64());
    }
    number(cell).filter(|secs| secs.is_finite())
}

/// A cell that is not what its place asks for.
pub(super) fn bad_cell(path: &Path, line: u64, column: &str, cell: &str, want: &str) -> Error {
    Error::Parse {
        path: path.to_owned(),
        line: Some(line),
        column: Some(column.to_owned()),
        reason: format!("`{cell}` is no {want}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_they_say() {
        assert_eq!((number("1e3"), number("inf"), number("x")), (Some(1000.0), None, None));
        assert!(number("").unwrap().is_nan());
        assert_eq!((label("1.0"), label("0"), label("2"), label("")), (Some(true), Some(false), None, None));
        assert_eq!(time("1970-01-02 00:00:01.500000"), Some(86401.5));
        assert_eq!(time("12"), Some(12.0));
        assert_eq!(time("soon"), None);
    }
}
