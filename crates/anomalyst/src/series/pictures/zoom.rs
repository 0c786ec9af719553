//! An event with what lies around it: the channels most to blame, and what was expected of them.

use std::ops::Range;

use anomalyst_core::{ChannelPicture, Event, EventKind, EventPicture, Result, Run};
use anomalyst_explain::series::{EventQuestion, drawn_points, expected_band};
use rayon::prelude::*;

use super::{Buckets, marks};
use crate::series::outcome::Asking;

/// Events with a picture of their own, the highest first.
const MOST_EVENTS: usize = 20;
/// Buckets of a picture.
const BUCKETS: usize = 300;
/// Channels of a picture that are there for their share of the blame, ...
const MOST_BLAMED: usize = 2;
/// ... from this share on.
const SHARE: f32 = 0.2;

/// Pictures of the highest of `events`.
pub(super) fn zooms(asking: &Asking<'_>, events: &[Event], run: &Run) -> Result<Vec<EventPicture>> {
    let shown: Vec<(usize, &Event)> = events.iter().enumerate().take(MOST_EVENTS).collect();
    run.install(|| shown.par_iter().map(|&(i, event)| zoom(asking, i, event, run)).collect())
}

fn zoom(asking: &Asking<'_>, i: usize, event: &Event, run: &Run) -> Result<EventPicture> {
    let question = asking.question(i);
    let points = drawn_points(&question);
    let buckets = Buckets::new(&points, BUCKETS);
    let channel = |channel: usize| {
        run.check()?;
        channel_picture(&question, &buckets, channel)
    };
    let mut others = marks(asking, &points, (asking.spans[i].series, asking.spans.len()));
    others.retain(|mark| mark.event != Some(i));
    Ok(EventPicture {
        event: i,
        channels: channels(event, &question).into_iter().map(channel).collect::<Result<_>>()?,
        marked: [event.first - points.start, event.last - points.start],
        peak: event.peak - points.start,
        others,
        axis: buckets.axis(asking.series, question.range.start),
    })
}

fn channel_picture(
    question: &EventQuestion<'_>,
    buckets: &Buckets,
    channel: usize,
) -> Result<ChannelPicture> {
    let series = question.series;
    let band = expected_band(question, channel)?;
    let expected = |bucket: Range<usize>| {
        let inside = bucket.start - buckets.points.start..bucket.end - buckets.points.start;
        hull(&band[inside])
    };
    Ok(ChannelPicture {
        channel: series.channels[channel].clone(),
        values: buckets.ends(|point| series.values[(point, channel)]),
        expected: buckets.ranges().map(expected).collect(),
    })
}

/// The lowest low, the mean of the middles and the highest high of what is finite; `NaN` where nothing is.
fn hull(bands: &[[f64; 3]]) -> [f64; 3] {
    let known = || bands.iter().filter(|band| band.iter().all(|v| v.is_finite()));
    let n = known().count() as f64;
    known().fold([f64::NAN; 3], |[low, middle, high], band| {
        let part = band[1] / n;
        [low.min(band[0]), if middle.is_nan() { part } else { middle + part }, high.max(band[2])]
    })
}

/// The channels most to blame, and the one that left its relations first.
fn channels(event: &Event, question: &EventQuestion<'_>) -> Vec<usize> {
    let least = if event.kind == EventKind::CorrelationBreak { 0.0 } else { SHARE };
    let blamed = event.channels.iter().take(MOST_BLAMED).enumerate();
    let blamed = blamed.filter(|(rank, of)| *rank == 0 || of.share >= least).map(|(_, of)| &of.channel);
    let root = event.departures.first().filter(|first| first.related && first.left_relations.is_some());
    let mut channels: Vec<usize> = Vec::new();
    for name in blamed.chain(root.map(|root| &root.channel)) {
        let column = question.series.channels.iter().position(|channel| channel == name);
        channels.extend(column.filter(|column| !channels.contains(column)));
    }
    channels
}
