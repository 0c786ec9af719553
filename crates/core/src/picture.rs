//! Series and events reduced to what a picture can show: buckets of points instead of points.

use serde::{Deserialize, Serialize};

/// The points that a picture shows, from left to right.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PictureAxis {
    /// How many points it shows.
    pub n_points: usize,
    /// The number of its first point in the series, counted from 1.
    pub first: usize,
    /// The first point of each bucket, counted from 0 at the left end; each bucket reaches to the next.
    pub buckets: Vec<usize>,
    /// When each bucket begins, in microseconds since 1970; empty where times are not known.
    pub times: Vec<i64>,
}

/// A series reduced to what a picture can show.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SeriesPicture {
    /// What the user calls the series.
    pub series: String,
    /// All of its points.
    pub axis: PictureAxis,
    /// Channels, the most odd ones first.
    pub channels: Vec<ChannelPicture>,
    /// The lowest and highest score in each bucket.
    pub scores: Vec<[f64; 2]>,
    /// Its events.
    pub events: Vec<EventMark>,
    /// All channels at once, where there are many.
    pub heat: Option<HeatPicture>,
    /// The most odd channel taken apart, where it repeats itself.
    pub parts: Option<PartsPicture>,
}

/// Where an event lies in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMark {
    /// Its first point, counted from 0 at the left end.
    pub first: usize,
    /// Its last point.
    pub last: usize,
    /// Its position among the events of the outcome, where it is one of those.
    pub event: Option<usize>,
}

/// One channel of a picture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChannelPicture {
    /// Its name.
    pub channel: String,
    /// The lowest and highest value in each bucket; `NaN` where all are missing.
    pub values: Vec<[f64; 2]>,
    /// Low, middle and high of what was expected in each bucket, `NaN` where nothing was; empty where not asked.
    pub expected: Vec<[f64; 3]>,
}

/// An event with what lies around it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventPicture {
    /// Position of the event among those of the outcome.
    pub event: usize,
    /// What is shown.
    pub axis: PictureAxis,
    /// The channels most to blame.
    pub channels: Vec<ChannelPicture>,
    /// First and last point of the event, counted from 0 at the left end.
    pub marked: [usize; 2],
    /// The point with the highest score.
    pub peak: usize,
    /// Other events in sight.
    pub others: Vec<EventMark>,
}

/// All channels of a series at once: how far each stretch of each channel is from what is usual there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HeatPicture {
    /// The stretches.
    pub axis: PictureAxis,
    /// The channels shown, in the order of the data.
    pub channels: Vec<String>,
    /// How many channels there are.
    pub n_channels: usize,
    /// For each channel and stretch by how many usual spreads it is off; `NaN` where all is missing.
    pub cells: Vec<Vec<f32>>,
}

/// A channel taken apart into what changes slowly, what recurs, and the rest; they add up to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PartsPicture {
    /// Its name.
    pub channel: String,
    /// Points after which it repeats itself.
    pub period: usize,
    /// Microseconds of a period, where times are known.
    pub period_micros: Option<i64>,
    /// Share of the variance around the trend that recurs, 0 to 1.
    pub strength: f64,
    /// Lowest and highest value of each bucket of the series' picture.
    pub trend: Vec<[f64; 2]>,
    /// The same of what recurs.
    pub season: Vec<[f64; 2]>,
    /// The same of the rest.
    pub rest: Vec<[f64; 2]>,
}
