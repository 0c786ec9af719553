//! What is seen of a column in a sample: counts from which its kind is inferred.

use rustc_hash::{FxHashSet, FxHasher};
use std::hash::Hasher;

use crate::block::Value;
use crate::cell::{CellRules, Number, looks_like_decimal_comma, looks_like_thousands, parse_boolean};
use crate::time::TimeFormat;

/// Levels beyond this many are not counted further; a column with more of them is no category.
pub(crate) const MAX_LEVELS: usize = 10_000;
/// Cells on which every time format is tried; later only those that fitted one of them.
const TIME_TRIALS: u32 = 64;

/// Counts over the cells of a column that were seen so far.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// Cells with a value.
    pub(crate) n_present: u32,
    /// Cells that are finite or infinite numbers.
    pub(crate) n_numbers: u32,
    /// Cells that are whole numbers.
    pub(crate) n_whole: u32,
    /// Cells that are yes or no.
    pub(crate) n_booleans: u32,
    /// Cells that are times, by position in [`TimeFormat::OF_TEXT`].
    pub(crate) n_times: [u32; TimeFormat::OF_TEXT.len()],
    /// Cells that would be numbers with decimal commas.
    pub(crate) n_decimal_commas: u32,
    /// Cells that would be numbers with thousands separators.
    pub(crate) n_thousands: u32,
    /// Bytes of all cells.
    pub(crate) n_bytes: u64,
    /// Blanks in all cells.
    pub(crate) n_blanks: u64,
    /// Smallest finite number.
    pub(crate) smallest: f64,
    /// Largest finite number.
    pub(crate) largest: f64,
    /// Whether every number was larger than the one before.
    pub(crate) increasing: bool,
    /// What the format itself says, where it has types.
    pub(crate) declared: Option<Declared>,
    levels: FxHashSet<u64>,
    full: bool,
}

/// A type that the format states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// Numbers.
    Number,
    /// One of listed values.
    Category,
    /// Yes or no.
    Boolean,
    /// Points in time.
    Time,
    /// Something that cannot take part, such as a list.
    Nested,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            n_present: 0,
            n_numbers: 0,
            n_whole: 0,
            n_booleans: 0,
            n_times: [0; TimeFormat::OF_TEXT.len()],
            n_decimal_commas: 0,
            n_thousands: 0,
            n_bytes: 0,
            n_blanks: 0,
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            increasing: true,
            declared: None,
            levels: FxHashSet::default(),
            full: false,
        }
    }
}

impl Observed {
    /// Nothing seen, but the format says what it is.
    pub(crate) fn declared(declared: Declared) -> Self {
        Self { declared: Some(declared), ..Self::default() }
    }

    /// Sees a trimmed cell of text.
    pub(crate) fn text(&mut self, cell: &[u8], rules: &CellRules) {
        match rules.number(cell) {
            Number::Missing => return,
            Number::Value(value) => self.number(value),
            Number::Infinite | Number::Beyond => {
                self.n_present += 1;
                self.n_numbers += 1;
            }
            Number::Neither => {
                self.n_present += 1;
                self.n_booleans += u32::from(parse_boolean(cell).is_some());
                if memchr::memchr(b',', cell).is_some() {
                    self.n_decimal_commas += u32::from(looks_like_decimal_comma(cell));
                    self.n_thousands += u32::from(looks_like_thousands(cell));
                }
                self.time(cell);
            }
        }
        self.n_bytes += cell.len() as u64;
        self.n_blanks += cell.iter().filter(|&&b| b == b' ').count() as u64;
        self.level(cell);
    }

    fn number(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.n_present += 1;
        self.n_numbers += 1;
        self.n_whole += u32::from(value == value.trunc());
        self.increasing &= value > self.largest;
        self.smallest = self.smallest.min(value);
        self.largest = self.largest.max(value);
    }

    /// Sees a cell of a typed format.
    pub(crate) fn value(&mut self, value: &Value<'_>, rules: &CellRules) {
        match value {
            Value::Missing => {}
            Value::Number(value) => {
                self.number(*value);
                if value.is_finite() {
                    self.level(&value.to_bits().to_le_bytes());
                }
            }
            Value::Boolean(_) | Value::Time(_) => self.n_present += 1,
            Value::Text(text) => self.text(text.trim().as_bytes(), rules),
        }
        if let Value::Boolean(value) = value {
            self.n_booleans += 1;
            self.level(&[u8::from(*value)]);
        }
    }

    fn time(&mut self, cell: &[u8]) {
        if !cell.first().is_some_and(u8::is_ascii_alphanumeric) || !cell.iter().any(u8::is_ascii_digit) {
            return;
        }
        for (count, format) in self.n_times.iter_mut().zip(TimeFormat::OF_TEXT) {
            if (*count > 0 || self.n_present <= TIME_TRIALS) && format.parse(cell).is_some() {
                *count += 1;
            }
        }
    }

    fn level(&mut self, cell: &[u8]) {
        if self.full {
            return;
        }
        let mut hasher = FxHasher::default();
        hasher.write(cell);
        self.levels.insert(hasher.finish());
        self.full = self.levels.len() > MAX_LEVELS;
    }

    /// Different cells, exact up to [`MAX_LEVELS`].
    pub(crate) fn n_distinct(&self) -> usize {
        self.levels.len()
    }

    /// Whether no cell occurred twice, as far as was counted.
    pub(crate) fn all_different(&self) -> bool {
        self.full || self.levels.len() == self.n_present as usize
    }

    /// Adds what was seen of the same column in another file.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.increasing &= other.increasing && (other.n_numbers == 0 || other.smallest > self.largest);
        self.n_present += other.n_present;
        self.n_numbers += other.n_numbers;
        self.n_whole += other.n_whole;
        self.n_booleans += other.n_booleans;
        self.n_times.iter_mut().zip(other.n_times).for_each(|(a, b)| *a += b);
        self.n_decimal_commas += other.n_decimal_commas;
        self.n_thousands += other.n_thousands;
        self.n_bytes += other.n_bytes;
        self.n_blanks += other.n_blanks;
        self.smallest = self.smallest.min(other.smallest);
        self.largest = self.largest.max(other.largest);
        self.levels.extend(&other.levels);
        self.full |= other.full || self.levels.len() > MAX_LEVELS;
        // Where files disagree about a type, the text of the cells decides.
        if self.declared != other.declared {
            self.declared = None;
        }
    }
}
