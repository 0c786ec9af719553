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
    /// Of several channels those that left what is usual, first those that the others no longer tell, in the order of
    /// time; empty where that is not known.
    pub departures: Vec<Departure>,
    /// What the method itself says of several channels, the largest share first; empty where it has no exact answer.
    pub attributed: Vec<AttributedChannel>,
    /// Other events of the same series that look like it, most alike first.
    pub similar: Vec<SimilarEvent>,
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
    /// The same band in numbers; absent where nothing can be expected.
    pub expected: Option<ExpectedBand>,
}

/// A channel's part in an event by the method's own account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributedChannel {
    /// Its name.
    pub channel: String,
    /// Its share of the scores of the event's points, 0 to 1.
    pub share: f32,
}

/// What a channel was expected to be at one point, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedBand {
    /// Lower end.
    pub low: f64,
    /// What was likeliest.
    pub middle: f64,
    /// Upper end.
    pub high: f64,
}

/// How one of several channels left what is usual in an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Departure {
    /// Its name.
    pub channel: String,
    /// Whether other channels tell it where all is usual; where not, its relations are those to its own last value.
    pub related: bool,
    /// Where the others no longer told it.
    pub left_relations: Option<PointName>,
    /// Where it left its own band.
    pub left_band: Option<PointName>,
    /// The largest distance from what its relations tell, in usual distances.
    pub surprise: f64,
}

/// A point and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointName {
    /// Its position in what was read, counted from 0 in the order of time.
    pub point: usize,
    /// Its time, or its number in its series counted from 1.
    pub at: String,
}

/// An event that looks like another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimilarEvent {
    /// Position of its first point in what was read.
    pub first: usize,
    /// Position of its last point.
    pub last: usize,
    /// When it begins, as events say it.
    pub start: String,
}
