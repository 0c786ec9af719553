//! Columns as statements that hold or do not: what the points of a card are given for.

use std::fmt;

use anomalyst_core::{Column, ColumnData, MISSING_CODE, Notices, Table};
use serde::{Deserialize, Serialize};

/// Levels of a category that get an indicator of their own, the most frequent ones.
const MAX_LEVELS: usize = 20;

/// A statement about one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indicator {
    /// The column.
    pub column: String,
    /// What is said of it.
    pub test: Test,
}

/// What an indicator says of its column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The number is at least this; a missing one is not.
    AtLeast(f64),
    /// The category is this level.
    Is(String),
    /// There is no value.
    Missing,
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::AtLeast(threshold) => write!(f, "{} >= {threshold}", self.column),
            Test::Is(level) => write!(f, "{} = {level}", self.column),
            Test::Missing => write!(f, "{} is missing", self.column),
        }
    }
}

impl Indicator {
    /// Whether the statement holds, row by row; nowhere where the table lacks the column.
    pub fn holds(&self, table: &Table) -> Vec<bool> {
        let Some(column) = table.column(&self.column) else { return vec![false; table.n_rows] };
        match (&self.test, &column.data) {
            (_, ColumnData::Omitted) => vec![false; table.n_rows],
            (Test::Missing, data) => (0..table.n_rows).map(|row| data.is_missing(row)).collect(),
            (Test::AtLeast(threshold), ColumnData::Numbers(cells)) => {
                cells.iter().map(|v| v >= threshold).collect()
            }
            (Test::Is(level), ColumnData::Codes { codes, levels }) => {
                let wanted = levels.iter().position(|l| l == level);
                codes.iter().map(|code| wanted.is_some_and(|w| w as u32 == *code)).collect()
            }
            _ => vec![false; table.n_rows],
        }
    }
}

/// Every indicator of the columns of `table`, without those that hold in all rows, in none, or as another does.
pub(super) fn indicators(table: &Table, n_thresholds: usize, notices: &mut Notices) -> Vec<Indicator> {
    let mut found: Vec<Indicator> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for column in &table.columns {
        let tests = tests(column, n_thresholds, notices);
        for indicator in tests.into_iter().map(|test| Indicator { column: column.name.clone(), test }) {
            let holds = indicator.holds(table);
            let n = holds.iter().filter(|h| **h).count();
            if n > 0 && n < table.n_rows && seen.insert(holds) {
                found.push(indicator);
            }
        }
    }
    found
}

fn tests(column: &Column, n_thresholds: usize, notices: &mut Notices) -> Vec<Test> {
    let mut tests = match &column.data {
        ColumnData::Numbers(cells) => {
            thresholds(cells, n_thresholds).into_iter().map(Test::AtLeast).collect()
        }
        ColumnData::Codes { codes, levels } => levels_of(codes, levels),
        ColumnData::Times(_) => {
            notices.info(Some(&column.name), "points in time get no points on a card; left out");
            return Vec::new();
        }
        ColumnData::Omitted => return Vec::new(),
    };
    tests.push(Test::Missing);
    tests
}

/// Values of the column that cut it into parts of about equal size; the smallest value cuts nothing off.
fn thresholds(cells: &[f64], n_thresholds: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = cells.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(&least) = sorted.first() else { return Vec::new() };
    let mut distinct = sorted.clone();
    distinct.dedup();
    if distinct.len() <= n_thresholds + 1 {
        return distinct.split_off(1);
    }
    let cut = |k: usize| {
        let value = sorted[(k * sorted.len() / (n_thresholds + 1)).min(sorted.len() - 1)];
        // A value that a large part of the rows shares may reach over several cuts.
        if value > least { value } else { distinct[1] }
    };
    let mut cuts: Vec<f64> = (1..=n_thresholds).map(cut).collect();
    cuts.dedup();
    cuts
}

/// The levels by falling frequency; of two levels, the rarer one says everything.
fn levels_of(codes: &[u32], levels: &[String]) -> Vec<Test> {
    let mut counts = vec![0_usize; levels.len()];
    for code in codes.iter().filter(|code| **code != MISSING_CODE) {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let mut order: Vec<usize> = (0..levels.len()).filter(|at| counts[*at] > 0).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(counts[*at]), *at));
    if order.len() == 2 {
        order.remove(0);
    }
    order.truncate(MAX_LEVELS);
    order.into_iter().map(|at| Test::Is(levels[at].clone())).collect()
}

#[cfg(test)]
mod tests_of_indicators {
    use super::*;
    use anomalyst_core::ColumnKind;
    use std::sync::Arc;

    fn numbers(cells: &[f64]) -> Column {
        Column { name: "x".into(), kind: ColumnKind::Number, data: ColumnData::Numbers(cells.to_vec()) }
    }

    #[test]
    fn numbers_are_cut_at_their_values() {
        assert_eq!(thresholds(&[1.0, 2.0, 3.0, f64::NAN], 9), [2.0, 3.0]);
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(thresholds(&even, 3), [25.0, 50.0, 75.0]);
        // Nine of ten are 0: what is above 0 is still told apart.
        let zeros: Vec<f64> = (0..100).map(|i| if i < 90 { 0.0 } else { f64::from(i) }).collect();
        assert_eq!(thresholds(&zeros, 4), [90.0]);
        assert!(thresholds(&[5.0; 4], 3).is_empty() && thresholds(&[f64::NAN], 3).is_empty());
    }

    #[test]
    fn constant_and_repeated_statements_are_left_out() {
        let codes = ColumnData::Codes {
            codes: vec![0, 1, 1, MISSING_CODE],
            levels: Arc::new(vec!["a".into(), "b".into()]),
        };
        let category = Column { name: "c".into(), kind: ColumnKind::Category, data: codes };
        let table = Table::new(vec![numbers(&[0.0, 1.0, 1.0, f64::NAN]), category]).unwrap();
        let found = indicators(&table, 9, &mut Notices::default());
        let names: Vec<String> = found.iter().map(Indicator::to_string).collect();
        assert_eq!(names, ["x >= 1", "x is missing", "c = a"]);
        assert_eq!(found[2].holds(&table), [true, false, false, false]);
    }

    #[test]
    fn another_table_without_the_column_holds_nowhere() {
        let indicator = Indicator { column: "y".into(), test: Test::AtLeast(0.0) };
        assert_eq!(indicator.holds(&Table::new(vec![numbers(&[1.0, 2.0])]).unwrap()), [false, false]);
    }
}
