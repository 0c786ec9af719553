//! One record per item, by the file's extension: csv, tsv, ndjson, json, parquet.
//!
//! The columns are always `item, score, p_value, probability, confidence, verdict, severity, reason`. `item` is
//! the user's id or the row number counted from 1, as text; what was not computed is empty (csv, tsv) or null.
//! Numbers are written in the shortest form that gives the same bits again. Ids and reasons are the user's data
//! and are written as they are: a cell that begins with `=` is not made harmless for spreadsheets, because that
//! would break joining on the id.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anomalyst_core::{Decisions, Error, Outcome, Result, Severity, Verdict};
use serde::Serialize;

use crate::AtomicFile;
use crate::parquet::ParquetItems;

/// The columns, in order.
pub(crate) const COLUMNS: [&str; 8] =
    ["item", "score", "p_value", "probability", "confidence", "verdict", "severity", "reason"];

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFormat {
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// One JSON object per line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// Parquet, compressed with Zstandard.
    Parquet,
}

impl ItemFormat {
    /// The format that the extension of `path` names.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("tsv") => Ok(Self::Tsv),
            Some("ndjson" | "jsonl") => Ok(Self::Ndjson),
            Some("json") => Ok(Self::Json),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(Error::BadParameter {
                name: "out".into(),
                got: format!("`{}`", path.display()),
                want: "a file name that ends in .csv, .tsv, .parquet, .ndjson or .json".into(),
            }),
        }
    }
}

/// What a batch of items is called.
#[derive(Clone, Copy, Debug)]
pub enum Items<'a> {
    /// The user's ids, one per item.
    Ids(&'a [String]),
    /// Row numbers from this one on; the first row of a file is 1.
    NumberedFrom(usize),
}

/// Writes items in batches; [`ItemWriter::finish`] makes the file appear, dropping the writer leaves nothing.
pub struct ItemWriter {
    /// What errors call the output.
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    Csv(Box<csv::Writer<Sink>>),
    Json { out: Sink, array: bool, any: bool },
    Parquet(Box<ParquetItems>),
}

/// Where bytes go.
pub(crate) enum Sink {
    File(AtomicFile),
    Stream(BufWriter<Box<dyn Write + Send>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

impl Sink {
    fn finish(self, path: &Path) -> Result<()> {
        match self {
            Self::File(file) => file.commit(),
            Self::Stream(mut stream) => stream.flush().map_err(|source| Error::io(path, source)),
        }
    }
}

/// One item, as JSON names it.
#[derive(Serialize)]
pub(crate) struct Record<'a> {
    pub(crate) item: &'a str,
    pub(crate) score: Option<f32>,
    pub(crate) p_value: Option<f64>,
    pub(crate) probability: Option<f64>,
    pub(crate) confidence: Option<f64>,
    pub(crate) verdict: Verdict,
    pub(crate) severity: Severity,
    pub(crate) reason: &'a str,
}

/// A batch whose parts are known to be of one length.
pub(crate) struct Batch<'a> {
    items: Items<'a>,
    scores: &'a [f32],
    decisions: &'a Decisions,
    reasons: &'a [String],
}

