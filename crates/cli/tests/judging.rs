//! What `eval` and `bench` do: right use, bad input, resuming.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

mod support;

use support::Folder;

/// Six items; the scores know four of the five orders that count.
const SCORES: &str = "item,score,verdict\na,0.9,anomalous\nb,0.1,normal\nc,0.8,anomalous\nd,0.2,normal\ne,0.85,normal\nf,0.3,abstain\n";
const LABELS: &str = "item,label\na,1\nb,0\nc,1\nd,0\ne,0\nf,0\n";

fn judged() -> Folder {
    Folder::new().with("s.csv", SCORES).with("l.csv", LABELS)
}

fn value(json: &serde_json::Value, metric: &str) -> f64 {
    let metrics = json["scorers"][0]["metrics"].as_array().unwrap();
    let found =
        metrics.iter().find(|m| m["metric"] == metric).unwrap_or_else(|| panic!("no {metric}: {json}"));
    found["value"].as_f64().unwrap_or_else(|| panic!("{found}"))
}

#[test]
fn eval_judges_scores_and_verdicts() {
    let folder = judged();
    let json = folder.run("eval s.csv --labels l.csv --json").ok().json();
    // Of 2 x 4 pairs one is lost: c below e.
    assert_eq!(value(&json, "auroc"), 7.0 / 8.0);
    assert_eq!((value(&json, "precision"), value(&json, "recall")), (1.0, 1.0));
    assert_eq!((json["n"].as_u64(), json["n_odd"].as_u64()), (Some(6), Some(2)));
    let by_name = "eval --scores s.csv --labels l.csv --id item --metrics auroc,ap --json";
    let json = folder.run(by_name).ok().json();
    assert_eq!(json["scorers"][0]["metrics"].as_array().unwrap().len(), 2);
    let text = folder.run("eval s.csv --labels l.csv --noise").ok().stdout;
    assert!(text.contains("auroc") && text.contains("chance") && text.contains("20 % wrong"), "{text}");
    folder.run("eval s.csv --labels l.csv --report r.html").ok();
    assert!(folder.read("r.html").contains("<polyline"));
}

#[test]
fn eval_goes_by_names_whatever_the_order() {
    let folder = judged().with("other.csv", "item,label\nf,0\ne,0\nd,0\nc,1\nb,0\na,1\n");
    let json = folder.run("eval s.csv --labels other.csv --id item --metrics auroc --json").ok().json();
    assert_eq!(value(&json, "auroc"), 7.0 / 8.0);
    let folder = folder.with("short.csv", "item,label\na,1\nb,0\n");
    folder.run("eval s.csv --labels short.csv --id item").fails(1, &["row 3", "`c`", "short.csv"]);
}

#[test]
fn several_columns_are_several_scorers() {
    let mut text = String::from("good,bad,label\n");
    for i in 0..60 {
        let odd = i % 4 == 0;
        let noise = f64::from(i * 37 % 60) / 60.0;
        text += &format!("{},{noise},{}\n", noise + if odd { 0.9 } else { 0.0 }, u8::from(odd));
    }
    let folder = Folder::new().with("both.csv", text);
    let json = folder.run("eval both.csv --metrics auroc --json").ok().json();
    assert_eq!(json["scorers"].as_array().unwrap().len(), 2);
    assert!(json["comparisons"][0]["p_value"].as_f64().unwrap() < 0.05, "{json}");
    let text = folder.run("eval both.csv --metrics auroc").ok().stdout;
    assert!(text.contains("good is better"), "{text}");
}

