//! A table somewhere outside, ready to be read as a whole or batch by batch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anomalyst_core::{Batches, Error, Notices, Result, Run, Schema, SourceSummary, Table};

use crate::block::Block;
use crate::cell::CellRules;
use crate::collect::{Collector, Finished};
use crate::infer::ReadAs;
use crate::label::LabelRule;
use crate::observe::Observed;
use crate::options::Format;
use crate::plan::{Plan, Role};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 8192;

/// Room for more cells than this for each byte of the files is not made ahead.
const CELLS_PER_BYTE: u64 = 16;

/// Blocks of a file in order.
pub(crate) type Blocks<'a> = Box<dyn Iterator<Item = Result<Block>> + 'a>;

/// One file of known structure.
pub(crate) trait FileReader: Send + Sync {
    /// Its rows from the start; `read_as` has an entry per column.
    fn blocks<'a>(&'a self, read_as: Arc<[ReadAs]>, rules: &'a CellRules, run: &'a Run)
    -> Result<Blocks<'a>>;
}

/// What opening a file tells about it.
pub(crate) struct Opened {
    /// Names of its columns, all different.
    pub(crate) names: Vec<String>,
    /// What was seen of each of them.
    pub(crate) seen: Vec<Observed>,
    /// Rows, as far as can be told.
    pub(crate) estimated_rows: Option<u64>,
    /// The format, and how to describe it.
    pub(crate) format: (Format, String),
    /// What the user should know.
    pub(crate) notices: Notices,
    /// The column that holds labels by convention of the format.
    pub(crate) label: Option<String>,
    /// What places in it are called: `line` or `row`.
    pub(crate) place: &'static str,
    /// Reads it.
    pub(crate) reader: Box<dyn FileReader>,
}

/// Why a file cannot be part of a table.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is sound, but has no rows; beside other files it can be left out.
    NoRows(Error),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// One file of a source.
pub(crate) struct SourceFile {
    /// What the user calls it.
    pub(crate) name: String,
    /// What places in it are called.
    pub(crate) place: &'static str,
    /// Which column of the table each of its columns is.
    pub(crate) targets: Vec<usize>,
    /// Reads it.
    pub(crate) reader: Box<dyn FileReader>,
}

/// A table in one or several files, of which the beginning was looked at.
pub struct TableSource {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) plan: Plan,
    pub(crate) rules: CellRules,
    pub(crate) format: String,
    pub(crate) n_bytes: u64,
    pub(crate) estimated_rows: Option<u64>,
    pub(crate) opening: Notices,
    pub(crate) label_rule: OnceLock<LabelRule>,
    pub(crate) last_pass: Mutex<Pass>,
}

/// What the last pass over the data found.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    n_rows: usize,
    n_used: Option<usize>,
    notices: Notices,
    /// One past the last row of each file, where all was read at once.
    file_ends: Vec<usize>,
}

impl std::fmt::Debug for TableSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableSource").field("format", &self.format).finish_non_exhaustive()
    }
}

impl TableSource {
    /// What there is. The number of rows is that of the last pass, or else what is expected of the size.
    pub fn summary(&self) -> SourceSummary {
        let pass = self.last_pass();
        let used = self.schema().columns.iter().filter(|c| c.used).count();
        let estimate = self.estimated_rows.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        SourceSummary {
            paths: self.files.iter().map(|f| f.name.clone()).collect(),
            format: self.format.clone(),
            n_rows: if pass.n_used.is_some() { pass.n_rows } else { estimate },
            n_columns: self.schema().columns.len(),
            n_used: pass.n_used.unwrap_or(used),
            n_bytes: self.n_bytes,
        }
    }

    /// Name and kind of every column, as far as the beginning of the data tells. [`read`](Self::read) sees all of
    /// it, and may judge otherwise; batches keep to this.
    pub fn schema(&self) -> &Schema {
        &self.plan.schema
    }

    /// How many rows to expect; `None` where nothing tells.
    pub fn estimated_rows(&self) -> Option<u64> {
        self.estimated_rows
    }

    /// Bytes of all files as they are stored.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The name of each file and one past its last row, where [`read`](Self::read) was the last pass over the data.
    pub fn file_ends(&self) -> Vec<(String, usize)> {
        self.files
            .iter()
            .map(|file| file.name.clone())
            .zip(self.last_pass().file_ends.iter().copied())
            .collect()
    }

    /// What was noticed when opening and in the last pass over the data, by `read` or by batches that were taken
    /// to their end.
    pub fn notices(&self) -> Notices {
        let mut all = self.opening.clone();
        all.extend(self.last_pass().notices.clone());
        all
    }

    /// Everything in memory. The table's kinds are judged by all of the data: a column that turns out to be
    /// something else than its beginning promised is read once more.
    pub fn read(&self, run: &Run) -> Result<(Table, Notices)> {
        let mut plan = self.plan.clone();
        for _ in 0..2 {
            let collector = self.collect(&plan, run)?;
            let contradictions = collector.contradictions(&plan);
            if contradictions.is_empty() {
                return self.finish(collector, &plan);
            }
            contradictions.into_iter().for_each(|column| plan.reread_as_category(column));
        }
        self.finish(self.collect(&plan, run)?, &plan)
    }

