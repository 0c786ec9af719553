//! What does not belong in a series: stretches, not single points.

use serde::{Deserialize, Serialize};

use crate::Severity;

/// A stretch of a series that does not belong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// What the user calls the series; empty where there is one without a name.
    pub series: String,
    /// Position of its first point in what was read, counted from 0 in the order of time.
    pub first: usize,
    /// Position of its last point.
    pub last: usize,
    /// Position of its highest score.
    pub peak: usize,
    /// When it begins: a time, or the number of the point in its series counted from 1.
    pub start: String,
    /// When it ends.
    pub end: String,
    /// When it is at its highest.
    pub peak_at: String,
    /// Its highest score.
    pub score: f32,
    /// Probability that data like these without anomalies hold an event as high, where it is known.
    pub p_value: Option<f64>,
    /// How grave.
    pub severity: Severity,
    /// What it looks like.
    pub kind: EventKind,
    /// The channels that made it odd, strongest first.
    pub channels: Vec<ChannelEvidence>,
    /// One plain sentence.
    pub sentence: String,
}

/// What an event looks like in the channel that is most to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A short rise.
    Spike,
    /// A short fall.
    Dip,
    /// The level before and after differ.
    LevelShift,
    /// The slope before and after differ.
    TrendChange,
    /// The swing is wider or narrower than before.
    Amplitude,
    /// The swing is faster or slower than before.
    Frequency,
    /// The values are usual, their order is not.
    Pattern,
    /// Values are missing.
    Dropout,
    /// The value does not move where it usually does.
    Stuck,
    /// The channels no longer go together as they do.
    CorrelationBreak,
}

impl EventKind {
    /// The words on the terminal and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Dip => "dip",
            Self::LevelShift => "level shift",
            Self::TrendChange => "trend change",
            Self::Amplitude => "amplitude",
            Self::Frequency => "frequency",
            Self::Pattern => "pattern",
            Self::Dropout => "dropout",
            Self::Stuck => "stuck value",
            Self::CorrelationBreak => "correlation break",
        }
    }
}

/// What one channel says about an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelEvidence {
    /// Its name.
    pub channel: String,
    /// Its share of the blame, 0 to 1.
    pub share: f32,
    /// Its value at the peak; empty where missing.
    pub value: String,
    /// The band that was expected there.
    pub low: String,
    /// The upper end of the band.
    pub high: String,
}

/// A series reduced to what a picture can show.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SeriesPicture {
    /// What the user calls the series.
    pub series: String,
    /// How many points it has.
    pub n_points: usize,
    /// When it begins and ends.
    pub span: [String; 2],
    /// For each bucket of points the position of its first point in the series.
    pub buckets: Vec<usize>,
    /// Channels, the most odd ones first.
    pub channels: Vec<ChannelPicture>,
    /// The lowest and highest score in each bucket.
    pub scores: Vec<[f32; 2]>,
    /// Events by the positions of their first and last points in the series.
    pub events: Vec<[usize; 2]>,
}

/// One channel of a picture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChannelPicture {
    /// Its name.
    pub channel: String,
    /// The lowest and highest value in each bucket; `NaN` where all are missing.
    pub values: Vec<[f32; 2]>,
}
