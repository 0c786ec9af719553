//! One item in full, for `explain`: each column's value beside what is usual, the nearest normal row, the change
//! that would make it normal.

use anomalyst_core::{ColumnEvidence, Exactness, Expected, Finding};

use crate::Terminal;
use crate::layout::{Cell, TableColumn, Tint, table};
use crate::terminal::{Page, facts, grade, tint};
use crate::text::{ScoreFormat, percent};

/// Everything known about one item, as text of at most `style.width` cells a line.
pub fn explanation(finding: &Finding, style: &Terminal) -> String {
    let mut page = Page::new(style);
    let evidence = &finding.evidence;
    let after = evidence.counterfactual.as_ref().map(|c| c.score);
    let scores = ScoreFormat::of(std::iter::once(finding.score).chain(after));
    let verdict = match grade(finding) {
        "normal" => "normal".to_owned(),
        "abstain" => "too close to call; a person should look".to_owned(),
        grade => format!("anomalous, severity {grade}"),
    };
    page.paragraph("", &format!("Row {}: {verdict}", page.clean(&finding.name)), tint(finding));
    page.paragraph("", &facts(finding, scores).join(", "), Tint::Plain);
    if !evidence.sentence.is_empty() {
        page.blank();
        page.paragraph("", &page.clean(&evidence.sentence), Tint::Strong);
    }
    columns(&mut page, finding);
    if let Some(change) = &evidence.counterfactual {
        page.blank();
        page.paragraph("", &format!("Normal, with score {}, if", scores.text(change.score)), Tint::Plain);
        let arrow = page.sign("\u{2192}", "->").to_owned();
        for change in &change.changes {
            let (from, to) = (value(&page, &change.from), value(&page, &change.to));
            page.paragraph(
                "  ",
                &format!("{}: {from} {arrow} {to}", page.clean(&change.column)),
                Tint::Plain,
            );
        }
    }
    page.finish()
}

/// A cell's text; a missing one says so.
fn value(page: &Page, text: &str) -> String {
    if text.is_empty() { "(missing)".to_owned() } else { page.clean(text) }
}

fn columns(page: &mut Page, finding: &Finding) {
    let evidence = &finding.evidence;
    if evidence.columns.is_empty() {
        return;
    }
    page.blank();
    let near = evidence.nearest_normal.as_ref();
    let mut heads = vec![
        TableColumn { title: "column", right: false, least: Some(8) },
        TableColumn { title: "this row", right: false, least: Some(8) },
        TableColumn { title: "usual", right: false, least: Some(12) },
    ];
    if near.is_some() {
        heads.push(TableColumn { title: "nearest normal", right: false, least: Some(8) });
    }
    heads.push(TableColumn { title: "share", right: false, least: None });
    let mut rows = Vec::new();
    for (i, column) in evidence.columns.iter().enumerate() {
        let mut cells = vec![
            Cell { text: page.clean(&column.column), tint: Tint::Strong },
            Cell { text: value(page, &column.value), tint: tint(finding) },
            usual(page, column).into(),
        ];
        let beside = near.map(|near| near.values.get(i).map_or(String::new(), |v| value(page, v)));
        cells.extend(beside.map(Cell::from));
        cells.push(format!("{} {}", bar(page, column.share), percent(f64::from(column.share))).into());
        rows.push(cells);
    }
    match table(&heads, &rows, &page.style) {
        Some(lines) if page.style.width >= 56 => page.lines(lines),
        _ => stacked(page, &heads, &rows),
    }
    page.blank();
    if let Some(near) = near {
        page.paragraph("", &format!("Nearest normal row: {}", page.clean(&near.name)), Tint::Plain);
    }
    let how = match evidence.exactness {
        Exactness::Exact => "Shares are the method's own decomposition of the score.",
        Exactness::Ablation => "Shares are what the score loses when the column is made typical.",
    };
    page.paragraph("", how, Tint::Faint);
}

/// For narrow terminals: one line per fact under the column's name.
fn stacked(page: &mut Page, heads: &[TableColumn], rows: &[Vec<Cell>]) {
    for row in rows {
        if let Some(name) = row.first() {
            page.paragraph("", &name.text, Tint::Strong);
        }
        for (head, cell) in heads.iter().zip(row).skip(1) {
            page.paragraph("  ", &format!("{}: {}", head.title, cell.text), cell.tint);
        }
    }
}

fn usual(page: &Page, column: &ColumnEvidence) -> String {
    match &column.expected {
        Expected::Range { low, typical, high, tail } => format!(
            "{} to {}, typically {}; {} are as extreme",
            page.clean(low),
            page.clean(high),
            page.clean(typical),
            percent(*tail)
        ),
        Expected::Levels { common, own } => {
            let levels: Vec<String> = common
                .iter()
                .map(|(level, share)| {
                    format!("{}{}{}", page.clean(level), crate::text::NO_BREAK, percent(*share))
                })
                .collect();
            let own = if *own > 0.0 { percent(*own) } else { "never seen".into() };
            format!("{}; this one {own}", levels.join(", "))
        }
        Expected::Missing { missing } if column.value.is_empty() => {
            format!("a value; only {} lack one", percent(*missing))
        }
        Expected::Missing { missing } => format!("no value; {} lack one", percent(*missing)),
    }
}

/// Ten cells, filled by the share.
fn bar(page: &Page, share: f32) -> String {
    let full = if share.is_finite() { (10.0 * share.clamp(0.0, 1.0)).round() as usize } else { 0 };
    let (on, off) = (page.sign("\u{2588}", "#"), page.sign("\u{2591}", "."));
    on.repeat(full) + &off.repeat(10 - full)
}
