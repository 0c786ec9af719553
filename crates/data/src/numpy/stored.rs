//! Where the bytes of an array lie, and its rows in pieces, whatever the order they are stored in.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use anomalyst_core::{Result, Run};

use super::header::Header;
use crate::input::{Input, ReadSeek};

/// Deflate cannot shrink data by more than this factor (1032, rounded up), so that a larger claim is a lie.
const MAX_RATIO: u64 = 1100;
/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

/// Where the bytes of an array lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The whole file.
    File,
    /// An entry of a zip archive.
    Entry(Entry),
}

/// An entry of a zip archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    start: u64,
    stored: u64,
    unpacked: u64,
    is_deflated: bool,
    checksum: u32,
}

impl Entry {
    /// Of this file of an archive; or why its bytes cannot be had.
    pub(crate) fn of<R: Read>(file: &zip::read::ZipFile<'_, R>) -> std::result::Result<Self, String> {
        let method = file.compression();
        let is_deflated = method == zip::CompressionMethod::Deflated;
        if file.encrypted() || !(is_deflated || method == zip::CompressionMethod::Stored) {
            return Err("it is encrypted or compressed in a way that NumPy does not use".into());
        }
        let start = file.data_start().ok_or("its place in the archive is unknown")?;
        let (stored, unpacked) = (file.compressed_size(), file.size());
        Ok(Self { start, stored, unpacked, is_deflated, checksum: file.crc32() })
    }

    /// How many bytes it can unpack to.
    fn most_bytes(&self) -> u64 {
        let most = if self.is_deflated { self.stored.saturating_mul(MAX_RATIO) } else { self.stored };
        most.min(self.unpacked)
    }

    fn stream(&self, input: &Input) -> Result<Box<dyn Read + Send>> {
        let mut file = input.seekable()?;
        file.seek(SeekFrom::Start(self.start)).map_err(|e| input.failed(e))?;
        let bytes = BufReader::with_capacity(256 << 10, file.take(self.stored));
        let inner: Box<dyn Read + Send> = if self.is_deflated {
            Box::new(flate2::bufread::DeflateDecoder::new(bytes).take(self.unpacked))
        } else {
            Box::new(bytes)
        };
        Ok(Box::new(Checked { inner, sum: flate2::Crc::new(), expected: self.checksum }))
    }
}

/// Compares the checksum at the end.
struct Checked {
    inner: Box<dyn Read + Send>,
    sum: flate2::Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.sum.update(&out[..n]);
        if n == 0 && !out.is_empty() && self.sum.sum() != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not match"));
        }
        Ok(n)
    }
}

impl Place {
    /// How many bytes the array can have.
    pub(crate) fn most_bytes(&self, input: &Input) -> u64 {
        match self {
            Self::File => input.n_bytes,
            Self::Entry(entry) => entry.most_bytes().min(input.n_bytes.saturating_mul(MAX_RATIO)),
        }
    }

    /// From the start of its header.
    pub(crate) fn stream(&self, input: &Input) -> Result<Box<dyn Read + Send>> {
        match self {
            Self::File => input.stream(),
            Self::Entry(entry) => entry.stream(input),
        }
    }
}

/// Walks over the rows of an array.
pub(crate) struct Rows<'a> {
    input: &'a Input,
    header: &'a Header,
    n_columns: usize,
    source: Source,
    bytes: Vec<u8>,
    left: usize,
}

enum Source {
    /// Row after row.
    Stream(Box<dyn Read + Send>),
    /// Column after column: a file with all elements, beginning at a place.
    Columns(Box<dyn ReadSeek>, u64),
}

/// Some rows of an array.
pub(crate) struct Piece<'a> {
    bytes: &'a [u8],
    header: &'a Header,
    n_rows: usize,
    n_columns: usize,
}

impl<'a> Rows<'a> {
    /// From the first row on. An array in Fortran order inside an archive is first unpacked into a temporary file,
    /// because its first row ends only with its last column.
    pub(crate) fn new(input: &'a Input, place: Place, header: &'a Header, run: &Run) -> Result<Self> {
        let n_rows = header.shape.first().copied().unwrap_or(0);
        let n_columns = header.shape.get(1).copied().unwrap_or(1);
        let by_columns = header.fortran && n_columns > 1 && n_rows > 1;
        let source = match place {
            Place::File if by_columns => Source::Columns(input.seekable()?, header.offset as u64),
            _ => {
                let mut stream = place.stream(input)?;
                skip(&mut stream, header.offset).map_err(|e| input.failed(e))?;
                if by_columns { unpacked(input, stream, header, run)? } else { Source::Stream(stream) }
            }
        };
        Ok(Self { input, header, n_columns, source, bytes: Vec::new(), left: n_rows })
    }

    /// The next `n_rows` rows.
    pub(crate) fn next(&mut self, n_rows: usize) -> Result<Piece<'_>> {
        let first = self.header.shape.first().copied().unwrap_or(0) - self.left;
        let n_rows = n_rows.min(self.left);
        self.bytes.resize(n_rows * self.n_columns * self.header.element.size, 0);
        self.fill(first, n_rows).map_err(|e| self.input.failed(e))?;
        self.left -= n_rows;
        Ok(Piece { bytes: &self.bytes, header: self.header, n_rows, n_columns: self.n_columns })
    }

    fn fill(&mut self, first: usize, n_rows: usize) -> io::Result<()> {
        let size = self.header.element.size;
        match &mut self.source {
            Source::Stream(stream) => {
                stream.read_exact(&mut self.bytes)?;
                // To the very end, where the checksum is compared.
                if n_rows == self.left { io::copy(stream, &mut io::sink()).map(drop) } else { Ok(()) }
            }
            Source::Columns(file, start) => {
                let all_rows = first + self.left;
                for (column, bytes) in self.bytes.chunks_exact_mut((n_rows * size).max(1)).enumerate() {
                    file.seek(SeekFrom::Start(*start + ((column * all_rows + first) * size) as u64))?;
                    file.read_exact(bytes)?;
                }
                Ok(())
            }
        }
    }
}

fn skip(stream: &mut dyn Read, n_bytes: usize) -> io::Result<()> {
    let skipped = io::copy(&mut stream.take(n_bytes as u64), &mut io::sink())?;
    if skipped == n_bytes as u64 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The elements in a temporary file, which goes with its last user.
fn unpacked(input: &Input, mut stream: Box<dyn Read + Send>, header: &Header, run: &Run) -> Result<Source> {
    let fail = |e| input.failed(e);
    let mut file = tempfile::tempfile().map_err(fail)?;
    let mut chunk = vec![0; CHUNK];
    let mut left = header.n_bytes().unwrap_or(0);
    while left > 0 {
        run.check()?;
        let n = left.min(CHUNK);
        stream.read_exact(&mut chunk[..n]).map_err(fail)?;
        io::Write::write_all(&mut file, &chunk[..n]).map_err(fail)?;
        left -= n;
    }
    io::copy(&mut stream, &mut io::sink()).map_err(fail)?;
    file.rewind().map_err(fail)?;
    Ok(Source::Columns(Box::new(file), 0))
}

impl Piece<'_> {
    /// How many columns.
    pub(crate) const fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Gives the cells of a column to `take`.
    pub(crate) fn column(&self, column: usize, take: impl FnMut(f64)) {
        let element = self.header.element;
        if self.header.fortran {
            let n_bytes = self.n_rows * element.size;
            element.decode(&self.bytes[column * n_bytes..(column + 1) * n_bytes], 0, 1, take);
        } else {
            element.decode(self.bytes, column, self.n_columns, take);
        }
    }
}
