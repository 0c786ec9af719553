//! Time under protocol `time`: the order of rows, the periods of those that are scored, and how a method does in each.

use std::ops::Range;

use anomalyst::core::{ColumnData, Result, Table};
use anomalyst::report::{Block, Grid, Section, metric_value};
use anomalyst_measure::Case;
use serde::{Deserialize, Serialize};

use crate::suite::Kind;
use crate::{Row, measured};

/// Periods of a table that has no months.
const PERIODS: usize = 6;
/// The fewest and the most months that are taken for periods.
const MONTHS: Range<usize> = 3..61;
/// Share of a period's normal rows that may be flagged where recall is measured.
const FALSE_ALARMS: f64 = 0.01;

/// Rows that follow each other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Period {
    pub(crate) name: String,
    pub(crate) rows: Range<usize>,
}

/// How a method did in one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfPeriod {
    /// The month, or its number.
    pub period: String,
    /// Rows.
    pub n: usize,
    /// Anomalous rows among them.
    pub n_odd: usize,
    /// Average precision; absent where all rows are of one kind, as all that follows.
    pub ap: Option<f64>,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
    /// Share of the anomalies that is found where 1 % of the normal rows are flagged.
    pub recall: Option<f64>,
}

fn times(table: &Table) -> Option<&Vec<i64>> {
    table.columns.iter().find_map(|column| match &column.data {
        ColumnData::Times(cells) => Some(cells),
        _ => None,
    })
}

/// `rows` in the order of the first column of times, where there is one; rows without a time come first.
pub(crate) fn in_time(table: &Table, mut rows: Vec<usize>) -> Vec<usize> {
    if let Some(times) = times(table) {
        rows.sort_by_key(|&row| times[row]);
    }
    rows
}

/// The months of a table in the order of time, or parts of as many rows each.
pub(crate) fn periods(table: &Table) -> Vec<Period> {
    let n = table.n_rows;
    let parts = |n_parts: usize| (0..n_parts).map(move |i| i * n / n_parts..(i + 1) * n / n_parts);
    let months =
        table.columns.iter().find(|column| matches!(column.data, ColumnData::Times(_))).map(|column| {
            let mut months: Vec<Period> = Vec::new();
            for row in 0..n {
                let name: String = column.data.text(row).chars().take(7).collect();
                match months.last_mut() {
                    Some(last) if last.name == name => last.rows.end = row + 1,
                    _ => months.push(Period { name, rows: row..row + 1 }),
                }
            }
            months
        });
    months.filter(|months| MONTHS.contains(&months.len())).unwrap_or_else(|| {
        let numbered = parts(PERIODS.min(n)).enumerate();
        numbered.map(|(i, rows)| Period { name: (i + 1).to_string(), rows }).collect()
    })
}

/// How `scores` do in each period.
pub(crate) fn measure(periods: &[Period], labels: &[bool], scores: &[f64]) -> Result<Vec<OfPeriod>> {
    let of = |period: &Period| {
        let (labels, scores) = (&labels[period.rows.clone()], &scores[period.rows.clone()]);
        let n_odd = labels.iter().filter(|&&odd| odd).count();
        let mut of = OfPeriod {
            period: period.name.clone(),
            n: labels.len(),
            n_odd,
            ap: None,
            auroc: None,
            recall: None,
        };
        if n_odd > 0 && n_odd < labels.len() {
            let case = Case::new(labels.to_vec()).with_scores(scores.to_vec())?;
            let metrics = measured::measure(Kind::Table, &case, &["ap".into(), "auroc".into()])?;
            let metric = |id: &str| metrics.get(id).and_then(serde_json::Value::as_f64);
            (of.ap, of.auroc, of.recall) = (metric("ap"), metric("auroc"), Some(recall(labels, scores)));
        }
        Ok(of)
    };
    periods.iter().map(of).collect()
}

/// Share of anomalies above the score that at most `FALSE_ALARMS` of the normal rows exceed.
fn recall(labels: &[bool], scores: &[f64]) -> f64 {
    let of = |wanted: bool| labels.iter().zip(scores).filter(move |(l, _)| **l == wanted).map(|(_, &s)| s);
    let mut normal: Vec<f64> = of(false).collect();
    normal.sort_unstable_by(|a, b| b.total_cmp(a));
    let threshold = normal[(FALSE_ALARMS * normal.len() as f64) as usize];
    of(true).filter(|&score| score > threshold).count() as f64 / of(true).count() as f64
}

/// Sets of which tables over time are shown.
const SHOWN_SETS: usize = 8;