#[test]
fn series_are_judged_by_windows() {
    let mut text = String::from("timestamp,score\n");
    for i in 0..200 {
        let score = if (100..110).contains(&i) { 5.0 } else { f64::from(i % 7) / 10.0 };
        text += &format!("2024-01-01 {:02}:{:02}:00,{score}\n", i / 60, i % 60);
    }
    let folder = Folder::new()
        .with("a.csv", text)
        .with("w.json", r#"{"x/a.csv": [["2024-01-01 01:40:00", "2024-01-01 01:49:00"]], "x/b.csv": []}"#)
        .with("reversed.json", r#"{"a.csv": [["2024-01-01 01:49:00", "2024-01-01 01:40:00"]]}"#)
        .with("overlap.json", "[[1, 5], [4, 9]]");
    let json = folder
        .run("eval a.csv --labels w.json --period 10 --metrics auroc,vus_pr,vus_roc --json")
        .ok()
        .json();
    assert_eq!((json["subject"].as_str(), value(&json, "auroc")), (Some("series"), 1.0));
    assert!(value(&json, "vus_pr") > 0.5);
    folder.run("eval a.csv --labels reversed.json").fails(1, &["reversed.json", "window 1", "ends before"]);
    folder.run("eval a.csv --labels overlap.json").fails(1, &["overlap.json", "overlap"]);
}

#[test]
fn parsers_of_logs_are_judged_by_groups_and_templates() {
    let truth = "LineId,EventId,EventTemplate\n1,E1,open <*>\n2,E1,open <*>\n3,E2,close\n4,E3,fail <*> <*>\n";
    let found = "LineId,EventId,EventTemplate\n1,a,open <*>\n2,a,open <*>\n3,b,close\n4,c,fail x <*>\n";
    let folder = Folder::new().with("truth.csv", truth).with("found.csv", found);
    let json = folder.run("eval found.csv --labels truth.csv --json").ok().json();
    assert_eq!((value(&json, "grouping_accuracy"), value(&json, "parsing_accuracy")), (1.0, 0.75));
    assert_eq!(value(&json, "ari"), 1.0);
    let few = |json: &serde_json::Value| json["scorers"][0]["metrics"][0]["interval"].clone();
    let interval = few(&json);
    assert!(interval["low"].as_f64() <= Some(1.0) && interval["high"].as_f64() <= Some(1.0), "{json}");
    let json = folder.run("eval found.csv --labels truth.csv --level 0 --json").ok().json();
    assert!(few(&json).is_null());
    folder.run("eval found.csv --labels truth.csv --metrics nmj").fails(2, &["nmj", "nmi"]);
}

/// A NumPy array of two dimensions.
fn npy(rows: &[[f64; 4]]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 4), }}", rows.len());
    header += &" ".repeat(63 - (header.len() + 10) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    rows.iter().flatten().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

#[test]
fn folders_of_maps_are_judged_by_masks() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("maps")).unwrap();
    std::fs::create_dir(folder.path("masks")).unwrap();
    let mask = [[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]];
    let folder = folder
        .with("maps/a.npy", npy(&[[9.0, 1.0, 1.5, 0.1], [8.0, 2.0, 0.2, 0.3]]))
        .with("maps/b.npy", npy(&[[1.0, 2.0, 3.0, 0.5], [0.4, 0.6, 0.7, 0.8]]))
        .with("masks/a_mask.npy", npy(&mask));
    let json = folder.run("eval maps --labels masks --json").ok().json();
    assert_eq!((value(&json, "pixel_auroc"), value(&json, "aupro")), (1.0, 1.0));
    let folder = folder.with("masks/b.npy", npy(&mask[..1]));
    folder.run("eval maps --labels masks --metrics aupro").fails(1, &["4 x 1", "4 x 2"]);
    folder.run("eval maps").fails(1, &["maps", "--labels"]);
    std::fs::create_dir(folder.path("none")).unwrap();
    folder
        .run("eval maps --labels none")
        .fails(1, &["nothing to judge by", "all pixels of all 2 maps are normal"]);
    let folder = folder.with("masks/c.npy", npy(&mask));
    folder.run("eval maps --labels masks").fails(1, &["c.npy", "no map"]);
}

