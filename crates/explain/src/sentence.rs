//! One plain sentence per row.

use anomalyst_core::{ColumnEvidence, ColumnKind, Expected, NearestRow};

use crate::usual::{Reading, What};

/// Columns that a sentence names.
const MAX_NAMED: usize = 3;
/// Characters of a value or name before it is cut.
const MAX_CHARS: usize = 60;

/// A column of the evidence with what its cell reads like.
pub(crate) struct Named<'a> {
    pub(crate) evidence: &'a ColumnEvidence,
    pub(crate) kind: ColumnKind,
    pub(crate) reading: Option<Reading>,
}

/// Why the row is odd; `flagged` is false for one below the threshold. `rows` is what the reference rows are
/// called.
pub(crate) fn sentence(
    columns: &[Named<'_>],
    nearest: Option<&NearestRow>,
    flagged: bool,
    rows: &str,
) -> String {
    if columns.is_empty() {
        return "No single column stands out; the row is judged as a whole.".into();
    }
    if !flagged {
        let named: Vec<String> = columns.iter().take(MAX_NAMED).map(equation).collect();
        return format!("The score is below the threshold; most of it comes from {}.", list(&named));
    }
    let odd: Vec<&Named<'_>> =
        columns.iter().filter(|c| c.reading.is_some_and(|r| r.odd)).take(MAX_NAMED).collect();
    let body = if odd.is_empty() {
        combination(columns, nearest)
    } else {
        let clauses: Vec<String> = odd.iter().map(|c| clause(c, rows)).collect();
        let leader = &columns[0];
        let together = match leader.reading {
            Some(reading) if !reading.odd => format!(", together with {}", equation(leader)),
            _ => String::new(),
        };
        match clauses.as_slice() {
            [a, b] => format!("{a}, and {b}{together}"),
            [a, b, c] => format!("{a}; {b}; and {c}{together}"),
            clauses => format!("{}{together}", clauses.join("")),
        }
    };
    format!("{}.", capitalized(&body))
}

/// For rows whose named values are all in their usual ranges.
fn combination(columns: &[Named<'_>], nearest: Option<&NearestRow>) -> String {
    let named = &columns[..columns.len().min(MAX_NAMED)];
    let [only] = named else {
        let equations: Vec<String> = named.iter().map(equation).collect();
        return format!(
            "no single value is unusual, but the combination of {} is{}",
            list(&equations),
            differs(named, nearest)
        );
    };
    format!("{} weighs most, though it is not unusual by itself{}", equation(only), differs(named, nearest))
}

/// Where the nearest normal row has another value.
fn differs(named: &[Named<'_>], nearest: Option<&NearestRow>) -> String {
    let Some(nearest) = nearest else { return String::new() };
    let other = named.iter().zip(&nearest.values).filter(|(c, value)| c.evidence.value != **value);
    let other: Vec<String> = other.map(|(c, value)| equals(&c.evidence.column, value)).collect();
    if other.is_empty() {
        return String::new();
    }
    format!(" (nearest normal row {} has {})", short(&nearest.name), list(&other))
}

/// What is odd about one value.
fn clause(named: &Named<'_>, rows: &str) -> String {
    let (name, value) = (short(&named.evidence.column), short(&named.evidence.value));
    let what = named.reading.map(|reading| reading.what);
    match (&named.evidence.expected, what) {
        (Expected::Missing { missing }, Some(What::Missing)) => {
            format!("{name} is missing, as in {}", share_of(*missing, rows))
        }
        (Expected::Missing { missing }, _) => {
            format!("{name} is {value}, while {} of {rows} have no value there", percent(*missing))
        }
        (Expected::Levels { common, own }, _) => {
            let most: Vec<String> = common.iter().take(2).map(|(level, _)| short(level)).collect();
            let most =
                if most.is_empty() { String::new() } else { format!(" (mostly {})", most.join(" or ")) };
            format!("{name} is {value}, as in {}{most}", share_of(*own, rows))
        }
        (Expected::Range { low, high, tail, .. }, what) => {
            let word = match (named.kind, what) {
                (ColumnKind::Timestamp, Some(What::Below)) => "before",
                (ColumnKind::Timestamp, _) => "after",
                (_, Some(What::Below)) => "below",
                _ => "above",
            };
            let usual = if low == high { format!("usually {low}") } else { format!("usual {low} to {high}") };
            format!("{name} is {value}, {word} {} ({usual})", exceeded(*tail, rows))
        }
    }
}

/// `3 % of rows`, or `no rows`.
fn share_of(share: f64, rows: &str) -> String {
    if share <= 0.0 { format!("no other of the {rows}") } else { format!("{} of {rows}", percent(share)) }
}

/// The share of rows that a value lies beyond, rounded down, so that it never says too much.
fn exceeded(tail: f64, rows: &str) -> String {
    if tail <= 0.0 {
        return format!("all {rows}");
    }
    let tenths = ((1.0 - tail) * 1000.0 + 1e-6).floor() as u32;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} % of {rows}"),
        (whole @ 97.., tenth) => format!("{whole}.{tenth} % of {rows}"),
        (whole, _) => format!("{whole} % of {rows}"),
    }
}

/// A share in percent with as many digits as it can carry.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        return "less than 0.1 %".into();
    }
    let text = if percent < 10.0 { format!("{percent:.1}") } else { format!("{percent:.0}") };
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

fn equation(named: &Named<'_>) -> String {
    equals(&named.evidence.column, &named.evidence.value)
}

fn equals(name: &str, value: &str) -> String {
    if value.is_empty() {
        format!("{} missing", short(name))
    } else {
        format!("{} = {}", short(name), short(value))
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// On one line and not longer than a reader takes in.
fn short(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut cut: String = text.chars().take(MAX_CHARS).map(clean).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    cut
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
