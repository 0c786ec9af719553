//! Delimited text: CSV, TSV and the like.

mod parse;
mod sniff;
mod split;

use std::sync::Arc;

use anomalyst_core::{Notices, Result, Run};

use crate::cell::CellRules;
use crate::infer::ReadAs;
use crate::names::{numbered, unique_names};
use crate::observe::Observed;
use crate::options::Header;
use crate::records::{MAX_RECORD_BYTES, ParsedPieces, Piece, Pieces, count_lines};
use crate::source::{Blocks, Fault, FileReader, Opened};
use crate::text::decode;
use crate::text_source::{Sample, TextSource};
use crate::{Format, ReadOptions};
pub(crate) use parse::count_foreign_bytes;
use split::{Cells, CsvCut, Dialect, records};

/// A file of delimited text.
struct CsvFile {
    source: TextSource,
    dialect: Dialect,
    has_header: bool,
    n_columns: usize,
    /// Of an average record.
    record_bytes: usize,
}

/// Looks at the beginning of a file of delimited text.
pub(crate) fn open(
    source: TextSource,
    options: &ReadOptions,
    rules: &CellRules,
    sample_bytes: usize,
) -> std::result::Result<Opened, Fault> {
    let sample = source.sample(sample_bytes)?;
    if sample.bytes.trim_ascii().is_empty() {
        return Err(source.input.no_rows("the file is empty"));
    }
    let mut dialect = sniff::sniff(&sample.bytes, options.delimiter);
    let whole = whole_records(&source, &sample, dialect)?;
    let mut head = records(whole, dialect, 200);
    let mut notices = Notices::default();
    if head.is_empty() {
        return Err(source.input.no_rows("the file holds nothing but comments"));
    }
    source.input.refuse_too_wide(head.iter().map(Vec::len).max().unwrap_or(0))?;
    if let Some(names) = header_in_comment(whole, &mut dialect, &head) {
        head.insert(0, names);
    }
    let has_header = match options.header {
        Header::Auto => sniff::has_header(&head, rules),
        Header::Yes => true,
        Header::No => false,
    };
    let names = names(&source, &head, has_header, &mut notices)?;
    let mut seen = vec![Observed::default(); names.len()];
    let n_sampled = observe(whole, dialect, has_header, rules, &mut seen);
    if n_sampled == 0 && !sample.complete {
        return Err(too_long(&source, whole).into());
    }
    if n_sampled == 0 {
        return Err(source
            .input
            .no_rows(format!("there are {} names in the first line, but no rows below it", names.len())));
    }
    let record_bytes = whole.len() / n_sampled.max(1) + 1;
    let estimated_rows = if sample.complete {
        Some(n_sampled as u64)
    } else {
        source.n_text_bytes().map(|n| n / record_bytes as u64)
    };
    let format = source.describe(&format!("csv, delimiter {}", name_of(dialect.delimiter)));
    let file = CsvFile { source, dialect, has_header, n_columns: names.len(), record_bytes };
    Ok(Opened {
        names,
        seen,
        estimated_rows,
        format: (Format::Csv, format),
        notices,
        label: None,
        place: "line",
        reader: Box::new(file),
    })
}

const fn name_of(delimiter: u8) -> &'static str {
    match delimiter {
        b',' => "','",
        b';' => "';'",
        b'\t' => "tab",
        b'|' => "'|'",
        b' ' => "blanks",
        b':' => "':'",
        _ => "as given",
    }
}

/// The part of a sample that ends with a record.
fn whole_records<'a>(source: &TextSource, sample: &'a Sample, dialect: Dialect) -> Result<&'a [u8]> {
    if sample.complete {
        return Ok(&sample.bytes);
    }
    match crate::records::Cut::cut(&mut CsvCut(dialect), &sample.bytes) {
        Some(end) => Ok(&sample.bytes[..end]),
        None if sample.bytes.len() >= MAX_RECORD_BYTES => Err(too_long(source, &[])),
        // A quote is open for longer than the sample; the reader will say so with its line.
        None => Ok(&sample.bytes),
    }
}

