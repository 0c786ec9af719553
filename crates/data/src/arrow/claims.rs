//! What Arrow IPC files claim about their own parts, compared with the bytes that there are.
//!
//! The foreign reader makes room on the word of a file: four bytes that say two gigabytes are believed, and what
//! cannot be allocated ends the process. Every length is therefore looked at before that reader sees the file.

use std::io::{self, SeekFrom};

use arrow_ipc::{RecordBatch, root_as_footer, root_as_message};

use crate::input::{Input, ReadSeek};

/// Compressed buffers do not unpack to more than this many times their size; Zstandard's runs reach half of it.
const MAX_RATIO: u64 = 1 << 16;
/// Rows that a batch may have without a byte for any of them, which happens where all columns are empty.
const EMPTY_ROWS: u64 = 1 << 20;
/// At the end of a file: the footer's length and the magic word.
const TRAILER: u64 = 10;
/// Before the length of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Checks every message of a stream.
pub(crate) fn check_stream(input: &Input) -> Result<(), String> {
    let mut walk = Walk::new(input)?;
    let mut at = 0;
    while let Some(next) = walk.message(at)? {
        at = next;
    }
    Ok(())
}

/// Checks the footer of a file and every message that it names.
pub(crate) fn check_file(input: &Input) -> Result<(), String> {
    let mut walk = Walk::new(input)?;
    let start = walk.n_bytes.checked_sub(TRAILER).ok_or("the file is cut short")?;
    let trailer = walk.bytes(start, 4)?;
    let footer = u64::from(trailer.iter().rev().fold(0_u32, |n, &b| n << 8 | u32::from(b)));
    let start = start.checked_sub(footer).ok_or("its footer claims more bytes than there are")?;
    let footer = walk.bytes(start, footer)?;
    let footer = root_as_footer(&footer).map_err(|e| format!("its footer is damaged ({e})"))?;
    let blocks =
        footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
    for block in blocks {
        let [offset, head, body] = [block.offset(), i64::from(block.metaDataLength()), block.bodyLength()];
        let end =
            [offset, head, body].into_iter().try_fold(0_u64, |end, n| end.checked_add(n.try_into().ok()?));
        if end.is_none_or(|end| end > walk.n_bytes) {
            return Err("its footer names a batch that is not there".into());
        }
        walk.message(offset as u64)?;
    }
    Ok(())
}

struct Walk {
    file: Box<dyn ReadSeek>,
    n_bytes: u64,
}

impl Walk {
    fn new(input: &Input) -> Result<Self, String> {
        Ok(Self { file: input.seekable().map_err(|e| e.to_string())?, n_bytes: input.n_bytes })
    }

    /// Some bytes that are there.
    fn bytes(&mut self, at: u64, n: u64) -> Result<Vec<u8>, String> {
        if at.checked_add(n).is_none_or(|end| end > self.n_bytes) {
            return Err("a part of it claims more bytes than there are".into());
        }
        let mut bytes = vec![0; n as usize];
        let mut read = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(at))?;
            self.file.read_exact(&mut bytes)
        };
        read().map_err(|e| e.to_string())?;
        Ok(bytes)
    }

    /// Checks the message at `at`; gives the place behind it, or `None` where the stream ends.
    fn message(&mut self, mut at: u64) -> Result<Option<u64>, String> {
        let mut word = match self.bytes(at, 4) {
            Ok(word) => word,
            // What is left is too little for a message; the reader says whether that is a fault.
            Err(_) => return Ok(None),
        };
        at += 4;
        if word == CONTINUATION {
            word = self.bytes(at, 4)?;
            at += 4;
        }
        let n = u64::from(word.iter().rev().fold(0_u32, |n, &b| n << 8 | u32::from(b)));
        if n == 0 {
            return Ok(None);
        }
        let head = self.bytes(at, n)?;
        let message = root_as_message(&head).map_err(|e| format!("a message is damaged ({e})"))?;
        let body = u64::try_from(message.bodyLength()).ok();
        let start = at + n;
        let end = body.and_then(|n| start.checked_add(n)).filter(|&end| end <= self.n_bytes);
        let end = end.ok_or("a batch claims more bytes than there are")?;
        let dictionary = message.header_as_dictionary_batch().and_then(|d| d.data());
        if let Some(batch) = message.header_as_record_batch().or(dictionary) {
            self.batch(&batch, start, end - start)?;
        }
        Ok(Some(end))
    }

    /// Checks how many rows a batch claims, and to what sizes its buffers unpack.
    fn batch(&mut self, batch: &RecordBatch<'_>, start: u64, n_bytes: u64) -> Result<(), String> {
        let is_packed = batch.compression().is_some();
        let ratio = if is_packed { MAX_RATIO } else { 1 };
        // A bit is the least that a row takes.
        let most = n_bytes.saturating_mul(8).saturating_mul(ratio).max(EMPTY_ROWS);
        let nodes = batch.nodes().into_iter().flatten().map(|node| node.length());
        if nodes.chain([batch.length()]).any(|n| u64::try_from(n).is_ok_and(|n| n > most)) {
            return Err("a batch claims more rows than its bytes can hold".into());
        }
        for buffer in batch.buffers().into_iter().flatten().filter(|_| is_packed) {
            let [offset, len] =
                [buffer.offset(), buffer.length()].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
            if len < 8 {
                continue;
            }
            let size = self.bytes(start.saturating_add(offset), 8)?;
            let size = size.iter().rev().fold(0_i64, |n, &b| n << 8 | i64::from(b));
            // -1 says that this buffer is not compressed after all.
            if u64::try_from(size).is_ok_and(|n| n > len.saturating_mul(MAX_RATIO)) {
                return Err("a compressed buffer claims more bytes than it can unpack to".into());
            }
        }
        Ok(())
    }
}
