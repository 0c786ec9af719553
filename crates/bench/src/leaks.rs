//! Signs that a result says less than it seems to: rows on both sides of the split, the label among the features.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use anomalyst::core::{ColumnData, Label, Table};

use crate::protocol::Split;

/// What is doubtful about a divided set, in words.
pub(crate) fn check(split: &Split) -> Vec<String> {
    let mut warnings: Vec<String> = same_rows(split).into_iter().chain(known_rows(split)).collect();
    warnings.extend(
        split.test.columns.iter().filter(|column| tells_the_label(&column.data, &split.labels)).map(
            |column| {
                format!(
                    "column `{}` has one value exactly where the label says anomalous; it may be the label",
                    column.name
                )
            },
        ),
    );
    warnings
}

fn same_rows(split: &Split) -> Option<String> {
    let train = split.train.as_ref()?;
    let known: HashSet<u64> = (0..train.n_rows).map(|row| fingerprint(train, row)).collect();
    let n_same = (0..split.test.n_rows).filter(|&row| known.contains(&fingerprint(&split.test, row))).count();
    (n_same > 0).then(|| {
        format!("{n_same} of {} scored rows are equal to rows that were learned from", split.test.n_rows)
    })
}

/// Anomalies whose answer was in the labels learned from, because an equal row was.
fn known_rows(split: &Split) -> Option<String> {
    let train = split.train.as_ref()?;
    let labels = train.labels.as_ref()?;
    let odd = (0..train.n_rows).filter(|&row| labels[row] == Label::Anomalous);
    let known: HashSet<u64> = odd.map(|row| fingerprint(train, row)).collect();
    let scored: Vec<usize> = (0..split.test.n_rows).filter(|&row| split.labels[row]).collect();
    let n_same = scored.iter().filter(|&&row| known.contains(&fingerprint(&split.test, row))).count();
    (n_same > 0).then(|| {
        format!(
            "{n_same} of {} scored anomalies are equal to anomalies whose labels were learned",
            scored.len()
        )
    })
}

/// Of the cells that take part. Both sides come from one table, so that codes mean the same.
fn fingerprint(table: &Table, row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in &table.columns {
        match &column.data {
            ColumnData::Numbers(cells) => (cells[row] + 0.0).to_bits().hash(&mut hasher),
            ColumnData::Codes { codes, .. } => codes[row].hash(&mut hasher),
            ColumnData::Times(cells) => cells[row].hash(&mut hasher),
            ColumnData::Omitted => {}
        }
    }
    hasher.finish()
}

/// Whether anomalous rows all have one value that no normal row has, and normal rows one other. Three of each are the
/// fewest that say something.
fn tells_the_label(data: &ColumnData, labels: &[bool]) -> bool {
    let value = |row: usize| match data {
        ColumnData::Numbers(cells) => Some((cells[row] + 0.0).to_bits()),
        ColumnData::Codes { codes, .. } => Some(u64::from(codes[row])),
        ColumnData::Times(_) | ColumnData::Omitted => None,
    };
    let n_odd = labels.iter().filter(|&&odd| odd).count();
    if n_odd < 3 || labels.len() - n_odd < 3 {
        return false;
    }
    let only = |wanted: bool| {
        let mut values = (0..labels.len()).filter(|&row| labels[row] == wanted).map(value);
        let first = values.next().flatten()?;
        values.all(|other| other == Some(first)).then_some(first)
    };
    matches!((only(true), only(false)), (Some(a), Some(b)) if a != b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn leaks_are_named() {
        let table = |values| Table::from_matrix(&values);
        let labels = vec![false, false, false, true, true, true];
        let test = table(array![[1.0, 7.0], [1.0, 8.0], [1.0, 9.0], [2.0, 7.0], [2.0, 8.0], [2.0, 9.0]]);
        let train = Some(table(array![[1.0, 8.0], [5.0, 5.0]]));
        let split = |train, test, labels| Split { train, test, labels, periods: Vec::new() };
        let mut learned = train.clone();
        learned.iter_mut().for_each(|t: &mut Table| t.labels = Some(vec![Label::Normal, Label::Anomalous]));
        let of_labels = check(&split(learned.clone(), test.clone(), labels.clone()));
        assert!(!of_labels.iter().any(|text| text.contains("whose labels")), "{of_labels:?}");
        learned.iter_mut().for_each(|t| t.columns[1].data = ColumnData::Numbers(vec![5.0, 8.0]));
        learned.iter_mut().for_each(|t| t.columns[0].data = ColumnData::Numbers(vec![5.0, 2.0]));
        let of_labels = check(&split(learned, test.clone(), labels.clone()));
        assert!(of_labels.iter().any(|text| text.starts_with("1 of 3 scored anomalies")), "{of_labels:?}");
        let warnings = check(&split(train, test, labels.clone()));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].starts_with("1 of 6 scored rows") && warnings[1].contains("`x1`"),
            "{warnings:?}"
        );
        let clean = table(array![[1.0], [2.0], [1.0], [2.0], [2.0], [2.0]]);
        assert!(check(&split(None, clean, labels)).is_empty());
    }
}
