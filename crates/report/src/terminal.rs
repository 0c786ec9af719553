//! What `scan` prints: what was read, how it was judged, the top findings, and where to go on.

use anomalyst_core::{Finding, Interval, MethodSummary, NoticeKind, Outcome, SourceSummary, Verdict};

use crate::layout::{Cell, TableColumn, Tint, table, width, wrap};
use crate::text::{ScoreFormat, clean, counted, p_value, percent, shorten, source_name};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Cells in a line; fewer than 8 are taken for 8.
    pub width: usize,
    /// Whether ANSI colours are wanted.
    pub color: bool,
    /// Whether characters beyond ASCII can be shown; where not, the user's own are written as escapes.
    pub unicode: bool,
    /// How many findings are listed.
    pub top: usize,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { width: 80, color: false, unicode: true, top: 10 }
    }
}

/// Notices that are written out before the rest is counted.
const SHOWN_NOTICES: usize = 6;

/// Thresholds from here on are what a decision means by "nothing".
const NEVER: f32 = 1e37;

/// Characters of a sentence or name that are shown.
const TEXT_LIMIT: usize = 600;

/// Everything there is to print about `outcome`; no line is wider than `style.width`.
pub fn terminal(outcome: &Outcome, style: &Terminal) -> String {
    heading(&outcome.source, style) + &verdicts(outcome, style)
}

/// What was read: can be printed before the work begins.
pub fn heading(source: &SourceSummary, style: &Terminal) -> String {
    let mut page = Page::new(style);
    source_line(&mut page, source);
    page.finish()
}

/// What came out: everything below the heading.
pub fn verdicts(outcome: &Outcome, style: &Terminal) -> String {
    let mut page = Page::new(style);
    method(&mut page, &outcome.method);
    decision(&mut page, outcome);
    if outcome.is_series {
        crate::series::events(&mut page, outcome);
    } else {
        findings(&mut page, outcome);
    }
    notices(&mut page, outcome);
    hints(&mut page, outcome);
    page.finish()
}

/// Lines under construction.
pub(crate) struct Page {
    pub(crate) style: Terminal,
    lines: Vec<String>,
}

impl Page {
    pub(crate) fn new(style: &Terminal) -> Self {
        Self { style: Terminal { width: style.width.max(8), ..*style }, lines: Vec::new() }
    }

    /// The user's text, made harmless and of bounded length.
    pub(crate) fn clean(&self, text: &str) -> String {
        clean(&shorten(text, TEXT_LIMIT, !self.style.unicode), !self.style.unicode)
    }

    /// `text` over as many lines as it takes; the first begins with `lead`, the others are indented by as much.
    pub(crate) fn paragraph(&mut self, lead: &str, text: &str, tint: Tint) {
        let indent = if width(lead) + 8 > self.style.width { 0 } else { width(lead) };
        let lead = if indent == 0 { "" } else { lead };
        for (i, line) in wrap(text, self.style.width - indent).into_iter().enumerate() {
            let before = if i == 0 { lead.to_owned() } else { " ".repeat(indent) };
            self.lines.push(before + &tint.paint(&line, self.style.color));
        }
    }

    pub(crate) fn lines(&mut self, lines: Vec<String>) {
        self.lines.extend(lines);
    }

    pub(crate) fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    pub(crate) fn finish(mut self) -> String {
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The sign where the terminal can show it, its stand-in where not.
    pub(crate) fn sign<'a>(&self, sign: &'a str, ascii: &'a str) -> &'a str {
        if self.style.unicode { sign } else { ascii }
    }
}

/// The colour of a finding.
pub(crate) fn tint(finding: &Finding) -> Tint {
    if finding.verdict == Verdict::Abstain { Tint::Low } else { Tint::of(finding.severity) }
}

/// Severity where flagged, the verdict otherwise.
pub(crate) fn grade(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Anomalous => finding.severity.as_str(),
        other => other.as_str(),
    }
}

fn source_line(page: &mut Page, source: &SourceSummary) {
    let mut line = format!(
        "{}: {}, {} of {} used",
        page.clean(&source_name(&source.paths)),
        counted(source.n_rows, "row"),
        source.n_used,
        counted(source.n_columns, "column"),
    );
    if !source.format.is_empty() {
        line += &format!(" ({})", page.clean(&source.format));
    }
    page.paragraph("", &line, Tint::Strong);
}

