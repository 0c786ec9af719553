//! Arguments of `synth`.

use std::path::PathBuf;
use std::str::FromStr;

use anomalyst::core::Error;
use anomalyst::synth::Kind;
use clap::Args;

use super::{MethodArgs, ReadArgs, RunArgs};
use crate::units;

#[derive(Debug, Args)]
#[command(
    after_help = "Kinds:\n  local       near the rows of a cloud, but too far from its middle\n  global      anywhere in the range of the columns and a little beyond\n  cluster     close together, away from the rest\n  dependency  each column as it should be, without what relates them\n  smote       more rows of the rarer class, between neighbours (needs --label)\n\nThe file has the columns of DATA, then `label` (0, 1) and `anomaly` (the kind; with smote `origin`).\n\nExamples:\n  anomalyst synth good.csv --kind local,dependency --share 0.02 --out planted.csv\n  anomalyst bench --data planted.csv --methods auto,ecod,pca\n  anomalyst synth train.csv --label fraud --kind smote --keep 0.2 --out balanced.parquet\n  anomalyst synth good.csv --judge made.csv --best 0.5 --out worth_it.csv"
)]
pub(crate) struct SynthArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// What to make: local, global, cluster, dependency (several are made in equal parts), or smote
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', required_unless_present = "judge")]
    pub what: Vec<What>,
    /// The share of made rows in the result, at most 0.5 (default 0.05); with smote, of the rarer class (0.5)
    #[arg(long, value_name = "SHARE", value_parser = units::share, requires = "what")]
    pub share: Option<f64>,
    /// Instead of the published strength: of covariances (local, 5), ranges (global, 1.1), distances (cluster, 5)
    #[arg(long, value_name = "FACTOR", requires = "what")]
    pub factor: Option<f64>,
    /// With smote: the share of the commoner class that stays, a random one (all)
    #[arg(long, value_name = "SHARE", requires = "what")]
    pub keep: Option<f64>,
    /// With smote: neighbours between which new rows lie (5)
    #[arg(long, value_name = "K", requires = "what", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub neighbors: Option<u16>,
    /// Say of each row of POOL how good an anomaly it is to learn from, beside the normal rows of DATA
    #[arg(long, value_name = "POOL", conflicts_with = "what")]
    pub judge: Option<PathBuf>,
    /// With --judge: write only this share of POOL, the best
    #[arg(long, value_name = "SHARE", value_parser = units::share, requires = "judge")]
    pub best: Option<f64>,
    #[command(flatten)]
    pub method: MethodArgs,
    /// The file to write: .csv .tsv .parquet .ndjson .json
    #[arg(long, short, value_name = "FILE", required_unless_present = "judge")]
    pub out: Option<PathBuf>,
    /// Print a summary for programs
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

/// What `--kind` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Plant(Kind),
    Smote,
}

impl FromStr for What {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name == "smote" { Ok(Self::Smote) } else { name.parse().map(Self::Plant) }
    }
}
