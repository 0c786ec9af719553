//! Typed columns of some consecutive rows of one file, and counts of what could not be read.

use std::borrow::Cow;

use anomalyst_core::{ColumnData, MISSING_CODE};
use rustc_hash::FxHashMap;

use crate::cell::{CellRules, Number, parse_boolean};
use crate::infer::ReadAs;
use crate::text::decode;

/// A block with this many cells takes no more rows. Dense text never gets there: what makes up a piece has fewer
/// cells. Rows that leave most columns out would otherwise fill any memory.
const MOST_CELLS: usize = 1 << 20;

/// Some consecutive rows of a file.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// How many rows.
    pub(crate) n_rows: usize,
    /// Their cells, by position in the file.
    pub(crate) columns: Vec<BlockColumn>,
    /// Rows with fewer cells than the header.
    pub(crate) short: Count,
    /// Rows with more cells than the header.
    pub(crate) long: Count,
    /// Cells that are not UTF-8.
    pub(crate) latin: Count,
    /// Names of values that no column was planned for.
    pub(crate) unplanned: Count,
}

/// The cells of one column and what could not be read of it.
#[derive(Debug)]
pub(crate) struct BlockColumn {
    /// As many as the block has rows, unless it is not read.
    pub(crate) cells: Cells,
    /// What could not be read.
    pub(crate) tally: Tally,
}

/// Cells of one kind.
#[derive(Debug)]
pub(crate) enum Cells {
    /// Not read.
    Nothing,
    /// Finite numbers; `NaN` is missing.
    Numbers(Vec<f64>),
    /// Levels in order of appearance.
    Codes(Codes),
    /// 0, 1 or [`MISSING_CODE`].
    Booleans(Vec<u32>),
    /// Microseconds since 1970; `i64::MIN` is missing.
    Times(TimeCells),
    /// As written.
    Texts(Vec<String>),
}

/// Codes and what they mean.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    /// One per row.
    pub(crate) codes: Vec<u32>,
    /// In order of appearance.
    pub(crate) levels: Vec<String>,
    index: FxHashMap<Box<[u8]>, u32>,
}

/// Times and how they are written.
#[derive(Debug)]
pub(crate) struct TimeCells {
    /// One per row.
    pub(crate) micros: Vec<i64>,
    format: crate::time::TimeFormat,
}

/// What could not be read of a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Not of the column's kind.
    pub(crate) unreadable: Count,
    /// Spelled as infinity.
    pub(crate) infinite: Count,
    /// Numbers beyond 64 bits.
    pub(crate) beyond: Count,
}

/// How often something occurred, and where first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    /// How often.
    pub(crate) n: u64,
    /// Line (or row) and text of the first.
    pub(crate) first: Option<Box<(u64, String)>>,
}

impl Count {
    /// One more.
    pub(crate) fn add(&mut self, line: impl FnOnce() -> u64, example: impl FnOnce() -> String) {
        self.n += 1;
        self.first.get_or_insert_with(|| Box::new((line(), example())));
    }

    /// Those of later rows.
    pub(crate) fn append(&mut self, later: Self) {
        self.n += later.n;
        self.first = self.first.take().or(later.first);
    }
}

impl Tally {
    /// Those of later rows.
    pub(crate) fn append(&mut self, later: Self) {
        self.unreadable.append(later.unreadable);
        self.infinite.append(later.infinite);
        self.beyond.append(later.beyond);
    }
}

impl Codes {
    /// One more cell.
    pub(crate) fn push(&mut self, cell: &[u8]) {
        let code = self.code(cell);
        self.codes.push(code);
    }

    /// The code of a level, which may be new.
    pub(crate) fn code(&mut self, cell: &[u8]) -> u32 {
        if let Some(&code) = self.index.get(cell) {
            return code;
        }
        let code = self.levels.len() as u32;
        self.levels.push(decode(cell).into_owned());
        self.index.insert(cell.into(), code);
        code
    }
}

impl Cells {
    /// Empty, for cells read like this.
    pub(crate) fn new(read_as: ReadAs) -> Self {
        match read_as {
            ReadAs::Nothing => Self::Nothing,
            ReadAs::Number => Self::Numbers(Vec::new()),
            ReadAs::Category => Self::Codes(Codes::default()),
            ReadAs::Boolean => Self::Booleans(Vec::new()),
            ReadAs::Time(format) => Self::Times(TimeCells { micros: Vec::new(), format }),
            ReadAs::Text => Self::Texts(Vec::new()),
        }
    }