/// Two models on eight defects: AUPIMO of the blind one is 0, of the other 1.
#[test]
fn two_models_of_maps_are_compared_by_their_images() {
    let folder = Folder::new();
    for name in ["models", "models/blind", "models/sharp", "masks"] {
        std::fs::create_dir(folder.path(name)).unwrap();
    }
    let mask = [[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]];
    let map = |defect: f64, i: usize| npy(&[[defect, 1.0, 1.5, 0.1], [defect, 2.0, 0.2, 0.01 * i as f64]]);
    let mut folder = folder
        .with("models/blind/good.npy", npy(&[[1.0, 2.0, 3.0, 0.5]; 2]))
        .with("models/blind/fine.npy", npy(&[[1.0, 2.0, 4.0, 0.5]; 2]))
        .with("models/sharp/good.npy", npy(&[[1.0, 2.0, 3.0, 0.5]; 2]))
        .with("models/sharp/fine.npy", npy(&[[1.0, 2.0, 4.0, 0.5]; 2]));
    for i in 0..8 {
        folder = folder
            .with(&format!("models/blind/{i}.npy"), map(0.5, i))
            .with(&format!("models/sharp/{i}.npy"), map(9.0, i))
            .with(&format!("masks/{i}.npy"), npy(&mask));
    }
    let json = folder.run("eval models --labels masks --metrics aupimo --json").ok().json();
    let of = &json["comparisons"][0];
    assert_eq!((of["metric"].as_str(), of["test"].as_str()), (Some("aupimo"), Some("Wilcoxon")), "{json}");
    assert_eq!(of["difference"].as_f64(), Some(-1.0));
    assert!(of["p_value"].as_f64() < Some(0.02), "{of}");
    let sharp = &json["scorers"][1];
    assert_eq!(
        (sharp["scorer"].as_str(), sharp["metrics"][0]["interval"]["low"].as_f64()),
        (Some("sharp"), Some(1.0))
    );
    let text = folder.run("eval models --labels masks").ok().stdout;
    assert!(text.contains("sharp is better") && text.contains("Wilcoxon"), "{text}");
    let threshold = "--set instance_ap.threshold=5 --set iou_at_threshold.threshold=5 --set \
                     pixel_f1_at_threshold.threshold=5 --seed 3 --replicates 100";
    let all = || folder.run(&format!("eval models --labels masks --json {threshold}")).ok().json();
    let json = all();
    for scorer in json["scorers"].as_array().unwrap() {
        let metrics = scorer["metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), 8);
        for metric in metrics {
            let bound = |bound: &str| metric["interval"][bound].as_f64();
            assert!(bound("low").is_some() && bound("low") <= bound("high"), "{metric}");
        }
    }
    assert_eq!(json, all());
    folder.run(&format!("eval models --labels masks --report page.html {threshold}")).ok();
    assert!(folder.read("page.html").contains("Whole images were drawn"));
}

#[test]
fn forecasts_are_judged_by_samples_of_each_step() {
    let came = "step,x,y\n1,0,0\n2,1,1\n3,2,2\n";
    let mut samples = String::from("sample,step,y,x\n");
    for step in 1..4 {
        for sample in 0..4 {
            let at = f64::from(step - 1) + f64::from(sample) / 10.0;
            samples += &format!("{sample},{step},{at},{at}\n");
        }
    }
    let folder = Folder::new().with("came.csv", came).with("samples.csv", &samples);
    let json = folder.run("eval samples.csv --labels came.csv --as forecasts --json").ok().json();
    // Of 0, 0.1, 0.2, 0.3 beside 0: mean distance 0.15, less half the mean distance of two of them, 0.125 / 2.
    assert!((value(&json, "crps") - 0.0875).abs() < 1e-9, "{json}");
    assert!(value(&json, "energy_score") > 0.0 && value(&json, "variogram_score") >= 0.0);
    let text = folder.run("eval samples.csv --labels came.csv --as forecasts --power").ok().stdout;
    assert!(text.contains("dependence") && text.contains("3 steps were forecast"), "{text}");
    let folder = folder
        .with("short.csv", samples.rsplit_once("3,3").unwrap().0)
        .with("other.csv", "step,x\n1,0\n")
        .with("twice.csv", "step,x,y\n1,0,0\n1,1,1\n");
    let judge =
        |samples: &str, came: &str| folder.run(&format!("eval {samples} --labels {came} --as forecasts"));
    judge("short.csv", "came.csv").fails(1, &["short.csv", "step `3` has 3 samples", "4"]);
    judge("samples.csv", "other.csv").fails(1, &["samples.csv", "row 5", "no step `2`"]);
    judge("samples.csv", "twice.csv").fails(1, &["twice.csv", "row 2", "twice"]);
    judge("samples.csv", "came.csv --id time").fails(2, &["no column `time`"]);
}

#[test]
fn levels_are_severities() {
    let folder = Folder::new().with("s.csv", "score,label\n1,0\n2,0\n3,1\n4,1\n5,2\n9,3\n");
    let json = folder.run("eval s.csv --json").ok().json();
    assert_eq!(value(&json, "severity_concordance"), 1.0);
}

#[test]
fn bad_files_are_named_with_their_row() {
    let folder = judged()
        .with("short.csv", "label\n1\n0\n")
        .with("nan.csv", "item,score\na,1\nb,\nc,2\nd,3\ne,4\nf,5\n")
        .with("one.csv", "label\n0\n0\n0\n0\n0\n0\n")
        .with("plain.csv", "score\n1\n2\n3\n4\n5\n6\n")
        .with("odd.csv", "label\n0\n1\n0.5\n0\n0\n1\n")
        .with("minus.csv", "label\n1\n-1\n1\n1\n1\n1\n");
    folder.run("eval s.csv --labels short.csv").fails(1, &["s.csv has 6 rows", "short.csv has 2 labels"]);
    folder.run("eval nan.csv --labels l.csv").fails(1, &["nan.csv", "row 2", "score"]);
    folder.run("eval s.csv --labels one.csv --metrics auroc").fails(1, &["auroc", "all 6 labels are normal"]);
    folder
        .run("eval plain.csv --labels one.csv")
        .fails(1, &["nothing to judge by", "all 6 labels are normal"]);
    folder.run("eval s.csv --labels odd.csv").fails(1, &["odd.csv", "row 3", "0.5"]);
    folder.run("eval s.csv --labels minus.csv").fails(1, &["minus.csv", "row 2", "scikit-learn"]);
    folder.run("eval gone.csv --labels l.csv").fails(1, &["gone.csv"]);
    folder.run("eval s.csv --labels l.csv --metrics aurok").fails(2, &["aurok", "auroc"]);
    folder.run("eval s.csv --labels l.csv --set ece.n_bims=3 --metrics ece").fails(2, &["n_bims"]);
    folder.run("eval s.csv --labels l.csv --level 2").fails(2, &["level"]);
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.run("eval empty --labels empty").fails(1, &["empty", "no map"]);
    let tied = folder.with("tied.csv", "score,label\n1,0\n1,1\n1,0\n1,1\n");
    let text = tied.run("eval tied.csv").ok().stdout;
    assert!(!text.contains("better than chance (") && text.contains("no better than chance"), "{text}");
    assert_eq!(value(&tied.run("eval tied.csv --json").ok().json(), "auroc"), 0.5);
}

/// A labelled table with planted anomalies far from the rest.
fn labelled(shift: usize) -> String {
    let mut text = String::from("x1,x2,label\n");
    for i in 0..200 {
        let u = |a: f64| ((i + shift) as f64 * a).fract();
        let odd = i % 20 == 3;
        let far = if odd { 4.0 } else { 0.0 };
        text += &format!("{:.5},{:.5},{}\n", u(0.618_034) + far, u(0.414_214) - far, u8::from(odd));
    }
    text
}

fn sets() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("sets")).unwrap();
    folder.with("sets/one.csv", labelled(0)).with("sets/two.csv", labelled(7))
}

