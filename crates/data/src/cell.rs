//! One cell of text: is it missing, is it a number, is it yes or no.

use anomalyst_core::Result;
use jiff::tz::TimeZone;

use crate::ReadOptions;
use crate::time::time_zone;

/// How the user writes numbers and missing values.
#[derive(Clone, Debug, Default)]
pub(crate) struct CellRules {
    extra_missing: Vec<Vec<u8>>,
    decimal_comma: bool,
    thousands: Option<char>,
    zone: Option<TimeZone>,
}

/// What a cell is as a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A finite number.
    Value(f64),
    /// A missing value.
    Missing,
    /// Spelled as infinity.
    Infinite,
    /// Digits beyond what 64 bits hold.
    Beyond,
    /// Something else.
    Neither,
}

/// Spellings of a missing value, in lower case.
const MISSING: [&[u8]; 21] = [
    b"na", b"n/a", b"nan", b"null", b"none", b"?", b"-", b"#n/a", b"nil", b"--", b"n.a.", b"<na>", b"nat",
    b"#null!", b"#div/0!", b"#value!", b"(null)", b"\\n", b".", b"-nan", b"#na",
];

impl CellRules {
    /// # Errors
    /// Where the time zone is not known.
    pub(crate) fn new(options: &ReadOptions) -> Result<Self> {
        Ok(Self {
            extra_missing: options.missing.iter().map(|m| m.trim().as_bytes().to_vec()).collect(),
            decimal_comma: options.decimal_comma,
            thousands: options.thousands,
            zone: options.time_zone.as_deref().map(time_zone).transpose()?,
        })
    }

    /// The time zone of times that name none, where the user says so.
    pub(crate) fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }

    /// Whether plain digits with a point are all there is to a number, so that fast paths may be taken.
    pub(crate) fn plain_numbers(&self) -> bool {
        !self.decimal_comma && self.thousands.is_none() && self.extra_missing.is_empty()
    }

    /// Whether `cell`, already trimmed, stands for no value.
    pub(crate) fn is_missing(&self, cell: &[u8]) -> bool {
        cell.is_empty()
            || (cell.len() <= 8 && MISSING.iter().any(|m| m.eq_ignore_ascii_case(cell)))
            || self.extra_missing.iter().any(|m| m.eq_ignore_ascii_case(cell))
    }

    /// Reads a trimmed cell as a number.
    pub(crate) fn number(&self, cell: &[u8]) -> Number {
        if !self.extra_missing.is_empty() && self.is_missing(cell) {
            return Number::Missing;
        }
        match self.parse(cell) {
            Some(value) if value.is_finite() => Number::Value(value),
            Some(value) if value.is_nan() => Number::Missing,
            Some(_) if cell.iter().any(u8::is_ascii_digit) => Number::Beyond,
            Some(_) => Number::Infinite,
            None if self.is_missing(cell) => Number::Missing,
            None => Number::Neither,
        }
    }

    fn parse(&self, cell: &[u8]) -> Option<f64> {
        if !self.decimal_comma && self.thousands.is_none() {
            return fast_float2::parse(cell).ok();
        }
        let text = std::str::from_utf8(cell).ok()?;
        let digits: String = match self.thousands {
            Some(mark) if !well_grouped(text, mark, self.decimal_comma) => return None,
            mark => text.chars().filter(|&c| Some(c) != mark).collect(),
        };
        if !self.decimal_comma {
            return fast_float2::parse(digits).ok();
        }
        if digits.contains('.') { None } else { fast_float2::parse(digits.replacen(',', ".", 1)).ok() }
    }
}

