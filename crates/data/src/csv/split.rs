//! Where records and cells of delimited text begin and end.

use crate::records::Cut;

/// How delimited text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between cells.
    pub(crate) delimiter: u8,
    /// Any run of blanks and tabs is one delimiter.
    pub(crate) blanks: bool,
    /// Around cells that contain delimiters or line ends, if anything is.
    pub(crate) quote: Option<u8>,
    /// After a record.
    pub(crate) newline: u8,
    /// Lines that begin with `#` are no records.
    pub(crate) comments: bool,
}

impl Dialect {
    /// Cells between `delimiter`, where a blank stands for any run of blanks.
    pub(crate) const fn new(delimiter: u8) -> Self {
        Self { delimiter, blanks: delimiter == b' ', quote: Some(b'"'), newline: b'\n', comments: false }
    }

    const fn separates(&self, byte: u8) -> bool {
        byte == self.delimiter || (self.blanks && byte == b'\t')
    }
}

/// Finds line ends outside of quotes.
#[derive(Debug)]
pub(crate) struct CsvCut(pub(crate) Dialect);

impl CsvCut {
    /// The end of the last whole record, and where a quote was opened that does not close.
    fn scan(&self, bytes: &[u8], at_end: bool) -> (Option<usize>, Option<usize>) {
        let last_newline =
            |from: usize, to: usize| memchr::memrchr(self.0.newline, &bytes[from..to]).map(|p| from + p + 1);
        let (mut end, mut outside, mut at) = (None, 0, 0);
        let Some(quote) = self.0.quote else { return (last_newline(0, bytes.len()), None) };
        while let Some(q) = memchr::memchr(quote, &bytes[at..]).map(|p| at + p) {
            at = q + 1;
            if !self.opens(bytes, q) {
                continue;
            }
            end = last_newline(outside, q).or(end);
            // A quote at the very end may be the first half of a doubled one.
            match closing_quote(bytes, at, quote) {
                Some(close) if close + 1 < bytes.len() || at_end => at = close + 1,
                _ => return (end, Some(q)),
            }
            outside = at;
        }
        (last_newline(outside, bytes.len()).or(end), None)
    }

    /// Whether the quote at `q`, which is outside of quotes, begins a cell.
    fn opens(&self, bytes: &[u8], q: usize) -> bool {
        let Some(&before) = q.checked_sub(1).map(|p| &bytes[p]) else { return true };
        if before == self.0.newline {
            return true;
        }
        let line = || memchr::memrchr(self.0.newline, &bytes[..q]).map_or(0, |p| p + 1);
        self.0.separates(before) && !(self.0.comments && bytes[line()] == b'#')
    }
}

/// The quote that ends the cell whose text begins at `at`.
fn closing_quote(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        let close = at + memchr::memchr(quote, &bytes[at..])?;
        if bytes.get(close + 1) != Some(&quote) {
            return Some(close);
        }
        at = close + 2;
    }
}

impl Cut for CsvCut {
    fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        self.scan(bytes, false).0
    }

    fn unfinished(&self, rest: &[u8]) -> Option<(usize, String)> {
        let open = self.scan(rest, true).1?;
        Some((open, "a quoted cell begins here and its closing quote is missing".to_owned()))
    }
}

/// A walk over the cells of whole records.
#[derive(Debug)]
pub(crate) struct Cells<'a> {
    bytes: &'a [u8],
    /// Where the next cell begins.
    pub(crate) at: usize,
    dialect: Dialect,
    unescaped: Vec<u8>,
}

/// A cell that was walked over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    start: usize,
    end: usize,
    is_unescaped: bool,
    /// Whether the record ends with it.
    pub(crate) last: bool,
}