    /// How many there are; 0 where they are not read.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Numbers(cells) => cells.len(),
            Self::Codes(cells) => cells.codes.len(),
            Self::Booleans(cells) => cells.len(),
            Self::Times(cells) => cells.micros.len(),
            Self::Texts(cells) => cells.len(),
        }
    }

    /// Adds missing cells until there are `n`.
    pub(crate) fn pad(&mut self, n: usize) {
        match self {
            Self::Nothing => {}
            Self::Numbers(cells) => cells.resize(n, f64::NAN),
            Self::Codes(cells) => cells.codes.resize(n, MISSING_CODE),
            Self::Booleans(cells) => cells.resize(n, MISSING_CODE),
            Self::Times(cells) => cells.micros.resize(n, i64::MIN),
            Self::Texts(cells) => cells.resize(n, String::new()),
        }
    }

    /// Makes room for `n` cells.
    pub(crate) fn reserve(&mut self, n: usize) {
        match self {
            Self::Nothing => {}
            Self::Numbers(cells) => cells.reserve_exact(n),
            Self::Codes(cells) => cells.codes.reserve_exact(n),
            Self::Booleans(cells) => cells.reserve_exact(n),
            Self::Times(cells) => cells.micros.reserve_exact(n),
            Self::Texts(cells) => cells.reserve_exact(n),
        }
    }

    /// Adds cells of the same kind. Levels get the codes of this column.
    pub(crate) fn append(&mut self, later: Self) {
        match (self, later) {
            // What comes in one piece needs no copy.
            (Self::Numbers(all), Self::Numbers(more))
                if all.is_empty() && more.len() * 2 > all.capacity() =>
            {
                *all = more;
            }
            (Self::Numbers(all), Self::Numbers(more)) => all.extend_from_slice(&more),
            (Self::Booleans(all), Self::Booleans(more)) => all.extend_from_slice(&more),
            (Self::Times(all), Self::Times(more)) => all.micros.extend_from_slice(&more.micros),
            (Self::Texts(all), Self::Texts(more)) => all.extend(more),
            (Self::Codes(all), Self::Codes(more)) => {
                let here: Vec<u32> = more.levels.iter().map(|level| all.code(level.as_bytes())).collect();
                let renamed =
                    more.codes.iter().map(|&c| here.get(c as usize).copied().unwrap_or(MISSING_CODE));
                all.codes.extend(renamed);
            }
            _ => {}
        }
    }
}

/// What became of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pushed {
    Fine,
    Unreadable,
    Infinite,
    Beyond,
}

impl BlockColumn {
    /// Empty, for cells read like this.
    pub(crate) fn new(read_as: ReadAs) -> Self {
        Self { cells: Cells::new(read_as), tally: Tally::default() }
    }

    /// Adds a trimmed cell of text.
    pub(crate) fn push_text(&mut self, cell: &[u8], rules: &CellRules, line: impl FnOnce() -> u64) {
        let tally = match push_text(&mut self.cells, cell, rules) {
            Pushed::Fine => return,
            Pushed::Unreadable => &mut self.tally.unreadable,
            Pushed::Infinite => &mut self.tally.infinite,
            Pushed::Beyond => &mut self.tally.beyond,
        };
        tally.add(line, || decode(cell).chars().take(40).collect());
    }

    /// Adds a number of a typed format; `NaN` is missing.
    #[inline]
    pub(crate) fn push_number(&mut self, value: f64, rules: &CellRules, row: impl FnOnce() -> u64) {
        match &mut self.cells {
            Cells::Numbers(cells) if !value.is_infinite() => cells.push(value),
            _ if value.is_nan() => self.push(Value::Missing, rules, row),
            _ => self.push(Value::Number(value), rules, row),
        }
    }

    /// Adds a cell of a typed format.
    pub(crate) fn push(&mut self, value: Value<'_>, rules: &CellRules, row: impl FnOnce() -> u64) {
        let n = self.cells.len();
        match (&mut self.cells, value) {
            (Cells::Nothing, _) => {}
            (cells, Value::Missing) => cells.pad(n + 1),
            (Cells::Numbers(cells), Value::Number(value)) => {
                cells.push(if value.is_finite() { value } else { f64::NAN });
                if value.is_infinite() {
                    self.tally.infinite.add(row, || value.to_string());
                }
            }
            (Cells::Numbers(cells), Value::Boolean(value)) => cells.push(f64::from(u8::from(value))),
            (Cells::Numbers(cells), Value::Time(micros)) => cells.push(micros as f64),
            (Cells::Booleans(cells), Value::Boolean(value)) => cells.push(u32::from(value)),
            (Cells::Times(cells), Value::Time(micros)) => cells.micros.push(micros),
            (_, value) => self.push_text(value.text().trim().as_bytes(), rules, row),
        }
    }
}

