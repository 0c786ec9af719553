//! The page of an outcome of series: each series with its events, the events as a table, and the highest one by one.

use anomalyst_core::{Event, EventMark, EventPicture, NoticeKind, Outcome, PartsPicture, SeriesPicture};

use crate::document::{Block, Card, Document, Grid, HeatMap, Lane, Listing, Mark, Section, Strip};
use crate::text::{ScoreFormat, clean, count, counted, p_value, percent, shorten, source_name};

/// Events with a row of their own on the page.
const MAX_EVENTS: usize = 200;
/// Heights of the lanes of a series, of its parts, and of an event, in pixels.
const LANE: usize = 58;
const PART: usize = 44;
const ZOOM: usize = 118;
/// Channels of an event that are listed.
const CHANNELS: usize = 5;
/// Share of the blame from which on a channel is listed.
const SHARE: f32 = 0.005;
/// Characters of a name.
const NAME: usize = 60;

/// The page; of the pictures of single events and of whole series at most `n_pictures` each.
pub(crate) fn document(outcome: &Outcome, n_pictures: usize) -> Document {
    let source = &outcome.source;
    let lead = format!(
        "{} in {} points; the threshold stands for {}. Method: {}.",
        counted(outcome.n_events, "event"),
        count(source.n_rows),
        outcome.decision.threshold.name,
        outcome.method.title
    );
    let zooms = &outcome.zooms[..outcome.zooms.len().min(n_pictures)];
    let anchors: Vec<usize> = zooms.iter().map(|zoom| zoom.event).collect();
    let page = Page { outcome, anchors };
    let mut sections: Vec<Section> =
        outcome.pictures.iter().take(n_pictures).map(|picture| page.series(picture)).collect();
    sections.extend(page.events());
    if !zooms.is_empty() {
        let cards = zooms.iter().filter_map(|zoom| page.card(zoom)).map(Block::Card);
        let shown = match zooms.len() {
            1 => "The highest event".to_owned(),
            n if n == outcome.n_events => "The events one by one".to_owned(),
            n => format!("The {n} highest events one by one"),
        };
        let text = "Blue is what the channel did, orange where it is part of the event; the shaded band around the dashed line \
                    is what was expected, from what came before. The ring is the point with the highest score.";
        let blocks = std::iter::once(Block::Text(text.into())).chain(cards).collect();
        sections.push(Section { title: shown, blocks });
    }
    sections.extend(notices(outcome));
    let again = vec![
        Block::Text(outcome.reproduce.command.clone()),
        Block::Text(format!("Version {}, seed {}.", outcome.reproduce.version, outcome.reproduce.seed)),
        Block::Text(format!("p-values: {}.", outcome.decision.p_value_meaning)),
    ];
    sections.push(Section { title: "How to get this again".into(), blocks: again });
    let name = match source.paths.as_slice() {
        // The folder is not what the page is about.
        [one] => one.rsplit(['/', '\\']).next().unwrap_or(one).to_owned(),
        paths => source_name(paths),
    };
    Document { title: format!("What does not belong in {name}"), lead, sections }
}

fn notices(outcome: &Outcome) -> Option<Section> {
    let notes: Vec<Block> = outcome
        .notices
        .iter()
        .map(|notice| {
            let column = notice.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
            let mark = if notice.kind == NoticeKind::Handled { "Handled: " } else { "" };
            Block::Text(format!("{mark}{column}{}", notice.message))
        })
        .collect();
    (!notes.is_empty()).then(|| Section { title: "What was noticed".into(), blocks: notes })
}

/// What all parts of the page refer to.
struct Page<'a> {
    outcome: &'a Outcome,
    /// Events that have a card.
    anchors: Vec<usize>,
}

