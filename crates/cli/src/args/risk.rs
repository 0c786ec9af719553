//! Arguments of `risk-score` and `multiplicity`.

use std::path::PathBuf;
use std::time::Duration;

use anomalyst::decide::risk::{Kind, RiskScore, Sign};
use clap::Args;

use super::{ReadArgs, RunArgs};
use crate::units;

#[derive(Debug, Args)]
#[command(
    after_help = "Numbers become statements such as `age >= 45`, categories such as `color = red`. The best whole points for at\nmost --max-features of them are searched for, and the card says how far from the best possible it can be.\nA risk is 1 / (1 + exp(-(total + offset))): a point is one unit of log odds.\n\nExamples:\n  anomalyst risk-score patients.csv --label sick\n  anomalyst risk-score claims.csv --label fraud --max-features 4 --points -3..3 --sign amount=positive\n  anomalyst risk-score patients.csv --label sick --slim --report card.html"
)]
pub(crate) struct RiskScoreArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// Make a card for verdicts by a threshold, with as few errors as can be, instead of one for risks
    #[arg(long, help_heading = "Card")]
    pub slim: bool,
    /// Most statements on the card, 1 to 10
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Card")]
    pub max_features: usize,
    /// Least and most points of a statement
    #[arg(
        long,
        value_name = "LOW..HIGH",
        default_value = "-5..5",
        value_parser = units::points,
        allow_hyphen_values = true,
        help_heading = "Card"
    )]
    pub points: [i32; 2],
    /// Columns whose points may only have one sign: COLUMN=positive|negative
    #[arg(long, value_name = "COLUMN=SIGN", value_parser = units::sign, value_delimiter = ',', help_heading = "Card")]
    pub sign: Vec<(String, Sign)>,
    /// Cuts per column of numbers; 9 are deciles
    #[arg(long, value_name = "N", default_value_t = 9, help_heading = "Card")]
    pub thresholds: usize,
    /// Statements that the search gets, 1 to 64: those that help a logistic model most
    #[arg(long, value_name = "N", default_value_t = 32, help_heading = "Card")]
    pub max_indicators: usize,
    /// What a statement must gain to be on the card, in units of the loss; by default it decides only between equals
    #[arg(long, value_name = "PRICE", help_heading = "Card")]
    pub price: Option<f64>,
    /// Give up the proof after this time and print the gap that is left; cross-validation takes up to as long again
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::duration, help_heading = "Card")]
    pub time_limit: Duration,
    /// Judge cards made so on rows that they were not made from, in this many parts; 0 does not
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Card")]
    pub folds: usize,
    /// Write every row with its total and its risk or verdict: .csv .tsv .ndjson .json
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Write the card as a page
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Print for programs
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Logistic models within a small loss of the best compete. For every row the least and the largest risk that any\nof them gives it, exactly; rows that some of them decide otherwise are flagged. With --interactions, for\nevery pair of columns the least and the most that it contributes beyond its two single effects.\n\nExamples:\n  anomalyst multiplicity patients.csv --label sick --out ranges.csv\n  anomalyst multiplicity patients.csv --label sick --within 0.05 --interactions"
)]
pub(crate) struct MultiplicityArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much more loss than the best a competing model may have: 0.01, with --interactions 0.05
    #[arg(long, value_name = "SHARE", help_heading = "Models")]
    pub within: Option<f64>,
    /// A risk that moves by at least this much is another risk
    #[arg(long, value_name = "RISK", default_value_t = 0.1, help_heading = "Models")]
    pub change: f64,
    /// Risks from here on are decided as anomalous
    #[arg(long, value_name = "RISK", default_value_t = 0.5, help_heading = "Models")]
    pub threshold: f64,
    /// Weight of the ridge on standardised columns; 1 / rows by default
    #[arg(long, value_name = "WEIGHT", help_heading = "Models")]
    pub ridge: Option<f64>,
    /// Ranges for at most this many rows, drawn at random
    #[arg(long, value_name = "N", default_value_t = 5000, help_heading = "Models")]
    pub max_rows: usize,
    /// Ranges of interactions of pairs of columns instead of ranges of risk of rows
    #[arg(long, help_heading = "Models")]
    pub interactions: bool,
    /// With --interactions: pair at most this many features, 2 to 20, those with the largest single effects
    #[arg(long, value_name = "N", default_value_t = 12, help_heading = "Models")]
    pub max_features: usize,
    /// How many rows or pairs to show
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Output")]
    pub show: usize,
    /// Write every row or pair with its range: .csv .tsv .ndjson .json
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Write a page
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Print for programs
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

impl RiskScoreArgs {
    pub(crate) fn score(&self) -> RiskScore {
        RiskScore {
            kind: if self.slim { Kind::Verdict } else { Kind::Risk },
            max_features: self.max_features,
            points: self.points,
            signs: self.sign.clone(),
            n_thresholds: self.thresholds,
            max_indicators: self.max_indicators,
            price: self.price,
            time_limit: self.time_limit,
            ..RiskScore::default()
        }
    }
}
