//! Series and events reduced to what a page can show: the lowest and highest value of each bucket of points.

mod parts;
mod zoom;

use std::ops::Range;

use anomalyst_core::{
    ChannelPicture, Event, EventMark, EventPicture, HeatPicture, PictureAxis, Result, Run, Series,
    SeriesPicture,
};
use anomalyst_explain::series::heat;

use super::outcome::Asking;

/// Series that are drawn, those with the highest events first.
const MOST_SERIES: usize = 12;
/// Series that are drawn in full: all buckets, channels and kinds of pictures.
const IN_FULL: usize = 3;
/// Buckets and channels of a picture in full; more than a screen has pixels across would not be seen.
const FULL: (usize, usize) = (1000, 8);
/// Buckets and channels of the others.
const BRIEF: (usize, usize) = (400, 3);
/// With more channels than this, all are shown at once by colours.
const MANY_CHANNELS: usize = 8;

/// Pictures of the series with events, or of the first series where there is none, and of the highest events.
pub(super) fn pictures(
    asking: &Asking<'_>,
    scores: &[f32],
    events: &[Event],
    run: &Run,
) -> Result<(Vec<SeriesPicture>, Vec<EventPicture>)> {
    let mut shown: Vec<usize> = Vec::new();
    for span in asking.spans {
        if shown.len() < MOST_SERIES && !shown.contains(&span.series) {
            shown.push(span.series);
        }
    }
    if shown.is_empty() {
        shown.push(0);
    }
    shown.retain(|&of| asking.of_series.get(of).is_some_and(|range| !range.is_empty()));
    let picture = |(rank, of): (usize, usize)| {
        run.check()?;
        picture(asking, scores, events, (rank < IN_FULL, of), run)
    };
    let of_series = shown.into_iter().enumerate().map(picture).collect::<Result<Vec<_>>>()?;
    Ok((of_series, zoom::zooms(asking, events, run)?))
}

fn picture(
    asking: &Asking<'_>,
    scores: &[f32],
    events: &[Event],
    (in_full, of): (bool, usize),
    run: &Run,
) -> Result<SeriesPicture> {
    let (series, range) = (asking.series, &asking.of_series[of]);
    let (n_buckets, n_channels) = if in_full { FULL } else { BRIEF };
    let buckets = Buckets::new(range, n_buckets);
    let own: Vec<&Event> = events.iter().filter(|event| range.contains(&event.first)).collect();
    let channels = channels(series, &own);
    let drawn = |&channel: &usize| ChannelPicture {
        channel: series.channels[channel].clone(),
        values: buckets.ends(|point| series.values[(point, channel)]),
        expected: Vec::new(),
    };
    let is_wide = series.channels.len() > MANY_CHANNELS;
    Ok(SeriesPicture {
        series: series.keys.get(of).cloned().unwrap_or_default(),
        channels: channels.iter().take(n_channels).map(drawn).collect(),
        scores: buckets.ends(|point| f64::from(scores[point])),
        events: marks(asking, range, (of, events.len())),
        heat: if in_full && is_wide { Some(heat_picture(asking, of, run)?) } else { None },
        parts: if in_full { parts::parts(series, &buckets, channels[0], run)? } else { None },
        axis: buckets.axis(series, range.start),
    })
}

/// All channels of a series by colours.
fn heat_picture(asking: &Asking<'_>, of: usize, run: &Run) -> Result<HeatPicture> {
    let (series, range) = (asking.series, &asking.of_series[of]);
    let heat = heat(series, range, &asking.of(of), run)?;
    let buckets = Buckets { points: range.clone(), starts: heat.starts };
    Ok(HeatPicture {
        axis: buckets.axis(series, range.start),
        channels: heat.channels.iter().map(|&channel| series.channels[channel].clone()).collect(),
        n_channels: series.channels.len(),
        cells: heat.cells,
    })
}

/// The events of series `of` that lie in `points`; the first `n_told` of all are told one by one.
fn marks(asking: &Asking<'_>, points: &Range<usize>, (of, n_told): (usize, usize)) -> Vec<EventMark> {
    let inside = |&(i, range): &(usize, &Range<usize>)| {
        asking.spans[i].series == of && range.start < points.end && range.end > points.start
    };
    let mark = |(i, range): (usize, &Range<usize>)| EventMark {
        first: range.start.max(points.start) - points.start,
        last: range.end.min(points.end) - 1 - points.start,
        event: (i < n_told).then_some(i),
    };
    asking.ranges.iter().enumerate().filter(inside).map(mark).collect()
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
    order.into_iter().map(|(_, channel)| channel).collect()
}

/// Points in pieces of almost equal length.
struct Buckets {
    points: Range<usize>,
    /// The first point of each.
    starts: Vec<usize>,
}

impl Buckets {
    /// At most `most` buckets, none of them empty.
    fn new(points: &Range<usize>, most: usize) -> Self {
        let n = points.len();
        let n_buckets = n.min(most);
        let starts = (0..n_buckets).map(|i| points.start + i * n / n_buckets).collect();
        Self { points: points.clone(), starts }
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.points.end]);
        self.starts.iter().zip(ends).map(|(&start, end)| start..end)
    }

    /// The lowest and highest finite value of each bucket; `NaN` where there is none.
    fn ends(&self, value: impl Fn(usize) -> f64) -> Vec<[f64; 2]> {
        let lower = |[low, high]: [f64; 2], v: f64| [low.min(v), high.max(v)];
        let of =
            |bucket: Range<usize>| bucket.map(&value).filter(|v| v.is_finite()).fold([f64::NAN; 2], lower);
        self.ranges().map(of).collect()
    }

    fn axis(&self, series: &Series, first_of_series: usize) -> PictureAxis {
        let time = |&point: &usize| series.times.as_ref().map(|times| times[point]);
        PictureAxis {
            n_points: self.points.len(),
            first: self.points.start + 1 - first_of_series,
            buckets: self.starts.iter().map(|start| start - self.points.start).collect(),
            times: self.starts.iter().filter_map(time).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_point_once() {
        for (points, most) in [(0..10, 3), (5..12, 100), (7..8, 4), (0..1_000_003, 1000)] {
            let buckets = Buckets::new(&points, most);
            let ranges: Vec<Range<usize>> = buckets.ranges().collect();
            assert!(ranges.len() <= most && ranges.iter().all(|bucket| !bucket.is_empty()));
            assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (points.start, points.end));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }

    #[test]
    fn a_single_high_point_is_seen_and_missing_ones_are_not_drawn() {
        let value = |point: usize| match point {
            700_123 => 9.0,
            0..1000 => f64::NAN,
            point => (point % 7) as f64 / 10.0,
        };
        let ends = Buckets::new(&(0..1_000_000), 1000).ends(value);
        assert!(ends[0][0].is_nan() && ends[0][1].is_nan());
        assert_eq!((ends[700], ends[701]), ([0.0, 9.0], [0.0, 0.6]));
    }
}