/// A cell of a typed format.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// No value.
    Missing,
    /// A number; what is not finite becomes missing.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
    /// Microseconds since 1970.
    Time(i64),
    /// A string.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// As a person would write it.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Missing => Cow::Borrowed(""),
            Self::Number(value) => Cow::Owned(value.to_string()),
            Self::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Time(micros) => Cow::Owned(ColumnData::Times(vec![*micros]).text(0)),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

fn push_text(cells: &mut Cells, cell: &[u8], rules: &CellRules) -> Pushed {
    let mut pushed = Pushed::Fine;
    match cells {
        Cells::Nothing => {}
        Cells::Numbers(cells) => {
            let (value, how) = match rules.number(cell) {
                Number::Value(value) => (value, Pushed::Fine),
                Number::Missing => (f64::NAN, Pushed::Fine),
                Number::Infinite => (f64::NAN, Pushed::Infinite),
                Number::Beyond => (f64::NAN, Pushed::Beyond),
                Number::Neither => (f64::NAN, Pushed::Unreadable),
            };
            cells.push(value);
            pushed = how;
        }
        Cells::Texts(cells) => cells.push(decode(cell).into_owned()),
        Cells::Codes(cells) if rules.is_missing(cell) => cells.codes.push(MISSING_CODE),
        Cells::Codes(cells) => cells.push(cell),
        Cells::Booleans(cells) => {
            let value = parse_boolean(cell);
            cells.push(value.map_or(MISSING_CODE, u32::from));
            if value.is_none() && !rules.is_missing(cell) {
                pushed = Pushed::Unreadable;
            }
        }
        Cells::Times(cells) => {
            let value = cells.format.parse_in(cell, rules.zone()).filter(|_| !rules.is_missing(cell));
            cells.micros.push(value.unwrap_or(i64::MIN));
            if value.is_none() && !rules.is_missing(cell) {
                pushed = Pushed::Unreadable;
            }
        }
    }
    pushed
}

impl Block {
    /// Empty, for columns read like this.
    pub(crate) fn new(read_as: &[ReadAs]) -> Self {
        Self { columns: read_as.iter().map(|&r| BlockColumn::new(r)).collect(), ..Self::default() }
    }

    /// Whether there are so many cells that further rows belong into another block.
    pub(crate) fn is_full(&self) -> bool {
        self.n_rows.saturating_mul(self.columns.len()) >= MOST_CELLS
    }

    /// Completes a row: columns that got no cell in it have none.
    pub(crate) fn end_row(&mut self, columns: std::ops::Range<usize>) {
        self.n_rows += 1;
        for column in &mut self.columns[columns] {
            column.cells.pad(self.n_rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_blocks_come_together() {
        let mut all = Cells::new(ReadAs::Category);
        for words in [["b", "a"], ["a", "c"]] {
            let mut block = BlockColumn::new(ReadAs::Category);
            words.iter().for_each(|w| block.push_text(w.as_bytes(), &CellRules::default(), || 0));
            all.append(block.cells);
        }
        let Cells::Codes(codes) = all else { panic!() };
        assert_eq!(
            (codes.codes, codes.levels),
            (vec![0, 1, 1, 2], ["b", "a", "c"].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn what_cannot_be_read_is_counted_with_its_place() {
        let mut column = BlockColumn::new(ReadAs::Number);
        for (line, cell) in [(3, "1"), (4, "x"), (5, "y"), (6, "inf"), (7, "1e999"), (8, "NA")] {
            column.push_text(cell.as_bytes(), &CellRules::default(), || line);
        }
        assert_eq!(column.cells.len(), 6);
        assert_eq!(column.tally.unreadable.n, 2);
        assert_eq!(column.tally.unreadable.first.as_deref(), Some(&(4, "x".to_owned())));
        assert_eq!((column.tally.infinite.n, column.tally.beyond.n), (1, 1));
    }
}
