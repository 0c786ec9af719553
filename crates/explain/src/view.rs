//! The reference seen from the columns of the table at hand, whatever their order and codes.

use std::collections::HashMap;
use std::sync::Arc;

use anomalyst_core::{Column, ColumnData, Expected, MISSING_CODE, Table};

use crate::cells::{Cell, cell, text};
use crate::reference::Reference;
use crate::usual::{ColumnUsual, Reading, Values, What};

/// Values that a cell is replaced by to see what it contributes.
pub(crate) const N_DONORS: usize = 8;
/// Levels that are named as usual.
const MAX_COMMON: usize = 5;

/// The columns of a table with what the reference knows about each.
pub(crate) struct View<'a> {
    pub(crate) reference: &'a Reference,
    /// One per column of the table; `None` where it was left out, is new or changed its kind.
    pub(crate) known: Vec<Option<Known<'a>>>,
    /// The table without its rows, with the levels of both.
    shell: Table,
}

/// What the reference knows about a column.
pub(crate) struct Known<'a> {
    pub(crate) usual: &'a ColumnUsual,
    /// The cells of the sample rows, with codes of the table's own levels.
    pub(crate) sample: Vec<Cell>,
    /// Cells of sample rows, evenly spread over the ranks.
    pub(crate) donors: Vec<Cell>,
    /// The most ordinary cell: the median, or the most frequent level; missing where most cells are.
    pub(crate) typical: Cell,
    /// Width of the usual range; 0 for categories and constants.
    pub(crate) scale: f64,
    /// The usual range as text: low, typical, high.
    range: Option<[String; 3]>,
    /// The most frequent levels with their shares.
    common: Vec<(String, f64)>,
}

impl<'a> View<'a> {
    /// Looks at every column of `table`; the reference's levels are added to its own.
    pub(crate) fn new(reference: &'a Reference, table: &Table) -> Self {
        let mut shell = table.take(&[]);
        let by_name: HashMap<&str, usize> =
            reference.columns.iter().enumerate().map(|(i, c)| (c.name.as_str(), i)).collect();
        let known = |column: &mut Column| {
            let at = *by_name.get(column.name.as_str())?;
            let usual = reference.columns.get(at).filter(|usual| usual.fits(&column.data))?;
            Some(Known::new(usual, column, &reference.sample.columns.get(at)?.data))
        };
        let known = shell.columns.iter_mut().map(known).collect();
        Self { reference, known, shell }
    }

    /// The cells of the rows at `rows`, with the levels of the view.
    pub(crate) fn block(&self, table: &Table, rows: &[usize]) -> Table {
        let mut block = table.take(rows);
        (block.ids, block.labels) = (None, None);
        for (column, shell) in block.columns.iter_mut().zip(&self.shell.columns) {
            if let (ColumnData::Codes { levels, .. }, ColumnData::Codes { levels: all, .. }) =
                (&mut column.data, &shell.data)
            {
                *levels = Arc::clone(all);
            }
        }
        block
    }

    /// How the cell of `table` at `row` and `column` compares; `None` where nothing is known.
    pub(crate) fn read(&self, table: &Table, row: usize, column: usize) -> Option<Reading> {
        let known = self.known[column].as_ref()?;
        let cell = cell(&table.columns[column].data, row)?;
        Some(known.usual.read(cell, level(&table.columns[column].data, cell)))
    }

    /// What is usual in `column` beside the cell that was read.
    pub(crate) fn expected(&self, table: &Table, row: usize, column: usize, reading: Reading) -> Expected {
        let Some(known) = &self.known[column] else { return Expected::Missing { missing: 1.0 } };
        match (reading.what, &known.range, &known.usual.values) {
            (What::Above | What::Below | What::Between(..), Some([low, typical, high]), _) => {
                Expected::Range {
                    low: low.clone(),
                    typical: typical.clone(),
                    high: high.clone(),
                    tail: reading.tail,
                }
            }
            (What::Level, _, Values::Levels(levels)) => {
                let data = &table.columns[column].data;
                let own = cell(data, row).map_or(0.0, |cell| levels.own_share(level(data, cell)));
                Expected::Levels { common: known.common.clone(), own }
            }
            _ => Expected::Missing { missing: known.usual.missing_share() },
        }
    }

    /// A cell of `column` as text, in the levels of the view.
    pub(crate) fn text(&self, column: usize, cell: Cell) -> String {
        text(&self.shell.columns[column], cell)
    }

    /// What the user calls a sample row.
    pub(crate) fn sample_name(&self, at: usize) -> String {
        let row = self.reference.sample_rows.get(at).copied().unwrap_or_default();
        let own = self.reference.sample.ids.as_ref().and_then(|ids| ids.get(at).cloned());
        own.unwrap_or_else(|| row.saturating_add(1).to_string())
    }

    /// `normal rows`, or `rows` where the reference had to take all.
    pub(crate) const fn rows_word(&self) -> &'static str {
        if self.reference.only_normal { "normal rows" } else { "rows" }
    }
}

