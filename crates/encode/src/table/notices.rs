//! What is said about columns, in plain sentences.

use anomalyst_core::{ColumnData, Notice, NoticeKind, Notices, Tally};
use rustc_hash::FxHashMap;

use super::column::{Cell, FittedColumn, Plan};

/// More columns than this with one remark share a sentence.
const MAX_SENTENCES: usize = 20;
/// How many names a shared sentence gives.
const MAX_NAMES: usize = 10;

/// What fitting remarked about a column.
pub(super) enum Remark {
    Constant { text: String, n_missing: usize },
    Empty,
    Twin { of: String },
    Even { n_levels: usize },
    Rarity { n_levels: usize },
    Missing { n_missing: usize, left_out: bool },
    ByDeviation,
}

/// A remark and its column.
pub(super) struct Said<'a> {
    pub(super) name: &'a str,
    pub(super) remark: Remark,
}

/// The notices of a fit, remarks of one sort together.
pub(super) fn report(said: &[Said<'_>], n_rows: usize) -> Notices {
    let mut notices = Notices::default();
    for sort in 0..7 {
        let group: Vec<&Said<'_>> = said.iter().filter(|s| s.remark.sort() == sort).collect();
        let Some(first) = group.first() else { continue };
        let shared = matches!(first.remark, Remark::ByDeviation) || group.len() > MAX_SENTENCES;
        if shared {
            let names = listed(group.iter().map(|s| s.name));
            let columns = plural(group.len(), "column");
            notices.info(None, format!("{columns} ({names}): {}", first.remark.of_many()));
        } else {
            group.iter().for_each(|s| notices.info(Some(s.name), s.remark.of_one(n_rows)));
        }
    }
    notices
}

/// The same with what is said of many columns in one sentence, at the place of the first.
pub(super) fn shorten(notices: Notices) -> Notices {
    let mut columns: FxHashMap<(bool, String), Vec<String>> = FxHashMap::default();
    let key = |n: &Notice| (n.kind == NoticeKind::Handled, n.message.clone());
    for notice in &notices.0 {
        columns.entry(key(notice)).or_default().extend(notice.column.clone());
    }
    let mut short = Notices::default();
    for notice in notices.0 {
        match columns.get(&key(&notice)) {
            Some(names) if names.len() > MAX_SENTENCES => {
                if names.first() == notice.column.as_ref() {
                    let (count, listed) =
                        (plural(names.len(), "column"), listed(names.iter().map(String::as_str)));
                    let message = format!("{count} ({listed}): {}", notice.message);
                    short.0.push(Notice { column: None, message, ..notice });
                }
            }
            _ => short.0.push(notice),
        }
    }
    short
}

impl Remark {
    const fn sort(&self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Constant { .. } => 1,
            Self::Twin { .. } => 2,
            Self::Even { .. } => 3,
            Self::Rarity { .. } => 4,
            Self::Missing { .. } => 5,
            Self::ByDeviation => 6,
        }
    }

    fn of_one(&self, n_rows: usize) -> String {
        let all = all_rows(n_rows);
        match self {
            Self::Constant { text, n_missing: 0 } => format!("left out: {text} in {all}"),
            Self::Constant { text, n_missing } => {
                let missing = rows_of(*n_missing, n_rows);
                format!("the value is left out: {text} wherever there is one (missing in {missing})")
            }
            Self::Empty => format!("left out: no value in {all}"),
            Self::Twin { of } => format!("left out: the same as `{of}` in {all}"),
            Self::Even { n_levels } => {
                format!("left out: its {n_levels} levels are equally frequent, so none is rare")
            }
            Self::Rarity { n_levels } => format!("{n_levels} levels, encoded by how rare each is"),
            Self::Missing { n_missing, left_out } => {
                let missing = rows_of(*n_missing, n_rows);
                let imputed = if *left_out { "" } else { " and imputed" };
                format!("missing in {missing}{imputed}; a feature of its own says where")
            }
            Self::ByDeviation => self.of_many(),
        }
    }

    fn of_many(&self) -> String {
        match self {
            Self::Constant { .. } => "left out: one value in all rows that have one",
            Self::Empty => "left out: no value in any row",
            Self::Twin { .. } => "left out: each the same as another column in all rows",
            Self::Even { .. } => "left out: levels are equally frequent, so none is rare",
            Self::Rarity { .. } => "many levels, encoded by how rare each is",
            Self::Missing { .. } => "missing values imputed; a feature of its own says where",
            Self::ByDeviation => {
                "at least half of the rows hold one value, so the unit is the standard deviation"
            }
        }
        .to_owned()
    }
}

/// Why there is nothing to learn from: one line with the reason for each column.
pub(super) fn explain(columns: &[FittedColumn], n_rows: usize) -> String {
    let reason = |column: &FittedColumn| {
        let why = match &column.plan {
            Plan::Constant(_) => format!("the same in {}", all_rows(n_rows)),
            Plan::Empty => "no value".to_owned(),
            Plan::Even(levels) => format!("its {} levels are equally frequent", levels.len()),
            Plan::Twin(of) => format!("the same as `{of}`"),
            _ => "left out when reading (identifier, free text or ignored)".to_owned(),
        };
        format!("`{}`: {why}", column.name)
    };
    let mut reasons: Vec<String> = columns.iter().take(MAX_NAMES).map(reason).collect();
    if columns.len() > MAX_NAMES {
        reasons.push(format!("and {} more", columns.len() - MAX_NAMES));
    }
    let reasons = if reasons.is_empty() { "there are no columns".to_owned() } else { reasons.join("; ") };
    format!("no column is of use ({reasons}); give columns that vary, or set types with --types")
}

/// A number as a person would write it.
pub(super) fn number(value: f64) -> String {
    ColumnData::Numbers(vec![value]).text(0)
}

/// A remembered value as a person would write it.
pub(super) fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Number(value) => number(*value),
        Cell::Level(levels) => format!("`{}`", levels.names.first().map_or("", String::as_str)),
        Cell::Time(time) => ColumnData::Times(vec![*time]).text(0),
    }
}

/// "1 row", "2 rows".
pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// "3 of 20 rows".
pub(super) fn rows_of(count: usize, n_rows: usize) -> String {
    Tally { n: count as u64, of: n_rows as u64 }.to_string()
}

/// Names in backquotes; many are cut short.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(MAX_NAMES).map(|n| format!("`{n}`")).collect();
    let more = if names.len() > MAX_NAMES { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn all_rows(n_rows: usize) -> String {
    if n_rows == 1 { "the only row".to_owned() } else { format!("all {n_rows} rows") }
}
