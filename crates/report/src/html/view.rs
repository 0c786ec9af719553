//! The head of the page and the findings, as values for the template.

use anomalyst_core::{
    ColumnEvidence, ColumnProfile, Exactness, Expected, Finding, Interval, Outcome, ProfileValues,
};
use minijinja::Value;
use serde::Serialize;

use super::scores::ScoreChart;
use super::svg;
use crate::terminal::grade;
use crate::text::{ScoreFormat, clean, count, counted, p_value, percent, shorten, source_name};

/// Characters of a value or a name that are shown.
const VALUE_LIMIT: usize = 120;
/// Characters of a sentence that are shown.
const SENTENCE_LIMIT: usize = 500;
/// Columns of a finding that are written out.
const EVIDENCE_COLUMNS: usize = 6;
/// Findings that are open when the page is.
const OPEN: usize = 3;

/// A value or name of the user's, harmless and short.
pub(super) fn text(text: &str) -> String {
    clean(&shorten(text, VALUE_LIMIT, false), false)
}

/// A sentence, harmless and short.
pub(super) fn sentence(text: &str) -> String {
    clean(&shorten(text, SENTENCE_LIMIT, false), false)
}

/// A sentence as HTML, in which what stands between backquotes is code.
pub(super) fn rich(text: &str) -> Value {
    let text = sentence(text);
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backquotes cannot be pairs.
    if parts.len().is_multiple_of(2) {
        return Value::from_safe_string(svg::escape(&text));
    }
    let part = |(i, part): (usize, &&str)| match i % 2 {
        0 => svg::escape(part),
        _ => format!("<code>{}</code>", svg::escape(part)),
    };
    Value::from_safe_string(parts.iter().enumerate().map(part).collect())
}

#[derive(Serialize)]
pub(super) struct PageView {
    title: String,
    read: String,
    lead: Vec<String>,
    tiles: Vec<Tile>,
    chart: Option<Chart>,
    findings: Vec<FindingView>,
    n_hidden: Option<String>,
    grades: Vec<&'static str>,
}

#[derive(Serialize)]
struct Tile {
    value: String,
    label: &'static str,
    note: String,
    odd: bool,
}

#[derive(Serialize)]
struct Chart {
    wide: Value,
    narrow: Value,
    log: bool,
}

