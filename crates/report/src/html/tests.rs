//! The page is whole, closed and safe, whatever the outcome holds.

use std::collections::BTreeSet;
use std::fs;

use anomalyst_core::{Expected, ProfileValues, RowMap};

use super::*;
use crate::fixture;

/// Tags that stand open at the end or are closed without having been opened.
fn unbalanced(html: &str) -> Vec<String> {
    const VOID: [&str; 13] = [
        "!doctype", "meta", "input", "br", "path", "rect", "circle", "hr", "img", "line", "li", "link",
        "option",
    ];
    let body = html.split("</script>").next().unwrap();
    let (before, script) = body.split_once("<script>").unwrap();
    assert_eq!(script, SCRIPT);
    let text = before.replace(STYLE, "");
    let mut open: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name: String = tag.chars().take_while(|c| !c.is_whitespace() && *c != '/' || *c == '!').collect();
        if let Some(closed) = tag.strip_prefix('/') {
            if VOID.contains(&closed) {
                continue;
            }
            if open.pop().as_deref() != Some(closed) {
                wrong.push(tag.to_owned());
            }
        } else if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    // Body and html are closed after the script, which is cut off above.
    assert_eq!(open, ["html", "body"], "{wrong:?}");
    wrong
}

/// Tag names of a page, each once.
fn tags(html: &str) -> BTreeSet<String> {
    html.split('<')
        .skip(1)
        .map(|t| t.chars().take_while(|c| c.is_ascii_alphanumeric()).collect::<String>())
        .collect()
}

#[test]
fn the_page_is_whole_and_has_every_section() {
    let html = report_html(&fixture::outcome()).unwrap();
    assert_eq!(unbalanced(&html), Vec::<String>::new());
    for id in ["scores", "findings", "columns", "map", "quality", "method", "reproduce"] {
        assert_eq!(html.matches(&format!("<section id=\"{id}\"")).count(), 1, "{id}");
        assert_eq!(html.matches(&format!("<a href=\"#{id}\">")).count(), 1, "{id}");
    }
    assert_eq!(html.matches("<li id=\"finding-").count(), 12);
    assert_eq!(html.matches("class=\"dot ").count(), 12);
    for text in [
        "12 of the 2,000\u{a0}rows look out of place (0.6\u{a0}%).",
        "with 90\u{a0}% probability the true share lies between 0.38\u{a0}% and 1\u{a0}%.",
        "threshold 0.6544",
        "It would be normal, with score 0.5510, if <b>amount</b> were <b>463.2</b> instead of 98211.5.",
        "Left out: <code>EUR</code> in every row.",
        "n_trees = 200",
        "anomalyst scan orders-2024.csv.gz --id order_id --report orders.html",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "seed 42",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("NaN"));
}

#[test]
fn the_page_needs_nothing_else() {
    let html = report_html(&fixture::outcome()).unwrap();
    for reference in ["http:", "https:", "//", "url(", "@import", "src=", "<link", "<img", "<iframe", "xmlns"]
    {
        // Comments of the script begin with two slashes.
        let text = if reference == "//" { html.replace(SCRIPT, "") } else { html.clone() };
        assert!(!text.contains(reference), "{reference}");
    }
    assert!(!html.contains(" style=\""), "the policy forbids styles in attributes");
    assert!(!html.contains(" onclick") && !html.contains(" onload"));
}

