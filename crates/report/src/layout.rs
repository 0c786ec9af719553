//! Text in columns of terminal cells: measuring, wrapping, tables that never exceed their width.

use anomalyst_core::Severity;
use unicode_width::UnicodeWidthStr;

use crate::Terminal;
use crate::text::NO_BREAK;

/// How a piece of text stands out, where colours are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tint {
    #[default]
    Plain,
    Strong,
    Faint,
    Critical,
    High,
    Medium,
    Low,
}

impl Tint {
    /// The colour of a severity.
    pub(crate) const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium => Self::Medium,
            Severity::Low => Self::Low,
            Severity::None => Self::Plain,
        }
    }

    /// `text` between the ANSI codes of this tint.
    pub(crate) fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Critical => "1;31",
            Self::High => "31",
            Self::Medium => "33",
            Self::Low => "36",
        };
        if color && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// How many terminal cells `text` takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` in lines of at most `limit` cells, broken at spaces where possible; no-break spaces become spaces.
pub(crate) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(&joined) <= limit {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if width(&line) > limit && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines.into_iter().map(|line| line.replace(NO_BREAK, " ").trim_end().to_owned()).collect()
}

/// A cell: its text and how it stands out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tint: Tint,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tint: Tint::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableColumn<'a> {
    pub(crate) title: &'a str,
    /// Numbers stand at the right.
    pub(crate) right: bool,
    /// The column may be narrowed to this many cells, wrapping its text; `None` keeps it whole.
    pub(crate) least: Option<usize>,
}

/// Space between columns.
const GAP: usize = 2;

/// A table of at most `style.width` cells, or `None` where its columns cannot be made that narrow.
pub(crate) fn table(
    columns: &[TableColumn<'_>],
    rows: &[Vec<Cell>],
    style: &Terminal,
) -> Option<Vec<String>> {
    let widths = fit(columns, rows, style.width)?;
    let dash = if style.unicode { "\u{2500}" } else { "-" };
    let rule: Vec<Cell> = widths.iter().map(|&w| Cell { text: dash.repeat(w), tint: Tint::Faint }).collect();
    let heads: Vec<Cell> =
        columns.iter().map(|c| Cell { text: c.title.to_owned(), tint: Tint::Faint }).collect();
    let mut lines = Vec::new();
    for row in [&heads, &rule].into_iter().chain(rows) {
        let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(c, &w)| wrap(&c.text, w)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for i in 0..height {
            let mut line = String::new();
            let mut blank = 0;
            for (j, cell) in cells.iter().enumerate() {
                let text = cell.get(i).map_or("", String::as_str);
                let room = widths[j].saturating_sub(width(text));
                let (before, after) = if columns[j].right { (room, 0) } else { (0, room) };
                if text.is_empty() {
                    blank += widths[j];
                } else {
                    // Blanks are written only once something follows them, so that no line ends in spaces.
                    line.extend(std::iter::repeat_n(' ', blank + before));
                    line.push_str(&row[j].tint.paint(text, style.color));
                    blank = after;
                }
                blank += GAP;
            }
            lines.push(line);
        }
    }
    Some(lines)
}

/// Natural widths, taken from the widest flexible column cell by cell until everything fits.
fn fit(columns: &[TableColumn<'_>], rows: &[Vec<Cell>], limit: usize) -> Option<Vec<usize>> {
    let natural = |j: usize| {
        let cells = rows.iter().filter_map(|row| row.get(j)).map(|cell| width(&cell.text));
        cells.max().unwrap_or(0).max(width(columns[j].title))
    };
    let mut widths: Vec<usize> = (0..columns.len()).map(natural).collect();
    let room = limit.checked_sub(GAP * columns.len().saturating_sub(1))?;
    while widths.iter().sum::<usize>() > room {
        let shrinkable = (0..columns.len()).filter(|&j| columns[j].least.is_some_and(|l| widths[j] > l));
        let widest = shrinkable.max_by_key(|&j| widths[j])?;
        let excess = widths.iter().sum::<usize>() - room;
        let second = (0..columns.len())
            .filter(|&j| j != widest && columns[j].least.is_some_and(|l| widths[j] > l))
            .map(|j| widths[j])
            .max();
        let floor = columns[widest].least.unwrap_or(0).max(second.unwrap_or(0));
        let cut = if widths[widest] > floor { excess.min(widths[widest] - floor) } else { 1 };
        widths[widest] -= cut;
    }
    Some(widths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_by_display_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrap("5\u{a0}% of all", 6), ["5 % of", "all"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn tables_keep_their_width_or_refuse() {
        let columns = [
            TableColumn { title: "n", right: true, least: None },
            TableColumn { title: "why", right: false, least: Some(5) },
        ];
        let rows = [vec![Cell::from("12"), Cell::from("a reason of some words")]];
        let style = |width| Terminal { width, unicode: false, ..Terminal::default() };
        let lines = table(&columns, &rows, &style(14)).unwrap();
        assert_eq!(lines, [" n  why", "--  ----------", "12  a reason", "    of some", "    words"]);
        assert!(table(&columns, &rows, &style(8)).is_none());
    }
}
