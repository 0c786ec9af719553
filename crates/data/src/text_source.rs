//! A file of text behind its compression and encoding.

use std::io::Read;

use anomalyst_core::Result;

use crate::compression::Compression;
use crate::input::Input;
use crate::records::{MAX_RECORD_BYTES, count_lines};
use crate::text::{Encoding, why_not_text};

/// Lines that a sample should have, however long they are.
const SAMPLE_LINES: u64 = 16;

/// A file of text.
#[derive(Clone, Debug)]
pub(crate) struct TextSource {
    /// The file.
    pub(crate) input: Input,
    /// Around the text.
    pub(crate) compression: Compression,
    /// Of the text.
    pub(crate) encoding: Encoding,
}

/// The beginning of a text.
#[derive(Debug)]
pub(crate) struct Sample {
    /// UTF-8, or what was written where it is not.
    pub(crate) bytes: Vec<u8>,
    /// Whether this is all there is.
    pub(crate) complete: bool,
}

impl TextSource {
    /// From the start, as UTF-8 without a mark.
    pub(crate) fn stream(&self) -> Result<Box<dyn Read + Send>> {
        let stream = self.compression.expanded(self.input.stream()?);
        stream.and_then(|s| self.encoding.decoded(s)).map_err(|e| self.input.failed(e))
    }

    /// The first `n_bytes`, and more if that is only few lines.
    pub(crate) fn sample(&self, n_bytes: usize) -> Result<Sample> {
        let mut stream = self.stream()?;
        let mut bytes = Vec::new();
        let mut want = n_bytes;
        loop {
            let room = (want - bytes.len()) as u64;
            stream.by_ref().take(room).read_to_end(&mut bytes).map_err(|e| self.input.failed(e))?;
            let complete = bytes.len() < want;
            if complete || count_lines(&bytes) >= SAMPLE_LINES || want >= MAX_RECORD_BYTES {
                if let Some(what) = why_not_text(&bytes) {
                    return Err(self.input.bad(format!("this is not a table but {what}")));
                }
                return Ok(Sample { bytes, complete });
            }
            want = (want * 2).min(MAX_RECORD_BYTES);
        }
    }

    /// How many bytes of text there are, as far as can be told without reading them.
    pub(crate) fn n_text_bytes(&self) -> Option<u64> {
        match self.compression {
            Compression::Plain => Some(self.input.n_bytes),
            Compression::Gzip => {
                // The last four bytes hold the length of the last member, modulo 2^32.
                let mut file = self.input.seekable().ok()?;
                let mut length = [0; 4];
                file.seek(std::io::SeekFrom::End(-4)).ok()?;
                file.read_exact(&mut length).ok()?;
                Some(u64::from(u32::from_le_bytes(length))).filter(|&n| n >= self.input.n_bytes)
            }
            Compression::Zstd => None,
        }
    }

    /// `csv, delimiter ';', gzip`, from what is said before.
    pub(crate) fn describe(&self, what: &str) -> String {
        let mut words = vec![what];
        words.extend(self.encoding.as_str());
        words.push(self.compression.as_str());
        words.retain(|w| !w.is_empty());
        words.join(", ")
    }
}