fn method(page: &mut Page, method: &MethodSummary) {
    let title = if method.title.is_empty() { &method.id } else { &method.title };
    let line = match (title.is_empty(), method.why.is_empty()) {
        (true, _) => return,
        (false, true) => page.clean(title),
        (false, false) => format!("{}: {}", page.clean(title), page.clean(&method.why)),
    };
    page.paragraph("", &line, Tint::Plain);
}

/// `0.7 % of rows (90 % sure: 0.4 % to 1.1 %)`, with the noun in between.
fn with_interval(interval: &Interval, noun: &str) -> String {
    format!(
        "{} {noun} ({} sure: {} to {})",
        percent(interval.mean),
        percent(interval.level),
        percent(interval.low),
        percent(interval.high)
    )
}

fn decision(page: &mut Page, outcome: &Outcome) {
    let decision = &outcome.decision;
    let n = outcome.scores.len();
    let scores = ScoreFormat::of(outcome.scores.iter().copied());
    page.blank();
    let share = decision.n_anomalous as f64 / n.max(1) as f64;
    let item = if outcome.is_series { "point" } else { "row" };
    let mut line = match decision.n_anomalous {
        0 => format!("No {item} is flagged"),
        flagged if outcome.is_series => {
            let events = counted(outcome.n_events, "event");
            format!("{events} of {} ({})", counted(flagged, item), percent(share))
        }
        flagged => {
            let verb = if flagged == 1 { "is" } else { "are" };
            format!("{} {verb} flagged ({})", counted(flagged, "row"), percent(share))
        }
    };
    if decision.n_abstain > 0 {
        line += &format!(", {} left for you to judge", decision.n_abstain);
    }
    let tone = if decision.n_anomalous > 0 { Tint::High } else { Tint::Strong };
    page.paragraph("", &format!("{line}."), tone);
    let threshold = &decision.threshold;
    let by =
        if threshold.name.is_empty() { String::new() } else { format!(" ({})", page.clean(&threshold.name)) };
    let rule = match threshold.value {
        value if value < NEVER => format!("A score above {} is flagged{by}.", scores.text(value)),
        _ => format!("No score would be flagged{by}."),
    };
    page.paragraph("", &rule, Tint::Plain);
    if let Some(share) = &decision.contamination {
        let line = format!("Estimated anomalies: {}.", with_interval(share, "of the rows"));
        page.paragraph("", &line, Tint::Plain);
    }
    if let Some(rate) = &threshold.expected_alert_rate {
        let line = format!("Expected alerts: {}.", with_interval(rate, &decision.alert_rate_meaning));
        page.paragraph("", &line, Tint::Plain);
    }
}

/// The column of how sure the decision is: probabilities where there are any, p-values otherwise.
fn surety(findings: &[Finding]) -> Option<&'static str> {
    if findings.iter().any(|f| f.probability.is_some()) {
        Some("probability")
    } else if findings.iter().any(|f| f.p_value.is_some()) {
        Some("p-value")
    } else {
        None
    }
}

fn surety_text(finding: &Finding, kind: &str) -> String {
    match kind {
        "probability" => finding.probability.map(percent),
        _ => finding.p_value.map(p_value),
    }
    .unwrap_or_default()
}

fn findings(page: &mut Page, outcome: &Outcome) {
    let shown = &outcome.findings[..outcome.findings.len().min(page.style.top)];
    if shown.is_empty() {
        return;
    }
    page.blank();
    let scores = ScoreFormat::of(shown.iter().map(|f| f.score));
    // Below this width the reasons would stand in a column of single words.
    let lines = if page.style.width < 60 { None } else { finding_table(page, shown, scores) };
    match lines {
        Some(lines) => page.lines(lines),
        None => shown.iter().for_each(|finding| finding_block(page, finding, scores)),
    }
    let more = outcome.decision.n_anomalous.saturating_sub(shown.len());
    if more > 0 {
        page.blank();
        page.paragraph("", &format!("... and {} flagged; --out lists all.", counted_more(more)), Tint::Faint);
    }
}