/// Tables of methods by periods, for each set that was divided by time.
pub(crate) fn sections(rows: &[Row]) -> Vec<Section> {
    let mut sets: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| !row.periods.is_empty()) {
        if !sets.contains(&row.set.as_str()) {
            sets.push(&row.set);
        }
    }
    sets.into_iter().take(SHOWN_SETS).map(|set| section(set, rows)).collect()
}

fn section(set: &str, rows: &[Row]) -> Section {
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row.set == set && !row.periods.is_empty()).collect();
    let whole = |row: &Row| row.metric("ap").unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| whole(b).total_cmp(&whole(a)));
    let grid = |value: fn(&OfPeriod) -> Option<f64>| {
        let first = &rows[0].periods;
        let mut columns = vec![("method".to_owned(), false)];
        columns.extend(first.iter().map(|of| (of.period.clone(), true)));
        columns.extend([("mean".into(), true), ("drop".into(), true)]);
        let text = |v: Option<f64>| v.map(metric_value).unwrap_or_default();
        let mut share = vec!["anomalous rows".to_owned()];
        share.extend(first.iter().map(|of| of.n_odd.to_string()));
        share.extend([String::new(), String::new()]);
        let line = |row: &&Row| {
            let values: Vec<Option<f64>> = row.periods.iter().map(value).collect();
            let (early, late) = values.split_at(values.len() / 2);
            let drop = mean(early).zip(mean(late)).map(|(early, late)| early - late);
            let mut cells = vec![row.method.clone()];
            cells.extend(values.iter().map(|&v| text(v)));
            cells.extend([text(mean(&values)), drop.map(|d| format!("{d:+.3}")).unwrap_or_default()]);
            cells
        };
        Block::Grid(Grid { columns, rows: std::iter::once(share).chain(rows.iter().map(line)).collect() })
    };
    let blocks = vec![
        Block::Text("Average precision in each period; the drop is the mean of the earlier half less that of the later.".into()),
        grid(|of| of.ap),
        Block::Text(format!("Recall where {} % of a period's normal rows are flagged.", 100.0 * FALSE_ALARMS)),
        grid(|of| of.recall),
    ];
    Section { title: format!("{set} over time"), blocks }
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::row;
    use anomalyst::core::{Column, ColumnKind};

    fn table(times: Vec<i64>) -> Table {
        let n_rows = times.len();
        let column =
            Column { name: "at".into(), kind: ColumnKind::Timestamp, data: ColumnData::Times(times) };
        Table { columns: vec![column], n_rows, ..Table::default() }
    }

    #[test]
    fn months_are_periods_and_rows_come_in_order() {
        let day = |n: i64| n * 86_400_000_000;
        let days = [70, 0, 40, 1, 41, 2];
        let shuffled = table(days.iter().map(|&n| day(n)).collect());
        let order = in_time(&shuffled, (0..6).collect());
        assert_eq!(order, [1, 3, 5, 2, 4, 0]);
        let months = periods(&shuffled.take(&order));
        let found: Vec<(&str, usize)> = months.iter().map(|p| (p.name.as_str(), p.rows.len())).collect();
        assert_eq!(found, [("1970-01", 3), ("1970-02", 2), ("1970-03", 1)]);
        assert_eq!(periods(&table(vec![0; 12])).len(), PERIODS, "one month is divided in parts");
    }

    /// 200 normal rows with scores 0 to 199: two may be flagged, so the threshold is 197.
    #[test]
    fn recall_is_at_one_percent_of_false_alarms() {
        let mut labels = vec![false; 200];
        let mut scores: Vec<f64> = (0..200).map(f64::from).collect();
        labels.extend([true; 4]);
        scores.extend([500.0, 198.0, 197.0, 3.0]);
        assert_eq!(recall(&labels, &scores), 0.5);
        let period = Period { name: "1".into(), rows: 0..204 };
        let of = measure(&[period, Period { name: "2".into(), rows: 0..200 }], &labels, &scores).unwrap();
        assert_eq!((of[0].recall, of[0].n_odd, of[1].ap), (Some(0.5), 4, None));
    }

    #[test]
    fn the_drop_is_from_the_earlier_to_the_later_half() {
        let of = |i: usize| OfPeriod {
            period: i.to_string(),
            n: 10,
            n_odd: 2,
            ap: Some([0.9, 0.8, 0.5, 0.4][i]),
            auroc: None,
            recall: None,
        };
        let rows = vec![Row { periods: (0..4).map(of).collect(), ..row("s", "m", Some(0.7)) }];
        let Block::Grid(grid) = &sections(&rows)[0].blocks[1] else { panic!("no table") };
        assert_eq!(grid.rows[1], ["m", "0.900", "0.800", "0.500", "0.400", "0.650", "+0.400"]);
    }
}
