//! One plain sentence per row.

use anomalyst_core::{ColumnEvidence, ColumnKind, Expected, NearestRow};

use crate::cells::{number_text, time_text};
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
            "{} are not unusual by themselves, but their combination is{}",
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
        (Expected::Range { .. }, Some(What::Between(left, right))) => {
            let [left, right] = [left, right].map(|v| match named.kind {
                ColumnKind::Timestamp => time_text(v as i64),
                _ => number_text(v),
            });
            format!("{name} is {value}, in a gap of the {rows} ({left} to {right})")
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

/// `3 % of rows`, or `none of the rows`.
fn share_of(share: f64, rows: &str) -> String {
    if share <= 0.0 { format!("none of the {rows}") } else { format!("{} of {rows}", percent(share)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, value: &str, expected: Expected) -> ColumnEvidence {
        ColumnEvidence { column: name.into(), value: value.into(), share: 0.5, expected }
    }

    fn range(low: &str, high: &str, tail: f64) -> Expected {
        Expected::Range { low: low.into(), typical: "0".into(), high: high.into(), tail }
    }

    fn said(
        columns: &[(&ColumnEvidence, ColumnKind, What, bool)],
        nearest: Option<&NearestRow>,
        flagged: bool,
    ) -> String {
        let named: Vec<Named<'_>> = columns
            .iter()
            .map(|&(evidence, kind, what, odd)| Named {
                evidence,
                kind,
                reading: Some(Reading { tail: 0.0, odd, what }),
            })
            .collect();
        sentence(&named, nearest, flagged, "normal rows")
    }

    #[test]
    fn one_sentence_per_case() {
        use ColumnKind::{Category, Number, Timestamp};
        let mass = column("body mass (g)", "9300", range("2700", "6300", 0.001));
        let sex = column("Sex", "", Expected::Missing { missing: 0.03 });
        let present = column("Note", "x", Expected::Missing { missing: 0.981 });
        let at = column("At", "2031-01-01", range("2020-01-01", "2024-01-01", 0.0));
        let common = vec![("red".to_owned(), 0.6), ("blue".to_owned(), 0.3), ("white".to_owned(), 0.1)];
        let color = column("Color", "green", Expected::Levels { common: common.clone(), own: 0.0 });
        let white = column("Color", "white", Expected::Levels { common, own: 0.0004 });
        let constant = column("Unit", "-1.5", range("7", "7", 0.0));
        let (a, b) = (column("A", "1", range("0", "2", 0.3)), column("B", "2", range("0", "5", 0.4)));
        let near = NearestRow { row: 16, name: "17".into(), values: vec!["1".into(), "5".into()] };

        let mass = (&mass, Number, What::Above, true);
        let sex = (&sex, Category, What::Missing, true);
        let at = (&at, Timestamp, What::Above, true);
        let a = (&a, Number, What::Above, false);
        let b = (&b, Number, What::Below, false);
        let gap = (a.0, Number, What::Between(0.25, 1.75), true);
        let cases = [
            (
                said(&[mass, sex], None, true),
                "Body mass (g) is 9300, above 99.9 % of normal rows (usual 2700 to 6300), and Sex is missing, as in \
                 3 % of normal rows.",
            ),
            (
                said(&[at, sex, mass], None, true),
                "At is 2031-01-01, after all normal rows (usual 2020-01-01 to 2024-01-01); Sex is missing, as in 3 % \
                 of normal rows; and body mass (g) is 9300, above 99.9 % of normal rows (usual 2700 to 6300).",
            ),
            (
                said(&[(&color, Category, What::Level, true)], None, true),
                "Color is green, as in none of the normal rows (mostly red or blue).",
            ),
            (
                said(&[(&white, Category, What::Level, true)], None, true),
                "Color is white, as in less than 0.1 % of normal rows (mostly red or blue).",
            ),
            (
                said(&[(&constant, Number, What::Below, true)], None, true),
                "Unit is -1.5, below all normal rows (usually 7).",
            ),
            (
                said(&[(&present, Category, What::Present, true)], None, true),
                "Note is x, while 98 % of normal rows have no value there.",
            ),
            (said(&[gap], None, true), "A is 1, in a gap of the normal rows (0.25 to 1.75)."),
            (said(&[a, sex], None, true), "Sex is missing, as in 3 % of normal rows, together with A = 1."),
            (
                said(&[a, b], Some(&near), true),
                "A = 1 and B = 2 are not unusual by themselves, but their combination is (nearest normal row 17 has \
                 B = 5).",
            ),
            (said(&[a], None, true), "A = 1 weighs most, though it is not unusual by itself."),
            (
                said(&[mass, a], None, false),
                "The score is below the threshold; most of it comes from body mass (g) = 9300 and A = 1.",
            ),
            (said(&[], None, true), "No single column stands out; the row is judged as a whole."),
        ];
        for (got, want) in cases {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn precision_is_never_invented() {
        assert_eq!(exceeded(0.25, "rows"), "75 % of rows");
        assert_eq!(exceeded(1.0 / 30.0, "rows"), "96 % of rows");
        assert_eq!(exceeded(0.0234, "rows"), "97.6 % of rows");
        assert_eq!(exceeded(0.01, "rows"), "99 % of rows");
        assert_eq!(percent(0.0333), "3.3 %");
        assert_eq!(percent(0.5), "50 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn long_and_broken_values_are_cut() {
        assert_eq!(short("a\nb"), "a b");
        assert_eq!(short(&"x".repeat(100)), format!("{}...", "x".repeat(60)));
    }
}