fn counted_more(n: usize) -> String {
    format!("{} more", crate::text::count(n))
}

fn finding_table(page: &Page, shown: &[Finding], scores: ScoreFormat) -> Option<Vec<String>> {
    let surety = surety(shown);
    let confident = shown.iter().any(|f| f.confidence.is_some());
    let mut columns = vec![
        TableColumn { title: "row", right: false, least: Some(8) },
        TableColumn { title: "score", right: true, least: None },
    ];
    if let Some(title) = surety {
        let title = if title == "probability" { "prob." } else { title };
        columns.push(TableColumn { title, right: true, least: None });
    }
    if confident {
        columns.push(TableColumn { title: "conf.", right: true, least: None });
    }
    columns.push(TableColumn { title: "severity", right: false, least: None });
    columns.push(TableColumn { title: "why", right: false, least: Some(24) });
    let row = |finding: &Finding| {
        let mut cells = vec![
            Cell { text: page.clean(&finding.name), tint: Tint::Strong },
            scores.text(finding.score).into(),
        ];
        cells.extend(surety.map(|kind| surety_text(finding, kind).into()));
        if confident {
            cells.push(finding.confidence.map(percent).unwrap_or_default().into());
        }
        cells.push(Cell { text: grade(finding).into(), tint: tint(finding) });
        cells.push(page.clean(&finding.evidence.sentence).into());
        cells
    };
    let rows: Vec<Vec<Cell>> = shown.iter().map(row).collect();
    table(&columns, &rows, &page.style)
}

/// The form for narrow terminals: a line of facts, then the sentence.
fn finding_block(page: &mut Page, finding: &Finding, scores: ScoreFormat) {
    page.paragraph("", &format!("row {}: {}", page.clean(&finding.name), grade(finding)), tint(finding));
    page.paragraph("  ", &facts(finding, scores).join(", "), Tint::Faint);
    page.paragraph("  ", &page.clean(&finding.evidence.sentence), Tint::Plain);
    page.blank();
}

/// Score, p-value, probability and confidence, as far as there are any.
pub(crate) fn facts(finding: &Finding, scores: ScoreFormat) -> Vec<String> {
    let no_break = crate::text::NO_BREAK;
    let mut facts = vec![format!("score{no_break}{}", scores.text(finding.score))];
    facts.extend(finding.probability.map(|p| format!("probability{no_break}{}", percent(p))));
    facts.extend(finding.p_value.map(|p| format!("p-value{no_break}{}", p_value(p))));
    facts.extend(finding.confidence.map(|c| format!("confidence{no_break}{}", percent(c))));
    facts
}

fn notices(page: &mut Page, outcome: &Outcome) {
    if outcome.notices.is_empty() {
        return;
    }
    page.blank();
    let handled = |kind: NoticeKind| outcome.notices.iter().filter(move |n| n.kind == kind);
    // What was changed comes before what only informs.
    let ordered = handled(NoticeKind::Handled).chain(handled(NoticeKind::Info));
    for notice in ordered.take(SHOWN_NOTICES) {
        let lead = match notice.kind {
            NoticeKind::Handled => "! ",
            NoticeKind::Info => page.sign("\u{b7} ", "- "),
        };
        let text = match &notice.column {
            Some(column) => format!("{}: {}", page.clean(column), page.clean(&notice.message)),
            None => page.clean(&notice.message),
        };
        page.paragraph(lead, &text, Tint::Plain);
    }
    if let Some(more) = outcome.notices.len().checked_sub(SHOWN_NOTICES).filter(|&more| more > 0) {
        page.paragraph("  ", &format!("and {} in --json and the report", counted_more(more)), Tint::Faint);
    }
}

fn hints(page: &mut Page, outcome: &Outcome) {
    page.blank();
    page.paragraph("", "A page to read or send on: --report report.html", Tint::Faint);
    if let Some(first) = outcome.findings.first() {
        let line = format!("One row in full: anomalyst explain ... --item {}", page.clean(&first.name));
        page.paragraph("", &line, Tint::Faint);
    }
}

#[cfg(test)]
mod tests;
