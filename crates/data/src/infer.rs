//! From what was seen of a column to its kind.

use anomalyst_core::ColumnKind;

use crate::names::words;
use crate::observe::{Declared, MAX_LEVELS, Observed};
use crate::time::TimeFormat;

/// Of ten cells with a value, at most one may be unreadable before the column is taken for something else.
const READABLE: (u64, u64) = (9, 10);
/// Fewer cells than this say nothing about whether levels recur.
const FEW: usize = 20;
/// Levels of this many bytes and more on average are text rather than names.
const LONG: u64 = 40;

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAs {
    /// Not at all.
    Nothing,
    /// As numbers.
    Number,
    /// As levels.
    Category,
    /// As yes or no.
    Boolean,
    /// As points in time.
    Time(TimeFormat),
    /// As they are, for ids.
    Text,
}

impl ReadAs {
    /// The kind of a column that is read like this.
    pub(crate) const fn kind(self) -> ColumnKind {
        match self {
            Self::Number => ColumnKind::Number,
            Self::Category => ColumnKind::Category,
            Self::Boolean => ColumnKind::Boolean,
            Self::Time(_) => ColumnKind::Timestamp,
            Self::Nothing | Self::Text => ColumnKind::Text,
        }
    }
}

/// Whether `n` of `total` are so many that the rest may be mistakes.
pub(crate) fn mostly(n: u64, total: u64) -> bool {
    n > 0 && n * READABLE.1 >= total * READABLE.0
}

/// How a column of unknown kind is read.
pub(crate) fn infer(name: &str, seen: &Observed) -> ReadAs {
    let present = u64::from(seen.n_present);
    match seen.declared {
        Some(Declared::Category) => return ReadAs::Category,
        Some(Declared::Boolean) => return ReadAs::Boolean,
        Some(Declared::Time) => return ReadAs::Time(TimeFormat::YearFirst),
        Some(Declared::Nested) => return ReadAs::Nothing,
        _ => {}
    }
    if present == 0 || mostly(u64::from(seen.n_numbers), present) || seen.declared.is_some() {
        return epoch(name, seen).map_or(ReadAs::Number, ReadAs::Time);
    }
    if u64::from(seen.n_booleans) == present && seen.n_distinct() <= 4 {
        return ReadAs::Boolean;
    }
    time_format(seen, present).map_or(ReadAs::Category, ReadAs::Time)
}

fn time_format(seen: &Observed, present: u64) -> Option<TimeFormat> {
    // The first of equals wins, so that dates which fit both orders are read month first.
    let best = (0..seen.n_times.len()).max_by_key(|&i| (seen.n_times[i], std::cmp::Reverse(i)))?;
    mostly(u64::from(seen.n_times[best]), present).then(|| TimeFormat::OF_TEXT[best])
}

/// Whether day and month of the dates could be exchanged without any of them becoming impossible.
pub(crate) fn day_and_month_are_ambiguous(seen: &Observed) -> bool {
    seen.n_times[1] > 0 && seen.n_times[1] == seen.n_times[2]
}

/// Numbers that count from 1970, where the column's name says that it holds times.
fn epoch(name: &str, seen: &Observed) -> Option<TimeFormat> {
    const NAMES: [&str; 9] =
        ["time", "timestamp", "ts", "epoch", "date", "datetime", "unix", "unixtime", "when"];
    if seen.n_numbers == 0 || !words(name).iter().any(|w| NAMES.contains(&w.as_str())) {
        return None;
    }
    let is_compact = seen.n_whole == seen.n_present
        && [seen.smallest, seen.largest]
            .iter()
            .all(|v| TimeFormat::Compact.parse(format!("{v}").as_bytes()).is_some());
    if is_compact { Some(TimeFormat::Compact) } else { TimeFormat::of_epoch(seen.smallest, seen.largest) }
}

/// Whether a column of whole, different numbers has a name that says it only names or counts rows.
pub(crate) fn names_rows(name: &str, position: usize) -> Naming {
    const NAMES: [&str; 8] = ["id", "ids", "uuid", "guid", "index", "idx", "rowid", "key"];
    const COUNTS: [&str; 10] =
        ["row", "sample", "record", "number", "no", "nr", "num", "unnamed", "observation", "serial"];
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    if has(&NAMES) {
        Naming::Names
    } else if has(&COUNTS) || (position == 0 && name == "column 1") {
        Naming::Counts
    } else {
        Naming::Nothing
    }
}

/// What a column's name says about rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// It names them: different values are enough.
    Names,
    /// It counts them: the values must be consecutive.
    Counts,
    /// Nothing.
    Nothing,
}

impl Naming {
    /// Whether numbers so named, all different whole ones, are identifiers.
    pub(crate) fn fits(self, n: usize, smallest: f64, largest: f64, increasing: bool) -> bool {
        match self {
            Self::Names => n > 1,
            Self::Counts => n > 1 && increasing && largest - smallest == (n - 1) as f64,
            Self::Nothing => false,
        }
    }
}

