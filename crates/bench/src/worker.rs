//! The process that runs methods on one set: reads the set once, then answers each method that it is told with a row.
//!
//! It is a process of its own so that a method that runs out of time or memory, or crashes, takes nothing else along.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use anomalyst::core::{Dataset, Error, Label, Result, Run, Series, Table};
use anomalyst::pipeline::Pipeline;
use anomalyst::recipe::Modality;
use anomalyst::registry;
use anomalyst_measure::{Case, dominant_period};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::job::{Contender, Job, Plan, Said};
use crate::protocol::{Split, split_series, split_table};
use crate::suite::{self, Kind, LabelledSet, SetRef};
use crate::{Row, external, leaks, measured, memory, periods};

/// Reads a [`Job`] from `input`, then a [`Contender`] per line until there are no more, and writes what is [`Said`] to
/// `output`.
pub fn run(input: impl BufRead, mut output: impl Write, run: &Run) -> Result<()> {
    let mut say = |said: &Said| -> Result<()> {
        let line = serde_json::to_string(said).map_err(|e| Error::Data(e.to_string()))?;
        writeln!(output, "{line}").and_then(|()| output.flush()).map_err(|e| Error::io("standard output", e))
    };
    let mut lines = input.lines();
    let job: Job = understand(lines.next().unwrap_or_else(|| Ok(String::new())))?;
    let arena = Arena::read(&job.set, &job.plan, run);
    for line in lines {
        let contender: &Contender = &understand(line)?;
        run.check()?;
        say(&Said::Begins)?;
        let mut row = blank(&job.set, contender, &job.plan);
        let outcome = match &arena {
            Ok(arena) => {
                arena.describe(&mut row);
                catch_unwind(AssertUnwindSafe(|| arena.run(contender, &job.plan, run, &mut row)))
                    .unwrap_or_else(|_| {
                        Err(Error::Data("it panicked, which is a bug; please report it".into()))
                    })
            }
            Err(error) => Err(Error::Data(error.to_string())),
        };
        match outcome {
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => row.error = Some(error.to_string()),
            Ok(()) => {}
        }
        say(&Said::Done(Box::new(row)))?;
    }
    Ok(())
}

fn understand<T: DeserializeOwned>(line: std::io::Result<String>) -> Result<T> {
    let line = line.map_err(|error| Error::io("standard input", error))?;
    serde_json::from_str(&line).map_err(|error| Error::Data(format!("not a job: {error}")))
}

/// The row of a run of which nothing is known yet.
pub(crate) fn blank(set: &SetRef, contender: &Contender, plan: &Plan) -> Row {
    Row {
        set: set.name.clone(),
        kind: set.kind,
        protocol: plan.protocol,
        method: contender.name().to_owned(),
        parameters: parameters(set, contender, plan),
        tuning_budget: 0,
        seed: plan.seed,
        cap: plan.cap,
        known: plan.known,
        n: 0,
        d: 0,
        n_train: 0,
        n_known: 0,
        n_odd: 0,
        fit_secs: None,
        score_secs: None,
        measure_secs: None,
        peak_bytes: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        warnings: Vec::new(),
        periods: Vec::new(),
        error: None,
        metrics: serde_json::Map::new(),
    }
}

/// What a name stands for, so that a result can be told from one of another recipe of the same name.
fn parameters(set: &SetRef, contender: &Contender, plan: &Plan) -> Value {
    match contender {
        Contender::External { template, .. } => json!({ "command": template }),
        Contender::Own(name) => registry::resolve(name, plan.protocol.task(false), modality(set.kind))
            .ok()
            .and_then(|recipe| serde_json::to_value((recipe.encoder, recipe.members, recipe.combine)).ok())
            .map_or(
                Value::Null,
                |parts| json!({ "encoder": parts[0], "members": parts[1], "combine": parts[2] }),
            ),
    }
}

/// What methods are handed of sets of this kind.
fn modality(kind: Kind) -> Modality {
    match kind {
        Kind::Series => Modality::Series,
        Kind::Table | Kind::Image => Modality::Table,
    }
}

/// A set that was read and divided.
struct Arena {
    split: Split,
    warnings: Vec<String>,
    set: SetRef,
    period: Option<usize>,
}

