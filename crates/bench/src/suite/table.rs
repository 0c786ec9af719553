//! Tables with labels, by the project's own readers.

use std::path::Path;

use anomalyst::core::{ColumnKind, Result, Run, Table};
use anomalyst::data::{ReadOptions, TableSource, open};

use super::bad;

/// Names of columns that are labels, the surest first.
const LABELS: [&str; 12] = [
    "label",
    "labels",
    "is_anomaly",
    "anomaly",
    "is_outlier",
    "outlier",
    "y",
    "class",
    "target",
    "ground_truth",
    "ground.truth",
    "original.label",
];

fn source(path: &Path, options: &ReadOptions, run: &Run) -> Result<TableSource> {
    // A name with `*` or `[` in it is no pattern here, because a file of that name is there.
    open(&[path.to_string_lossy().into_owned()], options, run)
}

/// The column that says which rows are anomalous: `Some(None)` where the format itself says so, `None` where there
/// is none.
pub(super) fn label_of(path: &Path, run: &Run) -> Result<Option<Option<String>>> {
    if let Ok(names) = super::series::names_in_archive(path)
        && names.iter().any(|name| name.eq_ignore_ascii_case("y"))
    {
        return Ok(Some(None));
    }
    let source = source(path, &ReadOptions::default(), run)?;
    let columns = &source.schema().columns;
    let named =
        LABELS.iter().find_map(|label| columns.iter().find(|column| column.name.eq_ignore_ascii_case(label)));
    if let Some(column) = named {
        return Ok(Some(Some(column.name.clone())));
    }
    // The last attribute of ARFF is the class by convention, and so is the last column of text without a header,
    // as ELKI has it; unless it holds quantities.
    let has_no_header = (1..).zip(columns).all(|(i, column): (usize, _)| column.name == format!("x{i}"));
    let may_be_last = source.summary().format.starts_with("arff") || has_no_header;
    Ok(columns
        .last()
        .filter(|column| may_be_last && columns.len() > 1 && column.kind != ColumnKind::Number)
        .filter(|column| column.kind != ColumnKind::Timestamp)
        .map(|column| Some(column.name.clone())))
}

/// All rows; the label column and a column called `id` are no features.
pub(super) fn read(path: &Path, label: Option<&str>, run: &Run) -> Result<Table> {
    let opened = source(path, &ReadOptions::default(), run)?;
    let names = opened.schema().columns.iter().map(|column| &column.name);
    // Repositories number the rows in a column `id`, often in the order of the classes. Other columns that could be
    // labels say the same as the label or more.
    let gives_away = |name: &str| {
        name.eq_ignore_ascii_case("id")
            || (label.is_some() && LABELS[..6].iter().any(|known| name.eq_ignore_ascii_case(known)))
    };
    let ignore = names.filter(|name| gives_away(name) && Some(name.as_str()) != label).cloned().collect();
    let options = ReadOptions { label: label.map(str::to_owned), ignore, ..ReadOptions::default() };
    let (table, _) = source(path, &options, run)?.read(run)?;
    if table.labels.is_none() {
        return Err(bad(path, "there is no column of labels, such as `label` or `y`"));
    }
    Ok(table)
}
