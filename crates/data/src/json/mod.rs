//! JSON: one object per line, or one array of objects.

mod cut;
mod flatten;

use std::io::Read;
use std::sync::Arc;

use anomalyst_core::{Error, Notices, Result, Run};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json};

use crate::block::Block;
use crate::cell::CellRules;
use crate::csv::count_foreign_bytes;
use crate::infer::ReadAs;
use crate::input::Input;
use crate::observe::Observed;
use crate::records::{Cut, LineCut, ParsedPieces, Piece, Pieces, count_lines};
use crate::source::{Blocks, Fault, FileReader, Opened};
use crate::text_source::TextSource;
use crate::{Format, ReadOptions};
use cut::ArrayCut;
use flatten::{Cell, flatten};

struct JsonFile {
    source: TextSource,
    is_array: bool,
    places: FxHashMap<String, usize>,
}

/// Looks at the beginning of a file of JSON.
pub(crate) fn open(
    source: TextSource,
    format: Format,
    options: &ReadOptions,
    rules: &CellRules,
    sample_bytes: usize,
) -> std::result::Result<Opened, Fault> {
    let is_array = format == Format::Json;
    let mut pieces = first_pieces(&source, is_array, sample_bytes)?;
    let mut found = Found::default();
    let mut n_bytes = 0;
    let mut complete = true;
    // An object that spans lines is cut in the middle by lines; its error names the first of them.
    for piece in &mut pieces {
        let piece = piece?;
        n_bytes += piece.bytes.len();
        each_object((&source.input, is_array), &piece, 0, |object, _| {
            found.object(object, rules);
            source.input.refuse_too_wide(found.names.len()).map(|()| true)
        })?;
        if n_bytes >= sample_bytes {
            complete = false;
            break;
        }
    }
    if found.n_rows == 0 {
        return Err(source.input.no_rows("there are no objects in the file"));
    }
    // Columns that are named in the options may come later than the sample.
    let expected = options.expected.iter().flat_map(|s| &s.columns).filter(|c| c.used).map(|c| &c.name);
    let named = options.types.iter().map(|(name, _)| name).chain(&options.label).chain(&options.id);
    for name in named.chain(expected) {
        if !complete && !found.places.contains_key(name.as_str()) {
            found.column(name);
        }
    }
    let per_row = (n_bytes / found.n_rows).max(1) as u64;
    let estimated_rows =
        if complete { Some(found.n_rows as u64) } else { source.n_text_bytes().map(|n| n / per_row) };
    let description = source.describe(format.as_str());
    Ok(Opened {
        names: found.names,
        seen: found.seen,
        estimated_rows,
        format: (format, description),
        notices: Notices::default(),
        label: None,
        place: "line",
        reader: Box::new(JsonFile { source, is_array, places: found.places }),
    })
}

/// The columns found in a sample.
#[derive(Default)]
struct Found {
    names: Vec<String>,
    seen: Vec<Observed>,
    places: FxHashMap<String, usize>,
    n_rows: usize,
}

impl Found {
    fn object(&mut self, object: &Map<String, Json>, rules: &CellRules) {
        self.n_rows += 1;
        flatten("", object, &mut |name, cell| {
            let column = self.places.get(name).copied().unwrap_or_else(|| self.column(name));
            if let Cell::Value(value) = cell {
                self.seen[column].value(&value, rules);
            }
        });
    }