/// What a column of strings is, from how many there are and how many different ones.
pub(crate) fn judge_levels(n_present: usize, n_distinct: usize, n_bytes: u64, n_blanks: u64) -> ColumnKind {
    let recurs = n_distinct <= MAX_LEVELS && (n_present < FEW || n_distinct * 2 <= n_present);
    let long = n_bytes >= LONG * n_present as u64 || n_blanks >= 3 * n_present as u64;
    if n_present == 0 || (recurs && (!long || n_distinct * 10 <= n_present || n_present < FEW)) {
        ColumnKind::Category
    } else if n_distinct.min(MAX_LEVELS) * 20 >= n_present.min(MAX_LEVELS) * 19 && !long {
        ColumnKind::Identifier
    } else {
        ColumnKind::Text
    }
}

/// What is expected of a column before all of it is read; used where it is read in batches.
pub(crate) fn foresee(name: &str, position: usize, read_as: ReadAs, seen: &Observed) -> ColumnKind {
    let n = seen.n_present as usize;
    match read_as {
        ReadAs::Number if seen.n_whole == seen.n_present && seen.all_different() => {
            let naming = names_rows(name, position);
            if naming.fits(n, seen.smallest, seen.largest, seen.increasing) {
                ColumnKind::Identifier
            } else {
                ColumnKind::Number
            }
        }
        ReadAs::Category if seen.declared.is_none() => {
            judge_levels(n, seen.n_distinct(), seen.n_bytes, seen.n_blanks)
        }
        other => other.kind(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellRules;

    fn seen<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> Observed {
        let mut seen = Observed::default();
        cells.into_iter().for_each(|c| seen.text(c.as_ref().as_bytes(), &CellRules::default()));
        seen
    }

    fn kind<S: AsRef<str>>(name: &str, cells: impl IntoIterator<Item = S>) -> ColumnKind {
        let seen = seen(cells);
        foresee(name, 3, infer(name, &seen), &seen)
    }

    #[test]
    fn kinds_of_small_columns() {
        assert_eq!(kind("a", ["1", "2.5", "NA", ""]), ColumnKind::Number);
        assert_eq!(kind("a", ["0", "1", "1", "0"]), ColumnKind::Number);
        assert_eq!(kind("a", ["yes", "no", "NA"]), ColumnKind::Boolean);
        assert_eq!(kind("a", ["red", "blue", "red"]), ColumnKind::Category);
        assert_eq!(kind("a", ["2014-04-01", "2014-04-02 10:00"]), ColumnKind::Timestamp);
        assert_eq!(kind("a", ["", "NA"]), ColumnKind::Number);
        assert_eq!(kind("ts", ["1400000000", "1400000300"]), ColumnKind::Timestamp);
        assert_eq!(kind("amount", ["1400000000", "1400000300"]), ColumnKind::Number);
        assert_eq!(kind("date", ["20140401", "20140402"]), ColumnKind::Timestamp);
    }

    #[test]
    fn a_few_mistakes_do_not_change_the_kind() {
        let cells = |n_bad: usize| {
            (0..100).map(move |i| if i < n_bad { "x".to_owned() } else { (i * i).to_string() })
        };
        assert_eq!(kind("a", cells(10)), ColumnKind::Number);
        assert_ne!(kind("a", cells(11)), ColumnKind::Number);
    }

    #[test]
    fn identifiers_and_text() {
        assert_eq!(kind("customer_id", (10..50).rev().map(|i| i.to_string())), ColumnKind::Identifier);
        assert_eq!(kind("customer_id", (10..50).map(|i| (i / 2).to_string())), ColumnKind::Number);
        assert_eq!(kind("sample number", (1..50).map(|i| i.to_string())), ColumnKind::Identifier);
        assert_eq!(kind("number of rooms", (1..50).map(|i| (i * 3).to_string())), ColumnKind::Number);
        assert_eq!(kind("length", (1..50).map(|i| i.to_string())), ColumnKind::Number);
        assert_eq!(kind("a", (0..50).map(|i| format!("host{i}"))), ColumnKind::Identifier);
        assert_eq!(kind("a", (0..50).map(|i| format!("a long sentence, number {i}"))), ColumnKind::Text);
        assert_eq!(kind("a", (0..50).map(|i| format!("host{}", i % 7))), ColumnKind::Category);
    }

    #[test]
    fn day_and_month() {
        assert_eq!(infer("a", &seen(["01/02/2014", "13/02/2014"])), ReadAs::Time(TimeFormat::DayFirst));
        assert_eq!(infer("a", &seen(["01/02/2014", "02/13/2014"])), ReadAs::Time(TimeFormat::MonthFirst));
        assert!(day_and_month_are_ambiguous(&seen(["01/02/2014", "02/03/2014"])));
    }
}
