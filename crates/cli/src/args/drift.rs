//! Arguments of `drift`.

use std::path::PathBuf;

use clap::Args;

use super::{ReadArgs, RunArgs};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anomalyst drift readings.csv\n  anomalyst drift readings.csv --ignore shift --out scores.csv --json"
)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// Call the rows ordered where chance has less than this probability
    #[arg(long, value_name = "P", default_value_t = 0.05)]
    pub alpha: f64,
    /// Neighbours per row
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub neighbors: u32,
    /// Random orders to compare with
    #[arg(long, value_name = "N", default_value_t = 999, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub permutations: u32,
    /// Write a score for every row: .csv .tsv .ndjson .json
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print the result for programs
    #[arg(long)]
    pub json: bool,
    /// How many columns to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub show: usize,
    #[command(flatten)]
    pub run: RunArgs,
}