impl<'a> Batch<'a> {
    fn new(
        items: Items<'a>,
        scores: &'a [f32],
        decisions: &'a Decisions,
        reasons: &'a [String],
    ) -> Result<Self> {
        let n = scores.len();
        let optional = [&decisions.p_value, &decisions.probability, &decisions.confidence];
        let mut lengths =
            vec![("verdicts", decisions.verdict.len()), ("severities", decisions.severity.len())];
        lengths.extend(optional.iter().filter_map(|list| list.as_ref()).map(|l| ("probabilities", l.len())));
        if let Items::Ids(ids) = items {
            lengths.push(("ids", ids.len()));
        }
        if !reasons.is_empty() {
            lengths.push(("reasons", reasons.len()));
        }
        match lengths.into_iter().find(|&(_, len)| len != n) {
            Some((what, len)) => {
                Err(Error::Data(format!("a batch to write has {n} scores but {len} {what}")))
            }
            None => Ok(Self { items, scores, decisions, reasons }),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    /// The record at `i`; `name` is a buffer that row numbers are written to.
    pub(crate) fn record<'b>(&'b self, i: usize, name: &'b mut String) -> Record<'b> {
        let at = |list: &Option<Vec<f64>>| list.as_ref().map(|l| l[i]).filter(|v| v.is_finite());
        let item = match self.items {
            Items::Ids(ids) => ids[i].as_str(),
            Items::NumberedFrom(first) => {
                name.clear();
                let _ = write!(name, "{}", first + i);
                name.as_str()
            }
        };
        Record {
            item,
            score: Some(self.scores[i]).filter(|s| s.is_finite()),
            p_value: at(&self.decisions.p_value),
            probability: at(&self.decisions.probability),
            confidence: at(&self.decisions.confidence),
            verdict: self.decisions.verdict[i],
            severity: self.decisions.severity[i],
            reason: self.reasons.get(i).map_or("", String::as_str),
        }
    }
}

impl ItemWriter {
    /// Begins the file `path` in the format of its extension.
    pub fn create(path: &Path) -> Result<Self> {
        let format = ItemFormat::of(path)?;
        Self::new(format, path, Sink::File(AtomicFile::create(path)?))
    }

    /// Writes to `out`, which errors call `name`; for standard output.
    pub fn to_stream(format: ItemFormat, name: &str, out: Box<dyn Write + Send>) -> Result<Self> {
        Self::new(format, Path::new(name), Sink::Stream(BufWriter::with_capacity(1 << 16, out)))
    }

    fn new(format: ItemFormat, path: &Path, out: Sink) -> Result<Self> {
        let kind = match format {
            ItemFormat::Csv => delimited(out, b',', path)?,
            ItemFormat::Tsv => delimited(out, b'\t', path)?,
            ItemFormat::Ndjson => Kind::Json { out, array: false, any: false },
            ItemFormat::Json => Kind::Json { out, array: true, any: false },
            ItemFormat::Parquet => Kind::Parquet(Box::new(ParquetItems::new(path, out)?)),
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// Writes one batch. `decisions` holds as many entries as `scores`; `reasons` too, or none at all.
    pub fn write(
        &mut self,
        items: Items<'_>,
        scores: &[f32],
        decisions: &Decisions,
        reasons: &[String],
    ) -> Result<()> {
        let batch = Batch::new(items, scores, decisions, reasons)?;
        match &mut self.kind {
            Kind::Csv(writer) => write_csv(writer, &batch).map_err(|e| csv_error(&self.path, e)),
            Kind::Json { out, array, any } => {
                write_json(out, *array, any, &batch).map_err(|e| Error::io(&self.path, e))
            }
            Kind::Parquet(writer) => writer.write(&batch, &self.path),
        }
    }

    /// Ends the output; only now the file has its name.
    pub fn finish(self) -> Result<()> {
        let path = self.path;
        match self.kind {
            Kind::Csv(writer) => {
                let out = writer.into_inner().map_err(|e| Error::io(&path, e.into_error()))?;
                out.finish(&path)
            }
            Kind::Json { mut out, array, any } => {
                if array {
                    let end: &[u8] = if any { b"\n]\n" } else { b"[]\n" };
                    out.write_all(end).map_err(|e| Error::io(&path, e))?;
                }
                out.finish(&path)
            }
            Kind::Parquet(writer) => writer.finish(&path)?.finish(&path),
        }
    }
}

fn delimited(out: Sink, delimiter: u8, path: &Path) -> Result<Kind> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).buffer_capacity(1 << 16).from_writer(out);
    writer.write_record(COLUMNS).map_err(|e| csv_error(path, e))?;
    Ok(Kind::Csv(Box::new(writer)))
}

/// Writes every item of `outcome` to `path`, in the format of its extension.
pub fn write_items(outcome: &Outcome, path: &Path) -> Result<()> {
    let mut writer = ItemWriter::create(path)?;
    let items = outcome.ids.as_deref().map_or(Items::NumberedFrom(1), Items::Ids);
    writer.write(items, &outcome.scores, &outcome.decisions, &outcome.reasons)?;
    writer.finish()
}

pub(crate) fn csv_error(path: &Path, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::io(path, source),
        other => Error::io(path, io::Error::other(format!("{other:?}"))),
    }
}

fn write_csv(writer: &mut csv::Writer<Sink>, batch: &Batch<'_>) -> csv::Result<()> {
    let (mut name, mut number) = (String::new(), String::new());
    for i in 0..batch.len() {
        let record = batch.record(i, &mut name);
        writer.write_field(record.item)?;
        number.clear();
        if let Some(score) = record.score {
            shortest_f32(score, &mut number);
        }
        writer.write_field(&number)?;
        for value in [record.p_value, record.probability, record.confidence] {
            number.clear();
            if let Some(value) = value {
                shortest_f64(value, &mut number);
            }
            writer.write_field(&number)?;
        }
        writer.write_field(record.verdict.as_str())?;
        writer.write_field(record.severity.as_str())?;
        writer.write_field(record.reason)?;
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// Powers of ten only where plain digits would be long; both forms give the same bits when read back.
fn shortest_f64(value: f64, out: &mut String) {
    let size = value.abs();
    let _ = if size == 0.0 || (1e-5..1e16).contains(&size) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

fn shortest_f32(value: f32, out: &mut String) {
    let size = value.abs();
    let _ = if size == 0.0 || (1e-5..1e16).contains(&size) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

fn write_json(out: &mut Sink, array: bool, any: &mut bool, batch: &Batch<'_>) -> io::Result<()> {
    let mut name = String::new();
    let mut line = Vec::new();
    for i in 0..batch.len() {
        line.clear();
        if array {
            line.extend_from_slice(if *any { b",\n" } else { b"[\n" });
        }
        serde_json::to_writer(&mut line, &batch.record(i, &mut name))?;
        if !array {
            line.push(b'\n');
        }
        *any = true;
        out.write_all(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
