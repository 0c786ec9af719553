//! ARFF, the attribute-relation format of Weka: dense and sparse rows.

mod header;
mod tokens;

use std::io::{BufReader, Read};
use std::sync::Arc;

use anomalyst_core::{Notices, Result, Run};

use crate::Format;
use crate::block::Block;
use crate::cell::CellRules;
use crate::csv::count_foreign_bytes;
use crate::infer::ReadAs;
use crate::names::unique_names;
use crate::observe::Observed;
use crate::records::{LineCut, ParsedPieces, Piece, Pieces, count_lines};
use crate::source::{Blocks, Fault, FileReader, Opened};
use crate::text_source::TextSource;
use header::{Attribute, Kind};
use tokens::{Tokens, skip_blanks};

struct ArffFile {
    source: TextSource,
    attributes: Vec<Attribute>,
}

/// Looks at the header of an ARFF file and at its first rows.
pub(crate) fn open(
    source: TextSource,
    rules: &CellRules,
    sample_bytes: usize,
) -> std::result::Result<Opened, Fault> {
    source.sample(sample_bytes.min(64 << 10))?;
    let (mut pieces, attributes) = pieces(&source)?;
    let mut seen: Vec<Observed> = attributes.iter().map(|a| new_observed(&a.kind)).collect();
    let (mut n_rows, mut n_bytes, mut complete) = (0, 0, true);
    while let Some(piece) = pieces.next()? {
        n_bytes += piece.bytes.len();
        each_row(&piece, 0, |row, _| {
            n_rows += 1;
            row.cells(&attributes, |column, cell| {
                if let Some(seen) = seen.get_mut(column) {
                    seen.text(cell, rules);
                }
            });
            true
        });
        if n_bytes >= sample_bytes {
            complete = false;
            break;
        }
    }
    if n_rows == 0 {
        return Err(source.input.no_rows("there are no rows after @data"));
    }
    let per_row = (n_bytes / n_rows).max(1) as u64;
    let estimated_rows =
        if complete { Some(n_rows as u64) } else { source.n_text_bytes().map(|n| n / per_row) };
    let mut notices = Notices::default();
    let names = unique_names(attributes.iter().map(|a| a.name.clone()).collect(), &mut notices);
    Ok(Opened {
        names,
        seen,
        estimated_rows,
        format: (Format::Arff, source.describe("arff")),
        notices,
        label: None,
        place: "line",
        reader: Box::new(ArffFile { source, attributes }),
    })
}

fn new_observed(kind: &Kind) -> Observed {
    kind.declared().map_or_else(Observed::default, Observed::declared)
}

/// The rows after the header.
fn pieces(source: &TextSource) -> Result<(Pieces<LineCut>, Vec<Attribute>)> {
    let mut stream: Box<dyn Read + Send> = Box::new(BufReader::with_capacity(64 << 10, source.stream()?));
    let (attributes, n_lines) = header::read(&source.input, &mut stream)?;
    Ok((Pieces::new(&source.input, stream, n_lines + 1, LineCut), attributes))
}

/// One row, dense or sparse.
struct Row<'a>(&'a [u8]);

/// Gives every row of a piece from `at` on, and the place where it begins, to `take`, which says whether to go on;
/// gives the place after the last.
fn each_row(piece: &Piece, mut at: usize, mut take: impl FnMut(Row<'_>, usize) -> bool) -> usize {
    for line in piece.bytes[at..].split(|&b| b == b'\n') {
        let start = at;
        at = (at + line.len() + 1).min(piece.bytes.len());
        let row = line.trim_ascii();
        if !row.is_empty() && row[0] != b'%' && !take(Row(row), start) {
            break;
        }
    }
    at
}

impl Row<'_> {
    /// Gives every cell with its position to `take`; how many cells there are.
    fn cells(&self, attributes: &[Attribute], mut take: impl FnMut(usize, &[u8])) -> usize {
        if self.0[0] == b'{' {
            return self.sparse(attributes, take);
        }
        let mut tokens = Tokens::new(self.0);
        let (mut at, mut n) = (0, 0);
        loop {
            at = skip_blanks(self.0, at);
            // A weight in braces at the end of a row is no cell.
            if n > 0 && self.0.get(at) == Some(&b'{') {
                return n;
            }
            let (cell, end) = tokens.cell(at);
            take(n, &cell);
            n += 1;
            if end >= self.0.len() {
                return n;
            }
            at = end + 1;
        }
    }

    /// Sparse rows list positions and values; the other cells have the first value of their type.
    fn sparse(&self, attributes: &[Attribute], mut take: impl FnMut(usize, &[u8])) -> usize {
        let mut tokens = Tokens::new(self.0);
        let mut at = 1;
        let mut next = 0;
        let mut fault = 0;
        loop {
            at = skip_blanks(self.0, at);
            if at >= self.0.len() || self.0[at] == b'}' {
                break;
            }
            let (position, end) = tokens.word(at);
            let (value, end) = tokens.word(skip_blanks(self.0, end));
            let position = std::str::from_utf8(&position).ok().and_then(|p| p.parse::<usize>().ok());
            match position.filter(|&p| p >= next && p < attributes.len()) {
                Some(position) => {
                    for (column, attribute) in attributes.iter().enumerate().take(position).skip(next) {
                        take(column, attribute.kind.unsaid());
                    }
                    take(position, &value);
                    next = position + 1;
                }
                None => fault = 1,
            }
            at = skip_blanks(self.0, end);
            at += usize::from(at < self.0.len() && self.0[at] != b'}');
        }
        for (column, attribute) in attributes.iter().enumerate().skip(next) {
            take(column, attribute.kind.unsaid());
        }
        attributes.len() + fault
    }
}

impl FileReader for ArffFile {
    fn blocks<'a>(
        &'a self,
        read_as: Arc<[ReadAs]>,
        rules: &'a CellRules,
        run: &'a Run,
    ) -> Result<Blocks<'a>> {
        let (pieces, _) = pieces(&self.source)?;
        let n_columns = self.attributes.len();
        let parse = move |piece: &Piece, from: usize| -> Result<(Block, usize)> {
            let mut block = Block::new(&read_as);
            let end = each_row(piece, from, |row, at| {
                let line = || piece.first_line + count_lines(&piece.bytes[..at]);
                let n = row.cells(&self.attributes, |column, cell| {
                    if let Some(column) = block.columns.get_mut(column) {
                        column.push_text(cell, rules, line);
                    }
                });
                let say = || format!("{n} cells instead of {n_columns}");
                if n < n_columns {
                    block.short.add(line, say);
                } else if n > n_columns {
                    block.long.add(line, say);
                }
                block.end_row(n.min(n_columns)..n_columns);
                !block.is_full()
            });
            count_foreign_bytes(piece, from..end, &mut block);
            Ok((block, end))
        };
        Ok(Box::new(ParsedPieces::new(pieces, run, parse)))
    }
}
