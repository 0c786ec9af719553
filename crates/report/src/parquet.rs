//! Items as Parquet: strings as utf8, numbers as 32- and 64-bit floats, verdict and severity as dictionaries.

use std::path::Path;
use std::sync::Arc;

use anomalyst_core::{Error, Result, Severity, Verdict};
use arrow_array::builder::{Float32Builder, Float64Builder, StringBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, DictionaryArray, Int8Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::items::{Batch, COLUMNS, Sink};

/// Rows that are turned into Arrow arrays at a time.
const BLOCK_ROWS: usize = 1 << 16;

/// Rows of a row group; bounds the memory of a writer that gets its items in batches.
const GROUP_ROWS: usize = 1 << 20;

const VERDICTS: [Verdict; 3] = [Verdict::Normal, Verdict::Anomalous, Verdict::Abstain];
const SEVERITIES: [Severity; 5] =
    [Severity::None, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

pub(crate) struct ParquetItems {
    schema: Arc<Schema>,
    writer: ArrowWriter<Sink>,
}

impl ParquetItems {
    pub(crate) fn new(path: &Path, out: Sink) -> Result<Self> {
        let word = || DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        let types = [
            DataType::Utf8,
            DataType::Float32,
            DataType::Float64,
            DataType::Float64,
            DataType::Float64,
            word(),
            word(),
            DataType::Utf8,
        ];
        let optional = |name: &str| matches!(name, "score" | "p_value" | "probability" | "confidence");
        let field = |(name, kind): (&str, DataType)| Field::new(name, kind, optional(name));
        let schema = Arc::new(Schema::new(COLUMNS.into_iter().zip(types).map(field).collect::<Vec<_>>()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))
            .map_err(|e| parquet_error(path, e))?;
        Ok(Self { schema, writer })
    }

    pub(crate) fn write(&mut self, batch: &Batch<'_>, path: &Path) -> Result<()> {
        for start in (0..batch.len()).step_by(BLOCK_ROWS) {
            let end = batch.len().min(start + BLOCK_ROWS);
            let block = arrays(batch, start, end)
                .and_then(|arrays| RecordBatch::try_new(Arc::clone(&self.schema), arrays))
                .map_err(|e| parquet_error(path, e.into()))?;
            self.writer.write(&block).map_err(|e| parquet_error(path, e))?;
        }
        Ok(())
    }

    pub(crate) fn finish(self, path: &Path) -> Result<Sink> {
        self.writer.into_inner().map_err(|e| parquet_error(path, e))
    }
}

fn arrays(batch: &Batch<'_>, start: usize, end: usize) -> Result<Vec<ArrayRef>, ArrowError> {
    let n = end - start;
    let mut name = String::new();
    let (mut item, mut reason) = (StringBuilder::new(), StringBuilder::new());
    let mut score = Float32Builder::with_capacity(n);
    let mut optional = [(); 3].map(|()| Float64Builder::with_capacity(n));
    let (mut verdict, mut severity) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for i in start..end {
        let record = batch.record(i, &mut name);
        item.append_value(record.item);
        score.append_option(record.score);
        let values = [record.p_value, record.probability, record.confidence];
        optional.iter_mut().zip(values).for_each(|(column, value)| column.append_option(value));
        verdict.push(position(&VERDICTS, record.verdict));
        severity.push(position(&SEVERITIES, record.severity));
        reason.append_value(record.reason);
    }
    let [p_value, probability, confidence] = &mut optional;
    Ok(vec![
        Arc::new(item.finish()),
        Arc::new(score.finish()),
        Arc::new(p_value.finish()),
        Arc::new(probability.finish()),
        Arc::new(confidence.finish()),
        words(verdict, VERDICTS.map(Verdict::as_str).to_vec())?,
        words(severity, SEVERITIES.map(Severity::as_str).to_vec())?,
        Arc::new(reason.finish()),
    ])
}

fn position<T: PartialEq>(list: &[T], value: T) -> i8 {
    list.iter().position(|entry| *entry == value).unwrap_or(0) as i8
}

fn words(keys: Vec<i8>, values: Vec<&str>) -> Result<ArrayRef, ArrowError> {
    let values = Arc::new(StringArray::from(values));
    Ok(Arc::new(DictionaryArray::<Int8Type>::try_new(Int8Array::from(keys), values)?))
}

pub(crate) fn parquet_error(path: &Path, error: ParquetError) -> Error {
    let source = match error {
        // The system's own error, such as a full disk, keeps its kind.
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(other) => std::io::Error::other(other.to_string()),
        },
        other => std::io::Error::other(other.to_string()),
    };
    Error::io(path, source)
}