fn rows(folder: &Folder, name: &str) -> Vec<serde_json::Value> {
    folder.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn bench_keeps_its_contract_and_resumes() {
    let folder = sets();
    let line = "bench --kind table --data sets --methods ecod,isolation_forest --protocol fit --cap 150 --seed 3 --jobs 2 --out r.ndjson";
    let first = folder.run(line).ok();
    assert!(first.stdout.contains("column_z_score (control)") && first.stdout.contains("random (control)"));
    let found = rows(&folder, "r.ndjson");
    assert_eq!(found.len(), 8);
    for row in &found {
        for key in ["set", "protocol", "method"] {
            assert!(row[key].is_string(), "{key} in {row}");
        }
        for key in ["n", "d", "seed", "cap", "auroc", "ap", "fit_secs", "score_secs", "oracle_f1"] {
            assert!(row[key].is_number(), "{key} in {row}");
        }
        assert!(row["peak_bytes"].as_u64().is_some_and(|b| b > 1 << 20) || !cfg!(target_os = "linux"));
        assert_eq!(row["d"], 2, "the label is no feature");
    }
    assert!(found.iter().any(|row| row["set"] == "one") && found.iter().any(|row| row["set"] == "two"));
    let ecod = found.iter().find(|row| row["method"] == "ecod").unwrap();
    assert!(ecod["auroc"].as_f64().unwrap() > 0.95, "{ecod}");
    // Half a line is what an interruption leaves.
    let text = folder.read("r.ndjson");
    let kept: Vec<&str> = text.lines().take(5).collect();
    std::fs::write(folder.path("r.ndjson"), kept.join("\n") + "\n{\"set\": \"on").unwrap();
    let again = folder.run(line).ok();
    assert!(again.stderr.contains("5 of 8 runs had been done before"), "{}", again.stderr);
    let auroc = |rows: &[serde_json::Value]| {
        let mut values: Vec<String> =
            rows.iter().map(|r| format!("{} {} {}", r["set"], r["method"], r["auroc"])).collect();
        values.sort();
        values
    };
    assert_eq!(auroc(&rows(&folder, "r.ndjson")), auroc(&found));
}

#[test]
fn failures_are_rows_and_the_rest_goes_on() {
    let folder = sets().with("sets/bad.csv", "x1,x2,label\n1,2,5\n3,4,0\n");
    let ran = folder.run("bench --data sets/one.csv sets/bad.csv sets/gone.csv --methods ecod,no_such --out r.ndjson --report b.html");
    let ran = ran.fails(1, &["runs failed", "no_such"]);
    assert!(ran.stdout.contains("gone"), "{}", ran.stdout);
    let found = rows(&folder, "r.ndjson");
    assert_eq!(found.len(), 12);
    let error = |set: &str, method: &str| {
        let row = found.iter().find(|row| row["set"] == set && row["method"] == method).unwrap();
        row["error"].as_str().map(str::to_owned)
    };
    assert_eq!(error("one", "ecod"), None);
    assert!(error("one", "no_such").unwrap().contains("no_such"));
    assert!(error("bad", "ecod").unwrap().contains("`5`"));
    assert!(error("gone", "ecod").is_some());
    assert!(folder.read("b.html").contains("<circle"));
    folder.run("bench --data sets/gone.csv").fails(1, &["gone.csv"]);
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.run("bench --data empty").fails(1, &["empty"]);
    folder.run("bench --data sets --protocol half").fails(2, &["scan"]);
    folder.run("bench --data sets/one.csv --metrics aurok").fails(2, &["aurok"]);
}

#[test]
fn a_suite_names_sets_and_defaults() {
    let suite = "name = \"s\"\nkind = \"table\"\nmethods = [\"ecod\"]\nprotocol = \"holdout\"\n[[set]]\npath = \"sets/one.csv\"\nname = \"first\"\n[[set]]\npath = \"sets/gone.csv\"\n";
    let folder = sets().with("s.toml", suite);
    folder.run("bench s.toml --out r.ndjson").fails(1, &["3 of 6 runs failed"]);
    let found = rows(&folder, "r.ndjson");
    assert!(
        found
            .iter()
            .any(|row| row["set"] == "first" && row["protocol"] == "holdout" && row["auroc"].is_number())
    );
}

#[cfg(unix)]
#[test]
fn tools_of_others_run_in_the_same_harness() {
    let folder = sets()
        .with("mine.sh", "tail -n +2 \"$1\" | cut -d, -f1 > \"$2\"\n")
        .with("slow.sh", "exec sleep 30\n");
    let words = [
        "bench",
        "--data",
        "sets/one.csv",
        "--external",
        "mine=sh mine.sh {test} {out}",
        "--external",
        "slow=sh slow.sh {out}",
        "--time-limit",
        "500ms",
        "--out",
        "r.ndjson",
    ];
    support::Ran::of(folder.command(&words).output().unwrap()).fails(1, &["1 of 4 runs failed"]);
    let found = rows(&folder, "r.ndjson");
    let row = |method: &str| found.iter().find(|row| row["method"] == method).unwrap();
    assert!(row("mine")["auroc"].as_f64().unwrap() > 0.99, "{}", row("mine"));
    assert!(row("slow")["error"].as_str().unwrap().contains("time limit"), "{}", row("slow"));
}

#[test]
fn a_series_runs_with_its_own_metrics() {
    let mut text = String::from("Data,Label\n");
    for i in 0..400 {
        let odd = (300..320).contains(&i);
        let value = (f64::from(i) * 0.314).sin() + if odd { 6.0 } else { 0.0 };
        text += &format!("{value},{}\n", u8::from(odd));
    }
    let folder = Folder::new().with("001_X_id_1_Y_tr_100_1st_300.csv", text);
    folder
        .run("bench --kind series --data 001_X_id_1_Y_tr_100_1st_300.csv --methods hbos --out r.ndjson")
        .ok();
    let found = rows(&folder, "r.ndjson");
    let row = found.iter().find(|row| row["method"] == "hbos").unwrap();
    for key in ["vus_pr", "vus_roc", "auc_pr", "auroc"] {
        assert!(row[key].as_f64().unwrap() > 0.5, "{key} in {row}");
    }
    assert_eq!(row["protocol"], "prefix");
}
