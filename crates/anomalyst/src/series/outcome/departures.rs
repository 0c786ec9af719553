//! Which channels left what is usual first in each event, where a series has several.

use std::collections::BTreeMap;

use anomalyst_core::{Departure, Event, PointName, Result, Run};
use anomalyst_explain::series::{Relations, RootCause, first_to_leave};

use super::Asking;
use super::asking::point_name;

/// Series whose relations are learned, those with the highest events first.
const MOST_SERIES: usize = 20;
/// Events that are traced back, the highest first.
const MOST_EVENTS: usize = 50;
/// Channels that are named per event.
const MOST_NAMED: usize = 10;

/// Says for the highest of `events` who left first, in its `departures` and at the end of its sentence.
pub(super) fn add(asking: &Asking<'_>, events: &mut [Event], run: &Run) -> Result<()> {
    if asking.series.channels.len() < 2 {
        return Ok(());
    }
    let mut learned: BTreeMap<usize, Relations> = BTreeMap::new();
    for i in 0..events.len().min(MOST_EVENTS) {
        run.check()?;
        let of = asking.spans[i].series;
        if !learned.contains_key(&of) {
            if learned.len() == MOST_SERIES {
                continue;
            }
            learned.insert(of, relations(asking, of, events, run)?);
        }
        let Some(relations) = learned.get(&of) else { continue };
        let question = asking.question(i);
        let causes = relations.root_causes(&question, run)?;
        let event = &mut events[i];
        if let Some(first) = first_to_leave(asking.series, &question.range, &causes) {
            event.sentence = format!("{}; {first}.", event.sentence.trim_end_matches('.'));
        }
        let left = causes.iter().filter(|cause| cause.left_relations.or(cause.left_band).is_some());
        let name = |point: usize| PointName { point, at: point_name(asking.series, &question.range, point) };
        let departure = |cause: &RootCause| Departure {
            channel: asking.series.channels[cause.channel].clone(),
            related: cause.related,
            left_relations: cause.left_relations.map(name),
            left_band: cause.left_band.map(name),
            surprise: cause.surprise,
        };
        event.departures = left.take(MOST_NAMED).map(departure).collect();
    }
    Ok(())
}

/// How the channels of a series hang together: of very many those that are most to blame for its events.
fn relations(asking: &Asking<'_>, of: usize, events: &[Event], run: &Run) -> Result<Relations> {
    let series = asking.series;
    let mut blame: BTreeMap<&str, f32> = BTreeMap::new();
    for (event, _) in events.iter().zip(asking.spans).filter(|(_, span)| span.series == of) {
        for evidence in &event.channels {
            *blame.entry(&evidence.channel).or_default() += evidence.share;
        }
    }
    let blame_of = |&channel: &usize| blame.get(series.channels[channel].as_str()).copied().unwrap_or(0.0);
    let mut channels: Vec<usize> = (0..series.channels.len()).collect();
    channels.sort_by(|a, b| blame_of(b).total_cmp(&blame_of(a)).then(a.cmp(b)));
    let range = asking.of_series.get(of).cloned().unwrap_or_default();
    Relations::learn(series, range, &asking.of(of), &channels, run)
}
