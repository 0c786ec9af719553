//! The command line.

mod bench;
mod drift;
mod eval;
mod risk;
mod synth;

use std::path::PathBuf;
use std::time::Duration;

use anomalyst::core::ColumnKind;
use anomalyst::data::{Format, Header, ReadOptions};
use anomalyst::decide::fdr::Method as FdrMethod;
use anomalyst::decide::{DecideOptions, Objective, Rule};
use anomalyst::recipe::Modality;
use anomalyst::series::{Aggregate, SeriesOptions, Steps};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use bench::BenchArgs;
pub(crate) use drift::DriftArgs;
pub(crate) use eval::{EvalArgs, LabelsOf};
pub(crate) use risk::{MultiplicityArgs, RiskScoreArgs};
pub(crate) use synth::{SynthArgs, What};

use crate::units;

/// Finds what does not belong, says how sure it is, and says why.
#[derive(Debug, Parser)]
#[command(name = "anomalyst", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong use, 3 --fail-on was met, 130 interrupted.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit and score in one go: the odd rows of DATA, ranked, with reasons
    Scan(ScanArgs),
    /// Learn what is normal from DATA and write a model file
    Fit(FitArgs),
    /// Score DATA with a model
    Score(ScoreArgs),
    /// Say everything about one item of DATA
    Explain(ExplainArgs),
    /// Say whether the rows of DATA are in order: drift, jumps, memory
    Drift(DriftArgs),
    /// Learn a card of whole points from labelled DATA, with its distance from the best possible
    RiskScore(Box<RiskScoreArgs>),
    /// Show how far models that fit labelled DATA about equally well disagree
    Multiplicity(Box<MultiplicityArgs>),
    /// Judge scores that any tool made, by labels
    Eval(EvalArgs),
    /// Run methods on labelled sets and rank them
    Bench(Box<BenchArgs>),
    /// Run methods on one set for `bench`: a job on standard input, results on standard output
    #[command(hide = true)]
    BenchWorker,
    /// Make labelled anomalies to test a set-up, balance classes, or judge made anomalies
    Synth(Box<SynthArgs>),
    /// List the methods and recipes, or describe one
    Methods(MethodsArgs),
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or write one page per command into a folder
    Man {
        /// The folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anomalyst scan sales.csv\n  anomalyst scan sales.csv --report odd.html --out scored.parquet\n  anomalyst scan 'logs/*.csv.gz' --method isolation_forest --set n_trees=300 --top 50\n  zcat big.csv.gz | anomalyst scan - --json"
)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub train: TrainArgs,
    #[command(flatten)]
    pub decide: DecideArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anomalyst fit good.csv --model good.anomalyst\n  anomalyst score new.csv --model good.anomalyst"
)]
pub(crate) struct FitArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// The model file to write
    #[arg(long, short, value_name = "FILE")]
    pub model: PathBuf,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub train: TrainArgs,
    #[command(flatten)]
    pub decide: DecideArgs,
    /// Print a summary for programs
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// The model file to apply
    #[arg(long, short, value_name = "FILE")]
    pub model: PathBuf,
    #[command(flatten)]
    pub decide: DecideArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// The model file; without one, DATA is scanned first
    #[arg(long, short, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The item: its id (with --id), or its row number counted from 1
    #[arg(long, value_name = "ID")]
    pub item: String,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub decide: DecideArgs,
    /// Print the evidence for programs
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MethodsArgs {
    /// A method or recipe to describe
    pub name: Option<String>,
    /// Print for programs
    #[arg(long)]
    pub json: bool,
}