impl<'a> Known<'a> {
    fn new(usual: &'a ColumnUsual, column: &mut Column, sampled: &ColumnData) -> Self {
        let sample = adopt(&mut column.data, sampled);
        let mut order: Vec<usize> = (0..sample.len()).collect();
        order.sort_by(|&a, &b| rank(sample[a]).total_cmp(&rank(sample[b])));
        let n_donors = if order.is_empty() { 0 } else { N_DONORS };
        let donors = (0..n_donors).map(|i| sample[order[(2 * i + 1) * order.len() / (2 * n_donors)]]);
        let typical = typical(usual, &column.data, sample.first().copied());
        let range = usual.range();
        let common = match &usual.values {
            Values::Levels(levels) => {
                let n = (levels.n() as f64).max(1.0);
                let share = |(name, count): &(String, u64)| (name.clone(), *count as f64 / n);
                levels.common.iter().take(MAX_COMMON).map(share).collect()
            }
            _ => Vec::new(),
        };
        Self {
            usual,
            donors: donors.collect(),
            typical,
            scale: range.map_or(0.0, |[low, _, high]| high - low),
            range: range.map(|range| range.map(|v| usual.number_text(v))),
            common,
            sample,
        }
    }
}

impl Known<'_> {
    /// From the median, in units of the usual range; 0 for what has no median.
    pub(crate) fn deviation(&self, cell: Cell) -> f64 {
        match (cell.number(), self.usual.quantile(0.5)) {
            (Some(v), Some(median)) if v != median => (v - median).abs() / self.scale,
            _ => 0.0,
        }
    }

    /// From a cell to that of a sample row, 0 to 1, in units of the usual range.
    pub(crate) fn distance(&self, at: usize, cell: Cell) -> f64 {
        let Some(&other) = self.sample.get(at) else { return 1.0 };
        match (cell.number(), other.number()) {
            _ if cell.same(other) => 0.0,
            (Some(a), Some(b)) if self.scale > 0.0 => ((a - b).abs() / self.scale).min(1.0),
            _ => 1.0,
        }
    }
}

/// The name of the level of `cell`; empty for anything else.
fn level(data: &ColumnData, cell: Cell) -> &str {
    match (data, cell) {
        (ColumnData::Codes { levels, .. }, Cell::Code(code)) => {
            levels.get(code as usize).map_or("", String::as_str)
        }
        _ => "",
    }
}

/// Missing first, then numbers and times by value, categories by code.
fn rank(cell: Cell) -> f64 {
    match cell {
        cell if cell.is_missing() => f64::NEG_INFINITY,
        Cell::Number(v) => v,
        Cell::Time(v) => v as f64,
        Cell::Code(code) => f64::from(code),
    }
}

/// The cells of `sampled` as `data` would hold them; levels that `data` lacks are added to it.
fn adopt(data: &mut ColumnData, sampled: &ColumnData) -> Vec<Cell> {
    match (data, sampled) {
        (ColumnData::Codes { levels, .. }, ColumnData::Codes { codes, levels: from }) => {
            let at: HashMap<&str, u32> =
                levels.iter().enumerate().map(|(i, name)| (name.as_str(), i as u32)).collect();
            let mut added = Vec::new();
            let mut map = Vec::with_capacity(from.len());
            for name in from.iter() {
                map.push(at.get(name.as_str()).copied().unwrap_or_else(|| {
                    added.push(name.clone());
                    (levels.len() + added.len() - 1) as u32
                }));
            }
            if !added.is_empty() {
                *levels = Arc::new(levels.iter().cloned().chain(added).collect());
            }
            let own = |&code: &u32| map.get(code as usize).copied().unwrap_or(MISSING_CODE);
            codes.iter().map(|code| Cell::Code(own(code))).collect()
        }
        (_, sampled) => (0..sampled.len().unwrap_or(0)).filter_map(|row| cell(sampled, row)).collect(),
    }
}

fn typical(usual: &ColumnUsual, data: &ColumnData, any: Option<Cell>) -> Cell {
    let missing = match data {
        ColumnData::Numbers(_) | ColumnData::Omitted => Cell::Number(f64::NAN),
        ColumnData::Codes { .. } => Cell::Code(MISSING_CODE),
        ColumnData::Times(_) => Cell::Time(i64::MIN),
    };
    if usual.missing_share() > 0.5 {
        return missing;
    }
    match (&usual.values, data) {
        (Values::Numbers(_), _) => usual.quantile(0.5).map_or(missing, Cell::Number),
        (Values::Times(_), _) => usual.quantile(0.5).map_or(missing, |v| Cell::Time(v as i64)),
        (Values::Levels(counts), ColumnData::Codes { levels, .. }) => {
            let first = counts.common.first();
            let code = first.and_then(|(name, _)| levels.iter().position(|level| level == name));
            code.map_or(any.unwrap_or(missing), |code| Cell::Code(code as u32))
        }
        _ => missing,
    }
}

/// The text of a cell in its column.
pub(crate) fn cell_text(column: &Column, row: usize) -> String {
    cell(&column.data, row).map_or_else(String::new, |cell| text(column, cell))
}
