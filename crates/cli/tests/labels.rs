//! Methods that learn from labels: what the command asks for, what it does with them, and how `bench` judges it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

mod support;

use std::fmt::Write as _;

use support::Folder;

/// 240 rows; those with a large product of `a` and `b` are anomalous, which no column shows alone. The label is written
/// by `label`, which gets the row and whether it is anomalous.
fn table(label: impl Fn(usize, bool) -> &'static str) -> String {
    let mut text = String::from("a,b,c,label\n");
    for i in 0..240_usize {
        let part = |step: usize| (i * step % 241) as f64 / 24.1;
        let (a, b) = (part(37), part(101));
        writeln!(text, "{a:.3},{b:.3},{:.3},{}", part(59), label(i, a * b > 45.0)).unwrap();
    }
    text
}

fn words(_: usize, odd: bool) -> &'static str {
    if odd { "fraud" } else { "ok" }
}

#[test]
fn a_method_that_learns_from_labels_asks_for_them() {
    let folder = Folder::new().with("t.csv", table(words));
    let fit = "fit t.csv --model m --method gradient_boosting";
    folder.run(fit).fails(1, &["gradient_boosting", "learns from labels", "--label"]);
    folder.run("scan t.csv --method xgbod").fails(1, &["xgbod", "learns from labels", "--label"]);
    folder.run(&format!("{fit} --label lable")).fails(2, &["no column `lable`", "did you mean `label`"]);
    assert!(!folder.exists("m"), "nothing is written");
    let text = folder.run("methods gradient_boosting").ok().stdout;
    assert!(text.contains("learns from labels"), "{text}");
}

#[test]
fn labels_that_say_too_little_are_refused_by_what_they_say() {
    let fit = |labels: String| {
        Folder::new()
            .with("t.csv", labels)
            .run("fit t.csv --model m --method gradient_boosting --label label")
    };
    fit(table(|_, _| "ok")).fails(1, &["no row is labelled anomalous"]);
    fit(table(|_, _| "fraud")).fails(1, &["every row is labelled anomalous"]);
    fit(table(|_, odd| if odd { "2" } else { "3" })).fails(1, &["`label` cannot be the label", "`2`"]);
    fit(table(|_, _| "")).fails(1, &["label"]);
    // One label is an answer, if a weak one.
    fit(table(|i, _| if i == 17 { "1" } else { "0" })).ok();
}

#[test]
fn anomalies_are_learned_and_calibrated_on_rows_that_were_not() {
    let folder = Folder::new().with("t.csv", table(words));
    let ran =
        folder.run("fit t.csv --model m --method gradient_boosting --label label --from-labels --json").ok();
    assert!(!ran.notices().contains("were not learned from"), "{}", ran.notices());
    let json = folder.run("score t.csv --model m --out s.csv --json").ok().json();
    assert_eq!(json["decision"]["threshold"]["name"].as_str().map(str::is_empty), Some(false), "{json}");
    let json = folder.run("eval s.csv --labels t.csv --metrics auroc --json").ok().json();
    let auroc = json["scorers"][0]["metrics"][0]["value"].as_f64().unwrap();
    assert!(auroc > 0.99, "rows that were learned from are told apart: {auroc}");
    let few = table(|i, odd| if odd && i < 10 { "1" } else { "0" });
    let one = "fit t.csv --model m2 --method gradient_boosting --label label --from-labels";
    let n_odd = few.lines().filter(|line| line.ends_with(",1")).count();
    if n_odd < 2 {
        Folder::new().with("t.csv", few).run(one).fails(1, &["at least 2 rows labelled anomalous"]);
    }
}

#[test]
fn scan_ranks_labelled_rows_by_what_the_others_say() {
    let wrong = table(|i, odd| if i == 100 || odd { "1" } else { "0" });
    let folder = Folder::new().with("t.csv", wrong);
    folder.run("scan t.csv --method gradient_boosting --label label --out s.csv").ok();
    let scores: Vec<f64> = folder
        .read("s.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    let above = scores.iter().filter(|&&score| score > scores[100]).count();
    assert!(above > 20, "the wrong label of row 101 puts it at rank {above}");
}

#[test]
fn bench_gives_labels_under_named_protocols_only() {
    let mut text = String::from("a,b,label\n");
    for i in 0..400_usize {
        let part = |step: usize| (i * step % 401) as f64 / 40.1;
        let (a, b) = (part(37), part(101));
        writeln!(text, "{a:.3},{b:.3},{}", u8::from(a * b > 55.0)).unwrap();
    }
    let folder = Folder::new().with("t.csv", text);
    let bench = "bench --data t.csv --methods gradient_boosting,isolation_forest --quiet --jobs 1";
    folder.run(&format!("{bench} --protocol holdout")).fails(1, &["1 of 4 runs failed"]);
    folder.run(&format!("{bench} --known 5")).fails(1, &["--known", "labelled or time"]);
    folder.run(&format!("{bench} --protocol labelled --out r.ndjson")).ok();
    folder.run(&format!("{bench} --protocol labelled --known 5 --out r.ndjson")).ok();
    let rows: Vec<serde_json::Value> =
        folder.read("r.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 8, "--known makes it another piece of work");
    let of = |method: &str, known: Option<u64>| {
        rows.iter().find(|row| row["method"] == method && row["known"].as_u64() == known).unwrap()
    };
    let (all, few) = (of("gradient_boosting", None), of("gradient_boosting", Some(5)));
    let forest = of("isolation_forest", None);
    assert!(all["auroc"].as_f64().unwrap() > 0.95, "{all}");
    assert_eq!(few["n_known"], 5);
    assert_eq!(all["n"], forest["n"], "both score the same rows");
    let text = folder.run(&format!("{bench} --protocol time")).ok().stdout;
    assert!(text.contains("t over time") && text.contains("drop"), "{text}");
    let order: Vec<usize> =
        ["gradient_boosting", "isolation_forest"].map(|name| text.rfind(name).unwrap()).into();
    assert!(order[0] < order[1], "the better stands higher: {text}");
}

/// The command of another maker gets the labels where it asks, and where it does not, no known anomaly.
#[cfg(unix)]
#[test]
fn external_commands_get_labels_on_request() {
    let folder = Folder::new().with("t.csv", table(words)).with(
        "learn.sh",
        "n=$(grep -c . \"$1\"); k=$(grep -c '^1$' \"$1\"); [ \"$k\" -gt 5 ] || exit 1\nawk -F, 'NR > 1 { print $1 * $2 }' \"$2\" > \"$3\"\n",
    );
    let run = |protocol: &str| {
        let args = [
            "bench",
            "--data",
            "t.csv",
            "--quiet",
            "--jobs",
            "1",
            "--protocol",
            protocol,
            "--out",
            "r.ndjson",
            "--external",
            "product=sh learn.sh {train_labels} {test} {out}",
        ];
        support::Ran::of(folder.command(&args).output().unwrap())
    };
    run("labelled").ok();
    let line = folder.read("r.ndjson").lines().find(|line| line.contains("product")).unwrap().to_owned();
    let row: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(row["auroc"].as_f64().unwrap() > 0.999, "{row}");
    run("holdout").fails(1, &["1 of 3 runs failed"]);
}
