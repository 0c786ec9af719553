//! What one run found: everything a face needs to show it, and nothing it has to compute.

use serde::{Deserialize, Serialize};

use crate::{
    ColumnKind, Decisions, Event, EventPicture, Evidence, Interval, Notice, SeriesPicture, Severity, Verdict,
};

/// The result of `scan` or `score`.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was read.
    pub source: SourceSummary,
    /// What looked at it.
    pub method: MethodSummary,
    /// How scores became verdicts.
    pub decision: DecisionSummary,
    /// One score per item; higher is more anomalous.
    pub scores: Vec<f32>,
    /// One of each per item.
    pub decisions: Decisions,
    /// One plain sentence per item; empty for items that are not flagged.
    pub reasons: Vec<String>,
    /// What the user calls each item; row numbers counted from 1 where `None`.
    pub ids: Option<Vec<String>>,
    /// The items worth reading, most anomalous first, with their evidence.
    pub findings: Vec<Finding>,
    /// Whether items are the points of series, and events what was found.
    pub is_series: bool,
    /// Of series, how many stretches do not belong.
    pub n_events: usize,
    /// Of series, the stretches that do not belong, most anomalous first; of very many the highest.
    pub events: Vec<Event>,
    /// Of series, what a picture of each shows; those with events first.
    pub pictures: Vec<SeriesPicture>,
    /// Of the highest events, what a picture of each and its surroundings shows.
    pub zooms: Vec<EventPicture>,
    /// Every column, used or not.
    pub profiles: Vec<ColumnProfile>,
    /// The items in two dimensions.
    pub map: Option<RowMap>,
    /// What was noticed or handled.
    pub notices: Vec<Notice>,
    /// How to get this again.
    pub reproduce: Reproduce,
    /// Where the time went.
    pub timing: Vec<Timing>,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SourceSummary {
    /// The files, as the user named them.
    pub paths: Vec<String>,
    /// The format found, such as `csv, delimiter ';', gzip`.
    pub format: String,
    /// Rows read.
    pub n_rows: usize,
    /// Columns read.
    pub n_columns: usize,
    /// Columns that took part.
    pub n_used: usize,
    /// Bytes read.
    pub n_bytes: u64,
}

/// What looked at the data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MethodSummary {
    /// Method or recipe id.
    pub id: String,
    /// A few words.
    pub title: String,
    /// Why this one, in a sentence.
    pub why: String,
    /// Its members; one for a single method.
    pub members: Vec<MemberSummary>,
}

/// One detector of an ensemble.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemberSummary {
    /// Method id.
    pub id: String,
    /// A few words.
    pub title: String,
    /// All parameters.
    pub params: serde_json::Value,
    /// Its weight in the combination.
    pub weight: f64,
}

/// How scores became verdicts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DecisionSummary {
    /// The threshold in force.
    pub threshold: ThresholdSummary,
    /// Posterior of the share of anomalies, where it was estimated.
    pub contamination: Option<Interval>,
    /// What the p-values mean here; empty where there are none.
    pub p_value_meaning: String,
    /// What the probability means here; empty where there is none.
    pub probability_meaning: String,
    /// Of what the expected alert rate is a share: `of normal rows`, `of later rows of this kind`.
    pub alert_rate_meaning: String,
    /// What withholding verdicts is expected to cost, where verdicts are withheld.
    pub abstention: Option<AbstentionSummary>,
    /// How many items were flagged.
    pub n_anomalous: usize,
    /// How many items were left to a person.
    pub n_abstain: usize,
}

/// What withholding verdicts means for items like the reference.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AbstentionSummary {
    /// Expected share of withheld verdicts.
    pub rate: f64,
    /// A share that is not exceeded with probability 0.95.
    pub rate_bound: f64,
    /// Expected cost per item is at most this.
    pub cost_bound: f64,
    /// What a false alarm, a miss and a look by a person cost.
    pub costs: [f64; 3],
}

/// A named threshold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ThresholdSummary {
    /// Its name, such as `contamination posterior` or `false discovery rate 0.1`.
    pub name: String,
    /// The score above which an item is flagged.
    pub value: f32,
    /// Share of normal-looking items expected to be flagged, with its interval.
    pub expected_alert_rate: Option<Interval>,
}

/// One item worth reading.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Its position, counted from 0.
    pub row: usize,
    /// What the user calls it.
    pub name: String,
    /// Its score.
    pub score: f32,
    /// Its p-value, if there is one.
    pub p_value: Option<f64>,
    /// Its probability of being anomalous, if there is one.
    pub probability: Option<f64>,
    /// How stable the verdict is, if known.
    pub confidence: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// How grave.
    pub severity: Severity,
    /// Why.
    pub evidence: Evidence,
}

/// What a column looks like.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it took part.
    pub used: bool,
    /// Why it was left out; empty where it took part.
    pub why_not: String,
    /// Cells without a value.
    pub n_missing: usize,
    /// Different values, exact up to 10,000 and then at least that many.
    pub n_distinct: usize,
    /// What the values look like.
    pub values: ProfileValues,
}

/// The shape of a column's values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ProfileValues {
    /// Numbers and times (times in microseconds since 1970).
    Numbers {
        /// Smallest.
        min: f64,
        /// 2.5 % quantile.
        low: f64,
        /// Median.
        median: f64,
        /// 97.5 % quantile.
        high: f64,
        /// Largest.
        max: f64,
        /// Left edges of equal-width bins over `min..max`, and the end.
        bin_edges: Vec<f64>,
        /// How many values fall into each bin.
        bin_counts: Vec<u64>,
        /// Values of flagged rows (at most 200), to mark on the histogram.
        odd: Vec<f64>,
    },
    /// Categories and booleans.
    Levels {
        /// The most frequent, at most 20.
        common: Vec<LevelCount>,
        /// Rows with any other level.
        n_other: usize,
    },
    /// Nothing to show.
    Nothing,
}

/// How often a level occurs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LevelCount {
    /// The level.
    pub level: String,
    /// Rows with it.
    pub n_rows: usize,
    /// Flagged rows with it.
    pub n_odd: usize,
}

/// The items in two dimensions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RowMap {
    /// What the axes are, such as `first principal component (41 % of the variance)`.
    pub axes: [String; 2],
    /// At most some thousand items: all findings and a sample of the rest.
    pub points: Vec<MapPoint>,
}

/// One item on the map.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapPoint {
    /// Its position, counted from 0.
    pub row: usize,
    /// Horizontal.
    pub x: f32,
    /// Vertical.
    pub y: f32,
}

/// How to get the same result again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reproduce {
    /// Version of the program.
    pub version: String,
    /// The command line.
    pub command: String,
    /// The seed.
    pub seed: u64,
    /// The full recipe in TOML.
    pub recipe: String,
    /// SHA-256 of every input file, where it was computed.
    pub inputs: Vec<(String, String)>,
}

/// Seconds of a stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// The stage.
    pub stage: String,
    /// Wall seconds.
    pub secs: f64,
}
