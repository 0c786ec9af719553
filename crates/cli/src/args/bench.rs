//! Arguments of `bench`.

use std::path::PathBuf;
use std::time::Duration;

use anomalyst_bench::Protocol;
use anomalyst_bench::suite::Kind;
use clap::Args;

use super::When;
use crate::units;

#[derive(Debug, Args)]
#[command(
    after_help = "Protocols:\n  scan     fit on all rows and rank the same rows\n  fit      learn from a random half of the normal rows, score all others; of series, learn from\n           the training part and score the whole\n  prefix   of series: the whole is seen and scored; of tables: learn from the first half\n  holdout  learn from a random half of all rows, score the other half\n  labelled of tables: as holdout, with the labels of the half that is learned from, or of --known N\n           of its anomalies; methods that need none learn from the rows not known to be anomalous\n  time     of tables: learn from the earlier half with its labels, score the later half by periods\n\nEvery method runs on each set in a process of its own; what fails is a line with its message. A run with\nthe same --out does only what is missing there.\n\nExamples:\n  anomalyst bench --kind table --data adbench/*.npz --methods auto,ecod --out results.ndjson\n  anomalyst bench suite.toml --report board.html\n  anomalyst bench --data sets --methods auto --external 'mine=python3 mine.py {train} {test} {out}'"
)]
pub(crate) struct BenchArgs {
    /// A suite: a TOML file that lists sets, or a folder of sets
    #[arg(value_name = "SUITE", required_unless_present = "data")]
    pub suite: Option<PathBuf>,
    /// Labelled sets: files, folders or globs
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "suite")]
    pub data: Vec<String>,
    /// The kind of data: table, series or image
    #[arg(long, value_name = "KIND")]
    pub kind: Option<Kind>,
    /// Methods, recipes or recipe files; the controls random and column_z_score are always added
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub methods: Vec<String>,
    /// A tool of another maker: a name and a command that reads {train} and {test} (CSV; {train.npy} and {test.npy} are
    /// NumPy arrays, {train_labels} a 1, 0 or -1 a line) and writes a score per row of test to {out}
    #[arg(long, value_name = "NAME=COMMAND")]
    pub external: Vec<String>,
    /// How sets are divided: scan, fit, prefix, holdout, labelled or time
    #[arg(long, value_name = "PROTOCOL")]
    pub protocol: Option<Protocol>,
    /// Under labelled and time: label N anomalies of the rows learned from, and nothing else
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub known: Option<u32>,
    /// Rows of a table that take part at most, a stratified random sample with at least ten anomalies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    pub cap: Option<u64>,
    /// Same seed, same division and same result
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Processes at once; each gets its share of the cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Metrics to compute and to rank by; all are computed by default, and the usual two ranked by
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// End a run that takes longer than this
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "1h")]
    pub time_limit: Duration,
    /// End a run whose process holds more than this (Linux)
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub memory_limit: Option<u64>,
    /// Try again what is recorded as failed
    #[arg(long)]
    pub retry_failed: bool,
    /// Write one line per run, as soon as it ends; what is there already is not run again
    #[arg(long, short, value_name = "FILE.ndjson")]
    pub out: Option<PathBuf>,
    /// Write the leaderboard as a page, with rank plot, speed against quality, and every set
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Colours on the terminal
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: When,
}
