//! What is asked about each event: its series, its place in it, what else is odd there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use anomalyst_core::{Result, Series};
use anomalyst_decide::EventSpan;
use anomalyst_explain::series::EventQuestion;

use super::season::period_of;

/// Channels that are asked for the period of a series.
const ASKED: usize = 8;

/// All events, from which questions about single ones are made.
pub(in crate::series) struct Asking<'a> {
    pub(in crate::series) series: &'a Series,
    /// The events, the highest first.
    pub(in crate::series) spans: &'a [EventSpan],
    /// The points of the events, in the same order.
    pub(in crate::series) ranges: Vec<Range<usize>>,
    /// The points of each series.
    pub(in crate::series) of_series: Vec<Range<usize>>,
    periods: HashMap<usize, Option<usize>>,
}

impl<'a> Asking<'a> {
    /// Of `spans` the first `n_asked` will be asked about.
    pub(super) fn new(series: &'a Series, spans: &'a [EventSpan], n_asked: usize) -> Result<Self> {
        let of_series: Vec<Range<usize>> = series.ranges().collect();
        let mut periods = HashMap::new();
        for span in &spans[..n_asked] {
            if let Entry::Vacant(place) = periods.entry(span.series) {
                let own = of_series.get(span.series).cloned().unwrap_or_default();
                place.insert(period(series, &own)?);
            }
        }
        let ranges = spans.iter().map(|span| span.first..span.last + 1).collect();
        Ok(Self { series, spans, ranges, of_series, periods })
    }

    /// The question about event `i`.
    pub(in crate::series) fn question(&self, i: usize) -> EventQuestion<'_> {
        let span = &self.spans[i];
        EventQuestion {
            series: self.series,
            range: self.of_series.get(span.series).cloned().unwrap_or_default(),
            event: self.ranges[i].clone(),
            peak: span.peak,
            others: &self.ranges,
            period: self.periods.get(&span.series).copied().flatten(),
        }
    }

    /// The events of one series.
    pub(in crate::series) fn of(&self, series: usize) -> Vec<Range<usize>> {
        let own = self.spans.iter().zip(&self.ranges).filter(|(span, _)| span.series == series);
        own.map(|(_, range)| range.clone()).collect()
    }
}

/// The period of the first channel that has one.
fn period(series: &Series, range: &Range<usize>) -> Result<Option<usize>> {
    for channel in series.values.columns().into_iter().take(ASKED) {
        let values: Vec<f64> = channel.iter().skip(range.start).take(range.len()).copied().collect();
        let period = period_of(&values)?;
        if period.is_some() {
            return Ok(period);
        }
    }
    Ok(None)
}

/// The time of a point, or its number in its series counted from 1.
pub(in crate::series) fn point_name(series: &Series, range: &Range<usize>, point: usize) -> String {
    match &series.times {
        Some(times) => anomalyst_core::time_text(times[point]),
        None => (point - range.start + 1).to_string(),
    }
}
