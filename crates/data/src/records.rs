//! Cuts a stream of text into pieces of whole records and parses the pieces in parallel.

use std::collections::VecDeque;
use std::io::{self, Read};

use anomalyst_core::{Result, Run, Stage};
use rayon::prelude::*;

use crate::block::Block;
use crate::input::Input;

/// A record may not be longer than this; longer ones are no table.
pub(crate) const MAX_RECORD_BYTES: usize = 64 << 20;
/// Pieces have about this size, or that of one record if it is larger.
pub(crate) const PIECE_BYTES: usize = 1 << 20;
/// Pieces hold at least this many records of the usual length.
const RECORDS_PER_PIECE: usize = 64;

/// Whole records of a file.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Their text.
    pub(crate) bytes: Vec<u8>,
    /// The line on which they begin, counted from 1.
    pub(crate) first_line: u64,
}

/// Finds where records end.
pub(crate) trait Cut: Send {
    /// The end of the last whole record of `bytes`, which begin with a record. `None` where there is none yet;
    /// then more will be given, beginning with the same bytes.
    fn cut(&mut self, bytes: &[u8]) -> Option<usize>;

    /// Why the rest of the stream, without an end of its own, is no whole record.
    fn unfinished(&self, rest: &[u8]) -> Option<(usize, String)>;
}

/// Records that end with their line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineCut;

impl Cut for LineCut {
    fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        memchr::memrchr(b'\n', bytes).map(|p| p + 1)
    }

    fn unfinished(&self, _: &[u8]) -> Option<(usize, String)> {
        None
    }
}

/// Reads pieces of whole records.
pub(crate) struct Pieces<C> {
    input: Input,
    stream: Box<dyn Read + Send>,
    cut: C,
    carry: Vec<u8>,
    line: u64,
    piece_bytes: usize,
    ended: bool,
}

impl<C: Cut> Pieces<C> {
    /// From where `stream` stands, which is on line `line`.
    pub(crate) fn new(input: &Input, stream: Box<dyn Read + Send>, line: u64, cut: C) -> Self {
        Self {
            input: input.clone(),
            stream,
            cut,
            carry: Vec::new(),
            line,
            piece_bytes: PIECE_BYTES,
            ended: false,
        }
    }

    /// Pieces large enough for records of this length.
    pub(crate) fn for_records_of(mut self, n_bytes: usize) -> Self {
        self.piece_bytes = (n_bytes * RECORDS_PER_PIECE).clamp(PIECE_BYTES, 16 * PIECE_BYTES);
        self
    }

    /// The next piece; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        let mut bytes = std::mem::take(&mut self.carry);
        let mut want = self.piece_bytes;
        loop {
            bytes.reserve_exact(want.saturating_sub(bytes.len()));
            while bytes.len() < want && !self.ended {
                let room = (want - bytes.len()) as u64;
                match self.stream.by_ref().take(room).read_to_end(&mut bytes) {
                    Ok(0) => self.ended = true,
                    Ok(_) => {}
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(self.input.failed(e)),
                }
            }
            if let Some(at) = self.cut.cut(&bytes) {
                self.carry = bytes[at..].to_vec();
                bytes.truncate(at);
                break;
            }
            if self.ended {
                if let Some((at, reason)) = self.cut.unfinished(&bytes) {
                    let line = self.line + count_lines(&bytes[..at]);
                    return Err(self.input.bad_line(line, reason));
                }
                break;
            }
            if bytes.len() >= MAX_RECORD_BYTES {
                let limit = MAX_RECORD_BYTES >> 20;
                let reason = format!(
                    "the record that begins here is longer than {limit} MiB, the limit; is this a table, and are its quotes closed?"
                );
                return Err(self.input.bad_line(self.line, reason));
            }
            want = (bytes.len() * 2).clamp(self.piece_bytes, MAX_RECORD_BYTES);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let first_line = self.line;
        self.line += count_lines(&bytes);
        if let Some(at) = memchr::memchr(0, &bytes) {
            let line = first_line + count_lines(&bytes[..at]);
            return Err(self
                .input
                .bad_line(line, "a zero byte: this is binary data or a damaged file, not text"));
        }
        Ok(Some(Piece { bytes, first_line }))
    }
}

