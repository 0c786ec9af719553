//! Compressed streams, told by their first bytes and read as they come.

use std::io::{self, BufReader, Read};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    Plain,
    /// gzip, possibly of several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// Told by the first bytes.
    pub(crate) const fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// How to name it; empty where there is none.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The stream without its compression.
    pub(crate) fn expanded(self, stream: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Plain => stream,
            Self::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(256 << 10, stream)))
            }
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(stream)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn both_kinds_expand() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(b"a,b\n").unwrap();
        let mut twice = gz.finish().unwrap();
        twice.extend_from_within(..);
        let zst = zstd::encode_all(&b"a,b\na,b\n"[..], 1).unwrap();
        for bytes in [twice, zst] {
            let mut out = String::new();
            let compression = Compression::of(&bytes);
            compression.expanded(Box::new(io::Cursor::new(bytes))).unwrap().read_to_string(&mut out).unwrap();
            assert_eq!(out, "a,b\na,b\n");
        }
    }
}
