//! What the user is told about the data: counts of what could not be read, and what each column was taken for.

use anomalyst_core::{ColumnData, ColumnKind, Notices, Table};
use rustc_hash::FxHashSet;

use crate::block::{Count, Tally};
use crate::plan::{Plan, Role};
use crate::source::SourceFile;

/// Columns that are spoken about one by one; more are only counted.
const SPOKEN: usize = 20;

/// Counts of what could not be read as it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tallies {
    /// By column of the table.
    pub(crate) columns: Vec<Tally>,
    rows: [Count; 4],
    /// Where the counts that come next were made.
    place: String,
}

impl Tallies {
    /// Nothing counted yet.
    pub(crate) fn new(n_columns: usize) -> Self {
        Self { columns: vec![Tally::default(); n_columns], ..Self::default() }
    }

    /// What comes next is of this file.
    pub(crate) fn at(&mut self, file: &SourceFile, several: bool) {
        self.place = if several { format!("{}, {}", file.name, file.place) } else { file.place.to_owned() };
    }

    /// Adds what a column's next rows hold.
    pub(crate) fn add_column(&mut self, column: usize, mut tally: Tally) {
        for count in [&mut tally.unreadable, &mut tally.infinite, &mut tally.beyond] {
            self.locate(count);
        }
        self.columns[column].append(tally);
    }

    /// Adds what the next rows as a whole are like.
    pub(crate) fn add_rows(&mut self, counts: [Count; 4]) {
        for (i, mut count) in counts.into_iter().enumerate() {
            self.locate(&mut count);
            self.rows[i].append(count);
        }
    }

    /// Turns the place of the first into words, ahead of its text.
    fn locate(&self, count: &mut Count) {
        if let Some(first) = &mut count.first {
            let (line, example) = &mut **first;
            let quoted = if example.is_empty() { String::new() } else { format!(": `{example}`") };
            *example = format!("{} {line}{quoted}", self.place);
        }
    }

    /// Takes over counts of later rows, which have their places already.
    pub(crate) fn absorb(&mut self, later: Self) {
        for (mine, theirs) in self.columns.iter_mut().zip(later.columns) {
            mine.append(theirs);
        }
        for (mine, theirs) in self.rows.iter_mut().zip(later.rows) {
            mine.append(theirs);
        }
    }

    /// In words.
    pub(crate) fn notices(&self, plan: &Plan) -> Notices {
        let mut notices = Notices::default();
        let says = [
            "rows have fewer cells than there are columns; what is absent counts as missing",
            "rows have more cells than there are columns; the last cells were left out",
            "pieces of text are not UTF-8; they are read as Windows-1252",
            "values have names that did not occur at the beginning of the data; they were left out (name them in --types to read them)",
        ];
        for (count, says) in self.rows.iter().zip(says) {
            if let Some(first) = &count.first {
                notices.handled(None, format!("{} {says} (first {})", count.n, first.1));
            }
        }
        let mut n_more = 0_usize;
        for (column, tally) in plan.columns.iter().zip(&self.columns) {
            let kind = kind_word(column.kind());
            let says = [
                (&tally.unreadable, format!("cells are not a {kind}; they count as missing")),
                (&tally.infinite, "cells are infinite; they count as missing".to_owned()),
                (&tally.beyond, "numbers are beyond what 64 bits hold; they count as missing".to_owned()),
            ];
            for (count, says) in says {
                let Some(first) = &count.first else { continue };
                if notices.0.len() >= SPOKEN + 4 {
                    n_more += 1;
                    continue;
                }
                notices.handled(Some(&column.name), format!("{} {says} (first {})", count.n, first.1));
            }
        }
        if n_more > 0 {
            notices.handled(
                None,
                format!(
                    "{n_more} more columns have cells that count as missing because they could not be read"
                ),
            );
        }
        notices
    }
}

const fn kind_word(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "number",
        ColumnKind::Category => "category",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Timestamp => "timestamp",
        ColumnKind::Identifier => "identifier",
        ColumnKind::Text => "text",
    }
}

