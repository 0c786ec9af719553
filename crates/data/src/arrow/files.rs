//! Parquet and Arrow IPC files.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anomalyst_core::{Notices, Result, Run};
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;

use super::claims;
use super::values::{Leaf, batch_leaves, each_value, leaves};
use crate::Format;
use crate::block::Block;
use crate::cell::CellRules;
use crate::infer::ReadAs;
use crate::input::Input;
use crate::names::unique_names;
use crate::observe::Observed;
use crate::source::{Blocks, Fault, FileReader, Opened};

/// Rows that are decoded at a time, and cells where there are many columns.
const BATCH_ROWS: usize = 16 << 10;
const BATCH_CELLS: usize = 1 << 20;
/// Rows that are looked at before reading.
const SAMPLE_ROWS: usize = 10_000;

/// Batches of a file; a fault is told as text.
type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, String>>>;

struct ArrowFile {
    input: Input,
    kind: Kind,
    leaves: Vec<Leaf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Parquet,
    IpcFile,
    IpcStream,
}

/// Looks at the schema and the first rows of a Parquet file.
pub(crate) fn open_parquet(input: &Input, rules: &CellRules) -> std::result::Result<Opened, Fault> {
    let file = input.file()?;
    let (schema, n_rows) = guarded(input, || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
        let n_rows = builder.metadata().file_metadata().num_rows();
        Ok((Arc::clone(builder.schema()), n_rows))
    })?;
    opened(input, Kind::Parquet, &schema, u64::try_from(n_rows).ok(), rules)
}

/// Looks at the schema and the first rows of an Arrow IPC file or stream.
pub(crate) fn open_ipc(input: &Input, rules: &CellRules) -> std::result::Result<Opened, Fault> {
    let mut magic = [0; 6];
    let n = input.stream()?.read(&mut magic).map_err(|e| input.failed(e))?;
    let kind = if &magic[..n] == b"ARROW1" { Kind::IpcFile } else { Kind::IpcStream };
    let file = BufReader::new(input.file()?);
    let schema = guarded(input, || {
        match kind {
            Kind::IpcFile => claims::check_file(input)?,
            _ => claims::check_stream(input)?,
        }
        let schema = match kind {
            Kind::IpcFile => arrow_ipc::reader::FileReader::try_new(file, None).map(|r| r.schema()),
            _ => arrow_ipc::reader::StreamReader::try_new(file, None).map(|r| r.schema()),
        };
        schema.map_err(|e| e.to_string())
    })?;
    opened(input, kind, &schema, None, rules)
}

fn opened(
    input: &Input,
    kind: Kind,
    schema: &Schema,
    n_rows: Option<u64>,
    rules: &CellRules,
) -> std::result::Result<Opened, Fault> {
    let leaves = leaves(schema.fields());
    input.refuse_too_wide(leaves.len())?;
    let mut notices = Notices::default();
    let names = unique_names(leaves.iter().map(|l| l.name.clone()).collect(), &mut notices);
    let mut seen: Vec<Observed> =
        leaves.iter().map(|l| l.declared.map_or_else(Observed::default, Observed::declared)).collect();
    let file = ArrowFile { input: input.clone(), kind, leaves };
    let mut n_seen = 0;
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let mut batches = guarded(input, || file.batches(&all))?;
    while n_seen < SAMPLE_ROWS {
        let Some(batch) = guarded(input, || batches.next().transpose())? else { break };
        n_seen += batch.num_rows();
        for (seen, (array, nulls)) in seen.iter_mut().zip(batch_leaves(&batch)) {
            each_value(&array, nulls.as_ref(), |value| seen.value(&value, rules));
        }
    }
    if n_seen == 0 || names.is_empty() {
        return Err(input.no_rows("the file has no rows"));
    }
    let (format, description) = match kind {
        Kind::Parquet => (Format::Parquet, "parquet"),
        Kind::IpcFile => (Format::ArrowIpc, "arrow file"),
        Kind::IpcStream => (Format::ArrowIpc, "arrow stream"),
    };
    Ok(Opened {
        names,
        seen,
        estimated_rows: n_rows,
        format: (format, description.to_owned()),
        notices,
        label: None,
        place: "row",
        reader: Box::new(file),
    })
}

