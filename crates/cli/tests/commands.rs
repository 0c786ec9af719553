//! What each command does for a person who uses it right.

mod support;

use support::{Folder, penguins, sample_csv};

#[test]
fn scan_ranks_the_odd_row_first_and_says_why() {
    let folder = Folder::new().with("t.csv", sample_csv(300));
    let ran = folder.run("scan t.csv --json").ok();
    let json = ran.json();
    let first = &json["findings"][0];
    assert_eq!(first["name"], "150");
    assert_eq!(first["verdict"], "anomalous");
    let sentence = first["evidence"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("length") || sentence.contains("width"), "{sentence}");
    let text = folder.run("scan t.csv").ok().stdout;
    assert!(text.contains("150") && !text.contains('\u{1b}'), "colours must be off when piped\n{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn scan_writes_every_item_in_every_format() {
    let folder = Folder::new().with("t.csv", sample_csv(100));
    for name in ["o.csv", "o.tsv", "o.ndjson", "o.json", "o.parquet"] {
        folder.run(&format!("scan t.csv --out {name}")).ok();
        assert!(folder.exists(name));
    }
    let csv = folder.read("o.csv");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("item,score,p_value,probability,confidence,verdict,severity,reason"));
    assert_eq!(lines.count(), 100);
    folder.run("scan o.parquet --ignore verdict,severity").ok();
    folder.run("scan t.csv --out o.xyz").fails(2, &["o.xyz", ".parquet"]);
}

#[test]
fn fit_score_explain_work_on_one_model_file() {
    let folder = Folder::new()
        .with("good.csv", sample_csv(1200).replace("95.5,-40.25,3.5,red\n", ""))
        .with("new.csv", sample_csv(60));
    folder.run("fit good.csv --model m.anomalyst").ok();
    let json = folder.run("score new.csv --model m.anomalyst --json --out s.csv").ok().json();
    assert_eq!(json["findings"][0]["name"], "30");
    assert_eq!(json["findings"][0]["verdict"], "anomalous");
    assert_eq!(folder.read("s.csv").lines().count(), 61);
    let text = folder.run("explain new.csv --model m.anomalyst --item 30").ok().stdout;
    assert!(text.contains("length"), "{text}");
    // The same seed gives the same file, byte for byte.
    folder.run("fit good.csv --model again.anomalyst --threads 1").ok();
    let bytes = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert!(bytes("m.anomalyst") == bytes("again.anomalyst"), "the model files differ");
    // Another threshold needs no other fit.
    let loose = folder.run("score new.csv --model m.anomalyst --alert-rate 0.5 --json").ok().json();
    assert!(loose["decision"]["n_anomalous"].as_u64() > json["decision"]["n_anomalous"].as_u64());
    let top = folder.run("score new.csv --model m.anomalyst --top 3 --no-abstain --json").ok().json();
    assert_eq!(top["decision"]["n_anomalous"], 3);
}

#[test]
fn a_model_takes_reordered_missing_and_unseen_columns() {
    let folder = Folder::new()
        .with("good.csv", sample_csv(400))
        .with("moved.csv", "color,extra,weight,length\npurple,1,2.5,10.5\n");
    folder.run("fit good.csv --model m").ok();
    let ran = folder.run("score moved.csv --model m --json").ok();
    let notices = ran.notices();
    assert!(notices.contains("width") && notices.contains("purple"), "{notices}");
    folder.run("score moved.csv --model m --strict").fails(1, &["strict"]);
}

#[test]
fn the_carried_data_gives_a_report() {
    let folder = Folder::new();
    let data = penguins();
    let ran = folder.run(&format!("scan {} --report r.html --id Comments --json", data.display()));
    let ran = if ran.status == 0 {
        ran
    } else {
        folder.run(&format!("scan {} --report r.html --json", data.display()))
    }
    .ok();
    assert_eq!(ran.json()["source"]["n_rows"], 344);
    let html = folder.read("r.html");
    assert!(html.len() < 2_000_000 && html.contains("Body Mass (g)"));
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "a report needs no network");
}

#[test]
fn the_seed_and_the_threads_decide_nothing_else() {
    let folder = Folder::new().with("t.csv", sample_csv(500));
    folder.run("scan t.csv --threads 1 --out a.csv").ok();
    folder.run("scan t.csv --threads 4 --out b.csv").ok();
    assert_eq!(folder.read("a.csv"), folder.read("b.csv"));
    folder.run("scan t.csv --seed 1 --out c.csv").ok();
    assert_ne!(folder.read("a.csv"), folder.read("c.csv"));
}

