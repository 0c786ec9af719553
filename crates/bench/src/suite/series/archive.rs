//! The UCR anomaly archive, and the form that TSB-UAD gave to it and to others.

use std::path::Path;

use anomalyst::core::Result;

use super::super::name::{UcrName, stem, ucr_name};
use super::{LabelledSeries, bad, series, text};

/// Values alone, one a line or all in one line, with training part and anomaly in the name. The archive counts
/// points from 1 and both ends of the anomaly belong to it.
pub(in super::super) fn ucr(path: &Path) -> Result<LabelledSeries> {
    let told = ucr_name(&stem(path))
        .ok_or_else(|| bad(path, "the name does not end in _TRAIN_BEGIN_END, as in the UCR archive"))?;
    let all = text::all(path)?;
    let mut values = Vec::new();
    for (line, cells) in (1..).zip(all.lines()) {
        for cell in cells.split([' ', '\t', ',']).filter(|cell| !cell.is_empty()) {
            let value = text::number(cell);
            values.push(value.ok_or_else(|| text::bad_cell(path, line, "value", cell, "number"))?);
        }
    }
    let labels = labels(path, told, values.len())?;
    series(path, values, 1, labels, told.train_end)
}

fn labels(path: &Path, told: UcrName, n: usize) -> Result<Vec<bool>> {
    let (begin, end) = told.bounds;
    if begin == 0 || begin > end || end > n {
        return Err(bad(
            path,
            format!("the name says that points {begin} to {end} are anomalous, but there are {n}"),
        ));
    }
    Ok((1..=n).map(|point| (begin..=end).contains(&point)).collect())
}

/// `value,label` a line, without a header. Where such a file bears a name of the UCR archive, its labels take the
/// bounds of the name as counted from 0 with the end left out, which is one point less and one later than the
/// archive's own reading; the labels of the file are taken as they are.
pub(in super::super) fn tsb_uad(path: &Path) -> Result<LabelledSeries> {
    let table = text::cells(path, b',', false)?;
    let mut values = Vec::with_capacity(table.rows.len());
    let mut labels = Vec::with_capacity(table.rows.len());
    for (line, row) in &table.rows {
        let (value, label) = (row.get(0).unwrap_or(""), row.get(1).unwrap_or(""));
        values
            .push(text::number(value).ok_or_else(|| text::bad_cell(path, *line, "value", value, "number"))?);
        labels.push(
            text::label(label)
                .ok_or_else(|| text::bad_cell(path, *line, "label", label, "label; write 0 or 1"))?,
        );
    }
    let train_end = ucr_name(&stem(path)).map_or(0, |told| told.train_end);
    series(path, values, 1, labels, train_end)
}
