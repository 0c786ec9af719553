//! Arguments of `eval`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::When;
use crate::units;

#[derive(Debug, Args)]
#[command(
    after_help = "SCORES holds a column called score, or any columns of numbers: each is a scorer of its own. Columns called\nprobability, p_value and verdict are judged too. LABELS holds 0 and 1 (or normal and anomalous), whole\nnumbers from 0 for levels of severity, or is a JSON file of windows as NAB publishes it. Columns called\nEventId and EventTemplate (or group, cluster) in both files are groups. A folder of NAME.npy maps takes a\nfolder of masks, NAME.png or NAME.npy; a map without one is of a normal image.\nIntervals are of items, blocks of series or whole images drawn again.\n\nExamples:\n  anomalyst eval scores.csv --labels labels.csv\n  anomalyst eval both.parquet --label is_anomaly --report judged.html\n  anomalyst eval series.csv --labels combined_windows.json --as series --period 288 --metrics vus_pr,pate\n  anomalyst eval samples.csv --labels came.csv --as forecasts --power"
)]
pub(crate) struct EvalArgs {
    /// The scores: csv, parquet, npz, ndjson
    #[arg(value_name = "SCORES", required_unless_present = "scores")]
    pub file: Option<PathBuf>,
    /// The scores, where they are not the first argument
    #[arg(long, value_name = "SCORES", conflicts_with = "file")]
    pub scores: Option<PathBuf>,
    /// The truth; a column of SCORES where it is not given
    #[arg(long, value_name = "LABELS")]
    pub labels: Option<PathBuf>,
    /// The column of labels
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// The column by which both files name the items; the order of rows decides where it is not given
    #[arg(long, value_name = "COLUMN")]
    pub id: Option<String>,
    /// What the labels are of, where they do not tell
    #[arg(long = "as", value_enum, value_name = "KIND")]
    pub kind: Option<LabelsOf>,
    /// The dominant period of a series in points
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub period: Option<u32>,
    /// Scores are high for what is normal, as in scikit-learn
    #[arg(long)]
    pub higher_is_normal: bool,
    /// Metrics to compute; all that apply by default
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// A parameter of a metric: vus_pr.window_len=100
    #[arg(long, value_name = "METRIC.KEY=VALUE", value_parser = units::pair)]
    pub set: Vec<(String, String)>,
    /// Probability with which an interval holds the value; 0 computes no intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub level: f64,
    /// Bootstrap replicates behind each interval
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    pub replicates: u32,
    /// Show what wrong labels would do to each metric
    #[arg(long)]
    pub noise: bool,
    /// Of forecasts: try which rule notices which flaw of a forecaster at this size
    #[arg(long)]
    pub power: bool,
    /// Write a page with curves
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Print for programs
    #[arg(long)]
    pub json: bool,
    /// Same seed, same intervals
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Colours on the terminal
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelsOf {
    /// Items in no order
    Items,
    /// Points of a series in time order
    Series,
    /// What came, beside samples of what was thought to come
    Forecasts,
}