#[test]
fn decisions_follow_the_rule_named() {
    let folder = Folder::new().with("t.csv", sample_csv(200));
    let flagged = |rule: &str| {
        folder.run(&format!("scan t.csv --no-abstain --json {rule}")).ok().json()["decision"]["n_anomalous"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(flagged("--top 7"), 7);
    assert_eq!(flagged("--contamination 0.1"), 20);
    assert_eq!(flagged("--threshold 1e9"), 0);
    folder.run("scan t.csv --top 7 --contamination 0.1").fails(2, &["cannot be used with"]);
    folder.run("scan t.csv --top 1 --fail-on anomalous").fails(3, &[]);
    folder.run("scan t.csv --threshold 1e9 --fail-on anomalous").ok();
}

#[test]
fn methods_are_listed_and_described() {
    let folder = Folder::new();
    let list = folder.run("methods").ok().stdout;
    assert!(list.contains("isolation_forest") && list.contains("auto_scan"));
    assert!(folder.run("methods isolation_forest").ok().stdout.contains("n_trees"));
    assert!(folder.run("methods auto").ok().stdout.contains("auto_scan"));
    assert!(folder.run("methods --json").ok().json()["methods"].is_array());
    folder.run("methods isolation_forrest").fails(2, &["did you mean `isolation_forest`?"]);
}

#[test]
fn every_method_scans_the_carried_data() {
    let folder = Folder::new();
    let list = folder.run("methods --json").ok().json();
    for method in list["methods"].as_array().unwrap() {
        let id = method["card"]["id"].as_str().unwrap();
        let ran = folder.run(&format!("scan {} --method {id} --json", penguins().display()));
        if method["learns_from_labels"] == true {
            ran.fails(1, &["learns from labels", "--label"]);
            continue;
        }
        let ran = ran.ok();
        assert_eq!(ran.json()["method"]["id"], id);
    }
}

#[test]
fn wrong_parameters_name_the_right_ones() {
    let folder = Folder::new().with("t.csv", sample_csv(50));
    folder
        .run("scan t.csv --method isolation_forest --set n_tree=3")
        .fails(2, &["n_tree", "isolation_forest.n_trees"]);
    folder.run("scan t.csv --method isolation_forest --set n_trees=0").fails(2, &["n_trees", "at least 1"]);
    folder
        .run("scan t.csv --method isolation_forest --set n_trees=many")
        .fails(2, &["n_trees", "whole number"]);
    folder.run("scan t.csv --set encoder.scale=wide").fails(2, &["scale", "robust"]);
    folder.run("scan t.csv --method nope").fails(2, &["nope"]);
    folder.run("scan t.csv --ignore lenght").fails(2, &["lenght", "did you mean `length`?"]);
    folder.run("scan t.csv --types length=colour").fails(2, &["colour"]);
    folder.run("scan").fails(2, &["DATA"]);
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let folder = Folder::new();
    assert!(folder.run("completions bash").ok().stdout.contains("anomalyst"));
    assert!(folder.run("man").ok().stdout.contains(".TH"));
    folder.run("man --out pages").ok();
    assert!(folder.path("pages").join("anomalyst-scan.1").exists());
}

#[test]
fn recipes_of_the_user_work_like_built_in_ones() {
    let recipe = "name = \"mine\"\ntitle = \"Mine\"\nsummary = \"Two.\"\npaper = \"none\"\nmodality = \"table\"\n[encoder]\nkind = \"table\"\n[[members]]\ndetector = { kind = \"ecod\" }\n[[members]]\ndetector = { kind = \"hbos\" }\nweight = 2.0\n";
    let folder = Folder::new()
        .with("t.csv", sample_csv(100))
        .with("mine.toml", recipe)
        .with("bad.toml", recipe.replace("ecod", "ecodd"));
    assert_eq!(
        folder.run("scan t.csv --method mine.toml --json").ok().json()["method"]["members"][1]["id"],
        "hbos"
    );
    folder.run("scan t.csv --method bad.toml").fails(2, &["ecodd", "did you mean `ecod`?"]);
    folder.run("scan t.csv --method none.toml").fails(1, &["none.toml"]);
}

#[test]
fn limits_are_kept_or_refused_with_a_number() {
    let folder = Folder::new().with("t.csv", sample_csv(3000));
    folder.run("scan t.csv --max-memory 1k").fails(1, &["1 kB", "--max-memory"]);
    folder.run("scan t.csv --max-time 0s").fails(1, &["--max-time"]);
    folder.run("scan t.csv --max-memory 2G --max-time 10m").ok();
    folder.run("scan t.csv --max-memory lots").fails(2, &["lots"]);
}

#[test]
fn drift_says_whether_rows_are_in_order() {
    let row = |i: usize, slope: f64| {
        let noise = |a: f64| ((i * i) as f64 * a).fract();
        format!("{:.4},{:.4}\n", noise(0.618_034) + slope * i as f64, noise(0.414_214))
    };
    let table =
        |slope: f64| String::from("wear,load\n") + &(0..300).map(|i| row(i, slope)).collect::<String>();
    let folder = Folder::new().with("worn.csv", table(0.004)).with("steady.csv", table(0.0));
    let text = folder.run("drift worn.csv --out scores.csv").ok().stdout;
    assert!(text.contains("The rows are in order") && text.contains("wear"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert_eq!(folder.read("scores.csv").lines().count(), 301);
    let json = folder.run("drift worn.csv --json").ok().json();
    assert_eq!((&json["in_order"], &json["columns"][0]["column"]), (&true.into(), &"wear".into()));
    let json = folder.run("drift steady.csv --json").ok().json();
    assert!(json["in_order"] == false && json["p_value"].as_f64().unwrap() > 0.05, "{json}");
    folder.run("drift worn.csv steady.csv").fails(2, &["steady.csv", "one file"]);
    folder.run("drift worn.csv --out scores.parquet").fails(2, &[".ndjson"]);
    folder.run("drift worn.csv --alpha 0").fails(2, &["alpha"]);
}
