//! The columns, the quality of the data, the method, and how to reproduce it, as values for the template.

use anomalyst_core::{ColumnKind, ColumnProfile, Finding, NoticeKind, Outcome, ProfileValues};
use minijinja::Value;
use serde::Serialize;

use super::svg;
use super::view::{rich, sentence, text};
use crate::text::{ScoreFormat, count, number, percent};

/// Columns with a picture.
const MAX_PROFILES: usize = 48;
/// Entries of any other list.
const MAX_ENTRIES: usize = 100;
/// Levels of a column that are shown.
const MAX_LEVELS: usize = 6;

/// What a list had to leave out, as text for the reader.
fn more(total: usize, shown: usize) -> Option<String> {
    (total > shown).then(|| count(total - shown))
}

fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "number",
        ColumnKind::Category => "category",
        ColumnKind::Boolean => "yes or no",
        ColumnKind::Timestamp => "time",
        ColumnKind::Identifier => "identifier",
        ColumnKind::Text => "text",
    }
}

#[derive(Serialize)]
pub(super) struct Profiles {
    columns: Vec<ProfileView>,
    more: Option<String>,
}

#[derive(Serialize)]
struct ProfileView {
    name: String,
    kind: &'static str,
    note: String,
    picture: Value,
    ends: Option<(String, String)>,
    facts: Vec<(&'static str, String)>,
    levels: Vec<LevelView>,
    other: Option<String>,
}

#[derive(Serialize)]
struct LevelView {
    level: String,
    bar: Value,
    rows: String,
    odd: Option<String>,
}

/// The columns that took part, those that made rows odd first.
pub(super) fn profiles(outcome: &Outcome, findings: &[Finding]) -> Profiles {
    let weight = |profile: &ColumnProfile| -> f32 {
        let shares = findings.iter().flat_map(|f| &f.evidence.columns).filter(|c| c.column == profile.name);
        shares.map(|c| c.share).filter(|s| s.is_finite()).sum()
    };
    let used = outcome.profiles.iter().filter(|p| p.used && !matches!(p.values, ProfileValues::Nothing));
    let mut used: Vec<(f32, &ColumnProfile)> = used.map(|p| (weight(p), p)).collect();
    used.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total = used.len();
    used.truncate(MAX_PROFILES);
    let columns: Vec<ProfileView> = used.iter().map(|(_, p)| profile(p, outcome.source.n_rows)).collect();
    Profiles { more: more(total, columns.len()), columns }
}

fn profile(profile: &ColumnProfile, n_rows: usize) -> ProfileView {
    let mut note = format!("{} different", count(profile.n_distinct));
    if profile.n_missing > 0 {
        note += &format!(", {} missing", percent(profile.n_missing as f64 / n_rows.max(1) as f64));
    }
    let mut view = ProfileView {
        name: text(&profile.name),
        kind: kind_name(profile.kind),
        note,
        picture: Value::from(""),
        ends: None,
        facts: Vec::new(),
        levels: Vec::new(),
        other: None,
    };
    match &profile.values {
        ProfileValues::Numbers { min, low, median, high, max, bin_counts, odd, .. } => {
            let said = |v: f64| svg::value_text(profile.kind, v, max - min);
            let picture = svg::histogram(bin_counts, (*min, *max), (*low, *high), odd);
            view.picture = Value::from_safe_string(picture);
            view.ends = Some((said(*min), said(*max)));
            view.facts =
                vec![("usual", format!("{} to {}", said(*low), said(*high))), ("median", said(*median))];
        }
        ProfileValues::Levels { common, n_other } => {
            let most = common.iter().map(|l| l.n_rows).max().unwrap_or(1);
            // Rare levels of flagged rows are what the reader looks for, so they stay when the list is cut.
            let mut shown: Vec<usize> = (0..common.len()).collect();
            shown.sort_by_key(|&i| (i >= 3 && common[i].n_odd == 0, i));
            shown.truncate(MAX_LEVELS);
            shown.sort_unstable();
            let rest: usize =
                (0..common.len()).filter(|i| !shown.contains(i)).map(|i| common[i].n_rows).sum();
            let level = |&i: &usize| LevelView {
                level: text(&common[i].level),
                bar: Value::from_safe_string(svg::level_row(&common[i], most)),
                rows: count(common[i].n_rows),
                odd: (common[i].n_odd > 0).then(|| count(common[i].n_odd)),
            };
            view.levels = shown.iter().map(level).collect();
            view.other = Some(rest + n_other).filter(|&n| n > 0).map(count);
        }
        ProfileValues::Nothing => {}
    }
    view
}

#[derive(Serialize)]
pub(super) struct Quality {
    missing: Vec<(String, &'static str, String, String, Value)>,
    more_missing: Option<String>,
    complete: bool,
    left_out: Vec<(String, &'static str, Value)>,
    more_left_out: Option<String>,
    notices: Vec<NoticeView>,
    more_notices: Option<String>,
}

#[derive(Serialize)]
struct NoticeView {
    handled: bool,
    column: Option<String>,
    message: Value,
}

/// What is missing, what was left out and why, and everything that was noticed.
pub(super) fn quality(outcome: &Outcome) -> Quality {
    let n_rows = outcome.source.n_rows.max(1);
    let mut missing: Vec<&ColumnProfile> = outcome.profiles.iter().filter(|p| p.n_missing > 0).collect();
    missing.sort_by_key(|p| std::cmp::Reverse(p.n_missing));
    let left_out: Vec<&ColumnProfile> = outcome.profiles.iter().filter(|p| !p.used).collect();
    let missing_row = |p: &&ColumnProfile| {
        let share = p.n_missing as f64 / n_rows as f64;
        let bar = Value::from_safe_string(svg::share(share, "us"));
        (text(&p.name), kind_name(p.kind), count(p.n_missing), percent(share), bar)
    };
    let notices = outcome.notices.iter().take(MAX_ENTRIES).map(|n| NoticeView {
        handled: n.kind == NoticeKind::Handled,
        column: n.column.as_deref().map(text),
        message: rich(&n.message),
    });
    Quality {
        missing: missing.iter().take(MAX_ENTRIES).map(missing_row).collect(),
        more_missing: more(missing.len(), MAX_ENTRIES),
        complete: missing.is_empty() && !outcome.profiles.is_empty(),
        left_out: left_out
            .iter()
            .take(MAX_ENTRIES)
            .map(|p| (text(&p.name), kind_name(p.kind), rich(&p.why_not)))
            .collect(),
        more_left_out: more(left_out.len(), MAX_ENTRIES),
        notices: notices.collect(),
        more_notices: more(outcome.notices.len(), MAX_ENTRIES),
    }
}

#[derive(Serialize)]
pub(super) struct Method {
    title: String,
    id: String,
    why: String,
    members: Vec<MemberView>,
    threshold: String,
    threshold_name: String,
    meanings: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct MemberView {
    title: String,
    id: String,
    weight: String,
    params: Vec<(String, String)>,
}

/// What looked at the data and how its scores became verdicts.
pub(super) fn method(outcome: &Outcome) -> Method {
    let (method, decision) = (&outcome.method, &outcome.decision);
    let params = |value: &serde_json::Value| -> Vec<(String, String)> {
        let entries = value.as_object().into_iter().flatten();
        entries.take(MAX_ENTRIES).map(|(key, value)| (text(key), text(&plain(value)))).collect()
    };
    let members = method.members.iter().take(MAX_ENTRIES).map(|m| MemberView {
        title: text(&m.title),
        id: text(&m.id),
        weight: number(m.weight, 3),
        params: params(&m.params),
    });
    let mut meanings = vec![(
        "Score",
        "How little a row fits the others; higher is odder. It orders rows and is no probability.".to_owned(),
    )];
    if !decision.p_value_meaning.is_empty() {
        meanings.push(("p-value", sentence(&decision.p_value_meaning)));
    }
    if !decision.probability_meaning.is_empty() {
        meanings.push(("Probability", sentence(&decision.probability_meaning)));
    }
    if outcome.decisions.confidence.is_some() {
        let meaning =
            "Probability that the verdict would stay the same had other data of the kind been seen.";
        meanings.push(("Confidence", meaning.to_owned()));
    }
    if let Some(abstention) = &decision.abstention {
        let [false_alarm, miss, look] = abstention.costs;
        let meaning = format!(
            "{} of such rows are expected to be left to a person (at most {} with 95 % probability). Where a false alarm costs {false_alarm}, a miss {miss} and a look {look}, the expected cost per row is at most {:.3}.",
            percent(abstention.rate),
            percent(abstention.rate_bound),
            abstention.cost_bound
        );
        meanings.push(("Withheld", meaning));
    }
    meanings.push((
        "Severity",
        "How far beyond the threshold a flagged row lies, from low to critical.".to_owned(),
    ));
    Method {
        title: text(&method.title),
        id: text(&method.id),
        why: sentence(&method.why),
        members: members.collect(),
        threshold: ScoreFormat::of(outcome.scores.iter().copied()).text(decision.threshold.value),
        threshold_name: text(&decision.threshold.name),
        meanings,
    }
}

/// A parameter as it would be typed.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[derive(Serialize)]
pub(super) struct ReproduceView {
    version: String,
    command: String,
    seed: String,
    recipe: String,
    inputs: Vec<(String, String)>,
    more_inputs: Option<String>,
    timing: Vec<(String, String, Value)>,
    total: String,
}

/// How to get the same result again.
pub(super) fn reproduce(outcome: &Outcome) -> ReproduceView {
    let reproduce = &outcome.reproduce;
    let total: f64 = outcome.timing.iter().map(|t| t.secs).sum();
    let timing = outcome.timing.iter().take(MAX_ENTRIES).map(|t| {
        let share = if total > 0.0 { t.secs / total } else { 0.0 };
        (text(&t.stage), seconds(t.secs), Value::from_safe_string(svg::share(share, "us")))
    });
    ReproduceView {
        version: text(&reproduce.version),
        // Command and recipe are copied by readers, so they are never cut.
        command: crate::text::clean(&reproduce.command, false),
        seed: reproduce.seed.to_string(),
        recipe: reproduce.recipe.lines().map(|line| crate::text::clean(line, false) + "\n").collect(),
        inputs: reproduce
            .inputs
            .iter()
            .take(MAX_ENTRIES)
            .map(|(path, hash)| (text(path), text(hash)))
            .collect(),
        more_inputs: more(reproduce.inputs.len(), MAX_ENTRIES),
        timing: timing.collect(),
        total: seconds(total),
    }
}

fn seconds(secs: f64) -> String {
    if secs < 1.0 {
        format!("{}\u{a0}ms", number(1000.0 * secs, 3))
    } else {
        format!("{}\u{a0}s", number(secs, 3))
    }
}