    fn column(&mut self, name: &str) -> usize {
        self.names.push(name.to_owned());
        self.seen.push(Observed::default());
        self.places.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

type AnyCut = Box<dyn Cut>;

impl Cut for AnyCut {
    fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        (**self).cut(bytes)
    }
    fn unfinished(&self, rest: &[u8]) -> Option<(usize, String)> {
        (**self).unfinished(rest)
    }
}

/// The records of a file, after the bracket that opens an array.
fn pieces(source: &TextSource, is_array: bool) -> Result<Pieces<AnyCut>> {
    let mut stream = source.stream()?;
    let mut line = 1;
    if is_array {
        let mut byte = [b' '];
        while byte[0].is_ascii_whitespace() {
            line += u64::from(byte[0] == b'\n');
            stream.read_exact(&mut byte).map_err(|e| source.input.failed(e))?;
        }
        if byte[0] != b'[' {
            return Err(source.input.bad_line(line, "a JSON array of objects begins with `[`"));
        }
    }
    let cut: AnyCut = if is_array { Box::new(ArrayCut::default()) } else { Box::new(LineCut) };
    Ok(Pieces::new(&source.input, stream, line, cut))
}

fn first_pieces(
    source: &TextSource,
    is_array: bool,
    sample_bytes: usize,
) -> Result<impl Iterator<Item = Result<Piece>> + use<>> {
    source.sample(sample_bytes.min(64 << 10))?;
    let mut pieces = pieces(source, is_array)?;
    Ok(std::iter::from_fn(move || pieces.next().transpose()))
}

/// Gives every object of a piece from `at` on, and the place where it begins, to `take`, which says whether to go
/// on; gives the place after the last.
fn each_object(
    (input, is_array): (&Input, bool),
    piece: &Piece,
    mut at: usize,
    mut take: impl FnMut(&Map<String, Json>, usize) -> Result<bool>,
) -> Result<usize> {
    let bytes = &piece.bytes[..];
    loop {
        let skipped = |b: &u8| b.is_ascii_whitespace() || (is_array && *b == b',');
        at += bytes[at..].iter().take_while(|b| skipped(b)).count();
        let rest = &bytes[at..];
        if rest.is_empty() || (is_array && rest[0] == b']') {
            return Ok(bytes.len());
        }
        let record = if is_array { rest } else { &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())] };
        let error = |reason: String, here: usize| -> Error {
            input.bad_line(piece.first_line + count_lines(&bytes[..here]), reason)
        };
        let mut stream = serde_json::Deserializer::from_slice(record).into_iter::<Json>();
        let value = match stream.next() {
            Some(Ok(value)) => value,
            Some(Err(e)) => {
                let here =
                    at + record.split(|&b| b == b'\n').take(e.line() - 1).map(|l| l.len() + 1).sum::<usize>();
                return Err(error(format!("not JSON: {}", message(&e)), here.min(bytes.len())));
            }
            None => return Ok(bytes.len()),
        };
        let n = stream.byte_offset();
        let Json::Object(object) = &value else {
            return Err(error(
                "this is JSON, but not an object; each row must be an object such as {\"size\": 1}".into(),
                at,
            ));
        };
        let go_on = take(object, at)?;
        if !is_array && !record[n..].trim_ascii().is_empty() {
            return Err(error(
                "more text after the object; each object must be on a line of its own".into(),
                at,
            ));
        }
        at += n;
        if !go_on {
            return Ok(at);
        }
    }
}

/// What is wrong and in which column of the line; the line is told by the caller.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let hint = if error.is_eof() { "; the object does not end on its line" } else { "" };
    format!("{what} at character {}{hint}", error.column())
}

impl FileReader for JsonFile {
    fn blocks<'a>(
        &'a self,
        read_as: Arc<[ReadAs]>,
        rules: &'a CellRules,
        run: &'a Run,
    ) -> Result<Blocks<'a>> {
        let parse = move |piece: &Piece, from: usize| -> Result<(Block, usize)> {
            let mut block = Block::new(&read_as);
            let end = each_object((&self.source.input, self.is_array), piece, from, |object, at| {
                let line = || piece.first_line + count_lines(&piece.bytes[..at]);
                self.row(object, &mut block, rules, line);
                Ok(!block.is_full())
            })?;
            count_foreign_bytes(piece, from..end, &mut block);
            Ok((block, end))
        };
        Ok(Box::new(ParsedPieces::new(pieces(&self.source, self.is_array)?, run, parse)))
    }
}

impl JsonFile {
    fn row(&self, object: &Map<String, Json>, block: &mut Block, rules: &CellRules, line: impl Fn() -> u64) {
        let n_rows = block.n_rows;
        flatten("", object, &mut |name, cell| match (self.places.get(name), cell) {
            (Some(&column), Cell::Value(value)) => {
                let column = &mut block.columns[column];
                // A name that occurs twice in an object counts once.
                if column.cells.len() == n_rows {
                    column.push(value, rules, &line);
                }
            }
            (None, Cell::Value(_)) => block.unplanned.add(&line, || name.to_owned()),
            (_, Cell::Null) => {}
        });
        block.end_row(0..self.places.len());
    }
}