impl Page<'_> {
    /// What links to the card of an event name; empty where it has none.
    fn target(&self, event: usize) -> String {
        if self.anchors.contains(&event) { format!("event-{}", event + 1) } else { String::new() }
    }

    fn mark(&self, mark: &EventMark) -> Mark {
        Mark {
            first: mark.first,
            last: mark.last,
            label: mark.event.map(|event| (event + 1).to_string()).unwrap_or_default(),
            target: mark.event.map(|event| self.target(event)).unwrap_or_default(),
            is_other: false,
        }
    }

    fn series(&self, picture: &SeriesPicture) -> Section {
        let marked: Vec<Mark> = picture.events.iter().map(|mark| self.mark(mark)).collect();
        let lane = |name: &str, values: &[[f64; 2]]| Lane {
            name: named(name),
            values: values.to_vec(),
            expected: Vec::new(),
        };
        let mut lanes: Vec<Lane> =
            picture.channels.iter().map(|channel| lane(&channel.channel, &channel.values)).collect();
        lanes.push(lane("score", &picture.scores));
        let n_all = picture.heat.as_ref().map_or(0, |heat| heat.n_channels);
        let which = if n_all > picture.channels.len() {
            format!("The {} channels most to blame of {}", picture.channels.len(), count(n_all))
        } else {
            "Channels".to_owned()
        };
        let strip = Strip {
            title: format!(
                "{which}, and the score; events are shaded, with their numbers above, the highest is 1."
            ),
            axis: picture.axis.clone(),
            lanes,
            lane_height: LANE,
            marked: marked.clone(),
            peak: None,
        };
        let mut blocks = vec![Block::Strip(strip)];
        if let Some(heat) = &picture.heat {
            let which = if heat.channels.len() < heat.n_channels {
                format!(
                    "The {} channels that are furthest off, of {}",
                    heat.channels.len(),
                    count(heat.n_channels)
                )
            } else {
                "All channels".to_owned()
            };
            blocks.push(Block::Heat(HeatMap {
                title: format!(
                    "{which}: how far lowest value, highest value or size of steps are from what is usual for that channel in \
                     stretches of this length outside of events."
                ),
                picture: anomalyst_core::HeatPicture {
                    channels: heat.channels.iter().map(|name| named(name)).collect(),
                    ..heat.clone()
                },
                marked: marked.clone(),
            }));
        }
        blocks.extend(picture.parts.as_ref().map(|parts| Block::Strip(parts_strip(picture, parts, marked))));
        let title = if picture.series.is_empty() { "The series".into() } else { named(&picture.series) };
        Section { title, blocks }
    }

    fn events(&self) -> Option<Section> {
        let outcome = self.outcome;
        let shown = &outcome.events[..outcome.events.len().min(MAX_EVENTS)];
        if shown.is_empty() {
            return None;
        }
        let targets = (0..shown.len()).map(|event| self.target(event)).collect();
        let mut blocks = vec![Block::Listing(Listing { grid: grid(shown), targets })];
        let more = outcome.n_events - shown.len().min(outcome.n_events);
        if more > 0 {
            blocks.push(Block::Text(format!("... and {}.", counted(more, "lower event"))));
        }
        Some(Section { title: "Events".into(), blocks })
    }

    fn card(&self, zoom: &EventPicture) -> Option<Card> {
        let event = self.outcome.events.get(zoom.event)?;
        let own = Mark { first: zoom.marked[0], last: zoom.marked[1], ..Mark::default() };
        let others = zoom.others.iter().map(|mark| Mark { is_other: true, ..self.mark(mark) });
        let lane = |channel: &anomalyst_core::ChannelPicture| Lane {
            name: named(&channel.channel),
            values: channel.values.clone(),
            expected: channel.expected.clone(),
        };
        let strip = Strip {
            title: String::new(),
            axis: zoom.axis.clone(),
            lanes: zoom.channels.iter().map(lane).collect(),
            lane_height: ZOOM,
            marked: std::iter::once(own).chain(others).collect(),
            peak: Some(zoom.peak),
        };
        let scores = ScoreFormat::of(self.outcome.events.iter().map(|event| event.score));
        let series =
            if event.series.is_empty() { String::new() } else { format!("{}, ", named(&event.series)) };
        let p = event.p_value.map(|p| format!(", p {}", p_value(p))).unwrap_or_default();
        let n_points = event.last - event.first + 1;
        // Numbers of points look like any number, times do not.
        let point = if zoom.axis.times.is_empty() { "point " } else { "" };
        Some(Card {
            anchor: self.target(zoom.event),
            title: format!("{}. {}", zoom.event + 1, event.kind.as_str()),
            grade: event.severity.as_str().to_owned(),
            note: format!(
                "{series}{point}{}, {}, score {}{p}",
                when(event),
                counted(n_points, "point"),
                scores.text(event.score)
            ),
            sentence: event.sentence.clone(),
            blocks: std::iter::once(Block::Strip(strip))
                .chain(channel_grid(event).map(Block::Grid))
                .collect(),
            facts: self.facts(event, point),
        })
    }

    /// Who left first, and which events are alike.
    fn facts(&self, event: &Event, point: &str) -> Vec<(String, Vec<(String, String)>)> {
        let mut facts = Vec::new();
        if event.departures.len() > 1 {
            let text = |departure: &anomalyst_core::Departure| {
                let name = named(&departure.channel);
                let text = match (&departure.left_relations, &departure.left_band) {
                    (Some(at), _) if departure.related => {
                        format!("{name} left its relations at {point}{}", at.at)
                    }
                    (Some(at), _) => format!("{name} left its own past at {point}{}", at.at),
                    (None, Some(at)) => format!("{name} left its band at {point}{}", at.at),
                    (None, None) => name,
                };
                (text, String::new())
            };
            let first = event.departures.iter().take(CHANNELS).map(text).collect();
            facts.push(("Who left first".into(), first));
        }
        if !event.attributed.is_empty() {
            let text = |of: &anomalyst_core::AttributedChannel| {
                (format!("{} {:.0} %", named(&of.channel), 100.0 * of.share), String::new())
            };
            facts.push((
                "As the method itself divides it".into(),
                event.attributed.iter().map(text).collect(),
            ));
        }
        if !event.similar.is_empty() {
            let like = event.similar.iter().map(|similar| {
                let is = |other: &Event| other.first == similar.first && other.last == similar.last;
                let number = self.outcome.events.iter().position(is);
                let text = match number {
                    Some(number) => format!("{}, {}", number + 1, similar.start),
                    None => similar.start.clone(),
                };
                (text, number.map(|number| self.target(number)).unwrap_or_default())
            });
            facts.push(("Like the events of".into(), like.collect()));
        }
        facts
    }
}