/// Ends of lines in `bytes`.
pub(crate) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Parses pieces on all threads of the run, and gives the blocks in file order.
pub(crate) struct ParsedPieces<'a, C, P> {
    pieces: Pieces<C>,
    parse: P,
    run: &'a Run,
    stage: Stage,
    waiting: Vec<Piece>,
    ready: VecDeque<Result<Parsed>>,
    done: bool,
}

/// A block, and the piece from where on it was too much for one block.
struct Parsed {
    block: Block,
    rest: Option<(Piece, usize)>,
}

/// Parses a piece from `at` on.
fn parse_from(parse: &impl ParsePiece, piece: Piece, at: usize) -> Result<Parsed> {
    let (block, end) = parse(&piece, at)?;
    Ok(Parsed { block, rest: (end < piece.bytes.len()).then_some((piece, end)) })
}

/// Parses records of a piece from a place on, until there are no more or the block is full; gives the place where
/// it stopped.
pub(crate) trait ParsePiece: Fn(&Piece, usize) -> Result<(Block, usize)> + Sync + Send {}
impl<P: Fn(&Piece, usize) -> Result<(Block, usize)> + Sync + Send> ParsePiece for P {}

impl<'a, C, P> ParsedPieces<'a, C, P>
where
    C: Cut,
    P: ParsePiece,
{
    /// Of all that is left of `pieces`.
    pub(crate) fn new(pieces: Pieces<C>, run: &'a Run, parse: P) -> Self {
        let stage = run.stage("reading", pieces.input.n_bytes);
        Self { pieces, parse, run, stage, waiting: Vec::new(), ready: VecDeque::new(), done: false }
    }

    /// Parses what is waiting while the next pieces are read.
    fn advance(&mut self) -> Result<()> {
        self.run.check()?;
        let n = self.run.n_threads() * 4;
        let (pieces, parse, done) = (&mut self.pieces, &self.parse, self.done);
        let waiting = std::mem::take(&mut self.waiting);
        self.stage.advance(waiting.iter().map(|p| p.bytes.len() as u64).sum());
        let read = || -> (Vec<Piece>, Result<bool>) {
            let mut group = Vec::with_capacity(n);
            while group.len() < n && !done {
                match pieces.next() {
                    Ok(Some(piece)) => group.push(piece),
                    Ok(None) => return (group, Ok(true)),
                    Err(e) => return (group, Err(e)),
                }
            }
            (group, Ok(done))
        };
        let parse = |piece| parse_from(parse, piece, 0);
        let parse_all = || -> Vec<Result<Parsed>> { waiting.into_par_iter().map(parse).collect() };
        let ((group, outcome), blocks) = self.run.install(|| rayon::join(read, parse_all));
        self.ready.extend(blocks);
        match outcome {
            Ok(done) => {
                self.done = done;
                self.waiting = group;
            }
            // What comes before the fault is still given, so that an error in it is told first.
            Err(e) => {
                self.done = true;
                self.ready.extend(group.into_iter().map(parse));
                self.ready.push_back(Err(e));
            }
        }
        Ok(())
    }
}

impl<C, P> Iterator for ParsedPieces<'_, C, P>
where
    C: Cut,
    P: ParsePiece,
{
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !(self.done && self.waiting.is_empty()) {
            if let Err(e) = self.advance() {
                self.done = true;
                self.waiting.clear();
                return Some(Err(e));
            }
        }
        Some(self.ready.pop_front()?.map(|Parsed { block, rest }| {
            // What is left of a piece becomes a block only now, so that few of them are in memory.
            if let Some((piece, at)) = rest {
                self.ready.push_front(parse_from(&self.parse, piece, at));
            }
            block
        }))
    }
}