/// The line after `before` does not end within the sample, which grows up to the longest record allowed.
fn too_long(source: &TextSource, before: &[u8]) -> anomalyst_core::Error {
    let limit = MAX_RECORD_BYTES >> 20;
    let reason = format!("the line is longer than {limit} MiB, the limit; is this a table?");
    source.input.bad_line(1 + count_lines(before), reason)
}

/// A single comment line at the top that has as many words as the rows have cells holds their names.
fn header_in_comment(text: &[u8], dialect: &mut Dialect, head: &[Vec<Vec<u8>>]) -> Option<Vec<Vec<u8>>> {
    if !dialect.comments {
        return None;
    }
    let plain = Dialect { comments: false, ..*dialect };
    let with_comments = records(text, plain, 3);
    let is_comment = |r: &Vec<Vec<u8>>| r.first().is_some_and(|cell| cell.starts_with(b"#"));
    let (first, rest) = with_comments.split_first()?;
    if rest.iter().any(is_comment) {
        return None;
    }
    let mut names = first.clone();
    let bare = names[0].strip_prefix(b"#")?.trim_ascii().to_vec();
    names[0] = bare;
    if names[0].is_empty() {
        names.remove(0);
    }
    let is_number = |cell: &Vec<u8>| fast_float2::parse::<f64, _>(cell).is_ok();
    let fits = names.len() > 1 && head.iter().all(|r| r.len() == names.len()) && !names.iter().any(is_number);
    if !fits {
        return None;
    }
    dialect.comments = false;
    Some(names)
}

fn names(
    source: &TextSource,
    head: &[Vec<Vec<u8>>],
    has_header: bool,
    notices: &mut Notices,
) -> Result<Vec<String>> {
    if !has_header {
        let width = head.iter().map(Vec::len).max().unwrap_or(0);
        notices.info(
            None,
            format!("{} has no line of names; its columns are called x1 to x{width}", source.input.name),
        );
        return Ok(numbered(width));
    }
    let text = |cell: &Vec<u8>| decode(cell).into_owned();
    let mut names: Vec<String> = head[0].iter().map(text).collect();
    let rows = &head[1..];
    // Some tools write row names without a name above them.
    if !rows.is_empty() && rows.iter().all(|r| r.len() == names.len() + 1) {
        names.insert(0, String::new());
    }
    if names.iter().all(String::is_empty) && rows.is_empty() {
        return Err(source.input.bad("the file has no names and no rows"));
    }
    Ok(unique_names(names, notices))
}

/// Looks at every cell; gives the number of rows.
fn observe(
    text: &[u8],
    dialect: Dialect,
    has_header: bool,
    rules: &CellRules,
    seen: &mut [Observed],
) -> usize {
    let mut cells = Cells::new(text, dialect);
    let mut n_records = 0;
    while cells.next_record() {
        let is_names = has_header && n_records == 0;
        n_records += 1;
        for column in 0.. {
            let cell = cells.cell();
            if let (false, Some(seen)) = (is_names, seen.get_mut(column)) {
                seen.text(cells.text(cell), rules);
            }
            if cell.last {
                break;
            }
        }
    }
    n_records - usize::from(has_header && n_records > 0)
}

impl FileReader for CsvFile {
    fn blocks<'a>(
        &'a self,
        read_as: Arc<[ReadAs]>,
        rules: &'a CellRules,
        run: &'a Run,
    ) -> Result<Blocks<'a>> {
        let stream = self.source.stream()?;
        let pieces = Pieces::new(&self.source.input, stream, 1, CsvCut(self.dialect))
            .for_records_of(self.record_bytes);
        let parser = parse::Parser { dialect: self.dialect, n_columns: self.n_columns, read_as, rules };
        let header_line = self.has_header;
        let parse = move |piece: &Piece, at: usize| Ok(parser.parse(piece, at, header_line));
        Ok(Box::new(ParsedPieces::new(pieces, run, parse)))
    }
}
