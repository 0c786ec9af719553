//! Characters: byte order marks, UTF-16, bytes that are not UTF-8, and what is no text at all.

use std::borrow::Cow;
use std::io::{self, Read};

/// How the bytes of a text stream are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, or something else in some cells.
    Utf8,
    /// UTF-8 after a byte order mark.
    Utf8Mark,
    /// UTF-16 after a byte order mark, little-endian.
    Utf16Le,
    /// UTF-16 after a byte order mark, big-endian.
    Utf16Be,
}

impl Encoding {
    /// Told by the first bytes.
    pub(crate) const fn of(start: &[u8]) -> Self {
        match start {
            [0xef, 0xbb, 0xbf, ..] => Self::Utf8Mark,
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// How to name it in the format's description, where it is not the usual one.
    pub(crate) const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Utf8 => None,
            Self::Utf8Mark => Some("UTF-8 with byte order mark"),
            Self::Utf16Le => Some("UTF-16, little-endian"),
            Self::Utf16Be => Some("UTF-16, big-endian"),
        }
    }

    /// A stream of UTF-8 without mark.
    pub(crate) fn decoded(self, mut stream: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let mark = match self {
            Self::Utf8 => return Ok(stream),
            Self::Utf8Mark => 3,
            Self::Utf16Le | Self::Utf16Be => 2,
        };
        stream.read_exact(&mut [0; 3][..mark])?;
        Ok(match self {
            Self::Utf8 | Self::Utf8Mark => stream,
            _ => Box::new(Utf16 {
                stream,
                big_endian: self == Self::Utf16Be,
                rest: Vec::new(),
                ready: Vec::new(),
                at: 0,
            }),
        })
    }
}

/// Turns UTF-16 into UTF-8 while reading.
struct Utf16 {
    stream: Box<dyn Read + Send>,
    big_endian: bool,
    /// Bytes that are not yet a whole character.
    rest: Vec<u8>,
    ready: Vec<u8>,
    at: usize,
}

impl Utf16 {
    /// Decodes the next piece of the stream; nothing new at its end.
    fn refill(&mut self) -> io::Result<()> {
        let mut piece = vec![0; 64 << 10];
        let n = self.stream.read(&mut piece)?;
        self.rest.extend_from_slice(&piece[..n]);
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let mut units: Vec<u16> = self.rest.chunks_exact(2).map(unit).collect();
        // The first half of a pair waits for its second.
        if n > 0 && units.last().is_some_and(|u| (0xd800..0xdc00).contains(u)) {
            units.pop();
        }
        let used = if n > 0 { units.len() * 2 } else { self.rest.len() };
        self.rest.drain(..used);
        self.ready = String::from_utf16_lossy(&units).into_bytes();
        self.at = 0;
        if n > 0 && self.ready.is_empty() { self.refill() } else { Ok(()) }
    }
}

impl Read for Utf16 {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            self.refill()?;
        }
        let n = out.len().min(self.ready.len() - self.at);
        out[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// A cell as text. Bytes that are not UTF-8 are read as Windows-1252, which is what old tools write.
pub(crate) fn decode(cell: &[u8]) -> Cow<'_, str> {
    const C1: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(
            cell.iter()
                .map(|&b| if (0x80..0xa0).contains(&b) { C1[usize::from(b - 0x80)] } else { char::from(b) })
                .collect(),
        ),
    }
}

/// Why `start`, the beginning of a file, is not text; `None` where it may be.
pub(crate) fn why_not_text(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 9] = [
        (b"PK\x03\x04", "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"\x89HDF", "an HDF5 file; export the table as CSV or Parquet"),
        (b"SQLite format 3\0", "an SQLite database; export the table as CSV"),
        (b"BZh", "compressed with bzip2; unpack it, or use gzip or zstd"),
        (b"\xfd7zXZ", "compressed with xz; unpack it, or use gzip or zstd"),
    ];
    if let Some((_, what)) = known.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(what);
    }
    let n_control =
        start.iter().filter(|&&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)).count();
    if start.contains(&0) {
        Some("binary data: it contains zero bytes")
    } else if n_control * 200 > start.len() {
        Some("binary data: it is full of control characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(|u: u16| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    /// Gives one byte at a time, so that every character is cut.
    struct Drip(Vec<u8>);
    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() || out.is_empty() {
                return Ok(0);
            }
            out[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn utf16_in_any_pieces() {
        let text = "a,b\n1,ä€😀\n";
        for big_endian in [false, true] {
            let bytes = utf16(text, big_endian);
            let encoding = Encoding::of(&bytes);
            let mut out = String::new();
            encoding.decoded(Box::new(Drip(bytes))).unwrap().read_to_string(&mut out).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn other_bytes_are_read_as_windows_1252() {
        assert_eq!(decode(b"caf\xe9 \x80"), "café €");
        assert_eq!(decode("café".as_bytes()), "café");
    }

    #[test]
    fn rubbish_is_told_from_text() {
        assert!(why_not_text(b"a,b\n1,\xe9\n").is_none());
        assert!(why_not_text(b"a\0b").unwrap().contains("zero bytes"));
        assert!(why_not_text(b"\x89PNG\r\n").unwrap().contains("PNG"));
        assert!(why_not_text(&(1..=255).collect::<Vec<u8>>()).unwrap().contains("control"));
    }
}