/// RFC 4648, section 10; SHA-256 of nothing, FIPS 180-4.
#[test]
fn the_policy_holds_the_hashes_of_style_and_script() {
    let pairs = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("foobar", "Zm9vYmFy"),
    ];
    for (plain, coded) in pairs {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
    assert_eq!(base64(&Sha256::digest("")), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    let html = report_html(&Outcome::default()).unwrap();
    let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let script = html.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    assert!(html.contains("Content-Security-Policy"));
    for text in [style, script] {
        let hash = svg::escape(&base64(&Sha256::digest(text)));
        // The template engine writes a slash as an entity.
        assert!(html.contains(&hash.replace('/', "&#x2f;")), "{hash}");
    }
}

/// Every text of the data is hostile: no tag may appear that the page of a harmless outcome does not have.
#[test]
fn nothing_from_the_data_can_act() {
    const BAD: &str = "</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"' onmouseover=\"x()\u{202e}\0{{ 7 * 7 }}`<b>`";
    let harmless = fixture::outcome();
    let mut outcome = fixture::outcome();
    let bad = |text: &mut String| *text = BAD.to_owned();
    outcome.source.paths = vec![BAD.into()];
    bad(&mut outcome.source.format);
    bad(&mut outcome.method.title);
    bad(&mut outcome.method.why);
    bad(&mut outcome.method.id);
    outcome.method.members[0].title = BAD.into();
    outcome.method.members[0].params = serde_json::json!({ BAD: BAD });
    bad(&mut outcome.decision.threshold.name);
    bad(&mut outcome.decision.p_value_meaning);
    bad(&mut outcome.decision.probability_meaning);
    for finding in &mut outcome.findings {
        bad(&mut finding.name);
        let evidence = &mut finding.evidence;
        bad(&mut evidence.sentence);
        for column in &mut evidence.columns {
            bad(&mut column.column);
            bad(&mut column.value);
            match &mut column.expected {
                Expected::Range { low, typical, high, .. } => [low, typical, high].into_iter().for_each(bad),
                Expected::Levels { common, .. } => common.iter_mut().for_each(|(level, _)| bad(level)),
                Expected::Missing { .. } => {}
            }
        }
        let near = evidence.nearest_normal.as_mut().unwrap();
        bad(&mut near.name);
        near.values.iter_mut().for_each(bad);
        for change in evidence.counterfactual.iter_mut().flat_map(|c| &mut c.changes) {
            [&mut change.column, &mut change.from, &mut change.to].into_iter().for_each(bad);
        }
    }
    for profile in &mut outcome.profiles {
        bad(&mut profile.name);
        bad(&mut profile.why_not);
        if let ProfileValues::Levels { common, .. } = &mut profile.values {
            common.iter_mut().for_each(|level| bad(&mut level.level));
        }
    }
    outcome.map.as_mut().unwrap().axes = [BAD.into(), BAD.into()];
    for notice in &mut outcome.notices {
        notice.column = Some(BAD.into());
        bad(&mut notice.message);
    }
    bad(&mut outcome.reproduce.version);
    bad(&mut outcome.reproduce.command);
    bad(&mut outcome.reproduce.recipe);
    outcome.reproduce.inputs = vec![(BAD.into(), BAD.into())];
    outcome.timing[0].stage = BAD.into();

    let html = report_html(&outcome).unwrap();
    assert_eq!(unbalanced(&html), Vec::<String>::new());
    let allowed = tags(&report_html(&harmless).unwrap());
    assert_eq!(tags(&html).difference(&allowed).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(!html.contains("onerror=alert(1)>") && !html.contains(" onmouseover=\"x"));
    assert!(html.contains("{{ 7 * 7 }}"), "what looks like a template is only text");
    assert!(!html.contains('\0') && !html.contains('\u{202e}'));
}

#[test]
fn a_hundred_thousand_rows_stay_small() {
    let mut outcome = fixture::outcome_of(100_000);
    // As many findings, map points, columns and notices as there may ever be.
    let findings = outcome.findings.clone();
    outcome.findings = findings.iter().cycle().take(500).cloned().collect();
    for (i, finding) in outcome.findings.iter_mut().enumerate() {
        finding.row = 17 * i;
        let column = finding.evidence.columns[0].clone();
        finding.evidence.columns.resize(8, column);
    }
    let points = outcome.map.take().unwrap().points;
    let points = points.iter().cycle().take(20_000).cloned().collect();
    outcome.map = Some(RowMap { axes: Default::default(), points });
    outcome.profiles = outcome.profiles.iter().cycle().take(5_000).cloned().collect();
    outcome.notices = outcome.notices.iter().cycle().take(5_000).cloned().collect();
    let html = report_html(&outcome).unwrap();
    assert!(html.len() < 2_000_000, "{}", html.len());
    assert_eq!(html.matches("<li id=\"finding-").count(), 200);
    // Values as long as they come shorten the list of findings instead.
    for finding in &mut outcome.findings {
        finding.evidence.sentence = "\u{1}&<>".repeat(2_000);
        for column in &mut finding.evidence.columns {
            column.value = "\u{1}&<>".repeat(2_000);
            column.column = "\u{1}&<>".repeat(2_000);
        }
    }
    let html = report_html(&outcome).unwrap();
    assert!(html.len() < 2_000_000, "{}", html.len());
    assert!(html.matches("<li id=\"finding-").count() >= 25);
}

#[test]
fn degenerate_outcomes_have_a_page() {
    let html = report_html(&Outcome::default()).unwrap();
    assert_eq!(unbalanced(&html), Vec::<String>::new());
    assert!(html.contains("Nothing stood out."));
    let mut outcome = fixture::outcome();
    outcome.scores.fill(f32::NAN);
    outcome.decision.threshold.value = f32::NAN;
    outcome.findings[0].evidence.columns[0].share = f32::NAN;
    outcome.findings[1].evidence.columns.clear();
    outcome.findings[2].evidence.nearest_normal = None;
    for point in &mut outcome.map.as_mut().unwrap().points {
        (point.x, point.y) = (3.0, f32::MAX);
    }
    for profile in &mut outcome.profiles {
        if let ProfileValues::Numbers { min, max, bin_counts, odd, .. } = &mut profile.values {
            (*min, *max) = (5.0, 5.0);
            bin_counts.clear();
            odd.push(f64::NAN);
        }
    }
    let html = report_html(&outcome).unwrap();
    assert_eq!(unbalanced(&html), Vec::<String>::new());
    assert!(!html.contains("NaN") && !html.contains("\"inf"));
}

#[test]
fn the_file_is_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let outcome = fixture::outcome();
    write_report(&outcome, &path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), report_html(&outcome).unwrap());
    assert!(write_report(&outcome, folder.path()).is_err());
}
