//! Blocks into a table, and the last word on what each column is.

use std::sync::Arc;

use anomalyst_core::{Column, ColumnData, ColumnKind, Error, Label, MISSING_CODE, Notices, Result, Table};
use rustc_hash::FxHashSet;

use crate::block::{Block, Cells};
use crate::infer::{ReadAs, judge_levels, mostly, names_rows};
use crate::label::LabelRule;
use crate::plan::{Plan, Planned, Role};
use crate::said::{self, Tallies};
use crate::source::SourceFile;

/// A table that grows block by block.
pub(crate) struct Collector {
    cells: Vec<Cells>,
    tallies: Tallies,
    n_rows: usize,
    file_ends: Vec<usize>,
    bytes_per_row: u64,
    max_bytes: Option<u64>,
}

/// A finished table and what is to be said about it.
pub(crate) struct Finished {
    pub(crate) table: Table,
    pub(crate) notices: Notices,
    /// One past the last row of each file.
    pub(crate) file_ends: Vec<usize>,
}

impl Collector {
    /// Empty, for the columns of `plan`, in at most so much memory.
    pub(crate) fn new(plan: &Plan, max_bytes: Option<u64>) -> Self {
        let cells: Vec<Cells> = plan.columns.iter().map(|c| Cells::new(c.effective())).collect();
        let bytes_per_row = plan.columns.iter().map(|c| bytes_per_cell(c.effective())).sum();
        Self {
            tallies: Tallies::new(cells.len()),
            cells,
            n_rows: 0,
            file_ends: Vec::new(),
            bytes_per_row,
            max_bytes,
        }
    }

    /// Makes room for about `n_rows`.
    pub(crate) fn reserve(&mut self, n_rows: u64) {
        let within = self.max_bytes.unwrap_or(u64::MAX) / self.bytes_per_row.max(1);
        if let Ok(n_rows) = usize::try_from((n_rows + n_rows / 50 + 16).min(within)) {
            self.cells.iter_mut().for_each(|c| c.reserve(n_rows));
        }
    }

    /// How many rows there are.
    pub(crate) const fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds the next rows, which are of `file`.
    pub(crate) fn append(&mut self, block: Block, file: &SourceFile, several: bool) -> Result<()> {
        let before = self.n_rows;
        self.n_rows += block.n_rows;
        let need = self.bytes_per_row.saturating_mul(self.n_rows as u64);
        if let Some(limit) = self.max_bytes.filter(|&limit| need > limit) {
            return Err(Error::Budget {
                what: "this table in memory".into(),
                need: format!("more than {} MiB", need >> 20),
                limit: format!("{} MiB", limit >> 20),
                hint: "give more with --max-memory, or leave columns out with --ignore".into(),
            });
        }
        self.tallies.at(file, several);
        self.tallies.add_rows([block.short, block.long, block.latin, block.unplanned]);
        for (column, &target) in block.columns.into_iter().zip(&file.targets) {
            self.tallies.add_column(target, column.tally);
            let cells = &mut self.cells[target];
            cells.pad(before);
            cells.append(column.cells);
        }
        Ok(())
    }

    /// No more rows of this file follow.
    pub(crate) fn end_file(&mut self) {
        self.file_ends.push(self.n_rows);
    }

    /// Takes over the counts of later rows.
    pub(crate) fn absorb_tallies(&mut self, later: &mut Self) {
        self.n_rows += later.n_rows;
        self.tallies.absorb(std::mem::take(&mut later.tallies));
    }

    /// What could not be read, in words.
    pub(crate) fn notices(&self, plan: &Plan) -> Notices {
        self.tallies.notices(plan)
    }

    /// Columns that cannot be what their beginning promised.
    pub(crate) fn contradictions(&self, plan: &Plan) -> Vec<usize> {
        let is_contradicted = |&i: &usize| {
            let column = &plan.columns[i];
            let n_bad = self.tallies.columns[i].unreadable.n;
            if n_bad == 0 || column.forced || column.role != Role::Feature {
                return false;
            }
            let n_present = n_bad
                + (0..self.cells[i].len()).filter(|&row| !is_missing(&self.cells[i], row)).count() as u64;
            column.read_as == ReadAs::Boolean || !mostly(n_present - n_bad, n_present)
        };
        (0..self.cells.len()).filter(is_contradicted).collect()
    }

    /// How the labels are to be understood, if there are any.
    pub(crate) fn label_rule(&self, plan: &Plan, notices: &mut Notices) -> Result<Option<LabelRule>> {
        for (column, cells) in plan.columns.iter().zip(&self.cells) {
            let (true, Cells::Codes(codes)) = (matches!(column.role, Role::Label | Role::MaybeLabel), cells)
            else {
                continue;
            };
            match LabelRule::of(&column.name, codes.levels.iter().map(String::as_str), notices) {
                Ok(rule) => return Ok(Some(rule)),
                Err(e) if column.role == Role::Label => return Err(e),
                Err(_) => notices.info(Some(&column.name), "left out: it looks like labels by its name, but its values do not say normal or anomalous"),
            }
        }
        Ok(None)
    }

