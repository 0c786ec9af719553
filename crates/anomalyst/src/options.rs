//! What the operations of the facade share: their options, their input, and the time they took.

use std::time::Instant;

use anomalyst_core::{Error, Notices, Result, Run, SourceSummary, Table, Timing};
use anomalyst_data::TableSource;
use anomalyst_decide::{DecideOptions, Rule};

use crate::plan::bytes_text;
use crate::recipe::{Modality, Recipe};
use crate::registry::{Task, resolve};
use crate::series::TrainUntil;

/// What a user can say about a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the data are.
    pub modality: Modality,
    /// `auto`, a method, a recipe, or the path of a recipe file.
    pub method: String,
    /// Parameters by name, as [`Recipe::set`] takes them.
    pub set: Vec<(String, String)>,
    /// How scores become verdicts.
    pub decide: DecideOptions,
    /// Of series, the false alarms a day that are acceptable; per 1,000 points where there are no times.
    pub false_alarms_per_day: Option<f64>,
    /// Of series, the part to learn as normal; the whole where nothing is said.
    pub train_until: Option<TrainUntil>,
    /// How many findings get full evidence.
    pub n_findings: usize,
    /// Whether column profiles and the map are wanted, for the report.
    pub with_report: bool,
    /// Whether handled data is an error.
    pub strict: bool,
    /// The command line, to be shown under "how to reproduce".
    pub command: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            modality: Modality::Table,
            method: "auto".into(),
            set: Vec::new(),
            decide: DecideOptions::default(),
            false_alarms_per_day: None,
            train_until: None,
            n_findings: 20,
            with_report: false,
            strict: false,
            command: String::new(),
        }
    }
}

impl Options {
    /// The recipe that these options mean.
    pub fn recipe(&self, task: Task) -> Result<Recipe> {
        let mut recipe = resolve(&self.method, task, self.modality)?;
        for (key, value) in &self.set {
            recipe.set(key, value)?;
        }
        recipe.check()?;
        Ok(recipe)
    }

    /// Whether the rule places the threshold by labels.
    pub(crate) fn uses_labels(&self) -> bool {
        matches!(self.decide.rule, Some(Rule::Labels { .. }))
    }

    /// Under `strict`, refuses what had to be repaired.
    pub fn accept(&self, notices: &Notices) -> Result<()> {
        if self.strict { notices.refuse_handled() } else { Ok(()) }
    }
}

/// A table with where it came from.
pub struct Input {
    /// The rows.
    pub table: Table,
    /// What reading noticed.
    pub notices: Notices,
    /// What was read.
    pub source: SourceSummary,
    /// The files that it was read from: the name of each, and one past its last row.
    pub files: Vec<(String, usize)>,
}

impl Input {
    /// A table that is already in memory.
    pub fn of_table(table: Table) -> Self {
        let schema = table.schema();
        let source = SourceSummary {
            paths: vec!["memory".into()],
            format: "table in memory".into(),
            n_rows: table.n_rows,
            n_columns: schema.columns.len(),
            n_used: schema.columns.iter().filter(|column| column.used).count(),
            n_bytes: 0,
        };
        Self { files: vec![("memory".into(), table.n_rows)], table, notices: Notices::default(), source }
    }
}

/// Reads everything, after checking that it can fit the memory limit.
pub fn read(source: &TableSource, run: &Run) -> Result<Input> {
    if let (Some(limit), Some(rows)) = (run.max_memory_bytes(), source.estimated_rows()) {
        // Eight bytes a cell in the table and four in its features.
        let need = rows.saturating_mul(source.schema().columns.len() as u64).saturating_mul(12);
        if need > limit {
            return Err(Error::Budget {
                what: format!("holding about {rows} rows in memory"),
                need: bytes_text(need),
                limit: bytes_text(limit),
                hint: "raise --max-memory, fit on fewer rows or files, and use `score`, which streams".into(),
            });
        }
    }
    let (table, notices) = source.read(run)?;
    let schema = table.schema();
    let files = source.file_ends();
    let source = SourceSummary {
        n_rows: table.n_rows,
        n_columns: schema.columns.len(),
        n_used: schema.columns.iter().filter(|column| column.used).count(),
        ..source.summary()
    };
    Ok(Input { table, notices, source, files })
}

/// Measures the stages of a run for its report.
pub struct Stopwatch {
    begin: Instant,
    stages: Vec<Timing>,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self { begin: Instant::now(), stages: Vec::new() }
    }
}

impl Stopwatch {
    /// Ends a stage that began when the last one ended.
    pub fn lap(&mut self, stage: &str) {
        let secs = self.begin.elapsed().as_secs_f64();
        self.begin = Instant::now();
        self.stages.push(Timing { stage: stage.into(), secs });
    }

    /// All stages so far.
    pub fn stages(&self) -> Vec<Timing> {
        self.stages.clone()
    }
}