/// Whether marks between thousands stand where they should: three digits after each, none after the point.
fn well_grouped(text: &str, mark: char, decimal_comma: bool) -> bool {
    let point = if decimal_comma { ',' } else { '.' };
    let whole = text.split([point, 'e', 'E']).next().unwrap_or(text);
    let mut groups = whole.trim_start_matches(['+', '-']).split(mark);
    let first = groups.next().unwrap_or_default();
    let mut n_groups = 0;
    let rest_fit = groups.all(|g| {
        n_groups += 1;
        g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit())
    });
    rest_fit && (n_groups == 0 || (1..=3).contains(&first.len())) && !text[whole.len()..].contains(mark)
}

/// Yes or no, as people write it.
pub(crate) fn parse_boolean(cell: &[u8]) -> Option<bool> {
    let is = |words: &[&[u8]]| words.iter().any(|w| w.eq_ignore_ascii_case(cell));
    if cell.len() > 5 {
        None
    } else if is(&[b"true", b"yes", b"t", b"y", b"on", b"1"]) {
        Some(true)
    } else if is(&[b"false", b"no", b"f", b"n", b"off", b"0"]) {
        Some(false)
    } else {
        None
    }
}

/// Whether `cell` looks like `3,14` or `1.234,5`, which would be a number with decimal commas.
pub(crate) fn looks_like_decimal_comma(cell: &[u8]) -> bool {
    let rules = CellRules { decimal_comma: true, thousands: Some('.'), ..CellRules::default() };
    memchr::memchr(b',', cell).is_some() && matches!(rules.number(cell), Number::Value(_))
}

/// Whether `cell` looks like `1,234,567.8`, which would be a number with thousands separators.
pub(crate) fn looks_like_thousands(cell: &[u8]) -> bool {
    let rules = CellRules { thousands: Some(','), ..CellRules::default() };
    memchr::memchr(b',', cell).is_some() && matches!(rules.number(cell), Number::Value(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_is_not() {
        let rules = CellRules::default();
        assert_eq!(rules.number(b"-1.5e3"), Number::Value(-1500.0));
        assert_eq!(rules.number(b"+2"), Number::Value(2.0));
        assert_eq!(rules.number(b"+-2"), Number::Neither);
        assert_eq!(rules.number(b".5"), Number::Value(0.5));
        assert_eq!(rules.number(b"inf"), Number::Infinite);
        assert_eq!(rules.number(b"-Infinity"), Number::Infinite);
        assert_eq!(rules.number(b"1e999"), Number::Beyond);
        assert_eq!(rules.number(b"1,5"), Number::Neither);
        assert_eq!(rules.number(b"12abc"), Number::Neither);
        for missing in ["", "NA", "n/a", "NaN", "NULL", "None", "?", "-", "#N/A", "nil", "."] {
            assert_eq!(rules.number(missing.as_bytes()), Number::Missing, "{missing}");
        }
    }

    #[test]
    fn other_ways_to_write_numbers() {
        let rules = CellRules { decimal_comma: true, thousands: Some('.'), ..CellRules::default() };
        assert_eq!(rules.number(b"1.234.567,5"), Number::Value(1_234_567.5));
        assert_eq!(rules.number(b"1.23"), Number::Neither);
        assert_eq!(rules.number(b"3,25"), Number::Value(3.25));
        let rules = CellRules { thousands: Some(','), ..CellRules::default() };
        assert_eq!(rules.number(b"-12,345.5"), Number::Value(-12_345.5));
        assert_eq!(rules.number(b"1,2345"), Number::Neither);
        let rules = CellRules { extra_missing: vec![b"-999".to_vec()], ..CellRules::default() };
        assert_eq!(rules.number(b"-999"), Number::Missing);
        assert!(looks_like_decimal_comma(b"3,14") && !looks_like_decimal_comma(b"3.14"));
        assert!(looks_like_thousands(b"1,234") && !looks_like_thousands(b"1,5"));
    }

    #[test]
    fn booleans() {
        assert_eq!(parse_boolean(b"Yes"), Some(true));
        assert_eq!(parse_boolean(b"FALSE"), Some(false));
        assert_eq!(parse_boolean(b"maybe"), None);
    }
}