impl Arena {
    fn read(set: &SetRef, plan: &Plan, run: &Run) -> Result<Self> {
        let (split, period) = match suite::read(set, run)? {
            LabelledSet::Table(table) => (split_table(&table, plan)?, None),
            LabelledSet::Series(series) => {
                let first: Vec<f64> =
                    series.values.column(0).iter().copied().filter(|v| v.is_finite()).collect();
                let mut table = Table::from_matrix(&series.values);
                let label = |&odd: &bool| if odd { Label::Anomalous } else { Label::Normal };
                table.labels = Some(series.labels.iter().map(label).collect());
                let split = split_series(&table, plan.protocol, series.train_end)?;
                (split, Some(dominant_period(&first)))
            }
            LabelledSet::Images(_) => {
                return Err(Error::Data("no method of this release takes images".into()));
            }
        };
        let mut warnings = leaks::check(&split);
        if plan.known.is_some_and(|known| split.n_known() < known) {
            warnings.push(format!("only {} anomalies could be known", split.n_known()));
        }
        if let Some(only) = only_class(&split.labels) {
            warnings.push(format!(
                "all {} rows to score are {only}, so no metric has a value",
                split.labels.len()
            ));
        }
        Ok(Self { warnings, split, set: set.clone(), period })
    }

    fn describe(&self, row: &mut Row) {
        row.n = self.split.labels.len();
        row.d = self.split.test.schema().columns.iter().filter(|column| column.used).count();
        row.n_train = self.split.train.as_ref().map_or(0, |train| train.n_rows);
        row.n_known = self.split.n_known();
        row.n_odd = self.split.labels.iter().filter(|&&odd| odd).count();
        row.warnings.clone_from(&self.warnings);
    }

    fn run(&self, contender: &Contender, plan: &Plan, run: &Run, row: &mut Row) -> Result<()> {
        let scores = match contender {
            Contender::Own(name) => {
                let of_method = self.scores(name, plan, run, row);
                row.peak_bytes = memory::own_peak();
                of_method?
            }
            Contender::External { template, .. } => {
                let answer = external::run(template, &self.split, plan, run)?;
                (row.fit_secs, row.score_secs) = (Some(answer.secs), Some(0.0));
                row.peak_bytes = answer.peak_bytes;
                answer.scores
            }
        };
        if only_class(&self.split.labels).is_some() {
            return Ok(());
        }
        row.periods = periods::measure(&self.split.periods, &self.split.labels, &scores)?;
        let begin = Instant::now();
        let mut case = Case::new(self.split.labels.clone()).with_scores(scores)?;
        if let Some(period) = self.period {
            case = case.with_period(period);
        }
        row.metrics = measured::measure(self.set.kind, &case, &plan.metrics)?;
        row.measure_secs = Some(begin.elapsed().as_secs_f64());
        Ok(())
    }

    fn modality(&self) -> Modality {
        modality(self.set.kind)
    }

    fn dataset(&self, table: Table) -> Result<Dataset> {
        Ok(match self.modality() {
            Modality::Table => Dataset::Table(table),
            Modality::Series => Dataset::Series(Series::of_table(&table)?),
        })
    }

    fn scores(&self, name: &str, plan: &Plan, run: &Run, row: &mut Row) -> Result<Vec<f64>> {
        let run = Run::new(plan.seed).with_threads(plan.n_threads).with_cancel(run.cancel().clone());
        let recipe = registry::resolve(name, plan.protocol.task(false), self.modality())?;
        let learns = recipe.learns_from_labels();
        if learns && !plan.protocol.gives_labels() {
            return Err(Error::Data(format!(
                "it learns from labels, which protocol `{}` does not give; use labelled or time",
                plan.protocol.as_str()
            )));
        }
        let train = self.dataset(self.split.train_for(learns))?;
        let test = self.split.train.as_ref().map(|_| self.dataset(self.split.test.clone())).transpose()?;
        memory::forget_peak();
        let begin = Instant::now();
        let (pipeline, report) = Pipeline::fit(&recipe, &train, &run)?;
        row.fit_secs = Some(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        let scores = match &test {
            None => report.scores,
            Some(test) => pipeline.score(test, &run)?.0,
        };
        row.score_secs = Some(if test.is_some() { begin.elapsed().as_secs_f64() } else { 0.0 });
        Ok(scores.into_iter().map(f64::from).collect())
    }
}

/// What all labels are, where they are of one class; such sets are published, and are no failure of a method.
fn only_class(labels: &[bool]) -> Option<&'static str> {
    match labels.iter().filter(|&&odd| odd).count() {
        0 => Some("normal"),
        n if n == labels.len() => Some("anomalous"),
        _ => None,
    }
}
