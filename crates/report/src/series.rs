//! What was found in series: events as a table for the terminal, and as a page with pictures.

use anomalyst_core::{Event, NoticeKind, Outcome};

use crate::document::{Block, Document, Grid, Section, Strip};
use crate::layout::{Cell, TableColumn, Tint, table};
use crate::terminal::Page;
use crate::text::{ScoreFormat, counted, p_value};

/// Events with a row of their own on the page.
const MAX_EVENTS: usize = 200;

/// The events of `outcome`, most anomalous first.
pub(crate) fn events(page: &mut Page, outcome: &Outcome) {
    let shown = &outcome.events[..outcome.events.len().min(page.style.top)];
    page.blank();
    if shown.is_empty() {
        page.paragraph("", "No stretch stands out.", Tint::Plain);
        return;
    }
    let scores = ScoreFormat::of(shown.iter().map(|event| event.score));
    let lines = if page.style.width < 60 { None } else { event_table(page, shown, scores) };
    match lines {
        Some(lines) => page.lines(lines),
        None => {
            for event in shown {
                let lead = format!(
                    "{} to {}: {}, {}",
                    event.start,
                    event.end,
                    event.kind.as_str(),
                    event.severity.as_str()
                );
                page.paragraph("", &page.clean(&lead), tint(event));
                page.paragraph("  ", &page.clean(&event.sentence), Tint::Plain);
            }
        }
    }
    let more = outcome.n_events.saturating_sub(shown.len());
    if more > 0 {
        page.blank();
        page.paragraph(
            "",
            &format!("... and {}; --show lists more.", counted(more, "more event")),
            Tint::Faint,
        );
    }
}

fn event_table(page: &Page, shown: &[Event], scores: ScoreFormat) -> Option<Vec<String>> {
    let many = shown.iter().any(|event| !event.series.is_empty());
    let mut columns = Vec::new();
    if many {
        columns.push(TableColumn { title: "series", right: false, least: Some(8) });
    }
    columns.push(TableColumn { title: "from", right: false, least: Some(10) });
    columns.push(TableColumn { title: "points", right: true, least: None });
    columns.push(TableColumn { title: "kind", right: false, least: Some(8) });
    columns.push(TableColumn { title: "score", right: true, least: None });
    columns.push(TableColumn { title: "severity", right: false, least: None });
    columns.push(TableColumn { title: "why", right: false, least: Some(24) });
    let row = |event: &Event| -> Vec<Cell> {
        let mut cells = Vec::new();
        if many {
            cells.push(Cell::from(page.clean(&event.series)));
        }
        cells.push(Cell { text: page.clean(&event.start), tint: Tint::Strong });
        cells.push((event.last - event.first + 1).to_string().into());
        cells.push(event.kind.as_str().to_owned().into());
        cells.push(scores.text(event.score).into());
        cells.push(Cell { text: event.severity.as_str().into(), tint: tint(event) });
        cells.push(page.clean(&event.sentence).into());
        cells
    };
    table(&columns, &shown.iter().map(row).collect::<Vec<_>>(), &page.style)
}

fn tint(event: &Event) -> Tint {
    Tint::of(event.severity)
}

/// The page of an outcome of series.
pub(crate) fn document(outcome: &Outcome) -> Document {
    let source = &outcome.source;
    let lead = format!(
        "{} in {} points, flagged by {}. Method: {}.",
        counted(outcome.n_events, "event"),
        crate::text::count(source.n_rows),
        outcome.decision.threshold.name,
        outcome.method.title
    );
    let mut sections = Vec::new();
    for picture in &outcome.pictures {
        let mut rows: Vec<(String, Vec<[f32; 2]>)> = picture
            .channels
            .iter()
            .map(|channel| (channel.channel.clone(), channel.values.clone()))
            .collect();
        rows.push(("score".into(), picture.scores.clone()));
        let strip = Strip {
            title: "Channels and the score; what was flagged is marked.".into(),
            ends: picture.span.clone(),
            n_points: picture.n_points,
            buckets: picture.buckets.clone(),
            rows,
            marked: picture.events.clone(),
        };
        let title = if picture.series.is_empty() { "The series".into() } else { picture.series.clone() };
        sections.push(Section { title, blocks: vec![Block::Strip(strip)] });
    }
    let events = &outcome.events[..outcome.events.len().min(MAX_EVENTS)];
    if !events.is_empty() {
        sections.push(Section { title: "Events".into(), blocks: vec![Block::Grid(grid(events))] });
    }
    let notes: Vec<Block> = outcome
        .notices
        .iter()
        .map(|notice| {
            let column = notice.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
            let mark = if notice.kind == NoticeKind::Handled { "Handled: " } else { "" };
            Block::Text(format!("{mark}{column}{}", notice.message))
        })
        .collect();
    if !notes.is_empty() {
        sections.push(Section { title: "What was noticed".into(), blocks: notes });
    }
    let again = vec![
        Block::Text(outcome.reproduce.command.clone()),
        Block::Text(format!("Version {}, seed {}.", outcome.reproduce.version, outcome.reproduce.seed)),
        Block::Text(format!("p-values: {}.", outcome.decision.p_value_meaning)),
    ];
    sections.push(Section { title: "How to get this again".into(), blocks: again });
    let name = match source.paths.as_slice() {
        // The folder is not what the page is about.
        [one] => one.rsplit(['/', '\\']).next().unwrap_or(one).to_owned(),
        paths => crate::text::source_name(paths),
    };
    Document { title: format!("What does not belong in {name}"), lead, sections }
}

fn grid(events: &[Event]) -> Grid {
    let titles = [
        ("series", false),
        ("from", false),
        ("to", false),
        ("points", true),
        ("kind", false),
        ("score", true),
        ("p", true),
        ("severity", false),
        ("channels", false),
        ("why", false),
    ];
    let scores = ScoreFormat::of(events.iter().map(|event| event.score));
    let row = |event: &Event| {
        let channels =
            event.channels.iter().take(3).map(|c| format!("{} {:.0} %", c.channel, 100.0 * c.share));
        vec![
            event.series.clone(),
            event.start.clone(),
            event.end.clone(),
            (event.last - event.first + 1).to_string(),
            event.kind.as_str().to_owned(),
            scores.text(event.score),
            event.p_value.map(p_value).unwrap_or_default(),
            event.severity.as_str().to_owned(),
            channels.collect::<Vec<_>>().join(", "),
            event.sentence.clone(),
        ]
    };
    Grid {
        columns: titles.iter().map(|(title, is_number)| ((*title).to_owned(), *is_number)).collect(),
        rows: events.iter().map(row).collect(),
    }
}