/// What to read, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReadArgs {
    /// Files, globs or a folder; `-` is standard input
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<String>,
    /// The kind of data; by default series where times in even steps stand beside numbers alone, else a table
    #[arg(long = "as", value_enum, default_value = "auto", value_name = "KIND")]
    pub kind: Kind,
    /// Of series, the column of times; found where nothing is said
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// Of series, the column that names the series of each row; found where times repeat
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// Of series, put rows on even steps of this length: 30s, 5m, 1h, 1d
    #[arg(long, value_name = "STEP", value_parser = units::step)]
    pub every: Option<i64>,
    /// What stands for the rows of a step: mean, last, min, max, sum or count
    #[arg(long, value_name = "HOW", value_parser = units::aggregate, requires = "every", default_value = "mean")]
    pub by: Aggregate,
    /// Of series, columns that only grow until they start anew: what they grow by is looked at
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub counter: Vec<String>,
    /// The time zone of times that name none, such as Europe/Berlin; UTC by default
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// The file format, where the content does not tell: csv, ndjson, json, parquet, arrow, arff, npz, npy
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Column kinds that the reader should not guess: COLUMN=number|category|boolean|timestamp|identifier|text
    #[arg(long, value_name = "COLUMN=KIND", value_parser = units::column_kind, value_delimiter = ',')]
    pub types: Vec<(String, ColumnKind)>,
    /// Columns to leave out
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// The column that says which rows are anomalous; never used as a feature
    #[arg(long, value_name = "COLUMN", alias = "labels")]
    pub label: Option<String>,
    /// The column that names the rows
    #[arg(long, value_name = "COLUMN")]
    pub id: Option<String>,
    /// The field separator: one character, `tab` or `space`
    #[arg(long, value_name = "CHAR", value_parser = units::delimiter)]
    pub delimiter: Option<u8>,
    /// The first line holds data, not names
    #[arg(long, conflicts_with = "header")]
    pub no_header: bool,
    /// The first line holds names, whatever it looks like
    #[arg(long)]
    pub header: bool,
    /// Numbers are written 3,14
    #[arg(long)]
    pub decimal_comma: bool,
    /// Numbers are grouped by this character, as in 1,000,000
    #[arg(long, value_name = "CHAR")]
    pub thousands: Option<char>,
    /// More spellings of a missing value, beside NA, null, ? and the like
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub missing: Vec<String>,
}

/// Which detector.
#[derive(Debug, Args)]
#[command(next_help_heading = "Method")]
pub(crate) struct MethodArgs {
    /// `auto`, a method or recipe of `anomalyst methods`, or the path of a recipe file
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub method: String,
    /// A parameter: n_trees=200, pca.use=minor, encoder.scale=standard
    #[arg(long, value_name = "KEY=VALUE", value_parser = units::pair)]
    pub set: Vec<(String, String)>,
}

/// What to learn from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Method")]
pub(crate) struct TrainArgs {
    /// Of series, learn what comes before this as normal: a share (0.3), a number of points, or a time
    #[arg(long, value_name = "WHEN")]
    pub train_until: Option<String>,
}

/// How scores become verdicts; at most one rule.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Decision (default: scan estimates the share of anomalies, fit controls false discoveries at 0.1)"
)]
pub(crate) struct DecideArgs {
    /// Keep the expected share of false alarms among the flagged rows below this
    #[arg(long, value_name = "SHARE", value_parser = units::share, group = "rule")]
    pub fdr: Option<f64>,
    /// Flag at most this share of normal rows
    #[arg(long, value_name = "SHARE", value_parser = units::share, group = "rule")]
    pub alert_rate: Option<f64>,
    /// Flag the K most anomalous rows
    #[arg(long, value_name = "K", group = "rule")]
    pub top: Option<u64>,
    /// Flag this share of the rows
    #[arg(long, value_name = "SHARE", value_parser = units::share, group = "rule")]
    pub contamination: Option<f64>,
    /// Flag where it is cheaper to: the costs of a false alarm and of a miss
    #[arg(long, value_name = "FALSE_ALARM:MISS", value_parser = units::costs, group = "rule")]
    pub cost: Option<(f64, f64)>,
    /// Place the threshold by the labels of --label
    #[arg(long, group = "rule", requires = "label")]
    pub from_labels: bool,
    /// Flag scores above this value
    #[arg(long, value_name = "SCORE", group = "rule", allow_negative_numbers = true)]
    pub threshold: Option<f32>,
    /// Of series, accept this many false alarms a day; per 1,000 points where there are no times
    #[arg(long, value_name = "N", group = "rule", value_parser = units::positive)]
    pub false_alarms_per_day: Option<f64>,
    /// Decide every row, also where the evidence is too weak to say
    #[arg(long)]
    pub no_abstain: bool,
}