/// What each column was taken for, why some are left out, and what might be better read otherwise.
pub(crate) fn about_table(table: &Table, plan: &Plan, notices: &mut Notices) {
    notices.info(None, kinds(table, plan));
    let mut n_spoken = 0;
    let mut n_silent = 0_usize;
    let mut say = |notices: &mut Notices, name: &str, message: String| {
        if n_spoken < SPOKEN {
            notices.info(Some(name), message);
            n_spoken += 1;
        } else {
            n_silent += 1;
        }
    };
    for (column, planned) in table.columns.iter().zip(&plan.columns) {
        if planned.role != Role::Feature {
            continue;
        }
        let name = &column.name;
        if planned.reread {
            say(notices, name, "its beginning looked like numbers, times or booleans, but too many later cells are something else".into());
        }
        if matches!(column.data, ColumnData::Omitted) && !planned.forced {
            let force = format!("`--types '{name}=category'` brings it in");
            let why = match column.kind {
                ColumnKind::Identifier => format!("left out: it only names the rows; {force}"),
                _ if planned.seen.declared.is_some() => {
                    "left out: it holds lists or other nested values".to_owned()
                }
                _ => {
                    format!("left out: it is free text, or has too many different values to compare; {force}")
                }
            };
            say(notices, name, why);
        }
        let seen = &planned.seen;
        let many = |n: u32| u64::from(n) * 10 >= u64::from(seen.n_present - seen.n_numbers) * 9 && n > 0;
        if column.kind != ColumnKind::Number && seen.n_present >= seen.n_numbers && !planned.forced {
            if many(seen.n_thousands) {
                say(
                    notices,
                    name,
                    "looks like numbers with commas between thousands; `--thousands ,` reads them".into(),
                );
            } else if many(seen.n_decimal_commas) {
                say(
                    notices,
                    name,
                    "looks like numbers with decimal commas; `--decimal-comma` reads them".into(),
                );
            }
        }
    }
    if n_silent > 0 {
        notices.info(None, format!("{n_silent} more remarks of the same kind about other columns"));
    }
    about_ids(table, plan, notices);
}

/// `4 numbers, 2 categories (colour, size), 1 timestamp (when); left out: 1 identifier (id)`.
fn kinds(table: &Table, plan: &Plan) -> String {
    let group = |kind: ColumnKind, used: bool| -> Vec<&str> {
        let both = table.columns.iter().zip(&plan.columns);
        both.filter(|(c, p)| {
            c.kind == kind && p.role == Role::Feature && used != matches!(c.data, ColumnData::Omitted)
        })
        .map(|(c, _)| c.name.as_str())
        .collect()
    };
    let describe = |(kind, used): (ColumnKind, bool)| {
        let names = group(kind, used);
        let plural = match (kind, names.len()) {
            (_, 1) => kind_word(kind).to_owned(),
            (ColumnKind::Category, _) => "categories".to_owned(),
            (ColumnKind::Text, _) => "texts".to_owned(),
            _ => format!("{}s", kind_word(kind)),
        };
        let listed = if kind == ColumnKind::Number || names.len() > 8 {
            String::new()
        } else {
            format!(" ({})", names.join(", "))
        };
        (!names.is_empty()).then(|| format!("{} {plural}{listed}", names.len()))
    };
    use ColumnKind as K;
    let used = [K::Number, K::Category, K::Boolean, K::Timestamp].map(|k| describe((k, true)));
    let left = [K::Identifier, K::Text].map(|k| describe((k, false)));
    let join = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    let mut text = format!("columns: {}", join(&used));
    if used.iter().all(Option::is_none) {
        text.push_str("none that can be compared");
    }
    if left.iter().any(Option::is_some) {
        text.push_str(&format!("; left out: {}", join(&left)));
    }
    text
}

fn about_ids(table: &Table, plan: &Plan, notices: &mut Notices) {
    let name = plan.columns.iter().find(|c| c.role == Role::Id).map(|c| c.name.as_str());
    if let Some(ids) = &table.ids {
        let n_distinct = ids.iter().collect::<FxHashSet<_>>().len();
        if n_distinct < ids.len() {
            notices.info(
                name,
                format!("{} rows have an id that an earlier row has, too", ids.len() - n_distinct),
            );
        }
    }
}
