//! What was found in series: events as a table for the terminal, and as a page with pictures.

mod page;
#[cfg(test)]
mod tests;

use anomalyst_core::{Event, Outcome};

pub(crate) use page::document;

use crate::layout::{Cell, TableColumn, Tint, table};
use crate::terminal::Page;
use crate::text::{ScoreFormat, counted};

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
