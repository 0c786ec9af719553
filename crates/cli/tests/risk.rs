//! What `risk-score` and `multiplicity` do: right use, bad input, files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

mod support;

use support::{Folder, Ran};

/// Rows whose labels follow `age >= 60` and `smoker = yes`, with a few exceptions, and a column that means nothing.
fn patients() -> Folder {
    let mut text = String::from("id,age,smoker,noise,sick\n");
    for i in 0..400_usize {
        let (age, smoker, noise) = (20 + i * 37 % 60, i * 13 % 7 < 3, i * 29 % 101);
        let sick = (age >= 60 && smoker) != (i % 23 == 0);
        let word = |yes| if yes { "yes" } else { "no" };
        text += &format!("p{i},{age},{},{noise},{}\n", word(smoker), word(sick));
    }
    Folder::new().with("p.csv", text)
}

fn run(folder: &Folder, line: &str) -> Ran {
    folder.run(&format!("{line} p.csv --label sick --id id"))
}

#[test]
fn a_card_is_printed_with_its_gap() {
    let folder = patients();
    let text = run(&folder, "risk-score --max-features 3 --thresholds 5 --time-limit 20s").ok().stdout;
    for word in
        ["smoker = true", "age >=", "optimality gap 0", "calibration error", "No card within these limits"]
    {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
    let json = run(&folder, "risk-score --max-features 2 --points -2..2 --thresholds 5 --json --folds 0")
        .ok()
        .json();
    let items = json["card"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{json}");
    assert!(items.iter().all(|i| i["points"].as_i64().unwrap().abs() <= 2));
    assert_eq!(json["card"]["certificate"]["gap"], 0.0);
    assert!(json["judged"].is_null());
}

#[test]
fn rows_get_totals_and_pages_are_written() {
    let folder = patients();
    run(&folder, "risk-score --max-features 2 --thresholds 5 --folds 0 --out o.csv --report r.html").ok();
    let lines: Vec<String> = folder.read("o.csv").lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), lines[0].as_str()), (401, "item,total,risk,verdict"));
    assert!(lines[1].starts_with("p0,"), "{}", lines[1]);
    assert!(folder.read("r.html").contains("smoker = true"));
    run(&folder, "risk-score --slim --max-features 2 --thresholds 5 --folds 0 --out o.json").ok();
    let rows: serde_json::Value = serde_json::from_str(&folder.read("o.json")).unwrap();
    assert!(rows[0]["risk"].is_null() && rows[0]["verdict"].is_string(), "{}", rows[0]);
}

#[test]
fn a_card_for_verdicts_keeps_signs() {
    let folder = patients();
    let line = "risk-score --slim --max-features 3 --thresholds 5 --max-indicators 8 --folds 3 --json";
    let json = run(&folder, &format!("{line} --sign age=negative")).ok().json();
    let of_age = |i: &&serde_json::Value| i["indicator"]["column"] == "age";
    let items = json["card"]["items"].as_array().unwrap();
    assert!(items.iter().filter(of_age).all(|i| i["points"].as_i64() < Some(0)), "{json}");
    let free = run(&folder, line).ok().json();
    let objective = |json: &serde_json::Value| json["card"]["certificate"]["objective"].as_f64().unwrap();
    assert!(objective(&free) < objective(&json));
    assert!(free["judged"]["card"]["accuracy"].as_f64() > Some(0.9), "{free}");
}

#[test]
fn ranges_of_risk_are_printed_and_written() {
    let folder = patients();
    let text = run(&folder, "multiplicity --show 3").ok().stdout;
    assert!(text.contains("verdict changes") && text.contains("at least"), "{text}");
    run(&folder, "multiplicity --out o.ndjson").ok();
    let rows: Vec<serde_json::Value> =
        folder.read("o.ndjson").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 400);
    assert!(
        rows.iter()
            .all(|r| r["low"].as_f64() <= r["risk"].as_f64() && r["risk"].as_f64() <= r["high"].as_f64())
    );
    let json = run(&folder, "multiplicity --max-rows 50 --json").ok().json();
    assert_eq!(json["items"].as_array().unwrap().len(), 50);
}

#[test]
fn ranges_of_interactions_name_the_planted_pair() {
    let folder = patients();
    let json = run(&folder, "multiplicity --interactions --json").ok().json();
    let first = &json["ranges"]["pairs"][0];
    let name = |side: usize| json["names"][first["features"][side].as_u64().unwrap() as usize].clone();
    assert_eq!((name(0), name(1)), ("age".into(), "smoker".into()), "{json}");
    assert!(first["least"].as_f64() > Some(0.0));
    let others = &json["ranges"]["pairs"].as_array().unwrap()[1..];
    assert!(others.iter().all(|pair| pair["least"] == 0.0), "{json}");
    let text = run(&folder, "multiplicity --interactions --out o.tsv").ok().stdout;
    assert!(text.contains("1 of 3 pairs"), "{text}");
    assert_eq!(folder.read("o.tsv").lines().count(), 4);
}

#[test]
fn wrong_use_is_said() {
    let folder = patients().with("one.csv", "x,sick\n1,yes\n2,yes\n3,yes\n");
    folder.run("risk-score p.csv").fails(1, &["--label"]);
    folder.run("multiplicity p.csv").fails(1, &["--label"]);
    folder.run("risk-score one.csv --label sick").fails(1, &["both labels"]);
    run(&folder, "risk-score --points 3").fails(2, &["LOW..HIGH"]);
    run(&folder, "risk-score --points 1..5").fails(2, &["points", "around 0"]);
    run(&folder, "risk-score --max-features 11").fails(2, &["max-features", "1 to 10"]);
    run(&folder, "risk-score --sign agee=positive").fails(2, &["agee", "did you mean `age`"]);
    run(&folder, "risk-score --sign age=up").fails(2, &["COLUMN=positive"]);
    run(&folder, "risk-score --folds 1").fails(2, &["folds"]);
    run(&folder, "risk-score --out card.png").fails(2, &["card.png", ".csv"]);
    run(&folder, "multiplicity --within 0").fails(2, &["within"]);
    run(&folder, "multiplicity --threshold 1").fails(2, &["threshold"]);
    run(&folder, "multiplicity --interactions --max-features 1").fails(2, &["max-features"]);
    assert_eq!(folder.names(), ["one.csv", "p.csv"]);
}
