//! A document as text; charts are left to the page.

use super::{Block, Document, Grid};
use crate::Terminal;
use crate::layout::{Cell, TableColumn, Tint, table};
use crate::terminal::Page;

/// Narrowest a column of text becomes.
const LEAST: usize = 8;

/// Everything in `document` that text can show; no line is wider than `style.width`.
pub fn document_text(document: &Document, style: &Terminal) -> String {
    let mut page = Page::new(style);
    if !document.lead.is_empty() {
        page.paragraph("", &page.clean(&document.lead), Tint::Plain);
    }
    for section in &document.sections {
        page.blank();
        if !section.title.is_empty() {
            page.paragraph("", &page.clean(&section.title), Tint::Strong);
        }
        section.blocks.iter().for_each(|block| add(&mut page, block));
    }
    page.finish()
}

fn add(page: &mut Page, block: &Block) {
    match block {
        Block::Text(text) => page.paragraph("", &page.clean(text), Tint::Plain),
        Block::Grid(grid) => lay_out(page, grid),
        Block::Listing(listing) => lay_out(page, &listing.grid),
        Block::Card(card) => {
            page.paragraph("", &page.clean(&card.title), Tint::Strong);
            page.paragraph("", &page.clean(&card.note), Tint::Faint);
            page.paragraph("", &page.clean(&card.sentence), Tint::Plain);
            card.blocks.iter().for_each(|block| add(page, block));
            for (name, texts) in &card.facts {
                let texts: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
                page.paragraph("", &page.clean(&format!("{name}: {}", texts.join("; "))), Tint::Plain);
            }
        }
        Block::Chart(_) | Block::Ranks(_) | Block::Strip(_) | Block::Heat(_) => {}
    }
}

fn lay_out(page: &mut Page, grid: &Grid) {
    let columns: Vec<TableColumn<'_>> = grid
        .columns
        .iter()
        .map(|(title, is_number)| TableColumn {
            title,
            right: *is_number,
            least: (!is_number).then_some(LEAST),
        })
        .collect();
    let rows: Vec<Vec<Cell>> =
        grid.rows.iter().map(|row| row.iter().map(|text| Cell::from(page.clean(text))).collect()).collect();
    if let Some(lines) = table(&columns, &rows, &page.style) {
        page.lines(lines);
        return;
    }
    // Too narrow for a table: each row becomes a list of what its cells are.
    for row in &rows {
        for ((title, _), cell) in grid.columns.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
            page.paragraph("  ", &format!("{title} {}", cell.text), Tint::Plain);
        }
        page.blank();
    }
}
