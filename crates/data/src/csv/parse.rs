//! Pieces of delimited text into blocks of typed columns.

use std::sync::Arc;

use super::split::{Cells, Dialect};
use crate::block::{Block, Cells as Typed};
use crate::cell::CellRules;
use crate::infer::ReadAs;
use crate::records::{Piece, count_lines};

/// What it takes to parse a piece.
#[derive(Clone)]
pub(crate) struct Parser<'a> {
    /// How the text is written.
    pub(crate) dialect: Dialect,
    /// Cells in a full row.
    pub(crate) n_columns: usize,
    /// What they are read as.
    pub(crate) read_as: Arc<[ReadAs]>,
    /// How numbers are written.
    pub(crate) rules: &'a CellRules,
}

impl Parser<'_> {
    /// Parses the records of `piece` from `at` on, the first of which may be the names, until the block is full;
    /// gives the place where it stopped.
    pub(crate) fn parse(&self, piece: &Piece, at: usize, has_header: bool) -> (Block, usize) {
        let mut block = Block::new(&self.read_as);
        let mut cells = Cells::new(&piece.bytes, self.dialect);
        cells.at = at;
        if piece.first_line == 1 && at == 0 && has_header && cells.next_record() {
            while !cells.cell().last {}
        }
        let plain = self.rules.plain_numbers();
        while !block.is_full() && cells.next_record() {
            self.row(piece, &mut cells, &mut block, plain);
        }
        count_foreign_bytes(piece, at..cells.at, &mut block);
        (block, cells.at)
    }

    fn row(&self, piece: &Piece, cells: &mut Cells<'_>, block: &mut Block, plain: bool) {
        let start = cells.at;
        let line = || piece.first_line + count_lines(&piece.bytes[..start]);
        let mut n = 0;
        let mut last = false;
        for column in &mut block.columns {
            if let (true, Typed::Numbers(numbers)) = (plain, &mut column.cells)
                && let Some((value, ends)) = cells.number()
            {
                numbers.push(value);
                last = ends;
            } else {
                let cell = cells.cell();
                column.push_text(cells.text(cell), self.rules, line);
                last = cell.last;
            }
            n += 1;
            if last {
                break;
            }
        }
        let mut has_more = false;
        while !last {
            let cell = cells.cell();
            has_more |= !cells.text(cell).is_empty();
            last = cell.last;
            n += 1;
        }
        let cells_text = || format!("{n} cells instead of {}", self.n_columns);
        if n < self.n_columns {
            block.short.add(line, cells_text);
        } else if has_more {
            block.long.add(line, cells_text);
        }
        block.end_row(n.min(self.n_columns)..self.n_columns);
    }
}

/// Counts what is not UTF-8 in a range of a piece, of which cells are read in another way.
pub(crate) fn count_foreign_bytes(piece: &Piece, range: std::ops::Range<usize>, block: &mut Block) {
    let mut at = range.start;
    let bytes = &piece.bytes[range];
    if std::str::from_utf8(bytes).is_ok() {
        return;
    }
    for chunk in bytes.utf8_chunks() {
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            let line = || piece.first_line + count_lines(&piece.bytes[..at]);
            block.latin.add(line, String::new);
        }
        at += chunk.invalid().len();
    }
}
