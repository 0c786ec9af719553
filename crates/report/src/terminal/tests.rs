//! What the terminal shows at several widths.

use super::*;
use crate::fixture::outcome;
use crate::{explanation, fixture};

fn style(width: usize) -> Terminal {
    Terminal { width, ..Terminal::default() }
}

/// Lines without colour codes.
fn bare(text: &str) -> Vec<String> {
    let mut out = String::new();
    let mut code = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => code = true,
            'm' if code => code = false,
            _ if code => {}
            c => out.push(c),
        }
    }
    out.lines().map(str::to_owned).collect()
}

#[test]
fn eighty_columns() {
    insta::assert_snapshot!(terminal(&outcome(), &style(80)));
}

#[test]
fn forty_columns_of_ascii() {
    insta::assert_snapshot!(terminal(&outcome(), &Terminal { unicode: false, top: 3, ..style(40) }));
}

#[test]
fn nothing_found() {
    let mut outcome = fixture::outcome_of(50);
    outcome.findings.clear();
    outcome.notices.clear();
    outcome.decision.n_anomalous = 0;
    outcome.decision.n_abstain = 0;
    outcome.decision.contamination = None;
    insta::assert_snapshot!(terminal(&outcome, &style(80)));
}

#[test]
fn one_item_explained() {
    insta::assert_snapshot!(explanation(&outcome().findings[0], &style(80)));
}

#[test]
fn one_item_explained_in_forty_columns() {
    insta::assert_snapshot!(explanation(&outcome().findings[1], &Terminal { unicode: false, ..style(40) }));
}

/// Also with names that are wide, long, or would act on the terminal.
#[test]
fn no_line_is_ever_wider_than_the_terminal() {
    let mut outcome = outcome();
    outcome.findings[1].name = "注文番号".repeat(30);
    outcome.findings[2].name = "x".repeat(5000);
    outcome.findings[3].name = "a\u{1b}[31m\n\tb \u{2764}\u{fe0f}\u{2764}\u{fe0f}".into();
    outcome.findings[2].evidence.sentence = "long".repeat(300);
    outcome.findings[2].evidence.columns[0].column = "column".repeat(40);
    outcome.source.paths = vec!["/a/very/long/path/".repeat(20)];
    for width in (0..140).chain([400]) {
        for (color, unicode) in [(false, true), (true, true), (true, false)] {
            let style = Terminal { width, color, unicode, top: 12 };
            let mut text = terminal(&outcome, &style);
            outcome.findings[..4].iter().for_each(|finding| text += &explanation(finding, &style));
            for line in bare(&text) {
                let cells = unicode_width::UnicodeWidthStr::width(line.as_str());
                assert!(cells <= width.max(8), "{cells} cells at width {width}: {line:?}");
                assert!(unicode || line.is_ascii(), "{line:?}");
                assert_eq!(line.trim_end(), line);
            }
            if !color {
                assert!(!text.contains('\u{1b}'));
            }
        }
    }
}

#[test]
fn colours_only_where_asked_for_and_they_change_no_text() {
    let outcome = outcome();
    let plain = terminal(&outcome, &style(80));
    let colored = terminal(&outcome, &Terminal { color: true, ..style(80) });
    assert!(!plain.contains('\u{1b}') && colored.contains("\u{1b}[1;31mcritical\u{1b}[0m"));
    assert_eq!(bare(&colored), bare(&plain));
}

#[test]
fn an_empty_outcome_is_shown_without_a_fuss() {
    let text = terminal(&Outcome::default(), &style(80));
    assert!(text.contains("No row is flagged."), "{text}");
}
