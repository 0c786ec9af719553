//! One thing that was found, with what is to be said about it, as HTML text.

use std::fmt::Write as _;

use super::Card;
use super::page::block_html;
use crate::html::svg::escape;

/// The card; its anchor is what links lead to.
pub(super) fn card(card: &Card) -> String {
    let mut html =
        format!("<article class=\"card\" id=\"{}\"><h3>{}", escape(&card.anchor), escape(&card.title));
    if !card.grade.is_empty() {
        let grade = escape(&card.grade);
        let _ = write!(html, " <span class=\"chip {grade}\">{grade}</span>");
    }
    html.push_str("</h3>\n");
    for (class, text) in [("note", &card.note), ("sentence", &card.sentence)] {
        if !text.is_empty() {
            let _ = writeln!(html, "<p class=\"{class}\">{}</p>", escape(text));
        }
    }
    card.blocks.iter().for_each(|block| html.push_str(&block_html(block)));
    if !card.facts.is_empty() {
        html.push_str("<dl class=\"facts\">");
        for (name, texts) in &card.facts {
            let text = |(text, target): &(String, String)| match target.as_str() {
                "" => escape(text),
                target => format!("<a href=\"#{}\">{}</a>", escape(target), escape(text)),
            };
            let texts: Vec<String> = texts.iter().map(text).collect();
            let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), texts.join("; "));
        }
        html.push_str("</dl>\n");
    }
    html + "</article>\n"
}
