//! Series that are published as a training part, a test part, and labels of the test part.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anomalyst::core::{ColumnData, Error, Result, Run, Table};
use anomalyst::data::{ReadOptions, open_bytes};

use super::super::name::stem;
use super::{LabelledSeries, bad, series, text};

/// Deflate cannot shrink data by more than this factor (1032, rounded up), so that a larger claim is a lie.
const MAX_RATIO: u64 = 1100;

type Archive = zip::ZipArchive<BufReader<File>>;

/// The names of the arrays in an archive, without `.npy`.
pub(in super::super) fn names_in_archive(path: &Path) -> Result<Vec<String>> {
    let archive = open(path)?;
    Ok(archive.file_names().filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned())).collect())
}

/// NumPy `train`, `test` and `test_label`; the values of the test part follow those of the training part.
pub(in super::super) fn train_test(path: &Path, run: &Run) -> Result<LabelledSeries> {
    let mut archive = open(path)?;
    let train = array(path, &mut archive, "train", run)?;
    let test = array(path, &mut archive, "test", run)?;
    let label = array(path, &mut archive, "test_label", run)?;
    let (n_channels, n_test_channels) = (train.columns.len(), test.columns.len());
    if n_channels != n_test_channels {
        return Err(bad(path, format!("train has {n_channels} channels, but test {n_test_channels}")));
    }
    if label.columns.len() != 1 || label.n_rows != test.n_rows {
        let (n, n_labels) = (test.n_rows, label.n_rows);
        return Err(bad(path, format!("test has {n} points, but test_label {n_labels} labels")));
    }
    let mut labels = vec![false; train.n_rows];
    for row in 0..label.n_rows {
        let cell = label.columns[0].data.text(row);
        labels.push(
            text::label(&cell).ok_or_else(|| bad(path, format!("test_label has `{cell}`; write 0 or 1")))?,
        );
    }
    let mut cells = Vec::with_capacity(labels.len().saturating_mul(n_channels));
    extend(path, &mut cells, &train)?;
    extend(path, &mut cells, &test)?;
    series(path, cells, n_channels, labels, train.n_rows)
}

fn open(path: &Path) -> Result<Archive> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    zip::ZipArchive::new(BufReader::new(file))
        .map_err(|e| bad(path, format!("the zip archive is damaged or cut short ({e}); get the file again")))
}

/// One array of the archive; the reader of single arrays checks what its header claims.
fn array(path: &Path, archive: &mut Archive, name: &str, run: &Run) -> Result<Table> {
    let entry = archive
        .by_name(&format!("{name}.npy"))
        .map_err(|e| bad(path, format!("the array `{name}` cannot be read: {e}")))?;
    let most = entry.compressed_size().saturating_mul(MAX_RATIO).min(entry.size());
    let mut bytes = Vec::new();
    entry
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| bad(path, format!("the array `{name}` cannot be unpacked: {e}")))?;
    let shown = format!("{}, array {name}", path.display());
    Ok(open_bytes(&shown, bytes, &ReadOptions::default(), run)?.read(run)?.0)
}

/// Row after row.
fn extend(path: &Path, cells: &mut Vec<f64>, table: &Table) -> Result<()> {
    let mut columns = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        match &column.data {
            ColumnData::Numbers(numbers) => columns.push(numbers),
            _ => return Err(bad(path, "an array of values does not hold numbers")),
        }
    }
    cells.extend((0..table.n_rows).flat_map(|row| columns.iter().map(move |column| column[row])));
    Ok(())
}

/// Text in folders `train`, `test` and `test_label`; `path` is the file in `test`.
pub(in super::super) fn smd_text(path: &Path) -> Result<LabelledSeries> {
    let name = path.file_name().ok_or_else(|| bad(path, "this is no file"))?;
    let root =
        path.parent().and_then(Path::parent).ok_or_else(|| bad(path, "it lies in no folder `test`"))?;
    let (train, n_channels) = matrix(&root.join("train").join(name))?;
    let (test, n_test_channels) = matrix(path)?;
    if n_channels != n_test_channels {
        return Err(bad(
            path,
            format!("it has {n_test_channels} channels, but {} in `train` {n_channels}", stem(path)),
        ));
    }
    let label_file = root.join("test_label").join(name);
    let (marks, _) = matrix(&label_file)?;
    if let Some(mark) = marks.iter().find(|&&mark| mark != 0.0 && mark != 1.0) {
        return Err(bad(label_file, format!("`{mark}` is no label; write 0 or 1")));
    }
    let train_end = train.len() / n_channels;
    let mut labels = vec![false; train_end];
    labels.extend(marks.iter().map(|&mark| mark == 1.0));
    series(path, [train, test].concat(), n_channels, labels, train_end)
}

/// The cells of a file row after row, and how many a row has.
fn matrix(path: &Path) -> Result<(Vec<f64>, usize)> {
    let table = text::cells(path, b',', false)?;
    let mut cells = Vec::new();
    for (line, row) in &table.rows {
        for (place, cell) in (1..).zip(row) {
            let value = text::number(cell);
            let place: i32 = place;
            cells.push(value.ok_or_else(|| text::bad_cell(path, *line, &place.to_string(), cell, "number"))?);
        }
    }
    let n_columns = table.rows[0].1.len();
    Ok((cells, n_columns))
}