/// A channel taken apart.
fn parts_strip(picture: &SeriesPicture, parts: &PartsPicture, marked: Vec<Mark>) -> Strip {
    let lane = |name: &str, values: &[[f64; 2]]| Lane {
        name: name.into(),
        values: values.to_vec(),
        expected: Vec::new(),
    };
    let period = match parts.period_micros {
        Some(micros) => format!("{} ({})", counted(parts.period, "point"), duration(micros)),
        None => counted(parts.period, "point"),
    };
    Strip {
        title: format!(
            "{} taken apart; it repeats itself after {period}, which is {} of its variance around the trend.",
            named(&parts.channel),
            percent(parts.strength)
        ),
        axis: picture.axis.clone(),
        lanes: vec![lane("trend", &parts.trend), lane("season", &parts.season), lane("rest", &parts.rest)],
        lane_height: PART,
        marked,
        peak: None,
    }
}

/// `45 s`, `30 min`, `24 h`, `7 days`.
fn duration(micros: i64) -> String {
    let secs = micros as f64 / 1e6;
    let (value, unit) = match secs {
        s if s < 90.0 => (s, "s"),
        s if s < 5_400.0 => (s / 60.0, "min"),
        s if s < 172_800.0 => (s / 3_600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    format!("{} {unit}", crate::text::number(value, 3))
}

fn when(event: &Event) -> String {
    if event.start == event.end { event.start.clone() } else { format!("{} to {}", event.start, event.end) }
}

/// A name as it may stand in a picture.
fn named(name: &str) -> String {
    shorten(&clean(name, false), NAME, false)
}

fn grid(events: &[Event]) -> Grid {
    let is_many = events.iter().any(|event| !event.series.is_empty());
    let mut columns = vec![("#", false), ("from", false), ("points", true), ("kind", false)];
    columns.extend([("score", true), ("p", true), ("severity", false), ("why", false)]);
    if is_many {
        columns.insert(1, ("series", false));
    }
    let scores = ScoreFormat::of(events.iter().map(|event| event.score));
    let row = |(i, event): (usize, &Event)| {
        let mut row = vec![
            (i + 1).to_string(),
            event.start.clone(),
            (event.last - event.first + 1).to_string(),
            event.kind.as_str().to_owned(),
            scores.text(event.score),
            event.p_value.map(p_value).unwrap_or_default(),
            event.severity.as_str().to_owned(),
            event.sentence.clone(),
        ];
        if is_many {
            row.insert(1, named(&event.series));
        }
        row
    };
    Grid {
        columns: columns.into_iter().map(|(title, is_number)| (title.to_owned(), is_number)).collect(),
        rows: events.iter().enumerate().map(row).collect(),
    }
}

/// The channels of an event with what they were at the peak and what was expected; `None` where there is one.
fn channel_grid(event: &Event) -> Option<Grid> {
    let listed = || event.channels.iter().filter(|evidence| evidence.share >= SHARE).take(CHANNELS);
    if event.channels.len() < 2 || listed().next().is_none() {
        return None;
    }
    let columns = [("channel", false), ("blame", true), ("at the peak", true), ("expected", true)];
    let row = |evidence: &anomalyst_core::ChannelEvidence| {
        let expected = match (evidence.low.as_str(), evidence.high.as_str()) {
            ("", _) | (_, "") => String::new(),
            (low, high) if low == high => low.to_owned(),
            (low, high) => format!("{low} to {high}"),
        };
        let value = if evidence.value.is_empty() { "missing".to_owned() } else { evidence.value.clone() };
        vec![named(&evidence.channel), percent(f64::from(evidence.share)), value, expected]
    };
    Some(Grid {
        columns: columns.iter().map(|(title, is_number)| ((*title).to_owned(), *is_number)).collect(),
        rows: listed().map(row).collect(),
    })
}