#[derive(Serialize)]
struct FindingView {
    rank: usize,
    open: bool,
    name: String,
    grade: &'static str,
    score: String,
    sure: Option<String>,
    sure_label: &'static str,
    facts: Vec<(&'static str, String)>,
    sentence: Value,
    columns: Vec<EvidenceRow>,
    near: Option<String>,
    how: &'static str,
    change: Option<ChangeView>,
}

#[derive(Serialize)]
struct EvidenceRow {
    column: String,
    value: String,
    usual: String,
    note: String,
    picture: Value,
    share: String,
    share_bar: Value,
    near: Option<String>,
}

#[derive(Serialize)]
struct ChangeView {
    cells: Vec<(String, String, String)>,
    score: String,
}

pub(super) fn page(outcome: &Outcome, findings: &[Finding]) -> PageView {
    let scores = ScoreFormat::of(outcome.scores.iter().copied());
    let chart = ScoreChart::new(&outcome.scores, outcome.decision.threshold.value).map(|chart| {
        let label = format!(
            "Histogram of {}; {} above the threshold",
            counted(outcome.scores.len(), "score"),
            count(outcome.decision.n_anomalous)
        );
        Chart {
            wide: Value::from_safe_string(chart.svg(920.0, &label)),
            narrow: Value::from_safe_string(chart.svg(360.0, &label)),
            log: chart.log,
        }
    });
    let view = |(i, f): (usize, &Finding)| finding(i, f, &outcome.profiles, scores);
    let views: Vec<FindingView> = findings.iter().enumerate().map(view).collect();
    let mut grades: Vec<&'static str> = Vec::new();
    views.iter().for_each(|f| {
        if !grades.contains(&f.grade) {
            grades.push(f.grade);
        }
    });
    let hidden = outcome.decision.n_anomalous.saturating_sub(findings.len());
    PageView {
        title: text(&source_name(&outcome.source.paths)),
        read: read(outcome),
        lead: lead(outcome),
        tiles: tiles(outcome),
        chart,
        findings: views,
        n_hidden: (hidden > 0).then(|| count(hidden)),
        grades,
    }
}

fn read(outcome: &Outcome) -> String {
    let source = &outcome.source;
    let mut line = counted(source.n_rows, "row");
    line += &format!(", {} of {} used", source.n_used, counted(source.n_columns, "column"));
    if source.n_bytes > 0 {
        line += &format!(", {}", bytes(source.n_bytes));
    }
    if !source.format.is_empty() {
        line += &format!(" \u{b7} {}", text(&source.format));
    }
    line
}

fn bytes(n: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let power = (n.max(1).ilog10() as usize / 3).min(units.len() - 1);
    let scaled = n as f64 / 1000_f64.powi(power as i32);
    format!("{}\u{a0}{}", crate::text::number(scaled, 3), units[power])
}

fn between(interval: &Interval) -> String {
    format!("between {} and {}", percent(interval.low), percent(interval.high))
}

/// What a reader who reads nothing else should know.
fn lead(outcome: &Outcome) -> Vec<String> {
    let decision = &outcome.decision;
    let n = outcome.scores.len();
    let mut lead = Vec::new();
    let share = percent(decision.n_anomalous as f64 / n.max(1) as f64);
    let mut first = match decision.n_anomalous {
        0 => format!("None of the {} looks out of place.", counted(n, "row")),
        1 => format!("One of the {} looks out of place.", counted(n, "row")),
        flagged => format!("{} of the {} look out of place ({share}).", count(flagged), counted(n, "row")),
    };
    match decision.n_abstain {
        0 => {}
        1 => first += " One more is too close to call, and a person should look at it.",
        more => {
            first +=
                &format!(" {} more are too close to call, and a person should look at them.", count(more))
        }
    }
    lead.push(first);
    if let Some(share) = &decision.contamination {
        lead.push(format!(
            "The data suggest that {} of the rows are anomalies; with {} probability the true share lies {}.",
            percent(share.mean),
            percent(share.level),
            between(share)
        ));
    }
    if let Some(rate) = &decision.threshold.expected_alert_rate {
        lead.push(format!(
            "About {} {} would be flagged (with {} probability {}).",
            percent(rate.mean),
            decision.alert_rate_meaning,
            percent(rate.level),
            between(rate)
        ));
    }
    lead.extend(culprits(&outcome.findings));
    lead
}

/// Which columns most often led.
fn culprits(findings: &[Finding]) -> Option<String> {
    let mut columns: Vec<(&str, usize)> = Vec::new();
    for first in findings.iter().filter_map(|f| f.evidence.columns.first()) {
        match columns.iter_mut().find(|(name, _)| *name == first.column) {
            Some((_, times)) => *times += 1,
            None => columns.push((&first.column, 1)),
        }
    }
    columns.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    let named: Vec<String> =
        columns.iter().take(3).map(|(name, times)| format!("{} ({times})", text(name))).collect();
    (findings.len() > 1 && !named.is_empty())
        .then(|| format!("The columns that most often made a row odd: {}.", named.join(", ")))
}

fn tiles(outcome: &Outcome) -> Vec<Tile> {
    let decision = &outcome.decision;
    let n = outcome.scores.len();
    let share = decision.n_anomalous as f64 / n.max(1) as f64;
    let mut tiles = vec![
        Tile {
            value: count(n),
            label: "rows judged",
            note: format!(
                "{} of {} used",
                outcome.source.n_used,
                counted(outcome.source.n_columns, "column")
            ),
            odd: false,
        },
        Tile {
            value: count(decision.n_anomalous),
            label: "flagged",
            note: format!("{} of the rows", percent(share)),
            odd: decision.n_anomalous > 0,
        },
        Tile {
            value: count(decision.n_abstain),
            label: "for a person to judge",
            note: "too close to call".into(),
            odd: false,
        },
    ];
    tiles.extend(decision.contamination.as_ref().map(|share| Tile {
        value: percent(share.mean),
        label: "estimated anomalies",
        note: format!(
            "{} to {} with {} probability",
            percent(share.low),
            percent(share.high),
            percent(share.level)
        ),
        odd: false,
    }));
    tiles
}

fn finding(i: usize, finding: &Finding, profiles: &[ColumnProfile], scores: ScoreFormat) -> FindingView {
    let evidence = &finding.evidence;
    let mut facts = vec![("score", scores.text(finding.score))];
    facts.extend(finding.probability.map(|p| ("probability", percent(p))));
    facts.extend(finding.p_value.map(|p| ("p-value", p_value(p))));
    facts.extend(finding.confidence.map(|c| ("confidence", percent(c))));
    let near = evidence.nearest_normal.as_ref();
    let columns = evidence.columns.iter().take(EVIDENCE_COLUMNS).enumerate().map(|(j, column)| {
        let beside = near.map(|near| near.values.get(j).map_or(String::new(), |v| cell(v)));
        evidence_row(column, beside, profiles)
    });
    let (sure_label, sure) = match (finding.probability, finding.p_value) {
        (Some(p), _) => ("probability", Some(percent(p))),
        (None, Some(p)) => ("p-value", Some(p_value(p))),
        (None, None) => ("", None),
    };
    FindingView {
        rank: i + 1,
        open: i < OPEN,
        name: text(&finding.name),
        grade: grade(finding),
        score: scores.text(finding.score),
        sure,
        sure_label,
        facts,
        sentence: rich(&evidence.sentence),
        columns: columns.collect(),
        near: near.map(|near| text(&near.name)),
        how: match evidence.exactness {
            Exactness::Exact => "Shares are the method\u{2019}s own decomposition of the score.",
            Exactness::Ablation => "Shares are what the score loses when a column is made typical.",
        },
        change: evidence.counterfactual.as_ref().map(|change| ChangeView {
            cells: change.changes.iter().map(|c| (text(&c.column), cell(&c.from), cell(&c.to))).collect(),
            score: scores.text(change.score),
        }),
    }
}

fn cell(value: &str) -> String {
    if value.is_empty() { "missing".into() } else { text(value) }
}

fn evidence_row(column: &ColumnEvidence, near: Option<String>, profiles: &[ColumnProfile]) -> EvidenceRow {
    let (usual, note, picture) = match &column.expected {
        Expected::Range { low, typical, high, tail } => {
            let note = format!("typically {}; {} as extreme", text(typical), percent(*tail));
            (format!("{} to {}", text(low), text(high)), note, range_picture(column, profiles))
        }
        Expected::Levels { common, own } => {
            let levels: Vec<String> = common
                .iter()
                .take(3)
                .map(|(level, share)| format!("{}\u{a0}{}", text(level), percent(*share)))
                .collect();
            let note = if *own > 0.0 {
                format!("this one: {}", percent(*own))
            } else {
                "this one: never seen".into()
            };
            (levels.join(", "), note, svg::level_bar(common, &column.value, *own))
        }
        Expected::Missing { missing } => {
            let usual = if column.value.is_empty() { "a value" } else { "no value" };
            (
                usual.to_owned(),
                format!("missing in {} of rows", percent(*missing)),
                svg::share(*missing, "od"),
            )
        }
    };
    let share = f64::from(column.share);
    EvidenceRow {
        column: text(&column.column),
        value: cell(&column.value),
        usual,
        note,
        picture: Value::from_safe_string(picture),
        share: percent(share),
        share_bar: Value::from_safe_string(svg::share(share, "od")),
        near,
    }
}

/// The profile has the numbers behind the texts; where it is lacking, the texts are read.
fn range_picture(column: &ColumnEvidence, profiles: &[ColumnProfile]) -> String {
    let Expected::Range { low, typical, high, .. } = &column.expected else { return String::new() };
    let profile = profiles.iter().find(|p| p.name == column.column).map(|p| &p.values);
    let bounds = match profile {
        Some(ProfileValues::Numbers { low, median, high, .. }) => Some((*low, *median, *high)),
        _ => None,
    };
    let read = || Some((svg::value_of(low)?, svg::value_of(typical)?, svg::value_of(high)?));
    match bounds.filter(|b| b.0.is_finite() && b.1.is_finite() && b.2.is_finite()).or_else(read) {
        Some((low, typical, high)) => svg::range(low, typical, high, svg::value_of(&column.value)),
        None => String::new(),
    }
}