/// Runs foreign decoders over a file that may be damaged in any way. Some of their checks are assertions, which
/// become errors here, too.
fn guarded<T>(input: &Input, work: impl FnOnce() -> std::result::Result<T, String>) -> Result<T> {
    let outcome =
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("its structure is broken".into()));
    outcome.map_err(|reason| input.bad(format!("the file cannot be decoded: {reason}")))
}

impl ArrowFile {
    /// Batches with these columns of the schema.
    fn batches(&self, roots: &[usize]) -> std::result::Result<Batches, String> {
        let file = self.input.file().map_err(|e| e.to_string())?;
        match self.kind {
            Kind::Parquet => self.parquet(file, roots),
            Kind::IpcFile => {
                let reader =
                    arrow_ipc::reader::FileReader::try_new(BufReader::new(file), Some(roots.to_vec()));
                let reader = reader.map_err(|e| e.to_string())?;
                Ok(Box::new(reader.map(|b| b.map_err(|e| e.to_string()))))
            }
            Kind::IpcStream => {
                let reader =
                    arrow_ipc::reader::StreamReader::try_new(BufReader::new(file), Some(roots.to_vec()));
                let reader = reader.map_err(|e| e.to_string())?;
                Ok(Box::new(reader.map(|b| b.map_err(|e| e.to_string()))))
            }
        }
    }

    fn parquet(&self, mut file: File, roots: &[usize]) -> std::result::Result<Batches, String> {
        file.rewind().map_err(|e| e.to_string())?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
        let n_rows = (BATCH_CELLS / self.leaves.len().max(1)).clamp(1, BATCH_ROWS);
        let reader =
            builder.with_projection(mask).with_batch_size(n_rows).build().map_err(|e| e.to_string())?;
        Ok(Box::new(reader.map(|b| b.map_err(|e| e.to_string()))))
    }
}

impl FileReader for ArrowFile {
    fn blocks<'a>(
        &'a self,
        read_as: Arc<[ReadAs]>,
        rules: &'a CellRules,
        run: &'a Run,
    ) -> Result<Blocks<'a>> {
        let wanted = |(leaf, read_as): (&Leaf, &ReadAs)| (*read_as != ReadAs::Nothing).then_some(leaf.root);
        let mut roots: Vec<usize> = self.leaves.iter().zip(&*read_as).filter_map(wanted).collect();
        roots.dedup();
        // Without any column, rows could not be counted.
        if roots.is_empty() {
            roots.push(0);
        }
        // Which of all leaves those of a batch are.
        let leaves: Vec<usize> =
            (0..self.leaves.len()).filter(|&l| roots.binary_search(&self.leaves[l].root).is_ok()).collect();
        let mut batches = guarded(&self.input, || self.batches(&roots))?;
        let stage = run.stage("reading", 0);
        let mut first_row = 0;
        let mut failed = false;
        Ok(Box::new(std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = run.check().and_then(|()| guarded(&self.input, || batches.next().transpose()));
            let batch = match next {
                Ok(batch) => batch?,
                Err(e) => {
                    failed = true;
                    return Some(Err(e));
                }
            };
            let block = run.install(|| block(&batch, &leaves, &read_as, rules, first_row));
            first_row += batch.num_rows() as u64;
            stage.advance(batch.num_rows() as u64);
            Some(Ok(block))
        })))
    }
}

/// A batch as a block; its columns are these of all leaves.
fn block(
    batch: &RecordBatch,
    leaves: &[usize],
    read_as: &[ReadAs],
    rules: &CellRules,
    first_row: u64,
) -> Block {
    let mut block = Block::new(read_as);
    block.n_rows = batch.num_rows();
    let mut places = vec![None; read_as.len()];
    for (array, &leaf) in batch_leaves(batch).into_iter().zip(leaves) {
        places[leaf] = Some(array);
    }
    block.columns.par_iter_mut().zip(places).for_each(|(column, array)| {
        let Some((array, nulls)) = array else { return };
        let mut row = first_row;
        each_value(&array, nulls.as_ref(), |value| {
            row += 1;
            column.push(value, rules, || row);
        });
    });
    block
}

#[cfg(test)]
mod tests;
