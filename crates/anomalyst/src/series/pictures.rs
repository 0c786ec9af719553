//! Series reduced to what a page can show: the lowest and highest value of each bucket of points.

use std::ops::Range;

use anomalyst_core::{ChannelPicture, Event, Series, SeriesPicture};
use anomalyst_decide::EventSpan;

use super::outcome::point_name;

/// Buckets of a picture; more than a screen has pixels across would not be seen.
const BUCKETS: usize = 1200;
/// Series that are drawn, those with the highest events first.
const MOST_SERIES: usize = 20;
/// Channels that are drawn of each.
const MOST_CHANNELS: usize = 8;

/// Pictures of the series with events; of the first series where there is none.
pub(super) fn pictures(
    series: &Series,
    scores: &[f32],
    spans: &[EventSpan],
    events: &[Event],
) -> Vec<SeriesPicture> {
    let mut shown: Vec<usize> = Vec::new();
    for span in spans {
        if shown.len() < MOST_SERIES && !shown.contains(&span.series) {
            shown.push(span.series);
        }
    }
    if shown.is_empty() {
        shown.push(0);
    }
    let ranges: Vec<Range<usize>> = series.ranges().collect();
    shown
        .into_iter()
        .filter(|&of| ranges.get(of).is_some_and(|range| !range.is_empty()))
        .map(|of| picture(series, scores, (of, &ranges[of]), (spans, events)))
        .collect()
}

fn picture(
    series: &Series,
    scores: &[f32],
    (of, range): (usize, &Range<usize>),
    (spans, events): (&[EventSpan], &[Event]),
) -> SeriesPicture {
    let n = range.len();
    let n_buckets = n.min(BUCKETS);
    let bucket = |i: usize| range.start + i * n / n_buckets..range.start + (i + 1) * n / n_buckets;
    let own = |event: &&Event| range.contains(&event.first);
    let channels = channels(series, &events.iter().filter(own).collect::<Vec<_>>());
    let drawn = |&channel: &usize| ChannelPicture {
        channel: series.channels[channel].clone(),
        values: (0..n_buckets)
            .map(|i| ends(bucket(i).map(|point| series.values[(point, channel)] as f32)))
            .collect(),
    };
    SeriesPicture {
        series: series.keys.get(of).cloned().unwrap_or_default(),
        n_points: n,
        span: [range.start, range.end - 1].map(|point| point_name(series, range, point)),
        buckets: (0..n_buckets).map(|i| bucket(i).start - range.start).collect(),
        channels: channels.iter().map(drawn).collect(),
        scores: (0..n_buckets).map(|i| ends(bucket(i).map(|point| scores[point]))).collect(),
        events: spans
            .iter()
            .filter(|span| span.series == of)
            .map(|span| [span.first - range.start, span.last - range.start])
            .collect(),
    }
}

/// The channels most to blame, then those that come first.
fn channels(series: &Series, events: &[&Event]) -> Vec<usize> {
    let blame = |channel: usize| -> f32 {
        let of = |event: &&Event| {
            let own = event.channels.iter().find(|c| c.channel == series.channels[channel]);
            own.map_or(0.0, |c| c.share)
        };
        events.iter().map(of).sum()
    };
    let mut order: Vec<(f32, usize)> =
        (0..series.channels.len()).map(|channel| (blame(channel), channel)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.into_iter().take(MOST_CHANNELS).map(|(_, channel)| channel).collect()
}

/// The lowest and highest finite value; `NaN` where there is none.
fn ends(values: impl Iterator<Item = f32>) -> [f32; 2] {
    values.filter(|v| v.is_finite()).fold([f32::NAN; 2], |[low, high], v| [low.min(v), high.max(v)])
}