/// What to show and write.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write every item with its score and verdict: .csv .tsv .parquet .ndjson .json
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a report that opens in any browser
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Print a summary for programs
    #[arg(long)]
    pub json: bool,
    /// How many rows to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub show: usize,
    /// Exit with status 3 when a row got this verdict
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub fail_on: Option<FailOn>,
}

/// Limits and repeatability.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunArgs {
    /// Same seed, same result
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Threads; all cores by default
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Keep working memory below this: 4G, 500M
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub max_memory: Option<u64>,
    /// Finish within this time, by learning from fewer rows if need be: 30s, 5m
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub max_time: Option<Duration>,
    /// Refuse data that would have to be repaired
    #[arg(long)]
    pub strict: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Colours on the terminal
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// By what the data look like
    Auto,
    /// Rows and columns
    Table,
    /// Points in time
    Series,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Anomalous,
    Abstain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl ReadArgs {
    /// How rows are series.
    pub(crate) fn series(&self) -> SeriesOptions {
        SeriesOptions {
            time: self.time.clone(),
            key: self.key.clone(),
            steps: self.every.map(|micros| Steps { micros, by: self.by }),
            counters: self.counter.clone(),
        }
    }

    /// What the data are, where that is known before they are read.
    pub(crate) fn modality(&self) -> Option<Modality> {
        match self.kind {
            Kind::Series => Some(Modality::Series),
            Kind::Table => Some(Modality::Table),
            Kind::Auto => (self.series() != SeriesOptions::default()).then_some(Modality::Series),
        }
    }

    pub(crate) fn options(&self) -> ReadOptions {
        let header = match (self.header, self.no_header) {
            (true, _) => Header::Yes,
            (_, true) => Header::No,
            _ => Header::Auto,
        };
        let mut types = self.types.clone();
        // A name on nearly every row would be left out as one of rows; here it is of series.
        if let Some(key) = self.key.as_ref().filter(|key| types.iter().all(|(name, _)| name != *key)) {
            types.push((key.clone(), ColumnKind::Category));
        }
        ReadOptions {
            format: self.format,
            types,
            ignore: self.ignore.clone(),
            label: self.label.clone(),
            id: self.id.clone(),
            delimiter: self.delimiter,
            header,
            decimal_comma: self.decimal_comma,
            thousands: self.thousands,
            missing: self.missing.clone(),
            time_zone: self.tz.clone(),
            ..ReadOptions::default()
        }
    }
}

impl DecideArgs {
    /// The rule named, if one.
    pub(crate) fn rule(&self) -> Option<Rule> {
        if let Some(level) = self.fdr {
            return Some(Rule::Fdr { level, method: FdrMethod::Bh });
        }
        if let Some(share) = self.alert_rate {
            return Some(Rule::AlertRate { share });
        }
        if let Some(k) = self.top {
            return Some(Rule::TopK { k });
        }
        if let Some(share) = self.contamination {
            return Some(Rule::Contamination { share });
        }
        if let Some((false_alarm, miss)) = self.cost {
            return Some(Rule::Cost { false_alarm, miss });
        }
        if self.from_labels {
            return Some(Rule::Labels { objective: Objective::F1 {} });
        }
        self.threshold.map(|value| Rule::Fixed { value })
    }

    /// The rule and whether verdicts may be withheld.
    pub(crate) fn options(&self) -> DecideOptions {
        DecideOptions {
            rule: self.rule(),
            abstain: self.no_abstain.then_some(false),
            ..DecideOptions::default()
        }
    }
}