    /// The table. With a `rule` it is a batch: its labels are understood by that rule, and the kinds of columns
    /// are what was foreseen.
    pub(crate) fn finish(mut self, plan: &Plan, rule: Option<LabelRule>) -> Result<Finished> {
        self.cells.iter_mut().for_each(|c| c.pad(self.n_rows));
        let is_batch = rule.is_some();
        let mut notices = if is_batch { Notices::default() } else { self.tallies.notices(plan) };
        let rule = if is_batch { rule } else { self.label_rule(plan, &mut notices)? };
        let mut table = Table { n_rows: self.n_rows, ..Table::default() };
        table.columns.reserve_exact(plan.columns.len());
        for (i, (column, cells)) in plan.columns.iter().zip(std::mem::take(&mut self.cells)).enumerate() {
            let mut kind = column.kind();
            let data = match (column.role, cells) {
                (Role::Feature, cells) => {
                    if !is_batch {
                        kind = judge(i, column, &cells);
                    }
                    into_data(kind, cells)
                }
                (Role::Id, Cells::Texts(ids)) => {
                    table.ids = Some(ids);
                    ColumnData::Omitted
                }
                (Role::Label | Role::MaybeLabel, Cells::Codes(codes)) => {
                    if let Some(rule) = rule {
                        table.labels = Some(labels(column, rule, &codes.codes, &codes.levels)?);
                    }
                    ColumnData::Omitted
                }
                _ => ColumnData::Omitted,
            };
            table.columns.push(Column { name: column.name.clone(), kind, data });
        }
        if !is_batch {
            said::about_table(&table, plan, &mut notices);
        }
        Ok(Finished { table, notices, file_ends: self.file_ends })
    }
}

const fn bytes_per_cell(read_as: ReadAs) -> u64 {
    match read_as {
        ReadAs::Nothing => 0,
        ReadAs::Number | ReadAs::Time(_) => 8,
        ReadAs::Category | ReadAs::Boolean => 4,
        ReadAs::Text => 32,
    }
}

fn is_missing(cells: &Cells, row: usize) -> bool {
    match cells {
        Cells::Nothing => true,
        Cells::Numbers(cells) => cells[row].is_nan(),
        Cells::Codes(cells) => cells.codes[row] == MISSING_CODE,
        Cells::Booleans(cells) => cells[row] == MISSING_CODE,
        Cells::Times(cells) => cells.micros[row] == i64::MIN,
        Cells::Texts(cells) => cells[row].is_empty(),
    }
}

/// What a column is, now that all of it is known.
fn judge(position: usize, column: &Planned, cells: &Cells) -> ColumnKind {
    if column.forced {
        return column.foreseen;
    }
    match cells {
        Cells::Numbers(numbers) if is_row_numbers(&column.name, position, numbers) => ColumnKind::Identifier,
        Cells::Codes(codes) if column.seen.declared.is_none() => {
            let n_present = codes.codes.iter().filter(|&&c| c != MISSING_CODE).count();
            let per_cell = |n: u64| n * n_present as u64 / u64::from(column.seen.n_present).max(1);
            let seen = &column.seen;
            judge_levels(n_present, codes.levels.len(), per_cell(seen.n_bytes), per_cell(seen.n_blanks))
        }
        Cells::Nothing => column.foreseen,
        _ => column.read_as.kind(),
    }
}

/// Whether numbers do nothing but name or count rows.
fn is_row_numbers(name: &str, position: usize, numbers: &[f64]) -> bool {
    let naming = names_rows(name, position);
    let present = || numbers.iter().copied().filter(|v| !v.is_nan());
    if naming == crate::infer::Naming::Nothing || present().any(|v| v != v.trunc()) {
        return false;
    }
    let increasing = present().zip(present().skip(1)).all(|(a, b)| a < b);
    let (smallest, largest) =
        present().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let n = present().count();
    if !naming.fits(n, smallest, largest, increasing) {
        return false;
    }
    increasing || {
        let mut seen = FxHashSet::default();
        present().all(|v| seen.insert(v.to_bits()))
    }
}

fn into_data(kind: ColumnKind, cells: Cells) -> ColumnData {
    match cells {
        _ if matches!(kind, ColumnKind::Identifier | ColumnKind::Text) => ColumnData::Omitted,
        Cells::Numbers(numbers) => ColumnData::Numbers(numbers),
        Cells::Codes(codes) => ColumnData::Codes { codes: codes.codes, levels: Arc::new(codes.levels) },
        Cells::Booleans(codes) => {
            ColumnData::Codes { codes, levels: Arc::new(vec!["false".to_owned(), "true".to_owned()]) }
        }
        Cells::Times(times) => ColumnData::Times(times.micros),
        Cells::Texts(_) | Cells::Nothing => ColumnData::Omitted,
    }
}

fn labels(column: &Planned, rule: LabelRule, codes: &[u32], levels: &[String]) -> Result<Vec<Label>> {
    let meaning = |level: &String| {
        rule.label(level).ok_or_else(|| {
            Error::Data(format!(
                "column `{}` cannot be the label: `{level}` neither says normal nor anomalous",
                column.name
            ))
        })
    };
    let meanings = levels.iter().map(meaning).collect::<Result<Vec<Label>>>()?;
    Ok(codes.iter().map(|&code| meanings.get(code as usize).copied().unwrap_or(Label::Unknown)).collect())
}