impl<'a> Cells<'a> {
    /// Over whole records.
    pub(crate) const fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        Self { bytes, at: 0, dialect, unescaped: Vec::new() }
    }

    /// Goes to the next record; `false` at the end. Empty lines and comments are no records.
    pub(crate) fn next_record(&mut self) -> bool {
        loop {
            let line = self.at;
            self.skip_blanks();
            match self.bytes.get(self.at) {
                None => return false,
                Some(&b) if b == self.dialect.newline => self.at += 1,
                Some(b'\r') if self.bytes.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                Some(b'#') if self.dialect.comments && self.at == line => {
                    let rest = &self.bytes[self.at..];
                    self.at += memchr::memchr(self.dialect.newline, rest).map_or(rest.len(), |p| p + 1);
                }
                Some(_) => return true,
            }
        }
    }

    fn skip_blanks(&mut self) {
        while self.dialect.blanks && matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next cell if it is a plain finite number without quotes and blanks around it.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<(f64, bool)> {
        let (value, n) = fast_float2::parse_partial::<f64, _>(&self.bytes[self.at..]).ok()?;
        let end = self.at + n;
        let last = match self.bytes.get(end) {
            Some(&b) if b == self.dialect.newline => true,
            Some(&b) if b == self.dialect.delimiter && !self.dialect.blanks => false,
            _ => return None,
        };
        value.is_finite().then(|| {
            self.at = end + 1;
            (value, last)
        })
    }

    /// The next cell, whatever it is.
    pub(crate) fn cell(&mut self) -> Cell {
        let quoted = self.dialect.quote.filter(|q| self.bytes.get(self.at) == Some(q));
        let mut cell = match quoted {
            Some(quote) => self.quoted(quote),
            None => {
                let (start, end) = (self.at, self.end_of_cell());
                self.at = end;
                let trimmed = self.bytes[start..end].trim_ascii_start();
                let start = end - trimmed.len();
                Cell { start, end: start + trimmed.trim_ascii_end().len(), is_unescaped: false, last: false }
            }
        };
        self.skip_blanks();
        if self.bytes.get(self.at) == Some(&b'\r') && self.bytes.get(self.at + 1).is_none_or(|&b| b == b'\n')
        {
            self.at += 1;
        }
        cell.last = match self.bytes.get(self.at) {
            Some(&b) => b == self.dialect.newline,
            None => true,
        };
        // Blanks were skipped up to the next cell already.
        if !self.dialect.blanks || cell.last {
            self.at = (self.at + 1).min(self.bytes.len());
        }
        cell
    }

    /// The delimiter or line end at or after the present place; before a carriage return that belongs to it.
    fn end_of_cell(&self) -> usize {
        let rest = &self.bytes[self.at..];
        let end = if self.dialect.blanks {
            memchr::memchr3(b' ', b'\t', self.dialect.newline, rest)
        } else {
            memchr::memchr2(self.dialect.delimiter, self.dialect.newline, rest)
        };
        let end = self.at + end.unwrap_or(rest.len());
        let ends_line = self.bytes.get(end).is_none_or(|&b| b == b'\n');
        if ends_line && end > self.at && self.bytes[end - 1] == b'\r' { end - 1 } else { end }
    }

    fn quoted(&mut self, quote: u8) -> Cell {
        let start = self.at + 1;
        let close = closing_quote(self.bytes, start, quote).unwrap_or(self.bytes.len());
        self.at = (close + 1).min(self.bytes.len());
        let end = self.end_of_cell();
        let text = &self.bytes[start..close];
        if end == self.at && memchr::memchr(quote, text).is_none() {
            return Cell { start, end: close, is_unescaped: false, last: false };
        }
        self.unescaped.clear();
        let mut previous = 0;
        for &b in text {
            // Of two quotes in a row the second is left out.
            if b == quote && previous == quote {
                previous = 0;
                continue;
            }
            self.unescaped.push(b);
            previous = b;
        }
        self.unescaped.extend_from_slice(&self.bytes[self.at..end]);
        self.at = end;
        Cell { start: 0, end: self.unescaped.len(), is_unescaped: true, last: false }
    }

    /// The text of the cell that was walked over last.
    pub(crate) fn text(&self, cell: Cell) -> &[u8] {
        if cell.is_unescaped {
            &self.unescaped[cell.start..cell.end]
        } else {
            &self.bytes[cell.start..cell.end]
        }
    }
}

/// The first records of `bytes`, cell by cell.
pub(crate) fn records(bytes: &[u8], dialect: Dialect, n: usize) -> Vec<Vec<Vec<u8>>> {
    let mut cells = Cells::new(bytes, dialect);
    let mut records = Vec::new();
    while records.len() < n && cells.next_record() {
        let mut record = Vec::new();
        loop {
            let cell = cells.cell();
            record.push(cells.text(cell).to_vec());
            if cell.last {
                break;
            }
        }
        records.push(record);
    }
    records
}

/// How many cells the first records have.
pub(crate) fn widths(bytes: &[u8], dialect: Dialect, n: usize) -> Vec<usize> {
    let mut cells = Cells::new(bytes, dialect);
    let mut widths = Vec::new();
    while widths.len() < n && cells.next_record() {
        let mut width = 1;
        while !cells.cell().last {
            width += 1;
        }
        widths.push(width);
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, dialect: Dialect) -> Vec<Vec<String>> {
        let text_of = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
        records(text.as_bytes(), dialect, usize::MAX)
            .into_iter()
            .map(|r| r.into_iter().map(text_of).collect())
            .collect()
    }

    const COMMA: Dialect = Dialect::new(b',');

    #[test]
    fn cells_and_quotes() {
        assert_eq!(
            split("a,b\r\n1, 2 \n\n\"x\"\"y\",\"p\nq\"\n", COMMA),
            [["a", "b"], ["1", "2"], ["x\"y", "p\nq"]]
        );
        assert_eq!(split("a,\n,b\n,", COMMA), [["a", ""], ["", "b"], ["", ""]]);
        assert_eq!(split("5\" pipe,\"ab\"c\n", COMMA), [["5\" pipe", "abc"]]);
        assert_eq!(split("\"\"\"\",\"\"", COMMA), [["\"", ""]]);
    }

    #[test]
    fn blanks_and_comments() {
        let dialect = Dialect { comments: true, ..Dialect::new(b' ') };
        assert_eq!(
            split("# \"x\n  1  2\t3 \n#\n4 5 \"6 7\"\r\n", dialect),
            [["1", "2", "3"], ["4", "5", "6 7"]]
        );
    }

    #[test]
    fn old_line_ends() {
        assert_eq!(split("a,b\r1,2\r", Dialect { newline: b'\r', ..COMMA }), [["a", "b"], ["1", "2"]]);
    }

    #[test]
    fn records_are_cut_outside_of_quotes() {
        let cut = |text: &str| CsvCut(COMMA).cut(text.as_bytes());
        assert_eq!(cut("a,b\n1,2\n3"), Some(8));
        assert_eq!(cut("a,b\n1,\"2\n3"), Some(4));
        assert_eq!(cut("a,b\n1,\"2\n3\""), Some(4));
        assert_eq!(cut("a,b\n1,\"2\n3\"\n"), Some(12));
        assert_eq!(cut("a 5\" b\n\"\"\"\n"), Some(7));
        assert_eq!(cut("no end"), None);
        assert!(CsvCut(COMMA).unfinished(b"1,\"2\n").is_some());
        assert!(CsvCut(COMMA).unfinished(b"1,\"2\"").is_none());
        let comments = Dialect { comments: true, ..Dialect::new(b' ') };
        assert_eq!(CsvCut(comments).cut(b"# a \"b\n1 2\n"), Some(11));
    }
}
