//! Why a stretch of a series is odd: which channels, what they did, what was expected, in one sentence.
//!
//! Everything here knows a series and where its events are, never what found them. What is usual is learned from the
//! points around the event that belong to no event. Start with [`explain_event`]; `expected` says what a channel
//! was expected to do, `blame` how far channels are from that, `kind` what it looks like, and [`Relations`] where an
//! event of many channels came from.

use std::ops::Range;

use anomalyst_core::{ChannelEvidence, EventKind, ExpectedBand, Result, Run, Series};

use crate::cells::number_text;

mod blame;
mod channel;
mod correlation;
mod expected;
mod forecast;
mod heat;
mod kind;
mod relations;
mod season;
mod similar;
mod stretch;
mod words;

pub use expected::{drawn_points, expected_band};
pub use heat::{Heat, heat};
pub use relations::{Relation, Relations, RootCause, first_to_leave};

use blame::Suspect;
use channel::Scene;
use correlation::Broken;
use kind::Reading;
use words::Story;

/// Other channels take part in a sentence from this share of the blame on.
const TOOK_PART: f32 = 0.2;

/// What is asked about one event.
#[derive(Clone, Debug)]
pub struct EventQuestion<'a> {
    /// All points of all series.
    pub series: &'a Series,
    /// The points of the series that the event belongs to.
    pub range: Range<usize>,
    /// The points of the event, within `range`.
    pub event: Range<usize>,
    /// The point of the event at which the score is highest.
    pub peak: usize,
    /// All events, this one or not: what lies in them is not learned from.
    pub others: &'a [Range<usize>],
    /// Points after which the series repeats itself, where it does.
    pub period: Option<usize>,
}

/// What is said about one event.
#[derive(Clone, Debug)]
pub struct EventAnswer {
    /// What it looks like in the channel that is most to blame.
    pub kind: EventKind,
    /// The channels that share the blame, strongest first; the shares sum to 1.
    pub channels: Vec<ChannelEvidence>,
    /// One plain sentence.
    pub sentence: String,
    /// Other events of the same series that look like it, most alike first.
    pub similar: Vec<Range<usize>>,
}

/// Says which channels are to blame for an event, what happened, and what was expected.
///
/// Where a series has more than 50 channels, the 50 that deviate most at a first glance are looked at. Where
/// nothing can be learned from, because all other points are missing or there are none, nothing is expected, and
/// the first channel is named.
///
/// # Errors
/// Where the ranges do not fit into each other or the series, and where `run` is stopped.
pub fn explain_event(question: &EventQuestion<'_>, run: &Run) -> Result<EventAnswer> {
    let scene = Scene::new(question)?;
    let mut suspects = blame::suspects(&scene, run)?;
    run.check()?;
    let mut broken = Vec::new();
    if suspects.len() > 1 && !suspects.iter().any(Suspect::has_left) {
        // A channel whose course is stranger than its relations are is odd by itself.
        let strangest = suspects.iter().map(Suspect::strangeness).fold(blame::LIMIT, f64::max);
        broken = correlation::broken(&scene, &suspects);
        if broken.first().is_none_or(|first| first.spreads < strangest) {
            broken.clear();
        }
    }
    let leader = broken.first().map(|first| (*first, suspects[first.partner].channel.index));
    blame_the_broken(&mut suspects, &broken);
    let first = &suspects[0];
    let reading = if leader.is_some() {
        Reading { kind: EventKind::CorrelationBreak, first: 0, len: scene.event.len(), ratio: 1.0 }
    } else {
        kind::read(&scene, first)
    };
    let channels = evidence(&scene, &suspects);
    let others = suspects.iter().zip(&channels).skip(1).filter(|(_, evidence)| evidence.share >= TOOK_PART);
    let others = others.map(|(suspect, _)| words::name(&scene, suspect.channel.index));
    let others = if leader.is_some() { Vec::new() } else { others.collect() };
    let first_of_series = question.range.start;
    let story = Story { scene: &scene, first_of_series, suspect: first, reading, broken: leader, others };
    let sentence = story.sentence();
    let texture = matches!(reading.kind, EventKind::Amplitude | EventKind::Frequency);
    let similar = similar::similar(question, &first.channel, texture);
    Ok(EventAnswer { kind: reading.kind, channels, sentence, similar })
}

/// Where correlations broke, the blame is that of the broken ones alone, and they come first.
fn blame_the_broken(suspects: &mut [Suspect], broken: &[Broken]) {
    if broken.is_empty() {
        return;
    }
    suspects.iter_mut().for_each(|suspect| suspect.blame = 0.0);
    for broken in broken {
        suspects[broken.who].blame = broken.spreads.max(0.0);
    }
    suspects.sort_by(|a, b| b.blame.total_cmp(&a.blame).then(a.channel.index.cmp(&b.channel.index)));
}

/// The blamed channels with their values at the peak; the first one where nobody is to blame.
fn evidence(scene: &Scene<'_>, suspects: &[Suspect]) -> Vec<ChannelEvidence> {
    let total: f64 = suspects.iter().map(|suspect| suspect.blame).sum();
    let shares = suspects.iter().enumerate().map(|(i, suspect)| match total > 0.0 {
        true => (suspect.blame / total) as f32,
        false => f32::from(u8::from(i == 0)),
    });
    let blamed = suspects.iter().zip(shares).filter(|(_, share)| *share > 0.0);
    blamed.map(|(suspect, share)| channel_evidence(scene, suspect, share)).collect()
}

fn channel_evidence(scene: &Scene<'_>, suspect: &Suspect, share: f32) -> ChannelEvidence {
    let index = suspect.channel.index;
    let value = scene.raw(index, scene.peak);
    let expected = suspect.bands.get(scene.peak - scene.event.start);
    let expected = expected.map(|band| [band.low, band.middle, band.high].map(|z| suspect.channel.value(z)));
    let band = expected.map(|[low, _, high]| [low, high]);
    let width = band.map_or(0.0, |[low, high]| (high / 2.0 - low / 2.0).min(f64::MAX / 4.0) * 2.0);
    let [low, high] = band.map_or_else(Default::default, |band| {
        words::legible(band, words::size(scene, index)).map(|v| words::rounded(v, width))
    });
    ChannelEvidence {
        channel: scene.series.channels.get(index).cloned().unwrap_or_default(),
        share,
        value: if value.is_nan() { String::new() } else { number_text(value) },
        low,
        high,
        expected: expected
            .filter(|band| band.iter().all(|v| v.is_finite()))
            .map(|[low, middle, high]| ExpectedBand { low, middle, high }),
    }
}