    fn finish(&self, collector: Collector, plan: &Plan) -> Result<(Table, Notices)> {
        let Finished { table, notices, file_ends } = collector.finish(plan, None)?;
        let n_used = table.schema().columns.iter().filter(|c| c.used).count();
        *self.last_pass() = Pass { n_rows: table.n_rows, n_used: Some(n_used), notices, file_ends };
        Ok((table, self.notices()))
    }

    fn last_pass(&self) -> MutexGuard<'_, Pass> {
        // Whoever panicked while holding it left it whole, because it is only ever replaced.
        self.last_pass.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, plan: &Plan, run: &Run) -> Result<Collector> {
        let mut collector = Collector::new(plan, run.max_memory_bytes());
        // A file may claim any number of rows; as many cells as this are hardly in its bytes.
        let most_rows = self.n_bytes.saturating_mul(CELLS_PER_BYTE) / plan.columns.len().max(1) as u64;
        collector.reserve(self.estimated_rows.unwrap_or(0).min(most_rows));
        for file in &self.files {
            for block in file.reader.blocks(plan.read_as(&file.targets), &self.rules, run)? {
                collector.append(block?, file, self.files.len() > 1)?;
            }
            collector.end_file();
        }
        Ok(collector)
    }

    /// How labels are to be understood, which takes all of them to tell.
    fn label_rule(&self, run: &Run) -> Result<LabelRule> {
        let has_labels = self.plan.columns.iter().any(|c| c.role == Role::Label);
        if let (false, _) | (_, Some(_)) = (has_labels, self.label_rule.get()) {
            return Ok(self.label_rule.get().copied().unwrap_or_default());
        }
        let plan = self.plan.only_labels();
        let rule = self.collect(&plan, run)?.label_rule(&plan, &mut Notices::default())?.unwrap_or_default();
        Ok(*self.label_rule.get_or_init(|| rule))
    }
}

impl Batches for TableSource {
    fn schema(&self) -> &Schema {
        &self.plan.schema
    }

    fn batches<'a>(&'a self, run: &'a Run) -> Result<Box<dyn Iterator<Item = Result<Table>> + 'a>> {
        let plan = self.plan.as_foreseen();
        Ok(Box::new(BatchReader {
            rule: self.label_rule(run)?,
            tallies: Collector::new(&plan, None),
            plan,
            source: self,
            run,
            file: 0,
            blocks: None,
            ready: VecDeque::new(),
            n_given: 0,
        }))
    }
}

/// Tables of some thousand rows, one after the other.
struct BatchReader<'a> {
    source: &'a TableSource,
    run: &'a Run,
    plan: Plan,
    rule: LabelRule,
    file: usize,
    blocks: Option<Blocks<'a>>,
    ready: VecDeque<Table>,
    n_given: usize,
    tallies: Collector,
}

impl BatchReader<'_> {
    /// Makes the next block ready; `false` at the end of all files.
    fn advance(&mut self) -> Result<bool> {
        let Some(file) = self.source.files.get(self.file) else {
            return Ok(false);
        };
        let blocks = match &mut self.blocks {
            Some(blocks) => blocks,
            none => {
                let read_as = self.plan.read_as(&file.targets);
                none.insert(file.reader.blocks(read_as, &self.source.rules, self.run)?)
            }
        };
        let Some(block) = blocks.next() else {
            self.blocks = None;
            self.file += 1;
            return Ok(true);
        };
        let mut collector = Collector::new(&self.plan, None);
        collector.append(block?, file, self.source.files.len() > 1)?;
        self.tallies.absorb_tallies(&mut collector);
        let table = collector.finish(&self.plan, Some(self.rule))?.table;
        // A block of nothing but comments has no rows.
        if table.n_rows == 0 {
            return Ok(true);
        }
        if table.n_rows <= BATCH_ROWS {
            self.ready.push_back(table);
        } else {
            let rows: Vec<usize> = (0..table.n_rows).collect();
            self.ready.extend(rows.chunks(BATCH_ROWS).map(|rows| table.take(rows)));
        }
        Ok(true)
    }

    fn end(&mut self) {
        let n_used = self.plan.schema.columns.iter().filter(|c| c.used).count();
        let notices = self.tallies.notices(&self.plan);
        let n_rows = self.tallies.n_rows();
        *self.source.last_pass() = Pass { n_rows, n_used: Some(n_used), notices, file_ends: Vec::new() };
    }
}

impl Iterator for BatchReader<'_> {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(mut table) = self.ready.pop_front() {
                table.first_row = self.n_given;
                self.n_given += table.n_rows;
                return Some(Ok(table));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.end();
                    return None;
                }
                Err(e) => {
                    self.file = self.source.files.len();
                    self.blocks = None;
                    return Some(Err(e));
                }
            }
        }
    }
}
